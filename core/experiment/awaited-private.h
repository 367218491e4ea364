/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Deciders for which the loop waits. */
#pragma once

#include "experiment/inputs-private.h"

/* From now on the loop waits for those that live in a child process. */
void awaited_attach(PbxRunner *runner);
/* Stands and waits until all have answered. */
void awaited_settle(PbxRunner *runner);
