#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""search/tpe in whole experiments: it learns, of one metric or several, and within constraints."""
import statistics

from pegbox_test import PegboxTest, main, sh

CONFIG = {"opt": {"$choice": [{"type": "sgd", "lr": {"$loguniform": [1e-5, 1]},
                               "momentum": {"$uniform": [0, 1]}},
                              {"type": "adam", "lr": {"$loguniform": [1e-6, 0.1]}}]},
          "layers": {"$randint": [1, 9]}, "drop": {"$quniform": [0, 0.6, 0.05]}}


def loss(config):
    """At its least, 0, with adam, lr 1e-3, 3 layers and drop 0.15."""
    rate = {"sgd": 1, "adam": 0}[config["opt"]["type"]] + abs(config["opt"]["lr"] - 1e-3) * 10
    return rate + abs(config["layers"] - 3) / 8 + abs(config["drop"] - 0.15)


PROGRAM = sh("echo \"{\\\"loss\\\": $1}\"", "{(config.opt.type == 'sgd' and 1 or 0)"
             " + math.abs(config.opt.lr - 1e-3) * 10 + math.abs(config.layers - 3) / 8"
             " + math.abs(config.drop - 0.15)}")


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
        program = sh("echo \"{\\\"one\\\": $1, \\\"two\\\": $2}\"", "{config.a + config.b}",
                     "{1 - config.a + config.b}")
        experiment = self.run_experiment(program, max_concurrent_trials=1, **self.keys(
            metric=["one", "two"], mode=["min", "min"], config={"a": {"$uniform": [0, 1]},
                                                                "b": {"$uniform": [0, 1]}}))
        values = [config["b"] for config in experiment.configs]
        self.assertLess(statistics.median(values[20:]), 0.35)
        self.assertGreater(len(experiment.command("best", "--json").json), 3)

    def test_constraints(self):
        """The least losses break one."""
        program = sh("echo \"{\\\"loss\\\": $1}\"", "{a}")
        experiment = self.run_experiment(program, max_concurrent_trials=1, **self.keys(
            config={"a": {"$uniform": [0, 1]}}, constraints="0.7 - result.loss"))
        late = [config["a"] for config in experiment.configs[20:]]
        self.assertGreater(sum(a >= 0.7 for a in late), 8)


if __name__ == "__main__":
    main()
