#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checkpoints, pauses and what a person holds, over the end of the driver: by a signal, or killed at
any time. What is gone on with ends as what was never interrupted."""
import glob
import hashlib
import json
import os
import random
import signal
import sqlite3
import time

from pegbox_test import HERE, SHORT, PegboxTest, main, wait_until

TIMES = ("date", "timestamp", "time_this_iter_s", "time_total_s", "time_since_restore", "pid",
         "experiment_id", "iterations_since_restore", "attempt", "checkpoint", "hostname",
         "node_ip")


class ResumePaused(PegboxTest):
    def setUp(self):
        super().setUp()
        for kind, name in (("trainable", "saver"), ("scheduler", "pauser")):
            self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(
                os.path.join(HERE, name + ".c"), kind, name)
        self.log, self.go = os.path.join(self.dir, "log"), os.path.join(self.dir, "go")

    def saver(self, **options):
        return dict({"plugin": "saver", "log": self.log, "go": self.go}, **options)

    def rows(self, name="e"):
        done = self.pegbox("trials", name, "--json", expect=None)
        return done.json if done.status == 0 else []

    def wait_for(self, true):
        wait_until(lambda: (lambda rows: rows and true(rows))(self.rows()), 40, "trials")

    def loads(self):
        with open(self.log, encoding="utf-8") as file:
            lines = [" ".join(line.split()[:3]) for line in file]
        return [line for line in lines if " load " in line]

    def verify(self, name="e"):
        """Every checkpoint that the store has is there and whole, and no other is."""
        path = os.path.join(self.results_dir, name)
        with sqlite3.connect(os.path.join(path, "experiment.db")) as store:
            kept = store.execute("select t.dir, c.name, c.sha256 from checkpoint c join trial t on "
                                 "t.number = c.trial where c.state = 'kept'").fetchall()
        for folder, archive, sha256 in kept:
            with open(os.path.join(path, folder, archive), "rb") as file:
                self.assertEqual(hashlib.sha256(file.read()).hexdigest(), sha256, archive)
        there = {os.path.relpath(p, path) for p in glob.glob(path + "/*/checkpoint_*")}
        self.assertEqual(there, {os.path.join(row[0], row[1]) for row in kept})
        self.assertEqual(glob.glob(path + "/*/.*"), [])

    def story(self, name):
        """Trials and results without what differs from run to run."""
        experiment = self.opened(name)
        return [(row["state"], row["outcome"], row["config"], row["reason"],
                 [{k: v for k, v in result.items() if k not in TIMES and k != "experiment_tag"}
                  for result in experiment.results(row["trial"])])
                for row in self.rows(name)]

    def test_interrupted(self):
        """Ctrl-C saves what runs, where the file asks for checkpoints."""
        process = self.start("run", self.spec(
            self.saver(waits_at=3), metric="loss", mode="min", name="e", num_samples=2,
            max_concurrent_trials=2, checkpoint={"frequency": 100}))
        self.wait_for(lambda rows: len(rows) == 2 and all(r["results"] == 2 for r in rows))
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        self.write("go", "")
        self.assertEqual(self.finish(process).status, 130)
        self.assertEqual([(r["state"], len(r["checkpoints"])) for r in self.rows()],
                         [("PENDING", 1)] * 2)
        done = self.pegbox("resume", "e")
        self.assertEqual(done.status, 0)
        self.assertEqual(sorted(self.loads()), ["0 load 3", "1 load 3"])
        for trial in range(2):
            self.assertEqual([r["count"] for r in self.opened("e").results(trial)],
                             [1, 2, 3, 4, 5])
        self.verify()

    def test_held(self):
        """What a person holds is held still, and so is what the scheduler had paused."""
        process = self.start("run", self.spec(
            self.saver(waits_at=3), metric="loss", mode="min", name="e", num_samples=3,
            max_concurrent_trials=3, resources={"cpu": 0.1},
            scheduler={"plugin": "pauser", "every": 1, "until": 1}))
        self.wait_for(lambda rows: len(rows) == 3 and all(r["results"] == 2 for r in rows))
        for trial in "01":
            self.pegbox("pause", "e", trial)
        process.kill()
        process.wait()
        self.write("go", "")
        process = self.start("resume", "e")
        self.wait_for(lambda rows: rows[2]["state"] == "TERMINATED")
        time.sleep(0.5)
        self.assertIsNone(process.poll())
        self.assertEqual([(r["state"], r["held"]) for r in self.rows()[:2]],
                         [("PENDING", True)] * 2)
        self.pegbox("unpause", "e", "0")
        self.wait_for(lambda rows: rows[0]["state"] == "TERMINATED")
        self.pegbox("unpause", "e")
        self.assertEqual(self.finish(process).status, 0)
        for trial in range(3):
            self.assertEqual([r["count"] for r in self.opened("e").results(trial)],
                             [1, 2, 3, 4, 5])
        self.verify()

    def test_killed_at_any_time(self):
        """One worker: it ends in the same trials, configs and results."""
        keys = {"metric": "acc", "mode": "max", "num_samples": 4, "max_concurrent_trials": 1,
                "seed": 5, "config": {"x": {"$uniform": [0, 1]}},
                "scheduler": {"plugin": "pauser", "every": 2, "until": 6},
                "checkpoint": {"frequency": 3, "at_end": True, "keep": 1,
                               "score_attribute": "acc"}}
        self.run_experiment(self.saver(steps=8), name="whole", **keys)
        whole = self.story("whole")
        self.assertEqual([row[0] for row in whole], ["TERMINATED"] * 4)
        seed = int(os.environ.get("PEGBOX_TEST_SEED", "0")) or random.randrange(1 << 30)
        draw = random.Random(seed)
        spec = self.spec(self.saver(steps=8), name="e", **keys)
        process = self.start("run", spec)
        wait_until(lambda: os.path.exists(os.path.join(self.results_dir, "e", "experiment.db")),
                   20, "the store")
        for _ in range(6 if SHORT else 15):
            time.sleep(draw.uniform(0.02, 0.5))
            ended = process.poll() is not None
            process.kill()
            process.wait()
            if ended and {r["state"] for r in self.rows()} == {"TERMINATED"}:
                break
            process = self.start("resume", "e")
        self.finish(process)
        for _ in range(3):
            done = self.pegbox("resume", "e", expect=None)
            if done.status == 0:
                break
        self.assertEqual(done.status, 0, "seed %d\n%s" % (seed, done))
        self.assertEqual(json.dumps(self.story("e")), json.dumps(whole), "seed %d" % seed)
        self.verify()


if __name__ == "__main__":
    main()
