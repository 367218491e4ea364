#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""search/blendsearch in whole experiments: with a global search of each kind it learns, and what its
options do not fit is refused."""
from pegbox_test import PegboxTest, main, sh

CONFIG = {"layers": {"$randint": [1, 33]}, "rate": {"$loguniform": [1e-4, 1]},
          "act": {"$choice": ["relu", "gelu"]}}
PROGRAM = sh("echo \"{\\\"loss\\\": $1}\"", "{math.abs(config.layers - 6) / 32"
             " + math.abs(config.rate - 0.01) + (config.act ~= 'gelu' and 1 or 0)}")


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

    def test_refusals(self):
        def refused(*words, search=None, **more):
            self.refused(dict(self.keys(search, **more), trainable=sh(":")), *words)
        refused("low_cost_partial_config", "no 'w'",
                search={"low_cost_partial_config": {"w": 1}})
        refused("there is no search 'tp'", search={"search": "tp"})


if __name__ == "__main__":
    main()
