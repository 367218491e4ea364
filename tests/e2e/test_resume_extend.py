#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A finished experiment goes on with more trials or other rules."""
import contextlib
import json
import os
import sqlite3

from pegbox_test import PegboxTest, main, read_text, sh

PLATEAUS = [
    {"plugin": "experiment-plateau", "metric": "loss", "top": 30, "mode": "max"},
    {"plugin": "timeout", "timeout": 1000},
    {"plugin": "combined", "stoppers": [{"plugin": "experiment-plateau", "metric": "loss", "top": 40}]}]
COUNTS = """i=0; while [ $i -lt 20 ]; do i=$((i + 1)); echo '{"loss": '$i'}'; done"""


class Extend(PegboxTest):
    def setUp(self):
        super().setUp()
        self.keys = dict(name="e", metric="loss", mode="min", num_samples=3, seed=1,
                         config={"x": {"$uniform": [0, 1]}}, max_concurrent_trials=1,
                         stop={"training_iteration": 3})

    def begin(self, expect=0, **keys):
        return self.run_experiment(sh(COUNTS), expect=expect, **dict(self.keys, **keys))

    def whole(self, **keys):
        """The same, never interrupted."""
        return self.run_experiment(sh(COUNTS), **dict(self.keys, name="whole", **keys))

    def test_more_samples(self):
        e = self.begin()
        before = e.trials
        e.command("resume", "--set", "num_samples=6")
        self.assertEqual(e.trials[:3], before)
        self.assertEqual(e.counts, [3] * 6)
        self.assertEqual(e.configs, self.whole(num_samples=6).configs)

    def test_fewer_samples_than_there_are(self):
        e = self.begin()
        before = e.trials
        e.command("resume", "--set", "num_samples=2")
        self.assertEqual(e.trials, before)

    def test_more_of_a_grid(self):
        grid = {"x": {"$grid_search": [1, 2]}, "y": {"$uniform": [0, 1]}}
        e = self.begin(config=grid, num_samples=2)
        e.command("resume", "--set", "num_samples=4")
        self.assertEqual(e.configs, self.whole(config=grid, num_samples=4).configs)

    def test_another_stop_rule(self):
        e = self.begin()
        e.command("resume", "--set", 'stop={"training_iteration": 5}', "--set", "num_samples=5")
        self.assertEqual(e.counts, [3, 3, 3, 5, 5])
        e.command("resume", "--set", 'stop=[{"plugin": "max-iteration", "max_iter": 2}]',
                  "--set", "num_samples=6")
        self.assertEqual(e.counts, [3, 3, 3, 5, 5, 2])

    def test_what_an_experiment_wide_rule_ended(self):
        """Trials that were made ahead and never ran are made anew once the rule is another one."""
        rule = {"when": "result.training_iteration >= 2", "scope": "experiment"}
        e = self.begin(stop=rule, num_samples=4)
        self.assertEqual([t["attempts"] for t in e.trials], [1, 0, 0, 0])
        e.command("resume")
        self.assertEqual(len(e.trials), 4, "the rule still holds")
        e.command("resume", "--set", 'stop={"training_iteration": 3}')
        self.assertEqual(e.configs[4:], e.configs[1:4])
        self.assertEqual(e.counts[1:], [0, 0, 0, 3, 3, 3])

    def test_a_longer_time_budget(self):
        slow = sh("""echo '{"loss": 1}'; sleep 0.4; echo '{"loss": 2}'""")
        one_ahead = {"PEGBOX_MAX_PENDING_TRIALS_PG": "1"}
        e = self.run_experiment(slow, name="e", metric="loss", mode="min", num_samples=-1,
                                time_budget_s=1, max_concurrent_trials=1,
                                environ=one_ahead)
        n = len([t for t in e.trials if t["attempts"]])
        self.assertIn("1 s have passed", e.command("resume").out)
        self.assertEqual(len([t for t in e.trials if t["attempts"]]), n)
        # Ended by the number, however slow the machine is.
        e.command("resume", "--set", "time_budget_s=60",
                  "--set", "num_samples=%d" % (len(e.trials) + 2), env=one_ahead)
        self.assertGreater(len([t for t in e.trials if t["attempts"]]), n)

    def store(self, sql, *values):
        db = sqlite3.connect("file:%s/e/experiment.db?mode=ro" % self.results_dir, uri=True)
        with contextlib.closing(db):
            return db.execute(sql, values).fetchall()

    def test_another_durability(self):
        e = self.begin()
        durability = "SELECT value FROM fact WHERE key = 'durability'"
        for word in ("full", "normal"):
            e.command("resume", "--set", "durability=" + word, "--set", "num_samples=4")
            self.assertEqual(self.store(durability), [(word,)])

    def test_rules_that_stand_elsewhere(self):
        """Each has the state that it had, wherever it stands."""
        states = dict(self.store_states(self.begin(stop=PLATEAUS)))
        self.assertEqual(sorted(states), ["stop[0]", "stop[1]", "stop[2].stoppers[0]"])
        self.assertEqual(len(set(states.values())), 3)
        e = self.opened("e")
        e.command("resume", "--set", "stop=" + json.dumps(
            [PLATEAUS[2], {"training_iteration": 9}, dict(PLATEAUS[0], patience=9)]))
        self.assertEqual(self.store_states(e), [
            ("stop[0].stoppers[0]", states["stop[2].stoppers[0]"]), ("stop[2]", states["stop[0]"])])

    def store_states(self, e):
        self.assertEqual(e.states, ["TERMINATED"] * 3)
        return self.store("SELECT slot, state FROM decider WHERE slot LIKE 'stop%' ORDER BY slot")

    def test_by_the_file(self):
        e = self.begin()
        path = self.spec(sh(COUNTS), **dict(self.keys, num_samples=4, max_failures=2,
                                            stop={"training_iteration": 4}))
        self.pegbox("run", path, "--resume")
        self.assertEqual(e.counts, [3, 3, 3, 4])
        resolved = json.loads(read_text(os.path.join(e.path, "experiment.json")))
        self.assertEqual((resolved["num_samples"], resolved["max_failures"]), (4, 2))

    def test_a_seed_that_was_drawn_stays(self):
        keys = dict(self.keys)
        del keys["seed"]
        e = self.run_experiment(sh(COUNTS), **keys)
        path = self.spec(sh(COUNTS), **dict(keys, num_samples=6))
        self.pegbox("run", path, "--resume")
        seed = json.loads(read_text(os.path.join(e.path, "experiment.json")))["seed"]
        self.assertEqual(e.configs, self.whole(num_samples=6, seed=seed).configs)

    def test_keys_of_the_config_in_another_order(self):
        config = {"b": {"$uniform": [0, 1]}, "a": {"$uniform": [0, 1]}}
        e = self.begin(config=config)
        path = self.spec(sh(COUNTS), **dict(self.keys, num_samples=6,
                                            config=dict(reversed(config.items()))))
        self.pegbox("run", path, "--resume")
        self.assertEqual(e.configs, self.whole(config=config, num_samples=6).configs)

    def test_another_search_is_told_all(self):
        e = self.begin()
        e.command("resume", "--set", 'search={"plugin": "random", "points_to_evaluate": [{"x": 2}]}',
                  expect=2)
        e.command("resume", "--set",
                  'search={"plugin": "random", "points_to_evaluate": [{"x": 0.5}]}',
                  "--set", "num_samples=5")
        self.assertEqual(len(e.trials), 5)

    def test_duplicates_are_known(self):
        grid = {"x": {"$choice": [1, 2, 3]}}
        e = self.begin(config=grid, duplicates="skip", num_samples=2)
        e.command("resume", "--set", "num_samples=3")
        self.assertEqual(sorted(c["x"] for c in e.configs), [1, 2, 3])

    def test_names_of_directories_are_known(self):
        e = self.begin(trial_dirname="t{config.x > 2}")
        e.command("resume", "--set", "num_samples=5")
        self.assertEqual(len({t["dir"] for t in e.trials}), 5)


if __name__ == "__main__":
    main()
