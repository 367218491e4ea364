/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Salvage of events and results. A result that was shown has an event; what a retry repeated has
 * none. */
#include <pegbox/logger.h>
#include <string.h>

#include "store/salvage-private.h"

/* ---- Events ---- */

static gboolean take_event(Salvage *salvage, sqlite3_stmt *row, gboolean whole);

static const SalvageTable events = {
    .table = "event",
    .columns = STORE_EVENT_COLUMNS,
    .n_summed = STORE_EVENT_SUMMED,
    .n_keys = 1,
    .rowid = TRUE,
    .take = take_event,
};

static gboolean
take_event(Salvage *salvage, sqlite3_stmt *s, gboolean whole)
{
    PbxEventRow row;
    row_take_event(s, &row);
    if (whole && row.type != G_MAXUINT) {
        if (row.type == PBX_EVENT_RESULT)
            g_hash_table_add(salvage->shown, GSIZE_TO_POINTER(row.seq));
        return store_put_event(salvage->to, &row, &salvage->error);
    }
    /* That of a result is made anew from the result. */
    g_hash_table_add(salvage->events_lost, GSIZE_TO_POINTER(row.seq));
    return TRUE;
}

static gboolean
put_event_of(Salvage *salvage, const PbxResultRow *row)
{
    const PbxEventRow event = {
        .seq = row->seq,
        .type = PBX_EVENT_RESULT,
        .at_ns = row->at_ns,
        .trial = row->trial,
        .attempt = row->attempt,
    };
    if (!g_hash_table_remove(salvage->events_lost, GSIZE_TO_POINTER(row->seq)))
        salvage->n_events_missing++;
    else
        salvage->n_events_mended++;
    return store_put_event(salvage->to, &event, &salvage->error);
}

/* ---- Results ---- */

static gboolean take_result(Salvage *salvage, sqlite3_stmt *row, gboolean whole);

static const SalvageTable results = {
    .table = "result",
    .columns = STORE_RESULT_COLUMNS,
    .n_summed = STORE_RESULT_SUMMED,
    .n_keys = 1,
    .rowid = TRUE,
    .take = take_result,
};

static void
tell_result_lost(Salvage *salvage, guint64 seq, const char *what)
{
    g_autofree char *where = g_strdup_printf("result %" G_GUINT64_FORMAT, seq);
    finding_add(salvage->findings, LOSS_SOME, where,
                "it is left out; its trial's other results are kept", "%s", what);
    salvage->any_holes = TRUE;
    salvage->results_lost++;
}

/* What the row of a lost attempt can be told from. */
static gboolean
remake_attempt(Salvage *salvage, const PbxResultRow *first)
{
    const double before = first->time_total_s - first->time_this_iter_s;
    const PbxAttemptRow row = {
        .trial = first->trial,
        .attempt = first->attempt,
        .pid = -1,
        .start_iteration = first->n > 1 ? MAX(first->iteration - 1, 0) : 0,
        .start_time_s = first->n > 1 && before > 0 ? before : 0,
        .start_timesteps = -1,
        .started_ns = -1,
        .ended_ns = -1,
        .start_n = first->n - 1,
        .start_episodes = -1,
    };
    g_autofree char *where =
        g_strdup_printf("attempt %" G_GUINT64_FORMAT "/%u", row.trial, row.attempt);
    finding_add(salvage->findings, LOSS_SOME, where, "its host, process and times are lost",
                "it has no row");
    return store_put_attempt(salvage->to, &row, &salvage->error);
}

/* Whether the results of an attempt come one after the other, and it has a row. */
static gboolean
check_order(Salvage *salvage, SalvageTrial *trial, const PbxResultRow *row)
{
    guint64 wanted = trial->n + 1;
    if (trial->attempt != row->attempt) {
        g_auto(PbxAttemptRow) attempt = {0};
        if (!store_find_attempt(salvage->to, row->trial, row->attempt, &attempt, &salvage->error)) {
            if (salvage->error != NULL || !remake_attempt(salvage, row))
                return FALSE;
            attempt.start_n = row->n - 1;
        }
        wanted = attempt.start_n + 1;
    }
    const guint64 missing = row->n > wanted ? row->n - wanted : 0;
    trial->attempt = row->attempt;
    trial->n = row->n;
    if (missing == 0)
        return TRUE;
    salvage->any_holes = TRUE;
    /* One that was damaged was told already. */
    if (salvage->results_lost >= missing) {
        salvage->results_lost -= (guint)missing;
        return TRUE;
    }
    g_autofree char *where = g_strdup_printf("trial %" G_GUINT64_FORMAT, row->trial);
    if (!salvage->known_holes)
        finding_add(salvage->findings, LOSS_SOME, where, "its other results are kept",
                    "%" G_GUINT64_FORMAT " of its results, from %" G_GUINT64_FORMAT
                    " on in attempt %u, are missing",
                    missing, wanted, row->attempt);
    return TRUE;
}

static gboolean
note_result(Salvage *salvage, SalvageTrial *trial, const PbxResultRow *row)
{
    const gboolean has_event = g_hash_table_remove(salvage->shown, GSIZE_TO_POINTER(row->seq));
    if (!has_event && row->n <= trial->shown)
        return TRUE;
    trial->shown = row->n;
    trial->shown_seq = row->seq;
    trial->n_shown++;
    return has_event || put_event_of(salvage, row);
}

static gboolean
take_result(Salvage *salvage, sqlite3_stmt *s, gboolean whole)
{
    PbxResultRow row;
    row_take_result(s, 0, &row);
    SalvageTrial *trial = whole ? salvage_trial(salvage, row.trial) : NULL;
    if (trial == NULL || row.fields == NULL || row.n == 0) {
        g_hash_table_remove(salvage->shown, GSIZE_TO_POINTER(row.seq));
        if (!salvage_drop_event(salvage, row.seq))
            return FALSE;
        tell_result_lost(salvage, row.seq, "its row is damaged");
        return TRUE;
    }
    g_autoptr(GError) failed = NULL;
    if (!store_put_result(salvage->to, &row, &failed)) {
        if (!g_error_matches(failed, PBX_STORE_ERROR, STORE_ERROR_IO) ||
            sqlite3_errcode(salvage->to->db) != SQLITE_CONSTRAINT_UNIQUE) {
            salvage->error = g_steal_pointer(&failed);
            return FALSE;
        }
        tell_result_lost(salvage, row.seq, "it is there twice");
        return TRUE;
    }
    return check_order(salvage, trial, &row) && note_result(salvage, trial, &row);
}

gboolean
salvage_drop_event(Salvage *salvage, guint64 seq)
{
    g_autofree char *sql = g_strdup_printf("DELETE FROM event WHERE seq = %" G_GUINT64_FORMAT, seq);
    return store_exec(salvage->to, sql, &salvage->error);
}

static int
compare_seqs(gconstpointer a, gconstpointer b)
{
    const gsize x = GPOINTER_TO_SIZE(a), y = GPOINTER_TO_SIZE(b);
    return x < y ? -1 : x > y;
}

/* Events whose results are gone. */
static gboolean
drop_orphans(Salvage *salvage)
{
    GList *seqs = g_list_sort(g_hash_table_get_keys(salvage->shown), compare_seqs);
    gboolean good = TRUE;
    for (GList *at = seqs; at != NULL && good; at = at->next) {
        const guint64 seq = GPOINTER_TO_SIZE(at->data);
        tell_result_lost(salvage, seq, "it is missing, but its event is there");
        good = salvage_drop_event(salvage, seq);
    }
    g_list_free(seqs);
    return good;
}

gboolean
salvage_results(Salvage *salvage)
{
    if (!salvage_scan(salvage, &events) || !salvage_scan(salvage, &results) ||
        !drop_orphans(salvage))
        return FALSE;
    if (salvage->n_events_missing + salvage->n_events_mended > 0)
        finding_add(salvage->findings, LOSS_NONE, "experiment.db",
                    "they are made anew from the results",
                    "%u events of results are damaged or missing",
                    salvage->n_events_missing + salvage->n_events_mended);
    GList *seqs = g_list_sort(g_hash_table_get_keys(salvage->events_lost), compare_seqs);
    for (GList *at = seqs; at != NULL; at = at->next) {
        g_autofree char *where =
            g_strdup_printf("event %" G_GSIZE_FORMAT, GPOINTER_TO_SIZE(at->data));
        finding_add(salvage->findings, LOSS_SOME, where, "it is left out: no logger is told of it",
                    "its row is damaged");
    }
    g_list_free(seqs);
    return TRUE;
}
