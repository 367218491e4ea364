/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The runner made ready: directory, lock, store, plugins; and taken down again. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "experiment/budgets-private.h"
#include "experiment/checkpoints-private.h"
#include "experiment/judging-private.h"
#include "experiment/propose-private.h"
#include "experiment/reporter-private.h"

#define WINDOW   1000 /* results */
#define WINDOW_S 100

/* 32 hex digits that name this experiment, whatever its seed. */
static char *
new_experiment_id(void)
{
    g_autofree char *uuid = g_uuid_string_random();
    g_auto(GStrv) parts = g_strsplit(uuid, "-", -1);
    return g_strjoinv("", parts);
}

gboolean
runner_write_spec(PbxRunner *runner, GError **error)
{
    g_autofree char *path = g_build_filename(runner->dir, "experiment.json", NULL);
    g_autofree char *text = spec_print(runner->spec->resolved);
    return g_file_set_contents(path, text, -1, error);
}

gboolean
runner_store_facts(PbxRunner *runner, gboolean again, GError **error)
{
    const PbxSpec *spec = runner->spec;
    g_autofree char *seed = g_strdup_printf("%" G_GUINT64_FORMAT, spec->seed);
    g_autofree char *started = g_strdup_printf("%" G_GINT64_FORMAT, runner_wall(runner));
    g_autofree char *driver =
        runner->outside ? g_strdup("") : g_strdup_printf("%s:%d", g_get_host_name(), (int)getpid());
    g_autofree char *resolved = json_to_text(spec->resolved);
    g_autofree char *clock_began =
        g_strdup_printf("%" G_GINT64_FORMAT, runner_wall(runner) - clock_now(runner->clock));
    const char *facts[][2] = {
        {"experiment_id", runner->id},
        {"name", runner->name},
        {"seed", seed},
        {"metric", spec->metrics[0] != NULL ? spec->metrics[0] : ""},
        {"mode", spec->metrics[0] == NULL ? ""
                 : spec->signs[0] > 0     ? "min"
                                          : "max"},
        {"status", "running"},
        {"driver", driver},
        {"spec", resolved},
        {RESUME_CLOCK_BEGAN, clock_began},
        /* One that goes on began before. */
        {again ? "ended_ns" : "started_ns", again ? "" : started},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(facts); i++)
        if (!store_put_fact(runner->store, facts[i][0], facts[i][1], error))
            return FALSE;
    return TRUE;
}

/* As `validate` does. */
static gboolean
check_pauses(const PbxRunner *runner, guint32 caps, GError **error)
{
    if ((caps & PBX_CAP_PAUSES) == 0 || runner->spec->trainable == NULL ||
        spec_can_save(runner->spec) != CAN_SAVE_NEVER)
        return TRUE;
    g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE,
                "scheduler/%s pauses trials, but trainable/%s cannot save its state",
                runner->spec->scheduler->plugin->desc->name,
                runner->spec->trainable->plugin->desc->name);
    return FALSE;
}

/* Stoppers first, the search last. */
gboolean
runner_open_deciders(PbxRunner *runner, GError **error)
{
    const PbxSpec *spec = runner->spec;
    for (guint i = 0; i < spec->stoppers->len; i++) {
        PbxSlot *slot = slot_new(runner, spec->stoppers->pdata[i], CALL_STOPPER_SETUP, error);
        if (slot == NULL)
            return FALSE;
        g_ptr_array_add(runner->stoppers, slot);
    }
    runner->scheduler = slot_new(runner, spec->scheduler, CALL_SCHEDULER_SETUP, error);
    if (runner->scheduler == NULL)
        return FALSE;
    runner->search = slot_new(runner, spec->search, CALL_SEARCH_SETUP, error);
    if (runner->search == NULL)
        return FALSE;
    guint32 caps = decider_caps(runner->scheduler->decider);
    if (caps & (PBX_CAP_EXPLOITS | PBX_CAP_RESIZES)) {
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE,
                    "scheduler/%s clones or resizes trials, which this version of pegbox cannot do",
                    spec->scheduler->plugin->desc->name);
        return FALSE;
    }
    return check_pauses(runner, caps, error);
}

/* How far workers may run ahead. A scheduler that must see each result before the next is made
 * allows none; nor does a trainable that takes the driver along when it crashes. */
static void
set_window(PbxRunner *runner)
{
    const guint32 lockstep = PBX_CAP_EACH_RESULT | PBX_CAP_PAUSES | PBX_CAP_EXPLOITS;
    double length = runner_env("PEGBOX_RESULT_BUFFER_LENGTH", WINDOW);
    if (runner->inside || (decider_caps(runner->scheduler->decider) & lockstep) != 0 ||
        runner->spec->checkpoint.at_end)
        length = 0;
    if (runner->spec->checkpoint.frequency > 0)
        length = MIN(length, (double)runner->spec->checkpoint.frequency);
    /* A worker waits once so many are unanswered: the last one, or the only one, too. */
    runner->window = (guint64)CLAMP(length - 1, 0, 1e9);
    runner->window_s = runner_env("PEGBOX_RESULT_BUFFER_MAX_TIME_S", WINDOW_S);
    runner->gather_s = runner_env("PEGBOX_RESULT_BUFFER_MIN_TIME_S", 0);
    /* What is gathered is not taken for silence. */
    if (runner->spec->limits.report_time_s > 0)
        runner->gather_s = MIN(runner->gather_s, runner->spec->limits.report_time_s / 2);
}

/* A variable that is no number counts as not set: said once. */
static void
check_environment(PbxRunner *runner)
{
    static const char *const names[] = {
        "PEGBOX_FUNCTION_THREAD_TIMEOUT_S",
        "PEGBOX_GLOBAL_CHECKPOINT_S",
        "PEGBOX_LOGGER_GRACE_S",
        "PEGBOX_MAX_LEN_IDENTIFIER",
        "PEGBOX_RESULT_BUFFER_LENGTH",
        "PEGBOX_RESULT_BUFFER_MAX_TIME_S",
        "PEGBOX_RESULT_BUFFER_MIN_TIME_S",
        "PEGBOX_TRIAL_STARTUP_GRACE_PERIOD",
        "PEGBOX_WARN_THRESHOLD_S",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        const char *text = g_getenv(names[i]);
        if (text == NULL || text[0] == '\0' || !isnan(runner_env(names[i], (double)NAN)))
            continue;
        g_autofree char *line =
            g_strdup_printf("%s is no number, and counts as not set: '%s'", names[i], text);
        reporter_message(runner->reporter, PBX_LOG_WARNING, line);
    }
}

static gboolean
open_logging(PbxRunner *runner, GError **error)
{
    runner->logging = logging_new(runner, error);
    return runner->logging != NULL;
}

void
runner_ask_total(PbxRunner *runner)
{
    gint64 total = runner->spec->num_samples;
    if (decider_has(runner->search->decider, CALL_SEARCH_TOTAL)) {
        gint64 said = -1;
        PbxCall call = {.id = CALL_SEARCH_TOTAL, .total = &said};
        decider_call(runner->search->decider, &call, NULL, NULL);
        /* A wrapper may not know, where what it wraps leaves num_samples to core. */
        if (call.status == PBX_OK &&
            (said >= 0 || (decider_caps(runner->search->decider) & PBX_CAP_OWNS_SAMPLES) != 0))
            total = said;
    }
    runner->total = total < 0 ? total : total + (gint64)runner->enqueued;
}

/* The directory itself, or else the deepest above it that is there. (transfer full) */
static char *
deepest_there(const char *dir)
{
    char *at = g_strdup(dir);
    while (!g_file_test(at, G_FILE_TEST_EXISTS)) {
        char *parent = g_path_get_dirname(at);
        g_free(at);
        at = parent;
    }
    return at;
}

/* What stands in a directory would be found after a power cut. One that may not be read is left to
 * the system. */
static gboolean
sync_directory(const char *dir, GError **error)
{
    const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int number = fd < 0 || fsync(fd) == 0 ? 0 : errno;
    if (fd >= 0)
        close(fd);
    if (number == 0 || number == EINVAL)
        return TRUE;
    g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_BROKEN, "%s cannot be synced: %s",
                dir, g_strerror(number));
    return FALSE;
}

/* The same of all on the way from `top` to `dir`. */
static gboolean
sync_way(const char *dir, const char *top, GError **error)
{
    g_autofree char *at = g_strdup(dir);
    while (sync_directory(at, error)) {
        if (g_str_equal(at, top))
            return TRUE;
        char *parent = g_path_get_dirname(at);
        g_free(at);
        at = parent;
    }
    return FALSE;
}

/* The experiment's own directory. Without a name of its own, another start may take the free one
 * first: then there is a next one. */
static gboolean
make_own_directory(PbxRunner *runner, GError **error)
{
    const PbxSpec *spec = runner->spec;
    for (;;) {
        runner->name = naming_experiment(spec->results_dir, spec, error);
        if (runner->name == NULL)
            return FALSE;
        runner->dir = g_build_filename(spec->results_dir, runner->name, NULL);
        g_autofree char *top = deepest_there(spec->results_dir);
        if (g_mkdir_with_parents(spec->results_dir, 0777) == 0 &&
            (g_mkdir(runner->dir, 0777) == 0 || (errno == EEXIST && spec->name != NULL)))
            return sync_way(spec->results_dir, top, error);
        if (errno != EEXIST || !g_file_test(runner->dir, G_FILE_TEST_EXISTS)) {
            g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE,
                        "the directory %s cannot be made: %s", runner->dir, g_strerror(errno));
            return FALSE;
        }
        g_clear_pointer(&runner->name, g_free);
        g_clear_pointer(&runner->dir, g_free);
    }
}

static gboolean
make_directory(PbxRunner *runner, GError **error)
{
    if (!make_own_directory(runner, error))
        return FALSE;
    runner->lock = runner->spec->replace ? remove_for_another(runner->dir, error)
                                         : lock_take(runner->dir, error);
    if (runner->lock == NULL || runner->spec->name == NULL)
        return runner->lock != NULL;
    /* Another start may have been first. */
    g_autofree char *name = naming_experiment(runner->spec->results_dir, runner->spec, error);
    return name != NULL;
}

static gboolean
open_store(PbxRunner *runner, GError **error)
{
    runner->store = store_create(runner->dir, runner->spec->durability_full, error);
    return runner->store != NULL && store_begin(runner->store, error) &&
           runner_store_facts(runner, FALSE, error) && data_open(runner, error);
}

gboolean
runner_create(PbxRunner *runner, GError **error)
{
    g_autoptr(PbxRestoreFrom) from = NULL;
    if (runner->spec->restore.kind != RESTORE_NOTHING) {
        from = restore_from_find(runner->spec, error);
        if (from == NULL || !restore_from_verify(from, error)) {
            g_prefix_error(error, "restore: ");
            return FALSE;
        }
    }
    if (!make_directory(runner, error) || !open_store(runner, error) ||
        !runner_write_spec(runner, error))
        return FALSE;
    if (from != NULL && !restore_from_take(runner, from, error))
        return FALSE;
    runner_ask_total(runner);
    runner_event(runner, PBX_EVENT_START, NULL, NULL);
    if (runner->fatal != NULL) {
        g_propagate_error(error, g_steal_pointer(&runner->fatal));
        return FALSE;
    }
    return store_commit(runner->store, error);
}

/* Whether anything may be written to a trial's directory, or a program is told of it. */
static gboolean
needs_dirs(const PbxSpec *spec)
{
    g_autofree char *text = json_to_text(spec->resolved);
    return spec->log_to_file || spec->loggers->len > 0 || strstr(text, "trial.dir") != NULL;
}

PbxRunner *
runner_new(PbxSpec *spec, PbxRegistry *registry)
{
    PbxRunner *runner = g_new0(PbxRunner, 1);
    runner->spec = spec;
    runner->registry = registry;
    runner->context = g_main_context_ref(g_main_context_default());
    runner->thread = g_thread_self();
    runner->clock = clock_new_real(runner->context);
    runner->id = new_experiment_id();
    runner->id_prefix = random_id_prefix(spec->seed);
    runner->trial_seed = random_seed(spec->seed, "trial");
    runner->stoppers = g_ptr_array_new_with_free_func((GDestroyNotify)slot_free);
    runner->trials = g_ptr_array_new_with_free_func((GDestroyNotify)trial_free);
    runner->dirty = g_ptr_array_new();
    runner->workers = g_ptr_array_new_with_free_func((GDestroyNotify)worker_slot_free);
    runner->actions = g_ptr_array_new_with_free_func(g_free);
    runner->answers = g_ptr_array_new();
    runner->asked = g_ptr_array_new();
    g_queue_init(&runner->deferred);
    runner->unjudged = g_ptr_array_new_with_free_func((GDestroyNotify)judging_free);
    g_queue_init(&runner->waiting);
    g_queue_init(&runner->resting);
    g_queue_init(&runner->paused);
    g_queue_init(&runner->parked);
    runner->saved = g_array_new(FALSE, FALSE, sizeof(guint64));
    g_queue_init(&runner->posts);
    g_mutex_init(&runner->post_lock);
    if (spec->skip_duplicates)
        runner->configs = g_hash_table_new(g_str_hash, g_str_equal);
    runner->constraints_failed = g_new0(gboolean, spec->constraints->len + 1);
    runner->dirnames = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    runner->needs_dirs = needs_dirs(spec);
    runner->warn_ns = (gint64)(runner_env("PEGBOX_WARN_THRESHOLD_S", 0.5) * NS_PER_S);
    JsonObject *root = json_node_get_object(spec->resolved);
    runner->report = status_options_new(json_object_get_member(root, "reporter"));
    runner->tally = tally_new(runner, runner->report);
    return runner;
}

PbxRunner *
runner_new_outside(PbxSpec *spec, PbxRegistry *registry)
{
    PbxRunner *runner = runner_new(spec, registry);
    runner->outside = TRUE;
    /* It would remember trials that are let go with each change. */
    g_clear_pointer(&runner->tally, tally_free);
    runner->restored = g_array_new(FALSE, FALSE, sizeof(guint64));
    /* Whoever asks for trials knows for himself when nothing ever works. */
    runner->any_report = TRUE;
    return runner;
}

PbxRunner *
runner_open(PbxSpec *spec, PbxRegistry *registry, PbxResume *resume, GError **error)
{
    PbxRunner *runner = runner_new(spec, registry);
    if (resume != NULL)
        clock_continue(runner->clock, resume_clock(resume));
    /* Nothing is written before all that can be refused has been. */
    gboolean ready =
        resources_open(runner, error) && runner_open_deciders(runner, error) &&
        workers_open(runner, error) && open_logging(runner, error) &&
        (resume != NULL ? resume_restore(runner, resume, error) : runner_create(runner, error));
    if (ready) {
        set_window(runner);
        runner->reporter = reporter_new(runner);
        check_environment(runner);
        if (store_on_network(runner->store))
            reporter_message(runner->reporter, PBX_LOG_WARNING,
                             "the results directory is on a network file system: the store has a "
                             "rollback journal there, which is slower");
        ready = logging_start(runner->logging, error);
    }
    if (ready)
        steer_open(runner);
    if (!ready) {
        runner_close(runner);
        return NULL;
    }
    /* The clock of one that goes on has gone on too. */
    runner->started_ns = resume != NULL ? 0 : clock_now(runner->clock);
    return runner;
}

void
runner_close(PbxRunner *runner)
{
    clock_cancel(&runner->tick);
    steer_close(runner, "the experiment has ended, and its driver with it");
    if (runner->turn != NULL) {
        g_source_destroy(runner->turn);
        g_clear_pointer(&runner->turn, g_source_unref);
    }
    logging_free(runner->logging);
    /* Workers' links first: closing them ends what is still there. */
    g_ptr_array_unref(runner->workers);
    instance_free(runner->executor);
    slot_free(runner->search);
    propose_leave(runner);
    slot_free(runner->scheduler);
    g_free(runner->choosing);
    g_ptr_array_unref(runner->stoppers);
    store_close(runner->store);
    lock_release(runner->lock);
    /* They use the rest, until the process ends. */
    if (experiment_left_threads())
        return;
    g_ptr_array_unref(runner->actions);
    g_ptr_array_unref(runner->answers);
    g_ptr_array_unref(runner->unjudged);
    g_ptr_array_unref(runner->asked);
    g_ptr_array_unref(runner->dirty);
    g_queue_clear(&runner->waiting);
    g_queue_clear(&runner->resting);
    g_queue_clear(&runner->paused);
    g_queue_clear(&runner->parked);
    g_array_unref(runner->saved);
    g_clear_pointer(&runner->configs, g_hash_table_unref);
    g_clear_pointer(&runner->restored, g_array_unref);
    g_ptr_array_unref(runner->trials);
    g_hash_table_unref(runner->dirnames);
    g_free(runner->first_words);
    g_free(runner->constraints_failed);
    g_mutex_clear(&runner->post_lock);
    g_clear_error(&runner->fatal);
    clock_free(runner->clock);
    /* Last of what others use: what plugins log as they go is told by it. */
    reporter_free(runner->reporter);
    tally_free(runner->tally);
    status_options_free(runner->report);
    g_main_context_unref(runner->context);
    g_free(runner->stop_reason);
    g_free(runner->id);
    g_free(runner->id_prefix);
    g_clear_pointer(&runner->data, json_node_unref);
    budgets_forget(runner);
    g_free(runner->name);
    g_free(runner->dir);
    g_free(runner);
}
