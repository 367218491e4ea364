#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""reuse_workers: whether one process runs trial after trial."""
import os
import shutil

from pegbox_test import HERE, SOURCE, PegboxTest, main, sh

FUNCTION = os.path.join(SOURCE, "sdk", "examples", "trainable", "descent.c")


class Reuse(PegboxTest):
    def setUp(self):
        super().setUp()
        self.log = os.path.join(self.dir, "log")
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(
            os.path.join(HERE, "saver.c"), "trainable", "saver")

    def run_saver(self, options=None, expect=0, **keys):
        return self.run_experiment(
            dict({"plugin": "saver", "log": self.log, "steps": 2}, **(options or {})),
            metric="loss", mode="min", num_samples=3, max_concurrent_trials=1, expect=expect,
            **keys)

    def pids(self, experiment):
        return len({experiment.results(trial)[-1]["pid"]
                    for trial in range(len(experiment.trials))})

    def begun(self):
        with open(self.log, encoding="utf-8") as file:
            words = [line.split()[:2] for line in file]
        return [" ".join(pair) for pair in words if pair[1] in ("setup", "reset", "load")]

    def test_reset(self):
        experiment = self.run_saver(reuse_workers=True)
        self.assertEqual(experiment.states, ["TERMINATED"] * 3)
        self.assertEqual(self.begun(), ["0 setup", "1 reset", "2 reset"])
        self.assertEqual(self.pids(experiment), 1)
        self.assertEqual(experiment.counts, [2] * 3)

    def test_not_asked_for(self):
        for keys in ({}, {"reuse_workers": False}):
            experiment = self.run_saver(**keys)
            self.assertEqual(self.pids(experiment), 3)

    def test_not_after_a_failure(self):
        experiment = self.run_saver({"dies_at": 2}, reuse_workers=True, max_failures=1,
                                    checkpoint={"frequency": 1})
        self.assertEqual(experiment.states, ["TERMINATED"] * 3)
        # Each trial's first process dies; that of the first retry runs the others too.
        self.assertEqual(self.begun(), ["0 setup", "1 setup", "2 setup", "0 setup", "0 load",
                                        "1 reset", "1 load", "2 reset", "2 load"])

    def test_function_form(self):
        copy = os.path.join(self.dir, "outside", "descent.c")
        os.makedirs(os.path.dirname(copy))
        shutil.copy(FUNCTION, copy)
        self.build_plugin(copy, "trainable", "descent")
        for keys, processes in (({}, 1), ({"reuse_workers": True}, 1),
                                ({"reuse_workers": False}, 3)):
            experiment = self.run_experiment(
                {"plugin": "descent", "steps": 2}, metric="loss", mode="min", num_samples=3,
                max_concurrent_trials=1, config={"rate": 1e-4, "momentum": 0}, **keys)
            self.assertEqual(self.pids(experiment), processes, keys)

    def test_programs(self):
        """A program is a process of its own in any case."""
        experiment = self.run_experiment(sh("""echo '{"loss": 1}'"""), metric="loss", mode="min",
                                         num_samples=2, reuse_workers=False)
        self.assertEqual(experiment.states, ["TERMINATED"] * 2)

    def test_one_that_cannot(self):
        self.build_plugin(os.path.join(HERE, "deaf.c"), "trainable", "deaf")
        self.refused({"trainable": "deaf", "reuse_workers": True},
                     "the trainable 'deaf' serves one trial a process: it has no 'reset'")


if __name__ == "__main__":
    main()
