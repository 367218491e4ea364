/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* session/1: a trainable's link to its trial. All on the worker's main thread. */
#include <string.h>

#include "worker/process-private.h"

/* Room for what stands around the fields in a frame. */
#define REPORT_MAX (FRAME_MAX - 4096)
/* Where so many reports came at once, the next ones are sent in lots. */
#define RAPID           64
#define RAPID_NS        (100 * 1000)
#define RAPID_GATHER_US 1000
#define RAPID_LISTENS   16 /* reports */
#define MAX_PLAIN       16 /* fields */
/* Fields stand in a message. */
#define REPORT_NESTING (DOC_MAX_NESTING - 1)

static PbxWorker *
worker_of(const pbx_host *host)
{
    return host_service_user(host, PBX_SESSION_ID);
}

/* ---- The driver's messages during a run ---- */

/* The driver asks for a checkpoint. */
static void
take_save(PbxWorker *worker, JsonObject *message)
{
    PbxRun *run = worker->run;
    if (!message_get_bool(message, "save"))
        return;
    run->saving.asked = TRUE;
    run->saving.told = FALSE;
    if (run->kept != NULL)
        kept_path_due(run->kept, TRUE);
    else if (worker->program != NULL && run->ahead.n > run->first_n &&
             !program_socket_was_greeted(worker->program))
        saving_asked_failed(worker, "the program does not speak the worker protocol, and "
                                    "checkpoint.path is not set");
    else if (worker->program == NULL && (worker->trainable->caps & PBX_TRAINABLE_CHECKPOINTS) == 0)
        saving_asked_failed(worker, "the trainable cannot save");
}

/* Unasked. What is to be saved must not be ahead of what was reported: a program, and a function,
 * makes its next report first. Between the steps of a class nothing is lost. */
static void
take_stop(PbxWorker *worker, JsonObject *message)
{
    PbxRun *run = worker->run;
    if (message_get_bool(message, "save") && worker->trainable->run != NULL && !run->stop)
        run->stopping = TRUE;
    else
        run->stop = TRUE;
}

static gboolean
take_message(PbxWorker *worker, JsonObject *message, GError **error)
{
    PbxRun *run = worker->run;
    if (message_is(message, "bye")) {
        worker->bye = TRUE;
        run->stop = TRUE;
        return TRUE;
    }
    if (message_is(message, "run")) {
        g_set_error_literal(error, PBX_WORKER_ERROR, WORKER_ERROR_PROTOCOL,
                            "the driver began a trial while another runs");
        return FALSE;
    }
    /* An answer to an attempt that is over says nothing to this one. */
    if ((guint64)message_get_int(message, "trial", -1) != run->trial ||
        (guint)message_get_int(message, "attempt", 0) != run->attempt)
        return TRUE;
    if (message_is(message, "answer")) {
        ahead_answer(&run->ahead, (guint64)message_get_int(message, "n", 0));
        run->stop = run->stop || message_get_bool(message, "stop");
        run->past_end = run->stop && run->ahead.acked < run->ahead.n;
        take_save(worker, message);
    } else if (message_is(message, "stop")) {
        take_stop(worker, message);
        take_save(worker, message);
    }
    return TRUE;
}

gboolean
session_listen(PbxWorker *worker, gboolean wait, GError **error)
{
    for (;;) {
        g_autoptr(JsonObject) message = NULL;
        int taken = channel_read(&worker->channel, wait, &message, error);
        if (taken <= 0)
            return taken == 0;
        if (!take_message(worker, message, error))
            return FALSE;
        wait = FALSE;
    }
}

PbxSave *
session_save_begin(PbxWorker *worker, gint64 step, GError **error)
{
    if (worker->run->kept == NULL)
        return save_begin(worker, step, error);
    g_set_error_literal(error, PBX_CHECKPOINT_ERROR, CHECKPOINT_ERROR_REFUSED,
                        "checkpoint.path is set: pegbox itself saves what stands there");
    return NULL;
}

void
session_told(PbxWorker *worker)
{
    worker->run->stop = worker->run->stop || worker->run->stopping;
}

gboolean
session_settle(PbxWorker *worker, GError **error)
{
    const PbxRun *run = worker->run;
    channel_flush(&worker->channel);
    while (run->ahead.acked < run->ahead.n && !run->stop && !run->stopping)
        if (!session_listen(worker, TRUE, error))
            return FALSE;
    return TRUE;
}

/* ---- report ---- */

/* `counted`: what may hold times and counts; NULL: nothing does. */
static gboolean
send_report(PbxWorker *worker, JsonObject *counted, const char *text, guint32 flags, GError **error)
{
    PbxRun *run = worker->run;
    PbxCounts counts = run->counts;
    gint64 now_ns = g_get_monotonic_time() * 1000;
    run->rapid = now_ns - counts.last_ns < RAPID_NS ? run->rapid + 1 : 0;
    counts_advance(&counts, counted, now_ns);
    PbxWorkerMessage result = {.trial = run->trial,
                               .attempt = run->attempt,
                               .n = run->ahead.n + 1,
                               .iteration = counts.iteration,
                               .at_ns = g_get_real_time() * 1000,
                               .time_this_iter_s = counts.time_this_iter_s,
                               .time_total_s = counts.time_total_s,
                               .timesteps_total = counts.timesteps_total,
                               .episodes_total = counts.episodes_total,
                               .done = (flags & PBX_REPORT_DONE) != 0,
                               .fields_text = text};
    GString *message = result_message(&result);
    if (message->len > REPORT_MAX) {
        g_set_error(error, PBX_WORKER_ERROR, WORKER_ERROR_PROTOCOL,
                    "a report of %" G_GSIZE_FORMAT " bytes: at most %u can be sent", message->len,
                    REPORT_MAX);
        g_string_free(message, TRUE);
        return FALSE;
    }
    run->counts = counts;
    ahead_report(&run->ahead, now_ns);
    channel_queue(&worker->channel, message);
    channel_send_within(&worker->channel,
                        run->rapid < RAPID ? run->gather_us : MAX(run->gather_us, RAPID_GATHER_US));
    saving_reported(worker, counted, flags);
    return TRUE;
}

/* As long as the run is too far ahead. Where reports come at once, not each looks for answers. */
static gboolean
wait_for_answers(PbxWorker *worker, GError **error)
{
    PbxRun *run = worker->run;
    gboolean wait;
    do {
        wait = !run->stop && !run->stopping &&
               (saving_must_settle(run) ||
                ahead_must_wait(&run->ahead, g_get_monotonic_time() * 1000));
        if (!wait && run->rapid >= RAPID && run->ahead.n % RAPID_LISTENS != 0)
            return TRUE;
        if (!session_listen(worker, wait, error))
            return FALSE;
    } while (wait);
    return TRUE;
}

gboolean
session_report(PbxWorker *worker, JsonObject *fields, guint32 flags, GError **error)
{
    if (!kept_path_settle(worker, error))
        return FALSE;
    /* What follows a stop is dropped. */
    if (worker->run->stop)
        return TRUE;
    g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), fields);
    g_autofree char *text = json_to_text(node);
    return send_report(worker, fields, text, flags, error) && wait_for_answers(worker, error);
}

/* Whether the numbers of a report are all that it says, each under a name of its own. */
static gboolean
is_plain(const char *const *names, size_t n, const char *extra)
{
    if (extra != NULL || n > MAX_PLAIN)
        return FALSE;
    for (size_t i = 0; i < n; i++) {
        if (names[i] == NULL || names[i][0] == '\0' || counts_reads(names[i]) ||
            strcmp(names[i], SAVING_FIELD) == 0 || !g_utf8_validate(names[i], -1, NULL))
            return FALSE;
        for (size_t j = 0; j < i; j++)
            if (strcmp(names[i], names[j]) == 0)
                return FALSE;
    }
    return TRUE;
}

/* The same as session_report without an object being made: the way of the fastest trainables. */
static gboolean
report_plain(PbxWorker *worker, const char *const *names, const double *values, size_t n,
             guint32 flags, GError **error)
{
    GString *text = worker->run->text;
    if (!kept_path_settle(worker, error))
        return FALSE;
    if (worker->run->stop)
        return TRUE;
    g_string_assign(text, "{");
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            g_string_append_c(text, ',');
        json_put_string(text, names[i]);
        g_string_append_c(text, ':');
        json_put_double(text, values[i]);
    }
    g_string_append_c(text, '}');
    return send_report(worker, NULL, text->str, flags, error) && wait_for_answers(worker, error);
}

static gboolean
set_nonsense(GError **error, const char *message)
{
    g_set_error_literal(error, PBX_WORKER_ERROR, WORKER_ERROR_PROTOCOL, message);
    return FALSE;
}

static JsonObject *
report_fields(const char *const *names, const double *values, size_t n, const char *extra,
              GError **error)
{
    g_autoptr(JsonObject) fields = NULL;
    if (extra != NULL) {
        g_autoptr(JsonNode) node = json_read(extra, strlen(extra), REPORT_NESTING, error);
        if (node == NULL) {
            g_prefix_error(error, "a report's extra fields cannot be read: ");
            return NULL;
        }
        if (!JSON_NODE_HOLDS_OBJECT(node)) {
            set_nonsense(error, "a report's extra fields are no JSON object");
            return NULL;
        }
        fields = json_node_dup_object(node);
    } else {
        fields = json_object_new();
    }
    for (size_t i = 0; i < n; i++) {
        if (names[i] == NULL || names[i][0] == '\0' || !g_utf8_validate(names[i], -1, NULL)) {
            set_nonsense(error, "a report has a field without a name in UTF-8");
            return NULL;
        }
        json_object_set_double_member(fields, names[i], values[i]);
    }
    return g_steal_pointer(&fields);
}

static pbx_status
to_abi(const GError *failure, pbx_error *error)
{
    error->where[0] = '\0';
    g_strlcpy(error->message, failure->message, sizeof error->message);
    return g_error_matches(failure, PBX_WORKER_ERROR, WORKER_ERROR_GONE) ? PBX_ECANCELLED
                                                                         : PBX_EINVAL;
}

/* A program is told over its socket, by what it reports there. Until then what it prints counts,
 * though its trainable is to end it. */
static void
fill_answer(PbxWorker *worker, pbx_answer *answer, gboolean reported)
{
    const PbxRun *run = worker->run;
    if (answer == NULL)
        return;
    if (PEGBOX_HAS_FIELD(answer, pbx_answer, stop))
        answer->stop = run->stop || (run->stopping && !reported);
    if (PEGBOX_HAS_FIELD(answer, pbx_answer, save))
        answer->save = (reported || worker->program == NULL) && saving_tell(worker);
    if (PEGBOX_HAS_FIELD(answer, pbx_answer, saving))
        answer->saving = run->saving.n_open > 0;
}

static pbx_status
abi_report(const pbx_host *host, const char *const *names, const double *values, size_t n,
           const char *extra, uint32_t flags, pbx_answer *answer, pbx_error *error)
{
    PbxWorker *worker = worker_of(host);
    g_autoptr(GError) failure = NULL;
    if (worker->run == NULL) {
        g_strlcpy(error->message, "no trial runs now", sizeof error->message);
        return PBX_ESTATE;
    }
    if (is_plain(names, n, extra)) {
        if (!report_plain(worker, names, values, n, flags, &failure))
            return to_abi(failure, error);
    } else {
        g_autoptr(JsonObject) fields = report_fields(names, values, n, extra, &failure);
        if (fields == NULL || !session_report(worker, fields, flags, &failure))
            return to_abi(failure, error);
    }
    if (worker->run->kept != NULL)
        kept_path_step(worker);
    if (worker->program == NULL)
        session_told(worker);
    fill_answer(worker, answer, TRUE);
    return PBX_OK;
}

/* ---- The rest of the table ---- */

static const pbx_session_info *
abi_info(const pbx_host *host)
{
    PbxWorker *worker = worker_of(host);
    return worker->run != NULL ? &worker->run->info : NULL;
}

static pbx_status
abi_poll(const pbx_host *host, pbx_answer *answer)
{
    PbxWorker *worker = worker_of(host);
    g_autoptr(GError) failure = NULL;
    if (worker->run == NULL)
        return PBX_ESTATE;
    channel_send_within(&worker->channel, worker->run->gather_us);
    if (!session_listen(worker, FALSE, &failure))
        return PBX_ECANCELLED;
    if (worker->run->kept != NULL)
        kept_path_step(worker);
    fill_answer(worker, answer, FALSE);
    return PBX_OK;
}

static int32_t
abi_poll_fd(const pbx_host *host)
{
    const PbxWorker *worker = worker_of(host);
    return worker->run != NULL && worker->run->kept != NULL ? kept_path_fd(worker->run->kept)
                                                            : worker->channel.fd;
}

static int32_t
abi_program_fd(const pbx_host *host)
{
    PbxWorker *worker = worker_of(host);
    return worker->program != NULL ? program_socket_fd(worker->program) : -1;
}

static pbx_status
abi_program_step(const pbx_host *host, uint64_t *n_reports, pbx_error *error)
{
    PbxWorker *worker = worker_of(host);
    g_autoptr(GError) failure = NULL;
    if (worker->run == NULL || worker->program == NULL) {
        g_strlcpy(error->message, "no program runs now", sizeof error->message);
        return PBX_ESTATE;
    }
    if (!program_socket_step(worker->program, worker, n_reports, &failure))
        return to_abi(failure, error);
    return PBX_OK;
}

static void
abi_program_started(const pbx_host *host, int64_t pid)
{
    PbxWorker *worker = worker_of(host);
    if (worker->run == NULL)
        return;
    GString *message = message_new("pid");
    message_int(message, "trial", (gint64)worker->run->trial);
    message_int(message, "attempt", worker->run->attempt);
    message_int(message, "pid", pid);
    /* Sent with whatever comes next: a short program costs one message less. */
    channel_queue(&worker->channel, message);
}

static const char *
abi_checkpoint_begin(const pbx_host *host, int64_t step, pbx_error *error)
{
    PbxWorker *worker = worker_of(host);
    PbxRun *run = worker->run;
    g_autoptr(GError) failure = NULL;
    if (run == NULL || run->save != NULL) {
        error->where[0] = '\0';
        g_strlcpy(error->message,
                  run == NULL ? "no trial runs now" : "a checkpoint is being made already",
                  sizeof error->message);
        return NULL;
    }
    run->save = session_save_begin(worker, step, &failure);
    if (run->save == NULL)
        (void)to_abi(failure, error);
    return run->save != NULL ? run->save->dir : NULL;
}

static pbx_status
abi_checkpoint_end(const pbx_host *host, int32_t keep, pbx_error *error)
{
    PbxWorker *worker = worker_of(host);
    g_autoptr(GError) failure = NULL;
    if (worker->run == NULL || worker->run->save == NULL) {
        error->where[0] = '\0';
        g_strlcpy(error->message, "no checkpoint is being made", sizeof error->message);
        return PBX_ESTATE;
    }
    PbxSave *save = g_steal_pointer(&worker->run->save);
    if (!keep)
        save_drop(worker, save);
    else if (!save_end(worker, save, &failure))
        return to_abi(failure, error) == PBX_ECANCELLED ? PBX_ECANCELLED : PBX_EIO;
    return PBX_OK;
}

static const void *
abi_data(const pbx_host *host, const char *name, size_t *n)
{
    return worker_data(worker_of(host), name, n);
}

static void
abi_line(const pbx_host *host, int32_t is_stderr, const char *text)
{
    PbxWorker *worker = worker_of(host);
    if (worker->run == NULL)
        return;
    GString *message = message_new("line");
    message_int(message, "trial", (gint64)worker->run->trial);
    message_int(message, "attempt", worker->run->attempt);
    message_bool(message, "stderr", is_stderr != 0);
    message_string(message, "text", text);
    channel_queue(&worker->channel, message);
    channel_flush(&worker->channel);
}

const pbx_session worker_session = {
    .struct_size = sizeof(pbx_session),
    .info = abi_info,
    .report = abi_report,
    .poll = abi_poll,
    .poll_fd = abi_poll_fd,
    .program_fd = abi_program_fd,
    .program_step = abi_program_step,
    .program_started = abi_program_started,
    .checkpoint_begin = abi_checkpoint_begin,
    .checkpoint_end = abi_checkpoint_end,
    .data = abi_data,
    .line = abi_line,
};
