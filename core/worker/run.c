/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One trial as the worker holds it: made from the driver's `run`. */
#include <string.h>
#include <unistd.h>

#include "worker/process-private.h"

#define WINDOW_S 100 /* where the driver says nothing */

static void
view_string(JsonObject *view, const char *key, const char *value)
{
    json_object_set_string_member(view, key, value != NULL ? value : "");
}

/* `trial` as templates see it. */
static JsonNode *
make_view(const PbxWorker *worker, JsonObject *message)
{
    g_autoptr(JsonObject) view = json_object_new();
    view_string(view, "id", message_get_string(message, "id"));
    json_object_set_int_member(view, "number", message_get_int(message, "trial", 0));
    view_string(view, "name", message_get_string(message, "name"));
    view_string(view, "tag", message_get_string(message, "tag"));
    view_string(view, "dir", message_get_string(message, "dir"));
    json_object_set_int_member(view, "attempt", message_get_int(message, "attempt", 0));
    view_string(view, "experiment", worker->experiment_name);
    return json_node_init_object(json_node_alloc(), view);
}

static JsonNode *
take_node(JsonObject *message, const char *key)
{
    JsonNode *node = json_object_get_member(message, key);
    if (node != NULL && JSON_NODE_HOLDS_OBJECT(node))
        return json_node_ref(node);
    g_autoptr(JsonObject) none = json_object_new();
    return json_node_init_object(json_node_alloc(), none);
}

static const char *
text_of(JsonObject *message, const char *key)
{
    const char *text = message_get_string(message, key);
    return text != NULL ? text : "";
}

static void
fill_trial(PbxWorker *worker, PbxRun *run)
{
    run->location = g_strdup_printf("%s:%d", worker->hostname, (int)getpid());
    run->config_text = json_to_text(run->config);
    run->abi_trial = (pbx_trial){.struct_size = sizeof(pbx_trial),
                                 .state = PBX_STATE_RUNNING,
                                 .attempt = run->attempt,
                                 .trial = run->trial,
                                 .source = PBX_NONE,
                                 .id = text_of(run->message, "id"),
                                 .name = text_of(run->message, "name"),
                                 .tag = text_of(run->message, "tag"),
                                 .dir = text_of(run->message, "dir"),
                                 .config = host_json(run->config),
                                 .config_text = run->config_text,
                                 .resources = host_json(run->resources),
                                 .location = run->location};
}

static void
fill_info(PbxWorker *worker, PbxRun *run)
{
    const char *cwd = message_get_string(run->message, "cwd");
    run->info = (pbx_session_info){.struct_size = sizeof(pbx_session_info),
                                   .size = 1,
                                   .flags = worker->terminal ? PBX_SESSION_TERMINAL : 0,
                                   .trial = &run->abi_trial,
                                   .cwd = cwd != NULL ? cwd : "/",
                                   .out = message_get_string(run->message, "out"),
                                   .err = message_get_string(run->message, "err"),
                                   .metric = worker->metrics[0],
                                   .metrics = (const char *const *)worker->metrics};
}

/* What a clock can hold, and nothing below 0. */
static gint64
nanoseconds(double seconds)
{
    return (gint64)(CLAMP(seconds, 0, 1e9) * 1e9);
}

PbxRun *
run_new(PbxWorker *worker, JsonObject *message)
{
    PbxRun *run = g_new0(PbxRun, 1);
    run->hold = -1;
    run->message = json_object_ref(message);
    run->trial = (guint64)message_get_int(message, "trial", 0);
    run->attempt = (guint)message_get_int(message, "attempt", 0);
    run->ahead = (PbxAhead){
        .window = (guint64)MAX(0, message_get_int(message, "window", 0)),
        .max_ns = nanoseconds(message_get_double(message, "window_s", WINDOW_S)),
    };
    run->gather_us = nanoseconds(message_get_double(message, "gather_s", 0)) / 1000;
    run->counts = (PbxCounts){.iteration = message_get_int(message, "iteration", 0),
                              .time_total_s = message_get_double(message, "time_total_s", 0),
                              .timesteps_total = message_get_int(message, "timesteps_total", -1),
                              .episodes_total = message_get_int(message, "episodes_total", -1),
                              .last_ns = g_get_monotonic_time() * 1000};
    run->config = take_node(message, "config");
    run->resources = take_node(message, "resources");
    run->view = make_view(worker, message);
    run->text = g_string_new(NULL);
    run->texts = g_ptr_array_new_with_free_func(g_free);
    fill_trial(worker, run);
    fill_info(worker, run);
    saving_init(run, message);
    restoring_init(run);
    return run;
}

gboolean
run_prepare(PbxWorker *worker, PbxRun *run, GError **error)
{
    /* A worker that was killed here. */
    checkpoint_remove_leftovers(run->abi_trial.dir);
    run_set_environment(worker, run);
    if (run->saving.path == NULL)
        return TRUE;
    run->kept = kept_path_new(run->abi_trial.dir, run->saving.path, worker->channel.fd, error);
    return run->kept != NULL;
}

void
run_set_environment(PbxWorker *worker, PbxRun *run)
{
    g_strfreev(run->env);
    run->env = program_env(worker, run);
    run->info.env = (const char *const *)run->env;
}

void
run_free(PbxRun *run)
{
    if (run == NULL)
        return;
    ahead_clear(&run->ahead);
    restoring_clear(run);
    saving_clear(run);
    hold_end(run);
    kept_path_free(run->kept);
    g_ptr_array_unref(run->texts);
    g_string_free(run->text, TRUE);
    g_strfreev(run->env);
    g_free(run->config_text);
    g_free(run->location);
    json_node_unref(run->view);
    json_node_unref(run->config);
    json_node_unref(run->resources);
    json_object_unref(run->message);
    g_free(run);
}
