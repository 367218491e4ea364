/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the test host share. */
#pragma once

#include "host.h"

extern const pbx_files test_files; /* in memory; its user is the PbxTestHost */
extern const pbx_session test_session;
extern const pbx_template test_template;

/* One of what a wrapper wraps. */
typedef struct PbxTestChild {
    PbxTestHost *host;
    const struct PbxTestChild *wrapper; /* NULL: the host's own plugin wraps it */
    PbxOptions *options;
    PbxInstance *instance;
    PbxTestChildren inner;
    pbx_problem problem;
    const pbx_objective *const *objectives;
    pbx_objective own;
    const pbx_objective *own_list[1];
    /* Of a search: */
    pbx_result *seen;
    guint64 *asks; /* of the host, so that they outlive a reload */
    pbx_suggestion offered, *offerer;
} PbxTestChild;
extern const pbx_search test_recorder; /* takes a PbxTestChild for its instance */
gboolean test_children_make(PbxTestHost *host, const PbxTestChild *wrapper,
                            PbxTestChildren *children, PbxOptions *options, const char *slot,
                            GError **error);
void test_children_clear(PbxTestChildren *children);
/* What is wrapped first. FALSE: func has said so, and no more. */
gboolean test_children_each(const PbxTestChildren *children,
                            gboolean (*func)(const PbxInstance *instance, gpointer user),
                            gpointer user);
PbxInstance *test_instance_new(PbxTestHost *host, const PbxPlugin *plugin, const char *slot,
                               PbxOptions *options, PbxTestChildren *children, GError **error);
/* Losses and watched fields of a result for a plugin with these. */
void test_fill_result(PbxTestHost *host, pbx_result *result, const PbxOptions *options,
                      const pbx_objective *const *objectives, guint n_objectives);

void test_session_init(PbxTestHost *host);
void test_session_clear(PbxTestHost *host);

/* Memory that is freed with the host; gives it back. */
gpointer test_keep(PbxTestHost *host, gpointer memory);
void test_text_free(gpointer text); /* a GString */
