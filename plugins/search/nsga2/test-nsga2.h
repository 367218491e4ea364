/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of nsga2 share. */
#pragma once

#include <glib.h>

#include "host.h"

/* An instance that was set up with these. */
PbxTestHost *host_for(const char *options, const char *config, const char *objectives);
/* Trials one after the other; the mean distance from the nearest of two points, between which the
 * front lies. */
double run(PbxTestHost *host, guint64 first, guint n);

void cross_add_tests(void);
