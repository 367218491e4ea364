/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a run goes on from: the newest of its checkpoints that can be unpacked and that the
 * trainable takes. The driver learns which it was, and what was wrong with those before it.
 */
#include "worker/process-private.h"

static JsonArray *
candidates_of(const PbxRun *run)
{
    JsonNode *node = json_object_get_member(run->message, "restore");
    return node != NULL && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

static JsonObject *
candidate_of(const PbxRun *run, guint i)
{
    JsonArray *all = candidates_of(run);
    JsonNode *node =
        all != NULL && i < json_array_get_length(all) ? json_array_get_element(all, i) : NULL;
    return node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

/* ---- Unpacking ---- */

/* A directory of the user's is not to be written to: it is copied, as an archive would be. */
static gboolean
unpack_directory(const char *from, const char *dir, GError **error)
{
    g_autofree char *archive = g_strconcat(dir, ".tar", NULL);
    if (!checkpoint_remove(archive, error) ||
        !checkpoint_pack(from, NULL, archive, NULL, NULL, error))
        return FALSE;
    gboolean good = checkpoint_unpack(archive, dir, NULL, 0, error);
    (void)checkpoint_remove(archive, NULL);
    return good;
}

static char *
unpack(PbxWorker *worker, JsonObject *candidate, GError **error)
{
    PbxRun *run = worker->run;
    const char *archive = message_get_string(candidate, "archive");
    g_autofree char *dir = g_strdup_printf("%s/" CHECKPOINT_RESTORED_PREFIX "%u",
                                           run->abi_trial.dir, run->restoring.next);
    if (archive == NULL) {
        g_set_error_literal(error, PBX_WORKER_ERROR, WORKER_ERROR_PROTOCOL,
                            "a checkpoint to restore has no archive");
        return NULL;
    }
    gboolean good =
        checkpoint_remove(dir, error) &&
        (g_file_test(archive, G_FILE_TEST_IS_DIR)
             ? unpack_directory(archive, dir, error)
             : checkpoint_unpack(archive, dir, message_get_string(candidate, "sha256"), 0, error));
    if (good && run->kept != NULL) {
        good = kept_path_place(run->kept, dir, error);
        (void)checkpoint_remove(dir, NULL);
        return good ? g_strdup(kept_path_whole(run->kept)) : NULL;
    }
    return good ? g_steal_pointer(&dir) : NULL;
}

/* ---- One after the other ---- */

static void
remove_unpacked(PbxRun *run)
{
    PbxRestoring *restoring = &run->restoring;
    /* At checkpoint.path it is the program's. */
    if (restoring->dir != NULL && run->kept == NULL)
        (void)checkpoint_remove(restoring->dir, NULL);
    g_clear_pointer(&restoring->dir, g_free);
    run->info.restored = NULL;
}

void
restoring_refuse(PbxWorker *worker, const char *why)
{
    PbxRun *run = worker->run;
    PbxRestoring *restoring = &run->restoring;
    JsonObject *candidate = candidate_of(run, restoring->next++);
    GString *damaged = restoring->damaged;
    remove_unpacked(run);
    g_free(restoring->why);
    restoring->why = g_strdup(why);
    g_string_append(damaged, damaged->len > 1 ? ",{\"id\":" : "{\"id\":");
    json_put_int(damaged, candidate != NULL ? message_get_int(candidate, "id", 0) : 0);
    message_string(damaged, "text", why);
    g_string_append_c(damaged, '}');
}

/* No other candidate would fare better, and what is intact is not to be given up for it. */
static gboolean
is_damaged(const GError *error)
{
    return error->domain == PBX_CHECKPOINT_ERROR && !worker_is_hosts_fault(error) &&
           error->code != CHECKPOINT_ERROR_INTERRUPTED;
}

gboolean
restoring_unpack(PbxWorker *worker)
{
    PbxRun *run = worker->run;
    PbxRestoring *restoring = &run->restoring;
    JsonObject *candidate;
    while ((candidate = candidate_of(run, restoring->next)) != NULL) {
        g_autoptr(GError) error = NULL;
        restoring->dir = unpack(worker, candidate, &error);
        if (restoring->dir != NULL) {
            run->info.restored = restoring->dir;
            return TRUE;
        }
        if (!is_damaged(error)) {
            restoring->failure = g_steal_pointer(&error);
            return FALSE;
        }
        restoring_refuse(worker, error->message);
    }
    return FALSE;
}

void
restoring_accept(PbxWorker *worker)
{
    PbxRun *run = worker->run;
    JsonObject *candidate = candidate_of(run, run->restoring.next);
    run->restoring.id = message_get_int(candidate, "id", 0);
    run->first_n = (guint64)MAX(0, message_get_int(candidate, "n", 0));
    run->ahead.n = run->ahead.acked = run->first_n;
    run->counts.iteration = message_get_int(candidate, "iteration", 0);
    run->counts.time_total_s = message_get_double(candidate, "time_total_s", 0);
    run->counts.timesteps_total = message_get_int(candidate, "timesteps_total", -1);
    run->counts.episodes_total = message_get_int(candidate, "episodes_total", -1);
}

/* ---- What came of it ---- */

static void
say_restored(PbxWorker *worker)
{
    PbxRun *run = worker->run;
    PbxRestoring *restoring = &run->restoring;
    GString *message = message_new("restored");
    g_string_append_c(restoring->damaged, ']');
    message_int(message, "trial", (gint64)run->trial);
    message_int(message, "attempt", run->attempt);
    message_int(message, "id", restoring->id);
    message_text(message, "damaged", restoring->damaged->str);
    channel_queue(&worker->channel, message);
}

/* What an attempt before has left there belongs to no result that is kept. */
static gboolean
begin_anew(PbxWorker *worker, GError **error)
{
    PbxRun *run = worker->run;
    return run->kept == NULL || run->attempt <= 1 || kept_path_clear(run->kept, error);
}

gboolean
restoring_end(PbxWorker *worker, GError **error)
{
    PbxRun *run = worker->run;
    PbxRestoring *restoring = &run->restoring;
    gint64 now_ns = g_get_monotonic_time() * 1000;
    if (restoring->failure != NULL) {
        g_propagate_prefixed_error(error, g_steal_pointer(&restoring->failure),
                                   "its checkpoint cannot be restored now: ");
        return FALSE;
    }
    const gboolean tried = candidates_of(run) != NULL && restoring->next + (restoring->id != 0) > 0;
    if (tried)
        say_restored(worker);
    if (restoring->id != 0) {
        counts_skip(&run->counts, now_ns - restoring->begun_ns);
        return TRUE;
    }
    if (tried && message_get_bool(run->message, "restore_must")) {
        g_set_error(error, PBX_CHECKPOINT_ERROR, CHECKPOINT_ERROR_DAMAGED,
                    "no checkpoint can be restored: %s",
                    restoring->why != NULL ? restoring->why : "");
        return FALSE;
    }
    return begin_anew(worker, error);
}

void
restoring_init(PbxRun *run)
{
    run->restoring.damaged = g_string_new("[");
    run->restoring.begun_ns = g_get_monotonic_time() * 1000;
}

/* A trainable in class form has read it; others may do so as long as they run. */
void
restoring_remove(PbxRun *run)
{
    remove_unpacked(run);
}

void
restoring_clear(PbxRun *run)
{
    remove_unpacked(run);
    g_string_free(run->restoring.damaged, TRUE);
    g_free(run->restoring.why);
    g_clear_error(&run->restoring.failure);
}
