/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the status block needs to know of all trials, kept up to date as they report and end:
 * a redraw costs the same with 100,000 ended trials as with ten.
 */
#include <math.h>
#include <string.h>

#include "experiment/reporter-private.h"
#include "json/json.h"

#define MAX_ENDS    1024 /* whose times are kept, for the time left */
#define MIN_ENDS    20
#define MAX_HISTORY 160 /* values of it; then every second one goes */
#define MIN_ELAPSED 1   /* seconds before a time left is told */

/* The latest few of something. */
typedef struct {
    guint64 *items;
    guint size, n, next;
} PbxRing;

static void
ring_init(PbxRing *ring, guint size)
{
    *ring = (PbxRing){.items = g_new(guint64, MAX(size, 1)), .size = MAX(size, 1)};
}

static void
ring_add(PbxRing *ring, guint64 item)
{
    ring->items[ring->next] = item;
    ring->next = (ring->next + 1) % ring->size;
    ring->n = MIN(ring->n + 1, ring->size);
}

/* Item 0 is the latest. */
static guint64
ring_at(const PbxRing *ring, guint i)
{
    return ring->items[(ring->next + ring->size - 1 - i) % ring->size];
}

struct PbxTally {
    const PbxRunner *runner;
    PbxTrial *best; /* of those that have ended */
    gboolean stale; /* ... as far as it is known */
    double ever;
    guint64 ever_trial, early_stopped, n_failed;
    PbxRing terminated, errors, failed; /* numbers of trials */
    PbxRing ends;                       /* of the clock */
    GPtrArray *sorted;                  /* PbxTrial*: the best of those that are TERMINATED */
    GArray *history;                    /* double: the best value so far */
    gint64 sample_ns, period_ns;
};

PbxTally *
tally_new(const PbxRunner *runner, const PbxStatusOptions *options)
{
    PbxTally *tally = g_new0(PbxTally, 1);
    tally->runner = runner;
    tally->ever = (double)NAN;
    guint rows = CLAMP(options->max_progress_rows, 1, 100000);
    ring_init(&tally->terminated, rows);
    ring_init(&tally->errors, rows);
    ring_init(&tally->failed, CLAMP(options->max_error_rows, 1, 100000));
    ring_init(&tally->ends, MAX_ENDS);
    tally->sorted = options->sort_by_metric ? g_ptr_array_new() : NULL;
    tally->history = g_array_new(FALSE, FALSE, sizeof(double));
    tally->period_ns = NS_PER_S / 4;
    return tally;
}

void
tally_free(PbxTally *tally)
{
    if (tally == NULL)
        return;
    PbxRing *rings[] = {&tally->terminated, &tally->errors, &tally->failed, &tally->ends};
    for (gsize i = 0; i < G_N_ELEMENTS(rings); i++)
        g_free(rings[i]->items);
    g_clear_pointer(&tally->sorted, g_ptr_array_unref);
    g_array_unref(tally->history);
    g_free(tally);
}

/* ---- What happens ---- */

void
tally_result(PbxTally *tally, const PbxTrial *trial, double value)
{
    int sign = 0;
    if (tally == NULL || reporter_metric(tally->runner, &sign) == NULL || !isfinite(value))
        return;
    if (isfinite(tally->ever) && sign * value >= sign * tally->ever)
        return;
    tally->ever = value;
    tally->ever_trial = trial->row.number;
}

void
tally_failed(PbxTally *tally, const PbxTrial *trial)
{
    if (tally == NULL || trial->row.failures != 1)
        return;
    tally->n_failed++;
    ring_add(&tally->failed, trial->row.number);
}

/* Keeps the best ones in order; of equal ones the first. */
static void
sort_in(PbxTally *tally, PbxTrial *trial)
{
    if (tally->sorted == NULL || isnan(tally_value(tally->runner, trial)))
        return;
    guint at = tally->sorted->len;
    while (at > 0 && tally_is_better(tally->runner, trial, tally->sorted->pdata[at - 1]))
        at--;
    if (at >= tally->terminated.size)
        return;
    g_ptr_array_insert(tally->sorted, (int)at, trial);
    if (tally->sorted->len > tally->terminated.size)
        g_ptr_array_set_size(tally->sorted, (int)tally->terminated.size);
}

static void
count_ended(PbxTally *tally, PbxTrial *trial)
{
    gboolean failed = trial->row.state == PBX_STATE_ERROR;
    ring_add(failed ? &tally->errors : &tally->terminated, trial->row.number);
    if (trial->row.end == PBX_END_EARLY_STOPPED)
        tally->early_stopped++;
    if (!failed)
        sort_in(tally, trial);
    if (isnan(tally_value(tally->runner, trial)))
        return;
    if (tally->best == NULL || tally_is_better(tally->runner, trial, tally->best))
        tally->best = trial;
}

void
tally_ended(PbxTally *tally, PbxTrial *trial)
{
    if (tally == NULL)
        return;
    ring_add(&tally->ends, (guint64)clock_now(tally->runner->clock));
    count_ended(tally, trial);
}

void
tally_stale(PbxTally *tally)
{
    tally->stale = TRUE;
}

/* The best value ever, of the trials that still count. */
static void
look_for_ever(PbxTally *tally)
{
    const PbxRunner *runner = tally->runner;
    tally->ever = (double)NAN;
    for (guint i = 0; i < runner->trials->len; i++) {
        const PbxTrial *trial = runner->trials->pdata[i];
        if (trial != NULL && trial->row.end != PBX_END_VOID)
            tally_result(tally, trial,
                         runner->report->metric != NULL ? trial->told : trial->row.best);
    }
}

void
tally_void(PbxTally *tally, PbxTrial *trial)
{
    if (tally == NULL)
        return;
    tally_stale(tally);
    if (tally->sorted != NULL)
        g_ptr_array_remove(tally->sorted, trial);
    if (tally->ever_trial == trial->row.number)
        look_for_ever(tally);
}

void
tally_sample(PbxTally *tally)
{
    gint64 now = clock_now(tally->runner->clock);
    if (!isfinite(tally->ever) || now < tally->sample_ns)
        return;
    tally->sample_ns = now + tally->period_ns;
    g_array_append_val(tally->history, tally->ever);
    if (tally->history->len < MAX_HISTORY)
        return;
    for (guint i = 0; i < MAX_HISTORY / 2; i++)
        g_array_index(tally->history, double, i) = g_array_index(tally->history, double, 2 * i + 1);
    g_array_set_size(tally->history, MAX_HISTORY / 2);
    tally->period_ns *= 2;
}

/* ---- What happened before ---- */

/* The reporter's own metric is in the results alone. */
static gboolean
recall_told(PbxRunner *runner, PbxTrial *trial, GError **error)
{
    const PbxTrialRow *row = &trial->row;
    if (row->last_seq == 0)
        return TRUE;
    g_autoptr(PbxResultRow) result = store_result(runner->store, row->last_seq, error);
    if (result == NULL)
        return FALSE;
    const PbxTrial then = {.row = *row, .attempt = trial->attempt};
    g_autoptr(PbxView) view = view_new(runner, &then, result);
    double value = (double)NAN;
    if (view_number(view, runner->report->metric, &value))
        trial->told = value;
    return TRUE;
}

static void
recall_history(PbxTally *tally)
{
    g_autofree char *text = store_fact(tally->runner->store, "live");
    g_autoptr(JsonNode) live =
        text != NULL ? json_read(text, strlen(text), DOC_MAX_NESTING, NULL) : NULL;
    g_autoptr(PbxStatus) status = status_new();
    status_take_live(status, live);
    const guint n = MIN(status->history->len, MAX_HISTORY / 2);
    g_array_append_vals(tally->history,
                        &g_array_index(status->history, double, status->history->len - n), n);
}

gboolean
tally_restore(PbxRunner *runner, const GPtrArray *ended, GError **error)
{
    PbxTally *tally = runner->tally;
    const gboolean own = runner->report->metric != NULL;
    for (guint i = 0; i < runner->trials->len; i++) {
        PbxTrial *trial = runner->trials->pdata[i];
        if (own && !recall_told(runner, trial, error))
            return FALSE;
        if (trial->row.failures > 0) {
            tally->n_failed++;
            ring_add(&tally->failed, trial->row.number);
        }
    }
    for (guint i = 0; i < ended->len; i++)
        count_ended(tally, ended->pdata[i]);
    look_for_ever(tally);
    recall_history(tally);
    return TRUE;
}

/* ---- What is asked ---- */

double
tally_value(const PbxRunner *runner, const PbxTrial *trial)
{
    double value = runner->report->metric != NULL ? trial->told : trial->row.value;
    if (reporter_metric(runner, NULL) == NULL || !isfinite(value) ||
        trial->row.feasible == FEASIBLE_NO || trial->row.end == PBX_END_VOID)
        return (double)NAN;
    return value;
}

gboolean
tally_is_better(const PbxRunner *runner, const PbxTrial *trial, const PbxTrial *other)
{
    int sign = 0;
    (void)reporter_metric(runner, &sign);
    double one = sign * tally_value(runner, trial), two = sign * tally_value(runner, other);
    return one < two || (one == two && trial->row.number < other->row.number);
}

static void
consider(const PbxRunner *runner, PbxTrial **best, PbxTrial *trial)
{
    if (trial == NULL || isnan(tally_value(runner, trial)))
        return;
    if (*best == NULL || tally_is_better(runner, trial, *best))
        *best = trial;
}

PbxTrial *
tally_best(PbxTally *tally)
{
    const PbxRunner *runner = tally->runner;
    if (tally->stale) {
        tally->best = NULL;
        for (guint i = 0; i < runner->trials->len; i++) {
            PbxTrial *trial = runner->trials->pdata[i];
            if (trial->ended)
                consider(runner, &tally->best, trial);
        }
        tally->stale = FALSE;
    }
    PbxTrial *best = tally->best;
    /* What is alive may have become worse since: it is looked at anew. */
    for (guint i = 0; i < runner->workers->len; i++)
        consider(runner, &best, ((PbxWorkerSlot *)runner->workers->pdata[i])->trial);
    for (guint i = 0; i < runner->asked->len; i++)
        consider(runner, &best, runner->asked->pdata[i]);
    const GQueue *queues[] = {&runner->waiting, &runner->resting, &runner->paused, &runner->parked};
    for (gsize i = 0; i < G_N_ELEMENTS(queues); i++)
        for (GList *item = queues[i]->head; item != NULL; item = item->next)
            consider(runner, &best, item->data);
    return best;
}

/* By how fast trials have ended of late, once as many have as run at a time; nobody knows how long
 * the last ones take, which run already. */
double
tally_left_s(const PbxTally *tally, gint64 total)
{
    const PbxRunner *runner = tally->runner;
    guint64 ended = runner->counts[PBX_STATE_TERMINATED] + runner->counts[PBX_STATE_ERROR];
    gint64 now = clock_now(runner->clock);
    double elapsed = (double)(now - runner->started_ns) / (double)NS_PER_S;
    guint n = MIN(tally->ends.n, CLAMP(3 * runner->slots, MIN_ENDS, MAX_ENDS));
    if (total <= 0 || (gint64)(ended + workers_busy(runner)) >= total || elapsed < MIN_ELAPSED ||
        n < MIN(runner->slots, MIN_ENDS))
        return (double)NAN;
    gint64 since = n == ended ? runner->started_ns : (gint64)ring_at(&tally->ends, n - 1);
    double rate = n / MAX((double)(now - since) / (double)NS_PER_S, 1e-3);
    return (double)(total - (gint64)ended) / rate;
}

guint64
tally_early_stopped(const PbxTally *tally)
{
    return tally->early_stopped;
}

double
tally_ever(const PbxTally *tally, guint64 *trial)
{
    *trial = tally->ever_trial;
    return tally->ever;
}

const GArray *
tally_history(const PbxTally *tally)
{
    return tally->history;
}

static GPtrArray *
trials_of(const PbxTally *tally, const PbxRing *ring)
{
    GPtrArray *trials = g_ptr_array_new();
    for (guint i = 0; i < ring->n; i++)
        g_ptr_array_add(trials, tally->runner->trials->pdata[ring_at(ring, i)]);
    return trials;
}

GPtrArray *
tally_terminated(const PbxTally *tally)
{
    return tally->sorted != NULL ? g_ptr_array_ref(tally->sorted)
                                 : trials_of(tally, &tally->terminated);
}

GPtrArray *
tally_errors(const PbxTally *tally)
{
    return trials_of(tally, &tally->errors);
}

GPtrArray *
tally_failures(const PbxTally *tally)
{
    return trials_of(tally, &tally->failed);
}

guint64
tally_n_failed(const PbxTally *tally)
{
    return tally->n_failed;
}
