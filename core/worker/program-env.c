/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The environment of a trial's program: the worker's own, the experiment's, pegbox's. */
#include <string.h>
#include <unistd.h>

#include "worker/process-private.h"

/* A later entry takes the place of an earlier one of the same name. */
static void
env_set(GPtrArray *env, const char *name, gsize name_length, char *entry)
{
    for (guint i = 0; i < env->len; i++) {
        const char *old = env->pdata[i];
        if (strncmp(old, name, name_length) == 0 && old[name_length] == '=') {
            g_free(env->pdata[i]);
            env->pdata[i] = entry;
            return;
        }
    }
    g_ptr_array_add(env, entry);
}

static void
env_set_value(GPtrArray *env, const char *name, const char *value)
{
    env_set(env, name, strlen(name), g_strconcat(name, "=", value, NULL));
}

static const char *
env_get(const GPtrArray *env, const char *name)
{
    gsize length = strlen(name);
    for (guint i = 0; i < env->len; i++) {
        const char *entry = env->pdata[i];
        if (strncmp(entry, name, length) == 0 && entry[length] == '=')
            return entry + length + 1;
    }
    return NULL;
}

/* pegbox.py is importable in every program, whatever Python runs it. */
static void
add_python(GPtrArray *env)
{
    const char *own = places_get()->python, *old = env_get(env, "PYTHONPATH");
    if (own == NULL)
        return;
    if (old == NULL || old[0] == '\0') {
        env_set_value(env, "PYTHONPATH", own);
        return;
    }
    g_autofree char *both = g_strconcat(own, ":", old, NULL);
    env_set_value(env, "PYTHONPATH", both);
}

static void
env_remove(GPtrArray *env, const char *name)
{
    gsize length = strlen(name);
    for (guint i = env->len; i-- > 0;) {
        const char *entry = env->pdata[i];
        if (strncmp(entry, name, length) == 0 && entry[length] == '=') {
            g_free(env->pdata[i]);
            g_ptr_array_remove_index_fast(env, i);
        }
    }
}

char **
program_env(PbxWorker *worker, const PbxRun *run)
{
    GPtrArray *env = g_ptr_array_sized_new(64);
    g_auto(GStrv) set = message_get_strings(run->message, "env");
    for (char **entry = environ; *entry != NULL; entry++)
        g_ptr_array_add(env, g_strdup(*entry));
    /* That of a trial in which the driver itself runs is not this one's. */
    env_remove(env, "PEGBOX_CHECKPOINT");
    for (gsize i = 0; set[i] != NULL; i++) {
        const char *equals = strchr(set[i], '=');
        if (equals != NULL)
            env_set(env, set[i], (gsize)(equals - set[i]), g_strdup(set[i]));
    }
    env_set_value(env, "PEGBOX_TRIAL_ID", run->abi_trial.id);
    env_set_value(env, "PEGBOX_TRIAL_DIR", run->abi_trial.dir);
    /* What stands at checkpoint.path the program finds by itself. */
    if (run->info.restored != NULL && run->kept == NULL)
        env_set_value(env, "PEGBOX_CHECKPOINT", run->info.restored);
    if (worker->program != NULL) {
        add_python(env);
        env_set_value(env, "PEGBOX_CONFIG", program_socket_config_path(worker->program));
        env_set_value(env, "PEGBOX_SOCKET", program_socket_address(worker->program));
    }
    g_ptr_array_add(env, NULL);
    return (char **)g_ptr_array_free(env, FALSE);
}
