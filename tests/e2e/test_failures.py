#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""max_failures, fail_fast, and the early end where nothing works."""
import os
import signal
import sqlite3
import time

from pegbox_test import HERE, PegboxTest, json_lines, main, sh, wait_until

# Fails until it was started $1 times.
FLAKY = """echo '{"loss": 1}'
echo again >>"$PEGBOX_TRIAL_DIR/starts"
[ $(wc -l <"$PEGBOX_TRIAL_DIR/starts") -ge $1 ] || { echo sorry >&2; exit 5; }
echo '{"loss": 0}'"""


class Failures(PegboxTest):
    def flaky(self, starts, **keys):
        return self.run_experiment(sh(FLAKY, str(starts)), metric="loss", mode="min", **keys)

    def status(self, experiment):
        with sqlite3.connect(os.path.join(experiment.path, "experiment.db")) as store:
            return store.execute("select value from fact where key = 'status'").fetchone()[0]

    def test_best_that_failed(self):
        script = sh("""echo '{"loss": 1}'; exit 1""")
        for config, told in (({}, "which failed\n"), ({"x": {"$choice": [1, 2]}},
                                                      "which failed, with\n")):
            done = self.run_experiment(script, metric="loss", mode="min", config=config,
                                       expect=1).done
            self.assertIn("Best loss: 1, by trial 0, " + told, done.out)

    def test_parameters_that_do_not_arrive(self):
        """Each trial is the same; said where it is no chance, and there are parameters."""
        told = "All 4 trials reported the same loss: do the parameters reach the program?\n"
        script = sh("""echo '{"loss": 1}'""")
        for config, n, is_told in (({"x": {"$uniform": [0, 1]}}, 4, True),
                                   ({"x": {"$uniform": [0, 1]}}, 3, False), ({}, 4, False)):
            done = self.run_experiment(script, metric="loss", mode="min", num_samples=n,
                                       config=config).done
            self.assertEqual(told in done.out, is_told, str(done))
        done = self.run_experiment(sh("""echo "{\\"loss\\": $1}" """, "{x}"), metric="loss",
                                   mode="min", config={"x": {"$grid_search": [1, 1, 1, 2]}}).done
        self.assertNotIn("reported the same", done.out)

    def test_retried_up_to_max_failures(self):
        experiment = self.flaky(3, max_failures=2)
        self.assertEqual(experiment.states, ["TERMINATED"])
        self.assertEqual(len(experiment.read(0, "starts").splitlines()), 3)
        # A retry starts from scratch: the iteration too.
        self.assertEqual(experiment.trials[0]["last_result"]["training_iteration"], 2)
        error = experiment.read(0, "error.txt")
        self.assertEqual(error.count("Failure # "), 2)
        self.assertIn("sorry", error)

    def test_one_failure_too_many(self):
        experiment = self.flaky(3, max_failures=1, expect=1)
        self.assertEqual(experiment.states, ["ERROR"])
        self.assertEqual(len(experiment.read(0, "starts").splitlines()), 2)

    def test_no_retry_by_default(self):
        self.assertEqual(self.flaky(2, expect=1).states, ["ERROR"])

    def test_without_end(self):
        self.assertEqual(self.flaky(6, max_failures=-1).states, ["TERMINATED"])

    def test_fail_fast(self):
        experiment = self.run_experiment(
            sh("""echo '{"loss": 1}'; [ $1 != 2 ]""", "{x}"), expect=1, metric="loss", mode="min",
            config={"x": {"$grid_search": list(range(10))}}, fail_fast=True,
            max_concurrent_trials=1)
        self.assertEqual(experiment.states[:3], ["TERMINATED", "TERMINATED", "ERROR"])
        self.assertNotIn("RUNNING", experiment.states)
        self.assertNotIn("TERMINATED", experiment.states[3:])

    def test_fail_fast_keeps_those_that_report_meanwhile(self):
        """They can go on later, however many of their reports are on their way."""
        experiment = self.run_experiment(
            sh('''if [ $1 = 0 ]; then sleep 1; exit 1; fi
while :; do echo '{"loss": 1}'; done''', "{x}"), metric="loss", mode="min", expect=1,
            config={"x": {"$grid_search": [1, 0, 2]}}, fail_fast=True, resources={"cpu": 0.1},
            max_concurrent_trials=2)
        self.assertEqual(experiment.states, ["PENDING", "ERROR", "PENDING"])
        self.assertEqual(experiment.trials[0]["reason"], "interrupted")
        self.assertEqual(experiment.trials[0]["results"], experiment.counts[0])

    def test_fail_fast_keeps_those_that_it_must_kill(self):
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(
            os.path.join(HERE, "deaf.c"), "trainable", "deaf")
        experiment = self.run_experiment(
            {"plugin": "deaf", "mark": os.path.join(self.dir, "mark")}, metric="loss", mode="min",
            num_samples=3, fail_fast=True, resources={"cpu": 0.1}, max_concurrent_trials=2,
            expect=1, environ={"PEGBOX_FUNCTION_THREAD_TIMEOUT_S": "0.1"})
        self.assertEqual(experiment.states, ["ERROR", "PENDING", "PENDING"])
        trial = experiment.trials[1]
        self.assertEqual((trial["reason"], trial["failures"]), ("interrupted", 0))

    def test_fail_fast_of_the_command_line(self):
        experiment = self.run_experiment(
            sh("""echo '{"loss": 1}'; exit 1"""), words=["--fail-fast"], expect=1, metric="loss",
            mode="min", num_samples=10, max_concurrent_trials=1)
        self.assertEqual(experiment.states.count("ERROR"), 1)

    def test_fail_fast_leaves_alone_what_is_starting(self):
        experiment = self.run_experiment(
            sh(""": >"$PEGBOX_TRIAL_DIR/ran"; [ $1 != 0 ] && sleep 1000; exit 1""", "{x}"),
            expect=1, config={"x": {"$grid_search": list(range(12))}}, fail_fast=True,
            resources={"cpu": 0.05})
        for trial in experiment.trials:
            self.assertEqual(trial["state"], "PENDING" if trial["trial"] else "ERROR", str(trial))
            self.assertNotIn("setup", trial["error"] or "")

    def test_early_end(self):
        experiment = self.run_experiment(sh("echo broken >&2; exit 1"), expect=1, num_samples=50,
                                         max_concurrent_trials=1)
        self.assertEqual(experiment.states[:3], ["ERROR"] * 3)
        # Those that were made ahead wait for another run.
        self.assertEqual(set(experiment.states[3:]), {"PENDING"})
        self.assertIn("broken", experiment.done.err + experiment.done.out)
        self.assertEqual(self.status(experiment), "stopped")

    def test_early_end_in_spite_of_retries(self):
        experiment = self.run_experiment(sh("exit 1"), expect=1, num_samples=50, max_failures=-1,
                                         max_concurrent_trials=1)
        self.assertEqual(experiment.states.count("ERROR"), 1)
        self.assertEqual(set(experiment.states), {"ERROR", "PENDING"})
        self.assertEqual(sum(trial["failures"] > 0 for trial in experiment.trials), 3)

    def test_rests_between_attempts_without_a_report(self):
        process = self.start("run", self.spec(
            sh('echo again >>"$PEGBOX_TRIAL_DIR/starts"; exit 1'), name="e", max_failures=-1,
            trial_dirname="t"))
        wait_until(lambda: os.path.exists(os.path.join(self.results_dir, "e", "t", "starts")), 30,
                   "the first attempt")
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        self.assertEqual(self.finish(process).status, 130)
        # 0.1, 0.2, 0.4, 0.8, 1.6 s: never more than this, and hundreds without the rests.
        self.assertLess(len(self.opened("e").read(0, "starts").splitlines()), 8)

    def test_no_early_end_after_one_report(self):
        experiment = self.run_experiment(
            sh("""[ $1 = 1 ] && echo '{"loss": 1}'; exit 1""", "{x}"), expect=1,
            config={"x": {"$grid_search": [1, 2, 3, 4, 5, 6]}}, metric="loss", mode="min",
            max_concurrent_trials=1)
        self.assertEqual(experiment.states, ["ERROR"] * 6)

    def test_no_early_end_with_fail_fast_false(self):
        experiment = self.run_experiment(sh("exit 1"), expect=1, num_samples=8, fail_fast=False)
        self.assertEqual(experiment.states, ["ERROR"] * 8)
        self.assertEqual(self.status(experiment), "done")


class Restored(PegboxTest):
    """What failed goes on from its newest checkpoint that can be restored."""

    def setUp(self):
        super().setUp()
        self.log = os.path.join(self.dir, "log")
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(
            os.path.join(HERE, "saver.c"), "trainable", "saver")

    def run_saver(self, expect=0, max_failures=1, frequency=2, **options):
        return self.run_experiment(
            dict({"plugin": "saver", "log": self.log}, **options), metric="loss", mode="min",
            checkpoint={"frequency": frequency}, max_failures=max_failures, expect=expect)

    def loads(self):
        with open(self.log, encoding="utf-8") as file:
            lines = [" ".join(line.split()[1:3]) for line in file]
        return [line for line in lines if line.startswith("load")]

    def whole(self, experiment, steps=5):
        """Each iteration is shown once, in the store and in the files."""
        for rows in (experiment.results(0),
                     json_lines(experiment.read(0, "result.json"))):
            self.assertEqual([row["training_iteration"] for row in rows],
                             list(range(1, steps + 1)))
            self.assertEqual([row["count"] for row in rows], list(range(1, steps + 1)))

    def test_from_the_newest(self):
        experiment = self.run_saver(dies_at=4)
        self.assertEqual(self.loads(), ["load 2"])
        self.whole(experiment)
        row = experiment.trials[0]
        self.assertEqual((row["attempts"], row["failures"], row["results"]), (2, 1, 5))
        # Iteration 3 was run twice: both are in the store.
        with sqlite3.connect(os.path.join(experiment.path, "experiment.db")) as store:
            self.assertEqual(store.execute(
                "select n, attempt from result where trial = 0 order by seq").fetchall(),
                [(1, 1), (2, 1), (3, 1), (3, 2), (4, 2), (5, 2)])
            self.assertEqual(store.execute(
                "select start_n, start_iteration, checkpoint from attempt order by attempt"
            ).fetchall(), [(0, 0, None), (2, 2, 1)])

    def test_as_often_as_it_may(self):
        experiment = self.run_saver(dies_at=4, deaths=3, max_failures=2, expect=1)
        self.assertEqual(experiment.states, ["ERROR"])
        self.assertEqual(experiment.trials[0]["attempts"], 3)
        self.log += "2"
        experiment = self.run_saver(dies_at=4, deaths=5, max_failures=-1)
        self.assertEqual(experiment.states, ["TERMINATED"])
        self.assertEqual(experiment.trials[0]["attempts"], 6)
        self.whole(experiment)

    def damaged(self, experiment):
        with sqlite3.connect(os.path.join(experiment.path, "experiment.db")) as store:
            return [row[0] for row in store.execute(
                "select name from checkpoint where state = 'damaged'")]

    def test_one_that_cannot_be_loaded(self):
        """The one before it is; the damaged one is marked, with a line."""
        experiment = self.run_saver(dies_at=5, loads_none_at=4)
        self.assertEqual(self.loads(), ["load 2"])
        self.whole(experiment)
        self.assertEqual(self.damaged(experiment), ["checkpoint_000004.tar"])
        self.assertIn("checkpoint_000004.tar of trial 0 cannot be restored: ", experiment.done.err)
        self.assertIn("will not load", experiment.done.err)
        # No name is used twice.
        self.assertIn("checkpoint_000004_2.tar", os.listdir(experiment.dir(0)))

    def test_one_that_is_damaged(self):
        go = os.path.join(self.dir, "go")
        spec = self.spec({"plugin": "saver", "log": self.log, "waits_at": 5, "go": go,
                          "dies_at": 6, "steps": 6}, metric="loss", mode="min", name="e",
                         checkpoint={"frequency": 2}, max_failures=1)
        process = self.start("run", spec)
        experiment = self.opened("e")
        wait_until(lambda: self.saved(experiment, 2), 40, "two checkpoints")
        with open(os.path.join(experiment.dir(0), "checkpoint_000004.tar"), "r+b") as file:
            file.truncate(100)
        self.write("go", "")
        done = self.finish(process)
        self.assertEqual(done.status, 0, str(done))
        self.whole(experiment, 6)
        self.assertEqual(self.loads(), ["load 2"])
        self.assertEqual(self.damaged(experiment), ["checkpoint_000004.tar"])

    def saved(self, experiment, n):
        done = experiment.command("trials", "--json", expect=None)
        return done.status == 0 and done.json and len(done.json[0]["checkpoints"]) == n

    def test_none_that_can_be_loaded(self):
        """Then the trial begins anew, and is hidden as far as it had come."""
        experiment = self.run_saver(dies_at=4, loads_none_at=2)
        self.whole(experiment)
        self.assertIn("the trial begins anew", experiment.done.err)
        self.assertEqual(experiment.trials[0]["last_result"]["iterations_since_restore"], 5)


if __name__ == "__main__":
    main()
