/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A decider in a child process: as in this one, and what becomes of it when the child is lost. */
#include <signal.h>
#include <string.h>

#include "fixture.h"

/* Asks and tells from a number on; the points. */
static void
go(Fixture *f, guint64 from, guint n, double (*points)[N_DIMS])
{
    PbxCall call;
    for (guint64 i = from; i < from + n; i++) {
        g_autofree char *extra = g_strdup_printf("{\"calls\":%" G_GUINT64_FORMAT "}", 2 * i);
        g_assert_cmpint(fixture_ask(f, i, points[i], &call), ==, PBX_OK);
        g_assert_cmpstr(call.suggestion->extra, ==, extra);
        g_assert_cmpint(fixture_tell(f, i, PBX_END_COMPLETED, &call), ==, PBX_OK);
    }
}

/* What it gives in this process. */
static void
expect(double (*points)[N_DIMS], guint n)
{
    Fixture f;
    fixture_open(&f);
    fixture_make(&f, "{}", 0, FALSE);
    go(&f, 0, n, points);
    fixture_close(&f);
}

static void
check(double (*points)[N_DIMS], guint n)
{
    double expected[64][N_DIMS];
    g_assert_cmpuint(n, <=, 64);
    expect(expected, n);
    g_assert_cmpmem(points, n * sizeof *points, expected, n * sizeof *points);
}

static void
test_same(void)
{
    Fixture f;
    double points[8][N_DIMS];
    PbxCall call;
    fixture_open(&f);
    fixture_make(&f, "{}", 300, TRUE);
    g_assert_null(decider_instance(f.decider));
    g_assert_true(decider_is_in_child(f.decider));
    g_assert_cmpuint(decider_state_version(f.decider), ==, 1);
    g_assert_false(decider_has(f.decider, CALL_SEARCH_TOTAL));
    go(&f, 0, 8, points);
    check(points, 8);
    g_autofree char *text = decider_describe(f.decider);
    g_assert_true(g_str_has_prefix(text, "16 calls in process "));
    g_assert_cmpint(fixture_tell(&f, 8, PBX_END_FAILED, &call), ==, PBX_EIO);
    g_assert_cmpstr(call.error.where, ==, "tell");
    g_assert_cmpstr(call.error.message, ==, "trial 8 failed");
    g_assert_cmpstr(f.log->str, ==, "");
    fixture_end(&f);
}

/* A state goes from a child to another place and back. */
static void
test_state(void)
{
    Fixture f;
    double points[6][N_DIMS];
    fixture_open(&f);
    for (guint i = 0; i < 6; i += 2) {
        static GByteArray *blob;
        g_autoptr(GError) error = NULL;
        fixture_make(&f, "{}", 300, i != 2);
        if (i > 0) {
            gboolean refused;
            g_autoptr(GBytes) bytes = g_byte_array_free_to_bytes(blob);
            g_assert_true(decider_load(f.decider, 1, bytes, &refused, &error));
            g_assert_false(decider_is_dirty(f.decider));
        }
        go(&f, i, 2, points);
        g_assert_true(decider_is_dirty(f.decider));
        blob = g_byte_array_new();
        g_assert_true(decider_save(f.decider, blob, &error));
        g_assert_false(decider_is_dirty(f.decider));
        if (i == 4)
            g_byte_array_unref(blob);
        fixture_unmake(&f);
    }
    check(points, 6);
    fixture_end(&f);
}

/* Each way to be lost, at each of the first calls; a state is saved in between. */
static void
lose(const char *how, const char *message)
{
    for (guint at = 1; at <= 7; at++) {
        Fixture f;
        double points[8][N_DIMS];
        g_autoptr(GError) error = NULL;
        g_autoptr(GByteArray) blob = g_byte_array_new();
        g_autofree char *options =
            g_strdup_printf("{\"at\":%u,\"how\":\"%s\",\"once\":\"%%s\"}", at, how);
        fixture_open(&f);
        fixture_make(&f, options, 0.2, TRUE);
        go(&f, 0, 2, points);
        g_assert_true(decider_save(f.decider, blob, &error));
        go(&f, 2, 6, points);
        check(points, 8);
        g_assert_nonnull(strstr(f.log->str, message));
        g_assert_nonnull(strstr(f.log->str, at % 2 == 1 ? "search.suggest" : "search.tell"));
        fixture_end(&f);
    }
}

/* The same in a function that changes nothing; a state is loaded, saved and told of in between. */
static void
lose_in(const char *function, const char *how, const char *message)
{
    Fixture f;
    double points[8][N_DIMS];
    gboolean refused;
    g_autoptr(GError) error = NULL;
    g_autoptr(GByteArray) blob = g_byte_array_new();
    g_autofree char *options =
        g_strdup_printf("{\"at\":1,\"in\":\"%s\",\"how\":\"%s\",\"once\":\"%%s\"}", function, how);
    fixture_open(&f);
    fixture_make(&f, options, 0.2, TRUE);
    go(&f, 0, 4, points);
    g_assert_true(decider_save(f.decider, blob, &error));
    g_autofree char *text = decider_describe(f.decider);
    g_assert_true(g_str_has_prefix(text, "8 calls in process "));
    fixture_unmake(&f);
    fixture_make(&f, options, 0.2, TRUE);
    g_autoptr(GBytes) bytes = g_byte_array_free_to_bytes(g_steal_pointer(&blob));
    g_assert_true(decider_load(f.decider, 1, bytes, &refused, &error));
    go(&f, 4, 4, points);
    check(points, 8);
    g_assert_nonnull(strstr(f.log->str, message));
    g_assert_nonnull(strstr(f.log->str, function));
    fixture_end(&f);
}

/* Where it cannot even be made there is nothing to be started again. */
static void
test_not_made(void)
{
    Fixture f;
    fixture_open(&f);
    f.refused = TRUE;
    fixture_make(&f, "{\"at\":1,\"in\":\"create\",\"how\":\"abort\"}", 300, TRUE);
    g_assert_cmpstr(f.log->str, ==,
                    "search/flaky: its child process was killed by signal 6 (Aborted) in create");
    fixture_end(&f);
}

/* How it may be lost, and what is said of it. */
static const struct {
    const char *how, *message;
} ways[] = {
    {"crash", "was killed by signal 9 (Killed)"},
    {"abort", "was killed by signal 6 (Aborted)"},
    {"exit", "ended with status 7"},
    {"hang", "gave no answer for 0.2 s"},
    {"stop", "gave no answer for 0.2 s"},
    {"chatter", "gave no answer for 0.2 s"},
    {"noise", "spoke nonsense"},
    {"unknown", "spoke nonsense"},
    {"empty", "answered with nonsense"},
    {"cut", "gave no answer for 0.2 s"},
    {"told", "spoke nonsense"},
};

static void
test_ways(void)
{
    static const char *const functions[] = {"setup", "save", "load", "describe"};
    for (guint i = 0; i < G_N_ELEMENTS(ways); i++) {
        g_test_message("%s", ways[i].how);
        lose(ways[i].how, ways[i].message);
        for (guint k = 0; k < G_N_ELEMENTS(functions); k++)
            lose_in(functions[k], ways[i].how, ways[i].message);
    }
    lose_in("save", "close", "has closed its channel");
}

/* A second time in the same call, and it is over. */
static void
test_again(void)
{
    Fixture f;
    double points[2][N_DIMS], x[N_DIMS];
    PbxCall call;
    fixture_open(&f);
    fixture_make(&f, "{\"at\":5}", 300, TRUE);
    go(&f, 0, 2, points);
    g_assert_cmpint(fixture_ask(&f, 2, x, &call), ==, PBX_EFATAL);
    g_assert_cmpstr(call.error.message, ==,
                    "its child process was killed by signal 9 (Killed) in search.suggest, for the "
                    "second time");
    g_assert_cmpint(fixture_tell(&f, 0, PBX_END_COMPLETED, &call), ==, PBX_EFATAL);
    g_autoptr(GByteArray) blob = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    g_assert_false(decider_save(f.decider, blob, &error));
    g_assert_error(error, PBX_PLUGIN_ERROR, PLUGIN_ERROR_BROKEN);
    g_assert_null(decider_describe(f.decider));
    fixture_end(&f);
}

/* Killed from outside, while nothing is asked of it. */
static void
test_killed(void)
{
    Fixture f;
    double points[4][N_DIMS];
    fixture_open(&f);
    fixture_make(&f, "{}", 300, TRUE);
    go(&f, 0, 2, points);
    g_autofree char *text = decider_describe(f.decider);
    const int pid = (int)g_ascii_strtoll(strrchr(text, ' '), NULL, 10);
    g_assert_cmpint(pid, >, 1);
    g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
    go(&f, 2, 2, points);
    check(points, 4);
    fixture_end(&f);
}

/* What was read of an earlier experiment is not read again, as it may be another by then. */
static void
test_observed(void)
{
    Fixture f;
    double expected[8][N_DIMS], points[8][N_DIMS], cold[8][N_DIMS];
    PbxCall call;
    fixture_open(&f);
    fixture_make(&f, "{\"experiment\":\"earlier\"}", 300, TRUE);
    go(&f, 0, 8, expected);
    g_assert_cmpuint(f.observed, ==, N_EARLIER + 1);
    fixture_end(&f);
    expect(cold, 8);
    g_assert_true(memcmp(cold, expected, sizeof cold) != 0);
    for (guint at = 2; at <= 5; at++) {
        g_autofree char *options =
            g_strdup_printf("{\"at\":%u,\"once\":\"%%s\",\"experiment\":\"earlier\"}", at);
        fixture_open(&f);
        fixture_make(&f, options, 300, TRUE);
        go(&f, 0, 8, points);
        g_assert_cmpmem(points, sizeof points, expected, sizeof expected);
        g_assert_cmpuint(f.observed, ==, N_EARLIER + 1);
        g_assert_nonnull(strstr(f.log->str, "killed"));
        fixture_end(&f);
    }
    fixture_open(&f);
    fixture_make(&f, "{\"experiment\":\"later\"}", 300, TRUE);
    g_assert_cmpint(fixture_ask(&f, 0, points[0], &call), ==, PBX_EIO);
    g_assert_cmpstr(call.error.message, ==, "there is none");
    fixture_end(&f);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/decider/process/same", test_same);
    g_test_add_func("/decider/process/state", test_state);
    g_test_add_func("/decider/process/ways", test_ways);
    g_test_add_func("/decider/process/not-made", test_not_made);
    g_test_add_func("/decider/process/again", test_again);
    g_test_add_func("/decider/process/killed", test_killed);
    g_test_add_func("/decider/process/observed", test_observed);
    return g_test_run();
}
