/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of worker/ share: messages, and the worker process's own parts. */
#pragma once

#include "worker/worker.h"
#include "json/json.h"

enum {
    WORKER_ERROR_PROTOCOL, /* the peer does not speak it */
    WORKER_ERROR_GONE,     /* the peer has closed */
    WORKER_ERROR_OUTPUT,   /* a file that the user has named cannot be written */
    WORKER_ERROR_HOST,     /* the disk is full, ...: nothing that a trial could help */
};

/* ---- Messages: the JSON object in a frame ---- */

/* The JSON of the frame at `at`, where a whole one is there; *consumed is its size. NULL: it is not
 * all there, or lies about its length. */
const char *frame_peek(const GByteArray *in, gsize at, gsize *length, gsize *consumed);
/* Parses the frame at `*at` of `in` and moves *at behind it. 1: *message (transfer full);
 * 0: more bytes are needed; -1: error. */
int frame_next(GByteArray *in, gsize *at, JsonObject **message, GError **error);

GString *message_new(const char *type);
void message_int(GString *message, const char *key, gint64 value);
void message_double(GString *message, const char *key, double value);
void message_bool(GString *message, const char *key, gboolean value);
void message_string(GString *message, const char *key, const char *value); /* NULL: left out */
void message_strings(GString *message, const char *key, const char *const *values);
void message_node(GString *message, const char *key, JsonNode *value);
void message_text(GString *message, const char *key, const char *json);
/* Closes the object, appends its frame and frees it. */
void message_put(GByteArray *out, GString *message);

/* ---- result-frame.c ---- */

/* The message of a result; its fields are fields_text. */
GString *result_message(const PbxWorkerMessage *result);
/* Reads a frame's JSON where it is a result as result_message writes it: fields_text is put into
 * `fields`. FALSE: it is something else, or spelt otherwise; *result is spoilt. */
gboolean result_read(const char *json, gsize length, PbxWorkerMessage *result, GString *fields);

/* ---- link-checkpoints.c ---- */

/* The message of a run. */
GString *run_message(const PbxWorkerRun *run);
/* Reads `restored`, `saving`, `checkpoint` or `saved` into the message; what `damaged` gets lives
 * as long as `object`. 1: it is one; 0: it is something else; -1: it makes no sense. */
int checkpoint_message_read(JsonObject *object, PbxWorkerMessage *message, GArray *damaged);
/* The name of a checkpoint: of a file, for one that knows no better. */
gboolean checkpoint_name_is_good(const char *name);

/* A missing or unfitting member gives the fallback, FALSE or NULL. */
gint64 message_get_int(JsonObject *message, const char *key, gint64 fallback);
double message_get_double(JsonObject *message, const char *key, double fallback);
gboolean message_get_bool(JsonObject *message, const char *key);
const char *message_get_string(JsonObject *message, const char *key);
char **message_get_strings(JsonObject *message, const char *key); /* (transfer full) */
gboolean message_is(JsonObject *message, const char *type);
