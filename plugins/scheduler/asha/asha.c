/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * scheduler/asha: asynchronous successive halving (Li, Jamieson, Rostamizadeh, Gonina,
 * Hardt, Recht, Talwalkar, "A System for Massively Parallel Hyperparameter Tuning",
 * MLSys 2020), in the stopping form of Ray Tune's AsyncHyperBandScheduler: at each rung
 * a trial goes on only if it is in the best 1/reduction_factor of those that were there
 * before it.
 */
#include <pegbox/helpers.h>

/* Rungs that a trial has filled are bits of one word. */
#define MAX_RUNGS 64

/* A rung: what the trials that came by had, n rows of n_losses numbers. With one
 * objective they are scores (greater is better), ascending. */
typedef struct {
    double milestone;
    size_t n, capacity; /* of numbers */
    double *values;
} Rung;

/* Bracket s begins at the s-th rung of bracket 0. */
typedef struct {
    uint32_t n_rungs;
    uint32_t reserved;
    Rung rungs[MAX_RUNGS]; /* from the lowest on */
} Bracket;

/* What is known of a trial that has not ended. */
typedef struct {
    uint32_t bracket;
    uint32_t decided;  /* nonzero: it was told STOP or COMPLETE */
    uint64_t filled;   /* bit i: it has an entry in rung i */
    uint64_t last_seq; /* of its last result + 1 */
} Trial;

struct pbx_instance {
    pbx_base base;
    double max_t, grace_period, reduction_factor;
    int stop_last_trials;
    uint32_t n_brackets;
    uint32_t n_losses;
    Bracket *brackets;
    pbx_map trials;
    uint64_t n_stopped;
};

/* In doubles as Tune computes it: max_t 1000 by 10 has 3 rungs, not 4. */
static int64_t
count_rungs(const pbx_instance *self, uint32_t s)
{
    double n = log(self->max_t / self->grace_period) / log(self->reduction_factor) - s + 1;
    return n < 1e9 ? (int64_t)n : 1000000000;
}

static pbx_status
init_brackets(pbx_instance *self, pbx_error *error)
{
    self->brackets = (Bracket *)pbx_alloc_array(self, self->n_brackets, sizeof(Bracket));
    if (self->brackets == NULL)
        return pbx_fail_memory(error);
    if (count_rungs(self, 0) > MAX_RUNGS)
        return pbx_fail(error, PBX_EINVAL, "reduction_factor",
                        "makes %lld rungs between grace_period and max_t; at most %d are possible",
                        (long long)count_rungs(self, 0), MAX_RUNGS);
    for (uint32_t s = 0; s < self->n_brackets; s++) {
        int64_t n = count_rungs(self, s);
        self->brackets[s].n_rungs = n > 0 ? (uint32_t)n : 0;
        for (uint32_t k = 0; k < self->brackets[s].n_rungs; k++)
            self->brackets[s].rungs[k].milestone =
                self->grace_period * pow(self->reduction_factor, k + s);
    }
    return PBX_OK;
}

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *options, pbx_error *error)
{
    self->max_t = pbx_real(host, options, "max_t");
    self->grace_period = pbx_real(host, options, "grace_period");
    self->reduction_factor = pbx_real(host, options, "reduction_factor");
    self->n_brackets = (uint32_t)pbx_integer(host, options, "brackets");
    self->stop_last_trials = pbx_boolean(host, options, "stop_last_trials");
    self->n_losses = 1;
    pbx_map_init(&self->trials, self, sizeof(Trial));
    if (self->max_t < self->grace_period) {
        char max_t[32], grace[32];
        return pbx_fail(error, PBX_EINVAL, "max_t", "%s is below grace_period, %s",
                        pbx_format_real(self->max_t, max_t),
                        pbx_format_real(self->grace_period, grace));
    }
    return init_brackets(self, error);
}

static pbx_status
setup(pbx_instance *self, const pbx_problem *problem, pbx_error *error)
{
    if (problem->n_objectives == 0)
        return pbx_fail(error, PBX_EINVAL, "metric", "asha ranks trials by a metric: name one");
    self->n_losses = problem->n_objectives;
    return PBX_OK;
}

/* Brackets are drawn in proportion to exp(number of rungs). */
static pbx_status
add(pbx_instance *self, uint64_t number, const double *x, const pbx_json *config,
    const pbx_json *resources, pbx_error *error)
{
    pbx_rng rng = pbx_rng_at(self->base.host, number, 0);
    Trial *trial = (Trial *)pbx_map_put(&self->trials, number);
    double total = 0, left;
    (void)x, (void)config, (void)resources;
    if (trial == NULL)
        return pbx_fail_memory(error);
    for (uint32_t s = 0; s < self->n_brackets; s++)
        total += exp((double)self->brackets[s].n_rungs - self->brackets[0].n_rungs);
    left = pbx_rng_uniform(&rng) * total;
    while (trial->bracket + 1 < self->n_brackets) {
        left -= exp((double)self->brackets[trial->bracket].n_rungs - self->brackets[0].n_rungs);
        if (left < 0)
            break;
        trial->bracket++;
    }
    return PBX_OK;
}

/* numpy's percentile, by linear interpolation, of ascending values; n > 0. */
static double
cutoff_of(const pbx_instance *self, const Rung *rung)
{
    double position = (1 - 1 / self->reduction_factor) * (double)(rung->n - 1);
    size_t below = (size_t)position;
    double value = rung->values[below];
    if (below + 1 < rung->n)
        value += (position - (double)below) * (rung->values[below + 1] - value);
    return value;
}

static pbx_status
reserve(pbx_instance *self, Rung *rung, size_t more, pbx_error *error)
{
    size_t capacity = rung->capacity > 0 ? rung->capacity * 2 : 16;
    double *values;
    if (rung->n + more <= rung->capacity)
        return PBX_OK;
    capacity = capacity < more ? more : capacity;
    values = (double *)pbx_realloc(self, rung->values, capacity * sizeof(double));
    if (values == NULL)
        return pbx_fail_memory(error);
    rung->values = values;
    rung->capacity = capacity;
    return PBX_OK;
}

/* One objective: below the cutoff of those before it? Then it is recorded. A value that
 * is not finite is below every cutoff, and no part of later ones. */
static pbx_status
enter_one(pbx_instance *self, Rung *rung, double loss, int *stop, pbx_error *error)
{
    double score = -loss;
    size_t at = rung->n;
    *stop = rung->n > 0 && (!isfinite(score) || score < cutoff_of(self, rung));
    if (!isfinite(score))
        return PBX_OK;
    if (reserve(self, rung, 1, error) != PBX_OK)
        return PBX_ENOMEM;
    while (at > 0 && rung->values[at - 1] > score)
        at--;
    memmove(rung->values + at + 1, rung->values + at, (rung->n - at) * sizeof(double));
    rung->values[at] = score;
    rung->n++;
    return PBX_OK;
}

/* How many of the n - 1 rows before the last one are ahead of it: by rank, then by the
 * room around them. */
static pbx_status
count_ahead(const double *losses, size_t n, size_t m, size_t *ahead, pbx_error *error)
{
    uint32_t *rank = (uint32_t *)malloc(n * sizeof(uint32_t));
    double *room = (double *)malloc(n * sizeof(double));
    pbx_status status = PBX_ENOMEM;
    if (rank != NULL && room != NULL && pbx_ranks(losses, n, m, rank) == PBX_OK &&
        pbx_crowding(losses, n, m, rank, room) == PBX_OK) {
        status = PBX_OK;
        *ahead = 0;
        for (size_t i = 0; i + 1 < n; i++)
            *ahead += rank[i] < rank[n - 1] || (rank[i] == rank[n - 1] && room[i] > room[n - 1]);
    }
    free(rank);
    free(room);
    return status == PBX_OK ? PBX_OK : pbx_fail_memory(error);
}

/* Several objectives: it goes on where at most (n - 1) / reduction_factor of the n before
 * it are ahead, which is what the percentile means with one. */
static pbx_status
enter_many(pbx_instance *self, Rung *rung, const double *losses, int *stop, pbx_error *error)
{
    size_t m = self->n_losses, n = rung->n / m, ahead = 0;
    for (size_t k = 0; k < m; k++) {
        *stop = n > 0;
        if (!isfinite(losses[k]))
            return PBX_OK;
    }
    if (reserve(self, rung, m, error) != PBX_OK)
        return PBX_ENOMEM;
    memcpy(rung->values + rung->n, losses, m * sizeof(double));
    rung->n += m;
    if (count_ahead(rung->values, n + 1, m, &ahead, error) != PBX_OK)
        return PBX_ENOMEM;
    *stop = n > 0 && (double)ahead > (double)(n - 1) / self->reduction_factor;
    return PBX_OK;
}

/*
 * The highest rung that the trial has reached and not filled decides, and is filled.
 * *rung is left alone where there is none.
 */
static pbx_status
enter_rung(pbx_instance *self, Trial *trial, double t, const double *losses, uint32_t *rung,
           int *stop, pbx_error *error)
{
    Bracket *bracket = &self->brackets[trial->bracket];
    *stop = 0;
    for (uint32_t k = bracket->n_rungs; k-- > 0;) {
        int filled = (trial->filled >> k & 1) != 0;
        if (t < bracket->rungs[k].milestone)
            continue;
        if (filled && !self->stop_last_trials)
            return PBX_OK;
        if (filled)
            continue;
        *rung = k;
        trial->filled |= UINT64_C(1) << k;
        return self->n_losses == 1 ? enter_one(self, &bracket->rungs[k], losses[0], stop, error)
                                   : enter_many(self, &bracket->rungs[k], losses, stop, error);
    }
    return PBX_OK;
}

/* Whether the result has what a rung needs: a time, and every metric. */
static int
is_usable(const pbx_instance *self, const pbx_result *result)
{
    if (result->n_watched < 1 || !result->present[0] || !isfinite(result->watched[0]))
        return 0;
    for (uint32_t k = 0; k < self->n_losses; k++)
        if (k >= result->n_losses || isnan(result->losses[k]))
            return 0;
    return 1;
}

static pbx_status
result(pbx_instance *self, const pbx_result *r, pbx_decision *decision, pbx_error *error)
{
    Trial *trial = (Trial *)pbx_map_get(&self->trials, r->trial);
    int stop;
    if (trial == NULL || !is_usable(self, r))
        return PBX_OK;
    trial->last_seq = r->seq + 1;
    decision->bracket = trial->bracket;
    if (r->watched[0] >= self->max_t && self->stop_last_trials) {
        /* Tune stops it; here it has had all that it could get. */
        decision->action = PBX_ACTION_COMPLETE;
        trial->decided = 1;
        return PBX_OK;
    }
    if (enter_rung(self, trial, r->watched[0], r->losses, &decision->rung, &stop, error) != PBX_OK)
        return PBX_ENOMEM;
    if (decision->rung != PBX_NO_RUNG)
        decision->budget = self->brackets[trial->bracket].rungs[decision->rung].milestone;
    if (stop) {
        decision->action = PBX_ACTION_STOP;
        trial->decided = 1;
        self->n_stopped++;
    }
    return PBX_OK;
}

/* The last result of a trial that ended by itself is a fact for those after it, unless
 * it was judged already. */
static pbx_status
end(pbx_instance *self, const pbx_outcome *outcome, pbx_error *error)
{
    Trial *trial = (Trial *)pbx_map_get(&self->trials, outcome->trial);
    const pbx_result *last = outcome->last;
    pbx_status status = PBX_OK;
    if (trial != NULL && outcome->end == PBX_END_COMPLETED && !trial->decided && last != NULL &&
        last->seq + 1 > trial->last_seq && is_usable(self, last)) {
        uint32_t rung;
        int stop;
        status = enter_rung(self, trial, last->watched[0], last->losses, &rung, &stop, error);
    }
    pbx_map_remove(&self->trials, outcome->trial);
    return status;
}

static void
trial_state(pbx_blob *blob, void *item)
{
    Trial *trial = (Trial *)item;
    pbx_blob_u32(blob, &trial->bracket);
    pbx_blob_u32(blob, &trial->decided);
    pbx_blob_u64(blob, &trial->filled);
    pbx_blob_u64(blob, &trial->last_seq);
}

/* Writes a number, or makes sure that the saved one is the same. */
static void
same_real(pbx_blob *blob, double value)
{
    double saved = value;
    pbx_blob_real(blob, &saved);
    if (saved != value)
        pbx_blob_fail(blob, PBX_ENOTSUP);
}

/* max_t may have grown since, which adds rungs at the top; the others must be the same. */
static void
state(pbx_instance *self, pbx_blob *blob)
{
    same_real(blob, self->grace_period);
    same_real(blob, self->reduction_factor);
    same_real(blob, self->n_brackets);
    same_real(blob, self->n_losses);
    pbx_blob_u64(blob, &self->n_stopped);
    for (uint32_t s = 0; s < self->n_brackets && blob->status == PBX_OK; s++) {
        Bracket *bracket = &self->brackets[s];
        uint32_t n = bracket->n_rungs;
        pbx_blob_u32(blob, &n);
        if (n > bracket->n_rungs)
            pbx_blob_fail(blob, PBX_ENOTSUP);
        for (uint32_t k = 0; k < n && blob->status == PBX_OK; k++) {
            pbx_blob_array(blob, &bracket->rungs[k].values, &bracket->rungs[k].n);
            if (pbx_blob_loading(blob))
                bracket->rungs[k].capacity = bracket->rungs[k].n;
        }
    }
    pbx_blob_map(blob, &self->trials, trial_state);
    for (size_t i = 0; i < self->trials.n && pbx_blob_loading(blob); i++)
        if (((Trial *)pbx_map_item(&self->trials, i))->bracket >= self->n_brackets)
            pbx_blob_fail(blob, PBX_EINVAL);
}

static pbx_status
describe(pbx_instance *self, const pbx_sink *sink)
{
    pbx_status status = pbx_sink_printf(sink, "Using AsyncHyperBand: num_stopped=%llu",
                                        (unsigned long long)self->n_stopped);
    for (uint32_t s = 0; s < self->n_brackets && status == PBX_OK; s++) {
        const Bracket *bracket = &self->brackets[s];
        status = pbx_sink_printf(sink, "\nBracket:");
        for (uint32_t k = bracket->n_rungs; k-- > 0 && status == PBX_OK;) {
            const Rung *rung = &bracket->rungs[k];
            char milestone[32];
            status = pbx_sink_printf(sink, " Iter %s: %zu%s",
                                     pbx_format_real(rung->milestone, milestone),
                                     rung->n / self->n_losses, k > 0 ? " |" : "");
        }
    }
    return status;
}

static const pbx_option options[] = {
    PBX_OPT_FIELD("time_attr", "the result field that tells how far a trial is", "1.0",
                  "\"training_iteration\""),
    PBX_OPT_METRIC("1.0"),
    PBX_OPT_MODE("1.0"),
    PBX_OPT_REAL_ABOVE("max_t", "a trial that gets this far is complete, in units of time_attr",
                       "1.0", 0, "100"),
    PBX_OPT_REAL_ABOVE("grace_period", "no trial is stopped before this time", "1.0", 0, "1"),
    PBX_OPT_REAL_ABOVE("reduction_factor", "one of so many trials goes on from a rung", "1.0", 1,
                       "4"),
    PBX_OPT_INT("brackets", "sets of rungs, each of which begins one rung later", "1.0", 1, 1000,
                "1"),
    PBX_OPT_BOOL("stop_last_trials", "whether trials end at max_t", "1.0", "true"),
};

PEGBOX_SCHEDULER("asha", "1.0", "Stops trials early by asynchronous successive halving",
                 "LGPL-2.1-or-later", options, PBX_CAP_NEEDS_METRIC | PBX_CAP_OBJECTIVES, 1, init,
                 state, .setup = setup, .add = add, .result = result, .end = end,
                 .object.describe = describe);
