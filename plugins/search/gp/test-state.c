/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is kept: saved and loaded, told again, void, dropped. */
#include "test-gp.h"

static void
step(PbxTestHost *host, guint64 number, double *x)
{
    test_ask(host, number, x);
    if (number % 5 == 4)
        test_end_with(host, number, x, PBX_END_FAILED, NULL);
    else if (number % 7 != 6) /* which run on */
        test_tell(host, number, x, test_bowl(host, x, 0.3));
}

static void
test_state(void)
{
    static const char *const options[] = {"{" ON "}",
                                          "{" ON ", \"max_history\": 20, \"n_startup_trials\": 5}",
                                          "{" ON ", \"liar\": \"mean\", \"acq\": \"ucb\"}"};
    for (gsize i = 0; i < G_N_ELEMENTS(options); i++) {
        g_autoptr(PbxTestHost) one = test_search_host(options[i], TEST_OPERATORS);
        g_autoptr(PbxTestHost) other = test_search_host(options[i], TEST_OPERATORS);
        double x[TEST_MAX_DIMS] = {0}, y[TEST_MAX_DIMS] = {0};
        for (guint64 number = 0; number < 30; number++) {
            step(one, number, x);
            step(other, number, y);
            g_assert_cmpmem(x, sizeof x, y, sizeof y);
            g_bytes_unref(test_host_reload(one));
        }
    }
}

/* Who was told of the same trials goes on in the same way, to the last bit. */
static void
check_told_again(const char *options, const char *config, guint n)
{
    g_autoptr(PbxTestHost) one = test_search_host(options, config);
    double x[TEST_MAX_DIMS], y[TEST_MAX_DIMS];
    g_autofree double *all = g_new0(double, n *TEST_MAX_DIMS);
    g_autofree guint64 *origins = g_new0(guint64, n);
    for (guint64 number = 0; number < n; number++) {
        g_assert_cmpint(test_suggest(one, number, x), ==, PBX_OK);
        origins[number] = one->suggestion.origin;
        memcpy(all + number * TEST_MAX_DIMS, x, one->problem.space->n_dims * sizeof(double));
        if (number % 7 != 6)
            test_tell(one, number, x, test_bowl(one, x, 0.3));
        if (number % 10 != 9)
            continue;
        g_autoptr(PbxTestHost) other = test_search_host(options, config);
        for (guint64 again = 0; again <= number; again++) {
            double *told = all + again * TEST_MAX_DIMS;
            test_adopt(other, again, told, PBX_SUGGESTION_REPLAY, origins[again]);
            if (again % 7 != 6)
                test_tell(other, again, told, test_bowl(other, told, 0.3));
        }
        memset(x, 0, sizeof x);
        memset(y, 0, sizeof y);
        test_ask(one, number + 1, x);
        test_ask(other, number + 1, y);
        g_assert_cmpmem(x, sizeof x, y, sizeof y);
        /* As if it had not been asked. */
        test_end_with(one, number + 1, x, PBX_END_DUPLICATE, NULL);
    }
}

static void
test_told_again(void)
{
    check_told_again("{" ON "}", TEST_TWO_DIM, 60);
    check_told_again("{" ON ", \"max_history\": 20}", TEST_TWO_DIM, 60);
    check_told_again("{" ON "}", TEST_OPERATORS, 30);
    check_told_again("{\"patience\": 40, \"n_startup_trials\": 3}", TWELVE, 30);
}

static void
test_void(void)
{
    g_autoptr(PbxTestHost) one = test_search_host("{" ON "}", TEST_TWO_DIM);
    g_autoptr(PbxTestHost) other = test_search_host("{" ON "}", TEST_TWO_DIM);
    double x[2], y[2];
    for (guint64 number = 0; number < 20; number++) {
        test_ask(one, number, x);
        test_ask(other, number, y);
        test_tell(one, number, x, number == 6 ? -100 : test_bowl(one, x, 0.3));
        test_tell(other, number, x, number == 6 ? 100 : test_bowl(one, x, 0.3));
        if (number == 6) {
            test_end_with(one, 6, x, PBX_END_VOID, NULL);
            test_end_with(other, 6, x, PBX_END_VOID, NULL);
        }
        g_assert_cmpmem(x, sizeof x, y, sizeof y);
    }
    test_end_with(one, 1000, x, PBX_END_VOID, NULL); /* nobody knows it */
}

static void
test_max_history(void)
{
    g_autoptr(PbxTestHost) host = test_search_host("{" ON ", \"max_history\": 20}", TEST_ONE_DIM);
    double x[1];
    for (guint64 trial = 0; trial < 300; trial++) {
        x[0] = (double)((trial * 37) % 300) / 300;
        test_tell(host, trial, x, fabs(x[0] - 0.3));
    }
    /* The best ones are of those that were kept. */
    test_ask(host, 300, x);
    g_assert_cmpfloat(fabs(x[0] - 0.3), <, 0.05);
    g_autoptr(GBytes) bytes = test_host_reload(host);
    g_assert_cmpuint(g_bytes_get_size(bytes), <, 2000);
}

static pbx_status
load(PbxTestHost *host, GBytes *bytes, gsize n)
{
    const pbx_search *search = host->vtable;
    return search->object.load(host->self, 1, g_bytes_get_data(bytes, NULL), n, &host->error);
}

static void
test_bad_states(void)
{
    g_autoptr(PbxTestHost) host = test_search_host("{}", TEST_TWO_DIM);
    run(host, 0, 15, 0.3);
    g_autoptr(GBytes) bytes = test_host_reload(host);
    const gsize size = g_bytes_get_size(bytes);
    /* Under valgrind, where each takes a while, of all bytes some. */
    const gsize step = g_getenv("PEGBOX_TEST_VALGRIND") != NULL ? 7 : 1;
    for (gsize n = 0; n < size; n += step) {
        g_autoptr(PbxTestHost) other = test_search_host("{}", TEST_TWO_DIM);
        g_assert_cmpint(load(other, bytes, n), ==, PBX_EINVAL);
    }
    for (gsize at = 0; at < size; at += step) {
        g_autoptr(PbxTestHost) other = test_search_host("{}", TEST_TWO_DIM);
        g_autofree guchar *copy = g_memdup2(g_bytes_get_data(bytes, NULL), size);
        double x[2];
        copy[at] ^= 0xff;
        g_autoptr(GBytes) harmed = g_bytes_new(copy, size);
        if (load(other, harmed, size) == PBX_OK)
            (void)test_suggest(other, 15, x);
    }
    g_autoptr(PbxTestHost) more = test_search_host("{}", TEST_ONE_DIM);
    g_assert_cmpint(load(more, bytes, size), ==, PBX_ENOTSUP);
}

#define ADD(NAME, FUNCTION) g_test_add_func("/gp/state/" NAME, FUNCTION)

void
state_add_tests(void)
{
    ADD("reload", test_state);
    ADD("told-again", test_told_again);
    ADD("void", test_void);
    ADD("max-history", test_max_history);
    ADD("bad-states", test_bad_states);
}
