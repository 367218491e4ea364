/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "host.h"

static void
test_any_space(void)
{
    test_even_search("{}");
    test_even_search("{\"block\": 64}");
}

/* ---- Blocks ---- */

static void
test_one_in_each_part(void)
{
    static const guint sizes[] = {1, 2, 3, 7, 50, 100, 1000};
    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autoptr(PbxTestHost) host = test_uniform_host("{}", 20, sizes[i]);
        test_even_parts(host, 0, sizes[i]);
        test_even_parts(host, 2 * sizes[i], sizes[i]); /* more of the same size follow */
    }
}

static void
test_option_block(void)
{
    g_autoptr(PbxTestHost) host = test_uniform_host("{\"block\": 8}", 3, 1000);
    for (guint i = 0; i < 5; i++) {
        test_even_parts(host, 8 * i, 8);
        g_bytes_unref(test_host_reload(host));
    }
    g_autoptr(PbxTestHost) endless = test_uniform_host("{\"block\": 8}", 3, -1);
    test_even_parts(endless, 800, 8);
}

static void
ask_until(PbxTestHost *host, guint64 first, guint64 end)
{
    double x[3];
    for (; first < end; first++)
        g_assert_cmpint(test_suggest(host, first, x), ==, PBX_OK);
}

static void
set_up(PbxTestHost *host, gint64 num_samples)
{
    const pbx_search *search = host->vtable;
    host->problem.num_samples = num_samples;
    g_assert_cmpint(search->setup(host->self, &host->problem, &host->error), ==, PBX_OK);
}

/* The blocks of a host that is asked so many times, then extended, are of these sizes. */
static void
check_extended(guint64 asked, gint64 to, const guint sizes[3])
{
    for (guint reload = 0; reload < 3; reload++) {
        g_autoptr(PbxTestHost) host = test_uniform_host("{}", 3, 10);
        guint64 first = 0;
        ask_until(host, 0, asked);
        if (reload > 0)
            g_bytes_unref(test_host_reload(host));
        if (reload < 2) {
            set_up(host, to);
        } else {
            /* As on resume: an instance for more samples is given the state of one for fewer. */
            g_autoptr(PbxTestHost) more = test_uniform_host("{}", 3, to);
            g_assert_cmpint(test_host_load(more, host), ==, PBX_OK);
            g_bytes_unref(test_host_reload(more));
            set_up(host, to);
            for (guint64 ask = 0; ask < 60; ask++) {
                double x[3], y[3];
                g_assert_cmpint(test_suggest(host, ask, x), ==, PBX_OK);
                g_assert_cmpint(test_suggest(more, ask, y), ==, PBX_OK);
                g_assert_cmpint(memcmp(x, y, sizeof x), ==, 0);
            }
        }
        for (guint i = 0; i < 3; first += sizes[i++])
            test_even_parts(host, first, sizes[i]);
    }
}

static void
test_more_samples_are_a_block(void)
{
    check_extended(7, 25, (const guint[]){10, 15, 15});
    check_extended(10, 25, (const guint[]){10, 15, 15});
    check_extended(10, 20, (const guint[]){10, 10, 10});
    check_extended(0, 13, (const guint[]){10, 3, 3});
    check_extended(10, 5, (const guint[]){10, 10, 10});
    /* Of these, some were duplicates, so that a second block was begun. */
    check_extended(11, 50, (const guint[]){10, 10, 30});
}

static void
test_extended_twice(void)
{
    g_autoptr(PbxTestHost) host = test_uniform_host("{}", 3, 10);
    ask_until(host, 0, 10);
    set_up(host, 14);
    ask_until(host, 10, 13);
    set_up(host, 30);
    g_bytes_unref(test_host_reload(host));
    test_even_parts(host, 0, 10);
    test_even_parts(host, 10, 4);
    test_even_parts(host, 14, 16);
    test_even_parts(host, 30, 16);
}

/* What is asked past num_samples (after duplicates) changes nothing of what follows. */
static void
test_same_after_load_midway(void)
{
    g_autoptr(PbxTestHost) whole = test_uniform_host("{}", 3, 10);
    g_autoptr(PbxTestHost) host = test_uniform_host("{}", 3, 10);
    for (guint64 ask = 0; ask < 45; ask++) {
        double x[3], y[3];
        g_assert_cmpint(test_suggest(whole, ask, x), ==, PBX_OK);
        g_assert_cmpint(test_suggest(host, ask, y), ==, PBX_OK);
        g_assert_cmpint(memcmp(x, y, sizeof x), ==, 0);
        g_bytes_unref(test_host_reload(host));
    }
}

/* ---- What is refused ---- */

static void
test_needs_a_number(void)
{
    g_autoptr(PbxTestHost) host = test_host_new("{}");
    g_assert_cmpint(test_host_setup(host, "{}", NULL, -1), ==, PBX_EINVAL);
    g_assert_cmpstr(host->error.message, ==,
                    "needs 'num_samples', or the option 'block', to divide the ranges by");
    g_autofree char *why = test_host_refusal("{\"block\": 0}");
    g_assert_nonnull(why);
}

static pbx_status
load(PbxTestHost *host, const guint64 *words, gsize n)
{
    const pbx_search *search = host->vtable;
    g_autofree guint64 *bytes = g_new(guint64, n);
    for (gsize i = 0; i < n; i++)
        bytes[i] = GUINT64_TO_LE(words[i]);
    return search->object.load(host->self, search->object.state_version, bytes, n * sizeof *bytes,
                               &host->error);
}

static void
test_damaged_state(void)
{
    static const guint64 bad[][6] = {
        {5, 0},                   /* no run */
        {5, 1, 1, 10},            /* does not begin at 0 */
        {5, 1, 0, 0},             /* empty blocks */
        {5, 2, 0, 10, 0, 10},     /* not in order */
        {5, 1000, 0, 10, 20, 10}, /* shorter than it says */
    };
    static const gsize lengths[] = {2, 4, 4, 6, 6};
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(PbxTestHost) host = test_uniform_host("{}", 1, 10);
        g_assert_cmpint(load(host, bad[i], lengths[i]), ==, PBX_EINVAL);
    }
    g_autoptr(PbxTestHost) host = test_uniform_host("{}", 1, 10);
    g_assert_cmpint(load(host, (const guint64[]){5, 2, 0, 10, 10, 5}, 6), ==, PBX_OK);
}

int
main(int argc, char **argv)
{
    test_host_init(&argc, &argv);
    g_test_add_func("/lhs/any-space", test_any_space);
    g_test_add_func("/lhs/one-in-each-part", test_one_in_each_part);
    g_test_add_func("/lhs/option-block", test_option_block);
    g_test_add_func("/lhs/more-samples-are-a-block", test_more_samples_are_a_block);
    g_test_add_func("/lhs/extended-twice", test_extended_twice);
    g_test_add_func("/lhs/same-after-load-midway", test_same_after_load_midway);
    g_test_add_func("/lhs/needs-a-number", test_needs_a_number);
    g_test_add_func("/lhs/damaged-state", test_damaged_state);
    return g_test_run();
}
