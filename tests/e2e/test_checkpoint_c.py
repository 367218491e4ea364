#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checkpoints of trainables in C, in class and in function form: when they are made, that a trial
goes on from them, and what becomes of those that the trainable does not take."""
import glob
import os
import shutil

from pegbox_test import HERE, SOURCE, PegboxTest, json_lines, main


class CheckpointC(PegboxTest):
    def counts(self, expect=0, environ=None, **keys):
        options = {name: keys.pop(name) for name in
                   ("steps", "die_at", "die_in_save", "refuse", "fail_save_at", "save_s") if name in keys}
        if "PEGBOX_PLUGIN_PATH" not in self.env:
            self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(
                os.path.join(HERE, "counts.c"), "trainable", "counts")
        return self.run_experiment(dict({"plugin": "counts"}, **options), expect=expect,
                                   environ=environ, **dict({"metric": "loss", "mode": "min"}, **keys))

    def archives(self, experiment, trial=0):
        return sorted(os.path.basename(path)
                      for path in glob.glob(experiment.dir(trial) + "/checkpoint_*"))

    def shown(self, experiment, trial=0):
        return [(r["training_iteration"], r["loss"])
                for r in json_lines(experiment.read(trial, "result.json"))]

    def check_tidy(self, experiment, trial=0):
        self.assertEqual([name for name in os.listdir(experiment.dir(trial)) if name[0] == "."], [])

    # ---- Class form ----

    def test_made_at_the_frequency_and_at_the_end(self):
        experiment = self.counts(checkpoint={"frequency": 2, "at_end": True})
        self.assertEqual(self.archives(experiment),
                         ["checkpoint_%06d.tar" % n for n in (2, 4, 5)])
        self.check_tidy(experiment)
        out = self.command(["tar", "xOf", experiment.dir(0) + "/checkpoint_000004.tar", "count"]).out
        self.assertEqual(out, "4\n")

    def test_it_goes_on_after_its_death(self):
        experiment = self.counts(checkpoint={"frequency": 2}, die_at=5, steps=7, max_failures=1)
        self.assertEqual(experiment.states, ["TERMINATED"])
        self.assertEqual(experiment.read(0, "stdout"), "setup\nsetup\nload 4\n")
        self.assertEqual(self.shown(experiment), [(n, n) for n in range(1, 8)])
        self.check_tidy(experiment)

    def test_what_it_refuses_is_passed_over(self):
        experiment = self.counts(checkpoint={"frequency": 1}, die_at=3, refuse=3, max_failures=1)
        self.assertEqual(experiment.states, ["TERMINATED"])
        # A fresh instance for each.
        self.assertEqual(experiment.read(0, "stdout"), "setup\nsetup\nload 3\nsetup\nload 2\n")
        self.assertIn("count: is not to its taste", experiment.done.err)
        self.assertEqual(self.shown(experiment), [(n, n) for n in range(1, 6)])

    def test_it_refuses_all(self):
        experiment = self.counts(checkpoint={"frequency": 3}, die_at=3, refuse=3, max_failures=1)
        self.assertEqual(experiment.states, ["TERMINATED"])
        self.assertEqual(experiment.read(0, "stdout"), "setup\nsetup\nload 3\nsetup\n")
        self.assertIn("begins anew", experiment.done.err)
        self.assertEqual(self.shown(experiment), [(n, n) for n in range(1, 6)])

    def test_one_that_cannot_be_made(self):
        experiment = self.counts(checkpoint={"frequency": 1}, fail_save_at=2)
        self.assertEqual(experiment.states, ["TERMINATED"])
        self.assertEqual(self.archives(experiment),
                         ["checkpoint_%06d.tar" % n for n in (1, 3, 4, 5)])
        self.assertEqual(experiment.done.err.count("no checkpoint was made"), 1)
        self.assertIn("no checkpoint was made: count: two lines: of an error", experiment.done.err)
        self.check_tidy(experiment)

    def test_death_while_it_is_made(self):
        experiment = self.counts(checkpoint={"frequency": 1}, die_in_save=2, expect=1)
        self.assertEqual(experiment.states, ["ERROR"])
        self.assertEqual(self.archives(experiment), ["checkpoint_000001.tar"])
        self.check_tidy(experiment)

    def test_in_the_driver(self):
        experiment = self.counts(checkpoint={"frequency": 2, "at_end": True}, words=["--local"])
        self.assertEqual(self.archives(experiment),
                         ["checkpoint_%06d.tar" % n for n in (2, 4, 5)])
        self.check_tidy(experiment)

    def test_a_slow_one_is_waited_for(self):
        experiment = self.counts(checkpoint={"at_end": True}, save_s=2, steps=1000,
                                 stop={"training_iteration": 2},
                                 environ={"PEGBOX_FUNCTION_THREAD_TIMEOUT_S": "0.2"})
        self.assertEqual(experiment.states, ["TERMINATED"])
        self.assertEqual(self.archives(experiment), ["checkpoint_000002.tar"])

    # ---- Function form ----

    def test_function_form(self):
        copy = os.path.join(self.dir, "outside", "descent.c")
        os.makedirs(os.path.dirname(copy))
        shutil.copy(os.path.join(SOURCE, "sdk", "examples", "trainable", "descent.c"), copy)
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(copy, "trainable", "descent")
        keys = {"metric": "loss", "mode": "min", "config": {"rate": 1e-4, "momentum": 0.5},
                "checkpoint": {"frequency": 10}}
        whole = self.run_experiment({"plugin": "descent", "steps": 30}, **keys)
        self.assertEqual(self.archives(whole), ["checkpoint_%06d.tar" % n for n in (10, 20, 30)])
        # Another experiment goes on from the middle of it, and comes to the same end.
        later = self.run_experiment({"plugin": "descent", "steps": 30},
                                    restore=whole.dir(0) + "/checkpoint_000020.tar", **keys)
        self.assertEqual(later.results(0)[0]["training_iteration"], 21)
        self.assertEqual(later.results(0)[-1]["loss"], whole.results(0)[-1]["loss"])
        self.check_tidy(later)


if __name__ == "__main__":
    main()
