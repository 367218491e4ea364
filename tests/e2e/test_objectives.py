#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Several metrics: what is on the Pareto front, and what each command makes of it."""
import csv
import io
import json
import os
import sqlite3

from pegbox_test import PegboxTest, main, python

# Of the points a each reports `loss` a and `seconds`; 3 and 6 are dominated, 4 never has a number,
# 5 is as good as 0.
SECONDS = [9, 5, 2, 6, float("nan"), 9, 7]
LOSSES = [0, 1, 2, 3, -9, 0, 0]
PROGRAM = python("import json, sys; a = int(sys.argv[1]); seconds = %r\n"
                 "print(json.dumps({'loss': %r[a], 'seconds': seconds[a], 'mb': a}))"
                 % ([str(s) if s != s else s for s in SECONDS], LOSSES), "{a}")
GRID = {"a": {"$grid_search": list(range(7))}}


class Objectives(PegboxTest):
    def keys(self, **more):
        return dict(dict(config=GRID, metric=["loss", "seconds"], mode=["min", "min"],
                         max_concurrent_trials=1), **more)

    def ran(self, **more):
        return self.run_experiment(PROGRAM, **self.keys(**more))

    def test_the_front(self):
        experiment = self.ran(mode=["min", "max"])
        front = experiment.command("best", "--json").json
        self.assertEqual([trial["trial"] for trial in front], [0, 5])
        experiment = self.ran(name="f")
        self.assertIn("Pareto front of loss (min), seconds (min): 3 of 6 trials\n",
                      experiment.done.out)
        front = experiment.command("best", "--json").json
        self.assertEqual([trial["trial"] for trial in front], [6, 1, 2])
        self.assertEqual([(trial["loss"], trial["seconds"]) for trial in front],
                         [(0, 7), (1, 5), (2, 2)])
        self.assertEqual(front[0]["last_result"]["mb"], 6)
        table = experiment.command("best").out.splitlines()
        self.assertEqual(table[0].split()[:5], ["trial", "state", "iteration", "loss", "seconds"])
        self.assertEqual(len(table), 4)
        some = experiment.command("best", "--sort", "-seconds", "--limit", "2", "--columns",
                                  "trial", "--format", "csv").out
        self.assertEqual(some.split(), ["trial", "6", "1"])

    def test_one_of_them(self):
        experiment = self.ran()
        best = experiment.command("best", "--metric", "seconds", "--json").json
        self.assertEqual((best["trial"], best["value"], best["mode"]), (2, 2, "min"))
        self.assertIn(" --metric seconds --command\n",
                      experiment.command("best", "--metric", "seconds").out)
        self.assertTrue(experiment.command("best", "--metric", "seconds", "--command").out
                        .endswith(" 2\n"))
        best = experiment.command("best", "--metric", "loss", "--json").json
        self.assertEqual((best["trial"], best["value"]), (4, -9))
        best = experiment.command("best", "--metric", "mb", "--mode", "max", "--json").json
        self.assertEqual(best["trial"], 6)
        rows = experiment.command("export", "--rows", "best", "--metric", "seconds").json_lines
        self.assertEqual(len(rows), 7)

    def test_which_trial_of_the_front(self):
        experiment = self.ran()
        done = experiment.command("best", "--command", expect=2)
        self.assertIn("3 trials of", done.err)
        self.assertIn("are on the Pareto front: which one? --trial N, of 6, 1, 2\n", done.err)
        self.assertTrue(experiment.command("best", "--command", "--trial", "2").out.endswith(" 2\n"))
        done = experiment.command("best", "--command", "--trial", "3", expect=2)
        self.assertIn("trial 3 of", done.err)
        self.assertIn("is not on the Pareto front; on it: 6, 1, 2\n", done.err)
        for words, said in ((["--trial", "2"], "--trial goes with --command or --checkpoint"),
                            (["--scope", "all"], "--scope needs --metric NAME"),
                            (["--mode", "min"], "--mode needs --metric NAME"),
                            (["--trial", "2", "--metric", "loss"], "--trial picks one")):
            self.assertIn(said, experiment.command("best", *words, expect=2).err)
        self.assertIn("has several metrics (loss, seconds): --metric NAME picks one",
                      experiment.command("export", "--rows", "best", expect=2).err)

    def test_a_voided_one_makes_room(self):
        experiment = self.ran(name="e")
        self.pegbox("void", "e", "6")
        self.assertEqual([t["trial"] for t in experiment.command("best", "--json").json],
                         [0, 5, 1, 2])

    def test_only_one_is_the_best(self):
        experiment = self.ran(config={"a": {"$grid_search": [3, 2]}})
        self.assertTrue(experiment.command("best", "--command").out.endswith(" 2\n"))

    def test_a_checkpoint_of_the_front(self):
        program = python("import os, sys, pegbox\na = int(sys.argv[1])\nfor i in (1, 2):\n"
                         "    with pegbox.checkpoint_dir(i) as to:\n"
                         "        open(os.path.join(to, 'a'), 'w').write('%d %d' % (a, i))\n"
                         "    pegbox.report(loss=a - i, seconds=3 - a)\n", "{a}")
        experiment = self.run_experiment(program, **self.keys(config={
            "a": {"$grid_search": [0, 1]}}))
        to = os.path.join(self.dir, "out")
        experiment.command("best", "--checkpoint", to, expect=2)
        experiment.command("best", "--checkpoint", to, "--trial", "1")
        with open(os.path.join(to, "a"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "1 2")

    def test_constraints(self):
        experiment = self.ran(constraints="result.mb - 1.5")
        self.assertEqual([t["trial"] for t in experiment.command("best", "--json").json], [0, 1])
        self.assertIn("2 of 2 trials", experiment.done.out)
        experiment = self.ran(constraints="1", name="none")
        done = experiment.command("best", expect=1)
        self.assertIn("none that has values of loss, seconds keeps the constraints", done.err)
        self.assertIn("No feasible trial reported finite values of loss (min), seconds (min).\n",
                      experiment.done.out)

    def test_listings(self):
        experiment = self.ran(name="e")
        self.assertEqual([trial["seconds"] for trial in experiment.trials][:3], SECONDS[:3])
        self.assertEqual(experiment.trials[4]["seconds"], "NaN")
        rows = list(csv.DictReader(io.StringIO(experiment.command(
            "export", "--format", "csv").out)))
        self.assertEqual([row["loss"] for row in rows], [str(loss) for loss in LOSSES])
        self.assertEqual(rows[4]["seconds"], "NaN")
        head = experiment.command("results", "1").out.splitlines()[0].split()
        self.assertEqual(head[2:4], ["loss", "seconds"])
        listed = self.pegbox("ls", "--json").json[0]
        self.assertEqual((listed["metric"], listed["mode"], listed["best"]),
                         (["loss", "seconds"], ["min", "min"], None))
        page = experiment.command("top", "--once").out
        self.assertIn("by the first of 2 metrics; `pegbox best` shows the Pareto front", page)
        self.assertEqual(experiment.command("top", "--json").json["further_metrics"], ["seconds"])
        with open(os.path.join(experiment.path, "experiment.json"), encoding="utf-8") as file:
            spec = json.load(file)
        self.assertEqual((spec["metric"], spec["mode"]), (["loss", "seconds"], ["min", "min"]))

    def test_each_must_be_reported(self):
        experiment = self.run_experiment(
            python("import pegbox; pegbox.report(loss=1)"), expect=1,
            **self.keys(config={"a": {"$grid_search": [0]}}))
        self.assertIn('no "seconds"', experiment.trials[0]["error"])

    def test_resume_keeps_them(self):
        experiment = self.ran(name="e", num_samples=1, config={"a": {"$choice": [0, 1, 2]}}, seed=1)
        done = experiment.command("resume", "--set", 'metric=["loss"]', "--set", 'mode=["min"]',
                                  expect=2)
        self.assertIn("metric", done.err)
        experiment.command("resume", "--set", "num_samples=4")
        self.assertEqual(len(experiment.trials), 4)

    def test_a_damaged_store_keeps_them(self):
        experiment = self.ran(name="e")
        store = sqlite3.connect(os.path.join(experiment.path, "experiment.db"))
        store.execute("DELETE FROM fact WHERE key IN ('metric', 'mode')")
        store.commit()
        store.close()
        self.pegbox("repair", "e")
        self.assertEqual([t["trial"] for t in experiment.command("best", "--json").json], [6, 1, 2])

    def test_restore_from_the_best(self):
        self.ran(name="e")
        spec = self.spec(trainable=PROGRAM, restore="e:best", name="g", metric="loss",
                         mode="min", config=GRID)
        self.assertIn("has several metrics, and no one best trial", self.pegbox(
            "run", spec, expect=2).err)

    def test_one_line(self):
        done = self.pegbox("run", "--metric", "loss", "--metric", "mb", "--mode", "min", "--mode",
                           "max", "--print-spec", "--", "true", "{a:uniform(0,1)}").json
        self.assertEqual((done["metric"], done["mode"]), (["loss", "mb"], ["min", "max"]))
        self.assertIn("mode: needs a mode for each metric: 'metric' names 2, 'mode' 1",
                      self.pegbox("run", "--metric", "loss", "--metric", "mb", "--mode", "min",
                                  "--", "true", "{a:uniform(0,1)}", expect=2).err)

    def test_tell(self):
        self.pegbox("ask", "--create", self.spec(**self.keys(name="e", num_samples=3, config={
            "a": {"$uniform": [0, 1]}})))
        self.assertIn("names several: tell an array, a number for each, or an object",
                      self.pegbox("tell", "e", "0", "1", expect=2).err)
        self.assertIn("names 2, the array has 1", self.pegbox(
            "tell", "e", "0", "[1]", expect=2).err)
        self.assertIn('the value of "seconds" is no number: true', self.pegbox(
            "tell", "e", "0", "[1, true]", expect=2).err)
        self.assertIn('no "seconds"', self.pegbox(
            "tell", "e", "0", '{"loss": 1}', expect=2).err)
        self.pegbox("tell", "e", "0", "[1, 2]")
        for values in ('{"loss": 2, "seconds": 1}', '[3, "Infinity"]'):
            trial = self.pegbox("ask", "e").json["trial"]
            self.pegbox("tell", "e", str(trial), values)
        self.assertEqual([trial["trial"] for trial in self.pegbox("best", "e", "--json").json],
                         [0, 1])

    def test_refusals(self):
        done = self.refused(json.dumps(self.keys(trainable="exec", search="cmaes",
                                                 config={"a": {"$uniform": [0, 1]}})), "metric")
        self.assertIn("the search 'cmaes' takes one objective, not 2; ", done.err)
        self.assertIn("'nsga2', 'random', 'sobol', 'tpe' can", done.err)
        done = self.refused(json.dumps(self.keys(trainable=PROGRAM, stop="trial-plateau")), "stop")
        self.assertIn("which of the experiment's metrics is meant?", done.err)
        self.pegbox("validate", self.spec(trainable=PROGRAM, scheduler="asha", **self.keys(
            stop={"plugin": "trial-plateau", "metric": "seconds"})))


if __name__ == "__main__":
    main()
