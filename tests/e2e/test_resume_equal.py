#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""On one worker an experiment that was killed and resumed ends as one that never was: the same
trials, configs, results, decisions and log files."""
import csv
import io
import json
import os
import random
import signal
import sqlite3
import subprocess
import time

from pegbox_test import HERE, SHORT, PegboxTest, main, sh

# Each report takes a moment; the loss depends on the config and the count alone.
TRIAL = """i=0; while [ $i -lt 9 ]; do i=$((i + 1)); printf '{"loss": %s%s}\\n' $1 $i; sleep 0.03; done"""
TIMES = {"date", "timestamp", "time_this_iter_s", "time_total_s", "time_since_restore", "pid",
         "hostname", "node_ip", "experiment_id", "iterations_since_restore",
         "timesteps_since_restore"}
SEED = int(os.environ.get("PEGBOX_TEST_SEED", "1"))


class Equal(PegboxTest):
    def keys(self, **more):
        keys = dict(metric="loss", mode="min", num_samples=6, seed=3, max_concurrent_trials=1,
                    config={"x": {"$uniform": [0.1, 0.9]}}, name="e")
        keys.update(more)
        return keys

    def rows(self, path, sql):
        store = sqlite3.connect("file:%s/experiment.db?mode=ro" % path, uri=True)
        found = store.execute(sql).fetchall()
        store.close()
        return found

    def tables(self, path):
        """What of the store is the same in every run."""
        return {
            "trial": self.rows(path, "SELECT number, id, name, tag, state, outcome, config, x, ask, "
                               "origin, extra, failures, results, iteration, value, best, rung, "
                               "bracket, replaced_by FROM trial ORDER BY number"),
            # What a later attempt repeats is there, but hidden: it has no event.
            "result": self.rows(path, "SELECT r.trial, n, iteration, done, value, fields, action, "
                                "rung FROM result AS r JOIN event AS e ON e.seq = r.seq "
                                "ORDER BY r.trial, n"),
            "event": self.rows(path, "SELECT type, count(*) FROM event WHERE type IN ('added', "
                               "'result', 'complete', 'error') GROUP BY type ORDER BY type"),
            # Of the large ones, less the times that are in them.
            "state": self.rows(path, "SELECT slot, plugin, hex(iif(plugin LIKE 'large-%', "
                               "substr(state, 1, 16), state)) FROM decider ORDER BY slot"),
        }

    def logs(self, path):
        """Log files, less times and processes."""
        logs = []
        for name in sorted(os.listdir(path)):
            if not os.path.isdir(os.path.join(path, name)) or name == "requests":
                continue
            with open(os.path.join(path, name, "result.json"), encoding="utf-8") as file:
                results = [json.loads(line) for line in file]
            with open(os.path.join(path, name, "progress.csv"), encoding="utf-8") as file:
                table = list(csv.DictReader(io.StringIO(file.read())))
            logs.append([[{k: v for k, v in row.items() if k not in TIMES} for row in rows]
                         for rows in (results, table)])
            left = [f for f in os.listdir(os.path.join(path, name)) if f.startswith(".")]
            self.assertEqual(left, [])
        return logs

    def whole(self, trainable, **keys):
        e = self.run_experiment(trainable, **dict(keys, results_dir=os.path.join(self.dir, "w")))
        path = os.path.join(self.dir, "w", "e")
        self.assertTrue(os.path.exists(path), e.done)
        return path

    def killed_again_and_again(self, path, times, longest, after_kill, enough):
        """Runs and resumes, killed after a random time each, and more often until enough was seen;
        returns how often it was."""
        dice = random.Random(SEED)
        kills = 0
        for at in range(4 * times):
            if at >= times and kills > 0 and enough():
                break
            process = self.start("run", path, "--resume=auto", stdout=subprocess.DEVNULL)
            end = time.monotonic() + dice.uniform(0.02, longest)
            while time.monotonic() < end and process.poll() is None:
                time.sleep(0.005)
            kills += process.poll() is None
            process.send_signal(signal.SIGKILL)
            said = process.communicate()[1]
            self.assertEqual(said, "")
            after_kill()
        done = self.pegbox("run", path, "--resume=auto")
        self.assertEqual(done.err, "", str(done))
        return kills

    def check(self, trainable, times=6, after_kill=lambda: None, enough=lambda: True, **more):
        keys = self.keys(**more)
        began = time.monotonic()
        whole = self.whole(trainable, **keys)
        # On a slow machine it takes longer until there is something to lose.
        longest = max(0.5, (time.monotonic() - began) / 5)
        kills = self.killed_again_and_again(self.spec(trainable, **keys),
                                            times // 2 if SHORT else times, longest, after_kill,
                                            enough)
        self.assertGreater(kills, 0)
        path = os.path.join(self.results_dir, "e")
        expected, tables = self.tables(whole), self.tables(path)
        for table in expected:
            self.assertEqual(tables[table], expected[table], "%s, seed %d" % (table, SEED))
        self.assertEqual(self.logs(path), self.logs(whole))
        best = [self.pegbox("best", where, "--json").json for where in (whole, path)]
        if isinstance(best[0], dict):
            best = [[one] for one in best]
        self.assertEqual(*([trial["trial"] for trial in trials] for trials in best))

    def test_random_draws(self):
        self.check(sh(TRIAL, "{x}"))

    def test_sobol(self):
        self.check(sh(TRIAL, "{x}"), search="sobol", times=4)

    def test_halton(self):
        self.check(sh(TRIAL, "{x}"), search="halton", times=4)

    def test_lhs(self):
        self.check(sh(TRIAL, "{x}"), search="lhs", times=4)

    def test_a_search_that_learns(self):
        branch = {"$choice": [{"a": {"$uniform": [0, 1]}}, {"b": {"$randint": 9}}]}
        self.check(sh(TRIAL, "{x}"), search={"plugin": "tpe", "n_startup_trials": 2},
                   config={"x": {"$uniform": [0.1, 0.9]}, "o": branch}, num_samples=12)

    def test_cfo(self):
        self.check(sh(TRIAL, "{x}"), num_samples=12, search={
            "plugin": "cfo", "resource_attr": "r", "max_resource": 9},
                   config={"x": {"$uniform": [0.1, 0.9]}, "o": {"$choice": ["a", "b", "c"]}})

    def test_blendsearch(self):
        self.check(sh(TRIAL, "{x}"), num_samples=12,
                   search={"plugin": "blendsearch", "search": {"plugin": "tpe",
                                                               "n_startup_trials": 2}},
                   config={"x": {"$uniform": [0.1, 0.9]}, "o": {"$choice": ["a", "b", "c"]}})

    def test_bohb(self):
        """Beside asha, whose rungs it learns from."""
        self.check(sh(TRIAL, "{x}"), num_samples=16, search={"plugin": "bohb"},
                   scheduler={"plugin": "asha", "max_t": 9, "grace_period": 1,
                              "reduction_factor": 3},
                   config={"x": {"$uniform": [0.1, 0.9]}, "o": {"$choice": ["a", "b", "c"]}})

    def test_cmaes(self):
        branch = {"$choice": [{"a": {"$uniform": [0, 1]}}, {"b": {"$randint": 9}}]}
        self.check(sh(TRIAL, "{x}"), search={"plugin": "cmaes", "popsize": 4}, num_samples=14,
                   config={"x": {"$uniform": [0.1, 0.9]}, "n": {"$randint": 9}, "o": branch})

    def test_a_search_with_a_model(self):
        """In a child, whose driver is killed."""
        self.need_plugin("search/gp")
        branch = {"$choice": [{"a": {"$uniform": [0, 1]}}, {"b": {"$randint": 9}}]}
        self.check(sh(TRIAL, "{x}"), search={"plugin": "gp", "n_startup_trials": 2, "patience": 0},
                   config={"x": {"$uniform": [0.1, 0.9]}, "o": branch}, num_samples=12)

    def test_several_metrics(self):
        trial = TRIAL.replace('%s%s}', '%s, "rest": %s}').replace("$1$i;", "$1$i $2;")
        self.check(sh(trial, "{x}", "{1 - config.x}"), num_samples=14,
                   search={"plugin": "nsga2", "population_size": 3},
                   metric=["loss", "rest"], mode=["min", "min"])

    def test_a_search_with_a_large_state(self):
        """Of over 64 KiB, so that it is not stored with each change."""
        self.check(sh("""printf '{"loss": %s}\\n' $1""", "{p0}"),
                   search={"plugin": "tpe", "n_startup_trials": 2}, num_samples=50, times=8,
                   config={"p%d" % i: {"$uniform": [0.1, 0.9]} for i in range(200)})

    def test_asha(self):
        self.check(sh(TRIAL, "{x}"), scheduler={"plugin": "asha", "max_t": 9, "grace_period": 2},
                   num_samples=12, stop={"training_iteration": 8})

    def test_a_grid_with_sample_from(self):
        self.check(sh(TRIAL, "{y}"),
                   config={"x": {"$grid_search": [1, 2, 3]}, "y": {"$uniform": [0.1, 0.9]},
                           "z": {"$sample_from": "config.x + rand()"}}, num_samples=2)

    def test_duplicates(self):
        self.check(sh(TRIAL, "{x}"), config={"x": {"$choice": [1, 2, 3, 4, 5]}}, duplicates="skip",
                   num_samples=4)

    def test_failures(self):
        """Retries go on where they were: each trial fails twice, and goes on at its third try."""
        trial = TRIAL + '; n=$(cat "$2/n" 2>/dev/null); echo "x$n" >"$2/n"; [ "$n" = xx ]'
        self.check(sh(trial, "{x}", "{trial.dir}"), max_failures=-1, num_samples=2, times=3)

    def test_columns_that_come_late(self):
        trial = """i=0; while [ $i -lt 9 ]; do i=$((i + 1))
printf '{"loss": %s%s, "m%d": 1}\\n' $1 $i $((i / 3)); sleep 0.03; done"""
        self.check(sh(trial, "{x}"), times=8)

    def build(self, kind, name):
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(os.path.join(HERE, name + ".c"), kind,
                                                           name)

    def count_inputs(self):
        """That a driver which was killed has left."""
        store = os.path.join(self.results_dir, "e", "experiment.db")
        try:
            counted = sqlite3.connect(store)
            self.inputs += counted.execute("SELECT count(*) FROM input").fetchone()[0]
            counted.close()
        except sqlite3.OperationalError:
            pass

    def check_large(self, **more):
        """The state is stored once, when it is known to be large: what follows is repeated."""
        self.env["PEGBOX_GLOBAL_CHECKPOINT_S"] = "1000"
        self.inputs = 0
        self.check(sh(TRIAL, "{x}"), after_kill=self.count_inputs,
                   enough=lambda: self.inputs > 0, num_samples=5, **more)
        self.assertGreater(self.inputs, 0)

    def test_a_search_with_a_model(self):
        """In a child, whose driver is killed."""
        self.need_plugin("search/gp")
        branch = {"$choice": [{"a": {"$uniform": [0, 1]}}, {"b": {"$randint": 9}}]}
        self.check(sh(TRIAL, "{x}"), search={"plugin": "gp", "n_startup_trials": 2, "patience": 0},
                   config={"x": {"$uniform": [0.1, 0.9]}, "o": branch}, num_samples=12)

    def test_a_search_with_a_large_state(self):
        self.build("search", "large-search")
        self.check_large(search="large-search")

    def test_skipped_points_of_one(self):
        self.build("search", "large-search")
        self.check_large(search="large-search", duplicates="skip")

    def test_in_children(self):
        """Their inputs are always repeated, also those of a driver that was killed."""
        self.build("search", "large-search")
        self.check_large(search={"plugin": "large-search", "isolate": True},
                         scheduler={"plugin": "asha", "max_t": 9, "grace_period": 2,
                                    "isolate": True},
                         stop={"plugin": "trial-plateau", "metric": "loss", "num_results": 8,
                               "isolate": True})

    def test_a_scheduler_in_a_child(self):
        self.build("scheduler", "large-scheduler")
        self.check_large(scheduler={"plugin": "large-scheduler", "isolate": True},
                         search={"plugin": "tpe", "n_startup_trials": 2, "isolate": True})

    def test_a_scheduler_with_a_large_state(self):
        self.build("scheduler", "large-scheduler")
        self.check_large(scheduler="large-scheduler")


if __name__ == "__main__":
    main()
