/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* search/nsga2: the plugin as its host sees it. */
#include <math.h>
#include <string.h>

#include <pegbox/helpers.h>

#include "test-nsga2.h"

#define MAX_DIMS 256
#define TWO_DIMS "{\"x\": {\"$uniform\": [0, 1]}, \"y\": {\"$uniform\": [0, 1]}}"
#define OPERATORS                                                                                  \
    "{\"a\": {\"$uniform\": [-1, 1]}, \"b\": {\"$quniform\": [0, 0.9, 0.3]}, "                     \
    "\"c\": {\"$loguniform\": [1e-10, 0.1]}, \"d\": {\"$qloguniform\": [0.5, 2, 0.5]}, "           \
    "\"e\": {\"$randn\": [3, 2]}, \"f\": {\"$qrandn\": [0, 1, 0.1]}, \"g\": {\"$randint\": 4}, "   \
    "\"h\": {\"$qrandint\": [0, 10, 5]}, \"i\": {\"$lograndint\": [1, 100]}, "                     \
    "\"j\": {\"$qlograndint\": [2, 8, 2]}, \"l\": {\"$choice\": [16, 64, 256]}, "                  \
    "\"k\": {\"$choice\": [\"x\", {\"type\": \"y\", \"eps\": {\"$loguniform\": [1e-9, 1e-6]}, "    \
    "\"in\": {\"$choice\": [{\"p\": {\"$uniform\": [0, 1]}}, 2]}}, [{\"$randint\": 3}, 1]]}}"

static const char *const modes[] = {
    "{\"population_size\": 10}",
    "{\"population_size\": 10, \"crossover\": \"sbx\", \"mutation\": \"redraw\"}",
    "{\"population_size\": 10, \"mutation_prob\": 1, \"mutation_eta\": 200}",
    "{\"population_size\": 10, \"mutation_prob\": 0, \"crossover\": \"sbx\", \"crossover_eta\": 0}",
    "{\"population_size\": 2, \"crossover_prob\": 0}",
};

PbxTestHost *
host_for(const char *options, const char *config, const char *objectives)
{
    PbxTestHost *host = test_host_new(options);
    pbx_status status = test_host_setup(host, config, objectives, -1);
    g_assert_cmpstr(host->error.message, ==, "");
    g_assert_cmpint(status, ==, PBX_OK);
    return host;
}

/* ---- Calls ---- */

/* The generation that the point is of. */
static guint64
ask(PbxTestHost *host, guint64 number, double *x)
{
    const pbx_search *search = host->vtable;
    pbx_suggestion suggestion = {.struct_size = sizeof suggestion,
                                 .n_dims = host->problem.space->n_dims,
                                 .trial = number,
                                 .ask = number,
                                 .x = x};
    double snapped[MAX_DIMS];
    for (guint i = 0; i < suggestion.n_dims; i++)
        x[i] = 123456;
    g_assert_cmpint(search->suggest(host->self, &suggestion, &host->error), ==, PBX_OK);
    memcpy(snapped, x, suggestion.n_dims * sizeof(double));
    g_assert_true(space_snap(host->space, snapped, NULL, NULL));
    for (guint i = 0; i < suggestion.n_dims; i++)
        g_assert_true(x[i] == snapped[i] || (isnan(x[i]) && isnan(snapped[i])));
    return suggestion.origin;
}

static void
end(PbxTestHost *host, guint64 trial, const double *x, guint32 how, const double *losses,
    double violation)
{
    const pbx_search *search = host->vtable;
    const pbx_result last = {.struct_size = sizeof last,
                             .n_losses = host->problem.n_objectives,
                             .n_violations = isnan(violation) ? 0 : 1,
                             .trial = trial,
                             .losses = losses,
                             .violations = &violation};
    pbx_outcome outcome = *test_outcome(host, trial, how, losses != NULL ? &last : NULL);
    outcome.x = x;
    g_assert_cmpint(search->tell(host->self, &outcome, &host->error), ==, PBX_OK);
}

static void
tell(PbxTestHost *host, guint64 trial, const double *x, double one, double other)
{
    end(host, trial, x, PBX_END_COMPLETED, (double[]){one, other}, (double)NAN);
}

static void
adopt(PbxTestHost *host, guint64 trial, double *x, guint32 flags)
{
    const pbx_search *search = host->vtable;
    const pbx_suggestion suggestion = {.struct_size = sizeof suggestion,
                                       .flags = flags,
                                       .n_dims = host->problem.space->n_dims,
                                       .trial = trial,
                                       .ask = flags & PBX_SUGGESTION_ENQUEUED ? PBX_NONE : trial,
                                       .x = x};
    g_assert_cmpint(search->adopt(host->self, &suggestion, &host->error), ==, PBX_OK);
}

/* How far a point is from `middle` of each parameter's unit interval. */
static double
bowl(PbxTestHost *host, const double *x, double middle)
{
    double sum = 0;
    guint n = 0;
    for (guint i = 0; i < host->problem.space->n_dims; i++) {
        if (isnan(x[i]))
            continue;
        sum += pow(pbx_to_unit(host->problem.space->dims[i], x[i]) - middle, 2);
        n++;
    }
    return n > 0 ? sum / n : 0;
}

double
run(PbxTestHost *host, guint64 first, guint n)
{
    double x[MAX_DIMS], sum = 0;
    for (guint64 trial = first; trial < first + n; trial++) {
        ask(host, trial, x);
        const double one = bowl(host, x, 0.3), other = bowl(host, x, 0.6);
        tell(host, trial, x, one, other);
        sum += sqrt(fmin(one, other));
    }
    return sum / n;
}

/* ---- It learns ---- */

static void
test_every_operator(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(modes); i++) {
        g_autoptr(PbxTestHost) host = host_for(modes[i], OPERATORS, "a:min b:min");
        const double before = run(host, 0, i == 4 ? 2 : 10);
        run(host, 10, 150);
        const double after = run(host, 200, 50);
        if (!(after < before))
            g_error("%s: from %g on average to %g", modes[i], before, after);
    }
}

/* The problem ZDT1 of Zitzler, Deb and Thiele, 2000, at [0, 1]^30. */
static double
zdt1(PbxTestHost *host, guint n)
{
    static const double reference[] = {1.1, 1.1};
    double x[30], volume = 0;
    g_autoptr(GArray) losses = g_array_new(FALSE, FALSE, sizeof(double));
    for (guint64 trial = 0; trial < n; trial++) {
        double tail = 0;
        g_assert_cmpint(test_suggest(host, trial, x), ==, PBX_OK);
        for (guint i = 1; i < 30; i++)
            tail += x[i];
        const double g = 1 + 9 * tail / 29, second = g * (1 - sqrt(x[0] / g));
        tell(host, trial, x, x[0], second);
        g_array_append_val(losses, x[0]);
        g_array_append_val(losses, second);
    }
    g_assert_cmpint(
        pbx_hypervolume((const double *)(const void *)losses->data, n, 2, reference, &volume), ==,
        PBX_OK);
    return volume;
}

static PbxTestHost *
zdt1_host(const char *options)
{
    g_autoptr(GString) config = g_string_new("{");
    for (guint i = 0; i < 30; i++)
        g_string_append_printf(config, "%s\"x%02u\": {\"$uniform\": [0, 1]}", i > 0 ? ", " : "", i);
    g_string_append_c(config, '}');
    return host_for(options, config->str, "a:min b:min");
}

/* Random points have nothing of it after 2000, and 0.8767 is all there is. */
static void
test_zdt1(void)
{
    double sum = 0;
    for (guint64 seed = 0; seed < 5; seed++) {
        test_host_seed(seed);
        g_autoptr(PbxTestHost) host = zdt1_host("{}");
        const double volume = zdt1(host, 2000);
        g_assert_cmpfloat(volume, <, 0.87667);
        sum += volume;
    }
    g_assert_cmpfloat(sum / 5, >, 0.35);
    test_host_seed(7);
}

static void
test_one_objective(void)
{
    g_autoptr(PbxTestHost) host = host_for("{}", TWO_DIMS, "loss:max");
    double x[2], sum = 0;
    for (guint64 trial = 0; trial < 500; trial++) {
        ask(host, trial, x);
        const double loss = bowl(host, x, 0.7);
        end(host, trial, x, PBX_END_COMPLETED, &loss, (double)NAN);
        sum += trial >= 400 ? loss : 0;
    }
    g_assert_cmpfloat(sum / 100, <, 0.02);
}

/* The good branch is taken, and what is in it learnt. */
static void
test_branches(void)
{
    g_autoptr(PbxTestHost) host =
        host_for("{\"population_size\": 20}",
                 "{\"o\": {\"$choice\": [{\"a\": {\"$uniform\": [0, 1]}}, "
                 "{\"b\": {\"$uniform\": [0, 1]}, \"c\": {\"$uniform\": [0, 1]}}]}}",
                 "one:min other:min");
    double x[4];
    guint good = 0;
    for (guint64 trial = 0; trial < 300; trial++) {
        ask(host, trial, x);
        if (x[0] == 0)
            tell(host, trial, x, 2 + x[1], 2 + x[1]);
        else
            tell(host, trial, x, fabs(x[2] - 0.7), fabs(x[2] - 0.7) + x[3]);
        good += trial >= 200 && x[0] == 1 && fabs(x[2] - 0.7) < 0.2 && x[3] < 0.3;
    }
    g_assert_cmpuint(good, >, 60);
}

/* ---- Generations ---- */

static void
test_generations(void)
{
    g_autoptr(PbxTestHost) host = host_for("{\"population_size\": 5}", TWO_DIMS, "a:min b:min");
    double x[20][2];
    for (guint64 trial = 0; trial < 8; trial++)
        g_assert_cmpuint(ask(host, trial, x[trial]), ==, 0);
    /* Three run on: the first five that end make the generation. */
    for (guint64 trial = 3; trial < 8; trial++)
        tell(host, trial, x[trial], x[trial][0], x[trial][1]);
    for (guint64 trial = 8; trial < 10; trial++)
        g_assert_cmpuint(ask(host, trial, x[trial]), ==, 1);
    for (guint64 trial = 0; trial < 3; trial++)
        tell(host, trial, x[trial], x[trial][0], x[trial][1]);
    tell(host, 8, x[8], 0, 1);
    g_assert_cmpuint(ask(host, 10, x[10]), ==, 1);
    tell(host, 9, x[9], 1, 0);
    g_assert_cmpuint(ask(host, 11, x[11]), ==, 2);
}

/* The same points at random, whatever they were told. */
static void
test_the_first_is_random(void)
{
    g_autoptr(PbxTestHost) one = host_for("{\"population_size\": 5}", TWO_DIMS, "a:min b:min");
    g_autoptr(PbxTestHost) other = host_for("{\"population_size\": 5}", TWO_DIMS, "a:min b:min");
    double x[2], y[2];
    guint same = 0;
    for (guint64 trial = 0; trial < 15; trial++) {
        ask(one, trial, x);
        ask(other, trial, y);
        same += x[0] == y[0];
        g_assert_true(trial >= 5 || same == trial + 1);
        tell(one, trial, x, x[0], x[1]);
        tell(other, trial, y, -y[0], -y[1]);
    }
    g_assert_cmpuint(same, <, 12);
}

/* ---- What is worse, whatever it says ---- */

/* Everything below a half is bad in one way or another: few of the last ones are there. */
static void
check_bad_half(guint32 how, const double *losses, double violation)
{
    g_autoptr(PbxTestHost) host = host_for("{\"population_size\": 20}", TWO_DIMS, "a:min b:min");
    double x[2];
    guint in_bad = 0;
    for (guint64 trial = 0; trial < 200; trial++) {
        ask(host, trial, x);
        const double good[] = {x[0] + x[1], 2 - x[1]};
        if (x[0] >= 0.5)
            end(host, trial, x, PBX_END_COMPLETED, good, isnan(violation) ? violation : -1);
        else
            end(host, trial, x, how, losses, violation);
        in_bad += trial >= 100 && x[0] < 0.5;
    }
    g_assert_cmpuint(in_bad, <, 35);
}

static void
test_bad_trials_are_avoided(void)
{
    static const double best[] = {-9, -9}, nan[] = {-9, (double)NAN},
                        infinite[] = {(double)INFINITY, -9};
    check_bad_half(PBX_END_FAILED, best, (double)NAN);
    check_bad_half(PBX_END_FAILED, NULL, (double)NAN);
    check_bad_half(PBX_END_COMPLETED, NULL, (double)NAN);
    check_bad_half(PBX_END_COMPLETED, nan, (double)NAN);
    check_bad_half(PBX_END_COMPLETED, infinite, (double)NAN);
    check_bad_half(PBX_END_COMPLETED, best, 3);
    check_bad_half(PBX_END_COMPLETED, best, (double)INFINITY);
    check_bad_half(PBX_END_EARLY_STOPPED, best, (double)NAN);
    check_bad_half(PBX_END_STOPPED, best, (double)NAN);
}

/* Of those that violate the constraints the ones that do so less are better: it comes in. */
static void
test_into_the_feasible(void)
{
    g_autoptr(PbxTestHost) host = host_for("{\"population_size\": 10}", TWO_DIMS, "a:min b:min");
    double x[2];
    guint feasible = 0;
    for (guint64 trial = 0; trial < 400; trial++) {
        ask(host, trial, x);
        const double losses[] = {x[1], 1 - x[1]};
        end(host, trial, x, PBX_END_COMPLETED, losses, x[0] - 0.01);
        feasible += trial >= 300 && x[0] <= 0.01;
    }
    g_assert_cmpuint(feasible, >, 60);
}

/* Then it goes on at random. */
static void
test_nothing_good_at_all(void)
{
    g_autoptr(PbxTestHost) host = host_for("{\"population_size\": 3}", OPERATORS, "a:min b:min");
    double x[MAX_DIMS];
    for (guint64 trial = 0; trial < 60; trial++) {
        ask(host, trial, x);
        end(host, trial, x, PBX_END_FAILED, NULL, (double)NAN);
    }
}

static void
test_all_alike(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(modes); i++) {
        g_autoptr(PbxTestHost) host = host_for(modes[i], OPERATORS, "a:min b:min");
        double x[MAX_DIMS];
        for (guint64 trial = 0; trial < 60; trial++) {
            ask(host, trial, x);
            tell(host, trial, x, 7, 7);
        }
    }
}

/* ---- Points that come once ---- */

static gboolean
is_new(GHashTable *seen, const double *x, guint n)
{
    g_autoptr(GString) key = g_string_new(NULL);
    for (guint i = 0; i < n; i++)
        g_string_append_printf(key, "%.17g ", x[i]);
    return g_hash_table_add(seen, g_string_free(g_steal_pointer(&key), FALSE));
}

static void
test_running_ones_do_not_come_again(void)
{
    g_autoptr(PbxTestHost) host =
        host_for("{\"population_size\": 4}",
                 "{\"a\": {\"$randint\": 5}, \"b\": {\"$choice\": [\"x\", \"y\"]}}", "a:min b:min");
    double x[16][2];
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint64 trial = 0; trial < 10; trial++) {
        ask(host, trial, x[trial]);
        g_assert_true(is_new(seen, x[trial], 2));
        /* Kept ones neither: those of the first generation are parents of the next. */
        if (trial % 2 == 0)
            tell(host, trial, x[trial], x[trial][0], x[trial][1]);
    }
    /* There are no others: any will do. */
    ask(host, 10, x[10]);
}

/* Nor those of generations that are long gone, also behind more than are remembered. */
static void
test_past_ones_do_not_come_again(void)
{
    for (guint n_before = 0; n_before <= 4200; n_before += 4200) {
        g_autoptr(PbxTestHost) host =
            host_for("{\"population_size\": 4, \"mutation_prob\": 0.2}",
                     "{\"a\": {\"$randint\": 20}, \"b\": {\"$randint\": 20}}", "a:min b:min");
        double x[2] = {19, 19};
        g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        for (guint i = 0; i < n_before; i++)
            tell(host, PBX_NONE, x, 99, 99);
        for (guint64 trial = 0; trial < 200; trial++) {
            ask(host, trial, x);
            g_assert_true(is_new(seen, x, 2));
            tell(host, trial, x, x[0], 20 - x[0] + x[1]);
            if (trial == 100)
                g_bytes_unref(test_host_reload(host));
        }
    }
}

/* Where a point was skipped, the next one is a random one. */
static void
test_skipped_points(void)
{
    g_autoptr(PbxTestHost) host = host_for("{\"population_size\": 4}", TWO_DIMS, "a:min b:min");
    const pbx_search *search = host->vtable;
    const pbx_outcome skipped = {
        .struct_size = sizeof skipped, .end = PBX_END_DUPLICATE, .trial = PBX_NONE};
    double x[2], low = 1, high = 0;
    for (guint64 trial = 0; trial < 8; trial++) {
        ask(host, trial, x);
        x[0] = 0.5 + 1e-3 * (double)trial;
        tell(host, trial, x, x[0], 1 - x[0]);
    }
    for (guint64 number = 8; number < 60; number++) {
        ask(host, number, x);
        low = fmin(low, x[0]);
        high = fmax(high, x[0]);
        g_assert_cmpint(search->tell(host->self, &skipped, &host->error), ==, PBX_OK);
    }
    g_assert_true(low < 0.2 && high > 0.8);
}

static void
test_void(void)
{
    g_autoptr(PbxTestHost) host = host_for("{\"population_size\": 3}", TWO_DIMS, "a:min b:min");
    double x[2];
    run(host, 0, 20);
    for (guint64 trial = 0; trial < 20; trial++)
        end(host, trial, NULL, PBX_END_VOID, NULL, (double)NAN);
    for (guint64 trial = 20; trial < 30; trial++)
        ask(host, trial, x);
}

static void
test_foreign_and_enqueued(void)
{
    g_autoptr(PbxTestHost) host = host_for("{\"population_size\": 4}", TWO_DIMS, "a:min b:min");
    double x[2] = {0.25, 0.75};
    adopt(host, 0, x, PBX_SUGGESTION_ENQUEUED);
    tell(host, 0, x, 1, 1);
    for (guint i = 0; i < 3; i++) {
        x[0] = 0.1 * i;
        tell(host, PBX_NONE, x, x[0], 1 - x[0]);
    }
    g_assert_cmpuint(ask(host, 1, x), ==, 1);
}

/* ---- State ---- */

static void
test_state(void)
{
    for (guint n = 0; n < 40; n += 3) {
        g_autoptr(PbxTestHost) host = host_for(modes[0], OPERATORS, "a:min b:min");
        g_autoptr(PbxTestHost) other = host_for(modes[0], OPERATORS, "a:min b:min");
        double x[MAX_DIMS], y[MAX_DIMS];
        run(host, 0, n);
        run(other, 0, n);
        for (guint64 trial = 100; trial < 103; trial++) {
            ask(host, trial, x);
            ask(other, trial, x);
        }
        g_autoptr(GBytes) bytes = test_host_reload(host);
        g_assert_cmpuint(g_bytes_get_size(bytes), >, 0);
        for (guint64 trial = 200; trial < 230; trial++) {
            ask(host, trial, x);
            ask(other, trial, y);
            for (guint i = 0; i < host->problem.space->n_dims; i++)
                g_assert_true(x[i] == y[i] || (isnan(x[i]) && isnan(y[i])));
            tell(host, trial, x, bowl(host, x, 0.3), bowl(host, x, 0.6));
            tell(other, trial, x, bowl(host, x, 0.3), bowl(host, x, 0.6));
        }
    }
}

/* All told again, in order, is the same. */
static void
test_replay(void)
{
    g_autoptr(PbxTestHost) host = host_for(modes[0], TWO_DIMS, "a:min b:min");
    g_autoptr(PbxTestHost) again = host_for(modes[0], TWO_DIMS, "a:min b:min");
    double x[40][2], y[2];
    for (guint64 trial = 0; trial < 40; trial++) {
        ask(host, trial, x[trial]);
        tell(host, trial, x[trial], x[trial][0], x[trial][1]);
    }
    for (guint64 trial = 0; trial < 40; trial++) {
        adopt(again, trial, x[trial], PBX_SUGGESTION_REPLAY);
        tell(again, trial, x[trial], x[trial][0], x[trial][1]);
    }
    ask(host, 40, x[0]);
    ask(again, 40, y);
    g_assert_true(x[0][0] == y[0] && x[0][1] == y[1]);
}

static void
test_damaged_state(void)
{
    g_autoptr(PbxTestHost) host = host_for(modes[0], TWO_DIMS, "a:min b:min");
    run(host, 0, 12);
    g_autoptr(GBytes) bytes = test_host_reload(host);
    const pbx_search *search = host->vtable;
    gsize n;
    const guint8 *whole = g_bytes_get_data(bytes, &n);
    for (gsize cut = 0; cut < n; cut += 7) {
        g_autoptr(PbxTestHost) other = host_for(modes[0], TWO_DIMS, "a:min b:min");
        g_assert_cmpint(search->object.load(other->self, 1, whole, cut, &other->error), <, 0);
    }
    g_autofree guint8 *huge = g_memdup2(whole, n);
    memset(huge + 20, 0xff, 8); /* how many rows there are */
    g_autoptr(PbxTestHost) other = host_for(modes[0], TWO_DIMS, "a:min b:min");
    g_assert_cmpint(search->object.load(other->self, 1, huge, n, &other->error), ==, PBX_EINVAL);
}

/* ---- Odd spaces, options ---- */

static void
test_odd_spaces(void)
{
    g_autoptr(PbxTestHost) none = host_for(modes[4], "{\"x\": 1}", "a:min b:min");
    g_autoptr(GString) config = g_string_new("{");
    double x[MAX_DIMS];
    run(none, 0, 30);
    for (guint i = 0; i < 200; i++)
        g_string_append_printf(config, "%s\"p%u\": {\"$uniform\": [0, 1]}", i > 0 ? ", " : "", i);
    g_string_append_c(config, '}');
    g_autoptr(PbxTestHost) many = host_for(modes[0], config->str, "a:min b:min c:max");
    for (guint64 trial = 0; trial < 60; trial++) {
        const double losses[] = {(double)trial, -(double)trial, 1};
        ask(many, trial, x);
        end(many, trial, x, PBX_END_COMPLETED, losses, (double)NAN);
    }
    g_autoptr(PbxTestHost) wide =
        host_for(modes[0],
                 "{\"x\": {\"$uniform\": [-1e308, 1e308]}, \"w\": {\"$loguniform\": [1e-300, "
                 "1e300]}, \"z\": {\"$randint\": [0, 9007199254740992]}}",
                 "a:min b:min");
    run(wide, 0, 60);
}

static void
test_options(void)
{
    static const char *const bad[] = {"{\"population_size\": 1}", "{\"mutation_prob\": 1.5}",
                                      "{\"crossover\": \"spy\"}"};
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *refusal = test_host_refusal(bad[i]);
        g_assert_nonnull(refusal);
    }
}

static void
assert_describes(PbxTestHost *host, const char *text)
{
    const pbx_search *search = host->vtable;
    pbx_memory memory = {0};
    pbx_sink sink = pbx_memory_sink(&memory);
    g_assert_cmpint(search->object.describe(host->self, &sink), ==, PBX_OK);
    g_assert_cmpstr(memory.bytes, ==, text);
    pbx_memory_free(&memory);
}

static void
test_describes_itself(void)
{
    g_autoptr(PbxTestHost) host = host_for("{}", TWO_DIMS, "a:min b:min");
    run(host, 0, 3);
    assert_describes(host, "NSGA-II: generation 0, at random, 3 of 50 trials have ended");
    run(host, 3, 57);
    assert_describes(host, "NSGA-II: generation 1, 10 of 50 trials have ended");
}

#define ADD(NAME, FUNCTION) g_test_add_func("/nsga2/" NAME, FUNCTION)

int
main(int argc, char **argv)
{
    test_host_init(&argc, &argv);
    ADD("every-operator", test_every_operator);
    ADD("zdt1", test_zdt1);
    ADD("one-objective", test_one_objective);
    ADD("branches", test_branches);
    ADD("generations", test_generations);
    ADD("the-first-is-random", test_the_first_is_random);
    ADD("bad-trials-are-avoided", test_bad_trials_are_avoided);
    ADD("into-the-feasible", test_into_the_feasible);
    ADD("nothing-good-at-all", test_nothing_good_at_all);
    ADD("all-alike", test_all_alike);
    ADD("running-ones-do-not-come-again", test_running_ones_do_not_come_again);
    ADD("past-ones-do-not-come-again", test_past_ones_do_not_come_again);
    ADD("skipped-points", test_skipped_points);
    ADD("void", test_void);
    ADD("foreign-and-enqueued", test_foreign_and_enqueued);
    ADD("state", test_state);
    ADD("replay", test_replay);
    ADD("damaged-state", test_damaged_state);
    ADD("odd-spaces", test_odd_spaces);
    ADD("options", test_options);
    ADD("describes-itself", test_describes_itself);
    cross_add_tests();
    return g_test_run();
}
