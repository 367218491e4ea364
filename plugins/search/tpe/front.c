/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search/tpe: which trials are the best where there are several objectives (Ozaki et al. 2022):
 * whole non-domination ranks as far as they fit, and of the one that does not those that together
 * have the largest hypervolume, chosen one by one.
 */
#include "tpe.h"

/* Scratch for n rows of losses. */
typedef struct {
    double *losses;
    uint32_t *slots;
    uint8_t *front;
    size_t *members, *chosen;
    double *reference;
} Scratch;

static void
scratch_free(pbx_instance *self, Scratch *scratch)
{
    pbx_free(self, scratch->losses);
    pbx_free(self, scratch->slots);
    pbx_free(self, scratch->front);
    pbx_free(self, scratch->members);
    pbx_free(self, scratch->chosen);
    pbx_free(self, scratch->reference);
}

static int
scratch_make(pbx_instance *self, Scratch *scratch, size_t n, size_t m)
{
    scratch->losses = pbx_alloc_array(self, n, 2 * m * sizeof(double));
    scratch->slots = pbx_alloc_array(self, n, sizeof(uint32_t));
    scratch->front = pbx_alloc_array(self, n, 1);
    scratch->members = pbx_alloc_array(self, n, sizeof(size_t));
    scratch->chosen = pbx_alloc_array(self, n, sizeof(size_t));
    scratch->reference = pbx_alloc_array(self, m, sizeof(double));
    return scratch->losses && scratch->slots && scratch->front && scratch->members &&
           scratch->chosen && scratch->reference;
}

/* Of a front more than fit: those that dominate the most together. */
static pbx_status
mark_some(pbx_instance *self, Scratch *scratch, size_t n, size_t n_members, size_t wanted)
{
    const size_t m = self->history.n_losses;
    double *losses = scratch->losses + n * m;
    pbx_status status;
    for (size_t i = 0; i < n_members; i++)
        memcpy(losses + i * m, scratch->losses + scratch->members[i] * m, m * sizeof(double));
    pbx_reference(losses, n_members, m, scratch->reference);
    status =
        pbx_hypervolume_subset(losses, n_members, m, scratch->reference, wanted, scratch->chosen);
    for (size_t i = 0; status == PBX_OK && i < wanted; i++)
        self->history.rows[scratch->slots[scratch->members[scratch->chosen[i]]]].marked = 1;
    return status;
}

/* Marks `wanted` of n complete trials, front after front. */
static pbx_status
mark_fronts(pbx_instance *self, Scratch *scratch, size_t n, size_t wanted)
{
    const size_t m = self->history.n_losses, n_all = n;
    while (wanted > 0) {
        size_t n_members = 0, left = 0;
        pbx_status status = pbx_front(scratch->losses, n, m, scratch->front);
        for (size_t i = 0; status == PBX_OK && i < n; i++)
            if (scratch->front[i])
                scratch->members[n_members++] = i;
        if (status != PBX_OK)
            return status;
        if (n_members > wanted)
            return mark_some(self, scratch, n_all, n_members, wanted);
        for (size_t i = 0; i < n; i++) {
            if (scratch->front[i]) {
                self->history.rows[scratch->slots[i]].marked = 1;
                continue;
            }
            memmove(scratch->losses + left * m, scratch->losses + i * m, m * sizeof(double));
            scratch->slots[left++] = scratch->slots[i];
        }
        n = left;
        wanted -= n_members;
    }
    return PBX_OK;
}

pbx_status
tpe_mark_best(pbx_instance *self, size_t wanted, pbx_error *error)
{
    tpe_history *history = &self->history;
    const size_t m = history->n_losses;
    size_t n_complete = 0;
    Scratch scratch = {NULL, NULL, NULL, NULL, NULL, NULL};
    pbx_status status = PBX_OK;
    while (n_complete < history->n_ended &&
           history->rows[history->best[n_complete]].rank == TPE_COMPLETE)
        n_complete++;
    if (m < 2 || wanted >= n_complete) {
        for (size_t i = 0; i < wanted && i < history->n_ended; i++)
            if (history->rows[history->best[i]].rank != TPE_BAD)
                history->rows[history->best[i]].marked = 1;
        return PBX_OK;
    }
    if (!scratch_make(self, &scratch, n_complete, m)) {
        scratch_free(self, &scratch);
        return pbx_fail_memory(error);
    }
    for (size_t i = 0; i < n_complete; i++) {
        scratch.slots[i] = history->best[i];
        memcpy(scratch.losses + i * m, history->losses + history->best[i] * m, m * sizeof(double));
    }
    status = mark_fronts(self, &scratch, n_complete, wanted);
    scratch_free(self, &scratch);
    return status == PBX_OK ? PBX_OK : pbx_fail_memory(error);
}
