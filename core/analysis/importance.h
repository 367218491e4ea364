/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How much each parameter has to do with a metric, from the trials that an experiment has.
 */
#pragma once

#include "analysis/analysis.h"
#include "space/space.h"

/* What is known: points and what they came to. */
typedef struct {
    guint n, n_dims;
    const pbx_dim *const *dims; /* borrowed from the space */
    double *x;                  /* [n][n_dims]; NaN where a dim is inactive */
    double *losses;             /* [n], finite; smaller is better */
} PbxSamples;
void samples_clear(PbxSamples *samples);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PbxSamples, samples_clear)

/* Those of all TERMINATED trials with a finite feasible value, by their numbers. The space must
 * outlive them. FALSE with error. */
gboolean samples_read(PbxSamples *samples, PbxStore *store, const PbxSpace *space,
                      const char *metric, int sign, PbxScope scope, GError **error);
/* In how many of them a dim is active. */
guint samples_active(const PbxSamples *samples, guint dim);
/* Whether not all losses are the same. */
gboolean samples_differ(const PbxSamples *samples);

/* The best of n samples that PED-ANOVA takes: a share of them, but two at least, and all that
 * are as good as the last one. */
guint ped_anova_n_top(const PbxSamples *samples, double quantile);

/*
 * PED-ANOVA (Watanabe, Bansal, Hutter, "PED-ANOVA: Efficiently Quantifying Hyperparameter
 * Importance in Arbitrary Subspaces", IJCAI 2023): for each dim the Pearson divergence of the
 * density of the best samples' values from that of all, each a Parzen estimate on a grid of at
 * most 50 cells with Scott's bandwidth. A conditional dim counts by a^2 / b times that, where a
 * and b are the shares of the best and of all samples in which it is active. importance[n_dims]
 * sums to 1; all are 0 where no density differs. Costs O(n + 2500 n_dims).
 */
void importance_ped_anova(const PbxSamples *samples, double quantile, double *importance);

/*
 * fANOVA (Hutter, Hoos, Leyton-Brown, "An Efficient Approach for Assessing Hyperparameter
 * Importance", ICML 2014): a forest of regression trees; importance[i] is the mean over the trees
 * of the share of the variance that dim i alone explains, and pairs[i * n_dims + j], i < j (NULL:
 * not wanted), that of both together beyond what each does alone. Space is measured as a search
 * draws from it (a log dim in the logarithm). Conditional dims have NaN. Trees differ by
 * bootstrap: at most FANOVA_MAX_ROWS rows each. Costs O(trees rows log(rows)^2 n_dims).
 */
#define FANOVA_MAX_ROWS 1000
void importance_fanova(const PbxSamples *samples, guint n_trees, guint64 seed, double *importance,
                       double *pairs);
