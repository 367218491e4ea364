#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""search/limit: as many trials of a search at a time as it says, by key or by name, over a kill of
the driver, with failures, when asked for trials, and in batches."""
import json
import os
import signal
import subprocess

from pegbox_test import PegboxTest, main, read_text, sh, wait_until

# Each trial says when it begins and ends; the loss depends on its parameter.
LOGGED = """echo start >>log; sleep 0.0$2; echo end >>log; echo "{\\"loss\\": $1}" """
# It waits for the file "go", which the test makes.
WAITS = """: >"at.$2"; while ! [ -e go ]; do sleep 0.05; done; echo "{\\"loss\\": $1}" """
SPACE = {"x": {"$uniform": [0, 1]}}


class Limit(PegboxTest):
    def keys(self, search, **more):
        return dict(dict(config=SPACE, metric="loss", mode="min", seed=5, num_samples=8,
                         search=search, resources={"cpu": 0.1}), **more)

    def most_at_once(self):
        now = most = 0
        for line in read_text(os.path.join(self.dir, "log")).split():
            now += 1 if line == "start" else -1
            most = max(most, now)
        os.remove(os.path.join(self.dir, "log"))
        return most

    def test_trials_at_a_time(self):
        for search in ({"plugin": "tpe", "max_concurrent": 2},
                       {"plugin": "limit", "max_concurrent": 2, "search": "tpe"},
                       {"plugin": "random", "max_concurrent": 2}):
            with self.subTest(search=search):
                experiment = self.run_experiment(sh(LOGGED, "{x}", "5"), **self.keys(search))
                self.assertEqual(experiment.states, ["TERMINATED"] * 8)
                self.assertLessEqual(self.most_at_once(), 2)

    def test_as_many_as_it_says(self):
        process = self.start("run", self.spec(sh(WAITS, "{x}", "{trial.number}"), **self.keys(
            {"plugin": "random", "max_concurrent": 3}, name="e")))
        wait_until(lambda: sum(name.startswith("at.") for name in os.listdir(self.dir)) == 3)
        self.assertEqual(len(self.opened("e").trials), 3)
        self.write("go", "")
        self.assertEqual(self.finish(process).status, 0)
        self.assertEqual(len(self.opened("e").trials), 8)

    def test_key_changes_no_point(self):
        """The search is the same, with the same randomness, as without."""
        for search, isolate in (("random", False), ("sobol", True), ("tpe", False), ("tpe", True)):
            with self.subTest(search=search, isolate=isolate):
                one = self.run_experiment(sh("echo '{\"loss\": 1}'"), max_concurrent_trials=1,
                                          **self.keys(search))
                other = self.run_experiment(sh("echo '{\"loss\": 1}'"), **self.keys(
                    {"plugin": search, "max_concurrent": 1, "isolate": isolate}))
                self.assertEqual(one.configs, other.configs)

    def test_grid(self):
        experiment = self.run_experiment(sh(LOGGED, "{x}", "1"), **self.keys(
            {"plugin": "random", "max_concurrent": 2}, num_samples=2,
            config={"x": {"$grid_search": [1, 2, 3]}}))
        self.assertEqual([config["x"] for config in experiment.configs], [1, 2, 3, 1, 2, 3])
        self.assertLessEqual(self.most_at_once(), 2)

    def test_failed_trials_free_their_places(self):
        experiment = self.run_experiment(
            sh("[ $2 = 1 ] || [ $2 = 3 ] || echo \"{\\\"loss\\\": $1}\"", "{x}", "{trial.number}"),
            expect=1, **self.keys({"plugin": "tpe", "max_concurrent": 1}, fail_fast=False))
        self.assertEqual(experiment.states.count("ERROR"), 2)
        self.assertEqual(len(experiment.states), 8)

    def test_batch_is_the_same_in_any_order(self):
        """Later trials end first in one of them; one has its search in a child process."""
        configs = []
        for isolate, script in (
                (True, "echo \"{\\\"loss\\\": $1}\""),
                (False, "sleep 0.0$(($2 % 4)); echo \"{\\\"loss\\\": $1}\""),
                (False, "sleep 0.1$((9 - $2 % 4)); echo \"{\\\"loss\\\": $1}\"")):
            experiment = self.run_experiment(
                sh(script, "{x}", "{trial.number}"), **self.keys(
                    {"plugin": "limit", "max_concurrent": 4, "batch": True, "isolate": isolate,
                     "search": {"plugin": "tpe", "n_startup_trials": 4}}, num_samples=16))
            configs.append(experiment.configs)
        self.assertEqual(configs[0], configs[1])
        self.assertEqual(configs[0], configs[2])

    def killed(self, search, times, **more):
        """What an experiment is that is killed `times` times, as its trials do what they like."""
        path = self.spec(sh("sleep 0.05; echo \"{\\\"loss\\\": $1}\"", "{x}"), **self.keys(
            search, name="e", num_samples=12, max_concurrent_trials=1, **more))
        for _ in range(times):
            process = self.start("run", path, "--resume=auto", stdout=subprocess.DEVNULL)
            before = len(self.ended())
            wait_until(lambda: len(self.ended()) > before + 1 or process.poll() is not None)
            process.send_signal(signal.SIGKILL)
            process.communicate()
        done = self.pegbox("run", path, "--resume=auto")
        self.assertEqual(done.err, "")
        return self.opened("e")

    def ended(self):
        if not os.path.exists(os.path.join(self.results_dir, "e", "experiment.db")):
            return []
        done = self.pegbox("trials", "e", "--json", expect=None)
        return [t for t in done.json if t["state"] == "TERMINATED"] if done.status == 0 else []

    def test_killed_and_resumed(self):
        batch = {"plugin": "limit", "max_concurrent": 3, "batch": True,
                 "search": {"plugin": "tpe", "n_startup_trials": 3}}
        for number, search in enumerate((batch, dict(batch, isolate=True))):
            with self.subTest(search=search):
                whole = self.run_experiment(
                    sh("echo \"{\\\"loss\\\": $1}\"", "{x}"), max_concurrent_trials=1,
                    **self.keys(search, name="w%d" % number, num_samples=12))
                experiment = self.killed(search, 3)
                self.assertEqual(experiment.configs, whole.configs)
                self.pegbox("rm", "e")

    def test_asked(self):
        self.pegbox("ask", "--create", self.spec(**self.keys(
            {"plugin": "limit", "max_concurrent": 2, "batch": True, "search": "tpe"}, name="e")))
        self.assertEqual(self.pegbox("ask", "e").json["trial"], 1)
        self.pegbox("ask", "e", "--timeout", "0.2", expect=1)
        self.pegbox("tell", "e", "1", "0.5")
        self.pegbox("ask", "e", "--timeout", "0.2", expect=1)
        self.pegbox("tell", "e", "0", "0.7")
        self.assertEqual(self.pegbox("ask", "e").json["trial"], 2)
        self.assertEqual(self.pegbox("ask", "e").json["trial"], 3)
        self.pegbox("ask", "e", "--timeout", "0.2", expect=1)

    def test_limit_that_comes_later(self):
        """A search that has learnt already is told again, and goes on."""
        path = self.spec(sh(LOGGED, "{x}", "2"), **self.keys("tpe", name="e"))
        self.pegbox("run", path)
        os.remove(os.path.join(self.dir, "log"))
        self.pegbox("resume", "e", "--set", "num_samples=16", "--set", "search.max_concurrent=1")
        self.assertEqual(len(self.opened("e").trials), 16)
        self.assertEqual(self.most_at_once(), 1)
        self.pegbox("resume", "e", "--set", "num_samples=20", "--set", "search.max_concurrent=4")
        self.assertEqual(len(self.opened("e").trials), 20)

    def test_spec_says_it_as_the_file_does(self):
        experiment = self.run_experiment(sh("echo '{\"loss\": 1}'"), **self.keys(
            {"plugin": "sobol", "max_concurrent": 2, "seed": 9}))
        search = json.loads(read_text(os.path.join(experiment.path, "experiment.json")))["search"]
        self.assertEqual({key: search[key] for key in ("plugin", "max_concurrent", "seed")},
                         {"plugin": "sobol", "max_concurrent": 2, "seed": 9})
        again = self.pegbox("validate", os.path.join(experiment.path, "experiment.json"))
        self.assertIn("search sobol", again.out)

    def test_refusals(self):
        bad = ((({"plugin": "tpe", "max_concurrent": 0},), "search.max_concurrent: "),
               (({"plugin": "tpe", "max_concurrent": "x"},), "search.max_concurrent: "),
               (({"plugin": "tpe", "max_concurent": 2},), "did you mean 'max_concurrent'?"),
               (({"plugin": "limit", "search": "tpe"},), "search/limit needs the option "
                "'max_concurrent'"),
               (({"plugin": "limit", "max_concurrent": 1, "search": {"plugin": "tpe", "gama": 1}},),
                "search.search.gama: search/tpe has no option 'gama'; did you mean 'gamma'?"))
        for (search,), message in bad:
            self.refused(dict(self.keys(search), trainable="exec"), message)
        # What the search within cannot take, wherever it stands.
        for search in ({"plugin": "tpe", "max_concurrent": 1},
                       {"plugin": "limit", "max_concurrent": 1, "search": "tpe"}):
            self.refused(dict(self.keys(search, config={"x": {"$grid_search": [1, 2]}}),
                              trainable="exec"),
                         "config.x: the search 'tpe' cannot take a $grid_search; 'random' can")

    def test_nested_keys_and_seeds(self):
        """A search within a wrapper has the keys of any search."""
        search = {"plugin": "limit", "max_concurrent": 3,
                  "search": {"plugin": "random", "seed": 4, "max_concurrent": 1}}
        experiment = self.run_experiment(sh(LOGGED, "{x}", "2"), **self.keys(search))
        self.assertEqual(self.most_at_once(), 1)
        other = self.run_experiment(sh(LOGGED, "{x}", "0"), **self.keys(search, seed=6))
        self.assertEqual(experiment.configs, other.configs)
        self.assertEqual(json.loads(read_text(os.path.join(
            experiment.path, "experiment.json")))["search"]["search"]["seed"], 4)


if __name__ == "__main__":
    main()
