#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""search/cfo in whole experiments: it begins where it is cheap, learns, and gives each config its
resource."""
from pegbox_test import PegboxTest, main, sh

CONFIG = {"layers": {"$randint": [1, 33]}, "rate": {"$loguniform": [1e-4, 1]},
          "act": {"$choice": ["relu", "gelu"]}}
PROGRAM = sh("echo \"{\\\"loss\\\": $1, \\\"cost\\\": $2}\"", "{math.abs(config.layers - 6) / 32"
             " + math.abs(config.rate - 0.01) + (config.act ~= 'gelu' and 1 or 0)}",
             "{config.layers * (config.n or 1)}")


def loss(config):
    """What the program prints."""
    return (abs(config["layers"] - 6) / 32 + abs(config["rate"] - 0.01)
            + (config["act"] != "gelu"))


class Cfo(PegboxTest):
    def keys(self, **more):
        return dict(dict(name="e", config=CONFIG, metric="loss", mode="min", seed=4, search={
            "plugin": "cfo", "low_cost_partial_config": {"layers": 1}}, num_samples=50), **more)

    def test_learns(self):
        experiment = self.run_experiment(PROGRAM, max_concurrent_trials=1, **self.keys())
        self.assertEqual(experiment.states, ["TERMINATED"] * 50)
        self.assertEqual(experiment.configs[0]["layers"], 1)
        losses = [loss(config) for config in experiment.configs]
        self.assertLess(min(losses), 0.1)
        self.assertGreater(losses[0], 0.1)

    def test_resource(self):
        """The program finds how much it may take in its config."""
        experiment = self.run_experiment(PROGRAM, max_concurrent_trials=1, **self.keys(search={
            "plugin": "cfo", "resource_attr": "n", "max_resource": 64, "min_resource": 2,
            "cost_attr": "cost", "low_cost_partial_config": {"layers": 1}}, num_samples=120))
        given = [config["n"] for config in experiment.configs]
        self.assertEqual(given[0], 2)
        self.assertEqual(given, sorted(given))
        self.assertGreater(given[-1], 2)
        self.assertLessEqual(set(given), {2, 8, 32, 64})

    def test_refusals(self):
        def refused(*words, **more):
            self.refused(dict(self.keys(**more), trainable=sh(":")), *words)
        refused("low_cost_partial_config", "no 'w'",
                search={"plugin": "cfo", "low_cost_partial_config": {"w": 1}})
        refused("max_resource", search={"plugin": "cfo", "resource_attr": "n"})
        refused("'layers' is a parameter", search={"plugin": "cfo", "resource_attr": "layers",
                                                   "max_resource": 10})


if __name__ == "__main__":
    main()
