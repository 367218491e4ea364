/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Solves Poisson's equation on a square by successive over-relaxation. How fast depends on one
 * number, omega, which pegbox tunes: each sweep over the grid reports the residual that is left. */
#include <pegbox/helpers.h>

struct pbx_instance {
    pbx_base base;
    const pbx_session *session;
    int64_t sweeps, size; /* inner points a side */
    double *u;            /* [(size + 2) * (size + 2)], 0 on the border */
};

static const pbx_option options[] = {
    PBX_OPT_INT("sweeps", "how often a trial goes over the grid", "1.0", 1, 100000, "200"),
    PBX_OPT_INT("size", "inner points a side of the grid", "1.0", 1, 1000, "63"),
};

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *values, pbx_error *error)
{
    const void *session = NULL;
    pbx_status status = pbx_need(host, PBX_SESSION_ID, &session, error);
    if (status != PBX_OK)
        return status;
    self->session = (const pbx_session *)session;
    self->sweeps = pbx_integer(host, values, "sweeps");
    self->size = pbx_integer(host, values, "size");
    size_t points = (size_t)(self->size + 2) * (size_t)(self->size + 2);
    self->u = (double *)pbx_alloc_array(self, points, sizeof(double));
    return self->u ? PBX_OK : pbx_fail_memory(error);
}

/* One sweep; how far from solved the equation was (the mean over the points). */
static double
sweep(pbx_instance *self, double omega)
{
    const int64_t n = self->size, width = n + 2;
    const double h = 1.0 / (double)(n + 1);
    double residual = 0;
    for (int64_t row = 1; row <= n; row++) {
        for (int64_t column = 1; column <= n; column++) {
            double *at = self->u + row * width + column;
            double miss = at[-1] + at[1] + at[-width] + at[width] - 4 * *at + h * h;
            *at += omega * miss / 4;
            residual += fabs(miss) / (h * h);
        }
    }
    return residual / (double)(n * n);
}

static pbx_status
run(pbx_instance *self, pbx_error *error)
{
    static const char *const names[] = {"residual"};
    const pbx_host *host = self->base.host;
    const pbx_json *config = self->session->info(host)->trial->config;
    double omega = pbx_real(host, config, "omega");
    if (isnan(omega))
        return pbx_fail(error, PBX_EINVAL, "config.omega", "must be a number");
    /* The instance may have solved for another trial before. */
    memset(self->u, 0, (size_t)(self->size + 2) * (size_t)(self->size + 2) * sizeof(double));
    for (int64_t i = 0; i < self->sweeps; i++) {
        pbx_answer answer = {sizeof(answer), 0, 0, 0};
        double residual = sweep(self, omega);
        pbx_status status =
            self->session->report(host, names, &residual, 1, NULL, 0, &answer, error);
        if (status != PBX_OK)
            return status;
        if (answer.stop) /* a scheduler or stopper has seen enough */
            return PBX_ECANCELLED;
    }
    return PBX_OK;
}

PEGBOX_TRAINABLE("poisson", "1.0", "Poisson's equation by over-relaxation", "MIT", options,
                 PBX_TRAINABLE_MANY_RUNS, init, .run = run);
