/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checkpoints and the inputs of deciders read back. */
#include <string.h>

#include "store-fixture.h"

static PbxCheckpointRow
make_checkpoint(guint64 id, guint64 trial)
{
    return (PbxCheckpointRow){
        .id = id,
        .trial = trial,
        .attempt = 2,
        .n = 10,
        .step = 7,
        .iteration = 9,
        .time_total_s = 4.5,
        .timesteps_total = -1,
        .episodes_total = 3,
        .name = (char *)"checkpoint_000007.tar.zst",
        .bytes = 1000 * id,
        .sha256 = (char *)"0011",
        .score = NAN,
        .at_ns = 1700000000000000001,
    };
}

static void
put(Fixture *fixture, const PbxCheckpointRow *row)
{
    g_autoptr(GError) error = NULL;
    store_put_checkpoint(fixture->store, row, &error);
    g_assert_no_error(error);
}

static gboolean
append_checkpoint(const PbxCheckpointRow *row, gpointer user)
{
    g_string_append_printf(user, "%u/%u ", (guint)row->trial, (guint)row->id);
    return row->id != 9;
}

static void
test_checkpoints(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    g_assert_cmpuint(store_last_checkpoint(fixture->store), ==, 0);
    const guint64 trials[] = {0, 1, 0, 0};
    for (guint i = 0; i < G_N_ELEMENTS(trials); i++) {
        const PbxCheckpointRow row = make_checkpoint(i + 1, trials[i]);
        put(fixture, &row);
    }
    guint64 bytes = 0;
    g_assert_true(store_checkpoint_bytes(fixture->store, &bytes, NULL));
    g_assert_cmpuint(bytes, ==, 10000);
    PbxCheckpointRow row = make_checkpoint(3, 0);
    row.state = CHECKPOINT_DELETED;
    row.step = -1;
    row.score = 0.5;
    put(fixture, &row);
    g_assert_true(store_checkpoint_bytes(fixture->store, &bytes, NULL));
    g_assert_cmpuint(bytes, ==, 7000);
    g_assert_cmpuint(store_last_checkpoint(fixture->store), ==, 4);
    g_autoptr(GString) of_0 = g_string_new(NULL), all = g_string_new(NULL);
    g_assert_true(store_each_checkpoint(fixture->store, 0, append_checkpoint, of_0, NULL));
    g_assert_cmpstr(of_0->str, ==, "0/1 0/3 0/4 ");
    g_assert_true(store_each_checkpoint(fixture->store, G_MAXUINT64, append_checkpoint, all, NULL));
    g_assert_cmpstr(all->str, ==, "0/1 1/2 0/3 0/4 ");
    g_autoptr(PbxCheckpointRow) read = store_checkpoint(fixture->store, 3, NULL);
    g_assert_cmpuint(read->attempt, ==, 2);
    g_assert_cmpuint(read->n, ==, 10);
    g_assert_cmpint(read->step, ==, -1);
    g_assert_cmpint(read->iteration, ==, 9);
    g_assert_cmpfloat(read->time_total_s, ==, 4.5);
    g_assert_cmpint(read->timesteps_total, ==, -1);
    g_assert_cmpint(read->episodes_total, ==, 3);
    g_assert_cmpstr(read->name, ==, row.name);
    g_assert_cmpuint(read->bytes, ==, 3000);
    g_assert_cmpstr(read->sha256, ==, "0011");
    g_assert_cmpfloat(read->score, ==, 0.5);
    g_assert_cmpint(read->state, ==, CHECKPOINT_DELETED);
    g_assert_cmpint(read->at_ns, ==, row.at_ns);
    g_assert_null(store_checkpoint(fixture->store, 5, NULL));
}

static gboolean
append_input(const PbxInputRow *row, gpointer user)
{
    g_string_append_printf(user, "%u:%s:%s:%d:%u:%u%u%u:%d:%s ", (guint)row->number, row->slot,
                           row->call, row->trial == G_MAXUINT64 ? -1 : (int)row->trial,
                           (guint)row->seq, row->state, row->why, row->flags, (int)row->at_ns,
                           row->detail != NULL ? row->detail : "-");
    return row->number != 4;
}

static void
test_inputs(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    static const PbxInputRow rows[] = {
        {1, (char *)"search", (char *)"adopt", 0, 0, 0, 0, 0, 11, (char *)"{}"},
        {2, (char *)"scheduler", (char *)"add", G_MAXUINT64, 0, 1, 2, 3, 12, NULL},
        {3, (char *)"search", (char *)"tell", 1, 9, 0, 0, 1, -1, NULL},
        {4, (char *)"search", (char *)"tell", 2, 10, 0, 0, 0, 14, NULL},
        {5, (char *)"search", (char *)"tell", 3, 11, 0, 0, 0, 15, NULL},
    };
    g_assert_cmpuint(store_last_input(fixture->store), ==, 0);
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
        g_assert_true(store_put_input(fixture->store, &rows[i], NULL));
    g_autoptr(GString) text = g_string_new(NULL);
    g_assert_true(store_each_input(fixture->store, "search", 0, append_input, text, NULL));
    g_assert_cmpstr(text->str, ==,
                    "1:search:adopt:0:0:000:11:{} 3:search:tell:1:9:001:-1:- "
                    "4:search:tell:2:10:000:14:- ");
    g_string_truncate(text, 0);
    g_assert_true(store_each_input(fixture->store, "scheduler", 0, append_input, text, NULL));
    g_assert_cmpstr(text->str, ==, "2:scheduler:add:-1:0:123:12:- ");
    /* A state was stored that knows of them. */
    const PbxBlobFacts facts = {.plugin = (char *)"random", .at_seq = 11, .input = 5};
    g_assert_true(store_put_blob(fixture->store, "search", &facts, "x", 1, NULL));
    g_assert_true(store_drop_inputs(fixture->store, "search", 5, NULL));
    g_string_truncate(text, 0);
    g_assert_true(store_each_input(fixture->store, "search", 0, append_input, text, NULL));
    g_assert_cmpstr(text->str, ==, "");
    g_assert_cmpuint(store_last_input(fixture->store), ==, 5);
    g_assert_true(store_each_input(fixture->store, "scheduler", 2, append_input, text, NULL));
    g_assert_cmpstr(text->str, ==, "");
}

#define ADD(PATH, TEST) g_test_add(PATH, Fixture, NULL, fixture_set_up, TEST, fixture_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/store/kept/checkpoints-read-back", test_checkpoints);
    ADD("/store/kept/inputs-read-back-until-dropped", test_inputs);
    return g_test_run();
}
