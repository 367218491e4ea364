/* SPDX-License-Identifier: MIT */
/*
 * pegbox/helpers/hypervolume.h: several objectives. How much of the space below a reference
 * point a set of rows dominates, and the few of them that dominate the most of it. More than
 * three objectives by what each row adds alone, WFG (While, Bradstreet, Barone, "A fast way of
 * calculating exact hypervolumes", IEEE TEC 16(1), 2012). `losses` is n rows of m numbers,
 * smaller is better; what is not below the reference point everywhere adds nothing.
 */
#ifndef PEGBOX_HELPERS_HYPERVOLUME_H
#define PEGBOX_HELPERS_HYPERVOLUME_H

#include <pegbox/helpers/rank.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Copies rows that are below the reference point everywhere; how many. */
static inline size_t
pbx_rows_below(const double *losses, size_t n, size_t m, const double *reference, double *rows)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        int below = 1;
        for (size_t k = 0; k < m; k++) {
            rows[kept * m + k] = losses[i * m + k];
            below &= losses[i * m + k] < reference[k]; /* NaN is not */
        }
        kept += (size_t)below;
    }
    return kept;
}

/* Of rows in the order of their first objective, by the first two: m is how long a row is. */
static inline double
pbx_area(const double *losses, const size_t *order, size_t n, size_t m, const double *reference)
{
    double area = 0, height = reference[1];
    for (size_t i = 0; i < n; i++) {
        const double *row = &losses[order[i] * m];
        if (row[1] < height) {
            area += (reference[0] - row[0]) * (height - row[1]);
            height = row[1];
        }
    }
    return area;
}

/* Three objectives: slices between the values of the third, each as large as the area of the
 * rows up to it. order: room for 2n; its first n are sorted by the third. */
static inline double
pbx_volume_3(const double *losses, size_t n, const double *reference, size_t *order)
{
    double volume = 0;
    size_t *sorted = order + n; /* by the first, of those so far */
    for (size_t i = 0; i < n; i++) {
        const double *row = &losses[order[i] * 3];
        double end = i + 1 < n ? losses[order[i + 1] * 3 + 2] : reference[2];
        size_t at = i;
        for (; at > 0 && losses[sorted[at - 1] * 3] > row[0]; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = order[i];
        if (end > row[2])
            volume += (end - row[2]) * pbx_area(losses, sorted, i + 1, 3, reference);
    }
    return volume;
}

static inline pbx_status pbx_hypervolume(const double *losses, size_t n, size_t m,
                                         const double *reference, double *volume);

/* What each row adds to those behind it: its own box less what they dominate of it. */
static inline pbx_status
pbx_volume_many(const double *rows, size_t n, size_t m, const double *reference,
                const size_t *order, double *volume)
{
    pbx_status status = PBX_OK;
    double *limited = (double *)malloc(n * m * sizeof(double)), sum = 0;
    uint8_t *front = (uint8_t *)malloc(n);
    if (!limited || !front)
        status = PBX_ENOMEM;
    for (size_t i = 0; status == PBX_OK && i < n; i++) {
        const double *row = &rows[order[i] * m];
        double box = 1, common = 0;
        size_t behind = 0, kept = 0;
        for (size_t k = 0; k < m; k++)
            box *= reference[k] - row[k];
        for (size_t j = i + 1; j < n; j++, behind++)
            for (size_t k = 0; k < m; k++)
                limited[behind * m + k] =
                    rows[order[j] * m + k] > row[k] ? rows[order[j] * m + k] : row[k];
        status = pbx_front(limited, behind, m, front);
        for (size_t j = 0; status == PBX_OK && j < behind; j++)
            if (front[j])
                memmove(&limited[kept++ * m], &limited[j * m], m * sizeof(double));
        if (status == PBX_OK)
            status = pbx_hypervolume(limited, kept, m, reference, &common);
        sum += box - common;
    }
    free(front);
    free(limited);
    *volume = sum;
    return status;
}

/* Two objectives: O(n log n); three: O(n^2); more: it grows fast with n and m. ENOMEM. */
static inline pbx_status
pbx_hypervolume(const double *losses, size_t n, size_t m, const double *reference, double *volume)
{
    pbx_status status = PBX_OK;
    double *rows = (double *)malloc((n + 1) * m * sizeof(double));
    size_t *order = (size_t *)malloc((2 * n + 1) * sizeof(size_t));
    *volume = 0;
    if (rows && order) {
        n = pbx_rows_below(losses, n, m, reference, rows);
        for (size_t i = 0; i < n; i++)
            order[i] = i;
        pbx_sort_rows(order, n, rows, m, m == 2 ? 0 : m - 1);
        if (m == 1)
            *volume = n ? reference[0] - rows[order[0]] : 0;
        else if (m == 2)
            *volume = pbx_area(rows, order, n, m, reference);
        else if (m == 3)
            *volume = pbx_volume_3(rows, n, reference, order);
        else if (n > 0)
            status = pbx_volume_many(rows, n, m, reference, order, volume);
    } else
        status = PBX_ENOMEM;
    free(order);
    free(rows);
    return status;
}

/*
 * A reference point for rows: a tenth beyond the worst finite value of each objective, as
 * Optuna's MOTPE takes it.
 */
static inline void
pbx_reference(const double *losses, size_t n, size_t m, double *reference)
{
    for (size_t k = 0; k < m; k++) {
        double worst = -(double)INFINITY;
        for (size_t i = 0; i < n; i++)
            if (isfinite(losses[i * m + k]) && losses[i * m + k] > worst)
                worst = losses[i * m + k];
        if (isinf(worst))
            worst = 0;
        reference[k] = worst > 0 ? 1.1 * worst : 0.9 * worst;
        if (reference[k] == 0)
            reference[k] = 1e-12;
    }
}

/*
 * Chooses `wanted` of the rows (all of them where there are fewer) so that the hypervolume of the
 * chosen is large: again and again the one that adds the most, the first of equal ones, which is
 * never worse than 1 - 1/e of the best choice. What a row adds only shrinks, so that few are
 * computed anew. chosen[]: their indexes, as they were chosen. ENOMEM.
 */
static inline pbx_status
pbx_hypervolume_subset(const double *losses, size_t n, size_t m, const double *reference,
                       size_t wanted, size_t *chosen)
{
    pbx_status status = PBX_OK;
    size_t most = wanted < n ? wanted : n, picked = 0;
    double volume = 0, with = 0;
    double *set = (double *)malloc((most + 1) * m * sizeof(double));
    double *adds = (double *)malloc((n + 1) * sizeof(double));
    size_t *known = (size_t *)calloc(n + 1, sizeof(size_t)); /* picked + 1 when it was computed */
    if (!set || !adds || !known)
        status = PBX_ENOMEM;
    for (size_t i = 0; status == PBX_OK && i < n; i++)
        adds[i] = (double)INFINITY;
    while (status == PBX_OK && picked < most) {
        size_t best = n;
        for (size_t i = 0; i < n; i++)
            if (known[i] != SIZE_MAX && (best == n || adds[i] > adds[best]))
                best = i;
        memcpy(&set[picked * m], &losses[best * m], m * sizeof(double));
        if (known[best] == picked + 1) {
            known[best] = SIZE_MAX;
            volume += adds[best];
            chosen[picked++] = best;
            continue;
        }
        status = pbx_hypervolume(set, picked + 1, m, reference, &with);
        adds[best] = with > volume ? with - volume : 0;
        known[best] = picked + 1;
    }
    free(known);
    free(adds);
    free(set);
    return status;
}

#ifdef __cplusplus
}
#endif
#endif
