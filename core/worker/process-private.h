/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The worker process: its channel to the driver, the run under way, what it gives to trainables. */
#pragma once

#include <sys/types.h>

#include <pegbox/trainable.h>

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

typedef struct {
    guint64 trial;
    guint attempt;
    PbxAhead ahead;
    gint64 gather_us; /* how long results may wait for more before they are sent */
    guint rapid;      /* reports in a row that came at once */
    gboolean stop;
    PbxCounts counts;
    JsonNode *config, *resources, *view; /* view: `trial` of templates */
    pbx_trial abi_trial;
    pbx_session_info info;
    JsonObject *message; /* what the texts below point into */
    char *config_text, *location;
    GString *text; /* scratch */
    char **env;
    GPtrArray *texts; /* what templates gave */
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

PbxRun *run_new(PbxWorker *worker, JsonObject *message);
void run_free(PbxRun *run);

/* ---- trial.c ---- */

/* Runs the trial of a `run` message and says how it ended. FALSE: the driver is gone. */
gboolean trial_run(PbxWorker *worker, JsonObject *message);

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

/* ---- templates.c: template/1 ---- */

extern const pbx_template worker_template;

/* ---- program-env.c ---- */

/* The environment of a run's program. (transfer full) */
char **program_env(PbxWorker *worker, const char *const *set, const char *trial_id,
                   const char *trial_dir);

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
