/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The experiment file, checked: every key known, every plugin loaded, every option
 * validated. Nothing is started here.
 */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

#include "expression/expression.h"
#include "plugin/plugin.h"
#include "space/space.h"
#include "json/json.h"

/* A plugin as the file uses it. */
typedef struct {
    char *slot; /* "search", "stop[0]", "loggers[1]"; of a wrapped one "stop[0].stoppers[1]"; of a
                   wrapper that keys of `search` mean "search+limit" */
    const PbxPlugin *plugin;
    PbxOptions *options;
    char *pointer;              /* in the document, for problems that setup finds */
    const PbxOptionChild *from; /* in its wrapper's options; NULL: nobody wraps it */
    GPtrArray *wrapped;         /* PbxPluginUse*: what it wraps */
    PbxIsolate isolate;         /* what the file says of it */
    gboolean has_seed;          /* a seed of its own: a search within another */
    guint64 seed;
} PbxPluginUse;

typedef enum { FAIL_FAST_EARLY = 0, FAIL_FAST_NEVER, FAIL_FAST_ALWAYS } PbxFailFast;

/* What a trial is killed past, and has failed; 0: none. */
typedef struct {
    double trial_time_s;  /* seconds of an attempt */
    double report_time_s; /* seconds since its start or its last report */
    guint64 memory;       /* bytes that all its processes have resident */
} PbxLimits;

/* `checkpoint`: when trials are saved, and what is kept. */
typedef struct {
    guint64 frequency;       /* in iterations; 0: not by their number */
    gboolean at_end;         /* the end of a trial waits until it is saved */
    guint64 keep;            /* of a trial; 0: all */
    char *score_attribute;   /* a result field */
    int score_sign;          /* +1: the larger the better, -1: the smaller */
    int zstd_level;          /* 0: not compressed */
    PbxTemplate *path;       /* below the trial's directory; NULL: the trainable saves itself */
    guint64 max_total_bytes; /* of the experiment; 0: any */
} PbxCheckpointing;

/* What new trials begin from. */
typedef enum { RESTORE_NOTHING, RESTORE_ARCHIVE, RESTORE_DIRECTORY, RESTORE_TRIAL } PbxRestoreKind;
typedef struct {
    PbxRestoreKind kind;
    char *path;  /* absolute; TRIAL: the experiment's directory */
    char *trial; /* TRIAL: a number, an id, a name or "best" */
    gint64 step; /* TRIAL: of its checkpoint; -1: the newest */
} PbxRestore;

typedef enum { REUSE_WHERE_POSSIBLE = 0, REUSE_NEVER, REUSE_ALWAYS } PbxReuse;

/* One of `data`: a file, or a value that becomes one in the experiment's directory. */
typedef struct {
    char *name;
    char *variable; /* PEGBOX_DATA_NAME: where programs find its path */
    char *path;     /* absolute; NULL: a value */
    JsonNode *value;
} PbxData;

/* One variable of `env`. */
typedef struct {
    char *name;
    PbxTemplate *value;
} PbxEnvTemplate;

typedef struct {
    char *name;              /* NULL: made from the trainable and the date */
    char *trainable_name;    /* the plugin's; for a command its program's or script's */
    PbxPluginUse *trainable; /* NULL: there is none, trials are only asked for */
    PbxPluginUse *search, *scheduler, *executor;
    GPtrArray *stoppers; /* PbxPluginUse*; time_budget_s is one of them, last */
    GPtrArray *loggers;  /* PbxPluginUse*, automatic ones included */
    PbxSpace *space;
    char **metrics;              /* NULL-ended; empty: none is named */
    int *signs;                  /* +1 min, -1 max; one a metric */
    GPtrArray *constraints;      /* PbxExpression* over `result`: feasible where <= 0 */
    char **constraint_texts;     /* NULL-ended */
    gint64 num_samples;          /* -1: without end */
    double time_budget_s;        /* 0: none */
    double cpu;                  /* a trial's; fractions too */
    guint64 memory;              /* bytes; 0: not counted */
    JsonNode *resources;         /* the checked object */
    guint max_concurrent_trials; /* 0: as many as fit */
    gint64 max_failures;         /* -1: without end */
    PbxFailFast fail_fast;
    PbxLimits limits;
    PbxCheckpointing checkpoint;
    PbxRestore restore;
    PbxReuse reuse_workers;
    gboolean skip_duplicates; /* no config is run twice */
    gboolean log_to_file;     /* FALSE: to the console */
    PbxTemplate *out, *err;   /* file names; the same object where both go to one */
    char *base_dir;           /* absolute: what relative paths of the file start from */
    char *results_dir;        /* absolute */
    PbxTemplate *trial_name, *trial_dirname; /* NULL: the usual ones */
    PbxTemplate *cwd;                        /* a relative outcome is relative to base_dir */
    GPtrArray *env;                          /* PbxEnvTemplate* */
    GPtrArray *data;                         /* PbxData* */
    gboolean has_seed;
    guint64 seed;             /* a random one where the file has none */
    gboolean has_search_seed; /* `search.seed`, for a search without such an option */
    guint64 search_seed;      /* the seed of the slot "search": `seed` where it has none */
    gboolean durability_full;
    /* How it is run: as the input says, not its document. */
    gboolean replace;      /* the experiment of that name is deleted first */
    gboolean local;        /* C trainables inside the driver, programs at the terminal */
    int verbose;           /* 0..3: how much is printed; -1: what suits a terminal or a pipe */
    PbxSandbox *sandbox;   /* what was compiled lives in it */
    PbxRegistry *registry; /* borrowed */
    PbxDoc *doc;
    GPtrArray *docs;    /* PbxDoc*: what stands in for parts that the file leaves out */
    JsonNode *resolved; /* the spec as experiment.json holds it: defaults filled in,
                           secrets hidden, paths absolute */
} PbxSpec;

void spec_free(PbxSpec *spec);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PbxSpec, spec_free)

/* Where an experiment comes from. */
typedef struct {
    const char *file;        /* path, "-" for standard input, or NULL: the one-line form */
    char **command;          /* the one-line form's words, NULL-ended */
    char **sets;             /* "KEY=VALUE" of --set, NULL-ended, or NULL */
    char **metrics, **modes; /* these override the file's, NULL-ended, or NULL */
    const char *num_samples; /* text, or NULL */
    const char *name, *results_dir;
    gboolean fail_fast;
    /* The spec of the experiment that goes on: it stands for the file where there is none, and
     * keeps the seed and the order of the parameters. NULL: a new one. */
    JsonNode *stored;
    gboolean ask;            /* a trainable may be missing: trials are asked for */
    gboolean replace, local; /* go into the spec as they are, and verbose */
    int verbose;
} PbxSpecInput;

/* The document of an input, with --set applied: what --print-spec writes. NULL with
 * problems. (transfer full) */
PbxDoc *spec_document(const PbxSpecInput *input, PbxProblems *problems);
/* Names of the loggers that the installation adds to every experiment: what they write are files in
 * its directory, which can be made anew. NULL-ended. (transfer full) */
char **spec_auto_loggers(void);
/* What relative paths of an input's document start from. (transfer full) */
char *spec_base_dir(const PbxSpecInput *input);
/* JSON for people: indented, shortest doubles, a newline at the end. For --print-spec,
 * `schema` and experiment.json. (transfer full) */
char *spec_print(JsonNode *root);
/* Checks a document. base_dir: what relative paths in it are relative to. NULL with
 * problems. (transfer full) */
PbxSpec *spec_check(PbxDoc *doc /* (transfer full) */, const char *base_dir, PbxRegistry *registry,
                    PbxProblems *problems);
/* The same for an experiment whose trials are only asked for: its trainable may be missing. */
PbxSpec *spec_check_asked(PbxDoc *doc /* (transfer full) */, const char *base_dir,
                          PbxRegistry *registry, PbxProblems *problems);
/* Document and check. */
PbxSpec *spec_load(const PbxSpecInput *input, PbxRegistry *registry, PbxProblems *problems);

/*
 * What an experiment that goes on cannot change, config, metric, mode, constraints, trainable and
 * seeds, is as in `stored`, its spec as resolved then; each that is not is a problem, and so is a
 * secret, which is not stored, where the spec is the stored one.
 */
void spec_check_unchanged(const PbxSpec *spec, JsonNode *stored, PbxProblems *problems);

/*
 * Creates each decider and sets it up as a run would, then destroys it: what only a
 * plugin can refuse is found. Problems have status 3 where a plugin is at fault.
 */
void spec_try_plugins(const PbxSpec *spec, PbxProblems *problems);

/* Whether it lives in a child process: it, or what it wraps, is isolated or slow. */
gboolean spec_use_in_child(const PbxPluginUse *use);
/* Whether its calls may take seconds, or those of what it wraps. */
gboolean spec_use_is_slow(const PbxPluginUse *use);
guint spec_n_objectives(const PbxSpec *spec);
/* The sign of one of the run's metrics; NULL: it is none of them. */
const int *spec_metric_sign(const PbxSpec *spec, const char *metric);
/* The one that a file names, within the wrappers that its keys mean. */
const PbxPluginUse *spec_use_given(const PbxPluginUse *use);
/* What keys its random numbers, with its slot. */
guint64 spec_seed_of(const PbxSpec *spec, const PbxPluginUse *use);
/* The (first) metric that a slot's losses are made from: the plugin's own (OBJECTIVE options) or
 * the run's; use NULL: the run's. NULL: none is named. */
const char *spec_use_metric(const PbxSpec *spec, const PbxPluginUse *use, int *sign);
/* The problem as a slot sees it (use NULL: the run's). spec must outlive it. (transfer full) */
pbx_problem *spec_problem_new(const PbxSpec *spec, const PbxPluginUse *use);
/* That of a wrapped one gets what its wrapper's has, which may have been altered. */
void spec_problem_within(pbx_problem *problem, const pbx_problem *wrapper);
void spec_problem_free(pbx_problem *problem);
/* Trials that a whole run has: num_samples times the grid's points; -1: without end. */
gint64 spec_total_trials(const PbxSpec *spec);

/* Whether its trials can be saved; what a program can is known once it runs. */
typedef enum { CAN_SAVE_NEVER, CAN_SAVE_PERHAPS, CAN_SAVE_ALWAYS } PbxCanSave;
PbxCanSave spec_can_save(const PbxSpec *spec);
/* `restore` as text that means the same from everywhere. (transfer full) */
char *restore_text(const PbxRestore *restore);

/* $PEGBOX_RESULT_DIR, else ~/pegbox_results; absolute. (transfer full) */
char *spec_default_results_dir(void);

/* The JSON Schema of the experiment file, with every installed plugin's options.
 * (transfer full) */
JsonNode *spec_schema(PbxRegistry *registry);
/* PEGBOX_DATA_NAME, where programs find the path of one of `data`. (transfer full) */
char *spec_data_variable(const char *name);
