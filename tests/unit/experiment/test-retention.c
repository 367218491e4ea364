/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which checkpoints may go: Tune's rule for a trial, and the cap of the whole experiment. */
#include <math.h>
#include <string.h>

#include "experiment/retention-private.h"

typedef struct {
    PbxKept kept[32];
    gsize n;
} Disk;

/* One more is saved, and what goes is deleted. */
static void
save(Disk *disk, guint64 id, double score, guint64 keep)
{
    gsize left = 0;
    disk->kept[disk->n++] = (PbxKept){.id = id, .score = score, .loss = (double)NAN};
    retention_of_trial(disk->kept, disk->n, keep);
    for (gsize i = 0; i < disk->n; i++)
        if (!disk->kept[i].goes)
            disk->kept[left++] = disk->kept[i];
    disk->n = left;
}

/* "1 2 4": the ids that are left. */
static void
assert_disk(const PbxKept *kept, gsize n, const char *expected)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (gsize i = 0; i < n; i++)
        if (!kept[i].goes)
            g_string_append_printf(text, "%s%" G_GUINT64_FORMAT, text->len > 0 ? " " : "",
                                   kept[i].id);
    g_assert_cmpstr(text->str, ==, expected);
}

/* keep 2 by acc: .5, .7, .6, .4, .8; the newest stays, so that there are three for a while. */
static void
test_two_best(void)
{
    static const struct {
        double score;
        const char *left;
    } steps[] = {{.5, "1"}, {.7, "1 2"}, {.6, "2 3"}, {.4, "2 3 4"}, {.8, "2 5"}};
    Disk disk = {0};
    for (gsize i = 0; i < G_N_ELEMENTS(steps); i++) {
        save(&disk, i + 1, steps[i].score, 2);
        assert_disk(disk.kept, disk.n, steps[i].left);
    }
}

static void
test_newest_by_iteration(void)
{
    Disk disk = {0};
    for (guint64 i = 1; i <= 5; i++)
        save(&disk, i, (double)i, 1);
    assert_disk(disk.kept, disk.n, "5");
    /* Smaller is better: what is newest is the worst. */
    disk.n = 0;
    for (guint64 i = 1; i <= 5; i++)
        save(&disk, i, -(double)i, 1);
    assert_disk(disk.kept, disk.n, "1 5");
}

static void
test_all(void)
{
    Disk disk = {0};
    for (guint64 i = 1; i <= 5; i++)
        save(&disk, i, (double)NAN, 0);
    assert_disk(disk.kept, disk.n, "1 2 3 4 5");
}

static void
test_ties(void)
{
    Disk disk = {0};
    for (guint64 i = 1; i <= 3; i++)
        save(&disk, i, 1, 2);
    assert_disk(disk.kept, disk.n, "2 3");
}

/* Without the attribute, NaN or infinite: there while it is the newest. */
static void
test_unranked(void)
{
    Disk disk = {0};
    save(&disk, 1, .5, 2);
    save(&disk, 2, (double)NAN, 2);
    assert_disk(disk.kept, disk.n, "1 2");
    save(&disk, 3, (double)INFINITY, 2);
    assert_disk(disk.kept, disk.n, "1 3");
    save(&disk, 4, .1, 2);
    assert_disk(disk.kept, disk.n, "1 4");
}

static void
test_needed(void)
{
    PbxKept kept[] = {
        {.id = 1, .score = 1, .needed = TRUE}, {.id = 2, .score = 2}, {.id = 3, .score = 3}};
    retention_of_trial(kept, 3, 1);
    assert_disk(kept, 3, "1 3");
}

#define TRIAL(ID, NUMBER, LOSS, OVER)                                                              \
    {                                                                                              \
        .id = ID, .trial = NUMBER, .bytes = 10, .loss = LOSS, .over = OVER                         \
    }

/* The older ones go by age, then the newest of trials that are over, the worst trial's first. */
static void
test_whole_experiment(void)
{
    const PbxKept all[] = {
        TRIAL(1, 0, 3, TRUE),           TRIAL(2, 1, 1, TRUE),  TRIAL(3, 0, 3, TRUE),
        TRIAL(4, 2, (double)NAN, TRUE), TRIAL(5, 3, 2, FALSE), TRIAL(6, 3, 2, FALSE),
        TRIAL(7, 4, 2, TRUE),
    };
    static const struct {
        guint64 max_bytes, left;
        const char *ids;
    } caps[] = {
        {70, 70, "1 2 3 4 5 6 7"},
        {69, 60, "2 3 4 5 6 7"},
        {50, 50, "2 3 4 6 7"},
        {40, 40, "2 3 6 7"},
        {39, 30, "2 6 7"},
        {20, 20, "2 6"},
        {1, 20, "2 6"}, /* the best trial's, and what trial 3 goes on from */
    };
    for (gsize i = 0; i < G_N_ELEMENTS(caps); i++) {
        PbxKept kept[G_N_ELEMENTS(all)];
        memcpy(kept, all, sizeof kept);
        g_assert_cmpuint(retention_of_all(kept, G_N_ELEMENTS(kept), caps[i].max_bytes), ==,
                         caps[i].left);
        assert_disk(kept, G_N_ELEMENTS(kept), caps[i].ids);
    }
}

static void
test_whole_experiment_needs(void)
{
    PbxKept kept[] = {TRIAL(1, 0, 1, TRUE), TRIAL(2, 0, 1, TRUE), TRIAL(3, 1, 0, TRUE)};
    kept[0].needed = TRUE;
    g_assert_cmpuint(retention_of_all(kept, 3, 1), ==, 20);
    assert_disk(kept, 3, "1 3");
    /* What goes by the other rule is neither counted nor a trial's newest. */
    PbxKept others[] = {TRIAL(1, 0, 1, FALSE), TRIAL(2, 0, 1, FALSE)};
    others[1].goes = TRUE;
    g_assert_cmpuint(retention_of_all(others, 2, 1), ==, 10);
    assert_disk(others, 2, "1");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/experiment/retention/two-best", test_two_best);
    g_test_add_func("/experiment/retention/newest-by-iteration", test_newest_by_iteration);
    g_test_add_func("/experiment/retention/all", test_all);
    g_test_add_func("/experiment/retention/ties", test_ties);
    g_test_add_func("/experiment/retention/unranked", test_unranked);
    g_test_add_func("/experiment/retention/needed", test_needed);
    g_test_add_func("/experiment/retention/whole-experiment", test_whole_experiment);
    g_test_add_func("/experiment/retention/whole-experiment-needs", test_whole_experiment_needs);
    return g_test_run();
}
