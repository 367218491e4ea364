#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""search/bohb in whole experiments: it learns from the rungs of asha, also between processes and
over kills of the driver, and proposes nothing twice."""
import json
import os
import re
import shutil
import signal
import statistics

from pegbox_test import HERE, PegboxTest, main, python, read_text, sh, wait_until

CONFIG = {"opt": {"$choice": [{"type": "sgd", "lr": {"$loguniform": [1e-5, 1]},
                               "momentum": {"$uniform": [0, 1]}},
                              {"type": "adam", "lr": {"$loguniform": [1e-6, 0.1]}}]},
          "layers": {"$randint": [1, 9]}, "drop": {"$quniform": [0, 0.6, 0.05]}}


def loss(config):
    """At its least, 0, with adam, lr 1e-3, 3 layers and drop 0.15."""
    rate = {"sgd": 1, "adam": 0}[config["opt"]["type"]] + abs(config["opt"]["lr"] - 1e-3) * 10
    return rate + abs(config["layers"] - 3) / 8 + abs(config["drop"] - 0.15)


# What loss() is, after more than that at first.
PROGRAM = python("""
import json, os, sys
config = json.load(open(os.environ['PEGBOX_CONFIG']))
rate = {'sgd': 1, 'adam': 0}[config['opt']['type']] + abs(config['opt']['lr'] - 1e-3) * 10
loss = rate + abs(config['layers'] - 3) / 8 + abs(config['drop'] - 0.15)
for epoch in range(1, int(sys.argv[1]) + 1):
    print(json.dumps({'loss': loss + 1 / epoch}), flush=True)
""", "{n}")
VERBOSE = ("--verbose", "2")
ASHA = {"plugin": "asha", "max_t": 27, "grace_period": 1, "reduction_factor": 3}


class Bohb(PegboxTest):
    def keys(self, n=1, **more):
        return dict(dict(name="e", config=dict(CONFIG, n=n), metric="loss", mode="min", seed=4,
                         search="bohb", num_samples=60), **more)

    def model(self, done):
        """What the plugin says last of its model: (results, their budget or None)."""
        said = re.findall(r"BOHB: a model of (\d+) (?:trials|results at budget (\d+))", done.out)
        self.assertTrue(said, done)
        return int(said[-1][0]), int(said[-1][1]) if said[-1][1] else None

    def run_one(self, **more):
        """One trial at a time; the last status tells all."""
        return self.run_experiment(PROGRAM, VERBOSE, max_concurrent_trials=1, **self.keys(**more))

    def test_learns(self):
        experiment = self.run_one()
        self.assertEqual(experiment.states, ["TERMINATED"] * 60)
        self.assertEqual(self.model(experiment.done), (60, None))
        losses = [loss(config) for config in experiment.configs]
        self.assertLess(statistics.median(losses[20:]), statistics.median(losses[:20]))
        self.assertLess(min(losses[20:]), min(losses[:20]))

    def test_learns_from_rungs(self):
        """Too few trials come to the end for a model of these."""
        experiment = self.run_one(n=27, scheduler=ASHA, num_samples=26)
        counts = experiment.counts
        self.assertLess(sum(count == 27 for count in counts), 14)
        results, budget = self.model(experiment.done)
        self.assertIn(budget, (1, 3, 9))
        self.assertEqual(results, sum(count >= budget for count in counts))
        # Up to the first model, from 7 good and 7 bad results, it is as if nothing were known.
        blind = self.run_one(name="blind", n=27, num_samples=26, search={
            "plugin": "bohb", "random_fraction": 1})
        self.assertEqual(experiment.configs[:14], blind.configs[:14])
        self.assertNotEqual(experiment.configs[14:], blind.configs[14:])

    def test_in_a_child(self):
        """The same, where it lives in another process, and where it is wrapped."""
        ran = [self.run_experiment(PROGRAM, VERBOSE, **self.keys(
            name="e%d" % isolate, n=27, num_samples=30, scheduler=ASHA,
            search={"plugin": "bohb", "max_concurrent": 1, "isolate": isolate}))
               for isolate in (False, True)]
        ran.append(self.run_one(n=27, num_samples=30, scheduler=ASHA))
        for other in ran[1:]:
            self.assertEqual(ran[0].configs, other.configs)
            self.assertEqual(self.model(ran[0].done), self.model(other.done))

    def test_paused_ones(self):
        """They free their places, and are results at the budgets at which they pause."""
        for kind, name in (("trainable", "saver"), ("scheduler", "pauser")):
            self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(
                os.path.join(HERE, name + ".c"), kind, name)
        calls = os.path.join(self.dir, "calls")
        keys = self.keys(trainable={"plugin": "saver", "steps": 3}, num_samples=12, config={
            "x": {"$uniform": [0, 1]}}, max_concurrent_trials=1, scheduler={
                "plugin": "pauser", "until": 2, "budgets": True, "log": calls})
        experiment = self.run_experiment(words=VERBOSE, **keys)
        self.assertEqual(experiment.counts, [3] * 12)
        order = [line for line in read_text(calls).splitlines() if line.startswith("result")]
        self.assertEqual(order[:24], ["result %d %d" % (trial, step) for trial in range(12)
                                      for step in (1, 2)])
        self.assertEqual(self.model(experiment.done), (12, None))
        # Without the results at budget 2 all would be random: no trial was complete then.
        blind = self.run_experiment(**dict(keys, name="blind", search={
            "plugin": "bohb", "random_fraction": 1}))
        self.assertEqual(experiment.configs[:4], blind.configs[:4])
        self.assertNotEqual(experiment.configs[4:], blind.configs[4:])

    def test_eight_at_once(self):
        experiment = self.run_experiment(PROGRAM, max_concurrent_trials=8, resources={"cpu": 0},
                                         **self.keys(9, scheduler=ASHA))
        self.assertEqual(experiment.states, ["TERMINATED"] * 60)
        configs = [json.dumps(config, sort_keys=True) for config in experiment.configs]
        self.assertEqual(len(set(configs)), 60)

    def test_from_process_to_process(self):
        """One that is asked by processes, one after the other, is the same as one that runs."""
        keys = self.keys(num_samples=40)
        ran = self.run_experiment(PROGRAM, environ={"PEGBOX_MAX_PENDING_TRIALS_PG": "1"},
                                  **dict(keys, name="ran", resources={"cpu": os.cpu_count()}))
        trial = self.pegbox("ask", "--create", self.spec(**keys)).json
        asked = []
        while not trial["done"]:
            asked.append(trial["config"])
            # As in the run: the next one is made before this one is told.
            following = self.pegbox("ask", "e").json
            self.pegbox("tell", "e", str(trial["trial"]), repr(loss(trial["config"]) + 1))
            trial = following
        self.assertEqual(asked, ran.configs)

    def test_killed_driver(self):
        """The rungs that it was told of are not lost: the rest is as it would have been."""
        gate = os.path.join(self.dir, "gate")
        program = python("""
import os, sys, time
x, number = float(sys.argv[1]), int(sys.argv[2])
for epoch in range(1, 10):
    while number == 20 and epoch == 1 and os.path.exists(%r):
        time.sleep(0.02)
    print('{"loss": %%r}' %% (abs(x - 0.3) + 1 / epoch), flush=True)
""" % gate, "{x}", "{trial.number}")
        keys = self.keys(scheduler=dict(ASHA, max_t=9), num_samples=40, max_concurrent_trials=1)
        keys["config"] = {"x": {"$uniform": [0, 1]}}
        whole = self.run_experiment(program, VERBOSE, **dict(keys, name="whole"))
        self.write("gate", "")
        process = self.start("run", self.spec(program, **keys))
        wait_until(lambda: self.state_of(20) == "RUNNING", 60, "trial 20")
        process.send_signal(signal.SIGKILL)
        process.wait()
        os.remove(gate)
        resumed = self.pegbox("resume", "e", *VERBOSE)
        self.assertEqual(self.opened("e").configs, whole.configs)
        self.assertEqual(self.model(resumed), self.model(whole.done))

    def state_of(self, trial):
        done = self.pegbox("trials", "e", "--json", expect=None)
        rows = done.json if done.status == 0 else []
        return rows[trial]["state"] if trial < len(rows) else None

    def test_told_again(self):
        """With its state it goes on as without it, when all is told again, with the budgets."""
        experiment = self.run_one(n=27, scheduler=ASHA, num_samples=26)
        copy = os.path.join(self.dir, "copy")
        shutil.copytree(experiment.path, copy)
        self.pegbox("resume", experiment.path, "--set", "num_samples=40")
        self.pegbox("resume", copy, "--set", "num_samples=40", "--set", "search.max_history=999")
        self.assertEqual(self.opened(copy).configs, experiment.configs)
        self.assertEqual(len(experiment.configs), 40)

    def test_duplicates_are_not_proposed(self):
        """All points of a small space come, and no time is lost with those that were."""
        experiment = self.run_experiment(
            python("import sys; print('{\"loss\": %s}' % sys.argv[1])", "{a}"), duplicates="skip",
            **self.keys(num_samples=12, config={"a": {"$randint": 4},
                                                "b": {"$choice": ["x", "y", "z"]}}))
        self.assertEqual(experiment.states, ["TERMINATED"] * 12)

    def test_failures(self):
        """Where trials fail it goes elsewhere, and what is void is forgotten."""
        program = sh('[ "$1" = a ] && exit 1; echo "{\\"loss\\": $2}"', "{k}", "{x}")
        config = {"k": {"$choice": ["a", "b"]}, "x": {"$uniform": [0, 1]}}
        experiment = self.run_experiment(program, VERBOSE, expect=1, max_concurrent_trials=1,
                                         **self.keys(config=config, num_samples=80))
        failed = [state == "ERROR" for state in experiment.states]
        self.assertLess(sum(failed), 24)  # at random 40
        self.assertEqual(self.model(experiment.done), (80, None))
        self.pegbox("void", experiment.path, str(failed.index(False)))
        done = self.pegbox("resume", experiment.path, "--set", "num_samples=81", *VERBOSE, expect=1)
        self.assertEqual(self.model(done), (80, None))

    def test_refusals(self):
        def refused(*words, **more):
            self.refused(json.dumps(dict(self.keys(**more), trainable=python(""))), *words)
        refused("config.x: the search 'bohb' cannot take a $grid_search; 'random' can",
                config={"x": {"$grid_search": [1, 2]}, "y": {"$randint": 3}})
        refused("constraints", constraints=["result.loss - 1"])
        refused("top_n_percent", search={"plugin": "bohb", "top_n_percent": 100})
        keys = self.keys()
        del keys["metric"], keys["mode"]
        self.refused(json.dumps(dict(keys, trainable=python(""))), "metric")


if __name__ == "__main__":
    main()
