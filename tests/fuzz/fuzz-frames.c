/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The worker protocol's frames and the messages in them, as a trial's program may send them:
 * whatever the bytes, lengths stay inside the buffer, and members are what they are or absent. */
#include <stdint.h>
#include <stdlib.h>

#include "worker/worker-private.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void
read_messages(const uint8_t *bytes, size_t n)
{
    static const char *const keys[] = {"type", "protocol", "trial", "fields", "x"};
    g_autoptr(GByteArray) in = g_byte_array_new();
    gsize at = 0;
    g_byte_array_append(in, bytes, (guint)n);
    for (;;) {
        g_autoptr(JsonObject) message = NULL;
        g_autoptr(GError) error = NULL;
        gsize before = at;
        int got = frame_next(in, &at, &message, &error);
        if ((got < 0) != (error != NULL) || (got == 1) != (message != NULL) ||
            (got == 1) != (at > before) || at > n)
            abort();
        if (got != 1)
            return;
        for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
            const char *text = message_get_string(message, keys[i]);
            g_auto(GStrv) words = message_get_strings(message, keys[i]);
            if (text != NULL && !g_utf8_validate(text, -1, NULL))
                abort();
            (void)message_get_int(message, keys[i], 0);
            (void)message_get_double(message, keys[i], 0);
            (void)message_get_bool(message, keys[i]);
        }
    }
}

/* What is read as a result without a tree is one with a tree too, and says the same. */
static void
read_result(const char *json, gsize n)
{
    g_autofree char *exact = g_memdup2(json, n);
    g_autoptr(GString) fields = g_string_new(NULL);
    PbxWorkerMessage result = {0};
    if (!result_read(exact, n, &result, fields))
        return;
    g_autoptr(JsonNode) root = json_read(exact, n, DOC_MAX_NESTING, NULL);
    g_autoptr(JsonNode) own = json_read(fields->str, fields->len, DOC_MAX_NESTING, NULL);
    if (root == NULL || own == NULL || !JSON_NODE_HOLDS_OBJECT(root))
        abort();
    JsonObject *message = json_node_get_object(root);
    if (!message_is(message, "result") || message_get_int(message, "at", 0) != result.at_ns ||
        message_get_int(message, "iteration", 0) != result.iteration ||
        message_get_double(message, "time_total_s", 0) != result.time_total_s ||
        message_get_bool(message, "done") != result.done ||
        !json_equal(json_object_get_member(message, "fields"), own))
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    read_messages(bytes, n);
    while (n > 0) {
        const char *json;
        const guint8 *blob;
        gsize json_length, blob_length, consumed;
        g_autoptr(GError) error = NULL;
        int got = frame_take(bytes, n, &json, &json_length, &blob, &blob_length, &consumed, &error);
        if ((got < 0) != (error != NULL))
            abort();
        if (got != 1)
            return 0;
        if (consumed == 0 || consumed > n || json_length + blob_length + 8 != consumed)
            abort();
        read_result(json, json_length);
        g_autoptr(GByteArray) again = g_byte_array_new();
        frame_put(again, json, json_length, blob, blob_length);
        if (again->len != consumed || memcmp(again->data, bytes, consumed) != 0)
            abort();
        bytes += consumed;
        n -= consumed;
    }
    return 0;
}
