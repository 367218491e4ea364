/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The commands that look at experiments, on stores made here. */
#include "commands-fixture.h"
#include "plugin/plugin.h"

static gint64
int_at(JsonNode *node, const char *path)
{
    JsonNode *found = json_lookup(node, path);
    g_assert_nonnull(found);
    return json_node_get_int(found);
}

static const char *
text_at(JsonNode *node, const char *path)
{
    JsonNode *found = json_lookup(node, path);
    g_assert_nonnull(found);
    return json_node_get_string(found);
}

/* ---- Which experiment ---- */

static void
test_find(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    store_close(make_experiment(fixture->results_dir, "newest", "1700000005000000000"));
    store_close(make_experiment(fixture->results_dir, "oldest", "1600000000000000000"));
    g_autofree char *newest = g_build_filename(fixture->results_dir, "newest", NULL);
    const struct {
        const char *exp, *dir;
    } cases[] = {{"digits", fixture->dir}, {fixture->dir, fixture->dir}, {NULL, newest}};
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *dir = command_find_experiment(cases[i].exp, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(dir, ==, cases[i].dir);
    }
}

static void
assert_not_found(const char *exp, const char *says)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(command_find_experiment(exp, &error));
    g_assert_error(error, PBX_STORE_ERROR, STORE_ERROR_NONE);
    assert_says(error->message, says);
}

static void
test_find_none(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    assert_not_found("digit", "no experiment 'digit' in ");
    assert_not_found("digit", "did you mean 'digits'?");
    assert_not_found("something", "`pegbox ls` lists them");
    assert_not_found("/nonexistent/x", "no experiment in /nonexistent/x: it has no experiment.db");
    assert_not_found("", "no experiment ''");
    g_autofree char *empty = g_build_filename(fixture->results_dir, "none", NULL);
    g_setenv("PEGBOX_RESULT_DIR", empty, TRUE);
    assert_not_found(NULL, "no experiments in ");
    assert_not_found("digits", "none yet");
}

/* ---- Usage ---- */

static void
test_usage(Fixture *fixture, gconstpointer unused)
{
    (void)fixture;
    (void)unused;
    static const struct {
        const char *words[6], *says;
    } cases[] = {
        {{"trials", "a", "b"}, "unexpected word 'b'"},
        {{"ls", "a", "b"}, "unexpected word 'b'"},
        {{"ls", "/nonexistent/dir"}, "there is no directory /nonexistent/dir"},
        {{"best", "a", "b"}, "unexpected word 'b'"},
        {{"results"}, "which trial?"},
        {{"logs"}, "which trial?"},
        {{"results", "a", "b", "c"}, "unexpected word 'c'"},
        {{"results", "7"}, "no trial '7' in digits: it has trials 0 to 3"},
        {{"logs", "digits", "7"}, "no trial '7' in digits"},
        {{"trials", "nothing-like-it"}, "no experiment 'nothing-like-it'"},
        {{"trials", "--nonsense"}, "--nonsense"},
        {{"trials", "--column", "x"}, "hint: did you mean --columns?\n"},
        {{"run", "--num_samples=3", "--", "true"}, "hint: did you mean --num-samples?\n"},
        {{"run", "--metrics", "x", "--", "true"}, "hint: did you mean --metric?\n"},
        {{"run", "sh", "x.sh", "--lr", "1"},
         "hint: a program to tune stands behind --: pegbox run [OPTIONS] -- sh ...\n"},
        {{"run", "sh", "x.sh"}, "hint: a program to tune stands behind --"},
        {{"run", "--metric", "x", "--", "true"}, "--metric x needs --mode min or --mode max"},
        {{"best", "--", "-x"}, "no experiment '-x'"},
        {{"results", "--", "digits", "-x"}, "no trial '-x' in digits"},
        {{"best", "--scope", "lst"}, "there is no scope 'lst'; did you mean 'last'?"},
        {{"best", "--mode", "big"}, "there is no mode 'big'; there are min, max"},
        {{"best", "--metric", "loss"}, "--metric loss needs --mode min or --mode max"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(Done) done = run_words(cases[i].words);
        assert_refused(&done, EXIT_USAGE, cases[i].says);
    }
    static const char *const commands[] = {"ls", "trials", "results", "best", "logs"};
    for (gsize i = 0; i < G_N_ELEMENTS(commands); i++) {
        g_auto(Done) done = RUN(commands[i], "--help");
        g_assert_cmpint(done.status, ==, EXIT_DONE);
        g_autofree char *usage = g_strdup_printf("pegbox %s [OPTION", commands[i]);
        assert_says(done.out, usage);
    }
}

/* ---- ls ---- */

static void
test_ls(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    store_close(make_experiment(fixture->results_dir, "another", "1600000000000000000"));
    g_auto(Done) done = RUN("ls", "--json");
    g_autoptr(JsonNode) rows = json_of(&done);
    g_assert_cmpstr(text_at(rows, "[0].name"), ==, "another");
    g_assert_cmpstr(text_at(rows, "[1].name"), ==, "digits");
    g_assert_cmpstr(text_at(rows, "[1].status"), ==, "done");
    g_assert_cmpint(int_at(rows, "[1].trials"), ==, 4);
    g_assert_cmpint(int_at(rows, "[1].terminated"), ==, 3);
    g_assert_cmpint(int_at(rows, "[1].pending"), ==, 1);
    g_assert_cmpfloat(json_node_get_double(json_lookup(rows, "[1].best")), ==, 0.875);
    g_assert_cmpfloat(json_node_get_double(json_lookup(rows, "[1].duration_s")), ==, 10);
    g_assert_true(JSON_NODE_HOLDS_NULL(json_lookup(rows, "[0].best")));
    g_auto(Done) table = RUN("ls", fixture->results_dir, "--columns", "name,best");
    g_assert_cmpstr(table.out, ==, "name      best\nanother      -\ndigits   0.875\n");
}

/* A driver that was killed left "running". */
static void
test_ls_status(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    g_autofree char *here = g_strdup_printf("%s:%d", g_get_host_name(), (int)getpid());
    g_autofree char *gone = g_strdup_printf("%s:%d", g_get_host_name(), G_MAXINT);
    const struct {
        const char *driver, *status;
    } cases[] = {{here, "running"}, {gone, "interrupted"}, {"elsewhere:1", "running"}};
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        const char *const facts[][2] = {
            {"status", "running"}, {"driver", cases[i].driver}, {NULL, NULL}};
        put_facts(fixture->store, facts);
        g_auto(Done) done = RUN("ls", "--columns", "status", "--format", "csv");
        g_autofree char *expected = g_strdup_printf("status\n%s\n", cases[i].status);
        g_assert_cmpstr(done.out, ==, expected);
    }
}

static void
test_ls_unreadable(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    g_autofree char *dir = g_build_filename(fixture->results_dir, "broken", NULL);
    g_autofree char *db = g_build_filename(dir, "experiment.db", NULL);
    g_mkdir(dir, 0755);
    g_assert_true(g_file_set_contents(db, "nonsense", -1, NULL));
    g_auto(Done) done = RUN("ls", "--columns", "name,status", "--format", "csv");
    g_assert_cmpint(done.status, ==, EXIT_DONE);
    g_assert_cmpstr(done.out, ==, "name,status\nbroken,unreadable\ndigits,done\n");
    assert_says(done.err, "file is not a database");
    g_auto(Done) trials = RUN("trials", "broken");
    assert_refused(&trials, EXIT_BROKEN, "file is not a database");
}

/* ---- trials ---- */

static void
test_trials(Fixture *fixture, gconstpointer unused)
{
    (void)fixture;
    (void)unused;
    g_auto(Done) done = RUN("trials");
    g_assert_cmpstr(done.out, ==,
                    "trial  state       iteration  accuracy  config.lr  config.opt  time_total_s"
                    "  reason  id\n"
                    "    0  TERMINATED          2       0.5      0.001  sgd                    2"
                    "  done    2f1ea_00000\n"
                    "    1  TERMINATED          3     0.875  0.0123457  sgd                    3"
                    "  done    2f1ea_00001\n"
                    "    2  TERMINATED          1      0.25      1e-05  sgd                    1"
                    "  done    2f1ea_00002\n"
                    "    3  PENDING             -         -        0.1  sgd                    0"
                    "  -       2f1ea_00003\n");
    g_auto(Done) chosen = RUN("trials", "digits", "--columns", "trial,accuracy", "--filter",
                              "accuracy > 0.3 and config.lr < 0.1", "--sort", "-accuracy");
    g_assert_cmpstr(chosen.out, ==, "trial  accuracy\n    1     0.875\n    0       0.5\n");
    g_auto(Done) deep = RUN("trials", "--format", "csv", "--columns", "trial,last_result.deep.x");
    g_assert_cmpstr(deep.out, ==, "trial,last_result.deep.x\n0,2\n1,3\n2,1\n3,\n");
}

static void
test_trials_json(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    g_auto(Done) done = RUN("trials", "--json");
    g_autoptr(JsonNode) rows = json_of(&done);
    g_autofree char *dir = g_build_filename(fixture->dir, "trial_1", NULL);
    g_assert_cmpstr(text_at(rows, "[1].dir"), ==, dir);
    g_assert_cmpstr(text_at(rows, "[1].outcome"), ==, "completed");
    g_assert_cmpfloat(json_node_get_double(json_lookup(rows, "[1].config.lr")), ==, 0.0123456789);
    g_assert_cmpint(int_at(rows, "[1].last_result.training_iteration"), ==, 3);
    g_assert_cmpstr(text_at(rows, "[1].last_result.trial_id"), ==, "2f1ea_00001");
    g_assert_true(JSON_NODE_HOLDS_NULL(json_lookup(rows, "[3].last_result")));
    g_assert_true(JSON_NODE_HOLDS_NULL(json_lookup(rows, "[3].accuracy")));
}

/* ---- results ---- */

static void
test_results(Fixture *fixture, gconstpointer unused)
{
    (void)fixture;
    (void)unused;
    static const char expected[] =
        "training_iteration  time_total_s  accuracy  note   action\n"
        "                 1             1      0.25  a,\"b\"  continue\n"
        "                 2             2       0.5  a,\"b\"  continue\n";
    static const char *const trials[] = {"0", "2f1ea_00000", "train_2f1ea_00000"};
    for (gsize i = 0; i < G_N_ELEMENTS(trials); i++) {
        g_auto(Done) done = RUN("results", trials[i]);
        g_auto(Done) same = RUN("results", "digits", trials[i]);
        g_assert_cmpstr(done.out, ==, same.out);
        g_assert_cmpint(done.status, ==, EXIT_DONE);
        if (i == 0)
            g_assert_cmpstr(done.out, ==, expected);
    }
    g_auto(Done) json = RUN("results", "0", "--json");
    g_autoptr(JsonNode) rows = json_of(&json);
    g_assert_cmpint(int_at(rows, "[1].deep.x"), ==, 2);
    g_assert_cmpint(int_at(rows, "[1].n"), ==, 2);
    g_assert_cmpstr(text_at(rows, "[1].experiment_id"), ==, "0123456789abcdef0123456789abcdef");
    g_auto(Done) none = RUN("results", "3");
    g_assert_cmpstr(none.out, ==, "no results of trial 3 yet (PENDING)\n");
}

/* ---- best ---- */

static void
test_best(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    g_auto(Done) done = RUN("best", "digits");
    g_autofree char *expected = g_strdup_printf("Best of digits by accuracy (max, scope last):\n\n"
                                                "  trial      1 (2f1ea_00001)\n"
                                                "  accuracy   0.875 (at iteration 3)\n"
                                                "  state      TERMINATED, completed\n"
                                                "  config     lr = 0.0123457\n"
                                                "             opt = sgd\n"
                                                "             epochs = 20\n"
                                                "  directory  %s/trial_1\n\n"
                                                "pegbox best digits --command\n"
                                                "pegbox results digits 1\n"
                                                "pegbox logs digits 1\n",
                                                fixture->dir);
    g_assert_cmpstr(done.out, ==, expected);
    g_auto(Done) low = RUN("best", "--metric", "deep.x", "--mode", "min", "--scope", "avg");
    assert_says(low.out, "by deep.x (min, scope avg)");
    assert_says(low.out, "  trial      2 (2f1ea_00002)");
}

/* Ties are told, and a better value that was not the last. */
static void
test_best_ties(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    add_trial(fixture, 4, 0.2, 2, 0.875);
    g_auto(Done) done = RUN("best");
    assert_says(done.out, "  tied with  trial 4\n");
    g_assert_null(strstr(done.out, "ever best"));
    g_auto(Done) worst = RUN("best", "--mode", "min");
    assert_says(worst.out, "  accuracy   0.25 (at iteration 1)\n");
    add_trial(fixture, 5, 0.2, 2, 0.26);
    g_auto(Done) ever = RUN("best", "--mode", "min");
    assert_says(ever.out, "  ever best  0.13 in trial 5 at iteration 1 (--scope all)\n");
}

static void
test_best_json(Fixture *fixture, gconstpointer unused)
{
    (void)fixture;
    (void)unused;
    g_auto(Done) done = RUN("best", "--json");
    g_autoptr(JsonNode) best = json_of(&done);
    g_assert_cmpint(int_at(best, "trial"), ==, 1);
    g_assert_cmpstr(text_at(best, "id"), ==, "2f1ea_00001");
    g_assert_cmpstr(text_at(best, "metric"), ==, "accuracy");
    g_assert_cmpstr(text_at(best, "mode"), ==, "max");
    g_assert_cmpstr(text_at(best, "config.opt"), ==, "sgd");
    g_assert_cmpfloat(json_node_get_double(json_lookup(best, "value")), ==, 0.875);
    g_assert_cmpfloat(json_node_get_double(json_lookup(best, "accuracy")), ==, 0.875);
    g_assert_cmpint(int_at(best, "last_result.training_iteration"), ==, 3);
}

static void
test_best_none(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    g_auto(Done) done = RUN("best", "--metric", "no_such", "--mode", "min");
    assert_refused(&done, EXIT_TRIAL_FAILED, "none has a finite value of 'no_such'");
    g_assert_null(strstr(done.err, "did you mean"));
    g_auto(Done) meant = RUN("best", "--metric", "acuracy", "--mode", "min");
    assert_says(meant.err, "hint: did you mean --metric accuracy?\n");
    const char *const facts[][2] = {{"metric", ""}, {"mode", ""}, {NULL, NULL}};
    put_facts(fixture->store, facts);
    g_auto(Done) unnamed = RUN("best");
    assert_refused(&unnamed, EXIT_USAGE, "digits names no metric: give --metric");
}

static void
write_file(Fixture *fixture, const char *name, const char *text)
{
    g_autofree char *dir = g_build_filename(fixture->dir, "trial_1", NULL);
    g_autofree char *path = g_build_filename(dir, name, NULL);
    g_mkdir(dir, 0755);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void
set_state(Fixture *fixture, guint64 number, guint state, int end)
{
    g_autoptr(PbxTrialRow) row = store_trial(fixture->store, number, NULL);
    row->state = state;
    row->end = end;
    g_assert_true(store_begin(fixture->store, NULL));
    g_assert_true(store_put_trial(fixture->store, row, NULL));
    g_assert_true(store_commit(fixture->store, NULL));
}

/* The words are those that the run gave its program, whatever a shell would make of them. */
static void
test_best_command(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    g_auto(Done) done = RUN("best", "--command");
    g_auto(GStrv) words = NULL;
    g_assert_true(g_shell_parse_argv(done.out, NULL, &words, NULL));
    g_autofree char *joined = g_strjoinv("|", words);
    g_autofree char *expected =
        g_strdup_printf("python3|train.py|--lr|0.0123456789|--opt|sgd|--epochs|20|--out|"
                        "%s/trial_1/a b|it's 2f1ea_00001",
                        fixture->dir);
    g_assert_cmpstr(joined, ==, expected);
    g_assert_true(g_str_has_prefix(done.out, "python3 train.py --lr 0.0123456789 --opt sgd "));
    write_file(fixture, "params.json", "{}");
    const char *const file[][2] = {{"spec", "{\"trainable\":{\"command\":[\"./train\"]}}"},
                                   {NULL, NULL}};
    put_facts(fixture->store, file);
    g_auto(Done) by_file = RUN("best", "--command");
    g_autofree char *line =
        g_strdup_printf("PEGBOX_CONFIG=%s/trial_1/params.json "
                        "PYTHONPATH=%s\"${PYTHONPATH:+:$PYTHONPATH}\" ./train\n",
                        fixture->dir, places_get()->python);
    g_assert_cmpstr(by_file.out, ==, line);
    const char *const facts[][2] = {{"spec", "{\"trainable\":{\"plugin\":\"c\"}}"}, {NULL, NULL}};
    put_facts(fixture->store, facts);
    g_auto(Done) none = RUN("best", "--command");
    assert_refused(&none, EXIT_USAGE, "the trainable of digits has no command line");
}

static void
assert_command(Fixture *fixture, const char *spec, const char *expected)
{
    const char *const facts[][2] = {{"spec", spec}, {NULL, NULL}};
    put_facts(fixture->store, facts);
    g_auto(Done) done = RUN("best", "--command");
    g_assert_cmpstr(done.err, ==, "");
    g_assert_cmpstr(done.out, ==, expected);
}

/* Directory, environment and shell are the run's. */
static void
test_best_command_surroundings(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    assert_command(
        fixture,
        "{\"cwd\":\"/a b/{trial.id}\",\"env\":{\"Z\":\"{opt}\",\"A\":\"it's\",\"E\":\"\"},"
        "\"trainable\":{\"command\":[\"x\",\"{lr}\"]},\"config\":{\"lr\":1,\"opt\":2}}",
        "cd '/a b/2f1ea_00001' && Z=sgd A='it'\\''s' E= x 0.0123456789\n");
    assert_command(
        fixture,
        "{\"env\":{\"a.b\":\"1 2\",\"C\":\"3\"},\"trainable\":{\"command\":\"a {trial.id}\"}}",
        "env 'a.b=1 2' C=3 'a 2f1ea_00001'\n");
    assert_command(
        fixture,
        "{\"trainable\":{\"command\":[\"echo $1 {{ >&2\",\"{config.opt}\"],\"shell\":true}}",
        "/bin/sh -c 'echo $1 { >&2' sh sgd\n");
    assert_command(fixture, "{\"trainable\":{\"command\":\"echo hi\",\"shell\":true}}",
                   "/bin/sh -c 'echo hi' sh\n");
    write_file(fixture, "params.json", "{}");
    g_autofree char *own = g_strdup_printf(
        "A=1 PEGBOX_CONFIG=%s/trial_1/params.json PYTHONPATH=%s:/mine x %s/trial_1\n", fixture->dir,
        places_get()->python, fixture->dir);
    assert_command(fixture,
                   "{\"env\":{\"PYTHONPATH\":\"/mine\",\"A\":\"1\"},"
                   "\"trainable\":{\"command\":[\"x\",\"{trial.dir}\"]}}",
                   own);
}

/* A trial that failed may be the best, but is called failed; one that a killed driver left is
 * not running. */
static void
test_best_state(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    g_autofree char *gone = g_strdup_printf("%s:%d", g_get_host_name(), G_MAXINT);
    const char *const facts[][2] = {{"status", "running"}, {"driver", gone}, {NULL, NULL}};
    set_state(fixture, 1, PBX_STATE_ERROR, PBX_END_FAILED);
    g_auto(Done) failed = RUN("best");
    assert_says(failed.out, "  trial      1 (2f1ea_00001) (failed)\n");
    assert_says(failed.out, "  state      ERROR, failed\n");
    set_state(fixture, 1, PBX_STATE_RUNNING, -1);
    put_facts(fixture->store, facts);
    g_auto(Done) best = RUN("best");
    assert_says(best.out, "  state      PENDING\n");
    g_auto(Done) trials = RUN("trials", "--columns", "state", "--format", "csv");
    g_assert_cmpstr(trials.out, ==, "state\nTERMINATED\nPENDING\nTERMINATED\nPENDING\n");
    g_auto(Done) ls = RUN("ls", "--columns", "pending,running", "--format", "csv");
    g_assert_cmpstr(ls.out, ==, "pending,running\n2,0\n");
}

/* ---- logs ---- */

static void
test_logs(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    write_file(fixture, "stdout", "one\ntwo\n");
    write_file(fixture, "stderr", "three\n");
    g_auto(Done) both = RUN("logs", "1");
    g_assert_cmpstr(both.out, ==, "one\ntwo\nthree\n");
    g_auto(Done) one = RUN("logs", "digits", "1", "--stderr");
    g_assert_cmpstr(one.out, ==, "three\n");
    g_auto(Done) followed = RUN("logs", "-f", "1");
    g_assert_cmpstr(followed.out, ==, both.out);
    g_auto(Done) none = RUN("logs", "0");
    g_assert_cmpint(none.status, ==, EXIT_DONE);
    g_assert_cmpstr(none.out, ==, "");
}

static void
test_logs_elsewhere(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    write_file(fixture, "both-2f1ea_00001", "mixed\n");
    write_file(fixture, "err", "to err\n");
    static const struct {
        const char *log_to_file, *expected;
    } cases[] = {
        {"\"both-{trial.id}\"", "mixed\n"},
        {"[\"both-{trial.id}\",\"err\"]", "mixed\nto err\n"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *spec = g_strdup_printf("{\"log_to_file\":%s}", cases[i].log_to_file);
        const char *const facts[][2] = {{"spec", spec}, {NULL, NULL}};
        put_facts(fixture->store, facts);
        g_auto(Done) done = RUN("logs", "1");
        g_assert_cmpstr(done.err, ==, "");
        g_assert_cmpstr(done.out, ==, cases[i].expected);
    }
    const char *const facts[][2] = {{"spec", "{\"log_to_file\":false}"}, {NULL, NULL}};
    put_facts(fixture->store, facts);
    g_auto(Done) off = RUN("logs", "1");
    assert_refused(&off, EXIT_USAGE, "its log_to_file is false");
}

int
main(int argc, char **argv)
{
    g_setenv("TZ", "UTC", TRUE);
    g_setenv("LC_ALL", "C.UTF-8", TRUE);
    g_test_init(&argc, &argv, NULL);
    ADD("/commands/find/by-name-directory-or-newest", test_find);
    ADD("/commands/find/says-what-there-is", test_find_none);
    ADD("/commands/usage/errors-are-one-line", test_usage);
    ADD("/commands/ls/lists-the-newest-last", test_ls);
    ADD("/commands/ls/a-dead-driver-is-interrupted", test_ls_status);
    ADD("/commands/ls/lists-what-cannot-be-read", test_ls_unreadable);
    ADD("/commands/trials/shows-what-varies", test_trials);
    ADD("/commands/trials/json-has-everything", test_trials_json);
    ADD("/commands/results/shows-what-was-reported", test_results);
    ADD("/commands/best/shows-the-best", test_best);
    ADD("/commands/best/tells-ties-and-better-ones", test_best_ties);
    ADD("/commands/best/json-has-the-last-result", test_best_json);
    ADD("/commands/best/says-that-there-is-none", test_best_none);
    ADD("/commands/best/prints-the-command-line", test_best_command);
    ADD("/commands/best/command-line-has-directory-and-environment",
        test_best_command_surroundings);
    ADD("/commands/best/state-is-the-truth", test_best_state);
    ADD("/commands/logs/prints-both-streams", test_logs);
    ADD("/commands/logs/finds-the-files-of-log-to-file", test_logs_elsewhere);
    return g_test_run();
}
