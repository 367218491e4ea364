#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""search/tpe in whole experiments: it learns, also between processes, and proposes nothing twice."""
import json
import statistics
import threading

from pegbox_test import PegboxTest, main, python

CONFIG = {"opt": {"$choice": [{"type": "sgd", "lr": {"$loguniform": [1e-5, 1]},
                               "momentum": {"$uniform": [0, 1]}},
                              {"type": "adam", "lr": {"$loguniform": [1e-6, 0.1]}}]},
          "layers": {"$randint": [1, 9]}, "drop": {"$quniform": [0, 0.6, 0.05]}}


def loss(config):
    """At its least, 0, with adam, lr 1e-3, 3 layers and drop 0.15."""
    rate = {"sgd": 1, "adam": 0}[config["opt"]["type"]] + abs(config["opt"]["lr"] - 1e-3) * 10
    return rate + abs(config["layers"] - 3) / 8 + abs(config["drop"] - 0.15)


PROGRAM = python("import json, os\nconfig = json.load(open(os.environ['PEGBOX_CONFIG']))\n"
                 "rate = {'sgd': 1, 'adam': 0}[config['opt']['type']]"
                 " + abs(config['opt']['lr'] - 1e-3) * 10\n"
                 "print(json.dumps({'loss': rate + abs(config['layers'] - 3) / 8"
                 " + abs(config['drop'] - 0.15)}))")


class Tpe(PegboxTest):
    def keys(self, **more):
        return dict(dict(name="e", config=CONFIG, metric="loss", mode="min", seed=4, search="tpe",
                         num_samples=40), **more)

    def test_learns(self):
        for options in ({}, {"multivariate": False}, {"group": True}, {"hyperopt": True}):
            experiment = self.run_experiment(
                PROGRAM, max_concurrent_trials=1,
                **self.keys(name="e%d" % len(options) + "".join(options),
                            search=dict(plugin="tpe", **options)))
            self.assertEqual(experiment.states, ["TERMINATED"] * 40)
            losses = [loss(config) for config in experiment.configs]
            # Half of them are better than half of the random ones, and one than all of these.
            self.assertLess(statistics.median(losses[10:]), statistics.median(losses[:10]))
            self.assertLess(min(losses[10:]), min(losses[:10]))

    def test_several_metrics(self):
        """More of them are near the front, which is b = 0, than at random."""
        program = python("import sys\na, b = map(float, sys.argv[1:])\n"
                         "print('{\"one\": %r, \"two\": %r}' % (a + b, 1 - a + b))", "{a}", "{b}")
        experiment = self.run_experiment(program, max_concurrent_trials=1, **self.keys(
            metric=["one", "two"], mode=["min", "min"], config={"a": {"$uniform": [0, 1]},
                                                                "b": {"$uniform": [0, 1]}}))
        values = [config["b"] for config in experiment.configs]
        self.assertLess(statistics.median(values[20:]), 0.35)
        self.assertGreater(len(experiment.command("best", "--json").json), 3)

    def test_constraints(self):
        """The least losses break one."""
        program = python("import sys; print('{\"loss\": %s}' % sys.argv[1])", "{a}")
        experiment = self.run_experiment(program, max_concurrent_trials=1, **self.keys(
            config={"a": {"$uniform": [0, 1]}}, constraints="0.7 - result.loss"))
        late = [config["a"] for config in experiment.configs[20:]]
        self.assertGreater(sum(a >= 0.7 for a in late), 8)

    def test_eight_at_once(self):
        experiment = self.run_experiment(PROGRAM, max_concurrent_trials=8, resources={"cpu": 0},
                                         **self.keys(num_samples=60))
        configs = [json.dumps(config, sort_keys=True) for config in experiment.configs]
        self.assertEqual(len(set(configs)), 60)

    def test_from_process_to_process(self):
        """One that is asked by processes, one after the other, is the same as one that runs."""
        keys = self.keys(num_samples=25, search={"plugin": "tpe", "n_startup_trials": 5})
        ran = self.run_experiment(PROGRAM, max_concurrent_trials=1, environ={
            "PEGBOX_MAX_PENDING_TRIALS_PG": "1"}, **dict(keys, name="ran"))
        trial = self.pegbox("ask", "--create", self.spec(**keys)).json
        asked = []
        while not trial["done"]:
            asked.append(trial["config"])
            # As in the run: the next one is made before this one is told.
            following = self.pegbox("ask", "e").json
            self.pegbox("tell", "e", str(trial["trial"]), repr(loss(trial["config"])))
            trial = following
        self.assertEqual(asked, ran.configs)

    def test_many_processes(self):
        self.pegbox("ask", "--create", self.spec(**self.keys(num_samples=49)))
        given = []

        def work():
            for _ in range(6):
                trial = self.pegbox("ask", "e").json
                given.append(trial)
                self.pegbox("tell", "e", str(trial["trial"]), repr(loss(trial["config"])))
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(trial["trial"] for trial in given), list(range(1, 49)))
        configs = {json.dumps(trial["config"], sort_keys=True) for trial in given}
        self.assertEqual(len(configs), 48)

    def test_duplicates_are_not_proposed(self):
        """All points of a small space come, and no time is lost with those that were."""
        experiment = self.run_experiment(
            python("import sys; print('{\"loss\": %s}' % sys.argv[1])", "{a}"), duplicates="skip",
            **self.keys(num_samples=12, config={"a": {"$randint": 4},
                                                "b": {"$choice": ["x", "y", "z"]}}))
        self.assertEqual(experiment.states, ["TERMINATED"] * 12)

    def test_refusals(self):
        self.refused(json.dumps(dict(self.keys(config={"x": {"$grid_search": [1, 2]}}),
                                     trainable="exec")), "tpe", "random")
        keys = self.keys()
        del keys["metric"], keys["mode"]
        self.refused(json.dumps(dict(keys, trainable="exec")), "metric")


if __name__ == "__main__":
    main()
