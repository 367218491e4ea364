/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search/warm-start: another search begins with points that are given, and with what is known
 * already: their metrics, or the trials of an earlier experiment.
 */
#include <pegbox/helpers.h>

/* What becomes of a point that is given. */
enum {
    OUTSIDE,   /* nothing */
    EVALUATED, /* the search is told of its metrics */
    WHOLE,     /* it is proposed */
    PARTIAL    /* the same, with what the search says of the rest */
};

struct pbx_instance {
    pbx_base base;
    pbx_inner inner;
    const pbx_json *points, *rewards;
    const char *experiment; /* NULL: none */
    size_t n_points;
    const pbx_problem *problem;
    double *rows; /* [n_points][n_dims]: what a point fixes, else NaN */
    int *kinds;   /* [n_points] */
    int warned;
    uint64_t next; /* point */
    uint64_t told; /* nonzero: of what is known already */
    uint64_t asked,
        asked_whole; /* the last trial that was suggested; whether it is a whole point */
};

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *options, pbx_error *error)
{
    self->points = host->json_member(options, "points_to_evaluate");
    self->rewards = host->json_member(options, "evaluated_rewards");
    self->experiment = pbx_string(host, options, "experiment");
    self->n_points = host->json_length(self->points);
    self->asked = PBX_NONE;
    if (host->json_length(self->rewards) != 0 && host->json_length(self->rewards) != self->n_points)
        return pbx_fail(error, PBX_EINVAL, "evaluated_rewards", "has %zu for %zu points",
                        host->json_length(self->rewards), self->n_points);
    return pbx_inner_take(self, "search", &self->inner, error);
}

/* Points are no samples of its own, nor parts of a grid. */
#define CAPS_OF_INNER (PBX_CAPS_OF_INNER & ~(uint32_t)(PBX_CAP_GRID | PBX_CAP_OWNS_SAMPLES))

static uint32_t
caps(const pbx_instance *self)
{
    return PBX_CAP_TRANSPARENT | (self->inner.child->caps & CAPS_OF_INNER);
}

/* ---- Setup ---- */

static double *
row_of(const pbx_instance *self, size_t i)
{
    return self->rows + i * self->problem->space->n_dims;
}

static int
is_whole(const pbx_space *space, const double *row)
{
    for (uint32_t i = 0; i < space->n_dims; i++)
        if (isnan(row[i]) && pbx_active(space->dims[i], row) &&
            (space->dims[i]->parent < 0 || !isnan(row[space->dims[i]->parent])))
            return 0;
    return 1;
}

static pbx_status
fail_at(pbx_error *error, const char *option, size_t i)
{
    snprintf(error->where, sizeof(error->where), "%s[%zu]", option, i);
    return PBX_EINVAL;
}

/* The metrics of a point, in the order of the objectives; NULL: it has none. */
static const pbx_json *
reward_of(const pbx_instance *self, size_t i)
{
    const pbx_host *host = self->base.host;
    const pbx_json *reward = host->json_item(self->rewards, i);
    return host->json_type(reward) <= PBX_JSON_NULL ? NULL : reward;
}

static const pbx_json *
metric_of(const pbx_instance *self, const pbx_json *reward, uint32_t objective)
{
    const pbx_host *host = self->base.host;
    if (host->json_type(reward) == PBX_JSON_ARRAY)
        return host->json_item(reward, objective);
    return objective == 0 ? reward : NULL;
}

static int
is_number(const pbx_host *host, const pbx_json *node)
{
    const int32_t type = host->json_type(node);
    return type == PBX_JSON_INT || type == PBX_JSON_REAL ||
           (type == PBX_JSON_STRING &&
            (isnan(host->json_real(node, 0)) || isinf(host->json_real(node, 0))));
}

static pbx_status
check_reward(pbx_instance *self, size_t i, pbx_error *error)
{
    const pbx_host *host = self->base.host;
    const uint32_t n = self->problem->n_objectives;
    const pbx_json *reward = reward_of(self, i);
    const int is_array = host->json_type(reward) == PBX_JSON_ARRAY;
    int good = n > 0 && (!is_array || host->json_length(reward) == n);
    for (uint32_t objective = 0; good && objective < n; objective++)
        good = is_number(host, metric_of(self, reward, objective));
    if (n == 0)
        pbx_fail(error, PBX_EINVAL, NULL, "the experiment names no metric that it is a value of");
    else if (!good)
        pbx_fail(error, PBX_EINVAL, NULL,
                 n == 1 ? "needs to be a number"
                        : "needs to be an array of as many numbers as there are metrics");
    else if (self->kinds[i] == PARTIAL)
        pbx_fail(error, PBX_EINVAL, NULL, "the point that it belongs to is not whole");
    else
        return PBX_OK;
    return fail_at(error, "evaluated_rewards", i);
}

static pbx_status
read_point(pbx_instance *self, size_t i, pbx_error *error)
{
    const pbx_host *host = self->base.host;
    const pbx_space *space = self->problem->space;
    pbx_status status =
        pbx_point_read(host, space, host->json_item(self->points, i), row_of(self, i), error);
    if (status == PBX_EINVAL)
        return fail_at(error, "points_to_evaluate", i);
    if (status != PBX_OK && !self->warned)
        pbx_log(host, PBX_LOG_WARNING, "points_to_evaluate[%zu] is left out: %s", i,
                error->message);
    self->kinds[i] = status != PBX_OK                   ? OUTSIDE
                     : is_whole(space, row_of(self, i)) ? WHOLE
                                                        : PARTIAL;
    error->message[0] = '\0';
    if (status != PBX_OK || !reward_of(self, i))
        return PBX_OK;
    status = check_reward(self, i, error);
    self->kinds[i] = EVALUATED;
    return status;
}

static pbx_status
setup(pbx_instance *self, const pbx_problem *problem, pbx_error *error)
{
    pbx_problem *inner = pbx_inner_problem(&self->inner);
    int64_t n_whole = 0;
    if (self->experiment && !self->base.host->service(self->base.host, PBX_OBSERVATIONS_ID))
        return pbx_fail(error, PBX_ENOTSUP, "experiment",
                        "cannot be read by a search that lives in a process of its own");
    self->problem = inner;
    pbx_free(self, self->rows);
    pbx_free(self, self->kinds);
    self->rows = (double *)pbx_alloc_array(self, self->n_points * problem->space->n_dims + 1,
                                           sizeof(double));
    self->kinds = (int *)pbx_alloc_array(self, self->n_points + 1, sizeof(int));
    if (!self->rows || !self->kinds)
        return pbx_fail_memory(error);
    for (size_t i = 0; i < self->n_points; i++) {
        pbx_status status = read_point(self, i, error);
        if (status != PBX_OK)
            return status;
        n_whole += self->kinds[i] == WHOLE;
    }
    self->warned = 1;
    if (problem->num_samples > 0)
        inner->num_samples = problem->num_samples > n_whole ? problem->num_samples - n_whole : 1;
    return pbx_inner_setup(&self->inner, inner, error);
}

/* ---- What is known already ---- */

static pbx_status
tell_reward(pbx_instance *self, size_t i, pbx_error *error)
{
    static const uint64_t counts[PBX_N_STATES];
    const pbx_host *host = self->base.host;
    const uint32_t n = self->problem->n_objectives;
    const pbx_json *reward = reward_of(self, i);
    double *losses = (double *)pbx_alloc_array(self, n + 1, sizeof(double));
    double *violations =
        (double *)pbx_alloc_array(self, self->problem->n_constraints + 1, sizeof(double));
    pbx_result last;
    pbx_outcome outcome;
    pbx_status status;
    if (!losses || !violations)
        return pbx_fail_memory(error);
    for (uint32_t objective = 0; objective < n; objective++) {
        const double value = host->json_real(metric_of(self, reward, objective), (double)NAN);
        losses[objective] =
            isfinite(value) ? self->problem->objectives[objective]->sign * value : (double)INFINITY;
    }
    memset(&last, 0, sizeof(last));
    last.struct_size = (uint32_t)sizeof(last);
    last.n_losses = n;
    last.losses = losses;
    last.n_violations = self->problem->n_constraints;
    last.violations = violations; /* it is taken for feasible */
    last.rung = PBX_NO_RUNG;
    last.trial = PBX_NONE;
    last.iteration = 1;
    last.budget = (double)NAN;
    last.counts = counts;
    memset(&outcome, 0, sizeof(outcome));
    outcome.struct_size = (uint32_t)sizeof(outcome);
    outcome.flags = PBX_OUTCOME_FOREIGN;
    outcome.end = PBX_END_COMPLETED;
    outcome.n_dims = self->problem->space->n_dims;
    outcome.trial = PBX_NONE;
    outcome.x = row_of(self, i);
    outcome.last = &last;
    outcome.budget = (double)NAN;
    status = pbx_inner_tell_as(&self->inner, &outcome, error);
    pbx_free(self, losses);
    pbx_free(self, violations);
    return status;
}

static pbx_status
tell_experiment(pbx_instance *self, pbx_error *error)
{
    const pbx_host *host = self->base.host;
    const pbx_observations *observations;
    const void *service;
    const pbx_outcome *outcome;
    uint64_t from = 0, n = 0;
    pbx_status status = pbx_need(host, PBX_OBSERVATIONS_ID, &service, error);
    if (status != PBX_OK)
        return status;
    observations = (const pbx_observations *)service;
    error->message[0] = '\0';
    while ((outcome = observations->read(host, self->experiment, &from, error)) != NULL) {
        status = pbx_inner_tell(&self->inner, outcome, error);
        if (status < 0)
            return status;
        n++;
    }
    if (error->message[0] != '\0')
        return PBX_EIO;
    pbx_log(host, n > 0 ? PBX_LOG_INFO : PBX_LOG_WARNING,
            "the search begins with %llu trial%s of %s%s%s", (unsigned long long)n,
            n == 1 ? "" : "s", self->experiment, observations->left_out(host) ? "; left out: " : "",
            observations->left_out(host) ? observations->left_out(host) : "");
    return PBX_OK;
}

static pbx_status
tell_known(pbx_instance *self, pbx_error *error)
{
    pbx_status status = self->experiment ? tell_experiment(self, error) : PBX_OK;
    for (size_t i = 0; i < self->n_points && status >= 0; i++)
        if (self->kinds[i] == EVALUATED)
            status = tell_reward(self, i, error);
    self->told = 1;
    return status < 0 ? status : PBX_OK;
}

/* ---- Points that are given ---- */

static int
is_proposed(const pbx_instance *self, size_t i)
{
    return self->kinds[i] == WHOLE || self->kinds[i] == PARTIAL;
}

/* As it was added by hand: the inner search was not asked. */
static pbx_status
adopt_whole(pbx_instance *self, const pbx_suggestion *suggestion, pbx_error *error)
{
    pbx_suggestion *given = pbx_inner_suggestion(&self->inner, suggestion);
    given->flags |= PBX_SUGGESTION_ENQUEUED;
    given->ask = PBX_NONE;
    given->origin = 0;
    return pbx_inner_adopt_as(&self->inner, given, error);
}

/* What is fixed goes over what the inner search says; what that says nothing of is drawn. */
static pbx_status
overlay(pbx_instance *self, pbx_suggestion *suggestion, const double *row, pbx_error *error)
{
    const pbx_host *host = self->base.host;
    const pbx_space *space = self->problem->space;
    pbx_suggestion *given;
    for (uint32_t i = 0; i < space->n_dims; i++) {
        uint64_t word;
        double *x = &suggestion->x[i];
        host->random(host, suggestion->ask, i, &word, 1);
        if (!pbx_active(space->dims[i], suggestion->x) ||
            (space->dims[i]->parent >= 0 && isnan(suggestion->x[space->dims[i]->parent])))
            *x = (double)NAN;
        else if (!isnan(row[i]))
            *x = row[i];
        else if (isnan(*x))
            *x = pbx_from_unit(space->dims[i], pbx_unit_of_word(word));
    }
    given = pbx_inner_suggestion(&self->inner, suggestion);
    given->flags |= PBX_SUGGESTION_ALTERED;
    if (given->ask != PBX_NONE)
        given->ask--;
    return pbx_inner_adopt_as(&self->inner, given, error);
}

static pbx_status
suggest(pbx_instance *self, pbx_suggestion *suggestion, pbx_error *error)
{
    const uint32_t n_dims = self->problem->space->n_dims;
    pbx_status status = self->told ? PBX_OK : tell_known(self, error);
    if (status != PBX_OK)
        return status;
    while (self->next < self->n_points && !is_proposed(self, self->next))
        self->next++;
    self->asked = suggestion->trial;
    self->asked_whole = 0;
    if (self->next >= self->n_points)
        return pbx_inner_suggest(&self->inner, suggestion, error);
    if (self->kinds[self->next] == PARTIAL) {
        status = pbx_inner_suggest(&self->inner, suggestion, error);
        if (status == PBX_OK)
            status = overlay(self, suggestion, row_of(self, self->next++), error);
        return status;
    }
    self->asked_whole = 1;
    for (uint32_t i = 0; i < n_dims; i++)
        suggestion->x[i] = row_of(self, self->next)[i];
    self->next++;
    return adopt_whole(self, suggestion, error);
}

/* Which point the ask was for; n_points: none. */
static size_t
point_of_ask(const pbx_instance *self, uint64_t ask)
{
    size_t i = 0;
    for (; i < self->n_points; i++)
        if (is_proposed(self, i) && ask-- == 0)
            break;
    return i;
}

static pbx_status
adopt(pbx_instance *self, const pbx_suggestion *suggestion, pbx_error *error)
{
    int whole = self->asked_whole && suggestion->trial == self->asked;
    if (suggestion->flags & PBX_SUGGESTION_ENQUEUED)
        return pbx_inner_adopt(&self->inner, suggestion, error);
    if (suggestion->flags & PBX_SUGGESTION_REPLAY) {
        const size_t i = point_of_ask(self, suggestion->ask);
        whole = i < self->n_points && self->kinds[i] == WHOLE;
        self->next = i < self->n_points ? i + 1 : self->n_points;
    }
    return whole ? adopt_whole(self, suggestion, error)
                 : pbx_inner_adopt(&self->inner, suggestion, error);
}

/* ---- The rest ---- */

static pbx_status
state(pbx_instance *self, uint64_t trial, uint32_t now, pbx_error *error)
{
    return pbx_inner_state(&self->inner, trial, now, error);
}

static pbx_status
report(pbx_instance *self, const pbx_result *result, pbx_error *error)
{
    return pbx_inner_report(&self->inner, result, error);
}

/* A point that became no trial: the inner search was told that it is one. */
static pbx_status
take_back(pbx_instance *self, const pbx_outcome *outcome, pbx_error *error)
{
    const pbx_inner *inner = &self->inner;
    pbx_outcome *given = inner->service->outcome(inner->host, inner->child, outcome);
    pbx_status status;
    if (!given)
        return pbx_fail(error, PBX_EINVAL, NULL, "an outcome that is not the host's");
    given->trial = self->asked;
    given->end = PBX_END_VOID;
    given->last = NULL;
    status = pbx_inner_tell_as(inner, given, error);
    return status == PBX_ENOTSUP ? PBX_OK : status;
}

static pbx_status
tell(pbx_instance *self, const pbx_outcome *outcome, pbx_error *error)
{
    if (outcome->end == PBX_END_DUPLICATE && self->asked_whole)
        return take_back(self, outcome, error);
    return pbx_inner_tell(&self->inner, outcome, error);
}

static pbx_status
describe(pbx_instance *self, const pbx_sink *sink)
{
    uint64_t left = 0;
    for (size_t i = (size_t)self->next; self->kinds && i < self->n_points; i++)
        left += is_proposed(self, i);
    if (left == 0)
        return PBX_OK;
    return pbx_sink_printf(sink, "%llu given point%s to come", (unsigned long long)left,
                           left == 1 ? "" : "s");
}

static void
blob_state(pbx_instance *self, pbx_blob *blob)
{
    pbx_blob_u64(blob, &self->next);
    pbx_blob_u64(blob, &self->told);
    pbx_blob_u64(blob, &self->asked);
    pbx_blob_u64(blob, &self->asked_whole);
}

static const char *const kinds[] = {"search", NULL}, *const experiments[] = {"experiment", NULL};
static const pbx_option options[] = {
    PBX_OPT_ANY(PBX_OPTION_JSON, PBX_OPTION_LIST, "points_to_evaluate",
                "configs, or parts of them, that are evaluated first, each as one of num_samples",
                "1.0", "[]"),
    PBX_OPT_ANY(PBX_OPTION_JSON, PBX_OPTION_LIST, "evaluated_rewards",
                "the metric of each of these points: it is told, and the point is not evaluated; "
                "null: it is",
                "1.0", "[]"),
    PBX_OPT(PBX_OPTION_PATH, 0, "experiment",
            "an earlier experiment, by its directory or name, of whose trials the search is told "
            "first; default: none",
            "1.0", -INFINITY, INFINITY, NULL, experiments),
    PBX_OPT_PLUGIN(PBX_OPTION_REQUIRED, "search", "the search that begins so", "1.0", kinds, NULL),
};

PEGBOX_SEARCH("warm-start", "1.0", "A search that begins with given points, and what is known",
              "LGPL-2.1-or-later", options, PBX_CAP_TRANSPARENT | CAPS_OF_INNER, 1, init,
              blob_state, .setup = setup, .suggest = suggest, .adopt = adopt, .state = state,
              .report = report, .tell = tell, .object.describe = describe, .object.caps = caps);
