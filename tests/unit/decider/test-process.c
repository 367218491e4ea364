/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A decider in a child process: as in this one, and what becomes of it when the child is lost. */
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "decider/decider.h"

#define N_DIMS 3

typedef struct {
    PbxRegistry *registry;
    PbxSandbox *sandbox;
    PbxDoc *doc;
    PbxOptions *options;
    PbxDecider *decider;
    GString *log;
    char *mark;       /* a file that is not there */
    gboolean refused; /* it cannot be made, and the log says why */
    guint64 observed; /* how often it has read of an earlier experiment */
    pbx_problem problem;
    pbx_space space;
    pbx_dim dims[N_DIMS];
    const pbx_dim *list[N_DIMS];
} Fixture;

static void
on_log(const char *slot, int level, const char *message, gpointer user)
{
    if (level > PBX_LOG_DEBUG)
        g_string_append_printf(user, "%s %d %s\n", slot, level, message);
}

#define N_EARLIER 3

/* Says something else each time that it is read. */
static const pbx_outcome *
on_observe(gpointer user, const char *experiment, guint64 *from, const char **left_out,
           pbx_error *error)
{
    static double x[N_DIMS];
    static pbx_outcome outcome = {
        .struct_size = sizeof outcome, .n_dims = N_DIMS, .trial = PBX_NONE, .x = x};
    Fixture *f = user;
    if (!g_str_equal(experiment, "earlier")) {
        g_strlcpy(error->message, "there is none", sizeof error->message);
        return NULL;
    }
    *left_out = "1 void";
    x[0] = (double)++f->observed / 1024;
    return (*from)++ < N_EARLIER ? &outcome : NULL;
}

static void
fixture_open(Fixture *f)
{
    static const char *const names[] = {"a", "b", "c"};
    g_autoptr(GError) error = NULL;
    memset(f, 0, sizeof *f);
    f->registry = registry_new(&error);
    g_assert_no_error(error);
    f->sandbox = sandbox_new();
    f->log = g_string_new(NULL);
    f->mark = g_strdup_printf("%s/pegbox-flaky-%u", g_get_tmp_dir(), g_random_int());
    f->space = (pbx_space){.struct_size = sizeof f->space, .n_dims = N_DIMS, .dims = f->list};
    f->problem =
        (pbx_problem){.struct_size = sizeof f->problem, .space = &f->space, .num_samples = 10};
    for (guint i = 0; i < N_DIMS; i++) {
        f->list[i] = &f->dims[i];
        f->dims[i] = (pbx_dim){.struct_size = sizeof(pbx_dim),
                               .parent = -1,
                               .high = 1,
                               .name = names[i],
                               .path = names[i]};
    }
}

/* With options as JSON; %s in them is the mark. */
static void
fixture_make(Fixture *f, const char *format, double limit_s, gboolean in_child)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(PbxProblems) problems = problems_new();
    g_autofree char *path =
        g_test_build_filename(G_TEST_BUILT, "tests", "unit", "decider", "flaky.so", NULL);
    const PbxPlugin *plugin = registry_load_file(f->registry, path, NULL, NULL, &error);
    g_assert_no_error(error);
    g_autoptr(GString) text = g_string_new(format);
    g_string_replace(text, "%s", f->mark, 0);
    g_autoptr(JsonNode) node = json_from_string(text->str, NULL);
    f->doc = doc_new_for_node("test", node);
    PbxOptionContext context = {.registry = f->registry, .sandbox = f->sandbox};
    f->options = options_check(plugin, f->doc, "", NULL, &context, problems);
    g_assert_nonnull(f->options);
    if (in_child) {
        const PbxPlaced member = {.plugin = plugin,
                                  .slot = "search",
                                  .options = f->options,
                                  .seed = 1,
                                  .problem = &f->problem,
                                  .user = f};
        const PbxPlacement placement = {.observe = on_observe,
                                        .log = on_log,
                                        .log_user = f->log,
                                        .limit_ns = (gint64)(limit_s * 1e9),
                                        .warn_ns = G_MAXINT64};
        const gboolean made = deciders_new_child(&member, 1, &placement, &f->decider, &error);
        g_assert_cmpint(made, !=, f->refused);
        if (!made) {
            g_string_append(f->log, error->message);
            return;
        }
    } else {
        PbxInstance *instance =
            instance_new(plugin, "search", f->options, 1, NULL, on_log, f->log, NULL, NULL, &error);
        g_assert_nonnull(instance);
        f->decider = decider_new(instance, G_MAXINT64);
    }
    g_assert_no_error(error);
    PbxCall setup = {.id = CALL_SEARCH_SETUP, .problem = &f->problem};
    decider_call(f->decider, &setup, NULL, NULL);
    g_assert_cmpint(setup.status, ==, PBX_OK);
}

static void
fixture_unmake(Fixture *f)
{
    g_clear_pointer(&f->decider, decider_free);
    g_clear_pointer(&f->options, options_free);
    g_clear_pointer(&f->doc, doc_free);
}

static void
fixture_close(Fixture *f)
{
    fixture_unmake(f);
    g_unlink(f->mark);
    g_string_free(f->log, TRUE);
    sandbox_free(f->sandbox);
    registry_free(f->registry);
    g_free(f->mark);
}

/* ... and no child is left. */
static void
fixture_end(Fixture *f)
{
    fixture_close(f);
    g_assert_cmpint(waitpid(-1, NULL, WNOHANG), ==, -1);
}

static pbx_status
ask(Fixture *f, guint64 number, double *x, PbxCall *call)
{
    static pbx_suggestion suggestion;
    memset(x, 0, N_DIMS * sizeof *x); /* what is in it goes to the child */
    suggestion = (pbx_suggestion){
        .struct_size = sizeof suggestion, .n_dims = N_DIMS, .trial = number, .ask = number, .x = x};
    *call = (PbxCall){.id = CALL_SEARCH_SUGGEST, .suggestion = &suggestion};
    decider_call(f->decider, call, NULL, NULL);
    return call->status;
}

static pbx_status
tell(Fixture *f, guint64 number, guint32 end, PbxCall *call)
{
    const char text[] = "{\"training_iteration\":3}";
    const pbx_result last = {.struct_size = sizeof last, .trial = number, .text = text};
    static const double x[N_DIMS];
    const pbx_outcome outcome = {.struct_size = sizeof outcome,
                                 .end = end,
                                 .n_dims = N_DIMS,
                                 .trial = number,
                                 .x = x,
                                 .last = &last};
    *call = (PbxCall){.id = CALL_SEARCH_TELL, .outcome = &outcome};
    decider_call(f->decider, call, NULL, NULL);
    return call->status;
}

/* Asks and tells from a number on; the points. */
static void
go(Fixture *f, guint64 from, guint n, double (*points)[N_DIMS])
{
    PbxCall call;
    for (guint64 i = from; i < from + n; i++) {
        g_autofree char *extra = g_strdup_printf("{\"calls\":%" G_GUINT64_FORMAT "}", 2 * i);
        g_assert_cmpint(ask(f, i, points[i], &call), ==, PBX_OK);
        g_assert_cmpstr(call.suggestion->extra, ==, extra);
        g_assert_cmpint(tell(f, i, PBX_END_COMPLETED, &call), ==, PBX_OK);
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
    g_assert_cmpint(tell(&f, 8, PBX_END_FAILED, &call), ==, PBX_EIO);
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
    g_assert_cmpint(ask(&f, 2, x, &call), ==, PBX_EFATAL);
    g_assert_cmpstr(call.error.message, ==,
                    "its child process was killed by signal 9 (Killed) in search.suggest, for the "
                    "second time");
    g_assert_cmpint(tell(&f, 0, PBX_END_COMPLETED, &call), ==, PBX_EFATAL);
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
    g_assert_cmpint(ask(&f, 0, points[0], &call), ==, PBX_EIO);
    g_assert_cmpstr(call.error.message, ==, "there is none");
    fixture_end(&f);
}

/* ---- Answered from a loop ---- */

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
    g_assert_cmpint(tell(f, 7, PBX_END_COMPLETED, &call), ==, PBX_OK);
    g_assert_cmpint(tell(f, 8, end, &call), ==,
                    attached || end == PBX_END_COMPLETED ? PBX_OK : PBX_EIO);
    while (decider_is_busy(f->decider))
        g_main_context_iteration(NULL, TRUE);
    g_assert_false(g_main_context_pending(NULL));
    loop->nests = FALSE;
    g_assert_cmpint(ask(f, 1, second, &call), ==, PBX_OK);
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
    g_assert_cmpint(tell(&loop.f, 7, PBX_END_COMPLETED, &call), ==, PBX_OK);
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
    (void)ask(&here, 0, x, &call);
    (void)tell(&here, 7, PBX_END_COMPLETED, &call);
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
    g_assert_cmpint(tell(&loop.f, 7, PBX_END_COMPLETED, &call), ==, PBX_OK);
    decider_save_later(loop.f.decider, take_state, &state);
    g_assert_false(decider_is_dirty(loop.f.decider));
    g_assert_cmpint(tell(&loop.f, 8, PBX_END_COMPLETED, &call), ==, PBX_OK);
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
    g_assert_cmpint(tell(&loop.f, 8, PBX_END_FAILED, &call), ==, PBX_EIO);
    g_assert_cmpstr(call.error.message, ==, "trial 8 failed");
    g_assert_false(decider_is_busy(loop.f.decider));
    g_assert_cmpstr(loop.said->str, ==, "search.suggest 0;");
    loop_end(&loop);
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
    g_test_add_func("/decider/process/loop", test_loop);
    g_test_add_func("/decider/process/loop-observed", test_loop_observed);
    g_test_add_func("/decider/process/late-errors", test_late_errors);
    g_test_add_func("/decider/process/loop-again", test_loop_again);
    g_test_add_func("/decider/process/save-later", test_save_later);
    g_test_add_func("/decider/process/moment", test_moment);
    return g_test_run();
}
