/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stopper/trial-plateau: ends a trial whose last values are nearly the same. */
#include <pegbox/helpers.h>

/* What is kept of a trial. */
typedef struct {
    uint64_t count;
    double *values; /* the last ones that were finite, oldest first; room for num_results */
    size_t n;
} Trial;

struct pbx_instance {
    pbx_base base;
    pbx_metric metric;
    double std, threshold; /* threshold NaN: none */
    size_t num_results;
    uint64_t grace_period;
    char reason[256];
};

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *options, pbx_error *error)
{
    (void)error;
    self->std = pbx_real(host, options, "std");
    self->threshold = pbx_real(host, options, "metric_threshold");
    self->num_results = (size_t)pbx_integer(host, options, "num_results");
    self->grace_period = (uint64_t)pbx_integer(host, options, "grace_period");
    return PBX_OK;
}

static pbx_status
setup(pbx_instance *self, const pbx_problem *problem, pbx_error *error)
{
    pbx_status status = pbx_metric_setup(self, &self->metric, problem, error);
    if (status == PBX_OK && !isnan(self->threshold) && self->metric.sign == 0)
        return pbx_fail(error, PBX_EINVAL, "metric_threshold",
                        "needs 'mode': is %s to be below it (min) or above (max)?",
                        self->metric.name);
    return status;
}

/* The newest at the end, the oldest out where there is no room. */
static pbx_status
add_value(pbx_instance *self, Trial *trial, double value, pbx_error *error)
{
    if (!trial->values)
        trial->values = (double *)pbx_alloc_array(self, self->num_results, sizeof(double));
    if (!trial->values)
        return pbx_fail_memory(error);
    if (trial->n == self->num_results)
        memmove(trial->values, trial->values + 1, --trial->n * sizeof(double));
    trial->values[trial->n++] = value;
    return PBX_OK;
}

static int
is_beyond(const pbx_instance *self, double value)
{
    return isnan(self->threshold) ||
           self->metric.sign * value <= self->metric.sign * self->threshold;
}

static pbx_status
result(pbx_instance *self, const pbx_result *r, pbx_verdict *verdict, pbx_error *error)
{
    double value = pbx_metric_value(self, &self->metric, r), std;
    char text[2][32];
    pbx_status status;
    Trial *trial = (Trial *)pbx_of_trial(self, r->trial, sizeof(Trial));
    if (!trial)
        return pbx_fail_memory(error);
    trial->count++;
    if (isnan(value))
        return PBX_OK;
    status = add_value(self, trial, value, error);
    if (status != PBX_OK || trial->count < self->grace_period || trial->n < self->num_results ||
        !is_beyond(self, value))
        return status;
    std = pbx_std(trial->values, trial->n);
    if (!(std < self->std))
        return PBX_OK;
    verdict->stop = 1;
    verdict->reason = self->reason;
    snprintf(self->reason, sizeof(self->reason),
             "the last %llu values of %.80s have a std of %s < %s", (unsigned long long)trial->n,
             self->metric.name, pbx_format_real(std, text[0]), pbx_format_real(self->std, text[1]));
    return PBX_OK;
}

static pbx_status
end(pbx_instance *self, const pbx_outcome *outcome, pbx_error *error)
{
    Trial *trial = (Trial *)pbx_map_get(&self->base.trials, outcome->trial);
    if (trial)
        pbx_free(self, trial->values);
    return pbx_forget_trial(self, outcome, error);
}

/* One that was saved with a longer window keeps its newest. */
static void
fit_window(pbx_blob *blob, Trial *trial)
{
    size_t room = blob->self->num_results, over = trial->n > room ? trial->n - room : 0;
    double *values = (double *)pbx_alloc_array(blob->self, room, sizeof(double));
    if (values)
        memcpy(values, trial->values + over, (trial->n - over) * sizeof(double));
    else
        pbx_blob_fail(blob, PBX_ENOMEM);
    pbx_free(blob->self, trial->values);
    trial->values = values;
    trial->n = values ? trial->n - over : 0;
}

static void
trial_state(pbx_blob *blob, void *item)
{
    Trial *trial = (Trial *)item;
    pbx_blob_u64(blob, &trial->count);
    pbx_blob_array(blob, &trial->values, &trial->n);
    if (pbx_blob_loading(blob) && trial->values)
        fit_window(blob, trial);
}

static void
state(pbx_instance *self, pbx_blob *blob)
{
    (void)self;
    pbx_blob_trials(blob, sizeof(Trial), trial_state);
}

static const pbx_option options[] = {
    PBX_OPT_OWN_METRIC("1.0"),
    PBX_OPT_REAL_ABOVE("std", "below which standard deviation of the last values it ends", "1.0", 0,
                       "0.01"),
    PBX_OPT_INT("num_results", "how many last values are looked at", "1.0", 1, 100000, "4"),
    PBX_OPT_INT("grace_period", "results of a trial before it may end", "1.0", 0, INFINITY, "4"),
    PBX_OPT_REAL("metric_threshold",
                 "it ends only where its value is at least as good as this, for which it needs a "
                 "mode; default: any",
                 "1.0", -INFINITY, INFINITY, NULL),
    PBX_OPT_OWN_MODE("1.0", NULL),
};

PEGBOX_STOPPER("trial-plateau", "1.0", "Ends a trial whose last values are nearly the same",
               "LGPL-2.1-or-later", options, 0, 1, init, state, .setup = setup, .result = result,
               .end = end);
