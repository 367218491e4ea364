/* SPDX-License-Identifier: MIT */
/*
 * pegbox/helpers/rank.h: several objectives. The Pareto front, non-domination ranks and the
 * crowding distance (Deb, Pratap, Agarwal, Meyarivan, "A fast and elitist multiobjective
 * genetic algorithm: NSGA-II", IEEE TEC 6(2), 2002, sections III-A and III-B).
 * `losses` is n rows of m numbers, smaller is better; NaN counts as the worst.
 */
#ifndef PEGBOX_HELPERS_RANK_H
#define PEGBOX_HELPERS_RANK_H

#include <math.h>
#include <pegbox/types.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

static inline double
pbx_loss(double loss)
{
    return isnan(loss) ? (double)INFINITY : loss;
}

/* The (first) loss of a trial that ended; +INFINITY where it has none: it failed, was
 * voided, or never reported a number. */
static inline double
pbx_final_loss(const pbx_outcome *outcome)
{
    const pbx_result *last = outcome->last;
    int counts = outcome->end != PBX_END_FAILED && outcome->end != PBX_END_VOID;
    return counts && last && last->n_losses > 0 && !isnan(last->losses[0]) ? last->losses[0]
                                                                           : (double)INFINITY;
}

/* Whether row a is nowhere worse than row b and somewhere better. */
static inline int
pbx_dominates(const double *a, const double *b, size_t m)
{
    int better = 0;
    for (size_t k = 0; k < m; k++) {
        if (pbx_loss(a[k]) > pbx_loss(b[k]))
            return 0;
        better |= pbx_loss(a[k]) < pbx_loss(b[k]);
    }
    return better;
}

/* Whether row i comes before row j by objective `first`, then the ones after it,
 * around the end; equal rows by index. */
static inline int
pbx_row_before(const double *losses, size_t m, size_t first, size_t i, size_t j)
{
    for (size_t k = 0; k < m; k++) {
        size_t column = (first + k) % m;
        double a = pbx_loss(losses[i * m + column]), b = pbx_loss(losses[j * m + column]);
        if (a != b)
            return a < b;
    }
    return i < j;
}

/* Sorts row indexes so (heapsort: no recursion, no memory). */
static inline void
pbx_sort_rows(size_t *order, size_t n, const double *losses, size_t m, size_t first)
{
    for (size_t built = n / 2, end = n; end > 1;) {
        size_t root, moved;
        if (built > 0) {
            moved = order[root = --built];
        } else {
            moved = order[--end];
            order[end] = order[0];
            root = 0;
        }
        for (size_t child; (child = 2 * root + 1) < end; root = child) {
            if (child + 1 < end && pbx_row_before(losses, m, first, order[child], order[child + 1]))
                child++;
            if (!pbx_row_before(losses, m, first, moved, order[child]))
                break;
            order[root] = order[child];
        }
        order[root] = moved;
    }
}

/* Row indexes sorted by the first objective, then the second, ...; room for as many more behind
 * them. NULL: no memory. */
static inline size_t *
pbx_rows_sorted(const double *losses, size_t n, size_t m)
{
    size_t *order = (size_t *)malloc((2 * n + 1) * sizeof(size_t));
    for (size_t i = 0; order && i < n; i++)
        order[i] = i;
    if (order)
        pbx_sort_rows(order, n, losses, m, 0);
    return order;
}

/*
 * The first front whose last row does not dominate `row`, of one or two objectives: rows come
 * sorted, so that the last one of a front has its least second objective, and what front k
 * dominates the fronts before it dominate too.
 */
static inline size_t
pbx_front_for(const double *losses, size_t m, const size_t *lasts, size_t n_fronts, size_t row)
{
    size_t low = 0, high = n_fronts;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (pbx_dominates(&losses[lasts[middle] * m], &losses[row * m], m))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/*
 * Ranks: 0 for rows that no other dominates, 1 for those that only rows of rank 0
 * dominate, and so on: one more than the highest rank among those that dominate it,
 * all of which come before it in the sorted order. O(n log n) for up to two objectives,
 * else O(n^2 m). ENOMEM.
 */
static inline pbx_status
pbx_ranks(const double *losses, size_t n, size_t m, uint32_t *rank)
{
    size_t *order = pbx_rows_sorted(losses, n, m), n_fronts = 0;
    if (!order)
        return PBX_ENOMEM;
    for (size_t i = 0; i < n; i++) {
        size_t front = 0;
        if (m <= 2) {
            front = pbx_front_for(losses, m, order + n, n_fronts, order[i]);
            order[n + front] = order[i];
            n_fronts += front == n_fronts;
        }
        for (size_t j = m <= 2 ? 0 : i; j-- > 0;) {
            size_t other = rank[order[j]];
            if (other >= front && pbx_dominates(&losses[order[j] * m], &losses[order[i] * m], m))
                front = other + 1;
        }
        rank[order[i]] = (uint32_t)front;
    }
    free(order);
    return PBX_OK;
}

/*
 * The same where constraints come first: rows whose violation is not above 0 keep their ranks
 * among themselves; the others follow, the less they violate the better, equal ones together
 * (NaN counts as the worst). ENOMEM.
 */
static inline pbx_status
pbx_ranks_constrained(const double *losses, const double *violation, size_t n, size_t m,
                      uint32_t *rank)
{
    size_t n_kept = 0, n_fronts = 0;
    size_t *rows = (size_t *)malloc((n + 1) * sizeof(size_t));
    double *kept = (double *)calloc(n * m + 1, sizeof(double));
    uint32_t *ranks = (uint32_t *)malloc((n + 1) * sizeof(uint32_t));
    pbx_status status = rows && kept && ranks ? PBX_OK : PBX_ENOMEM;
    for (size_t i = 0; status == PBX_OK && i < n; i++) {
        if (violation[i] > 0 || isnan(violation[i])) /* those stand at the end of `rows` */
            rows[n - 1 - (i - n_kept)] = i;
        else {
            memcpy(&kept[n_kept * m], &losses[i * m], m * sizeof(double));
            rows[n_kept++] = i;
        }
    }
    if (status == PBX_OK)
        status = pbx_ranks(kept, n_kept, m, ranks);
    for (size_t i = 0; status == PBX_OK && i < n_kept; i++) {
        rank[rows[i]] = ranks[i];
        n_fronts = ranks[i] >= n_fronts ? ranks[i] + (size_t)1 : n_fronts;
    }
    if (status == PBX_OK)
        pbx_sort_rows(rows + n_kept, n - n_kept, violation, 1, 0);
    for (size_t i = n_kept; status == PBX_OK && i < n; i++) {
        if (i > n_kept && pbx_loss(violation[rows[i - 1]]) < pbx_loss(violation[rows[i]]))
            n_fronts++;
        rank[rows[i]] = (uint32_t)n_fronts;
    }
    free(ranks);
    free(kept);
    free(rows);
    return status;
}

/*
 * The Pareto front alone: front[i] is 1 for rows that no other dominates, equal ones too, else 0.
 * O(n log n) for up to two objectives, else O(n m) times the size of the front. ENOMEM.
 */
static inline pbx_status
pbx_front(const double *losses, size_t n, size_t m, uint8_t *front)
{
    size_t *order = pbx_rows_sorted(losses, n, m), members = 0;
    if (!order)
        return PBX_ENOMEM;
    for (size_t i = 0; i < n; i++) {
        size_t row = order[i], last = m <= 2 && members > 1 ? members - 1 : 0;
        int dominated = 0;
        for (size_t j = members; !dominated && j-- > last;)
            dominated = pbx_dominates(&losses[order[n + j] * m], &losses[row * m], m);
        front[row] = !dominated;
        if (!dominated)
            order[n + members++] = row;
    }
    free(order);
    return PBX_OK;
}

/*
 * The crowding distance of each row within its rank: the ends of a front are
 * infinite, the others have the sum over objectives of the gap between their
 * neighbours, as a part of the front's extent. ENOMEM.
 */
static inline pbx_status
pbx_crowding(const double *losses, size_t n, size_t m, const uint32_t *rank, double *distance)
{
    size_t *order = n ? (size_t *)malloc(n * sizeof(size_t)) : NULL;
    uint32_t last = 0;
    if (n && !order)
        return PBX_ENOMEM;
    for (size_t i = 0; i < n; i++) {
        distance[i] = 0;
        last = rank[i] > last ? rank[i] : last;
    }
    for (uint32_t front = 0; front <= last && n > 0; front++) {
        size_t members = 0;
        for (size_t i = 0; i < n; i++)
            if (rank[i] == front)
                order[members++] = i;
        for (size_t k = 0; k < m && members > 0; k++) {
            double low, high;
            pbx_sort_rows(order, members, losses, m, k);
            low = pbx_loss(losses[order[0] * m + k]);
            high = pbx_loss(losses[order[members - 1] * m + k]);
            distance[order[0]] = distance[order[members - 1]] = (double)INFINITY;
            for (size_t i = 1; i + 1 < members && high > low && !isinf(high - low); i++)
                distance[order[i]] +=
                    (losses[order[i + 1] * m + k] - losses[order[i - 1] * m + k]) / (high - low);
        }
    }
    free(order);
    return PBX_OK;
}

#ifdef __cplusplus
}
#endif
#endif
