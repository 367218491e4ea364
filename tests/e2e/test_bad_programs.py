#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs that misbehave fail their own trial with one clear reason, and nothing of them is
left running (each test's own clean-up looks for that)."""
import os
import unittest

from pegbox_test import UNDER_VALGRIND, PegboxTest, main, python, sh


class BadPrograms(PegboxTest):
    def fails(self, trainable, *messages, **keys):
        """One trial that fails; the reason is in `trials`, in error.txt and on the screen."""
        keys = dict({"metric": "loss", "mode": "min"}, **keys)
        experiment = self.run_experiment(trainable, expect=1, **keys)
        self.assertEqual(experiment.states, ["ERROR"])
        error = experiment.trials[0]["error"]
        for message in messages:
            self.assertIn(message, error)
            self.assertIn(message, experiment.read(0, "error.txt"))
        self.assertNotIn("\n", error)
        return experiment

    def test_never_reports(self):
        self.fails(sh("echo one; echo loss is 5"), "2 lines seen", "loss is 5")

    def test_says_where_it_would_have_matched(self):
        self.fails(sh("""echo '{"loss": 5}' >&2"""), "stderr")

    def test_nonsense(self):
        self.fails(sh("head -c 100000 /dev/urandom; echo; echo '{\"loss\": '"), "none with")

    def test_endless_line(self):
        self.fails(sh("head -c 50000000 /dev/zero"), "none with")

    def test_dies_at_once(self):
        self.fails(sh("echo no such data >&2; exit 3"), "3")
        self.assertIn("no such data", self.opened("e1").read(0, "error.txt"))

    def test_dies_by_a_signal(self):
        self.fails(sh("kill -SEGV $$"), "SIGSEGV")

    def test_dies_after_reports(self):
        experiment = self.fails(sh("""echo '{"loss": 5}'; exit 1"""), "1")
        self.assertEqual(experiment.counts, [1])

    @unittest.skipIf(UNDER_VALGRIND, "valgrind hides why an exec failed")
    def test_is_not_there(self):
        self.fails({"plugin": "exec", "command": ["/no/such/program"]}, "/no/such/program")

    def test_hangs_after_stop(self):
        experiment = self.run_experiment(
            sh("""trap '' TERM; echo '{"loss": 5}'; while :; do sleep 1; done"""),
            metric="loss", mode="min", stop={"training_iteration": 1})
        self.assertEqual(experiment.states, ["TERMINATED"])

    def test_leaves_children(self):
        experiment = self.run_experiment(
            sh("""sleep 1000 & setsid sleep 1000 & (setsid sh -c 'sleep 1000 & sleep 1000' &)
                  nohup sleep 1000 >/dev/null 2>&1 &
                  echo '{"loss": 5}'"""), metric="loss", mode="min")
        self.assertEqual(experiment.states, ["TERMINATED"])
        self.assertEqual(experiment.counts, [1])

    def test_children_that_ignore_signals(self):
        experiment = self.run_experiment(
            sh("""(trap '' TERM HUP INT; setsid sleep 1000 &)
                  echo '{"loss": 5}'; sleep 1000"""),
            metric="loss", mode="min", stop={"training_iteration": 1})
        self.assertEqual(experiment.states, ["TERMINATED"])

    def test_typo_ends_the_experiment_early(self):
        experiment = self.run_experiment(
            python("import jsno\n"), expect=1, metric="loss", mode="min", num_samples=100)
        self.assertGreaterEqual(experiment.states.count("ERROR"), 3)
        self.assertLess(experiment.states.count("ERROR"), 100)
        self.assertNotIn("TERMINATED", experiment.states)
        # The last lines of its stderr, once.
        self.assertEqual(experiment.done.err.count("  Traceback (most recent call last):\n"), 1)
        self.assertIn("No module named 'jsno'", experiment.done.out + experiment.done.err)

    def test_others_go_on(self):
        experiment = self.run_experiment(
            sh("""[ $1 = 2 ] && exit 1; echo '{"loss": 5}'""", "{x}"), expect=1,
            config={"x": {"$grid_search": [0, 1, 2, 3]}}, metric="loss", mode="min")
        self.assertEqual(experiment.states, ["TERMINATED", "TERMINATED", "ERROR", "TERMINATED"])

    def test_closes_its_output_and_goes_on(self):
        experiment = self.run_experiment(
            sh("""echo '{"loss": 5}'; exec >&- 2>&-; sleep 0.3; exit 0"""),
            metric="loss", mode="min")
        self.assertEqual(experiment.states, ["TERMINATED"])

    def test_grandchild_keeps_the_pipe_open(self):
        # The program's end is the trial's end, whoever still holds its output.
        experiment = self.run_experiment(
            sh("""setsid sleep 1000 & echo '{"loss": 5}'"""), metric="loss", mode="min", timeout=60)
        self.assertEqual(experiment.counts, [1])

    def test_standard_input_is_empty(self):
        experiment = self.run_experiment(
            sh("""read line && exit 1; echo '{"loss": 5}'"""), metric="loss", mode="min")
        self.assertEqual(experiment.states, ["TERMINATED"])

    def test_fills_its_own_directory_name(self):
        # Values that are no file names still give a directory and a readable table.
        experiment = self.run_experiment(
            sh("""echo '{"loss": 5}'"""), metric="loss", mode="min",
            config={"text": {"$choice": ["../../\u001b[31m/ä b\n" + "x" * 300]},
                    "other": {"$choice": ["y" * 300, "z" * 300]}})
        self.assertEqual(os.path.dirname(experiment.dir(0)), experiment.path)
        self.assertNotIn("\u001b[31m", self.pegbox("trials", "e1").out)


if __name__ == "__main__":
    main()
