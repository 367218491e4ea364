/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Salvage of trials and their attempts. Of a row that is damaged nothing can be relied upon: its
 * trial ends, and counts no more. */
#include <math.h>
#include <pegbox/types.h>
#include <string.h>

#include "random/random.h"
#include "store/salvage-private.h"
#include "json/json.h"

#define REASON "its row in the store was damaged, and `pegbox repair` ended it"

/* ---- Reading ---- */

static gboolean take_trial(Salvage *salvage, sqlite3_stmt *row, gboolean whole);
static gboolean take_attempt(Salvage *salvage, sqlite3_stmt *row, gboolean whole);

static const SalvageTable trials = {
    .table = "trial",
    .columns = STORE_TRIAL_COLUMNS,
    .n_summed = STORE_TRIAL_SUMMED,
    .n_keys = 1,
    .rowid = TRUE,
    .take = take_trial,
};
static const SalvageTable attempts = {
    .table = "attempt",
    .columns = STORE_ATTEMPT_COLUMNS,
    .n_summed = STORE_ATTEMPT_SUMMED,
    .n_keys = 2,
    .take = take_attempt,
};

static gboolean
take_trial(Salvage *salvage, sqlite3_stmt *s, gboolean whole)
{
    PbxTrialRow row;
    row_take_trial(s, &row);
    SalvageTrial *trial = salvage_trial(salvage, row.number);
    gboolean good = TRUE;
    if (trial == NULL) {
        g_autofree char *name = salvage_name(s, &trials);
        finding_add(salvage->findings, LOSS_SOME, name, "it is left out",
                    "its number makes no sense");
    } else if (whole && row.id != NULL && row.config != NULL) {
        *trial = (SalvageTrial){
            .there = TRUE,
            .attempts = row.attempts,
            .last_seq = row.last_seq,
            .n_results = row.n_results,
        };
        salvage->any_rows = TRUE;
        salvage->n_dims = MAX(salvage->n_dims, row.n_dims);
        if (salvage->id_prefix == NULL)
            salvage->id_prefix = g_strndup(row.id, strcspn(row.id, "_"));
        good = store_put_trial(salvage->to, &row, &salvage->error);
    }
    g_free(row.x);
    return good;
}

static gboolean
take_attempt(Salvage *salvage, sqlite3_stmt *s, gboolean whole)
{
    PbxAttemptRow row;
    row_take_attempt(s, &row);
    SalvageTrial *trial = whole ? salvage_trial(salvage, row.trial) : NULL;
    if (trial == NULL)
        return TRUE; /* told when it is missed */
    trial->attempts = MAX(trial->attempts, row.attempt);
    return store_put_attempt(salvage->to, &row, &salvage->error);
}

gboolean
salvage_trials(Salvage *salvage)
{
    return salvage_scan(salvage, &trials) && salvage_scan(salvage, &attempts);
}

/* ---- A trial whose row is lost ---- */

/* Of ids, where no trial's row is left that has one. (transfer full) */
static char *
find_prefix(const Salvage *salvage)
{
    g_autofree char *text = store_fact(salvage->to, "seed");
    guint64 seed;
    return text != NULL && g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64, &seed, NULL)
               ? random_id_prefix(seed)
               : g_strdup("lost");
}

/* The name of its directory has its id, TRAINABLE_ID_NN_TAG_DATE, or is that. (transfer full) or
 * NULL */
static char *
find_dir(const Salvage *salvage, const char *id)
{
    g_autoptr(GDir) dir = g_dir_open(salvage->dir, 0, NULL);
    for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
        const char *at = name[0] != '.' ? strstr(name, id) : NULL;
        if (at != NULL && !g_ascii_isalnum(at[strlen(id)]))
            return g_strdup(name);
    }
    return NULL;
}

/* An object that a logger wrote of it: the first line, or all. (transfer full) or NULL */
static JsonNode *
read_object(const Salvage *salvage, const char *dir, const char *name, gboolean first_line)
{
    g_autofree char *path = g_build_filename(salvage->dir, dir, name, NULL);
    g_autofree char *text = NULL;
    gsize n = 0;
    if (!g_file_get_contents(path, &text, &n, NULL))
        return NULL;
    JsonNode *node = json_read(text, first_line ? strcspn(text, "\n") : n, DOC_MAX_NESTING, NULL);
    if (node != NULL && !JSON_NODE_HOLDS_OBJECT(node))
        g_clear_pointer(&node, json_node_unref);
    return node;
}

/* What its files tell of it; members are NULL where they do not. */
typedef struct {
    char *dir, *config, *tag, *name;
} Traces;

static void
traces_clear(Traces *traces)
{
    g_free(traces->dir);
    g_free(traces->config);
    g_free(traces->tag);
    g_free(traces->name);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Traces, traces_clear)

static void
find_traces(const Salvage *salvage, const char *id, Traces *traces)
{
    traces->dir = find_dir(salvage, id);
    if (traces->dir == NULL)
        return;
    g_autoptr(JsonNode) params = read_object(salvage, traces->dir, "params.json", FALSE);
    g_autoptr(JsonNode) result = read_object(salvage, traces->dir, "result.json", TRUE);
    traces->config = params != NULL ? json_to_text(params) : NULL;
    traces->name =
        g_strndup(traces->dir, (gsize)(strstr(traces->dir, id) - traces->dir) + strlen(id));
    if (result != NULL)
        traces->tag = g_strdup(json_object_get_string_member_with_default(
            json_node_get_object(result), "experiment_tag", NULL));
}

static gboolean
remake_trial(Salvage *salvage, guint64 number, const SalvageTrial *trial)
{
    if (salvage->id_prefix == NULL)
        salvage->id_prefix = find_prefix(salvage);
    g_autofree char *id = g_strdup_printf("%s_%05" G_GUINT64_FORMAT, salvage->id_prefix, number);
    g_auto(Traces) traces = {0};
    find_traces(salvage, id, &traces);
    g_autofree double *x = g_new(double, salvage->n_dims + 1);
    for (guint i = 0; i < salvage->n_dims; i++)
        x[i] = (double)NAN;
    const PbxTrialRow row = {
        .number = number,
        .id = id,
        .name = traces.name != NULL ? traces.name : id,
        .tag = traces.tag,
        .dir = traces.dir != NULL ? traces.dir : id, /* for what is left of its logs */
        .state = PBX_STATE_ERROR,
        .end = PBX_END_VOID,
        .config = traces.config != NULL ? traces.config : (char *)"{}",
        .x = x,
        .n_dims = salvage->n_dims,
        .ask = G_MAXUINT64,
        .attempts = trial->attempts,
        .reason = (char *)REASON,
        .error = (char *)REASON,
        .created_ns = -1,
        .started_ns = -1,
        .ended_ns = -1,
        .n_results = trial->n_shown,
        .iteration = -1,
        .value = (double)NAN,
        .best = (double)NAN,
        .last_seq = trial->shown_seq,
        .rung = G_MAXUINT32,
        .bracket = G_MAXUINT32,
    };
    g_autofree char *where = g_strdup_printf("trial %" G_GUINT64_FORMAT, number);
    finding_add(salvage->findings, LOSS_SOME, where,
                traces.config != NULL
                    ? "it ends as ERROR and counts no more; params.json has its config, "
                      "which `pegbox enqueue` can run again"
                    : "it ends as ERROR and counts no more; its config is lost",
                "its row is damaged or missing");
    return store_put_trial(salvage->to, &row, &salvage->error);
}

/* ---- A trial that is not what its results say ---- */

typedef struct {
    double sign; /* of better: the lower value times this */
    double best;
} Best;

static gboolean
add_best(const PbxResultRow *row, gpointer user)
{
    Best *best = user;
    if (isfinite(row->value) && row->feasible != FEASIBLE_NO &&
        (isnan(best->best) || best->sign * row->value < best->sign * best->best))
        best->best = row->value;
    return TRUE;
}

/* It stands where its last result left it. */
static gboolean
follow_results(Salvage *salvage, guint64 number, const SalvageTrial *trial)
{
    g_autoptr(PbxTrialRow) row = store_trial(salvage->to, number, &salvage->error);
    g_autoptr(PbxResultRow) last =
        row != NULL && trial->shown_seq > 0
            ? store_result(salvage->to, trial->shown_seq, &salvage->error)
            : NULL;
    if (salvage->error != NULL || row == NULL)
        return FALSE;
    const gboolean newer = trial->shown_seq > row->last_seq;
    g_autofree char *mode = store_fact(salvage->to, "mode");
    row->last_seq = trial->shown_seq;
    row->n_results = trial->n_shown;
    row->iteration = last != NULL ? last->iteration : -1;
    row->time_total_s = last != NULL ? last->time_total_s : 0;
    row->value = last != NULL ? last->value : (double)NAN;
    /* Now they can be read: its last one is what it says. */
    Best best = {.sign = g_strcmp0(mode, "max") == 0 ? -1 : 1, .best = (double)NAN};
    if (!store_put_trial(salvage->to, row, &salvage->error) ||
        !store_each_result(salvage->to, number, add_best, &best, &salvage->error))
        return FALSE;
    row->best = newer || isnan(row->best) ? best.best : row->best;
    g_autofree char *where = g_strdup_printf("trial %" G_GUINT64_FORMAT, number);
    finding_add(salvage->findings, newer ? LOSS_NONE : LOSS_SOME, where,
                newer ? "it is brought up to them"
                      : "it stands where the results that are left have brought it",
                newer ? "its row is older than its results" : "some of its results are missing");
    return store_put_trial(salvage->to, row, &salvage->error);
}

static gboolean
mend_attempts(Salvage *salvage, guint64 number, const SalvageTrial *trial)
{
    for (guint i = 1; i <= trial->attempts; i++) {
        g_auto(PbxAttemptRow) there = {0};
        if (store_find_attempt(salvage->to, number, i, &there, &salvage->error))
            continue;
        if (salvage->error != NULL)
            return FALSE;
        g_autofree char *where = g_strdup_printf("attempt %" G_GUINT64_FORMAT "/%u", number, i);
        const PbxAttemptRow row = {.trial = number,
                                   .attempt = i,
                                   .pid = -1,
                                   .start_timesteps = -1,
                                   .start_episodes = -1,
                                   .started_ns = -1,
                                   .ended_ns = -1};
        finding_add(salvage->findings, LOSS_SOME, where, "its host, process and times are lost",
                    "its row is damaged or missing");
        if (!store_put_attempt(salvage->to, &row, &salvage->error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
mend(Salvage *salvage, guint64 number, const SalvageTrial *trial)
{
    if (!trial->there)
        return remake_trial(salvage, number, trial) && mend_attempts(salvage, number, trial);
    if (trial->last_seq != trial->shown_seq || trial->n_results != trial->n_shown)
        if (!follow_results(salvage, number, trial))
            return FALSE;
    return mend_attempts(salvage, number, trial);
}

gboolean
salvage_mend_trials(Salvage *salvage)
{
    for (guint i = 0; i < salvage->trials->len; i++)
        if (!mend(salvage, i, &g_array_index(salvage->trials, SalvageTrial, i)))
            return FALSE;
    if (!salvage->any_holes || salvage->known_holes)
        return TRUE;
    g_autofree char *now =
        g_strdup_printf("%" G_GINT64_FORMAT, g_get_real_time() * G_GINT64_CONSTANT(1000));
    return store_put_fact(salvage->to, "repaired", now, &salvage->error);
}
