#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""restore: an experiment whose trials begin from a checkpoint of another one, in its three forms."""
import os
import shutil
import sqlite3
import stat
import tarfile

from pegbox_test import HERE, PYTHON, PegboxTest, main

# Learns by adding up, and goes on from what it saved: a script as a user has it.
TRAIN = """import json, os, sys
import pegbox
config = pegbox.config({"rate": 1})
count, total = 0, 0.0
if pegbox.restored():
    with open(os.path.join(pegbox.restored(), "state.json")) as file:
        state = json.load(file)
    count, total = state["count"], state["total"]
while True:
    count += 1
    total += config["rate"]
    pegbox.report(total=total, count=count)
    if pegbox.should_save():
        with pegbox.checkpoint_dir(count) as path:
            with open(os.path.join(path, "state.json"), "w") as file:
                json.dump({"count": count, "total": total}, file)
"""


class Restore(PegboxTest):
    def setUp(self):
        super().setUp()
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(
            os.path.join(HERE, "saver.c"), "trainable", "saver")

    def run_saver(self, name, steps=3, **keys):
        keys = dict({"metric": "loss", "mode": "min", "checkpoint": {"frequency": 1}}, **keys)
        return self.run_experiment({"plugin": "saver", "steps": steps}, name=name, **keys)

    def iterations(self, experiment, trial=0):
        return [row["training_iteration"] for row in experiment.results(trial)]

    def counts_of(self, experiment, trial=0):
        return [row["count"] for row in experiment.results(trial)]

    def test_five_more_iterations(self):
        """Tune's guide: train a trial that is done five iterations more, under another name."""
        train = self.write("train.py", TRAIN)
        spec = {"trainable": {"command": [PYTHON, train]}, "metric": "total", "mode": "max",
                "config": {"rate": {"$grid_search": [1, 3, 2]}},
                "checkpoint": {"frequency": 1, "keep": 1}, "stop": {"training_iteration": 3}}
        old = self.run_experiment(name="old", **spec)
        self.assertEqual(old.command("best", "--json").json["value"], 9)
        spec.update(config={"rate": 10}, stop={"training_iteration": 8})
        more = self.run_experiment(name="more", restore="old:best", **spec)
        self.assertEqual(self.iterations(more), [4, 5, 6, 7, 8])
        self.assertEqual([row["total"] for row in more.results(0)], [19, 29, 39, 49, 59])
        self.assertEqual([row["iterations_since_restore"] for row in more.results(0)],
                         [1, 2, 3, 4, 5])
        self.assertGreater(more.results(0)[0]["time_total_s"],
                           more.results(0)[0]["time_since_restore"])
        self.assertIn("old:best", more.trials[0]["source"])
        # What it came from may go.
        shutil.rmtree(old.path)
        self.pegbox("resume", more.path, "--set", "num_samples=2")
        self.assertEqual(self.iterations(more, 1), [4, 5, 6, 7, 8])
        self.assertEqual(more.results(1)[0]["total"], 19)

    def test_trials(self):
        old = self.run_saver("old", num_samples=2)
        row = old.trials[1]
        for text, first in (("old:1", 4), ("old:%s" % row["id"], 4), ("old:%s@2" % row["name"], 3),
                            ("%s:0@1" % old.path, 2), ("./results/old:0", 4)):
            new = self.run_saver("new", steps=5, restore=text, num_samples=2, words=["--replace"])
            for trial in range(2):
                self.assertEqual(self.iterations(new, trial), list(range(first, 6)), text)
                self.assertEqual(self.counts_of(new, trial), list(range(first, 6)), text)

    def test_what_replace_deletes(self):
        old = self.run_saver("old")
        archive = os.path.join(old.path, old.trials[0]["dir"], "checkpoint_000001.tar")
        for text in ("old:0", archive):
            path = self.spec({"plugin": "saver", "steps": 5}, name="old", restore=text,
                             metric="loss", mode="min")
            done = self.pegbox("run", path, "--replace", expect=2)
            self.assertIn(": restore: it is in %s, which --replace deletes: another --name keeps it"
                          % old.path, done.err)
        self.assertEqual(len(self.opened("old").trials), 1)

    def test_archives_and_directories(self):
        old = self.run_saver("old", checkpoint={"frequency": 1, "compression": "zstd"})
        archive = old.trials[0]["checkpoints"][-1]["path"]
        there = self.run_saver("there", steps=5, restore=archive)
        self.assertEqual(self.iterations(there), [4, 5])
        # The store beside it knows more than its name.
        self.assertGreater(there.results(0)[0]["time_total_s"], 0)
        # Without one its name has the number.
        copy = os.path.join(self.dir, "checkpoint_000002.tar.zst")
        shutil.copy(old.trials[0]["checkpoints"][1]["path"], copy)
        self.assertEqual(self.iterations(self.run_saver("copy", steps=5, restore=copy)), [3, 4, 5])
        other = os.path.join(self.dir, "model.tar")
        plain = self.run_saver("plain", checkpoint={"frequency": 2})
        shutil.copy(plain.trials[0]["checkpoints"][0]["path"], other)
        new = self.run_saver("other", steps=5, restore="model.tar")
        self.assertEqual(self.iterations(new), [1, 2, 3])
        self.assertEqual(self.counts_of(new), [3, 4, 5])
        # A directory.
        folder = os.path.join(self.dir, "checkpoint_000020")
        with tarfile.open(other) as opened:
            opened.extractall(folder)
        new = self.run_saver("folder", steps=4, restore="checkpoint_000020")
        self.assertEqual(self.iterations(new), [21, 22])
        self.assertEqual(self.counts_of(new), [3, 4])
        # It is not needed any more; another one can be named.
        shutil.rmtree(folder)
        self.pegbox("resume", new.path, "--set", "num_samples=2")
        self.assertEqual(self.iterations(new, 1), [21, 22])
        self.pegbox("resume", new.path, "--set", "num_samples=3", "--set", "restore=" + archive)
        self.assertEqual(self.iterations(new, 2), [4])
        self.assertEqual(new.trials[1]["source"], folder)
        self.assertEqual(new.trials[2]["source"], archive)

    def archive(self, *parts):
        """One of a user's own, of a trial that has done three iterations."""
        old = self.run_saver("old")
        path = os.path.join(self.dir, *parts)
        shutil.copy(old.trials[0]["checkpoints"][-1]["path"], path)
        return path

    def test_a_symbolic_link(self):
        """What it leads to is taken, and what is known of that."""
        self.archive("checkpoint_000003.tar")
        os.symlink("checkpoint_000003.tar", os.path.join(self.dir, "latest.tar"))
        new = self.run_saver("new", steps=5, restore="latest.tar")
        self.assertEqual(self.iterations(new), [4, 5])
        self.assertEqual(self.counts_of(new), [4, 5])
        taken = os.lstat(os.path.join(new.path, "restore.tar"))
        self.assertTrue(stat.S_ISREG(taken.st_mode))
        self.assertEqual(taken.st_nlink, 1)
        # Its own name says more than that of what it leads to.
        os.rename(os.path.join(self.dir, "checkpoint_000003.tar"), os.path.join(self.dir, "blob"))
        os.symlink("blob", os.path.join(self.dir, "checkpoint_000010.tar"))
        new = self.run_saver("own", steps=5, restore="checkpoint_000010.tar")
        self.assertEqual(self.iterations(new), [11, 12])
        # An experiment's store says most.
        os.symlink(self.opened("old").trials[0]["checkpoints"][1]["path"],
                   os.path.join(self.dir, "best.tar"))
        new = self.run_saver("best", steps=5, restore="best.tar")
        self.assertEqual(self.iterations(new), [3, 4, 5])
        self.assertGreater(new.results(0)[0]["time_total_s"], new.results(0)[0]["time_since_restore"])

    def test_a_copy(self):
        """Of what somebody may write to; what an experiment keeps gets another name."""
        path = self.archive("checkpoint_000003.tar")
        new = self.run_saver("new", steps=5, restore=path)
        with open(path, "r+b") as file:
            file.write(b"something else")
        self.pegbox("resume", new.path, "--set", "num_samples=2")
        self.assertEqual(self.iterations(new, 1), [4, 5])
        kept = self.opened("old").trials[0]["checkpoints"][-1]["path"]
        for i, text in enumerate((kept, "old:0")):
            new = self.run_saver("new%d" % i, steps=5, restore=text)
            self.assertTrue(os.path.samefile(kept, os.path.join(new.path, "restore.tar")))

    def test_what_is_left_of_it(self):
        """It is verified where checkpoints are."""
        new = self.run_saver("new", steps=5, restore=self.archive("model.tar"))
        taken = os.path.join(new.path, "restore.tar")
        self.assertIn("3 of 3 checkpoints are whole",
                      self.pegbox("checkpoint", "verify", "new").out)
        with open(taken, "r+b") as file:
            file.seek(700)
            file.write(b"xyz")
        done = self.pegbox("checkpoint", "verify", "new", expect=1)
        self.assertIn("error: restore: " + taken, done.err)
        row = self.pegbox("checkpoint", "verify", "new", "--json", expect=1).json[-1]
        self.assertEqual((row["archive"], row["trial"], row["checkpoint"], row["good"]),
                         (taken, None, None, False))
        self.pegbox("checkpoint", "verify", "new", "0")
        half = os.path.join(new.path, ".restore.tar.abc123")
        with open(half, "wb"):
            pass
        done = self.pegbox("repair", "new", expect=1)
        self.assertIn("restore.tar: %s: " % taken, done.out)
        self.assertIn("resume --set restore=", done.out)
        self.assertFalse(os.path.exists(half))
        os.remove(taken)
        self.assertIn("restore.tar: ", self.pegbox("repair", "new", expect=1).out)
        # As it says.
        self.pegbox("resume", "new", "--set", "restore=old:0", "--set", "num_samples=2")
        self.assertEqual(self.iterations(new, 1), [4, 5])
        self.assertEqual(self.pegbox("repair", "new").out, "%s is whole\n" % new.path)

    def test_after_a_failure(self):
        """From its own checkpoint, once it has one; from what it began with before."""
        self.run_saver("old")
        log = os.path.join(self.dir, "log")
        for dies_at, loads in ((4, ["load 3", "load 3"]), (6, ["load 3", "load 5"])):
            log += "x"
            new = self.run_experiment(
                {"plugin": "saver", "steps": 7, "log": log, "dies_at": dies_at}, metric="loss",
                mode="min", checkpoint={"frequency": 1}, restore="old:0", max_failures=1)
            self.assertEqual(self.iterations(new), [4, 5, 6, 7])
            self.assertEqual(self.counts_of(new), [4, 5, 6, 7])
            with open(log, encoding="utf-8") as file:
                done = [" ".join(line.split()[1:3]) for line in file]
            self.assertEqual([line for line in done if line.startswith("load")], loads)

    def test_one_that_cannot_be_loaded(self):
        """Nobody asked for a trial that begins anew."""
        self.run_saver("old")
        new = self.run_experiment({"plugin": "saver", "loads_none_at": 3}, metric="loss",
                                  mode="min", restore="old:0", expect=1)
        self.assertEqual(new.states, ["ERROR"])
        self.assertIn("will not load", new.trials[0]["error"])
        self.assertEqual(new.counts, [0])

    def refused_restore(self, text, message):
        spec = {"name": "new", "trainable": {"plugin": "saver"}, "restore": text}
        done = self.pegbox("validate", self.spec(**spec), expect=2)
        self.assertIn(message, done.err)
        done = self.pegbox("run", self.spec(**spec), expect=2)
        self.assertIn(message, done.err)
        self.assertFalse(os.path.exists(os.path.join(self.results_dir, "new")))

    def test_what_is_refused(self):
        old = self.run_saver("old")
        self.refused_restore("no:1", "no experiment in")
        self.refused_restore("old:7", "there is no trial '7' in")
        self.refused_restore("old:0@9", "has no checkpoint of step 9; it has 1, 2, 3")
        self.refused_restore("nothing", "there is no archive or directory 'nothing'")
        self.refused_restore("/nothing", "there is no archive or directory /nothing")
        self.refused_restore("results/old", "is an experiment: which trial of it?")
        self.run_saver("none", checkpoint={})
        self.refused_restore("none:0", "trial 0 of %s has no checkpoint" % os.path.join(
            self.results_dir, "none"))
        # One that is damaged is found before anything starts.
        path = old.trials[0]["checkpoints"][-1]["path"]
        with open(path, "r+b") as file:
            file.seek(700)
            file.write(b"xyz")
        done = self.pegbox("run", self.spec(name="new", trainable={"plugin": "saver"},
                                            restore="old:0"), expect=2)
        self.assertIn("restore: ", done.err)
        self.assertFalse(os.path.exists(os.path.join(self.results_dir, "new")))

    def test_loggers_are_told(self):
        self.run_saver("old")
        new = self.run_saver("new", steps=5, restore="old:0")
        with sqlite3.connect(os.path.join(new.path, "experiment.db")) as store:
            events = store.execute("select type, text from event where trial = 0").fetchall()
        self.assertEqual([e[0] for e in events[:4]], ["added", "trial-start", "restore", "result"])
        self.assertTrue(events[2][1].endswith("/old:0"), events[2])


if __name__ == "__main__":
    main()
