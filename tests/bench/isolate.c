/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* isolate PLUGIN.so N: microseconds, of the wall clock, that a call of a stopper takes here and in
 * a child process, as medians of N in turn, as JSON. The stopper is a plugin of the build's; what
 * it is given is a result of ten fields. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decider/decider.h"

typedef struct {
    PbxDecider *decider;
    double *took_us;
} Side;

static int
compare(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

static double
median(double *values, guint n)
{
    qsort(values, n, sizeof *values, compare);
    return values[n / 2];
}

static PbxDecider *
make(const PbxPlugin *plugin, PbxOptions *options, const pbx_problem *problem, gboolean in_child)
{
    g_autoptr(GError) error = NULL;
    PbxDecider *decider = NULL;
    if (in_child) {
        const PbxPlaced member = {
            .plugin = plugin, .slot = "stop[0]", .options = options, .seed = 1, .problem = problem};
        const PbxPlacement placement = {.limit_ns = G_GINT64_CONSTANT(300000000000),
                                        .warn_ns = G_MAXINT64};
        (void)deciders_new_child(&member, 1, &placement, &decider, &error);
    } else {
        PbxInstance *instance =
            instance_new(plugin, "stop[0]", options, 1, NULL, NULL, NULL, NULL, NULL, &error);
        decider = instance != NULL ? decider_new(instance, G_MAXINT64) : NULL;
    }
    if (decider == NULL)
        g_error("%s", error->message);
    PbxCall setup = {.id = CALL_STOPPER_SETUP, .problem = problem};
    decider_call(decider, &setup, NULL, NULL);
    return decider;
}

static double
call_once(PbxDecider *decider, const pbx_result *result)
{
    pbx_verdict verdict = {.struct_size = sizeof verdict};
    PbxCall call = {.id = CALL_STOPPER_RESULT, .result = result, .verdict = &verdict};
    const gint64 began = g_get_monotonic_time();
    /* Ten, as the clock counts microseconds. */
    for (int i = 0; i < 10; i++)
        decider_call(decider, &call, NULL, NULL);
    if (call.status != PBX_OK)
        g_error("%s", call.error.message);
    return (double)(g_get_monotonic_time() - began) / 10;
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(PbxProblems) problems = problems_new();
    g_autoptr(PbxRegistry) registry = registry_new(&error);
    if (argc != 3 || registry == NULL)
        g_error("isolate PLUGIN.so N");
    const guint n = (guint)g_ascii_strtoull(argv[2], NULL, 10);
    const PbxPlugin *plugin = registry_load_file(registry, argv[1], NULL, NULL, &error);
    if (plugin == NULL)
        g_error("%s", error->message);
    g_autoptr(JsonNode) node = json_from_string("{\"max_iter\": 1000000000}", NULL);
    g_autoptr(PbxDoc) doc = doc_new_for_node("bench", node);
    PbxSandbox *sandbox = sandbox_new();
    PbxOptionContext context = {.registry = registry, .sandbox = sandbox};
    PbxOptions *options = options_check(plugin, doc, "", NULL, &context, problems);
    const pbx_space space = {.struct_size = sizeof space};
    const pbx_problem problem = {.struct_size = sizeof problem, .space = &space, .num_samples = -1};
    static const char text[] =
        "{\"loss\":0.123456789,\"accuracy\":0.98765,\"training_iteration\":17,\"time_total_s\":12."
        "5,"
        "\"time_this_iter_s\":0.7,\"trial_id\":\"a1b2c_00017\",\"date\":\"2026-11-28_12-00-00\","
        "\"hostname\":\"host\",\"pid\":12345,\"config\":{\"lr\":0.001,\"momentum\":0.9}}";
    const double losses[] = {0.123456789};
    const uint64_t counts[PBX_N_STATES] = {1, 2, 3, 4, 5};
    const pbx_result result = {.struct_size = sizeof result,
                               .n_losses = 1,
                               .losses = losses,
                               .counts = counts,
                               .iteration = 17,
                               .text = text,
                               .text_size = sizeof text - 1};
    Side sides[2];
    for (guint i = 0; i < 2; i++) {
        sides[i] =
            (Side){.decider = make(plugin, options, &problem, i == 1), .took_us = g_new(double, n)};
        (void)call_once(sides[i].decider, &result);
    }
    for (guint j = 0; j < n; j++)
        for (guint i = 0; i < 2; i++)
            sides[i].took_us[j] = call_once(sides[i].decider, &result);
    printf("{\"here_us\": %.3f, \"child_us\": %.3f}\n", median(sides[0].took_us, n),
           median(sides[1].took_us, n));
    for (guint i = 0; i < 2; i++) {
        decider_free(sides[i].decider);
        g_free(sides[i].took_us);
    }
    options_free(options);
    sandbox_free(sandbox);
    return 0;
}
