/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search/tpe: the trials that the model is made of. What an ask needs in order is kept so: by time,
 * from the best to the worst, and each parameter by its places. With `max_history` the best ones
 * and the newest are kept, and the rest is dropped.
 */
#include "tpe.h"

/* ---- Room ---- */

static int
grow_tracks(pbx_instance *self, size_t capacity)
{
    tpe_history *history = &self->history;
    for (size_t i = 0; i < history->n_dims; i++) {
        tpe_track *track = &history->tracks[i];
        double *place = pbx_realloc(self, track->place, capacity * sizeof(double));
        tpe_memo *memo = place ? pbx_realloc(self, track->memo, capacity * sizeof(tpe_memo)) : NULL;
        uint32_t *sorted =
            memo ? pbx_realloc(self, track->sorted, capacity * sizeof(uint32_t)) : NULL;
        track->place = place ? place : track->place;
        track->memo = memo ? memo : track->memo;
        track->sorted = sorted ? sorted : track->sorted;
        if (!sorted)
            return 0;
    }
    return 1;
}

static pbx_status
grow(pbx_instance *self, pbx_error *error)
{
    tpe_history *history = &self->history;
    const size_t capacity = history->capacity ? 2 * history->capacity : 64;
    uint32_t **lists[] = {&history->time, &history->best, &history->running, &history->unused};
    tpe_row *rows;
    double *x, *losses;
    if (!history->tracks && history->n_dims > 0) {
        history->tracks = pbx_alloc_array(self, history->n_dims, sizeof(tpe_track));
        if (!history->tracks)
            return pbx_fail_memory(error);
    }
    for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
        uint32_t *longer = pbx_realloc(self, *lists[i], capacity * sizeof(uint32_t));
        if (!longer)
            return pbx_fail_memory(error);
        *lists[i] = longer;
    }
    rows = pbx_realloc(self, history->rows, capacity * sizeof(tpe_row));
    if (rows)
        history->rows = rows;
    x = pbx_realloc(self, history->x, capacity * (history->n_dims + 1) * sizeof(double));
    if (x)
        history->x = x;
    losses = history->n_losses > 1
                 ? pbx_realloc(self, history->losses, capacity * history->n_losses * sizeof(double))
                 : NULL;
    if (losses)
        history->losses = losses;
    if (!rows || !x || (history->n_losses > 1 && !losses) || !grow_tracks(self, capacity))
        return pbx_fail_memory(error);
    for (size_t slot = capacity; slot > history->capacity; slot--)
        history->unused[history->n_unused++] = (uint32_t)slot - 1;
    history->capacity = capacity;
    return PBX_OK;
}

/* ---- Lists ---- */

static void
list_insert(uint32_t *list, size_t *n, size_t at, uint32_t slot)
{
    memmove(list + at + 1, list + at, (*n - at) * sizeof(uint32_t));
    list[at] = slot;
    ++*n;
}

static void
list_remove(uint32_t *list, size_t *n, size_t at)
{
    --*n;
    memmove(list + at, list + at + 1, (*n - at) * sizeof(uint32_t));
}

/* Whether a comes before b: complete ones by their loss, then early-stopped ones, those that came
 * farther first, then those that violate constraints, by how much, then those that tell of nothing
 * good; equal ones as they came, and all of which no one loss decides. */
static int
is_better(const tpe_history *history, const tpe_row *a, const tpe_row *b)
{
    const int has_order =
        a->rank == TPE_INFEASIBLE || (a->rank != TPE_BAD && history->n_losses < 2);
    if (a->rank != b->rank)
        return a->rank < b->rank;
    if (a->rank == TPE_STOPPED && a->step != b->step)
        return a->step > b->step;
    if (has_order && a->loss != b->loss)
        return a->loss < b->loss;
    return a->number < b->number;
}

static size_t
best_find(const tpe_history *history, const tpe_row *row)
{
    size_t low = 0, high = history->n_ended;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (is_better(history, &history->rows[history->best[middle]], row))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static size_t
track_find(const tpe_history *history, const tpe_track *track, uint32_t slot)
{
    const double place = track->place[slot];
    const uint64_t number = history->rows[slot].number;
    size_t low = 0, high = track->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uint32_t other = track->sorted[middle];
        if (track->place[other] < place ||
            (track->place[other] == place && history->rows[other].number < number))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* ---- Rows: places and tracks ---- */

static void
track(pbx_instance *self, uint32_t slot, const double *x)
{
    tpe_history *history = &self->history;
    history->rows[slot].number = history->next_number++;
    for (size_t i = 0; i < history->n_dims; i++) {
        tpe_track *track = &history->tracks[i];
        history->x[slot * history->n_dims + i] = x[i];
        track->place[slot] = tpe_axis_place(&self->axes[i], x[i]);
        track->memo[slot].sigma = -1;
        if (!isnan(x[i]))
            list_insert(track->sorted, &track->n, track_find(history, track, slot), slot);
    }
}

static void
untrack(tpe_history *history, uint32_t slot)
{
    for (size_t i = 0; i < history->n_dims; i++) {
        tpe_track *track = &history->tracks[i];
        if (!isnan(track->place[slot]))
            list_remove(track->sorted, &track->n, track_find(history, track, slot));
    }
}

static pbx_status
new_row(pbx_instance *self, uint64_t trial, uint32_t *slot, pbx_error *error)
{
    tpe_history *history = &self->history;
    pbx_status status = history->n_unused == 0 ? grow(self, error) : PBX_OK;
    if (status != PBX_OK)
        return status;
    *slot = history->unused[--history->n_unused];
    memset(&history->rows[*slot], 0, sizeof(tpe_row));
    history->rows[*slot].trial = trial;
    return PBX_OK;
}

static void
free_row(tpe_history *history, uint32_t slot)
{
    untrack(history, slot);
    history->unused[history->n_unused++] = slot;
}

/* ---- Running trials ---- */

/* n_running: none. */
static size_t
running_find(const tpe_history *history, uint64_t trial)
{
    size_t at = 0;
    while (at < history->n_running && history->rows[history->running[at]].trial != trial)
        at++;
    return at;
}

pbx_status
tpe_history_start(pbx_instance *self, uint64_t trial, const double *x, pbx_error *error)
{
    tpe_history *history = &self->history;
    uint32_t slot;
    pbx_status status;
    tpe_history_cancel(self, trial);
    status = new_row(self, trial, &slot, error);
    if (status != PBX_OK)
        return status;
    track(self, slot, x);
    history->running[history->n_running++] = slot;
    return PBX_OK;
}

void
tpe_history_cancel(pbx_instance *self, uint64_t trial)
{
    tpe_history *history = &self->history;
    size_t at = running_find(history, trial);
    uint32_t slot;
    if (at == history->n_running)
        return;
    slot = history->running[at];
    list_remove(history->running, &history->n_running, at);
    free_row(history, slot);
}

/* ---- Trials that ended ---- */

static void
drop(tpe_history *history, size_t at)
{
    const uint32_t slot = history->time[at];
    size_t place = best_find(history, &history->rows[slot]), n = history->n_ended;
    list_remove(history->best, &n, place);
    list_remove(history->time, &history->n_ended, at);
    free_row(history, slot);
}

/* Of several losses, where it takes its time to tell the best, some more at once. */
#define SLACK 50

static pbx_status
trim_several(pbx_instance *self, pbx_error *error)
{
    tpe_history *history = &self->history;
    const size_t wanted = history->max_history + history->keep;
    pbx_status status;
    if (history->keep == 0 || history->n_ended <= wanted + SLACK)
        return PBX_OK;
    status = tpe_mark_best(self, history->keep, error);
    for (size_t at = 0; status == PBX_OK && at < history->n_ended && history->n_ended > wanted;) {
        if (history->rows[history->time[at]].marked)
            at++;
        else
            drop(history, at);
    }
    for (size_t at = 0; at < history->n_ended; at++)
        history->rows[history->time[at]].marked = 0;
    return status;
}

/* The oldest that is not of the best, once there are more than is asked for. */
static void
trim(tpe_history *history)
{
    size_t at = 0;
    if (history->keep == 0 || history->n_ended <= history->max_history + history->keep)
        return;
    for (size_t i = 0; i < history->keep; i++)
        history->rows[history->best[i]].marked = 1;
    while (history->rows[history->time[at]].marked)
        at++;
    for (size_t i = 0; i < history->keep; i++)
        history->rows[history->best[i]].marked = 0;
    drop(history, at);
}

static void
insert(tpe_history *history, uint32_t slot)
{
    size_t n = history->n_ended, at = best_find(history, &history->rows[slot]);
    list_insert(history->best, &n, at, slot);
    history->time[history->n_ended++] = slot;
}

/* What its end tells. Without a number it is bad, however it ended. */
static void
judge(tpe_history *history, uint32_t slot, const pbx_outcome *outcome)
{
    tpe_row *row = &history->rows[slot];
    const pbx_result *last = outcome->last;
    double violation = 0;
    int finite;
    row->loss = pbx_final_loss(outcome);
    row->step = last ? (double)last->iteration : 0;
    row->rank = outcome->end == PBX_END_COMPLETED ? TPE_COMPLETE : TPE_STOPPED;
    finite = isfinite(row->loss);
    for (size_t k = 0; k < history->n_losses && history->losses; k++) {
        double *loss = &history->losses[slot * history->n_losses + k];
        *loss = last && k < last->n_losses ? pbx_loss(last->losses[k]) : (double)INFINITY;
        finite = finite && isfinite(*loss);
    }
    for (uint32_t k = 0; finite && k < last->n_violations; k++)
        violation += last->violations[k] > 0 ? last->violations[k] : 0;
    if (violation > 0) {
        row->loss = violation;
        row->rank = TPE_INFEASIBLE;
    }
    if (!finite)
        row->rank = TPE_BAD;
}

pbx_status
tpe_history_end(pbx_instance *self, const pbx_outcome *outcome, pbx_error *error)
{
    tpe_history *history = &self->history;
    uint32_t slot;
    pbx_status status;
    if (outcome->trial != PBX_NONE)
        tpe_history_cancel(self, outcome->trial);
    status = new_row(self, outcome->trial, &slot, error);
    if (status != PBX_OK)
        return status;
    track(self, slot, outcome->x);
    judge(history, slot, outcome);
    insert(history, slot);
    history->told++;
    if (history->n_losses > 1)
        return trim_several(self, error);
    trim(history);
    return PBX_OK;
}

void
tpe_history_void(pbx_instance *self, uint64_t trial)
{
    tpe_history *history = &self->history;
    size_t at = 0;
    if (running_find(history, trial) < history->n_running) {
        tpe_history_cancel(self, trial);
        return;
    }
    while (at < history->n_ended && history->rows[history->time[at]].trial != trial)
        at++;
    if (at < history->n_ended)
        drop(history, at);
    if (history->told > 0)
        history->told--; /* also of one that was dropped before */
}

/* ---- Looking ---- */

int
tpe_history_has(const pbx_instance *self, const double *x)
{
    const tpe_history *history = &self->history;
    const size_t size = history->n_dims * sizeof(double);
    for (size_t i = 0; i < history->n_ended + history->n_running; i++) {
        const uint32_t slot =
            i < history->n_ended ? history->time[i] : history->running[i - history->n_ended];
        const double *other = history->x + slot * history->n_dims;
        size_t dim = 0;
        if (memcmp(other, x, size) == 0)
            return 1;
        while (dim < history->n_dims &&
               (other[dim] == x[dim] || (isnan(other[dim]) && isnan(x[dim]))))
            dim++;
        if (dim == history->n_dims)
            return 1;
    }
    return 0;
}

/* ---- State ---- */

static void
row_state(pbx_instance *self, pbx_blob *blob, tpe_row *row, double *x, double *losses)
{
    pbx_blob_u64(blob, &row->trial);
    pbx_blob_u32(blob, &row->rank);
    pbx_blob_real(blob, &row->loss);
    pbx_blob_real(blob, &row->step);
    pbx_blob_reals(blob, x, self->history.n_dims);
    if (losses)
        pbx_blob_reals(blob, losses, self->history.n_losses);
}

/* NULL: there is one loss, which the row has. */
static double *
losses_of(const tpe_history *history, uint32_t slot)
{
    return history->losses ? history->losses + slot * history->n_losses : NULL;
}

/* All rows by number: those that ended, and those that run among them. */
static void
save(pbx_instance *self, pbx_blob *blob)
{
    tpe_history *history = &self->history;
    size_t ended = 0, running = 0;
    while (ended < history->n_ended || running < history->n_running) {
        uint32_t slot;
        if (running == history->n_running ||
            (ended < history->n_ended && history->rows[history->time[ended]].number <
                                             history->rows[history->running[running]].number))
            slot = history->time[ended++];
        else
            slot = history->running[running++];
        row_state(self, blob, &history->rows[slot], history->x + slot * history->n_dims,
                  losses_of(history, slot));
    }
}

static void
load(pbx_instance *self, pbx_blob *blob, size_t n)
{
    tpe_history *history = &self->history;
    pbx_error error;
    for (size_t i = 0; i < n && blob->status == PBX_OK; i++) {
        tpe_row row;
        uint32_t slot;
        memset(&row, 0, sizeof row);
        pbx_blob_fail(blob, new_row(self, 0, &slot, &error));
        if (blob->status != PBX_OK)
            return;
        row_state(self, blob, &row, self->candidate, losses_of(history, slot));
        if (row.rank > TPE_BAD || (row.rank != TPE_RUNNING && isnan(row.loss)) || isnan(row.step))
            pbx_blob_fail(blob, PBX_EINVAL);
        if (blob->status != PBX_OK) {
            history->unused[history->n_unused++] = slot;
            return;
        }
        track(self, slot, self->candidate);
        row.number = history->rows[slot].number;
        history->rows[slot] = row;
        if (row.rank == TPE_RUNNING)
            history->running[history->n_running++] = slot;
        else
            insert(history, slot);
    }
}

void
tpe_history_state(pbx_instance *self, pbx_blob *blob)
{
    tpe_history *history = &self->history;
    const uint64_t own[] = {history->n_dims, history->keep, history->max_history,
                            history->n_losses};
    size_t n = history->n_ended + history->n_running;
    /* What was dropped under other options is wanted again: told again, it comes. */
    for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++) {
        uint64_t saved = own[i];
        pbx_blob_u64(blob, &saved);
        if (blob->status == PBX_OK && saved != own[i])
            pbx_blob_fail(blob, PBX_ENOTSUP);
    }
    pbx_blob_u64(blob, &history->told);
    pbx_blob_count(blob, &n, 28 + 8 * history->n_dims);
    if (!pbx_blob_loading(blob))
        save(self, blob);
    else if (blob->status == PBX_OK)
        load(self, blob, n);
}
