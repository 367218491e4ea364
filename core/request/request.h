/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How other processes steer an experiment. experiment.lock says who may write its store;
 * requests/ carries what they ask of a running driver: one JSON file a request, renamed into
 * place and answered beside it, on any file system (doc/store.md documents it for users).
 */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

#define PBX_REQUEST_ERROR (request_error_domain())
GQuark request_error_domain(void);

enum {
    REQUEST_ERROR_DRIVEN,    /* the experiment has a driver: it alone writes */
    REQUEST_ERROR_NO_DRIVER, /* nobody is there to be asked, and nobody was */
    REQUEST_ERROR_REFUSED,   /* the driver says no; the message is its answer */
    REQUEST_ERROR_GONE,      /* the driver died before it answered: it may have done it */
    REQUEST_ERROR_TIMEOUT,   /* no answer in time */
    REQUEST_ERROR_IO,        /* files cannot be read or written */
};
/* The exit status that an error of this domain means: 2 for DRIVEN, NO_DRIVER and REFUSED,
 * else 4. */
int request_error_status(const GError *error);

#define REQUEST_VERSION 1

/* ---- experiment.lock: who writes ---- */

typedef struct PbxLock PbxLock;

/* Takes DIR/experiment.lock as its only writer, the driver. Waits for those who hold it shared, up
 * to 10 s; DRIVEN at once where a driver has it. (transfer full) */
PbxLock *lock_take(const char *dir, GError **error);
/* Takes it to write without a driver: others may do so as well, each in a transaction of its own
 * (BEGIN IMMEDIATE), and no driver starts meanwhile. DRIVEN where there is one. (transfer full) */
PbxLock *lock_share(const char *dir, GError **error);
/* "HOST PID" of the driver that lives, NULL: there is none. (transfer full) */
char *lock_driver(const char *dir);
void lock_release(PbxLock *lock);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PbxLock, lock_release)
/* Shows other hosts that the driver lives, by the file's mtime. */
void lock_touch(PbxLock *lock);

/* ---- Asking a driver ---- */

/*
 * Sends a request to the driver of the experiment in DIR and waits for its answer. `request`
 * has a member "request", its name ("stop"), and what that one takes; the other members that
 * a request has (version, id, driver, host, pid) are added to a copy. timeout_s < 0: without
 * end. The answer is an object with "ok": true and what the request gives. NULL with error.
 * Blocks the calling thread; any thread. (transfer full)
 */
JsonNode *request_send(const char *dir, JsonObject *request, double timeout_s, GError **error);

/* ---- Being asked: the driver ---- */

/* What watches a directory's requests/. */
typedef struct PbxRequests PbxRequests;
/* One request that has no answer yet. */
typedef struct PbxRequest PbxRequest;

/* Takes a request; called in the context's thread. It is answered exactly once, by request_answer
 * or request_refuse, now or at any later time before requests_close. */
typedef void (*PbxRequestFunc)(PbxRequest *request, gpointer user);
/* A line about a file in requests/ that is none, or could not be taken. */
typedef void (*PbxRequestLog)(const char *line, gpointer user);

/*
 * Watches DIR/requests, which is made where it is missing. What a dead driver or client left
 * there is cleaned away. Files that are no requests (torn, over 1 MiB, no JSON, of another
 * user, no regular files) are answered with an error or removed, and told to `log` once: none
 * blocks. (transfer full)
 */
PbxRequests *requests_open(const char *dir, GMainContext *context, PbxRequestFunc func,
                           PbxRequestLog log, gpointer user, GError **error);
/* Looks for requests where the kernel may not tell of them; to be called several times a second. */
void requests_poll(PbxRequests *requests);
/* Refuses what is unanswered: `reason` is the answer. Frees its requests, NULL is fine. */
void requests_close(PbxRequests *requests, const char *reason);

/* The request's name, and the whole of it. Borrowed. */
const char *request_name(const PbxRequest *request);
JsonObject *request_object(const PbxRequest *request);
/* Answers {"ok": true} and the members of `answer` (NULL: none more; transfer full). Frees the
 * request. FALSE: its client has given up and will not read it, or it cannot be written. */
gboolean request_answer(PbxRequest *request, JsonObject *answer);
/* Answers {"error": MESSAGE}, one line. Frees the request. */
void request_refuse(PbxRequest *request, const char *message);
