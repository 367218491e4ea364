/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A decider made of flaky.c, in this process or in a child. */
#pragma once

#include "decider/decider.h"

#define N_DIMS    3
#define N_EARLIER 3 /* trials of an earlier experiment */

typedef struct {
    PbxRegistry *registry;
    PbxSandbox *sandbox;
    PbxDoc *doc;
    PbxOptions *options;
    PbxDecider *decider;
    GString *log;
    char *mark;       /* a file that is not there */
    gboolean refused; /* it cannot be made, and the log says why */
    guint64 observed; /* how often it has read of an earlier experiment */
    pbx_problem problem;
    pbx_space space;
    pbx_dim dims[N_DIMS];
    const pbx_dim *list[N_DIMS];
} Fixture;

void fixture_open(Fixture *f);
/* With options as JSON; %s in them is the mark. */
void fixture_make(Fixture *f, const char *format, double limit_s, gboolean in_child);
void fixture_unmake(Fixture *f);
void fixture_close(Fixture *f);
/* ... and no child is left. */
void fixture_end(Fixture *f);
pbx_status fixture_ask(Fixture *f, guint64 number, double *x, PbxCall *call);
pbx_status fixture_tell(Fixture *f, guint64 number, guint32 end, PbxCall *call);
