/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frames and messages of the worker protocol: doc/worker-protocol.md, byte by byte. */
#include <math.h>
#include <string.h>

#include "worker/worker-private.h"

typedef struct {
    const char *json;
    const guint8 *blob;
    gsize json_length, blob_length, consumed;
    int got;
    GError *error;
} Taken;

static Taken
take(gconstpointer bytes, gsize length)
{
    Taken taken = {.json = NULL};
    taken.got = frame_take(bytes, length, &taken.json, &taken.json_length, &taken.blob,
                           &taken.blob_length, &taken.consumed, &taken.error);
    return taken;
}

/* ---- Frames ---- */

static void
test_bytes(void)
{
    static const guint8 expected[] = {2, 0, 0, 0, 3, 0, 0, 0, '{', '}', 'a', 'b', 0};
    g_autoptr(GByteArray) out = g_byte_array_new();
    frame_put(out, "{}", 2, "ab", 3);
    g_assert_cmpmem(out->data, out->len, expected, sizeof expected);
    g_autoptr(GByteArray) large = g_byte_array_new();
    g_autofree char *text = g_strnfill(0x010203, ' ');
    frame_put(large, text, 0x010203, NULL, 0);
    g_assert_cmpmem(large->data, 8, "\x03\x02\x01\x00\x00\x00\x00\x00", 8);
    g_assert_cmpuint(large->len, ==, 8 + 0x010203);
}

static void
test_whole(void)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    frame_put(out, "{\"a\":1}", 7, "blob", 4);
    gsize one = out->len;
    frame_put(out, "{}", 2, NULL, 0);
    Taken first = take(out->data, out->len);
    g_assert_cmpint(first.got, ==, 1);
    g_assert_cmpmem(first.json, first.json_length, "{\"a\":1}", 7);
    g_assert_cmpmem(first.blob, first.blob_length, "blob", 4);
    g_assert_cmpuint(first.consumed, ==, one);
    Taken second = take(out->data + one, out->len - one);
    g_assert_cmpint(second.got, ==, 1);
    g_assert_cmpmem(second.json, second.json_length, "{}", 2);
    g_assert_cmpuint(second.blob_length, ==, 0);
    g_assert_cmpuint(second.consumed, ==, out->len - one);
}

static void
test_truncated(void)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    frame_put(out, "{\"a\":1}", 7, "blob", 4);
    for (gsize n = 0; n < out->len; n++) {
        /* A copy of its own, so that a sanitizer sees a read behind it. */
        g_autofree guint8 *part = g_memdup2(out->data, n);
        Taken taken = take(part, n);
        g_assert_cmpint(taken.got, ==, 0);
        g_assert_no_error(taken.error);
    }
}

static void
assert_lie(guint32 json_length, guint32 blob_length)
{
    guint32 header[2] = {GUINT32_TO_LE(json_length), GUINT32_TO_LE(blob_length)};
    Taken taken = take(header, sizeof header);
    g_assert_cmpint(taken.got, ==, -1);
    g_assert_error(taken.error, PBX_WORKER_ERROR, WORKER_ERROR_PROTOCOL);
    g_assert_nonnull(strstr(taken.error->message, "not the worker protocol (at most 16777216 "));
    g_clear_error(&taken.error);
}

static void
test_lies(void)
{
    assert_lie(0, 0);
    assert_lie(0, 5);
    assert_lie(FRAME_MAX + 1, 0);
    assert_lie(1, FRAME_MAX);
    assert_lie(G_MAXUINT32, 0);
    assert_lie(1, G_MAXUINT32);
    assert_lie(G_MAXUINT32, G_MAXUINT32); /* together 2^33 - 2: no overflow */
    assert_lie(2, G_MAXUINT32 - 1);       /* together 2^32 */
}

static void
test_largest(void)
{
    guint32 header[2] = {GUINT32_TO_LE(FRAME_MAX - 5), GUINT32_TO_LE(5)};
    g_assert_cmpint(take(header, sizeof header).got, ==, 0);
    g_autoptr(GByteArray) out = g_byte_array_new();
    g_autofree char *text = g_strnfill(FRAME_MAX, ' ');
    frame_put(out, text, FRAME_MAX, NULL, 0);
    Taken taken = take(out->data, out->len);
    g_assert_cmpint(taken.got, ==, 1);
    g_assert_cmpuint(taken.json_length, ==, FRAME_MAX);
}

/* ---- Messages ---- */

static JsonObject *
next(GByteArray *in, gsize *at)
{
    g_autoptr(GError) error = NULL;
    JsonObject *message = NULL;
    g_assert_cmpint(frame_next(in, at, &message, &error), ==, 1);
    g_assert_no_error(error);
    return message;
}

static void
test_message_bytes(void)
{
    static const char *const words[] = {"a", "b\"", NULL};
    static const char expected[] =
        "{\"type\":\"t\",\"i\":-9223372036854775808,\"d\":0.5,\"nan\":\"NaN\",\"b\":true,"
        "\"s\":\"\\u001b\\n\",\"list\":[\"a\",\"b\\\"\"],\"none\":[],\"node\":null,\"text\":{}}";
    g_autoptr(GByteArray) out = g_byte_array_new();
    GString *message = message_new("t");
    message_int(message, "i", G_MININT64);
    message_double(message, "d", 0.5);
    message_double(message, "nan", NAN);
    message_bool(message, "b", TRUE);
    message_string(message, "s", "\033\n");
    message_string(message, "left out", NULL);
    message_strings(message, "list", words);
    message_strings(message, "none", NULL);
    message_node(message, "node", NULL);
    message_text(message, "text", "{}");
    message_put(out, message);
    g_assert_cmpmem(out->data + 8, out->len - 8, expected, strlen(expected));
}

static void
test_message_read(void)
{
    g_autoptr(GByteArray) in = g_byte_array_new();
    gsize at = 0;
    GString *message = message_new("t");
    message_int(message, "i", G_MAXINT64);
    message_double(message, "inf", -INFINITY);
    message_bool(message, "b", TRUE);
    message_string(message, "s", "ä");
    message_text(message, "mixed", "[\"a\",1,null,[],\"b\"]");
    message_put(in, message);
    g_autoptr(JsonObject) read = next(in, &at);
    g_assert_cmpuint(at, ==, in->len);
    g_assert_true(message_is(read, "t"));
    g_assert_false(message_is(read, "T"));
    g_assert_cmpint(message_get_int(read, "i", 0), ==, G_MAXINT64);
    g_assert_cmpfloat(message_get_double(read, "inf", 0), ==, -INFINITY);
    g_assert_true(message_get_bool(read, "b"));
    g_assert_cmpstr(message_get_string(read, "s"), ==, "ä");
    g_auto(GStrv) words = message_get_strings(read, "mixed");
    g_assert_cmpuint(g_strv_length(words), ==, 2);
    g_assert_cmpstr(words[1], ==, "b");
}

/* What is not there, or something else than expected, is as if it were absent. */
static void
test_message_unfitting(void)
{
    static const char *const values[] = {"null", "[]", "{}", "\"1\"", "1.5", "true", "1"};
    for (guint i = 0; i < G_N_ELEMENTS(values); i++) {
        g_autoptr(GByteArray) in = g_byte_array_new();
        gsize at = 0;
        GString *message = message_new("t");
        message_text(message, "x", values[i]);
        message_put(in, message);
        g_autoptr(JsonObject) read = next(in, &at);
        g_assert_cmpint(message_get_int(read, "x", 7), ==, i == 6 ? 1 : 7);
        g_assert_cmpfloat(message_get_double(read, "x", 7), ==, i >= 5 ? 1 : i == 4 ? 1.5 : 7);
        g_assert_cmpint(message_get_bool(read, "x"), ==, i == 5);
        g_assert_cmpstr(message_get_string(read, "x"), ==, i == 3 ? "1" : NULL);
        g_auto(GStrv) words = message_get_strings(read, "x");
        g_assert_cmpuint(g_strv_length(words), ==, 0);
        g_assert_cmpint(message_get_int(read, "y", 7), ==, 7);
        g_assert_null(message_get_string(read, "y"));
    }
}

static void
assert_nonsense(const char *json, const char *expected)
{
    g_autoptr(GByteArray) in = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    JsonObject *message = NULL;
    gsize at = 0;
    frame_put(in, json, strlen(json), NULL, 0);
    g_assert_cmpint(frame_next(in, &at, &message, &error), ==, -1);
    g_assert_nonnull(error);
    g_assert_nonnull(strstr(error->message, expected));
    g_assert_null(message);
    g_assert_cmpuint(at, ==, 0);
}

static void
test_nonsense(void)
{
    assert_nonsense("[]", "no object: not the worker protocol");
    assert_nonsense("1", "no object");
    assert_nonsense("null", "no object");
    assert_nonsense("{", "a frame's JSON cannot be read");
    assert_nonsense("{}{}", "a frame's JSON cannot be read");
    assert_nonsense(" ", "a frame's JSON cannot be read");
    g_autofree char *deep = g_strnfill(600, '[');
    g_autofree char *object = g_strdup_printf("{\"a\":%s", deep);
    assert_nonsense(object, "a frame's JSON cannot be read");
}

static void
test_nested(void)
{
    g_autofree char *open = g_strnfill(511, '['), *close = g_strnfill(511, ']');
    g_autofree char *json = g_strdup_printf("{\"type\":\"t\",\"a\":%s%s}", open, close);
    g_autoptr(GByteArray) in = g_byte_array_new();
    gsize at = 0;
    frame_put(in, json, strlen(json), NULL, 0);
    g_autoptr(JsonObject) message = next(in, &at);
    g_assert_true(message_is(message, "t"));
}

static void
test_in_parts(void)
{
    g_autoptr(GByteArray) whole = g_byte_array_new(), in = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    gsize at = 0;
    guint n = 0;
    message_put(whole, message_new("one"));
    message_put(whole, message_new("two"));
    for (guint i = 0; i < whole->len; i++) {
        g_autoptr(JsonObject) message = NULL;
        int got = frame_next(in, &at, &message, &error);
        g_assert_cmpint(got, >=, 0);
        n += (guint)got;
        g_byte_array_append(in, whole->data + i, 1);
    }
    g_autoptr(JsonObject) last = next(in, &at);
    g_assert_true(message_is(last, "two"));
    g_assert_cmpuint(n, ==, 1);
    JsonObject *none = NULL;
    g_assert_cmpint(frame_next(in, &at, &none, &error), ==, 0);
}

/* ---- Results ---- */

static const PbxWorkerMessage a_result = {.trial = 3,
                                          .attempt = 2,
                                          .n = 17,
                                          .iteration = 18,
                                          .at_ns = G_GINT64_CONSTANT(1700000000123456000),
                                          .time_this_iter_s = 2.1e-05,
                                          .time_total_s = 1.5,
                                          .timesteps_total = -1,
                                          .episodes_total = 4,
                                          .done = TRUE,
                                          .fields_text = "{\"loss\":0.5,\"a\":[\"\xc3\xa4\"]}"};

static gboolean
reads(const char *json, gsize length, PbxWorkerMessage *result)
{
    g_autoptr(GString) fields = g_string_new("old");
    gboolean read = result_read(json, length, result, fields);
    if (read)
        g_assert_cmpstr(result->fields_text, ==, a_result.fields_text);
    return read;
}

static void
test_result_comes_back(void)
{
    GString *text = g_string_append_c(result_message(&a_result), '}');
    PbxWorkerMessage result = {0};
    g_assert_true(reads(text->str, text->len, &result));
    g_assert_cmpuint(result.type, ==, WORKER_RESULT);
    g_assert_cmpuint(result.trial, ==, 3);
    g_assert_cmpuint(result.attempt, ==, 2);
    g_assert_cmpuint(result.n, ==, 17);
    g_assert_cmpint(result.iteration, ==, 18);
    g_assert_cmpint(result.at_ns, ==, a_result.at_ns);
    g_assert_cmpfloat(result.time_this_iter_s, ==, 2.1e-05);
    g_assert_cmpfloat(result.time_total_s, ==, 1.5);
    g_assert_cmpint(result.timesteps_total, ==, -1);
    g_assert_cmpint(result.episodes_total, ==, 4);
    g_assert_true(result.done);
    g_string_free(text, TRUE);
}

/* What is spelt otherwise, or cut, goes the long way. */
static void
test_result_spelt_otherwise(void)
{
    static const char *const changes[][2] = {
        {"result", "resulT"},
        {"\"trial\":3", "\"trial\": 3"},
        {"\"n\":17", "\"n\":17.0"},
        {"\"n\":17", "\"n\":"},
        {"\"n\":17,", ""},
        {"1.5", "\"NaN\""},
        {"1.5", "1.5.5"},
        {"true", "null"},
        {"{\"loss", "[\"loss"},
        {"0.5", "0.5 "},
        {"0.5", "NaN"},
        {"\xc3\xa4", "\xc3"},
        {"]}}", "]}},"},
        {"]}}", "]}"},
        {"\xa4\"]", "\xa4\"]]"},
    };
    GString *text = g_string_append_c(result_message(&a_result), '}');
    PbxWorkerMessage result = {0};
    for (gsize i = 0; i < text->len; i++) {
        /* A copy of that size, so that a step behind it is seen. */
        g_autofree char *cut = g_memdup2(text->str, i);
        g_assert_false(reads(i > 0 ? cut : "", i, &result));
    }
    for (gsize i = 0; i < G_N_ELEMENTS(changes); i++) {
        g_autoptr(GString) changed = g_string_new(text->str);
        g_assert_cmpuint(g_string_replace(changed, changes[i][0], changes[i][1], 1), ==, 1);
        g_autofree char *shown = g_strescape(changed->str, NULL);
        g_test_message("%s", shown);
        g_assert_false(reads(changed->str, changed->len, &result));
    }
    g_string_free(text, TRUE);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/worker/frames/bytes", test_bytes);
    g_test_add_func("/worker/frames/whole", test_whole);
    g_test_add_func("/worker/frames/truncated-wait-for-more", test_truncated);
    g_test_add_func("/worker/frames/lies-about-the-length", test_lies);
    g_test_add_func("/worker/frames/largest", test_largest);
    g_test_add_func("/worker/messages/bytes", test_message_bytes);
    g_test_add_func("/worker/messages/read", test_message_read);
    g_test_add_func("/worker/messages/unfitting-is-absent", test_message_unfitting);
    g_test_add_func("/worker/messages/nonsense", test_nonsense);
    g_test_add_func("/worker/messages/nested", test_nested);
    g_test_add_func("/worker/messages/in-parts", test_in_parts);
    g_test_add_func("/worker/result/comes-back", test_result_comes_back);
    g_test_add_func("/worker/result/spelt-otherwise", test_result_spelt_otherwise);
    return g_test_run();
}
