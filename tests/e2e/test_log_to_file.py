#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where a trial's output goes."""
import os

from pegbox_test import PegboxTest, main, read_text, sh

BOTH = "echo to stdout $1; echo to stderr $1 >&2; printf 'no newline'"


class LogToFile(PegboxTest):
    def run_one(self, **keys):
        return self.run_experiment(sh(BOTH, "{x}"), config={"x": 5}, **keys)

    def test_usual_files(self):
        experiment = self.run_one()
        self.assertEqual(experiment.read(0, "stdout"), "to stdout 5\nno newline")
        self.assertIn("to stderr 5\n", experiment.read(0, "stderr"))
        self.assertNotIn("to stdout", experiment.done.out)

    def test_one_name(self):
        experiment = self.run_one(log_to_file="both.log")
        text = experiment.read(0, "both.log")
        self.assertIn("to stdout 5\n", text)
        self.assertIn("to stderr 5\n", text)
        self.assertFalse(os.path.exists(os.path.join(experiment.dir(0), "stdout")))

    def test_two_names(self):
        other = os.path.join(self.dir, "err.log")
        experiment = self.run_one(log_to_file=["out.log", other])
        self.assertIn("to stdout 5\n", experiment.read(0, "out.log"))
        self.assertIn("to stderr 5\n", read_text(other))

    def test_wrong_numbers_of_names(self):
        for names in ([], ["a"], ["a", "b", "c"], 5):
            self.refused({"trainable": sh(":"), "log_to_file": names}, "log_to_file")

    def test_console(self):
        experiment = self.run_one(log_to_file=False)
        name = experiment.trials[0]["name"]
        lines = (experiment.done.out + experiment.done.err).splitlines()
        for text in ("to stdout 5", "to stderr 5", "no newline"):
            self.assertTrue([line for line in lines if name in line and line.endswith(text)], lines)
        self.assertFalse(os.path.exists(os.path.join(experiment.dir(0), "stdout")))

    def test_metrics_are_read_all_the_same(self):
        for log in (True, False, "one"):
            experiment = self.run_experiment(sh("""echo '{"loss": 1}'"""), log_to_file=log,
                                             metric="loss", mode="min")
            self.assertEqual(experiment.counts, [1])


if __name__ == "__main__":
    main()
