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

char **
program_env(PbxWorker *worker, const char *const *set, const char *trial_id, const char *trial_dir)
{
    GPtrArray *env = g_ptr_array_sized_new(64);
    for (char **entry = environ; *entry != NULL; entry++)
        g_ptr_array_add(env, g_strdup(*entry));
    for (gsize i = 0; set[i] != NULL; i++) {
        const char *equals = strchr(set[i], '=');
        if (equals != NULL)
            env_set(env, set[i], (gsize)(equals - set[i]), g_strdup(set[i]));
    }
    env_set_value(env, "PEGBOX_TRIAL_ID", trial_id);
    env_set_value(env, "PEGBOX_TRIAL_DIR", trial_dir);
    if (worker->program != NULL) {
        add_python(env);
        env_set_value(env, "PEGBOX_CONFIG", program_socket_config_path(worker->program));
        env_set_value(env, "PEGBOX_SOCKET", program_socket_address(worker->program));
    }
    g_ptr_array_add(env, NULL);
    return (char **)g_ptr_array_free(env, FALSE);
}
