#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""search/nsga2 in whole experiments: it finds a front."""
import json
import os
import sqlite3

from pegbox_test import PegboxTest, main, sh

# ZDT1 of Zitzler, Deb and Thiele.
N = 30
CONFIG = {"x%02d" % i: {"$uniform": [0, 1]} for i in range(N)}
ZDT1 = {"plugin": "exec", "command": ["awk", """BEGIN {{
    f = ARGV[1]
    for (i = 2; i < ARGC; i++) g += ARGV[i]
    g = 1 + 9 * g / (ARGC - 2)
    printf "{{\\"one\\": %.17g, \\"two\\": %.17g}\\n", f, g * (1 - sqrt(f / g))
}"""] + ["{x%02d}" % i for i in range(N)]}
REFERENCE = (1.1, 6)


def hypervolume(trials):
    area, height = 0, REFERENCE[1]
    for x, y in sorted((trial["one"], trial["two"]) for trial in trials):
        if x < REFERENCE[0] and y < height:
            area += (REFERENCE[0] - x) * (height - y)
            height = y
    return area


PROGRAM = sh("echo \"{\\\"one\\\": $1, \\\"two\\\": $2}\"", "{a}", "{1 - config.a + config.b}")


class Nsga2(PegboxTest):
    def keys(self, **more):
        return dict(dict(name="e", metric=["one", "two"], mode=["min", "min"], seed=4,
                         search={"plugin": "nsga2", "population_size": 8},
                         config={"a": {"$uniform": [0, 1]}, "b": {"$uniform": [0, 1]}}), **more)

    def volume(self, search, seed):
        """After 500 trials, one after the other; all there is is 6.2667."""
        experiment = self.run_experiment(ZDT1, max_concurrent_trials=1, **self.keys(
            name="%s-%d" % (search, seed), search=search, config=CONFIG, seed=seed,
            num_samples=500, auto_loggers=False, log_to_file=False))
        front = experiment.command("best", "--json").json
        self.assertAlmostEqual(hypervolume(front), hypervolume(experiment.trials))
        return hypervolume(front)

    def test_better_than_random(self):
        for seed in (1, 2):
            learnt, drawn = self.volume("nsga2", seed), self.volume("random", seed)
            self.assertGreater(learnt, drawn + 0.5)

    def test_a_run(self):
        experiment = self.run_experiment(PROGRAM, max_concurrent_trials=4, resources={"cpu": 0},
                                         **self.keys(num_samples=60))
        self.assertEqual(experiment.states, ["TERMINATED"] * 60)
        configs = [json.dumps(config, sort_keys=True) for config in experiment.configs]
        self.assertEqual(len(set(configs)), 60)
        front = experiment.command("best", "--json").json
        self.assertGreater(len(front), 4)
        late = [config["b"] for config in experiment.configs[40:]]
        self.assertLess(sum(late) / len(late), 0.3)
        origins = self.origins(experiment)
        self.assertEqual(origins[:8], [0] * 8)
        self.assertEqual(origins, sorted(origins))
        self.assertGreaterEqual(origins[-1], 5)

    def origins(self, experiment):
        store = sqlite3.connect(os.path.join(experiment.path, "experiment.db"))
        origins = [row[0] or 0 for row in store.execute("SELECT origin FROM trial ORDER BY number")]
        store.close()
        return origins

    def test_constraints(self):
        experiment = self.run_experiment(PROGRAM, max_concurrent_trials=1,
                                         constraints="0.5 - result.one",
                                         **self.keys(num_samples=80))
        late = [config["a"] for config in experiment.configs[60:]]
        self.assertGreater(sum(a >= 0.5 for a in late), 12)


if __name__ == "__main__":
    main()
