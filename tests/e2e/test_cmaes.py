#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""search/cmaes in whole experiments: it learns, and begins again or ends once it has
converged."""
import statistics

from pegbox_test import PegboxTest, main, sh

CONFIG = {"lr": {"$loguniform": [1e-6, 0.1]}, "decay": {"$uniform": [0, 1]},
          "layers": {"$randint": [1, 9]}, "act": {"$choice": ["relu", "gelu"]}}


def loss(config):
    """At its least, 0, with lr 1e-3, decay 0.2, 3 layers and gelu."""
    rate = abs(config["lr"] - 1e-3) * 10 + abs(config["decay"] - 0.2)
    return rate + abs(config["layers"] - 3) / 8 + (config["act"] != "gelu")


PROGRAM = sh("echo \"{\\\"loss\\\": $1}\"",
             "{math.abs(config.lr - 1e-3) * 10 + math.abs(config.decay - 0.2)"
             " + math.abs(config.layers - 3) / 8 + (config.act ~= 'gelu' and 1 or 0)}")
EQUAL = sh("echo '{\"loss\": 1}'")


class Cmaes(PegboxTest):
    def keys(self, **more):
        return dict(dict(name="e", config=CONFIG, metric="loss", mode="min", seed=4, search="cmaes",
                         num_samples=60), **more)

    def test_learns(self):
        for options in ({}, {"use_separable_cma": True}):
            experiment = self.run_experiment(
                PROGRAM, max_concurrent_trials=1,
                **self.keys(name="e%d" % len(options), search=dict(plugin="cmaes", **options)))
            self.assertEqual(experiment.states, ["TERMINATED"] * 60)
            losses = [loss(config) for config in experiment.configs]
            self.assertLess(statistics.median(losses[40:]), statistics.median(losses[:20]))
            self.assertLess(min(losses[20:]), min(losses[:20]))

    def constant(self, **more):
        return self.run_experiment(EQUAL, max_concurrent_trials=1, **self.keys(
            num_samples=90, config={"x": {"$uniform": [0, 1]}, "y": {"$uniform": [0, 1]}}, **more))

    def test_begins_again(self):
        experiment = self.constant(search={"plugin": "cmaes", "popsize": 20})
        self.assertEqual(experiment.states, ["TERMINATED"] * 90)

    def test_ends(self):
        """Without restarts the experiment is over once nothing changes any more, and says why."""
        experiment = self.run_experiment(
            EQUAL, max_concurrent_trials=1, **self.keys(num_samples=400, config={"x": {"$uniform": [0, 1]}},
                        search={"plugin": "cmaes", "restart_strategy": "none", "popsize": 4}))
        self.assertIn("no further trials: the losses are all alike", experiment.done.err)
        self.assertLess(len(experiment.states), 200)

    def test_refusals(self):
        def refused(*words, **more):
            self.refused(dict(self.keys(**more), trainable=sh(":")), *words)
        refused("popsize", search={"plugin": "cmaes", "popsize": 3})
        refused("x0", "'w'", search={"plugin": "cmaes", "x0": {"w": 1}})
        refused("x0", "'lr' has no such value", search={"plugin": "cmaes", "x0": {"lr": 1}})


if __name__ == "__main__":
    main()
