/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Templates of the spec, filled in for a trial: what look-templates.c and look-command.c share. */
#pragma once

#include "commands/look-private.h"

/* All that a template of a trial needs. */
typedef struct {
    PbxSandbox *sandbox;
    PbxDoc *doc;
    PbxSpace *space;
    JsonNode *config, *view;
    PbxTemplateContext context;
} TrialTemplates;

gboolean trial_templates_init(TrialTemplates *templates, PbxLook *look, const PbxTrialRow *trial,
                              GError **error);
void trial_templates_clear(TrialTemplates *templates);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TrialTemplates, trial_templates_clear)

/* The text at a node, filled in. NULL with error. (transfer full) */
char *trial_templates_text(TrialTemplates *templates, JsonNode *node, GError **error);
gboolean look_is_text(JsonNode *node);
