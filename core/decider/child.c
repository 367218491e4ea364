/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The child's side: makes the instances that it is told of, a wrapper with all that it wraps, and
 * answers one call after the other, until its channel closes.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "decider/decider-private.h"
#include "json/json.h"

/* One that lives here. */
typedef struct {
    char *slot;
    guint64 seed;
    pbx_problem *problem;
    guint wrapper;
    gboolean is_search;
    PbxDecider *decider;
    PbxChildren *children;
    PbxShim shim;
    pbx_result *result; /* what it sees of the call's */
    pbx_outcome *outcome;
    const double *losses; /* of either, as they came */
    char *left_out;       /* of an earlier experiment, in words */
} Member;

typedef struct {
    PbxFrames frames, inner; /* what is read of the same socket: calls, and answers within one */
    PbxArena *arena;         /* of a call */
    PbxArena *lasting;       /* of the first frame */
    PbxArena *problem;       /* of the last setup */
    PbxArena *observed;      /* of the last that was read of an earlier experiment */
    PbxClock *clock;
    PbxRegistry *registry;
    PbxSandbox *sandbox;
    PbxOptions *options;
    Member *members;
    guint n, n_made;
} Child;

static Child child; /* one a process: services are given members */

/* A plugin may log from threads of its own. */
static void
send_frame(GByteArray *frame)
{
    static GMutex mutex;
    frame_end(frame);
    /* That the driver is gone is found where the next call is read. */
    g_mutex_lock(&mutex);
    (void)frames_send(&child.frames, frame, -1);
    g_mutex_unlock(&mutex);
    g_byte_array_unref(frame);
}

static void
on_log(const char *slot, int level, const char *message, gpointer user)
{
    (void)user;
    GByteArray *frame = frame_begin(FRAME_LOG);
    pack_32(frame, (guint32)level);
    pack_text(frame, slot);
    pack_text(frame, message);
    send_frame(frame);
}

/* Between the frames of a call nothing comes but the end. */
static gboolean
is_cancelled(gpointer user)
{
    char byte;
    (void)user;
    return recv(child.frames.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* ---- Who lives here ---- */

static pbx_problem *
problem_of(gpointer member)
{
    return ((Member *)member)->problem;
}

static pbx_result *
altered(const Member *wrapper, const pbx_result *seen, Member *member, pbx_result *result)
{
    const PbxSeen then = {wrapper->problem, seen, wrapper->losses};
    member->losses = result->losses;
    decider_hand_down(&then, member->problem, result);
    return result;
}

static pbx_result *
result_of(gpointer user, const pbx_result *result)
{
    Member *member = user;
    const Member *wrapper = &child.members[member->wrapper];
    if (member->outcome != NULL && result == member->outcome->last)
        return (pbx_result *)result;
    return result == wrapper->result ? altered(wrapper, result, member, member->result) : NULL;
}

static pbx_outcome *
outcome_of(gpointer user, const pbx_outcome *outcome)
{
    Member *member = user;
    const Member *wrapper = &child.members[member->wrapper];
    if (outcome != wrapper->outcome || member->outcome == NULL)
        return NULL;
    pbx_result *last = (pbx_result *)member->outcome->last;
    *member->outcome = *outcome;
    member->outcome->last = last != NULL && outcome->last != NULL
                                ? altered(wrapper, outcome->last, member, last)
                                : NULL;
    return member->outcome;
}

static pbx_suggestion *
suggestion_of(gpointer user, pbx_suggestion *suggestion)
{
    const Member *member = user;
    return decider_offer(member->decider, child.members[member->wrapper].decider, suggestion);
}

static gboolean
is_within(guint index, guint outer)
{
    while (index > outer)
        index = child.members[index].wrapper;
    return index == outer;
}

static guint
n_dims(void)
{
    return child.members[0].problem->space->n_dims;
}

static gboolean
is_of_space(const pbx_outcome *outcome)
{
    return outcome->n_dims == n_dims();
}

static void
take_outcome(PbxUnpack *in, Member *member, gconstpointer base)
{
    member->outcome = unpack_struct(in, &struct_outcome, base);
    in->broken = in->broken || member->outcome == NULL || !is_of_space(member->outcome);
    const pbx_result *last = in->broken ? NULL : member->outcome->last;
    member->losses = last != NULL ? last->losses : NULL;
}

/* As one sees it, and all that it wraps. */
static pbx_outcome *
take_outcomes(PbxUnpack *in, guint index)
{
    for (guint i = index; i < child.n; i++)
        if (is_within(i, index))
            take_outcome(in, &child.members[i], NULL);
    return in->broken ? NULL : child.members[index].outcome;
}

/* Sends what asks the driver within a call. FALSE: there is no answer, and the error says so. */
static gboolean
ask_driver(GByteArray *frame, PbxFrameType wanted, PbxUnpack *in, pbx_error *error)
{
    PbxFrameType type;
    send_frame(frame);
    if (frames_read(&child.inner, TRUE, &type, in) == CHANNEL_FRAME && type == wanted)
        return TRUE;
    plugin_set_abi_error(error, "", "the driver does not answer");
    return FALSE;
}

static pbx_outcome *
told_of(gpointer user, guint64 trial, pbx_error *error)
{
    const guint index = (guint)((Member *)user - child.members);
    PbxUnpack in = {.arena = child.arena};
    GByteArray *frame = frame_begin(FRAME_TOLD);
    pack_32(frame, index);
    pack_64(frame, trial);
    if (!ask_driver(frame, FRAME_TOLD, &in, error) || status_unpack(&in, error) != PBX_OK)
        return NULL;
    return take_outcomes(&in, index);
}

static const PbxChildFuncs funcs = {.problem = problem_of,
                                    .result = result_of,
                                    .outcome = outcome_of,
                                    .suggestion = suggestion_of,
                                    .told = told_of};

/* ---- observations/1 ---- */

static const pbx_outcome *
abi_read(const pbx_host *host, const char *experiment, uint64_t *from, pbx_error *error)
{
    Member *member = host_service_user(host, PBX_OBSERVATIONS_ID);
    const guint index = (guint)(member - child.members);
    PbxUnpack in = {.arena = child.observed};
    arena_clear(child.observed);
    member->outcome = NULL;
    error->message[0] = error->where[0] = '\0';
    GByteArray *frame = frame_begin(FRAME_OBSERVED);
    pack_32(frame, index);
    pack_text(frame, experiment);
    pack_64(frame, *from);
    if (!ask_driver(frame, FRAME_OBSERVED, &in, error))
        return NULL;
    const pbx_status status = status_unpack(&in, error);
    *from = unpack_64(&in);
    g_free(member->left_out);
    member->left_out = g_strdup(unpack_text(&in));
    const pbx_outcome *outcome = status == PBX_OK ? take_outcomes(&in, index) : NULL;
    if (in.broken)
        plugin_set_abi_error(error, "", "what the driver answers cannot be read");
    return outcome;
}

static const char *
abi_left_out(const pbx_host *host)
{
    return ((const Member *)host_service_user(host, PBX_OBSERVATIONS_ID))->left_out;
}

static const pbx_observations observations = {
    .struct_size = sizeof observations, .read = abi_read, .left_out = abi_left_out};

static void
prepare(PbxHost *host, gpointer user)
{
    Member *member = user;
    children_offer(host, member->children);
    if (member->is_search)
        host_add_service(host, PBX_OBSERVATIONS_ID, &observations, member);
    host_ask_cancelled(host, is_cancelled, NULL);
}

static gboolean make_members(const PbxPlugin *plugin, PbxOptions *options, guint wrapper,
                             GError **error);

/* What a wrapper wraps, each with what it wraps itself. */
static gboolean
make_wrapped(guint index, const PbxOptions *options, GError **error)
{
    const GPtrArray *wrapped = options_children(options);
    Member *member = &child.members[index];
    if (wrapped->len == 0)
        return TRUE;
    member->children = children_new(&funcs);
    for (guint i = 0; i < wrapped->len; i++) {
        const PbxOptionChild *from = wrapped->pdata[i];
        const guint at = child.n_made;
        if (!make_members(from->plugin, from->options, index, error))
            return FALSE;
        Member *inner = &child.members[at];
        gconstpointer vtable = decider_shim(inner->decider, &inner->shim);
        if (vtable != NULL)
            children_add(member->children, from, inner->slot, decider_caps(inner->decider), vtable,
                         inner->shim.self, inner);
    }
    return TRUE;
}

static gboolean
make_members(const PbxPlugin *plugin, PbxOptions *options, guint wrapper, GError **error)
{
    const guint index = child.n_made++;
    if (index >= child.n) {
        g_set_error_literal(error, PBX_PLUGIN_ERROR, PLUGIN_ERROR_BROKEN,
                            "its driver told of other plugins than it wraps");
        return FALSE;
    }
    Member *member = &child.members[index];
    member->wrapper = wrapper;
    member->is_search = g_str_equal(plugin->desc->kind, "search");
    if (!make_wrapped(index, options, error))
        return FALSE;
    PbxInstance *instance = instance_new(plugin, member->slot, options, member->seed, child.clock,
                                         on_log, NULL, prepare, member, error);
    if (instance == NULL)
        return FALSE;
    member->decider = decider_new(instance, G_MAXINT64);
    return TRUE;
}

static void
keep_silent(const char *message, gpointer user)
{
    /* The driver has said it. */
    (void)message;
    (void)user;
}

static gboolean
read_options(const PbxPlugin *plugin, const char *text, const char *base_dir, GError **error)
{
    g_autoptr(JsonNode) node = json_read(text, strlen(text), DOC_MAX_NESTING, error);
    if (node == NULL)
        return FALSE;
    g_autoptr(PbxDoc) doc = doc_new_for_node("options", node);
    g_autoptr(PbxProblems) problems = problems_new();
    PbxOptionContext context = {
        .registry = child.registry, .sandbox = child.sandbox, .base_dir = base_dir};
    child.options = options_check(plugin, doc, "", NULL, &context, problems);
    if (child.options != NULL)
        return TRUE;
    g_autofree char *lines = problems_format(problems);
    g_set_error_literal(error, PBX_PLUGIN_ERROR, PLUGIN_ERROR_BROKEN, g_strchomp(lines));
    return FALSE;
}

static gboolean
are_told_of(void)
{
    gboolean told = child.n > 0;
    for (guint i = 0; told && i < child.n; i++)
        told = child.members[i].slot != NULL && child.members[i].problem != NULL &&
               child.members[i].problem->space != NULL;
    return told;
}

static gboolean
set_up(PbxUnpack *in, GError **error)
{
    const char *version = unpack_text(in), *base_dir = unpack_text(in), *path = unpack_text(in);
    const char *kind = unpack_text(in), *name = unpack_text(in), *options = unpack_text(in);
    const guint n = unpack_32(in);
    if (in->broken || child.members != NULL || g_strcmp0(version, PEGBOX_VERSION) != 0 ||
        n > G_MAXUINT16) {
        g_set_error(error, PBX_PLUGIN_ERROR, PLUGIN_ERROR_BROKEN,
                    "pegbox-worker is of pegbox %s, and was started by another", PEGBOX_VERSION);
        return FALSE;
    }
    child.n = n;
    child.members = g_new0(Member, n);
    for (guint i = 0; i < child.n; i++) {
        child.members[i].slot = unpack_text(in);
        child.members[i].seed = unpack_64(in);
        child.members[i].problem = unpack_struct(in, &struct_problem, NULL);
    }
    if (path == NULL || options == NULL || !are_told_of()) {
        g_set_error_literal(error, PBX_PLUGIN_ERROR, PLUGIN_ERROR_BROKEN,
                            "its driver told of nothing that makes sense");
        return FALSE;
    }
    child.registry = registry_new(error);
    if (child.registry == NULL)
        return FALSE;
    registry_on_warning(child.registry, keep_silent, NULL);
    const PbxPlugin *plugin = registry_load_file(child.registry, path, kind, name, error);
    return plugin != NULL && read_options(plugin, options, base_dir, error) &&
           make_members(plugin, child.options, 0, error);
}

static void
answer_setup(PbxUnpack *in)
{
    g_autoptr(GError) error = NULL;
    in->arena = child.lasting;
    const gboolean made = set_up(in, &error) && child.n_made == child.n;
    GByteArray *answer = frame_begin(FRAME_ANSWER);
    if (!made) {
        const gboolean refused = g_error_matches(error, PBX_PLUGIN_ERROR, PLUGIN_ERROR_OPTIONS);
        pack_32(answer, (guint32)(refused ? PBX_EINVAL : PBX_EIO));
        pack_text(answer, error != NULL ? error->message : "its driver told of more plugins");
    } else {
        pack_32(answer, PBX_OK);
        for (guint i = 0; i < child.n; i++)
            pack_32(answer, decider_caps(child.members[i].decider));
    }
    send_frame(answer);
}

/* ---- What is asked of them ---- */

static void
set_clock(guint32 flags, gint64 at_ns)
{
    const gboolean still = (flags & CALL_STILL) != 0;
    clock_hold(child.clock, still ? at_ns : -1);
    if (!still)
        clock_continue(child.clock, at_ns);
}

/* What those that are wrapped see of the call's. */
static void
take_views(PbxUnpack *in, const PbxCall *call)
{
    const pbx_result *last = call->outcome != NULL ? call->outcome->last : call->result;
    child.members[0].result = (pbx_result *)call->result;
    child.members[0].outcome = (pbx_outcome *)call->outcome;
    child.members[0].losses = last != NULL ? last->losses : NULL;
    for (guint i = 1; i < child.n; i++) {
        Member *member = &child.members[i];
        member->result = NULL;
        member->outcome = NULL;
        if (call->outcome != NULL)
            take_outcome(in, member, call->outcome);
        else if (call->result != NULL)
            member->result = unpack_struct(in, &struct_result, call->result);
        in->broken = in->broken || (call->result != NULL && member->result == NULL);
    }
}

/* Points have as many dims as there are. */
static gboolean
fits(const PbxCall *call)
{
    const pbx_suggestion *suggestion = call->suggestion;
    return (suggestion == NULL || suggestion->n_dims == n_dims()) &&
           (call->outcome == NULL || is_of_space(call->outcome)) &&
           (call->problem == NULL || call->problem->space != NULL);
}

/* Whether those that live here have such a function. */
static gboolean
is_of_kind(guint id)
{
    const char *kind = decider_plugin(child.members[0].decider)->desc->kind;
    const gsize n = strlen(kind);
    return id < N_CALLS && strncmp(call_table[id].name, kind, n) == 0 &&
           call_table[id].name[n] == '.';
}

static gboolean
answer_call(PbxUnpack *in)
{
    PbxCall call = {.id = unpack_32(in)};
    const guint32 flags = unpack_32(in);
    const guint64 at_ns = unpack_64(in);
    if (in->broken || !is_of_kind(call.id) || at_ns > G_MAXINT64 / 2)
        return FALSE;
    set_clock(flags, (gint64)at_ns);
    in->arena = call_table[call.id].is_setup ? child.problem : child.arena;
    arena_clear(in->arena);
    call_unpack(in, &call, n_dims());
    if (in->broken || !fits(&call))
        return FALSE;
    take_views(in, &call);
    if (in->broken)
        return FALSE;
    decider_call(child.members[0].decider, &call, NULL, NULL);
    GByteArray *answer = frame_begin(FRAME_ANSWER);
    call_pack_answer(answer, &call);
    send_frame(answer);
    return TRUE;
}

static void
answer_save(void)
{
    pbx_error none = {"", ""};
    g_autoptr(GError) error = NULL;
    g_autoptr(GByteArray) states = g_byte_array_new();
    for (guint i = 0; i < child.n && error == NULL; i++) {
        g_autoptr(GByteArray) blob = g_byte_array_new();
        PbxDecider *decider = child.members[i].decider;
        if (decider_state_version(decider) != 0)
            (void)decider_save(decider, blob, &error);
        pack_bytes(states, blob->data, blob->len);
    }
    if (error != NULL)
        g_strlcpy(none.message, error->message, sizeof none.message);
    GByteArray *answer = frame_begin(FRAME_ANSWER);
    status_pack(answer, error == NULL ? PBX_OK : PBX_EIO, &none);
    if (error == NULL)
        g_byte_array_append(answer, states->data, states->len);
    send_frame(answer);
}

static gboolean
answer_load(PbxUnpack *in)
{
    const guint index = unpack_32(in);
    const guint32 version = unpack_32(in);
    gsize n = 0;
    const guint8 *bytes = unpack_bytes(in, &n);
    if (in->broken || index >= child.n)
        return FALSE;
    pbx_error error = {"", ""};
    const pbx_status status =
        decider_load_here(child.members[index].decider, version, bytes, n, &error);
    GByteArray *answer = frame_begin(FRAME_ANSWER);
    status_pack(answer, status, &error);
    send_frame(answer);
    return TRUE;
}

static gboolean
answer_describe(PbxUnpack *in)
{
    const guint index = unpack_32(in);
    if (in->broken || index >= child.n)
        return FALSE;
    g_autofree char *text = decider_describe(child.members[index].decider);
    GByteArray *answer = frame_begin(FRAME_ANSWER);
    pack_text(answer, text);
    send_frame(answer);
    return TRUE;
}

static gboolean
answer(PbxFrameType type, PbxUnpack *in)
{
    if (type == FRAME_SETUP) {
        answer_setup(in);
        return TRUE;
    }
    if (child.n_made == 0 || child.members[0].decider == NULL)
        return FALSE;
    switch (type) {
    case FRAME_CALL:
        return answer_call(in);
    case FRAME_SAVE:
        answer_save();
        return TRUE;
    case FRAME_LOAD:
        return answer_load(in);
    case FRAME_DESCRIBE:
        return answer_describe(in);
    default:
        return FALSE;
    }
}

/* ---- The process ---- */

static void
clear(void)
{
    /* A wrapper is destroyed before what it wraps. */
    for (guint i = 0; i < child.n && child.members != NULL; i++)
        decider_free(child.members[i].decider);
    for (guint i = 0; i < child.n && child.members != NULL; i++) {
        children_free(child.members[i].children);
        g_free(child.members[i].left_out);
    }
    g_free(child.members);
    options_free(child.options);
    if (child.sandbox != NULL)
        sandbox_free(child.sandbox);
    registry_free(child.registry);
    clock_free(child.clock);
    arena_free(child.arena);
    arena_free(child.lasting);
    arena_free(child.problem);
    arena_free(child.observed);
    child.inner.fd = -1; /* the same */
    frames_close(&child.inner);
    frames_close(&child.frames);
    child = (Child){.n = 0};
}

int
decider_child_serve(int fd)
{
    frames_open(&child.frames, fd);
    frames_open(&child.inner, fd);
    child.arena = arena_new();
    child.lasting = arena_new();
    child.problem = arena_new();
    child.observed = arena_new();
    child.clock = clock_new_real(NULL);
    child.sandbox = sandbox_new();
    PbxFrameType type;
    PbxUnpack in = {.arena = child.arena};
    gboolean good = TRUE;
    while (good && frames_read(&child.frames, TRUE, &type, &in) == CHANNEL_FRAME) {
        in.arena = child.arena;
        good = answer(type, &in);
    }
    clear();
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
decider_child_main(void)
{
    if (fcntl(DECIDER_CHILD_FD, F_SETFD, FD_CLOEXEC) < 0) {
        fputs("pegbox-worker is started by pegbox itself, with a socket at descriptor 3.\n",
              stderr);
        return 2;
    }
    /* Also in the middle of a call, where nobody looks whether the channel has closed. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    return decider_child_serve(DECIDER_CHILD_FD);
}
