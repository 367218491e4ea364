/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where there are few points, none is tried twice. */
#include <math.h>
#include <string.h>

#include "test-cfo.h"

/* How many different points there are in so many trials, of 64; a new process now and then. */
static guint
n_different(const char *options, guint64 n, gboolean fails)
{
    g_autoptr(PbxTestHost) host =
        test_search_host(options, "{\"a\": {\"$randint\": 8}, \"b\": {\"$randint\": 8}}");
    guint8 seen[64] = {0};
    guint different = 0;
    for (guint64 trial = 0; trial < n; trial += 2) {
        double x[2][2];
        for (guint i = 0; i < 2; i++) {
            test_ask(host, trial + i, x[i]);
            guint8 *point = &seen[(guint)x[i][0] * 8 + (guint)x[i][1]];
            different += *point == 0;
            *point = 1;
        }
        if (trial % 10 == 0)
            g_bytes_unref(test_host_reload(host));
        for (guint i = 0; i < 2; i++)
            test_end(host, trial + i, x[i], fails ? PBX_END_FAILED : PBX_END_COMPLETED,
                     fails ? NAN : test_bowl(host, x[i], 0.3));
    }
    return different;
}

static void
test_no_point_twice(void)
{
    g_assert_cmpuint(n_different("{}", 60, FALSE), ==, 60);
    g_assert_cmpuint(n_different("{}", 60, TRUE), ==, 60);
    g_assert_cmpuint(n_different("{\"cat_hp_cost\": {}}", 50, FALSE), ==, 50);
    /* Where none is left it goes on. */
    g_assert_cmpuint(n_different("{}", 90, FALSE), ==, 64);
}

/* With more of the resource a point is tried again, but not with as much. */
static void
test_no_point_twice_with_as_much(void)
{
    g_autoptr(PbxTestHost) host = test_search_host(
        "{" RESOURCE "}", "{\"a\": {\"$randint\": 3}, \"b\": {\"$randint\": 3}, \"c\": "
                          "{\"$randint\": 3}, \"d\": {\"$choice\": [\"p\", \"q\"]}}");
    g_autoptr(GHashTable) points = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GHashTable) pairs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint64 trial = 0; trial < 45; trial++) {
        double x[4];
        g_assert_cmpint(test_suggest(host, trial, x), ==, PBX_OK);
        char *point = g_strdup_printf("%g %g %g %g", x[0], x[1], x[2], x[3]);
        char *pair = g_strconcat(point, host->suggestion.extra, NULL);
        g_hash_table_add(points, point);
        g_assert_true(g_hash_table_add(pairs, pair));
        test_tell(host, trial, x, test_bowl(host, x, 0.3));
    }
    g_assert_cmpuint(g_hash_table_size(points), <, 45);
}

/* One that is void may be tried again. */
static void
test_void_point_again(void)
{
    g_autoptr(PbxTestHost) host = test_search_host("{}", "{\"a\": {\"$randint\": 3}}");
    double x[4];
    for (guint64 trial = 0; trial < 3; trial++) {
        test_ask(host, trial, &x[trial]);
        test_tell(host, trial, &x[trial], 1 + (double)trial);
    }
    g_assert_cmpfloat(x[0] + x[1] + x[2], ==, 3);
    test_end(host, 1, &x[1], PBX_END_VOID, NAN);
    test_ask(host, 3, &x[3]);
    g_assert_cmpfloat(x[3], ==, x[1]);
}

void
memory_add_tests(void)
{
    g_test_add_func("/cfo/memory/no-point-twice", test_no_point_twice);
    g_test_add_func("/cfo/memory/no-point-twice-with-as-much", test_no_point_twice_with_as_much);
    g_test_add_func("/cfo/memory/void-point-again", test_void_point_again);
}
