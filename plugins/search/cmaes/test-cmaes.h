/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of search/cmaes share. */
#pragma once

#include "cmaes.h"

#include "host.h"

#define MAX_DIMS 256
#define TWO_DIM  "{\"x\": {\"$uniform\": [0, 1]}, \"y\": {\"$loguniform\": [1e-4, 1]}}"
#define OPERATORS                                                                                  \
    "{\"a\": {\"$uniform\": [-1, 1]}, \"b\": {\"$quniform\": [0, 0.9, 0.3]}, "                     \
    "\"c\": {\"$loguniform\": [1e-10, 0.1]}, \"d\": {\"$qloguniform\": [0.5, 2, 0.5]}, "           \
    "\"e\": {\"$randn\": [3, 2]}, \"f\": {\"$qrandn\": [0, 1, 0.5]}, \"g\": {\"$randint\": 4}, "   \
    "\"h\": {\"$qrandint\": [0, 10, 5]}, \"i\": {\"$lograndint\": [1, 100]}, "                     \
    "\"j\": {\"$qlograndint\": [2, 8, 2]}, \"k\": {\"$choice\": [\"x\", "                          \
    "{\"type\": \"y\", \"eps\": {\"$loguniform\": [1e-9, 1e-6]}, "                                 \
    "\"in\": {\"$choice\": [{\"p\": {\"$uniform\": [0, 1]}}, 2]}}, [{\"$randint\": 3}, 1]]}}"

#define N_MODES 6
extern const char *const modes[N_MODES];

/* An instance that was set up with these options and config; "loss" is minimised. */
PbxTestHost *cmaes_for(const char *options, const char *config);
/* The point of the suggestion of that number, for the trial of the same, as core takes it. */
void ask(PbxTestHost *host, guint64 number, double *x);
/* A trial ends so, with that loss; NaN: without a result. */
void end(PbxTestHost *host, guint64 trial, const double *x, guint32 how, double loss);
/* It is complete. */
void tell(PbxTestHost *host, guint64 trial, const double *x, double loss);
void tell_foreign(PbxTestHost *host, const double *x, double loss);
void adopt(PbxTestHost *host, guint64 trial, double *x, guint32 flags, guint64 origin);
/* What the plugin says of itself. (transfer full) */
char *description(PbxTestHost *host);
/* The loss of a bowl whose middle is at `middle` of each parameter's unit interval. */
double bowl(PbxTestHost *host, const double *x, double middle);
/* Trials from `first` on, one after the other: how far they are from the middle, on average. */
double run(PbxTestHost *host, guint64 first, guint n, double middle);

void strategy_add_tests(void);
void state_add_tests(void);
