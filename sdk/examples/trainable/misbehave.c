/* SPDX-License-Identifier: MIT */
/* A trainable that does what trainables should not, for tests: each way of it must fail its own
 * trial, with one clear line, and nothing else. */
#include <pegbox/helpers.h>
#include <signal.h>
#include <sys/types.h>
#include <unistd.h>

struct pbx_instance {
    pbx_base base;
    const pbx_session *session;
    const char *how;
};
static const char *const ways[] = {"crash",    "abort",  "exit",     "error",    "mute",
                                   "silent",   "lost",   "hang",     "deaf",     "nonsense",
                                   "nameless", "create", "close",    "scribble", "children",
                                   "chatty",   "status", "gives-up", "greedy",   NULL};
static const pbx_option options[] = {
    PBX_OPT_ENUM("how", "what it does wrong", "1.0", ways, "\"crash\"")};

static int
is(const pbx_instance *self, const char *way)
{
    return strcmp(self->how, way) == 0;
}

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *values, pbx_error *error)
{
    const void *session = NULL;
    pbx_status status = pbx_need(host, PBX_SESSION_ID, &session, error);
    self->session = (const pbx_session *)session;
    self->how = pbx_string(host, values, "how");
    if (status == PBX_OK && is(self, "create"))
        return pbx_fail(error, PBX_EIO, NULL, "cannot be made");
    return status;
}

static pbx_status
report(pbx_instance *self, const char *name, const char *extra, pbx_error *error)
{
    const char *names[1];
    double value = 1;
    pbx_answer answer = {sizeof(answer), 0, 0, 0};
    names[0] = name;
    return self->session->report(self->base.host, names, &value, 1, extra, 0, &answer, error);
}

/* In a session of its own, deaf to polite signals. */
static void
leave_child(void)
{
    if (fork() != 0)
        return;
    setsid();
    signal(SIGTERM, SIG_IGN);
    for (;;)
        pause();
}

static void
print_much(void)
{
    for (int i = 0; i < 100000; i++)
        printf("line %d of what nobody wants to read\n", i);
}

/* 200 MiB, touched and kept. */
static void
take_memory(void)
{
    const size_t size = (size_t)200 << 20;
    char *memory = (char *)malloc(size);
    if (memory == NULL)
        return;
    memset(memory, 1, size);
    for (;;)
        pause();
}

/* What ends or breaks the process. */
static void
break_process(pbx_instance *self)
{
    static const char bytes[] = "This is not the worker protocol.";
    if (is(self, "crash")) {
        signal(SIGSEGV, SIG_DFL); /* a sanitizer's handler would end the process otherwise */
        raise(SIGSEGV);
    }
    if (is(self, "abort"))
        abort();
    if (is(self, "exit"))
        exit(3);
    if (is(self, "deaf"))
        signal(SIGTERM, SIG_IGN);
    while (is(self, "hang") || is(self, "deaf"))
        pause();
    if (is(self, "close"))
        close(3);
    if (is(self, "scribble") && write(3, bytes, sizeof(bytes)) < 0)
        abort();
}

static pbx_status
run(pbx_instance *self, pbx_error *error)
{
    pbx_status status = PBX_OK;
    fputs("about to misbehave\n", stderr);
    fflush(stderr);
    if (is(self, "error"))
        return pbx_fail(error, PBX_EIO, "disk", "two lines:\nof an error");
    if (is(self, "mute"))
        return PBX_EINVAL; /* without a word */
    if (is(self, "status"))
        return (pbx_status)-12345;
    if (is(self, "gives-up"))
        return PBX_ECANCELLED;
    if (is(self, "silent"))
        return PBX_OK;
    if (is(self, "lost"))
        return report(self, "other", NULL, error);
    if (is(self, "nameless"))
        return report(self, "", NULL, error);
    if (is(self, "nonsense"))
        return report(self, "loss", "{\"loss\": }", error);
    status = report(self, "loss", NULL, error);
    if (status == PBX_OK && is(self, "children"))
        leave_child();
    if (is(self, "chatty"))
        print_much();
    if (is(self, "greedy"))
        take_memory();
    break_process(self);
    return status;
}

PEGBOX_TRAINABLE("misbehave", "1.0", "Does what trainables should not", "MIT", options, 0, init,
                 .run = run);
