/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The worker protocol (doc/worker-protocol.md): frames, and the driver's side of a
 * worker. The worker program itself is worker-main.c, session.c, program.c.
 */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

/* ---- Frames: u32 LE JSON length, u32 LE blob length, then both ---- */

#define FRAME_MAX       (16u * 1024 * 1024)
#define WORKER_PROTOCOL 1

#define PBX_WORKER_ERROR (worker_error_domain())
GQuark worker_error_domain(void);

/* Appends a whole frame. */
void frame_put(GByteArray *out, const char *json, gsize json_length, gconstpointer blob,
               gsize blob_length);
/*
 * Takes the first frame of a buffer. 1: *json and *blob point into it, *consumed is its
 * size; 0: more bytes are needed; -1: it lies about its length (error).
 */
int frame_take(const guint8 *bytes, gsize length, const char **json, gsize *json_length,
               const guint8 **blob, gsize *blob_length, gsize *consumed, GError **error);

/* ---- The driver's side ---- */

typedef enum {
    WORKER_READY, /* handshake and the trainable's create are done */
    WORKER_RESULT,
    WORKER_ENDED, /* the trial's run is over; the worker waits for the next */
    WORKER_LINE,  /* a line of output for the console */
    WORKER_LOG,
    WORKER_PID,        /* the program's pid, once it has one */
    WORKER_MEMORY,     /* the run uses more than its memory_limit; told again and again */
    WORKER_RESTORED,   /* what the run goes on from; before its first result */
    WORKER_SAVING,     /* it begins to save, or has done with it */
    WORKER_CHECKPOINT, /* an archive stands in the trial's directory */
    WORKER_SAVED,      /* what came of a `save` that the driver asked for */
    WORKER_BROKEN,     /* the channel closed, or nonsense came over it: no more messages */
} PbxWorkerMessageType;

typedef enum {
    WORKER_DONE,
    WORKER_STOPPED,
    WORKER_FAILED,
    WORKER_INTERRUPTED, /* by the user, at the terminal that its program had */
} PbxWorkerEnd;

/* A checkpoint that a run could not go on from. */
typedef struct {
    guint64 id;
    const char *text; /* why, one line */
} PbxWorkerDamaged;

/* One message; valid during the callback. */
typedef struct {
    PbxWorkerMessageType type;
    guint64 trial;
    guint attempt;
    /* RESULT; CHECKPOINT: of the last result that came before it, n 0 before the first */
    guint64 n; /* goes on from the restored checkpoint's, from 1 without one */
    gint64 iteration;
    gint64 at_ns;
    double time_this_iter_s, time_total_s;
    gint64 timesteps_total, episodes_total;
    gboolean done;           /* the trainable said so */
    const char *fields_text; /* canonical JSON of an object */
    /* ENDED */
    PbxWorkerEnd end;
    gboolean reusable; /* another run may follow in this worker */
    /* ENDED failed, BROKEN: nor would any other trial come further here; this one is not at fault
     */
    gboolean fatal;
    /* ENDED failed, LINE, LOG, BROKEN: one line; BROKEN: NULL where the channel just closed */
    const char *text;
    int level;                      /* LOG: PBX_LOG_*; LINE: 1 stderr, 0 stdout */
    gint64 pid;                     /* READY: the worker's; PID: the program's */
    guint64 used;                   /* MEMORY: bytes */
    const char *hostname, *node_ip; /* READY */
    /* RESTORED: 0 from scratch; those that were tried before */
    guint64 restored_id;
    const PbxWorkerDamaged *damaged;
    gsize n_damaged;
    /* CHECKPOINT: a file name, and never one that `used` had */
    const char *name, *sha256;
    gint64 step;
    guint64 bytes;
    gboolean saving; /* SAVING: it begins */
    gboolean ok;     /* SAVED; not: text says why */
} PbxWorkerMessage;

/* ---- The fields that every result has, made where it is reported ---- */

typedef struct {
    gint64 iteration, timesteps_total, episodes_total; /* totals: -1 until reported */
    double time_this_iter_s, time_total_s;
    gint64 last_ns; /* on the caller's clock: the report before, or the start */
    double base_s;  /* the total at base_ns, since when it goes on by itself */
    gint64 base_ns; /* 0: since last_ns */
} PbxCounts;

/* Whether a field of that name means something to counts_advance. */
gboolean counts_reads(const char *name);
/* Goes on by one report of `fields` (NULL: there are none that count), made at now_ns. */
void counts_advance(PbxCounts *counts, JsonObject *fields, gint64 now_ns);
/* So many nanoseconds were pegbox's own: they count for no report. */
void counts_skip(PbxCounts *counts, gint64 ns);
/* This host's first address that others may reach; 127.0.0.1 without one. (transfer full) */
char *worker_host_address(void);

typedef struct PbxWorkerLink PbxWorkerLink;
typedef void (*PbxWorkerFunc)(PbxWorkerLink *link, const PbxWorkerMessage *message, gpointer user);

/* What a worker is told once. Borrowed during worker_link_new. */
typedef struct {
    const char *plugin_path, *plugin_kind, *plugin_name;
    JsonNode *options; /* complete */
    const char *experiment_id, *experiment_name, *experiment_dir;
    const char *const *metrics;
    guint64 seed;
    const char *const *parameters; /* all parameter names and paths, for templates */
    const char *base_dir;          /* for PATH and template options */
    /* Name of the directory for its program's socket, if it makes one; NULL: any. A worker
     * that is killed leaves it to program_dir_remove. */
    const char *program_dir;
    JsonNode *data;    /* an object of name to path; NULL: there is no data */
    gboolean terminal; /* its programs have the driver's terminal */
} PbxWorkerSetup;

/* Removes what a worker with this program_dir has left. */
void program_dir_remove(const char *name);
/* The same of all whose program_dir begins so, but those whose worker lives. */
void program_dirs_remove(const char *prefix);

/* Takes the descriptor (a connected socket); messages come from `context`'s loop. Sends
 * the setup once the worker has said hello. */
PbxWorkerLink *worker_link_new(int fd, GMainContext *context, const PbxWorkerSetup *setup,
                               PbxWorkerFunc func, gpointer user);
void worker_link_free(PbxWorkerLink *link); /* closes: the worker ends what it runs, and itself */

/* A checkpoint to go on from, and the counts that it was made at. Borrowed. */
typedef struct {
    guint64 id; /* not 0 */
    guint64 n;
    const char *archive; /* absolute: an archive, or a directory that is copied */
    const char *sha256;  /* NULL: not compared */
    gint64 iteration, timesteps_total, episodes_total; /* totals: -1 unknown */
    double time_total_s;
} PbxWorkerRestore;

/* How a run saves. Borrowed. */
typedef struct {
    guint64 frequency; /* after each so many iterations; 0: not by itself */
    gboolean at_end;   /* at its end too, where the trainable itself comes to one */
    int zstd_level;    /* 0: not compressed */
    const char *path;  /* relative to dir: what is saved for a program; NULL: it saves itself */
    const char *const *used; /* file names that its trial has had, deleted ones too; or NULL */
} PbxWorkerSaving;

/* One trial to run. Borrowed. */
typedef struct {
    guint64 trial;
    guint attempt;
    const char *id, *name, *tag, *dir; /* dir absolute */
    JsonNode *config, *resources;
    const char *const *env; /* NAME=VALUE to set over the worker's own environment */
    const char *cwd;
    const char *out, *err; /* absolute; NULL: lines go to the console */
    guint64 window;        /* results that may be unanswered; 0: lockstep */
    double window_s;       /* how old the oldest of them may become */
    double gather_s;       /* how long results may wait for more before they are sent */
    guint64 memory_limit;  /* bytes; 0: none */
    gint64 iteration;      /* to go on from */
    double time_total_s;
    gint64 timesteps_total, episodes_total; /* -1: none */
    /* Newest first: the first that can be restored is, and its counts replace those above. */
    const PbxWorkerRestore *restore;
    gsize n_restore;
    gboolean restore_must; /* where none of them can be the run fails; else it begins anew */
    const PbxWorkerSaving *saving; /* NULL: only what the trainable itself wants */
} PbxWorkerRun;
void worker_link_run(PbxWorkerLink *link, const PbxWorkerRun *run);
/* The answer to result n. save: WORKER_SAVED comes, with stop before the end. */
void worker_link_answer(PbxWorkerLink *link, guint64 trial, guint attempt, guint64 n, gboolean stop,
                        gboolean save);
/* Unasked: ends the run (SIGTERM for a program without the protocol), saved before where `save`.
 * Says nothing to a worker that is not ready yet: it runs nothing. */
void worker_link_stop(PbxWorkerLink *link, guint64 trial, guint attempt, gboolean save);
/* No more runs: the worker ends by itself. */
void worker_link_bye(PbxWorkerLink *link);
/* Sends what is queued now (it is sent from the loop otherwise). */
void worker_link_flush(PbxWorkerLink *link);

/*
 * --local: the worker's part of a channel in a thread of this process. Takes fd, and closes it
 * last, when the driver has said bye or is gone and the trainable has returned.
 */
GThread *worker_start_inside(int fd, GError **error);

/* Whether some worker of this host may still write to a trial's directory. */
gboolean worker_holds(const char *dir);

/* The worker program's main. */
int worker_main(int argc, char **argv);
