/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Log files are views of the store: what the loggers would have written is compared with what is
 * there, and takes its place. */
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "experiment/repair-private.h"

/* One logger's files, and where they lie. */
typedef struct {
    PbxRepair *repair;
    const char *slot;
    char *made;     /* directory of what it should have written */
    guint n;        /* files that are not the same, */
    char *one;      /* such as this */
    guint n_longer; /* the store has lost what these tell */
    GError *error;
} Comparison;

typedef enum { SAME, OTHER, LONGER } Likeness;

/* LONGER: what is there goes on where the made one ends. */
static Likeness
compare_bytes(const char *made, const char *there)
{
    g_autoptr(GMappedFile) a = g_mapped_file_new(made, FALSE, NULL);
    g_autoptr(GMappedFile) b = g_mapped_file_new(there, FALSE, NULL);
    if (a == NULL || b == NULL)
        return OTHER;
    const gsize n = g_mapped_file_get_length(a), n_there = g_mapped_file_get_length(b);
    if (n > n_there ||
        (n > 0 && memcmp(g_mapped_file_get_contents(a), g_mapped_file_get_contents(b), n) != 0))
        return OTHER;
    return n == n_there ? SAME : LONGER;
}

static gboolean
put_in_place(Comparison *comparison, const char *from, const char *dir, const char *to)
{
    if ((g_mkdir(dir, 0777) == 0 || errno == EEXIST) && g_rename(from, to) == 0)
        return TRUE;
    g_set_error(&comparison->error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_BROKEN,
                "%s cannot be written: %s", to, g_strerror(errno));
    return FALSE;
}

static gboolean
compare_file(Comparison *comparison, guint64 trial, const char *dir, const char *name)
{
    PbxRepair *repair = comparison->repair;
    g_autofree char *made = g_build_filename(comparison->made, dir, name, NULL);
    g_autofree char *there_dir = g_build_filename(repair->dir, dir, NULL);
    g_autofree char *there = g_build_filename(there_dir, name, NULL);
    GStatBuf info;
    if (g_stat(made, &info) != 0 || !S_ISREG(info.st_mode))
        return TRUE;
    PbxRepairFile *file = g_new(PbxRepairFile, 1);
    *file = (PbxRepairFile){.slot = g_strdup(comparison->slot),
                            .trial = trial,
                            .name = g_strdup(name),
                            .length = (guint64)info.st_size};
    g_ptr_array_add(repair->files, file);
    const Likeness likeness = compare_bytes(made, there);
    if (likeness == SAME)
        return TRUE;
    comparison->n_longer += likeness == LONGER;
    if (comparison->n++ == 0)
        comparison->one = g_build_filename(dir, name, NULL);
    return !repair->changes || put_in_place(comparison, made, there_dir, there);
}

static gboolean
compare_dir(Comparison *comparison, guint64 trial, const char *dir)
{
    g_autofree char *path = g_build_filename(comparison->made, dir, NULL);
    g_autoptr(GDir) open = g_dir_open(path, 0, NULL);
    for (const char *name; open != NULL && (name = g_dir_read_name(open)) != NULL;)
        if (!compare_file(comparison, trial, dir, name))
            return FALSE;
    return TRUE;
}

static gboolean
compare_trial(const PbxTrialRow *row, gpointer user)
{
    Comparison *comparison = user;
    return row->dir == NULL || compare_dir(comparison, row->number, row->dir);
}

static gboolean
compare(Comparison *comparison, GError **error)
{
    PbxRepair *repair = comparison->repair;
    const gboolean read = store_each_trial(repair->store, compare_trial, comparison, error);
    if (read && comparison->error == NULL)
        (void)compare_dir(comparison, PBX_NONE, "");
    if (comparison->error != NULL) {
        if (read)
            g_propagate_error(error, g_steal_pointer(&comparison->error));
        g_clear_error(&comparison->error);
        return FALSE;
    }
    if (read && comparison->n > 0)
        finding_add(repair->findings, LOSS_NONE, comparison->one, "written anew from the store",
                    comparison->n == 1 ? "it is not what the store says"
                                       : "it and %u other log files are not what the store says",
                    comparison->n - 1);
    /* A logger is told of nothing that is not committed. */
    if (read && comparison->n_longer > 0)
        finding_add(repair->findings, LOSS_SOME, "experiment.db", "what was committed last is lost",
                    "%u files of %s tell of more than the store", comparison->n_longer,
                    comparison->slot);
    return read;
}

/* ---- All automatic loggers ---- */

static gboolean
repair_logger(PbxRepair *repair, PbxRunner *runner, const PbxPluginUse *use, GError **error)
{
    g_autofree char *made = g_build_filename(repair->work, "logs", use->slot, NULL);
    g_autofree char *store_dir = g_build_filename(repair->work, "new", NULL);
    if (g_mkdir_with_parents(made, 0700) != 0) {
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_BROKEN, "%s cannot be made: %s",
                    made, g_strerror(errno));
        return FALSE;
    }
    g_free(runner->dir);
    runner->dir = g_strdup(made);
    Comparison comparison = {.repair = repair, .slot = use->slot, .made = made};
    const gboolean good =
        log_rebuild(runner, use, store_dir, made, error) && compare(&comparison, error);
    g_free(comparison.one);
    return good;
}

/* The experiment as it was begun; NULL: its plugins are not all there, which is told. */
static PbxSpec *
load_spec(PbxRepair *repair, PbxRegistry *registry)
{
    g_autoptr(PbxProblems) problems = problems_new();
    g_autofree char *text = store_fact(repair->store, "spec");
    PbxDoc *doc =
        text != NULL ? doc_parse("experiment.json", text, strlen(text), DOC_PLAIN, problems) : NULL;
    PbxSpec *spec = doc != NULL ? spec_check_asked(doc, repair->dir, registry, problems) : NULL;
    if (spec != NULL)
        return spec;
    g_autofree char *lines = problems_format(problems);
    lines[strcspn(lines, "\n")] = '\0';
    finding_add(repair->findings, LOSS_SOME, "log files", "they are left as they are",
                "they cannot be verified: %s", text != NULL ? lines : "the spec is lost");
    return NULL;
}

gboolean
repair_logs(PbxRepair *repair, GError **error)
{
    g_autoptr(PbxRegistry) registry = registry_new(error);
    if (registry == NULL)
        return FALSE;
    g_autoptr(PbxSpec) spec = load_spec(repair, registry);
    if (spec == NULL)
        return TRUE;
    g_auto(GStrv) automatic = spec_auto_loggers();
    PbxRunner *runner = runner_new_outside(spec, registry);
    g_free(runner->id);
    runner->id = store_fact(repair->store, "experiment_id");
    gboolean good = TRUE;
    for (guint i = 0; i < spec->loggers->len && good; i++) {
        const PbxPluginUse *use = spec->loggers->pdata[i];
        if (g_strv_contains((const char *const *)automatic, use->plugin->desc->name))
            good = repair_logger(repair, runner, use, error);
    }
    runner_close(runner);
    return good;
}
