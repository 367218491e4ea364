/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one place where deciders are called, with a search that is made here. */
#include <string.h>

#include "decider/decider.h"

struct pbx_instance {
    int asks;
    gboolean refuse;
};

static pbx_instance only = {0, FALSE};

static pbx_status
create(const pbx_host *host, const pbx_json *options, pbx_instance **instance, pbx_error *error)
{
    (void)host;
    (void)options;
    (void)error;
    only = (pbx_instance){0, FALSE};
    *instance = &only;
    return PBX_OK;
}

static void
destroy(pbx_instance *instance)
{
    (void)instance;
}

static pbx_status
save(pbx_instance *self, const pbx_sink *sink, pbx_error *error)
{
    (void)error;
    guint8 byte = (guint8)self->asks;
    return sink->write(sink->ctx, &byte, 1);
}

static pbx_status
load(pbx_instance *self, uint32_t version, const void *bytes, size_t n, pbx_error *error)
{
    (void)error;
    if (version != 1 || n != 1)
        return PBX_ENOTSUP;
    self->asks = *(const guint8 *)bytes;
    return PBX_OK;
}

static pbx_status
describe(pbx_instance *self, const pbx_sink *sink)
{
    (void)self;
    return sink->write(sink->ctx, "a \xff line", 8);
}

static pbx_status
suggest(pbx_instance *self, pbx_suggestion *suggestion, pbx_error *error)
{
    if (self->refuse) {
        memset(error->where, 'w', sizeof error->where);
        memset(error->message, 'm', sizeof error->message);
        return PBX_EINVAL;
    }
    if (self->asks == 2)
        return PBX_AGAIN;
    suggestion->origin = 7;
    self->asks++;
    return PBX_OK;
}

static const pbx_search vtable = {
    .struct_size = sizeof(pbx_search),
    .caps = PBX_CAP_CATEGORY,
    .object = {.create = create,
               .destroy = destroy,
               .state_version = 1,
               .save = save,
               .load = load,
               .describe = describe},
    .suggest = suggest,
};
static const pbx_interface interfaces[] = {{PBX_SEARCH_ID, &vtable}, {NULL, NULL}};
static const pbx_plugin description = {
    .struct_size = sizeof(pbx_plugin),
    .option_size = sizeof(pbx_option),
    .kind = "search",
    .name = "test",
    .version = "1",
    .summary = "a test",
    .license = "MIT",
    .interfaces = interfaces,
};
static const PbxPlugin plugin = {.desc = &description, .path = (char *)"/test.so"};

static PbxDecider *
decider(void)
{
    g_autoptr(PbxProblems) problems = problems_new();
    g_autoptr(JsonNode) node = json_read("{}", 2, 4, NULL);
    g_autoptr(PbxDoc) doc = doc_new_for_node("test", node);
    PbxOptionContext context = {0};
    static PbxOptions *options;
    options_free(options);
    options = options_check(&plugin, doc, "", NULL, &context, problems);
    GError *error = NULL;
    PbxInstance *instance =
        instance_new(&plugin, "search", options, 1, NULL, NULL, NULL, NULL, NULL, &error);
    g_assert_no_error(error);
    return decider_new(instance, G_MAXINT64);
}

static void
count_done(PbxDecider *self, PbxCall *call, gpointer user)
{
    (void)self;
    (void)call;
    ++*(int *)user;
}

static void
test_calls(void)
{
    g_autoptr(PbxDecider) self = decider();
    pbx_suggestion suggestion = {.struct_size = sizeof suggestion};
    PbxCall call = {.id = CALL_SEARCH_SUGGEST, .suggestion = &suggestion};
    int done = 0;
    decider_call(self, &call, count_done, &done);
    g_assert_cmpint(call.status, ==, PBX_OK);
    g_assert_cmpuint(suggestion.origin, ==, 7);
    g_assert_cmpint(done, ==, 1);
    g_assert_cmpuint(decider_caps(self), ==, PBX_CAP_CATEGORY);
    g_assert_cmpstr(decider_slot(self), ==, "search");
}

static void
test_absent(void)
{
    g_autoptr(PbxDecider) self = decider();
    g_assert_true(decider_has(self, CALL_SEARCH_SUGGEST));
    g_assert_false(decider_has(self, CALL_SEARCH_TELL));
    PbxCall call = {.id = CALL_SEARCH_TELL, .status = PBX_EIO};
    decider_call(self, &call, NULL, NULL);
    g_assert_cmpint(call.status, ==, PBX_OK);
}

static void
test_state(void)
{
    g_autoptr(PbxDecider) self = decider();
    g_autoptr(GByteArray) blob = g_byte_array_new();
    pbx_suggestion suggestion = {.struct_size = sizeof suggestion};
    PbxCall call = {.id = CALL_SEARCH_SUGGEST, .suggestion = &suggestion};
    g_assert_false(decider_is_dirty(self));
    decider_call(self, &call, NULL, NULL);
    g_assert_true(decider_is_dirty(self));
    g_assert_true(decider_save(self, blob, NULL));
    g_assert_cmpuint(blob->len, ==, 1);
    g_assert_false(decider_is_dirty(self));
    decider_call(self, &call, NULL, NULL);
    g_assert_true(decider_save(self, blob, NULL));
    decider_call(self, &call, NULL, NULL);
    g_assert_cmpint(call.status, ==, PBX_AGAIN);
    g_assert_false(decider_is_dirty(self));
}

static void
test_unended_text(void)
{
    g_autoptr(PbxDecider) self = decider();
    only.refuse = TRUE;
    pbx_suggestion suggestion = {.struct_size = sizeof suggestion};
    PbxCall call = {.id = CALL_SEARCH_SUGGEST, .suggestion = &suggestion};
    decider_call(self, &call, NULL, NULL);
    g_autoptr(GError) error = NULL;
    decider_set_error(self, &call, &error);
    g_assert_error(error, PBX_PLUGIN_ERROR, PLUGIN_ERROR_OPTIONS);
    g_assert_cmpuint(strlen(call.error.message), ==, sizeof call.error.message - 1);
}

static void
test_describe(void)
{
    g_autoptr(PbxDecider) self = decider();
    g_autofree char *text = decider_describe(self);
    g_assert_true(g_utf8_validate(text, -1, NULL));
    g_assert_true(g_str_has_prefix(text, "a "));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/decider/call/answers-and-completes", test_calls);
    g_test_add_func("/decider/call/absent-function-is-ok", test_absent);
    g_test_add_func("/decider/call/again-changes-no-state", test_state);
    g_test_add_func("/decider/call/text-without-end-is-cut", test_unended_text);
    g_test_add_func("/decider/describe/is-valid-utf8", test_describe);
    return g_test_run();
}
