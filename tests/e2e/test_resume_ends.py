#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How trials end whose end was decided when their driver died."""
import contextlib
import os
import sqlite3

from pegbox_test import HERE, PegboxTest, main, python, wait_until


# What is no result, and then nothing, but once the file is there.
REPORTS = """import os, pegbox, sys, time
if os.path.exists(sys.argv[1]):
    pegbox.report(loss=1)
    sys.exit()
try:
    pegbox.report(other=1)
except pegbox.Stop:
    pass
time.sleep(1000)
"""


class Failing(PegboxTest):
    """A result has failed its trial, whose program is to end and does not."""
    def errors(self):
        path = os.path.join(self.results_dir, "e", "experiment.db")
        try:
            with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % path, uri=True)) as db:
                return db.execute("SELECT error FROM attempt WHERE error IS NOT NULL").fetchall()
        except sqlite3.OperationalError:
            return []  # it has not begun

    def killed(self, **keys):
        again = os.path.join(self.dir, "again")
        process = self.start("run", self.spec(python(REPORTS, again), name="e", metric="loss",
                                              mode="min", num_samples=1, fail_fast=False, **keys),
                             env={"PEGBOX_FUNCTION_THREAD_TIMEOUT_S": "1000"})
        wait_until(self.errors, 20, "a failure")
        process.kill()
        process.wait()
        self.write("again", "")
        wait_until(lambda: not self.named("pegbox-worker"), 20, "the worker's end")

    def test_for_good(self):
        self.killed()
        self.pegbox("resume", "e", expect=1)
        trial, = self.opened("e").trials
        self.assertEqual((trial["state"], trial["failures"], trial["attempts"]), ("ERROR", 1, 1))
        self.assertIn('has no "loss"', trial["error"])
        self.assertEqual(self.opened("e").read(0, "error.txt").count("Failure # "), 1)

    def test_tried_again(self):
        self.killed(max_failures=1)
        self.pegbox("resume", "e")
        trial, = self.opened("e").trials
        self.assertEqual((trial["state"], trial["failures"], trial["attempts"]),
                         ("TERMINATED", 1, 2))


class ResumeEnds(PegboxTest):
    def setUp(self):
        super().setUp()
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(
            os.path.join(HERE, "counts.c"), "trainable", "counts")

    def killed_while_saving(self, **keys):
        """Killed as its trial, which is to end, is saved."""
        process = self.start("run", self.spec(
            {"plugin": "counts", "steps": 9, "save_s": 60}, name="e", metric="loss", mode="min",
            num_samples=1, checkpoint={"at_end": True}, **keys))
        saving = os.path.join(self.results_dir, "e")
        wait_until(lambda: any(name.startswith(".pegbox-save-") for _, folders, _ in os.walk(saving)
                               for name in folders), 20, "a save")
        process.kill()
        process.wait()
        wait_until(lambda: not self.named("pegbox-worker"), 20, "the worker's end")
        self.pegbox("resume", "e", expect=None)
        trial, = self.opened("e").trials
        self.assertEqual(trial["attempts"], 1)
        return trial["outcome"], trial["reason"], trial["results"]

    def test_its_own_stop_rule(self):
        self.assertEqual(self.killed_while_saving(stop={"training_iteration": 3})[::2],
                         ("completed", 3))

    def test_the_end_of_all(self):
        rule = "result.training_iteration >= 2"
        end, reason, n = self.killed_while_saving(stop={"when": rule, "scope": "experiment"})
        self.assertEqual((end, n), ("stopped", 3))
        self.assertIn(rule, reason)


if __name__ == "__main__":
    main()
