/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search/tpe: the loops over all kernels, in which an ask spends its time. Two numbers are worked
 * on at once, on any machine in the same order, so that the sums are the same to the last bit.
 */
#include "tpe.h"

#define NOTHING (-45.0) /* the logarithm of what changes no sum of a million terms */

typedef double pair __attribute__((vector_size(16)));
typedef int64_t pair_int __attribute__((vector_size(16)));

static inline pair
load(const double *from)
{
    pair two;
    memcpy(&two, from, sizeof two);
    return two;
}

static inline pair
both(double value)
{
    pair two = {value, value};
    return two;
}

static inline pair
choose(pair_int which, pair yes, pair no)
{
    return (pair)((which & (pair_int)yes) | (~which & (pair_int)no));
}

void
tpe_subtract_squares(double *sum, const double *base, const double *packed, size_t stride,
                     const double *x, size_t n_columns, size_t n)
{
    for (size_t i = 0; i < n; i += TPE_PAD) {
        pair a = load(base + i), b = load(base + i + 2);
        for (size_t k = 0; k < n_columns; k++) {
            const double *mean = packed + (i * stride + k * TPE_PAD) * 2, *scale = mean + TPE_PAD;
            const pair at = both(x[k]);
            const pair za = (at - load(mean)) * load(scale);
            const pair zb = (at - load(mean + 2)) * load(scale + 2);
            a -= za * za;
            b -= zb * zb;
        }
        memcpy(sum + i, &a, sizeof a);
        memcpy(sum + i + 2, &b, sizeof b);
    }
}

/*
 * exp(x) for x <= 0: 2^k exp(r) with |r| <= ln(2) / 2 and Taylor's series of exp(r) up to r^11,
 * whose error is below 1e-14. Below -700 it is exp(-700).
 */
static inline pair
exponential(pair x)
{
    static const double inverse_factorial[] = {1. / 39916800, 1. / 3628800, 1. / 362880, 1. / 40320,
                                               1. / 5040,     1. / 720,     1. / 120,    1. / 24,
                                               1. / 6,        0.5,          1,           1};
    const pair shift = both(0x1.8p52); /* adding it rounds to a whole number, in the low bits */
    pair_int low = x < both(-700);
    pair_int power;
    pair k, r, sum;
    x = choose(low, both(-700), x);
    k = x * both(1.4426950408889634) + shift;
    power = ((pair_int)k - (pair_int)shift + 1023) << 52;
    k -= shift;
    /* ln 2 in two parts, so that k times the first is exact. */
    r = (x - k * both(0x1.62e42feep-1)) - k * both(0x1.a39ef35793c76p-33);
    sum = both(inverse_factorial[0]);
    for (size_t i = 1; i < sizeof(inverse_factorial) / sizeof(*inverse_factorial); i++)
        sum = sum * r + both(inverse_factorial[i]);
    return sum * (pair)power;
}

double
tpe_log_sum(const double *sum, size_t n)
{
    pair a = load(sum), b = load(sum + 2), top, all;
    for (size_t i = TPE_PAD; i < n; i += TPE_PAD) {
        pair next_a = load(sum + i), next_b = load(sum + i + 2);
        a = choose(next_a > a, next_a, a);
        b = choose(next_b > b, next_b, b);
    }
    a = choose(b > a, b, a);
    top = both(a[0] > a[1] ? a[0] : a[1]);
    a = b = both(0);
    for (size_t i = 0; i < n; i += TPE_PAD) {
        const pair next_a = load(sum + i) - top, next_b = load(sum + i + 2) - top;
        const pair_int counts = (next_a > both(NOTHING)) | (next_b > both(NOTHING));
        if ((counts[0] | counts[1]) == 0)
            continue;
        a += exponential(next_a);
        b += exponential(next_b);
    }
    all = a + b;
    return top[0] + log(all[0] + all[1]);
}
