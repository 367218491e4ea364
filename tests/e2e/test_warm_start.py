#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""search/warm-start: a search begins with points that are given, with their metrics, and with the
trials of an earlier experiment."""
import json
import os
import re
import signal
import subprocess

from pegbox_test import SOURCE, PegboxTest, main, read_text, sh, wait_until

SPACE = {"x": {"$uniform": [0, 1]}, "y": {"$choice": [{"t": "a", "z": {"$randint": 10}}, "b"]}}
POINTS = [{"x": 0.25, "y": "b"}, {"x": 0.5}, {"y.z": 7}]
ECHO = """echo "{\\"loss\\": $1}" """


class WarmStart(PegboxTest):
    def keys(self, search, **more):
        return dict(dict(config=SPACE, metric="loss", mode="min", seed=5, num_samples=6,
                         search=search, max_concurrent_trials=1), **more)

    def search(self, name, **more):
        return dict({"plugin": name, "points_to_evaluate": POINTS}, **more)

    def test_points_come_first(self):
        for name in ("tpe", "sobol", "random", "lhs"):
            with self.subTest(search=name):
                experiment = self.run_experiment(sh(ECHO, "{x}"), **self.keys(self.search(name)))
                configs = experiment.configs
                self.assertEqual(len(configs), 6)
                self.assertEqual(configs[0], {"x": 0.25, "y": "b"})
                self.assertEqual(configs[1]["x"], 0.5)
                self.assertEqual(configs[2]["y"], {"t": "a", "z": 7})
                self.assertEqual(experiment.done.err, "")

    def test_search_has_its_points_behind_them(self):
        """None is lost: what was given whole took none of them."""
        one = self.run_experiment(sh(ECHO, "{x}"), **self.keys(
            "sobol", config={"x": {"$uniform": [0, 1]}}))
        other = self.run_experiment(sh(ECHO, "{x}"), **self.keys(
            {"plugin": "sobol", "points_to_evaluate": [{"x": 0.3}, {"x": 0.4}]},
            config={"x": {"$uniform": [0, 1]}}))
        self.assertEqual(other.configs, [{"x": 0.3}, {"x": 0.4}] + one.configs[:4])

    def test_grid(self):
        experiment = self.run_experiment(sh(ECHO, "{x}"), **self.keys(
            {"plugin": "random", "points_to_evaluate": [{"x": 2}]}, num_samples=2,
            config={"x": {"$grid_search": [1, 2, 3]}}))
        self.assertEqual([config["x"] for config in experiment.configs], [2, 1, 2, 3])

    def test_evaluated_ones_are_not_run(self):
        """They cost none of num_samples, and the search knows them."""
        rewards = [{"plugin": "tpe", "n_startup_trials": 5, "points_to_evaluate":
                    [{"x": 0.1 + i / 100} for i in range(10)] + [{"x": 0.9}],
                    "evaluated_rewards": [abs(0.15 - 0.1 - i / 100) for i in range(10)] + [None]}]
        experiment = self.run_experiment(sh(ECHO, "{x}"), **self.keys(
            rewards[0], config={"x": {"$uniform": [0, 1]}}, num_samples=8))
        xs = [config["x"] for config in experiment.configs]
        self.assertEqual((len(xs), xs[0]), (8, 0.9))
        # Without them the first five were drawn at random.
        cold = self.run_experiment(sh(ECHO, "{x}"), **self.keys(
            {"plugin": "tpe", "n_startup_trials": 5, "points_to_evaluate": [{"x": 0.9}]},
            config={"x": {"$uniform": [0, 1]}}, num_samples=8))
        self.assertNotEqual(xs[1:4], [config["x"] for config in cold.configs][1:4])

    def test_point_outside_is_left_out(self):
        experiment = self.run_experiment(sh(ECHO, "{x}"), **self.keys(
            {"plugin": "tpe", "points_to_evaluate": [{"x": 3}, {"x": 0.75}]}, num_samples=2))
        self.assertEqual(experiment.configs[0]["x"], 0.75)
        self.assertIn("points_to_evaluate[0] is left out: the value of x lies outside the space",
                      experiment.done.err)

    def test_refusals(self):
        for search, message in (
                ({"plugin": "tpe", "points_to_evaluate": [{"x": 0.1}, {"q": 1}]},
                 "points_to_evaluate[1]: q is no parameter that varies"),
                ({"plugin": "tpe", "points_to_evaluate": [3]},
                 "points_to_evaluate[0]: needs to be an object of parameters"),
                ({"plugin": "tpe", "points_to_evaluate": [{"x": 0.1, "y": "b"}],
                  "evaluated_rewards": [1, 2]}, "evaluated_rewards: has 2 for 1 points"),
                ({"plugin": "tpe", "points_to_evaluate": [{"x": 0.1}], "evaluated_rewards": [1]},
                 "evaluated_rewards[0]: the point that it belongs to is not whole"),
                ({"plugin": "tpe", "points_to_evaluate": [{"x": 0.1, "y": "b"}],
                  "evaluated_rewards": ["x"]}, "evaluated_rewards[0]: needs to be a number")):
            self.refused(dict(self.keys(search), trainable=sh(ECHO, "{x}")), message)

    def test_place_of_a_bad_point(self):
        done = self.refused('{"trainable": {"command": "a"}, "metric": "loss", "mode": "min",\n'
                            ' "config": {"x": {"$uniform": [0, 1]}},\n'
                            ' "search": {"plugin": "tpe", "points_to_evaluate": [\n'
                            '   {"x": 0.1},\n'
                            '   {"q": 1}]}}\n', "bad.json:5:4: search.points_to_evaluate[1]: ")
        self.assertEqual(len(done.err.splitlines()), 1)

    def test_earlier_experiment(self):
        space = {"x": {"$uniform": [0, 1]}}
        self.run_experiment(sh("[ $2 = 3 ] || echo \"{\\\"loss\\\": $1}\"", "{x}",
                               "{trial.number}"), expect=1, name="first", fail_fast=False,
                            **self.keys("sobol", config=space, num_samples=16))
        told = "the search begins with %d trials of "
        for experiment in ("first", os.path.join(self.results_dir, "first")):
            second = self.run_experiment(sh(ECHO, "{x}"), words=("--verbose", "3"), **self.keys(
                {"plugin": "warm-start", "experiment": experiment,
                 "search": {"plugin": "tpe", "n_startup_trials": 16}}, config=space))
            self.assertNotIn("warning", second.done.err)
            self.assertIn("pegbox: info: search: " + told % 16 + os.path.join(
                self.results_dir, "first"), second.done.err)
        cold = self.run_experiment(sh(ECHO, "{x}"), **self.keys(
            {"plugin": "tpe", "n_startup_trials": 16}, config=space))
        self.assertNotEqual(second.configs, cold.configs)
        narrow = self.run_experiment(sh(ECHO, "{x}"), **self.keys(
            {"plugin": "warm-start", "experiment": "first", "search": "tpe"},
            config={"x": {"$uniform": [0, 1]}, "w": {"$uniform": [0, 1]}}, num_samples=2))
        self.assertIn(told % 0 + os.path.join(self.results_dir, "first") +
                      "; left out: 16 without w", narrow.done.err)

    def test_no_earlier_experiment(self):
        """Is told at its place before anything is begun or deleted, wherever it stands."""
        for search in ({"plugin": "warm-start", "experiment": "none", "search": "tpe"},
                       {"plugin": "limit", "max_concurrent": 2, "search": {
                           "plugin": "warm-start", "experiment": "none", "search": "tpe"}},
                       {"plugin": "warm-start", "experiment": "none", "search": "tpe",
                        "isolate": True}):
            keys = self.keys(search)
            line = "%s.experiment: there is no experiment in %s, nor in %s" % (
                "search.search" if search["plugin"] == "limit" else "search",
                os.path.join(self.dir, "none"), os.path.join(self.results_dir, "none"))
            for command, words in (("validate", ()), ("run", ("--name", "z")), ("ask", ())):
                with self.subTest(search=search, command=command):
                    path = self.write("bad.json", json.dumps(dict(keys, trainable=sh(ECHO, "{x}"))))
                    words = ("--create", path) if command == "ask" else (path,) + words
                    done = self.pegbox(command, *words, expect=2)
                    self.assertRegex(done.err, r"bad\.json:\d+:\d+: " + re.escape(line))
                    self.assertEqual(len(done.err.splitlines()), 1)
                    self.assertFalse(os.path.exists(self.results_dir), "something was started")
        self.refused(dict(self.keys({"plugin": "warm-start", "experiment": "./none",
                                     "search": "tpe"}), trainable=sh(ECHO, "{x}")),
                     "there is no experiment in " + os.path.join(self.dir, "none"))

    def test_replace_keeps_what_is_read(self):
        self.first()
        search = {"plugin": "warm-start", "experiment": "none", "search": "tpe"}
        path = self.spec(sh(ECHO, "{x}"), **self.keys(search, name="first"))
        self.pegbox("run", path, "--replace", expect=2)
        search["experiment"] = "first"
        path = self.spec(sh(ECHO, "{x}"), **self.keys(search, name="first"))
        done = self.pegbox("run", path, "--replace", expect=2)
        self.assertIn("search.experiment: %s is what --replace deletes: another --name keeps it"
                      % os.path.join(self.results_dir, "first"), done.err)
        self.assertEqual(len(self.opened("first").trials), 8)

    def first(self, n=8):
        return self.run_experiment(sh(ECHO, "{x}"), name="first", **self.keys("sobol", num_samples=n))

    def warm(self, search, **more):
        return self.keys(dict({"plugin": "warm-start", "experiment": "first", "search": search},
                              **more), num_samples=8)

    def test_earlier_experiment_in_a_child(self):
        """As in pegbox itself, wherever the key stands."""
        tpe = {"plugin": "tpe", "n_startup_trials": 8}
        self.first()
        here = self.run_experiment(sh(ECHO, "{x}"), **self.warm(tpe))
        cold = self.run_experiment(sh(ECHO, "{x}"), **self.keys(tpe, num_samples=8))
        self.assertNotEqual(here.configs, cold.configs)
        for keys in (self.warm(tpe, isolate=True), self.warm(dict(tpe, isolate=True)),
                     self.warm(dict(tpe, max_concurrent=3, isolate=30))):
            with self.subTest(search=keys["search"]):
                child = self.run_experiment(sh(ECHO, "{x}"), **keys)
                self.assertEqual(child.configs, here.configs)
                self.assertEqual(child.done.err, "")
        # Within another the reader is not who is called.
        pair = [self.run_experiment(sh(ECHO, "{x}"), **self.keys(
            {"plugin": "limit", "max_concurrent": 2, "isolate": isolate, "search":
             self.warm(tpe)["search"]}, num_samples=8)).configs for isolate in (False, True)]
        self.assertEqual(pair[0], pair[1])
        narrow = self.run_experiment(sh(ECHO, "{x}"), **dict(
            self.warm(tpe, isolate=True), num_samples=2,
            config={"x": {"$uniform": [0, 1]}, "w": {"$uniform": [0, 1]}}))
        self.assertIn("begins with 0 trials of %s; left out: 8 without w"
                      % os.path.join(self.results_dir, "first"), narrow.done.err)

    def flaky(self, name, **flags):
        source = os.path.join(SOURCE, "tests", "unit", "decider", "flaky.c")
        path = self.build_plugin(source, "search", "flaky", **flags)
        self.env["PEGBOX_PLUGIN_PATH"] = path
        return {"plugin": "flaky", "once": os.path.join(self.dir, name)}

    def test_it_is_read_once(self):
        """Neither a new child nor a new driver needs it again: it may have changed, or be gone."""
        for flags in ([], ["-DFLAKY_CAPS=PBX_CAP_SLOW"]):
            self.first()
            flaky = self.flaky("a", flags=flags)
            plain = dict(config={"x": {"$uniform": [0, 1]}}, num_samples=10)
            whole = self.run_experiment(sh(ECHO, "{x}"), **dict(
                self.warm(flaky, isolate=True), **plain))
            # 8 calls tell what is known, then there are three for a trial.
            path = self.spec(sh(ECHO + "; sleep 0.05", "{x}"), **dict(
                self.warm(dict(flaky, at=31), isolate=True), name="e", **plain))
            process = self.start("run", path)
            wait_until(lambda: self.ended() >= 1)
            self.pegbox("rm", "first")
            lost = self.finish(process)
            self.assertEqual((lost.status, len(lost.err.splitlines())), (0, 1), str(lost))
            self.assertIn("and is started again from its last state", lost.err)
            self.assertEqual(self.opened("e").configs, whole.configs)
            self.pegbox("rm", "e")
            os.unlink(flaky["once"])

            self.first()
            path = self.spec(sh(ECHO + "; sleep 0.05", "{x}"), **dict(
                self.warm(flaky, isolate=True), name="e", **plain))
            process = self.start("run", path)
            wait_until(lambda: self.ended() >= 1)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            self.pegbox("rm", "first")
            self.pegbox("resume", "e")
            self.assertEqual(self.opened("e").configs, whole.configs)
            self.pegbox("rm", "e")

    def test_gp(self):
        """A slow one, whose model begins with what is known."""
        self.need_plugin("search/gp")
        space = {"x": {"$uniform": [0, 1]}, "y": {"$uniform": [0, 1]}}
        gp = {"plugin": "gp", "n_startup_trials": 5}
        keys = dict(config=space, num_samples=8)
        self.run_experiment(sh(ECHO, "{x}"), name="first", **dict(self.keys("sobol"), **keys))
        whole = self.run_experiment(sh(ECHO, "{x}"), name="w", **dict(self.warm(gp), **keys))
        cold = self.run_experiment(sh(ECHO, "{x}"), **dict(self.keys(gp), **keys))
        # With eight trials it has a model from the start, and knows that less is better.
        self.assertLess(whole.configs[0]["x"], 0.1)
        self.assertNotEqual(whole.configs, cold.configs)
        for around in (lambda one: {"plugin": "limit", "max_concurrent": 2, "search": one},
                       lambda one: {"plugin": "repeat", "times": 2, "search": one}):
            one = self.run_experiment(sh(ECHO, "{x}"), **dict(
                self.keys(around(self.warm(gp)["search"])), **keys))
            self.assertLess(one.configs[0]["x"], 0.1)
        path = self.spec(sh(ECHO + "; sleep 0.05", "{x}"), name="e", **dict(self.warm(gp), **keys))
        for at in (1, 4):
            process = self.start("run", path, "--resume=auto", stdout=subprocess.DEVNULL)
            wait_until(lambda at=at, process=process: self.ended() >= at or process.poll() is not None)
            process.send_signal(signal.SIGKILL)
            process.communicate()
        self.pegbox("run", path, "--resume=auto")
        self.assertEqual(self.opened("e").configs, whole.configs)

    def ended(self):
        done = self.pegbox("trials", "e", "--json", expect=None)
        return len([t for t in done.json if t["state"] == "TERMINATED"]) if done.status == 0 else 0

    def test_killed_and_resumed(self):
        rewards = {"points_to_evaluate": POINTS + [{"x": 0.1, "y": "b"}],
                   "evaluated_rewards": [None, None, None, 0.5]}
        self.run_experiment(sh(ECHO, "{x}"), name="first", **self.keys("sobol", num_samples=8))
        for number, search in enumerate((
                self.search("tpe", n_startup_trials=2, **rewards),
                self.search("tpe", max_concurrent=2, isolate=True),
                {"plugin": "warm-start", "experiment": "first",
                 "search": {"plugin": "tpe", "n_startup_trials": 4}},
                {"plugin": "warm-start", "experiment": "first", "isolate": True,
                 "search": {"plugin": "tpe", "n_startup_trials": 4}})):
            with self.subTest(search=search):
                keys = self.keys(search, num_samples=10)
                whole = self.run_experiment(sh(ECHO, "{x}"), name="w%d" % number, **keys)
                path = self.spec(sh(ECHO + "; sleep 0.05", "{x}"), name="e", **keys)
                for at in (1, 4):
                    process = self.start("run", path, "--resume=auto", stdout=subprocess.DEVNULL)
                    wait_until(lambda at=at, process=process: self.ended() >= at
                               or process.poll() is not None)
                    process.send_signal(signal.SIGKILL)
                    process.communicate()
                self.pegbox("run", path, "--resume=auto")
                self.assertEqual(self.opened("e").configs, whole.configs)
                self.pegbox("rm", "e")

    def test_asked(self):
        self.pegbox("ask", "--create", self.spec(**self.keys(self.search("tpe"), name="e")))
        self.assertEqual(self.pegbox("ask", "e").json["config"]["x"], 0.5)
        self.assertEqual(self.opened("e").configs[0], {"x": 0.25, "y": "b"})
        stored = json.loads(read_text(os.path.join(self.results_dir, "e", "experiment.json")))
        self.assertEqual(stored["search"]["points_to_evaluate"], POINTS)

    def test_duplicates(self):
        """A point that was run already is skipped, and the search goes on."""
        experiment = self.run_experiment(sh(ECHO, "{x}"), **self.keys(
            {"plugin": "tpe", "points_to_evaluate": [{"x": 1}, {"x": 1}, {"x": 2}]},
            config={"x": {"$randint": 5}}, duplicates="skip", num_samples=5))
        self.assertEqual(sorted(config["x"] for config in experiment.configs), [0, 1, 2, 3, 4])
        self.assertEqual([config["x"] for config in experiment.configs][:2], [1, 2])


if __name__ == "__main__":
    main()
