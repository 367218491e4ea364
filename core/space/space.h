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
#include "random/random.h"
#include "json/json.h"

typedef struct PbxSpace PbxSpace;

#define PBX_SPACE_ERROR (space_error_domain())
GQuark space_error_domain(void);

enum {
    SPACE_ERROR_POINT,      /* no valid point, or extra values that do not fit */
    SPACE_ERROR_EXPRESSION, /* a $sample_from failed */
    SPACE_ERROR_CYCLE,      /* a $sample_from needs itself */
    SPACE_ERROR_OPERATOR,   /* a one-line operator that cannot be read */
};

/*
 * Reads the space at `pointer` of `doc` (nothing there: an empty one): every operator
 * checked with its exact bounds, problems added with their place; each $sample_from is
 * tried at drawn points. NULL where there were problems. The sandbox (for
 * $sample_from) must outlive it. (transfer full)
 *
 * What has one value only (a $choice of one, randint(5, 6)) is no dim: it stands as a
 * constant, and operators in it are unconditional.
 *
 * A $grid_search is a GRID dim where nothing but grids decides whether it is active;
 * within a branch of a $choice it is a plain category, drawn uniformly, since a grid
 * that a draw may leave out has no size.
 *
 * A dim's name is its path ("optimizer.lr", "layers[0]", keys with dots quoted). Where
 * several dims have one path, each branch is named after its choice:
 * "optimizer[sgd].lr". A choice is called by its value, or an object by its constant
 * member "type", "name" or "kind"; where not all choices of a dim have such a label, or
 * two share one, by their indices: "optimizer[0].lr".
 */
PbxSpace *space_new(const PbxDoc *doc, const char *pointer, PbxSandbox *sandbox,
                    PbxProblems *problems);
void space_free(PbxSpace *space);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PbxSpace, space_free)

/* The flattened space as the ABI has it. In the dims' order; the names are unique. */
const pbx_space *space_dims(const PbxSpace *space);
guint space_n_dims(const PbxSpace *space);
/* Number of the points of the GRID dims: the product over those without a parent of the
 * sum over their choices of the points of the grids in it; 1 without. G_MAXUINT64: more. */
guint64 space_grid_size(const PbxSpace *space);
/* JSON pointer (in the doc) of dim i's operator, for problems. */
const char *space_dim_pointer(const PbxSpace *space, guint dim);
/* The set of all dotted paths that a template may name: leaves (constants too) and what
 * holds them, of all branches; keys with dots both quoted and bare. Keys char *,
 * borrowed. */
GHashTable *space_parameters(const PbxSpace *space);
/* Dotted paths of what varies (operators and $sample_from), sorted; NULL-ended. */
const char *const *space_varied(const PbxSpace *space);

/* Whether dim i is active at x (its ancestors took its branch). */
gboolean space_active(const PbxSpace *space, const double *x, guint dim);
/*
 * Makes x[n_dims] valid: clamped into its bounds, rounded to its quantum or integer,
 * inactive dims NaN. `altered` (NULL: not wanted): whether a value changed by more than
 * rounding noise. FALSE and error where an active dim is NaN or no index of a choice.
 */
gboolean space_snap(const PbxSpace *space, double *x, gboolean *altered, GError **error);
/*
 * The config at x: constants, values, then `extra` (JSON object text or NULL) merged
 * over it (replacing a parameter is an error), then $sample_from in the order that they
 * need each other, rand() keyed by `random` (NULL: an error where it is called). Members
 * stand in the order of the file. spec: the experiment's spec for expressions (may be
 * NULL). (transfer full)
 */
JsonNode *space_config(PbxSpace *space, const double *x, const char *extra, JsonNode *spec,
                       const PbxRandom *random, GError **error);
/*
 * The config that a person asks for: `given` is all of one or a part, nested or by dotted keys
 * ("optimizer.lr"). What it leaves out is drawn, as space_draw does; what it says of a $sample_from
 * is taken, and others see it. x[n_dims] gets its point. NULL with error POINT, which names the
 * place, where a value is not in the space, a constant another one, or a key none of it.
 * (transfer full)
 */
JsonNode *space_complete(PbxSpace *space, JsonNode *given, JsonNode *spec, PbxRandom *draws,
                         const PbxRandom *samples, double *x, GError **error);
/* The point of a config: x[n_dims]; a value outside its dim is NaN, and `outside`
 * (NULL: not wanted) gets the name of the first such dim (NULL: none). What the config
 * lacks is NaN. Of a $choice's branches the best fit is taken, of equal ones the first;
 * 1 equals 1.0. Values are as they stand: space_snap rounds them. */
void space_point(const PbxSpace *space, JsonNode *config, double *x, const char **outside);
/* One uniform draw of an active dim, by the operator's own distribution. */
double space_draw(const PbxSpace *space, guint dim, PbxRandom *random);
/* A whole point: every active dim drawn, GRID dims by the mixed-radix number `grid`,
 * modulo the grid's size. As in Tune the first by path varies fastest, and all points of
 * the grids within a choice come before the next choice. */
void space_draw_point(const PbxSpace *space, PbxRandom *random, guint64 grid, double *x);

/*
 * "lr=0.0012346,layers_0=64": the varied values of a config, sorted by path. A key is the
 * path's last key with all list indices. Floats have 5 significant digits, booleans are
 * True and False, null None (as in Tune); in other values each run of characters outside
 * A-Za-z0-9_.- is '_', at the ends nothing. An object is the label of its branch, or its
 * index. "" without any. (transfer full)
 */
char *space_tag(const PbxSpace *space, JsonNode *config);
/* Object of path, joined by '/', to value: what varies and is active, for
 * `evaluated_params`. (transfer full) */
JsonNode *space_evaluated(const PbxSpace *space, JsonNode *config);

/* The names of all operators with '$', NULL-ended, for the schema and "did you mean". */
const char *const *space_operators(void);
/*
 * "loguniform" and "1e-5,1e-1" of a one-line template {lr:loguniform(1e-5,1e-1)} -> the
 * operator object {"$loguniform": [..]}. Arguments are JSON values; a bare word is a
 * string. choice([1,2]) is choice(1,2). sample_from takes the whole text as its
 * expression. Only the form is checked here. (transfer full)
 */
JsonNode *space_operator_from_words(const char *name, const char *args, GError **error);
