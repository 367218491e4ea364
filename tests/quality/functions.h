/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What searches are measured on: functions whose minimum is known. */
#pragma once

#include <pegbox/types.h>

typedef struct {
    const char *name;
    const char *config; /* its space, as in an experiment file */
    double minimum;
    /* At a point, whose dims' paths end in the names of the config. */
    double (*value)(const pbx_space *space, const double *x);
} Function;
/* Ends with one without a name. */
extern const Function functions[];
/* NULL: there is none. */
const Function *function_named(const char *name);
