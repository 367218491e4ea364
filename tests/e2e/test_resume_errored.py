#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""--errored: each trial that failed runs again, as a new one."""
import os

from pegbox_test import PegboxTest, main, sh

# Fails for x > 0.5 as long as the file is there.
FAILS = """echo '{"loss": '$1'}'
if [ -e %s ] && case $1 in 0.[5-9]*) true;; *) false;; esac; then exit 3; fi"""


class Errored(PegboxTest):
    def setUp(self):
        super().setUp()
        self.bad = self.write("bad", "")
        self.file = self.spec(sh(FAILS % self.bad, "{x}"), name="e", metric="loss", mode="min",
                              config={"x": {"$grid_search": [0.1, 0.6, 0.2, 0.7]}},
                              max_concurrent_trials=1)
        self.pegbox("run", self.file, expect=1)

    def check(self):
        e = self.opened("e")
        self.assertEqual(e.states, ["TERMINATED", "ERROR"] * 2 + ["TERMINATED"] * 2)
        self.assertEqual([c["x"] for c in e.configs], [0.1, 0.6, 0.2, 0.7, 0.6, 0.7])
        self.assertEqual(len({t["id"] for t in e.trials}), 6)

    def test_as_new_ones(self):
        os.remove(self.bad)
        done = self.pegbox("resume", "e", "--errored")
        self.check()
        self.assertIn("4 completed, 2 replaced", done.out)
        self.assertEqual(done.err, "")

    def test_run_resume_errored(self):
        os.remove(self.bad)
        self.pegbox("run", self.file, "--resume=errored")
        self.check()
        # Only once.
        self.pegbox("run", "--resume=errored", self.file)
        self.check()

    def test_without_it_they_stay(self):
        os.remove(self.bad)
        done = self.pegbox("resume", "e", expect=1)
        self.assertIn("2 completed, 2 failed", done.out)
        self.assertEqual(len(self.opened("e").trials), 4)

    def test_those_that_fail_again(self):
        done = self.pegbox("resume", "e", "--errored", expect=1)
        self.assertIn("2 completed, 2 failed, 2 replaced", done.out)
        os.remove(self.bad)
        self.pegbox("resume", "e", "--errored")
        self.assertEqual(self.opened("e").states[6:], ["TERMINATED"] * 2)

    def test_they_are_none_of_num_samples(self):
        os.remove(self.bad)
        self.pegbox("resume", "e", "--errored", "--set", "num_samples=2")
        self.assertEqual([c["x"] for c in self.opened("e").configs],
                         [0.1, 0.6, 0.2, 0.7, 0.6, 0.7, 0.1, 0.6, 0.2, 0.7])


if __name__ == "__main__":
    main()
