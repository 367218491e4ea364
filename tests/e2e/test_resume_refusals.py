#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What cannot go on is refused by name, and nothing is changed."""
import json
import os
import sqlite3

from pegbox_test import PegboxTest, main, read_text, sh, without_sums

REPORT = "echo '{\"loss\": 1, \"other\": 2}'"
LATER = "; another --name begins another one"


class Refusals(PegboxTest):
    def setUp(self):
        super().setUp()
        self.keys = dict(name="e", metric="loss", mode="min", num_samples=1, seed=1,
                         config={"x": {"$uniform": [0, 1]}}, scheduler={"plugin": "asha"})
        self.e = self.run_experiment(sh(REPORT), **self.keys)

    def state(self):
        store = sqlite3.connect("file:%s/experiment.db?mode=ro" % self.e.path, uri=True)
        rows = [store.execute("SELECT * FROM " + table).fetchall()
                for table in ("fact", "trial", "event", "decider")]
        store.close()
        return rows, read_text(os.path.join(self.e.path, "experiment.json"))

    def refused_words(self, status, *words):
        before = self.state()
        done = self.pegbox(*words, expect=status)
        self.assertEqual(self.state(), before)
        return done.err

    def refused_set(self, text, message):
        err = self.refused_words(2, "resume", "e", "--set", text)
        self.assertIn("pegbox: error: --set %s: %s" % (text, message), err)

    def test_each_that_cannot_change(self):
        self.refused_set("config.x=1", 'config: cannot change in an experiment that is there: it was '
                         '{"x":{"$uniform":[0,1]}}, and is {"x":1} now' + LATER)
        self.refused_set("metric=other", 'metric: cannot change in an experiment that is there: it '
                         'was "loss", and is "other" now' + LATER)
        self.refused_set("mode=max", "mode: cannot change")
        self.refused_set("constraints=result.other", "constraints: cannot change")
        self.refused_set('trainable={"plugin": "exec", "command": ["true"]}',
                         "trainable: cannot change")
        self.refused_set("seed=2", "seed: cannot change in an experiment that is there: it was 1, "
                         "and is 2 now")
        self.refused_set("search.seed=2", "search.seed: cannot change")
        self.refused_set("name=f", 'name: cannot change in an experiment that is there: it is "e"')

    def test_the_place_in_the_file(self):
        path = self.write("f.json", '{"name": "e", "metric": "loss", "mode": "min",\n "seed": 1,\n'
                          ' "config": {"x": {"$uniform": [0, 2]}},\n "scheduler": {"plugin": "asha"},'
                          '\n "trainable": %s}' % json.dumps(sh(REPORT)))
        err = self.refused_words(2, "run", path, "--resume")
        self.assertTrue(err.startswith("%s:3:12: config: cannot change" % path), err)

    def test_all_in_one_go(self):
        err = self.refused_words(2, "resume", "e", "--set", "mode=max", "--set", "seed=2")
        self.assertEqual(len(err.splitlines()), 2)

    def test_the_same_in_other_words(self):
        path = self.spec(sh(REPORT), **dict(self.keys, constraints=[], num_samples=2))
        self.pegbox("run", path, "--resume")
        self.assertEqual(len(self.e.trials), 2)

    def test_another_scheduler_needs_reset(self):
        words = ["resume", "e", "--set", 'scheduler={"plugin": "fifo"}', "--set", "num_samples=3"]
        err = self.refused_words(2, *words)
        self.assertIn("pegbox: error: scheduler: ", err)
        self.assertIn("--reset scheduler begins anew", err)
        self.pegbox(*words, "--reset", "scheduler")
        self.assertEqual(len(self.e.trials), 3)

    def spoil(self, sql, *values):
        store = sqlite3.connect(os.path.join(self.e.path, "experiment.db"))
        store.execute(sql, values)
        store.commit()
        store.close()

    def test_a_state_that_cannot_be_read(self):
        # As another version of the plugin may have written it: no sum, nonsense.
        with sqlite3.connect(os.path.join(self.e.path, "experiment.db")) as store:
            without_sums(store)
        store.close()
        self.spoil("UPDATE decider SET state = x'01', sum = NULL WHERE slot = 'scheduler'")
        err = self.refused_words(4, "resume", "e")
        self.assertIn("scheduler: its state cannot be read: ", err)
        self.assertIn("`pegbox resume --reset scheduler` goes on without it", err)
        self.pegbox("resume", "e", "--reset", "scheduler", "--set", "num_samples=2")
        self.assertEqual(len(self.e.trials), 2)

    def test_a_damaged_row(self):
        self.spoil("UPDATE trial SET value = 7")
        err = self.refused_words(4, "resume", "e")
        self.assertIn("pegbox repair", err)
        # Never a new one.
        self.refused_words(4, "run", self.spec(sh(REPORT), **self.keys), "--resume=auto")

    def test_a_store_that_is_none(self):
        path = os.path.join(self.e.path, "experiment.db")
        self.write(path, "no store, but something")
        for words in (["resume", "e"], ["run", self.spec(sh(REPORT), **self.keys), "--resume=auto"]):
            self.pegbox(*words, expect=4)
            self.assertEqual(read_text(path), "no store, but something")

    def test_without_a_name(self):
        keys = {k: v for k, v in self.keys.items() if k != "name"}
        path = self.spec(sh(REPORT), **keys)
        for how in ("--resume", "--resume=auto", "--resume=errored"):
            done = self.pegbox("run", path, how, expect=2)
            self.assertEqual(done.err, "pegbox: error: --resume needs the name of the experiment: "
                             "'name' in the file, or --name\nhint: with this config there are in "
                             "%s: e\n" % self.results_dir)
        other = self.spec(sh(REPORT), **dict(keys, config={}))
        self.assertIn("there is none with this config",
                      self.pegbox("run", other, "--resume", expect=2).err)
        self.pegbox("run", other, "--resume=auto")
        self.assertEqual(len(self.pegbox("ls", "--json").json), 2)
        path = self.spec(sh(REPORT), **keys)
        self.pegbox("run", path, "--resume", "--name", "e", "--num-samples", "2")
        self.assertEqual(len(self.e.trials), 2)

    def test_bad_words(self):
        path = self.spec(sh(REPORT), **self.keys)
        for words, message in (
                (["run", path, "--resume=maybe"], "--resume takes auto or errored, got 'maybe'"),
                (["run", path, "--resume", "--replace"], "--replace deletes it"),
                (["resume", "e", "--reset", "search"], "--reset takes scheduler or stoppers"),
                (["resume", "s3://bucket/e"], "this version has no syncers"),
                (["resume", "e", "f"], "unexpected word 'f'")):
            self.assertIn(message, self.refused_words(2, *words))


if __name__ == "__main__":
    main()
