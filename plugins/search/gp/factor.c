/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search/gp: linear algebra, by LAPACK. Calls that look for NaN first are not used, since that
 * costs more than some of what follows.
 */
#include <lapacke.h>

#include "model.h"

static lapack_int
whole(size_t n)
{
    return (lapack_int)n;
}

int
gp_factor(double *matrix, size_t n, size_t stride, double scale,
          void (*fill)(double *matrix, void *user), void *user)
{
    if (n == 0)
        return 1;
    for (double jitter = 0; jitter <= scale; jitter = jitter > 0 ? 10 * jitter : 1e-10 * scale) {
        fill(matrix, user);
        for (size_t i = 0; i < n; i++)
            matrix[i * stride + i] += jitter;
        if (LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'L', whole(n), matrix, whole(stride)) == 0)
            return 1;
    }
    return 0;
}

void
gp_solve(const double *factor, size_t n, size_t stride, double *columns, size_t n_columns)
{
    if (n > 0 && n_columns > 0)
        LAPACKE_dtrtrs_work(LAPACK_COL_MAJOR, 'L', 'N', 'N', whole(n), whole(n_columns), factor,
                            whole(stride), columns, whole(stride));
}

void
gp_solve_back(const double *factor, size_t n, size_t stride, double *column)
{
    if (n > 0)
        LAPACKE_dtrtrs_work(LAPACK_COL_MAJOR, 'L', 'T', 'N', whole(n), 1, factor, whole(stride),
                            column, whole(stride));
}

void
gp_invert(double *factor, size_t n, size_t stride)
{
    if (n > 0)
        LAPACKE_dpotri_work(LAPACK_COL_MAJOR, 'L', whole(n), factor, whole(stride));
}
