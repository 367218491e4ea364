/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* metric and mode: what is optimised, one objective or several. */
#include "spec/spec-private.h"

static gboolean
is_wrong(const PbxCheck *check, const char *key)
{
    return g_hash_table_contains(check->wrong, key);
}

static void
set_wrong(PbxCheck *check, const char *key)
{
    g_hash_table_add(check->wrong, g_strdup(key));
}

static gboolean
check_text(PbxCheck *check, const char *pointer, JsonNode *node)
{
    const PbxDoc *doc = check->spec->doc;
    if (!node_is(node, KEY_STRING)) {
        wrong_type(check, doc, pointer, KEY_STRING, node);
        return FALSE;
    }
    if (json_node_get_string(node)[0] != '\0')
        return TRUE;
    problems_add(check->problems, doc, pointer, "must not be empty");
    return FALSE;
}

/* The texts at a key: the one that it is, or those of an array; none where it is absent, or told.
 */
static GPtrArray *
texts_at(PbxCheck *check, const char *key)
{
    g_autoptr(GPtrArray) texts = g_ptr_array_new();
    JsonNode *node = key_node(check, key);
    if (node == NULL)
        return g_steal_pointer(&texts);
    g_autofree char *pointer = json_pointer_member("", key);
    gboolean good = TRUE;
    if (!JSON_NODE_HOLDS_ARRAY(node)) {
        good = check_text(check, pointer, node);
        g_ptr_array_add(texts, (gpointer)json_node_get_string(node));
    } else {
        JsonArray *array = json_node_get_array(node);
        for (guint i = 0; i < json_array_get_length(array); i++) {
            JsonNode *item = json_array_get_element(array, i);
            g_autofree char *place = json_pointer_item(pointer, i);
            good = check_text(check, place, item) && good;
            g_ptr_array_add(texts, good ? (gpointer)json_node_get_string(item) : NULL);
        }
        if (texts->len == 0)
            problems_add(check->problems, check->spec->doc, pointer, "must not be empty");
    }
    if (good && texts->len > 0)
        return g_steal_pointer(&texts);
    set_wrong(check, key);
    g_ptr_array_set_size(texts, 0);
    return g_steal_pointer(&texts);
}

/* The place of a key's item `i` of `n`: an only one need not stand in an array. (transfer full) */
static char *
place_of(PbxCheck *check, const char *key, guint i)
{
    g_autofree char *pointer = json_pointer_member("", key);
    JsonNode *node = key_node(check, key);
    return node != NULL && JSON_NODE_HOLDS_ARRAY(node) ? json_pointer_item(pointer, i)
                                                       : g_steal_pointer(&pointer);
}

static void
check_modes(PbxCheck *check, GPtrArray *modes)
{
    static const char *const words[] = {"min", "max", NULL};
    for (guint i = 0; i < modes->len; i++) {
        const char *mode = modes->pdata[i];
        if (g_strv_contains(words, mode))
            continue;
        g_autofree char *place = place_of(check, "mode", i);
        g_autofree char *meant = meant_text(mode, words);
        problems_add(check->problems, check->spec->doc, place,
                     "needs \"min\" or \"max\", got \"%s\"%s", mode, meant);
        set_wrong(check, "mode");
    }
    if (is_wrong(check, "mode"))
        g_ptr_array_set_size(modes, 0);
}

static void
check_metrics(PbxCheck *check, GPtrArray *metrics)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < metrics->len; i++) {
        if (g_hash_table_add(seen, metrics->pdata[i]))
            continue;
        g_autofree char *place = place_of(check, "metric", i);
        problems_add(check->problems, check->spec->doc, place, "'%s' is named twice",
                     (const char *)metrics->pdata[i]);
        set_wrong(check, "metric");
    }
    if (is_wrong(check, "metric"))
        g_ptr_array_set_size(metrics, 0);
}

/* Whether either is there alone, or they do not fit: told. */
static gboolean
fit(PbxCheck *check, const GPtrArray *metrics, const GPtrArray *modes)
{
    const PbxDoc *doc = check->spec->doc;
    if (metrics->len > 0 && modes->len == 0 && !is_wrong(check, "mode")) {
        problems_add(check->problems, doc, "/metric",
                     "'metric' needs 'mode': is it to be \"min\" or \"max\"?");
        set_wrong(check, "mode");
    } else if (modes->len > 0 && metrics->len == 0 && !is_wrong(check, "metric")) {
        problems_add(check->problems, doc, "/mode",
                     "'mode' needs 'metric': which result field is meant?");
        set_wrong(check, "metric");
    } else if (metrics->len > 0 && modes->len > 0 && metrics->len != modes->len) {
        problems_add(check->problems, doc, "/mode",
                     "needs a mode for each metric: 'metric' names %u, 'mode' %u", metrics->len,
                     modes->len);
        set_wrong(check, "mode");
    }
    return metrics->len > 0 && metrics->len == modes->len;
}

void
objective_check(PbxCheck *check)
{
    PbxSpec *spec = check->spec;
    g_autoptr(GPtrArray) metrics = texts_at(check, "metric");
    g_autoptr(GPtrArray) modes = texts_at(check, "mode");
    check_metrics(check, metrics);
    check_modes(check, modes);
    if (!fit(check, metrics, modes))
        return;
    g_strfreev(spec->metrics);
    g_free(spec->signs);
    spec->metrics = g_new0(char *, metrics->len + 1);
    spec->signs = g_new0(int, metrics->len);
    for (guint i = 0; i < metrics->len; i++) {
        spec->metrics[i] = g_strdup(metrics->pdata[i]);
        spec->signs[i] = g_str_equal(modes->pdata[i], "max") ? -1 : 1;
    }
}

guint
spec_n_objectives(const PbxSpec *spec)
{
    return g_strv_length(spec->metrics);
}

const int *
spec_metric_sign(const PbxSpec *spec, const char *metric)
{
    for (guint i = 0; spec->metrics[i] != NULL; i++)
        if (g_str_equal(spec->metrics[i], metric))
            return &spec->signs[i];
    return NULL;
}
