/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* search/cfo: the space as a local search sees it, and the cheap point that it begins at. */
#include "flow2.h"

/* Of a number that is not whole. */
#define LEAST_STEP 1e-4

/* ---- Options ---- */

static size_t
index_of(const flow2_space *space, const char *name)
{
    size_t i = 0;
    while (i < space->n && strcmp(space->axes[i].dim->name, name) != 0)
        i++;
    return i;
}

static pbx_status
read_costs(pbx_instance *self, flow2_axis *axis, const pbx_json *costs, pbx_error *error)
{
    const pbx_host *host = pbx_base_of(self)->host;
    const uint32_t n = axis->dim->n_choices;
    if (axis->dim->type != PBX_DIM_CATEGORY || host->json_length(costs) != n)
        return pbx_fail(error, PBX_EINVAL, "cat_hp_cost", "'%s' needs one cost for each choice",
                        axis->dim->name);
    axis->cheapest = pbx_alloc_array(self, n, sizeof(uint32_t));
    if (!axis->cheapest)
        return pbx_fail_memory(error);
    for (uint32_t i = 0; i < n; i++) {
        const double cost = host->json_real(host->json_item(costs, i), (double)NAN);
        uint32_t at = i;
        if (!isfinite(cost))
            return pbx_fail(error, PBX_EINVAL, "cat_hp_cost", "'%s' has a cost that is no number",
                            axis->dim->name);
        for (; at > 0; at--) {
            const uint32_t other = axis->cheapest[at - 1];
            if (host->json_real(host->json_item(costs, other), 0) <= cost)
                break;
            axis->cheapest[at] = other;
        }
        axis->cheapest[at] = i;
    }
    axis->unordered = 0;
    return PBX_OK;
}

/* ---- Values ---- */

static int
is_same(const pbx_host *host, const pbx_json *a, const pbx_json *b)
{
    const int32_t type = host->json_type(a), other = host->json_type(b);
    const int numbers = (type == PBX_JSON_INT || type == PBX_JSON_REAL) &&
                        (other == PBX_JSON_INT || other == PBX_JSON_REAL);
    if (numbers)
        return host->json_real(a, 0) == host->json_real(b, 0);
    if (type != other)
        return 0;
    if (type == PBX_JSON_STRING)
        return strcmp(host->json_string(a, ""), host->json_string(b, "")) == 0;
    return type == PBX_JSON_NULL ||
           (type == PBX_JSON_BOOL && host->json_bool(a, 0) == host->json_bool(b, 0));
}

/* The index of a choice, or the number; NaN: the dimension has no such value. */
static double
value_of(const pbx_host *host, const pbx_dim *dim, const pbx_json *node)
{
    const double number = host->json_real(node, (double)NAN);
    if (dim->type == PBX_DIM_CATEGORY) {
        for (uint32_t i = 0; i < dim->n_choices; i++)
            if (is_same(host, node, host->json_item(dim->choices, i)))
                return i;
        return (double)NAN;
    }
    if (dim->type != PBX_DIM_NORMAL && !(number >= dim->low && number <= dim->high))
        return (double)NAN;
    return isfinite(number) ? number : (double)NAN;
}

static double
place_of(const flow2_axis *axis, double value)
{
    uint32_t at = 0;
    if (axis->unordered)
        return value;
    if (!axis->cheapest)
        return pbx_to_unit(axis->dim, value);
    while (at + 1 < axis->dim->n_choices && axis->cheapest[at] != value)
        at++;
    return (at + 0.5) / axis->dim->n_choices;
}

void
flow2_point(const flow2_space *space, const double *places, double *x)
{
    for (size_t i = 0; i < space->n; i++) {
        const flow2_axis *axis = &space->axes[i];
        if (!pbx_active(axis->dim, x))
            x[i] = (double)NAN;
        else if (axis->unordered)
            x[i] = places[i];
        else if (axis->cheapest)
            x[i] = axis->cheapest[(uint32_t)pbx_from_unit(axis->dim, places[i])];
        else
            x[i] = pbx_from_unit(axis->dim, places[i]);
    }
}

void
flow2_places(const flow2_space *space, const double *x, double *places)
{
    for (size_t i = 0; i < space->n; i++)
        if (!isnan(x[i]))
            places[i] = place_of(&space->axes[i], x[i]);
}

/* ---- What is known ---- */

static int
is_same_point(const flow2_space *space, const double *a, const double *b)
{
    for (size_t i = 0; i < space->n; i++)
        if (a[i] != b[i] && !(isnan(a[i]) && isnan(b[i])))
            return 0;
    return 1;
}

int
flow2_is_known(const flow2_space *space, const flow2 *search, const pbx_map *live, const double *x,
               double *scratch)
{
    flow2_point(space, search->center, scratch);
    if (isfinite(search->best) && is_same_point(space, scratch, x))
        return 1;
    for (size_t i = 0; i < live->n; i++) {
        const flow2_trial *trial = pbx_map_item(live, i);
        flow2_point(space, trial->places, scratch);
        if (is_same_point(space, scratch, x))
            return 1;
    }
    return 0;
}

double
flow2_cost(const pbx_problem *problem, int has_attr, const pbx_outcome *outcome)
{
    const pbx_result *last = outcome->last;
    double cost = 1;
    if (has_attr && last && last->n_watched > 0 && last->present[0])
        cost = last->watched[0];
    else if (!has_attr && problem->time_budget_ns > 0)
        cost = outcome->elapsed_s;
    return isfinite(cost) && cost > 0 ? cost : 1;
}

/* ---- The whole ---- */

/* The least width of a value in its range; 0: it has none. */
static double
width_of(const flow2_axis *axis)
{
    const pbx_dim *dim = axis->dim;
    const int plain = dim->type == PBX_DIM_REAL || dim->type == PBX_DIM_NORMAL;
    const double step = dim->quantum > 0 ? dim->quantum : 1;
    if (axis->unordered)
        return (double)INFINITY;
    if (dim->type == PBX_DIM_CATEGORY)
        return 1.0 / dim->n_choices;
    if (plain && dim->quantum <= 0)
        return 0;
    if (dim->type == PBX_DIM_NORMAL)
        return pbx_to_unit(dim, dim->mean + step) - 0.5;
    return pbx_to_unit(dim, dim->high) - pbx_to_unit(dim, dim->high - step);
}

static void
measure(flow2_space *space)
{
    double least = (double)INFINITY;
    space->all_whole = 1;
    for (size_t i = 0; i < space->n; i++) {
        const double width = width_of(&space->axes[i]);
        if (width <= 0)
            space->all_whole &= space->axes[i].dim->parent >= 0;
        least = fmin(least, width);
    }
    if (!(least > 0) || isinf(least))
        least = LEAST_STEP;
    else
        least *= sqrt((double)space->n);
    space->least_step = least;
}

static pbx_status
read_options(pbx_instance *self, flow2_space *space, pbx_error *error)
{
    const pbx_host *host = pbx_base_of(self)->host;
    const pbx_json *costs = host->json_member(pbx_base_of(self)->options, "cat_hp_cost");
    const pbx_json *cheap =
        host->json_member(pbx_base_of(self)->options, "low_cost_partial_config");
    pbx_status status = PBX_OK;
    for (size_t i = 0; i < host->json_length(costs) && status == PBX_OK; i++) {
        const size_t at = index_of(space, host->json_key(costs, i));
        if (at == space->n)
            return pbx_fail(error, PBX_EINVAL, "cat_hp_cost", "the search space has no '%s'",
                            host->json_key(costs, i));
        status = read_costs(self, &space->axes[at], host->json_item(costs, i), error);
    }
    for (size_t i = 0; i < space->n; i++)
        space->start[i] = space->axes[i].unordered ? 0 : 0.5;
    for (size_t i = 0; i < host->json_length(cheap) && status == PBX_OK; i++) {
        const char *name = host->json_key(cheap, i);
        const size_t at = index_of(space, name);
        double value;
        if (at == space->n)
            return pbx_fail(error, PBX_EINVAL, "low_cost_partial_config",
                            "the search space has no '%s'", name);
        value = value_of(host, space->axes[at].dim, host->json_item(cheap, i));
        if (isnan(value))
            return pbx_fail(error, PBX_EINVAL, "low_cost_partial_config", "'%s' has no such value",
                            name);
        space->start[at] = place_of(&space->axes[at], value);
        space->is_cheap[at] = 1;
    }
    return status;
}

pbx_status
flow2_space_read(pbx_instance *self, flow2_space *space, const pbx_problem *problem,
                 pbx_error *error)
{
    const pbx_space *dims = problem->space;
    pbx_status status;
    for (size_t i = 0; i < space->n; i++)
        pbx_free(self, space->axes[i].cheapest);
    pbx_free(self, space->axes);
    pbx_free(self, space->start);
    pbx_free(self, space->is_cheap);
    space->n = dims->n_dims;
    space->space = dims;
    space->axes = pbx_alloc_array(self, space->n, sizeof(flow2_axis));
    space->start = pbx_alloc_array(self, space->n, sizeof(double));
    space->is_cheap = pbx_alloc_array(self, space->n, sizeof(int));
    if (!space->axes || !space->start || !space->is_cheap) {
        space->n = 0;
        return pbx_fail_memory(error);
    }
    for (size_t i = 0; i < space->n; i++) {
        space->axes[i].dim = dims->dims[i];
        space->axes[i].unordered =
            dims->dims[i]->type == PBX_DIM_CATEGORY && !(dims->dims[i]->flags & PBX_DIM_ORDERED);
    }
    status = read_options(self, space, error);
    measure(space);
    return status;
}
