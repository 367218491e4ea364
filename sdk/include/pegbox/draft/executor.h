/* SPDX-License-Identifier: MIT */
/*
 * pegbox/draft/executor.h: executor-draft-2, which places trials and runs their
 * workers. A draft: every change takes the next number in the id.
 */
#ifndef PEGBOX_DRAFT_EXECUTOR_H
#define PEGBOX_DRAFT_EXECUTOR_H

#include <pegbox/plugin.h>
#include <pegbox/services.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PBX_EXECUTOR_ID "executor-draft-2"

/* How a launch is ended. */
enum {
    PBX_STOP_TERM = 0, /* SIGTERM, and SIGKILL after grace_s */
    PBX_STOP_KILL = 1
};

/* Flags of a launch; an executor that cannot do what one of them asks says ENOTSUP. */
enum {
    /* In the driver's own session and process group, with its standard input: `run --local`. */
    PBX_LAUNCH_TERMINAL = 1
};

/* One worker to start. */
typedef struct pbx_launch {
    uint32_t struct_size;
    uint32_t flags;  /* PBX_LAUNCH_* */
    int32_t channel; /* a socket that becomes descriptor 3 of the worker; -1: none */
    uint32_t attempt;
    uint64_t trial;
    double grace_s;          /* from SIGTERM to SIGKILL */
    const char *name;        /* unique; the same for the same start */
    const char *const *argv; /* NULL-ended; argv[0] is an absolute path */
    const char *const *env;  /* NULL-ended NAME=VALUE; the whole environment */
    const char *cwd;         /* absolute */
    const char *out, *err;   /* files to append to; NULL: the driver's own */
} pbx_launch;

/* Called on the driver's thread: no function may block. */
typedef struct pbx_executor {
    uint32_t struct_size;
    uint32_t caps; /* 0 */
    pbx_object object;
    /* A first look. ENOTSUP, EIO: exit 4 before any trial. NULL: nothing to do. */
    pbx_status (*open)(pbx_instance *, pbx_error *);
    /*
     * Must. Accepted, and posted as STARTED once it runs; `channel` stays the
     * host's, who closes it after the call. AGAIN: no room, wait for ROOM; EINVAL:
     * can never fit. A second start of one name is OK and does nothing.
     */
    pbx_status (*start)(pbx_instance *, const pbx_launch *launch, pbx_error *);
    /* Must. Idempotent; EXITED is posted when it has ended. */
    pbx_status (*stop)(pbx_instance *, const char *name, uint32_t how, pbx_error *);
} pbx_executor;

#ifdef __cplusplus
}
#endif
#endif
