/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search/cmaes: from results to generations, and from runs to runs. A generation ends with as many
 * results as it has points. Those that come late, or were not drawn by the strategy, are brought
 * near and count in the one that is open then, up to a half of it [5, README.md].
 */
#include "cmaes.h"

/* So many foreign results are worth a start of their own, from the best part of them [6]. */
#define FOREIGN_LEAST 10
#define FOREIGN_GOOD  0.1
#define FOREIGN_WIDTH 0.1

#define POINTS_LEAST 4
#define POINTS_MOST  100000

/* ---- Runs ---- */

static pbx_status
reserve(pbx_instance *self, size_t lambda, pbx_error *error)
{
    pbx_status status =
        cmaes_strategy_make(self, &self->strategy, self->n_axes, lambda, self->separable, error);
    if (status != PBX_OK || self->queue_capacity >= lambda)
        return status;
    cmaes_result *queue = pbx_realloc(self, self->queue, lambda * sizeof(cmaes_result));
    if (queue)
        self->queue = queue;
    pbx_free(self, self->sorted);
    self->sorted = pbx_alloc_array(self, lambda, sizeof(double *));
    if (!queue || !self->sorted)
        return pbx_fail_memory(error);
    for (size_t i = self->queue_capacity; i < lambda; i++) {
        queue[i].place = pbx_alloc_array(self, self->n_axes, sizeof(double));
        if (!queue[i].place)
            return pbx_fail_memory(error);
        self->queue_capacity = i + 1;
    }
    return PBX_OK;
}

static pbx_status
start(pbx_instance *self, size_t lambda, const double *mean, double sigma, const double *covariance,
      pbx_error *error)
{
    pbx_status status = reserve(self, lambda, error);
    if (status != PBX_OK)
        return status;
    cmaes_start(&self->strategy, mean, sigma, covariance);
    self->first_of_run = ++self->generation;
    self->n_queue = self->n_late = 0;
    return cmaes_restart_begin(self, &self->restart, &self->strategy, error);
}

static pbx_status
start_again(pbx_instance *self, const char *why, pbx_error *error)
{
    const pbx_host *host = self->base.host;
    cmaes_restart *restart = &self->restart;
    /* A part of the stream for each run. */
    pbx_rng rng = pbx_rng_at(host, PBX_RNG_ALWAYS, (restart->runs + 1) << 32);
    size_t lambda;
    double sigma;
    if (restart->rule == CMAES_NONE) {
        pbx_log(host, PBX_LOG_WARNING, "no further trials: %s (restart_strategy is none)", why);
        self->done = 1;
        return PBX_OK;
    }
    cmaes_restart_next(restart, &self->strategy, &rng, &lambda, &sigma);
    for (size_t i = 0; i < self->n_axes; i++)
        self->place[i] = pbx_rng_uniform(&rng);
    pbx_log(host, PBX_LOG_INFO, "begins again, with %zu trials a generation: %s", lambda, why);
    return start(self, lambda, self->place, sigma, NULL, error);
}

/* ---- The first one ---- */

static int
compare_losses(const void *a, const void *b)
{
    const double *const *one = a, *const *other = b;
    if (**one != **other)
        return **one < **other ? -1 : 1;
    return (*one > *other) - (*one < *other); /* as they came */
}

/* Mean and covariance of the n best places; the covariance's scale goes into sigma. 0: what they
 * have is no normal distribution. */
static int
fit(pbx_instance *self, const double *const *best, size_t n, double *mean, double *covariance,
    double *scratch, double *sigma)
{
    const size_t d = self->n_axes;
    double *values = scratch, *work = scratch + d, *copy = scratch + 4 * d;
    double *vectors = copy + d * d, log_scale = 0;
    for (size_t k = 0; k < d; k++)
        for (size_t i = 0; i < n; i++)
            mean[k] += best[i][1 + k] / (double)n;
    for (size_t k = 0; k < d; k++)
        for (size_t j = 0; j < d; j++) {
            double sum = j == k ? FOREIGN_WIDTH * FOREIGN_WIDTH : 0;
            for (size_t i = 0; i < n && (j == k || !self->separable); i++)
                sum += (best[i][1 + k] - mean[k]) * (best[i][1 + j] - mean[j]) / (double)n;
            covariance[k * d + j] = sum;
        }
    memcpy(copy, covariance, d * d * sizeof(double));
    if (!cmaes_eigen(copy, d, values, vectors, work))
        return 0;
    for (size_t k = 0; k < d; k++)
        log_scale += log(values[k]) / (double)d;
    for (size_t k = 0; k < d * d; k++)
        covariance[k] /= exp(log_scale);
    *sigma = exp(log_scale / 2);
    return isfinite(*sigma) && *sigma > 0;
}

static pbx_status
start_from_foreign(pbx_instance *self, size_t lambda, pbx_error *error)
{
    const size_t n = self->n_foreign, d = self->n_axes;
    const double **rows = pbx_alloc_array(self, n, sizeof(double *));
    double *mean = pbx_alloc_array(self, d + d * d, sizeof(double));
    double *scratch = pbx_alloc_array(self, 4 * d + 2 * d * d, sizeof(double));
    size_t n_good = (size_t)(FOREIGN_GOOD * (double)n);
    pbx_status status = PBX_OK;
    double sigma;
    if (!rows || !mean || !scratch)
        return pbx_fail_memory(error);
    for (size_t i = 0; i < n; i++)
        rows[i] = self->foreign + i * (1 + d);
    qsort(rows, n, sizeof(*rows), compare_losses);
    while (n_good > 0 && !isfinite(rows[n_good - 1][0]))
        n_good--;
    if (n_good > 0 && fit(self, rows, n_good, mean, mean + d, scratch, &sigma)) {
        status = start(self, lambda, mean, sigma, mean + d, error);
        self->warm = 1;
    }
    pbx_free(self, rows);
    pbx_free(self, mean);
    pbx_free(self, scratch);
    return status;
}

pbx_status
cmaes_begin(pbx_instance *self, pbx_error *error)
{
    const size_t d = self->n_axes;
    const size_t lambda = self->popsize > 0 ? self->popsize
                          : d > 0           ? 4 + (size_t)floor(3 * log((double)d))
                                            : POINTS_LEAST;
    pbx_status status = PBX_OK;
    if (self->begun)
        return PBX_OK;
    self->begun = 1;
    self->restart.lambda0 = lambda;
    if (d > 0 && self->n_foreign >= FOREIGN_LEAST)
        status = start_from_foreign(self, lambda, error);
    if (status == PBX_OK && !self->warm)
        status = start(self, lambda, self->first_mean, self->sigma0, NULL, error);
    for (size_t i = 0; i < self->n_foreign && !self->warm && status == PBX_OK; i++) {
        const double *row = self->foreign + i * (1 + d);
        status = cmaes_take(self, PBX_NONE, row[0], 1, row + 1, error);
    }
    self->n_foreign = 0;
    return status;
}

pbx_status
cmaes_keep_foreign(pbx_instance *self, double loss, const double *place, pbx_error *error)
{
    const size_t width = 1 + self->n_axes;
    if (self->n_foreign == self->foreign_capacity) {
        const size_t capacity = self->foreign_capacity ? 2 * self->foreign_capacity : 64;
        double *longer = pbx_realloc(self, self->foreign, capacity * width * sizeof(double));
        if (!longer)
            return pbx_fail_memory(error);
        self->foreign = longer;
        self->foreign_capacity = capacity;
    }
    self->foreign[self->n_foreign * width] = loss;
    memcpy(self->foreign + self->n_foreign * width + 1, place, self->n_axes * sizeof(double));
    self->n_foreign++;
    return PBX_OK;
}

/* ---- Results ---- */

static pbx_status
end_generation(pbx_instance *self, pbx_error *error)
{
    cmaes_strategy *strategy = &self->strategy;
    const size_t n = self->n_queue;
    const char *why;
    /* By insertion: equal ones stay as they came. */
    for (size_t i = 1; i < n; i++) {
        const cmaes_result result = self->queue[i];
        size_t at = i;
        while (at > 0 && self->queue[at - 1].loss > result.loss) {
            self->queue[at] = self->queue[at - 1];
            at--;
        }
        self->queue[at] = result;
    }
    for (size_t i = 0; i < n; i++)
        self->sorted[i] = self->queue[i].place;
    cmaes_update(strategy, self->sorted);
    if (self->with_margin)
        cmaes_margin(strategy, self->axes);
    self->generation++;
    self->n_queue = self->n_late = 0;
    why =
        cmaes_restart_check(&self->restart, strategy, self->queue[0].loss, self->queue[n - 1].loss);
    return why ? start_again(self, why, error) : PBX_OK;
}

static void
put(pbx_instance *self, size_t i, uint64_t trial, double loss, int late, const double *place)
{
    cmaes_result *result = &self->queue[i];
    result->trial = trial;
    result->loss = loss;
    result->late = late;
    memcpy(result->place, place, self->n_axes * sizeof(double));
    if (late)
        cmaes_clip(&self->strategy, result->place);
}

/* The worst of those that came late. */
static size_t
worst_late(const pbx_instance *self)
{
    size_t worst = self->n_queue;
    for (size_t i = 0; i < self->n_queue; i++)
        if (self->queue[i].late &&
            (worst == self->n_queue || self->queue[i].loss >= self->queue[worst].loss))
            worst = i;
    return worst;
}

pbx_status
cmaes_take(pbx_instance *self, uint64_t trial, double loss, int late, const double *place,
           pbx_error *error)
{
    if (self->n_axes == 0 || self->done)
        return PBX_OK;
    if (late && self->n_late >= self->strategy.lambda / 2) {
        const size_t worst = worst_late(self);
        if (loss < self->queue[worst].loss)
            put(self, worst, trial, loss, late, place);
        return PBX_OK;
    }
    put(self, self->n_queue++, trial, loss, late, place);
    self->n_late += late != 0;
    return self->n_queue == self->strategy.lambda ? end_generation(self, error) : PBX_OK;
}

int
cmaes_forget(pbx_instance *self, uint64_t trial)
{
    for (size_t i = 0; i < self->n_queue; i++) {
        const cmaes_result result = self->queue[i];
        if (result.trial != trial)
            continue;
        self->n_queue--;
        self->n_late -= result.late != 0;
        memmove(self->queue + i, self->queue + i + 1, (self->n_queue - i) * sizeof(cmaes_result));
        self->queue[self->n_queue] = result; /* its memory */
        return 1;
    }
    return self->n_axes == 0;
}

/* ---- State ---- */

static void
result_state(pbx_instance *self, pbx_blob *blob, cmaes_result *result)
{
    uint32_t late = (uint32_t)result->late;
    pbx_blob_u64(blob, &result->trial);
    pbx_blob_real(blob, &result->loss);
    pbx_blob_u32(blob, &late);
    pbx_blob_reals(blob, result->place, self->n_axes);
    if (isnan(result->loss) || late > 1)
        pbx_blob_fail(blob, PBX_EINVAL);
    result->late = late != 0;
}

void
cmaes_run_state(pbx_instance *self, pbx_blob *blob)
{
    uint64_t lambda = self->strategy.lambda, lambda0 = self->restart.lambda0;
    pbx_error error;
    pbx_blob_u64(blob, &lambda);
    pbx_blob_u64(blob, &lambda0);
    if (blob->status != PBX_OK || lambda < POINTS_LEAST || lambda > POINTS_MOST ||
        lambda0 > POINTS_MOST) {
        pbx_blob_fail(blob, PBX_EINVAL);
        return;
    }
    if (pbx_blob_loading(blob)) {
        pbx_blob_fail(blob, reserve(self, (size_t)lambda, &error));
        if (blob->status == PBX_OK)
            pbx_blob_fail(blob, cmaes_restart_begin(self, &self->restart, &self->strategy, &error));
        if (blob->status != PBX_OK)
            return;
        self->restart.lambda0 = (size_t)lambda0;
    }
    cmaes_strategy_state(&self->strategy, blob);
    cmaes_restart_state(&self->restart, blob);
    pbx_blob_count(blob, &self->n_queue, 20 + 8 * self->n_axes);
    if (self->n_queue >= self->strategy.lambda) {
        pbx_blob_fail(blob, PBX_EINVAL);
        self->n_queue = 0;
    }
    self->n_late = 0;
    for (size_t i = 0; i < self->n_queue; i++) {
        result_state(self, blob, &self->queue[i]);
        self->n_late += self->queue[i].late != 0;
    }
}
