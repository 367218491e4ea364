/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the two files of `pegbox checkpoint` share. */
#pragma once

#include "checkpoint/checkpoint.h"
#include "commands/commands.h"

/* The exit status for an error of an archive. */
int checkpoint_status(const GError *error);
/* The facts of an archive as --json prints them. (transfer full) */
JsonObject *checkpoint_facts(const char *archive, const PbxArchiveFacts *facts);
/* Verifies the archives of an experiment, or of one of its trials, against the sums in its store;
 * an exit status. */
int checkpoint_verify_experiment(const char *exp, const char *trial, gboolean json);
