/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Definitions and domains: Surjanovic and Bingham, "Virtual Library of Simulation Experiments";
 * ackley10 lies askew, so that the middle is no good guess, and mixcond is conditional, and of
 * every kind of domain. zdt1 to zdt3: Zitzler, Deb, Thiele, "Comparison of Multiobjective
 * Evolutionary Algorithms: Empirical Results", Evolutionary Computation 8(2), 2000. functions.py
 * has the same. */
#include "functions.h"

#include <math.h>
#include <string.h>

#define PI 3.14159265358979323846

static double
branin(const pbx_space *space, const double *x)
{
    (void)space;
    const double b = 5.1 / (4 * PI * PI), c = 5 / PI;
    const double bow = x[1] - b * x[0] * x[0] + c * x[0] - 6;
    return bow * bow + 10 * (1 - 1 / (8 * PI)) * cos(x[0]) + 10;
}

static double
hartmann6(const pbx_space *space, const double *x)
{
    static const double alpha[4] = {1, 1.2, 3, 3.2};
    static const double a[4][6] = {{10, 3, 17, 3.5, 1.7, 8},
                                   {0.05, 10, 17, 0.1, 8, 14},
                                   {3, 3.5, 1.7, 10, 17, 8},
                                   {17, 8, 0.05, 10, 0.1, 14}};
    static const double p[4][6] = {{1312, 1696, 5569, 124, 8283, 5886},
                                   {2329, 4135, 8307, 3736, 1004, 9991},
                                   {2348, 1451, 3522, 2883, 3047, 6650},
                                   {4047, 8828, 8732, 5743, 1091, 381}};
    double sum = 0;
    (void)space;
    for (int i = 0; i < 4; i++) {
        double inner = 0;
        for (int j = 0; j < 6; j++)
            inner += a[i][j] * (x[j] - p[i][j] / 10000) * (x[j] - p[i][j] / 10000);
        sum -= alpha[i] * exp(-inner);
    }
    return sum;
}

static double
rosenbrock5(const pbx_space *space, const double *x)
{
    double sum = 0;
    (void)space;
    for (int i = 0; i < 4; i++) {
        const double bend = x[i + 1] - x[i] * x[i];
        sum += 100 * bend * bend + (1 - x[i]) * (1 - x[i]);
    }
    return sum;
}

static double
ackley10(const pbx_space *space, const double *x)
{
    double squares = 0, waves = 0;
    (void)space;
    for (int i = 0; i < 10; i++) {
        squares += x[i] * x[i] / 10;
        waves += cos(2 * PI * x[i]) / 10;
    }
    return -20 * exp(-0.2 * sqrt(squares)) - exp(waves) + 20 + exp(1);
}

static double
levy4(const pbx_space *space, const double *x)
{
    double w[4];
    (void)space;
    for (int i = 0; i < 4; i++)
        w[i] = 1 + (x[i] - 1) / 4;
    const double first = sin(PI * w[0]), last = sin(2 * PI * w[3]);
    double sum = first * first + (w[3] - 1) * (w[3] - 1) * (1 + last * last);
    for (int i = 0; i < 3; i++) {
        const double wave = sin(PI * w[i] + 1);
        sum += (w[i] - 1) * (w[i] - 1) * (1 + 10 * wave * wave);
    }
    return sum;
}

/* ---- mixcond ---- */

static double
square(double x)
{
    return x * x;
}

static double
at(const pbx_space *space, const double *x, const char *name)
{
    const size_t length = strlen(name);
    for (uint32_t i = 0; i < space->n_dims; i++) {
        const char *path = space->dims[i]->path;
        const size_t n = strlen(path);
        if (n >= length && strcmp(path + n - length, name) == 0 &&
            (n == length || path[n - length - 1] == '.'))
            return x[i];
    }
    return (double)NAN;
}

static double
mixcond(const pbx_space *space, const double *x)
{
    static const double of_act[4] = {0.05, 0.2, 0, 0.1};
    const int opt = (int)at(space, x, "opt"), act = (int)at(space, x, "act");
    const double layers = at(space, x, "layers");
    double of_opt;
    if (opt == 0)
        of_opt = 0.10 + 0.25 * square(log10(at(space, x, "sgd_lr")) + 1.5) +
                 2 * square(at(space, x, "sgd_mom") - 0.9);
    else if (opt == 1)
        of_opt = 0.25 * square(log10(at(space, x, "adam_lr")) + 3) +
                 20 * square(at(space, x, "adam_beta") - 0.92);
    else
        of_opt = 0.05 + 0.25 * square(log10(at(space, x, "rms_lr")) + 3.5);
    return of_opt + 0.03 * square(layers - 3) + 0.1 * square(log2(at(space, x, "units")) - 7) +
           of_act[act] + 2 * square(at(space, x, "drop") - 0.05 * layers);
}

/* ---- Two metrics ---- */

#define ZDT_DIMS 30

const double function_reference[FUNCTION_MAX_METRICS] = {1.1, 11};

static double
zdt_g(const double *x)
{
    double sum = 0;
    for (int i = 1; i < ZDT_DIMS; i++)
        sum += x[i];
    return 1 + 9 * sum / (ZDT_DIMS - 1);
}

static void
zdt1(const double *x, double *values)
{
    const double g = zdt_g(x);
    values[0] = x[0];
    values[1] = g * (1 - sqrt(x[0] / g));
}

static void
zdt2(const double *x, double *values)
{
    const double g = zdt_g(x);
    values[0] = x[0];
    values[1] = g * (1 - square(x[0] / g));
}

static void
zdt3(const double *x, double *values)
{
    const double g = zdt_g(x);
    values[0] = x[0];
    values[1] = g * (1 - sqrt(x[0] / g) - x[0] / g * sin(10 * PI * x[0]));
}

/* ---- All ---- */

#define U(NAME, LOW, HIGH) "\"" NAME "\": {\"$uniform\": [" LOW ", " HIGH "]}"

#define UNIT(NAME) U(NAME, "0", "1") ", "
#define FIVE(TENS, A, B, C, D, E)                                                                  \
    UNIT("x" TENS A) UNIT("x" TENS B) UNIT("x" TENS C) UNIT("x" TENS D) UNIT("x" TENS E)
#define TEN(TENS) FIVE(TENS, "0", "1", "2", "3", "4") FIVE(TENS, "5", "6", "7", "8", "9")
#define ZDT_CONFIG                                                                                 \
    "{" TEN("0") TEN("1") FIVE("2", "0", "1", "2", "3", "4") UNIT("x25") UNIT("x26") UNIT("x27")   \
        UNIT("x28") U("x29", "0", "1") "}"

const Function functions[] = {
    {"branin", "{" U("a", "-5", "10") ", " U("b", "0", "15") "}", 0.39788735773, branin, NULL},
    {"hartmann6",
     "{" U("a", "0", "1") ", " U("b", "0", "1") ", " U("c", "0", "1") ", " U("d", "0", "1") ", " U(
         "e", "0", "1") ", " U("f", "0", "1") "}",
     -3.32236801, hartmann6, NULL},
    {"rosenbrock5",
     "{" U("a", "-5", "10") ", " U("b", "-5", "10") ", " U("c", "-5", "10") ", " U(
         "d", "-5", "10") ", " U("e", "-5", "10") "}",
     0, rosenbrock5, NULL},
    {"ackley10",
     "{" U("a", "-20", "40") ", " U("b", "-20", "40") ", " U("c", "-20", "40") ", " U(
         "d", "-20",
         "40") ", " U("e", "-20",
                      "40") ", " U("f", "-20",
                                   "40") ", " U("g", "-20",
                                                "40") ", " U("h", "-20",
                                                             "40") ", " U("i", "-20",
                                                                          "40") ", " U("j", "-20",
                                                                                       "40") "}",
     0, ackley10, NULL},
    {"levy4",
     "{" U("a", "-10", "10") ", " U("b", "-10", "10") ", " U("c", "-10", "10") ", " U("d", "-10",
                                                                                      "10") "}",
     0, levy4, NULL},
    {"mixcond",
     "{\"opt\": {\"$choice\": ["
     "{\"type\": \"sgd\", \"sgd_lr\": {\"$loguniform\": [1e-5, 1]}, " U(
         "sgd_mom", "0",
         "1") "}, "
              "{\"type\": \"adam\", \"adam_lr\": {\"$loguniform\": [1e-6, 1e-1]}, " U(
                  "adam_beta", "0.8",
                  "1") "}, "
                       "{\"type\": \"rmsprop\", \"rms_lr\": {\"$loguniform\": [1e-6, 1e-1]}}]}, "
                       "\"layers\": {\"$randint\": [1, 9]}, \"units\": {\"$lograndint\": [8, "
                       "1025]}, "
                       "\"act\": {\"$choice\": [\"relu\", \"tanh\", \"gelu\", \"selu\"]}, "
                       "\"drop\": {\"$quniform\": [0, 0.6, 0.05]}}",
     0, mixcond, NULL},
    {"zdt1", ZDT_CONFIG, 12.1 - 1. / 3, NULL, zdt1},
    {"zdt2", ZDT_CONFIG, 12.1 - 2. / 3, NULL, zdt2},
    {"zdt3", ZDT_CONFIG, 12.2217629086503, NULL, zdt3},
    {NULL, NULL, 0, NULL, NULL},
};

const Function *
function_named(const char *name)
{
    const Function *function = functions;
    while (function->name != NULL && strcmp(function->name, name) != 0)
        function++;
    return function->name != NULL ? function : NULL;
}
