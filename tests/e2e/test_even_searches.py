#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""search/sobol, halton and lhs in the program: any space, any number of workers, any end of a trial;
what they cannot take is refused."""
import json
import os

from pegbox_test import main, python, sh, wait_until
from test_ask import AskTest

SEARCHES = ("sobol", "halton", "lhs")
SPACE = {
    "a": {"$uniform": [0, 1]}, "b": {"$loguniform": [1e-4, 1]}, "c": {"$randint": [0, 4]},
    "d": {"$quniform": [0, 1, 0.25]}, "e": {"$randn": [0, 1]}, "f": {"$choice": ["x", "y"]},
    "g": {"$choice": [{"type": "p", "h": {"$uniform": [5, 6]}}, "q"]},
    "s": {"$sample_from": "config.a * 2"}}


class Even(AskTest):
    def configs(self, search, script="echo '{\"loss\": 1}'", words=("{a}",), expect=0, **keys):
        keys = dict({"seed": 3, "num_samples": 16, "config": SPACE, "metric": "loss",
                     "mode": "min", "search": search, "resources": {"cpu": 0.1}}, **keys)
        return self.run_experiment(sh(script, *words), expect=expect, **keys)

    def each(self, searches=SEARCHES):
        for search in searches:
            with self.subTest(search=search):
                yield search

    def test_any_space_is_covered(self):
        for search in self.each():
            configs = self.configs(search).configs
            # One in each sixteenth, or in each part of the base that a coordinate counts in.
            parts = {int(config["a"] * 16) for config in configs}
            self.assertEqual(len(parts), 16)
            for key, low, high in (("c", 0, 3), ("d", 0, 1)):
                values = {config[key] for config in configs}
                self.assertEqual((min(values), max(values)), (low, high))
            for config in configs:
                self.assertEqual(config["s"], config["a"] * 2)
                self.assertTrue(config["g"] == "q" or 5 <= config["g"]["h"] < 6)
            self.assertEqual({str(config["f"]) for config in configs}, {"x", "y"})
            self.assertEqual(len({json.dumps(config["g"])[:12] for config in configs}), 2)

    def test_same_for_any_number_of_workers(self):
        """Eight at once propose nothing twice, and end in any order."""
        backwards = "sleep $(awk \"BEGIN { print 0.3 * (1 - $1) }\"); echo '{\"loss\": 1}'"
        for search in self.each():
            one = self.configs(search, max_concurrent_trials=1).configs
            many = self.configs(search, backwards, max_concurrent_trials=8).configs
            self.assertEqual(many, one)
            self.assertEqual(len({config["a"] for config in many}), 16)
            self.assertNotEqual(self.configs(search, seed=4).configs, one)

    def test_results_are_without_effect(self):
        """Failed trials, NaN, void ones, early ends; and no metric at all."""
        script = """case $2 in
            0|5) exit 3 ;; 1|6) echo '{"loss": NaN}' ;; 2) echo '{"loss": "Infinity"}' ;;
            *) echo '{"loss": -1e300}'; echo '{"loss": 0}' ;; esac"""
        for search in self.each():
            plain = self.configs(search).configs
            harmed = self.configs(search, script, ("{a}", "{trial.number}"), expect=1,
                                  stop={"training_iteration": 1}, fail_fast=False)
            self.assertEqual(harmed.configs, plain)
            self.assertEqual(harmed.states.count("ERROR"), 2)
            bare = self.run_experiment(sh(":"), config=SPACE, seed=3, num_samples=16,
                                       search=search)
            self.assertEqual(bare.configs, plain)

    def test_enqueued_makes_no_hole(self):
        for search in self.each():
            name = "hole-" + search
            keys = dict(config={"a": {"$uniform": [0, 1]}}, seed=3, num_samples=4, search=search)
            ran = self.run_experiment(sh(":"), **keys).configs
            asked = [self.pegbox("ask", "--create", self.spec(name=name, **keys)).json]
            self.pegbox("enqueue", name, '{"a": 0.5}')
            asked += [self.pegbox("ask", name).json for _ in range(4)]
            configs = [trial["config"] for trial in asked]
            self.assertEqual(configs.pop(1), {"a": 0.5})
            self.assertEqual(configs, ran)

    def test_what_lhs_needs(self):
        spec = {"trainable": {"plugin": "exec", "command": ["true"]}, "num_samples": -1,
                "search": "lhs", "config": {"lr": {"$uniform": [1, 2]}}}
        self.refused(json.dumps(spec), "search: search/lhs: needs 'num_samples', or the option "
                     "'block', to divide the ranges by")
        spec["search"] = {"plugin": "lhs", "block": 0}
        self.refused(json.dumps(spec), "search.block: needs an integer in [1, ")
        spec["search"]["block"] = 5
        self.pegbox("validate", self.write("spec.json", json.dumps(spec)))

    def test_plain_points_of_too_many_parameters(self):
        config = {"x%03d" % i: {"$uniform": [0, 1]} for i in range(482)}
        spec = {"trainable": {"plugin": "exec", "command": ["true"]}, "config": config,
                "search": {"plugin": "sobol", "scramble": False}}
        self.refused(json.dumps(spec), "search.scramble: search/sobol: scramble: cannot be false with "
                     "more than 481 parameters, and there are 482")

    def test_extended(self):
        """What comes is what would have come; a Latin hypercube is made whole, then another."""
        for search in self.each():
            first = self.configs(search, name="e-" + search, num_samples=8)
            begun = first.configs
            first.command("resume", "--set", "num_samples=20")
            configs = self.opened("e-" + search).configs
            self.assertEqual(len(configs), 20)
            self.assertEqual(configs[:8], begun)
            if search == "lhs":
                for n, part in ((8, configs[:8]), (12, configs[8:])):
                    self.assertEqual({int(config["a"] * n) for config in part}, set(range(n)))
            else:
                self.assertEqual(configs, self.configs(search, num_samples=20).configs)

    def test_extended_after_a_kill(self):
        """The blocks of a Latin hypercube are known even to one that was killed at its first trial."""
        gate = os.path.join(self.dir, "gate")
        program = python("import os, sys, time\nprint('{\"loss\": 1}')\n"
                         "if sys.argv[2] == '2' and not os.path.exists(sys.argv[1]):\n"
                         "    open(sys.argv[1], 'w').close()\n    time.sleep(1000)", gate,
                         "{trial.number}")
        keys = dict(metric="loss", mode="min", config={"a": {"$uniform": [0, 1]}}, num_samples=8,
                    search="lhs", name="e", max_concurrent_trials=1)
        process = self.start("run", self.spec(program, **keys))
        wait_until(lambda: os.path.exists(gate), 30, "a trial runs")
        process.kill()
        process.wait()
        wait_until(lambda: not self.processes(), 20, "all processes end")
        self.pegbox("resume", "e", "--set", "num_samples=20")
        configs = self.opened("e").configs
        for n, part in ((8, configs[:8]), (12, configs[8:])):
            self.assertEqual({int(config["a"] * n) for config in part}, set(range(n)))

    def test_killed_with_eight_at_once(self):
        """Nothing is left out, nothing comes twice."""
        for search in self.each():
            plain = self.configs(search).configs
            gates = [os.path.join(self.dir, "%s-%d" % (search, number)) for number in (5, 12)]
            program = sh("""for n in 5 12; do
                gate=$1/$2-$n; [ "$3" = $n ] && [ ! -e $gate ] && touch $gate && sleep 1000
                done; echo '{"loss": 1}'""", self.dir, search, "{trial.number}")
            path = self.spec(program, name="k-" + search, config=SPACE, seed=3, num_samples=16,
                             metric="loss", mode="min", search=search, resources={"cpu": 0.1},
                             max_concurrent_trials=8)
            for gate in gates:
                process = self.start("run", path, "--resume=auto")
                wait_until(lambda: os.path.exists(gate), 30, "a trial runs")
                process.kill()
                process.wait()
                wait_until(lambda: not self.processes(), 20, "all processes end")
            self.pegbox("run", path, "--resume=auto")
            self.assertEqual(self.opened("k-" + search).configs, plain)


if __name__ == "__main__":
    main()
