/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of search/cmaes share. */
#pragma once

#include "cmaes.h"

#include "host.h"

#define N_MODES 6
extern const char *const modes[N_MODES];

/* Trials from `first` on, one after the other: how far they are from the middle, on average. */
double run(PbxTestHost *host, guint64 first, guint n, double middle);

void strategy_add_tests(void);
void state_add_tests(void);
