/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stopper/when: ends a trial, or the experiment, once an expression is true of a result. */
#include <pegbox/helpers.h>

struct pbx_instance {
    pbx_base base;
    const pbx_expression *expressions;
    int whole_experiment;
    int warned;
    uint32_t stopped; /* with scope experiment: a result made the expression true */
    char *reason;
};

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *options, pbx_error *error)
{
    const void *service;
    pbx_status status = pbx_need(host, PBX_EXPRESSION_ID, &service, error);
    if (status != PBX_OK)
        return status;
    self->expressions = (const pbx_expression *)service;
    self->whole_experiment = strcmp(pbx_string(host, options, "scope"), "experiment") == 0;
    self->reason = pbx_strdup(self, pbx_string(host, options, "expression"));
    return self->reason != NULL ? PBX_OK : pbx_fail_memory(error);
}

/* As in Lua: nil and false are false, all else is true. */
static int
is_true(const pbx_host *host, const pbx_json *value)
{
    int32_t type = host->json_type(value);
    if (type == PBX_JSON_BOOL)
        return host->json_bool(value, 0) != 0;
    return type != PBX_JSON_NONE && type != PBX_JSON_NULL;
}

/* A field that a result lacks is nil, and Lua's complaint about it says so. */
static int
is_about_missing_field(const pbx_error *error)
{
    return strstr(error->message, "nil value") != NULL ||
           strstr(error->message, "with nil") != NULL || strstr(error->message, "nil with") != NULL;
}

static void
warn(pbx_instance *self, const char *message)
{
    if (!self->warned)
        pbx_log(self->base.host, PBX_LOG_WARNING,
                "nothing stops where a result lacks what the expression reads (said once): %s",
                message);
    self->warned = 1;
}

static pbx_status
result(pbx_instance *self, const pbx_result *r, pbx_verdict *verdict, pbx_error *error)
{
    static const char *const names[] = {"result", "trial_id"};
    const pbx_host *host = self->base.host;
    const pbx_json *values[] = {r->fields, host->json_member(r->fields, "trial_id")};
    /* rand() differs from result to result, and is the same when a run is repeated. */
    uint64_t stream = (r->trial << 24) + ((uint64_t)r->iteration & 0xffffff);
    pbx_error failure = {"", ""};
    const pbx_json *value =
        self->expressions->eval(host, "expression", names, values, 2, stream, &failure);
    if (value == NULL && is_about_missing_field(&failure)) {
        warn(self, failure.message);
        return PBX_OK;
    }
    if (value == NULL)
        return pbx_fail(error, PBX_EINVAL, "expression", "%s", failure.message);
    if (!is_true(host, value))
        return PBX_OK;
    if (self->whole_experiment) {
        self->stopped = 1;
        return PBX_OK;
    }
    verdict->stop = 1;
    verdict->reason = self->reason;
    return PBX_OK;
}

static pbx_status
all(pbx_instance *self, pbx_verdict *verdict, pbx_error *error)
{
    (void)error;
    verdict->stop = self->stopped;
    verdict->reason = self->stopped ? self->reason : NULL;
    return PBX_OK;
}

static void
state(pbx_instance *self, pbx_blob *blob)
{
    pbx_blob_u32(blob, &self->stopped);
}

static const char *const scopes[] = {"trial", "experiment", NULL};
static const pbx_option options[] = {
    PBX_OPT_ANY(PBX_OPTION_EXPRESSION, PBX_OPTION_REQUIRED, "expression",
                "Lua over `result` and `trial_id`; where it is true, the stop comes", "1.0", NULL),
    PBX_OPT_ENUM("scope", "what stops: the trial, or the whole experiment", "1.0", scopes,
                 "\"trial\""),
};

PEGBOX_STOPPER("when", "1.0", "Ends a trial or the experiment once an expression is true",
               "LGPL-2.1-or-later", options, 0, 1, init, state, .result = result, .all = all);
