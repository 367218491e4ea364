/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names: of the experiment's directory, of a trial, its tag and its directory. */
#include <string.h>

#include "experiment/runner-private.h"

#define MAX_IDENTIFIER 130 /* PEGBOX_MAX_LEN_IDENTIFIER: Tune's default */

static char *
local_date(void)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_local();
    return g_date_time_format(now, "%Y-%m-%d_%H-%M-%S");
}

/* Cuts at a whole character, so that a name stays UTF-8. */
static void
cut(GString *text, gsize length)
{
    if (text->len <= length)
        return;
    while (length > 0 && ((guchar)text->str[length] & 0xC0) == 0x80)
        length--;
    g_string_truncate(text, length);
}

char *
naming_experiment(const char *results_dir, const PbxSpec *spec, GError **error)
{
    if (spec->name != NULL) {
        g_autofree char *dir = g_build_filename(results_dir, spec->name, NULL);
        if (spec->replace || !store_has_begun(dir))
            return g_strdup(spec->name);
        for (guint i = 2;; i++) {
            g_autofree char *free_name = g_strdup_printf("%s_%u", spec->name, i);
            g_autofree char *other = g_build_filename(results_dir, free_name, NULL);
            if (g_file_test(other, G_FILE_TEST_EXISTS))
                continue;
            g_set_error(
                error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE,
                "experiment '%s' is already in %s: `pegbox resume` goes on with it, --name %s is "
                "free; `pegbox run --replace` and `pegbox rm` delete what is there",
                spec->name, results_dir, free_name);
            return NULL;
        }
    }
    g_autofree char *date = local_date();
    g_autofree char *base = g_strcmp0(g_getenv("PEGBOX_DISABLE_DATED_SUBDIR"), "1") == 0
                                ? g_strdup(spec->trainable_name)
                                : g_strdup_printf("%s_%s", spec->trainable_name, date);
    g_strdelimit(base, "/", '_');
    for (guint i = 1;; i++) {
        g_autofree char *name = i == 1 ? g_strdup(base) : g_strdup_printf("%s_%u", base, i);
        g_autofree char *path = g_build_filename(results_dir, name, NULL);
        if (!g_file_test(path, G_FILE_TEST_EXISTS))
            return g_steal_pointer(&name);
    }
}

static char *
expand(PbxTemplate *compiled, const PbxRunner *runner, const PbxTrial *trial, const char *what,
       GError **error)
{
    PbxTemplateContext context = trial_context(runner, trial);
    char *text = template_expand(compiled, &context, error);
    if (text == NULL)
        g_prefix_error(error, "%s: ", what);
    return text;
}

/* A text that is one harmless file name. */
static char *
file_name(const char *text)
{
    g_autoptr(GString) safe = g_string_new(NULL);
    for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        if (c == '/' || c == '(' || c == ')' || c == ' ' || !g_unichar_isprint(c))
            g_string_append_c(safe, '_');
        else
            g_string_append_unichar(safe, c);
    }
    if (g_str_equal(safe->str, ".") || g_str_equal(safe->str, ".."))
        g_string_append_c(safe, '_');
    return g_string_free(g_steal_pointer(&safe), FALSE);
}

static void
set_view(PbxTrial *trial, const char *key, const char *value)
{
    json_object_set_string_member(json_node_get_object(trial->view), key, value);
}

/* Directories are made late: an earlier trial's may only be planned. */
static gboolean
is_taken(const PbxRunner *runner, const char *name)
{
    g_autofree char *path = g_build_filename(runner->dir, name, NULL);
    return g_hash_table_contains(runner->dirnames, name) || g_file_test(path, G_FILE_TEST_EXISTS);
}

/* {trial}_{tag}_{date} as Tune's, or what trial_dirname says. */
static char *
directory_name(PbxRunner *runner, PbxTrial *trial, GError **error)
{
    g_autoptr(GString) name = g_string_new(NULL);
    if (runner->spec->trial_dirname != NULL) {
        g_autofree char *text =
            expand(runner->spec->trial_dirname, runner, trial, "trial_dirname", error);
        if (text == NULL)
            return NULL;
        g_string_append(name, text);
        cut(name, 240);
    } else {
        g_string_append_printf(name, "%s_%s", trial->row.name, trial->row.tag);
        cut(name, (gsize)MAX(runner_env("PEGBOX_MAX_LEN_IDENTIFIER", MAX_IDENTIFIER), 1));
        if (strstr(name->str, trial->row.id) == NULL)
            g_string_append_printf(name, "_%05" G_GUINT64_FORMAT, trial->row.number);
        g_autofree char *date = local_date();
        g_string_append_printf(name, "_%s", date);
    }
    g_autofree char *safe = file_name(name->str);
    while (safe[0] == '\0' || is_taken(runner, safe)) {
        char *next = g_strdup_printf("%s_%04x", safe, (guint)trial->row.number);
        g_free(safe);
        safe = next;
    }
    if (runner->spec->trial_dirname != NULL)
        g_hash_table_add(runner->dirnames, g_strdup(safe));
    return g_steal_pointer(&safe);
}

void
naming_show(const PbxRunner *runner, PbxTrial *trial)
{
    const PbxTrialRow *row = &trial->row;
    g_clear_pointer(&trial->view, json_node_unref);
    trial->view = json_node_alloc();
    json_node_init_object(trial->view, NULL);
    json_node_take_object(trial->view, json_object_new());
    json_object_set_int_member(json_node_get_object(trial->view), "number", (gint64)row->number);
    set_view(trial, "id", row->id);
    set_view(trial, "experiment", runner->name);
    if (row->tag != NULL)
        set_view(trial, "tag", row->tag);
    if (row->name != NULL)
        set_view(trial, "name", row->name);
    if (trial->dir != NULL)
        set_view(trial, "dir", trial->dir);
}

gboolean
naming_trial(PbxRunner *runner, PbxTrial *trial, GError **error)
{
    PbxTrialRow *row = &trial->row;
    row->id = g_strdup_printf("%s_%05" G_GUINT64_FORMAT, runner->id_prefix, row->number);
    naming_show(runner, trial);

    g_autofree char *values = space_tag(runner->spec->space, trial->config);
    row->tag = values[0] != '\0' ? g_strdup_printf("%" G_GUINT64_FORMAT "_%s", row->number, values)
                                 : g_strdup_printf("%" G_GUINT64_FORMAT, row->number);
    set_view(trial, "tag", row->tag);
    if (runner->spec->trial_name != NULL) {
        row->name = expand(runner->spec->trial_name, runner, trial, "trial_name", error);
        if (row->name == NULL)
            return FALSE;
    } else {
        row->name = g_strdup_printf("%s_%s", runner->spec->trainable_name, row->id);
    }
    g_strdelimit(row->name, "/", '_');
    set_view(trial, "name", row->name);

    row->dir = directory_name(runner, trial, error);
    if (row->dir == NULL)
        return FALSE;
    trial->dir = g_build_filename(runner->dir, row->dir, NULL);
    set_view(trial, "dir", trial->dir);
    return TRUE;
}
