/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asking and telling through the store, without a driver, for bench_ask.py. Prints JSON:
 *   ask            pairs a second of one process that links core's library; the median of rounds;
 *                  and the processor time of a pair
 *   ask_processes  16 processes at once, each with the experiment opened for itself: pairs a second
 *                  of all, and trials that were given to nobody or to two
 * bench-ask DIR [--short]: experiments are made in DIR.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "experiment/experiment.h"
#include "json/json.h"

#define ROUNDS    5
#define PROCESSES 16

static PbxRegistry *registry;
static const char *folder;

G_NORETURN static void
die(const GError *error)
{
    fprintf(stderr, "bench-ask: %s\n", error->message);
    exit(1);
}

static PbxExperiment *
create(const char *name, guint pairs)
{
    g_autoptr(PbxProblems) problems = problems_new();
    g_autoptr(GError) error = NULL;
    g_autofree char *text = g_strdup_printf(
        "{\"name\": \"%s\", \"results_dir\": \"%s\", \"num_samples\": %u, \"metric\": \"loss\", "
        "\"mode\": \"min\", \"config\": {\"lr\": {\"$loguniform\": [1e-5, 0.1]}, "
        "\"opt\": {\"$choice\": [\"adam\", \"sgd\"]}, \"layers\": {\"$randint\": [1, 9]}}}",
        name, folder, pairs);
    PbxDoc *doc = doc_parse("bench", text, strlen(text), DOC_PLAIN, problems);
    PbxSpec *spec = doc != NULL ? spec_check_asked(doc, folder, registry, problems) : NULL;
    if (spec == NULL) {
        g_autofree char *told = problems_format(problems);
        fprintf(stderr, "bench-ask: %s", told);
        exit(1);
    }
    PbxExperiment *experiment = experiment_create(spec, &error);
    if (experiment == NULL)
        die(error);
    return experiment;
}

/* One pair. FALSE: there are no more. */
static gboolean
pair(PbxExperiment *experiment, guint8 *given)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonObject) answer = NULL;
    PbxAskOutcome outcome = experiment_ask(experiment, &answer, &error);
    if (outcome == ASK_FAILED)
        die(error);
    if (outcome != ASK_TRIAL)
        return FALSE;
    gint64 number = json_object_get_int_member(answer, "trial");
    double lr =
        json_object_get_double_member(json_object_get_object_member(answer, "config"), "lr");
    given[number]++;
    g_autoptr(JsonNode) loss = json_node_init_double(json_node_alloc(), lr);
    g_autofree char *trial = g_strdup_printf("%" G_GINT64_FORMAT, number);
    g_autoptr(JsonObject) told = NULL;
    const PbxTelling telling = {.trial = trial, .result = loss};
    if (!experiment_tell(experiment, &telling, &told, &error))
        die(error);
    return TRUE;
}

static int
compare(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static double
processor_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* cost: processor milliseconds a pair. */
static double
one_process(guint pairs, double *cost)
{
    double rates[ROUNDS];
    const double before = processor_ms();
    for (int i = 0; i < ROUNDS; i++) {
        g_autofree char *name = g_strdup_printf("one%d", i);
        g_autofree guint8 *given = g_malloc0(pairs);
        PbxExperiment *experiment = create(name, pairs);
        const gint64 began = g_get_monotonic_time();
        guint n = 0;
        while (pair(experiment, given))
            n++;
        experiment_close(experiment);
        rates[i] = n / ((double)(g_get_monotonic_time() - began) / 1e6);
    }
    *cost = (processor_ms() - before) / (ROUNDS * (double)pairs);
    qsort(rates, ROUNDS, sizeof *rates, compare);
    return rates[ROUNDS / 2];
}

/* What one of many was given, a byte a trial, goes into the pipe. */
G_NORETURN static void
child(const char *dir, guint pairs, int out)
{
    g_autoptr(GError) error = NULL;
    guint8 *given = g_malloc0(pairs);
    PbxExperiment *experiment = experiment_open(dir, &error);
    if (experiment == NULL)
        die(error);
    while (pair(experiment, given))
        ;
    experiment_close(experiment);
    for (gsize at = 0; at < pairs;) {
        ssize_t n = write(out, given + at, pairs - at);
        if (n < 0)
            _exit(1);
        at += (gsize)n;
    }
    _exit(0);
}

static void
collect(int in, guint pairs, guint *times)
{
    g_autofree guint8 *given = g_malloc0(pairs);
    gsize at = 0;
    for (ssize_t n; at < pairs && (n = read(in, given + at, pairs - at)) > 0;)
        at += (gsize)n;
    for (guint i = 0; i < pairs; i++)
        times[i] += given[i];
    close(in);
}

static double
many_processes(guint pairs, guint *lost, guint *doubled)
{
    int pipes[PROCESSES][2];
    g_autofree guint *times = g_new0(guint, pairs);
    g_autofree char *dir = g_build_filename(folder, "many", NULL);
    /* Closed again: nobody takes a connection to SQLite over a fork. */
    experiment_close(create("many", pairs));
    const gint64 began = g_get_monotonic_time();
    for (int i = 0; i < PROCESSES; i++) {
        if (pipe(pipes[i]) != 0)
            exit(1);
        pid_t pid = fork();
        if (pid < 0)
            exit(1);
        if (pid == 0)
            child(dir, pairs, pipes[i][1]);
        close(pipes[i][1]);
    }
    for (int i = 0; i < PROCESSES; i++)
        collect(pipes[i][0], pairs, times);
    for (int i = 0, status = 0; i < PROCESSES; i++)
        if (wait(&status) < 0 || status != 0)
            exit(1);
    const double seconds = (double)(g_get_monotonic_time() - began) / 1e6;
    for (guint i = 0; i < pairs; i++) {
        *lost += times[i] == 0;
        *doubled += times[i] > 1;
    }
    return pairs / seconds;
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    if (argc < 2) {
        fprintf(stderr, "usage: bench-ask DIR [--short]\n");
        return 2;
    }
    const guint pairs = argc > 2 ? 500 : 5000;
    folder = argv[1];
    registry = registry_new(&error);
    if (registry == NULL)
        die(error);
    double cost;
    const double rate = one_process(pairs, &cost);
    guint lost = 0, doubled = 0;
    const double together = many_processes(pairs, &lost, &doubled);
    printf("{\"ask\": {\"pairs_a_second\": %.0f, \"pairs\": %u, \"processor_ms\": %.6f},\n"
           " \"ask_processes\": {\"processes\": %d, \"pairs_a_second\": %.0f, \"pairs\": %u, "
           "\"lost\": %u, \"doubled\": %u}}\n",
           rate, pairs, cost, PROCESSES, together, pairs, lost, doubled);
    registry_free(registry);
    return lost + doubled > 0;
}
