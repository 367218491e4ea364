/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Regression trees (CART), as boxes that fill the space, each with a value. */
#pragma once

#include <glib.h>

/* A number from 0 to 1, or one of n_choices > 0, by its index. */
typedef struct {
    guint n_choices;
    guint offset; /* of its first choice in `allowed` */
} PbxFeature;

typedef struct {
    guint n_features, n_allowed; /* n_allowed: choices of all features together */
    PbxFeature *features;
} PbxFeatures;

/* What a leaf holds of the space. */
typedef struct {
    double value;
    double *low, *high; /* [n_features] of numbers; what is at `high` is in the next one */
    guint8 *allowed;    /* [n_allowed] */
} PbxLeaf;
void leaf_free(PbxLeaf *leaf);

/* x[n][n_features], y[n]: the least squares' tree, to its end: splits wherever two rows differ in
 * both. (transfer full) */
GPtrArray *tree_grow(const PbxFeatures *features, const double *x, const double *y, guint n);
