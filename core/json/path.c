/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* JSON pointers (RFC 6901) inside, dotted paths for people, and the way from one to the other. */
#include <string.h>

#include "json/json-private.h"

char *
json_pointer_token(const char **pointer)
{
    const char *p = *pointer;
    GString *token = g_string_new(NULL);
    for (; *p != '\0' && *p != '/'; p++) {
        if (p[0] == '~' && (p[1] == '0' || p[1] == '1'))
            g_string_append_c(token, *++p == '0' ? '~' : '/');
        else
            g_string_append_c(token, *p);
    }
    *pointer = p;
    return g_string_free(token, FALSE);
}

gboolean
json_token_index(const char *token, guint *index)
{
    gsize n = strspn(token, "0123456789");
    if (n == 0 || n > 9 || token[n] != '\0' || (token[0] == '0' && n > 1))
        return FALSE;
    *index = (guint)g_ascii_strtoull(token, NULL, 10);
    return TRUE;
}

char *
json_pointer_member(const char *pointer, const char *key)
{
    GString *out = g_string_new(pointer);
    g_string_append_c(out, '/');
    for (const char *p = key; *p != '\0'; p++) {
        if (*p == '~')
            g_string_append(out, "~0");
        else if (*p == '/')
            g_string_append(out, "~1");
        else
            g_string_append_c(out, *p);
    }
    return g_string_free(out, FALSE);
}

char *
json_pointer_item(const char *pointer, guint index)
{
    return g_strdup_printf("%s/%u", pointer, index);
}

static void
append_key(GString *out, const char *key)
{
    guint index = 0;
    if (json_token_index(key, &index)) {
        g_string_append_printf(out, "[%u]", index);
        return;
    }
    if (out->len > 0)
        g_string_append_c(out, '.');
    if (key[0] != '\0' && strpbrk(key, "./[\"") == NULL) {
        g_string_append(out, key);
        return;
    }
    g_string_append_c(out, '"');
    for (const char *p = key; *p != '\0'; p++) {
        if (*p == '"' || *p == '\\')
            g_string_append_c(out, '\\');
        g_string_append_c(out, *p);
    }
    g_string_append_c(out, '"');
}

char *
json_pointer_display(const char *pointer)
{
    GString *out = g_string_new(NULL);
    while (*pointer == '/') {
        pointer++;
        g_autofree char *token = json_pointer_token(&pointer);
        append_key(out, token);
    }
    return g_string_free(out, FALSE);
}

static const char *
after_step(const char *path)
{
    if (*path == '.' || *path == '/')
        return path[1] != '\0' ? path + 1 : NULL;
    return *path == '\0' || *path == '[' ? path : NULL;
}

const char *
json_path_step(const char *path, char **key, gboolean *is_index)
{
    *is_index = path[0] == '[';
    if (*is_index) {
        const char *close = strchr(path, ']');
        if (close == NULL)
            return NULL;
        *key = g_strndup(path + 1, close - path - 1);
        return after_step(close + 1);
    }
    if (path[0] != '"') {
        gsize n = strcspn(path, "./[");
        if (n == 0)
            return NULL;
        *key = g_strndup(path, n);
        return after_step(path + n);
    }
    GString *text = g_string_new(NULL);
    const char *p = path + 1;
    for (; *p != '\0' && *p != '"'; p++) {
        if (p[0] == '\\' && p[1] != '\0')
            p++;
        g_string_append_c(text, *p);
    }
    *key = g_string_free(text, FALSE);
    return *p == '"' ? after_step(p + 1) : NULL;
}

static JsonNode *
array_item(JsonNode *node, const char *token)
{
    guint index = 0;
    JsonArray *array = json_node_get_array(node);
    if (!json_token_index(token, &index) || index >= json_array_get_length(array))
        return NULL;
    return json_array_get_element(array, index);
}

JsonNode *
json_lookup(JsonNode *root, const char *path)
{
    JsonNode *node = root;
    while (node != NULL && *path != '\0') {
        if (JSON_NODE_HOLDS_OBJECT(node)) {
            JsonNode *whole = json_object_get_member(json_node_get_object(node), path);
            if (whole != NULL)
                return whole;
        }
        g_autofree char *key = NULL;
        gboolean is_index = FALSE;
        path = json_path_step(path, &key, &is_index);
        if (path == NULL)
            return NULL;
        if (JSON_NODE_HOLDS_OBJECT(node))
            node = json_object_get_member(json_node_get_object(node), key);
        else if (JSON_NODE_HOLDS_ARRAY(node))
            node = array_item(node, key);
        else
            return NULL;
    }
    return node;
}
