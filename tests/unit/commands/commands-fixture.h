/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A results directory with one experiment, and commands with what they print. */
#pragma once

#include <fcntl.h>
#include <glib/gstdio.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/checkpoint.h"
#include "commands/commands.h"
#include "store/store.h"
#include "json/json.h"

typedef struct {
    char *results_dir, *dir; /* of all; of the experiment "digits" */
    PbxStore *store;         /* its writer */
    guint64 seq;
} Fixture;

/* What a command has done. */
typedef struct {
    int status;
    char *out, *err;
} Done;

static inline void
done_clear(Done *done)
{
    g_free(done->out);
    g_free(done->err);
    *done = (Done){0};
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Done, done_clear)

/* ---- Running a command with its output caught ---- */

static inline int
catch_stream(int fd, int *saved)
{
    char path[] = "/tmp/pegbox-out-XXXXXX";
    const int file = g_mkstemp_full(path, O_RDWR | O_CLOEXEC, 0600);
    g_assert_cmpint(file, >=, 0);
    g_unlink(path);
    *saved = fcntl(fd, F_DUPFD_CLOEXEC, 10);
    g_assert_cmpint(dup2(file, fd), ==, fd);
    return file;
}

static inline char *
caught(int fd, int file, int saved)
{
    g_assert_cmpint(dup2(saved, fd), ==, fd);
    close(saved);
    g_autoptr(GString) text = g_string_new(NULL);
    char chunk[4096];
    off_t at = 0;
    for (ssize_t n; (n = pread(file, chunk, sizeof chunk, at)) > 0; at += n)
        g_string_append_len(text, chunk, n);
    close(file);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* The words after "pegbox", the command's name first. */
static inline Done
run_words(const char *const *words)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    g_ptr_array_add(argv, (gpointer) "pegbox");
    for (; *words != NULL; words++)
        g_ptr_array_add(argv, (gpointer)*words);
    g_ptr_array_add(argv, NULL);
    int saved_out, saved_err;
    fflush(stdout);
    const int out = catch_stream(STDOUT_FILENO, &saved_out);
    const int err = catch_stream(STDERR_FILENO, &saved_err);
    Done done = {.status = command_main((int)argv->len - 1, (char **)argv->pdata)};
    fflush(stdout);
    fflush(stderr);
    done.out = caught(STDOUT_FILENO, out, saved_out);
    done.err = caught(STDERR_FILENO, err, saved_err);
    return done;
}
#define RUN(...) run_words((const char *const[]){__VA_ARGS__, NULL})

static inline JsonNode *
json_of(const Done *done)
{
    g_autoptr(GError) error = NULL;
    JsonNode *node = json_read(done->out, strlen(done->out), DOC_MAX_NESTING, &error);
    g_assert_no_error(error);
    return node;
}

static inline void
assert_says(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        g_error("no \"%s\" in: %s", part, text);
}

/* One line of error, and the status. */
static inline void
assert_refused(const Done *done, int status, const char *part)
{
    g_assert_cmpint(done->status, ==, status);
    g_assert_true(g_str_has_prefix(done->err, "pegbox: error: "));
    assert_says(done->err, part);
    g_assert_cmpstr(done->out, ==, "");
}

/* ---- Making experiments ---- */

static inline void
put_facts(PbxStore *store, const char *const (*facts)[2])
{
    g_assert_true(store_begin(store, NULL));
    for (; (*facts)[0] != NULL; facts++)
        g_assert_true(store_put_fact(store, (*facts)[0], (*facts)[1], NULL));
    g_assert_true(store_commit(store, NULL));
}

#define SPEC                                                                                       \
    "{\"trainable\":{\"plugin\":\"exec\",\"command\":[\"python3\",\"train.py\",\"{args}\","        \
    "\"--out\",\"{trial.dir}/a b\",\"it's {trial.id}\"]},\"log_to_file\":true,"                    \
    "\"config\":{\"lr\":{\"$loguniform\":[0.0001,0.1]},\"opt\":{\"$choice\":[\"sgd\",\"adam\"]},"  \
    "\"epochs\":20}}"

static inline PbxStore *
make_experiment(const char *results_dir, const char *name, const char *started_ns)
{
    g_autofree char *dir = g_build_filename(results_dir, name, NULL);
    g_assert_cmpint(g_mkdir(dir, 0755), ==, 0);
    g_autoptr(GError) error = NULL;
    PbxStore *store = store_create(dir, FALSE, &error);
    g_assert_no_error(error);
    const char *const facts[][2] = {
        {"name", name},
        {"experiment_id", "0123456789abcdef0123456789abcdef"},
        {"seed", "1"},
        {"metric", "accuracy"},
        {"mode", "max"},
        {"status", "done"},
        {"spec", SPEC},
        {"started_ns", started_ns},
        {"ended_ns", "1700000010000000000"},
        {NULL, NULL},
    };
    put_facts(store, facts);
    return store;
}

static inline void
add_trial(Fixture *fixture, guint64 number, double lr, guint n_results, double value)
{
    g_autofree char *id = g_strdup_printf("2f1ea_%05u", (guint)number);
    g_autofree char *name = g_strdup_printf("train_%s", id);
    g_autofree char *dir = g_strdup_printf("trial_%u", (guint)number);
    g_autoptr(GString) config = g_string_new("{\"lr\":");
    json_put_double(config, lr);
    g_string_append(config, ",\"opt\":\"sgd\",\"epochs\":20}");
    const PbxTrialRow row = {
        .number = number,
        .id = id,
        .name = name,
        .tag = "tag",
        .dir = dir,
        .state = n_results > 0 ? 3 : 0,
        .end = n_results > 0 ? 0 : -1,
        .config = config->str,
        .attempts = n_results > 0,
        .created_ns = 1700000000000000000,
        .started_ns = -1,
        .ended_ns = -1,
        .n_results = n_results,
        .iteration = n_results > 0 ? (gint64)n_results : -1,
        .time_total_s = n_results,
        .value = n_results > 0 ? value : (double)NAN,
        .best = n_results > 0 ? value : (double)NAN,
        .last_seq = n_results > 0 ? fixture->seq + n_results : 0,
        .rung = G_MAXUINT32,
        .bracket = G_MAXUINT32,
        .reason = n_results > 0 ? "done" : NULL,
    };
    g_assert_true(store_begin(fixture->store, NULL));
    const PbxAttemptRow attempt = {
        .trial = number, .attempt = 1, .pid = -1, .start_time_s = NAN, .start_timesteps = -1};
    g_assert_true(store_put_trial(fixture->store, &row, NULL));
    g_assert_true(n_results == 0 || store_put_attempt(fixture->store, &attempt, NULL));
    for (guint n = 1; n <= n_results; n++) {
        g_autoptr(GString) fields = g_string_new("{\"accuracy\":");
        json_put_double(fields, n == n_results ? value : value / 2);
        g_string_append_printf(fields, ",\"note\":\"a,\\\"b\\\"\",\"deep\":{\"x\":%u}}", n);
        const PbxResultRow result = {
            .seq = ++fixture->seq,
            .trial = number,
            .attempt = 1,
            .n = n,
            .iteration = n,
            .at_ns = 1700000000000000000,
            .time_this_iter_s = 1,
            .time_total_s = n,
            .timesteps_total = -1,
            .episodes_total = -1,
            .value = n == n_results ? value : value / 2,
            .fields = fields->str,
            .rung = G_MAXUINT32,
        };
        g_assert_true(store_put_result(fixture->store, &result, NULL));
    }
    g_assert_true(store_commit(fixture->store, NULL));
}

/* Three trials with results, trial 1 the best, and one that waits. */
static inline void
fixture_set_up(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    fixture->results_dir = g_dir_make_tmp("pegbox-commands-XXXXXX", NULL);
    g_setenv("PEGBOX_RESULT_DIR", fixture->results_dir, TRUE);
    g_unsetenv("COLUMNS");
    fixture->store = make_experiment(fixture->results_dir, "digits", "1700000000000000000");
    fixture->dir = g_build_filename(fixture->results_dir, "digits", NULL);
    add_trial(fixture, 0, 0.001, 2, 0.5);
    add_trial(fixture, 1, 0.0123456789, 3, 0.875);
    add_trial(fixture, 2, 1e-05, 1, 0.25);
    add_trial(fixture, 3, 0.1, 0, 0);
}

static inline void
fixture_tear_down(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    store_close(fixture->store);
    g_assert_true(checkpoint_remove(fixture->results_dir, NULL));
    g_free(fixture->results_dir);
    g_free(fixture->dir);
}

#define ADD(PATH, TEST) g_test_add(PATH, Fixture, NULL, fixture_set_up, TEST, fixture_tear_down)
