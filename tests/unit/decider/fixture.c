/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A decider that dies and hangs as it is told. */
#include "fixture.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>

static void
on_log(const char *slot, int level, const char *message, gpointer user)
{
    if (level > PBX_LOG_DEBUG)
        g_string_append_printf(user, "%s %d %s\n", slot, level, message);
}

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

void
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
void
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

void
fixture_unmake(Fixture *f)
{
    g_clear_pointer(&f->decider, decider_free);
    g_clear_pointer(&f->options, options_free);
    g_clear_pointer(&f->doc, doc_free);
}

void
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
void
fixture_end(Fixture *f)
{
    fixture_close(f);
    g_assert_cmpint(waitpid(-1, NULL, WNOHANG), ==, -1);
}

pbx_status
fixture_ask(Fixture *f, guint64 number, double *x, PbxCall *call)
{
    static pbx_suggestion suggestion;
    memset(x, 0, N_DIMS * sizeof *x); /* what is in it goes to the child */
    suggestion = (pbx_suggestion){
        .struct_size = sizeof suggestion, .n_dims = N_DIMS, .trial = number, .ask = number, .x = x};
    *call = (PbxCall){.id = CALL_SEARCH_SUGGEST, .suggestion = &suggestion};
    decider_call(f->decider, call, NULL, NULL);
    return call->status;
}

pbx_status
fixture_tell(Fixture *f, guint64 number, guint32 end, PbxCall *call)
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
