/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Salvage of what is known of the whole experiment, of deciders, loggers and checkpoints. */
#include <string.h>

#include "store/salvage-private.h"
#include "json/json.h"

static void
tell_row(Salvage *salvage, const SalvageTable *table, sqlite3_stmt *row, PbxLoss loss,
         const char *then)
{
    g_autofree char *name = salvage_name(row, table);
    finding_add(salvage->findings, loss, name, then, "its row is damaged");
}

/* ---- Facts ---- */

static gboolean take_fact(Salvage *salvage, sqlite3_stmt *row, gboolean whole);

static const SalvageTable facts = {
    .table = "fact",
    .columns = STORE_FACT_COLUMNS,
    .n_summed = STORE_FACT_SUMMED,
    .n_keys = 1,
    .take = take_fact,
};

static gboolean
take_fact(Salvage *salvage, sqlite3_stmt *row, gboolean whole)
{
    const char *key = row_text(row, 0), *value = row_text(row, 1);
    salvage->any_rows = salvage->any_rows || whole;
    /* Now all rows have sums. */
    if (whole && g_strcmp0(key, STORE_FACT_FIRST_SCHEMA) == 0)
        return TRUE;
    if (whole && key != NULL && value != NULL)
        return store_put_fact(salvage->to, key, value, &salvage->error);
    static const char *const passing[] = {"live", "driver", NULL};
    const gboolean passes = key != NULL && g_strv_contains(passing, key);
    tell_row(salvage, &facts, row, passes ? LOSS_NONE : LOSS_SOME, "it is left out");
    return TRUE;
}

/* experiment.json beside the store is what `spec` says; NULL: it is not there. */
static JsonNode *
read_spec(Salvage *salvage, const char *stored)
{
    if (stored != NULL)
        return json_read(stored, strlen(stored), DOC_MAX_NESTING, NULL);
    g_autofree char *text = NULL;
    gsize n = 0;
    g_autofree char *path = g_build_filename(salvage->dir, "experiment.json", NULL);
    if (!g_file_get_contents(path, &text, &n, NULL))
        return NULL;
    JsonNode *node = json_read(text, n, DOC_MAX_NESTING, NULL);
    if (node != NULL && JSON_NODE_HOLDS_OBJECT(node))
        return node;
    g_clear_pointer(&node, json_node_unref);
    return NULL;
}

/* The member as a fact has it: its first item, a text as it stands. (transfer full) */
static char *
member_text(JsonNode *spec, const char *name)
{
    JsonNode *node = json_object_get_member(json_node_get_object(spec), name);
    if (node != NULL && JSON_NODE_HOLDS_ARRAY(node))
        node = json_array_get_length(json_node_get_array(node)) > 0
                   ? json_array_get_element(json_node_get_array(node), 0)
                   : NULL;
    if (node == NULL || JSON_NODE_HOLDS_NULL(node))
        return NULL;
    return json_node_get_value_type(node) == G_TYPE_STRING ? json_node_dup_string(node)
                                                           : json_to_text(node);
}

static gboolean
restore_fact(Salvage *salvage, const char *key, const char *value, PbxLoss loss, const char *then)
{
    g_autofree char *there = store_fact(salvage->to, key);
    if (there != NULL)
        return TRUE;
    g_autofree char *where = g_strdup_printf("fact %s", key);
    finding_add(salvage->findings, value != NULL ? loss : LOSS_SOME, where,
                value != NULL ? then : "the experiment can be looked at, but not resumed",
                "it is missing");
    return value == NULL || store_put_fact(salvage->to, key, value, &salvage->error);
}

/* Those that no experiment is without. */
static gboolean
restore_facts(Salvage *salvage)
{
    static const char from_spec[] = "taken from the experiment's spec";
    g_autofree char *stored = store_fact(salvage->to, "spec");
    g_autoptr(JsonNode) spec = read_spec(salvage, stored);
    g_autofree char *text = spec != NULL && stored == NULL ? json_to_text(spec) : NULL;
    g_autofree char *metric = spec != NULL ? member_text(spec, "metric") : NULL;
    g_autofree char *mode = spec != NULL ? member_text(spec, "mode") : NULL;
    g_autofree char *seed = spec != NULL ? member_text(spec, "seed") : NULL;
    g_autofree char *name = spec != NULL ? member_text(spec, "name") : NULL;
    g_autofree char *dir_name = g_path_get_basename(salvage->dir);
    g_autofree char *uuid = g_uuid_string_random();
    g_auto(GStrv) parts = g_strsplit(uuid, "-", -1);
    g_autofree char *id = g_strjoinv("", parts);
    const char *const no_metric = spec != NULL ? "" : NULL;
    return restore_fact(salvage, "spec", text, LOSS_NONE, "taken from experiment.json") &&
           restore_fact(salvage, "metric", metric != NULL ? metric : no_metric, LOSS_NONE,
                        from_spec) &&
           restore_fact(salvage, "mode", metric != NULL ? mode : no_metric, LOSS_NONE, from_spec) &&
           restore_fact(salvage, "seed", seed, LOSS_NONE, from_spec) &&
           (name == NULL || restore_fact(salvage, "name", name, LOSS_NONE, from_spec)) &&
           restore_fact(salvage, "name", dir_name, LOSS_NONE, "taken from its directory") &&
           restore_fact(salvage, "experiment_id", id, LOSS_SOME, "results get a new one") &&
           restore_fact(salvage, "status", "interrupted", LOSS_NONE,
                        "the experiment counts as interrupted");
}

gboolean
salvage_facts(Salvage *salvage)
{
    if (!salvage_scan_texts(salvage, &facts) || !restore_facts(salvage))
        return FALSE;
    g_autofree char *repaired = store_fact(salvage->to, "repaired");
    salvage->known_holes = repaired != NULL;
    return TRUE;
}

/* ---- Checkpoints ---- */

static gboolean take_checkpoint(Salvage *salvage, sqlite3_stmt *row, gboolean whole);

static const SalvageTable checkpoints = {
    .table = "checkpoint",
    .columns = STORE_CHECKPOINT_COLUMNS,
    .n_summed = STORE_CHECKPOINT_SUMMED,
    .n_keys = 1,
    .rowid = TRUE,
    .take = take_checkpoint,
};

static gboolean
take_checkpoint(Salvage *salvage, sqlite3_stmt *s, gboolean whole)
{
    PbxCheckpointRow row;
    row_take_checkpoint(s, &row);
    if (row.name == NULL || row.sha256 == NULL || salvage_trial(salvage, row.trial) == NULL)
        whole = FALSE;
    if (!whole) {
        tell_row(salvage, &checkpoints, s, LOSS_SOME,
                 "it counts as damaged: nothing is restored from it; its archive is left alone");
        row.name = row.name != NULL ? row.name : (char *)"";
        row.sha256 = row.sha256 != NULL ? row.sha256 : (char *)"";
        row.state = CHECKPOINT_DAMAGED;
    }
    return store_put_checkpoint(salvage->to, &row, &salvage->error);
}

static gboolean
add_to_count(const PbxCheckpointRow *row, gpointer user)
{
    (void)row;
    ++*(guint64 *)user;
    return TRUE;
}

/* Rows of checkpoints stay, whatever becomes of the archives. */
static gboolean
count_checkpoints(Salvage *salvage)
{
    guint64 n = 0;
    const guint64 last = store_last_checkpoint(salvage->to);
    if (!store_each_checkpoint(salvage->to, G_MAXUINT64, add_to_count, &n, &salvage->error))
        return FALSE;
    if (n < last && !salvage->known_holes)
        finding_add(salvage->findings, LOSS_SOME, "experiment.db",
                    "their archives, where there are some, are left alone",
                    "%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                    " rows of checkpoints are missing",
                    last - n, last);
    salvage->any_holes = salvage->any_holes || n < last;
    return TRUE;
}

/* ---- Deciders and their inputs ---- */

static gboolean take_decider(Salvage *salvage, sqlite3_stmt *row, gboolean whole);
static gboolean take_input(Salvage *salvage, sqlite3_stmt *row, gboolean whole);

static const SalvageTable deciders = {
    .table = "decider",
    .columns = "rowid, " STORE_DECIDER_COLUMNS,
    .n_summed = STORE_DECIDER_SUMMED,
    .n_keys = 2,
    .first = 1,
    .rowid = TRUE,
    .take = take_decider,
};
static const SalvageTable inputs = {
    .table = "input",
    .columns = STORE_INPUT_COLUMNS,
    .n_summed = STORE_INPUT_SUMMED,
    .n_keys = 1,
    .rowid = TRUE,
    .take = take_input,
};

/* Who goes on with the experiment is to know that there was a state. Loggers do without. */
static gboolean
mark_state_lost(Salvage *salvage, const char *slot)
{
    static const PbxBlobFacts lost = {.plugin = (char *)"", .state_version = STATE_LOST};
    if (g_str_has_prefix(slot, "loggers"))
        return TRUE;
    return store_put_blob(salvage->to, slot, &lost, "", 0, &salvage->error);
}

/* "stop[0]" is one of the stoppers. */
static void
tell_state_lost(Salvage *salvage, const char *slot, const char *what)
{
    const char *then = "resume says what becomes of it";
    if (g_str_has_prefix(slot, "search"))
        then = "it is told all trials again when the experiment is resumed";
    else if (g_str_has_prefix(slot, "scheduler"))
        then = "`pegbox resume --reset scheduler` begins it anew";
    else if (g_str_has_prefix(slot, "stop"))
        then = "`pegbox resume --reset stoppers` begins it anew";
    g_autofree char *where = g_strdup_printf("decider %s", slot);
    finding_add(salvage->findings, LOSS_SOME, where, then, "%s", what);
}

static gboolean
take_decider(Salvage *salvage, sqlite3_stmt *row, gboolean whole)
{
    const char *slot = row_text(row, 1);
    if (!whole || slot == NULL) {
        tell_state_lost(salvage, slot != NULL ? slot : "", "its state is damaged, and left out");
        return slot == NULL || mark_state_lost(salvage, slot);
    }
    const PbxBlobFacts state = {
        .plugin = row_text(row, 2),
        .version = row_text(row, 3),
        .state_version = (guint32)sqlite3_column_int64(row, 4),
        .at_seq = (guint64)row_int(row, 6, 0),
        .input = (guint64)row_int(row, 7, 0),
    };
    const void *bytes = sqlite3_column_blob(row, 5);
    const gsize n = (gsize)sqlite3_column_bytes(row, 5);
    return store_put_blob(salvage->to, slot, &state, bytes, n, &salvage->error);
}

static gboolean
take_input(Salvage *salvage, sqlite3_stmt *s, gboolean whole)
{
    PbxInputRow row;
    row_take_input(s, &row);
    if (whole && row.slot != NULL && row.call != NULL)
        return store_put_input(salvage->to, &row, &salvage->error);
    tell_row(salvage, &inputs, s, LOSS_SOME, "it is left out");
    salvage->inputs_lost = TRUE;
    return TRUE;
}

static gboolean
count_input(const PbxInputRow *row, gpointer user)
{
    (void)row;
    ++*(guint64 *)user;
    return TRUE;
}

/* Whether inputs are missing behind what all stored states know of. */
static gboolean
check_inputs(Salvage *salvage, const GPtrArray *slots, gboolean *missing)
{
    guint64 known = 0, n = 0;
    for (guint i = 0; i < slots->len; i++) {
        g_auto(PbxBlobFacts) state = {0};
        g_autoptr(GBytes) blob = store_blob(salvage->to, slots->pdata[i], &state, &salvage->error);
        if (salvage->error != NULL)
            return FALSE;
        known = MAX(known, blob != NULL ? state.input : 0);
    }
    const guint64 last = store_last_input(salvage->to);
    for (guint i = 0; i < slots->len; i++)
        if (!store_each_input(salvage->to, slots->pdata[i], known, count_input, &n,
                              &salvage->error))
            return FALSE;
    *missing = salvage->inputs_lost || last - known != n;
    return TRUE;
}

#define ALL_SLOTS "SELECT slot FROM decider UNION SELECT slot FROM input"

/* Those with an input that names what is lost: it cannot be repeated. A point that is asked for
 * or adopted names a trial that may be still to come. */
#define BROKEN_SLOTS                                                                               \
    "SELECT DISTINCT slot FROM input WHERE call NOT IN ('search.suggest', 'search.adopt') AND"     \
    " number > ifnull((SELECT input FROM decider WHERE decider.slot = input.slot), 0) AND"         \
    " (seq > 0 AND seq NOT IN (SELECT seq FROM result) OR"                                         \
    "  trial >= 0 AND trial NOT IN (SELECT number FROM trial))"

static GPtrArray *
list_slots(Salvage *salvage, const char *sql)
{
    sqlite3_stmt *s = NULL;
    GPtrArray *slots = g_ptr_array_new_with_free_func(g_free);
    (void)sqlite3_prepare_v2(salvage->to->db, sql, -1, &s, NULL);
    while (s != NULL && sqlite3_step(s) == SQLITE_ROW)
        g_ptr_array_add(slots, g_strdup(row_text(s, 0)));
    sqlite3_finalize(s);
    return slots;
}

/* A state that cannot be brought up to date is of no use. */
static gboolean
drop_states(Salvage *salvage, const GPtrArray *slots)
{
    for (guint i = 0; i < slots->len; i++) {
        const char *slot = slots->pdata[i];
        guint64 n = 0;
        if (!store_each_input(salvage->to, slot, 0, count_input, &n, &salvage->error))
            return FALSE;
        if (n == 0)
            continue;
        tell_state_lost(salvage, slot, "its state cannot be brought up to date, and is left out");
        char *sql = sqlite3_mprintf("DELETE FROM input WHERE slot = %Q", slot);
        const gboolean good = store_exec(salvage->to, sql, &salvage->error);
        sqlite3_free(sql);
        if (!good || !mark_state_lost(salvage, slot))
            return FALSE;
    }
    return TRUE;
}

/* A row that cannot be read may have been the search's: to be told again does no harm. */
static gboolean
mark_search(Salvage *salvage)
{
    g_autoptr(GBytes) blob = store_blob(salvage->to, "search", NULL, &salvage->error);
    return salvage->error == NULL && (blob != NULL || mark_state_lost(salvage, "search"));
}

static gboolean
salvage_deciders(Salvage *salvage)
{
    gboolean missing = FALSE;
    const guint n_findings = salvage->findings->len;
    if (!salvage_scan(salvage, &deciders) ||
        (salvage->findings->len > n_findings && !mark_search(salvage)) ||
        !salvage_scan(salvage, &inputs))
        return FALSE;
    g_autoptr(GPtrArray) slots = list_slots(salvage, ALL_SLOTS);
    if (!check_inputs(salvage, slots, &missing))
        return FALSE;
    if (missing)
        return drop_states(salvage, slots);
    g_autoptr(GPtrArray) broken = list_slots(salvage, BROKEN_SLOTS);
    return drop_states(salvage, broken);
}

/* ---- Loggers ---- */

static gboolean take_cursor(Salvage *salvage, sqlite3_stmt *row, gboolean whole);
static gboolean take_file(Salvage *salvage, sqlite3_stmt *row, gboolean whole);

static const SalvageTable cursors = {
    .table = "cursor",
    .columns = STORE_CURSOR_COLUMNS,
    .n_summed = STORE_CURSOR_SUMMED,
    .n_keys = 1,
    .take = take_cursor,
};
static const SalvageTable files = {
    .table = "file",
    .columns = STORE_FILE_COLUMNS,
    .n_summed = STORE_FILE_SUMMED,
    .n_keys = 3,
    .take = take_file,
};

/* One that is lost stands at the end: of what may have been told nothing is told twice. */
static gboolean
take_cursor(Salvage *salvage, sqlite3_stmt *row, gboolean whole)
{
    const char *slot = row_text(row, 0);
    if (slot == NULL)
        return TRUE;
    if (!whole)
        tell_row(salvage, &cursors, row, LOSS_SOME,
                 "this logger is taken to know all events until now");
    const guint64 seq = whole ? (guint64)sqlite3_column_int64(row, 1) : store_last_seq(salvage->to);
    return store_put_cursor(salvage->to, slot, seq, &salvage->error);
}

static gboolean
take_file(Salvage *salvage, sqlite3_stmt *row, gboolean whole)
{
    const char *slot = row_text(row, 0), *name = row_text(row, 2);
    if (whole && slot != NULL && name != NULL)
        return store_put_file(salvage->to, slot, (guint64)sqlite3_column_int64(row, 1), name,
                              (guint64)sqlite3_column_int64(row, 3), &salvage->error);
    tell_row(salvage, &files, row, LOSS_NONE, "the file is looked at itself");
    return TRUE;
}

gboolean
salvage_kept(Salvage *salvage)
{
    return salvage_scan(salvage, &checkpoints) && count_checkpoints(salvage) &&
           salvage_deciders(salvage) && salvage_scan_texts(salvage, &cursors) &&
           salvage_scan_texts(salvage, &files);
}
