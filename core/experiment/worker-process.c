/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A worker as a process: launched, overdue, gone. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "checkpoint/checkpoint.h"
#include "experiment/checkpoints-private.h"
#include "experiment/workers-private.h"

#define STARTUP_GRACE_S 60
#define BROKEN_GRACE_S  5  /* from a closed channel to a kill */
#define KILL_GRACE_S    10 /* contract: SIGTERM, after 10 s SIGKILL */

/* ---- Patience ---- */

void
worker_stop_process(PbxWorkerSlot *worker, guint how)
{
    const pbx_executor *executor = worker->runner->executor->vtable;
    pbx_error error = {"", ""};
    if (worker->thread != NULL) {
        /* All that can be done to a thread is to ask. */
        worker_link_bye(worker->link);
        worker_link_flush(worker->link);
    } else if (!worker->exited)
        executor->stop(worker->runner->executor->self, worker->name, how, &error);
    worker->kill_sent = TRUE;
}

static void
out_of_patience(gpointer data)
{
    worker_stop_process(data, PBX_STOP_TERM);
}

void
worker_arm_patience(PbxWorkerSlot *worker, double seconds)
{
    clock_cancel(&worker->timer);
    if (worker->thread != NULL)
        return; /* a debugger may hold it */
    PbxClock *clock = worker->runner->clock;
    clock_at(clock, clock_now(clock) + (gint64)(seconds * NS_PER_S), out_of_patience, worker,
             &worker->timer);
}

static void
startup_overdue(gpointer data)
{
    PbxWorkerSlot *worker = data;
    g_free(worker->broken);
    worker->broken = g_strdup("its worker did not start in time; PEGBOX_TRIAL_STARTUP_GRACE_PERIOD "
                              "sets the limit");
    worker_stop_process(worker, PBX_STOP_KILL);
}

/* ---- The executor's side ---- */

typedef struct {
    guint type;
    char *name, *why;
    int code, signal;
} PbxPosted;

static gboolean
wake(gpointer data)
{
    runner_schedule(data);
    return G_SOURCE_REMOVE;
}

static void
post(const pbx_host *host, const pbx_post *post)
{
    PbxRunner *runner = host_service_user(host, PBX_EVENTS_ID);
    PbxPosted *posted = g_new0(PbxPosted, 1);
    *posted = (PbxPosted){.type = post->type,
                          .name = g_strdup(post->name),
                          .why = g_strdup(post->why),
                          .code = post->code,
                          .signal = post->signal};
    g_mutex_lock(&runner->post_lock);
    g_queue_push_tail(&runner->posts, posted);
    g_mutex_unlock(&runner->post_lock);
    g_main_context_invoke(runner->context, wake, runner);
}

static const pbx_events events_service = {.struct_size = sizeof(pbx_events), .post = post};

static PbxWorkerSlot *
find_worker(PbxRunner *runner, const char *name)
{
    for (guint i = 0; i < runner->workers->len; i++)
        if (g_strcmp0(((PbxWorkerSlot *)runner->workers->pdata[i])->name, name) == 0)
            return runner->workers->pdata[i];
    return NULL;
}

static char *
death_words(const PbxPosted *posted)
{
    if (posted->signal != 0)
        return g_strdup_printf("its worker was killed by signal %d (%s)", posted->signal,
                               strsignal(posted->signal));
    return g_strdup_printf("its worker ended with status %d before the trial did", posted->code);
}

/* Gone for good: it has exited, and what it said before has been read. */
static void
worker_gone(PbxRunner *runner, PbxWorkerSlot *worker)
{
    PbxTrial *trial = worker->trial;
    limits_end(worker);
    worker->trial = NULL;
    if (trial != NULL) {
        trial->worker = NULL;
        /* What it was making, or had unpacked, when it was killed. */
        if (trial->dir != NULL)
            checkpoint_remove_leftovers(trial->dir);
        runner_touch(runner);
        /* One that was told to stop, and killed because it did not, has not failed by that. */
        gboolean ours = runner->abandoned && worker->kill_sent && trial->failing == NULL;
        if (runner->interrupts == 0 && !worker->kill_sent && !worker->killed)
            checkpoints_not_restored(runner, trial);
        if (pause_ended(runner, trial)) {
            /* It was saved before. */
        } else if (!trial->ended && trial->ending < 0 && (runner->interrupts > 0 || ours)) {
            end_interrupted(runner, trial);
        } else if (!trial->ended) {
            g_autofree char *words = g_strdup(trial->failing != NULL   ? trial->failing
                                              : worker->broken != NULL ? worker->broken
                                                                       : worker->death);
            g_clear_pointer(&trial->failing, g_free);
            if (worker->fatal)
                end_hindered(runner, trial, words);
            else
                end_failed(runner, trial, words);
        }
        /* There is no other attempt, which would do so. */
        if (trial->ended)
            checkpoints_remove_leftovers(runner, trial);
    }
    g_ptr_array_remove(runner->workers, worker);
    runner_schedule(runner);
}

static gboolean
reap_gone(gpointer data)
{
    PbxRunner *runner = data;
    for (guint i = runner->workers->len; i-- > 0;) {
        PbxWorkerSlot *worker = runner->workers->pdata[i];
        if (worker->exited && worker->closed)
            worker_gone(runner, worker);
    }
    return G_SOURCE_REMOVE;
}

/* The channel closed, or nonsense came over it. Its exit tells why: wait for that. */
void
worker_channel_closed(PbxRunner *runner, PbxWorkerSlot *worker, const PbxWorkerMessage *message)
{
    worker->closed = TRUE;
    if (message->text != NULL && worker->broken == NULL) {
        worker->broken = g_strdup(message->text);
        worker->fatal = message->fatal;
    }
    worker->state = WORKER_LEAVING;
    if (worker->thread != NULL) {
        /* That was its last act. */
        g_thread_join(g_steal_pointer(&worker->thread));
        worker->exited = TRUE;
        worker->death = g_strdup("the trainable's thread ended before the trial did");
    }
    if (worker->exited)
        g_main_context_invoke_full(runner->context, G_PRIORITY_DEFAULT_IDLE, reap_gone, runner,
                                   NULL);
    else
        worker_arm_patience(worker, BROKEN_GRACE_S);
}

static void
worker_exited(PbxRunner *runner, PbxWorkerSlot *worker, const PbxPosted *posted)
{
    worker->exited = TRUE;
    clock_cancel(&worker->timer);
    worker->death = death_words(posted);
    worker->killed = posted->signal == SIGKILL || posted->signal == SIGTERM;
    if (worker->closed || worker->link == NULL)
        worker_gone(runner, worker);
}

void
workers_take_posts(PbxRunner *runner)
{
    for (;;) {
        g_mutex_lock(&runner->post_lock);
        PbxPosted *posted = g_queue_pop_head(&runner->posts);
        g_mutex_unlock(&runner->post_lock);
        if (posted == NULL)
            return;
        PbxWorkerSlot *worker = find_worker(runner, posted->name);
        if (worker != NULL && posted->type == PBX_POST_EXITED)
            worker_exited(runner, worker, posted);
        g_free(posted->name);
        g_free(posted->why);
        g_free(posted);
    }
}

static void
add_services(PbxHost *host, gpointer user)
{
    host_add_service(host, PBX_EVENTS_ID, &events_service, user);
}

gboolean
workers_open(PbxRunner *runner, GError **error)
{
    const PbxPluginUse *use = runner->spec->executor;
    runner->executor = instance_new(use->plugin, use->slot, use->options, runner->spec->seed,
                                    runner->clock, runner_log, runner, add_services, runner, error);
    if (runner->executor == NULL)
        return FALSE;
    const pbx_executor *executor = runner->executor->vtable;
    pbx_error abi_error = {"", ""};
    pbx_status status =
        executor->open != NULL ? executor->open(runner->executor->self, &abi_error) : PBX_OK;
    if (status < 0) {
        GError *failed = NULL;
        instance_set_error(&failed, PLUGIN_ERROR_BROKEN, use->plugin, status, &abi_error);
        runner_name_broken(failed);
        g_propagate_error(error, failed);
        return FALSE;
    }
    const pbx_trainable *trainable =
        plugin_interface(runner->spec->trainable->plugin, PBX_TRAINABLE_ID);
    runner->many_runs = trainable != NULL && (trainable->caps & PBX_TRAINABLE_MANY_RUNS) != 0;
    runner->runs_programs = trainable != NULL && (trainable->caps & PBX_TRAINABLE_PROGRAM) != 0;
    runner->inside = runner->spec->local && !runner->runs_programs;
    if (runner->spec->reuse_workers == REUSE_NEVER)
        runner->many_runs = FALSE;
    else if (runner->spec->reuse_workers == REUSE_ALWAYS)
        runner->many_runs = TRUE; /* where the worker says that it may be */
    runner->many_runs = runner->many_runs || runner->inside;
    return TRUE;
}

void
worker_slot_free(PbxWorkerSlot *worker)
{
    clock_cancel(&worker->timer);
    limits_end(worker);
    worker_link_free(worker->link);
    if (worker->thread != NULL) {
        runner_leave_thread();
        g_thread_unref(worker->thread);
    }
    if (worker->program_dir != NULL)
        program_dir_remove(worker->program_dir);
    g_free(worker->program_dir);
    g_free(worker->name);
    g_free(worker->hostname);
    g_free(worker->node_ip);
    g_free(worker->broken);
    g_free(worker->death);
    g_free(worker);
}

static PbxWorkerLink *
link_for(PbxRunner *runner, PbxWorkerSlot *worker, int fd)
{
    const PbxPluginUse *use = runner->spec->trainable;
    g_autoptr(GPtrArray) parameters = g_ptr_array_new();
    GHashTableIter iter;
    gpointer name;
    g_hash_table_iter_init(&iter, space_parameters(runner->spec->space));
    while (g_hash_table_iter_next(&iter, &name, NULL))
        g_ptr_array_add(parameters, name);
    g_ptr_array_add(parameters, NULL);
    PbxWorkerSetup setup = {
        .plugin_path = use->plugin->path,
        .plugin_kind = use->plugin->desc->kind,
        .plugin_name = use->plugin->desc->name,
        .options = options_node(use->options),
        .experiment_id = runner->id,
        .experiment_name = runner->name,
        .experiment_dir = runner->dir,
        .metrics = (const char *const *)runner->spec->metrics,
        .seed = runner->spec->seed,
        .parameters = (const char *const *)parameters->pdata,
        .base_dir = runner->spec->base_dir,
        .program_dir = worker->program_dir,
        .data = runner->data,
        .terminal = runner->spec->local && !runner->inside,
    };
    return worker_link_new(fd, runner->context, &setup, worker_message, worker);
}

static void
launch_failed(PbxRunner *runner, PbxWorkerSlot *worker, const char *why)
{
    PbxTrial *trial = worker->trial;
    g_autofree char *text = g_strdup_printf("a worker cannot be started: %s", why);
    worker->trial = NULL;
    trial->worker = NULL;
    g_ptr_array_remove(runner->workers, worker);
    end_hindered(runner, trial, text);
}

/* Starts what is at the other end of the worker's channel. Borrows `channel`. */
static gboolean
start_process(PbxRunner *runner, PbxWorkerSlot *worker, int channel, pbx_error *error)
{
    const char *argv[] = {places_get()->worker, NULL};
    g_auto(GStrv) env = g_get_environ();
    pbx_launch start = {
        .struct_size = sizeof start,
        .flags = runner->spec->local ? PBX_LAUNCH_TERMINAL : 0,
        .channel = channel,
        .trial = worker->trial != NULL ? worker->trial->row.number : PBX_NONE,
        .attempt = worker->trial != NULL ? worker->trial->row.attempts + 1 : 1,
        .grace_s = KILL_GRACE_S,
        .name = worker->name,
        .argv = argv,
        .env = (const char *const *)env,
        .cwd = runner->spec->base_dir,
    };
    const pbx_executor *executor = runner->executor->vtable;
    return executor->start(runner->executor->self, &start, error) == PBX_OK;
}

static gboolean
start_thread(PbxWorkerSlot *worker, int channel, pbx_error *error)
{
    g_autoptr(GError) failure = NULL;
    int own = fcntl(channel, F_DUPFD_CLOEXEC, 0);
    worker->thread = own >= 0 ? worker_start_inside(own, &failure) : NULL;
    if (worker->thread == NULL)
        g_strlcpy(error->message, failure != NULL ? failure->message : g_strerror(errno),
                  sizeof error->message);
    return worker->thread != NULL;
}

void
worker_launch(PbxRunner *runner, PbxWorkerSlot *worker)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        launch_failed(runner, worker, g_strerror(errno));
        return;
    }
    pbx_error error = {"", ""};
    gboolean started = runner->inside ? start_thread(worker, ends[1], &error)
                                      : start_process(runner, worker, ends[1], &error);
    close(ends[1]);
    if (!started) {
        close(ends[0]);
        launch_failed(runner, worker, error.message);
        return;
    }
    worker->link = link_for(runner, worker, ends[0]);
    if (worker->thread != NULL)
        return; /* a debugger may hold it */
    double grace_s = runner_env("PEGBOX_TRIAL_STARTUP_GRACE_PERIOD", STARTUP_GRACE_S);
    if (grace_s > 0)
        clock_at(runner->clock, clock_now(runner->clock) + (gint64)(grace_s * NS_PER_S),
                 startup_overdue, worker, &worker->timer);
}
