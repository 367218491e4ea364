/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of cfo share. */
#pragma once

#include <glib.h>

#include "host.h"

#define RESOURCE "\"resource_attr\": \"n\", \"max_resource\": 1000, \"min_resource\": 10"

/* An instance that was set up with these options and config; "loss" is minimised. */
PbxTestHost *cfo_for(const char *options, const char *config);
/* The point of the suggestion of that number, for the trial of the same. extra: what is said of
 * the resource; NULL: nothing is looked at. */
pbx_status try_to_ask(PbxTestHost *host, guint64 number, double *x, char **extra);
/* The same, as core takes it. */
void ask(PbxTestHost *host, guint64 number, double *x);
/* A trial ends so, with that loss; NaN: without a result. */
void end(PbxTestHost *host, guint64 trial, const double *x, guint32 how, double loss, double cost);
/* It is complete. */
void tell(PbxTestHost *host, guint64 trial, const double *x, double loss);
/* The loss of a bowl whose middle is at `middle` of each parameter's unit interval. */
double bowl(PbxTestHost *host, const double *x, double middle);

void memory_add_tests(void);
