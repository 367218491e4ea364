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

struct PbxTable {
    PbxTableOptions options; /* borrowed texts */
    PbxFormat format;
    GPtrArray *rows;    /* those that are kept: of a sort with a limit twice as many at most */
    GPtrArray *missing; /* char*: columns that are named, and in no row so far */
    char **columns;     /* of --columns, NULL: the default ones */
    const char *sort;   /* NULL: by none */
    gboolean sorting;   /* ... which they do not come in already */
    int sign;
    GArray *keys; /* SortKey, of each kept row */
    PbxSandbox *sandbox;
    PbxExpression *filter;
    JsonNode *first; /* of all rows, for the names that it has */
    guint n_rows, n_failed;
    GError *failure; /* the filter's first */
};

/* ---- Columns ---- */

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
tell_no_column(JsonNode *row, const char *option, const char *path)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    add_names(names, row, "");
    g_ptr_array_add(names, NULL);
    const char *meant = path_that_ends_in(names, path);
    if (meant == NULL)
        meant = json_did_you_mean(path, (const char *const *)names->pdata);
    if (meant != NULL)
        command_error("%s: there is no column '%s'; did you mean '%s'?", option, path, meant);
    else
        command_error("%s: there is no column '%s'; --json shows all there are", option, path);
}

/* The columns of --columns; FALSE: told. */
static gboolean
choose_columns(PbxTable *table)
{
    if (table->options.columns == NULL)
        return TRUE;
    g_auto(GStrv) words = g_strsplit(table->options.columns, ",", -1);
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();
    guint n = 0;
    for (guint i = 0; words[i] != NULL; i++) {
        if (g_strstrip(words[i])[0] == '\0')
            continue;
        g_strv_builder_add(names, words[i]);
        g_ptr_array_add(table->missing, g_strdup(words[i]));
        n++;
    }
    if (n == 0) {
        command_error("--columns needs names, separated by commas");
        return FALSE;
    }
    table->columns = g_strv_builder_end(names);
    return TRUE;
}

/* A column is there where any row has it, kept or not. */
static void
look_for_columns(PbxTable *table, JsonNode *row)
{
    for (guint i = table->missing->len; i-- > 0;) {
        if (json_lookup(row, table->missing->pdata[i]) != NULL)
            g_ptr_array_remove_index(table->missing, i);
    }
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

static gboolean
compile_filter(PbxTable *table)
{
    if (table->options.filter == NULL)
        return TRUE;
    g_autoptr(GError) error = NULL;
    table->sandbox = sandbox_new();
    table->filter = expression_compile(table->sandbox, table->options.filter, &error);
    if (table->filter == NULL)
        command_error("--filter: %s", error->message);
    return table->filter != NULL;
}

/*
 * A row on which the expression fails does not match: it compares what is not there yet, as
 * the metric of a trial without a result. Where it fails on every row it is wrong itself.
 */
static gboolean
passes(PbxTable *table, JsonNode *row)
{
    gboolean match = FALSE;
    GError *error = NULL;
    if (table->filter == NULL || matches(table->filter, row, &match, &error))
        return table->filter == NULL || match;
    table->n_failed++;
    if (table->failure == NULL)
        table->failure = error;
    else
        g_error_free(error);
    return FALSE;
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
sort_key_clear(gpointer key)
{
    g_free(((SortKey *)key)->text);
}

/* Brings the kept rows into their order, and lets go of what is past the limit. */
static void
sort_rows(PbxTable *table)
{
    GArray *keys = table->keys;
    g_array_sort_with_data(keys, compare_keys, &table->sign);
    for (guint i = 0; i < keys->len; i++)
        table->rows->pdata[i] = g_array_index(keys, SortKey, i).row;
    const guint limit = (guint)table->options.limit;
    if (limit > 0 && keys->len > limit) {
        g_ptr_array_set_size(table->rows, (gint)limit);
        g_array_set_size(keys, limit);
    }
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
table_names(const PbxTableOptions *options, const char *column)
{
    const char *const texts[] = {options->sort, options->filter, options->columns};
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        if (texts[i] != NULL && strstr(texts[i], column) != NULL)
            return TRUE;
    }
    return FALSE;
}

gboolean
table_wants(const PbxTableOptions *options, const char *column)
{
    return table_names(options, column) ||
           (options->columns == NULL && (options->json || g_strcmp0(options->format, "json") == 0));
}

static int
table_width(void)
{
    if (isatty(STDOUT_FILENO) || g_getenv("COLUMNS") != NULL)
        return terminal_width();
    return G_MAXINT; /* a file or a pipe has room for all */
}

PbxTable *
table_new(const PbxTableOptions *options)
{
    g_autoptr(PbxTable) table = g_new0(PbxTable, 1);
    table->options = *options;
    table->rows = g_ptr_array_new_with_free_func((GDestroyNotify)json_node_unref);
    table->missing = g_ptr_array_new_with_free_func(g_free);
    table->keys = g_array_new(FALSE, FALSE, sizeof(SortKey));
    g_array_set_clear_func(table->keys, sort_key_clear);
    if (!chosen_format(options, &table->format))
        return NULL;
    if (options->limit < 0) {
        command_error("--limit: needs a number >= 0, got %d", options->limit);
        return NULL;
    }
    const gboolean descending = options->sort != NULL && options->sort[0] == '-';
    table->sort = descending ? options->sort + 1 : options->sort;
    table->sorting = table->sort != NULL;
    table->sign = descending ? -1 : 1;
    if (!choose_columns(table) || !compile_filter(table))
        return NULL;
    if (table->sort != NULL)
        g_ptr_array_add(table->missing, g_strdup(table->sort));
    return g_steal_pointer(&table);
}

void
table_free(PbxTable *table)
{
    if (table == NULL)
        return;
    g_ptr_array_unref(table->rows);
    g_ptr_array_unref(table->missing);
    g_array_unref(table->keys);
    g_strfreev(table->columns);
    expression_free(table->filter);
    sandbox_free(table->sandbox);
    g_clear_pointer(&table->first, json_node_unref);
    g_clear_error(&table->failure);
    g_free(table);
}

void
table_comes_sorted(PbxTable *table)
{
    table->sorting = FALSE;
}

gboolean
table_add(PbxTable *table, JsonNode *row)
{
    const guint limit = (guint)table->options.limit;
    if (table->n_rows++ == 0)
        table->first = json_node_ref(row);
    look_for_columns(table, row);
    const gboolean full = limit > 0 && !table->sorting && table->rows->len == limit;
    if (full || !passes(table, row)) {
        json_node_unref(row);
    } else {
        g_ptr_array_add(table->rows, row);
        if (table->sorting) {
            SortKey key;
            sort_key_init(&key, row, table->n_rows, table->sort);
            g_array_append_val(table->keys, key);
        }
        if (limit > 0 && table->keys->len > 2 * (gsize)limit + 64)
            sort_rows(table);
    }
    return limit == 0 || table->sorting || table->rows->len < limit || table->missing->len > 0;
}

static gboolean
check_columns(PbxTable *table)
{
    if (table->n_rows == 0 || table->missing->len == 0)
        return TRUE;
    /* The first one that is named, as people read. */
    for (char **column = table->columns; column != NULL && *column != NULL; column++) {
        if (g_ptr_array_find_with_equal_func(table->missing, *column, g_str_equal, NULL)) {
            tell_no_column(table->first, "--columns", *column);
            return FALSE;
        }
    }
    tell_no_column(table->first, "--sort", table->sort);
    return FALSE;
}

int
table_finish(PbxTable *table, const char *const *columns, const char *empty)
{
    if (!check_columns(table))
        return EXIT_USAGE;
    if (table->n_failed > 0 && table->n_failed == table->n_rows) {
        command_error("--filter: %s", table->failure->message);
        return EXIT_USAGE;
    }
    if (table->sorting)
        sort_rows(table);
    const char *const *chosen = (const char *const *)table->columns;
    const char *const *shown = chosen != NULL ? chosen : columns;
    if (table->format == FORMAT_JSON)
        table_print_json(table->rows, chosen);
    else if (table->format == FORMAT_CSV)
        table_print_csv(table->rows, shown);
    else if (table->rows->len == 0)
        printf("%s\n", table->n_rows == 0 ? empty : "nothing matches --filter");
    else
        table_print_text(table->rows, shown, table_width(), terminal_colour(STDOUT_FILENO));
    return EXIT_DONE;
}

int
table_print(GPtrArray *rows, const char *const *columns, const PbxTableOptions *options,
            const char *empty)
{
    g_autoptr(PbxTable) table = table_new(options);
    if (table == NULL)
        return EXIT_USAGE;
    for (guint i = 0; i < rows->len; i++) {
        if (!table_add(table, json_node_ref(rows->pdata[i])))
            break;
    }
    return table_finish(table, columns, empty);
}
