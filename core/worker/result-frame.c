/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The message `result`, which may come a hundred thousand times a second: written and, as long as
 * it looks as it is written here, read without a tree. Any other spelling goes the long way.
 */
#include <string.h>

#include "worker/worker-private.h"

#define PREFIX "{\"type\":\"result\",\"trial\":"

GString *
result_message(const PbxWorkerMessage *result)
{
    GString *message = message_new("result");
    message_int(message, "trial", (gint64)result->trial);
    message_int(message, "attempt", result->attempt);
    message_int(message, "n", (gint64)result->n);
    message_int(message, "iteration", result->iteration);
    message_int(message, "at", result->at_ns);
    message_double(message, "time_this_iter_s", result->time_this_iter_s);
    message_double(message, "time_total_s", result->time_total_s);
    message_int(message, "timesteps_total", result->timesteps_total);
    message_int(message, "episodes_total", result->episodes_total);
    message_bool(message, "done", result->done);
    message_text(message, "fields", result->fields_text);
    return message;
}

typedef struct {
    const char *at, *end;
    gboolean good;
} Reader;

static void
take(Reader *reader, const char *text)
{
    const gsize n = strlen(text);
    reader->good =
        reader->good && (gsize)(reader->end - reader->at) > n && memcmp(reader->at, text, n) == 0;
    if (reader->good)
        reader->at += n;
}

/* Up to the next comma. */
static const char *
take_value(Reader *reader, const char *name, gsize *length)
{
    take(reader, name);
    const char *value = reader->at;
    const char *comma =
        reader->good ? memchr(value, ',', (gsize)MIN(reader->end - value, 32)) : NULL;
    reader->good = comma != NULL && comma > value;
    *length = reader->good ? (gsize)(comma - value) : 0;
    reader->at += *length;
    return value;
}

static gint64
take_int(Reader *reader, const char *name)
{
    gsize length;
    gint64 value = -1;
    const char *text = take_value(reader, name, &length);
    reader->good = reader->good && json_text_int(text, length, &value);
    return value;
}

static double
take_double(Reader *reader, const char *name)
{
    gsize length;
    double value = 0;
    const char *text = take_value(reader, name, &length);
    reader->good = reader->good && json_text_is_compact(text, length, 0) &&
                   json_text_number(text, length, &value);
    return value;
}

gboolean
result_read(const char *json, gsize length, PbxWorkerMessage *result, GString *fields)
{
    Reader reader = {json, json + length, TRUE};
    gsize n = 0;
    result->type = WORKER_RESULT;
    result->trial = (guint64)take_int(&reader, PREFIX);
    result->attempt = (guint)take_int(&reader, ",\"attempt\":");
    result->n = (guint64)take_int(&reader, ",\"n\":");
    result->iteration = take_int(&reader, ",\"iteration\":");
    result->at_ns = take_int(&reader, ",\"at\":");
    result->time_this_iter_s = take_double(&reader, ",\"time_this_iter_s\":");
    result->time_total_s = take_double(&reader, ",\"time_total_s\":");
    result->timesteps_total = take_int(&reader, ",\"timesteps_total\":");
    result->episodes_total = take_int(&reader, ",\"episodes_total\":");
    const char *done = take_value(&reader, ",\"done\":", &n);
    result->done = reader.good && n == 4 && memcmp(done, "true", 4) == 0;
    reader.good = reader.good && (result->done || (n == 5 && memcmp(done, "false", 5) == 0));
    take(&reader, ",\"fields\":");
    const gsize rest = (gsize)(reader.end - reader.at);
    if (!reader.good || reader.at[0] != '{' || reader.end[-1] != '}' ||
        !json_text_is_compact(reader.at, rest - 1, DOC_MAX_NESTING - 1))
        return FALSE;
    g_string_truncate(fields, 0);
    g_string_append_len(fields, reader.at, (gssize)rest - 1);
    result->fields_text = fields->str;
    return TRUE;
}
