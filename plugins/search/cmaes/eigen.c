/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search/cmaes: the eigenvalues and eigenvectors of a symmetric matrix: Householder's reflections
 * make it tridiagonal, implicit QR steps with Wilkinson's shift diagonal (G. H. Golub and C. F. Van
 * Loan, "Matrix Computations", 4th edition, 8.3). Vectors are rows, so that each rotation runs
 * along memory.
 */
#include <float.h>

#include "cmaes.h"

/* Reflects what is behind the diagonal of column k onto its first place. Of column k the rows from
 * k + 1 on then hold the reflection's vector, and scale its factor; 0: nothing was to be done. */
static double
reflect(double *a, size_t n, size_t k, double *beside, double *scratch)
{
    double norm = 0, squares = 0, half = 0, scale;
    for (size_t i = k + 1; i < n; i++)
        norm = hypot(norm, a[i * n + k]);
    *beside = a[(k + 1) * n + k];
    if (k + 2 >= n || norm == 0)
        return 0;
    *beside = a[(k + 1) * n + k] > 0 ? -norm : norm;
    a[(k + 1) * n + k] -= *beside;
    for (size_t i = k + 1; i < n; i++)
        squares += a[i * n + k] * a[i * n + k];
    scale = 2 / squares;
    for (size_t i = k + 1; i < n; i++) {
        double sum = 0;
        for (size_t j = k + 1; j < n; j++)
            sum += a[i * n + j] * a[j * n + k];
        scratch[i] = scale * sum;
        half += scale / 2 * scratch[i] * a[i * n + k];
    }
    for (size_t i = k + 1; i < n; i++)
        scratch[i] -= half * a[i * n + k];
    for (size_t i = k + 1; i < n; i++)
        for (size_t j = k + 1; j < n; j++)
            a[i * n + j] -= a[i * n + k] * scratch[j] + scratch[i] * a[j * n + k];
    return scale;
}

/* The product of all reflections, transposed. */
static void
accumulate(const double *a, const double *scale, size_t n, double *vectors, double *scratch)
{
    memset(vectors, 0, n * n * sizeof(double));
    for (size_t i = 0; i < n; i++)
        vectors[i * n + i] = 1;
    for (size_t k = n > 2 ? n - 2 : 0; k-- > 0;) {
        if (scale[k] == 0)
            continue;
        for (size_t i = k + 1; i < n; i++)
            scratch[i] = scale[k] * a[i * n + k];
        for (size_t row = k + 1; row < n; row++) {
            double sum = 0;
            for (size_t i = k + 1; i < n; i++)
                sum += vectors[row * n + i] * a[i * n + k];
            for (size_t i = k + 1; i < n; i++)
                vectors[row * n + i] -= sum * scratch[i];
        }
    }
}

static void
rotate(double *a, double *b, size_t n, double c, double s)
{
    for (size_t i = 0; i < n; i++) {
        const double one = a[i], other = b[i];
        a[i] = c * one + s * other;
        b[i] = c * other - s * one;
    }
}

/* One QR step of the block from `low` to `high`. */
static void
step(double *values, double *beside, double *vectors, size_t n, size_t low, size_t high)
{
    const double last = beside[high - 1];
    const double half = (values[high - 1] - values[high]) / 2;
    const double shift =
        values[high] - last * last / (half + (half < 0 ? -hypot(half, last) : hypot(half, last)));
    double x = values[low] - shift, z = beside[low];
    for (size_t k = low; k < high; k++) {
        const double r = hypot(x, z), c = r > 0 ? x / r : 1, s = r > 0 ? z / r : 0;
        const double a = values[k], b = beside[k], g = values[k + 1];
        if (k > low)
            beside[k - 1] = r;
        values[k] = c * c * a + 2 * c * s * b + s * s * g;
        values[k + 1] = s * s * a - 2 * c * s * b + c * c * g;
        beside[k] = c * s * (g - a) + (c * c - s * s) * b;
        x = beside[k];
        if (k + 1 < high) {
            z = s * beside[k + 1];
            beside[k + 1] *= c;
        }
        rotate(vectors + k * n, vectors + (k + 1) * n, n, c, s);
    }
}

int
cmaes_eigen(double *a, size_t n, double *values, double *vectors, double *scratch)
{
    double *beside = scratch, *scale = scratch + n, *rest = scratch + 2 * n;
    size_t high = n > 0 ? n - 1 : 0, steps = 0;
    for (size_t k = 0; k + 1 < n; k++)
        scale[k] = reflect(a, n, k, &beside[k], rest);
    for (size_t i = 0; i < n; i++)
        values[i] = a[i * n + i];
    accumulate(a, scale, n, vectors, rest);
    while (high > 0) {
        size_t low = high;
        while (low > 0 && !(fabs(beside[low - 1]) <=
                            DBL_EPSILON * (fabs(values[low - 1]) + fabs(values[low]))))
            low--;
        if (low == high) {
            high--;
            continue;
        }
        if (steps++ > 60 * n)
            return 0;
        step(values, beside, vectors, n, low, high);
    }
    for (size_t i = 0; i < n; i++)
        if (!isfinite(values[i]))
            return 0;
    return 1;
}
