/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fANOVA: what share of a forest's variance each feature explains, and each pair. Every leaf is a
 * box, so a tree's marginal over some features is constant on the cells between its edges. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <pegbox/helpers/space.h>

#include "analysis/importance.h"
#include "analysis/tree-private.h"
#include "random/random.h"

/* A feature's cells in one tree: between the edges of its leaves, or one a choice. */
typedef struct {
    guint n, n_choices;
    double *edges; /* [n + 1] */
} Cells;

typedef struct {
    const PbxFeatures *features;
    GPtrArray *leaves; /* PbxLeaf */
    double *weights;   /* of each leaf: its volume */
    Cells *cells;      /* of each feature */
    double mean, variance;
} Tree;

typedef struct {
    PbxFeatures features;
    guint *dims; /* of each feature */
    guint n;
    double *x; /* [n][n_features] */
    double *y; /* [n]; of mean 0, and no larger than 2 */
} Table;

/* ---- Cells ---- */

static int
by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void
cells_init(Cells *cells, const Tree *tree, guint feature)
{
    const guint n_choices = tree->features->features[feature].n_choices;
    GArray *edges = g_array_new(FALSE, FALSE, sizeof(double));
    for (guint i = 0; i < tree->leaves->len && n_choices == 0; i++) {
        const PbxLeaf *leaf = tree->leaves->pdata[i];
        g_array_append_val(edges, leaf->low[feature]);
        g_array_append_val(edges, leaf->high[feature]);
    }
    for (guint i = 0; i <= n_choices && n_choices > 0; i++) {
        const double edge = (double)i / n_choices;
        g_array_append_val(edges, edge);
    }
    g_array_sort(edges, by_value);
    double *all = (double *)(void *)edges->data;
    guint n = 0;
    for (guint i = 0; i < edges->len; i++) {
        if (n == 0 || all[i] > all[n - 1])
            all[n++] = all[i];
    }
    *cells = (Cells){.n = n - 1, .n_choices = n_choices};
    cells->edges = (double *)(void *)g_array_free(edges, FALSE);
}

static guint
cell_at(const Cells *cells, double edge)
{
    const double *found = bsearch(&edge, cells->edges, cells->n + 1, sizeof edge, by_value);
    return (guint)(found - cells->edges);
}

/* The next run [*from, *to) of a leaf's cells at or after *to. */
static gboolean
next_run(const Tree *tree, const PbxLeaf *leaf, guint feature, guint *from, guint *to)
{
    const Cells *cells = &tree->cells[feature];
    if (cells->n_choices == 0) {
        if (*to > 0)
            return FALSE;
        *from = cell_at(cells, leaf->low[feature]);
        *to = cell_at(cells, leaf->high[feature]);
        return TRUE;
    }
    const guint8 *allowed = leaf->allowed + tree->features->features[feature].offset;
    for (*from = *to; *from < cells->n && !allowed[*from]; (*from)++)
        ;
    for (*to = *from; *to < cells->n && allowed[*to]; (*to)++)
        ;
    return *to > *from;
}

static double
leaf_size(const PbxFeatures *features, const PbxLeaf *leaf, guint feature)
{
    const PbxFeature *one = &features->features[feature];
    if (one->n_choices == 0)
        return leaf->high[feature] - leaf->low[feature];
    guint n = 0;
    for (guint i = 0; i < one->n_choices; i++)
        n += leaf->allowed[one->offset + i];
    return (double)n / one->n_choices;
}

/* ---- A tree ---- */

static void
tree_init(Tree *tree, const PbxFeatures *features, GPtrArray *leaves)
{
    *tree = (Tree){.features = features, .leaves = leaves};
    tree->weights = g_new(double, leaves->len);
    tree->cells = g_new(Cells, features->n_features);
    for (guint i = 0; i < leaves->len; i++) {
        const PbxLeaf *leaf = leaves->pdata[i];
        tree->weights[i] = 1;
        for (guint j = 0; j < features->n_features; j++)
            tree->weights[i] *= leaf_size(features, leaf, j);
        tree->mean += tree->weights[i] * leaf->value;
    }
    for (guint i = 0; i < leaves->len; i++) {
        const double off = ((const PbxLeaf *)leaves->pdata[i])->value - tree->mean;
        tree->variance += tree->weights[i] * off * off;
    }
    for (guint i = 0; i < features->n_features; i++)
        cells_init(&tree->cells[i], tree, i);
}

static void
tree_clear(Tree *tree)
{
    for (guint i = 0; i < tree->features->n_features; i++)
        g_free(tree->cells[i].edges);
    g_free(tree->cells);
    g_free(tree->weights);
    g_ptr_array_unref(tree->leaves);
}

/* The variance of the marginal over one feature. Each leaf adds to a run of cells: what it adds
 * stands at its first, and is taken away behind its last. */
static double
variance_of(const Tree *tree, guint feature)
{
    const Cells *cells = &tree->cells[feature];
    g_autofree double *changes = g_new0(double, cells->n + 1);
    for (guint i = 0; i < tree->leaves->len; i++) {
        const PbxLeaf *leaf = tree->leaves->pdata[i];
        const double size = leaf_size(tree->features, leaf, feature);
        const double adds = (leaf->value - tree->mean) * tree->weights[i] / size;
        for (guint from = 0, to = 0; next_run(tree, leaf, feature, &from, &to);) {
            changes[from] += adds;
            changes[to] -= adds;
        }
    }
    double marginal = 0, variance = 0;
    for (guint i = 0; i < cells->n; i++) {
        marginal += changes[i];
        variance += marginal * marginal * (cells->edges[i + 1] - cells->edges[i]);
    }
    return variance;
}

/* changes[rows + 1][columns + 1] of each leaf, at the four corners of each of its rectangles. */
static void
add_rectangles(const Tree *tree, guint i, guint one, guint other, double *changes)
{
    const PbxLeaf *leaf = tree->leaves->pdata[i];
    const gsize width = tree->cells[other].n + 1;
    const double size =
        leaf_size(tree->features, leaf, one) * leaf_size(tree->features, leaf, other);
    const double adds = (leaf->value - tree->mean) * tree->weights[i] / size;
    for (guint top = 0, bottom = 0; next_run(tree, leaf, one, &top, &bottom);) {
        for (guint left = 0, right = 0; next_run(tree, leaf, other, &left, &right);) {
            changes[top * width + left] += adds;
            changes[top * width + right] -= adds;
            changes[bottom * width + left] -= adds;
            changes[bottom * width + right] += adds;
        }
    }
}

/* The same over two, which holds that of each alone. */
static double
variance_of_pair(const Tree *tree, guint one, guint other)
{
    const Cells *rows = &tree->cells[one], *columns = &tree->cells[other];
    const gsize width = columns->n + 1;
    g_autofree double *changes = g_new0(double, (rows->n + 1) * width);
    g_autofree double *above = g_new0(double, width);
    for (guint i = 0; i < tree->leaves->len; i++)
        add_rectangles(tree, i, one, other, changes);
    double variance = 0;
    for (guint i = 0; i < rows->n; i++) {
        double along = 0;
        for (guint j = 0; j < columns->n; j++) {
            along += changes[i * width + j];
            above[j] += along;
            variance += above[j] * above[j] * (rows->edges[i + 1] - rows->edges[i]) *
                        (columns->edges[j + 1] - columns->edges[j]);
        }
    }
    return variance;
}

/* ---- The forest ---- */

/* Shares do not depend on the scale, but squares of what is huge would be infinite. */
static double *
scaled(const PbxSamples *samples)
{
    double *y = g_new(double, MAX(1, samples->n)), most = 0, mean = 0;
    for (guint i = 0; i < samples->n; i++)
        most = MAX(most, fabs(samples->losses[i]));
    for (guint i = 0; i < samples->n; i++) {
        y[i] = most > 0 ? samples->losses[i] / most : 0;
        mean += y[i] / samples->n;
    }
    for (guint i = 0; i < samples->n; i++)
        y[i] -= mean;
    return y;
}

static void
table_init(Table *table, const PbxSamples *samples)
{
    const guint n_dims = samples->n_dims;
    *table = (Table){.n = samples->n, .dims = g_new(guint, n_dims), .y = scaled(samples)};
    table->features.features = g_new(PbxFeature, n_dims);
    for (guint i = 0; i < n_dims; i++) {
        const pbx_dim *dim = samples->dims[i];
        if (dim->parent >= 0)
            continue;
        const guint feature = table->features.n_features++;
        table->dims[feature] = i;
        table->features.features[feature] =
            (PbxFeature){.n_choices = dim->type == PBX_DIM_CATEGORY ? dim->n_choices : 0,
                         .offset = table->features.n_allowed};
        table->features.n_allowed += table->features.features[feature].n_choices;
    }
    const guint width = table->features.n_features;
    table->x = g_new(double, (gsize)table->n *MAX(1, width));
    for (guint i = 0; i < table->n; i++) {
        for (guint j = 0; j < width; j++) {
            const guint dim = table->dims[j];
            const double x = samples->x[(gsize)i * n_dims + dim];
            table->x[(gsize)i * width + j] =
                table->features.features[j].n_choices > 0 ? x : pbx_to_unit(samples->dims[dim], x);
        }
    }
}

static void
table_clear(Table *table)
{
    g_free(table->features.features);
    g_free(table->dims);
    g_free(table->x);
    g_free(table->y);
}

static GPtrArray *
grow(const Table *table, PbxRandom *random)
{
    const guint n = MIN(table->n, FANOVA_MAX_ROWS), width = table->features.n_features;
    g_autofree double *x = g_new(double, (gsize)n *MAX(1, width));
    g_autofree double *y = g_new(double, n);
    for (guint i = 0; i < n; i++) {
        const guint row = (guint)random_below(random, table->n);
        memcpy(x + (gsize)i * width, table->x + (gsize)row * width, width * sizeof *x);
        y[i] = table->y[row];
    }
    return tree_grow(&table->features, x, y, n);
}

/* Adds a tree's shares. */
static void
assess(const Tree *tree, const Table *table, guint n_dims, double *importance, double *pairs)
{
    const guint n = table->features.n_features;
    g_autofree double *alone = g_new(double, MAX(1, n));
    for (guint i = 0; i < n; i++) {
        alone[i] = variance_of(tree, i);
        importance[table->dims[i]] += alone[i] / tree->variance;
    }
    for (guint i = 0; i < n && pairs != NULL; i++) {
        for (guint j = i + 1; j < n; j++) {
            const double both = variance_of_pair(tree, i, j) - alone[i] - alone[j];
            pairs[(gsize)table->dims[i] * n_dims + table->dims[j]] += MAX(0, both) / tree->variance;
        }
    }
}

static void
divide(double *values, gsize n, guint by)
{
    for (gsize i = 0; i < n && by > 0; i++)
        values[i] /= by;
}

void
importance_fanova(const PbxSamples *samples, guint n_trees, guint64 seed, double *importance,
                  double *pairs)
{
    const guint n_dims = samples->n_dims;
    const gsize n_pairs = pairs != NULL ? (gsize)n_dims * n_dims : 0;
    guint n_varied = 0;
    for (guint i = 0; i < n_dims; i++)
        importance[i] = samples->dims[i]->parent >= 0 ? NAN : 0;
    for (gsize i = 0; i < n_pairs; i++)
        pairs[i] = 0;
    Table table;
    table_init(&table, samples);
    for (guint i = 0; i < n_trees && samples->n > 0; i++) {
        PbxRandom random = {.seed = random_seed(seed, "importance"), .stream = i};
        Tree tree;
        tree_init(&tree, &table.features, grow(&table, &random));
        if (tree.variance > 0) {
            assess(&tree, &table, n_dims, importance, pairs);
            n_varied++;
        }
        tree_clear(&tree);
    }
    divide(importance, n_dims, n_varied);
    divide(pairs, n_pairs, n_varied);
    table_clear(&table);
}
