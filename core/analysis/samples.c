/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The points of an experiment's trials and what they came to. */
#include <math.h>
#include <string.h>

#include "analysis/importance.h"

typedef struct {
    const GArray *scores; /* PbxScore, by trial */
    guint at, n_dims;
    int sign;
    GArray *x, *losses; /* double */
} Reader;

void
samples_clear(PbxSamples *samples)
{
    g_clear_pointer(&samples->x, g_free);
    g_clear_pointer(&samples->losses, g_free);
    samples->n = 0;
}

/* The trial's score; NULL: it has none. Both come by their numbers. */
static const PbxScore *
score_of(Reader *reader, guint64 trial)
{
    while (reader->at < reader->scores->len) {
        const PbxScore *score = &g_array_index(reader->scores, PbxScore, reader->at);
        if (score->trial >= trial)
            return score->trial == trial ? score : NULL;
        reader->at++;
    }
    return NULL;
}

static gboolean
add_trial(const PbxTrialRow *trial, gpointer user)
{
    Reader *reader = user;
    const PbxScore *score = score_of(reader, trial->number);
    if (score == NULL || !isfinite(score->value) || trial->state != PBX_STATE_TERMINATED ||
        trial->x == NULL || trial->n_dims != reader->n_dims)
        return TRUE;
    const double loss = reader->sign * score->value;
    g_array_append_vals(reader->x, trial->x, reader->n_dims);
    g_array_append_val(reader->losses, loss);
    return TRUE;
}

gboolean
samples_read(PbxSamples *samples, PbxStore *store, const PbxSpace *space, const char *metric,
             int sign, PbxScope scope, GError **error)
{
    const pbx_space *dims = space_dims(space);
    g_autoptr(GArray) scores = analysis_scores(store, metric, sign, scope, error);
    g_autoptr(GArray) x = g_array_new(FALSE, FALSE, sizeof(double));
    g_autoptr(GArray) losses = g_array_new(FALSE, FALSE, sizeof(double));
    Reader reader = {
        .scores = scores, .n_dims = dims->n_dims, .sign = sign, .x = x, .losses = losses};
    if (scores == NULL || !store_each_trial(store, add_trial, &reader, error))
        return FALSE;
    *samples = (PbxSamples){
        .n = losses->len,
        .n_dims = dims->n_dims,
        .dims = dims->dims,
        .x = (double *)(void *)g_array_free(g_steal_pointer(&x), FALSE),
        .losses = (double *)(void *)g_array_free(g_steal_pointer(&losses), FALSE),
    };
    return TRUE;
}

guint
samples_active(const PbxSamples *samples, guint dim)
{
    guint n = 0;
    for (guint i = 0; i < samples->n; i++)
        n += !isnan(samples->x[(gsize)i * samples->n_dims + dim]);
    return n;
}

gboolean
samples_differ(const PbxSamples *samples)
{
    for (guint i = 1; i < samples->n; i++) {
        if (samples->losses[i] < samples->losses[0] || samples->losses[i] > samples->losses[0])
            return TRUE;
    }
    return FALSE;
}
