/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A result as one JSON object with its auto-filled fields (Tune's names and meanings). On
 * the hot path of every logger: the trainable's fields are copied as they stand, and only
 * their top-level keys are looked at.
 */
#include <math.h>
#include <string.h>
#include <time.h>

#include "store/store-private.h"
#include "json/json.h"

/* The auto-filled fields, in the order in which they are written. */
typedef enum {
    FIELD_DATE,
    FIELD_DONE,
    FIELD_EPISODES_TOTAL,
    FIELD_EXPERIMENT_ID,
    FIELD_EXPERIMENT_TAG,
    FIELD_HOSTNAME,
    FIELD_ITERATIONS_SINCE_RESTORE,
    FIELD_NODE_IP,
    FIELD_PID,
    FIELD_TIME_SINCE_RESTORE,
    FIELD_TIME_THIS_ITER_S,
    FIELD_TIME_TOTAL_S,
    FIELD_TIMESTAMP,
    FIELD_TIMESTEPS_SINCE_RESTORE,
    FIELD_TIMESTEPS_TOTAL,
    FIELD_TRAINING_ITERATION,
    FIELD_CONFIG,
    FIELD_TRIAL_ID,
    N_FIELDS
} Field;

#define NAME(TEXT)                                                                                 \
    {                                                                                              \
        TEXT, sizeof(TEXT) - 1                                                                     \
    }
static const struct {
    const char *name;
    gsize length;
} fields[N_FIELDS] = {
    [FIELD_DATE] = NAME("date"),
    [FIELD_DONE] = NAME("done"),
    [FIELD_EPISODES_TOTAL] = NAME("episodes_total"),
    [FIELD_EXPERIMENT_ID] = NAME("experiment_id"),
    [FIELD_EXPERIMENT_TAG] = NAME("experiment_tag"),
    [FIELD_HOSTNAME] = NAME("hostname"),
    [FIELD_ITERATIONS_SINCE_RESTORE] = NAME("iterations_since_restore"),
    [FIELD_NODE_IP] = NAME("node_ip"),
    [FIELD_PID] = NAME("pid"),
    [FIELD_TIME_SINCE_RESTORE] = NAME("time_since_restore"),
    [FIELD_TIME_THIS_ITER_S] = NAME("time_this_iter_s"),
    [FIELD_TIME_TOTAL_S] = NAME("time_total_s"),
    [FIELD_TIMESTAMP] = NAME("timestamp"),
    [FIELD_TIMESTEPS_SINCE_RESTORE] = NAME("timesteps_since_restore"),
    [FIELD_TIMESTEPS_TOTAL] = NAME("timesteps_total"),
    [FIELD_TRAINING_ITERATION] = NAME("training_iteration"),
    [FIELD_CONFIG] = NAME("config"),
    [FIELD_TRIAL_ID] = NAME("trial_id"),
};

/* What a program may say itself, as in Tune; its values of the others are dropped. */
#define PROGRAMS_OWN                                                                               \
    (1u << FIELD_DONE | 1u << FIELD_EPISODES_TOTAL | 1u << FIELD_TIME_THIS_ITER_S |                \
     1u << FIELD_TIMESTEPS_TOTAL | 1u << FIELD_TRAINING_ITERATION)

/* What the trainable's own object holds of these. */
typedef struct {
    guint32 taken;        /* a bit per Field */
    const char *done;     /* the value of its `done`, */
    const char *done_end; /* or NULL */
    const char *end;      /* its closing brace */
    gboolean empty;
} Own;

static Field
field_named(const char *name, gsize length)
{
    for (Field i = 0; i < N_FIELDS; i++) {
        if (fields[i].length == length && memcmp(fields[i].name, name, length) == 0)
            return i;
    }
    return N_FIELDS;
}

/* The object is canonical: no white space. One that is broken counts as empty. */
static Own
scan_own(const char *text)
{
    Own own = {0};
    const char *at = text;
    while ((*at == '{' || *at == ',') && at[1] == '"') {
        const char *key = at + 2;
        const char *behind = json_skip_string(key);
        if (*behind != ':')
            break;
        const char *value = behind + 1;
        at = json_skip_value(value);
        const Field field = field_named(key, (gsize)(behind - key) - 1);
        if (field == N_FIELDS)
            continue;
        own.taken |= 1u << field;
        if (field == FIELD_DONE) {
            own.done = value;
            own.done_end = at;
        }
    }
    if (*at != '}')
        return (Own){.empty = TRUE};
    own.end = at;
    return own;
}

/* A copy without the fields that are not the program's to say. */
static char *
without_foreign(const char *text)
{
    GString *kept = g_string_new("{");
    for (const char *at = text; (*at == '{' || *at == ',') && at[1] == '"';) {
        const char *key = at + 2, *behind = json_skip_string(key);
        at = json_skip_value(behind + 1);
        Field field = field_named(key, (gsize)(behind - key) - 1);
        if (field != N_FIELDS && (PROGRAMS_OWN & (1u << field)) == 0)
            continue;
        if (kept->len > 1)
            g_string_append_c(kept, ',');
        g_string_append_len(kept, key - 1, at - key + 1);
    }
    g_string_append_c(kept, '}');
    return g_string_free(kept, FALSE);
}

/* ---- Values ---- */

/* Some forty small pieces make a result: the common case is a copy. */
static inline void
put(GString *out, const char *text, gsize n)
{
    if (out->len + n < out->allocated_len) {
        memcpy(out->str + out->len, text, n);
        out->len += n;
        out->str[out->len] = '\0';
    } else {
        g_string_append_len(out, text, (gssize)n);
    }
}

static void
put_name(GString *out, Field field)
{
    put(out, out->str[out->len - 1] == '{' ? "\"" : ",\"", out->str[out->len - 1] == '{' ? 1 : 2);
    put(out, fields[field].name, fields[field].length);
    put(out, "\":", 2);
}

static void
put_known_int(GString *out, gint64 value)
{
    if (value < 0)
        put(out, "null", 4);
    else
        json_put_int(out, value);
}

static void
put_seconds(GString *out, double value)
{
    if (isfinite(value))
        json_put_double(out, value);
    else
        put(out, "null", 4);
}

static void
put_text(GString *out, const char *text)
{
    if (text != NULL)
        json_put_string(out, text);
    else
        put(out, "null", 4);
}

/* Local time; formatted once a second, since results come in their thousands. */
static void
put_date(GString *out, gint64 at_ns)
{
    static _Thread_local time_t last = -1;
    static _Thread_local char text[32];
    const time_t second = (time_t)(at_ns / 1000000000);
    if (second != last) {
        struct tm local;
        if (localtime_r(&second, &local) == NULL ||
            strftime(text, sizeof text, "\"%Y-%m-%d_%H-%M-%S\"", &local) == 0)
            g_strlcpy(text, "null", sizeof text);
        last = second;
    }
    g_string_append(out, text);
}

/* Without a checkpoint to start from the reports are counted; else only training_iteration
 * tells how many came since. */
static gint64
iterations_since(const PbxAttemptRow *attempt, const PbxResultRow *result)
{
    if (attempt->start_iteration <= 0)
        return (gint64)result->n;
    return result->iteration - attempt->start_iteration;
}

static gint64
timesteps_since(const PbxAttemptRow *attempt, const PbxResultRow *result)
{
    return MAX(result->timesteps_total, 0) - MAX(attempt->start_timesteps, 0);
}

static void
put_value(GString *out, Field field, const PbxTrialRow *trial, const PbxAttemptRow *attempt,
          const PbxResultRow *result, const char *experiment_id)
{
    switch (field) {
    case FIELD_DATE:
        put_date(out, result->at_ns);
        break;
    case FIELD_DONE:
        g_string_append(out, result->done ? "true" : "false");
        break;
    case FIELD_EPISODES_TOTAL:
        put_known_int(out, result->episodes_total);
        break;
    case FIELD_EXPERIMENT_ID:
        put_text(out, experiment_id);
        break;
    case FIELD_EXPERIMENT_TAG:
        put_text(out, trial->tag);
        break;
    case FIELD_HOSTNAME:
        put_text(out, attempt->hostname);
        break;
    case FIELD_ITERATIONS_SINCE_RESTORE:
        json_put_int(out, iterations_since(attempt, result));
        break;
    case FIELD_NODE_IP:
        put_text(out, attempt->node_ip);
        break;
    case FIELD_PID:
        put_known_int(out, attempt->pid);
        break;
    case FIELD_TIME_SINCE_RESTORE:
        put_seconds(out, result->time_total_s -
                             (isnan(attempt->start_time_s) ? 0 : attempt->start_time_s));
        break;
    case FIELD_TIME_THIS_ITER_S:
        put_seconds(out, result->time_this_iter_s);
        break;
    case FIELD_TIME_TOTAL_S:
        put_seconds(out, result->time_total_s);
        break;
    case FIELD_TIMESTAMP:
        put_known_int(out, result->at_ns >= 0 ? result->at_ns / 1000000000 : -1);
        break;
    case FIELD_TIMESTEPS_SINCE_RESTORE:
        json_put_int(out, timesteps_since(attempt, result));
        break;
    case FIELD_TIMESTEPS_TOTAL:
        put_known_int(out, result->timesteps_total);
        break;
    case FIELD_TRAINING_ITERATION:
        put_known_int(out, result->iteration);
        break;
    case FIELD_CONFIG:
        g_string_append(out, trial->config != NULL ? trial->config : "{}");
        break;
    case FIELD_TRIAL_ID:
        put_text(out, trial->id);
        break;
    case N_FIELDS:
        break;
    }
}

void
store_result_text(GString *out, const PbxTrialRow *trial, const PbxAttemptRow *attempt,
                  const PbxResultRow *result, const char *experiment_id)
{
    const char *text = result->fields != NULL ? result->fields : "{}";
    Own own = scan_own(text);
    g_autofree char *kept = NULL;
    if ((own.taken & ~PROGRAMS_OWN) != 0) {
        text = kept = without_foreign(text);
        own = scan_own(text);
    }
    if (own.empty) {
        g_string_append_c(out, '{');
    } else if (own.done != NULL && result->done) {
        put(out, text, own.done - text);
        put(out, "true", 4);
        put(out, own.done_end, own.end - own.done_end);
    } else {
        put(out, text, own.end - text);
    }
    for (Field field = 0; field < N_FIELDS; field++) {
        if ((own.taken & (1u << field)) != 0)
            continue;
        put_name(out, field);
        put_value(out, field, trial, attempt, result, experiment_id);
    }
    g_string_append_c(out, '}');
}

gboolean
store_result_number(const PbxResultRow *result, const char *name, double *value)
{
    const Field field = field_named(name, strlen(name));
    if (result->fields == NULL || (field != N_FIELDS && (PROGRAMS_OWN & (1u << field)) == 0))
        return FALSE;
    gsize length;
    const char *own = json_text_member(result->fields, name, &length);
    if (own != NULL)
        return json_text_number(own, length, value);
    if (field == FIELD_TRAINING_ITERATION && result->iteration >= 0) {
        *value = (double)result->iteration;
        return TRUE;
    }
    if (field == FIELD_TIME_TOTAL_S && isfinite(result->time_total_s)) {
        *value = result->time_total_s;
        return TRUE;
    }
    return FALSE;
}
