/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search/limit: at most so many trials of another search at a time. With `batch` it is told of
 * them when all have ended, in the order of their numbers, and asked again only then.
 */
#include <pegbox/helpers.h>

/* Of a trial that has not ended, or in a batch that has not. */
enum { LIVE, HELD_BACK, TOLD };
typedef struct {
    uint32_t paused;
    uint32_t ended; /* HELD_BACK: the search is to be told */
} limit_trial;

struct pbx_instance {
    pbx_base base;
    pbx_inner inner;
    uint64_t max_concurrent;
    int batch;
    int counts; /* else the inner search limits itself */
    pbx_map trials;
    uint64_t asked; /* the last trial that was suggested */
};

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *options, pbx_error *error)
{
    self->max_concurrent = (uint64_t)pbx_integer(host, options, "max_concurrent");
    self->batch = pbx_boolean(host, options, "batch");
    self->asked = PBX_NONE;
    pbx_map_init(&self->trials, self, sizeof(limit_trial));
    return pbx_inner_take(self, "search", &self->inner, error);
}

/* What the search that it wraps can do. */
static uint32_t
caps(const pbx_instance *self)
{
    return PBX_CAP_TRANSPARENT | (self->inner.child->caps & PBX_CAPS_OF_INNER);
}

static pbx_status
setup(pbx_instance *self, const pbx_problem *problem, pbx_error *error)
{
    pbx_problem *inner = pbx_inner_problem(&self->inner);
    (void)problem;
    self->counts = self->batch || !(self->inner.child->caps & PBX_CAP_LIMITS_ITSELF);
    if (inner->max_concurrent == 0 || inner->max_concurrent > self->max_concurrent)
        inner->max_concurrent = self->max_concurrent;
    return pbx_inner_setup(&self->inner, inner, error);
}

/* Those that count: a paused one frees its place. */
static uint64_t
live(const pbx_instance *self)
{
    uint64_t n = 0;
    for (size_t i = 0; i < self->trials.n; i++) {
        const limit_trial *trial = (const limit_trial *)pbx_map_item(&self->trials, i);
        n += !trial->paused && !trial->ended;
    }
    return n;
}

static int
in_batch(const pbx_instance *self)
{
    for (size_t i = 0; i < self->trials.n; i++)
        if (((const limit_trial *)pbx_map_item(&self->trials, i))->ended)
            return 1;
    return 0;
}

static pbx_status
suggest(pbx_instance *self, pbx_suggestion *suggestion, pbx_error *error)
{
    pbx_status status;
    if (self->counts && (live(self) >= self->max_concurrent || in_batch(self)))
        return PBX_AGAIN;
    status = pbx_inner_suggest(&self->inner, suggestion, error);
    if (status != PBX_OK)
        return status;
    self->asked = suggestion->trial;
    return pbx_map_put(&self->trials, suggestion->trial) ? PBX_OK : pbx_fail_memory(error);
}

static pbx_status
adopt(pbx_instance *self, const pbx_suggestion *suggestion, pbx_error *error)
{
    const uint32_t flags = suggestion->flags;
    if ((flags & PBX_SUGGESTION_REPLAY) && !(flags & PBX_SUGGESTION_ENQUEUED) &&
        !pbx_map_put(&self->trials, suggestion->trial))
        return pbx_fail_memory(error);
    return pbx_inner_adopt(&self->inner, suggestion, error);
}

/* One whose end was held back. */
static pbx_status
tell_late(const pbx_instance *self, uint64_t trial, pbx_error *error)
{
    const pbx_inner *inner = &self->inner;
    const pbx_outcome *outcome = inner->service->told(inner->host, inner->child, trial, error);
    return outcome ? pbx_inner_tell_as(inner, outcome, error) : PBX_EFATAL;
}

/* All that were held back, once none is live any more. */
static pbx_status
release(pbx_instance *self, pbx_error *error)
{
    if (live(self) > 0)
        return PBX_OK;
    for (size_t i = 0; i < self->trials.n;) {
        const uint64_t number = pbx_map_key(&self->trials, i);
        const uint32_t ended = ((const limit_trial *)pbx_map_item(&self->trials, i))->ended;
        pbx_status status = PBX_OK;
        if (ended == HELD_BACK)
            status = tell_late(self, number, error);
        if (status < 0)
            return status;
        if (ended == LIVE)
            i++;
        else
            pbx_map_remove(&self->trials, number);
    }
    return PBX_OK;
}

static pbx_status
state(pbx_instance *self, uint64_t trial, uint32_t now, pbx_error *error)
{
    limit_trial *known = (limit_trial *)pbx_map_get(&self->trials, trial);
    pbx_status status = pbx_inner_state(&self->inner, trial, now, error);
    if (!known || status < 0)
        return status;
    known->paused = now == PBX_STATE_PAUSED;
    return self->batch ? release(self, error) : PBX_OK;
}

static pbx_status
report(pbx_instance *self, const pbx_result *result, pbx_error *error)
{
    return pbx_inner_report(&self->inner, result, error);
}

/* Where its end could not be had again it is told at once. */
static pbx_status
end_in_batch(pbx_instance *self, limit_trial *known, const pbx_outcome *outcome, pbx_error *error)
{
    const pbx_inner *inner = &self->inner;
    pbx_error none;
    if (inner->service->told(inner->host, inner->child, outcome->trial, &none)) {
        known->ended = HELD_BACK;
        return PBX_OK;
    }
    known->ended = TOLD;
    return pbx_inner_tell(inner, outcome, error);
}

static pbx_status
tell(pbx_instance *self, const pbx_outcome *outcome, pbx_error *error)
{
    limit_trial *known = (limit_trial *)pbx_map_get(&self->trials, outcome->trial);
    pbx_status status;
    if (outcome->end == PBX_END_DUPLICATE)
        pbx_map_remove(&self->trials, self->asked);
    if (self->batch && known && outcome->end != PBX_END_VOID) {
        status = end_in_batch(self, known, outcome, error);
        return status == PBX_OK ? release(self, error) : status;
    }
    pbx_map_remove(&self->trials, outcome->trial);
    status = pbx_inner_tell(&self->inner, outcome, error);
    return status == PBX_OK && self->batch ? release(self, error) : status;
}

static pbx_status
total(pbx_instance *self, int64_t *n, pbx_error *error)
{
    return pbx_inner_total(&self->inner, n, error);
}

static pbx_status
describe(pbx_instance *self, const pbx_sink *sink)
{
    unsigned long long n = (unsigned long long)live(self);
    unsigned long long max = (unsigned long long)self->max_concurrent;
    if (!self->counts)
        return PBX_OK;
    return pbx_sink_printf(sink, "At most %llu trial%s at a time%s: %llu now", max,
                           max == 1 ? "" : "s", self->batch ? ", in batches" : "", n);
}

static void
blob_trial(pbx_blob *blob, void *item)
{
    limit_trial *trial = (limit_trial *)item;
    pbx_blob_u32(blob, &trial->paused);
    pbx_blob_u32(blob, &trial->ended);
}

static void
blob_state(pbx_instance *self, pbx_blob *blob)
{
    pbx_blob_map(blob, &self->trials, blob_trial);
    pbx_blob_u64(blob, &self->asked);
}

static const char *const kinds[] = {"search", NULL};
static const pbx_option options[] = {
    PBX_OPT(PBX_OPTION_INT, PBX_OPTION_REQUIRED, "max_concurrent",
            "how many of its trials have not ended at most", "1.0", 1, 1e9, NULL, NULL),
    PBX_OPT_BOOL("batch",
                 "tell it the ends of trials when all have ended, and ask for more only then",
                 "1.0", "false"),
    PBX_OPT_PLUGIN(PBX_OPTION_REQUIRED, "search", "the search that is limited", "1.0", kinds, NULL),
};

PEGBOX_SEARCH("limit", "1.0", "At most so many trials of a search at a time", "LGPL-2.1-or-later",
              options, PBX_CAP_TRANSPARENT | PBX_CAPS_OF_INNER, 1, init, blob_state, .setup = setup,
              .suggest = suggest, .adopt = adopt, .state = state, .report = report, .tell = tell,
              .total = total, .object.describe = describe, .object.caps = caps);
