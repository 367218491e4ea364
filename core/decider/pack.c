/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Structs as bytes, by their description. */
#include "decider/pack-private.h"

#include <string.h>

#include "json/json.h"

/* ---- Written ---- */

void
pack_32(GByteArray *out, guint32 value)
{
    g_byte_array_append(out, (const guint8 *)&value, sizeof value);
}

void
pack_64(GByteArray *out, guint64 value)
{
    g_byte_array_append(out, (const guint8 *)&value, sizeof value);
}

static void
put_flag(GByteArray *out, gboolean value)
{
    const guint8 byte = value ? 1 : 0;
    g_byte_array_append(out, &byte, 1);
}

void
pack_bytes(GByteArray *out, gconstpointer bytes, gsize n)
{
    pack_64(out, n);
    g_byte_array_append(out, bytes, (guint)n);
}

void
pack_text(GByteArray *out, const char *text)
{
    put_flag(out, text != NULL);
    if (text != NULL)
        pack_bytes(out, text, strlen(text) + 1);
}

void
pack_json(GByteArray *out, const pbx_json *json)
{
    JsonNode *node = host_json_node(json);
    g_autoptr(GString) text = node != NULL ? g_string_new(NULL) : NULL;
    if (node != NULL)
        json_put_node(text, node);
    pack_text(out, node != NULL ? text->str : NULL);
}

void
pack_words(GByteArray *out, gconstpointer words, gsize n)
{
    put_flag(out, words != NULL);
    if (words != NULL)
        pack_bytes(out, words, n * sizeof(guint64));
}

/* How many items an array field of this struct has. */
static gsize
count_of(const PbxField *field, gconstpointer value)
{
    guint32 small = 0;
    guint64 large = 0;
    const guint8 *at = (const guint8 *)value + field->count;
    if (field->count_size == 0)
        return field->count;
    if (field->count_size == sizeof large) {
        memcpy(&large, at, sizeof large);
        return large;
    }
    memcpy(&small, at, sizeof small);
    return small;
}

static gconstpointer
pointer_in(const PbxField *field, gconstpointer value)
{
    gconstpointer pointer;
    memcpy(&pointer, (const guint8 *)value + field->offset, sizeof pointer);
    return pointer;
}

static void
set_pointer(const PbxField *field, gpointer value, gconstpointer pointer)
{
    memcpy((guint8 *)value + field->offset, &pointer, sizeof pointer);
}

static gsize
size_of(const PbxField *field)
{
    return field->type == PACK_32 ? sizeof(guint32) : sizeof(guint64);
}

static void
put_field(GByteArray *out, const PbxField *field, gconstpointer value, gconstpointer base)
{
    gconstpointer at = (const guint8 *)value + field->offset;
    if (field->type == PACK_32 || field->type == PACK_64) {
        g_byte_array_append(out, at, (guint)size_of(field));
        return;
    }
    gconstpointer pointer = pointer_in(field, value);
    const gsize n = count_of(field, value);
    switch (field->type) {
    case PACK_TEXT:
        pack_text(out, pointer);
        break;
    case PACK_JSON:
        pack_json(out, pointer);
        break;
    case PACK_PARSED:
        put_flag(out, pointer != NULL);
        break;
    case PACK_WORDS:
        pack_words(out, pointer, n);
        break;
    case PACK_STRUCT:
        pack_struct(out, field->info, pointer, base != NULL ? pointer_in(field, base) : NULL);
        break;
    default:
        put_flag(out, pointer != NULL);
        if (pointer == NULL)
            break;
        if (field->type == PACK_BYTES) {
            pack_bytes(out, pointer, n);
            break;
        }
        pack_64(out, n);
        for (gsize i = 0; i < n; i++) {
            gconstpointer item = ((const gconstpointer *)pointer)[i];
            if (field->type == PACK_TEXTS)
                pack_text(out, item);
            else
                pack_struct(out, field->info, item, NULL);
        }
    }
}

void
pack_struct(GByteArray *out, const PbxStructInfo *info, gconstpointer value, gconstpointer base)
{
    put_flag(out, value != NULL);
    for (gsize i = 0; value != NULL && i < info->n_fields; i++) {
        const PbxField *field = &info->fields[i];
        const gboolean same =
            base != NULL && memcmp((const guint8 *)value + field->offset,
                                   (const guint8 *)base + field->offset, size_of(field)) == 0;
        if (base != NULL)
            put_flag(out, same);
        if (!same)
            put_field(out, field, value, base);
    }
}

void
pack_out(GByteArray *out, const PbxStructInfo *info, gconstpointer value)
{
    for (gsize i = 0; i < info->n_fields; i++)
        if (info->fields[i].out)
            put_field(out, &info->fields[i], value, NULL);
}

/* ---- An arena ---- */

#define BLOCK 16384

struct PbxArena {
    GPtrArray *blocks; /* the first, of BLOCK bytes, is kept */
    gsize used;        /* of the last one */
    gsize size;        /* ... of so many */
    GPtrArray *parsed; /* PbxLazyJson*, in the blocks */
};

PbxArena *
arena_new(void)
{
    PbxArena *arena = g_new0(PbxArena, 1);
    arena->blocks = g_ptr_array_new_with_free_func(g_free);
    arena->parsed = g_ptr_array_new();
    g_ptr_array_add(arena->blocks, g_malloc(BLOCK));
    arena->size = BLOCK;
    return arena;
}

void
arena_clear(PbxArena *arena)
{
    for (guint i = 0; i < arena->parsed->len; i++)
        lazy_json_clear(arena->parsed->pdata[i]);
    g_ptr_array_set_size(arena->parsed, 0);
    g_ptr_array_set_size(arena->blocks, 1);
    arena->used = 0;
    arena->size = BLOCK;
}

void
arena_free(PbxArena *arena)
{
    if (arena == NULL)
        return;
    arena_clear(arena);
    g_ptr_array_unref(arena->parsed);
    g_ptr_array_unref(arena->blocks);
    g_free(arena);
}

gpointer
arena_alloc(PbxArena *arena, gsize size)
{
    size = (size + 15) & ~(gsize)15;
    if (size > arena->size - arena->used) {
        arena->size = MAX(size, BLOCK);
        arena->used = 0;
        g_ptr_array_add(arena->blocks, g_malloc(arena->size));
    }
    guint8 *at = (guint8 *)arena->blocks->pdata[arena->blocks->len - 1] + arena->used;
    arena->used += size;
    return memset(at, 0, size);
}

/* ---- Read ---- */

/* n bytes, or NULL where there are not so many. */
static const guint8 *
take(PbxUnpack *in, gsize n)
{
    if (in->broken || n > (gsize)(in->end - in->at)) {
        in->broken = TRUE;
        return NULL;
    }
    const guint8 *at = in->at;
    in->at += n;
    return at;
}

guint32
unpack_32(PbxUnpack *in)
{
    guint32 value = 0;
    const guint8 *at = take(in, sizeof value);
    if (at != NULL)
        memcpy(&value, at, sizeof value);
    return value;
}

guint64
unpack_64(PbxUnpack *in)
{
    guint64 value = 0;
    const guint8 *at = take(in, sizeof value);
    if (at != NULL)
        memcpy(&value, at, sizeof value);
    return value;
}

static gboolean
take_flag(PbxUnpack *in)
{
    const guint8 *at = take(in, 1);
    return at != NULL && *at != 0;
}

const guint8 *
unpack_bytes(PbxUnpack *in, gsize *n)
{
    *n = unpack_64(in);
    const guint8 *at = take(in, *n);
    if (at == NULL)
        *n = 0;
    return at;
}

/* A copy of what bytes there are, where it may stay. */
static gpointer
keep_bytes(PbxUnpack *in, gsize *n)
{
    const guint8 *at = unpack_bytes(in, n);
    if (at == NULL)
        return NULL;
    gpointer copy = arena_alloc(in->arena, *n);
    return *n > 0 ? memcpy(copy, at, *n) : copy;
}

char *
unpack_text(PbxUnpack *in)
{
    gsize n = 0;
    char *text = take_flag(in) ? keep_bytes(in, &n) : NULL;
    if (text != NULL && (n == 0 || text[n - 1] != '\0')) {
        in->broken = TRUE;
        return NULL;
    }
    return text;
}

/* A text as a node; of no text none. */
static const pbx_json *
parsed(PbxArena *arena, const char *text)
{
    if (text == NULL)
        return NULL;
    PbxLazyJson *lazy = arena_alloc(arena, sizeof *lazy);
    *lazy = (PbxLazyJson){.text = text, .length = strlen(text)};
    g_ptr_array_add(arena->parsed, lazy);
    return host_json_lazy(lazy);
}

const pbx_json *
unpack_json(PbxUnpack *in)
{
    return parsed(in->arena, unpack_text(in));
}

gpointer
unpack_words(PbxUnpack *in, gsize *n)
{
    *n = 0;
    gpointer words = take_flag(in) ? keep_bytes(in, n) : NULL;
    *n /= sizeof(guint64);
    return words;
}

static gpointer
take_items(PbxUnpack *in, const PbxField *field, gsize *n)
{
    *n = unpack_64(in);
    /* Each takes a byte at least. */
    if (*n > (gsize)(in->end - in->at)) {
        in->broken = TRUE;
        return NULL;
    }
    gconstpointer *items = arena_alloc(in->arena, (*n + 1) * sizeof *items);
    for (gsize i = 0; i < *n; i++) {
        items[i] = field->type == PACK_TEXTS ? (gconstpointer)unpack_text(in)
                                             : unpack_struct(in, field->info, NULL);
        in->broken = in->broken || items[i] == NULL;
    }
    return items;
}

/* An array is as long as the field beside it says, which is read before. */
static gpointer
take_array(PbxUnpack *in, const PbxField *field, gconstpointer value)
{
    gsize n = 0;
    gpointer array = NULL;
    if (field->type == PACK_WORDS)
        array = unpack_words(in, &n);
    else if (take_flag(in))
        array = field->type == PACK_BYTES ? keep_bytes(in, &n) : take_items(in, field, &n);
    const gsize expected = count_of(field, value);
    const gboolean optional = field->count_size == 0 || expected == 0;
    if (array != NULL ? n != expected : !optional) {
        in->broken = TRUE;
        return NULL;
    }
    return array;
}

static void
take_field(PbxUnpack *in, const PbxField *field, gpointer value, gconstpointer base)
{
    guint8 *at = (guint8 *)value + field->offset;
    const char *text;
    switch (field->type) {
    case PACK_32:
    case PACK_64: {
        const guint8 *bytes = take(in, size_of(field));
        if (bytes != NULL)
            memcpy(at, bytes, size_of(field));
        break;
    }
    case PACK_TEXT:
        set_pointer(field, value, unpack_text(in));
        break;
    case PACK_JSON:
        set_pointer(field, value, unpack_json(in));
        break;
    case PACK_PARSED:
        memcpy(&text, (const guint8 *)value + field->count, sizeof text);
        set_pointer(field, value, take_flag(in) ? parsed(in->arena, text) : NULL);
        break;
    case PACK_STRUCT:
        set_pointer(field, value,
                    unpack_struct(in, field->info, base != NULL ? pointer_in(field, base) : NULL));
        break;
    default:
        set_pointer(field, value, take_array(in, field, value));
    }
}

gpointer
unpack_struct(PbxUnpack *in, const PbxStructInfo *info, gconstpointer base)
{
    if (!take_flag(in))
        return NULL;
    guint8 *value = arena_alloc(in->arena, info->size);
    const guint32 size = (guint32)info->size;
    memcpy(value, &size, sizeof size);
    for (gsize i = 0; i < info->n_fields; i++) {
        const PbxField *field = &info->fields[i];
        if (base == NULL || !take_flag(in)) {
            take_field(in, field, value, base);
            continue;
        }
        memcpy(value + field->offset, (const guint8 *)base + field->offset, size_of(field));
        /* The array is there, and so as long as it was. */
        if (field->count_size > 0 && count_of(field, value) != count_of(field, base))
            in->broken = TRUE;
    }
    return value;
}

/* The caller's array is filled. */
static void
fill_words(PbxUnpack *in, const PbxField *field, gpointer value)
{
    gsize n = 0;
    gpointer words = unpack_words(in, &n), own = (gpointer)pointer_in(field, value);
    if (words == NULL || own == NULL || n != count_of(field, value))
        in->broken = TRUE;
    else
        memcpy(own, words, n * sizeof(guint64));
}

void
unpack_out(PbxUnpack *in, const PbxStructInfo *info, gpointer value)
{
    for (gsize i = 0; i < info->n_fields; i++) {
        const PbxField *field = &info->fields[i];
        if (field->out && field->type == PACK_WORDS)
            fill_words(in, field, value);
        else if (field->out)
            take_field(in, field, value, NULL);
    }
}
