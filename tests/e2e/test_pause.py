#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trials that pause: by a scheduler, or because a person holds them."""
import os
import signal
import sqlite3
import time

from pegbox_test import HERE, PegboxTest, main, sh, wait_until

# Reports $1 times, and saves nothing.
PLAIN = """i=0; while [ $i -lt $1 ]; do i=$((i + 1)); echo '{"loss": '$i'}'; done"""


class PauseTest(PegboxTest):
    def setUp(self):
        super().setUp()
        for kind, name in (("trainable", "saver"), ("scheduler", "pauser")):
            self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(
                os.path.join(HERE, name + ".c"), kind, name)
        self.log, self.calls = (os.path.join(self.dir, name) for name in ("log", "calls"))
        self.go = os.path.join(self.dir, "go")

    def saver(self, **options):
        return dict({"plugin": "saver", "log": self.log, "go": self.go}, **options)

    def pauser(self, **options):
        return dict({"plugin": "pauser", "log": self.calls}, **options)

    def keys(self, **keys):
        return dict({"metric": "loss", "mode": "min", "name": "e"}, **keys)

    def lines(self, path, *first):
        """What was written down, without pids."""
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as file:
            lines = [" ".join(line.split()[:3]) for line in file]
        return [line for line in lines if not first or line.startswith(first)]

    def events(self, path, trial):
        with sqlite3.connect(os.path.join(path, "experiment.db")) as store:
            return [row[0] for row in store.execute(
                "select type from event where trial = ? order by seq", (trial,))]

    def rows(self):
        done = self.pegbox("trials", "e", "--json", expect=None)
        return done.json if done.status == 0 else []

    def wait_for(self, true, what="trials"):
        wait_until(lambda: (lambda rows: rows and true(rows))(self.rows()), 40, what)

    def whole(self, experiment, trials, steps):
        """Each iteration once, whatever came between."""
        self.assertEqual(experiment.states, ["TERMINATED"] * trials)
        for trial in range(trials):
            rows = experiment.results(trial)
            self.assertEqual([row["training_iteration"] for row in rows],
                             list(range(1, steps + 1)), trial)
            self.assertEqual([row["count"] for row in rows], list(range(1, steps + 1)), trial)


class Scheduler(PauseTest):
    def test_pauses_and_goes_on(self):
        experiment = self.run_experiment(
            self.saver(steps=5), scheduler=self.pauser(every=2), num_samples=3,
            max_concurrent_trials=2, **self.keys())
        self.whole(experiment, 3, 5)
        self.assertEqual([row["attempts"] for row in experiment.trials], [3] * 3)
        self.assertEqual([row["failures"] for row in experiment.trials], [0] * 3)
        self.assertEqual(self.lines(self.log, "0 load", "0 setup", "0 reset"),
                         ["0 setup 0", "0 setup 0", "0 load 2", "0 setup 0", "0 load 4"])
        self.assertEqual(
            self.events(experiment.path, 0),
            ["added"] + ["trial-start", "result", "result", "checkpoint", "save", "pause",
                         "trial-start", "restore", "result", "result", "checkpoint", "save",
                         "pause", "trial-start", "restore", "result", "complete"])
        # The scheduler is told: running, paused (why 1), running again.
        self.assertEqual(self.lines(self.calls, "runs 0", "paused 0"),
                         ["runs 0 0", "paused 0 1"] * 2 + ["runs 0 0"])
        actions = [row["action"] for row in experiment.results(0)]
        self.assertEqual(actions, ["continue", "pause", "continue", "pause", "continue"])
        self.assertIsNotNone(experiment.results(0)[1]["checkpoint"])
        self.assertEqual([row["iterations_since_restore"] for row in experiment.results(0)],
                         [1, 2, 1, 2, 1])

    def test_those_that_are_not_picked(self):
        """Nothing runs, and nobody picks them: they are stopped, with a line."""
        experiment = self.run_experiment(
            self.saver(), scheduler=self.pauser(every=1, picks=False), num_samples=3,
            max_concurrent_trials=2, **self.keys())
        self.assertEqual(experiment.states, ["TERMINATED"] * 3)
        self.assertEqual({row["outcome"] for row in experiment.trials}, {"stopped"})
        self.assertEqual({row["reason"] for row in experiment.trials},
                         {"paused, and not picked again by scheduler/pauser"})
        self.assertEqual(experiment.counts, [1] * 3)
        self.assertIn("has paused 3 trials and picks none of them", experiment.done.err)
        self.assertIn("idle 0 3", self.lines(self.calls))

    def test_a_program_that_saves_nothing(self):
        """It keeps its place, and goes on where it was."""
        experiment = self.run_experiment(
            sh(PLAIN, "6"), scheduler=self.pauser(every=2, until=4), num_samples=2,
            max_concurrent_trials=2, **self.keys())
        self.assertEqual(experiment.states, ["TERMINATED"] * 2)
        self.assertEqual(experiment.counts, [6] * 2)
        self.assertEqual([row["attempts"] for row in experiment.trials], [1] * 2)
        self.assertEqual(experiment.done.err.count("is to pause, but is not saved"), 1,
                         str(experiment.done))
        self.assertEqual(self.events(experiment.path, 0).count("pause"), 2)

    def test_a_program_that_is_ahead_of_its_copy(self):
        """What it prints meanwhile waits until its path is copied."""
        ahead = """i=$(cat state 2>/dev/null || echo 0); while [ $i -lt 4 ]; do i=$((i + 1))
echo $i >state; echo '{"loss": '$i'}'; sleep 0.05; done"""
        experiment = self.run_experiment(
            sh(ahead), scheduler=self.pauser(every=2, until=2), num_samples=2, cwd="{trial.dir}",
            checkpoint={"path": "state"}, max_concurrent_trials=1, timeout=60, **self.keys())
        self.assertEqual(experiment.states, ["TERMINATED"] * 2)
        for trial in range(2):
            self.assertEqual(self.events(experiment.path, trial).count("pause"), 1)

    def test_programs_that_keep_all_places(self):
        """What waits for a place gets one: those that pause are stopped."""
        experiment = self.run_experiment(
            sh(PLAIN, "4"), scheduler=self.pauser(every=2, until=2, picks=False), num_samples=3,
            max_concurrent_trials=2, **self.keys())
        self.assertEqual(experiment.states, ["TERMINATED"] * 3)
        self.assertEqual({row["outcome"] for row in experiment.trials}, {"stopped"})
        self.assertEqual(experiment.counts, [2] * 3)

    def test_a_trainable_that_cannot_save(self):
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(
            os.path.join(HERE, "deaf.c"), "trainable", "deaf")
        text = {"trainable": "deaf", "scheduler": "pauser"}
        line = "the scheduler 'pauser' pauses trials, but the trainable 'deaf' cannot save its state"
        self.refused(text, line)
        done = self.pegbox("run", self.spec(**text), expect=2)
        self.assertIn("trainable/deaf cannot save its state", done.err)
        self.assertFalse(os.path.exists(self.results_dir))

    def test_dies_before_it_is_saved(self):
        """The re-run pauses where it should have, and nothing is shown twice."""
        experiment = self.run_experiment(
            self.saver(dies_at=2), scheduler=self.pauser(every=2), max_failures=1,
            **self.keys())
        self.whole(experiment, 1, 5)
        self.assertEqual(self.events(experiment.path, 0).count("pause"), 2)
        # A save that fails: it is kept with its process.
        self.log += "2"
        experiment = self.run_experiment(
            self.saver(saves_none_at=2), scheduler=self.pauser(every=2), **self.keys(name="f"))
        self.whole(experiment, 1, 5)
        self.assertIn("will not save", experiment.done.err)


class Person(PauseTest):
    def begin(self, trainable, **keys):
        return self.start("run", self.spec(trainable, **self.keys(**keys)))

    def test_holds_one(self):
        process = self.begin(self.saver(waits_at=2), num_samples=2, max_concurrent_trials=2)
        self.wait_for(lambda rows: len(rows) == 2 and all(r["results"] == 1 for r in rows))
        self.assertEqual(self.pegbox("pause", "e", "0").out,
                         "holding trial 0 of e, which pauses once it is saved\n")
        self.write("go", "")
        self.wait_for(lambda rows: [r["state"] for r in rows] == ["PAUSED", "TERMINATED"])
        row = self.rows()[0]
        self.assertEqual((row["held"], row["reason"]), (True, "paused by a user"))
        self.assertEqual(len(row["checkpoints"]), 1)
        # The driver waits for it.
        time.sleep(0.6)
        self.assertIsNone(process.poll())
        self.assertEqual(self.pegbox("unpause", "e", "0").out, "trial 0 of e may go on\n")
        self.assertEqual(self.finish(process).status, 0)
        self.whole(self.opened("e"), 2, 5)
        self.assertEqual([r["attempts"] for r in self.rows()], [2, 1])
        self.assertIn("trial 0 has ended already", self.pegbox("pause", "e", "0", expect=2).err)

    def test_holds_one_that_waits(self):
        process = self.begin(self.saver(waits_at=1), num_samples=3, max_concurrent_trials=1)
        self.wait_for(lambda rows: len(rows) >= 2)
        self.assertIn("which is PENDING", self.pegbox("pause", "e", "1").out)
        self.assertIn("trial 0 is not held", self.pegbox("unpause", "e", "0", expect=2).err)
        self.write("go", "")
        self.wait_for(lambda rows: len(rows) == 3 and rows[2]["state"] == "TERMINATED")
        self.assertEqual([r["state"] for r in self.rows()],
                         ["TERMINATED", "PENDING", "TERMINATED"])
        self.pegbox("unpause", "e", "1")
        self.assertEqual(self.finish(process).status, 0)
        self.whole(self.opened("e"), 3, 5)

    def test_stays_held_whatever_the_scheduler_picks(self):
        process = self.begin(self.saver(waits_at=3), num_samples=2, max_concurrent_trials=2,
                             scheduler=self.pauser(every=1, until=2))
        self.wait_for(lambda rows: all(r["results"] == 2 for r in rows) and len(rows) == 2)
        self.pegbox("pause", "e", "1")
        self.write("go", "")
        self.wait_for(lambda rows: [r["state"] for r in rows] == ["TERMINATED", "PAUSED"])
        time.sleep(0.6)
        self.assertIsNone(process.poll())
        answer = self.pegbox("unpause", "e", "1", "--json").json
        self.assertEqual((answer["trial"], answer["held"]), (1, False))
        self.assertEqual(self.finish(process).status, 0)
        self.whole(self.opened("e"), 2, 5)

    def test_holds_the_experiment(self):
        process = self.begin(self.saver(waits_at=2), num_samples=3, max_concurrent_trials=1)
        self.wait_for(lambda rows: rows[0]["results"] == 1)
        self.assertEqual(self.pegbox("pause", "e").out,
                         "holding e: what runs pauses once it is saved\n")
        self.write("go", "")
        self.wait_for(lambda rows: rows[0]["state"] == "PAUSED")
        time.sleep(0.6)
        self.assertEqual({r["state"] for r in self.rows()[1:]}, {"PENDING"})
        self.assertIsNone(process.poll())
        # One trial alone does not go on.
        self.assertIn("unpause e", self.pegbox("unpause", "e", "0").err)
        self.assertEqual(self.pegbox("unpause", "e").out, "e may go on\n")
        self.assertEqual(self.finish(process).status, 0)
        self.whole(self.opened("e"), 3, 5)

    def test_without_a_driver(self):
        process = self.begin(self.saver(waits_at=2), num_samples=2, max_concurrent_trials=1)
        self.wait_for(lambda rows: rows[0]["results"] == 1)
        for trial in "10":
            self.pegbox("pause", "e", trial)
        self.write("go", "")
        self.wait_for(lambda rows: rows[0]["state"] == "PAUSED")
        process.send_signal(signal.SIGINT)
        self.assertEqual(self.finish(process).status, 130)
        self.assertEqual([(r["state"], r["held"]) for r in self.rows()],
                         [("PAUSED", True), ("PENDING", True)])
        self.pegbox("unpause", "e", "1")
        self.assertFalse(self.rows()[1]["held"])
        self.pegbox("pause", "e", "1")
        self.assertTrue(self.rows()[1]["held"])
        self.assertEqual(self.pegbox("unpause", "e").out, "e may go on\n")
        self.assertEqual([(r["state"], r["held"]) for r in self.rows()],
                         [("PENDING", False)] * 2)

    def test_one_that_cannot_be_saved(self):
        """It runs on, with a line."""
        self.write("go-on", "")
        process = self.begin(sh("""echo '{"loss": 1}'
while [ ! -e "$1" ]; do sleep 0.05; done; echo '{"loss": 2}'; echo '{"loss": 3}'""", self.go))
        self.wait_for(lambda rows: rows[0]["results"] == 1)
        self.pegbox("pause", "e", "0")
        self.write("go", "")
        done = self.finish(process)
        self.assertEqual(done.status, 0, str(done))
        self.assertIn("trial 0 runs on, as it cannot be saved", done.err)
        self.assertEqual(self.opened("e").counts, [3])


if __name__ == "__main__":
    main()
