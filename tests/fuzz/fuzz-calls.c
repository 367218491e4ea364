/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the driver sends to a child with deciders, as the child reads it: calls, states, and answers
 * to what is asked within a call. The first byte names who lives there; then come packets of u16
 * length, so that what is an answer is not there before it is asked for.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "decider/decider-private.h"
#include "fuzz-registry.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

#define N_DIMS 2

/* Those that live there: a wrapper that keeps ends back, and one that reads another experiment. */
static const struct {
    const char *name, *options, *slots[3];
} who[] = {
    {"random", "{}", {"search", NULL}},
    {"limit",
     "{\"max_concurrent\":2,\"batch\":true,\"search\":{\"plugin\":\"random\"}}",
     {"search", "search.search", NULL}},
    {"warm-start",
     "{\"experiment\":\"earlier\",\"search\":{\"plugin\":\"tpe\",\"n_startup_trials\":1}}",
     {"search", "search.search", NULL}},
    {"repeat",
     "{\"times\":2,\"search\":{\"plugin\":\"random\"}}",
     {"search", "search.search", NULL}},
};

static pbx_dim dims[N_DIMS] = {
    {.struct_size = sizeof dims[0], .parent = -1, .high = 1, .name = "a", .path = "a"},
    {.struct_size = sizeof dims[0], .parent = -1, .high = 1, .name = "b", .path = "b"}};
static const pbx_dim *dim_list[] = {&dims[0], &dims[1]};
static const pbx_space space = {.struct_size = sizeof space, .n_dims = N_DIMS, .dims = dim_list};
static const pbx_objective loss = {.struct_size = sizeof loss, .sign = 1, .name = "loss"};
static const pbx_objective *objectives[] = {&loss};
static const pbx_problem problem = {.struct_size = sizeof problem,
                                    .n_objectives = 1,
                                    .space = &space,
                                    .objectives = objectives,
                                    .num_samples = 10};

static void
send_all(int fd, const GByteArray *frame)
{
    if (send(fd, frame->data, frame->len, MSG_NOSIGNAL) != (ssize_t)frame->len)
        abort();
}

/* They are made and set up, as before each call that there is. */
static void
send_setup(int fd, guint which)
{
    static PbxRegistry *registry;
    g_autoptr(GError) error = NULL;
    if (registry == NULL)
        registry = fuzz_registry();
    const PbxPlugin *plugin = registry_load(registry, "search", who[which].name, &error);
    if (plugin == NULL)
        abort();
    g_autoptr(GByteArray) frame = frame_begin(FRAME_SETUP);
    pack_text(frame, PEGBOX_VERSION);
    pack_text(frame, "/nowhere");
    pack_text(frame, plugin->path);
    pack_text(frame, "search");
    pack_text(frame, who[which].name);
    pack_text(frame, who[which].options);
    guint n = 0;
    while (who[which].slots[n] != NULL)
        n++;
    pack_32(frame, n);
    for (guint i = 0; i < n; i++) {
        pack_text(frame, who[which].slots[i]);
        pack_64(frame, 7);
        pack_struct(frame, &struct_problem, &problem, NULL);
    }
    frame_end(frame);
    send_all(fd, frame);
    const PbxCall call = {.id = CALL_SEARCH_SETUP, .problem = &problem};
    g_autoptr(GByteArray) setup = frame_begin(FRAME_CALL);
    pack_32(setup, call.id);
    pack_32(setup, CALL_STILL);
    pack_64(setup, 1);
    call_pack(setup, &call, N_DIMS);
    frame_end(setup);
    send_all(fd, setup);
}

/* Who lives there, and of which space, is the driver's own: plugins may rely on that. */
static gboolean
is_good(const uint8_t *packet, size_t n, guint which)
{
    uint32_t words[3] = {0};
    for (gsize at = 0; at < n; at += sizeof words[0] + words[0]) {
        if (n - at < 8)
            return FALSE;
        memcpy(words, packet + at, MIN(n - at, sizeof words));
        if (words[0] < 4 || words[0] > n - at - sizeof words[0] ||
            (words[1] == FRAME_SETUP && which < G_N_ELEMENTS(who)) ||
            (words[1] == FRAME_CALL && words[2] < N_CALLS && call_table[words[2]].is_setup))
            return FALSE;
    }
    return TRUE;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    int ends[2];
    if (n == 0)
        return 0;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        abort();
    const guint which = bytes[0] % (G_N_ELEMENTS(who) + 1);
    if (which < G_N_ELEMENTS(who))
        send_setup(ends[1], which);
    for (bytes++, n--; n > 2;) {
        const gsize length = MIN(bytes[0] | (gsize)bytes[1] << 8, n - 2);
        if (length > 0 && is_good(bytes + 2, length, which) &&
            send(ends[1], bytes + 2, length, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)length)
            break;
        bytes += 2 + length;
        n -= 2 + length;
    }
    /* What it says goes nowhere. */
    shutdown(ends[1], SHUT_RDWR);
    (void)decider_child_serve(ends[0]);
    close(ends[1]);
    return 0;
}
