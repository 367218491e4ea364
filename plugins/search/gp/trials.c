/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search/gp: the trials that the model is made of. A model's cost grows with the cube of their
 * number: where they are more than `max_history`, the best and the newest are kept.
 */
#include "gp.h"

/* Nearer than this, as a part of the range, two numbers are the same. */
#define SAME 5e-6

/* ---- Rows ---- */

static gp_row *
row_new(pbx_instance *self, uint64_t trial)
{
    const size_t n_numbers = self->n_constraints + self->n_dims;
    gp_row *row = pbx_alloc(self, sizeof(gp_row) + n_numbers * sizeof(double));
    if (!row)
        return NULL;
    row->trial = trial;
    row->violations = (double *)(void *)(row + 1);
    row->u = row->violations + self->n_constraints;
    return row;
}

static int
rows_insert(pbx_instance *self, gp_rows *rows, size_t at, gp_row *row)
{
    if (rows->n == rows->capacity) {
        const size_t capacity = rows->capacity ? 2 * rows->capacity : 64;
        gp_row **longer = pbx_realloc(self, rows->items, capacity * sizeof(gp_row *));
        if (!longer)
            return 0;
        rows->items = longer;
        rows->capacity = capacity;
    }
    memmove(rows->items + at + 1, rows->items + at, (rows->n - at) * sizeof(gp_row *));
    rows->items[at] = row;
    rows->n++;
    return 1;
}

static void
rows_remove(pbx_instance *self, gp_rows *rows, size_t at)
{
    pbx_free(self, rows->items[at]);
    rows->n--;
    memmove(rows->items + at, rows->items + at + 1, (rows->n - at) * sizeof(gp_row *));
}

/* rows->n: none. */
static size_t
rows_find(const gp_rows *rows, uint64_t trial)
{
    size_t at = 0;
    while (at < rows->n && rows->items[at]->trial != trial)
        at++;
    return at;
}

int
gp_rows_have(const pbx_instance *self, const gp_rows *rows, const double *u)
{
    for (size_t i = 0; i < rows->n; i++) {
        const double *other = rows->items[i]->u;
        size_t dim = 0;
        while (
            dim < self->n_dims &&
            (self->axes[dim].is_category ? u[dim] == other[dim] : fabs(u[dim] - other[dim]) < SAME))
            dim++;
        if (dim == self->n_dims)
            return 1;
    }
    return 0;
}

/* ---- Running trials ---- */

pbx_status
gp_trials_start(pbx_instance *self, uint64_t trial, const double *x, pbx_error *error)
{
    gp_rows *running = &self->trials.running;
    size_t at;
    gp_row *row;
    gp_trials_cancel(self, trial);
    row = row_new(self, trial);
    if (!row)
        return pbx_fail_memory(error);
    gp_place(self->space, x, row->u);
    at = running->n;
    while (at > 0 && running->items[at - 1]->trial > trial)
        at--;
    if (!rows_insert(self, running, at, row)) {
        pbx_free(self, row);
        return pbx_fail_memory(error);
    }
    return PBX_OK;
}

void
gp_trials_cancel(pbx_instance *self, uint64_t trial)
{
    size_t at = rows_find(&self->trials.running, trial);
    if (at < self->trials.running.n)
        rows_remove(self, &self->trials.running, at);
}

/* ---- Trials that ended ---- */

/* What its end tells. One that failed, or has no number, is as bad as the worst one; one that the
 * user stopped before its first result tells nothing. */
static void
judge(const pbx_instance *self, gp_row *row, const pbx_outcome *outcome)
{
    const pbx_result *last = outcome->last;
    const int is_cut = outcome->end == PBX_END_EARLY_STOPPED || outcome->end == PBX_END_STOPPED;
    row->loss = pbx_final_loss(outcome);
    row->kind = GP_COUNTS;
    if ((is_cut && !self->rules.use_early_stopped) || (outcome->end == PBX_END_STOPPED && !last))
        row->kind = GP_LEFT_OUT;
    /* A result without its number keeps no constraint; without a result nobody knows. */
    for (size_t i = 0; i < self->n_constraints; i++) {
        row->violations[i] = (double)NAN;
        if (outcome->end != PBX_END_FAILED && last && i < last->n_violations)
            row->violations[i] =
                isfinite(last->violations[i]) ? last->violations[i] : (double)INFINITY;
    }
}

typedef struct {
    const gp_row *row;
    size_t n_constraints, at;
} Ranked;

static int
is_feasible(const Ranked *ranked)
{
    for (size_t i = 0; i < ranked->n_constraints; i++)
        if (!(ranked->row->violations[i] <= 0))
            return 0;
    return 1;
}

/* Feasible ones first, then by loss, then as they came. */
static int
compare(const void *a, const void *b)
{
    const Ranked *one = a, *other = b;
    const int difference = is_feasible(other) - is_feasible(one);
    if (difference != 0)
        return difference;
    if (one->row->loss != other->row->loss)
        return one->row->loss < other->row->loss ? -1 : 1;
    return one->at < other->at ? -1 : 1;
}

/* A fifth of what is kept are the best ones. */
static pbx_status
trim(pbx_instance *self, pbx_error *error)
{
    gp_rows *ended = &self->trials.ended;
    const size_t max = self->rules.max_history, n_best = max / 5;
    Ranked *order;
    unsigned char *is_best;
    size_t n_others = 0;
    if (ended->n <= max)
        return PBX_OK;
    order = pbx_alloc_array(self, ended->n, sizeof(Ranked));
    is_best = pbx_alloc(self, ended->n);
    for (size_t i = 0; order && is_best && i < ended->n; i++)
        order[i] = (Ranked){ended->items[i], self->n_constraints, i};
    if (order && is_best) {
        qsort(order, ended->n, sizeof(Ranked), compare);
        for (size_t i = 0; i < n_best; i++)
            is_best[order[i].at] = 1;
        for (size_t i = ended->n; i-- > 0;)
            if (!is_best[i] && ++n_others > max - n_best)
                rows_remove(self, ended, i);
    }
    pbx_free(self, order);
    pbx_free(self, is_best);
    return order && is_best ? PBX_OK : pbx_fail_memory(error);
}

pbx_status
gp_trials_end(pbx_instance *self, const pbx_outcome *outcome, pbx_error *error)
{
    gp_trials *trials = &self->trials;
    gp_row *row = row_new(self, outcome->trial);
    pbx_status status = PBX_OK;
    if (!row)
        return pbx_fail_memory(error);
    if (outcome->trial != PBX_NONE)
        gp_trials_cancel(self, outcome->trial);
    gp_place(self->space, outcome->x, row->u);
    judge(self, row, outcome);
    if (!rows_insert(self, &trials->ended, trials->ended.n, row)) {
        pbx_free(self, row);
        return pbx_fail_memory(error);
    }
    trials->told++;
    if (trials->told >= trials->next_fit) {
        status = trim(self, error);
        trials->n_fit = trials->ended.n;
        trials->next_fit = trials->told + (trials->told < 40 ? 1 : trials->told / 20);
        self->is_fitted = 0;
    }
    return status;
}

void
gp_trials_void(pbx_instance *self, uint64_t trial)
{
    gp_trials *trials = &self->trials;
    size_t at = rows_find(&trials->ended, trial);
    gp_trials_cancel(self, trial);
    if (trial == PBX_NONE || at == trials->ended.n)
        return;
    rows_remove(self, &trials->ended, at);
    if (at < trials->n_fit) {
        trials->n_fit--;
        self->is_fitted = 0;
    }
}

/* ---- State ---- */

static void
row_state(pbx_instance *self, pbx_blob *blob, gp_row *row)
{
    pbx_blob_u64(blob, &row->trial);
    pbx_blob_u32(blob, &row->kind);
    pbx_blob_real(blob, &row->loss);
    pbx_blob_reals(blob, row->violations, self->n_constraints);
    pbx_blob_reals(blob, row->u, self->n_dims);
}

static int
row_is_good(const pbx_instance *self, const gp_row *row)
{
    if (row->kind > GP_LEFT_OUT || isnan(row->loss) || row->loss == -(double)INFINITY)
        return 0;
    for (size_t i = 0; i < self->n_dims; i++)
        if (!isfinite(row->u[i]))
            return 0;
    return 1;
}

static void
rows_state(pbx_instance *self, pbx_blob *blob, gp_rows *rows)
{
    size_t n = rows->n;
    pbx_blob_count(blob, &n, 20 + 8 * (self->n_constraints + self->n_dims));
    for (size_t i = 0; i < n && blob->status == PBX_OK; i++) {
        gp_row *row = pbx_blob_loading(blob) ? row_new(self, 0) : rows->items[i];
        if (!row) {
            pbx_blob_fail(blob, PBX_ENOMEM);
            return;
        }
        row_state(self, blob, row);
        if (!pbx_blob_loading(blob))
            continue;
        if (!row_is_good(self, row))
            pbx_blob_fail(blob, PBX_EINVAL);
        if (!rows_insert(self, rows, rows->n, row))
            pbx_blob_fail(blob, PBX_ENOMEM);
    }
}

void
gp_trials_state(pbx_instance *self, pbx_blob *blob)
{
    gp_trials *trials = &self->trials;
    uint64_t n_fit = trials->n_fit;
    pbx_blob_u64(blob, &trials->told);
    pbx_blob_u64(blob, &trials->next_fit);
    pbx_blob_u64(blob, &n_fit);
    trials->n_fit = (size_t)n_fit;
    rows_state(self, blob, &trials->ended);
    rows_state(self, blob, &trials->running);
    if (trials->n_fit > trials->ended.n)
        pbx_blob_fail(blob, PBX_EINVAL);
}
