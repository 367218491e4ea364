/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stopper/threshold: ends a trial whose result reaches any of some bounds. */
#include <pegbox/helpers.h>

typedef enum { AT_LEAST, ABOVE, AT_MOST, BELOW, N_RELATIONS } Relation;
static const char *const relation_names[N_RELATIONS] = {">=", ">", "<=", "<"};

/* One bound. A field may have several. */
typedef struct {
    const char *field;
    size_t watched; /* index among the watched values */
    double limit;
    Relation relation;
    int bare; /* a number alone, so that the relation is a guess */
} Bound;

struct pbx_instance {
    pbx_base base;
    Bound *bounds;
    size_t n_bounds;
    size_t n_fields;
    uint8_t *warned; /* [n_fields] */
    char reason[512];
};

static int
is_number(const pbx_host *host, const pbx_json *node)
{
    int32_t type = host->json_type(node);
    return type == PBX_JSON_INT || type == PBX_JSON_REAL;
}

static pbx_status
add_bound(pbx_instance *self, const char *field, size_t watched, const char *relation,
          const pbx_json *limit, pbx_error *error)
{
    const pbx_host *host = self->base.host;
    Bound *bound = &self->bounds[self->n_bounds];
    double value = host->json_real(limit, NAN);
    *bound = (Bound){field, watched, value, AT_LEAST, relation == NULL};
    if (!is_number(host, limit) || !isfinite(value))
        return pbx_fail(error, PBX_EINVAL, field, "needs a number, or {\"<=\": number}");
    while (relation != NULL && bound->relation < N_RELATIONS &&
           strcmp(relation, relation_names[bound->relation]) != 0)
        bound->relation = (Relation)(bound->relation + 1);
    if (bound->relation == N_RELATIONS)
        return pbx_fail(error, PBX_EINVAL, field, "\"%.32s\" is none of >=, >, <= and <", relation);
    self->n_bounds++;
    return PBX_OK;
}

/* The bounds of one field: a number, or an object of relation to number. */
static pbx_status
add_field(pbx_instance *self, const char *field, size_t watched, const pbx_json *node,
          pbx_error *error)
{
    const pbx_host *host = self->base.host;
    pbx_status status = PBX_OK;
    Bound *longer;
    size_t n = host->json_type(node) == PBX_JSON_OBJECT ? host->json_length(node) : 0;
    longer = (Bound *)pbx_realloc(self, self->bounds, (self->n_bounds + n + 1) * sizeof(Bound));
    if (longer == NULL)
        return pbx_fail_memory(error);
    self->bounds = longer;
    if (n == 0)
        return add_bound(self, field, watched, NULL, node, error);
    for (size_t i = 0; i < n && status == PBX_OK; i++)
        status = add_bound(self, field, watched, host->json_key(node, i), host->json_item(node, i),
                           error);
    return status;
}

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *options, pbx_error *error)
{
    const pbx_json *bounds = host->json_member(options, "bounds");
    pbx_status status = PBX_OK;
    self->n_fields = host->json_length(bounds);
    self->warned = (uint8_t *)pbx_alloc(self, self->n_fields);
    if (self->warned == NULL)
        return pbx_fail_memory(error);
    for (size_t i = 0; i < self->n_fields && status == PBX_OK; i++)
        status = add_field(self, host->json_key(bounds, i), i, host->json_item(bounds, i), error);
    return status;
}

/* A bare number means >=, as Tune has it, which on a metric that is minimised would end
 * each trial at once. */
static pbx_status
setup(pbx_instance *self, const pbx_problem *problem, pbx_error *error)
{
    for (size_t i = 0; i < self->n_bounds; i++) {
        const Bound *bound = &self->bounds[i];
        for (uint32_t k = 0; k < problem->n_objectives && bound->bare; k++) {
            const pbx_objective *objective = problem->objectives[k];
            char limit[32];
            if (objective->sign > 0 && strcmp(objective->name, bound->field) == 0)
                return pbx_fail(error, PBX_EINVAL, bound->field,
                                "it is minimised, and a bare number means >=; "
                                "write {\"<=\": %s}, or {\">=\": %s} if that is meant",
                                pbx_format_real(bound->limit, limit), limit);
        }
    }
    return PBX_OK;
}

static int
is_reached(const Bound *bound, double value)
{
    if (!isfinite(value))
        return 0;
    switch (bound->relation) {
    case AT_LEAST:
        return value >= bound->limit;
    case ABOVE:
        return value > bound->limit;
    case AT_MOST:
        return value <= bound->limit;
    default:
        return value < bound->limit;
    }
}

static void
warn_missing(pbx_instance *self, const Bound *bound)
{
    if (!self->warned[bound->watched])
        pbx_log(self->base.host, PBX_LOG_WARNING,
                "a result has no number %s: nothing stops there (said once)", bound->field);
    self->warned[bound->watched] = 1;
}

static pbx_status
result(pbx_instance *self, const pbx_result *r, pbx_verdict *verdict, pbx_error *error)
{
    (void)error;
    for (size_t i = 0; i < self->n_bounds && !verdict->stop; i++) {
        const Bound *bound = &self->bounds[i];
        char value[32], limit[32];
        if (bound->watched >= r->n_watched || !r->present[bound->watched]) {
            warn_missing(self, bound);
            continue;
        }
        if (!is_reached(bound, r->watched[bound->watched]))
            continue;
        snprintf(self->reason, sizeof(self->reason), "%s %s %s %s", bound->field,
                 pbx_format_real(r->watched[bound->watched], value),
                 relation_names[bound->relation], pbx_format_real(bound->limit, limit));
        verdict->stop = 1;
        verdict->reason = self->reason;
    }
    return PBX_OK;
}

static const pbx_option options[] = {
    PBX_OPT_ANY(PBX_OPTION_FIELD_MAP, PBX_OPTION_REQUIRED, "bounds",
                "field to number (reached at or above it) or to {\"<=\": number}; any one stops",
                "1.0", NULL),
};

PEGBOX_STOPPER("threshold", "1.0", "Ends a trial whose result reaches a bound", "LGPL-2.1-or-later",
               options, 0, 0, init, NULL, .setup = setup, .result = result);
