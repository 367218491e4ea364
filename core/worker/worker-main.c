/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox-worker: hello, setup, then one trial after another until the driver says bye. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "worker/process-private.h"

#define SLOT "trainable"

static void
send_message(PbxWorker *worker, GString *message)
{
    channel_queue(&worker->channel, message);
    channel_flush(&worker->channel);
}

/* ---- hello ---- */

static void
say_hello(PbxWorker *worker)
{
    char host[256] = "localhost";
    g_autofree char *address = worker_host_address();
    (void)gethostname(host, sizeof host - 1);
    worker->hostname = g_strdup(host);
    GString *hello = message_new("hello");
    message_int(hello, "protocol", WORKER_PROTOCOL);
    message_int(hello, "pid", getpid());
    message_string(hello, "hostname", host);
    message_string(hello, "node_ip", address);
    message_string(hello, "version", PEGBOX_VERSION);
    send_message(worker, hello);
}

/* ---- setup ---- */

static void
on_log(const char *slot, int level, const char *text, gpointer user)
{
    PbxWorker *worker = user;
    GString *message = message_new("log");
    (void)slot;
    if (worker->run != NULL) {
        message_int(message, "trial", (gint64)worker->run->trial);
        message_int(message, "attempt", worker->run->attempt);
    }
    message_int(message, "level", level);
    message_string(message, "text", text);
    send_message(worker, message);
}

static void
prepare_host(PbxHost *host, gpointer user)
{
    host_add_service(host, PBX_SESSION_ID, &worker_session, user);
    host_add_service(host, PBX_TEMPLATE_ID, &worker_template, user);
}

static gboolean
check_options(PbxWorker *worker, JsonObject *setup, GError **error)
{
    JsonNode *node = json_object_get_member(setup, "options");
    g_autoptr(JsonObject) none = json_object_new();
    g_autoptr(JsonNode) empty = NULL;
    if (node == NULL || !JSON_NODE_HOLDS_OBJECT(node))
        node = empty = json_node_init_object(json_node_alloc(), none);
    g_autoptr(PbxDoc) doc = doc_new_for_node("options", node);
    g_autoptr(PbxProblems) problems = problems_new();
    PbxOptionContext context = {.registry = worker->registry,
                                .sandbox = worker->sandbox,
                                .base_dir = message_get_string(setup, "base_dir")};
    worker->options = options_check(worker->plugin, doc, "", NULL, &context, problems);
    if (worker->options != NULL)
        return TRUE;
    g_autofree char *text = problems_format(problems);
    g_set_error_literal(error, PBX_PLUGIN_ERROR, PLUGIN_ERROR_OPTIONS, g_strchomp(text));
    return FALSE;
}

gboolean
worker_renew(PbxWorker *worker, GError **error)
{
    g_clear_pointer(&worker->instance, instance_free);
    worker->instance = instance_new(worker->plugin, SLOT, worker->options, worker->seed, NULL,
                                    on_log, worker, prepare_host, worker, error);
    return worker->instance != NULL;
}

static void
take_parameters(PbxWorker *worker, JsonObject *setup)
{
    char **names = message_get_strings(setup, "parameters");
    worker->parameters = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (gsize i = 0; names[i] != NULL; i++)
        g_hash_table_add(worker->parameters, names[i]);
    g_free(names); /* the set owns the texts */
}

/* A thread of the driver runs where a process would: the rest of the driver stays where it is. */
static void
enter_directory(const char *dir)
{
    if (dir != NULL && unshare(CLONE_FS) == 0 && chdir(dir) != 0)
        g_info("%s: %s", dir, g_strerror(errno));
}

static void
do_nothing(int number)
{
    (void)number;
}

/* What is typed is for the program or the driver, and nothing stops us from writing. Handlers
 * and a mask: a program starts with neither. */
static void
share_terminal(void)
{
    static const int typed[] = {SIGINT, SIGQUIT};
    struct sigaction action = {.sa_handler = do_nothing, .sa_flags = SA_RESTART};
    sigset_t held;
    for (gsize i = 0; i < G_N_ELEMENTS(typed); i++)
        sigaction(typed[i], &action, NULL);
    sigemptyset(&held);
    sigaddset(&held, SIGTTOU);
    pthread_sigmask(SIG_BLOCK, &held, NULL);
}

static gboolean
set_up(PbxWorker *worker, JsonObject *setup, GError **error)
{
    const char *path = message_get_string(setup, "path");
    const char *kind = message_get_string(setup, "kind"), *name = message_get_string(setup, "name");
    if (!message_is(setup, "setup") || path == NULL || kind == NULL || name == NULL) {
        g_set_error_literal(error, PBX_WORKER_ERROR, WORKER_ERROR_PROTOCOL,
                            "the driver's first message is no setup");
        return FALSE;
    }
    worker->metrics = message_get_strings(setup, "metrics");
    worker->experiment_name = g_strdup(message_get_string(setup, "experiment_name"));
    take_parameters(worker, setup);
    worker_data_take(worker, setup);
    worker->sandbox = sandbox_new();
    worker->registry = registry_new(error);
    if (worker->registry == NULL)
        return FALSE;
    worker->plugin = registry_load_file(worker->registry, path, kind, name, error);
    if (worker->plugin == NULL)
        return FALSE;
    worker->trainable = plugin_interface(worker->plugin, PBX_TRAINABLE_ID);
    if (worker->trainable == NULL ||
        (worker->trainable->run == NULL && worker->trainable->step == NULL)) {
        g_set_error(error, PBX_PLUGIN_ERROR, PLUGIN_ERROR_BROKEN,
                    "%s offers no %s with run or step", path, PBX_TRAINABLE_ID);
        return FALSE;
    }
    if ((worker->trainable->caps & PBX_TRAINABLE_PROGRAM) != 0) {
        worker->program = program_socket_new(message_get_string(setup, "program_dir"), error);
        if (worker->program == NULL)
            return FALSE;
    }
    worker->seed = (guint64)message_get_int(setup, "seed", 0);
    if (worker->inside)
        enter_directory(message_get_string(setup, "base_dir"));
    worker->terminal = message_get_bool(setup, "terminal");
    if (worker->terminal)
        share_terminal();
    return check_options(worker, setup, error) && worker_renew(worker, error);
}

/* ---- Process ---- */

static void
set_process(void)
{
    /* What a descendant leaves behind comes to us, so that it can be ended. */
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
}

void
worker_clear(PbxWorker *worker)
{
    instance_free(worker->instance);
    options_free(worker->options);
    sandbox_free(worker->sandbox);
    registry_free(worker->registry);
    program_socket_free(worker->program);
    worker_data_clear(worker);
    g_clear_pointer(&worker->parameters, g_hash_table_unref);
    g_strfreev(worker->metrics);
    g_free(worker->experiment_name);
    g_free(worker->hostname);
}

int
worker_work(PbxWorker *worker, GError **error)
{
    g_autoptr(JsonObject) setup = NULL;
    say_hello(worker);
    if (channel_read(&worker->channel, TRUE, &setup, error) < 0)
        return EXIT_FAILURE;
    if (!set_up(worker, setup, error)) {
        GString *failed = message_new("failed");
        message_string(failed, "text", (*error)->message);
        if (worker_is_hosts_fault(*error))
            message_bool(failed, "fatal", TRUE);
        send_message(worker, failed);
        g_clear_error(error);
        return EXIT_FAILURE;
    }
    send_message(worker, message_new("ready"));
    while (!worker->bye) {
        g_autoptr(JsonObject) message = NULL;
        if (channel_read(&worker->channel, TRUE, &message, error) < 0)
            return EXIT_FAILURE;
        if (message_is(message, "bye"))
            break;
        if (message_is(message, "run") && !trial_run(worker, message))
            return EXIT_FAILURE;
        /* An answer or stop for a trial that is over comes too late. */
    }
    return EXIT_SUCCESS;
}

int
worker_main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1 || fcntl(WORKER_CHANNEL_FD, F_GETFD) < 0) {
        fputs("pegbox-worker is started by pegbox itself, with a socket at descriptor 3.\n",
              stderr);
        return 2;
    }
    /* Other threads use its channel until the process ends. */
    static PbxWorker worker;
    g_autoptr(GError) error = NULL;
    set_process();
    channel_init(&worker.channel, WORKER_CHANNEL_FD);
    if (!watcher_start(&worker.channel, &error)) {
        fprintf(stderr, "pegbox-worker: error: %s\n", error->message);
        return EXIT_FAILURE;
    }
    int status = worker_work(&worker, &error);
    /* As the watcher says it, whichever of the two is first. */
    if (channel_is_gone(&worker.channel) ||
        g_error_matches(error, PBX_WORKER_ERROR, WORKER_ERROR_GONE))
        status = EXIT_SUCCESS;
    else if (error != NULL)
        fprintf(stderr, "pegbox-worker: error: %s\n", error->message);
    worker_clear(&worker);
    orphans_kill();
    return status;
}
