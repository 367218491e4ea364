/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of this folder share: the runner, its trials and its workers. */
#pragma once

#include <glib.h>
#include <pegbox/draft/executor.h>
#include <pegbox/logger.h>
#include <pegbox/trainable.h>

#include "clock/clock.h"
#include "decider/decider.h"
#include "experiment/experiment.h"
#include "experiment/slots-private.h"
#include "request/request.h"
#include "spec/spec.h"
#include "status/status.h"
#include "store/store.h"
#include "worker/worker.h"

#define NS_PER_S G_GINT64_CONSTANT(1000000000)

typedef struct PbxRunner PbxRunner;
typedef struct PbxReporter PbxReporter;
typedef struct PbxTally PbxTally;
typedef struct PbxLogging PbxLogging;
typedef struct PbxWorkerSlot PbxWorkerSlot;

/* ---- Trials ---- */

/* How far a trial is that is to pause. */
typedef enum {
    PAUSE_NONE,
    PAUSE_DUE,    /* it failed before: as soon as what is run again has come so far */
    PAUSE_SAVING, /* its worker was asked to save it */
    PAUSE_SAVED,  /* ... and has done so: it is asked to end */
} PbxPause;

struct PbxTrial {
    PbxTrialRow row;       /* what the store has of it */
    PbxAttemptRow attempt; /* the current start */
    JsonNode *config;      /* freed when it has ended */
    JsonNode *view;        /* what templates see as `trial` */
    char *dir;             /* absolute */
    char *err;             /* where the current attempt's stderr goes; NULL: the console */
    PbxWorkerSlot *worker; /* that runs it, or is to */
    GQueue *queue;         /* in which it waits; NULL: in none */
    GList *link;           /* its own there */
    PbxResultRow *last;    /* the last result that was shown */
    double budget;         /* of the last rung that the scheduler named; NaN */
    double told;           /* last value of the reporter's own metric; NaN */
    gint64 told_ns;        /* when its last result was printed; 0: never */
    guint64 shown;         /* n of the last result that was shown */
    char *failing;         /* why it fails once its worker is done with it */
    gint ending;           /* PBX_END_* that it has once its worker has saved it; -1: not yet */
    char *end_reason;      /* ... for this reason, or NULL */
    PbxPause pause;
    gboolean pause_by_user; /* not by the scheduler */
    guint64 pause_n;        /* the result that the scheduler decided upon */
    gboolean kept;          /* PAUSED, but its worker has it still: it cannot be saved */
    GPtrArray *behind;      /* results that came since it is to pause; NULL: none */
    guint64 restoring;      /* id of what its worker is to go on from, until it says so; 0: none */
    guint64 suspect;        /* the same of the attempt before, whose worker died over it */
    guint silent;           /* attempts in a row that gave no report */
    gint64 rests_until_ns;  /* before its next attempt */
    gboolean ended;         /* its end is stored; nothing more enters */
    gboolean forgotten;     /* trial_forget: the row has not all of its texts */
    gboolean asked;         /* somebody has asked for it, and is to tell its results */
    struct PbxVoiding *voiding; /* the search is being told that it is void */
    gboolean row_dirty, attempt_dirty;
    struct PbxJudging
        *judging;  /* it waits for what is said of its last result; NULL: it does not */
    gboolean deaf; /* what its worker reports is let go, and comes again */
};

/* ---- queue.c: those that wait ---- */

/* It begins to wait, behind all others. */
void queue_add(PbxRunner *runner, PbxTrial *trial);
/* It waits as before, where it was. */
void queue_return(PbxRunner *runner, PbxTrial *trial);
/* It begins to wait, but no sooner than that. */
void queue_rest(PbxRunner *runner, PbxTrial *trial, gint64 until_ns);
/* Takes it off whatever queue it is in. */
void queue_remove(PbxTrial *trial);
/* Whether the scheduler may pick it. */
gboolean queue_is_choice(const PbxRunner *runner, const PbxTrial *trial);
/* The numbers of those, the oldest first; !room: only those that need no worker. How many. */
guint queue_list(const PbxRunner *runner, gboolean room, guint64 *trials, guint max);

/* ---- pause.c ---- */

/* Whether a PAUSED trial waits for a person, not for the scheduler. */
gboolean pause_is_users(const PbxTrial *trial);
/* The scheduler's decision on result n. */
void pause_begin(PbxRunner *runner, PbxTrial *trial, guint64 n);
/* A person's wish for one that runs. */
void pause_ask(PbxRunner *runner, PbxTrial *trial);
/* ... is taken back, where it is not too late. */
void pause_unask(PbxTrial *trial);
/* What its worker says of the save. */
void pause_saved(PbxRunner *runner, PbxTrial *trial, gboolean ok, const char *why);
/* Its worker is done with it: whether it pauses now. */
gboolean pause_ended(PbxRunner *runner, PbxTrial *trial);
/* It failed instead; then whether what it has saved is enough, so that it pauses now. */
void pause_failed(PbxRunner *runner, PbxTrial *trial);
gboolean pause_settle(PbxRunner *runner, PbxTrial *trial);
/* Result n has come again: whether it pauses at it. */
gboolean pause_is_due(PbxRunner *runner, PbxTrial *trial, guint64 n);
/* It ends, or waits for another run of the experiment. */
void pause_forget(PbxRunner *runner, PbxTrial *trial);
/* Keeps what came since a trial is to pause. FALSE: it is not to, and the result enters. */
gboolean pause_holds_back(PbxTrial *trial, const PbxWorkerMessage *message);
/* One that was kept with its worker goes on. */
void pause_go_on(PbxRunner *runner, PbxTrial *trial);
/* One that a person has paused waits for a worker. */
void pause_let_go(PbxRunner *runner, PbxTrial *trial);
/* Whether nothing runs, nor will by itself. */
gboolean pause_is_idle(const PbxRunner *runner);
/* The scheduler has picked nothing then: PAUSED trials are stopped. */
void pause_idle(PbxRunner *runner, gboolean room);
/* A trial that ran when its driver ended: whether it was to pause. FALSE with error. */
gboolean pause_restore(PbxRunner *runner, PbxTrial *trial, GError **error);

/* restore.c: a trial of the store in memory, with its last start and result. Takes the row. NULL
 * with error. (transfer full) */
PbxTrial *trial_restore(PbxRunner *runner, PbxTrialRow *row, GError **error);
/* All trials and what is counted of them, for a driver: those that have not ended whole, and in
 * their queues; `left` (PbxTrial*): those that a driver left RUNNING, or before they paused. */
gboolean runner_restore(PbxRunner *runner, GPtrArray *left, GError **error);
/* What is counted of events and asks. */
void runner_restore_counts(PbxRunner *runner);
/* A driver is gone that ran it: it waits again, no failure, unless its end was decided. */
void trial_left(PbxRunner *runner, PbxTrial *trial);
/* Without a driver: a trial of the runner, read when first asked for. */
PbxTrial *runner_restored(PbxRunner *runner, guint64 number, GError **error);
/* All of these are let go, and those from number n_before on. */
void runner_forget(PbxRunner *runner, guint n_before);
/* retell.c: tells the new instance of the search all trials, in order. */
gboolean search_retell(PbxRunner *runner, GError **error);
/* Makes its directory, where anything may be written there. */
gboolean trial_make_directory(const PbxRunner *runner, const PbxTrial *trial, GError **error);
/* Makes the next trial at a point; names it. Takes x and config. */
PbxTrial *trial_new(PbxRunner *runner, double *x, JsonNode *config, GError **error);
void trial_free(PbxTrial *trial);
/* Takes back the newest trial, of which nothing else knows yet. */
void trial_drop(PbxRunner *runner, PbxTrial *trial);
/* The one place where a trial changes its state. Tells search and scheduler. */
void trial_set_state(PbxRunner *runner, PbxTrial *trial, guint state, guint why);
/* Marks its row (and attempt) to be stored with the next commit. */
void trial_touch(PbxRunner *runner, PbxTrial *trial);
/* Stores the row of its current start now. */
void trial_store_attempt(PbxRunner *runner, PbxTrial *trial);
/* What a template of this trial sees. Borrowed from both. */
PbxTemplateContext trial_context(const PbxRunner *runner, const PbxTrial *trial);
/* Frees what an ended trial no longer needs. */
void trial_slim(PbxTrial *trial);
/* ... and of one that is stored also the texts of its row that are rarely looked at: an experiment
 * may have 100,000 of them. */
void trial_forget(PbxRunner *runner, PbxTrial *trial);
/* Reads them back; trial_touch does so too. */
void trial_recall(PbxRunner *runner, PbxTrial *trial);
/* Its config, wherever that is; NULL where the store has none that can be read. (transfer full) */
JsonNode *trial_config(const PbxRunner *runner, const PbxTrial *trial);

/* naming.c */
char *naming_experiment(const char *results_dir, const PbxSpec *spec, GError **error);
gboolean naming_trial(PbxRunner *runner, PbxTrial *trial, GError **error);
/* What templates see as `trial`, from the names that its row has. */
void naming_show(const PbxRunner *runner, PbxTrial *trial);

/* ---- Workers ---- */

typedef enum {
    WORKER_STARTING, /* launched, no handshake yet */
    WORKER_IDLE,
    WORKER_BUSY,
    WORKER_LEAVING, /* told to end, or broken: waits for its exit */
} PbxWorkerState;

struct PbxWorkerSlot {
    PbxRunner *runner;
    PbxWorkerLink *link;
    GThread *thread;   /* --local: it is one, no process; else NULL */
    char *name;        /* of its launch */
    char *program_dir; /* of its program's socket, or NULL */
    char *hostname, *node_ip;
    gint64 pid;
    PbxWorkerState state;
    PbxTrial *trial;         /* that it runs, or is to */
    char *broken;            /* why the channel broke, where that was an error */
    char *death;             /* how its process ended */
    gboolean killed;         /* from outside, not by what it did */
    gboolean closed, exited; /* the channel; the process */
    gboolean kill_sent;
    gboolean fatal;               /* what broke it is no fault of its trial */
    struct PbxAction *answer;     /* that waits for the commit; NULL: none */
    PbxTimer *timer;              /* start-up grace, or the patience after a stop */
    PbxTimer *limit;              /* when to look whether its trial is past one of the limits */
    gint64 began_ns, reported_ns; /* of the clock: the attempt, its last report */
    gint64 held_ns;               /* since when its trial is kept without running; 0: it runs */
    guint64 n_results;            /* n of the last that came */
    gboolean stopping;            /* its trial was told to stop */
    gboolean saving;              /* it saves its trial: no patience runs out */
};

/* Assigns a worker to a chosen trial; the run begins with the commit. */
gboolean workers_assign(PbxRunner *runner, PbxTrial *trial, GError **error);
/* Asks the worker of a trial to end its run, saved before where `save`, and sees to it that it
 * does. */
void workers_stop_run(PbxRunner *runner, PbxTrial *trial, gboolean save);
/* The answer to result n and all before it, sent with the commit. */
void workers_answer(PbxRunner *runner, PbxTrial *trial, guint64 n, gboolean stop, gboolean save);
/* Asks the worker of a trial to save it now. */
void workers_save(PbxRunner *runner, PbxTrial *trial);
/* Sends what waits for the commit. */
void workers_act(PbxRunner *runner);
/* Takes what the executor has posted since. */
void workers_take_posts(PbxRunner *runner);
/* Says good-bye to all and waits until they are gone; kill: at once. */
void workers_close(PbxRunner *runner, gboolean kill);
gboolean workers_open(PbxRunner *runner, GError **error);
/* Directories of programs' sockets that another driver of this experiment has left. */
void workers_sweep(PbxRunner *runner);
void worker_slot_free(PbxWorkerSlot *worker);
guint workers_busy(const PbxRunner *runner);

/* ---- Where a result enters, where a trial ends ---- */

void result_enter(PbxRunner *runner, PbxTrial *trial, const PbxWorkerMessage *message);
/* Why a result would fail its trial at once, for want of a metric; NULL: it would not.
 * (transfer full) */
char *result_refusal(PbxRunner *runner, const PbxTrial *trial, const PbxWorkerMessage *message);
/* Ends a trial for good: hooks, store, event. end: PBX_END_*. */
void end_trial(PbxRunner *runner, PbxTrial *trial, guint end, const char *reason);
/* Fact: why the whole experiment stopped, where a trial ends by that once it is saved. */
#define END_STOPPED_BY "stopped_by"
/* The same once its worker has saved it, where the file asks for that: it is told to stop, unless
 * `told`. */
void end_saved(PbxRunner *runner, PbxTrial *trial, guint end, const char *reason, gboolean told);
/* Its trainable is done, and its last checkpoint is that of its end: it would do more, were it
 * begun from there. It ends with its worker, whatever becomes of that. */
void end_done(PbxRunner *runner, PbxTrial *trial);
/* How a trial ended, without its last result. */
pbx_outcome end_outcome(const PbxRunner *runner, const PbxTrial *trial);
/* One slot is told of a trial's end, with its last result (NULL: none). flags: of the outcome. */
void end_tell(PbxRunner *runner, PbxSlot *slot, PbxCallId id, PbxTrial *trial, PbxView *last,
              guint32 flags);
/* A trial failed: retried, or ended FAILED. */
void end_failed(PbxRunner *runner, PbxTrial *trial, const char *message);
/* Its run is over without it: it waits for another run of the experiment. */
void end_interrupted(PbxRunner *runner, PbxTrial *trial);
/* It cannot run on this host now, which is no failure of it: it waits for another run of the
 * experiment, and this one ends with the message. */
void end_hindered(PbxRunner *runner, PbxTrial *trial, const char *message);
/* Those that have rested wait again. */
void end_rests(PbxRunner *runner);
/* asked.c: nobody runs it elsewhere any more. */
void asked_over(PbxRunner *runner, PbxTrial *trial);
/* Its worker is done with it, however. */
void end_of_run(PbxRunner *runner, PbxTrial *trial, const PbxWorkerMessage *message);

/* remove.c: takes the lock of a directory and deletes the experiment there, if there is one; the
 * lock is held throughout. NULL: it cannot be, or is not deleted whole. */
PbxLock *remove_for_another(const char *dir, GError **error);

/* propose.c: asks the search for trials and the scheduler for the next. */
void propose_fill(PbxRunner *runner);
/* A trial that was made waits to be run: the scheduler is told, and the store. FALSE: the run
 * cannot go on. */
gboolean propose_added(PbxRunner *runner, PbxTrial *trial);
/* The search gives no more trials. */
void propose_exhausted(PbxRunner *runner);
/* The trial that comes next, taken off the queue; NULL: not now, or (`exhausted`) never. !room: of
 * those that need no worker. */
PbxTrial *propose_next(PbxRunner *runner, gboolean room);

/* ---- duplicates.c: with duplicates "skip", which configs have trials ---- */

/* The first trial of a config, whether it has run or is to. NULL: none, or duplicates run. */
const PbxTrial *duplicates_find(PbxRunner *runner, JsonNode *config);
void duplicates_add(PbxRunner *runner, PbxTrial *trial);
/* Its config may run again. */
void duplicates_remove(PbxRunner *runner, const PbxTrial *trial);
/* Tells the search that its point was not made a trial. FALSE: the run cannot go on. */
gboolean duplicates_skip(PbxRunner *runner, const pbx_suggestion *suggestion,
                         const PbxTrial *earlier);

/* ---- The runner ---- */

struct PbxRunner {
    PbxSpec *spec;
    PbxRegistry *registry;
    char *name, *dir;   /* dir: absolute, of the experiment */
    JsonNode *data;     /* of each object of `data` its file; NULL: there are none */
    char *id;           /* experiment_id: 32 hex digits */
    char *id_prefix;    /* of trial ids: 5 hex digits, from the seed */
    PbxSeed trial_seed; /* of $sample_from's rand() */
    PbxClock *clock;
    GMainContext *context;
    GThread *thread; /* the loop's */
    PbxStore *store;
    PbxLock *lock;
    PbxRequests *requests; /* NULL: none are taken */
    GPtrArray *answers;    /* those that wait for the commit */
    GQueue deferred;       /* PbxRequest* that wait until the search has given its point */
    guint64 seq;           /* of the last event */
    guint64 n_inputs;      /* the number of the last one, see inputs.c */
    gboolean outside;      /* no driver: no loop, workers, loggers or reporter (outside.c) */
    GArray *restored;      /* guint64: with it, trials that were read from the store */

    PbxSlot *search, *scheduler;
    GPtrArray *stoppers; /* PbxSlot* */
    PbxInstance *executor;
    PbxLogging *logging;
    PbxReporter *reporter;
    PbxStatusOptions *report; /* what the reporter was asked to show */
    PbxTally *tally;          /* what it knows of all trials */

    GPtrArray *trials;    /* PbxTrial*, by number */
    GPtrArray *dirty;     /* PbxTrial* to be stored */
    GQueue waiting;       /* PENDING ones without a worker, oldest first */
    GQueue resting;       /* ... and those that wait no sooner than their rests_until_ns */
    GQueue paused;        /* PAUSED ones that the scheduler may pick, oldest first */
    GQueue parked;        /* PENDING and PAUSED ones that wait for a person */
    gboolean held;        /* by a person: nothing starts */
    guint n_kept;         /* PAUSED ones with their worker */
    GArray *saved;        /* guint64: trials with new checkpoints since the last commit */
    gboolean log_damaged; /* what the store does not know may be what it has lost */
    gboolean warned_kept, warned_bytes, warned_unsaved; /* that was said */
    guint64 counts[PBX_N_STATES];
    guint64 asks;                 /* suggests that gave a point */
    struct PbxAsking *asking;     /* a suggest that is under way; NULL: none */
    struct PbxChoosing *choosing; /* a choose; NULL: none */
    PbxTrial *picked;             /* what it picked, if it waits still; NULL: none */
    guint n_judging;              /* trials that wait for what is said of a result */
    GPtrArray
        *unjudged; /* PbxJudging*: what is said of these does not matter, or is not done yet */
    pbx_suggestion *unused; /* a point that was suggested to a driver that was killed; NULL: none */
    JsonNode *budgets;      /* budgets.c; NULL: not read yet */
    GHashTable *configs;    /* with duplicates "skip": a trial's row.config to PbxTrial* */
    guint64 skipped;        /* points that were duplicates */
    guint64 enqueued;       /* trials that were added by hand: they are none of num_samples */
    guint skipped_in_a_row;
    gint64 total;       /* trials in all; -1: unknown */
    gboolean exhausted; /* the search gives no more */
    gint64 again_ns;    /* suggest answered AGAIN: not asked before; 0: ask */
    gint64 starved_ns;  /* since when AGAIN with nothing alive; 0: not */

    guint slots; /* trials at once */
    double total_cpu;
    guint64 total_memory;
    GPtrArray *workers;     /* PbxWorkerSlot* */
    GPtrArray *asked;       /* PbxTrial* that somebody asked for and runs elsewhere */
    guint64 n_workers;      /* launched so far */
    GPtrArray *actions;     /* what waits for the commit */
    gboolean needs_dirs;    /* trials' directories are made before they run */
    gboolean many_runs;     /* the trainable runs trial after trial in one process */
    gboolean runs_programs; /* of its own, which it ends itself */
    guint64 window;         /* how far a worker may run ahead: see PbxWorkerRun */
    double window_s, gather_s;
    gboolean inside; /* --local: its worker is a thread of this process */

    GHashTable *dirnames; /* char*: directories that trial_dirname gave */
    char *first_words;    /* the end of the first failed trial's stderr */

    gboolean *constraints_failed; /* of each, whether it was said that it cannot be evaluated */

    gboolean any_report; /* some trial reported, or ended well */
    guint64 n_deaths;    /* trials that failed before one report */
    gboolean stopping;   /* no new trials; running ones end at their next report */
    gboolean abandoned;  /* ... but what has not ended stays PENDING, for another run */
    char *stop_reason;
    guint interrupts; /* signals so far */
    gboolean finished;
    PbxExperimentEnd end; /* as it was when it finished: later signals only hurry */
    GSource *turn;        /* scheduled, or NULL */
    gint64 turn_us;       /* monotonic: since when */
    PbxTimer *tick;
    GError *fatal;     /* the run cannot go on */
    GError *hindrance; /* nor can it, once what runs has ended */
    gint64 started_ns; /* of the clock */
    gint64 warn_ns;    /* PEGBOX_WARN_THRESHOLD_S */
    gint64 durable_ns; /* when commits were made durable last */
    GMutex post_lock;  /* executor's posts come from its threads */
    GQueue posts;
};

/* Begins a transaction where none is open, and sees that a turn follows. */
void runner_touch(PbxRunner *runner);
void runner_schedule(PbxRunner *runner);
/* Sees to it that the turn comes in time where messages come without end. */
void runner_hurry(PbxRunner *runner);
/* The first fatal error; takes it. */
void runner_fail(PbxRunner *runner, GError *error);
/* What is committed would survive a power cut. FALSE: not yet, which is said; or nobody knows any
 * more, and the run cannot go on. */
gboolean runner_make_durable(PbxRunner *runner);
/* Turns a plugin's error into one of an experiment that cannot go on: exit 4. */
void runner_name_broken(GError *error);
/* All that is new but for events and results, which are stored at once: in the transaction. */
gboolean runner_store(PbxRunner *runner, GError **error);
/* Asks the stoppers whether the whole experiment is to stop. FALSE: one takes its time, and nothing
 * is to begin meanwhile. */
gboolean runner_ask_stoppers(PbxRunner *runner);
/* Records an event; its seq. */
guint64 runner_event(PbxRunner *runner, guint type, const PbxTrial *trial, const char *text);
/* Ends the experiment as a signal does: the first time what runs is asked to end, and can go on in
 * another run, and `line` says so. */
void runner_interrupt(PbxRunner *runner, const char *line);
/* No new trials from now on. */
void runner_stop_all(PbxRunner *runner, const char *reason);
/* A whole number or seconds of an environment variable, else the fallback. */
double runner_env(const char *name, double fallback);
/* Calls func in the loop's thread: now where this is it. */
void runner_invoke(PbxRunner *runner, GSourceFunc func, gpointer data, GDestroyNotify free_data);
/* Log lines of plugins and of the runner; any thread. */
const char *runner_level_name(int level); /* "warning" */
void runner_log(const char *slot, int level, const char *message, gpointer user);
/* The same about one trial (NULL: none): goes to its stderr file too. Loop's thread. */
void runner_log_trial(PbxRunner *runner, const PbxTrial *trial, int level, const char *message);
gint64 runner_wall(const PbxRunner *runner);
/* A thread outlives the experiment: see experiment_left_threads. */
void runner_leave_thread(void);

/* open.c: the parts of runner_open. A runner without anything but its spec; */
PbxRunner *runner_new(PbxSpec *spec, PbxRegistry *registry);
/* the same without a loop, for outside.c; */
PbxRunner *runner_new_outside(PbxSpec *spec, PbxRegistry *registry);
/* its search, scheduler and stoppers, new and set up; */
gboolean runner_open_deciders(PbxRunner *runner, GError **error);
/* its directory, lock and store, with the first event; how many trials there will be. */
gboolean runner_create(PbxRunner *runner, GError **error);
void runner_ask_total(PbxRunner *runner);

/* The facts of a run that begins, in its transaction, and experiment.json. */
gboolean runner_store_facts(PbxRunner *runner, gboolean again, GError **error);
gboolean runner_write_spec(PbxRunner *runner, GError **error);

/* Facts: the driver's clock, once a second; the wall clock when its clock was 0. */
#define RESUME_CLOCK       "clock_ns"
#define RESUME_CLOCK_BEGAN "clock_began_ns"

/* predecessors.c: until no worker of another driver is at any of these trials. FALSE with error:
 * one does not end. */
gboolean predecessors_wait(PbxRunner *runner, const GPtrArray *left, GError **error);

/* resume.c: an experiment that is there, as it was left. */
struct PbxResume {
    char *dir; /* absolute */
    PbxLock *lock;
    PbxStore *store;
    JsonNode *spec;  /* as resolved then */
    gboolean killed; /* its last driver did not end by itself */
    guint64 lost;    /* commits, at least, behind what is damaged in its log */
    PbxResumeOptions options;
};
/* clock_now when it was left. */
gint64 resume_clock(const PbxResume *resume);
/* The runner, made ready but for its store, takes it over: all that it knew is known again. */
gboolean resume_restore(PbxRunner *runner, PbxResume *resume, GError **error);

/* open.c: the runner made ready, and taken down. `resume` (NULL: a new one) is the caller's, less
 * what was taken from it. NULL: it cannot start. */
PbxRunner *runner_open(PbxSpec *spec, PbxRegistry *registry, PbxResume *resume, GError **error);
void runner_close(PbxRunner *runner);

/* resources.c */
gboolean resources_open(PbxRunner *runner, GError **error);
/* OMP_NUM_THREADS and its like, added where neither env nor the driver's sets them. */
void resources_environment(const PbxRunner *runner, GPtrArray *env);

/* steer-pause.c: whether a person holds the experiment, as the store has it. */
void steer_load_held(PbxRunner *runner);
/* data.c: the files of `data`, made and known again, in a transaction. */
gboolean data_open(PbxRunner *runner, GError **error);
/* PEGBOX_DATA_NAME=PATH for each. */
void data_environment(const PbxRunner *runner, GPtrArray *env);

/* steer.c: what other processes ask of the driver. */
void steer_open(PbxRunner *runner);
void steer_tick(PbxRunner *runner);
/* Takes requests that had to wait, if they need not any more. */
void steer_turn(PbxRunner *runner);
/* Sends the answers that waited for the commit. */
void steer_act(PbxRunner *runner);
/* Refuses what is unanswered. */
void steer_close(PbxRunner *runner, const char *reason);

/* logging.c: a thread for each logger, fed from the store. */
/* Makes the loggers and sets them up; nothing is there to be read or written yet. */
PbxLogging *logging_new(PbxRunner *runner, GError **error);
gboolean logging_start(PbxLogging *logging, GError **error); /* the store is there: threads run */
/* Those of an experiment that goes on, in its transaction; `stored`: its spec of before. */
gboolean logging_restore(PbxRunner *runner, JsonNode *stored, GError **error);
void logging_wake(PbxLogging *logging, guint64 seq);        /* committed up to seq */
void logging_store(PbxRunner *runner, PbxLogging *logging); /* cursors, with the commit */
void logging_settled(PbxLogging *logging);                  /* the last commit is made */
void logging_close(PbxLogging *logging); /* drains, flushes, joins the threads; runs the loop */
void logging_free(PbxLogging *logging);

/* checkpoints-kept.c: after a commit, what was saved is durable, and what is not kept goes. */
void checkpoints_settle(PbxRunner *runner);

/* failure.c: error.txt and the words for it. */
void failure_write(PbxRunner *runner, PbxTrial *trial, const char *message);
char *failure_tail(const PbxTrial *trial, guint lines); /* (transfer full) of stderr, or NULL */

/* reporter.c: what a person sees meanwhile and at the end. */
PbxReporter *reporter_new(PbxRunner *runner);
void reporter_free(PbxReporter *reporter);
void reporter_tick(PbxReporter *reporter); /* redraws, if it is time */
void reporter_line(PbxReporter *reporter, const PbxTrial *trial, gboolean is_stderr,
                   const char *text);
void reporter_message(PbxReporter *reporter, int level, const char *text); /* to stderr */
/* Its last result is in; it has ended; an attempt of it failed. */
void reporter_result(PbxReporter *reporter, PbxTrial *trial);
void reporter_ended(PbxReporter *reporter, PbxTrial *trial);
void reporter_failed(PbxReporter *reporter, PbxTrial *trial, const char *message, gboolean again);
/* What only the driver knows goes to the store, for those who look from elsewhere: about once a
 * second with a commit, by a tick where nothing else is committed, and at the end. */
typedef enum { REPORTER_COMMIT, REPORTER_TICK, REPORTER_LAST } PbxReporterWhen;
void reporter_store(PbxReporter *reporter, PbxReporterWhen when);
void reporter_finish(PbxReporter *reporter, PbxExperimentEnd end);
