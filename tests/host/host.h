/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A host for tests of plugins: loads the module that the test is given, checks options
 * as core does, keeps log lines and files in memory, has a clock that stands still, and
 * makes problems and results from JSON text.
 */
#pragma once

#include <glib.h>
#include <pegbox/logger.h>
#include <pegbox/scheduler.h>
#include <pegbox/search.h>
#include <pegbox/services.h>
#include <pegbox/stopper.h>
#include <pegbox/trainable.h>

#include "expression/expression.h"
#include "plugin/plugin.h"

#define TEST_SECOND G_GINT64_CONSTANT(1000000000)

/* The one trial of a trainable. */
typedef struct {
    char *dir;          /* the trial's, removed in the end */
    char *cwd;          /* the same at first */
    char *out, *err;    /* NULL at first: lines are in `lines` */
    char **env;         /* of a program */
    GString *reports;   /* a line of canonical JSON each */
    GString *lines;     /* "out text\n", "err text\n" */
    guint64 n_reports;  /* over the protocol too; the program sees each as a file heard-N */
    guint64 stop_after; /* this report is answered by "stop"; 0: none */
    gboolean stop_when_polled, is_gone;
    guint n_polls;  /* how often it was asked for an answer */
    int poll_fd;    /* the test's; -1 */
    int program_fd; /* the test's: each byte is a report; -1 */
    gint64 pid;     /* as program_started told it */
    /* The rest is the host's own. */
    gboolean stop;
    pbx_session_info info;
    JsonNode *config, *view;
    char **metrics;
    GHashTable *parameters;
    GPtrArray *texts;
} PbxTestSession;

typedef struct PbxTestHost PbxTestHost;

/* What a wrapper wraps. */
typedef struct {
    PbxChildren *service; /* NULL: nothing */
    GPtrArray *list;      /* the host's own */
} PbxTestChildren;

/* An instance of the plugin and all that it sees. */
struct PbxTestHost {
    pbx_instance *self;
    gconstpointer vtable; /* pbx_search, pbx_stopper, ... */
    const pbx_host *abi;
    pbx_error error;   /* for calls */
    GString *log;      /* "warning: text\n" ... */
    GHashTable *files; /* "TRIAL/NAME" -> GString */
    guint n_replaced;  /* files/1 replace */
    pbx_status refuse; /* what files/1 answers to a write; PBX_OK: it writes */
    GString *calls;    /* those of a wrapped search: "suggest 0 ask 0\n" ... */
    pbx_status answer; /* of a wrapped search to suggest; PBX_OK: as the plugin says */
    guint64 counts[PBX_N_STATES];
    pbx_problem problem;
    PbxSpace *space;
    pbx_suggestion suggestion; /* the last of test_suggest */
    PbxTestSession session;
    /* The rest is the host's own. */
    PbxInstance *instance;
    PbxTestChildren children;
    PbxOptions *options;
    PbxSandbox *sandbox;
    PbxClock *clock;
    GPtrArray *objectives; /* pbx_objective */
    GPtrArray *kept;       /* memory of results, freed at the end */
    GPtrArray *nodes;      /* JsonNode, the same */
    GPtrArray *outcomes;   /* of `kept` */
    GHashTable *asks;      /* of wrapped searches: slot to guint64 */
    guint64 seq;
    gboolean is_set_up;
};

/* Before anything else in main, in place of g_test_init: takes the module's path, the
 * first argument that is no option. */
void test_host_init(int *argc, char ***argv);
/* Instances that are made from now on are of this module. */
void test_host_module(const char *path);

/* One more service for instances made from now on; `user` as host_add_service has it. */
void test_host_add_service(const char *id, gconstpointer table, gpointer user);

/* The experiment's seed, for instances made from now on; 7 at first. */
void test_host_seed(guint64 seed);

/* An instance with these options (a JSON object's text), or the test fails. */
PbxTestHost *test_host_new(const char *options);
/* Why the options are refused, by the table or by the plugin; NULL: they are not.
 * (transfer full) */
char *test_host_refusal(const char *options);
void test_host_free(PbxTestHost *host);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PbxTestHost, test_host_free)

/*
 * Calls setup with the space of a config (NULL: an empty one), objectives as "loss:min
 * accuracy:max" (NULL: none), and num_samples. The status; host->error tells more.
 */
pbx_status test_host_setup(PbxTestHost *host, const char *config, const char *objectives,
                           gint64 num_samples);
/* Saves, makes a new instance (with all that it wraps), sets it up, loads; both save the same
 * bytes, which are given back (transfer full). Then the new one is host->self. */
GBytes *test_host_reload(PbxTestHost *host);
/* Loads into the instance of `to` what `from` saves. */
pbx_status test_host_load(PbxTestHost *to, PbxTestHost *from);

/* Whether the host wants calls to be given up. */
void test_host_cancel(PbxTestHost *host, gboolean cancel);

/* Open descriptors of this process, the one that looks included. */
guint test_count_descriptors(void);

void test_host_advance(PbxTestHost *host, gint64 ns);

/*
 * A result of a trial; `fields` is a JSON object's text, to which training_iteration and
 * trial_id are added. Losses and watched fields are made as core makes them. Valid
 * until the host ends.
 */
const pbx_result *test_result(PbxTestHost *host, guint64 trial, gint64 iteration,
                              const char *fields);
/* How a trial ended (PBX_END_*); last may be NULL. Valid until the host ends. A wrapper is given
 * the newest of a trial again by children/1. */
const pbx_outcome *test_outcome(PbxTestHost *host, guint64 trial, guint32 end,
                                const pbx_result *last);
/* A trial as loggers see it, with the config as text. Valid until the host ends. */
const pbx_trial *test_trial(PbxTestHost *host, guint64 number, const char *config);
/* What a file holds, or NULL. */
const char *test_file(PbxTestHost *host, guint64 trial, const char *name);
/* Gives one event to a logger: a result's, or, with result NULL, the trial's of that type. */
pbx_status test_event(PbxTestHost *host, guint32 type, const pbx_trial *trial,
                      const pbx_result *result);

/* The metrics that the experiment names, parted by blanks; none at first. */
void test_session_metrics(PbxTestHost *host, const char *names);
/* The trial's config, whose keys are the parameters; {} at first. */
void test_session_config(PbxTestHost *host, const char *config);
/* Calls run for the trial, with reports and lines empty. host->error tells more. */
pbx_status test_run(PbxTestHost *host);

/* What wrapped searches were called with since the last look. (transfer full) */
char *test_calls(PbxTestHost *host);
/* The point of an ask, with what is not filled in at 123456. */
pbx_status test_suggest(PbxTestHost *host, guint64 ask, double *x);

/* Of searches that learn: spaces, of which the last has every operator. */
#define TEST_MAX_DIMS 256
#define TEST_ONE_DIM  "{\"x\": {\"$uniform\": [0, 1]}}"
#define TEST_TWO_DIM  "{\"x\": {\"$uniform\": [0, 1]}, \"y\": {\"$loguniform\": [1e-4, 1]}}"
#define TEST_OPERATORS                                                                             \
    "{\"a\": {\"$uniform\": [-1, 1]}, \"b\": {\"$quniform\": [0, 0.9, 0.3]}, "                     \
    "\"c\": {\"$loguniform\": [1e-10, 0.1]}, \"d\": {\"$qloguniform\": [0.5, 2, 0.5]}, "           \
    "\"e\": {\"$randn\": [3, 2]}, \"f\": {\"$qrandn\": [0, 1, 0.5]}, \"g\": {\"$randint\": 4}, "   \
    "\"h\": {\"$qrandint\": [0, 10, 5]}, \"i\": {\"$lograndint\": [1, 100]}, "                     \
    "\"j\": {\"$qlograndint\": [2, 8, 2]}, \"k\": {\"$choice\": [\"x\", "                          \
    "{\"type\": \"y\", \"eps\": {\"$loguniform\": [1e-9, 1e-6]}, "                                 \
    "\"in\": {\"$choice\": [{\"p\": {\"$uniform\": [0, 1]}}, 2]}}, [{\"$randint\": 3}, 1]]}}"

/* An instance that was set up with these options and config, without end; "loss" is minimised. */
PbxTestHost *test_search_host(const char *options, const char *config);
/* The point of the suggestion of that number, for the trial of the same, as core takes it. */
void test_ask(PbxTestHost *host, guint64 number, double *x);
/* The same; FALSE: the search is done. */
gboolean test_ask_or_done(PbxTestHost *host, guint64 number, double *x);
/* A trial ends so, with that loss; NaN: without a result. PBX_NONE: it is of another experiment, or
 * the duplicate that was suggested last. Not for wrappers, which want a result of the host's. */
void test_end(PbxTestHost *host, guint64 trial, const double *x, guint32 how, double loss);
void test_end_with(PbxTestHost *host, guint64 trial, const double *x, guint32 how,
                   const pbx_result *last);
/* It is complete. */
void test_tell(PbxTestHost *host, guint64 trial, const double *x, double loss);
void test_adopt(PbxTestHost *host, guint64 trial, double *x, guint32 flags, guint64 origin);
/* The loss of a bowl whose middle is at `middle` of each parameter's unit interval. */
double test_bowl(PbxTestHost *host, const double *x, double middle);
/* Both suggest the same. */
void test_assert_same(PbxTestHost *a, PbxTestHost *b, guint64 number);
/* What the plugin says of itself. (transfer full) */
char *test_description(PbxTestHost *host);

/* A search set up for so many parameters of $uniform [0, 1], with coordinates in their order. */
PbxTestHost *test_uniform_host(const char *options, guint n_dims, gint64 num_samples);
/* What holds for each search that fills a space evenly, whatever is told, with these options:
 * every kind of domain, conditions, the seed, no parameter and 2000. */
void test_even_search(const char *options);
/* Each of n equal parts of each range has one of n points from `first` on. */
void test_even_parts(PbxTestHost *host, guint64 first, guint n);
/* How far the mean over n points of prod(1 + (x_i - 1/2) / i^2) is from 1. */
double test_even_error(PbxTestHost *host, guint n);
