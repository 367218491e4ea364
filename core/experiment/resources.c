/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What this machine has, how many trials fit at once, thread counts for programs. */
#include <string.h>
#include <unistd.h>

#include "experiment/runner-private.h"

#define RESOLUTION 10000 /* of fractions: 0.0001, as Tune's */

/* Variables that set how many threads a numeric library starts. */
static const char *const thread_variables[] = {
    "OMP_NUM_THREADS",  "OPENBLAS_NUM_THREADS",   "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS",
};

gboolean
resources_open(PbxRunner *runner, GError **error)
{
    const PbxSpec *spec = runner->spec;
    runner->total_cpu = g_get_num_processors();
    runner->total_memory = (guint64)sysconf(_SC_PHYS_PAGES) * (guint64)sysconf(_SC_PAGESIZE);
    /* In whole ten-thousandths, so that ten of 0.1 fit in 1. */
    guint64 have = (guint64)(runner->total_cpu * RESOLUTION + 0.5);
    guint64 need = (guint64)(spec->cpu * RESOLUTION + 0.5);
    guint64 slots = need > 0 ? have / need : G_MAXUINT;
    if (spec->memory > 0)
        slots = MIN(slots, runner->total_memory / spec->memory);
    if (slots == 0) {
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE,
                    "no trial fits: one needs %g CPUs and %" G_GUINT64_FORMAT
                    " bytes of memory, this machine has %g and %" G_GUINT64_FORMAT,
                    spec->cpu, spec->memory, runner->total_cpu, runner->total_memory);
        return FALSE;
    }
    if (spec->max_concurrent_trials > 0)
        slots = MIN(slots, spec->max_concurrent_trials);
    runner->slots = spec->local ? 1 : (guint)MIN(slots, 100000);
    return TRUE;
}

static gboolean
has_variable(const GPtrArray *env, const char *name)
{
    gsize length = strlen(name);
    for (guint i = 0; i < env->len; i++) {
        const char *item = env->pdata[i];
        if (strncmp(item, name, length) == 0 && item[length] == '=')
            return TRUE;
    }
    return g_getenv(name) != NULL;
}

void
resources_environment(const PbxRunner *runner, GPtrArray *env)
{
    guint threads = MAX((guint)runner->spec->cpu, 1);
    for (gsize i = 0; i < G_N_ELEMENTS(thread_variables); i++)
        if (!has_variable(env, thread_variables[i]))
            g_ptr_array_add(env, g_strdup_printf("%s=%u", thread_variables[i], threads));
}
