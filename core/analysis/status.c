/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The model of the status block from a store. */
#include <math.h>
#include <string.h>

#include "analysis/analysis.h"
#include "analysis/status.h"
#include "store/status-row.h"
#include "json/json.h"

/* A trial and what it is ranked by. */
typedef struct {
    guint64 trial;
    double key; /* less comes first */
} PbxRanked;

typedef struct {
    const PbxStatusSource *source;
    PbxStatus *status;
    GHashTable *known;
    GArray *ranked[PBX_N_STATES]; /* PbxRanked: the first few of each state */
    GArray *failed;
    GHashTable *values; /* guint64* of a PbxScore*: by sort_by_metric; NULL: not sorted */
    int sign;
} PbxStatusReader;

/* Keeps the least `limit` keys in order; of equal ones the first that came. */
static void
rank(GArray *ranked, guint64 trial, double key, guint limit)
{
    guint at = ranked->len;
    while (at > 0 && g_array_index(ranked, PbxRanked, at - 1).key > key)
        at--;
    if (at >= limit)
        return;
    const PbxRanked item = {trial, key};
    g_array_insert_val(ranked, at, item);
    if (ranked->len > limit)
        g_array_set_size(ranked, limit);
}

/* RUNNING and PENDING ones by number, of those that have ended the latest, or the best. */
static double
key_of(const PbxStatusReader *reader, const PbxBriefRow *row)
{
    if (row->state <= PBX_STATE_PAUSED)
        return (double)row->trial;
    if (row->state != PBX_STATE_TERMINATED || reader->values == NULL)
        return -(double)row->ended_ns;
    const PbxScore *score = g_hash_table_lookup(reader->values, &row->trial);
    return score != NULL && isfinite(score->value) ? reader->sign * score->value : (double)INFINITY;
}

/* What a dead driver left RUNNING waits for another run; what was asked for runs elsewhere. */
static gboolean
is_left(const PbxStatusReader *reader, int state, const char *reason)
{
    return state == PBX_STATE_RUNNING && !reader->source->running &&
           g_strcmp0(reason, STORE_REASON_ASKED) != 0;
}

static gboolean
is_brief_left(const PbxStatusReader *reader, const PbxBriefRow *row)
{
    if (!is_left(reader, row->state, NULL))
        return FALSE;
    g_autoptr(PbxTrialRow) trial = store_trial(reader->source->store, row->trial, NULL);
    return trial == NULL || is_left(reader, trial->state, trial->reason);
}

static void
take_brief(const PbxBriefRow *row, gpointer user)
{
    PbxStatusReader *reader = user;
    PbxStatus *status = reader->status;
    const PbxStatusOptions *options = reader->source->options;
    PbxBriefRow seen = *row;
    if (is_brief_left(reader, row))
        seen.state = PBX_STATE_PENDING;
    status->counts[seen.state]++;
    status->early_stopped += seen.end == PBX_END_EARLY_STOPPED;
    rank(reader->ranked[seen.state], seen.trial, key_of(reader, &seen), options->max_progress_rows);
    if (seen.failures == 0)
        return;
    status->n_errors++;
    rank(reader->failed, seen.trial, seen.ended_ns > 0 ? -(double)seen.ended_ns : -INFINITY,
         options->max_error_rows);
}

static PbxStatusTrial *
make_trial(PbxStatusReader *reader, guint64 number, GError **error)
{
    PbxStore *store = reader->source->store;
    g_autoptr(PbxTrialRow) row = store_trial(store, number, error);
    if (row == NULL)
        return NULL;
    if (is_left(reader, row->state, row->reason))
        row->state = PBX_STATE_PENDING;
    PbxStatusTrial *known = g_hash_table_lookup(reader->known, &number);
    if (!status_row_is_new(known, row))
        return status_trial_ref(known);
    PbxStatusTrial *made = status_row_new(store, reader->source->id, row, NULL, NULL);
    status_known_add(reader->known, made);
    return made;
}

static gboolean
make_trials(PbxStatusReader *reader, const GArray *ranked, GPtrArray *trials, GError **error)
{
    for (guint i = 0; i < ranked->len; i++) {
        g_autoptr(GError) failed = NULL;
        PbxStatusTrial *trial =
            make_trial(reader, g_array_index(ranked, PbxRanked, i).trial, &failed);
        if (failed != NULL) {
            g_propagate_error(error, g_steal_pointer(&failed));
            return FALSE;
        }
        if (trial != NULL)
            g_ptr_array_add(trials, trial);
    }
    return TRUE;
}

/* ---- The best ---- */

static gboolean
read_best(PbxStatusReader *reader, GError **error)
{
    const PbxStatusSource *source = reader->source;
    const PbxStatusOptions *options = source->options;
    const char *metric = options->metric != NULL ? options->metric : source->metric;
    g_auto(PbxBest) best = {0}, ever = {0};
    reader->sign = options->metric != NULL ? options->sign : source->sign;
    if (metric == NULL)
        return TRUE;
    if (!analysis_best_trials(source->store, metric, reader->sign, SCOPE_LAST, &best, &ever, error))
        return FALSE;
    if (ever.found) {
        reader->status->ever = ever.value;
        reader->status->ever_trial = ever.trial;
    }
    if (!best.found)
        return TRUE;
    PbxStatusTrial *trial = make_trial(reader, best.trial, error);
    if (trial != NULL)
        trial->value = best.value;
    reader->status->best = trial;
    return trial != NULL;
}

static GHashTable *
values_new(const GArray *scores)
{
    GHashTable *values = g_hash_table_new(g_int64_hash, g_int64_equal);
    for (guint i = 0; i < scores->len; i++) {
        PbxScore *score = &g_array_index(scores, PbxScore, i);
        g_hash_table_insert(values, &score->trial, score);
    }
    return values;
}

static gboolean
read_trials(PbxStatusReader *reader, GError **error)
{
    const PbxStatusSource *source = reader->source;
    const PbxStatusOptions *options = source->options;
    const char *metric = options->metric != NULL ? options->metric : source->metric;
    g_autoptr(GArray) scores = NULL;
    if (options->sort_by_metric && metric != NULL) {
        scores = analysis_scores(source->store, metric, reader->sign, SCOPE_LAST, error);
        if (scores == NULL)
            return FALSE;
        reader->values = values_new(scores);
    }
    gboolean ok = store_each_brief(source->store, take_brief, reader, error);
    g_clear_pointer(&reader->values, g_hash_table_unref);
    for (gsize i = 0; ok && i < PBX_N_STATES; i++)
        ok = make_trials(reader, reader->ranked[i], reader->status->rows[i], error);
    return ok && make_trials(reader, reader->failed, reader->status->errors, error);
}

/* ---- The head ---- */

static gint64
fact_time(PbxStore *store, const char *key)
{
    g_autofree char *text = store_fact(store, key);
    gint64 ns = -1;
    if (text == NULL || !g_ascii_string_to_signed(text, 10, 0, G_MAXINT64, &ns, NULL))
        return -1;
    return ns;
}

void
analysis_status_tick(const PbxStatusSource *source, PbxStatus *status)
{
    gint64 started = fact_time(source->store, "started_ns");
    gint64 now = g_get_real_time() * 1000;
    gint64 until = source->running ? now : fact_time(source->store, "ended_ns");
    /* The time left was told at another time. */
    if (source->running && status->wall_ns > 0 && isfinite(status->left_s))
        status->left_s = MAX(status->left_s - (double)(now - status->wall_ns) / 1e9, 0);
    status->wall_ns = source->running ? now : until;
    status->elapsed_s =
        started >= 0 && until >= started ? (double)(until - started) / 1e9 : (double)NAN;
    if (source->running && source->here)
        status_read_memory(&status->memory_used, &status->memory_total);
}

/* What a driver that is gone said of now holds no more. */
static void
forget_now(PbxStatus *status)
{
    g_ptr_array_set_size(status->waits, 0);
    g_ptr_array_set_size(status->resources, 0);
    status->memory_total = status->memory_used = 0;
    status->left_s = (double)NAN;
}

static void
fill_head(const PbxStatusSource *source, PbxStatus *status)
{
    status->name = g_strdup(source->name);
    status->dir = g_strdup(source->dir);
    status->state = g_strdup(source->status != NULL ? source->status : "unknown");
    status->parameters = g_strdupv((char **)source->parameters);
    status->metric = g_strdup(source->metric);
    status->sign = source->sign;
    status->further = g_strdupv((char **)source->further);
    if (source->spec != NULL)
        status->total = json_object_get_int_member_with_default(json_node_get_object(source->spec),
                                                                "num_samples", -1);
    g_autofree char *text = store_fact(source->store, "live");
    g_autoptr(JsonNode) live =
        text != NULL ? json_read(text, strlen(text), DOC_MAX_NESTING, NULL) : NULL;
    status_take_live(status, live);
    if (!source->running)
        forget_now(status);
    analysis_status_tick(source, status);
}

PbxStatus *
analysis_status(const PbxStatusSource *source, const PbxStatus *before, GError **error)
{
    g_autoptr(PbxStatus) status = status_new();
    g_autoptr(GHashTable) known = status_known_new(before);
    PbxStatusReader reader = {.source = source, .status = status, .known = known};
    for (gsize i = 0; i < PBX_N_STATES; i++)
        reader.ranked[i] = g_array_new(FALSE, FALSE, sizeof(PbxRanked));
    reader.failed = g_array_new(FALSE, FALSE, sizeof(PbxRanked));
    fill_head(source, status);
    const gboolean ok = read_best(&reader, error) && read_trials(&reader, error);
    for (gsize i = 0; i < PBX_N_STATES; i++)
        g_array_unref(reader.ranked[i]);
    g_array_unref(reader.failed);
    return ok ? g_steal_pointer(&status) : NULL;
}
