/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The worker process: its channel to the driver, the run under way, what it gives to trainables. */
#pragma once

#include <sys/types.h>

#include <pegbox/trainable.h>

#include "checkpoint/checkpoint.h"
#include "plugin/plugin.h"
#include "worker/worker-private.h"

#define WORKER_CHANNEL_FD 3

/* ---- channel.c: blocking frames to and from the driver ---- */

typedef struct {
    int fd;
    GByteArray *in; /* of the main thread */
    gsize in_at;
    int gone;          /* atomic: the driver has closed */
    GMutex lock;       /* of all that follows */
    GByteArray *out;   /* queued */
    GByteArray *sent;  /* being sent while `sending`, without the lock */
    gboolean sending;  /* one thread at a time */
    gint64 send_at_us; /* monotonic: when the sender has to send what is queued; 0: not */
    GCond due, idle;   /* it has something to send; nobody sends */
    gboolean closing;
    GThread *sender; /* NULL: there was never anything left for it */
} PbxChannel;

void channel_init(PbxChannel *channel, int fd);
/* The thread that reads; nobody uses it any more. */
void channel_close(PbxChannel *channel);
void channel_queue(PbxChannel *channel, GString *message); /* any thread; frees the message */
void channel_flush(PbxChannel *channel);                   /* any thread; blocks */
/* Sends what is queued within so long, whatever the calling thread does then. Waits only where
 * too much is queued already. */
void channel_send_within(PbxChannel *channel, gint64 us);
gboolean channel_is_gone(PbxChannel *channel);
/* Any thread; never blocks: a small message that is lost where the driver does not read, and
 * waits where others do. Frees it. */
void channel_try(PbxChannel *channel, GString *message);
/* The next message (transfer full). 1: there is one; 0: none yet (not with `wait`); -1: error. */
int channel_read(PbxChannel *channel, gboolean wait, JsonObject **message, GError **error);

/* ---- ahead.c: how far a run is ahead of the driver ---- */

typedef struct {
    guint64 window;   /* results that may be unanswered; 0: lockstep */
    gint64 max_ns;    /* how old the oldest of them may become */
    guint64 n, acked; /* reported; answered */
    gint64 *at_ns;    /* a ring: monotonic, when each of the unanswered was reported */
    guint64 size;
} PbxAhead;

void ahead_clear(PbxAhead *ahead);
/* One more result. */
void ahead_report(PbxAhead *ahead, gint64 now_ns);
/* n and all before it are answered. */
void ahead_answer(PbxAhead *ahead, guint64 n);
/* Whether the trainable must wait for an answer. */
gboolean ahead_must_wait(const PbxAhead *ahead, gint64 now_ns);

/* ---- The run under way ---- */

typedef struct PbxProgramSocket PbxProgramSocket;
typedef struct PbxKeptPath PbxKeptPath;

/* When the run is saved; saving.c. */
typedef struct {
    gint64 frequency; /* 0: not by itself */
    gboolean at_end;
    int zstd_level;
    const char *path; /* checkpoint.path; NULL: none */
    GHashTable *used; /* names that the trial has had, without their endings */
    gboolean wanted;  /* by result wanted_n */
    guint64 wanted_n;
    gboolean asked, told; /* by the driver, which waits for `saved`; the trainable knows */
    guint n_open;         /* being made */
    gboolean findable;    /* the name of the trial's directory is on the disk */
    gboolean made;        /* the last counts for result made_n */
    guint64 made_n;
    gboolean done; /* the trainable is: what is saved now is its end */
} PbxSaving;

/* What the run goes on from; restoring.c. */
typedef struct {
    guint next;       /* candidate */
    gint64 id;        /* of the one that was taken; 0: none */
    char *dir;        /* unpacked */
    GString *damaged; /* a JSON array, open yet */
    char *why;        /* of the last of them */
    GError *failure;  /* nothing could be, whatever the candidate: the disk is full, ... */
    gint64 begun_ns;
} PbxRestoring;

/* A checkpoint being made. */
typedef struct {
    char *dir; /* being filled; NULL: no directory of ours */
    gint64 step;
    guint64 n;
    PbxCounts counts;
} PbxSave;

typedef struct {
    char *name;
    PbxArchiveFacts facts;
} PbxArchived;

typedef struct {
    guint64 trial;
    guint attempt;
    PbxAhead ahead;
    gint64 gather_us;  /* how long results may wait for more before they are sent */
    guint rapid;       /* reports in a row that came at once */
    guint64 first_n;   /* the last result before this attempt; 0: none */
    gboolean stop;     /* what is reported from now on is dropped */
    gboolean stopping; /* the same, once the program or function is told: it is to save first */
    gboolean past_end; /* what was reported after the result that ended it is dropped */
    PbxCounts counts;
    PbxSaving saving;
    PbxRestoring restoring;
    PbxKeptPath *kept; /* NULL: without checkpoint.path */
    PbxSave *save;     /* between the session's checkpoint_begin and checkpoint_end */
    JsonNode *config, *resources, *view; /* view: `trial` of templates */
    pbx_trial abi_trial;
    pbx_session_info info;
    JsonObject *message; /* what the texts below point into */
    char *config_text, *location;
    GString *text; /* scratch */
    char **env;
    GPtrArray *texts; /* what templates gave */
    int hold;         /* its trial's directory, held; -1: there is none */
} PbxRun;

typedef struct {
    PbxChannel channel;
    PbxRegistry *registry;
    PbxSandbox *sandbox;
    PbxOptions *options;
    PbxInstance *instance;
    const PbxPlugin *plugin; /* `trainable` is its */
    const pbx_trainable *trainable;
    GHashTable *parameters;
    JsonObject *data;   /* of each object of `data` its file; NULL: there are none */
    GHashTable *mapped; /* name -> GMappedFile* */
    char *data_failure; /* what the trial that runs could not be given of it, first; or NULL */
    char **metrics;
    char *experiment_name, *hostname;
    guint64 seed;
    PbxProgramSocket *program; /* NULL: this trainable runs none */
    PbxRun *run;               /* NULL between runs */
    gboolean bye;
    gboolean set_up;   /* class form: setup was done in this process */
    gboolean terminal; /* its programs have the driver's terminal */
    gboolean inside;   /* a thread of the driver: what concerns a process is not its own */
    gboolean worn;     /* its instance serves no other run, a new one does */
} PbxWorker;

/* ---- run.c ---- */

/* What it cannot do without is made by run_prepare. */
PbxRun *run_new(PbxWorker *worker, JsonObject *message);
gboolean run_prepare(PbxWorker *worker, PbxRun *run, GError **error);
/* The same, and again where the environment is to name what was restored. */
void run_set_environment(PbxWorker *worker, PbxRun *run);
void run_free(PbxRun *run);

/* ---- saving.c ---- */

/* A field of a result that asks for a checkpoint. */
#define SAVING_FIELD "should_checkpoint"

void saving_init(PbxRun *run, JsonObject *message);
void saving_clear(PbxRun *run);
/* A result was reported. */
void saving_reported(PbxWorker *worker, JsonObject *fields, guint32 flags);
/* Whether its answer is to come first. */
gboolean saving_must_settle(const PbxRun *run);
gboolean saving_is_wanted(const PbxRun *run);
/* Whether the trainable is to be told to save, as it then is. */
gboolean saving_tell(PbxWorker *worker);
/* The last result has its checkpoint. */
gboolean saving_has_made(const PbxRun *run);
/* It is the same as would be made now. */
void saving_is_made(PbxWorker *worker);
/* None was made, for a reason in one line: where the driver asked; in any case. */
void saving_asked_failed(PbxWorker *worker, const char *why);
void saving_failed(PbxWorker *worker, const char *why);
/* One is being made: the driver has patience meanwhile. */
void saving_begun(PbxWorker *worker);
void saving_over(PbxWorker *worker);
/* Packs a directory, or of it only `members`, into an archive in the trial's directory;
 * archived->name (transfer full). Then it counts, with saving_made. */
gboolean saving_pack(PbxWorker *worker, const PbxSave *save, const char *dir,
                     const char *const *members, PbxArchived *archived, GError **error);
void saving_made(PbxWorker *worker, const PbxSave *save, const PbxArchived *archived);
/* A checkpoint of this moment, without a directory; step below 0: the iteration. */
PbxSave save_now(const PbxRun *run, gint64 step);
/* One with a directory to fill. NULL with error. */
PbxSave *save_begin(PbxWorker *worker, gint64 step, GError **error);
/* Packs what is there now; the directory is gone in any case. */
gboolean save_end(PbxWorker *worker, PbxSave *save, GError **error);
void save_drop(PbxWorker *worker, PbxSave *save); /* NULL: none */
/* The same by checkpoint_save. */
void saving_save_class(PbxWorker *worker);
/* The run is over: the driver waits for nothing more. */
void saving_finish(PbxWorker *worker);

/* ---- restoring.c ---- */

void restoring_init(PbxRun *run);
void restoring_clear(PbxRun *run);
/* Unpacks the next candidate that can be: info.restored is its directory. FALSE: there is none, or
 * there is no place for it, of which restoring_end() tells. */
gboolean restoring_unpack(PbxWorker *worker);
/* The trainable does not take it; why is one line. */
void restoring_refuse(PbxWorker *worker, const char *why);
/* It does: the run's counts are the checkpoint's. */
void restoring_accept(PbxWorker *worker);
/* Tells the driver. FALSE: the run cannot go on. */
gboolean restoring_end(PbxWorker *worker, GError **error);
void restoring_remove(PbxRun *run);

/* ---- tree-look.c ---- */

typedef struct {
    guint64 n, sum;
    gint64 newest_ns; /* wall clock: when something changed last */
} PbxTreeLook;
/* Looks at a file, link or directory with all below it. FALSE: errno. */
gboolean tree_look(const char *path, PbxTreeLook *look);
gboolean tree_look_is_same(const PbxTreeLook *a, const PbxTreeLook *b);
/* It may have changed again without a trace. */
gboolean tree_look_is_young(const PbxTreeLook *look);

/* ---- kept-path.c: checkpoint.path ---- */

/* dir and path are borrowed. NULL: it cannot be, or leads out of dir. */
PbxKeptPath *kept_path_new(const char *dir, const char *path, int channel_fd, GError **error);
void kept_path_free(PbxKeptPath *kept);
/* Absolute. */
const char *kept_path_whole(const PbxKeptPath *kept);
/* Readable when the channel is, or when kept_path_step has something to do. */
int kept_path_fd(const PbxKeptPath *kept);
/* A copy is due; asked: by the driver, at once. */
void kept_path_due(PbxKeptPath *kept, gboolean asked);
void kept_path_step(PbxWorker *worker);
/* Before a report: a save that the driver waits for comes first, made or given up, as the report is
 * not answered until then. */
gboolean kept_path_settle(PbxWorker *worker, GError **error);
/* The program has ended, and not failed. */
void kept_path_end(PbxWorker *worker);
/* Removes what stands there; puts what was unpacked in its place. */
gboolean kept_path_clear(const PbxKeptPath *kept, GError **error);
gboolean kept_path_place(const PbxKeptPath *kept, const char *unpacked, GError **error);

/* ---- trial.c ---- */

/* Whether the host is at fault, not the trial: the disk is full, a directory cannot be written. */
gboolean worker_is_hosts_fault(const GError *error);
/* An error in one line: where and what. (transfer full) */
char *trial_error_line(pbx_error *error, pbx_status status);

/* Runs the trial of a `run` message and says how it ended. FALSE: the driver is gone. */
gboolean trial_run(PbxWorker *worker, JsonObject *message);

/* ---- hold.c ---- */

/* FALSE: the driver is gone, nothing may be written any more. */
gboolean hold_begin(PbxWorker *worker);
void hold_end(PbxRun *run);

/* ---- worker-main.c ---- */

/* A new instance of the trainable in place of the old one. */
gboolean worker_renew(PbxWorker *worker, GError **error);
/* From hello to bye, over the channel. An exit status; error: why it is none of success. */
int worker_work(PbxWorker *worker, GError **error);
void worker_clear(PbxWorker *worker);

/* ---- session.c: session/1 ---- */

extern const pbx_session worker_session;
/* One result of the run. FALSE: error (nonsense, or the driver is gone). */
gboolean session_report(PbxWorker *worker, JsonObject *fields, guint32 flags, GError **error);
/* Takes what the driver has said; waits for one message where `wait`. FALSE: it is gone, or
 * speaks nonsense. */
gboolean session_listen(PbxWorker *worker, gboolean wait, GError **error);
/* What it reported last is answered: a stop that waited for that counts now. */
void session_told(PbxWorker *worker);
/* save_begin for a trainable that saves itself. */
PbxSave *session_save_begin(PbxWorker *worker, gint64 step, GError **error);
/* Waits until all that was reported is answered, or the run is to stop. FALSE as above. */
gboolean session_settle(PbxWorker *worker, GError **error);

/* ---- data.c: the session's data ---- */

void worker_data_take(PbxWorker *worker, JsonObject *setup);
void worker_data_clear(PbxWorker *worker);
/* The bytes of an object, and how many; NULL: there is none of that name. */
const void *worker_data(PbxWorker *worker, const char *name, size_t *n);
/* A trial that failed for want of its data has failed by the host's fault: with PBX_EFATAL. */
pbx_status worker_data_judge(PbxWorker *worker, pbx_status status, pbx_error *error);

/* ---- templates.c: template/1 ---- */

extern const pbx_template worker_template;

/* ---- program-env.c ---- */

/* The environment of a run's program. (transfer full) */
char **program_env(PbxWorker *worker, const PbxRun *run);

/* ---- program-socket.c: PEGBOX_SOCKET and PEGBOX_CONFIG ---- */

/* name: of its directory; NULL: any. */
PbxProgramSocket *program_socket_new(const char *name, GError **error);
void program_socket_free(PbxProgramSocket *program);
/* Removes its files, from any thread, just before the process ends. */
void program_socket_remove_files(void);
const char *program_socket_address(const PbxProgramSocket *program);
const char *program_socket_config_path(const PbxProgramSocket *program);
int program_socket_fd(const PbxProgramSocket *program);
/* A run begins: its config is what PEGBOX_CONFIG names. */
gboolean program_socket_begin(PbxProgramSocket *program, const char *config_text, GError **error);
void program_socket_end(PbxProgramSocket *program);
/* Whether the program of this run has said hello. */
gboolean program_socket_was_greeted(const PbxProgramSocket *program);
gboolean program_socket_step(PbxProgramSocket *program, PbxWorker *worker, guint64 *n_reports,
                             GError **error);

/* ---- output.c: a trainable's own stdout and stderr ---- */

gboolean output_begin(const PbxRun *run, GError **error);
void output_end(const PbxRun *run);

/* ---- descendants.c ---- */

/* Calls func for each process below this one, children before their parents. */
void descendants_each(void (*func)(pid_t pid, gpointer user), gpointer user);

/* ---- orphans.c ---- */

/* Kills and reaps every descendant of this process. FALSE: some would not die. */
gboolean orphans_kill(void);

/* ---- memory.c: limits.memory; any thread ---- */

/* Bytes that all descendants have resident, with_self: this process too. Pages that several
 * share count once where the figure would be past the limit otherwise. */
guint64 memory_used(gboolean with_self, guint64 limit);
/* The run under way may have so much; see to it that watcher_wake is called. 0: any. */
void memory_watch(const PbxRun *run, guint64 limit, gboolean with_self);
void memory_unwatch(void);
/* Looks, if it is time, and tells the driver of a run that has more. When to look next, of
 * g_get_monotonic_time. */
gint64 memory_look(PbxChannel *channel);

/* ---- watcher.c ---- */

/* Starts the thread that ends the process when the driver vanishes or SIGTERM comes, and looks
 * at the memory of the run under way. */
gboolean watcher_start(PbxChannel *channel, GError **error);
/* What it is to look at has changed. */
void watcher_wake(void);
