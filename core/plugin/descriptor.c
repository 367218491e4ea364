/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checks what a plugin says of itself: descriptor, interfaces, option table. It is
 * constant data, so a fault here is its author's, and told as such.
 */
#include <math.h>
#include <pegbox/search.h>
#include <string.h>

#include "plugin/plugin-private.h"

/* More is not meant. */
#define OPTIONS_MAX 1000u

/* The descriptor at hand, for messages. */
typedef struct {
    const pbx_plugin *desc;
    const char *path;
    const PluginWarn *warn;
    GError **error;
} Descriptor;

static gboolean broken(const Descriptor *d, const char *format, ...) G_GNUC_PRINTF(2, 3);

static gboolean
broken(const Descriptor *d, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *reason = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(d->error, PBX_PLUGIN_ERROR, PLUGIN_ERROR_BROKEN, "%s: %s", d->path, reason);
    return FALSE;
}

static gboolean
option_broken(const Descriptor *d, const pbx_option *option, const char *reason)
{
    return broken(d, "its option table is wrong: %s: %s", option->name, reason);
}

static gboolean
option_name_is_valid(const char *name)
{
    return g_ascii_islower(name[0]) &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0' &&
           !g_str_equal(name, "plugin");
}

/* What is wrong with an option's own description, or NULL. */
static const char *
option_fault(const pbx_option *option)
{
    gboolean bounded = option->type == PBX_OPTION_INT || option->type == PBX_OPTION_REAL;
    gboolean chooses = option->type == PBX_OPTION_ENUM || option->type == PBX_OPTION_PLUGIN;
    guint32 list_and_map = PBX_OPTION_LIST | PBX_OPTION_MAP;
    if (option->doc == NULL || option->doc[0] == '\0')
        return "it has no doc";
    if (bounded && !(option->min <= option->max))
        return "min is greater than max";
    if (chooses && (option->choices == NULL || option->choices[0] == NULL))
        return "it has no choices";
    if ((option->flags & list_and_map) == list_and_map)
        return "it cannot be LIST and MAP at once";
    if ((option->flags & PBX_OPTION_REQUIRED) != 0 && option->fallback != NULL)
        return "it is REQUIRED and has a default";
    if ((option->flags & PBX_OPTION_OBJECTIVE) != 0 && !g_str_equal(option->name, "metric") &&
        !g_str_equal(option->name, "mode"))
        return "OBJECTIVE is for options named metric and mode";
    return NULL;
}

/* A default must be a value that a user could give. Expressions, templates, spaces and
 * plugins in it are looked at where they are used. */
static gboolean
fallback_check(const Descriptor *d, const pbx_option *option)
{
    if (option->fallback == NULL || option_type_name(option->type) == NULL)
        return TRUE;
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) value = option_fallback(option, &error);
    if (value == NULL)
        return broken(d, "its option table is wrong: %s: the default is no JSON: %s", option->name,
                      error->message);
    if (option->type == PBX_OPTION_PLUGIN)
        return TRUE;
    g_autoptr(PbxProblems) problems = problems_new();
    PbxOptionContext context = {.base_dir = "/"};
    OptionCheck check = {.option = option, .context = &context, .problems = problems};
    g_autoptr(JsonNode) normal = option_check_value(&check, "", value);
    if (normal != NULL)
        return TRUE;
    g_autofree char *needs = option_needs(option);
    return broken(d, "its option table is wrong: %s: the default %s is not %s", option->name,
                  option->fallback, needs);
}

static gboolean
option_check(const Descriptor *d, guint i)
{
    const pbx_option *option = plugin_option(d->desc, i);
    if (option->name == NULL || !option_name_is_valid(option->name))
        return broken(d, "its option table is wrong: option %u has the name '%s'; use a-z, 0-9, _",
                      i, option->name != NULL ? option->name : "");
    for (guint j = 0; j < i; j++) {
        if (g_str_equal(plugin_option(d->desc, j)->name, option->name))
            return option_broken(d, option, "it is there twice");
    }
    const char *fault = option_fault(option);
    if (fault != NULL)
        return option_broken(d, option, fault);
    if (option_type_name(option->type) == NULL)
        plugin_warn(d->warn,
                    "%s: option %s has the type %u, unknown here: its value is not checked",
                    d->path, option->name, option->type);
    return fallback_check(d, option);
}

static gboolean
options_are_sane(const Descriptor *d)
{
    if (d->desc->n_options == 0)
        return TRUE;
    if (d->desc->options == NULL || d->desc->option_size < sizeof(pbx_option) ||
        d->desc->option_size % G_ALIGNOF(pbx_option) != 0)
        return broken(d, "its option table is wrong: rows of %u bytes; use sizeof(pbx_option)",
                      d->desc->option_size);
    if (d->desc->n_options > OPTIONS_MAX)
        return broken(d, "its option table is wrong: it says that it has %u rows",
                      d->desc->n_options);
    for (guint i = 0; i < d->desc->n_options; i++) {
        if (!option_check(d, i))
            return FALSE;
    }
    return TRUE;
}

/* The part that the vtables of all kinds have in common. */
static gboolean
object_check(const Descriptor *d, const pbx_object *object)
{
    if (object->create == NULL || object->destroy == NULL)
        return broken(d, "its interface lacks %s", object->create == NULL ? "create" : "destroy");
    if (object->state_version != 0 && (object->save == NULL || object->load == NULL))
        return broken(d, "its interface has state_version %u but lacks %s", object->state_version,
                      object->save == NULL ? "save" : "load");
    return TRUE;
}

static gboolean
interface_check(const Descriptor *d, const PluginKind *kind)
{
    g_autoptr(GString) offered = g_string_new(NULL);
    gconstpointer vtable = NULL;
    const pbx_interface *interfaces = d->desc->interfaces;
    for (; interfaces != NULL && interfaces->id != NULL; interfaces++) {
        if (g_str_equal(interfaces->id, kind->interface))
            vtable = interfaces->vtable;
        g_string_append_printf(offered, "%s%s", offered->len > 0 ? ", " : "", interfaces->id);
    }
    if (vtable == NULL)
        return broken(d, "it is a %s without the interface %s that this pegbox needs (it has: %s)",
                      kind->name, kind->interface, offered->len > 0 ? offered->str : "none");
    guint32 size = *(const guint32 *)vtable;
    if (size < kind->vtable_size)
        return broken(d, "its %s says that it is %u bytes long, not %zu; set struct_size by sizeof",
                      kind->interface, size, kind->vtable_size);
    if (!object_check(d, &((const pbx_search *)vtable)->object))
        return FALSE;
    const char *lacks = kind->lacks != NULL ? kind->lacks(vtable) : NULL;
    if (lacks != NULL)
        return broken(d, "its %s lacks %s", kind->interface, lacks);
    return TRUE;
}

static gboolean
texts_check(const Descriptor *d)
{
    const struct {
        const char *name, *value;
    } texts[] = {{"version", d->desc->version},
                 {"summary", d->desc->summary},
                 {"license", d->desc->license}};
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        if (texts[i].value == NULL || texts[i].value[0] == '\0')
            return broken(d, "its descriptor has no %s", texts[i].name);
    }
    return TRUE;
}

/* "search/a, search/b" of an entry. */
static char *
contents(const pbx_entry *entry)
{
    g_autoptr(GString) list = g_string_new(NULL);
    for (guint i = 0; i < entry->n_plugins; i++) {
        const pbx_plugin *desc = entry->plugins[i];
        if (desc == NULL || desc->kind == NULL || desc->name == NULL)
            continue;
        g_string_append_printf(list, "%s%s/%s", list->len > 0 ? ", " : "", desc->kind, desc->name);
    }
    return g_string_free(g_steal_pointer(&list), FALSE);
}

static const pbx_plugin *
pick(const pbx_entry *entry, const char *kind, const char *name)
{
    if (kind == NULL)
        return entry->plugins[0];
    for (guint i = 0; i < entry->n_plugins; i++) {
        const pbx_plugin *desc = entry->plugins[i];
        if (desc != NULL && desc->kind != NULL && desc->name != NULL &&
            g_str_equal(desc->kind, kind) && g_str_equal(desc->name, name))
            return desc;
    }
    return NULL;
}

const pbx_plugin *
descriptor_find(const pbx_entry *entry, const char *kind, const char *name, const char *path,
                const PluginWarn *warn, GError **error)
{
    const pbx_plugin *desc = pick(entry, kind, name);
    Descriptor d = {.desc = desc, .path = path, .warn = warn, .error = error};
    if (desc == NULL) {
        g_autofree char *has = contents(entry);
        broken(&d, "it holds %s, not %s/%s: name the file KIND/NAME.so after what it holds",
               has[0] != '\0' ? has : "no plugin", kind != NULL ? kind : "?",
               name != NULL ? name : "?");
        return NULL;
    }
    if (desc->struct_size < sizeof(pbx_plugin)) {
        broken(&d, "its descriptor says that it is %u bytes long; use sizeof(pbx_plugin)",
               desc->struct_size);
        return NULL;
    }
    const PluginKind *known = desc->kind != NULL ? plugin_kind(desc->kind) : NULL;
    if (known == NULL) {
        broken(&d, "it is of the kind '%s', which this pegbox does not know",
               desc->kind != NULL ? desc->kind : "");
        return NULL;
    }
    if (desc->name == NULL || !plugin_name_is_valid(desc->name)) {
        broken(&d, "it has the name '%s'; use a-z, 0-9 and -",
               desc->name != NULL ? desc->name : "");
        return NULL;
    }
    return texts_check(&d) && interface_check(&d, known) && options_are_sane(&d) ? desc : NULL;
}
