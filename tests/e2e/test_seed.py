#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The same seed gives the same trials, in whatever order they complete."""
from pegbox_test import PegboxTest, main, sh

CONFIG = {
    "a": {"$uniform": [0, 1]}, "b": {"$randint": [0, 1000]}, "c": {"$choice": ["x", "y", "z"]},
    "d": {"$sample_from": "config.a + rand()"}, "g": {"$grid_search": [1, 2]},
    "n": {"$randn": [0, 1]}, "o": {"$choice": [{"p": {"$loguniform": [1e-3, 1]}}, 5]}}
# Later trials end first.
BACKWARDS = """sleep $(awk "BEGIN { print 0.4 - $1 / 4000 }"); echo '{"loss": '$1'}'"""


class Seed(PegboxTest):
    def configs(self, script="""echo '{"loss": '$1'}'""", **keys):
        keys = dict({"seed": 7, "num_samples": 6, "config": CONFIG, "metric": "loss",
                     "mode": "min", "resources": {"cpu": 0.1}}, **keys)
        experiment = self.run_experiment(sh(script, "{b}"), **keys)
        return experiment.configs, [trial["id"] for trial in experiment.trials]

    def test_same_in_any_order_of_completion(self):
        one = self.configs(max_concurrent_trials=1)
        self.assertEqual(len(one[0]), 12)
        self.assertEqual(self.configs(BACKWARDS, max_concurrent_trials=6), one)
        self.assertEqual(self.configs(BACKWARDS), one)

    def test_more_samples_begin_with_the_same(self):
        few = self.configs(num_samples=2)[0]
        self.assertEqual(self.configs(num_samples=5)[0][:len(few)], few)

    def test_another_seed_gives_others(self):
        self.assertNotEqual(self.configs(seed=8)[0], self.configs(seed=9)[0])

    def test_no_seed_is_a_new_one_each_time_and_is_recorded(self):
        first = self.run_experiment(sh(":"), num_samples=1, config=CONFIG)
        second = self.run_experiment(sh(":"), num_samples=1, config=CONFIG)
        self.assertNotEqual(first.configs, second.configs)
        with open(first.path + "/experiment.json", encoding="utf-8") as file:
            self.write("again.json", file.read())
        self.pegbox("run", "again.json", "--name", "again")
        self.assertEqual(self.opened("again").configs, first.configs)


if __name__ == "__main__":
    main()
