/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a person sees of an experiment: a model of plain data, filled by a driver or from a
 * store, and one way to draw it. Nothing here knows where the model comes from.
 */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>
#include <pegbox/types.h>

/* ---- What `reporter` says ---- */

typedef struct {
    char *path, *heading;
} PbxStatusField;

typedef struct {
    GPtrArray *metric_columns, *parameter_columns; /* PbxStatusField*; NULL: the usual ones */
    gint64 total_samples;                          /* 0: as many as the search says */
    guint max_progress_rows, max_error_rows, infer_limit;
    double max_report_frequency; /* seconds between two reports where nothing is redrawn */
    int tables;                  /* print_intermediate_tables; -1: as --verbose has it */
    char *metric;                /* NULL: the experiment's */
    int sign;                    /* of `metric`: +1 min, -1 max */
    gboolean sort_by_metric;
} PbxStatusOptions;

/* The checked object of the experiment file; NULL: the defaults. (transfer full) */
PbxStatusOptions *status_options_new(JsonNode *reporter);
void status_options_free(PbxStatusOptions *options);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PbxStatusOptions, status_options_free)

/* ---- The model ---- */

/* A trial as a row has it; counted references, so that what has ended is made once. */
typedef struct {
    int references;
    guint64 number;
    char *name;
    guint state; /* PBX_STATE_* */
    int end;     /* PBX_END_*; -1: not ended */
    guint attempts, failures;
    guint64 last_seq;         /* of its last result; 0: none */
    char *host;               /* of its last start, an address; NULL: none */
    gboolean away;            /* ... which is not this machine */
    gint64 pid;               /* of its last start; 0: unknown */
    JsonNode *config;         /* NULL: it cannot be read */
    JsonNode *result;         /* the last one with its auto-filled fields; NULL: none */
    gint64 iteration;         /* -1: none */
    double time_s;            /* time_total_s */
    double value;             /* the metric's last; NaN: none */
    char *error, *error_file; /* of its last failure; the file: relative to the experiment */
} PbxStatusTrial;

PbxStatusTrial *status_trial_new(void);
PbxStatusTrial *status_trial_ref(PbxStatusTrial *trial);
void status_trial_unref(PbxStatusTrial *trial);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PbxStatusTrial, status_trial_unref)

typedef struct {
    char *name; /* "CPU" */
    double used, total;
    gboolean bytes;
} PbxStatusResource;

/* A line that a plugin says of itself, or a reason to wait. */
typedef struct {
    char *label, *text;
} PbxStatusLine;

typedef struct {
    char *name, *dir;
    char *state;                       /* "running", "done", "interrupted" ... */
    char *stopping;                    /* why it is about to end; NULL: it is not */
    gint64 wall_ns;                    /* of what is shown */
    double elapsed_s, left_s;          /* left: NaN: unknown */
    gboolean over_budget;              /* time_budget_s is what limits left_s */
    guint64 memory_used, memory_total; /* of the driver's machine; total 0: unknown */
    guint64 counts[PBX_N_STATES];
    guint64 early_stopped; /* of those TERMINATED */
    gint64 total;          /* trials in all; -1: unknown */
    char **parameters;     /* paths in the config that vary */
    char *metric;          /* NULL: none is named; of several the first */
    char **further;        /* the others of several, NULL-ended; NULL: there are none */
    int sign;              /* +1 min, -1 max */
    gboolean constrained;  /* only feasible trials can be the best */
    PbxStatusTrial *best;  /* by its last value; NULL: none */
    double ever;           /* the best value that any result had; NaN */
    guint64 ever_trial;
    GArray *history;      /* double: the best value so far, at equal distances of time */
    GPtrArray *resources; /* PbxStatusResource* */
    GPtrArray *lines;     /* PbxStatusLine*: the deciders' own */
    GPtrArray *waits;     /* PbxStatusLine*: why trials do not run */
    /* PbxStatusTrial*: of each state those that are shown first; a row limit is enough. */
    GPtrArray *rows[PBX_N_STATES];
    GPtrArray *errors; /* PbxStatusTrial*: the latest that failed first */
    guint64 n_errors;  /* trials that failed, tried again or not */
} PbxStatus;

PbxStatus *status_new(void);
void status_free(PbxStatus *status);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PbxStatus, status_free)
void status_add_resource(PbxStatus *status, const char *name, double used, double total,
                         gboolean bytes);
/* A line of PbxStatus.lines or .waits; of a text with more lines each becomes one. */
void status_add_line(GPtrArray *lines, const char *label, const char *text);
/* Memory of this machine in bytes; total 0: unknown. */
void status_read_memory(guint64 *used, guint64 *total);

/*
 * What only a driver knows, as JSON, for those who look from elsewhere: the total, resources,
 * the deciders' lines, why trials wait, the history. (transfer full)
 */
JsonNode *status_live(const PbxStatus *status);
/* Takes it over; what is missing or of another type stays as it was. */
void status_take_live(PbxStatus *status, JsonNode *live);

/* All of it as an object, for programs; trials as far as the model has them. (transfer full) */
JsonNode *status_json(const PbxStatus *status);

/* ---- Drawing ---- */

typedef struct {
    int width;  /* columns; <= 0: as many as it takes */
    int height; /* lines at most; <= 0: as many as it takes */
    gboolean colour;
    gboolean utf8;  /* FALSE: ASCII alone */
    gboolean table; /* trials, and those that failed */
    gboolean last;  /* the summary follows, which tells the best and where results are */
    guint max_rows, max_errors;
} PbxStatusStyle;

/* Appends the block: whole lines within the style's bounds. */
void status_draw(const PbxStatus *status, const PbxStatusOptions *options,
                 const PbxStatusStyle *style, GString *out);
/* Appends one line for a pipe or a log, without its end. */
void status_draw_line(const PbxStatus *status, const PbxStatusOptions *options, GString *out);

/*
 * How many rows each state gets of `limit`, dealt one by one in the order of the states'
 * names, as Tune does, but cut at the limit.
 */
void status_deal(const guint have[PBX_N_STATES], guint limit, guint rows[PBX_N_STATES]);

/* "1.5 s", "02:10", "3:04:05"; whole seconds where not `fine`. */
void status_put_duration(GString *out, double seconds, gboolean fine);
/* A number in five digits, "-" for NaN. (transfer full) */
char *status_number_text(double value);
/* A value of a config or a result in few columns, harmless; NULL: "". (transfer full) */
char *status_value_text(JsonNode *node);
/* `n` cells that show the course of the values, scaled between their least and greatest. */
void status_put_sparkline(GString *out, const double *values, guint n_values, int cells,
                          gboolean utf8);
