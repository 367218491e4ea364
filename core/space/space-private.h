/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The compiled form of a search space, shared by the files of this folder. */
#pragma once

#include "space/space.h"

/* The largest integer up to which a double holds each one. */
#define SPACE_MAX_WHOLE 9007199254740992.0

typedef enum {
    SPACE_CONSTANT,
    SPACE_OBJECT,
    SPACE_ARRAY,
    SPACE_NUMBER,
    SPACE_CATEGORY,
    SPACE_SAMPLE, /* $sample_from */
} SpaceNodeKind;

/*
 * One value of the config. A choice and what it may become stand at the same
 * path, so a CATEGORY's children have its path.
 */
typedef struct SpaceNode {
    SpaceNodeKind kind;
    char *pointer;       /* in the document */
    char *path;          /* in the config, dotted: "layers[0]" */
    char *slashed;       /* the same, joined by '/': "layers/0" */
    char *tag_key;       /* "layers_0" */
    JsonNode *value;     /* CONSTANT */
    GPtrArray *keys;     /* OBJECT: char *, one a child */
    GPtrArray *children; /* OBJECT, ARRAY, CATEGORY: SpaceNode * */
    guint *sorted;       /* OBJECT: indices of the children by key */
    guint index;         /* NUMBER, CATEGORY: the dim; SAMPLE: the sample */
} SpaceNode;

typedef struct {
    pbx_dim abi;
    const SpaceNode *node;
    char *name;
    JsonNode *choices; /* CATEGORY: an array */
    char **labels;     /* CATEGORY: readable and unique names of the choices; NULL: only indices */
    guint64 *leaves;   /* GRID: nested grid points below each choice */
    guint64 grid_size; /* GRID: their sum */
    guint grid_depth;  /* GRID: number of GRID ancestors */
} SpaceDim;

typedef struct {
    const SpaceNode *node;
    PbxExpression *expression;
    char *path;          /* as expressions go it: the node's, but no key is quoted */
    gint parent;         /* active where this dim (-1: always) */
    guint parent_choice; /* has this index */
} SpaceSample;

struct PbxSpace {
    char *place; /* the space's own path in the document, for messages */
    SpaceNode *root;
    GPtrArray *dims;    /* SpaceDim * */
    GPtrArray *samples; /* SpaceSample * */
    pbx_space abi;
    const pbx_dim **abi_dims;
    guint *grids; /* GRID dims, sorted by path */
    guint n_grids;
    guint64 grid_size;
    GHashTable *parameters; /* set of char * */
    char **varied;
};

static inline SpaceDim *
space_dim(const PbxSpace *space, guint dim)
{
    return g_ptr_array_index(space->dims, dim);
}

static inline SpaceSample *
space_sample(const PbxSpace *space, guint sample)
{
    return g_ptr_array_index(space->samples, sample);
}

static inline SpaceNode *
space_child(const SpaceNode *node, guint child)
{
    return g_ptr_array_index(node->children, child);
}

/* ---- operators.c ---- */

typedef enum {
    OPERATOR_NUMBER,
    OPERATOR_CHOICE,
    OPERATOR_GRID,
    OPERATOR_SAMPLE,
    OPERATOR_LITERAL,
} SpaceOperatorKind;

typedef struct {
    const char *name; /* with '$' */
    SpaceOperatorKind kind;
    guint type;         /* NUMBER: PBX_DIM_* */
    guint flags;        /* PBX_DIM_LOG */
    gboolean quantised; /* has an argument q */
    guint min_args, max_args;
    const char *usage; /* what it takes, for messages */
} SpaceOperator;

/* NULL: no such operator. `name` with '$'. */
const SpaceOperator *space_operator_find(const char *name);
/* Checks the arguments of an OPERATOR_NUMBER and fills in type, flags, bounds, quantum, mean and
 * sd. FALSE: `problem` gets the message. */
gboolean space_operator_read(const SpaceOperator *op, JsonNode *arguments, pbx_dim *dim,
                             char **problem);
/* "[0, 0.1]", shortened where it is long. (transfer full) */
char *space_arguments_text(JsonNode *arguments);

/* ---- build.c, names.c, check.c ---- */

/* The tree, dims and samples of `json`, which stands at `pointer`. */
SpaceNode *space_build(PbxSpace *space, JsonNode *json, const char *pointer, const PbxDoc *doc,
                       PbxSandbox *sandbox, PbxProblems *problems);
void space_node_free(SpaceNode *node);
/* A key as it stands in a dotted path: quoted where it has dots. (transfer full) */
char *space_key_display(const char *key);
/* Labels of choices, unique names, the sets of parameters and of varied paths. */
void space_name(PbxSpace *space);
/* Evaluates each $sample_from at drawn points; cycles and failures are problems. */
void space_check_samples(PbxSpace *space, const PbxDoc *doc, PbxProblems *problems);

/* ---- draw.c ---- */

/* Sizes and the order of the grid. */
void space_grid_prepare(PbxSpace *space);

/* ---- config.c ---- */

/* $sample_from values of one config, each evaluated when it is first needed. */
typedef struct {
    const PbxSpace *space;
    const double *x;
    const char *extra;
    JsonNode *view;    /* the config without them */
    GPtrArray *wholes; /* JsonNode*: configs with some of them, borrowed by expressions */
    JsonNode *spec;
    const PbxRandom *random;
    JsonNode **values; /* [samples]; NULL: not yet */
    GArray *stack;     /* guint: samples under evaluation */
    GArray *cycle;     /* guint: the samples of a cycle that was met */
    gint failed;       /* the sample that failed, -1: none */
    GError *failure;   /* why, without its place */
} SpaceResolver;

gboolean space_resolver_init(SpaceResolver *resolver, const PbxSpace *space, const double *x,
                             const char *extra, JsonNode *spec, const PbxRandom *random,
                             GError **error);
void space_resolver_clear(SpaceResolver *resolver);
/* As space_config, but a $sample_from whose place has a value in `given` takes that one. */
JsonNode *space_config_given(const PbxSpace *space, const double *x, JsonNode *given,
                             JsonNode *spec, const PbxRandom *random, GError **error);
/* FALSE: `failed` and `failure` say why. */
gboolean space_resolve(SpaceResolver *resolver, guint sample);
/* Whether a sample's ancestors took its branch. */
gboolean space_sample_active(const PbxSpace *space, const double *x, guint sample);

/* ---- match.c ---- */

/* A JSON number; no boolean, no text. */
gboolean space_node_number(JsonNode *node, double *value);
/* As json_equal, but 1 equals 1.0. */
gboolean space_values_equal(JsonNode *a, JsonNode *b);
