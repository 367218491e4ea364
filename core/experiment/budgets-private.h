/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Budgets of rungs, which the scheduler names once. */
#pragma once

#include "experiment/runner-private.h"

/* NaN: none was named. bracket PBX_NO_RUNG: none. */
double budgets_find(PbxRunner *runner, guint bracket, guint rung);
/* In the transaction. */
void budgets_note(PbxRunner *runner, guint bracket, guint rung, double budget);
/* They are read anew: another process may have changed them. */
void budgets_forget(PbxRunner *runner);
