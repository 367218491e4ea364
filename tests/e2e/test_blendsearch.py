#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""search/blendsearch in whole experiments: with a global search of each kind it learns, also between
processes, and what its global search cannot do is refused."""
import json

from pegbox_test import PegboxTest, main, python

CONFIG = {"layers": {"$randint": [1, 33]}, "rate": {"$loguniform": [1e-4, 1]},
          "act": {"$choice": ["relu", "gelu"]}}
PROGRAM = python("import json, os\nconfig = json.load(open(os.environ['PEGBOX_CONFIG']))\n"
                 "print(json.dumps({'loss': abs(config['layers'] - 6) / 32"
                 " + abs(config['rate'] - 0.01) + (config['act'] != 'gelu')}))")


def loss(config):
    """What the program prints."""
    return (abs(config["layers"] - 6) / 32 + abs(config["rate"] - 0.01)
            + (config["act"] != "gelu"))


class BlendSearch(PegboxTest):
    def keys(self, search=None, **more):
        options = {"plugin": "blendsearch", "low_cost_partial_config": {"layers": 1}}
        return dict(dict(name="e", config=CONFIG, metric="loss", mode="min", seed=4,
                         search=dict(options, **(search or {})), num_samples=50), **more)

    def test_learns(self):
        for inner in ("tpe", "random", {"plugin": "cmaes", "popsize": 5}):
            name = inner if isinstance(inner, str) else inner["plugin"]
            experiment = self.run_experiment(
                PROGRAM, max_concurrent_trials=1, **self.keys({"search": inner}, name=name))
            self.assertEqual(experiment.states, ["TERMINATED"] * 50)
            self.assertEqual(experiment.configs[0]["layers"], 1)
            losses = [loss(config) for config in experiment.configs]
            self.assertLess(min(losses), 0.1)

    def test_eight_at_once(self):
        experiment = self.run_experiment(PROGRAM, max_concurrent_trials=8, resources={"cpu": 0},
                                         **self.keys())
        self.assertEqual(experiment.states, ["TERMINATED"] * 50)
        configs = [json.dumps(config, sort_keys=True) for config in experiment.configs]
        self.assertEqual(len(set(configs)), 50)

    def test_from_process_to_process(self):
        """One that is asked by processes, one after the other, is the same as one that runs."""
        keys = self.keys({"search": {"plugin": "tpe", "n_startup_trials": 2}}, num_samples=25)
        ran = self.run_experiment(PROGRAM, max_concurrent_trials=1, environ={
            "PEGBOX_MAX_PENDING_TRIALS_PG": "1"}, **dict(keys, name="ran"))
        trial = self.pegbox("ask", "--create", self.spec(**keys)).json
        asked = []
        while not trial["done"]:
            asked.append(trial["config"])
            following = self.pegbox("ask", "e").json
            self.pegbox("tell", "e", str(trial["trial"]), repr(loss(trial["config"])))
            trial = following
        self.assertEqual(asked, ran.configs)

    def test_duplicates(self):
        experiment = self.run_experiment(
            python("import sys; print('{\"loss\": %s}' % sys.argv[1])", "{a}"), duplicates="skip",
            **self.keys({"low_cost_partial_config": {}}, num_samples=6,
                        config={"a": {"$randint": 4}, "b": {"$choice": ["x", "y", "z"]}}))
        self.assertEqual(experiment.states, ["TERMINATED"] * 6)

    def test_refusals(self):
        def refused(*words, search=None, **more):
            self.refused(json.dumps(dict(self.keys(search, **more), trainable=python(""))), *words)
        refused("cannot take a $grid_search", "random", config={"layers": {"$grid_search": [1, 2]}})
        refused("low_cost_partial_config", "no 'w'",
                search={"low_cost_partial_config": {"w": 1}})
        refused("there is no search 'tp'", search={"search": "tp"})
        keys = self.keys()
        del keys["metric"], keys["mode"]
        self.refused(json.dumps(dict(keys, trainable=python(""))), "metric")


if __name__ == "__main__":
    main()
