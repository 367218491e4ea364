/* SPDX-License-Identifier: MIT */
/* pegbox/logger.h: logger/1, which observes events and writes them somewhere. */
#ifndef PEGBOX_LOGGER_H
#define PEGBOX_LOGGER_H

#include <pegbox/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PBX_LOGGER_ID "logger/1"

/* Types of event. */
enum {
    PBX_EVENT_START = 0, /* the experiment begins; data: JSON {space, spec} */
    PBX_EVENT_STEP_BEGIN = 1,
    PBX_EVENT_STEP_END = 2,
    PBX_EVENT_ADDED = 3,       /* a trial was created */
    PBX_EVENT_TRIAL_START = 4, /* its worker runs it (each attempt) */
    PBX_EVENT_RESTORE = 5,
    PBX_EVENT_RESULT = 6,
    PBX_EVENT_CHECKPOINT = 7,
    PBX_EVENT_SAVE = 8,
    PBX_EVENT_PAUSE = 9,
    PBX_EVENT_EXPLOIT = 10,
    PBX_EVENT_RETRY = 11, /* it failed and will be tried again; text: why */
    PBX_EVENT_MEDIA = 12,
    PBX_EVENT_COMPLETE = 13, /* ended TERMINATED; text: why, or NULL */
    PBX_EVENT_ERROR = 14,    /* ended ERROR; text: why */
    PBX_EVENT_VOID = 15,
    PBX_EVENT_SYNC = 16,
    PBX_EVENT_END = 17 /* the experiment ended */
};
/* The bit of a type in `wanted`. */
#define PBX_WANTS(TYPE) (UINT64_C(1) << (TYPE))

/* A checkpoint as loggers see it. */
typedef struct pbx_checkpoint {
    uint32_t struct_size;
    uint32_t flags;
    uint64_t id;
    uint64_t trial;
    int64_t step;
    uint64_t bytes;
    const char *path;
    const char *sha256; /* hex text */
} pbx_checkpoint;

/* One event. */
typedef struct pbx_event {
    uint32_t struct_size;
    uint32_t type;                    /* PBX_EVENT_* */
    uint64_t seq;                     /* ascending; the same after a crash */
    int64_t at_ns;                    /* wall clock, since 1970 */
    const pbx_trial *trial;           /* NULL: the experiment's */
    const pbx_result *result;         /* RESULT; else NULL. No losses, watched or counts */
    const pbx_checkpoint *checkpoint; /* CHECKPOINT, SAVE, RESTORE; else NULL */
    const char *text;                 /* see the types; NULL: nothing */
    const void *data;                 /* MEDIA, START; else NULL */
    uint64_t data_size;
} pbx_event;

/* Called from a thread of the instance's own: it may block. */
typedef struct pbx_logger {
    uint32_t struct_size;
    uint32_t caps; /* 0 */
    pbx_object object;
    uint64_t wanted; /* PBX_WANTS(...) | ...: what is not wanted is never built */
    /* Before anything of the experiment is there: what is refused leaves nothing behind. */
    pbx_status (*setup)(pbx_instance *, const pbx_problem *problem, pbx_error *);
    /*
     * Must. n events in order, fed from the store by a cursor. OK: all consumed;
     * AGAIN: *done of them, the rest comes again later. An error is one line and
     * a retry, five in a row disable the logger; EFATAL ends the run. A seq may
     * come again after a crash. At the end of the run one that takes no events
     * for 30 s (PEGBOX_LOGGER_GRACE_S) is given up.
     */
    pbx_status (*events)(pbx_instance *, const pbx_event *const *events, size_t n, size_t *done,
                         pbx_error *);
    /* All that was consumed is durable. */
    pbx_status (*flush)(pbx_instance *, pbx_error *);
} pbx_logger;

#ifdef __cplusplus
}
#endif
#endif
