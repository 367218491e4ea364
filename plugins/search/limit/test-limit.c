/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "host.h"

#define SPACE "{\"x\": {\"$uniform\": [0, 1]}}"

static PbxTestHost *
limit_of(const char *options, const char *search)
{
    g_autofree char *text = g_strdup_printf("{%s, \"search\": %s}", options, search);
    PbxTestHost *host = test_host_new(text);
    g_assert_cmpint(test_host_setup(host, SPACE, "loss:min", 100), ==, PBX_OK);
    g_free(test_calls(host));
    return host;
}

/* One call a word: s0 suggests for trial 0; t0, f0, d0, v0 tell that it is completed, has failed,
 * is a duplicate, void; r0 reports; p0, u0 pause it and let it run; e0 is enqueued, a0 replayed. */
static pbx_status
call(PbxTestHost *host, const char *word)
{
    static const char *const ends = "t..fdv"; /* in the order of PBX_END_* */
    const pbx_search *search = host->vtable;
    const guint64 trial = g_ascii_strtoull(word + 1, NULL, 10);
    static const double point[] = {0.5};
    double x[1] = {0.5};
    pbx_outcome *outcome;
    g_autofree char *fields = g_strdup_printf("{\"loss\": %d.5}", (int)trial);
    pbx_suggestion suggestion = {
        .struct_size = sizeof suggestion, .n_dims = 1, .trial = trial, .ask = trial, .x = x};
    switch (word[0]) {
    case 's':
        return search->suggest(host->self, &suggestion, &host->error);
    case 'e':
    case 'a':
        suggestion.flags = word[0] == 'e' ? PBX_SUGGESTION_ENQUEUED : PBX_SUGGESTION_REPLAY;
        suggestion.ask = word[0] == 'e' ? PBX_NONE : trial;
        return search->adopt(host->self, &suggestion, &host->error);
    case 'r':
        return search->report(host->self, test_result(host, trial, 1, fields), &host->error);
    case 'p':
    case 'u':
        return search->state(host->self, trial,
                             word[0] == 'p' ? PBX_STATE_PAUSED : PBX_STATE_RUNNING, &host->error);
    default:
        outcome = (pbx_outcome *)test_outcome(
            host, word[0] == 'd' ? PBX_NONE : trial, (guint32)(strchr(ends, word[0]) - ends),
            word[0] == 't' ? test_result(host, trial, 2, fields) : NULL);
        outcome->x = point;
        return search->tell(host->self, outcome, &host->error);
    }
}

/* What the wrapped search was called with, over these words. A ! behind one: the answer is AGAIN.
 */
static void
play(PbxTestHost *host, const char *words, const char *expected)
{
    g_auto(GStrv) list = g_strsplit(words, " ", -1);
    for (guint i = 0; list[i] != NULL; i++) {
        const gboolean again = g_str_has_suffix(list[i], "!");
        host->error.message[0] = '\0';
        const pbx_status status = call(host, list[i]);
        g_assert_cmpstr(host->error.message, ==, "");
        if (status != (again ? PBX_AGAIN : PBX_OK))
            g_error("%s was answered %d", list[i], status);
    }
    g_autofree char *calls = test_calls(host);
    g_assert_cmpstr(calls, ==, expected);
}

static void
test_limit(void)
{
    g_autoptr(PbxTestHost) host = limit_of("\"max_concurrent\": 2", "\"random\"");
    play(host, "s0 s1 s2! s2! t0 s2 s3!",
         "suggest 0 ask 0\nsuggest 1 ask 1\ntell 0 completed 0.5\nsuggest 2 ask 2\n");
    play(host, "f1 s3 s4!", "tell 1 failed nothing\nsuggest 3 ask 3\n");
}

/* Neither counts what it gives not. */
static void
test_again_and_done_do_not_count(void)
{
    g_autoptr(PbxTestHost) host = limit_of("\"max_concurrent\": 1", "\"random\"");
    host->answer = PBX_AGAIN;
    play(host, "s0! s0!", "suggest 0 ask 0: not\nsuggest 0 ask 0: not\n");
    host->answer = PBX_DONE;
    g_assert_cmpint(call(host, "s0"), ==, PBX_DONE);
    host->answer = PBX_OK;
    g_free(test_calls(host));
    play(host, "s0 s1!", "suggest 0 ask 0\n");
}

static void
test_passes_all_on(void)
{
    g_autoptr(PbxTestHost) host = limit_of("\"max_concurrent\": 2", "\"tpe\"");
    play(host, "s0 u0 r0 p0 u0 t0",
         "suggest 0 ask 0\nstate 0 running\nreport 0 0.5\nstate 0 paused\nstate 0 running\n"
         "tell 0 completed 0.5\n");
    play(host, "e1 t1 v1",
         "adopt 1 ask none enqueued 0.5\ntell 1 completed 1.5\ntell 1 void nothing\n");
}

/* One that was added by hand is none of its own. */
static void
test_enqueued_ones_do_not_count(void)
{
    g_autoptr(PbxTestHost) host = limit_of("\"max_concurrent\": 1", "\"random\"");
    play(host, "e0 s1 s2! t0 s2! t1 s2",
         "adopt 0 ask none enqueued 0.5\nsuggest 1 ask 0\ntell 0 completed 0.5\n"
         "tell 1 completed 1.5\nsuggest 2 ask 1\n");
}

/* A scheduler may pause more of them than run at a time. */
static void
test_paused_ones_do_not_count(void)
{
    g_autoptr(PbxTestHost) host = limit_of("\"max_concurrent\": 1", "\"random\"");
    play(host, "s0 s1! p0 s1 s2! p1 s2 t2 u0 s3! t0 t1 s3",
         "suggest 0 ask 0\nstate 0 paused\nsuggest 1 ask 1\nstate 1 paused\nsuggest 2 ask 2\n"
         "tell 2 completed 2.5\nstate 0 running\ntell 0 completed 0.5\ntell 1 completed 1.5\n"
         "suggest 3 ask 3\n");
}

/* It has no trial, and the next one has its number. */
static void
test_duplicates_do_not_count(void)
{
    g_autoptr(PbxTestHost) host = limit_of("\"max_concurrent\": 1", "\"random\"");
    play(host, "s0 d0 s0 s1!", "suggest 0 ask 0\ntell none duplicate nothing\nsuggest 0 ask 1\n");
    g_autoptr(PbxTestHost) batch = limit_of("\"max_concurrent\": 2, \"batch\": true", "\"random\"");
    play(batch, "s0 s1 d1 s1 s2! t0 t1 s2",
         "suggest 0 ask 0\nsuggest 1 ask 1\ntell none duplicate nothing\nsuggest 1 ask 2\n"
         "tell 0 completed 0.5\ntell 1 completed 1.5\nsuggest 2 ask 3\n");
}

/* In the order of their numbers, however they ended. */
static void
test_batch(void)
{
    g_autoptr(PbxTestHost) host = limit_of("\"max_concurrent\": 3, \"batch\": true", "\"random\"");
    play(host, "s0 s1 s2 s3! t2 s3! f0 r1 s3!",
         "suggest 0 ask 0\nsuggest 1 ask 1\nsuggest 2 ask 2\nreport 1 1.5\n");
    play(host, "t1 s3",
         "tell 0 failed nothing\ntell 1 completed 1.5\ntell 2 completed 2.5\nsuggest 3 ask 3\n");
}

/* A batch does not wait for what a scheduler has paused: nothing might let it go on. */
static void
test_batch_and_paused_ones(void)
{
    g_autoptr(PbxTestHost) host = limit_of("\"max_concurrent\": 2, \"batch\": true", "\"random\"");
    play(host, "s0 s1 t0 p1 s2 s3 s4! t2 u1 t3 s4! t1",
         "suggest 0 ask 0\nsuggest 1 ask 1\nstate 1 paused\ntell 0 completed 0.5\n"
         "suggest 2 ask 2\nsuggest 3 ask 3\nstate 1 running\ntell 1 completed 1.5\n"
         "tell 2 completed 2.5\ntell 3 completed 3.5\n");
}

static void
test_batch_and_void_ones(void)
{
    g_autoptr(PbxTestHost) host = limit_of("\"max_concurrent\": 2, \"batch\": true", "\"random\"");
    play(host, "s0 s1 t0 v0 e2 t2 t1 s3",
         "suggest 0 ask 0\nsuggest 1 ask 1\ntell 0 void nothing\nadopt 2 ask none enqueued 0.5\n"
         "tell 2 completed 2.5\ntell 1 completed 1.5\nsuggest 3 ask 2\n");
}

/* What is live, and what is held back, is part of the state. */
static void
test_state_at_every_point(void)
{
    static const char *const words[] = {"s0", "s1", "s2!", "t1", "s2!", "r0",  "f0", "s2", "p2",
                                        "s3", "s4", "t3",  "u2", "t4",  "s5!", "t2", "s5"};
    static const char *const batches[] = {"false", "true"};
    for (guint b = 0; b < G_N_ELEMENTS(batches); b++) {
        g_autofree char *options =
            g_strdup_printf("\"max_concurrent\": 2, \"batch\": %s", batches[b]);
        for (guint at = 0; at <= G_N_ELEMENTS(words); at++) {
            g_autoptr(PbxTestHost) whole = limit_of(options, "\"tpe\"");
            g_autoptr(PbxTestHost) parted = limit_of(options, "\"tpe\"");
            for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
                if (i == at) {
                    g_bytes_unref(test_host_reload(parted));
                    g_free(test_calls(parted));
                }
                g_assert_cmpint(call(whole, words[i]), ==, call(parted, words[i]));
                g_autofree char *expected = test_calls(whole), *calls = test_calls(parted);
                g_assert_cmpstr(calls, ==, expected);
            }
        }
    }
}

/* Told again, it counts what has not ended. */
static void
test_told_again(void)
{
    g_autoptr(PbxTestHost) host = limit_of("\"max_concurrent\": 2", "\"random\"");
    play(host, "a0 a1 s2! t0 s2 s3!",
         "adopt 0 ask 0 replay 0.5\nadopt 1 ask 1 replay 0.5\ntell 0 completed 0.5\n"
         "suggest 2 ask 2\n");
}

static void
test_number_is_handed_on(void)
{
    g_autoptr(PbxTestHost) host = test_host_new("{\"max_concurrent\": 5, \"search\": \"random\"}");
    g_assert_cmpint(test_host_setup(host, SPACE, NULL, 7), ==, PBX_OK);
    g_autofree char *calls = test_calls(host);
    g_assert_cmpstr(calls, ==, "setup samples 7 concurrent 5\n");
    const pbx_search *search = host->vtable;
    host->problem.max_concurrent = 3; /* max_concurrent_trials */
    g_assert_cmpint(search->setup(host->self, &host->problem, &host->error), ==, PBX_OK);
    g_autofree char *again = test_calls(host);
    g_assert_cmpstr(again, ==, "setup samples 7 concurrent 3\n");
}

/* It can what the search within can: here to count its samples, which are 3 of a grid of 4. */
static void
test_capabilities_and_total(void)
{
    g_autoptr(PbxTestHost) host = test_host_new("{\"max_concurrent\": 5, \"search\": \"random\"}");
    const pbx_search *search = host->vtable;
    gint64 total = 0;
    g_assert_cmpint(test_host_setup(host, "{\"x\": {\"$grid_search\": [1, 2, 3, 4]}}", NULL, 3), ==,
                    PBX_OK);
    g_assert_cmpint(search->total(host->self, &total, &host->error), ==, PBX_OK);
    g_assert_cmpint(total, ==, 12);
    const guint32 caps = search->object.caps(host->self);
    g_assert_cmpuint(caps & PBX_CAP_TRANSPARENT, !=, 0);
    g_assert_cmpuint(caps & PBX_CAP_OWNS_SAMPLES, !=, 0);
    g_assert_cmpuint(caps & PBX_CAP_NEEDS_METRIC, ==, 0);
    g_autoptr(PbxTestHost) other = test_host_new("{\"max_concurrent\": 5, \"search\": \"tpe\"}");
    g_assert_cmpuint(search->object.caps(other->self) & PBX_CAP_OWNS_SAMPLES, ==, 0);
    g_assert_cmpuint(search->object.caps(other->self) & PBX_CAP_NEEDS_METRIC, !=, 0);
}

/* The stricter one of two. */
static void
test_nested(void)
{
    g_autoptr(PbxTestHost) host = limit_of(
        "\"max_concurrent\": 3",
        "{\"plugin\": \"limit\", \"max_concurrent\": 2, \"batch\": true, \"search\": \"random\"}");
    play(host, "s0 s1 s2! t1 s2! t0 s2",
         "suggest 0 ask 0\nsuggest 0 ask 0\nsuggest 1 ask 1\nsuggest 1 ask 1\n"
         "suggest 2 ask 2: not\ntell 1 completed 1.5\nsuggest 2 ask 2: not\n"
         "tell 0 completed 0.5\ntell 0 completed 0.5\ntell 1 completed 1.5\n"
         "suggest 2 ask 2\nsuggest 2 ask 2\n");
}

static void
test_bad_options_are_refused(void)
{
    static const char *const bad[] = {"{}",
                                      "{\"max_concurrent\": 3}",
                                      "{\"search\": \"random\"}",
                                      "{\"max_concurrent\": 0, \"search\": \"random\"}",
                                      "{\"max_concurrent\": 1.5, \"search\": \"random\"}",
                                      "{\"max_concurrent\": 1, \"search\": \"noop\"}",
                                      "{\"max_concurrent\": 1, \"search\": 3}"};
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *message = test_host_refusal(bad[i]);
        g_assert_nonnull(message);
    }
    g_autoptr(PbxTestHost) host = test_host_new("{\"max_concurrent\": 1, \"search\": \"lhs\"}");
    g_assert_cmpint(test_host_setup(host, SPACE, NULL, -1), <, 0); /* as the inner one says */
}

int
main(int argc, char **argv)
{
    test_host_init(&argc, &argv);
    g_test_add_func("/limit/limit", test_limit);
    g_test_add_func("/limit/again-and-done-do-not-count", test_again_and_done_do_not_count);
    g_test_add_func("/limit/passes-all-on", test_passes_all_on);
    g_test_add_func("/limit/enqueued-ones-do-not-count", test_enqueued_ones_do_not_count);
    g_test_add_func("/limit/paused-ones-do-not-count", test_paused_ones_do_not_count);
    g_test_add_func("/limit/duplicates-do-not-count", test_duplicates_do_not_count);
    g_test_add_func("/limit/batch", test_batch);
    g_test_add_func("/limit/batch-and-paused-ones", test_batch_and_paused_ones);
    g_test_add_func("/limit/batch-and-void-ones", test_batch_and_void_ones);
    g_test_add_func("/limit/state-at-every-point", test_state_at_every_point);
    g_test_add_func("/limit/told-again", test_told_again);
    g_test_add_func("/limit/number-is-handed-on", test_number_is_handed_on);
    g_test_add_func("/limit/capabilities-and-total", test_capabilities_and_total);
    g_test_add_func("/limit/nested", test_nested);
    g_test_add_func("/limit/bad-options-are-refused", test_bad_options_are_refused);
    return g_test_run();
}
