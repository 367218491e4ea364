/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What `ask` and `tell` share. */
#pragma once

#include "commands/commands.h"
#include "experiment/experiment.h"
#include "plugin/plugin.h"

/* Tells an error of the experiment; the command's exit status. */
int ask_failed(const GError *error);
/* Prints an object as one line of JSON. */
void ask_print(JsonObject *object);
