/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the test host share. */
#pragma once

#include "host.h"

extern const pbx_files test_files; /* in memory; its user is the PbxTestHost */
extern const pbx_session test_session;
extern const pbx_template test_template;

void test_session_init(PbxTestHost *host);
void test_session_clear(PbxTestHost *host);

/* Memory that is freed with the host; gives it back. */
gpointer test_keep(PbxTestHost *host, gpointer memory);
void test_text_free(gpointer text); /* a GString */
