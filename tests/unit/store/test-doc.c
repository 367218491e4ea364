/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* doc/store.md tells the truth: every table and column is there, every example runs. */
#include <sqlite3.h>
#include <string.h>

#include "store-fixture.h"
#include "store/store-private.h"

static char *
read_doc(void)
{
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "doc", "store.md", NULL);
    char *text = NULL;
    g_autoptr(GError) error = NULL;
    g_file_get_contents(path, &text, NULL, &error);
    g_assert_no_error(error);
    return text;
}

static void
run(sqlite3 *db, const char *sql, GString *out)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        g_error("%s: %s", sql, sqlite3_errmsg(db));
    while (sqlite3_step(statement) == SQLITE_ROW)
        g_string_append_printf(out, "%s %s\n", (const char *)sqlite3_column_text(statement, 0),
                               sqlite3_column_count(statement) > 1
                                   ? (const char *)sqlite3_column_text(statement, 1)
                                   : "");
    sqlite3_finalize(statement);
}

/* "TABLE COLUMN" lines of the document: "### `trial`" and "| `number` | integer |". */
static char *
documented(const char *doc)
{
    GString *out = g_string_new(NULL);
    g_autofree char *table = NULL;
    g_auto(GStrv) lines = g_strsplit(doc, "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++) {
        g_auto(GStrv) parts = g_strsplit(lines[i], "`", 3);
        if (g_strv_length(parts) != 3)
            continue;
        if (g_str_equal(parts[0], "### ")) {
            g_free(table);
            table = g_strdup(parts[1]);
        } else if (g_str_equal(parts[0], "| ") && g_str_has_prefix(parts[2], " | ")) {
            g_auto(GStrv) cells = g_strsplit(lines[i], " | ", 3);
            g_autofree char *type = g_ascii_strup(cells[1], -1);
            g_string_append_printf(out, "%s.%s %s\n", table, parts[1], type);
        }
    }
    return g_string_free(out, FALSE);
}

static void
test_columns(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    g_autofree char *doc = read_doc();
    g_autofree char *expected = documented(doc);
    g_autoptr(GString) actual = g_string_new(NULL);
    run(fixture->store->db,
        "SELECT m.name || '.' || c.name, c.type FROM sqlite_schema AS m, pragma_table_info(m.name) "
        "AS c WHERE m.type = 'table' ORDER BY m.rowid, c.cid",
        actual);
    g_assert_cmpstr(actual->str, ==, expected);
}

static void
assert_listed(const char *doc, const char *const *words)
{
    for (; *words != NULL; words++) {
        g_autofree char *quoted = g_strdup_printf("`%s`", *words);
        if (strstr(doc, quoted) == NULL)
            g_error("doc/store.md lacks %s", quoted);
    }
}

static void
test_words(void)
{
    g_autofree char *doc = read_doc();
    assert_listed(doc, store_states);
    assert_listed(doc, store_ends);
    assert_listed(doc, store_actions);
    assert_listed(doc, store_events);
}

/* Something that each example finds. */
static void
fill(PbxStore *store)
{
    g_assert_true(store_begin(store, NULL));
    g_assert_true(store_put_fact(store, "spec", "{\"search\":{\"plugin\":\"random\"}}", NULL));
    for (guint64 i = 0; i < 3; i++) {
        const PbxTrialRow trial = make_trial(i);
        const PbxAttemptRow attempt = make_attempt(i, 1);
        PbxResultRow result = make_result(i + 1, i, 1);
        result.rung = 0;
        const PbxEventRow event = {.seq = i + 1, .type = 6, .at_ns = 1, .trial = i};
        g_assert_true(store_put_trial(store, &trial, NULL));
        g_assert_true(store_put_attempt(store, &attempt, NULL));
        g_assert_true(store_put_result(store, &result, NULL));
        g_assert_true(store_put_event(store, &event, NULL));
    }
    g_assert_true(store_commit(store, NULL));
}

static void
test_examples(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    fill(fixture->store);
    g_autofree char *doc = read_doc();
    g_auto(GStrv) parts = g_strsplit(doc, "```", -1);
    guint examples = 0;
    for (guint i = 1; parts[i] != NULL; i += 2) {
        if (!g_str_has_prefix(parts[i], "sql\n"))
            continue;
        g_autoptr(GString) out = g_string_new(NULL);
        run(fixture->store->db, parts[i] + strlen("sql\n"), out);
        if (out->len == 0)
            g_error("no row: %s", parts[i]);
        examples++;
    }
    g_assert_cmpuint(examples, >=, 9);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/store/doc/has-every-table-and-column", Fixture, NULL, fixture_set_up, test_columns,
               fixture_tear_down);
    g_test_add_func("/store/doc/has-every-word", test_words);
    g_test_add("/store/doc/examples-run", Fixture, NULL, fixture_set_up, test_examples,
               fixture_tear_down);
    return g_test_run();
}
