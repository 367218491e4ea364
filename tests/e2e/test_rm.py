#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""pegbox rm: what it deletes, and what it refuses."""
import fcntl
import os

from pegbox_test import PegboxTest, main, read_text, sh


class Rm(PegboxTest):
    def one(self, name):
        return self.run_experiment(sh("echo '{\"loss\": 1}'"), name=name, metric="loss",
                                   mode="min", log_to_file=True).path

    def refused_rm(self, message, *words):
        self.assertIn(message, self.pegbox("rm", *words, expect=2).err)

    def test_deletes_what_is_named_and_no_more(self):
        first, second, third = self.one("a"), self.one("b"), self.one("c")
        outside = self.write("outside/kept", "kept")
        os.symlink(os.path.dirname(outside), os.path.join(first, "link"))
        os.makedirs(os.path.join(first, "deep/er"))
        self.pegbox("rm", first, second)
        self.assertFalse(os.path.exists(first) or os.path.exists(second))
        self.assertTrue(os.path.exists(os.path.join(third, "experiment.db")))
        self.assertEqual(read_text(outside), "kept")

    def test_refuses_without_harm(self):
        path = self.one("a")
        self.refused_rm("rm needs the name")
        outside = self.write("plain/file", "kept")
        self.refused_rm("it has no experiment.db", os.path.dirname(outside))
        link = os.path.join(self.dir, "link")
        os.symlink(path, link)
        self.refused_rm("is a symbolic link", link)
        with open(os.path.join(path, "experiment.lock"), "r+", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.refused_rm("is being run already", path)
        self.assertTrue(os.path.exists(os.path.join(path, "experiment.db")))
        self.assertEqual(read_text(outside), "kept")

    def test_a_lock_that_is_a_link_is_not_followed(self):
        path = self.one("a")
        outside = self.write("kept", "kept")
        lock = os.path.join(path, "experiment.lock")
        os.remove(lock)
        os.symlink(outside, lock)
        self.pegbox("rm", path, expect=4)
        self.assertEqual(read_text(outside), "kept")


if __name__ == "__main__":
    main()
