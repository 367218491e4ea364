/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Structs and calls as bytes: all of them travels, and nonsense is found out. */
#include <math.h>
#include <string.h>

#include "decider/calls-private.h"

/* How many bytes of a struct a field takes. */
static gsize
size_of(const PbxField *field)
{
    return field->type == PACK_32 ? sizeof(guint32) : sizeof(guint64);
}

/* A field that a header adds is to be described too. */
static void
test_complete(void)
{
    for (const PbxStructInfo *const *at = struct_table; *at != NULL; at++) {
        const PbxStructInfo *info = *at;
        g_autofree guint8 *seen = g_malloc0(info->size);
        memset(seen, 1, sizeof(guint32)); /* struct_size */
        for (gsize i = 0; i < info->n_fields; i++) {
            const PbxField *field = &info->fields[i];
            g_assert_cmpuint(field->offset + size_of(field), <=, info->size);
            for (gsize j = 0; j < size_of(field); j++)
                g_assert_cmpuint(seen[field->offset + j]++, ==, 0);
        }
        for (gsize i = 0; i < info->size; i++)
            if (seen[i] == 0)
                g_error("%s: byte %" G_GSIZE_FORMAT " is of no field", info->name, i);
    }
}

/* ---- Round trips ---- */

static const double losses[] = {1.5, -0.25}, watched[] = {3.25, NAN}, violations[] = {INFINITY};
static const uint8_t present[] = {1, 0};
static const uint64_t counts[] = {1, 2, 3, 4, 5}, waiting[] = {7, 9};
static const char *const names[] = {"cpu", "memory"};
static const double amounts[] = {2, 1e9};
static const pbx_amounts free_amounts = {
    .struct_size = sizeof free_amounts, .n = 2, .names = names, .values = amounts};
static const char text[] = "{\"a\":1.5,\"b\":[true,\"\xc3\xa4\"]}";

static pbx_result
result(void)
{
    return (pbx_result){.struct_size = sizeof(pbx_result),
                        .flags = PBX_RESULT_DONE,
                        .n_losses = 2,
                        .n_violations = 1,
                        .n_watched = 2,
                        .rung = 3,
                        .trial = 1ull << 60,
                        .seq = 12,
                        .iteration = -4,
                        .at_ns = 99,
                        .time_total_s = 0.5,
                        .budget = (double)NAN,
                        .losses = losses,
                        .violations = violations,
                        .watched = watched,
                        .present = present,
                        .counts = counts,
                        .free = &free_amounts,
                        .fields = host_json(NULL),
                        .text = text,
                        .text_size = sizeof text - 1};
}

static void
check_result(const pbx_result *got)
{
    const pbx_result is = result();
    g_assert_cmpuint(got->struct_size, ==, sizeof *got);
    g_assert_cmpuint(got->flags, ==, is.flags);
    g_assert_cmpuint(got->trial, ==, is.trial);
    g_assert_cmpint(got->iteration, ==, is.iteration);
    g_assert_true(isnan(got->budget));
    g_assert_cmpmem(got->losses, sizeof losses, losses, sizeof losses);
    g_assert_cmpmem(got->watched, sizeof watched, watched, sizeof watched);
    g_assert_cmpmem(got->violations, sizeof violations, violations, sizeof violations);
    g_assert_cmpmem(got->present, sizeof present, present, sizeof present);
    g_assert_cmpmem(got->counts, sizeof counts, counts, sizeof counts);
    g_assert_cmpuint(got->free->n, ==, 2);
    g_assert_cmpstr(got->free->names[1], ==, "memory");
    g_assert_cmpfloat(got->free->values[1], ==, 1e9);
    g_assert_cmpstr(got->text, ==, text);
    g_assert_cmpuint(got->text_size, ==, sizeof text - 1);
}

typedef struct {
    GByteArray *bytes;
    PbxArena *arena;
    PbxUnpack in;
} Trip;

static void
trip_begin(Trip *trip)
{
    trip->bytes = g_byte_array_new();
    trip->arena = arena_new();
}

static PbxUnpack *
trip_read(Trip *trip)
{
    trip->in = (PbxUnpack){
        .at = trip->bytes->data, .end = trip->bytes->data + trip->bytes->len, .arena = trip->arena};
    return &trip->in;
}

static void
trip_end(Trip *trip)
{
    g_assert_false(trip->in.broken);
    g_assert_true(trip->in.at == trip->in.end);
    g_byte_array_unref(trip->bytes);
    arena_free(trip->arena);
}

static void
test_result(void)
{
    Trip trip;
    trip_begin(&trip);
    g_autoptr(JsonNode) node = json_from_string(text, NULL);
    pbx_result sent = result();
    sent.fields = host_json(node);
    pack_struct(trip.bytes, &struct_result, &sent, NULL);
    const pbx_result *got = unpack_struct(trip_read(&trip), &struct_result, NULL);
    check_result(got);
    JsonObject *object = json_node_get_object(host_json_node(got->fields));
    g_assert_cmpfloat(json_object_get_double_member(object, "a"), ==, 1.5);
    trip_end(&trip);
}

/* A second slot sees the same but for what is its own: that alone travels. */
static void
test_base(void)
{
    Trip trip;
    trip_begin(&trip);
    const double own[] = {8};
    const pbx_result root = result();
    pbx_result seen = root;
    seen.losses = own;
    seen.n_losses = 1;
    pack_struct(trip.bytes, &struct_result, &root, NULL);
    const guint alone = trip.bytes->len;
    pack_struct(trip.bytes, &struct_result, &seen, &root);
    g_assert_cmpuint(trip.bytes->len - alone, <, 64);
    PbxUnpack *in = trip_read(&trip);
    const pbx_result *base = unpack_struct(in, &struct_result, NULL);
    const pbx_result *got = unpack_struct(in, &struct_result, base);
    check_result(base);
    g_assert_cmpuint(got->n_losses, ==, 1);
    g_assert_cmpfloat(got->losses[0], ==, 8);
    g_assert_true(got->text == base->text && got->watched == base->watched);
    trip_end(&trip);
}

static void
test_problem(void)
{
    Trip trip;
    trip_begin(&trip);
    g_autoptr(JsonNode) choices = json_from_string("[1, 2.5, \"x\", {\"y\": null}]", NULL);
    const pbx_dim category = {.struct_size = sizeof category,
                              .type = PBX_DIM_CATEGORY,
                              .parent = -1,
                              .n_choices = 4,
                              .name = "c",
                              .path = "c",
                              .choices = host_json(choices)};
    const pbx_dim real = {
        .struct_size = sizeof real, .parent = 0, .low = -1, .high = 2, .name = "r", .path = "r"};
    const pbx_dim *const dims[] = {&category, &real};
    const pbx_space space = {.struct_size = sizeof space, .n_dims = 2, .dims = dims};
    const pbx_objective objective = {.struct_size = sizeof objective, .sign = -1, .name = "m"};
    const pbx_objective *const objectives[] = {&objective};
    const char *const constraints[] = {"result.a - 1"};
    const pbx_problem problem = {.struct_size = sizeof problem,
                                 .n_objectives = 1,
                                 .n_constraints = 1,
                                 .space = &space,
                                 .objectives = objectives,
                                 .constraints = constraints,
                                 .num_samples = -1};
    pack_struct(trip.bytes, &struct_problem, &problem, NULL);
    const pbx_problem *got = unpack_struct(trip_read(&trip), &struct_problem, NULL);
    g_assert_cmpint(got->num_samples, ==, -1);
    g_assert_cmpint(got->objectives[0]->sign, ==, -1);
    g_assert_cmpstr(got->constraints[0], ==, "result.a - 1");
    g_assert_cmpuint(got->space->n_dims, ==, 2);
    g_assert_cmpint(got->space->dims[0]->parent, ==, -1);
    g_assert_cmpfloat(got->space->dims[1]->high, ==, 2);
    g_autofree char *told = json_to_text(host_json_node(got->space->dims[0]->choices));
    g_assert_cmpstr(told, ==, "[1,2.5,\"x\",{\"y\":null}]");
    trip_end(&trip);
}

/* ---- Calls ---- */

/* Every argument of every call, and what the plugin fills in. */
static void
call_all(PbxCallId id)
{
    Trip trip;
    g_autoptr(JsonNode) config = json_from_string("{\"x\":3}", NULL);
    double x[] = {0.5, (double)NAN};
    const pbx_space space = {.struct_size = sizeof space};
    const pbx_problem problem = {.struct_size = sizeof problem, .space = &space};
    pbx_suggestion suggestion = {
        .struct_size = sizeof suggestion, .n_dims = 2, .trial = 4, .ask = 5, .x = x};
    const pbx_result reported = result();
    const pbx_outcome outcome = {.struct_size = sizeof outcome,
                                 .end = PBX_END_FAILED,
                                 .n_dims = 2,
                                 .x = x,
                                 .last = &reported,
                                 .elapsed_s = 3};
    pbx_decision decision = {.struct_size = sizeof decision, .rung = PBX_NO_RUNG};
    pbx_choice choice = {.struct_size = sizeof choice,
                         .n = 2,
                         .counts = counts,
                         .free = &free_amounts,
                         .trials = waiting,
                         .pick = PBX_NONE};
    pbx_verdict verdict = {.struct_size = sizeof verdict};
    gint64 total = -1;
    PbxCall call = {.id = id,
                    .problem = &problem,
                    .suggestion = &suggestion,
                    .result = &reported,
                    .outcome = &outcome,
                    .decision = &decision,
                    .choice = &choice,
                    .verdict = &verdict,
                    .trial = 6,
                    .state = PBX_STATE_PAUSED,
                    .why = PBX_WHY_RETRY,
                    .x = x,
                    .config = host_json(config),
                    .resources = host_json(config),
                    .total = &total};
    trip_begin(&trip);
    call_pack(trip.bytes, &call, 2);
    PbxCall got = {.id = id};
    call_unpack(trip_read(&trip), &got, 2);
    for (guint i = 0; i < call_table[id].n_args; i++) {
        switch (call_table[id].args[i].type) {
        case ARG_TRIAL:
            g_assert_cmpuint(got.trial, ==, 6);
            break;
        case ARG_STATE:
            g_assert_cmpuint(got.state, ==, PBX_STATE_PAUSED);
            break;
        case ARG_WHY:
            g_assert_cmpuint(got.why, ==, PBX_WHY_RETRY);
            break;
        case ARG_POINT:
            g_assert_cmpmem(got.x, sizeof x, x, sizeof x);
            break;
        case ARG_JSON:
            g_assert_true(JSON_NODE_HOLDS_OBJECT(host_json_node(got.config)));
            break;
        default:
            break;
        }
    }
    if (got.result != NULL)
        check_result(got.result);
    if (got.outcome != NULL) {
        check_result(got.outcome->last);
        g_assert_cmpmem(got.outcome->x, sizeof x, x, sizeof x);
        g_assert_cmpfloat(got.outcome->elapsed_s, ==, 3);
    }
    if (got.choice != NULL) {
        g_assert_cmpmem(got.choice->trials, sizeof waiting, waiting, sizeof waiting);
        got.choice->pick = 9;
    }
    if (got.suggestion != NULL) {
        g_assert_cmpuint(got.suggestion->ask, ==, 5);
        got.suggestion->x[1] = 0.75;
        got.suggestion->origin = 77;
        got.suggestion->extra = "{\"e\":1}";
    }
    if (got.decision != NULL) {
        g_assert_cmpuint(got.decision->rung, ==, PBX_NO_RUNG);
        *got.decision = (pbx_decision){sizeof decision, PBX_ACTION_STOP, 1, 2, 3};
    }
    if (got.verdict != NULL)
        *got.verdict = (pbx_verdict){sizeof verdict, 1, 55, "because"};
    if (got.total != NULL)
        *got.total = 42;

    Trip back;
    trip_begin(&back);
    got.status = PBX_OK;
    call_pack_answer(back.bytes, &got);
    call_unpack_answer(trip_read(&back), &call);
    g_assert_cmpint(call.status, ==, PBX_OK);
    if (id == CALL_SEARCH_SUGGEST) {
        g_assert_true(suggestion.x == x);
        g_assert_cmpfloat(x[1], ==, 0.75);
        g_assert_cmpuint(suggestion.origin, ==, 77);
        g_assert_cmpstr(suggestion.extra, ==, "{\"e\":1}");
    } else if (id == CALL_SCHEDULER_RESULT) {
        g_assert_cmpuint(decision.action, ==, PBX_ACTION_STOP);
        g_assert_cmpfloat(decision.budget, ==, 3);
    } else if (id == CALL_SCHEDULER_CHOOSE) {
        g_assert_cmpuint(choice.pick, ==, 9);
    } else if (id == CALL_STOPPER_RESULT || id == CALL_STOPPER_ALL) {
        g_assert_cmpint(verdict.again_ns, ==, 55);
        g_assert_cmpstr(verdict.reason, ==, "because");
    } else if (id == CALL_SEARCH_TOTAL) {
        g_assert_cmpint(total, ==, 42);
    } else {
        g_assert_cmpuint(back.bytes->len, ==, sizeof(guint32));
    }
    trip_end(&back);
    trip_end(&trip);
}

static void
test_calls(void)
{
    for (PbxCallId id = 0; id < N_CALLS; id++)
        call_all(id);
}

static void
test_error(void)
{
    Trip trip;
    trip_begin(&trip);
    PbxCall failed = {.id = CALL_SEARCH_TELL, .status = PBX_EIO}, got = {.id = CALL_SEARCH_TELL};
    g_strlcpy(failed.error.where, "here", sizeof failed.error.where);
    memset(failed.error.message, 'm', sizeof failed.error.message - 1);
    call_pack_answer(trip.bytes, &failed);
    call_unpack_answer(trip_read(&trip), &got);
    g_assert_cmpint(got.status, ==, PBX_EIO);
    g_assert_cmpstr(got.error.where, ==, "here");
    g_assert_cmpuint(strlen(got.error.message), ==, sizeof got.error.message - 1);
    trip_end(&trip);
}

/* Cut anywhere, or with a length that is none: nothing is read beyond the end. */
static void
test_nonsense(void)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_autoptr(PbxArena) arena = arena_new();
    const pbx_result sent = result();
    const pbx_outcome outcome = {.struct_size = sizeof outcome, .last = &sent};
    pack_struct(bytes, &struct_outcome, &outcome, NULL);
    for (guint n = 0; n < bytes->len; n++) {
        g_autofree guint8 *part = g_memdup2(bytes->data, MAX(n, 1));
        PbxUnpack in = {.at = part, .end = part + n, .arena = arena};
        arena_clear(arena);
        (void)unpack_struct(&in, &struct_outcome, NULL);
        g_assert_true(in.broken);
    }
    for (guint i = 0; i < bytes->len; i++) {
        g_autofree guint8 *part = g_memdup2(bytes->data, bytes->len);
        part[i] ^= 0xff;
        PbxUnpack in = {.at = part, .end = part + bytes->len, .arena = arena};
        arena_clear(arena);
        (void)unpack_struct(&in, &struct_outcome, NULL);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/decider/pack/complete", test_complete);
    g_test_add_func("/decider/pack/result", test_result);
    g_test_add_func("/decider/pack/base", test_base);
    g_test_add_func("/decider/pack/problem", test_problem);
    g_test_add_func("/decider/pack/calls", test_calls);
    g_test_add_func("/decider/pack/error", test_error);
    g_test_add_func("/decider/pack/nonsense", test_nonsense);
    return g_test_run();
}
