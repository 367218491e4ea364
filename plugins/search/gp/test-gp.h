/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of search/gp share. */
#pragma once

#include <math.h>
#include <string.h>

#include <pegbox/helpers.h>

#include "host.h"

#define TWELVE "{\"a\": {\"$randint\": 4}, \"b\": {\"$choice\": [\"x\", \"y\", \"z\"]}}"
/* Of options: it never ends. */
#define ON "\"patience\": 0"

/* Trials from `first` on, one after the other: the least loss of the bowl. */
double run(PbxTestHost *host, guint64 first, guint n, double middle);

void model_add_tests(void);
void quality_add_tests(void);
void state_add_tests(void);
