#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which checkpoints are there after each save, and what the store and the commands say of them."""
import glob
import hashlib
import os
import sqlite3
import tarfile

from pegbox_test import HERE, PegboxTest, main, sh


class Keep(PegboxTest):
    def setUp(self):
        super().setUp()
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(
            os.path.join(HERE, "saver.c"), "trainable", "saver")

    def run_saver(self, checkpoint, options=None, **keys):
        keys = dict({"metric": "acc", "mode": "max"}, **keys)
        return self.run_experiment(dict({"plugin": "saver"}, **(options or {})),
                                   checkpoint=checkpoint, **keys)

    def archives(self, experiment, trial=0):
        return sorted(os.path.basename(path) for path in
                      glob.glob(os.path.join(experiment.dir(trial), "checkpoint_*")))

    def rows(self, experiment, columns="name, state"):
        with sqlite3.connect(os.path.join(experiment.path, "experiment.db")) as store:
            return store.execute("select %s from checkpoint order by id" % columns).fetchall()

    def test_all(self):
        experiment = self.run_saver({"frequency": 2})
        names = ["checkpoint_000002.tar", "checkpoint_000004.tar"]
        self.assertEqual(self.archives(experiment), names)
        self.assertEqual(self.rows(experiment), [(name, "kept") for name in names])
        for name, sha256, size in self.rows(experiment, "name, sha256, bytes"):
            path = os.path.join(experiment.dir(0), name)
            with open(path, "rb") as file:
                data = file.read()
            self.assertEqual((hashlib.sha256(data).hexdigest(), len(data)), (sha256, size))
            with tarfile.open(path) as archive:
                self.assertEqual([m.name for m in archive if m.isfile()], ["count"])

    def test_the_best_and_the_newest(self):
        """acc is .5 .7 .6 .4 .8; what went is gone from the disk too."""
        experiment = self.run_saver({"frequency": 1, "keep": 2, "score_attribute": "acc"})
        self.assertEqual(self.archives(experiment),
                         ["checkpoint_000002.tar", "checkpoint_000005.tar"])
        self.assertEqual([row[1] for row in self.rows(experiment)],
                         ["deleted", "kept", "deleted", "deleted", "kept"])
        self.assertEqual([row[0] for row in self.rows(experiment, "score")],
                         [.5, .7, .6, .4, .8])
        experiment = self.run_saver({"frequency": 1, "keep": 2, "score_attribute": "min-acc"})
        self.assertEqual(self.archives(experiment),
                         ["checkpoint_000001.tar", "checkpoint_000004.tar",
                          "checkpoint_000005.tar"])
        # The metric's mode says which is better.
        experiment = self.run_saver({"frequency": 1, "keep": 1, "score_attribute": "loss"},
                                    metric="loss", mode="min")
        self.assertEqual(self.archives(experiment), ["checkpoint_000005.tar"])

    def test_without_the_attribute(self):
        experiment = self.run_saver({"frequency": 1, "keep": 3, "score_attribute": "none"})
        self.assertEqual(self.archives(experiment), ["checkpoint_000005.tar"])
        self.assertIn("has no finite 'none' to be ranked by", experiment.done.err)

    def test_at_end(self):
        """The end waits for the save, whoever ends the trial."""
        for keys, last in (({}, 5), ({"stop": {"training_iteration": 3}}, 3)):
            experiment = self.run_saver({"at_end": True}, **keys)
            self.assertEqual(experiment.states, ["TERMINATED"])
            self.assertEqual(self.archives(experiment), ["checkpoint_%06d.tar" % last])
            with sqlite3.connect(os.path.join(experiment.path, "experiment.db")) as store:
                types = [row[0] for row in store.execute("select type from event order by seq")]
            self.assertEqual(types[-4:], ["checkpoint", "save", "complete", "end"])

    def test_at_end_fails(self):
        experiment = self.run_saver({"at_end": True}, {"saves_none_at": 3},
                                    stop={"training_iteration": 3})
        self.assertEqual(experiment.states, ["TERMINATED"])
        self.assertEqual(self.archives(experiment), [])
        self.assertIn("will not save", experiment.done.err)

    def test_compression(self):
        experiment = self.run_saver({"frequency": 5, "compression": "zstd"}, {"bytes": 100000})
        self.assertEqual(self.archives(experiment), ["checkpoint_000005.tar.zst"])
        self.assertLess(self.rows(experiment, "bytes")[0][0], 10000)

    def test_total(self):
        """The whole experiment: older ones first, then the worst trials' newest."""
        experiment = self.run_saver(
            {"frequency": 1, "max_total_bytes": 130000}, {"bytes": 40000, "steps": 3},
            num_samples=3, max_concurrent_trials=1)
        kept = [row for row in self.rows(experiment, "trial, state, bytes") if row[1] == "kept"]
        self.assertLessEqual(sum(row[2] for row in kept), 130000)
        self.assertGreater(sum(row[2] for row in kept), 80000)
        # Each trial's newest.
        self.assertEqual([self.archives(experiment, trial) for trial in range(3)],
                         [["checkpoint_000003.tar"]] * 3)
        # They are equally good: the first is the best, the last one's was saved last.
        experiment = self.run_saver({"frequency": 1, "max_total_bytes": 1}, {"steps": 2},
                                    num_samples=3, max_concurrent_trials=1)
        self.assertEqual([self.archives(experiment, trial) for trial in range(3)],
                         [["checkpoint_000002.tar"], [], ["checkpoint_000002.tar"]])
        self.assertIn("all of them are still needed", experiment.done.err)

    def test_total_and_failures(self):
        """What a trial that failed is to go on from stays, until another one has gone on from it."""
        experiment = self.run_saver(
            {"frequency": 1, "max_total_bytes": 1},
            {"steps": 4, "dies_at": 3, "log": os.path.join(self.dir, "log")}, expect=1,
            num_samples=3, max_concurrent_trials=1)
        self.assertEqual(experiment.states, ["ERROR"] * 3)
        self.assertEqual([self.archives(experiment, trial) for trial in range(3)],
                         [["checkpoint_000002.tar"]] * 3)
        # Each dies once more, before it has saved anything itself.
        self.pegbox("resume", experiment.path, "--errored", "--set", "max_failures=1")
        self.assertEqual(experiment.states[3:], ["TERMINATED"] * 3)
        self.assertEqual([row["training_iteration"] for row in experiment.results(5)], [3, 4])
        # The first is the best, as they are equally good.
        self.assertEqual([self.archives(experiment, trial) for trial in range(3)],
                         [["checkpoint_000002.tar"], [], []])

    def test_a_program_that_saves_nothing(self):
        """Said once: nobody is to believe that there are checkpoints."""
        line = "checkpoint.frequency is 2, but trial 0 was never saved"
        for reports, told in ((3, 1), (1, 0)):
            experiment = self.run_experiment(
                sh("""for i in $(seq $1); do echo '{"loss": 1}'; done""", str(reports)),
                metric="loss", mode="min", num_samples=2, max_concurrent_trials=1,
                checkpoint={"frequency": 2})
            self.assertEqual(experiment.done.err.count(line), told, str(experiment.done))

    def test_loggers(self):
        """They are told of each checkpoint, and of what a trial goes on from."""
        self.build_plugin(os.path.join(HERE, "checkpoint-log.c"), "logger", "checkpoint-log")
        log = os.path.join(self.dir, "log")
        experiment = self.run_saver(
            {"frequency": 2}, {"dies_at": 4, "log": os.path.join(self.dir, "x")}, max_failures=1,
            loggers=[{"plugin": "checkpoint-log", "file": log}])
        folder = experiment.dir(0)
        paths = [os.path.join(folder, "checkpoint_%06d.tar" % step) for step in (2, 4)]
        with open(log, encoding="utf-8") as file:
            lines = file.read().splitlines()
        # Type, state, checkpoints so far, id, step, path, and whether the sum is one.
        self.assertEqual(lines, ["checkpoint 1 1 1 2 %s 64" % paths[0],
                                 "save 1 1 1 2 %s 64" % paths[0],
                                 "restore 1 1 1 2 %s 64" % paths[0],
                                 "checkpoint 1 2 2 4 %s 64" % paths[1],
                                 "save 1 2 2 4 %s 64" % paths[1]])

    def test_listings(self):
        experiment = self.run_saver({"frequency": 2, "keep": 1})
        kept = experiment.trials[0]["checkpoints"]
        self.assertEqual([(c["step"], c["iteration"]) for c in kept], [(4, 4)])
        self.assertTrue(os.path.exists(kept[0]["path"]))
        self.assertEqual([row["checkpoint"] for row in experiment.results(0)],
                         [None, None, None, "checkpoint_000004.tar", None])
        out = experiment.command("results", "0").out
        self.assertIn("checkpoint_000004.tar", out)

    def test_best(self):
        """Of what the best trial has kept, the one whose result was the best."""
        experiment = self.run_saver({"frequency": 1, "keep": 3, "score_attribute": "acc"},
                                    {"steps": 4})
        into = os.path.join(self.dir, "best")
        line = "pegbox best %s --checkpoint DIR\n"
        self.assertIn(line % experiment.path, experiment.command("best").out)
        out = experiment.command("best", "--checkpoint", into).out
        self.assertEqual(out, "checkpoint_000002.tar of trial 0 (iteration 2) is in %s\n" % into)
        with open(os.path.join(into, "count"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "2\n")
        self.assertIn(into, experiment.command("best", "--checkpoint", into, expect=2).err)
        facts = experiment.command("best", "--checkpoint", into + "2", "--json").json
        self.assertEqual((facts["trial"], facts["iteration"], facts["dir"]), (0, 2, into + "2"))
        experiment.command("best", "--checkpoint", into + "3", "--command", expect=2)
        path = os.path.join(experiment.dir(0), "checkpoint_000002.tar")
        with open(path, "r+b") as file:
            file.seek(600)
            file.write(b"x")
        experiment.command("best", "--checkpoint", into + "3", expect=4)
        self.assertFalse(os.path.exists(into + "3"))
        none = self.run_saver({})
        self.assertNotIn("--checkpoint", none.command("best").out)
        self.assertIn("has kept no checkpoint",
                      none.command("best", "--checkpoint", into + "3", expect=1).err)


if __name__ == "__main__":
    main()
