/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A model as a driver fills it, and drawings of it as lines. */
#pragma once

#include "status/status.h"

/* "exp" in /r/exp, minimising loss over lr and opt; running for 62 s, of 10 trials none yet. */
PbxStatus *status_fixture(void);
/* A trial of it, number n, in `state`; config and result are JSON texts or NULL. */
PbxStatusTrial *status_fixture_trial(PbxStatus *status, guint64 number, guint state,
                                     const char *config, const char *result);
/* What is drawn, in lines. reporter: JSON text or NULL. (transfer full) */
char **status_fixture_draw(const PbxStatus *status, const char *reporter, int width, int height);
/* The line that begins with a label or text, without it and what follows "  "; NULL: none. */
const char *status_fixture_line(char **lines, const char *start);
/* The first line that is the table's header, and its rows, as one text. (transfer full) */
char *status_fixture_table(char **lines);
