/* SPDX-License-Identifier: MIT */
/*
 * pegbox/types.h: the types that several plugin kinds share.
 *
 * Rules that hold for every struct here (doc/plugin-authors.md explains them):
 *  - `struct_size` is set by whoever allocates; a reader uses a field only
 *    through PEGBOX_HAS or PEGBOX_HAS_FIELD.
 *  - Arguments are borrowed until the call returns. What a plugin returns by
 *    pointer it owns, and keeps until its next call on that instance or destroy.
 *  - Text is NUL-ended UTF-8. Times are nanoseconds unless the name says `_s`.
 *  - No padding, no enum-typed fields, no bit-fields, no structs by value.
 */
#ifndef PEGBOX_TYPES_H
#define PEGBOX_TYPES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Whether the sender's struct is large enough to hold FIELD. */
#define PEGBOX_HAS_FIELD(S, TYPE, FIELD)                                                           \
    ((S)->struct_size >= offsetof(TYPE, FIELD) + sizeof(S)->FIELD)
/* The same for a pointer field, which must also be non-NULL. */
#define PEGBOX_HAS(S, TYPE, FIELD) (PEGBOX_HAS_FIELD(S, TYPE, FIELD) && (S)->FIELD)

/* What a call answers. 0 and positive values are no errors. */
typedef int32_t pbx_status;
enum {
    PBX_OK = 0,          /* done */
    PBX_AGAIN = 1,       /* not now; the host asks again */
    PBX_DONE = 2,        /* nothing more will come */
    PBX_EINVAL = -1,     /* an argument, option or space that cannot be used */
    PBX_ENOMEM = -2,     /* no memory */
    PBX_ENOTSUP = -3,    /* not supported by this plugin, or a needed service is absent */
    PBX_EIO = -4,        /* a file, network or device error */
    PBX_ESTATE = -5,     /* a call out of order, or something is gone */
    PBX_ECANCELLED = -6, /* given up because the host asked for it */
    PBX_EFATAL = -7      /* the run cannot go on (exit 4) */
};

/*
 * Text of an error, filled in by the callee before it returns a negative
 * status. `where` names a parameter, option or file ("" if none); `message` is
 * one line without a newline. Never NULL when passed. Frozen.
 */
typedef struct pbx_error {
    char where[128];
    char message[896];
} pbx_error;

/* A JSON node, owned by the host and read through pbx_host; opaque. */
typedef struct pbx_json pbx_json;

/* A plugin's instance, owned by the plugin; opaque to the host. */
typedef struct pbx_instance pbx_instance;

/*
 * Where bytes go. `write` takes all n bytes or fails; call it as often as
 * needed. Valid until the call that it was passed to returns.
 */
typedef struct pbx_sink {
    void *ctx;
    pbx_status (*write)(void *ctx, const void *bytes, size_t n);
} pbx_sink;

/* Kinds of JSON node, as pbx_host.json_type tells them. */
enum {
    PBX_JSON_NONE = 0, /* no such node (a NULL pointer) */
    PBX_JSON_NULL = 1,
    PBX_JSON_BOOL = 2,
    PBX_JSON_INT = 3,
    PBX_JSON_REAL = 4,
    PBX_JSON_STRING = 5,
    PBX_JSON_ARRAY = 6,
    PBX_JSON_OBJECT = 7
};

/* Nobody's trial number: the ask of an enqueued point, the trial of a foreign
 * outcome, the experiment itself in files/1, "none picked" in a choice. */
#define PBX_NONE UINT64_MAX

/* States of a trial. */
enum {
    PBX_STATE_PENDING = 0,
    PBX_STATE_RUNNING = 1,
    PBX_STATE_PAUSED = 2,
    PBX_STATE_TERMINATED = 3,
    PBX_STATE_ERROR = 4
};
#define PBX_N_STATES 5

/* Why a trial changed its state. */
enum {
    PBX_WHY_STARTED = 0,
    PBX_WHY_PAUSED = 1,
    PBX_WHY_RETRY = 2,
    PBX_WHY_PREEMPTED = 3,
    PBX_WHY_USER = 4,
    PBX_WHY_RESIZED = 5
};

/* How a trial ended. */
enum {
    PBX_END_COMPLETED =
        0, /* the trainable is done, a stopper, `stop`, or the scheduler's COMPLETE */
    PBX_END_EARLY_STOPPED = 1, /* the scheduler's STOP */
    PBX_END_STOPPED = 2,       /* by the user, the time budget, or stopper.all */
    PBX_END_FAILED = 3,
    PBX_END_DUPLICATE = 4, /* a skipped point: it used an ask, but has no trial: trial is
                              PBX_NONE, last that of the trial with the same config */
    PBX_END_VOID = 5       /* taken out of sight later */
};

/* Kinds of dimension. */
enum { PBX_DIM_REAL = 0, PBX_DIM_INT = 1, PBX_DIM_CATEGORY = 2, PBX_DIM_NORMAL = 3 };

/* Flags of a dimension. */
enum {
    PBX_DIM_LOG = 1,    /* drawn uniformly in the logarithm */
    PBX_DIM_GRID = 2,   /* from $grid_search: every choice is to be visited */
    PBX_DIM_ORDERED = 4 /* a category whose choices are numbers in ascending order */
};

/*
 * One dimension of the flattened search space. Parents come before their
 * children in pbx_space.dims; dims with a single value are folded away by the
 * host, and $sample_from is none.
 */
typedef struct pbx_dim {
    uint32_t struct_size;
    uint32_t type;           /* PBX_DIM_* */
    uint32_t flags;          /* PBX_DIM_LOG, ... */
    int32_t parent;          /* index of the CATEGORY that this one hangs on; -1: none */
    double low, high;        /* INT: both inclusive; REAL: high exclusive, unless quantised */
    double quantum;          /* 0: continuous; else values are multiples of it */
    double mean, sd;         /* NORMAL */
    uint32_t n_choices;      /* CATEGORY; else 0 */
    uint32_t parent_choice;  /* active where the parent has this index */
    const char *name;        /* unique: the path, with the branch where paths recur */
    const char *path;        /* in the config, dotted; not unique */
    const pbx_json *choices; /* CATEGORY: an array of the values */
} pbx_dim;

/* The search space: a point in it is double[n_dims], a category as its index,
 * NaN where the dimension is inactive. */
typedef struct pbx_space {
    uint32_t struct_size;
    uint32_t n_dims;
    const pbx_dim *const *dims;
} pbx_space;

/* An objective. A loss is sign * metric, so that smaller is better. */
typedef struct pbx_objective {
    uint32_t struct_size;
    int32_t sign;     /* +1: minimised; -1: maximised */
    const char *name; /* the metric's name */
} pbx_objective;

/*
 * What an experiment asks of one slot. Valid until the next setup on the
 * instance, or destroy.
 */
typedef struct pbx_problem {
    uint32_t struct_size;
    uint32_t flags;
    uint32_t n_objectives; /* 0: no metric is named */
    uint32_t n_constraints;
    const pbx_space *space;
    const pbx_objective *const *objectives;
    const char *const *constraints; /* the expressions' text */
    int64_t num_samples;            /* -1: without end */
    uint64_t max_concurrent;        /* 0: no limit */
    int64_t time_budget_ns;         /* 0: none */
} pbx_problem;

/* Amounts of resources by name ("cpu", "gpu", ...). */
typedef struct pbx_amounts {
    uint32_t struct_size;
    uint32_t n;
    const char *const *names;
    const double *values;
} pbx_amounts;

/* Flags of a result. */
enum {
    PBX_RESULT_FIRST_AFTER_EXPLOIT = 1,
    PBX_RESULT_DONE = 2,          /* the trial ends with it */
    PBX_RESULT_NO_MORE_TRIALS = 4 /* the search is exhausted */
};

/* "No rung", "no bracket". */
#define PBX_NO_RUNG UINT32_MAX

/*
 * One report of a trial, as one slot sees it: losses, violations and watched
 * fields are made for that slot. A missing loss is NaN; one that was reported
 * as NaN or infinite is +INFINITY.
 */
typedef struct pbx_result {
    uint32_t struct_size;
    uint32_t flags;        /* PBX_RESULT_* */
    uint32_t n_losses;     /* objectives of the problem */
    uint32_t n_violations; /* constraints of the problem */
    uint32_t n_watched;    /* see `watched` */
    uint32_t rung;         /* that the scheduler named; PBX_NO_RUNG: none */
    uint64_t trial;
    uint64_t seq;      /* its number among the experiment's events */
    int64_t iteration; /* training_iteration */
    int64_t at_ns;     /* on the experiment's clock */
    double time_total_s;
    double budget; /* of its rung; NaN: none */
    const double *losses;
    const double *violations; /* <= 0: kept; infinite: it gave no number */
    /*
     * Values of the fields that this slot's FIELD options without OBJECTIVE
     * and its FIELD_MAP options name, in the order of the option table, then of
     * list item or key; one NaN for an option that is unset. present[i] is 0
     * where the result lacks the field.
     */
    const double *watched;
    const uint8_t *present;
    const uint64_t *counts;  /* [PBX_N_STATES]: trials by state now */
    const pbx_amounts *free; /* resources that nobody uses now */
    const pbx_json *fields;  /* the whole result; parsed on first touch by the host */
    const char *text;        /* canonical JSON of the same, no newline */
    uint64_t text_size;      /* bytes of text, without the NUL */
} pbx_result;

/* Flags of an adopted suggestion. */
enum {
    PBX_SUGGESTION_REPLAY = 1,   /* told again, after a resume */
    PBX_SUGGESTION_ENQUEUED = 2, /* added by hand: ask is PBX_NONE */
    PBX_SUGGESTION_ALTERED = 4   /* snapped or overlaid: not what was proposed */
};

/* A point: filled in by suggest, told by adopt. */
typedef struct pbx_suggestion {
    uint32_t struct_size;
    uint32_t flags; /* in adopt: PBX_SUGGESTION_* */
    uint64_t n_dims;
    uint64_t trial;    /* the trial that it is for */
    uint64_t ask;      /* suggests of this slot that answered PBX_OK before */
    double *x;         /* [n_dims]: in suggest to be filled; in adopt read only */
    uint64_t origin;   /* the plugin's own mark; stored, and given back in tell */
    const char *extra; /* JSON object text merged over the config; NULL: nothing */
} pbx_suggestion;

/* Flags of an outcome. */
enum {
    PBX_OUTCOME_REPLAY = 1,       /* told again, after a resume */
    PBX_OUTCOME_FOREIGN = 2,      /* from elsewhere: trial is PBX_NONE */
    PBX_OUTCOME_RECONFIGURED = 4, /* x changed while the trial ran */
    PBX_OUTCOME_NO_MORE_TRIALS = 8
};

/* How a trial ended, and with what. */
typedef struct pbx_outcome {
    uint32_t struct_size;
    uint32_t flags; /* PBX_OUTCOME_* */
    uint32_t end;   /* PBX_END_* */
    uint32_t n_dims;
    uint64_t trial;
    uint64_t origin;        /* what suggest set */
    const double *x;        /* [n_dims]: what really ran */
    const pbx_result *last; /* NULL: it never reported */
    double budget;          /* of its last rung; NaN: none */
    double elapsed_s;       /* time_total_s of the last result; 0: none */
} pbx_outcome;

/* A trial as loggers and trainables see it. */
typedef struct pbx_trial {
    uint32_t struct_size;
    uint32_t state;   /* PBX_STATE_* */
    uint32_t attempt; /* starts of a worker for it, from 1; 0: none yet */
    uint32_t n_checkpoints;
    uint64_t trial;  /* its number */
    uint64_t source; /* the trial that it was cloned from; PBX_NONE: none */
    const char *id;
    const char *name;
    const char *tag;
    const char *dir; /* absolute; may not exist yet (files/1 makes it) */
    const pbx_json *config;
    const char *config_text; /* canonical JSON of config */
    const pbx_json *resources;
    const char *location;   /* HOST:PID of the worker; "" before a start */
    const pbx_result *last; /* NULL: none yet */
} pbx_trial;

#ifdef __cplusplus
}
#endif
#endif
