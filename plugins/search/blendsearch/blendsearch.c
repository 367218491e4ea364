/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search/blendsearch: a global search and local ones by turns. The global one is another plugin; it
 * is told of all trials. The local ones begin at good points that it found; who gets the next trial
 * is decided by what each has gained for its costs.
 */
#include "../cfo/flow2.h"

/* The global search is the first; no more local ones begin while there are so many. */
enum { MOST_THREADS = 32, MOST_TRIES = 30 };
/* How far a global proposal may lie outside of what local searches have seen. */
#define BEYOND 0.1

/* Marks of a trial, and of its origin beside the thread. */
enum { ASKED = 1 }; /* the global search proposed something for it */

typedef struct blend_thread {
    uint64_t id;                          /* 0: the global search */
    double loss, loss_before;             /* the best, and the one before it */
    double spent, spent_at, spent_before; /* costs in all, until the best, until the one before */
    double speed;                         /* gain by cost */
    flow2 search;                         /* of a local one */
} blend_thread;

struct pbx_instance {
    pbx_base base;
    pbx_inner inner; /* the global search */
    int has_cost;    /* cost_attr */
    flow2_resource none;
    /* Of the problem. */
    const pbx_problem *problem;
    flow2_space space;
    /* What it knows. */
    uint32_t begun; /* the cheap point was proposed */
    uint64_t last_id;
    uint64_t asked; /* the trial of the last suggestion */
    blend_thread threads[MOST_THREADS];
    size_t n_threads;
    double *low, *high; /* [n] what local searches have seen, of cheap parameters */
    pbx_map live;       /* flow2_trial */
    /* Scratch. */
    flow2_trial *trial;
    double *x;
};

static const char *const kinds[] = {"search", NULL};
static const pbx_option options[] = {
    FLOW2_OPT_CHEAP,
    FLOW2_OPT_COSTS,
    FLOW2_OPT_COST_ATTR,
    PBX_OPT_PLUGIN(0, "search", "the global search", "1.0", kinds, "\"tpe\""),
};

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *options_, pbx_error *error)
{
    self->has_cost = pbx_string(host, options_, "cost_attr") != NULL;
    self->none.most = self->none.least = (double)NAN;
    return pbx_inner_take(self, "search", &self->inner, error);
}

#define OWN_CAPS                                                                                   \
    (PBX_CAP_NEEDS_METRIC | PBX_CAP_CATEGORY | PBX_CAP_CONDITIONAL | PBX_CAP_UNBOUNDED |           \
     PBX_CAP_QUANTUM)

static uint32_t
caps(const pbx_instance *self)
{
    return PBX_CAP_NEEDS_METRIC | (OWN_CAPS & self->inner.child->caps);
}

static pbx_status
setup(pbx_instance *self, const pbx_problem *problem, pbx_error *error)
{
    const size_t n = problem->space->n_dims;
    pbx_status status = flow2_space_read(self, &self->space, problem, error);
    self->problem = problem;
    if (status == PBX_OK)
        status = pbx_inner_setup(&self->inner, pbx_inner_problem(&self->inner), error);
    if (status != PBX_OK || self->live.self)
        return status;
    pbx_map_init(&self->live, self, sizeof(flow2_trial) + n * sizeof(double));
    self->trial = pbx_alloc(self, self->live.item_size);
    self->x = pbx_alloc_array(self, n, sizeof(double));
    self->low = pbx_alloc_array(self, n, sizeof(double));
    self->high = pbx_alloc_array(self, n, sizeof(double));
    if (!self->trial || !self->x || !self->low || !self->high)
        return pbx_fail_memory(error);
    for (size_t i = 1; i < MOST_THREADS && status == PBX_OK; i++)
        status = flow2_make(self, &self->threads[i].search, n, error);
    for (size_t i = 0; i < n; i++)
        self->low[i] = self->high[i] = self->space.start[i];
    self->threads[0].loss = self->threads[0].loss_before = (double)INFINITY;
    self->n_threads = 1;
    return status;
}

/* ---- Who is next ---- */

static uint64_t
running(const pbx_instance *self, const blend_thread *thread)
{
    uint64_t n = 0;
    for (size_t i = 0; i < self->live.n; i++)
        n += ((const flow2_trial *)pbx_map_item(&self->live, i))->thread == thread->id;
    return n;
}

static int
can_propose(const pbx_instance *self, const blend_thread *thread)
{
    uint64_t open = 0;
    for (size_t i = 0; i < self->live.n; i++) {
        const flow2_trial *trial = pbx_map_item(&self->live, i);
        open += trial->thread == thread->id && trial->incumbent == thread->search.incumbent;
    }
    return open == 0 || open < 2 * self->space.n;
}

/* What it takes until a thread is as good as the best: the least over all threads. */
static double
least_cost(const pbx_instance *self, double fastest)
{
    double best = (double)INFINITY, least = (double)INFINITY;
    for (size_t i = 0; i < self->n_threads; i++)
        best = fmin(best, self->threads[i].loss);
    for (size_t i = 0; i < self->n_threads; i++) {
        const blend_thread *t = &self->threads[i];
        const double speed = t->speed > 0 ? t->speed : fastest;
        double cost = fmax(t->spent - t->spent_at, t->spent_at - t->spent_before);
        if (t->loss > best && speed > 0)
            cost = fmax(cost, 2 * (t->loss - best) / speed);
        least = fmin(least, cost);
    }
    return least;
}

/* The thread of the greatest gain to be hoped for [2, section 3.3]; 0: the global search.
 * local: the best of the local ones that can propose; 0: there is none. */
static size_t
choose(const pbx_instance *self, size_t *local)
{
    double fastest = 0, cost, most = -(double)INFINITY, most_local = -(double)INFINITY;
    size_t chosen = 0;
    *local = 0;
    for (size_t i = 0; i < self->n_threads; i++)
        fastest = fmax(fastest, self->threads[i].speed);
    cost = least_cost(self, fastest);
    for (size_t i = 0; i < self->n_threads; i++) {
        const blend_thread *t = &self->threads[i];
        const double speed = t->speed > 0 ? t->speed : fastest;
        const double gain = (speed > 0 ? cost * speed : 0) - t->loss;
        if (i > 0 && !can_propose(self, t))
            continue;
        if (gain > most) {
            most = gain;
            chosen = i;
        }
        if (i > 0 && (*local == 0 || gain > most_local)) {
            most_local = gain;
            *local = i;
        }
    }
    return chosen;
}

/* ---- Suggestions ---- */

/* Whether its cheap parameters lie near what local searches have seen; if they are to, it is moved
 * there. */
static int
is_admissible(const pbx_instance *self, double *places, int move)
{
    int inside = 1;
    for (size_t i = 0; i < self->space.n; i++) {
        const double low = self->low[i] - BEYOND, high = self->high[i] + BEYOND;
        if (!self->space.is_cheap[i] || self->space.axes[i].unordered)
            continue;
        inside &= places[i] >= low && places[i] <= high;
        if (move)
            places[i] = pbx_clamp(places[i], fmax(0, low), fmin(1, high));
    }
    return inside;
}

/* The global search learns of the point as of one that somebody else proposed; asked: in place of
 * its own. */
static pbx_status
pass_on(pbx_instance *self, pbx_suggestion *suggestion, int asked, pbx_error *error)
{
    pbx_suggestion *given;
    suggestion->flags = asked ? PBX_SUGGESTION_ALTERED : 0;
    given = pbx_inner_suggestion(&self->inner, suggestion);
    suggestion->flags = 0;
    if (!asked) {
        given->flags = PBX_SUGGESTION_ENQUEUED;
        given->ask = PBX_NONE;
    }
    return pbx_inner_adopt_as(&self->inner, given, error);
}

static void
propose(pbx_instance *self, blend_thread *thread, pbx_rng *rng, double *x)
{
    for (int i = 0; i < MOST_TRIES; i++) {
        flow2_ask(&thread->search, &self->space, &self->none, rng, self->trial);
        flow2_point(&self->space, self->trial->places, x);
        if (!self->space.all_whole ||
            !flow2_is_known(&self->space, &thread->search, &self->live, x, self->x))
            break;
    }
    self->trial->thread = thread->id;
}

static pbx_status
keep(pbx_instance *self, uint64_t number, pbx_error *error)
{
    flow2_trial *kept = pbx_map_put(&self->live, number);
    if (!kept)
        return pbx_fail_memory(error);
    memcpy(kept, self->trial, self->live.item_size);
    return PBX_OK;
}

/* The global search's point is in suggestion->x. */
static pbx_status
take_global(pbx_instance *self, pbx_suggestion *suggestion, size_t local, pbx_rng *rng,
            pbx_error *error)
{
    flow2_trial *trial = self->trial;
    trial->mark = ASKED;
    memcpy(trial->places, self->space.start, self->space.n * sizeof(double));
    flow2_places(&self->space, suggestion->x, trial->places);
    if (is_admissible(self, trial->places, local == 0))
        return PBX_OK;
    if (local > 0)
        propose(self, &self->threads[local], rng, suggestion->x);
    else
        flow2_point(&self->space, trial->places, suggestion->x);
    suggestion->extra = NULL;
    return pass_on(self, suggestion, 1, error);
}

static pbx_status
suggest(pbx_instance *self, pbx_suggestion *suggestion, pbx_error *error)
{
    pbx_rng rng = pbx_rng_at(self->base.host, suggestion->ask, 0);
    size_t local, chosen = choose(self, &local);
    pbx_status status = PBX_AGAIN;
    memset(self->trial, 0, self->live.item_size);
    if (self->begun && chosen == 0) {
        status = pbx_inner_suggest(&self->inner, suggestion, error);
        if (status == PBX_OK)
            status = take_global(self, suggestion, local, &rng, error);
        else if (status < 0 || local == 0)
            return status;
        else
            chosen = local; /* it has nothing, for now or for ever */
    }
    if (!self->begun) {
        memcpy(self->trial->places, self->space.start, self->space.n * sizeof(double));
        flow2_point(&self->space, self->trial->places, suggestion->x);
        self->begun = 1;
        status = pass_on(self, suggestion, 0, error);
    } else if (chosen > 0) {
        propose(self, &self->threads[chosen], &rng, suggestion->x);
        status = pass_on(self, suggestion, 0, error);
    }
    if (status != PBX_OK)
        return status;
    suggestion->origin = 2 * self->trial->thread + self->trial->mark;
    self->asked = suggestion->trial;
    return keep(self, suggestion->trial, error);
}

static blend_thread *
thread_of(pbx_instance *self, uint64_t id)
{
    for (size_t i = 0; i < self->n_threads; i++)
        if (self->threads[i].id == id)
            return &self->threads[i];
    return NULL;
}

static pbx_status
adopt(pbx_instance *self, const pbx_suggestion *suggestion, pbx_error *error)
{
    const flow2_trial *before = pbx_map_get(&self->live, suggestion->trial);
    const int replayed = (suggestion->flags & PBX_SUGGESTION_REPLAY) != 0;
    const int own = replayed && suggestion->ask != PBX_NONE;
    const uint64_t origin = own ? suggestion->origin : 0;
    blend_thread *thread = thread_of(self, origin / 2);
    pbx_suggestion *given = pbx_inner_suggestion(&self->inner, suggestion);
    const uint64_t asked = own ? origin & ASKED : before ? before->mark : 0;
    pbx_status status;
    if (!asked) {
        given->flags = (given->flags & PBX_SUGGESTION_REPLAY) | PBX_SUGGESTION_ENQUEUED;
        given->ask = PBX_NONE;
    }
    status = pbx_inner_adopt_as(&self->inner, given, error);
    if (status < 0)
        return status;
    self->begun |= (uint32_t)own;
    memset(self->trial, 0, self->live.item_size);
    memcpy(self->trial->places, self->space.start, self->space.n * sizeof(double));
    flow2_places(&self->space, suggestion->x, self->trial->places);
    self->trial->mark = asked;
    if (thread && thread->id > 0) {
        self->trial->thread = thread->id;
        self->trial->incumbent = thread->search.incumbent;
        self->trial->step = thread->search.step;
        flow2_count_ask(&thread->search, &self->none);
        self->trial->ask = thread->search.asks;
    }
    return keep(self, suggestion->trial, error);
}

/* ---- Results ---- */

static void
count(pbx_instance *self, blend_thread *t, double loss, double cost)
{
    const double others = fmax(1, (double)running(self, t));
    t->spent += cost;
    if (loss < t->loss) {
        t->spent_before = t->spent_at;
        t->spent_at = t->spent;
        t->loss_before = isinf(t->loss) ? loss : t->loss;
        t->loss = loss;
    }
    t->speed = t->loss_before > t->loss && isfinite(t->loss_before)
                   ? (t->loss_before - t->loss) / (others * fmax(t->spent - t->spent_before, 1))
                   : 0;
}

static void
end_thread(pbx_instance *self, size_t i)
{
    const blend_thread ended = self->threads[i];
    self->n_threads--;
    memmove(&self->threads[i], &self->threads[i + 1], (self->n_threads - i) * sizeof(blend_thread));
    self->threads[self->n_threads] = ended; /* its memory */
}

static int
compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Better than half of the local searches. */
static int
is_good(const pbx_instance *self, double loss)
{
    double losses[MOST_THREADS];
    const size_t n = self->n_threads - 1;
    for (size_t i = 0; i < n; i++)
        losses[i] = self->threads[i + 1].loss;
    qsort(losses, n, sizeof(double), compare);
    return n == 0 || loss < (losses[(n - 1) / 2] + losses[n / 2]) / 2;
}

/* Whether it comes to where the other is within that step, and is better. */
static int
reaches(const pbx_instance *self, const blend_thread *better, const blend_thread *other,
        double step)
{
    double squares = 0;
    if (!(better->loss < other->loss))
        return 0;
    for (size_t i = 0; i < self->space.n; i++) {
        const double by = better->search.center[i] - other->search.center[i];
        if (self->space.axes[i].unordered && by != 0)
            return 0;
        squares += by * by;
    }
    return sqrt(squares) <= step;
}

/* Those that a better one comes to by itself end. */
static void
merge(pbx_instance *self, uint64_t id)
{
    for (size_t i = self->n_threads; i-- > 1;) {
        const blend_thread *t = thread_of(self, id), *other = &self->threads[i];
        if (!t || t == other)
            continue;
        if (reaches(self, t, other, t->search.step))
            end_thread(self, i);
        else if (reaches(self, other, t, other->search.step))
            end_thread(self, (size_t)(t - self->threads));
    }
}

/* From a point that the global search found, unless a better search has it before its first step.
 */
static void
begin_thread(pbx_instance *self, const double *places, double loss, double cost)
{
    blend_thread *t = &self->threads[self->n_threads];
    if (!isfinite(loss) || self->n_threads == MOST_THREADS || !is_good(self, loss))
        return;
    t->id = self->last_id + 1;
    t->loss = t->loss_before = loss;
    t->spent = t->spent_at = cost;
    t->spent_before = t->speed = 0;
    flow2_start(&t->search, places, loss, cost, &self->none);
    for (size_t i = 1; i < self->n_threads; i++)
        if (reaches(self, &self->threads[i], t, t->search.step))
            return;
    self->n_threads++;
    self->last_id++;
    merge(self, t->id);
}

static void
see(pbx_instance *self, const double *places, double beyond)
{
    for (size_t i = 0; i < self->space.n; i++) {
        self->low[i] = fmin(self->low[i], places[i] - beyond);
        self->high[i] = fmax(self->high[i], places[i] + beyond);
    }
}

static void
learn_local(pbx_instance *self, blend_thread *thread, double loss, double cost)
{
    const uint64_t id = thread->id;
    see(self, self->trial->places, 0);
    count(self, thread, loss, cost);
    flow2_tell(&thread->search, &self->none, self->trial, loss, cost);
    if (flow2_has_converged(&thread->search, &self->space)) {
        see(self, thread->search.center, BEYOND);
        end_thread(self, (size_t)(thread - self->threads));
        return;
    }
    merge(self, id);
}

static void
learn(pbx_instance *self, const pbx_outcome *outcome, const flow2_trial *trial)
{
    const double loss = pbx_final_loss(outcome);
    const double cost = flow2_cost(self->problem, self->has_cost, outcome);
    blend_thread *thread;
    if (trial) {
        memcpy(self->trial, trial, self->live.item_size);
    } else {
        memset(self->trial, 0, self->live.item_size);
        memcpy(self->trial->places, self->space.start, self->space.n * sizeof(double));
    }
    if (!trial || (outcome->flags & PBX_OUTCOME_RECONFIGURED))
        flow2_places(&self->space, outcome->x, self->trial->places);
    thread = thread_of(self, self->trial->thread);
    if (thread && thread->id > 0) {
        learn_local(self, thread, loss, cost);
        return;
    }
    if (self->trial->thread > 0)
        return; /* of a search that is over */
    count(self, &self->threads[0], loss, cost);
    begin_thread(self, self->trial->places, loss, cost);
}

/* The global search was not asked for what is skipped: for it, a trial that ended. */
static pbx_status
tell_skipped(pbx_instance *self, const pbx_outcome *outcome, uint64_t number, pbx_error *error)
{
    pbx_outcome *given = self->inner.service->outcome(self->inner.host, self->inner.child, outcome);
    if (!given)
        return pbx_fail(error, PBX_EINVAL, NULL, "an outcome that is not the host's");
    given->trial = number;
    given->end = given->last ? PBX_END_COMPLETED : PBX_END_VOID;
    return pbx_inner_tell_as(&self->inner, given, error);
}

static pbx_status
tell(pbx_instance *self, const pbx_outcome *outcome, pbx_error *error)
{
    const int skipped = outcome->end == PBX_END_DUPLICATE;
    const uint64_t number = skipped ? self->asked : outcome->trial;
    const flow2_trial *trial = number != PBX_NONE ? pbx_map_get(&self->live, number) : NULL;
    pbx_status status = skipped && trial && !trial->mark
                            ? tell_skipped(self, outcome, number, error)
                            : pbx_inner_tell(&self->inner, outcome, error);
    if (outcome->end != PBX_END_VOID && (!skipped || (trial && outcome->last)))
        learn(self, outcome, trial);
    if (number != PBX_NONE)
        pbx_map_remove(&self->live, number);
    return status;
}

static pbx_status
state_of_trial(pbx_instance *self, uint64_t trial, uint32_t now, pbx_error *error)
{
    return pbx_inner_state(&self->inner, trial, now, error);
}

static pbx_status
report(pbx_instance *self, const pbx_result *result, pbx_error *error)
{
    return pbx_inner_report(&self->inner, result, error);
}

static pbx_status
describe(pbx_instance *self, const pbx_sink *sink)
{
    const size_t n = self->n_threads - 1;
    return pbx_sink_printf(sink, "BlendSearch: %zu local search%s beside the global one", n,
                           n == 1 ? "" : "es");
}

/* ---- State ---- */

static void
live_state(pbx_blob *blob, void *item)
{
    flow2_trial_state(item, blob->self->space.n, blob);
}

static void
thread_state(pbx_blob *blob, blend_thread *t)
{
    double *numbers[] = {&t->loss,     &t->loss_before,  &t->spent,
                         &t->spent_at, &t->spent_before, &t->speed};
    pbx_blob_u64(blob, &t->id);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        pbx_blob_real(blob, numbers[i]);
}

static void
state(pbx_instance *self, pbx_blob *blob)
{
    uint64_t n = self->space.n;
    pbx_blob_u64(blob, &n);
    if (n != self->space.n || !self->live.self) {
        pbx_blob_fail(blob, PBX_ENOTSUP);
        return;
    }
    pbx_blob_u32(blob, &self->begun);
    pbx_blob_u64(blob, &self->last_id);
    pbx_blob_u64(blob, &self->asked);
    pbx_blob_reals(blob, self->low, self->space.n);
    pbx_blob_reals(blob, self->high, self->space.n);
    pbx_blob_count(blob, &self->n_threads, 56);
    if (self->n_threads < 1 || self->n_threads > MOST_THREADS) {
        pbx_blob_fail(blob, PBX_EINVAL);
        self->n_threads = 1;
    }
    for (size_t i = 0; i < self->n_threads; i++) {
        thread_state(blob, &self->threads[i]);
        if (i > 0)
            flow2_state(&self->threads[i].search, blob);
    }
    pbx_blob_map(blob, &self->live, live_state);
}

PEGBOX_SEARCH("blendsearch", "1.0", "A global search and cheap local ones, by turns",
              "LGPL-2.1-or-later", options, OWN_CAPS, 1, init, state, .setup = setup,
              .suggest = suggest, .adopt = adopt, .state = state_of_trial, .report = report,
              .tell = tell, .object.describe = describe, .object.caps = caps);
