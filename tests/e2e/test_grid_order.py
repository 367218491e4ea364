#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Grids come in Tune's order: sorted by path, the first varies fastest; num_samples repeats."""
from pegbox_test import PegboxTest, main, sh


class GridOrder(PegboxTest):
    def configs(self, config, **keys):
        return self.run_experiment(sh(":"), config=config, **keys).configs

    def test_first_by_path_varies_fastest(self):
        found = self.configs({"foo": {"$grid_search": [1, 2, 3]},
                              "bar": {"$grid_search": [True, False]}, "baz": "asd"})
        self.assertEqual([(c["bar"], c["foo"], c["baz"]) for c in found],
                         [(b, f, "asd") for f in (1, 2, 3) for b in (True, False)])

    def test_num_samples_repeats_the_grid(self):
        found = self.configs({"x": {"$grid_search": [1, 2]}, "u": {"$uniform": [0, 1]}},
                             num_samples=3)
        self.assertEqual([c["x"] for c in found], [1, 2] * 3)
        self.assertEqual(len({c["u"] for c in found}), 6)

    def test_sample_from_sees_the_grid(self):
        found = self.configs({"y": {"$sample_from": "config.x * 100"},
                              "x": {"$grid_search": [1, 2]}})
        self.assertEqual([(c["x"], c["y"]) for c in found], [(1, 100), (2, 200)])

    def test_nested_grids(self):
        found = self.configs({"a": [{"$grid_search": [1, 2]}, 5], "b": {"c": {"$grid_search": [3, 4]}}})
        self.assertEqual([(c["a"], c["b"]["c"]) for c in found],
                         [([1, 5], 3), ([2, 5], 3), ([1, 5], 4), ([2, 5], 4)])

    def test_tags(self):
        trials = self.run_experiment(sh(":"), config={
            "bar": {"$grid_search": [True, False]}, "foo": {"$grid_search": [1, 2]}}).trials
        self.assertEqual([trial["tag"] for trial in trials],
                         ["0_bar=True,foo=1", "1_bar=False,foo=1",
                          "2_bar=True,foo=2", "3_bar=False,foo=2"])


if __name__ == "__main__":
    main()
