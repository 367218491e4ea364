/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* json-write/1: plugins write canonical JSON, and parse text. */
#include <string.h>

#include "plugin/host-private.h"

/* What is gathered before it goes to the sink. */
#define CHUNK 16384u

struct pbx_json_builder {
    pbx_sink sink;
    GString *text;     /* not yet in the sink */
    GString *open;     /* a '{' or '[' for each level */
    gboolean comma;    /* a member or item stands before this place */
    gboolean keyed;    /* a key waits for its value */
    gboolean whole;    /* the one value is there */
    pbx_status status; /* the first failure */
};

static pbx_json_builder *
builder_begin(const pbx_host *abi G_GNUC_UNUSED, const pbx_sink *sink)
{
    if (sink == NULL || sink->write == NULL)
        return NULL;
    pbx_json_builder *builder = g_new0(pbx_json_builder, 1);
    builder->sink = *sink;
    builder->text = g_string_new(NULL);
    builder->open = g_string_new(NULL);
    return builder;
}

static void
flush(pbx_json_builder *builder)
{
    if (builder->status == PBX_OK && builder->text->len > 0)
        builder->status =
            builder->sink.write(builder->sink.ctx, builder->text->str, builder->text->len);
    g_string_truncate(builder->text, 0);
}

static gboolean
in_object(const pbx_json_builder *builder)
{
    return builder->open->len > 0 && builder->open->str[builder->open->len - 1] == '{';
}

/* Whether a value may stand here; its comma is written. */
static gboolean
before_value(pbx_json_builder *builder)
{
    if (builder == NULL || builder->status != PBX_OK)
        return FALSE;
    gboolean fits =
        builder->open->len == 0 ? !builder->whole : in_object(builder) == builder->keyed;
    if (!fits) {
        builder->status = PBX_ESTATE;
        return FALSE;
    }
    if (builder->comma)
        g_string_append_c(builder->text, ',');
    return TRUE;
}

static void
after_value(pbx_json_builder *builder)
{
    builder->comma = builder->open->len > 0;
    builder->keyed = FALSE;
    builder->whole = builder->open->len == 0;
    if (builder->text->len >= CHUNK)
        flush(builder);
}

static void
open_level(pbx_json_builder *builder, char bracket)
{
    if (!before_value(builder))
        return;
    g_string_append_c(builder->text, bracket);
    g_string_append_c(builder->open, bracket);
    builder->comma = FALSE;
    builder->keyed = FALSE;
}

static void
close_level(pbx_json_builder *builder, char opened, char bracket)
{
    if (builder == NULL || builder->status != PBX_OK)
        return;
    if (builder->open->len == 0 || builder->open->str[builder->open->len - 1] != opened ||
        builder->keyed) {
        builder->status = PBX_ESTATE;
        return;
    }
    g_string_truncate(builder->open, builder->open->len - 1);
    g_string_append_c(builder->text, bracket);
    after_value(builder);
}

static void
object_begin(pbx_json_builder *builder)
{
    open_level(builder, '{');
}

static void
object_end(pbx_json_builder *builder)
{
    close_level(builder, '{', '}');
}

static void
array_begin(pbx_json_builder *builder)
{
    open_level(builder, '[');
}

static void
array_end(pbx_json_builder *builder)
{
    close_level(builder, '[', ']');
}

static void
put_key(pbx_json_builder *builder, const char *key)
{
    if (builder == NULL || builder->status != PBX_OK)
        return;
    if (key == NULL || !in_object(builder) || builder->keyed) {
        builder->status = key == NULL ? PBX_EINVAL : PBX_ESTATE;
        return;
    }
    if (builder->comma)
        g_string_append_c(builder->text, ',');
    json_put_string(builder->text, key);
    g_string_append_c(builder->text, ':');
    builder->comma = FALSE;
    builder->keyed = TRUE;
}

static void
put_null(pbx_json_builder *builder)
{
    if (!before_value(builder))
        return;
    g_string_append(builder->text, "null");
    after_value(builder);
}

static void
put_boolean(pbx_json_builder *builder, int32_t value)
{
    if (!before_value(builder))
        return;
    g_string_append(builder->text, value != 0 ? "true" : "false");
    after_value(builder);
}

static void
put_integer(pbx_json_builder *builder, int64_t value)
{
    if (!before_value(builder))
        return;
    g_string_append_printf(builder->text, "%" G_GINT64_FORMAT, (gint64)value);
    after_value(builder);
}

static void
put_real(pbx_json_builder *builder, double value)
{
    if (!before_value(builder))
        return;
    json_put_double(builder->text, value);
    after_value(builder);
}

static void
put_string(pbx_json_builder *builder, const char *value)
{
    if (value == NULL) {
        put_null(builder);
        return;
    }
    if (!before_value(builder))
        return;
    json_put_string(builder->text, value);
    after_value(builder);
}

static void
put_node(pbx_json_builder *builder, const pbx_json *value)
{
    if (value == NULL) {
        put_null(builder);
        return;
    }
    if (!before_value(builder))
        return;
    json_put_node(builder->text, host_json_node(value));
    after_value(builder);
}

static pbx_status
builder_end(pbx_json_builder *builder)
{
    if (builder == NULL)
        return PBX_EINVAL;
    if (builder->status == PBX_OK && !builder->whole)
        builder->status = PBX_ESTATE;
    flush(builder);
    pbx_status status = builder->status;
    g_string_free(builder->text, TRUE);
    g_string_free(builder->open, TRUE);
    g_free(builder);
    return status;
}

static const pbx_json *
parse(const pbx_host *abi, const char *text, size_t n, pbx_error *abi_error)
{
    PbxHost *host = host_from_abi(abi);
    g_autoptr(GError) error = NULL;
    JsonNode *node = text != NULL ? json_read(text, n, DOC_MAX_NESTING, &error) : NULL;
    if (node == NULL) {
        plugin_set_abi_error(abi_error, "", "%s", error != NULL ? error->message : "no text");
        return NULL;
    }
    g_mutex_lock(&host->parsed_lock);
    g_hash_table_add(host->parsed, node);
    g_mutex_unlock(&host->parsed_lock);
    return host_json(node);
}

static void
release(const pbx_host *abi, const pbx_json *json)
{
    PbxHost *host = host_from_abi(abi);
    if (json == NULL)
        return;
    g_mutex_lock(&host->parsed_lock);
    g_hash_table_remove(host->parsed, host_json_node(json));
    g_mutex_unlock(&host->parsed_lock);
}

const pbx_json_write host_json_write = {.struct_size = sizeof(pbx_json_write),
                                        .begin = builder_begin,
                                        .object_begin = object_begin,
                                        .object_end = object_end,
                                        .array_begin = array_begin,
                                        .array_end = array_end,
                                        .key = put_key,
                                        .null = put_null,
                                        .boolean = put_boolean,
                                        .integer = put_integer,
                                        .real = put_real,
                                        .string = put_string,
                                        .node = put_node,
                                        .end = builder_end,
                                        .parse = parse,
                                        .release = release};
