/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What listing commands do with their rows: filter, sort, choose columns, and print as a
 * table, CSV or JSON. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "commands/commands.h"
#include "commands/table-private.h"
#include "expression/expression.h"
#include "json/json.h"

void
table_options_clear(PbxTableOptions *options)
{
    g_free(options->sort);
    g_free(options->filter);
    g_free(options->columns);
    g_free(options->format);
    memset(options, 0, sizeof *options);
}

/* ---- Columns ---- */

static gboolean
has_column(GPtrArray *rows, const char *path)
{
    for (guint i = 0; i < rows->len; i++) {
        if (json_lookup(rows->pdata[i], path) != NULL)
            return TRUE;
    }
    return rows->len == 0;
}

static void
add_names(GPtrArray *names, JsonNode *node, const char *prefix)
{
    JsonObjectIter iter;
    const char *key;
    JsonNode *value;
    json_object_iter_init(&iter, json_node_get_object(node));
    while (json_object_iter_next(&iter, &key, &value)) {
        char *path = g_strconcat(prefix, key, NULL);
        g_ptr_array_add(names, path);
        if (JSON_NODE_HOLDS_OBJECT(value) && prefix[0] == '\0') {
            g_autofree char *inner = g_strconcat(path, ".", NULL);
            add_names(names, value, inner);
        }
    }
}

/* "config.lr" for "lr": names ends with NULL. */
static const char *
path_that_ends_in(const GPtrArray *names, const char *name)
{
    g_autofree char *tail = g_strconcat(".", name, NULL);
    for (guint i = 0; names->pdata[i] != NULL; i++) {
        if (g_str_has_suffix(names->pdata[i], tail))
            return names->pdata[i];
    }
    return NULL;
}

static void
tell_no_column(GPtrArray *rows, const char *option, const char *path)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    add_names(names, rows->pdata[0], "");
    g_ptr_array_add(names, NULL);
    const char *meant = path_that_ends_in(names, path);
    if (meant == NULL)
        meant = json_did_you_mean(path, (const char *const *)names->pdata);
    if (meant != NULL)
        command_error("%s: there is no column '%s'; did you mean '%s'?", option, path, meant);
    else
        command_error("%s: there is no column '%s'; --json shows all there are", option, path);
}

/* The columns of --columns, or NULL where a name is wrong. (transfer full) */
static char **
chosen_columns(GPtrArray *rows, const char *list)
{
    g_auto(GStrv) words = g_strsplit(list, ",", -1);
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();
    guint n = 0;
    for (guint i = 0; words[i] != NULL; i++) {
        if (g_strstrip(words[i])[0] == '\0')
            continue;
        if (!has_column(rows, words[i])) {
            tell_no_column(rows, "--columns", words[i]);
            return NULL;
        }
        g_strv_builder_add(names, words[i]);
        n++;
    }
    if (n == 0) {
        command_error("--columns needs names, separated by commas");
        return NULL;
    }
    return g_strv_builder_end(names);
}

/* ---- --filter ---- */

/* Evaluates over one row: its members by their names, and all of it as `row`. */
static gboolean
matches(PbxExpression *expression, JsonNode *row, gboolean *match, GError **error)
{
    g_autoptr(GArray) bindings = g_array_new(FALSE, FALSE, sizeof(PbxBinding));
    const PbxBinding whole = {.name = "row", .value = row};
    g_array_append_val(bindings, whole);
    JsonObjectIter iter;
    PbxBinding binding;
    json_object_iter_init(&iter, json_node_get_object(row));
    while (json_object_iter_next(&iter, &binding.name, &binding.value)) {
        if (JSON_NODE_HOLDS_NULL(binding.value))
            binding.value = NULL;
        g_array_append_val(bindings, binding);
    }
    return expression_eval_bool(expression, (PbxBinding *)(void *)bindings->data, bindings->len,
                                match, error);
}

/*
 * A row on which the expression fails does not match: it compares what is not there yet, as
 * the metric of a trial without a result. Where it fails on every row it is wrong itself.
 */
static gboolean
filter_rows(GPtrArray *rows, const char *text, GPtrArray *kept)
{
    g_autoptr(PbxSandbox) sandbox = sandbox_new();
    g_autoptr(GError) first = NULL;
    g_autoptr(PbxExpression) expression = expression_compile(sandbox, text, &first);
    if (expression == NULL) {
        command_error("--filter: %s", first->message);
        return FALSE;
    }
    guint failed = 0;
    for (guint i = 0; i < rows->len; i++) {
        gboolean match = FALSE;
        GError *error = NULL;
        if (!matches(expression, rows->pdata[i], &match, &error)) {
            failed++;
            if (first == NULL)
                first = error;
            else
                g_error_free(error);
        } else if (match) {
            g_ptr_array_add(kept, rows->pdata[i]);
        }
    }
    if (failed > 0 && failed == rows->len) {
        command_error("--filter: %s", first->message);
        return FALSE;
    }
    return TRUE;
}

/* ---- --sort ---- */

typedef struct {
    JsonNode *row;
    guint index; /* rows that are equal keep their order */
    guint rank;  /* numbers, then texts, then what is none */
    double number;
    char *text;
} SortKey;

static void
sort_key_init(SortKey *key, JsonNode *row, guint index, const char *column)
{
    JsonNode *value = json_lookup(row, column);
    *key = (SortKey){.row = row, .index = index, .rank = 2};
    if (value == NULL || JSON_NODE_HOLDS_NULL(value))
        return;
    if (json_number(value, FALSE, &key->number)) {
        key->rank = isfinite(key->number) ? 0 : 2;
        return;
    }
    key->rank = 1;
    key->text =
        JSON_NODE_HOLDS_VALUE(value) ? g_strdup(json_node_get_string(value)) : json_to_text(value);
}

static int
compare_keys(gconstpointer a, gconstpointer b, gpointer user)
{
    const SortKey *one = a, *two = b;
    const int sign = *(const int *)user;
    int order = 0;
    if (one->rank != two->rank)
        return one->rank < two->rank ? -1 : 1;
    if (one->rank == 0)
        order = (one->number > two->number) - (one->number < two->number);
    else if (one->rank == 1)
        order = strcmp(one->text, two->text);
    if (order == 0)
        return one->index < two->index ? -1 : 1;
    return sign * order;
}

static void
sort_rows(GPtrArray *rows, const char *column, int sign)
{
    g_autofree SortKey *keys = g_new(SortKey, rows->len + 1);
    for (guint i = 0; i < rows->len; i++)
        sort_key_init(&keys[i], rows->pdata[i], i, column);
    g_qsort_with_data(keys, (int)rows->len, sizeof *keys, compare_keys, &sign);
    for (guint i = 0; i < rows->len; i++) {
        rows->pdata[i] = keys[i].row;
        g_free(keys[i].text);
    }
}

/* ---- CSV and JSON: exact ---- */

static void
put_csv(GString *out, const char *text)
{
    if (strpbrk(text, ",\"\r\n") == NULL) {
        g_string_append(out, text);
        return;
    }
    g_string_append_c(out, '"');
    for (; *text != '\0'; text++) {
        if (*text == '"')
            g_string_append_c(out, '"');
        g_string_append_c(out, *text);
    }
    g_string_append_c(out, '"');
}

static void
put_csv_text(GString *out, const char *text, gboolean terminal)
{
    g_autofree char *safe = terminal ? terminal_safe(text) : NULL;
    put_csv(out, terminal ? safe : text);
}

static void
put_csv_value(GString *out, JsonNode *value, gboolean terminal)
{
    if (value == NULL || JSON_NODE_HOLDS_NULL(value))
        return;
    const gboolean string =
        JSON_NODE_HOLDS_VALUE(value) && json_node_get_value_type(value) == G_TYPE_STRING;
    g_autofree char *text = string ? g_strdup(json_node_get_string(value)) : json_to_text(value);
    put_csv_text(out, text, terminal);
}

void
table_put_csv_names(GString *out, const char *const *columns, gboolean terminal)
{
    for (guint i = 0; columns[i] != NULL; i++) {
        g_string_append(out, i > 0 ? "," : "");
        put_csv_text(out, columns[i], terminal);
    }
    g_string_append_c(out, '\n');
}

void
table_put_csv_row(GString *out, JsonNode *row, const char *const *columns, gboolean terminal)
{
    for (guint i = 0; columns[i] != NULL; i++) {
        g_string_append(out, i > 0 ? "," : "");
        put_csv_value(out, json_lookup(row, columns[i]), terminal);
    }
    g_string_append_c(out, '\n');
}

static void
print_csv(GPtrArray *rows, const char *const *columns)
{
    const gboolean terminal = isatty(STDOUT_FILENO) != 0;
    g_autoptr(GString) out = g_string_new(NULL);
    table_put_csv_names(out, columns, terminal);
    for (guint i = 0; i < rows->len; i++)
        table_put_csv_row(out, rows->pdata[i], columns, terminal);
    fwrite(out->str, 1, out->len, stdout);
}

/* columns NULL: whole rows. */
static void
print_json(GPtrArray *rows, const char *const *columns)
{
    g_autoptr(GString) out = g_string_new("[");
    for (guint row = 0; row < rows->len; row++) {
        g_string_append(out, row > 0 ? ",\n " : "\n ");
        if (columns == NULL) {
            json_put_node(out, rows->pdata[row]);
            continue;
        }
        for (guint i = 0; columns[i] != NULL; i++) {
            JsonNode *value = json_lookup(rows->pdata[row], columns[i]);
            g_string_append_c(out, i > 0 ? ',' : '{');
            json_put_string(out, columns[i]);
            g_string_append_c(out, ':');
            if (value != NULL)
                json_put_node(out, value);
            else
                g_string_append(out, "null");
        }
        g_string_append_c(out, '}');
    }
    g_string_append(out, rows->len > 0 ? "\n]\n" : "]\n");
    fwrite(out->str, 1, out->len, stdout);
}

/* ---- All of it ---- */

static gboolean
chosen_format(const PbxTableOptions *options, PbxFormat *format)
{
    static const char *const names[] = {"table", "csv", "json", NULL};
    *format = options->json ? FORMAT_JSON : FORMAT_TABLE;
    if (options->format == NULL)
        return TRUE;
    for (guint i = 0; names[i] != NULL; i++) {
        if (g_str_equal(options->format, names[i])) {
            *format = (PbxFormat)i;
            return TRUE;
        }
    }
    command_error("--format: there is no format '%s'; there are table, csv, json", options->format);
    return FALSE;
}

gboolean
table_wants(const PbxTableOptions *options, const char *column)
{
    const char *const texts[] = {options->sort, options->filter, options->columns};
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        if (texts[i] != NULL && strstr(texts[i], column) != NULL)
            return TRUE;
    }
    return options->columns == NULL && (options->json || g_strcmp0(options->format, "json") == 0);
}

static int
table_width(void)
{
    if (isatty(STDOUT_FILENO) || g_getenv("COLUMNS") != NULL)
        return terminal_width();
    return G_MAXINT; /* a file or a pipe has room for all */
}

static void
print_rows(GPtrArray *rows, const char *const *columns, gboolean chosen, PbxFormat format,
           const char *empty)
{
    if (format == FORMAT_JSON)
        print_json(rows, chosen ? columns : NULL);
    else if (format == FORMAT_CSV)
        print_csv(rows, columns);
    else if (rows->len == 0)
        printf("%s\n", empty);
    else
        table_print_text(rows, columns, table_width(), terminal_colour(STDOUT_FILENO));
}

int
table_print(GPtrArray *rows, const char *const *columns, const PbxTableOptions *options,
            const char *empty)
{
    PbxFormat format = FORMAT_TABLE;
    if (!chosen_format(options, &format))
        return EXIT_USAGE;
    if (options->limit < 0) {
        command_error("--limit: needs a number >= 0, got %d", options->limit);
        return EXIT_USAGE;
    }
    g_auto(GStrv) chosen = options->columns != NULL ? chosen_columns(rows, options->columns) : NULL;
    if (options->columns != NULL && chosen == NULL)
        return EXIT_USAGE;
    const gboolean descending = options->sort != NULL && options->sort[0] == '-';
    const char *sort = descending ? options->sort + 1 : options->sort;
    if (sort != NULL && !has_column(rows, sort)) {
        tell_no_column(rows, "--sort", sort);
        return EXIT_USAGE;
    }
    g_autoptr(GPtrArray) kept = g_ptr_array_new();
    if (options->filter == NULL)
        g_ptr_array_extend(kept, rows, NULL, NULL);
    else if (!filter_rows(rows, options->filter, kept))
        return EXIT_USAGE;
    if (sort != NULL)
        sort_rows(kept, sort, descending ? -1 : 1);
    if (options->limit > 0 && kept->len > (guint)options->limit)
        g_ptr_array_set_size(kept, options->limit);
    print_rows(kept, chosen != NULL ? (const char *const *)chosen : columns, chosen != NULL, format,
               rows->len == 0 ? empty : "nothing matches --filter");
    return EXIT_DONE;
}
