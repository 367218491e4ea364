/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search/bohb: what is known. Each budget has the results that trials had there, best first, with
 * the points; results of complete trials are of the largest budget. Beside that, the trials that
 * have not ended.
 */
#include "bohb.h"

static size_t
row_size(const pbx_instance *self)
{
    return 2 * self->n_dims;
}

static double *
row_of(const pbx_instance *self, const bohb_budget *budget, size_t at)
{
    return budget->rows + at * row_size(self);
}

/* ---- Budgets ---- */

/* The first that is not below. */
static size_t
find(const bohb_history *history, double budget)
{
    size_t at = 0;
    while (at < history->n_budgets && history->budgets[at].budget < budget)
        at++;
    return at;
}

static void
drop_budget(pbx_instance *self, size_t at)
{
    bohb_history *history = &self->history;
    bohb_budget *budget = &history->budgets[at];
    pbx_free(self, budget->points);
    pbx_free(self, budget->rows);
    history->n_budgets--;
    memmove(budget, budget + 1, (history->n_budgets - at) * sizeof(bohb_budget));
}

/* NULL: it is smaller than all that there is room for. */
static bohb_budget *
budget_for(pbx_instance *self, double number)
{
    bohb_history *history = &self->history;
    size_t at = find(history, number);
    if (at < history->n_budgets && history->budgets[at].budget == number)
        return &history->budgets[at];
    if (history->n_budgets == BOHB_MOST_BUDGETS) {
        if (at == 0)
            return NULL;
        drop_budget(self, 0);
        at--;
    }
    memmove(&history->budgets[at + 1], &history->budgets[at],
            (history->n_budgets - at) * sizeof(bohb_budget));
    memset(&history->budgets[at], 0, sizeof(bohb_budget));
    history->budgets[at].budget = number;
    history->n_budgets++;
    return &history->budgets[at];
}

static pbx_status
grow(pbx_instance *self, bohb_budget *budget, pbx_error *error)
{
    const size_t capacity = budget->capacity ? 2 * budget->capacity : 32;
    bohb_point *points = pbx_realloc(self, budget->points, capacity * sizeof(bohb_point));
    double *rows;
    if (!points)
        return pbx_fail_memory(error);
    budget->points = points;
    rows = pbx_realloc(self, budget->rows, capacity * (row_size(self) + 1) * sizeof(double));
    if (!rows)
        return pbx_fail_memory(error);
    budget->rows = rows;
    budget->capacity = capacity;
    return PBX_OK;
}

/* ---- Points ---- */

static void
remove_point(const pbx_instance *self, bohb_budget *budget, size_t at)
{
    const size_t after = --budget->n - at;
    memmove(budget->points + at, budget->points + at + 1, after * sizeof(bohb_point));
    memmove(row_of(self, budget, at), row_of(self, budget, at + 1),
            after * row_size(self) * sizeof(double));
}

/* n: it has none there. */
static size_t
find_trial(const bohb_budget *budget, uint64_t trial)
{
    size_t at = 0;
    while (at < budget->n && budget->points[at].trial != trial)
        at++;
    return at;
}

/* Whether any budget has a result of the trial. */
static int
has_trial(const bohb_history *history, uint64_t trial)
{
    for (size_t i = 0; i < history->n_budgets; i++)
        if (find_trial(&history->budgets[i], trial) < history->budgets[i].n)
            return 1;
    return 0;
}

static void
insert(const pbx_instance *self, bohb_budget *budget, const bohb_point *point, const double *x)
{
    size_t at = budget->n;
    double *row;
    while (at > 0 && budget->points[at - 1].loss > point->loss)
        at--;
    row = row_of(self, budget, at);
    memmove(budget->points + at + 1, budget->points + at, (budget->n - at) * sizeof(bohb_point));
    memmove(row + row_size(self), row, (budget->n - at) * row_size(self) * sizeof(double));
    budget->points[at] = *point;
    for (size_t i = 0; i < self->n_dims; i++) {
        row[i] = x[i];
        row[self->n_dims + i] = bohb_place(self->problem->space->dims[i], x[i]);
    }
    budget->n++;
}

static size_t
n_good_of(const pbx_instance *self, size_t n)
{
    const size_t part = self->rules.top_percent * n / 100;
    return part > self->rules.min_points ? part : self->rules.min_points;
}

/* The oldest that is not of the good ones, once there are more than is asked for. */
static void
trim(const pbx_instance *self, bohb_budget *budget)
{
    size_t oldest;
    if (self->rules.max_history == 0 || budget->n <= self->rules.max_history)
        return;
    oldest = n_good_of(self, self->rules.max_history);
    for (size_t i = oldest + 1; i < budget->n; i++)
        if (budget->points[i].number < budget->points[oldest].number)
            oldest = i;
    remove_point(self, budget, oldest);
}

pbx_status
bohb_history_add(pbx_instance *self, double number, uint64_t trial, const double *x, double loss,
                 pbx_error *error)
{
    bohb_history *history = &self->history;
    bohb_budget *budget = budget_for(self, number);
    bohb_point point;
    size_t at;
    if (!budget)
        return PBX_OK;
    at = trial != PBX_NONE ? find_trial(budget, trial) : budget->n;
    if (at < budget->n)
        remove_point(self, budget, at);
    if (budget->n == budget->capacity && grow(self, budget, error) != PBX_OK)
        return PBX_ENOMEM;
    point.trial = trial;
    point.number = history->next_number++;
    point.loss = isfinite(loss) ? loss : (double)INFINITY;
    insert(self, budget, &point, x);
    trim(self, budget);
    return PBX_OK;
}

int
bohb_budget_split(const pbx_instance *self, const bohb_budget *budget, bohb_split *split)
{
    const size_t bad_part = (100 - self->rules.top_percent) * budget->n / 100;
    const size_t n_bad = bad_part > self->rules.min_points ? bad_part : self->rules.min_points;
    size_t n_finite = budget->n;
    while (n_finite > 0 && isinf(budget->points[n_finite - 1].loss))
        n_finite--;
    split->n_good = n_good_of(self, budget->n);
    if (split->n_good > n_finite)
        split->n_good = n_finite;
    split->n_bad = budget->n - split->n_good;
    if (split->n_bad > n_bad)
        split->n_bad = n_bad;
    return budget->n >= self->rules.min_points && split->n_good > self->n_dims &&
           split->n_bad > self->n_dims;
}

const bohb_budget *
bohb_best_budget(const pbx_instance *self, bohb_split *split)
{
    for (size_t i = self->history.n_budgets; i-- > 0;)
        if (bohb_budget_split(self, &self->history.budgets[i], split))
            return &self->history.budgets[i];
    return NULL;
}

/* ---- Trials ---- */

pbx_status
bohb_history_start(pbx_instance *self, uint64_t trial, const double *x, int counts,
                   pbx_error *error)
{
    bohb_trial *known = pbx_map_put(&self->history.live, trial);
    if (!known)
        return pbx_fail_memory(error);
    known->counts = counts != 0;
    if (self->n_dims > 0)
        memcpy(known->x, x, self->n_dims * sizeof(double));
    return PBX_OK;
}

/* It is bad at all budgets that it came to, and at the next one of those that there are. */
static pbx_status
fail(pbx_instance *self, const pbx_outcome *outcome, pbx_error *error)
{
    bohb_history *history = &self->history;
    double next = (double)INFINITY;
    pbx_status status = PBX_OK;
    for (size_t i = history->n_budgets; i-- > 0 && status == PBX_OK;) {
        const double budget = history->budgets[i].budget;
        if (find_trial(&history->budgets[i], outcome->trial) < history->budgets[i].n)
            status =
                bohb_history_add(self, budget, outcome->trial, outcome->x, (double)INFINITY, error);
        else if (!(budget <= outcome->budget))
            next = budget;
    }
    return status == PBX_OK
               ? bohb_history_add(self, next, outcome->trial, outcome->x, (double)INFINITY, error)
               : status;
}

/* What is complete had the largest budget, whatever it was. What was ended before, where no budget
 * tells how far it came, was worse than what is complete. */
pbx_status
bohb_history_end(pbx_instance *self, const pbx_outcome *outcome, pbx_error *error)
{
    const pbx_result *last = outcome->last;
    double budget = (double)INFINITY, loss = pbx_final_loss(outcome);
    if (outcome->trial != PBX_NONE)
        pbx_map_remove(&self->history.live, outcome->trial);
    if (outcome->end == PBX_END_FAILED && outcome->trial != PBX_NONE)
        return fail(self, outcome, error);
    if (outcome->end != PBX_END_COMPLETED) {
        if (last && !isnan(last->budget))
            budget = last->budget;
        else if (outcome->trial != PBX_NONE && has_trial(&self->history, outcome->trial))
            return PBX_OK;
        else
            loss = (double)INFINITY;
    }
    return bohb_history_add(self, budget, outcome->trial, outcome->x, loss, error);
}

void
bohb_history_forget(pbx_instance *self, uint64_t trial)
{
    bohb_history *history = &self->history;
    pbx_map_remove(&history->live, trial);
    for (size_t i = 0; i < history->n_budgets; i++) {
        bohb_budget *budget = &history->budgets[i];
        const size_t at = find_trial(budget, trial);
        if (at < budget->n)
            remove_point(self, budget, at);
    }
}

static int
is_same(const double *a, const double *b, size_t n)
{
    size_t i = 0;
    while (i < n && (a[i] == b[i] || (isnan(a[i]) && isnan(b[i]))))
        i++;
    return i == n;
}

int
bohb_history_has(const pbx_instance *self, const double *x)
{
    const bohb_history *history = &self->history;
    for (size_t i = 0; i < history->live.n; i++) {
        const bohb_trial *trial = pbx_map_item(&history->live, i);
        if (is_same(trial->x, x, self->n_dims))
            return 1;
    }
    for (size_t i = 0; i < history->n_budgets; i++)
        for (size_t k = 0; k < history->budgets[i].n; k++)
            if (is_same(row_of(self, &history->budgets[i], k), x, self->n_dims))
                return 1;
    return 0;
}

uint64_t
bohb_history_running(const pbx_instance *self)
{
    const pbx_map *live = &self->history.live;
    uint64_t n = 0;
    for (size_t i = 0; i < live->n; i++) {
        const bohb_trial *trial = pbx_map_item(live, i);
        n += trial->counts && !trial->paused;
    }
    return n;
}

/* ---- State ---- */

static void
live_state(pbx_blob *blob, void *item)
{
    bohb_trial *trial = item;
    pbx_blob_u32(blob, &trial->counts);
    pbx_blob_u32(blob, &trial->paused);
    pbx_blob_reals(blob, trial->x, blob->self->n_dims);
}

static void
point_state(pbx_instance *self, pbx_blob *blob, bohb_budget *budget, size_t at)
{
    bohb_point point = {0, 0, 0};
    double *x = self->row;
    if (!pbx_blob_loading(blob)) {
        point = budget->points[at];
        x = row_of(self, budget, at);
    }
    pbx_blob_u64(blob, &point.trial);
    pbx_blob_u64(blob, &point.number);
    pbx_blob_real(blob, &point.loss);
    pbx_blob_reals(blob, x, self->n_dims);
    if (!pbx_blob_loading(blob) || blob->status != PBX_OK)
        return;
    if (isnan(point.loss) || point.loss == -(double)INFINITY ||
        point.number >= self->history.next_number ||
        (at > 0 && point.loss < budget->points[at - 1].loss))
        pbx_blob_fail(blob, PBX_EINVAL);
    else
        insert(self, budget, &point, x);
}

static void
budget_state(pbx_instance *self, pbx_blob *blob, bohb_budget *budget)
{
    size_t n = budget->n;
    pbx_error error;
    pbx_blob_real(blob, &budget->budget);
    pbx_blob_count(blob, &n, 24 + 8 * self->n_dims);
    while (pbx_blob_loading(blob) && blob->status == PBX_OK && budget->capacity < n)
        pbx_blob_fail(blob, grow(self, budget, &error));
    for (size_t i = 0; i < n && blob->status == PBX_OK; i++)
        point_state(self, blob, budget, i);
}

void
bohb_history_state(pbx_instance *self, pbx_blob *blob)
{
    bohb_history *history = &self->history;
    const uint64_t own[] = {self->n_dims, self->rules.max_history, self->rules.min_points,
                            self->rules.top_percent};
    size_t n = history->n_budgets;
    /* What was dropped under other options is wanted again: told again, it comes. */
    for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++) {
        uint64_t saved = own[i];
        pbx_blob_u64(blob, &saved);
        if (blob->status == PBX_OK && saved != own[i])
            pbx_blob_fail(blob, PBX_ENOTSUP);
    }
    pbx_blob_u64(blob, &history->next_number);
    pbx_blob_map(blob, &history->live, live_state);
    pbx_blob_count(blob, &n, 16);
    if (n > BOHB_MOST_BUDGETS)
        pbx_blob_fail(blob, PBX_EINVAL);
    for (size_t i = 0; i < n && blob->status == PBX_OK; i++) {
        bohb_budget *budget = &history->budgets[i];
        if (pbx_blob_loading(blob))
            history->n_budgets = i + 1;
        budget_state(self, blob, budget);
        if (isnan(budget->budget) || (i > 0 && budget->budget <= history->budgets[i - 1].budget))
            pbx_blob_fail(blob, PBX_EINVAL);
    }
}
