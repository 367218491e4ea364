#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A file that extends another, from `run` to experiment.json."""
import json
import os

from pegbox_test import PegboxTest, main, read_text

BASE = {"trainable": {"plugin": "exec",
                      "command": ["sh", "-c", "echo \"{{\\\"loss\\\": $1}\"; pwd >&2", "sh", "{lr}"]},
        "config": {"lr": {"$choice": [1, 2, 3]}, "left": 1, "gone": 2},
        "metric": "loss", "mode": "min", "num_samples": 5, "cwd": "."}


class Extends(PegboxTest):
    def test_run(self):
        self.write("base/base.json", json.dumps(BASE))
        top = self.write("top.json", json.dumps(
            {"extends": "base/base.json", "name": "top", "num_samples": 2,
             "config": {"lr": {"$uniform": [0, 1]}, "gone": None}}))
        self.pegbox("run", top)
        experiment = self.opened("top")
        self.assertEqual(experiment.states, ["TERMINATED"] * 2)
        for config in experiment.configs:
            self.assertEqual(sorted(config), ["left", "lr"])
            self.assertTrue(0 <= config["lr"] < 1)
        # A base's paths are its own.
        self.assertEqual(experiment.read(0, "stderr").strip(), os.path.join(self.dir, "base"))
        # What was resolved is an experiment file that means the same.
        path = os.path.join(self.results_dir, "top", "experiment.json")
        self.assertNotIn("extends", json.loads(read_text(path)))
        self.pegbox("validate", path)

    def test_from_a_relative_file(self):
        # Its base may be given by a whole path, from the home directory, or beside it.
        self.write("base/base.json", json.dumps(BASE))
        for extends in (os.path.join(self.dir, "base/base.json"), "~/base/base.json",
                        "base/base.json", "./base/base.json"):
            self.write("top.json", json.dumps({"extends": extends, "num_samples": 2}))
            done = self.pegbox("validate", "top.json")
            self.assertIn("ok: 2 trials", done.out)
            self.assertEqual(done.err, "")
        for extends in ("/dev/zero", "~", ".", "/no/such/file", "~nobody"):
            self.write("top.json", json.dumps({"extends": extends}))
            done = self.pegbox("validate", "top.json", expect=2)
            self.assertEqual(len(done.err.splitlines()), 1, done.err)
            self.assertRegex(done.err, "cannot be read|there is no file")

    def test_schema(self):
        schema = self.pegbox("schema").json
        self.assertIn({"required": ["extends"]}, schema["anyOf"])


if __name__ == "__main__":
    main()
