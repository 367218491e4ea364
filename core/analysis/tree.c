/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Grows a regression tree: each feature's rows are sorted once, and stay so through the splits. */
#include <stdlib.h>
#include <string.h>

#include "analysis/tree-private.h"

#define MAX_DEPTH 64

typedef struct {
    const PbxFeatures *features;
    const double *x, *y;
    guint n;
    guint *order;     /* [n_features][n]: rows by the feature's value */
    guint *buffer;    /* [n] */
    guint8 *is_right; /* [n] of rows, at a split */
    double *sums;     /* [most choices], scratch */
    guint *counts;
    GPtrArray *leaves;
} Growth;

typedef struct {
    double gain; /* of sum^2 / n over both sides */
    guint feature;
    double at; /* numbers below it go left; the choice goes left */
} Split;

void
leaf_free(PbxLeaf *leaf)
{
    g_free(leaf->low);
    g_free(leaf->high);
    g_free(leaf->allowed);
    g_free(leaf);
}

static PbxLeaf *
leaf_new(const PbxFeatures *features, const PbxLeaf *from)
{
    PbxLeaf *leaf = g_new0(PbxLeaf, 1);
    leaf->low = g_memdup2(from->low, features->n_features * sizeof(double));
    leaf->high = g_memdup2(from->high, features->n_features * sizeof(double));
    leaf->allowed = g_memdup2(from->allowed, features->n_allowed);
    return leaf;
}

static double
value_of(const Growth *growth, guint row, guint feature)
{
    return growth->x[(gsize)row * growth->features->n_features + feature];
}

static guint *
rows_of(const Growth *growth, guint feature, guint from)
{
    return growth->order + (gsize)feature * growth->n + from;
}

/* ---- The best split ---- */

static double
gain_of(double sum, guint n, double rest, guint n_rest)
{
    return sum * sum / n + rest * rest / n_rest;
}

static void
try_split(Split *best, double gain, guint feature, double at)
{
    if (gain > best->gain)
        *best = (Split){.gain = gain, .feature = feature, .at = at};
}

static void
try_number(const Growth *growth, guint feature, guint from, guint n, double sum, Split *best)
{
    const guint *rows = rows_of(growth, feature, from);
    double left = 0;
    for (guint i = 1; i < n; i++) {
        const double before = value_of(growth, rows[i - 1], feature);
        const double after = value_of(growth, rows[i], feature);
        left += growth->y[rows[i - 1]];
        if (before < after)
            try_split(best, gain_of(left, i, sum - left, n - i), feature,
                      before + (after - before) / 2);
    }
}

static void
try_choices(const Growth *growth, guint feature, guint from, guint n, double sum, Split *best)
{
    const guint *rows = rows_of(growth, feature, from);
    const guint n_choices = growth->features->features[feature].n_choices;
    memset(growth->sums, 0, n_choices * sizeof *growth->sums);
    memset(growth->counts, 0, n_choices * sizeof *growth->counts);
    for (guint i = 0; i < n; i++) {
        const guint choice = (guint)value_of(growth, rows[i], feature);
        growth->sums[choice] += growth->y[rows[i]];
        growth->counts[choice]++;
    }
    for (guint i = 0; i < n_choices; i++) {
        const guint in = growth->counts[i];
        if (in > 0 && in < n)
            try_split(best, gain_of(growth->sums[i], in, sum - growth->sums[i], n - in), feature,
                      i);
    }
}

/* FALSE: nothing is gained by any. */
static gboolean
find_split(const Growth *growth, guint from, guint n, double sum, Split *best)
{
    const double none = sum * sum / n;
    *best = (Split){.gain = none + 1e-12 * (1 + none)};
    const double threshold = best->gain;
    for (guint i = 0; i < growth->features->n_features; i++) {
        if (growth->features->features[i].n_choices > 0)
            try_choices(growth, i, from, n, sum, best);
        else
            try_number(growth, i, from, n, sum, best);
    }
    return best->gain > threshold;
}

/* ---- Splitting ---- */

/* Rows that go left come first, in each feature's order; how many. */
static guint
part(Growth *growth, guint from, guint n, const Split *split)
{
    const gboolean is_choice = growth->features->features[split->feature].n_choices > 0;
    const guint *rows = rows_of(growth, split->feature, from);
    guint n_left = 0;
    for (guint i = 0; i < n; i++) {
        const double value = value_of(growth, rows[i], split->feature);
        const gboolean left = is_choice ? (guint)value == (guint)split->at : value < split->at;
        growth->is_right[rows[i]] = !left;
        n_left += left;
    }
    for (guint i = 0; i < growth->features->n_features; i++) {
        guint *all = rows_of(growth, i, from);
        guint left = 0, right = 0;
        for (guint j = 0; j < n; j++) {
            if (growth->is_right[all[j]])
                growth->buffer[right++] = all[j];
            else
                all[left++] = all[j];
        }
        memcpy(all + left, growth->buffer, right * sizeof *all);
    }
    return n_left;
}

/* What is left of a box on one side of a split. */
static void
narrow(const PbxFeatures *features, PbxLeaf *box, const Split *split, gboolean left)
{
    const PbxFeature *feature = &features->features[split->feature];
    if (feature->n_choices > 0) {
        guint8 *allowed = box->allowed + feature->offset;
        if (left)
            memset(allowed, 0, feature->n_choices);
        allowed[(guint)split->at] = left;
    } else if (left) {
        box->high[split->feature] = split->at;
    } else {
        box->low[split->feature] = split->at;
    }
}

static void
grow(Growth *growth, PbxLeaf *box, guint from, guint n, guint depth)
{
    double sum = 0;
    Split split;
    const guint *rows = growth->features->n_features > 0 ? rows_of(growth, 0, from) : NULL;
    for (guint i = 0; i < n && rows != NULL; i++)
        sum += growth->y[rows[i]];
    if (rows == NULL || depth >= MAX_DEPTH || n < 2 || !find_split(growth, from, n, sum, &split)) {
        box->value = sum / n;
        g_ptr_array_add(growth->leaves, box);
        return;
    }
    const guint n_left = part(growth, from, n, &split);
    PbxLeaf *right = leaf_new(growth->features, box);
    narrow(growth->features, box, &split, TRUE);
    narrow(growth->features, right, &split, FALSE);
    grow(growth, box, from, n_left, depth + 1);
    grow(growth, right, from + n_left, n - n_left, depth + 1);
}

/* ---- A tree ---- */

typedef struct {
    double value;
    guint row;
} Place;

static int
by_place(const void *a, const void *b)
{
    const Place *one = a, *other = b;
    return one->value != other->value ? (one->value > other->value) - (one->value < other->value)
                                      : (one->row > other->row) - (one->row < other->row);
}

static void
sort_rows(Growth *growth)
{
    g_autofree Place *places = g_new(Place, growth->n);
    for (guint i = 0; i < growth->features->n_features; i++) {
        for (guint row = 0; row < growth->n; row++)
            places[row] = (Place){.value = value_of(growth, row, i), .row = row};
        qsort(places, growth->n, sizeof *places, by_place);
        for (guint j = 0; j < growth->n; j++)
            rows_of(growth, i, 0)[j] = places[j].row;
    }
}

static PbxLeaf *
whole_space(const PbxFeatures *features)
{
    PbxLeaf *box = g_new0(PbxLeaf, 1);
    box->low = g_new0(double, features->n_features);
    box->high = g_new(double, features->n_features);
    box->allowed = g_malloc(MAX(1, features->n_allowed));
    memset(box->allowed, TRUE, features->n_allowed);
    for (guint i = 0; i < features->n_features; i++)
        box->high[i] = 1;
    return box;
}

GPtrArray *
tree_grow(const PbxFeatures *features, const double *x, const double *y, guint n)
{
    const guint n_sums = MAX(1, features->n_allowed);
    g_autofree guint *order = g_new(guint, (gsize)n * MAX(1, features->n_features));
    g_autofree guint *buffer = g_new(guint, n);
    g_autofree guint8 *is_right = g_malloc(n);
    g_autofree double *sums = g_new(double, n_sums);
    g_autofree guint *counts = g_new(guint, n_sums);
    Growth growth = {
        .features = features,
        .x = x,
        .y = y,
        .n = n,
        .order = order,
        .buffer = buffer,
        .is_right = is_right,
        .sums = sums,
        .counts = counts,
        .leaves = g_ptr_array_new_with_free_func((GDestroyNotify)leaf_free),
    };
    sort_rows(&growth);
    grow(&growth, whole_space(features), 0, n, 0);
    return growth.leaves;
}
