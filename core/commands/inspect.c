/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox inspect: one plugin's options, defaults, ranges and capabilities. */
#include <string.h>

#include "commands/commands.h"
#include "plugin/plugin.h"
#include "json/json.h"

static void
warn(const char *message, gpointer user G_GNUC_UNUSED)
{
    command_warning("%s", message);
}

/* ---- For people ---- */

static void
print_safe(const char *text)
{
    g_autofree char *safe = terminal_safe(text);
    g_print("%s", safe);
}

static void
print_fact(const char *label, const char *value)
{
    if (value == NULL || value[0] == '\0')
        return;
    g_print("  %-13s ", label);
    print_safe(value);
    g_print("\n");
}

static const char *
text(JsonObject *object, const char *key)
{
    return json_object_get_string_member_with_default(object, key, NULL);
}

static gboolean
flag(JsonObject *object, const char *key)
{
    return json_object_get_boolean_member_with_default(object, key, FALSE);
}

/* "a, b" of an array of strings. (transfer full) */
static char *
joined(JsonObject *object, const char *key, const char *quote)
{
    g_autoptr(GString) out = g_string_new(NULL);
    JsonArray *items =
        json_object_has_member(object, key) ? json_object_get_array_member(object, key) : NULL;
    for (guint i = 0; items != NULL && i < json_array_get_length(items); i++)
        g_string_append_printf(out, "%s%s%s%s", i > 0 ? ", " : "", quote,
                               json_array_get_string_element(items, i), quote);
    return g_string_free(g_steal_pointer(&out), FALSE);
}

/* Words at an indent, to the terminal's width. */
static void
print_wrapped(const char *line, int indent)
{
    g_autofree char *safe = terminal_safe(line);
    g_auto(GStrv) words = g_strsplit(safe, " ", -1);
    int width = terminal_width(), column = 0;
    for (guint i = 0; words[i] != NULL; i++) {
        int length = (int)g_utf8_strlen(words[i], -1);
        gboolean first = column == 0;
        if (!first && column + 1 + length > width) {
            g_print("\n");
            first = TRUE;
        }
        g_print("%*s%s", first ? indent : 1, "", words[i]);
        column = first ? indent + length : column + 1 + length;
    }
    g_print("\n");
}

/* " in [0, 1)", " >= 1" or nothing. */
static void
put_range(GString *out, JsonObject *option)
{
    JsonNode *min = json_object_get_member(option, "min");
    JsonNode *max = json_object_get_member(option, "max");
    g_autofree char *low = min != NULL ? json_to_text(min) : NULL;
    g_autofree char *high = max != NULL ? json_to_text(max) : NULL;
    gboolean min_open = flag(option, "min_open"), max_open = flag(option, "max_open");
    if (low != NULL && high != NULL)
        g_string_append_printf(out, " in %c%s, %s%c", min_open ? '(' : '[', low, high,
                               max_open ? ')' : ']');
    else if (low != NULL)
        g_string_append_printf(out, " %s %s", min_open ? ">" : ">=", low);
    else if (high != NULL)
        g_string_append_printf(out, " %s %s", max_open ? "<" : "<=", high);
}

/* "list of integer >= 1, default [3]". */
static void
print_option(JsonObject *option)
{
    const char *type = text(option, "type");
    g_autofree char *choices = joined(option, "choices", "\"");
    g_autoptr(GString) line = g_string_new(text(option, "name"));
    g_string_append(line, ": ");
    if (flag(option, "list"))
        g_string_append(line, "list of ");
    if (flag(option, "map"))
        g_string_append(line, "object of name to ");
    if (g_strcmp0(type, "enum") == 0)
        g_string_append_printf(line, "one of %s", choices);
    else if (g_strcmp0(type, "plugin") == 0)
        g_string_append_printf(line, "plugin of kind %s", choices);
    else
        g_string_append(line, type);
    put_range(line, option);
    JsonNode *fallback = json_object_get_member(option, "default");
    g_autofree char *value = fallback != NULL ? json_to_text(fallback) : NULL;
    if (value != NULL)
        g_string_append_printf(line, ", default %s", value);
    static const char *const marks[] = {"required", "secret", "deprecated"};
    for (gsize i = 0; i < G_N_ELEMENTS(marks); i++) {
        if (flag(option, marks[i]))
            g_string_append_printf(line, ", %s", marks[i]);
    }
    print_wrapped(line->str, 2);
    const char *since = text(option, "since");
    g_autofree char *doc = since != NULL
                               ? g_strdup_printf("%s (since %s)", text(option, "doc"), since)
                               : g_strdup(text(option, "doc"));
    print_wrapped(doc, 6);
}

static void
print_plugin(JsonNode *plugin)
{
    JsonObject *facts = json_node_get_object(plugin);
    g_autofree char *caps = joined(facts, "caps", "");
    g_autofree char *interfaces = joined(facts, "interfaces", "");
    g_autofree char *also = joined(facts, "also", "");
    g_autofree char *title =
        g_strdup_printf("%s/%s %s: %s", text(facts, "kind"), text(facts, "name"),
                        text(facts, "version"), text(facts, "summary"));
    print_wrapped(title, 0);
    print_fact("license", text(facts, "license"));
    print_fact("url", text(facts, "url"));
    print_fact("file", text(facts, "path"));
    print_fact("also in it", also);
    print_fact("plugin ABI", text(facts, "abi"));
    print_fact("interfaces", interfaces);
    print_fact("capabilities", caps);
    JsonArray *options = json_object_get_array_member(facts, "options");
    g_print(json_array_get_length(options) > 0 ? "\nOptions:\n" : "\nIt has no options.\n");
    for (guint i = 0; i < json_array_get_length(options); i++)
        print_option(json_array_get_object_element(options, i));
}

/* ---- The command ---- */

/* The kind of the only plugin of this name; NULL with error where there is none, or more. */
static const char *
only_kind(GPtrArray *files, const char *name, GError **error)
{
    g_autoptr(GString) kinds = g_string_new(NULL);
    const char *kind = NULL;
    guint n = 0;
    for (guint i = 0; i < files->len; i++) {
        const PbxPluginFile *file = g_ptr_array_index(files, i);
        /* One that is shadowed has the same kind again. */
        if (!g_str_equal(file->name, name) || g_strcmp0(kind, file->kind) == 0)
            continue;
        kind = file->kind;
        g_string_append_printf(kinds, "%s%s/%s", n++ > 0 ? ", " : "", kind, name);
    }
    if (n == 1)
        return kind;
    if (n == 0)
        g_set_error(error, PBX_PLUGIN_ERROR, PLUGIN_ERROR_NOT_FOUND,
                    "'%s' names no plugin; give KIND/NAME or a FILE.so", name);
    else
        g_set_error(error, PBX_PLUGIN_ERROR, PLUGIN_ERROR_NOT_FOUND, "which '%s'? There are %s",
                    name, kinds->str);
    return NULL;
}

/* A plugin by what the user calls it: FILE.so, KIND/NAME, or NAME where that is enough. */
static JsonNode *
look_up(PbxRegistry *registry, const char *word, GError **error)
{
    if (g_str_has_suffix(word, ".so")) {
        g_autofree char *path = g_canonicalize_filename(word, NULL);
        return registry_probe(registry, path, NULL, NULL, error);
    }
    g_autoptr(GPtrArray) files = registry_files(registry, NULL);
    const char *slash = strchr(word, '/');
    gboolean pair = slash != NULL && strchr(slash + 1, '/') == NULL;
    const char *name = pair ? slash + 1 : word;
    g_autofree char *kind =
        pair ? g_strndup(word, (gsize)(slash - word)) : g_strdup(only_kind(files, name, error));
    g_autofree char *path = kind != NULL ? registry_find(registry, kind, name, error) : NULL;
    return path != NULL ? registry_probe(registry, path, kind, name, error) : NULL;
}

static int
inspect(const char *word, gboolean json)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) plugin = NULL;
    g_autoptr(PbxRegistry) registry = registry_new(&error);
    if (registry != NULL) {
        registry_on_warning(registry, warn, NULL);
        plugin = look_up(registry, word, &error);
    }
    if (plugin == NULL) {
        command_error("%s", error->message);
        return plugin_error_status(error);
    }
    if (json) {
        g_autofree char *document = json_to_text(plugin);
        command_put(document);
        command_put("\n");
    } else {
        print_plugin(plugin);
    }
    return EXIT_DONE;
}

int
command_inspect(int argc, char **argv)
{
    gboolean json = FALSE;
    int status;
    /* What registry_probe runs; no option of the user's. */
    if (argc > 2 && g_str_equal(argv[1], "--probe"))
        registry_probe_child(argc - 2, argv + 2);
    const GOptionEntry entries[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, &json, "Print JSON", NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
    };
    if (!command_parse(&argc, &argv, entries, "KIND/NAME | FILE.so",
                       "Shows a plugin's options, defaults, ranges and capabilities.", &status))
        return status;
    if (argc != 2) {
        command_error("which plugin? Give KIND/NAME or a FILE.so");
        command_hint("`pegbox plugins` lists what is installed");
        return EXIT_USAGE;
    }
    return inspect(argv[1], json);
}
