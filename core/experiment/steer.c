/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What other processes ask of an experiment, and who does it. */
#include "experiment/asked-private.h"
#include "experiment/steer-private.h"

#include "json/json.h"

static const PbxSteering steerings[] = {
    {"ask", steer_ask, NULL}, /* without a driver: asking.c */
    {"enqueue", steer_enqueue, steer_enqueue_alone},
    {"pause", steer_pause, steer_pause_alone},
    {"stop", steer_stop, steer_stop_alone},
    {"tell", steer_tell, NULL},
    {"unpause", steer_unpause, steer_unpause_alone},
    {"void", steer_void, steer_void_alone},
};

static const PbxSteering *
find(const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(steerings); i++)
        if (g_str_equal(steerings[i].name, name))
            return &steerings[i];
    return NULL;
}

/* ---- In the driver ---- */

typedef struct {
    PbxRequest *request;
    JsonObject *answer;
    PbxTrial *given; /* with the answer; NULL: none is */
} PbxSteerAnswer;

static void
take(PbxRequest *request, gpointer user)
{
    PbxRunner *runner = user;
    const PbxSteering *steering = find(request_name(request));
    if (steering == NULL || steering->driven == NULL)
        steer_refuse(request, "there is no request '%s'", request_name(request));
    else if (runner->fatal != NULL)
        steer_refuse(request, "the experiment cannot go on: %s", runner->fatal->message);
    else
        steering->driven(runner, request);
}

static void
log_line(const char *line, gpointer user)
{
    runner_log("runner", PBX_LOG_WARNING, line, user);
}

void
steer_open(PbxRunner *runner)
{
    g_autoptr(GError) error = NULL;
    runner->requests = requests_open(runner->dir, runner->context, take, log_line, runner, &error);
    if (runner->requests == NULL)
        log_line(error->message, runner);
}

void
steer_tick(PbxRunner *runner)
{
    requests_poll(runner->requests);
}

void
steer_defer(PbxRunner *runner, PbxRequest *request)
{
    g_queue_push_tail(&runner->deferred, request);
}

void
steer_turn(PbxRunner *runner)
{
    const gboolean waits = runner->asking != NULL && runner->interrupts == 0 && !runner->stopping;
    if (waits || runner->fatal != NULL)
        return;
    for (PbxRequest *request; (request = g_queue_pop_head(&runner->deferred)) != NULL;)
        take(request, runner);
}

void
steer_give(PbxRunner *runner, PbxRequest *request, JsonObject *answer, PbxTrial *trial)
{
    PbxSteerAnswer *later = g_new(PbxSteerAnswer, 1);
    *later = (PbxSteerAnswer){request, answer, trial};
    g_ptr_array_add(runner->answers, later);
    runner_schedule(runner);
}

void
steer_answer(PbxRunner *runner, PbxRequest *request, JsonObject *answer)
{
    steer_give(runner, request, answer, NULL);
}

void
steer_act(PbxRunner *runner)
{
    for (guint i = 0; i < runner->answers->len; i++) {
        PbxSteerAnswer *later = runner->answers->pdata[i];
        if (!request_answer(later->request, later->answer) && later->given != NULL)
            asked_return(runner, later->given);
        g_free(later);
    }
    g_ptr_array_set_size(runner->answers, 0);
}

void
steer_close(PbxRunner *runner, const char *reason)
{
    for (guint i = 0; i < runner->answers->len; i++) {
        PbxSteerAnswer *later = runner->answers->pdata[i];
        g_clear_pointer(&later->answer, json_object_unref);
        g_free(later);
    }
    g_ptr_array_set_size(runner->answers, 0);
    g_queue_clear(&runner->deferred);
    requests_close(g_steal_pointer(&runner->requests), reason);
}

void
steer_refuse(PbxRequest *request, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *message = g_strdup_vprintf(format, args);
    va_end(args);
    request_refuse(request, message);
}

const char *
steer_text(JsonObject *request, const char *name)
{
    JsonNode *node = json_object_get_member(request, name);
    return node != NULL && JSON_NODE_HOLDS_VALUE(node) &&
                   json_node_get_value_type(node) == G_TYPE_STRING
               ? json_node_get_string(node)
               : NULL;
}

PbxTrial *
steer_trial(PbxRunner *runner, JsonObject *request, GError **error)
{
    const char *text = steer_text(request, "trial");
    guint64 number = 0;
    if (text == NULL) {
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE,
                    "the request needs \"trial\", a text: a number, an id or a name");
        return NULL;
    }
    const gboolean plain = g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT64, &number, NULL);
    if (plain && number < runner->trials->len)
        return runner->trials->pdata[number];
    for (guint i = 0; i < runner->trials->len; i++) {
        PbxTrial *trial = runner->trials->pdata[i];
        if (g_str_equal(trial->row.id, text) || g_str_equal(trial->row.name, text))
            return trial;
    }
    g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE, "no trial '%s' in %s", text,
                runner->name);
    return NULL;
}

JsonObject *
steer_answer_for(const PbxTrial *trial)
{
    JsonObject *answer = json_object_new();
    json_object_set_int_member(answer, "trial", (gint64)trial->row.number);
    json_object_set_string_member(answer, "id", trial->row.id);
    json_object_set_string_member(answer, "name", trial->row.name);
    return answer;
}

/* ---- From elsewhere ---- */

static JsonNode *
do_alone(const char *dir, JsonObject *request, GError **error)
{
    g_autoptr(PbxOutside) outside = outside_open(dir, error);
    if (outside == NULL)
        return NULL;
    const PbxSteering *steering = find(json_object_get_string_member(request, "request"));
    JsonObject *answer = steering->alone(outside, request, error);
    if (answer == NULL)
        return NULL;
    json_object_set_boolean_member(answer, "ok", TRUE);
    JsonNode *node = json_node_alloc();
    json_node_init(node, JSON_NODE_OBJECT);
    json_node_take_object(node, answer);
    return node;
}

JsonNode *
experiment_steer(const char *dir, JsonObject *request, double timeout_s, GError **error)
{
    const PbxSteering *steering = find(json_object_get_string_member(request, "request"));
    /* A driver may begin or end between two looks. */
    for (guint tries = 0;; tries++) {
        g_autoptr(GError) failed = NULL;
        JsonNode *answer = request_send(dir, request, timeout_s, &failed);
        const gboolean none = g_error_matches(failed, PBX_REQUEST_ERROR, REQUEST_ERROR_NO_DRIVER);
        if (none && steering->alone != NULL) {
            g_clear_error(&failed);
            answer = do_alone(dir, request, &failed);
        }
        if (tries < 3 && g_error_matches(failed, PBX_REQUEST_ERROR, REQUEST_ERROR_DRIVEN))
            continue;
        if (answer == NULL)
            g_propagate_error(error, g_steal_pointer(&failed));
        return answer;
    }
}

void
experiment_wait(const char *dir)
{
    for (char *driver; (driver = lock_driver(dir)) != NULL; g_free(driver))
        g_usleep(20 * 1000);
}

int
experiment_error_status(const GError *error)
{
    if (error->domain == PBX_REQUEST_ERROR)
        return request_error_status(error);
    if (error->domain == PBX_PLUGIN_ERROR)
        return plugin_error_status(error);
    if (error->domain == PBX_STORE_ERROR)
        return error->code == STORE_ERROR_NONE ? 2 : 4;
    if (error->domain != PBX_EXPERIMENT_ERROR)
        return 4;
    switch (error->code) {
    case EXPERIMENT_ERROR_USAGE:
        return 2;
    case EXPERIMENT_ERROR_PLUGIN:
        return 3;
    case EXPERIMENT_ERROR_STATE:
        return 1;
    default:
        return 4;
    }
}
