/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frames of the worker protocol: their envelope, and the small JSON objects in them. */
#include <string.h>

#include "worker/worker-private.h"
#include "json/json.h"

#define HEADER_SIZE 8u

GQuark
worker_error_domain(void)
{
    return g_quark_from_static_string("pbx-worker-error");
}

static void
put_u32(guint8 *to, guint32 value)
{
    guint32 little = GUINT32_TO_LE(value);
    memcpy(to, &little, sizeof little);
}

static guint32
get_u32(const guint8 *from)
{
    guint32 little;
    memcpy(&little, from, sizeof little);
    return GUINT32_FROM_LE(little);
}

void
frame_put(GByteArray *out, const char *json, gsize json_length, gconstpointer blob,
          gsize blob_length)
{
    guint8 header[HEADER_SIZE];
    put_u32(header, (guint32)json_length);
    put_u32(header + 4, (guint32)blob_length);
    g_byte_array_append(out, header, HEADER_SIZE);
    g_byte_array_append(out, (const guint8 *)json, (guint)json_length);
    if (blob_length > 0)
        g_byte_array_append(out, blob, (guint)blob_length);
}

int
frame_take(const guint8 *bytes, gsize length, const char **json, gsize *json_length,
           const guint8 **blob, gsize *blob_length, gsize *consumed, GError **error)
{
    if (length < HEADER_SIZE)
        return 0;
    guint64 n_json = get_u32(bytes), n_blob = get_u32(bytes + 4);
    if (n_json == 0 || n_json + n_blob > FRAME_MAX) {
        g_set_error(error, PBX_WORKER_ERROR, WORKER_ERROR_PROTOCOL,
                    "a frame of %" G_GUINT64_FORMAT " bytes of JSON and %" G_GUINT64_FORMAT
                    " of data: not the worker protocol (at most %u together)",
                    n_json, n_blob, FRAME_MAX);
        return -1;
    }
    if (length - HEADER_SIZE < n_json + n_blob)
        return 0;
    *json = (const char *)bytes + HEADER_SIZE;
    *json_length = n_json;
    *blob = bytes + HEADER_SIZE + n_json;
    *blob_length = n_blob;
    *consumed = HEADER_SIZE + n_json + n_blob;
    return 1;
}

const char *
frame_peek(const GByteArray *in, gsize at, gsize *length, gsize *consumed)
{
    const char *json;
    const guint8 *blob;
    gsize blob_length;
    return frame_take(in->data + at, in->len - at, &json, length, &blob, &blob_length, consumed,
                      NULL) == 1
               ? json
               : NULL;
}

int
frame_next(GByteArray *in, gsize *at, JsonObject **message, GError **error)
{
    const char *json;
    const guint8 *blob;
    gsize json_length, blob_length, consumed;
    if (in->len - *at < HEADER_SIZE)
        return 0;
    int taken = frame_take(in->data + *at, in->len - *at, &json, &json_length, &blob, &blob_length,
                           &consumed, error);
    if (taken <= 0)
        return taken;
    g_autoptr(JsonNode) root = json_read(json, json_length, DOC_MAX_NESTING, error);
    if (root == NULL) {
        g_prefix_error(error, "a frame's JSON cannot be read: ");
        return -1;
    }
    if (!JSON_NODE_HOLDS_OBJECT(root)) {
        g_set_error_literal(error, PBX_WORKER_ERROR, WORKER_ERROR_PROTOCOL,
                            "a frame's JSON is no object: not the worker protocol");
        return -1;
    }
    *message = json_node_dup_object(root);
    *at += consumed;
    return 1;
}

/* ---- Making a message ---- */

GString *
message_new(const char *type)
{
    GString *message = g_string_sized_new(256);
    g_string_append(message, "{\"type\":");
    json_put_string(message, type);
    return message;
}

static void
put_key(GString *message, const char *key)
{
    g_string_append_c(message, ',');
    json_put_string(message, key);
    g_string_append_c(message, ':');
}

void
message_int(GString *message, const char *key, gint64 value)
{
    put_key(message, key);
    json_put_int(message, value);
}

void
message_double(GString *message, const char *key, double value)
{
    put_key(message, key);
    json_put_double(message, value);
}

void
message_bool(GString *message, const char *key, gboolean value)
{
    put_key(message, key);
    g_string_append(message, value ? "true" : "false");
}

void
message_string(GString *message, const char *key, const char *value)
{
    if (value == NULL)
        return;
    put_key(message, key);
    json_put_string(message, value);
}

void
message_strings(GString *message, const char *key, const char *const *values)
{
    put_key(message, key);
    g_string_append_c(message, '[');
    for (gsize i = 0; values != NULL && values[i] != NULL; i++) {
        if (i > 0)
            g_string_append_c(message, ',');
        json_put_string(message, values[i]);
    }
    g_string_append_c(message, ']');
}

void
message_node(GString *message, const char *key, JsonNode *value)
{
    put_key(message, key);
    if (value == NULL)
        g_string_append(message, "null");
    else
        json_put_node(message, value);
}

void
message_text(GString *message, const char *key, const char *json)
{
    put_key(message, key);
    g_string_append(message, json);
}

void
message_put(GByteArray *out, GString *message)
{
    g_string_append_c(message, '}');
    frame_put(out, message->str, message->len, NULL, 0);
    g_string_free(message, TRUE);
}

/* ---- Reading one ---- */

static JsonNode *
value_of(JsonObject *message, const char *key)
{
    JsonNode *node = json_object_get_member(message, key);
    return node != NULL && JSON_NODE_HOLDS_VALUE(node) ? node : NULL;
}

gint64
message_get_int(JsonObject *message, const char *key, gint64 fallback)
{
    JsonNode *node = value_of(message, key);
    return node != NULL && json_node_get_value_type(node) == G_TYPE_INT64 ? json_node_get_int(node)
                                                                          : fallback;
}

double
message_get_double(JsonObject *message, const char *key, double fallback)
{
    JsonNode *node = json_object_get_member(message, key);
    double value;
    return node != NULL && json_number(node, FALSE, &value) ? value : fallback;
}

gboolean
message_get_bool(JsonObject *message, const char *key)
{
    JsonNode *node = value_of(message, key);
    return node != NULL && json_node_get_value_type(node) == G_TYPE_BOOLEAN &&
           json_node_get_boolean(node);
}

const char *
message_get_string(JsonObject *message, const char *key)
{
    JsonNode *node = value_of(message, key);
    return node != NULL && json_node_get_value_type(node) == G_TYPE_STRING
               ? json_node_get_string(node)
               : NULL;
}

char **
message_get_strings(JsonObject *message, const char *key)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    JsonNode *node = json_object_get_member(message, key);
    if (node != NULL && JSON_NODE_HOLDS_ARRAY(node)) {
        JsonArray *array = json_node_get_array(node);
        for (guint i = 0; i < json_array_get_length(array); i++) {
            JsonNode *item = json_array_get_element(array, i);
            if (JSON_NODE_HOLDS_VALUE(item) && json_node_get_value_type(item) == G_TYPE_STRING)
                g_strv_builder_add(builder, json_node_get_string(item));
        }
    }
    return g_strv_builder_end(builder);
}

gboolean
message_is(JsonObject *message, const char *type)
{
    return g_strcmp0(message_get_string(message, "type"), type) == 0;
}
