/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What searches are measured on: functions whose minimum is known, or whose Pareto front is. */
#pragma once

#include <pegbox/types.h>

typedef struct {
    const char *name;
    const char *config; /* its space, as in an experiment file */
    double minimum;     /* of several metrics the hypervolume of the front */
    /* At a point, whose dims' paths end in the names of the config. */
    double (*value)(const pbx_space *space, const double *x);
    /* Of several metrics, in place of it. */
    void (*values)(const double *x, double *values);
} Function;
#define FUNCTION_MAX_METRICS 2
/* Of several metrics: a tenth beyond the largest values that there are. */
extern const double function_reference[FUNCTION_MAX_METRICS];
/* Ends with one without a name. */
extern const Function functions[];
/* NULL: there is none. */
const Function *function_named(const char *name);
