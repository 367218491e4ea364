#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every other experiment of doc/examples runs, and finds something good."""
import json
import os

from pegbox_test import EXAMPLES, PegboxTest, main


class Examples(PegboxTest):
    def run_example(self, folder, file, *words):
        self.pegbox("run", os.path.join(EXAMPLES, folder, file), "--name", folder, *words)
        return self.opened(folder)

    def test_python_sdk(self):
        experiment = self.run_example("digits-sdk", "digits-sdk.json", "--set", "num_samples=6")
        self.assertGreater(experiment.command("best", "--json").json["accuracy"], 0.8)

    def test_checkpoints(self):
        """A trial that goes on from a checkpoint comes to the same numbers."""
        whole = self.run_example("digits-checkpoint", "digits-checkpoint.json", "--set",
                                 "num_samples=2", "--set", "checkpoint.keep=null")
        self.assertEqual(set(whole.states), {"TERMINATED"})
        self.pegbox("run", os.path.join(EXAMPLES, "digits-checkpoint", "digits-checkpoint.json"),
                    "--name", "later", "--set", "num_samples=1",
                    "--set", "config=" + json.dumps(whole.configs[0]),
                    "--set", "restore=" + whole.dir(0) + "/checkpoint_000010.tar")
        later = self.opened("later")
        self.assertEqual([(r["training_iteration"], r["accuracy"]) for r in later.results(0)],
                         [(r["training_iteration"], r["accuracy"]) for r in whole.results(0)[10:]])

    def test_shell(self):
        experiment = self.run_example("shell", "shell.json")
        self.assertLess(experiment.command("best", "--json").json["loss"], 0.01)
        self.assertEqual(set(experiment.states), {"TERMINATED"})

    def build_c(self):
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(
            os.path.join(EXAMPLES, "c", "poisson.c"), "trainable", "poisson")

    def test_c(self):
        self.build_c()
        experiment = self.run_example("c", "poisson.json")
        best = experiment.command("best", "--json").json
        self.assertAlmostEqual(best["config"]["omega"], 1.91, delta=0.04)
        self.assertEqual(set(experiment.states), {"TERMINATED"})
        self.assertEqual(min(experiment.counts), 60)

    def test_every_example_is_valid(self):
        self.build_c()
        files = [os.path.join(folder, name) for folder, _, names in os.walk(EXAMPLES)
                 for name in names if name.endswith(".json")]
        self.assertGreaterEqual(len(files), 4, files)
        for file in files:
            self.pegbox("validate", file)


if __name__ == "__main__":
    main()
