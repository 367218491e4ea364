/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stopper/experiment-plateau: ends the experiment whose best values are nearly the same. */
#include <pegbox/helpers.h>

struct pbx_instance {
    pbx_base base;
    pbx_metric metric;
    double std;
    size_t top;
    uint64_t patience;
    double *values; /* the best of all results, ascending; room for one more than top */
    size_t n;
    uint64_t count; /* results in a row with which they were alike */
    char reason[256];
};

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *options, pbx_error *error)
{
    self->std = pbx_real(host, options, "std");
    self->top = (size_t)pbx_integer(host, options, "top");
    self->patience = (uint64_t)pbx_integer(host, options, "patience");
    self->values = (double *)pbx_alloc_array(self, self->top + 1, sizeof(double));
    return self->values ? PBX_OK : pbx_fail_memory(error);
}

/* Without a word from anybody: min, as with Tune. */
static pbx_status
setup(pbx_instance *self, const pbx_problem *problem, pbx_error *error)
{
    pbx_status status = pbx_metric_setup(self, &self->metric, problem, error);
    if (self->metric.sign == 0)
        self->metric.sign = 1;
    return status;
}

/* Takes the worst ones out until no more than top are left. */
static void
keep_top(pbx_instance *self, double *values, size_t *n)
{
    size_t over = *n > self->top ? *n - self->top : 0;
    if (self->metric.sign < 0)
        memmove(values, values + over, (*n - over) * sizeof(double));
    *n -= over;
}

static void
add_value(pbx_instance *self, double value)
{
    size_t i = self->n;
    while (i > 0 && self->values[i - 1] > value)
        i--;
    memmove(self->values + i + 1, self->values + i, (self->n - i) * sizeof(double));
    self->values[i] = value;
    self->n++;
    keep_top(self, self->values, &self->n);
}

static int
has_plateaued(const pbx_instance *self)
{
    return self->n == self->top && pbx_std(self->values, self->n) <= self->std;
}

static pbx_status
all(pbx_instance *self, pbx_verdict *verdict, pbx_error *error)
{
    char text[2][32];
    (void)error;
    if (self->count < self->patience || !has_plateaued(self))
        return PBX_OK;
    verdict->stop = 1;
    verdict->reason = self->reason;
    snprintf(self->reason, sizeof(self->reason),
             "the %llu best values of %.80s have a std of %s <= %s", (unsigned long long)self->n,
             self->metric.name, pbx_format_real(pbx_std(self->values, self->n), text[0]),
             pbx_format_real(self->std, text[1]));
    return PBX_OK;
}

static pbx_status
result(pbx_instance *self, const pbx_result *r, pbx_verdict *verdict, pbx_error *error)
{
    double value = pbx_metric_value(self, &self->metric, r);
    if (isnan(value))
        return PBX_OK;
    add_value(self, value);
    self->count = has_plateaued(self) ? self->count + 1 : 0;
    return all(self, verdict, error);
}

/* Values that were saved with another `top`: the best of them. */
static void
fit_values(pbx_blob *blob, double *values, size_t n)
{
    pbx_instance *self = blob->self;
    if (values)
        keep_top(self, values, &n);
    if (values)
        memcpy(self->values, values, n * sizeof(double));
    self->n = values ? n : 0;
    pbx_free(self, values);
}

static void
state(pbx_instance *self, pbx_blob *blob)
{
    double *values = pbx_blob_loading(blob) ? NULL : self->values;
    size_t n = self->n;
    pbx_blob_u64(blob, &self->count);
    pbx_blob_array(blob, &values, &n);
    if (pbx_blob_loading(blob))
        fit_values(blob, values, n);
}

static const pbx_option options[] = {
    PBX_OPT_OWN_METRIC("1.0"),
    PBX_OPT_REAL_ABOVE("std", "at or below which standard deviation of the best values it ends",
                       "1.0", 0, "0.001"),
    PBX_OPT_INT("top", "how many best values of all results are looked at", "1.0", 2, 100000, "10"),
    PBX_OPT_OWN_MODE("1.0", NULL),
    PBX_OPT_INT("patience", "for how many results in a row they must be alike", "1.0", 0, INFINITY,
                "0"),
};

PEGBOX_STOPPER("experiment-plateau", "1.0",
               "Ends the experiment whose best values are nearly the same", "LGPL-2.1-or-later",
               options, 0, 1, init, state, .setup = setup, .result = result, .all = all);
