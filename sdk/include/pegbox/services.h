/* SPDX-License-Identifier: MIT */
/*
 * pegbox/services.h: what a host offers by id, through pbx_host.service. The
 * first argument of each function is the instance's own pbx_host. A service that
 * the host lacks is NULL; a plugin that cannot do without one answers ENOTSUP
 * from create and names it. [call]: only within a call of this instance, on its
 * thread; [any]: from any thread.
 */
#ifndef PEGBOX_SERVICES_H
#define PEGBOX_SERVICES_H

#include <pegbox/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- json-write/1 [any]: canonical JSON text and parsing ---- */
#define PBX_JSON_WRITE_ID "json-write/1"
/*
 * A builder over a sink. Strings are escaped, doubles are the shortest that read
 * back the same, NaN and the infinities are "NaN", "Infinity", "-Infinity".
 * Commas are the builder's affair. The first failure of the sink is kept and
 * returned by `end`.
 */
typedef struct pbx_json_builder pbx_json_builder;
typedef struct pbx_json_write {
    uint32_t struct_size;
    uint32_t reserved;
    pbx_json_builder *(*begin)(const pbx_host *, const pbx_sink *sink);
    void (*object_begin)(pbx_json_builder *);
    void (*object_end)(pbx_json_builder *);
    void (*array_begin)(pbx_json_builder *);
    void (*array_end)(pbx_json_builder *);
    void (*key)(pbx_json_builder *, const char *key);
    void (*null)(pbx_json_builder *);
    void (*boolean)(pbx_json_builder *, int32_t value);
    void (*integer)(pbx_json_builder *, int64_t value);
    void (*real)(pbx_json_builder *, double value);
    void (*string)(pbx_json_builder *, const char *value);
    void (*node)(pbx_json_builder *, const pbx_json *value); /* copied */
    pbx_status (*end)(pbx_json_builder *);                   /* frees the builder */
    /* Parses text; the node is the instance's until `release`. NULL: error is set. */
    const pbx_json *(*parse)(const pbx_host *, const char *text, size_t n, pbx_error *error);
    void (*release)(const pbx_host *, const pbx_json *node);
} pbx_json_write;

/* ---- files/1 [call]: files of a trial or of the experiment ---- */
#define PBX_FILES_ID "files/1"
/*
 * Requests that the host records and performs after the call that made them; one
 * that failed leaves none. Where the experiment goes on after a crash of the driver, a
 * file is first cut to what it was when the logger's cursor was stored.
 * `name` is one file name, no '/'. `trial` may be PBX_NONE: the experiment's
 * directory. The directory is made when something is first written.
 */
typedef struct pbx_files {
    uint32_t struct_size;
    uint32_t reserved;
    pbx_status (*append)(const pbx_host *, uint64_t trial, const char *name, const void *bytes,
                         size_t n);
    pbx_status (*replace)(const pbx_host *, uint64_t trial, const char *name, const void *bytes,
                          size_t n);
    /* What stands in the file now, requests of this call included, into the sink
     * (ESTATE: no such file). For a file that is rewritten from what it held. */
    pbx_status (*read)(const pbx_host *, uint64_t trial, const char *name, const pbx_sink *sink);
} pbx_files;

/* ---- expression/1 [call]: EXPRESSION options ---- */
#define PBX_EXPRESSION_ID "expression/1"
/*
 * Evaluates the option `option` (compiled when the experiment file was checked)
 * with n names bound to nodes. `stream` keys its rand(). The answer is valid
 * until the next eval or the call's end. NULL: error says why.
 */
typedef struct pbx_expression {
    uint32_t struct_size;
    uint32_t reserved;
    const pbx_json *(*eval)(const pbx_host *, const char *option, const char *const *names,
                            const pbx_json *const *values, size_t n, uint64_t stream,
                            pbx_error *error);
} pbx_expression;

/* ---- children/1 [call]: the plugins that a wrapper wraps ---- */
#define PBX_CHILDREN_ID "children/1"
/*
 * A wrapper has an option of the type PBX_OPTION_PLUGIN. The host makes what it names
 * before the wrapper's create, saves and loads it with the wrapper, and destroys it after
 * the wrapper's destroy. In between nobody but the wrapper calls it, by its vtable:
 * setup from its own setup, the others as it likes. In this version stoppers wrap
 * stoppers and searches wrap searches; schedulers come with the first plugin that wraps one.
 */
typedef struct pbx_child {
    uint32_t struct_size;
    uint32_t caps;          /* PBX_CAP_* of this instance */
    const char *slot;       /* its place: "stop[0].stoppers[1]" */
    const char *name;       /* the plugin's */
    const void *vtable;     /* const pbx_stopper *, ...: one that the child lacks is NULL there */
    pbx_instance *instance; /* what the functions of the vtable take */
} pbx_child;

typedef struct pbx_children {
    uint32_t struct_size;
    uint32_t reserved;
    /* The one of the option, or of a list or map the `index`-th (in order). NULL: there are no
     * more, or it has no such interface (PBX_STOPPER_ID, ...). Valid until destroy. */
    const pbx_child *(*get)(const pbx_host *, const char *option, size_t index, const char *id);
    /* The problem as the child sees it, for its setup: as the wrapper was given its own, with
     * objectives of the child's. The wrapper may alter it before. Valid until destroy. */
    pbx_problem *(*problem)(const pbx_host *, const pbx_child *);
    /*
     * What the wrapper was given in this call, as the child sees it: with losses and
     * watched fields of its own. Valid until the same is asked again, or the call's end.
     * NULL: it is not what the wrapper was given. Structs are handed on so and never
     * copied, or fields of later versions would vanish; but their members may be altered: a
     * trial's number, its end, or, in the `result` of an outcome's `last`, the losses.
     */
    pbx_result *(*result)(const pbx_host *, const pbx_child *, const pbx_result *);
    pbx_outcome *(*outcome)(const pbx_host *, const pbx_child *, const pbx_outcome *);
    /*
     * The same of a suggestion, for suggest and adopt, with the number of the child's own asks,
     * which the host counts. Behind a suggest that was answered OK, what the child said is in the
     * wrapper's. An adopt of a trial that the child was not asked for: set ENQUEUED, and ask to
     * PBX_NONE.
     */
    pbx_suggestion *(*suggestion)(const pbx_host *, const pbx_child *, pbx_suggestion *);
    /*
     * How a trial ended that the wrapper was told of before and has kept from the child, by the
     * number that the wrapper knows it by, as the child sees it: it outlives a save and a load.
     * NULL: there is no such trial, or it has not ended, or the wrapper is itself within one that
     * gives trials numbers of its own (PBX_CAP_RENUMBERS): it can keep nothing from the child then.
     */
    pbx_outcome *(*told)(const pbx_host *, const pbx_child *, uint64_t trial, pbx_error *);
} pbx_children;

/* ---- observations/1 [call]: the trials of an earlier experiment ---- */
#define PBX_OBSERVATIONS_ID "observations/1"
/*
 * Reads an experiment's store, which is not changed: trials that have ended by themselves, by their
 * scheduler, or by a failure, whose configs are points of this experiment's space, by the paths of
 * its parameters, and which, unless they failed, have this instance's metrics.
 */
typedef struct pbx_observations {
    uint32_t struct_size;
    uint32_t reserved;
    /*
     * The next such trial from number *from on, as an outcome with the flag FOREIGN; *from is the
     * number behind it then. Valid until the next read, or the call's end; a wrapper hands it on
     * by children/1. NULL: there are no more, or `error` has a message that says why not.
     */
    const pbx_outcome *(*read)(const pbx_host *, const char *experiment, uint64_t *from,
                               pbx_error *error);
    /* What was left out so far, counted by reason: "3 not ended, 1 with lr outside the space".
     * NULL: nothing. Valid until the next read. */
    const char *(*left_out)(const pbx_host *);
} pbx_observations;

/* ---- template/1 [call], in a worker: TEMPLATE options ---- */
#define PBX_TEMPLATE_ID "template/1"
/*
 * Expands TEMPLATE options for the current trial. An item of a LIST may give any
 * number of words ({args}). What is returned is valid until the run ends.
 */
typedef struct pbx_template {
    uint32_t struct_size;
    uint32_t reserved;
    /* The text of a plain option, or of the `key` of a MAP. NULL: error says why. */
    const char *(*text)(const pbx_host *, const char *option, const char *key, pbx_error *error);
    /* The words of a LIST option, NULL-ended. NULL: error says why. */
    const char *const *(*words)(const pbx_host *, const char *option, pbx_error *error);
} pbx_template;

/* ---- dirs/1 [any]: directories of the instance ---- */
#define PBX_DIRS_ID "dirs/1"
typedef struct pbx_dirs {
    uint32_t struct_size;
    uint32_t reserved;
    const char *(*scratch)(const pbx_host *);    /* emptied at each start; NULL: none can be made */
    const char *(*durable)(const pbx_host *);    /* kept with the experiment */
    const char *(*experiment)(const pbx_host *); /* RESULTS_DIR/EXPERIMENT */
} pbx_dirs;

/* ---- events/1 [any], executors only ---- */
#define PBX_EVENTS_ID "events/1"
enum {
    PBX_POST_STARTED = 0,   /* handle (text), location (text) */
    PBX_POST_EXITED = 1,    /* code, signal */
    PBX_POST_PREEMPTED = 2, /* seconds of grace */
    PBX_POST_DEADLINE = 3,  /* seconds until the end of its allocation */
    PBX_POST_LOST = 4,
    PBX_POST_ROOM = 5 /* a start that was told AGAIN may be tried */
};
/* What happened to the launch `name`. Copied before post returns. */
typedef struct pbx_post {
    uint32_t struct_size;
    uint32_t type;        /* PBX_POST_* */
    int32_t code;         /* EXITED: exit status, -1 where a signal ended it */
    int32_t signal;       /* EXITED: 0, or the signal */
    double seconds;       /* PREEMPTED, DEADLINE */
    const char *name;     /* the launch; NULL with ROOM */
    const char *handle;   /* STARTED: what attach takes later (a pid, a job id) */
    const char *location; /* STARTED: HOST:PID, or where it runs */
    const char *why;      /* one line; NULL: nothing to add */
} pbx_post;
typedef struct pbx_events {
    uint32_t struct_size;
    uint32_t reserved;
    void (*post)(const pbx_host *, const pbx_post *post);
} pbx_events;

/* ---- session/1 [call], in a worker: a trainable's link to its trial ---- */
#define PBX_SESSION_ID "session/1"

/* What a trial is told after a report. */
typedef struct pbx_answer {
    uint32_t struct_size;
    uint32_t stop;   /* nonzero: end now, with ECANCELLED (function form) */
    uint32_t save;   /* nonzero: make a checkpoint now (function form); with stop: then end */
    uint32_t saving; /* nonzero: the program is making one (PBX_TRAINABLE_PROGRAM): a stop waits */
} pbx_answer;

/* Flags of a report. */
enum {
    PBX_REPORT_DONE = 1,      /* the trial ends with it */
    PBX_REPORT_CHECKPOINT = 2 /* asks for a checkpoint after it */
};

/* Flags of a session. */
enum {
    /*
     * `run --local`, PBX_TRAINABLE_PROGRAM only: the program has the terminal. Its standard input
     * is the worker's, what it prints goes to the worker's standard output and error at once
     * (as well as to out, err), and it is in the terminal's foreground. ECANCELLED: the user
     * interrupted it there.
     */
    PBX_SESSION_TERMINAL = 1
};

/* What the session is about; valid until the run ends. */
typedef struct pbx_session_info {
    uint32_t struct_size;
    uint32_t rank;              /* of this process, from 0 */
    uint32_t size;              /* processes of the trial */
    uint32_t flags;             /* PBX_SESSION_* */
    const pbx_trial *trial;     /* config, dir, ... */
    const char *restored;       /* directory of a restored checkpoint; NULL: from scratch */
    const char *cwd;            /* where a program is to run */
    const char *const *env;     /* NAME=VALUE, NULL-ended: a program's whole environment,
                                   PEGBOX_SOCKET and kin included (PBX_TRAINABLE_PROGRAM) */
    const char *out, *err;      /* files for a program's output; NULL: lines to `line` */
    const char *metric;         /* the experiment's (first) metric; NULL: none is named */
    const char *const *metrics; /* all of them, NULL-ended */
} pbx_session_info;

typedef struct pbx_session {
    uint32_t struct_size;
    uint32_t reserved;
    const pbx_session_info *(*info)(const pbx_host *);
    /*
     * One result: n numbers by name, and an optional JSON object `extra` (text,
     * NULL: none) whose members join them. Blocks while too many results are
     * unanswered; the answer may be about an earlier one, and what is reported past
     * the result that ended the trial is dropped. EINVAL: nonsense; ECANCELLED: the
     * driver is gone.
     */
    pbx_status (*report)(const pbx_host *, const char *const *names, const double *values, size_t n,
                         const char *extra, uint32_t flags, pbx_answer *answer, pbx_error *error);
    /* What has been asked of the trial since the last report; does not block. */
    pbx_status (*poll)(const pbx_host *, pbx_answer *answer);
    /* Readable when poll has news; for a plugin's own poll loop. */
    int32_t (*poll_fd)(const pbx_host *);
    /*
     * For a trainable that runs a program (PBX_TRAINABLE_PROGRAM). A descriptor that is
     * readable when a program that speaks the worker protocol at PEGBOX_SOCKET has said
     * something; it stands for all its connections. program_step then serves what has come
     * (reports too, which may block as `report` does) and tells how many reports the
     * program of this run has made there so far. EINVAL: nonsense came.
     */
    int32_t (*program_fd)(const pbx_host *);
    pbx_status (*program_step)(const pbx_host *, uint64_t *n_reports, pbx_error *error);
    /* The program runs, under this process id. Told once a run. */
    void (*program_started)(const pbx_host *, int64_t pid);
    /* A directory to fill for a checkpoint at `step`; NULL: error says why. */
    const char *(*checkpoint_begin)(const pbx_host *, int64_t step, pbx_error *error);
    pbx_status (*checkpoint_end)(const pbx_host *, int32_t keep, pbx_error *error);
    /* The bytes of an object of the experiment's `data`, mapped read-only and valid as long as
     * the instance; an array of numbers is as helpers/npy.h finds it. NULL: no such name. */
    const void *(*data)(const pbx_host *, const char *name, size_t *n);
    /* A line of output for the console, prefixed by the trial's name there. */
    void (*line)(const pbx_host *, int32_t is_stderr, const char *text);
} pbx_session;

#ifdef __cplusplus
}
#endif
#endif
