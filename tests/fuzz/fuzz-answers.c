/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a child with deciders sends to its driver, where a broken plugin may have written: answers
 * to a call or to one for states, log lines, and what is asked within a call. Each input is taken
 * for one thing that its first byte names, and ends with the channel.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "decider/process-private.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

#define N_DIMS    3
#define N_MEMBERS 3

static double words[N_DIMS + 4];

static pbx_result last = {.struct_size = sizeof last, .n_losses = 1, .losses = words, .text = "{}"};
static pbx_outcome outcome = {
    .struct_size = sizeof outcome, .n_dims = N_DIMS, .x = words, .last = &last};

static pbx_outcome *
outcome_of(gpointer child, const pbx_outcome *seen)
{
    if (child == NULL || seen == NULL)
        abort();
    return &outcome;
}

static pbx_outcome *
told_of(gpointer child, guint64 trial, pbx_error *error)
{
    if (child == NULL)
        abort();
    if (trial % 2 == 0)
        return &outcome;
    g_strlcpy(error->message, "there is no such trial", sizeof error->message);
    return NULL;
}

static const pbx_outcome *
observe(gpointer user, const char *experiment, guint64 *from, const char **left_out,
        pbx_error *error)
{
    if (user == NULL || *left_out != NULL)
        abort();
    *left_out = "1 void";
    if (experiment[0] == 'x')
        g_strlcpy(error->message, "there is no experiment", sizeof error->message);
    return experiment[0] != 'x' && (*from)++ % 2 == 0 ? &outcome : NULL;
}

static void
on_log(const char *slot, int level, const char *message, gpointer user)
{
    (void)user;
    if (level < PBX_LOG_DEBUG || level > PBX_LOG_ERROR || strlen(slot) + strlen(message) == 0)
        return;
}

/* ---- A process that has a call under way, whose child has said all that it will ---- */

static pbx_search search_vtable = {
    .struct_size = sizeof search_vtable,
    .object = {.state_version = 1,
               .save = (pbx_status(*)(pbx_instance *, const pbx_sink *, pbx_error *))abort}};
static const pbx_interface interfaces[] = {{PBX_SEARCH_ID, &search_vtable}, {NULL, NULL}};
static const pbx_plugin description = {
    .struct_size = sizeof description, .kind = "search", .name = "fuzz", .interfaces = interfaces};
static const PbxPlugin plugin = {.desc = &description, .path = (char *)"/fuzz.so"};

static PbxProcess *
process_make(int fd)
{
    PbxProcess *process = g_new0(PbxProcess, 1);
    *process =
        (PbxProcess){.refs = 1,
                     .placement = {.sees = {.outcome = outcome_of, .told = told_of},
                                   .observe = observe,
                                   .log = on_log},
                     .n = N_MEMBERS,
                     .members = g_new0(PbxPlaced, N_MEMBERS),
                     .deciders = g_new0(PbxDecider *, N_MEMBERS),
                     .blobs = g_new0(GBytes *, N_MEMBERS),
                     .versions = g_new0(guint32, N_MEMBERS),
                     .journal = g_ptr_array_new_with_free_func((GDestroyNotify)g_byte_array_unref),
                     .answer = arena_new(),
                     .heard = arena_new(),
                     .n_dims = N_DIMS,
                     .saves = TRUE,
                     .has_state = TRUE,
                     .pid = G_MAXINT, /* nobody's; and not `ready`, so there is no second one */
                     .setup = frame_begin(FRAME_SETUP)};
    process->placement.limit_ns = 1000000;
    for (guint i = 0; i < N_MEMBERS; i++) {
        process->members[i] = (PbxPlaced){.plugin = &plugin,
                                          .slot = g_strdup("search"),
                                          .wrapper = i > 0 ? i - 1 : 0,
                                          .user = process};
        process->deciders[i] = decider_in_child(process, i, &plugin, "search", G_MAXINT64);
    }
    g_queue_init(&process->queue);
    frames_open(&process->frames, fd);
    return process;
}

static void
process_unmake(PbxProcess *process)
{
    for (guint i = 0; i < N_MEMBERS; i++)
        decider_free(process->deciders[i]);
    process_unref(process);
}

/* The structs that calls are answered in. */
typedef struct {
    PbxCall call;
    double x[N_DIMS];
    guint64 trials[2];
    gint64 total;
    pbx_suggestion suggestion;
    pbx_decision decision;
    pbx_choice choice;
    pbx_verdict verdict;
} Asked;

static void
asked_make(Asked *asked, PbxCallId id)
{
    memset(asked, 0, sizeof *asked);
    asked->suggestion =
        (pbx_suggestion){.struct_size = sizeof asked->suggestion, .n_dims = N_DIMS, .x = asked->x};
    asked->decision.struct_size = sizeof asked->decision;
    asked->verdict.struct_size = sizeof asked->verdict;
    asked->choice =
        (pbx_choice){.struct_size = sizeof asked->choice, .n = 2, .trials = asked->trials};
    asked->call = (PbxCall){.id = id,
                            .suggestion = &asked->suggestion,
                            .decision = &asked->decision,
                            .choice = &asked->choice,
                            .verdict = &asked->verdict,
                            .total = &asked->total};
}

/* What is answered is read to its end. */
static void
look_at(const Asked *asked)
{
    const char *extra = asked->suggestion.extra, *reason = asked->verdict.reason;
    if (asked->suggestion.x != asked->x || asked->suggestion.n_dims != N_DIMS ||
        asked->choice.trials != asked->trials || asked->choice.n != 2 ||
        (extra != NULL && strlen(extra) > 1u << 20) ||
        (reason != NULL && strlen(reason) > 1u << 20))
        abort();
    if (asked->call.status < 0 &&
        memchr(asked->call.error.message, '\0', sizeof asked->call.error.message) == NULL)
        abort();
}

static void
take_call(PbxProcess *process, PbxCallId id)
{
    Asked asked;
    asked_make(&asked, id);
    process_call(process, process->deciders[0], &asked.call);
    look_at(&asked);
}

static void
take_state(PbxProcess *process)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) state = process_save(process, process->deciders[1], &error);
    if ((state == NULL) != (error != NULL))
        abort();
}

static void
take_description(PbxProcess *process)
{
    g_autofree char *text = process_describe(process, process->deciders[1]);
    if (text != NULL && !g_utf8_validate(text, -1, NULL))
        abort();
}

static void
take_status(PbxProcess *process)
{
    pbx_error error = {"", ""};
    g_autoptr(GBytes) state = g_bytes_new_static("state", 5);
    (void)process_load(process, process->deciders[1], 1, state, &error);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    int ends[2];
    if (n == 0 || n > 60000)
        return 0;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        abort();
    if (write(ends[1], bytes + 1, n - 1) != (ssize_t)(n - 1))
        abort();
    shutdown(ends[1], SHUT_WR);
    PbxProcess *process = process_make(ends[0]);
    const guint id = bytes[0] % (N_CALLS + 3);
    if (id < N_CALLS)
        take_call(process, id);
    else if (id == N_CALLS)
        take_state(process);
    else if (id == N_CALLS + 1)
        take_description(process);
    else
        take_status(process);
    process_unmake(process);
    close(ends[1]);
    return 0;
}
