/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search/sobol: the points of Sobol's sequence, scrambled as Owen does it. The n-th
 * suggestion is a function of the seed and n, so there is no state.
 */
#include <pegbox/helpers.h>

#include "sobol.h"

#define N_BITS        32
#define N_COORDINATES (SOBOL_N_TABLE + 1) /* that the table is enough for */

struct pbx_instance {
    pbx_base base;
    int scramble;
    /* Of the problem, made anew in setup. */
    const pbx_space *space;
    const pbx_dim *const **by_name; /* [n_dims]: the k-th coordinate is of the k-th name */
    uint32_t *directions;           /* [min(n_dims, N_COORDINATES)][N_BITS] */
};

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *options, pbx_error *error)
{
    (void)error;
    self->scramble = pbx_boolean(host, options, "scramble");
    return PBX_OK;
}

/* ---- Setup ---- */

static uint32_t
degree_of(uint32_t polynomial)
{
    uint32_t degree = 0;
    while (polynomial >> (degree + 1) != 0)
        degree++;
    return degree;
}

/* The k-th direction is m_k / 2^k, as bits after the point. Past the table's numbers each is made
 * of those before it, as the polynomial's coefficients say. */
static void
make_directions(const SobolDirection *from, uint32_t *directions)
{
    uint32_t degree = degree_of(from->polynomial);
    for (uint32_t k = 0; k < N_BITS; k++) {
        if (k < degree) {
            directions[k] = (uint32_t)from->numbers[k] << (N_BITS - 1 - k);
            continue;
        }
        directions[k] = directions[k - degree] >> degree;
        for (uint32_t i = 1; i <= degree; i++)
            if (from->polynomial >> (degree - i) & 1)
                directions[k] ^= directions[k - i];
    }
}

static pbx_status
setup(pbx_instance *self, const pbx_problem *problem, pbx_error *error)
{
    size_t n = problem->space->n_dims;
    size_t n_made = n < N_COORDINATES ? n : N_COORDINATES;
    if (n > N_COORDINATES && !self->scramble)
        return pbx_fail(error, PBX_EINVAL, "scramble",
                        "cannot be false with more than %d parameters, and there are %zu",
                        N_COORDINATES, n);
    pbx_free(self, self->by_name);
    pbx_free(self, self->directions);
    self->by_name = (const pbx_dim *const **)pbx_alloc_array(self, n, sizeof(*self->by_name));
    self->directions = (uint32_t *)pbx_alloc_array(self, n_made, N_BITS * sizeof(uint32_t));
    if (!self->by_name || !self->directions)
        return pbx_fail_memory(error);
    self->space = problem->space;
    pbx_sort_names(self->space, self->by_name);
    for (size_t k = 1; k < n_made; k++)
        make_directions(&sobol_table[k - 1], self->directions + k * N_BITS);
    for (uint32_t k = 0; k < N_BITS && n > 0; k++)
        self->directions[k] = UINT32_C(1) << (N_BITS - 1 - k);
    return PBX_OK;
}

/* ---- Points ---- */

static uint32_t
reverse(uint32_t x)
{
    x = (x >> 16) | (x << 16);
    x = (x & 0xff00ff00u) >> 8 | (x & 0x00ff00ffu) << 8;
    x = (x & 0xf0f0f0f0u) >> 4 | (x & 0x0f0f0f0fu) << 4;
    x = (x & 0xccccccccu) >> 2 | (x & 0x33333333u) << 2;
    return (x & 0xaaaaaaaau) >> 1 | (x & 0x55555555u) << 1;
}

/* Owen's scrambling: whether a bit is turned over depends on those before it, and on the
 * seed. By a hash (Laine and Karras, 2011; Burley, 2020; the constants are Vegdahl's): no
 * step of it brings anything from higher bits to lower ones. */
static uint32_t
scramble(uint32_t x, uint64_t seed)
{
    x = reverse(x);
    x ^= x * 0x3d20adeau;
    x += (uint32_t)seed;
    x *= (uint32_t)(seed >> 32) | 1;
    x ^= x * 0x05526c56u;
    x ^= x * 0x53a22864u;
    return reverse(x);
}

/* A coordinate of the point of that index, in Gray code's order. */
static uint32_t
coordinate(const uint32_t *directions, uint32_t index)
{
    uint32_t gray = index ^ (index >> 1), x = 0;
    for (uint32_t k = 0; gray != 0; k++, gray >>= 1)
        if (gray & 1)
            x ^= directions[k];
    return x;
}

/*
 * Past the table's coordinates come those of the same points in another order, in which any
 * first 2^m of the one order are 2^m that follow each other in the other. After 2^32 points
 * they come again, scrambled otherwise.
 */
static pbx_status
suggest(pbx_instance *self, pbx_suggestion *suggestion, pbx_error *error)
{
    const pbx_host *host = self->base.host;
    uint64_t round = suggestion->ask >> 32;
    (void)error;
    for (uint32_t k = 0; k < self->space->n_dims; k++) {
        uint32_t index = (uint32_t)suggestion->ask, group = k / N_COORDINATES, x;
        uint64_t seeds[2];
        host->random(host, PBX_RNG_ALWAYS, round << 34 | (uint64_t)k << 1, &seeds[0], 1);
        if (group > 0) {
            host->random(host, PBX_RNG_ALWAYS, round << 34 | (uint64_t)group << 1 | 1, &seeds[1],
                         1);
            index = scramble(index, seeds[1]);
        }
        x = coordinate(self->directions + (size_t)(k % N_COORDINATES) * N_BITS, index);
        if (self->scramble)
            x = scramble(x, seeds[0]);
        suggestion->x[self->by_name[k] - self->space->dims] = x / 4294967296.0;
    }
    pbx_from_cube(self->space, suggestion->x, suggestion->x);
    return PBX_OK;
}

static pbx_status
describe(pbx_instance *self, const pbx_sink *sink)
{
    return pbx_sink_printf(sink, "Sobol points, %s", self->scramble ? "scrambled" : "as they are");
}

static const pbx_option options[] = {
    PBX_OPT_BOOL("scramble", "whether the points are scrambled by the seed", "1.0", "true"),
};

PEGBOX_SEARCH("sobol", "1.0", "Sobol points: even cover of the whole space",
              "LGPL-2.1-or-later AND BSD-3-Clause", options,
              PBX_CAP_CATEGORY | PBX_CAP_CONDITIONAL | PBX_CAP_UNBOUNDED | PBX_CAP_QUANTUM |
                  PBX_CAP_OBJECTIVES | PBX_CAP_CONSTRAINTS,
              0, init, NULL, .setup = setup, .suggest = suggest, .object.describe = describe);
