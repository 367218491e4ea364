/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The resume path: a store whose rows and states are not what a driver wrote. Each input alters
 * columns of rows, states and inputs of a small experiment, the checksums aside, which would catch
 * nearly all of it; then the experiment is opened and made ready, up to its loop. It is refused
 * with a reason, or ready: never a crash.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <glib/gstdio.h>
#include <pegbox/logger.h>
#include <sqlite3.h>

#include "experiment/runner-private.h"
#include "fuzz-registry.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static const char SPEC[] =
    "{\"name\": \"e\", \"trainable\": {\"plugin\": \"exec\", \"command\": [\"true\"]},"
    " \"config\": {\"x\": {\"$uniform\": [0, 1]}, \"y\": {\"$choice\": [1, 2]}},"
    " \"metric\": \"loss\", \"mode\": \"min\", \"num_samples\": 9, \"seed\": 1,"
    " \"scheduler\": {\"plugin\": \"asha\"}, \"stop\": [{\"plugin\": \"max-iteration\","
    " \"max_iter\": 5}], \"time_budget_s\": 100, \"duplicates\": \"skip\"}";

static PbxRegistry *registry;
static char *dir, *db;
static GMappedFile *whole; /* the store as it was made */

static PbxSpec *
make_spec(void)
{
    g_autoptr(PbxProblems) problems = problems_new();
    PbxDoc *doc = doc_parse("fuzz", SPEC, sizeof SPEC - 1, DOC_PLAIN, problems);
    PbxSpec *spec = doc != NULL ? spec_check(doc, "/", registry, problems) : NULL;
    if (spec == NULL)
        abort();
    g_free(spec->results_dir);
    spec->results_dir = g_path_get_dirname(dir);
    return spec;
}

static void
must(sqlite3 *store, const char *sql)
{
    if (sqlite3_exec(store, sql, NULL, NULL, NULL) != SQLITE_OK) {
        fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(store));
        abort();
    }
}

/* As one that was made before rows had sums. */
static void
put_facts(void)
{
    g_autoptr(PbxStore) store = store_open(dir, TRUE, NULL);
    if (store == NULL || !store_put_fact(store, "first_schema", "2", NULL) ||
        !store_put_fact(store, "driver", "host:1", NULL))
        abort();
}

/* Trials in each state, with results, states and inputs; their sums are left out. */
static void
fill(void)
{
    sqlite3 *store = NULL;
    if (sqlite3_open(db, &store) != SQLITE_OK)
        abort();
    must(
        store,
        "WITH RECURSIVE i(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM i WHERE n < 6) "
        "INSERT INTO trial (number, id, name, tag, dir, state, outcome, config, x, ask, origin, "
        "attempts, failures, reason, results, iteration, time_total_s, value, best, last_seq, "
        "queued, ended_ns) "
        "SELECT n, 'id' || n, 'name' || n, n, 'dir' || n, "
        "iif(n < 2, 'TERMINATED', iif(n = 2, 'ERROR', iif(n = 3, 'PAUSED', "
        "iif(n = 4, 'RUNNING', 'PENDING')))), iif(n < 2, 'completed', iif(n = 2, 'failed', NULL)), "
        "'{\"x\":0.' || n || ',\"y\":1}', zeroblob(16), n, 0, n < 5, n = 2, NULL, n < 5, 1, 1.0, "
        "n, n, iif(n < 5, n + 10, NULL), n + 1, n FROM i");
    must(store, "INSERT INTO attempt (trial, attempt, hostname, pid, started_ns) "
                "SELECT number, 1, 'host', 1, 1 FROM trial WHERE attempts > 0");
    must(store, "INSERT INTO result (seq, trial, attempt, n, iteration, time_total_s, done, value, "
                "fields, action) SELECT number + 10, number, 1, 1, 1, 1.0, 0, number, "
                "'{\"loss\":' || number || '}', iif(number = 3, 'pause', 'continue') FROM trial "
                "WHERE attempts > 0");
    must(store, "INSERT INTO event (seq, type, at_ns, trial, attempt) "
                "SELECT seq, 'result', 1, trial, 1 FROM result");
    must(store, "INSERT INTO event (seq, type, at_ns, trial) "
                "SELECT number + 20, 'added', 1, number FROM trial");
    must(store, "INSERT INTO decider (slot, plugin, state_version, state, at_seq, input) VALUES "
                "('scheduler', 'asha', 1, zeroblob(70000), 5, 1), "
                "('stop[0]', 'max-iteration', 1, zeroblob(24), 5, 0), "
                "('time_budget_s', 'timeout', 1, zeroblob(8), 5, 0)");
    must(store,
         "INSERT INTO input (number, slot, call, trial, seq, state, why, flags, at_ns, detail) "
         "VALUES (2, 'scheduler', 'scheduler.result', 1, 11, 0, 0, 0, 5, "
         "'{\"counts\":[1,2,3,4,5],\"free\":[1.0,2.0]}'), "
         "(3, 'scheduler', 'scheduler.end', 1, 11, 0, 0, 0, 5, "
         "'{\"elapsed\":1.0,\"counts\":[1,2,3,4,5],\"free\":[1.0]}'), "
         "(4, 'scheduler', 'scheduler.add', 5, 0, 0, 0, 0, 6, NULL), "
         "(5, 'scheduler', 'scheduler.state', 5, 0, 1, 0, 0, 6, NULL)");
    must(store, "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE");
    sqlite3_close(store);
}

static void
make_store(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(PbxSpec) spec = make_spec();
    PbxRunner *runner = runner_new(spec, registry);
    if (!runner_open_deciders(runner, &error) || !runner_create(runner, &error)) {
        fprintf(stderr, "%s\n", error->message);
        abort();
    }
    runner_close(runner);
    put_facts();
    fill();
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    registry = fuzz_registry();
    g_autofree char *base = g_dir_make_tmp("fuzz-resume-XXXXXX", NULL);
    dir = g_build_filename(base, "e", NULL);
    db = g_build_filename(dir, "experiment.db", NULL);
    make_store();
    whole = g_mapped_file_new(db, FALSE, NULL);
    if (whole == NULL)
        abort();
    return 0;
}

/* ---- One input ---- */

static const char *const columns[] = {
    "trial.state",
    "trial.outcome",
    "trial.config",
    "trial.x",
    "trial.ask",
    "trial.attempts",
    "trial.failures",
    "trial.reason",
    "trial.results",
    "trial.last_seq",
    "trial.value",
    "trial.rung",
    "trial.queued",
    "trial.held",
    "trial.source",
    "trial.dir",
    "trial.name",
    "trial.number",
    "trial.extra",
    "trial.replaced_by",
    "trial.id",
    "trial.tag",
    "result.fields",
    "result.action",
    "result.n",
    "result.trial",
    "result.attempt",
    "result.done",
    "result.seq",
    "event.type",
    "event.trial",
    "event.at_ns",
    "decider.state",
    "decider.plugin",
    "decider.state_version",
    "decider.input",
    "input.call",
    "input.trial",
    "input.seq",
    "input.detail",
    "input.state",
    "input.flags",
    "input.at_ns",
    "fact.value",
    "attempt.error",
    "cursor.seq",
    "attempt.trial",
    "attempt.attempt",
};

/* Byte 0: the column; 1: the row; 2: how; then the value, to a zero byte. */
static const uint8_t *
alter(sqlite3 *store, const uint8_t *at, const uint8_t *end)
{
    if (end - at < 4)
        return NULL;
    g_auto(GStrv) column = g_strsplit(columns[at[0] % G_N_ELEMENTS(columns)], ".", 2);
    g_autofree char *sql =
        g_strdup_printf("UPDATE OR IGNORE %s SET %s = ?1%s WHERE (SELECT count(*) FROM %s) > 0 AND "
                        "%s IN (SELECT %s FROM %s LIMIT 1 OFFSET %d %% (SELECT count(*) FROM %s))",
                        column[0], column[1], g_str_equal(column[0], "fact") ? "" : ", sum = NULL",
                        column[0], column[1], column[1], column[0], at[1], column[0]);
    const uint8_t *value = at + 3, *stop = value;
    while (stop < end && *stop != 0)
        stop++;
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(store, sql, -1, &statement, NULL) == SQLITE_OK) {
        const int length = (int)(stop - value);
        if (at[2] % 4 == 0)
            sqlite3_bind_text(statement, 1, (const char *)value, length, SQLITE_STATIC);
        else if (at[2] % 4 == 1)
            sqlite3_bind_blob(statement, 1, value, length, SQLITE_STATIC);
        else if (at[2] % 4 == 2)
            sqlite3_bind_int64(statement, 1, length > 0 ? (int8_t)value[0] : G_MAXINT64);
        else
            sqlite3_bind_null(statement, 1);
        sqlite3_step(statement);
    }
    sqlite3_finalize(statement);
    return stop < end ? stop + 1 : NULL;
}

static void
alter_store(const uint8_t *bytes, size_t n)
{
    sqlite3 *store = NULL;
    if (sqlite3_open(db, &store) != SQLITE_OK)
        abort();
    for (const uint8_t *at = bytes; at != NULL && at < bytes + n;)
        at = alter(store, at, bytes + n);
    sqlite3_close(store);
}

static void
go_on(PbxResume *resume)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(PbxSpec) spec = make_spec();
    g_autoptr(PbxProblems) problems = problems_new();
    if (!resume_check(resume, spec, problems)) {
        if (problems_count(problems) == 0)
            abort();
        return;
    }
    PbxRunner *runner = runner_new(spec, registry);
    clock_continue(runner->clock, resume_clock(resume));
    if (!runner_open_deciders(runner, &error))
        abort();
    runner->logging = logging_new(runner, &error);
    if (runner->logging == NULL)
        abort();
    /* Refused with a reason, or ready. */
    if (resume_restore(runner, resume, &error) == (error != NULL))
        abort();
    runner_close(runner);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    g_autoptr(GError) error = NULL;
    static const char *const others[] = {"-wal", "-shm", "-journal"};
    for (gsize i = 0; i < G_N_ELEMENTS(others); i++) {
        g_autofree char *other = g_strconcat(db, others[i], NULL);
        g_unlink(other);
    }
    if (!g_file_set_contents(db, g_mapped_file_get_contents(whole),
                             (gssize)g_mapped_file_get_length(whole), NULL))
        abort();
    alter_store(bytes, n);
    g_autoptr(PbxResume) resume = resume_open(dir, &error);
    if ((resume == NULL) == (error == NULL))
        abort();
    if (resume != NULL)
        go_on(resume);
    return 0;
}
