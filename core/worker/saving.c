/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The checkpoints of the run under way: when one is due, the directory that is filled for it, the
 * archive that it becomes, and what the driver is told. One is made only of results that the
 * driver has answered: none counts for a result that may be lost.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker/process-private.h"

#define NAME_TRIES 100

/* ---- What the run wants ---- */

/* The name of an archive without its ending. */
static char *
stem_of(const char *name)
{
    const char *end = strstr(name, ".tar");
    return end != NULL ? g_strndup(name, (gsize)(end - name)) : g_strdup(name);
}

void
saving_init(PbxRun *run, JsonObject *message)
{
    PbxSaving *saving = &run->saving;
    JsonNode *node = json_object_get_member(message, "checkpoint");
    saving->used = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    if (node == NULL || !JSON_NODE_HOLDS_OBJECT(node))
        return;
    JsonObject *object = json_node_get_object(node);
    saving->frequency = MAX(0, message_get_int(object, "frequency", 0));
    saving->at_end = message_get_bool(object, "at_end");
    saving->zstd_level = (int)CLAMP(message_get_int(object, "zstd_level", 0), 0, 100);
    saving->path = message_get_string(object, "path");
    g_auto(GStrv) used = message_get_strings(object, "used");
    for (gsize i = 0; used[i] != NULL; i++)
        g_hash_table_add(saving->used, stem_of(used[i]));
    /* Never further ahead than what may be lost, nor where its end is saved. */
    if (saving->frequency > 0)
        run->ahead.window = MIN(run->ahead.window, (guint64)saving->frequency);
    if (saving->at_end || saving->path != NULL)
        run->ahead.window = 0;
}

void
saving_clear(PbxRun *run)
{
    g_hash_table_unref(run->saving.used);
}

/* A result of the run asks for a checkpoint by itself. */
static gboolean
asks(JsonObject *fields, guint32 flags)
{
    JsonNode *node = fields != NULL ? json_object_get_member(fields, SAVING_FIELD) : NULL;
    double number;
    if ((flags & PBX_REPORT_CHECKPOINT) != 0)
        return TRUE;
    if (node == NULL)
        return FALSE;
    if (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_BOOLEAN)
        return json_node_get_boolean(node);
    return json_number(node, FALSE, &number) && number != 0;
}

void
saving_reported(PbxWorker *worker, JsonObject *fields, guint32 flags)
{
    PbxRun *run = worker->run;
    PbxSaving *saving = &run->saving;
    if (saving->asked && saving->told && saving->n_open == 0 && !run->stopping)
        saving_asked_failed(worker, "it was asked for a checkpoint, and reported again "
                                    "without having made one");
    const gboolean due = saving->frequency > 0 && run->counts.iteration % saving->frequency == 0;
    const gboolean at_end = saving->at_end && (flags & PBX_REPORT_DONE) != 0;
    if (due || at_end || asks(fields, flags)) {
        saving->wanted = TRUE;
        saving->wanted_n = run->ahead.n;
        if (run->kept != NULL)
            kept_path_due(run->kept, FALSE);
    }
}

gboolean
saving_must_settle(const PbxRun *run)
{
    return run->saving.wanted && run->saving.wanted_n == run->ahead.n &&
           run->ahead.acked < run->ahead.n;
}

/* What was reported past the result that ended the trial counts no more. */
static gboolean
is_too_late(const PbxRun *run)
{
    return run->past_end || (run->stop && !run->saving.asked && run->ahead.acked < run->ahead.n);
}

gboolean
saving_is_wanted(const PbxRun *run)
{
    return (run->saving.asked || run->saving.wanted) && !is_too_late(run);
}

/* A trainable in class form is saved, and so is a path: only others save themselves. */
gboolean
saving_tell(PbxWorker *worker)
{
    PbxRun *run = worker->run;
    if (run->kept != NULL || worker->trainable->run == NULL || !saving_is_wanted(run))
        return FALSE;
    run->saving.told = TRUE;
    return TRUE;
}

/* ---- What the driver is told ---- */

static GString *
message_of(const PbxRun *run, const char *type)
{
    GString *message = message_new(type);
    message_int(message, "trial", (gint64)run->trial);
    message_int(message, "attempt", run->attempt);
    return message;
}

static void
say_saved(PbxWorker *worker, const char *why_not)
{
    PbxSaving *saving = &worker->run->saving;
    GString *message = message_of(worker->run, "saved");
    saving->asked = saving->told = FALSE;
    message_bool(message, "ok", why_not == NULL);
    message_string(message, "text", why_not);
    channel_queue(&worker->channel, message);
    channel_flush(&worker->channel);
}

static void
say_saving(PbxWorker *worker, gboolean begun)
{
    GString *message = message_of(worker->run, "saving");
    message_bool(message, "begun", begun);
    channel_queue(&worker->channel, message);
    channel_flush(&worker->channel);
}

void
saving_asked_failed(PbxWorker *worker, const char *why)
{
    if (worker->run->saving.asked)
        say_saved(worker, why);
}

/* In one line: to the driver that asked, else to the user. The run goes on. */
void
saving_failed(PbxWorker *worker, const char *why)
{
    PbxSaving *saving = &worker->run->saving;
    saving->wanted = FALSE;
    if (saving->asked)
        say_saved(worker, why);
    else if (worker->instance != NULL)
        host_log(worker->instance->host, PBX_LOG_WARNING, "no checkpoint was made: %s", why);
}

void
saving_begun(PbxWorker *worker)
{
    if (worker->run->saving.n_open++ == 0)
        say_saving(worker, TRUE);
}

void
saving_over(PbxWorker *worker)
{
    if (--worker->run->saving.n_open == 0)
        say_saving(worker, FALSE);
}

/* ---- Archives ---- */

/* A name that the trial has never had. (transfer full) NULL: something is odd with its directory.
 */
static char *
new_name(PbxRun *run, gint64 step)
{
    PbxSaving *saving = &run->saving;
    const char *ending = saving->zstd_level > 0 ? ".tar.zst" : ".tar";
    for (guint64 k = 1; k < G_MAXUINT; k++) {
        g_autofree char *stem =
            k == 1
                ? g_strdup_printf("checkpoint_%06" G_GINT64_FORMAT, step)
                : g_strdup_printf("checkpoint_%06" G_GINT64_FORMAT "_%" G_GUINT64_FORMAT, step, k);
        if (g_hash_table_contains(saving->used, stem))
            continue;
        g_autofree char *plain = g_strconcat(run->abi_trial.dir, "/", stem, ".tar", NULL);
        g_autofree char *packed = g_strconcat(plain, ".zst", NULL);
        struct stat facts;
        const gboolean taken = lstat(plain, &facts) == 0 || lstat(packed, &facts) == 0;
        char *name = g_strconcat(stem, ending, NULL);
        g_hash_table_add(saving->used, g_steal_pointer(&stem));
        if (!taken)
            return name;
        g_free(name);
    }
    return NULL;
}

/* An archive is of no use where a power cut takes the directory that it is in: its parent is synced
 * once the trial has something in it. */
static gboolean
keep_directory(PbxRun *run, GError **error)
{
    g_autofree char *parent = g_path_get_dirname(run->abi_trial.dir);
    if (run->saving.findable)
        return TRUE;
    const int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    run->saving.findable = fd >= 0 && fsync(fd) == 0;
    if (!run->saving.findable)
        g_set_error(error, PBX_WORKER_ERROR, WORKER_ERROR_HOST, "%s cannot be synced: %s", parent,
                    g_strerror(errno));
    if (fd >= 0)
        close(fd);
    return run->saving.findable;
}

gboolean
saving_pack(PbxWorker *worker, const PbxSave *save, const char *dir, const char *const *members,
            PbxArchived *archived, GError **error)
{
    PbxRun *run = worker->run;
    PbxPackOptions options = {.zstd_level = run->saving.zstd_level};
    if (!keep_directory(run, error))
        return FALSE;
    for (guint tries = 0; tries < NAME_TRIES; tries++) {
        g_autoptr(GError) failure = NULL;
        g_autofree char *name = new_name(run, save->step);
        g_autofree char *path = g_build_filename(run->abi_trial.dir, name, NULL);
        if (checkpoint_pack(dir, members, path, &options, &archived->facts, &failure)) {
            archived->name = g_steal_pointer(&name);
            return TRUE;
        }
        /* Somebody has made that name his own since. */
        if (g_error_matches(failure, PBX_CHECKPOINT_ERROR, CHECKPOINT_ERROR_EXISTS))
            continue;
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
    g_set_error(error, PBX_CHECKPOINT_ERROR, CHECKPOINT_ERROR_EXISTS,
                "no name for a checkpoint is free in %s", run->abi_trial.dir);
    return FALSE;
}

void
saving_made(PbxWorker *worker, const PbxSave *save, const PbxArchived *archived)
{
    PbxRun *run = worker->run;
    GString *message = message_of(run, "checkpoint");
    message_int(message, "n", (gint64)save->n);
    message_int(message, "step", save->step);
    message_string(message, "name", archived->name);
    message_int(message, "bytes", (gint64)archived->facts.bytes);
    message_string(message, "sha256", archived->facts.sha256);
    message_int(message, "iteration", save->counts.iteration);
    message_double(message, "time_total_s", save->counts.time_total_s);
    message_int(message, "timesteps_total", save->counts.timesteps_total);
    message_int(message, "episodes_total", save->counts.episodes_total);
    if (run->saving.done)
        message_bool(message, "done", TRUE);
    channel_queue(&worker->channel, message);
    run->saving.wanted = FALSE;
    run->saving.made = TRUE;
    run->saving.made_n = save->n;
    if (run->saving.asked)
        say_saved(worker, NULL);
    else
        channel_flush(&worker->channel);
}

void
saving_is_made(PbxWorker *worker)
{
    worker->run->saving.wanted = FALSE;
    if (worker->run->saving.asked)
        say_saved(worker, NULL);
}

gboolean
saving_has_made(const PbxRun *run)
{
    return run->saving.made && run->saving.made_n == run->ahead.n;
}

/* ---- A directory that is filled ---- */

PbxSave
save_now(const PbxRun *run, gint64 step)
{
    return (PbxSave){.step = step >= 0 ? step : MAX(0, run->counts.iteration),
                     .n = run->ahead.n,
                     .counts = run->counts};
}

PbxSave *
save_begin(PbxWorker *worker, gint64 step, GError **error)
{
    PbxRun *run = worker->run;
    PbxSave *save = g_new(PbxSave, 1);
    *save = save_now(run, step);
    save->dir = g_strconcat(run->abi_trial.dir, "/" CHECKPOINT_SAVE_PREFIX "XXXXXX", NULL);
    if (g_mkdtemp_full(save->dir, 0777) == NULL) {
        g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno),
                    "cannot make a directory for a checkpoint in %s: %s", run->abi_trial.dir,
                    g_strerror(errno));
        g_free(save->dir);
        g_free(save);
        return NULL;
    }
    saving_begun(worker);
    return save;
}

void
save_drop(PbxWorker *worker, PbxSave *save)
{
    g_autoptr(GError) error = NULL;
    if (save == NULL)
        return;
    if (!checkpoint_remove(save->dir, &error))
        g_info("%s", error->message); /* the next attempt tries again */
    saving_over(worker);
    g_free(save->dir);
    g_free(save);
}

/* Packs what stands in its directory. */
static gboolean
save_pack(PbxWorker *worker, const PbxSave *save, GError **error)
{
    PbxArchived archived = {.name = NULL};
    if (!session_settle(worker, error))
        return FALSE;
    if (is_too_late(worker->run))
        return TRUE;
    if (!saving_pack(worker, save, save->dir, NULL, &archived, error))
        return FALSE;
    saving_made(worker, save, &archived);
    g_free(archived.name);
    return TRUE;
}

gboolean
save_end(PbxWorker *worker, PbxSave *save, GError **error)
{
    g_autoptr(GError) failure = NULL;
    gint64 begun_ns = g_get_monotonic_time() * 1000;
    gboolean good = save_pack(worker, save, &failure);
    save_drop(worker, save);
    if (!good) {
        saving_failed(worker, failure->message);
        g_propagate_error(error, g_steal_pointer(&failure));
    }
    counts_skip(&worker->run->counts, g_get_monotonic_time() * 1000 - begun_ns);
    return good;
}

/* ---- A trainable in class form ---- */

void
saving_save_class(PbxWorker *worker)
{
    const pbx_trainable *trainable = worker->trainable;
    g_autoptr(GError) failure = NULL;
    gint64 begun_ns = g_get_monotonic_time() * 1000;
    if (!PEGBOX_HAS(trainable, pbx_trainable, checkpoint_save)) {
        saving_failed(worker, "the trainable cannot save");
        return;
    }
    PbxSave *save = save_begin(worker, -1, &failure);
    if (save == NULL) {
        saving_failed(worker, failure->message);
        return;
    }
    pbx_error error = {.where = "", .message = ""};
    pbx_status status = trainable->checkpoint_save(worker->instance->self, save->dir, &error);
    counts_skip(&worker->run->counts, g_get_monotonic_time() * 1000 - begun_ns);
    if (status >= 0) {
        (void)save_end(worker, save, NULL);
        return;
    }
    g_autofree char *line = trial_error_line(&error, status);
    save_drop(worker, save);
    saving_failed(worker, line);
}

void
saving_finish(PbxWorker *worker)
{
    saving_asked_failed(worker, "it ended before it made the checkpoint that was asked for");
}
