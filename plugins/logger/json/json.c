/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* logger/json: result.json, each result on a line, and params.json, the config. */
#include <pegbox/helpers.h>

struct pbx_instance {
    pbx_base base;
    const pbx_files *files;
    const pbx_json_write *json;
    pbx_memory text; /* of one file request at a time */
};

static void
finish(pbx_instance *self)
{
    pbx_memory_free(&self->text);
}

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *options, pbx_error *error)
{
    const void *files, *json;
    pbx_status status = pbx_need(host, PBX_FILES_ID, &files, error);
    (void)options;
    if (status == PBX_OK)
        status = pbx_need(host, PBX_JSON_WRITE_ID, &json, error);
    if (status != PBX_OK)
        return status;
    self->files = (const pbx_files *)files;
    self->json = (const pbx_json_write *)json;
    self->base.finish = finish;
    return PBX_OK;
}

static pbx_status
put(pbx_instance *self, const char *text)
{
    return pbx_memory_add(&self->text, text, strlen(text));
}

static pbx_status
put_line(pbx_instance *self, unsigned depth)
{
    pbx_status status = put(self, "\n");
    for (unsigned i = 0; i < depth && status == PBX_OK; i++)
        status = put(self, "  ");
    return status;
}

/* A key, or a value that has no members, as the host writes it. */
static pbx_status
put_compact(pbx_instance *self, const char *key, const pbx_json *value)
{
    pbx_sink sink = pbx_memory_sink(&self->text);
    pbx_json_builder *builder = self->json->begin(self->base.host, &sink);
    if (key != NULL)
        self->json->string(builder, key);
    else
        self->json->node(builder, value);
    return self->json->end(builder);
}

/* The indexes of an object's members by key. NULL: out of memory. */
static size_t *
sorted_members(const pbx_host *host, const pbx_json *object, size_t n)
{
    size_t *order = (size_t *)malloc(n * sizeof(size_t));
    for (size_t i = 0; i < n && order != NULL; i++) {
        size_t at = i;
        for (; at > 0; at--) {
            if (strcmp(host->json_key(object, order[at - 1]), host->json_key(object, i)) <= 0)
                break;
            order[at] = order[at - 1];
        }
        order[at] = i;
    }
    return order;
}

static pbx_status put_pretty(pbx_instance *self, const pbx_json *node, unsigned depth);

/* One member, or one item where there is no key, on a line of its own. */
static pbx_status
put_member(pbx_instance *self, const char *key, const pbx_json *value, int first, unsigned depth)
{
    pbx_status status = first ? PBX_OK : put(self, ",");
    if (status == PBX_OK)
        status = put_line(self, depth);
    if (status == PBX_OK && key != NULL)
        status = put_compact(self, key, NULL);
    if (status == PBX_OK && key != NULL)
        status = put(self, ": ");
    return status == PBX_OK ? put_pretty(self, value, depth) : status;
}

/* Two spaces a level and sorted keys, as Tune writes params.json. */
static pbx_status
put_pretty(pbx_instance *self, const pbx_json *node, unsigned depth)
{
    const pbx_host *host = self->base.host;
    int is_object = host->json_type(node) == PBX_JSON_OBJECT;
    size_t n = is_object || host->json_type(node) == PBX_JSON_ARRAY ? host->json_length(node) : 0;
    size_t *order;
    pbx_status status;
    if (n == 0)
        return put_compact(self, NULL, node);
    order = is_object ? sorted_members(host, node, n) : NULL;
    if (is_object && order == NULL)
        return PBX_ENOMEM;
    status = put(self, is_object ? "{" : "[");
    for (size_t i = 0; i < n && status == PBX_OK; i++) {
        size_t member = is_object ? order[i] : i;
        status = put_member(self, is_object ? host->json_key(node, member) : NULL,
                            host->json_item(node, member), i == 0, depth + 1);
    }
    free(order);
    if (status == PBX_OK)
        status = put_line(self, depth);
    return status == PBX_OK ? put(self, is_object ? "}" : "]") : status;
}

/* At each start: a clone or a retry may have another config. */
static pbx_status
write_params(pbx_instance *self, const pbx_trial *trial)
{
    pbx_status status;
    self->text.n = 0;
    status = put_pretty(self, trial->config, 0);
    if (status == PBX_OK)
        status = put(self, "\n");
    if (status == PBX_OK)
        status = self->files->replace(self->base.host, trial->trial, "params.json",
                                      self->text.bytes, self->text.n);
    return status;
}

/* The host's own text of the result: nothing is parsed. */
static pbx_status
append_result(pbx_instance *self, const pbx_result *result)
{
    pbx_status status;
    self->text.n = 0;
    status = pbx_memory_add(&self->text, result->text, (size_t)result->text_size);
    if (status == PBX_OK)
        status = put(self, "\n");
    if (status == PBX_OK)
        status = self->files->append(self->base.host, result->trial, "result.json",
                                     self->text.bytes, self->text.n);
    return status;
}

static pbx_status
events(pbx_instance *self, const pbx_event *const *list, size_t n, size_t *done, pbx_error *error)
{
    for (*done = 0; *done < n; ++*done) {
        const pbx_event *event = list[*done];
        int is_result = event->type == PBX_EVENT_RESULT;
        pbx_status status = PBX_OK;
        if (is_result && event->result != NULL)
            status = append_result(self, event->result);
        else if (event->type == PBX_EVENT_TRIAL_START && event->trial != NULL)
            status = write_params(self, event->trial);
        if (status < 0)
            return pbx_fail(error, status, is_result ? "result.json" : "params.json",
                            "cannot be written");
    }
    return PBX_OK;
}

PEGBOX_LOGGER("json", "1.0", "Writes result.json and params.json of each trial",
              "LGPL-2.1-or-later", PEGBOX_NO_OPTIONS,
              PBX_WANTS(PBX_EVENT_TRIAL_START) | PBX_WANTS(PBX_EVENT_RESULT), 0, init, NULL,
              .events = events);
