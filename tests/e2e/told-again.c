/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A slow search without a state, that is told again: its points depend on what it was told before
 * it was asked. It thinks from an ask on until a file is there. */
#include <pegbox/helpers.h>
#include <poll.h>
#include <unistd.h>

struct pbx_instance {
    pbx_base base;
    uint64_t n_dims;
    double told;
};

static const pbx_option options[] = {
    PBX_OPT_STRING("until", "the file", "1.0", "\"\""),
    PBX_OPT_INT("from", "the first ask that waits for it", "1.0", 0, 1e9, "0"),
};

static pbx_status
setup(pbx_instance *self, const pbx_problem *problem, pbx_error *error)
{
    (void)error;
    self->n_dims = problem->space->n_dims;
    return PBX_OK;
}

static pbx_status
suggest(pbx_instance *self, pbx_suggestion *s, pbx_error *error)
{
    const pbx_host *host = self->base.host;
    const char *until = pbx_string(host, self->base.options, "until");
    (void)error;
    while (until[0] && (double)s->ask >= pbx_real(host, self->base.options, "from") &&
           access(until, F_OK) != 0 && !host->cancelled(host))
        poll(NULL, 0, 1);
    for (uint64_t i = 0; i < self->n_dims; i++) {
        const double x = self->told * 7 + (double)(s->ask + 1) * 0.1371 + (double)i * 0.41;
        s->x[i] = x - (double)(int64_t)x;
    }
    return PBX_OK;
}

static pbx_status
tell(pbx_instance *self, const pbx_outcome *o, pbx_error *error)
{
    (void)error;
    if (o->last && o->last->n_losses > 0)
        self->told += o->last->losses[0];
    return PBX_OK;
}

PEGBOX_SEARCH("told-again", "1.0", "Remembers nothing", "MIT", options,
              PBX_CAP_SLOW | PBX_CAP_TOLD_AGAIN, 0, NULL, NULL, .setup = setup, .suggest = suggest,
              .tell = tell);
