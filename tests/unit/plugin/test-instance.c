/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Making instances, and what the statuses of plugins become. */
#include <fenv.h>
#include <string.h>

#include "fixture.h"

/* object.c, and what it logged. */
typedef struct {
    Fixture fixture;
    const PbxPlugin *plugin;
    PbxProblems *problems;
    PbxDoc *doc;
    PbxOptions *options;
    GString *log;
} Test;

static void
keep(const char *slot, int level, const char *message, gpointer user)
{
    g_string_append_printf(user, "%s %d %s\n", slot, level, message);
}

static void
set_up(Test *t, int fail)
{
    fixture_set_up(&t->fixture);
    g_autofree char *path = fixture_install(&t->fixture, "good", "stopper", "good");
    t->plugin = registry_load(t->fixture.registry, "stopper", "good", NULL);
    t->problems = problems_new();
    g_autofree char *text = g_strdup_printf("{\"fail\": %d}", fail);
    t->doc = doc_parse("x", text, strlen(text), DOC_PLAIN, t->problems);
    const PbxOptionContext context = {.base_dir = "/"};
    t->options = options_check(t->plugin, t->doc, "", NULL, &context, t->problems);
    g_assert_nonnull(t->options);
    t->log = g_string_new(NULL);
}

static void
tear_down(Test *t)
{
    g_string_free(t->log, TRUE);
    options_free(t->options);
    doc_free(t->doc);
    problems_free(t->problems);
    fixture_tear_down(&t->fixture);
}

static PbxInstance *
make(Test *t, GError **error)
{
    return instance_new(t->plugin, "stop[0]", t->options, 1, NULL, keep, t->log, NULL, NULL, error);
}

static void
test_made(void)
{
    Test t;
    set_up(&t, 0);
    g_autoptr(GError) error = NULL;
    PbxInstance *instance = make(&t, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(t.log->str, ==, "stop[0] 1 created\n");
    g_assert_cmpstr(host_slot(instance->host), ==, "stop[0]");
    /* Fewer than the vtable's, and never more. */
    g_assert_cmpuint(plugin_caps(t.plugin), ==, PBX_CAP_NEEDS_METRIC | PBX_CAP_SLOW);
    g_assert_cmpuint(instance_caps(instance), ==, PBX_CAP_NEEDS_METRIC);
    instance_free(instance);
    instance_free(NULL);
    tear_down(&t);
}

static void
test_refused(void)
{
    static const struct {
        int fail, code;
    } cases[] = {{PBX_EINVAL, PLUGIN_ERROR_OPTIONS},
                 {PBX_ENOTSUP, PLUGIN_ERROR_BROKEN},
                 {PBX_EFATAL, PLUGIN_ERROR_BROKEN}};
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        Test t;
        set_up(&t, cases[i].fail);
        g_autoptr(GError) error = NULL;
        g_assert_null(make(&t, &error));
        g_assert_error(error, PBX_PLUGIN_ERROR, cases[i].code);
        g_assert_cmpstr(error->message, ==, "stopper/good: fail: as it was asked");
        tear_down(&t);
    }
}

static void
test_rounding_is_put_back(void)
{
    Test t;
    set_up(&t, 1);
    PbxInstance *instance = make(&t, NULL);
    g_assert_nonnull(instance);
    g_assert_cmpint(fegetround(), ==, FE_TONEAREST);
    g_assert_nonnull(strstr(t.log->str, "stop[0] 2 its create changed the floating-point "
                                        "environment, which was put back\n"));
    instance_free(instance);
    tear_down(&t);
}

static void
add_service(PbxHost *host, gpointer user)
{
    host_add_service(host, PBX_DIRS_ID, user, NULL);
}

/* What prepare adds is there for create already: it is asked before. */
static void
test_prepared(void)
{
    Test t;
    int table = 0;
    set_up(&t, 0);
    PbxInstance *instance = instance_new(t.plugin, "stop[0]", t.options, 1, NULL, keep, t.log,
                                         add_service, &table, NULL);
    const pbx_host *abi = host_abi(instance->host);
    g_assert_true(abi->service(abi, PBX_DIRS_ID) == &table);
    instance_free(instance);
    tear_down(&t);
}

static void
test_texts_of_errors(void)
{
    Test t;
    set_up(&t, 0);
    pbx_error wild;
    memset(&wild, 'x', sizeof wild); /* no end, no text that is valid */
    wild.message[0] = '\xff';
    g_autoptr(GError) error = NULL;
    instance_set_error(&error, PLUGIN_ERROR_BROKEN, t.plugin, PBX_EIO, &wild);
    g_assert_true(g_utf8_validate(error->message, -1, NULL));
    g_assert_cmpuint(strlen(error->message), <, 1100);
    g_clear_error(&error);
    const pbx_error silent = {.where = "", .message = ""};
    instance_set_error(&error, PLUGIN_ERROR_BROKEN, t.plugin, PBX_EIO, &silent);
    g_assert_cmpstr(error->message, ==, "stopper/good: EIO");
    pbx_error cut;
    g_autofree char *many = g_strnfill(5000, 'm');
    plugin_set_abi_error(&cut, many, "%s", many);
    g_assert_cmpuint(strlen(cut.where), ==, sizeof cut.where - 1);
    g_assert_cmpuint(strlen(cut.message), ==, sizeof cut.message - 1);
    plugin_set_abi_error(NULL, "", "%s", "nobody asks");
    tear_down(&t);
}

static void
test_status_names(void)
{
    static const char *const names[] = {"EFATAL", "ECANCELLED", "ESTATE", "EIO",   "ENOTSUP",
                                        "ENOMEM", "EINVAL",     "OK",     "AGAIN", "DONE"};
    for (int status = PBX_EFATAL; status <= PBX_DONE; status++)
        g_assert_cmpstr(plugin_status_name(status), ==, names[status - PBX_EFATAL]);
    g_assert_cmpstr(plugin_status_name(99), ==, "an unknown status");
}

int
main(int argc, char **argv)
{
    fixture_init(&argc, &argv);
    g_test_add_func("/plugin/instance/made", test_made);
    g_test_add_func("/plugin/instance/refused", test_refused);
    g_test_add_func("/plugin/instance/rounding", test_rounding_is_put_back);
    g_test_add_func("/plugin/instance/prepared", test_prepared);
    g_test_add_func("/plugin/instance/texts-of-errors", test_texts_of_errors);
    g_test_add_func("/plugin/instance/status-names", test_status_names);
    return fixture_run();
}
