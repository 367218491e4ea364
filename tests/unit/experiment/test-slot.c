/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How often the state of a decider is stored, on a virtual clock: a large one only so often that
 * it takes at most a twentieth of the time. */
#include <string.h>

#include "experiment/inputs-private.h"
#include "fixture.h"

#define LARGE (100 * 1024)
#define SMALL 1024

/* A stopper whose saving takes as long as it is told. */
struct pbx_instance {
    gsize bytes;
    gint64 took_ns;
    guint n_saves;
};
static pbx_instance only;
static PbxClock *virtual_clock;

static pbx_status
create(const pbx_host *host, const pbx_json *options, pbx_instance **instance, pbx_error *error)
{
    (void)host;
    (void)options;
    (void)error;
    *instance = &only;
    return PBX_OK;
}

static void
destroy(pbx_instance *instance)
{
    (void)instance;
}

static void
nothing(gpointer data)
{
    (void)data;
}

static void
pass(gint64 ns)
{
    clock_at(virtual_clock, clock_now(virtual_clock) + ns, nothing, NULL, NULL);
    g_assert_true(clock_advance(virtual_clock));
}

static pbx_status
save(pbx_instance *self, const pbx_sink *sink, pbx_error *error)
{
    (void)error;
    g_autofree char *bytes = g_malloc0(self->bytes);
    self->n_saves++;
    if (self->took_ns > 0)
        pass(self->took_ns);
    return sink->write(sink->ctx, bytes, self->bytes);
}

static pbx_status
load(pbx_instance *self, uint32_t version, const void *bytes, size_t n, pbx_error *error)
{
    (void)self;
    (void)version;
    (void)bytes;
    (void)n;
    (void)error;
    return PBX_OK;
}

static pbx_status
end(pbx_instance *self, const pbx_outcome *outcome, pbx_error *error)
{
    (void)self;
    (void)outcome;
    (void)error;
    return PBX_OK;
}

static const pbx_stopper vtable = {
    .struct_size = sizeof(pbx_stopper),
    .object =
        {.create = create, .destroy = destroy, .state_version = 1, .save = save, .load = load},
    .end = end,
};
static const pbx_interface interfaces[] = {{PBX_STOPPER_ID, &vtable}, {NULL, NULL}};
static const pbx_plugin description = {
    .struct_size = sizeof(pbx_plugin),
    .option_size = sizeof(pbx_option),
    .kind = "stopper",
    .name = "test",
    .version = "1",
    .summary = "a test",
    .license = "MIT",
    .interfaces = interfaces,
};
static const PbxPlugin plugin = {.desc = &description, .path = (char *)"/test.so"};

typedef struct {
    Fixture base;
    PbxOptions *options;
    PbxSlot slot;
} SlotFixture;

static void
set_up(SlotFixture *f, gsize bytes, gint64 took_ns)
{
    GError *error = NULL;
    PbxOptionContext context = {0};
    *f = (SlotFixture){.slot = {.use = NULL}};
    fixture_set_up(&f->base, "{}");
    g_autoptr(JsonNode) node = json_read("{}", 2, 4, NULL);
    g_autoptr(PbxDoc) doc = doc_new_for_node("test", node);
    f->options = options_check(&plugin, doc, "", NULL, &context, f->base.problems);
    f->base.runner.outside = FALSE; /* what is left is stored at once */
    virtual_clock = f->base.runner.clock;
    only = (pbx_instance){.bytes = bytes, .took_ns = took_ns};
    PbxInstance *instance =
        instance_new(&plugin, "stop[0]", f->options, 1, NULL, NULL, NULL, NULL, NULL, &error);
    g_assert_no_error(error);
    f->slot.decider = decider_new(instance, G_MAXINT64);
    f->base.runner.store = store_create(f->base.dir, FALSE, &error);
    g_assert_no_error(error);
    inputs_watch(&f->base.runner, &f->slot);
    g_unsetenv("PEGBOX_GLOBAL_CHECKPOINT_S");
}

static void
tear_down(SlotFixture *f)
{
    decider_free(f->slot.decider);
    g_ptr_array_unref(f->slot.inputs);
    options_free(f->options);
    g_clear_pointer(&f->base.runner.store, store_close);
    fixture_tear_down(&f->base);
}

/* For so long, a commit each second, each with a change. How often the state was stored. */
static guint
commits(SlotFixture *f, double seconds)
{
    const guint before = only.n_saves;
    const gint64 until = clock_now(virtual_clock) + (gint64)(seconds * NS_PER_S);
    while (clock_now(virtual_clock) < until) {
        GError *error = NULL;
        const pbx_outcome outcome = {.struct_size = sizeof outcome, .trial = 0};
        PbxCall call = {.id = CALL_STOPPER_END, .outcome = &outcome};
        decider_call(f->slot.decider, &call, NULL, NULL);
        g_assert_cmpint(call.status, ==, PBX_OK);
        g_assert_true(store_begin(f->base.runner.store, &error));
        g_assert_true(slot_save(&f->base.runner, &f->slot, &error));
        g_assert_true(store_commit(f->base.runner.store, &error));
        g_assert_no_error(error);
        pass(NS_PER_S);
    }
    return only.n_saves - before;
}

static void
test_small(void)
{
    SlotFixture f;
    set_up(&f, SMALL, 0);
    g_assert_cmpuint(commits(&f, 10), ==, 10);
    tear_down(&f);
}

/* What costs next to nothing is stored every ten seconds. */
static void
test_large(void)
{
    SlotFixture f;
    set_up(&f, LARGE, NS_PER_S / 100);
    g_assert_cmpuint(commits(&f, 5), ==, 1);
    g_assert_cmpuint(commits(&f, 95), ==, 9);
    tear_down(&f);
}

/* The longer it takes the rarer it is: 2 s each 40 s, not each 10 s. */
static void
test_share(void)
{
    static const double seconds[] = {1, 2, 5};
    for (gsize i = 0; i < G_N_ELEMENTS(seconds); i++) {
        SlotFixture f;
        set_up(&f, LARGE, (gint64)(seconds[i] * NS_PER_S));
        const guint n = commits(&f, 2000);
        const double share = n * seconds[i] / 2000;
        g_assert_cmpfloat(share, <=, 0.05);
        g_assert_cmpfloat(share, >=, 0.045);
        tear_down(&f);
    }
}

/* It follows what the last one took. */
static void
test_changes(void)
{
    SlotFixture f;
    set_up(&f, LARGE, 10 * NS_PER_S);
    g_assert_cmpuint(commits(&f, 150), ==, 1);
    only.took_ns = 0;
    g_assert_cmpuint(commits(&f, 100), ==, 5);
    tear_down(&f);
}

/* The variable says how often, whatever that costs; and before it is left it is stored. */
static void
test_variable(void)
{
    SlotFixture f;
    set_up(&f, LARGE, 2 * NS_PER_S);
    g_setenv("PEGBOX_GLOBAL_CHECKPOINT_S", "4", TRUE);
    g_assert_cmpuint(commits(&f, 599), ==, 100);
    f.base.runner.finished = TRUE;
    g_assert_cmpuint(commits(&f, 1), ==, 1);
    g_unsetenv("PEGBOX_GLOBAL_CHECKPOINT_S");
    tear_down(&f);
}

/* What cannot be read again as it was is stored at once, and then the search is asked again. */
static void
test_observed(void)
{
    SlotFixture f;
    set_up(&f, LARGE, NS_PER_S / 100);
    g_assert_cmpuint(commits(&f, 5), ==, 1);
    f.slot.observed = TRUE;
    g_assert_cmpuint(commits(&f, 3), ==, 1);
    g_assert_false(f.slot.observed);
    g_assert_nonnull(f.base.runner.turn);
    g_source_destroy(f.base.runner.turn);
    g_clear_pointer(&f.base.runner.turn, g_source_unref);
    tear_down(&f);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/experiment/slot/small", test_small);
    g_test_add_func("/experiment/slot/large", test_large);
    g_test_add_func("/experiment/slot/share", test_share);
    g_test_add_func("/experiment/slot/changes", test_changes);
    g_test_add_func("/experiment/slot/variable", test_variable);
    g_test_add_func("/experiment/slot/observed", test_observed);
    return g_test_run();
}
