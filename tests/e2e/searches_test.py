# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests share that are of every search that is installed: which there are, alone and in
each wrapper, and an experiment that suits them all. A new plugin needs nothing here, nor there."""
import functools
import json

from pegbox_test import SHORT, PegboxTest, sh

# What a space may hold, by the capability that it needs.
OPERATORS = {
    None: {"a": {"$uniform": [0, 1]}, "b": {"$loguniform": [1e-4, 1]}, "c": {"$randint": [1, 9]},
           "d": {"$lograndint": [1, 1000]}},
    "quantum": {"e": {"$quniform": [0, 1, 0.05]}},
    "unbounded": {"f": {"$randn": [0, 1]}},
    "category": {"g": {"$choice": ["x", "y", "z"]}},
    "conditional": {"h": {"$choice": [{"type": "p", "i": {"$uniform": [5, 6]}}, "q"]}}}
# So that what begins without a model, or has generations, is past them after a few trials.
SOON = {"n_startup_trials": 4, "population_size": 4, "popsize": 4}
POINTS = [{"a": 0.25}, {"b": 0.125, "c": 3}]
WRAPPERS = {
    "limit": lambda search: {"plugin": "limit", "max_concurrent": 8, "search": search},
    "repeat": lambda search: {"plugin": "repeat", "times": 2, "search": search},
    "warm-start": lambda search: {"plugin": "warm-start", "points_to_evaluate": POINTS,
                                  "search": search}}
LOSS = "{(config.a - 0.3)^2 + math.abs(config.c - 4) / 8}"


def loss(config):
    """The same, as text."""
    return repr((config["a"] - 0.3) ** 2 + abs(config["c"] - 4) / 8)


def unlike(configs):
    """How many of them are unlike."""
    return len({json.dumps(config, sort_keys=True) for config in configs})


def of_each_search(test):
    """A test of one search, given its name, for each of them."""
    @functools.wraps(test)
    def tests(self):
        for name in self.searches:
            with self.subTest(search=name):
                test(self, name)
    return tests


def of_each_form(test):
    """The same, given the search too: alone, and in each wrapper; where time is short, in one."""
    @functools.wraps(test)
    def tests(self):
        for number, name in enumerate(self.searches):
            wrappers = sorted(WRAPPERS)
            if SHORT:
                wrappers = [wrappers[number % len(wrappers)]]
            for wrapper in [None] + wrappers:
                with self.subTest(search=name, wrapper=wrapper):
                    search = self.search(name)
                    test(self, name, WRAPPERS[wrapper](search) if wrapper else search)
    return tests


class SearchesTest(PegboxTest):
    def setUp(self):
        super().setUp()
        self.facts = {}
        for row in self.pegbox("plugins", "search", "--json").json:
            self.facts[row["name"]] = self.pegbox("inspect", "search/" + row["name"], "--json").json
        wrappers = {name for name in self.facts if self.can(name, "transparent")}
        self.assertEqual(wrappers, set(WRAPPERS))
        self.searches = [name for name in sorted(self.facts) if name not in wrappers]
        self.assertGreater(len(self.searches), 3)

    def can(self, name, capability):
        return capability in self.facts[name]["caps"]

    def search(self, name):
        known = {option["name"] for option in self.facts[name]["options"]}
        return dict({"plugin": name}, **{key: SOON[key] for key in SOON if key in known})

    def space(self, name):
        config = {}
        for capability, parameters in OPERATORS.items():
            if capability is None or self.can(name, capability):
                config.update(parameters)
        return config

    def keys(self, plugin, search=None, **more):
        return dict(dict(config=self.space(plugin), metric="loss", mode="min", seed=5,
                         search=search or self.search(plugin), resources={"cpu": 0},
                         max_concurrent_trials=1, fail_fast=False, log_to_file=False,
                         auto_loggers=False), **more)

    def ran(self, plugin, script="echo \"{\\\"loss\\\": $1}\"", words=(LOSS, "{trial.number}"),
            search=None, **more):
        """It was run: $1 is the loss that its config comes to, $2 the trial's number."""
        return self.run_experiment(sh(script, *words), **self.keys(plugin, search, **more))

    def create(self, name, search, **more):
        """Begins an experiment; its name."""
        self.started += 1
        experiment = "e%d" % self.started
        self.pegbox("ask", "--create", self.spec(**self.keys(name, search, name=experiment, **more)))
        return experiment

    def tell(self, experiment, trial, *words, expect=0):
        return self.pegbox("tell", experiment, str(trial), *words, expect=expect)
