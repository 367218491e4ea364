/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A runner that runs nothing: what names, resources and the status block look at. */
#pragma once

#include "experiment/budgets-private.h"
#include "experiment/reporter-private.h"

typedef struct {
    char *dir; /* of the experiment; what is in it goes with the fixture */
    PbxSandbox *sandbox;
    PbxProblems *problems;
    PbxDoc *doc;
    PbxSpec spec;
    PbxRunner runner;
    GPtrArray *trials; /* PbxTrial*: all that were made */
} Fixture;

/* Of the search space `config`, with the metric loss, less is better. */
void fixture_set_up(Fixture *fixture, const char *config);
/* Other options of the reporter, before there are trials. */
void fixture_report(Fixture *fixture, const char *reporter);
/* A store in its directory, for those tests that look there. */
void fixture_store(Fixture *fixture);
void fixture_tear_down(Fixture *fixture);
/* A trial of the runner, PENDING and without a name. */
PbxTrial *fixture_trial(Fixture *fixture, const char *config);
PbxTemplate *fixture_template(Fixture *fixture, const char *text);
