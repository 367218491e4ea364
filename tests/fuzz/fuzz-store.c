/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A store and its log, of which bytes are others: each five bytes of the input are the file, an
 * offset and what is changed there. It is opened, read and salvaged: an error is fine, but a
 * result that was never there is not.
 */
#include <glib/gstdio.h>
#include <math.h>
#include <pegbox/logger.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "store/repair.h"

#define TRIALS  3
#define RESULTS 20 /* of each */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

typedef struct {
    char *bytes;
    gsize n;
} Content;

static const char *const names[] = {"experiment.db", "experiment.db-wal"};

static void
must(gboolean good)
{
    if (!good)
        abort();
}

static PbxResultRow
make_result(guint64 seq)
{
    return (PbxResultRow){.seq = seq,
                          .trial = (seq - 1) / RESULTS,
                          .attempt = 1,
                          .n = (seq - 1) % RESULTS + 1,
                          .iteration = (gint64)((seq - 1) % RESULTS + 1),
                          .at_ns = 1700000000000000000,
                          .time_total_s = (double)seq,
                          .value = (double)seq / 2,
                          .fields = (char *)"{\"loss\":0.5,\"more\":\"of it\"}",
                          .rung = G_MAXUINT32};
}

static void
put_trial(PbxStore *store, guint64 number)
{
    g_autofree char *id = g_strdup_printf("abcde_%05d", (int)number);
    const PbxTrialRow row = {.number = number,
                             .id = id,
                             .dir = id,
                             .state = 3,
                             .config = (char *)"{\"x\":1}",
                             .attempts = 1,
                             .n_results = RESULTS,
                             .value = 1,
                             .best = 0.5,
                             .last_seq = (number + 1) * RESULTS};
    const PbxAttemptRow attempt = {.trial = number, .attempt = 1, .pid = 7};
    must(store_put_trial(store, &row, NULL) && store_put_attempt(store, &attempt, NULL));
    for (guint64 seq = number * RESULTS + 1; seq <= row.last_seq; seq++) {
        const PbxResultRow result = make_result(seq);
        const PbxEventRow event = {
            .seq = seq, .type = PBX_EVENT_RESULT, .at_ns = 1, .trial = number, .attempt = 1};
        must(store_put_result(store, &result, NULL) && store_put_event(store, &event, NULL));
    }
}

/* Half of it is in the database, half in the log. */
static void
make_store(Content contents[2])
{
    g_autofree char *dir = g_dir_make_tmp("pegbox-fuzz-XXXXXX", NULL);
    PbxStore *store = store_create(dir, FALSE, NULL);
    must(store != NULL);
    const PbxBlobFacts facts = {.plugin = (char *)"random"};
    for (guint64 i = 0; i < TRIALS; i++) {
        must(store_begin(store, NULL));
        put_trial(store, i);
        must(store_put_fact(store, "status", "done", NULL) &&
             store_put_blob(store, "search", &facts, "state", 5, NULL) &&
             store_put_cursor(store, "loggers[0]", i, NULL) && store_commit(store, NULL));
        if (i == 1)
            must(store_make_durable(store, NULL));
    }
    for (int i = 0; i < 2; i++) {
        g_autofree char *path = g_build_filename(dir, names[i], NULL);
        must(g_file_get_contents(path, &contents[i].bytes, &contents[i].n, NULL));
    }
    store_close(store);
    g_autofree char *db = g_build_filename(dir, names[0], NULL);
    g_unlink(db);
    g_rmdir(dir);
}

static gboolean
check_result(const PbxResultRow *row, gpointer user)
{
    (void)user;
    const PbxResultRow right = make_result(row->seq);
    must(row->seq >= 1 && row->seq <= TRIALS * RESULTS && row->trial == right.trial &&
         row->n == right.n && row->value == right.value && strcmp(row->fields, right.fields) == 0);
    return TRUE;
}

static gboolean
skip_trial(const PbxTrialRow *row, gpointer user)
{
    (void)user;
    must(row->number < G_MAXINT32);
    return TRUE;
}

static gboolean
skip_event(const PbxEventRow *row, const PbxResultRow *result, gpointer user)
{
    (void)row;
    return result == NULL || check_result(result, user);
}

static gboolean
skip_checkpoint(const PbxCheckpointRow *row, gpointer user)
{
    (void)row, (void)user;
    return TRUE;
}

static void
read_all(const char *dir)
{
    g_autoptr(PbxStore) store = store_open(dir, FALSE, NULL);
    guint64 counts[5];
    if (store == NULL)
        return;
    (void)store_counts(store, counts, NULL);
    (void)store_each_trial(store, skip_trial, NULL, NULL);
    (void)store_each_trial_by(store, "value", TRUE, 2, skip_trial, NULL, NULL);
    for (guint64 i = 0; i < TRIALS; i++)
        (void)store_each_result(store, i, check_result, NULL, NULL);
    (void)store_each_event(store, 0, 1000, skip_event, NULL, NULL);
    (void)store_each_checkpoint(store, G_MAXUINT64, skip_checkpoint, NULL, NULL);
    g_autoptr(GBytes) blob = store_blob(store, "search", NULL, NULL);
    /* Of one that was lost there is a row without bytes. */
    must(blob == NULL || g_bytes_get_size(blob) == 5 || g_bytes_get_size(blob) == 0);
}

static void
delete_files(const char *dir)
{
    static const char *const endings[] = {"", "-wal", "-shm", "-journal"};
    for (gsize i = 0; i < G_N_ELEMENTS(endings); i++) {
        g_autofree char *path = g_strconcat(dir, "/experiment.db", endings[i], NULL);
        g_unlink(path);
    }
    must(g_rmdir(dir) == 0);
}

static void
write_changed(const char *dir, const Content *contents, const uint8_t *bytes, size_t n)
{
    for (int i = 0; i < 2; i++) {
        g_autofree char *changed = g_memdup2(contents[i].bytes, contents[i].n);
        for (size_t j = 0; j + 5 <= n; j += 5) {
            const gsize at = bytes[j + 1] | (gsize)bytes[j + 2] << 8 | (gsize)bytes[j + 3] << 16;
            if ((bytes[j] & 1) == i)
                changed[at % contents[i].n] ^= (char)bytes[j + 4];
        }
        g_autofree char *path = g_build_filename(dir, names[i], NULL);
        must(g_file_set_contents(path, changed, (gssize)contents[i].n, NULL));
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static Content contents[2];
    if (contents[0].bytes == NULL)
        make_store(contents);
    g_autofree char *dir = g_dir_make_tmp("pegbox-fuzz-XXXXXX", NULL);
    g_autofree char *made = g_dir_make_tmp("pegbox-fuzz-XXXXXX", NULL);
    must(dir != NULL && made != NULL);
    write_changed(dir, contents, bytes, n);
    g_autoptr(GPtrArray) findings = g_ptr_array_new_with_free_func(finding_free);
    if (store_salvage(dir, made, findings, NULL))
        read_all(made);
    read_all(dir);
    delete_files(dir);
    delete_files(made);
    return 0;
}
