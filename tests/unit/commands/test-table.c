/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables: what fits, what is exact, what is chosen. */
#include <locale.h>

#include "commands-fixture.h"
#include "terminal/terminal.h"

static const char *const columns[] = {"name", "value", "config.lr", "note", NULL};

static GPtrArray *
rows_of(const char *text)
{
    GPtrArray *rows = g_ptr_array_new_with_free_func((GDestroyNotify)json_node_unref);
    g_autoptr(JsonNode) node = json_read(text, strlen(text), DOC_MAX_NESTING, NULL);
    g_assert_nonnull(node);
    JsonArray *array = json_node_get_array(node);
    for (guint i = 0; i < json_array_get_length(array); i++)
        g_ptr_array_add(rows, json_array_dup_element(array, i));
    return rows;
}

static Done
print(const char *text, const PbxTableOptions *options)
{
    g_autoptr(GPtrArray) rows = rows_of(text);
    int saved_out, saved_err;
    fflush(stdout);
    const int out = catch_stream(STDOUT_FILENO, &saved_out);
    const int err = catch_stream(STDERR_FILENO, &saved_err);
    Done done = {.status = table_print(rows, columns, options, "nothing here")};
    fflush(stdout);
    done.out = caught(STDOUT_FILENO, out, saved_out);
    done.err = caught(STDERR_FILENO, err, saved_err);
    return done;
}

static void
assert_prints(const char *text, const PbxTableOptions *options, const char *expected)
{
    g_auto(Done) done = print(text, options);
    g_assert_cmpstr(done.err, ==, "");
    g_assert_cmpint(done.status, ==, EXIT_DONE);
    g_assert_cmpstr(done.out, ==, expected);
}

#define ROWS                                                                                       \
    "[{\"name\":\"b\",\"value\":0.123456789,\"config\":{\"lr\":1e-05},\"note\":null},"             \
    "{\"name\":\"a\",\"value\":12,\"config\":{\"lr\":0.5},\"note\":\"say \\\"x\\\", y\"},"         \
    "{\"name\":\"c\",\"value\":\"NaN\",\"config\":{\"lr\":null},\"note\":[1,{\"k\":2.50}]},"       \
    "{\"name\":\"d\"}]"

static void
test_table(void)
{
    g_unsetenv("COLUMNS");
    const PbxTableOptions options = {0};
    assert_prints(ROWS, &options,
                  "name     value  config.lr  note\n"
                  "b     0.123457      1e-05  -\n"
                  "a           12        0.5  say \"x\", y\n"
                  "c          NaN          -  [1,{\"k\":2.5}]\n"
                  "d            -          -  -\n");
    assert_prints("[]", &options, "nothing here\n");
}

static void
test_csv(void)
{
    const PbxTableOptions options = {.format = "csv"};
    assert_prints(ROWS, &options,
                  "name,value,config.lr,note\n"
                  "b,0.123456789,1e-05,\n"
                  "a,12,0.5,\"say \"\"x\"\", y\"\n"
                  "c,NaN,,\"[1,{\"\"k\"\":2.5}]\"\n"
                  "d,,,\n");
    assert_prints("[]", &options, "name,value,config.lr,note\n");
}

static void
test_json(void)
{
    const PbxTableOptions all = {.json = TRUE};
    assert_prints("[{\"a\":1,\"b\":{\"c\":0.1}},{\"a\":\"\\u001b\"}]", &all,
                  "[\n {\"a\":1,\"b\":{\"c\":0.1}},\n {\"a\":\"\\u001b\"}\n]\n");
    assert_prints("[]", &all, "[]\n");
    const PbxTableOptions some = {.format = "json", .columns = "b.c, a"};
    assert_prints("[{\"a\":1,\"b\":{\"c\":0.1}},{\"a\":2}]", &some,
                  "[\n {\"b.c\":0.1,\"a\":1},\n {\"b.c\":null,\"a\":2}\n]\n");
}

static void
test_sort(void)
{
    const char *rows =
        "[{\"k\":1,\"v\":2},{\"k\":2,\"v\":null},{\"k\":3,\"v\":10.5},"
        "{\"k\":4,\"v\":\"text\"},{\"k\":5},{\"k\":6,\"v\":2},{\"k\":7,\"v\":\"NaN\"},"
        "{\"k\":8,\"v\":\"Infinity\"}]";
    /* Numbers, texts, then what is none; equal ones stay in their order. */
    const PbxTableOptions up = {.format = "csv", .columns = "k", .sort = "v"};
    assert_prints(rows, &up, "k\n1\n6\n3\n4\n2\n5\n7\n8\n");
    const PbxTableOptions down = {.format = "csv", .columns = "k", .sort = "-v"};
    assert_prints(rows, &down, "k\n3\n1\n6\n4\n2\n5\n7\n8\n");
    const PbxTableOptions two = {.format = "csv", .columns = "k", .sort = "-v", .limit = 2};
    assert_prints(rows, &two, "k\n3\n1\n");
}

static void
test_filter(void)
{
    const char *rows = "[{\"k\":1,\"v\":2,\"config\":{\"lr\":0.1}},{\"k\":2,\"v\":null},"
                       "{\"k\":3,\"v\":5,\"config\":{\"lr\":0.2}},"
                       "{\"k\":4,\"v\":\"NaN\",\"eval/loss\":7}]";
    static const struct {
        const char *filter, *expected;
    } cases[] = {
        {"v > 3", "k\n3\n"},
        {"v < 9 and config.lr < 0.15", "k\n1\n"},
        {"k == 2 or k == 4", "k\n2\n4\n"},
        {"v == nil", "k\n2\n"},
        {"row['eval/loss'] == 7", "k\n4\n"},
        {"k > 100", "k\n"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        const PbxTableOptions options = {
            .format = "csv", .columns = "k", .filter = (char *)cases[i].filter};
        assert_prints(rows, &options, cases[i].expected);
    }
    const PbxTableOptions none = {.filter = "name == 'x'"};
    assert_prints(ROWS, &none, "nothing matches --filter\n");
}

static void
test_wrong(void)
{
    static const struct {
        PbxTableOptions options;
        const char *says;
    } cases[] = {
        {{.format = "xml"}, "--format: there is no format 'xml'; there are table, csv, json"},
        {{.sort = "-valu"}, "--sort: there is no column 'valu'; did you mean 'value'?"},
        {{.columns = "name,config.l"}, "there is no column 'config.l'; did you mean 'config.lr'?"},
        {{.sort = "lr"}, "there is no column 'lr'; did you mean 'config.lr'?"},
        {{.columns = "zzzzz"}, "there is no column 'zzzzz'; --json shows all there are"},
        {{.columns = ""}, "--columns needs names"},
        {{.columns = " , "}, "--columns needs names"},
        {{.filter = "value <"}, "--filter: "},
        {{.filter = "valeu < 1"}, "--filter: unknown name 'valeu'; did you mean 'value'?"},
        {{.filter = "lr < 1"}, "--filter: unknown name 'lr'; did you mean 'config.lr'?"},
        {{.filter = "value < 1 && name"}, "Lua writes and, or, not, ~= for &&, ||, !, !="},
        {{.limit = -1}, "--limit: needs a number >= 0, got -1"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(Done) done = print(ROWS, &cases[i].options);
        assert_refused(&done, EXIT_USAGE, cases[i].says);
    }
    const PbxTableOptions loose = {.format = "csv", .columns = " name ,,value,"};
    assert_prints("[{\"name\":\"a\",\"value\":1}]", &loose, "name,value\na,1\n");
    /* Where there are no rows nothing is known of their columns. */
    const PbxTableOptions options = {.sort = "x", .columns = "y", .filter = "z < 1"};
    assert_prints("[]", &options, "nothing here\n");
}

/* Lines of a table in so many columns. */
static char **
narrow(const char *rows, const char *width)
{
    const PbxTableOptions options = {0};
    g_setenv("COLUMNS", width, TRUE);
    g_auto(Done) done = print(rows, &options);
    g_unsetenv("COLUMNS");
    char **lines = g_strsplit(done.out, "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++)
        g_assert_cmpint(terminal_text_width(lines[i]), <=, (int)g_ascii_strtoll(width, NULL, 10));
    return lines;
}

static void
test_narrow(void)
{
    const char *rows = "[{\"name\":\"a name that is long enough\",\"value\":0.123456789,"
                       "\"config\":{\"lr\":0.00001},\"note\":\"a note that is long, and longer\"}]";
    g_auto(GStrv) lines = narrow(rows, "75");
    g_assert_cmpstr(lines[0], ==, "name                           value  config.lr  note");
    g_assert_cmpstr(lines[1], ==,
                    "a name that is long enough  0.123457      1e-05  a note that is long, and …");
    /* A text of which little would be left goes before the name is cut below half a line. */
    g_auto(GStrv) less = narrow(rows, "60");
    g_assert_cmpstr(less[1], ==, "a name that is long enough  0.123457      1e-05");
    g_assert_cmpstr(less[2], ==, "no room for: note");
    /* A number is never cut: columns go, and are named. */
    g_auto(GStrv) fewer = narrow(rows, "36");
    g_assert_cmpstr(fewer[0], ==, "name                           value");
    assert_says(fewer[1], "0.123457");
    g_assert_true(g_str_has_prefix(fewer[2], "no room for: config"));
    g_auto(GStrv) least = narrow(rows, "5");
    g_assert_cmpstr(least[0], ==, "name");
}

static void
test_wide_characters(void)
{
    const char *rows =
        "[{\"name\":\"\u6f22\u5b57\",\"value\":1},{\"name\":\"e\u0301\",\"value\":2}]";
    const PbxTableOptions options = {.columns = "name,value"};
    assert_prints(rows, &options, "name  value\n\u6f22\u5b57      1\ne\u0301         2\n");
}

static void
test_safe(void)
{
    const char *rows = "[{\"name\":\"\\u001b[31mred\\n\\u202e\",\"value\":{\"\\u001b\":1}}]";
    const PbxTableOptions options = {.columns = "name,value"};
    g_auto(Done) done = print(rows, &options);
    g_assert_null(strchr(done.out, '\033'));
    assert_says(done.out, "\\x1b[31mred\\n\\u202e");
}

static JsonNode *
numbered(int number, double value)
{
    JsonObject *object = json_object_new();
    json_object_set_int_member(object, "number", number);
    if (number == 700)
        json_object_set_int_member(object, "late", 1);
    json_object_set_double_member(object, "value", value);
    JsonNode *node = json_node_init_object(json_node_alloc(), object);
    json_object_unref(object);
    return node;
}

/* Adds 1,000 rows, or as many as it takes; how many that were. */
static int
fill(const PbxTableOptions *options, gboolean sorted, const char *expected)
{
    static const char *const names[] = {"number", "value", NULL};
    g_autoptr(PbxTable) table = table_new(options);
    if (sorted)
        table_comes_sorted(table);
    int n = 0;
    while (n < 1000) {
        n++;
        /* 7 has no common factor with 1000: each value once. */
        if (!table_add(table, numbered(n, n * 7 % 1000)))
            break;
    }
    int saved;
    fflush(stdout);
    const int out = catch_stream(STDOUT_FILENO, &saved);
    g_assert_cmpint(table_finish(table, names, "none"), ==, EXIT_DONE);
    fflush(stdout);
    g_autofree char *text = caught(STDOUT_FILENO, out, saved);
    g_assert_cmpstr(text, ==, expected);
    return n;
}

static void
test_no_more_than_needed(void)
{
    PbxTableOptions options = {.format = "csv", .limit = 2};
    g_assert_cmpint(fill(&options, FALSE, "number,value\n1,7.0\n2,14.0\n"), ==, 2);
    options.filter = "value == 700 or value == 707";
    g_assert_cmpint(fill(&options, FALSE, "number,value\n100,700.0\n101,707.0\n"), ==, 101);
    options.filter = NULL;
    /* A named column is looked for in all rows. */
    options.columns = "number,late";
    g_assert_cmpint(fill(&options, FALSE, "number,late\n1,\n2,\n"), ==, 700);
    options.columns = NULL;
    options.sort = "value";
    g_assert_cmpint(fill(&options, FALSE, "number,value\n1000,0.0\n143,1.0\n"), ==, 1000);
    options.sort = "-value";
    g_assert_cmpint(fill(&options, FALSE, "number,value\n857,999.0\n714,998.0\n"), ==, 1000);
    g_assert_cmpint(fill(&options, TRUE, "number,value\n1,7.0\n2,14.0\n"), ==, 2);
}

int
main(int argc, char **argv)
{
    setlocale(LC_ALL, "C.UTF-8");
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/commands/table/numbers-are-rounded-and-right-aligned", test_table);
    g_test_add_func("/commands/table/csv-is-exact-and-quoted", test_csv);
    g_test_add_func("/commands/table/json-is-one-document", test_json);
    g_test_add_func("/commands/table/sorts-numbers-first-and-none-last", test_sort);
    g_test_add_func("/commands/table/filters-by-an-expression", test_filter);
    g_test_add_func("/commands/table/tells-what-is-wrong", test_wrong);
    g_test_add_func("/commands/table/fits-the-terminal", test_narrow);
    g_test_add_func("/commands/table/counts-wide-characters", test_wide_characters);
    g_test_add_func("/commands/table/cannot-steer-the-terminal", test_safe);
    g_test_add_func("/commands/table/no-more-rows-than-needed", test_no_more_than_needed);
    return g_test_run();
}
