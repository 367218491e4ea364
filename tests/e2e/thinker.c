/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A slow scheduler, or with -DSTOPPER a stopper, or with -DSEARCH a search, whose answers depend on
 * every call that it has had, in their order. It thinks about one call until a file is there. */
#include <pegbox/helpers.h>
#include <poll.h>
#include <unistd.h>

struct pbx_instance {
    pbx_base base;
    uint64_t hash;
};

static const char *const calls[] = {"none", "result", "choose", "all", "end", NULL};
static const char *const answers[] = {"mixed", "continue", "stop", "pause", NULL};
static const pbx_option options[] = {
    PBX_OPT_ENUM("call", "which it thinks about", "1.0", calls, "\"none\""),
    PBX_OPT_INT("trial", "... of which trial; -1: any", "1.0", -1, 1e9, "0"),
    PBX_OPT_INT("iteration", "... and which result of it", "1.0", 0, 1e9, "2"),
    PBX_OPT_STRING("until", "until this file is there", "1.0", "\"\""),
    PBX_OPT_STRING("began", "a file that says that it thinks", "1.0", "\"\""),
    PBX_OPT_ENUM("answer", "what it says then", "1.0", answers, "\"mixed\""),
};

static void
mix(pbx_instance *self, uint64_t value)
{
    self->hash = (self->hash ^ value) * 1099511628211u;
    self->hash ^= self->hash >> 29;
}

static int
is_for(const pbx_instance *self, const char *call)
{
    return strcmp(pbx_string(self->base.host, self->base.options, "call"), call) == 0;
}

static void
think(pbx_instance *self)
{
    const pbx_host *host = self->base.host;
    const char *until = pbx_string(host, self->base.options, "until");
    const char *began = pbx_string(host, self->base.options, "began");
    FILE *mark = began[0] ? fopen(began, "w") : NULL;
    if (mark)
        fclose(mark);
    while (until[0] && access(until, F_OK) != 0 && !host->cancelled(host))
        poll(NULL, 0, 1);
}

static int
think_of_result(pbx_instance *self, const pbx_result *r)
{
    const pbx_host *host = self->base.host;
    mix(self, r->trial);
    mix(self, (uint64_t)r->iteration);
    const double trial = pbx_real(host, self->base.options, "trial");
    if (!is_for(self, "result") || (trial >= 0 && (double)r->trial != trial) ||
        (double)r->iteration != pbx_real(host, self->base.options, "iteration"))
        return 0;
    think(self);
    return 1;
}

#ifndef SEARCH
static pbx_status
end(pbx_instance *self, const pbx_outcome *o, pbx_error *error)
{
    (void)error;
    mix(self, o->trial);
    mix(self, o->end);
    if (is_for(self, "end"))
        think(self);
    return PBX_OK;
}
#endif

static void
state(pbx_instance *self, pbx_blob *blob)
{
    pbx_blob_u64(blob, &self->hash);
}

#ifdef SEARCH
static pbx_status
suggest(pbx_instance *self, pbx_suggestion *s, pbx_error *error)
{
    (void)error;
    mix(self, s->ask);
    s->x[0] = (double)(self->hash >> 12 & 1023) / 1024;
    return PBX_OK;
}

/* What it thinks about it then refuses. */
static pbx_status
report(pbx_instance *self, const pbx_result *r, pbx_error *error)
{
    return think_of_result(self, r) ? pbx_fail(error, PBX_EIO, "result", "not this one") : PBX_OK;
}

PEGBOX_SEARCH("thinker", "1.0", "Takes its time with one call", "MIT", options, PBX_CAP_SLOW, 1,
              NULL, state, .suggest = suggest, .report = report);
#elif defined STOPPER
static pbx_status
result(pbx_instance *self, const pbx_result *r, pbx_verdict *verdict, pbx_error *error)
{
    (void)error;
    const int here = think_of_result(self, r);
    const char *answer = pbx_string(self->base.host, self->base.options, "answer");
    verdict->stop = strcmp(answer, "mixed") == 0 ? (self->hash >> 40 & 7) == 0
                                                 : here && strcmp(answer, "stop") == 0;
    verdict->reason = "thought about";
    return PBX_OK;
}

static pbx_status
all(pbx_instance *self, pbx_verdict *verdict, pbx_error *error)
{
    (void)error;
    (void)verdict;
    if (is_for(self, "all"))
        think(self);
    return PBX_OK;
}

PEGBOX_STOPPER("thinker", "1.0", "Takes its time with one call", "MIT", options, PBX_CAP_SLOW, 1,
               NULL, state, .result = result, .end = end, .all = all);
#else
static pbx_status
add(pbx_instance *self, uint64_t trial, const double *x, const pbx_json *config,
    const pbx_json *resources, pbx_error *error)
{
    (void)x, (void)config, (void)resources, (void)error;
    mix(self, trial + 100);
    return PBX_OK;
}

static pbx_status
result(pbx_instance *self, const pbx_result *r, pbx_decision *decision, pbx_error *error)
{
    (void)error;
    const int here = think_of_result(self, r);
    const char *answer = pbx_string(self->base.host, self->base.options, "answer");
    decision->rung = (uint32_t)(self->hash >> 20) % 7;
    if (strcmp(answer, "mixed") == 0)
        decision->action = self->hash >> 40 & 3 ? PBX_ACTION_CONTINUE : PBX_ACTION_STOP;
    else if (here && strcmp(answer, "stop") == 0)
        decision->action = PBX_ACTION_STOP;
    else if (here && strcmp(answer, "pause") == 0)
        decision->action = PBX_ACTION_PAUSE;
    return PBX_OK;
}

static pbx_status
choose(pbx_instance *self, pbx_choice *choice, pbx_error *error)
{
    (void)error;
    if (choice->n == 0)
        return PBX_AGAIN;
    if (is_for(self, "choose"))
        think(self);
    choice->pick = choice->trials[0]; /* one that was interrupted is picked once more */
    return PBX_OK;
}

PEGBOX_SCHEDULER("thinker", "1.0", "Takes its time with one call", "MIT", options,
                 PBX_CAP_SLOW | PBX_CAP_PAUSES, 1, NULL, state, .add = add, .result = result,
                 .end = end, .choose = choose);
#endif
