/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The top-level keys of the experiment file: their names, types and meaning. */
#include <math.h>
#include <string.h>

#include "spec/spec-private.h"

#define LARGEST_WHOLE 9007199254740992.0 /* that a double holds, as all below it */
#define SHOWN_MAX     60                 /* characters of a value in a message */

#define POSITIVE   "{\"type\":\"number\",\"exclusiveMinimum\":0}"
#define AT_LEAST_0 "{\"type\":\"number\",\"minimum\":0}"
#define TEXT       "{\"type\":\"string\",\"minLength\":1}"
#define BOOLEAN    "{\"type\":\"boolean\"}"
#define BYTES      "{\"anyOf\":[{\"type\":\"integer\",\"minimum\":1},{\"type\":\"string\"}]}"
#define MODE       "{\"enum\":[\"min\",\"max\"]}"
#define WHOLE      "{\"type\":\"integer\",\"minimum\":0}"
/* Fields, or headings by field. */
#define COLUMNS                                                                                    \
    "{\"anyOf\":[{\"type\":\"array\",\"items\":" TEXT                                              \
    "},{\"type\":\"object\",\"additionalProperties\":" TEXT "}]}"
/* One, or an array of one: several objectives come with a later version. */
#define ONE_OR_LIST(ITEM)                                                                          \
    "{\"anyOf\":[" ITEM ",{\"type\":\"array\",\"minItems\":1,\"maxItems\":1,\"items\":" ITEM "}]}"

/* Keep the order of doc/experiment-file.md. */
const PbxKey spec_keys[] = {
    {"$schema", KEY_STRING, FALSE, "For editors: where the schema of this file is.",
     "{\"type\":\"string\"}"},
    {"name", KEY_STRING, FALSE, "The experiment's name and the name of its directory.",
     "{\"type\":\"string\",\"minLength\":1,\"maxLength\":255,\"pattern\":\"^[^/]*$\"}"},
    {"trainable", KEY_STRING | KEY_OBJECT, FALSE, "What is tuned: a plugin or a command.", NULL},
    {"config", KEY_OBJECT, FALSE, "The search space: constants and operators.", NULL},
    {"metric", KEY_STRING | KEY_ARRAY, FALSE,
     "The result field that is optimised; several: objectives.", ONE_OR_LIST(TEXT)},
    {"mode", KEY_STRING | KEY_ARRAY, FALSE,
     "Whether the metric is minimised or maximised; one each.", ONE_OR_LIST(MODE)},
    {"num_samples", KEY_INT, FALSE,
     "How many points are drawn (a grid: how often it is visited); -1: without end.",
     "{\"type\":\"integer\",\"anyOf\":[{\"const\":-1},{\"minimum\":1}]}"},
    {"search", KEY_STRING | KEY_OBJECT, FALSE, "The search algorithm.", NULL},
    {"scheduler", KEY_STRING | KEY_OBJECT, FALSE, "What stops trials that do badly.", NULL},
    {"stop", KEY_STRING | KEY_OBJECT | KEY_ARRAY, FALSE, "What ends a trial or the experiment.",
     NULL},
    {"time_budget_s", KEY_NUMBER, FALSE, "Seconds after which the experiment ends.", POSITIVE},
    {"resources", KEY_OBJECT, FALSE, "What each trial needs.",
     "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
     "\"cpu\":" AT_LEAST_0 ",\"gpu\":{\"const\":0},"
     "\"memory\":" BYTES "}}"},
    {"placement", KEY_OBJECT, TRUE, "Bundles and strategy of a trial's processes.", NULL},
    {"max_concurrent_trials", KEY_INT, FALSE,
     "How many trials run at once at most; 0: as many as the resources hold.",
     "{\"type\":\"integer\",\"minimum\":0}"},
    {"executor", KEY_STRING | KEY_OBJECT, FALSE, "What places and runs trials.", NULL},
    {"loggers", KEY_ARRAY, FALSE, "What writes results somewhere, besides the automatic ones.",
     NULL},
    {"auto_loggers", KEY_BOOL, FALSE, "Whether the automatic loggers are there.", BOOLEAN},
    {"reporter", KEY_OBJECT, FALSE, "Options of the status block.",
     "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
     "\"metric_columns\":" COLUMNS ",\"parameter_columns\":" COLUMNS ","
     "\"total_samples\":{\"type\":\"integer\",\"minimum\":1},"
     "\"max_progress_rows\":" WHOLE ",\"max_error_rows\":" WHOLE ",\"infer_limit\":" WHOLE ","
     "\"max_report_frequency\":" AT_LEAST_0 ",\"metric\":" TEXT ",\"mode\":" MODE ","
     "\"print_intermediate_tables\":" BOOLEAN ",\"sort_by_metric\":" BOOLEAN "},"
     "\"dependentRequired\":{\"metric\":[\"mode\"],\"mode\":[\"metric\"]}}"},
    {"checkpoint", KEY_OBJECT, FALSE, "When trials are saved, and what is kept.",
     "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
     "\"frequency\":" WHOLE ",\"at_end\":" BOOLEAN ","
     "\"keep\":{\"anyOf\":[{\"type\":\"integer\",\"minimum\":1},{\"type\":\"null\"}]},"
     "\"score_attribute\":" TEXT ","
     "\"compression\":{\"type\":\"string\",\"pattern\":\"^(none|zstd(:1?[0-9])?)$\"},"
     "\"path\":" TEXT ",\"max_total_bytes\":" BYTES "}}"},
    {"restore", KEY_STRING, FALSE,
     "What trials begin from: an archive, a directory, or EXP:TRIAL[@STEP].", TEXT},
    {"sync", KEY_OBJECT, TRUE, "Where results and checkpoints are copied to.", NULL},
    {"max_failures", KEY_INT, FALSE, "How often a failed trial is tried again; -1: for ever.",
     "{\"type\":\"integer\",\"minimum\":-1}"},
    {"fail_fast", KEY_BOOL, FALSE, "Whether the first failed trial ends the experiment.", BOOLEAN},
    {"reuse_workers", KEY_BOOL, FALSE, "Whether a worker serves trial after trial.", BOOLEAN},
    {"log_to_file", KEY_BOOL | KEY_STRING | KEY_ARRAY, FALSE,
     "Where a trial's output goes: true, a file name, two of them, or false for the console.",
     "{\"anyOf\":[" BOOLEAN "," TEXT
     ",{\"type\":\"array\",\"minItems\":2,\"maxItems\":2,\"items\":" TEXT "}]}"},
    {"results_dir", KEY_STRING, FALSE, "The directory that holds the experiment's.", TEXT},
    {"trial_name", KEY_STRING, FALSE, "A template for names of trials.", TEXT},
    {"trial_dirname", KEY_STRING, FALSE, "A template for names of trials' directories.", TEXT},
    {"data", KEY_OBJECT, FALSE, "Large objects that all trials read: files, or values.",
     "{\"type\":\"object\",\"propertyNames\":{\"pattern\":\"^[A-Za-z0-9][A-Za-z0-9_.-]*$\","
     "\"maxLength\":64},\"additionalProperties\":{\"anyOf\":[" TEXT
     ",{\"type\":\"array\"},{\"type\":\"object\"}]}}"},
    {"cwd", KEY_STRING, FALSE, "A template for the directory that a program runs in.", TEXT},
    {"env", KEY_OBJECT, FALSE, "Environment variables of a program, each a template.",
     "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}}"},
    {"seed", KEY_INT, FALSE, "The seed of all randomness.", "{\"type\":\"integer\",\"minimum\":0}"},
    {"durability", KEY_STRING, FALSE, "What a power cut may take: 'normal', or nothing: 'full'.",
     "{\"enum\":[\"normal\",\"full\"]}"},
    {"limits", KEY_OBJECT, FALSE, "Time and memory past which a trial is killed and has failed.",
     "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
     "\"trial_time_s\":" POSITIVE ",\"report_time_s\":" POSITIVE ",\"memory\":" BYTES "}}"},
    {"constraints", KEY_STRING | KEY_ARRAY, FALSE, "Expressions that a feasible trial keeps <= 0.",
     "{\"anyOf\":[" TEXT ",{\"type\":\"array\",\"items\":" TEXT "}]}"},
    {"duplicates", KEY_STRING, FALSE, "What becomes of a config that was run: 'allow' or 'skip'.",
     "{\"enum\":[\"allow\",\"skip\"]}"},
    {"workers", KEY_INT | KEY_OBJECT, TRUE, "How many processes a trial has.", NULL},
    {"launcher", KEY_STRING | KEY_OBJECT, TRUE, "What starts the processes of a trial.", NULL},
    {"extends", KEY_STRING, FALSE, "Another file that this one builds upon.", TEXT},
    {NULL, 0, FALSE, NULL, NULL},
};

static guint
node_type(JsonNode *node)
{
    switch (JSON_NODE_TYPE(node)) {
    case JSON_NODE_OBJECT:
        return KEY_OBJECT;
    case JSON_NODE_ARRAY:
        return KEY_ARRAY;
    case JSON_NODE_VALUE:
        break;
    default:
        return 0;
    }
    switch (json_node_get_value_type(node)) {
    case G_TYPE_STRING:
        return KEY_STRING;
    case G_TYPE_BOOLEAN:
        return KEY_BOOL;
    case G_TYPE_INT64:
        return KEY_INT;
    default:
        return KEY_NUMBER;
    }
}

/* People write 1e6 for an integer. */
static gboolean
is_whole(JsonNode *node)
{
    double value = json_node_get_double(node);
    return fabs(value) <= LARGEST_WHOLE && value == rint(value);
}

gboolean
node_is(JsonNode *node, guint types)
{
    guint type = node_type(node);
    if (type == KEY_INT)
        return (types & (KEY_INT | KEY_NUMBER)) != 0;
    if (type == KEY_NUMBER && (types & KEY_INT) != 0 && is_whole(node))
        return TRUE;
    return (types & type) != 0;
}

static const struct {
    guint type;
    const char *text;
} type_names[] = {
    {KEY_STRING, "a string"}, {KEY_BOOL, "true or false"}, {KEY_INT, "an integer"},
    {KEY_NUMBER, "a number"}, {KEY_ARRAY, "an array"},     {KEY_OBJECT, "an object"},
};

const char *
node_kind(JsonNode *node)
{
    guint type = node_type(node);
    for (gsize i = 0; i < G_N_ELEMENTS(type_names); i++) {
        if (type_names[i].type == type)
            return type == KEY_BOOL ? (json_node_get_boolean(node) ? "true" : "false")
                                    : type_names[i].text;
    }
    return "null";
}

char *
types_text(guint types)
{
    GString *text = g_string_new(NULL);
    guint left = types;
    for (gsize i = 0; i < G_N_ELEMENTS(type_names); i++) {
        if ((types & type_names[i].type) == 0)
            continue;
        left &= ~type_names[i].type;
        if (text->len > 0)
            g_string_append(text, left == 0 ? " or " : ", ");
        g_string_append(text, type_names[i].text);
    }
    return g_string_free(text, FALSE);
}

char *
node_shown(JsonNode *node)
{
    g_autofree char *text = json_to_text(node);
    if (g_utf8_strlen(text, -1) <= SHOWN_MAX)
        return g_steal_pointer(&text);
    g_autofree char *start = g_utf8_substring(text, 0, SHOWN_MAX);
    return g_strconcat(start, "...", NULL);
}

void
wrong_type(PbxCheck *check, const PbxDoc *doc, const char *pointer, guint types, JsonNode *node)
{
    g_autofree char *text = types_text(types);
    g_autofree char *got = node_shown(node);
    problems_add(check->problems, doc, pointer, "needs %s, got %s", text, got);
}

char *
meant_text(const char *name, const char *const *names)
{
    const char *meant = json_did_you_mean(name, names);
    return meant != NULL ? g_strdup_printf("; did you mean '%s'?", meant) : g_strdup("");
}

static const PbxKey *
find_key(const char *name)
{
    for (const PbxKey *key = spec_keys; key->name != NULL; key++) {
        if (g_str_equal(key->name, name))
            return key;
    }
    return NULL;
}

static void
tell_unknown(PbxCheck *check, const char *pointer, const char *name)
{
    const char *names[64] = {NULL};
    gsize n = 0;
    for (const PbxKey *key = spec_keys; key->name != NULL && n + 1 < G_N_ELEMENTS(names); key++)
        names[n++] = key->name;
    g_autofree char *meant = meant_text(name, names);
    problems_add(check->problems, check->spec->doc, pointer, "there is no such key%s", meant);
}

void
keys_check(PbxCheck *check)
{
    const PbxDoc *doc = check->spec->doc;
    JsonObject *root = json_node_get_object(doc_root(doc));
    g_autoptr(GList) names = json_object_get_members(root);
    for (GList *item = names; item != NULL; item = item->next) {
        const char *name = item->data;
        JsonNode *node = json_object_get_member(root, name);
        g_autofree char *pointer = json_pointer_member("", name);
        const PbxKey *key = find_key(name);
        gboolean fits = key != NULL && node_is(node, key->types);
        if (fits && !key->later)
            continue;
        if (key == NULL)
            tell_unknown(check, pointer, name);
        else if (!fits)
            wrong_type(check, doc, pointer, key->types, node);
        else
            problems_add(check->problems, doc, pointer, "'%s' " NOT_YET, name);
        g_hash_table_add(check->wrong, g_strdup(name));
    }
}

JsonNode *
key_node(const PbxCheck *check, const char *name)
{
    if (g_hash_table_contains(check->wrong, name))
        return NULL;
    JsonObject *root = json_node_get_object(doc_root(check->spec->doc));
    return json_object_get_member(root, name);
}

gboolean
key_int(PbxCheck *check, const char *name, gint64 low, gint64 high, gint64 *value)
{
    JsonNode *node = key_node(check, name);
    if (node == NULL)
        return FALSE;
    gint64 number = json_node_get_int(node);
    if (number < low || number > high) {
        g_autofree char *pointer = json_pointer_member("", name);
        problems_add(check->problems, check->spec->doc, pointer,
                     "needs an integer %s %" G_GINT64_FORMAT ", got %" G_GINT64_FORMAT,
                     number > high ? "<=" : ">=", number > high ? high : low, number);
        return FALSE;
    }
    *value = number;
    return TRUE;
}

gboolean
key_bool(PbxCheck *check, const char *name, gboolean *value)
{
    JsonNode *node = key_node(check, name);
    if (node == NULL)
        return FALSE;
    *value = json_node_get_boolean(node);
    return TRUE;
}
