/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A decider in a child process that a loop waits for. */
#include <string.h>

#include "fixture.h"

typedef struct {
    Fixture f;
    GString *said; /* what came of which call */
    gboolean nests;
} Loop;

static void
note(PbxDecider *decider, PbxCall *call, gpointer user)
{
    Loop *loop = user;
    g_string_append_printf(loop->said, "%s %d;", decider_call_name(call->id), call->status);
    if (!loop->nests)
        return;
    /* Comes before what was told meanwhile. */
    pbx_suggestion adopted = {.struct_size = sizeof adopted, .n_dims = N_DIMS};
    double x[N_DIMS] = {0};
    adopted.x = x;
    PbxCall adopt = {.id = CALL_SEARCH_ADOPT, .suggestion = &adopted};
    decider_call(decider, &adopt, NULL, NULL);
    g_assert_cmpint(adopt.status, ==, PBX_OK);
}

static void
on_failed(PbxDecider *decider, PbxCall *call, gpointer user)
{
    Loop *loop = user;
    (void)decider;
    g_string_append_printf(loop->said, "trial %" G_GUINT64_FORMAT ": %s;", call->trial,
                           call->error.message);
}

/* Suggests by the loop, told of two trials meanwhile, and then once more; the second point. */
static void
loop_over(Loop *loop, gboolean attached, guint32 end, double *second)
{
    Fixture *f = &loop->f;
    double x[N_DIMS] = {0};
    PbxCall call, first;
    pbx_suggestion suggestion = {.struct_size = sizeof suggestion, .n_dims = N_DIMS, .x = x};
    first = (PbxCall){.id = CALL_SEARCH_SUGGEST, .suggestion = &suggestion};
    if (attached)
        decider_attach(f->decider, g_main_context_default(), 0, on_failed, loop);
    decider_call(f->decider, &first, note, loop);
    g_assert_cmpint(decider_is_busy(f->decider), ==, attached);
    g_assert_cmpint(fixture_tell(f, 7, PBX_END_COMPLETED, &call), ==, PBX_OK);
    g_assert_cmpint(fixture_tell(f, 8, end, &call), ==,
                    attached || end == PBX_END_COMPLETED ? PBX_OK : PBX_EIO);
    while (decider_is_busy(f->decider))
        g_main_context_iteration(NULL, TRUE);
    g_assert_false(g_main_context_pending(NULL));
    loop->nests = FALSE;
    g_assert_cmpint(fixture_ask(f, 1, second, &call), ==, PBX_OK);
}

static void
loop_with(Loop *loop, const char *options, gboolean in_child, guint32 end, double *second)
{
    loop->nests = TRUE;
    loop->said = g_string_new(NULL);
    fixture_open(&loop->f);
    fixture_make(&loop->f, options, 0.3, in_child);
    loop_over(loop, in_child, end, second);
}

static void
loop_end(Loop *loop)
{
    fixture_end(&loop->f);
    g_string_free(loop->said, TRUE);
}

static void
test_loop(void)
{
    Loop here, there;
    double expected[N_DIMS], got[N_DIMS];
    loop_with(&here, "{}", FALSE, PBX_END_COMPLETED, expected);
    loop_end(&here);
    static const char *const ways[] = {"{}",
                                       "{\"at\":1,\"once\":\"%s\"}",
                                       "{\"at\":3,\"once\":\"%s\"}",
                                       "{\"at\":1,\"how\":\"hang\",\"once\":\"%s\"}",
                                       "{\"at\":4,\"how\":\"hang\",\"once\":\"%s\"}",
                                       "{\"at\":1,\"how\":\"chatter\",\"once\":\"%s\"}",
                                       "{\"at\":4,\"how\":\"noise\",\"once\":\"%s\"}",
                                       "{\"at\":3,\"how\":\"empty\",\"once\":\"%s\"}"};
    for (guint i = 0; i < G_N_ELEMENTS(ways); i++) {
        loop_with(&there, ways[i], TRUE, PBX_END_COMPLETED, got);
        g_assert_cmpmem(got, sizeof got, expected, sizeof expected);
        g_assert_cmpstr(there.said->str, ==, "search.suggest 0;");
        g_assert_cmpint(there.f.log->len > 0, ==, i > 0);
        loop_end(&there);
    }
}

static void
test_loop_observed(void)
{
    Loop loop;
    double expected[N_DIMS] = {0}, got[N_DIMS];
    for (guint at = 0; at <= 4; at += at == 0 ? 2 : 1) {
        g_autofree char *options =
            g_strdup_printf("{\"at\":%u,\"once\":\"%%s\",\"experiment\":\"earlier\"}", at);
        loop_with(&loop, options, TRUE, PBX_END_COMPLETED, got);
        g_assert_cmpuint(loop.f.observed, ==, N_EARLIER + 1);
        g_assert_cmpint(loop.f.log->len > 0, ==, at > 0);
        if (at == 0)
            memcpy(expected, got, sizeof got);
        g_assert_cmpmem(got, sizeof got, expected, sizeof expected);
        loop_end(&loop);
    }
}

static void
test_late_errors(void)
{
    Loop loop;
    double x[N_DIMS] = {0};
    loop_with(&loop, "{}", TRUE, PBX_END_FAILED, x);
    g_assert_cmpstr(loop.said->str, ==, "search.suggest 0;trial 8: trial 8 failed;");
    loop_end(&loop);
}

/* What waits when a child is lost for the second time is answered. */
static void
test_loop_again(void)
{
    Loop loop;
    double x[N_DIMS] = {0};
    PbxCall call, first;
    pbx_suggestion suggestion = {.struct_size = sizeof suggestion, .n_dims = N_DIMS, .x = x};
    loop.nests = FALSE;
    loop.said = g_string_new(NULL);
    fixture_open(&loop.f);
    fixture_make(&loop.f, "{\"at\":1}", 300, TRUE);
    decider_attach(loop.f.decider, g_main_context_default(), 0, on_failed, &loop);
    first = (PbxCall){.id = CALL_SEARCH_SUGGEST, .suggestion = &suggestion};
    decider_call(loop.f.decider, &first, note, &loop);
    g_assert_cmpint(fixture_tell(&loop.f, 7, PBX_END_COMPLETED, &call), ==, PBX_OK);
    decider_settle(loop.f.decider);
    const char *why =
        "its child process was killed by signal 9 (Killed) in search.suggest, for the "
        "second time";
    g_autofree char *said = g_strdup_printf("search.suggest %d;trial 7: %s;", PBX_EFATAL, why);
    g_assert_cmpstr(loop.said->str, ==, said);
    loop_end(&loop);
}

/* ---- A state that is there later ---- */

static void
take_state(PbxDecider *decider, gint64 took_ns, const GError *error, gpointer user)
{
    GBytes **state = user;
    g_assert_no_error(error);
    g_assert_cmpint(took_ns, >=, 0);
    *state = g_bytes_ref(decider_saved(decider));
}

/* It is that of the calls before it, whatever was answered by then and comes behind it; a child
 * that is lost meanwhile gives the same. */
static void
save_between(const char *options)
{
    Fixture here;
    Loop loop;
    double x[N_DIMS] = {0};
    PbxCall call, first;
    pbx_suggestion suggestion = {.struct_size = sizeof suggestion, .n_dims = N_DIMS, .x = x};
    g_autoptr(GByteArray) expected = g_byte_array_new();
    g_autoptr(GBytes) state = NULL;
    fixture_open(&here);
    fixture_make(&here, "{}", 0, FALSE);
    (void)fixture_ask(&here, 0, x, &call);
    (void)fixture_tell(&here, 7, PBX_END_COMPLETED, &call);
    g_assert_true(decider_save(here.decider, expected, NULL));
    fixture_close(&here);
    memset(x, 0, sizeof x);

    loop.nests = FALSE;
    loop.said = g_string_new(NULL);
    fixture_open(&loop.f);
    fixture_make(&loop.f, options, 300, TRUE);
    decider_attach(loop.f.decider, g_main_context_default(), 0, on_failed, &loop);
    first = (PbxCall){.id = CALL_SEARCH_SUGGEST, .suggestion = &suggestion};
    decider_call(loop.f.decider, &first, note, &loop);
    g_assert_cmpint(fixture_tell(&loop.f, 7, PBX_END_COMPLETED, &call), ==, PBX_OK);
    decider_save_later(loop.f.decider, take_state, &state);
    g_assert_false(decider_is_dirty(loop.f.decider));
    g_assert_cmpint(fixture_tell(&loop.f, 8, PBX_END_COMPLETED, &call), ==, PBX_OK);
    g_assert_true(decider_is_dirty(loop.f.decider));
    g_assert_null(state);
    while (decider_is_busy(loop.f.decider))
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpmem(g_bytes_get_data(state, NULL), g_bytes_get_size(state), expected->data,
                    expected->len);
    g_assert_true(decider_is_dirty(loop.f.decider));
    loop_end(&loop);
}

static void
test_save_later(void)
{
    save_between("{}");
    save_between("{\"at\":1,\"once\":\"%s\"}");
    save_between("{\"at\":3,\"once\":\"%s\"}");
}

/* One that answers in a moment is answered there, and what it refuses is said there. */
static void
test_moment(void)
{
    Loop loop;
    double x[N_DIMS] = {0};
    PbxCall call, first;
    pbx_suggestion suggestion = {.struct_size = sizeof suggestion, .n_dims = N_DIMS, .x = x};
    loop.nests = TRUE;
    loop.said = g_string_new(NULL);
    fixture_open(&loop.f);
    fixture_make(&loop.f, "{}", 300, TRUE);
    decider_attach(loop.f.decider, g_main_context_default(), 300 * G_USEC_PER_SEC, on_failed,
                   &loop);
    first = (PbxCall){.id = CALL_SEARCH_SUGGEST, .suggestion = &suggestion};
    decider_call(loop.f.decider, &first, note, &loop);
    g_assert_cmpstr(loop.said->str, ==, "search.suggest 0;");
    g_assert_cmpint(fixture_tell(&loop.f, 8, PBX_END_FAILED, &call), ==, PBX_EIO);
    g_assert_cmpstr(call.error.message, ==, "trial 8 failed");
    g_assert_false(decider_is_busy(loop.f.decider));
    g_assert_cmpstr(loop.said->str, ==, "search.suggest 0;");
    loop_end(&loop);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/decider/loop/order", test_loop);
    g_test_add_func("/decider/loop/observed", test_loop_observed);
    g_test_add_func("/decider/loop/late-errors", test_late_errors);
    g_test_add_func("/decider/loop/again", test_loop_again);
    g_test_add_func("/decider/loop/save-later", test_save_later);
    g_test_add_func("/decider/loop/moment", test_moment);
    return g_test_run();
}
