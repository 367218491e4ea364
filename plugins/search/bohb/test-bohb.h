/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of search/bohb share. */
#pragma once

#include <math.h>
#include <string.h>

#include <pegbox/helpers.h>

#include "host.h"

#define MAX_DIMS 256
#define ONE_DIM  "{\"x\": {\"$uniform\": [0, 1]}}"
#define TWO_DIM  "{\"x\": {\"$uniform\": [0, 1]}, \"y\": {\"$loguniform\": [1e-4, 1]}}"
#define BRANCHES                                                                                   \
    "{\"o\": {\"$choice\": [{\"a\": {\"$uniform\": [0, 1]}}, "                                     \
    "{\"b\": {\"$uniform\": [0, 1]}, \"c\": {\"$uniform\": [0, 1]}}]}}"
#define OPERATORS                                                                                  \
    "{\"a\": {\"$uniform\": [-1, 1]}, \"b\": {\"$quniform\": [0, 0.9, 0.3]}, "                     \
    "\"c\": {\"$loguniform\": [1e-10, 0.1]}, \"d\": {\"$qloguniform\": [0.5, 2, 0.5]}, "           \
    "\"e\": {\"$randn\": [3, 2]}, \"f\": {\"$qrandn\": [0, 1, 0.5]}, \"g\": {\"$randint\": 4}, "   \
    "\"h\": {\"$qrandint\": [0, 10, 5]}, \"i\": {\"$lograndint\": [1, 100]}, "                     \
    "\"j\": {\"$qlograndint\": [2, 8, 2]}, \"k\": {\"$choice\": [\"x\", "                          \
    "{\"type\": \"y\", \"eps\": {\"$loguniform\": [1e-9, 1e-6]}, "                                 \
    "\"in\": {\"$choice\": [{\"p\": {\"$uniform\": [0, 1]}}, 2]}}, [{\"$randint\": 3}, 1]]}}"

/* An instance that was set up with these options and config; "loss" is minimised. */
PbxTestHost *bohb_for(const char *options, const char *config);
/* The point of the suggestion of that number, for the trial of the same, as core takes it. */
void ask(PbxTestHost *host, guint64 number, double *x);
/* A result that a scheduler gave this budget (NaN: none). */
const pbx_result *result_at(PbxTestHost *host, guint64 trial, double budget, double loss);
/* The trial goes on after that. */
void report(PbxTestHost *host, guint64 trial, double budget, double loss);
/* A trial ends so, with that last result. */
void end(PbxTestHost *host, guint64 trial, const double *x, guint32 how, const pbx_result *last);
/* It is complete. */
void tell(PbxTestHost *host, guint64 trial, const double *x, double loss);
/* Trials from `first` on, one after the other: how far they are from the middle, on average. */
double run(PbxTestHost *host, guint64 first, guint n, double middle);
/* How far the next n suggestions are from the middle, on average; none is told of. */
double distance(PbxTestHost *host, guint64 first, guint n, double middle);
/* That is what the plugin says. */
void assert_describes(PbxTestHost *host, const char *text);

void density_add_tests(void);
void history_add_tests(void);
