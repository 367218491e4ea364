/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "host.h"

#define SPACE "{\"x\": {\"$uniform\": [0, 1]}}"

static PbxTestHost *
repeat_of(const char *options, const char *search, const char *objectives)
{
    g_autofree char *text = g_strdup_printf("{%s, \"search\": %s}", options, search);
    PbxTestHost *host = test_host_new(text);
    g_assert_cmpint(test_host_setup(host, SPACE, objectives, 12), ==, PBX_OK);
    g_free(test_calls(host));
    return host;
}

/* The suggestion for a trial; *extra (transfer full) may be NULL. */
static double
suggest(PbxTestHost *host, guint64 trial, char **extra)
{
    const pbx_search *search = host->vtable;
    double x[1] = {NAN};
    pbx_suggestion suggestion = {
        .struct_size = sizeof suggestion, .n_dims = 1, .trial = trial, .ask = trial, .x = x};
    g_assert_cmpint(search->suggest(host->self, &suggestion, &host->error), ==, PBX_OK);
    if (extra != NULL)
        *extra = g_strdup(suggestion.extra);
    return x[0];
}

static pbx_status
tell(PbxTestHost *host, guint64 trial, guint32 end, const char *fields)
{
    static const double point[] = {0.5};
    const pbx_search *search = host->vtable;
    const pbx_result *last = fields != NULL ? test_result(host, trial, 1, fields) : NULL;
    pbx_outcome *outcome = (pbx_outcome *)test_outcome(host, trial, end, last);
    outcome->x = point;
    outcome->elapsed_s = 2;
    return search->tell(host->self, outcome, &host->error);
}

static void
complete(PbxTestHost *host, guint64 trial, const char *loss)
{
    g_autofree char *fields = g_strdup_printf("{\"loss\": %s}", loss);
    g_assert_cmpint(tell(host, trial, PBX_END_COMPLETED, fields), ==, PBX_OK);
}

static void
expect(PbxTestHost *host, const char *expected)
{
    g_autofree char *calls = test_calls(host);
    g_assert_cmpstr(calls, ==, expected);
}

static void
test_groups(void)
{
    g_autoptr(PbxTestHost) host = repeat_of("\"times\": 3", "\"random\"", "loss:min");
    double first = suggest(host, 0, NULL);
    for (guint64 trial = 1; trial < 3; trial++) {
        g_autofree char *extra = NULL;
        g_autofree char *expected = g_strdup_printf("{\"__trial_index__\":%d}", (int)trial);
        g_assert_true(suggest(host, trial, &extra) == first);
        g_assert_cmpstr(extra, ==, expected);
    }
    g_assert_true(suggest(host, 3, NULL) != first);
    expect(host, "suggest 0 ask 0\nsuggest 1 ask 1\n");
    complete(host, 2, "3");
    complete(host, 0, "1");
    expect(host, "");
    complete(host, 1, "5");
    expect(host, "tell 0 completed 3\n");
    complete(host, 3, "1"); /* of the next, two of which are to come */
    expect(host, "");
}

static void
test_no_index(void)
{
    g_autoptr(PbxTestHost) host =
        repeat_of("\"times\": 2, \"set_index\": false", "\"random\"", NULL);
    g_autofree char *extra = NULL;
    suggest(host, 0, &extra);
    g_assert_null(extra);
}

/* Of the metric as it is reported, whatever the mode. */
static void
test_aggregates(void)
{
    static const struct {
        const char *aggregate, *objectives, *expected;
    } rows[] = {{"mean", "loss:min", "4.5"},   {"mean", "loss:max", "-4.5"},
                {"median", "loss:min", "2.5"}, {"median", "loss:max", "-2.5"},
                {"min", "loss:min", "1"},      {"min", "loss:max", "-1"},
                {"max", "loss:min", "12"},     {"max", "loss:max", "-12"}};
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *options =
            g_strdup_printf("\"times\": 4, \"aggregate\": \"%s\"", rows[i].aggregate);
        g_autofree char *expected =
            g_strdup_printf("suggest 0 ask 0\ntell 0 completed %s\n", rows[i].expected);
        g_autoptr(PbxTestHost) host = repeat_of(options, "\"random\"", rows[i].objectives);
        static const char *const losses[] = {"12", "1", "3", "2"};
        for (guint64 trial = 0; trial < 4; trial++)
            suggest(host, trial, NULL);
        for (guint64 trial = 0; trial < 4; trial++)
            complete(host, trial, losses[trial]);
        expect(host, expected);
    }
}

/* Copies that failed, or have no finite metric, are left out. */
static void
test_failures(void)
{
    g_autoptr(PbxTestHost) host = repeat_of("\"times\": 3", "\"random\"", "loss:min");
    for (guint64 trial = 0; trial < 12; trial++)
        suggest(host, trial, NULL);
    g_free(test_calls(host));
    complete(host, 0, "1");
    complete(host, 1, "\"NaN\"");
    complete(host, 2, "3");
    expect(host, "tell 0 completed 2\n");
    g_assert_cmpint(tell(host, 3, PBX_END_FAILED, "{\"loss\": 100}"), ==, PBX_OK);
    complete(host, 4, "4");
    g_assert_cmpint(tell(host, 5, PBX_END_FAILED, NULL), ==, PBX_OK); /* the last one */
    expect(host, "tell 1 completed 4\n");
    for (guint64 trial = 6; trial < 9; trial++)
        g_assert_cmpint(tell(host, trial, PBX_END_FAILED, NULL), ==, PBX_OK);
    expect(host, "tell 2 failed nothing\n");
    for (guint64 trial = 9; trial < 12; trial++)
        g_assert_cmpint(tell(host, trial, PBX_END_STOPPED, NULL), ==, PBX_OK);
    expect(host, "tell 3 stopped nothing\n");
}

static void
test_several_objectives(void)
{
    g_autoptr(PbxTestHost) host = repeat_of("\"times\": 2", "\"random\"", "a:min b:max");
    for (guint64 trial = 0; trial < 2; trial++)
        suggest(host, trial, NULL);
    g_free(test_calls(host));
    tell(host, 0, PBX_END_COMPLETED, "{\"a\": 1, \"b\": 5}");
    tell(host, 1, PBX_END_COMPLETED, "{\"a\": 3, \"b\": 6}");
    expect(host, "tell 0 completed 2 -5.5\n");
}

static void
adopt(PbxTestHost *host, guint64 trial, guint32 flags, double x, const char *extra)
{
    const pbx_search *search = host->vtable;
    pbx_suggestion suggestion = {.struct_size = sizeof suggestion,
                                 .flags = flags,
                                 .n_dims = 1,
                                 .trial = trial,
                                 .ask = (flags & PBX_SUGGESTION_ENQUEUED) ? PBX_NONE : trial,
                                 .x = &x,
                                 .extra = extra};
    g_assert_cmpint(search->adopt(host->self, &suggestion, &host->error), ==, PBX_OK);
}

/* One that is added by hand is a point of its own, also in the middle of a group. */
static void
test_enqueued(void)
{
    g_autoptr(PbxTestHost) host = repeat_of("\"times\": 2", "\"random\"", "loss:min");
    double x = suggest(host, 0, NULL);
    adopt(host, 1, PBX_SUGGESTION_ENQUEUED, 0.25, NULL);
    g_assert_true(suggest(host, 2, NULL) == x);
    expect(host, "suggest 0 ask 0\nadopt 1 ask none enqueued 0.25\n");
    complete(host, 1, "7");
    complete(host, 0, "1");
    complete(host, 2, "2");
    expect(host, "tell 1 completed 7\ntell 0 completed 1.5\n");
}

static void
test_altered(void)
{
    g_autoptr(PbxTestHost) host = repeat_of("\"times\": 2", "\"random\"", "loss:min");
    suggest(host, 0, NULL);
    adopt(host, 0, PBX_SUGGESTION_ALTERED, 0.75, NULL);
    g_assert_cmpfloat(suggest(host, 1, NULL), ==, 0.75);
    expect(host, "suggest 0 ask 0\nadopt 0 ask 0 altered 0.75\n");
}

static void
duplicate(PbxTestHost *host)
{
    g_assert_cmpint(tell(host, PBX_NONE, PBX_END_DUPLICATE, NULL), ==, PBX_OK);
}

/* A first copy that was left out takes its group along; another one does not count. */
static void
test_duplicates(void)
{
    g_autoptr(PbxTestHost) host = repeat_of("\"times\": 3", "\"random\"", "loss:min");
    suggest(host, 0, NULL);
    duplicate(host);
    expect(host, "suggest 0 ask 0\ntell none duplicate nothing\n");
    double x = suggest(host, 0, NULL);
    g_assert_true(suggest(host, 1, NULL) == x);
    duplicate(host);
    g_assert_true(suggest(host, 1, NULL) == x);
    g_assert_true(suggest(host, 2, NULL) != x);
    expect(host, "suggest 0 ask 1\nsuggest 1 ask 2\n");
    complete(host, 0, "1");
    complete(host, 1, "2");
    expect(host, "tell 0 completed 1.5\n");
    g_autoptr(PbxTestHost) last = repeat_of("\"times\": 2", "\"random\"", "loss:min");
    suggest(last, 0, NULL);
    complete(last, 0, "4");
    suggest(last, 1, NULL);
    duplicate(last);
    expect(last, "suggest 0 ask 0\ntell 0 completed 4\n");
}

static void
test_void(void)
{
    g_autoptr(PbxTestHost) host = repeat_of("\"times\": 2", "\"random\"", "loss:min");
    suggest(host, 0, NULL);
    suggest(host, 1, NULL);
    g_free(test_calls(host));
    complete(host, 0, "100");
    g_assert_cmpint(tell(host, 0, PBX_END_VOID, NULL), ==, PBX_OK);
    complete(host, 1, "3");
    expect(host, "tell 0 completed 3\n");
    g_assert_cmpint(tell(host, 1, PBX_END_VOID, NULL), ==, PBX_ENOTSUP);
}

/* Also of those that were told again by their numbers alone. */
static void
test_told_again(void)
{
    static const char *const modes[] = {"true", "false"};
    for (guint i = 0; i < 2; i++) {
        g_autofree char *options = g_strdup_printf("\"times\": 2, \"set_index\": %s", modes[i]);
        g_autoptr(PbxTestHost) host = repeat_of(options, "\"random\"", "loss:min");
        const char *const first = i == 0 ? "{\"a\":1,\"__trial_index__\":0}" : "{\"a\":1}";
        const char *const second = i == 0 ? "{\"a\":1,\"__trial_index__\":1}" : "{\"a\":1}";
        adopt(host, 0, PBX_SUGGESTION_REPLAY, 0.5, first);
        adopt(host, 1, PBX_SUGGESTION_REPLAY, 0.5, second);
        adopt(host, 2, PBX_SUGGESTION_REPLAY, 0.75, first);
        expect(host, "adopt 0 ask 0 replay 0.5\nadopt 1 ask 1 replay 0.75\n");
        complete(host, 0, "1");
        complete(host, 1, "2");
        g_autofree char *extra = NULL;
        g_assert_cmpfloat(suggest(host, 3, &extra), ==, 0.75);
        g_assert_cmpstr(extra, ==, second);
        expect(host, "tell 0 completed 1.5\n");
        suggest(host, 4, NULL);
        expect(host, "suggest 2 ask 2\n");
    }
}

static void
test_state_at_every_point(void)
{
    for (guint at = 0; at <= 16; at++) {
        g_autoptr(PbxTestHost) whole = repeat_of("\"times\": 3", "\"tpe\"", "loss:min");
        g_autoptr(PbxTestHost) parted = repeat_of("\"times\": 3", "\"tpe\"", "loss:min");
        for (guint i = 0; i < 16; i++) {
            if (i == at) {
                g_bytes_unref(test_host_reload(parted));
                g_free(test_calls(parted));
            }
            if (i < 8) {
                g_assert_true(suggest(whole, i, NULL) == suggest(parted, i, NULL));
            } else if (i == 9) {
                tell(whole, 1, PBX_END_FAILED, NULL);
                tell(parted, 1, PBX_END_FAILED, NULL);
            } else {
                complete(whole, i - 8, "3");
                complete(parted, i - 8, "3");
            }
            g_autofree char *expected = test_calls(whole);
            expect(parted, expected);
        }
    }
}

static void
test_numbers_of_samples(void)
{
    g_autoptr(PbxTestHost) host = test_host_new("{\"times\": 3, \"search\": \"lhs\"}");
    g_assert_cmpint(test_host_setup(host, SPACE, NULL, 7), ==, PBX_OK);
    expect(host, "setup samples 3 concurrent 0\n");
    g_assert_nonnull(strstr(host->log->str, "the last 1 are no whole group of 3"));
    g_autoptr(PbxTestHost) even = test_host_new("{\"times\": 3, \"search\": \"lhs\"}");
    g_assert_cmpint(test_host_setup(even, SPACE, NULL, 6), ==, PBX_OK);
    expect(even, "setup samples 2 concurrent 0\n");
    g_assert_cmpstr(even->log->str, ==, "");
    const pbx_search *search = host->vtable;
    g_assert_cmpuint(search->object.caps(host->self) & PBX_CAP_GRID, ==, 0);
}

#define LIMITED(BATCH)                                                                             \
    "{\"plugin\": \"limit\", \"max_concurrent\": 2, \"batch\": " BATCH ", \"search\": \"tpe\"}"

/* It limits points here, and copies where it is around this one. */
static void
test_around_limit(void)
{
    g_autoptr(PbxTestHost) host = repeat_of("\"times\": 2", LIMITED("false"), "loss:min");
    const pbx_search *search = host->vtable;
    double x[1];
    pbx_suggestion next = {.struct_size = sizeof next, .n_dims = 1, .trial = 4, .ask = 4, .x = x};
    for (guint64 trial = 0; trial < 4; trial++)
        suggest(host, trial, NULL);
    g_assert_cmpint(search->suggest(host->self, &next, &host->error), ==, PBX_AGAIN);
    complete(host, 0, "1");
    g_assert_cmpint(search->suggest(host->self, &next, &host->error), ==, PBX_AGAIN);
    g_free(test_calls(host));
    complete(host, 1, "2");
    g_assert_cmpint(search->suggest(host->self, &next, &host->error), ==, PBX_OK);
    expect(host, "tell 0 completed 1.5\ntell 0 completed 1.5\n"
                 "suggest 2 ask 2\nsuggest 2 ask 2\n");
}

/* A batch is told at once, as nobody could tell it later what came of a point. */
static void
test_around_batch(void)
{
    g_autoptr(PbxTestHost) host = repeat_of("\"times\": 2", LIMITED("true"), "loss:min");
    for (guint64 trial = 0; trial < 4; trial++)
        suggest(host, trial, NULL);
    g_free(test_calls(host));
    complete(host, 0, "1");
    complete(host, 1, "2");
    expect(host, "tell 0 completed 1.5\ntell 0 completed 1.5\n");
    complete(host, 2, "1");
    complete(host, 3, "3");
    expect(host, "tell 1 completed 2\ntell 1 completed 2\n");
    suggest(host, 4, NULL);
    expect(host, "suggest 2 ask 2\nsuggest 2 ask 2\n");
}

static void
test_bad_options_are_refused(void)
{
    static const char *const bad[] = {
        "{}", "{\"times\": 3}", "{\"search\": \"random\"}",
        "{\"times\": 0, \"search\": \"random\"}",
        "{\"times\": 2, \"search\": \"random\", \"aggregate\": \"sum\"}"};
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *message = test_host_refusal(bad[i]);
        g_assert_nonnull(message);
    }
}

int
main(int argc, char **argv)
{
    test_host_init(&argc, &argv);
    g_test_add_func("/repeat/groups", test_groups);
    g_test_add_func("/repeat/no-index", test_no_index);
    g_test_add_func("/repeat/aggregates", test_aggregates);
    g_test_add_func("/repeat/failures", test_failures);
    g_test_add_func("/repeat/several-objectives", test_several_objectives);
    g_test_add_func("/repeat/enqueued", test_enqueued);
    g_test_add_func("/repeat/altered", test_altered);
    g_test_add_func("/repeat/duplicates", test_duplicates);
    g_test_add_func("/repeat/void", test_void);
    g_test_add_func("/repeat/told-again", test_told_again);
    g_test_add_func("/repeat/state-at-every-point", test_state_at_every_point);
    g_test_add_func("/repeat/numbers-of-samples", test_numbers_of_samples);
    g_test_add_func("/repeat/around-limit", test_around_limit);
    g_test_add_func("/repeat/around-batch", test_around_batch);
    g_test_add_func("/repeat/bad-options-are-refused", test_bad_options_are_refused);
    return g_test_run();
}
