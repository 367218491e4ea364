/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search/bohb: kernel density estimates, one kernel a point, each a product over the dimensions:
 * of a normal distribution where it is a number, of Aitchison and Aitken's kernel where it is a
 * category. All kernels are alike, and as wide as the normal reference rule says.
 */
#include "bohb.h"

double
bohb_place(const pbx_dim *dim, double value)
{
    if (dim->type != PBX_DIM_CATEGORY || isnan(value))
        return pbx_to_unit(dim, value);
    return pbx_clamp(rint(value), 0, (double)dim->n_choices - 1);
}

pbx_status
bohb_density_reserve(pbx_instance *self, bohb_density *density, const pbx_space *space, size_t n,
                     pbx_error *error)
{
    const size_t n_dims = space->n_dims;
    if (density->space == space && density->capacity >= n)
        return PBX_OK;
    n = n > 2 * density->capacity ? n : 2 * density->capacity;
    pbx_free(self, density->places);
    pbx_free(self, density->width);
    pbx_free(self, density->hit);
    pbx_free(self, density->miss);
    pbx_free(self, density->sum);
    pbx_free(self, density->owners);
    density->capacity = 0;
    density->places = pbx_alloc_array(self, n, (n_dims + 1) * sizeof(double));
    density->width = pbx_alloc_array(self, n_dims, sizeof(double));
    density->hit = pbx_alloc_array(self, n_dims, sizeof(double));
    density->miss = pbx_alloc_array(self, n_dims, sizeof(double));
    density->sum = pbx_alloc_array(self, n, sizeof(double));
    density->owners = pbx_alloc_array(self, n, sizeof(uint32_t));
    if (!density->places || !density->width || !density->hit || !density->miss || !density->sum ||
        !density->owners)
        return pbx_fail_memory(error);
    density->space = space;
    density->capacity = n;
    return PBX_OK;
}

/* ---- Fitting ---- */

static double
draw_anywhere(const pbx_dim *dim, pbx_rng *rng)
{
    if (dim->type == PBX_DIM_CATEGORY)
        return (double)pbx_rng_below(rng, dim->n_choices);
    return pbx_rng_uniform(rng);
}

/* What a point lacks it takes from a random one that has it, with all else that this one has: a
 * branch's values are of one trial. */
static void
fill_in(bohb_density *density, const double *points, size_t stride, pbx_rng *rng)
{
    const size_t n_dims = density->space->n_dims;
    for (size_t j = 0; j < n_dims; j++) {
        size_t n_owners = 0;
        for (size_t i = 0; i < density->n; i++)
            if (!isnan(points[i * stride + j]))
                density->owners[n_owners++] = (uint32_t)i;
        for (size_t i = 0; i < density->n; i++) {
            double *place = density->places + i * n_dims;
            const double *owner;
            if (!isnan(place[j]))
                continue;
            place[j] = draw_anywhere(density->space->dims[j], rng);
            if (n_owners == 0)
                continue;
            owner = points + density->owners[pbx_rng_below(rng, n_owners)] * stride;
            place[j] = owner[j];
            for (size_t k = j + 1; k < n_dims; k++)
                if (isnan(place[k]))
                    place[k] = owner[k];
        }
    }
}

static double
deviation(const bohb_density *density, size_t j)
{
    const size_t n_dims = density->space->n_dims;
    double mean = 0, squares = 0;
    for (size_t i = 0; i < density->n; i++)
        mean += density->places[i * n_dims + j];
    mean /= (double)density->n;
    for (size_t i = 0; i < density->n; i++)
        squares += pow(density->places[i * n_dims + j] - mean, 2);
    return sqrt(squares / (double)density->n);
}

void
bohb_density_fit(bohb_density *density, const bohb_rules *rules, const double *points,
                 size_t stride, size_t n, pbx_rng *rng)
{
    const size_t n_dims = density->space->n_dims;
    const double share = 1.06 * pow((double)n, -1 / (4 + (double)n_dims));
    density->n = n;
    for (size_t i = 0; i < n && n_dims > 0; i++)
        memcpy(density->places + i * n_dims, points + i * stride, n_dims * sizeof(double));
    fill_in(density, points, stride, rng);
    density->constant = -log((double)n);
    for (size_t j = 0; j < n_dims; j++) {
        const double others = (double)density->space->dims[j]->n_choices - 1;
        double width = share * deviation(density, j);
        width = width < rules->min_bandwidth ? rules->min_bandwidth : width;
        if (density->space->dims[j]->type == PBX_DIM_CATEGORY) {
            width = fmin(width, others / (others + 1));
            density->hit[j] = log1p(-width);
            density->miss[j] = log(width / others);
        } else {
            density->constant -= log(width) + 0.91893853320467274; /* ln(2 pi) / 2 */
        }
        density->width[j] = width;
    }
}

/* ---- Using ---- */

double
bohb_density_log(const bohb_density *density, const double *place)
{
    const size_t n_dims = density->space->n_dims;
    double most = -(double)INFINITY, total = 0;
    for (size_t i = 0; i < density->n; i++) {
        const double *mean = density->places + i * n_dims;
        double sum = 0;
        for (size_t j = 0; j < n_dims; j++) {
            const double z = (place[j] - mean[j]) / density->width[j];
            if (density->space->dims[j]->type == PBX_DIM_CATEGORY)
                sum += place[j] == mean[j] ? density->hit[j] : density->miss[j];
            else
                sum -= z * z / 2;
        }
        density->sum[i] = sum;
        most = sum > most ? sum : most;
    }
    for (size_t i = 0; i < density->n; i++)
        if (density->sum[i] > most - 40) /* the others are less than rounding */
            total += exp(density->sum[i] - most);
    return density->constant + most + log(total);
}

/* A normal distribution within [0, 1]. */
static double
draw_within(double mean, double deviation, pbx_rng *rng)
{
    const double low = pbx_normal_cdf(-mean / deviation);
    const double high = pbx_normal_cdf((1 - mean) / deviation);
    const double p = low + pbx_rng_uniform(rng) * (high - low);
    return pbx_clamp(mean + deviation * pbx_normal_inverse(pbx_clamp(p, 1e-300, PBX_BELOW_ONE)), 0,
                     1);
}

void
bohb_density_draw(const bohb_density *density, const bohb_rules *rules, pbx_rng *rng, double *place)
{
    const size_t n_dims = density->space->n_dims;
    const double *mean = density->places + pbx_rng_below(rng, density->n) * n_dims;
    for (size_t j = 0; j < n_dims; j++) {
        const pbx_dim *dim = density->space->dims[j];
        if (dim->type != PBX_DIM_CATEGORY)
            place[j] = draw_within(mean[j], rules->bandwidth_factor * density->width[j], rng);
        else if (pbx_rng_uniform(rng) < 1 - density->width[j])
            place[j] = mean[j];
        else
            place[j] = (double)pbx_rng_below(rng, dim->n_choices);
    }
}
