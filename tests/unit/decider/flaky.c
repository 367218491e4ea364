/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A search that crashes, hangs or writes nonsense at one of its calls, once or each time, and whose
 * points depend on every call that it has had: what a new child of it was not told, or twice,
 * shows. */
#include <fcntl.h>
#include <pegbox/helpers.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#ifndef FLAKY_CAPS
#define FLAKY_CAPS 0u
#endif

struct pbx_instance {
    pbx_base base;
    uint64_t n_dims, hash, calls, observed;
    uint64_t times; /* that a function was called */
    char extra[64];
};

/* What stands in the channel to pegbox, which a broken plugin may write to as well. */
#define CHANNEL_FD   3
#define FRAME_ANSWER 5u
#define FRAME_TOLD   7u

static const char *const ways[] = {"crash", "abort",   "exit",  "hang", "stop", "chatter", "close",
                                   "noise", "unknown", "empty", "cut",  "told", NULL};
static const pbx_option options[] = {
    PBX_OPT_INT("at", "the call that it dies in; 0: none", "1.0", 0, 1e9, "0"),
    PBX_OPT_STRING("in", "... of those of this function, else those that change it", "1.0", "\"\""),
    PBX_OPT_ENUM("how", "what it does then", "1.0", ways, "\"crash\""),
    PBX_OPT_STRING("once", "a file that says that it has done so; empty: each time", "1.0", "\"\""),
    PBX_OPT_REAL("sleep_s", "how long a suggest takes", "1.0", 0, 1e6, "0"),
    PBX_OPT_STRING("until", "... or until this file is there", "1.0", "\"\""),
    PBX_OPT_INT("from", "the first ask that does so", "1.0", 0, 1e9, "0"),
    PBX_OPT_STRING("experiment", "of whose trials it learns with its first ask", "1.0", "\"\""),
};

/* A frame of so many bytes, of which there are some. */
static void
put_frame(uint32_t length, uint32_t type, size_t n)
{
    uint32_t words[8] = {length, type, 77, 77, 77, 77, 77, 77};
    if (write(CHANNEL_FD, words, 8 + n) < 0)
        abort();
}

/* FALSE: it does not know that way. */
static int
misbehave(pbx_instance *self, const char *how)
{
    static const unsigned char noise[64] = {0xa5, 0x5a, 0xff, 0xff};
    if (strcmp(how, "noise") == 0)
        return write(CHANNEL_FD, noise, sizeof noise) > 0;
    if (strcmp(how, "unknown") == 0)
        put_frame(12, 1000, 8);
    else if (strcmp(how, "empty") == 0)
        put_frame(4, FRAME_ANSWER, 0);
    else if (strcmp(how, "cut") == 0)
        put_frame(1000, FRAME_ANSWER, 8);
    else if (strcmp(how, "told") == 0)
        put_frame(16, FRAME_TOLD, 12);
    else if (strcmp(how, "close") == 0)
        close(CHANNEL_FD);
    else if (strcmp(how, "stop") == 0)
        raise(SIGSTOP);
    else if (strcmp(how, "chatter") == 0)
        for (;;)
            pbx_log(self->base.host, PBX_LOG_DEBUG, "and so on");
    else
        return strcmp(how, "hang") == 0;
    return 1;
}

static void
die(pbx_instance *self)
{
    const pbx_host *host = self->base.host;
    const char *once = pbx_string(host, self->base.options, "once");
    const char *how = pbx_string(host, self->base.options, "how");
    FILE *mark = once[0] ? fopen(once, "r") : NULL;
    if (mark) {
        fclose(mark);
        return;
    }
    if (once[0] && (mark = fopen(once, "w")))
        fclose(mark);
    if (strcmp(how, "exit") == 0)
        _exit(7);
    if (strcmp(how, "abort") == 0)
        abort();
    if (misbehave(self, how))
        for (;;)
            pause();
    raise(SIGKILL);
}

/* Within a function by that name, which changes nothing. */
static void
within(pbx_instance *self, const char *function)
{
    const pbx_host *host = self->base.host;
    if (strcmp(pbx_string(host, self->base.options, "in"), function) == 0 &&
        ++self->times == (uint64_t)pbx_real(host, self->base.options, "at"))
        die(self);
}

static void
mix(pbx_instance *self, uint64_t value)
{
    self->hash = (self->hash ^ value) * 1099511628211u;
    self->hash ^= self->hash >> 29;
}

static pbx_status
called(pbx_instance *self)
{
    self->calls++;
    if (!pbx_string(self->base.host, self->base.options, "in")[0] &&
        self->calls == (uint64_t)pbx_real(self->base.host, self->base.options, "at"))
        die(self);
    return PBX_OK;
}

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *given, pbx_error *error)
{
    (void)host;
    (void)given;
    (void)error;
    within(self, "create");
    return PBX_OK;
}

static pbx_status
setup(pbx_instance *self, const pbx_problem *problem, pbx_error *error)
{
    (void)error;
    self->n_dims = problem->space->n_dims;
    within(self, "setup");
    return PBX_OK;
}

static void
take_time(pbx_instance *self)
{
    const pbx_host *host = self->base.host;
    const char *until = pbx_string(host, self->base.options, "until");
    poll(NULL, 0, (int)(pbx_real(host, self->base.options, "sleep_s") * 1e3));
    while (until[0] && access(until, F_OK) != 0 && !host->cancelled(host))
        poll(NULL, 0, 1);
}

static pbx_status
observe(pbx_instance *self, pbx_error *error)
{
    const pbx_host *host = self->base.host;
    const char *experiment = pbx_string(host, self->base.options, "experiment");
    const pbx_outcome *outcome;
    const void *service;
    uint64_t from = 0;
    pbx_status status;
    if (self->observed || !experiment[0])
        return PBX_OK;
    self->observed = 1;
    within(self, "observe");
    status = pbx_need(host, PBX_OBSERVATIONS_ID, &service, error);
    while (status == PBX_OK &&
           (outcome = ((const pbx_observations *)service)->read(host, experiment, &from, error)) !=
               NULL) {
        mix(self, from);
        mix(self, (uint64_t)(outcome->x[0] * 1e6));
    }
    return status == PBX_OK && error->message[0] ? PBX_EIO : status;
}

static pbx_status
suggest(pbx_instance *self, pbx_suggestion *s, pbx_error *error)
{
    pbx_status status = observe(self, error);
    if (status != PBX_OK)
        return status;
    if ((double)s->ask >= pbx_real(self->base.host, self->base.options, "from"))
        take_time(self);
    mix(self, s->ask);
    for (uint64_t i = 0; i < self->n_dims; i++) {
        mix(self, i);
        s->x[i] = (double)((self->hash >> 12) % 1024) / 1024;
    }
    s->origin = self->hash;
    snprintf(self->extra, sizeof self->extra, "{\"calls\":%d}", (int)self->calls);
    s->extra = self->extra;
    return called(self);
}

static pbx_status
adopt(pbx_instance *self, const pbx_suggestion *s, pbx_error *error)
{
    (void)error;
    mix(self, s->flags + 1000);
    return called(self);
}

static pbx_status
report(pbx_instance *self, const pbx_result *r, pbx_error *error)
{
    (void)error;
    mix(self, r->trial);
    mix(self, (uint64_t)r->iteration);
    mix(self, r->text_size > 0);
    mix(self, (uint64_t)pbx_real(self->base.host, r->fields, "training_iteration"));
    return called(self);
}

static pbx_status
tell(pbx_instance *self, const pbx_outcome *o, pbx_error *error)
{
    if (o->end == PBX_END_FAILED)
        return pbx_fail(error, PBX_EIO, "tell", "trial %d failed", (int)o->trial);
    mix(self, o->trial);
    mix(self, o->end);
    return called(self);
}

static void
state(pbx_instance *self, pbx_blob *blob)
{
    within(self, blob->sink ? "save" : "load");
    pbx_blob_u64(blob, &self->hash);
    pbx_blob_u64(blob, &self->calls);
    pbx_blob_u64(blob, &self->observed);
}

static pbx_status
describe(pbx_instance *self, const pbx_sink *sink)
{
    char text[64];
    within(self, "describe");
    int n = snprintf(text, sizeof text, "%d calls in process %d", (int)self->calls, (int)getpid());
    return sink->write(sink->ctx, text, (size_t)n);
}

PEGBOX_SEARCH("flaky", "1.0", "Dies at one of its calls", "MIT", options, FLAKY_CAPS, 1, init,
              state, .object.describe = describe, .setup = setup, .suggest = suggest,
              .adopt = adopt, .report = report, .tell = tell);
