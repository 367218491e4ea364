/* SPDX-License-Identifier: MIT */
/*
 * pegbox/helpers/rank.h: several objectives. Non-domination ranks and the crowding
 * distance (Deb, Pratap, Agarwal, Meyarivan, "A fast and elitist multiobjective
 * genetic algorithm: NSGA-II", IEEE TEC 6(2), 2002, sections III-A and III-B).
 * `losses` is n rows of m numbers, smaller is better; NaN counts as the worst.
 */
#ifndef PEGBOX_HELPERS_RANK_H
#define PEGBOX_HELPERS_RANK_H

#include <math.h>
#include <pegbox/types.h>
#include <stdlib.h>

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

/*
 * Ranks: 0 for rows that no other dominates, 1 for those that only rows of rank 0
 * dominate, and so on: one more than the highest rank among those that dominate it,
 * all of which come before it in the sorted order. ENOMEM.
 */
static inline pbx_status
pbx_ranks(const double *losses, size_t n, size_t m, uint32_t *rank)
{
    size_t *order = n ? (size_t *)malloc(n * sizeof(size_t)) : NULL;
    if (n && !order)
        return PBX_ENOMEM;
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    pbx_sort_rows(order, n, losses, m, 0);
    for (size_t i = 0; i < n; i++) {
        uint32_t front = 0;
        for (size_t j = i; j-- > 0;) {
            uint32_t other = rank[order[j]];
            if (other >= front && pbx_dominates(&losses[order[j] * m], &losses[order[i] * m], m))
                front = other + 1;
        }
        rank[order[i]] = front;
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
