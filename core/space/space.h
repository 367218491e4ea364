/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Search spaces: from the operators of an experiment file to the flattened
 * dimensions that searches see, and back from a point to a config.
 */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>
#include <pegbox/types.h>

#include "expression/expression.h"
#include "json/json.h"
#include "random/random.h"

typedef struct PbxSpace PbxSpace;

#define PBX_SPACE_ERROR (space_error_domain())
GQuark space_error_domain(void);

/*
 * Reads the space at `pointer` of `doc`: every operator checked with its exact
 * bounds, problems added with their place. NULL where there were problems. The
 * sandbox (for $sample_from) must outlive it. (transfer full)
 */
PbxSpace *space_new(const PbxDoc *doc, const char *pointer, PbxSandbox *sandbox,
                    PbxProblems *problems);
PbxSpace *space_ref(PbxSpace *space);
void space_unref(PbxSpace *space);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PbxSpace, space_unref)

/* The flattened space as the ABI has it. In the dims' order; the names are unique. */
const pbx_space *space_dims(const PbxSpace *space);
guint space_n_dims(const PbxSpace *space);
/* Product of the GRID dims' sizes along active branches; 1 without. G_MAXUINT64: more. */
guint64 space_grid_size(const PbxSpace *space);
/* JSON pointer (in the doc) of dim i's operator, for problems. */
const char *space_dim_pointer(const PbxSpace *space, guint dim);
/* The set of all parameter names and dotted paths that a template may name: leaves
 * (constants too) of all branches. Keys char *, borrowed. */
GHashTable *space_parameters(const PbxSpace *space);
/* Dotted paths of what varies (operators and $sample_from), sorted; NULL-ended. */
const char *const *space_varied(const PbxSpace *space);

/* Whether dim i is active at x (its ancestors took its branch). */
gboolean space_active(const PbxSpace *space, const double *x, guint dim);
/*
 * Makes x[n_dims] valid: clamped into its bounds, rounded to its quantum or integer,
 * inactive dims NaN. TRUE where a value changed by more than rounding noise.
 * EINVAL-like: FALSE and error where an active dim is NaN or a category out of range.
 */
gboolean space_snap(const PbxSpace *space, double *x, gboolean *altered, GError **error);
/*
 * The config at x: constants, values, then `extra` (JSON object text or NULL) merged
 * over it, then $sample_from in the order that they need each other, rand() keyed by
 * `random`. spec: the experiment's spec for expressions (may be NULL). (transfer full)
 */
JsonNode *space_config(PbxSpace *space, const double *x, const char *extra, JsonNode *spec,
                       const PbxRandom *random, GError **error);
/* The point of a config: x[n_dims]; a value outside its dim is NaN, and `outside`
 * (NULL: not wanted) gets the name of the first such dim. */
void space_point(const PbxSpace *space, JsonNode *config, double *x, const char **outside);
/* One uniform draw of an active dim, by the operator's own distribution. */
double space_draw(const PbxSpace *space, guint dim, PbxRandom *random);
/* A whole point: every active dim drawn, GRID dims by the mixed-radix number `grid`
 * (first by path varies fastest). */
void space_draw_point(const PbxSpace *space, PbxRandom *random, guint64 grid, double *x);

/* "lr=0.0012346,layers_0=64": the varied values of a config, sorted by path; 5
 * significant digits; every run of characters outside A-Za-z0-9_.- in a value -> '_'.
 * "" without any. (transfer full) */
char *space_tag(const PbxSpace *space, JsonNode *config);
/* Object of dotted path (with '/') to value: what varies, for `evaluated_params`. */
JsonNode *space_evaluated(const PbxSpace *space, JsonNode *config);

/* The names of all operators with '$', NULL-ended, for the schema and "did you mean". */
const char *const *space_operators(void);
/* "loguniform" and "1e-5,1e-1" of a one-line template {lr:loguniform(1e-5,1e-1)} -> the
 * operator object {"$loguniform": [..]}; a bare word is a string. (transfer full) */
JsonNode *space_operator_from_words(const char *name, const char *args, GError **error);
