/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One value of an option: checked by its type, and brought into its normal form. */
#include <math.h>
#include <string.h>

#include "plugin/plugin-private.h"

#define SHOWN_MAX 60u

/* ---- What an option needs, in words ---- */

/* As people write it: 1, not 1.0. "" where there is none. */
static void
format_bound(double bound, char text[32])
{
    text[0] = '\0';
    if (!isfinite(bound))
        return;
    json_format_double(bound, text);
    gsize length = strlen(text);
    if (length > 2 && strcmp(text + length - 2, ".0") == 0)
        text[length - 2] = '\0';
}

/* "[1, 1000]", ">= 1" or "" for no bounds. */
static void
put_range(GString *out, const pbx_option *option)
{
    gboolean min_open = (option->flags & PBX_OPTION_MIN_OPEN) != 0;
    gboolean max_open = (option->flags & PBX_OPTION_MAX_OPEN) != 0;
    char min[32], max[32];
    format_bound(option->min, min);
    format_bound(option->max, max);
    if (min[0] != '\0' && max[0] != '\0')
        g_string_append_printf(out, " in %c%s, %s%c", min_open ? '(' : '[', min, max,
                               max_open ? ')' : ']');
    else if (min[0] != '\0')
        g_string_append_printf(out, " %s %s", min_open ? ">" : ">=", min);
    else if (max[0] != '\0')
        g_string_append_printf(out, " %s %s", max_open ? "<" : "<=", max);
}

static void
put_one(GString *out, const pbx_option *option)
{
    static const char *const nouns[] = {
        [PBX_OPTION_BOOL] = "true or false",
        [PBX_OPTION_INT] = "an integer",
        [PBX_OPTION_REAL] = "a number",
        [PBX_OPTION_STRING] = "a string",
        [PBX_OPTION_ENUM] = "one of ",
        [PBX_OPTION_PLUGIN] = "a plugin: its name, or an object with \"plugin\" and its options",
        [PBX_OPTION_JSON] = "any value",
        [PBX_OPTION_FIELD] = "the name of a result field",
        [PBX_OPTION_FIELD_MAP] = "an object of result field to number",
        [PBX_OPTION_SPACE] = "a search space",
        [PBX_OPTION_EXPRESSION] = "an expression, as a string",
        [PBX_OPTION_TEMPLATE] = "a string",
        [PBX_OPTION_REGEX] = "a regular expression, as a string",
        [PBX_OPTION_PATH] = "a path, as a string",
    };
    g_string_append(out, option->type < G_N_ELEMENTS(nouns) ? nouns[option->type] : "any value");
    if (option->type == PBX_OPTION_INT || option->type == PBX_OPTION_REAL)
        put_range(out, option);
    for (guint i = 0; option->type == PBX_OPTION_ENUM && option->choices[i] != NULL; i++)
        g_string_append_printf(out, "%s\"%s\"", i > 0 ? ", " : "", option->choices[i]);
}

char *
option_needs(const pbx_option *option)
{
    g_autoptr(GString) out = g_string_new(NULL);
    put_one(out, option);
    return g_string_free(g_steal_pointer(&out), FALSE);
}

const char *
option_type_name(guint32 type)
{
    static const char *const names[] = {
        [PBX_OPTION_BOOL] = "boolean",
        [PBX_OPTION_INT] = "integer",
        [PBX_OPTION_REAL] = "number",
        [PBX_OPTION_STRING] = "string",
        [PBX_OPTION_ENUM] = "enum",
        [PBX_OPTION_PLUGIN] = "plugin",
        [PBX_OPTION_JSON] = "json",
        [PBX_OPTION_FIELD] = "field",
        [PBX_OPTION_FIELD_MAP] = "field-map",
        [PBX_OPTION_SPACE] = "space",
        [PBX_OPTION_EXPRESSION] = "expression",
        [PBX_OPTION_TEMPLATE] = "template",
        [PBX_OPTION_REGEX] = "regex",
        [PBX_OPTION_PATH] = "path",
    };
    return type < G_N_ELEMENTS(names) ? names[type] : NULL;
}

/* A value as a message shows it; never a secret one. */
static char *
shown(const OptionCheck *check, JsonNode *value)
{
    if ((check->option->flags & PBX_OPTION_SECRET) != 0)
        return g_strdup("something else");
    g_autofree char *text = json_to_text(value);
    if (g_utf8_strlen(text, -1) <= (glong)SHOWN_MAX)
        return g_steal_pointer(&text);
    g_autofree char *start = g_utf8_substring(text, 0, SHOWN_MAX);
    return g_strconcat(start, "...", NULL);
}

static JsonNode *
unfit(const OptionCheck *check, const char *pointer, JsonNode *value)
{
    g_autofree char *needs = option_needs(check->option);
    g_autofree char *got = shown(check, value);
    problems_add(check->problems, check->doc, pointer, "needs %s, got %s", needs, got);
    return NULL;
}

/* ---- The types ---- */

static JsonNode *
int_node(gint64 value)
{
    JsonNode *node = json_node_new(JSON_NODE_VALUE);
    json_node_set_int(node, value);
    return node;
}

static JsonNode *
string_node(const char *value)
{
    JsonNode *node = json_node_new(JSON_NODE_VALUE);
    json_node_set_string(node, value);
    return node;
}

static GType
value_type(JsonNode *value)
{
    return JSON_NODE_HOLDS_VALUE(value) ? json_node_get_value_type(value) : G_TYPE_INVALID;
}

static gboolean
in_range(const pbx_option *option, double value)
{
    gboolean min_open = (option->flags & PBX_OPTION_MIN_OPEN) != 0;
    gboolean max_open = (option->flags & PBX_OPTION_MAX_OPEN) != 0;
    return (min_open ? value > option->min : value >= option->min) &&
           (max_open ? value < option->max : value <= option->max);
}

/* Whole doubles are integers too: people write 1e6. */
static JsonNode *
check_int(const OptionCheck *check, const char *pointer, JsonNode *value)
{
    gint64 number = 0;
    double real = 0;
    if (value_type(value) == G_TYPE_INT64) {
        number = json_node_get_int(value);
        real = (double)number;
    } else if (value_type(value) == G_TYPE_DOUBLE) {
        real = json_node_get_double(value);
        if (!(fabs(real) <= 9007199254740992.0) || real != trunc(real))
            return unfit(check, pointer, value);
        number = (gint64)real;
    } else {
        return unfit(check, pointer, value);
    }
    return in_range(check->option, real) ? int_node(number) : unfit(check, pointer, value);
}

static JsonNode *
check_real(const OptionCheck *check, const char *pointer, JsonNode *value)
{
    if (value_type(value) != G_TYPE_INT64 && value_type(value) != G_TYPE_DOUBLE)
        return unfit(check, pointer, value);
    /* json-glib widens integers. */
    return in_range(check->option, json_node_get_double(value)) ? json_clone(value)
                                                                : unfit(check, pointer, value);
}

static JsonNode *
check_bool(const OptionCheck *check, const char *pointer, JsonNode *value)
{
    return value_type(value) == G_TYPE_BOOLEAN ? json_clone(value) : unfit(check, pointer, value);
}

static JsonNode *
check_string(const OptionCheck *check, const char *pointer, JsonNode *value)
{
    return value_type(value) == G_TYPE_STRING ? json_clone(value) : unfit(check, pointer, value);
}

static JsonNode *
check_field(const OptionCheck *check, const char *pointer, JsonNode *value)
{
    if (value_type(value) != G_TYPE_STRING || json_node_get_string(value)[0] == '\0')
        return unfit(check, pointer, value);
    return json_clone(value);
}

static JsonNode *
check_enum(const OptionCheck *check, const char *pointer, JsonNode *value)
{
    if (value_type(value) != G_TYPE_STRING)
        return unfit(check, pointer, value);
    const char *text = json_node_get_string(value);
    if (g_strv_contains(check->option->choices, text))
        return json_clone(value);
    unfit(check, pointer, value);
    const char *meant = json_did_you_mean(text, check->option->choices);
    if (meant != NULL)
        problems_hint(check->problems, "did you mean \"%s\"?", meant);
    return NULL;
}

static JsonNode *
check_json(const OptionCheck *check G_GNUC_UNUSED, const char *pointer G_GNUC_UNUSED,
           JsonNode *value)
{
    return json_clone(value);
}

/* A number, or {"<=": number}. */
static gboolean
is_threshold(JsonNode *value)
{
    static const char *const operators[] = {"<=", ">=", "<", ">", NULL};
    if (value_type(value) == G_TYPE_INT64 || value_type(value) == G_TYPE_DOUBLE)
        return TRUE;
    if (!JSON_NODE_HOLDS_OBJECT(value) || json_object_get_size(json_node_get_object(value)) != 1)
        return FALSE;
    JsonObjectIter iter;
    const char *key;
    JsonNode *bound;
    json_object_iter_init_ordered(&iter, json_node_get_object(value));
    json_object_iter_next_ordered(&iter, &key, &bound);
    return g_strv_contains(operators, key) &&
           (value_type(bound) == G_TYPE_INT64 || value_type(bound) == G_TYPE_DOUBLE);
}

static JsonNode *
check_field_map(const OptionCheck *check, const char *pointer, JsonNode *value)
{
    if (!JSON_NODE_HOLDS_OBJECT(value))
        return unfit(check, pointer, value);
    gboolean fits = TRUE;
    JsonObjectIter iter;
    const char *key;
    JsonNode *bound;
    json_object_iter_init_ordered(&iter, json_node_get_object(value));
    while (json_object_iter_next_ordered(&iter, &key, &bound)) {
        if (is_threshold(bound))
            continue;
        g_autofree char *member = json_pointer_member(pointer, key);
        g_autofree char *got = shown(check, bound);
        problems_add(check->problems, check->doc, member,
                     "needs a number or an object like {\"<=\": 0.1} (<=, >=, < or >), got %s",
                     got);
        fits = FALSE;
    }
    return fits ? json_clone(value) : NULL;
}

static OptionPart *
add_part(const OptionCheck *check)
{
    OptionPart *part = g_new0(OptionPart, 1);
    g_ptr_array_add(check->parts, part);
    return part;
}

static JsonNode *
check_space(const OptionCheck *check, const char *pointer, JsonNode *value)
{
    if (!JSON_NODE_HOLDS_OBJECT(value))
        return unfit(check, pointer, value);
    if (check->parts == NULL || check->context->sandbox == NULL)
        return json_clone(value);
    PbxSpace *space = space_new(check->doc, pointer, check->context->sandbox, check->problems);
    if (space == NULL)
        return NULL;
    add_part(check)->space = space;
    return json_clone(value);
}

static JsonNode *
check_expression(const OptionCheck *check, const char *pointer, JsonNode *value)
{
    if (value_type(value) != G_TYPE_STRING)
        return unfit(check, pointer, value);
    if (check->parts == NULL || check->context->sandbox == NULL)
        return json_clone(value);
    g_autoptr(GError) error = NULL;
    PbxExpression *expression =
        expression_compile(check->context->sandbox, json_node_get_string(value), &error);
    if (expression == NULL) {
        problems_add(check->problems, check->doc, pointer, "%s", error->message);
        return NULL;
    }
    add_part(check)->expression = expression;
    return json_clone(value);
}

static JsonNode *
check_template(const OptionCheck *check, const char *pointer, JsonNode *value)
{
    if (value_type(value) != G_TYPE_STRING)
        return unfit(check, pointer, value);
    if (check->parts == NULL || check->context->sandbox == NULL)
        return json_clone(value);
    g_autoptr(GError) error = NULL;
    gboolean list = (check->option->flags & PBX_OPTION_LIST) != 0;
    PbxTemplate *template = template_compile(check->context->sandbox, json_node_get_string(value),
                                             list ? TEMPLATE_WORDS : TEMPLATE_PLAIN, &error);
    if (template == NULL) {
        problems_add(check->problems, check->doc, pointer, "%s", error->message);
        return NULL;
    }
    add_part(check)->template = template;
    return json_clone(value);
}

static JsonNode *
check_regex(const OptionCheck *check, const char *pointer, JsonNode *value)
{
    if (value_type(value) != G_TYPE_STRING)
        return unfit(check, pointer, value);
    g_autoptr(GError) error = NULL;
    g_autoptr(GRegex) regex = g_regex_new(json_node_get_string(value), 0, 0, &error);
    if (regex != NULL)
        return json_clone(value);
    problems_add(check->problems, check->doc, pointer, "%s", error->message);
    return NULL;
}

/* Whether a PATH option's choices say that it is one of an experiment. */
static gboolean
names_experiment(const pbx_option *option)
{
    return option->choices != NULL && g_strv_contains(option->choices, "experiment");
}

static gboolean
holds_experiment(const char *dir)
{
    g_autofree char *store = g_build_filename(dir, "experiment.db", NULL);
    return g_file_test(store, G_FILE_TEST_EXISTS);
}

/* A directory, or the name of one among this experiment's. */
static JsonNode *
check_experiment(const OptionCheck *check, const char *pointer, const char *text)
{
    const PbxOptionContext *context = check->context;
    g_autofree char *path = places_expand(text, context->base_dir);
    g_autofree char *named = context->results_dir != NULL && strchr(text, '/') == NULL
                                 ? g_build_filename(context->results_dir, text, NULL)
                                 : NULL;
    const gboolean there = holds_experiment(path);
    const char *dir = there || named == NULL ? path : named;
    if (context->is_new && !there && (named == NULL || !holds_experiment(named)))
        problems_add(check->problems, check->doc, pointer, "there is no experiment in %s%s%s", path,
                     named != NULL ? ", nor in " : "", named != NULL ? named : "");
    else if (context->replaced != NULL && g_str_equal(dir, context->replaced))
        problems_add(check->problems, check->doc, pointer,
                     "%s is what --replace deletes: another --name keeps it", dir);
    else
        return string_node(dir);
    return NULL;
}

static JsonNode *
check_path(const OptionCheck *check, const char *pointer, JsonNode *value)
{
    if (value_type(value) != G_TYPE_STRING || json_node_get_string(value)[0] == '\0')
        return unfit(check, pointer, value);
    if (names_experiment(check->option))
        return check_experiment(check, pointer, json_node_get_string(value));
    g_autofree char *path = places_expand(json_node_get_string(value), check->context->base_dir);
    return string_node(path);
}

static JsonNode *
check_one(const OptionCheck *check, const char *pointer, JsonNode *value)
{
    static JsonNode *(*const checks[])(const OptionCheck *, const char *, JsonNode *) = {
        [PBX_OPTION_BOOL] = check_bool,
        [PBX_OPTION_INT] = check_int,
        [PBX_OPTION_REAL] = check_real,
        [PBX_OPTION_STRING] = check_string,
        [PBX_OPTION_ENUM] = check_enum,
        [PBX_OPTION_PLUGIN] = option_check_plugin,
        [PBX_OPTION_JSON] = check_json,
        [PBX_OPTION_FIELD] = check_field,
        [PBX_OPTION_FIELD_MAP] = check_field_map,
        [PBX_OPTION_SPACE] = check_space,
        [PBX_OPTION_EXPRESSION] = check_expression,
        [PBX_OPTION_TEMPLATE] = check_template,
        [PBX_OPTION_REGEX] = check_regex,
        [PBX_OPTION_PATH] = check_path,
    };
    if (check->option->type >= G_N_ELEMENTS(checks))
        return json_clone(value); /* a type of later: passed unchecked */
    return checks[check->option->type](check, pointer, value);
}

/* ---- Lists and maps ---- */

/* check_one, and the part that it made gets its key. */
static JsonNode *
check_member(const OptionCheck *check, const char *pointer, JsonNode *value, const char *key)
{
    guint before = check->parts != NULL ? check->parts->len : 0;
    JsonNode *normal = check_one(check, pointer, value);
    if (check->parts != NULL && check->parts->len > before)
        ((OptionPart *)g_ptr_array_index(check->parts, before))->key = g_strdup(key);
    return normal;
}

static JsonNode *
check_list(const OptionCheck *check, const char *pointer, JsonNode *value)
{
    g_autoptr(JsonArray) items = json_array_new();
    gboolean fits = TRUE;
    JsonArray *given = JSON_NODE_HOLDS_ARRAY(value) ? json_node_get_array(value) : NULL;
    guint n = given != NULL ? json_array_get_length(given) : 1;
    if (n == 0 && (check->option->flags & PBX_OPTION_REQUIRED) != 0) {
        problems_add(check->problems, check->doc, pointer, "must not be empty: %s",
                     check->option->doc);
        return NULL;
    }
    for (guint i = 0; i < n; i++) {
        g_autofree char *place = given != NULL ? json_pointer_item(pointer, i) : g_strdup(pointer);
        JsonNode *item =
            check_one(check, place, given != NULL ? json_array_get_element(given, i) : value);
        if (item != NULL)
            json_array_add_element(items, item);
        else
            fits = FALSE;
    }
    if (!fits)
        return NULL;
    JsonNode *list = json_node_new(JSON_NODE_ARRAY);
    json_node_set_array(list, items);
    return list;
}

static JsonNode *
check_map(const OptionCheck *check, const char *pointer, JsonNode *value)
{
    if (!JSON_NODE_HOLDS_OBJECT(value)) {
        g_autofree char *needs = option_needs(check->option);
        g_autofree char *got = shown(check, value);
        problems_add(check->problems, check->doc, pointer,
                     "needs an object of name to value, each %s; got %s", needs, got);
        return NULL;
    }
    g_autoptr(JsonObject) members = json_object_new();
    gboolean fits = TRUE;
    JsonObjectIter iter;
    const char *key;
    JsonNode *given;
    json_object_iter_init_ordered(&iter, json_node_get_object(value));
    while (json_object_iter_next_ordered(&iter, &key, &given)) {
        g_autofree char *place = json_pointer_member(pointer, key);
        JsonNode *member = check_member(check, place, given, key);
        if (member != NULL)
            json_object_set_member(members, key, member);
        else
            fits = FALSE;
    }
    if (!fits)
        return NULL;
    JsonNode *map = json_node_new(JSON_NODE_OBJECT);
    json_node_set_object(map, members);
    return map;
}

JsonNode *
option_check_value(const OptionCheck *check, const char *pointer, JsonNode *value)
{
    if ((check->option->flags & PBX_OPTION_LIST) != 0)
        return check_list(check, pointer, value);
    if ((check->option->flags & PBX_OPTION_MAP) != 0)
        return check_map(check, pointer, value);
    return check_one(check, pointer, value);
}

JsonNode *
option_fallback(const pbx_option *option, GError **error)
{
    return json_read(option->fallback, strlen(option->fallback), DOC_MAX_NESTING, error);
}
