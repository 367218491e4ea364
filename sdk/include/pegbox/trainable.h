/* SPDX-License-Identifier: MIT */
/*
 * pegbox/trainable.h: trainable/1, the thing being tuned. It lives in a worker
 * process: it may block, use memory and crash without harm to the driver.
 * `create` is called once a process; then, for each trial, run, or setup and
 * step until done.
 */
#ifndef PEGBOX_TRAINABLE_H
#define PEGBOX_TRAINABLE_H

#include <pegbox/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PBX_TRAINABLE_ID "trainable/1"

/* Capabilities of a trainable. */
enum {
    PBX_TRAINABLE_CHECKPOINTS = 1, /* it can save and load */
    PBX_TRAINABLE_RESETS = 2,      /* reset serves the next trial in the same process */
    PBX_TRAINABLE_MANY_RUNS = 4,   /* run may be called again and again in one process */
    PBX_TRAINABLE_ALL_RANKS = 8,   /* reserved */
    /* It runs a program: it uses info.env and the session's program_ functions, and brings the
     * program's output to info.out and info.err. Without it these are the worker's own stdout
     * and stderr while a trial runs. */
    PBX_TRAINABLE_PROGRAM = 16
};

/* Called by the worker, on its main thread (with `run --local`: by a thread of the driver), but
 * `check`. Either `run`, or `setup` and `step`. */
typedef struct pbx_trainable {
    uint32_t struct_size;
    uint32_t caps; /* PBX_TRAINABLE_* */
    pbx_object object;
    /* Function form: one whole trial, reporting through session/1. OK: it is done;
     * ECANCELLED: it obeyed a "stop"; an error fails the trial with that text. */
    pbx_status (*run)(pbx_instance *, pbx_error *);
    /* Class form: a trial begins. */
    pbx_status (*setup)(pbx_instance *, pbx_error *);
    /* Class form: one iteration with one report in it. DONE: that was the last. */
    pbx_status (*step)(pbx_instance *, pbx_error *);
    /* The state into, and out of, a directory. load fails: the next older one is tried. */
    pbx_status (*checkpoint_save)(pbx_instance *, const char *dir, pbx_error *);
    pbx_status (*checkpoint_load)(pbx_instance *, const char *dir, pbx_error *);
    /* Class form: the session has a new config. ENOTSUP: a new instance is made. */
    pbx_status (*reset)(pbx_instance *, pbx_error *);
    /*
     * Whether options that are each good fit together: asked before the start, on the driver's
     * main thread, without an instance. Quick, without effects; the host has no session.
     * `metrics`: the experiment's, NULL-ended. EINVAL: exit 2, at the option in error.where
     * ("metrics", "metrics.loss"). NULL: only `create` tells.
     */
    pbx_status (*check)(const pbx_host *host, const pbx_json *options, const char *const *metrics,
                        pbx_error *);
} pbx_trainable;

#ifdef __cplusplus
}
#endif
#endif
