/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search/halton: the points of Halton's sequence, whose k-th coordinate counts in the k-th
 * prime and reads the digits behind the point, in reverse. The n-th suggestion is a function of
 * the seed and n, so there is no state.
 */
#include <pegbox/helpers.h>

#define MAX_DIGITS 53

struct pbx_instance {
    pbx_base base;
    int scramble;
    /* Of the problem, made anew in setup. */
    const pbx_space *space;
    const pbx_dim *const **by_name; /* [n_dims]: the k-th coordinate is of the k-th name */
    uint32_t *primes;               /* [n_dims] */
};

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *options, pbx_error *error)
{
    (void)error;
    self->scramble = pbx_boolean(host, options, "scramble");
    return PBX_OK;
}

/* The first n primes. */
static void
find_primes(uint32_t *primes, uint32_t n)
{
    uint32_t found = 0;
    for (uint32_t number = 2; found < n; number++) {
        uint32_t i = 0;
        while (i < found && primes[i] * primes[i] <= number && number % primes[i] != 0)
            i++;
        if (i == found || primes[i] * primes[i] > number)
            primes[found++] = number;
    }
}

static pbx_status
setup(pbx_instance *self, const pbx_problem *problem, pbx_error *error)
{
    uint32_t n = problem->space->n_dims;
    pbx_free(self, self->by_name);
    pbx_free(self, self->primes);
    self->by_name = (const pbx_dim *const **)pbx_alloc_array(self, n, sizeof(*self->by_name));
    self->primes = (uint32_t *)pbx_alloc_array(self, n, sizeof(uint32_t));
    if (!self->by_name || !self->primes)
        return pbx_fail_memory(error);
    self->space = problem->space;
    pbx_sort_names(self->space, self->by_name);
    find_primes(self->primes, n);
    return PBX_OK;
}

/* The index's digits in the base, each changed by a random order of its place, behind the
 * point: as many as an exact fraction has room for. */
static double
coordinate(const pbx_instance *self, uint64_t index, uint32_t k)
{
    const pbx_host *host = self->base.host;
    uint64_t base = self->primes[k], fraction = 0, whole = 1, keys[MAX_DIGITS];
    if (self->scramble)
        host->random(host, PBX_RNG_ALWAYS, (uint64_t)k << 6, keys, MAX_DIGITS);
    for (uint32_t place = 0; whole <= (UINT64_C(1) << MAX_DIGITS) / base; place++) {
        uint64_t digit = index % base;
        if (self->scramble)
            digit = pbx_permute(keys[place], base, digit);
        fraction = fraction * base + digit;
        whole *= base;
        index /= base;
    }
    return (double)fraction / (double)whole;
}

static pbx_status
suggest(pbx_instance *self, pbx_suggestion *suggestion, pbx_error *error)
{
    (void)error;
    for (uint32_t k = 0; k < self->space->n_dims; k++)
        suggestion->x[self->by_name[k] - self->space->dims] = coordinate(self, suggestion->ask, k);
    pbx_from_cube(self->space, suggestion->x, suggestion->x);
    return PBX_OK;
}

static pbx_status
describe(pbx_instance *self, const pbx_sink *sink)
{
    return pbx_sink_printf(sink, "Halton points, %s", self->scramble ? "scrambled" : "as they are");
}

static const pbx_option options[] = {
    PBX_OPT_BOOL("scramble", "whether the points are scrambled by the seed", "1.0", "true"),
};

PEGBOX_SEARCH("halton", "1.0", "Halton points: even cover of a space of a few parameters",
              "LGPL-2.1-or-later", options,
              PBX_CAP_CATEGORY | PBX_CAP_CONDITIONAL | PBX_CAP_UNBOUNDED | PBX_CAP_QUANTUM |
                  PBX_CAP_OBJECTIVES | PBX_CAP_CONSTRAINTS,
              0, init, NULL, .setup = setup, .suggest = suggest, .object.describe = describe);
