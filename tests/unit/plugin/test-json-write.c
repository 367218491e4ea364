/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* json-write/1: whatever the order of calls, what comes out is JSON or an error. */
#include <math.h>
#include <string.h>

#include "plugin/plugin-private.h"

static const pbx_host *abi;
static const pbx_json_write *json;
static GString *out;

static pbx_status
append(void *ctx G_GNUC_UNUSED, const void *bytes, size_t n)
{
    g_string_append_len(out, bytes, (gssize)n);
    return PBX_OK;
}

static pbx_status
refuse(void *ctx, const void *bytes G_GNUC_UNUSED, size_t n G_GNUC_UNUSED)
{
    (*(int *)ctx)++;
    return PBX_EIO;
}

static const pbx_sink sink = {NULL, append};

static pbx_json_builder *
begin(void)
{
    g_string_truncate(out, 0);
    return json->begin(abi, &sink);
}

static void
test_writes(void)
{
    g_autoptr(JsonNode) node = json_read("[1, {\"k\": null}]", 16, 9, NULL);
    pbx_json_builder *b = begin();
    json->object_begin(b);
    json->key(b, "a\"b");
    json->array_begin(b);
    json->null(b);
    json->boolean(b, 5);
    json->boolean(b, 0);
    json->integer(b, INT64_MIN);
    json->real(b, 0.1);
    json->real(b, NAN);
    json->real(b, -INFINITY);
    json->string(b, "x\n\xff");
    json->string(b, NULL);
    json->object_begin(b);
    json->object_end(b);
    json->array_end(b);
    json->key(b, "c");
    json->node(b, host_json(node));
    json->key(b, "d");
    json->node(b, NULL);
    json->object_end(b);
    g_assert_cmpint(json->end(b), ==, PBX_OK);
    g_assert_cmpstr(out->str, ==,
                    "{\"a\\\"b\":[null,true,false,-9223372036854775808,0.1,\"NaN\",\"-Infinity\","
                    "\"x\\n\xef\xbf\xbd\",null,{}],\"c\":[1,{\"k\":null}],\"d\":null}");
}

static void
a_value_twice(pbx_json_builder *b)
{
    json->null(b);
    json->null(b);
}

static void
nothing(pbx_json_builder *b G_GNUC_UNUSED)
{
}

static void
half(pbx_json_builder *b)
{
    json->array_begin(b);
}

static void
no_key(pbx_json_builder *b)
{
    json->object_begin(b);
    json->integer(b, 1);
    json->object_end(b);
}

static void
key_in_array(pbx_json_builder *b)
{
    json->array_begin(b);
    json->key(b, "a");
    json->array_end(b);
}

static void
key_twice(pbx_json_builder *b)
{
    json->object_begin(b);
    json->key(b, "a");
    json->key(b, "b");
    json->null(b);
    json->object_end(b);
}

static void
key_without_value(pbx_json_builder *b)
{
    json->object_begin(b);
    json->key(b, "a");
    json->object_end(b);
}

static void
wrong_end(pbx_json_builder *b)
{
    json->object_begin(b);
    json->array_end(b);
}

static void
end_of_nothing(pbx_json_builder *b)
{
    json->null(b);
    json->object_end(b);
}

static void
test_order_is_checked(void)
{
    static void (*const wrong[])(pbx_json_builder *) = {
        a_value_twice, nothing,           half,      no_key,         key_in_array,
        key_twice,     key_without_value, wrong_end, end_of_nothing,
    };
    for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
        pbx_json_builder *b = begin();
        wrong[i](b);
        g_assert_cmpint(json->end(b), ==, PBX_ESTATE);
    }
    pbx_json_builder *b = begin();
    json->object_begin(b);
    json->key(b, NULL);
    g_assert_cmpint(json->end(b), ==, PBX_EINVAL);
}

/* No builder at all is an error, not a crash. */
static void
test_no_sink(void)
{
    const pbx_sink empty = {NULL, NULL};
    g_assert_null(json->begin(abi, NULL));
    g_assert_null(json->begin(abi, &empty));
    json->object_begin(NULL);
    json->key(NULL, "a");
    json->real(NULL, 1);
    json->object_end(NULL);
    g_assert_cmpint(json->end(NULL), ==, PBX_EINVAL);
}

/* The sink's failure is kept, and it is not asked again. */
static void
test_failing_sink(void)
{
    int calls = 0;
    const pbx_sink failing = {&calls, refuse};
    pbx_json_builder *b = json->begin(abi, &failing);
    json->array_begin(b);
    for (int i = 0; i < 100000; i++)
        json->integer(b, i);
    json->array_end(b);
    g_assert_cmpint(json->end(b), ==, PBX_EIO);
    g_assert_cmpint(calls, ==, 1);
}

static void
test_long_texts_come_in_parts(void)
{
    pbx_json_builder *b = begin();
    json->array_begin(b);
    for (int i = 0; i < 100000; i++)
        json->integer(b, i);
    g_assert_cmpuint(out->len, >, 0); /* before the end */
    json->array_end(b);
    g_assert_cmpint(json->end(b), ==, PBX_OK);
    g_autoptr(JsonNode) node = json_read(out->str, out->len, 9, NULL);
    g_assert_cmpuint(json_array_get_length(json_node_get_array(node)), ==, 100000);
}

static void
test_parses(void)
{
    pbx_error error = {.message = ""};
    const pbx_json *node = json->parse(abi, "{\"a\": 5} ", 9, &error);
    g_assert_cmpint(abi->json_int(abi->json_member(node, "a"), 0), ==, 5);
    const pbx_json *kept = json->parse(abi, "[1]", 3, &error); /* freed with the host */
    g_assert_nonnull(kept);
    json->release(abi, node);
    json->release(abi, NULL);
    g_assert_null(json->parse(abi, "{\"a\": 5", 7, &error));
    g_assert_cmpstr(error.message, ==, "expected ',' or '}' at character 8");
    g_assert_null(json->parse(abi, NULL, 0, &error));
    g_assert_cmpstr(error.message, ==, "no text");
    g_assert_null(json->parse(abi, "x", 1, NULL));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_autoptr(PbxHost) host = host_new("loggers[0]", NULL, 1, NULL, NULL, NULL);
    abi = host_abi(host);
    json = abi->service(abi, PBX_JSON_WRITE_ID);
    out = g_string_new(NULL);
    g_test_add_func("/plugin/json-write/writes", test_writes);
    g_test_add_func("/plugin/json-write/order-is-checked", test_order_is_checked);
    g_test_add_func("/plugin/json-write/no-sink", test_no_sink);
    g_test_add_func("/plugin/json-write/failing-sink", test_failing_sink);
    g_test_add_func("/plugin/json-write/long-texts", test_long_texts_come_in_parts);
    g_test_add_func("/plugin/json-write/parses", test_parses);
    int status = g_test_run();
    g_string_free(out, TRUE);
    return status;
}
