/* SPDX-License-Identifier: MIT */
/*
 * pegbox/helpers/metric.h: a metric of a stopper's own, beside the experiment's or in its
 * place: the rows PBX_OPT_OWN_METRIC (the first FIELD of the table) and PBX_OPT_OWN_MODE.
 */
#ifndef PEGBOX_HELPERS_METRIC_H
#define PEGBOX_HELPERS_METRIC_H

#include <pegbox/helpers/define.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PBX_OPT_OWN_METRIC(SINCE)                                                                  \
    PBX_OPT_FIELD("metric",                                                                        \
                  "the result field to judge by, whatever the experiment's is; default: that "     \
                  "one",                                                                           \
                  SINCE, NULL)
#define PBX_OPT_OWN_MODE(SINCE, FALLBACK)                                                          \
    PBX_OPT_ENUM("mode",                                                                           \
                 "whether a smaller (min) or a larger (max) value of it is better; default: the "  \
                 "experiment's, for its metric",                                                   \
                 SINCE, pbx_modes, FALLBACK)

/* Zeros at first; filled in by pbx_metric_setup. */
typedef struct pbx_metric {
    const char *name;
    int32_t sign;   /* +1: smaller is better; -1: larger; 0: nobody has said */
    int32_t whose;  /* 0: its own; else the sign that makes a value of the experiment's loss */
    int32_t warned; /* a missing value has been told */
    int32_t reserved;
} pbx_metric;

/* For the stopper's setup. The experiment's modes hold for the experiment's metrics; of several one
 * must be named. */
static inline pbx_status
pbx_metric_setup(pbx_instance *self, pbx_metric *metric, const pbx_problem *problem,
                 pbx_error *error)
{
    const pbx_host *host = pbx_base_of(self)->host;
    const char *own = pbx_string(host, pbx_base_of(self)->options, "metric");
    const char *mode = pbx_string(host, pbx_base_of(self)->options, "mode");
    const pbx_objective *first = problem->n_objectives > 0 ? problem->objectives[0] : NULL;
    if (!own && !first)
        return pbx_fail(error, PBX_EINVAL, "metric",
                        "which result field is meant? Neither this option nor the experiment "
                        "names one");
    if (!own && problem->n_objectives > 1)
        return pbx_fail(error, PBX_EINVAL, "metric",
                        "which of the experiment's metrics is meant? Name one by this option");
    metric->name = own ? own : first->name;
    metric->whose = own ? 0 : first->sign;
    metric->sign = 0;
    for (uint32_t i = 0; i < problem->n_objectives; i++)
        if (strcmp(metric->name, problem->objectives[i]->name) == 0)
            metric->sign = problem->objectives[i]->sign;
    if (mode)
        metric->sign = strcmp(mode, "max") == 0 ? -1 : 1;
    return PBX_OK;
}

/* Its value in a result; NaN where that lacks it, which is told once, or has no finite one. */
static inline double
pbx_metric_value(pbx_instance *self, pbx_metric *metric, const pbx_result *result)
{
    int present = metric->whose ? !isnan(result->losses[0]) : result->present[0];
    double value = metric->whose ? metric->whose * result->losses[0] : result->watched[0];
    if (!present && !metric->warned)
        pbx_log(pbx_base_of(self)->host, PBX_LOG_WARNING,
                "a result has no number %s, and is passed over (said once)", metric->name);
    metric->warned |= !present;
    return present && isfinite(value) ? value : (double)NAN;
}

/* The population's standard deviation, as NumPy's std is. */
static inline double
pbx_std(const double *values, size_t n)
{
    double mean = 0, squares = 0;
    for (size_t i = 0; i < n; i++)
        mean += values[i];
    mean /= (double)n;
    for (size_t i = 0; i < n; i++)
        squares += (values[i] - mean) * (values[i] - mean);
    return sqrt(squares / (double)n);
}

#ifdef __cplusplus
}
#endif
#endif
