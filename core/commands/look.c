/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening an experiment to look at it, and finding a trial in it. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include <pegbox/types.h>

#include "analysis/analysis.h"
#include "commands/look-private.h"

int
look_failed(const GError *error)
{
    command_error("%s", error->message);
    return g_error_matches(error, PBX_STORE_ERROR, STORE_ERROR_NONE) ? EXIT_USAGE : EXIT_BROKEN;
}

/* A fact that says something. */
static char *
fact(PbxStore *store, const char *key)
{
    g_autofree char *value = store_fact(store, key);
    return value != NULL && value[0] != '\0' ? g_steal_pointer(&value) : NULL;
}

gboolean
look_open_dir(PbxLook *look, const char *dir, GError **error)
{
    g_autoptr(PbxStore) store = store_open(dir, FALSE, error);
    if (store == NULL)
        return FALSE;
    *look = (PbxLook){
        .dir = g_strdup(dir),
        .name = fact(store, "name"),
        .id = fact(store, "experiment_id"),
        .metric = fact(store, "metric"),
    };
    if (look->name == NULL)
        look->name = g_path_get_basename(dir);
    g_autofree char *mode = fact(store, "mode");
    if (look->metric != NULL)
        look->sign = g_strcmp0(mode, "max") == 0 ? -1 : 1;
    g_autofree char *spec = fact(store, "spec");
    if (spec != NULL)
        look->spec = json_read(spec, strlen(spec), DOC_MAX_NESTING, NULL);
    if (look->spec != NULL && !JSON_NODE_HOLDS_OBJECT(look->spec))
        g_clear_pointer(&look->spec, json_node_unref);
    (void)store_objectives(look->spec, &look->metrics, &look->signs);
    look->store = g_steal_pointer(&store);
    g_autofree char *status = look_status(look);
    look->running = g_strcmp0(status, "running") == 0;
    return TRUE;
}

gboolean
look_open(PbxLook *look, const char *exp, int *status)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *dir = command_find_experiment(exp, &error);
    if (dir != NULL && look_open_dir(look, dir, &error))
        return TRUE;
    *status = look_failed(error);
    return FALSE;
}

void
look_clear(PbxLook *look)
{
    g_free(look->dir);
    g_free(look->name);
    g_free(look->id);
    g_free(look->metric);
    g_strfreev(look->metrics);
    g_free(look->signs);
    g_clear_pointer(&look->spec, json_node_unref);
    store_close(look->store);
    *look = (PbxLook){0};
}

PbxTrialRow *
look_trial(PbxLook *look, const char *trial, int *status)
{
    g_autoptr(GError) error = NULL;
    PbxTrialRow *row = store_find_trial(look->store, trial, &error);
    guint64 counts[5], n = 0;
    if (row != NULL)
        return row;
    if (error != NULL || !store_counts(look->store, counts, &error)) {
        *status = look_failed(error);
        return NULL;
    }
    *status = EXIT_USAGE;
    for (gsize i = 0; i < G_N_ELEMENTS(counts); i++)
        n += counts[i];
    if (n == 0)
        command_error("no trial '%s' in %s: it has no trials yet", trial, look->name);
    else
        command_error("no trial '%s' in %s: it has trials 0 to %" G_GUINT64_FORMAT, trial,
                      look->name, n - 1);
    g_autofree char *dir = command_find_experiment(trial, NULL);
    if (dir != NULL)
        command_hint("%s is an experiment: which trial of it?", trial);
    return NULL;
}

/* The sign of one of the experiment's metrics; 0: it is none of them. */
static int
sign_of(const PbxLook *look, const char *metric)
{
    for (guint i = 0; look->metrics != NULL && look->metrics[i] != NULL; i++)
        if (g_str_equal(look->metrics[i], metric))
            return look->signs[i];
    return g_strcmp0(look->metric, metric) == 0 ? look->sign : 0;
}

gboolean
look_metric(const PbxLook *look, const char *metric_option, const char *mode_option,
            const char **metric, int *sign)
{
    g_autoptr(GError) error = NULL;
    if (metric_option == NULL && look->metrics != NULL) {
        g_autofree char *names = g_strjoinv(", ", look->metrics);
        command_error("%s has several metrics (%s): --metric NAME picks one", look->name, names);
        return FALSE;
    }
    *metric = metric_option != NULL ? metric_option : look->metric;
    *sign = *metric != NULL ? sign_of(look, *metric) : 0;
    if (*metric == NULL) {
        command_error("%s names no metric: give --metric NAME --mode min|max", look->name);
        return FALSE;
    }
    if (mode_option == NULL && *sign == 0) {
        command_error("--metric %s needs --mode min or --mode max", *metric);
        return FALSE;
    }
    if (mode_option == NULL || mode_parse(mode_option, sign, &error))
        return TRUE;
    command_error("%s", error->message);
    return FALSE;
}

/* Whether HOST:PID is a process that this host once had and has no more. */
static gboolean
is_gone(const char *driver)
{
    const char *colon = driver != NULL ? strrchr(driver, ':') : NULL;
    gint64 pid = 0;
    if (colon == NULL || !g_ascii_string_to_signed(colon + 1, 10, 1, G_MAXINT, &pid, NULL))
        return FALSE;
    g_autofree char *host = g_strndup(driver, (gsize)(colon - driver));
    return g_str_equal(host, g_get_host_name()) && kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

char *
look_status(PbxLook *look)
{
    g_autofree char *status = fact(look->store, "status");
    g_autofree char *driver = fact(look->store, "driver");
    if (g_strcmp0(status, "running") == 0 && is_gone(driver))
        return g_strdup("interrupted");
    return g_steal_pointer(&status);
}

int
look_state(const PbxLook *look, const PbxTrialRow *trial)
{
    /* One that was asked for runs elsewhere, whoever drives. */
    const gboolean left = trial->state == PBX_STATE_RUNNING && !look->running &&
                          g_strcmp0(trial->reason, STORE_REASON_ASKED) != 0;
    return left ? PBX_STATE_PENDING : (int)trial->state;
}
