/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an experiment that goes on cannot change. */
#include <string.h>

#include "spec/spec-private.h"

#define SHOWN_BYTES 60    /* of a value in a message */
#define HIDDEN      "***" /* what stands for a secret where it is stored */

static JsonNode *
member(JsonNode *object, const char *key)
{
    return object != NULL && JSON_NODE_HOLDS_OBJECT(object)
               ? json_object_get_member(json_node_get_object(object), key)
               : NULL;
}

/* As json_equal, but 1 is 1.0: a file may spell a number either way. */
static gboolean
is_same(JsonNode *a, JsonNode *b)
{
    double one, two;
    if (a == NULL || b == NULL)
        return a == b;
    if (json_equal(a, b))
        return TRUE;
    return JSON_NODE_HOLDS_VALUE(a) && JSON_NODE_HOLDS_VALUE(b) &&
           json_node_get_value_type(a) != G_TYPE_STRING &&
           json_node_get_value_type(b) != G_TYPE_STRING && json_number(a, FALSE, &one) &&
           json_number(b, FALSE, &two) && one == two;
}

/* (transfer full) */
static char *
shown(JsonNode *node)
{
    if (node == NULL)
        return g_strdup("none");
    g_autofree char *text = json_to_text(node);
    if (strlen(text) <= SHOWN_BYTES)
        return g_steal_pointer(&text);
    const char *end = g_utf8_find_prev_char(text, text + SHOWN_BYTES + 1);
    return g_strdup_printf("%.*s...", (int)(end - text), text);
}

static void
refuse(const PbxSpec *spec, const char *pointer, JsonNode *then, JsonNode *now,
       PbxProblems *problems)
{
    g_autofree char *old_text = shown(then);
    g_autofree char *new_text = shown(now);
    problems_add(problems, spec->doc, pointer,
                 "cannot change in an experiment that is there: it was %s, and is %s now; another "
                 "--name begins another one",
                 old_text, new_text);
}

/* One expression or several are an array of them. */
static JsonNode *
constraints_of(JsonNode *spec)
{
    JsonNode *node = member(spec, "constraints");
    JsonArray *array = json_array_new();
    if (node != NULL && JSON_NODE_HOLDS_ARRAY(node))
        for (guint i = 0; i < json_array_get_length(json_node_get_array(node)); i++)
            json_array_add_element(
                array, json_clone(json_array_get_element(json_node_get_array(node), i)));
    else if (node != NULL && !JSON_NODE_HOLDS_NULL(node))
        json_array_add_element(array, json_clone(node));
    JsonNode *all = json_node_init_array(json_node_alloc(), array);
    json_array_unref(array);
    return all;
}

/* ---- Secrets ---- */

static void
check_secrets(const PbxSpec *spec, const PbxPluginUse *use, PbxProblems *problems)
{
    if (use == NULL)
        return;
    for (guint i = 0; i < use->wrapped->len; i++)
        check_secrets(spec, g_ptr_array_index(use->wrapped, i), problems);
    JsonNode *options = options_node(use->options);
    for (guint i = 0; i < use->plugin->desc->n_options; i++) {
        const pbx_option *option = plugin_option(use->plugin->desc, i);
        JsonNode *value = member(options, option->name);
        if ((option->flags & PBX_OPTION_SECRET) == 0 || value == NULL ||
            !node_is(value, KEY_STRING) || !g_str_equal(json_node_get_string(value), HIDDEN))
            continue;
        g_autofree char *pointer = json_pointer_member(use->pointer, option->name);
        problems_add(problems, spec->doc, pointer,
                     "is a secret, which was not stored: give it with --set, or go on by "
                     "`pegbox run FILE --resume`");
    }
}

static void
check_all_secrets(const PbxSpec *spec, PbxProblems *problems)
{
    const PbxPluginUse *const uses[] = {spec->trainable, spec->search, spec->scheduler,
                                        spec->executor};
    const GPtrArray *const lists[] = {spec->stoppers, spec->loggers};
    for (gsize i = 0; i < G_N_ELEMENTS(uses); i++)
        check_secrets(spec, uses[i], problems);
    for (gsize i = 0; i < G_N_ELEMENTS(lists); i++)
        for (guint j = 0; j < lists[i]->len; j++)
            check_secrets(spec, lists[i]->pdata[j], problems);
}

/* ---- All of it ---- */

static void
check_constraints(const PbxSpec *spec, JsonNode *stored, PbxProblems *problems)
{
    g_autoptr(JsonNode) then = constraints_of(stored);
    g_autoptr(JsonNode) now = constraints_of(spec->resolved);
    if (!json_equal(then, now))
        refuse(spec, "/constraints", then, now, problems);
}

void
spec_check_unchanged(const PbxSpec *spec, JsonNode *stored, PbxProblems *problems)
{
    static const char *const keys[] = {"config", "metric", "mode", "trainable", "seed"};
    JsonNode *resolved = spec->resolved;
    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
        JsonNode *then = member(stored, keys[i]), *now = member(resolved, keys[i]);
        /* Trials that were only asked for so far may get a trainable. */
        if (is_same(then, now) || (then == NULL && g_str_equal(keys[i], "trainable")))
            continue;
        g_autofree char *pointer = json_pointer_member("", keys[i]);
        refuse(spec, pointer, then, now, problems);
    }
    check_constraints(spec, stored, problems);
    JsonNode *then = member(member(stored, "search"), "seed");
    JsonNode *now = member(member(resolved, "search"), "seed");
    if (!is_same(then, now))
        refuse(spec, "/search/seed", then, now, problems);
    check_all_secrets(spec, problems);
}
