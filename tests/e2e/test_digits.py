#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The example of README.md: a scikit-learn script, unchanged, tuned with asha."""
import os
import subprocess

from pegbox_test import EXAMPLES, SHORT, Experiment, PegboxTest, main


class Digits(PegboxTest):
    def test_best_is_over_95_percent(self):
        words = ["--set", "num_samples=8"] if SHORT else []
        done = self.pegbox("run", os.path.join(EXAMPLES, "digits", "digits.json"), "--name", "digits",
                           *words, timeout=600)
        experiment = Experiment(self, os.path.join(self.results_dir, "digits"), done)
        best = experiment.command("best", "--json").json
        self.assertGreater(best["accuracy"], 0.95)
        # asha saved work, and every kept trial went to its end.
        counts = experiment.counts
        self.assertLess(sum(counts), 20 * len(counts))
        self.assertEqual(max(counts), 20)
        # What `run` says at its end is the best configuration and where to look further.
        self.assertIn("accuracy", done.out)
        self.assertIn("pegbox best", done.out + done.err)

    def test_best_command_runs_again(self):
        self.pegbox("run", os.path.join(EXAMPLES, "digits", "digits.json"), "--name", "digits",
                    "--set", "num_samples=2", "--set", "config.epochs=2")
        line = self.pegbox("best", "digits", "--command").out.strip()
        again = self.command(["sh", "-c", line], cwd=os.path.join(EXAMPLES, "digits"))
        best = self.pegbox("best", "digits", "--json").json
        self.assertIn('"accuracy": %s' % best["accuracy"], again.out)


if __name__ == "__main__":
    main()
