#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Without a file, the space stands in the command itself."""
import json
import os

from pegbox_test import PegboxTest, main

COMMAND = ("sh", "-c", "echo '{{\"loss\": '$1'}'", "sh", "{lr:loguniform(1e-3,1)}",
           "{opt:choice(adam,sgd)}", "{n:randint(1,10)}", "plain {{braces}")


class OneLineForm(PegboxTest):
    def test_runs(self):
        self.pegbox("run", "--metric", "loss", "--mode", "min", "--num-samples", "5",
                    "--name", "one", "--", *COMMAND)
        experiment = self.opened("one")
        self.assertEqual(experiment.states, ["TERMINATED"] * 5)
        for trial in experiment.trials:
            config = trial["config"]
            self.assertEqual(set(config), {"lr", "opt", "n"})
            self.assertTrue(1e-3 <= config["lr"] < 1)
            self.assertIn(config["opt"], ("adam", "sgd"))
            self.assertIn(config["n"], range(1, 10))
            self.assertEqual(trial["last_result"]["loss"], config["lr"])

    def test_print_spec_means_the_same(self):
        words = ["--metric", "loss", "--mode", "min", "--num-samples", "3", "--set", "seed=5"]
        done = self.pegbox("run", *words, "--print-spec", "--", *COMMAND)
        self.assertFalse(os.path.exists(self.results_dir), "something was started")
        spec = json.loads(done.out)
        self.assertEqual(spec["config"]["lr"], {"$loguniform": [1e-3, 1]})
        self.assertEqual(spec["config"]["opt"], {"$choice": ["adam", "sgd"]})
        self.assertEqual(spec["num_samples"], 3)
        self.write("printed.json", done.out)
        self.pegbox("validate", "printed.json")
        self.pegbox("run", "printed.json", "--name", "file")
        self.pegbox("run", *words, "--name", "line", "--", *COMMAND)
        self.assertEqual(self.opened("file").configs, self.opened("line").configs)

    def test_runs_in_the_current_directory(self):
        os.mkdir(os.path.join(self.dir, "here"))
        self.pegbox("run", "--name", "one", "--", "sh", "-c", "pwd", cwd=self.dir + "/here")
        self.assertEqual(self.opened("one").read(0, "stdout").strip(), self.dir + "/here")

    def test_named_after_the_program(self):
        script = self.write("fit model.sh", "#!/bin/sh\necho '{\"loss\": 1}'\n", 0o755)
        self.pegbox("run", "--num-samples", "1", "--", script, "{x:uniform(0,1)}")
        names = os.listdir(self.results_dir)
        self.assertEqual(len(names), 1)
        self.assertRegex(names[0], r"^fit.model_\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d$")

    def test_bad_words(self):
        for word, message in (("{lr:loguniform(0,1)}", "loguniform"),
                              ("{lr:loguniformm(1,2)}", "did you mean"),
                              ("{lr:uniform(0,1}", "uniform")):
            done = self.pegbox("run", "--", "echo", word, expect=2)
            self.assertIn(message, done.err)
        self.pegbox("run", "--metric", "loss", expect=2)

    def test_same_parameter_twice_must_agree(self):
        self.pegbox("run", "--", "echo", "{x:uniform(0,1)}", "{x:uniform(0,2)}", expect=2)
        self.pegbox("run", "--name", "twice", "--", "sh", "-c", "[ $1 = $2 ]", "sh",
                    "{x:uniform(0,1)}", "{x}")
        self.assertEqual(self.opened("twice").states, ["TERMINATED"])


if __name__ == "__main__":
    main()
