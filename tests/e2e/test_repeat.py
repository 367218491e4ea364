#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""search/repeat: each point several times, told as one: with failures, over a kill of the driver,
when asked for trials, with a limit around it and within."""
import os
import signal
import sqlite3
import statistics
import subprocess

from pegbox_test import PegboxTest, main, read_text, sh, wait_until

SPACE = {"x": {"$uniform": [0, 1]}}
# The loss depends on the point and on which copy it is; the copies' mean is |x - 0.4|.
NOISY, FAILING = (sh("[ $2 != $3 ] || exit 1; echo \"{\\\"loss\\\": $1}\"",
                     "{math.abs(config.x - 0.4) + (config.__trial_index__ - 1) * 0.3}",
                     "{0 + config.__trial_index__}", fails) for fails in ("-1", "2"))
LOGGED = """echo start >>log; sleep 0.05; echo end >>log; echo "{\\"loss\\": $1}" """


class Repeat(PegboxTest):
    def keys(self, search=None, **more):
        search = search or {"plugin": "repeat", "times": 3,
                            "search": {"plugin": "tpe", "n_startup_trials": 4}}
        return dict(dict(config=SPACE, metric="loss", mode="min", seed=5, num_samples=12,
                         search=search, resources={"cpu": 0.1}), **more)

    def groups(self, experiment, times=3):
        """The points, each checked to be the same in all its copies."""
        configs = experiment.configs
        for at in range(0, len(configs), times):
            group = configs[at:at + times]
            self.assertEqual({config["x"] for config in group}, {group[0]["x"]})
            self.assertEqual([config["__trial_index__"] for config in group],
                             list(range(len(group))))
        return [config["x"] for config in configs[::times]]

    def test_copies(self):
        experiment = self.run_experiment(NOISY, **self.keys())
        self.assertEqual(experiment.states, ["TERMINATED"] * 12)
        self.assertEqual(len(set(self.groups(experiment))), 4)
        self.assertEqual(experiment.done.err, "")

    def test_learns_from_the_means(self):
        """Which points come is the same as without noise, and without copies."""
        noisy = self.run_experiment(NOISY, max_concurrent_trials=1, environ={
            "PEGBOX_MAX_PENDING_TRIALS_PG": "1"}, **self.keys(num_samples=60))
        points = self.groups(noisy)
        losses = [abs(x - 0.4) for x in points]
        self.assertLess(statistics.median(losses[10:]), statistics.median(losses[:5]))

    def test_rest_is_told(self):
        experiment = self.run_experiment(NOISY, **self.keys(num_samples=7))
        self.assertEqual(len(experiment.trials), 7)
        self.assertIn("num_samples is 7: the last 1 are no whole group of 3", experiment.done.err)

    def test_failed_copies(self):
        experiment = self.run_experiment(FAILING, expect=1, **self.keys(
            num_samples=30, fail_fast=False, max_concurrent_trials=1))
        self.assertEqual(experiment.states, ["TERMINATED", "TERMINATED", "ERROR"] * 10)
        self.assertEqual(len(set(self.groups(experiment))), 10)

    def test_no_index(self):
        experiment = self.run_experiment(
            sh("echo \"{\\\"loss\\\": $2}\"", "{args}"), **self.keys(
                {"plugin": "repeat", "times": 2, "set_index": False, "aggregate": "median",
                 "search": "sobol"}, num_samples=6))
        configs = experiment.configs
        self.assertEqual(configs[::2], configs[1::2])
        self.assertEqual(set(configs[0]), {"x"})

    def test_index_in_a_template(self):
        """A constant of the config keeps its place."""
        experiment = self.run_experiment(
            sh("echo \"{\\\"loss\\\": $1}\"", "{__trial_index__}"), **self.keys(
                {"plugin": "repeat", "times": 2, "search": "random"}, num_samples=4,
                config=dict(SPACE, __trial_index__=7)))
        self.assertEqual([trial["loss"] for trial in experiment.trials], [0, 1, 0, 1])

    def most_at_once(self):
        now = most = 0
        for line in read_text(os.path.join(self.dir, "log")).split():
            now += 1 if line == "start" else -1
            most = max(most, now)
        os.remove(os.path.join(self.dir, "log"))
        return most

    def test_limits(self):
        """Around it a limit counts copies, within it points."""
        for search, most in (
                ({"plugin": "repeat", "times": 3, "max_concurrent": 2, "search": "tpe"}, 2),
                ({"plugin": "limit", "max_concurrent": 2, "batch": True, "search":
                  {"plugin": "repeat", "times": 3, "search": "tpe"}}, 2),
                ({"plugin": "repeat", "times": 3, "search":
                  {"plugin": "tpe", "max_concurrent": 1}}, 3),
                ({"plugin": "repeat", "times": 2, "search":
                  {"plugin": "limit", "max_concurrent": 2, "batch": True, "search": "tpe"}}, 4)):
            with self.subTest(search=search):
                experiment = self.run_experiment(sh(LOGGED, "{x}"), **self.keys(search))
                self.assertEqual(experiment.states, ["TERMINATED"] * 12)
                self.assertLessEqual(self.most_at_once(), most)

    def ended(self):
        path = os.path.join(self.results_dir, "e", "experiment.db")
        if not os.path.exists(path):
            return 0
        try:
            store = sqlite3.connect("file:%s?mode=ro" % path, uri=True)
            n = store.execute("SELECT count(*) FROM trial WHERE outcome IS NOT NULL").fetchone()[0]
            store.close()
            return n
        except sqlite3.Error:
            return 0

    def test_killed_and_resumed(self):
        repeat = {"plugin": "repeat", "times": 3, "search": {"plugin": "tpe",
                                                             "n_startup_trials": 3}}
        for number, search in enumerate((
                dict(repeat, max_concurrent=4, isolate=True),
                {"plugin": "limit", "max_concurrent": 6, "batch": True, "search": repeat},
                {"plugin": "repeat", "times": 3, "search": {
                    "plugin": "limit", "max_concurrent": 2, "batch": True,
                    "search": {"plugin": "sobol"}}})):
            with self.subTest(search=search):
                keys = dict(self.keys(search, num_samples=24), max_concurrent_trials=1,
                            fail_fast=False)
                whole = self.run_experiment(FAILING, expect=1, name="w%d" % number, **keys)
                path = self.spec(FAILING, name="e", **keys)
                for at in (2, 7, 12):
                    process = self.start("run", path, "--resume=auto", stdout=subprocess.DEVNULL)
                    wait_until(lambda at=at, process=process: self.ended() >= at
                               or process.poll() is not None)
                    process.send_signal(signal.SIGKILL)
                    process.communicate()
                self.pegbox("run", path, "--resume=auto", expect=1)
                self.assertEqual(self.opened("e").configs, whole.configs)
                self.assertEqual(self.opened("e").states, whole.states)
                self.pegbox("rm", "e")

    def test_asked(self):
        self.pegbox("ask", "--create", self.spec(**self.keys(
            {"plugin": "repeat", "times": 2, "search": {"plugin": "tpe", "max_concurrent": 1}},
            name="e")))
        one = self.pegbox("ask", "e").json
        self.assertEqual(one["config"]["__trial_index__"], 1)
        self.pegbox("ask", "e", "--timeout", "0.2", expect=1)
        self.pegbox("tell", "e", "0", "0.5")
        self.pegbox("tell", "e", "1", "--failed")
        two = self.pegbox("ask", "e").json
        self.assertEqual((two["trial"], two["config"]["__trial_index__"]), (2, 0))

    def test_told_again(self):
        """One whose search is another now is told all before, group by group."""
        self.run_experiment(NOISY, name="e", **self.keys(num_samples=6))
        self.pegbox("resume", "e", "--set", "num_samples=12", "--set",
                    'search={"plugin": "repeat", "times": 3, "search": {"plugin": "tpe", '
                    '"n_startup_trials": 2}}')
        self.assertEqual(len(set(self.groups(self.opened("e")))), 4)

    def test_refusals(self):
        self.refused(dict(self.keys(config={"x": {"$grid_search": [1, 2]}}), trainable="exec"),
                     "config.x: the search 'tpe' cannot take a $grid_search; 'random' can")
        self.refused(dict(self.keys({"plugin": "repeat", "times": 2, "search": "random"},
                                    config={"x": {"$grid_search": [1, 2]}}), trainable="exec"),
                     "config.x: the search 'repeat' cannot take a $grid_search; 'random' can by itself: "
                     "num_samples repeats a grid, points_to_evaluate come before it")
        self.refused(dict(self.keys({"plugin": "repeat", "search": "tpe"}), trainable="exec"),
                     "search: search/repeat needs the option 'times'")


if __name__ == "__main__":
    main()
