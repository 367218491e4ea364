/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fidelity SEARCH.so OPTIONS SCHEDULER.so OPTIONS FUNCTION STEPS SEED: one run of a search beside a
 * scheduler, four trials at a time, which come closer to the function's value with each of 27
 * steps. Prints the best value of a trial that went all the way, after a quarter of so many steps
 * of all trials, a half, and all: a line "STEPS BEST" each. SCHEDULER.so may be "none". */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <pegbox/helpers.h>

#include "functions.h"
#include "host.h"
#include "random/random.h"

#define AT_ONCE  4
#define MAX_DIMS 32
#define LAST     27 /* step of a trial */

/* How far values are from the function's at first, about as far as its own differ. */
static const struct {
    const char *function;
    double spread;
} spreads[] = {{"branin", 10},  {"hartmann6", 0.3}, {"rosenbrock5", 2000},
               {"ackley10", 2}, {"levy4", 4},       {"mixcond", 0.2}};

typedef struct {
    gboolean runs;
    guint64 number;
    double x[MAX_DIMS];
    guint step;
} Trial;

typedef struct {
    PbxTestHost *search, *scheduler; /* scheduler: NULL: none */
    const Function *function;
    double spread;
    guint64 seed, next;
    double best;
} Run;

static void
check(PbxTestHost *host, pbx_status status, const char *what)
{
    if (status != PBX_OK)
        g_error("%s: status %d: %s", what, status, host->error.message);
}

/* Off by a bow along the first parameter, and by chance; both are less with each step. */
static double
value_at(const Run *run, const Trial *trial)
{
    const pbx_space *space = run->search->problem.space;
    const double u = pbx_to_unit(space->dims[0], trial->x[0]);
    const double left = 1 - (double)trial->step / LAST;
    PbxRandom random = {.seed = random_seed(run->seed, "noise"),
                        .stream = trial->number,
                        .offset = 2 * trial->step};
    return run->function->value(space, trial->x) +
           run->spread * left * (sin(6 * u) + random_normal(&random) / trial->step);
}

static void
begin(Run *run, Trial *trial)
{
    g_autoptr(GError) error = NULL;
    *trial = (Trial){.runs = TRUE, .number = run->next++};
    check(run->search, test_suggest(run->search, trial->number, trial->x), "suggest");
    if (!space_snap(run->search->space, trial->x, NULL, &error))
        g_error("suggest: %s", error->message);
    if (run->scheduler != NULL) {
        const pbx_scheduler *scheduler = run->scheduler->vtable;
        check(run->scheduler,
              scheduler->add(run->scheduler->self, trial->number, trial->x, NULL, NULL,
                             &run->scheduler->error),
              "add");
    }
}

static void
end(Run *run, Trial *trial, const pbx_result *last, guint32 how)
{
    const pbx_search *search = run->search->vtable;
    const pbx_outcome outcome = {.struct_size = sizeof outcome,
                                 .end = how,
                                 .n_dims = run->search->problem.space->n_dims,
                                 .trial = trial->number,
                                 .x = trial->x,
                                 .last = last,
                                 .budget = last->budget};
    if (search->tell != NULL)
        check(run->search, search->tell(run->search->self, &outcome, &run->search->error), "tell");
    if (run->scheduler != NULL) {
        const pbx_scheduler *scheduler = run->scheduler->vtable;
        check(run->scheduler,
              scheduler->end(run->scheduler->self, &outcome, &run->scheduler->error), "end");
    }
    trial->runs = FALSE;
    if (how == PBX_END_COMPLETED)
        run->best = MIN(run->best, run->function->value(run->search->problem.space, trial->x));
}

static void
step(Run *run, Trial *trial)
{
    const pbx_search *search = run->search->vtable;
    const double at = ++trial->step, value = value_at(run, trial);
    const guint8 present = 1;
    pbx_result result = {.struct_size = sizeof result,
                         .trial = trial->number,
                         .iteration = trial->step,
                         .rung = PBX_NO_RUNG,
                         .budget = (double)NAN,
                         .n_losses = 1,
                         .losses = &value,
                         .n_watched = 1,
                         .watched = &at,
                         .present = &present};
    pbx_decision decision = {.struct_size = sizeof decision, .budget = (double)NAN};
    if (run->scheduler != NULL) {
        const pbx_scheduler *scheduler = run->scheduler->vtable;
        check(run->scheduler,
              scheduler->result(run->scheduler->self, &result, &decision, &run->scheduler->error),
              "result");
        result.budget = decision.budget;
    }
    if (decision.action == PBX_ACTION_STOP)
        end(run, trial, &result, PBX_END_EARLY_STOPPED);
    else if (decision.action == PBX_ACTION_COMPLETE || trial->step == LAST)
        end(run, trial, &result, PBX_END_COMPLETED);
    else if (search->report != NULL)
        check(run->search, search->report(run->search->self, &result, &run->search->error),
              "report");
}

static void
run_all(Run *run, guint64 steps)
{
    Trial trials[AT_ONCE] = {{0}};
    for (guint64 done = 0; done < steps; done++) {
        Trial *trial = &trials[done % AT_ONCE];
        if (!trial->runs)
            begin(run, trial);
        step(run, trial);
        if (done + 1 == steps / 4 || done + 1 == steps / 2 || done + 1 == steps)
            printf("%" G_GUINT64_FORMAT " %.17g\n", done + 1, run->best);
    }
}

int
main(int argc, char **argv)
{
    test_host_init(&argc, &argv);
    if (argc != 8)
        g_error("fidelity SEARCH.so OPTIONS SCHEDULER.so OPTIONS FUNCTION STEPS SEED");
    Run run = {.function = function_named(argv[5]),
               .seed = g_ascii_strtoull(argv[7], NULL, 10),
               .best = (double)INFINITY};
    for (gsize i = 0; i < G_N_ELEMENTS(spreads); i++)
        if (strcmp(spreads[i].function, argv[5]) == 0)
            run.spread = spreads[i].spread;
    if (run.function == NULL || run.spread <= 0)
        g_error("there is no function %s", argv[5]);
    test_host_seed(run.seed);
    g_autoptr(PbxTestHost) search = test_host_new(argv[2]);
    check(search, test_host_setup(search, run.function->config, "loss:min", -1), "setup");
    run.search = search;
    g_autoptr(PbxTestHost) scheduler = NULL;
    if (strcmp(argv[3], "none") != 0) {
        test_host_module(argv[3]);
        scheduler = test_host_new(argv[4]);
        check(scheduler, test_host_setup(scheduler, run.function->config, "loss:min", -1), "setup");
        run.scheduler = scheduler;
    }
    run_all(&run, g_ascii_strtoull(argv[6], NULL, 10));
    return 0;
}
