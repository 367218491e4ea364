#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""search/gp in whole experiments: it learns, proposes nothing twice, goes on after a kill as if there
had been none, and says what it cannot do and when it is done."""
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import threading
import time

from pegbox_test import PegboxTest, main, sh

CONFIG = {"lr": {"$loguniform": [1e-5, 1]}, "drop": {"$quniform": [0, 0.6, 0.05]},
          "layers": {"$randint": [1, 9]}, "act": {"$choice": ["relu", "tanh", "gelu"]},
          "opt": {"$choice": [{"type": "sgd", "momentum": {"$uniform": [0, 1]}}, "adam"]}}

ECHO = "echo \"{\\\"loss\\\": $1, \\\"mb\\\": $2}\""
PROGRAM = sh("[ -z \"$NAP\" ] || sleep $NAP; " + ECHO,
             "{(math.log(config.lr, 10) + 3)^2 + math.abs(config.drop - 0.15)"
             " + math.abs(config.layers - 3) / 8"
             " + (config.act == 'relu' and 0.2 or config.act == 'tanh' and 0.5 or 0)"
             " + (config.opt == 'adam' and 0 or 0.3 + (config.opt.momentum - 0.9)^2)}",
             "{config.layers * 10}")


class Gp(PegboxTest):
    def setUp(self):
        super().setUp()
        self.need_plugin("search/gp")

    def keys(self, **more):
        keys = dict(name="e", config=CONFIG, metric="loss", mode="min", seed=4, num_samples=30,
                    max_concurrent_trials=1, resources={"cpu": 0},
                    search={"plugin": "gp", "patience": 0})
        keys.update(more)
        return keys

    def losses(self, name="e"):
        return [trial["last_result"]["loss"] for trial in self.opened(name).trials]

    def test_four_at_once(self):
        experiment = self.run_experiment(PROGRAM, **self.keys(max_concurrent_trials=4))
        self.assertEqual(experiment.states, ["TERMINATED"] * 30)
        configs = {json.dumps(config, sort_keys=True) for config in experiment.configs}
        self.assertEqual(len(configs), 30)
        losses = self.losses()
        self.assertLess(min(losses[12:]), min(losses[:10]))
        self.assertLess(statistics.median(losses[12:]), statistics.median(losses[:10]) / 2)

    def killed_once(self, path, after):
        """Runs or resumes, and kills once so many trials have ended."""
        process = self.start("run", path, "--resume=auto", stdout=subprocess.DEVNULL)
        end = time.monotonic() + 60
        while time.monotonic() < end and process.poll() is None:
            # The store may not be there yet.
            done = self.pegbox("trials", "e", "--json", expect=None)
            trials = done.json if done.status == 0 else []
            if sum(trial["state"] == "TERMINATED" for trial in trials) >= after:
                break
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGKILL)
        process.communicate()

    def test_resume_after_a_kill(self):
        """On one worker the same trials come as without: once with the state that was stored, once
        without it, when all is told again."""
        keys = self.keys(num_samples=24, env={"NAP": "0.05"})
        whole = self.run_experiment(PROGRAM, **dict(keys, name="whole"))
        path = self.spec(PROGRAM, **keys)
        self.killed_once(path, 13)
        copy = os.path.join(self.dir, "copy", "e")
        shutil.copytree(os.path.join(self.results_dir, "e"), copy,
                        ignore=shutil.ignore_patterns("requests", "experiment.lock"))
        self.pegbox("run", path, "--resume=auto")
        self.assertEqual(self.opened("e").configs, whole.configs)
        # A state of other options is of no use.
        self.pegbox("resume", copy, "--set", "search.max_history=999")
        self.assertEqual(self.opened(copy).configs, whole.configs)

    def ask_and_tell(self, seen):
        """Until there are no more; some asks are killed, some while their search thinks."""
        draw = random.Random(len(seen))
        while True:
            asking = self.start("ask", "e")
            if draw.random() < 0.2:
                try:
                    asking.wait(timeout=draw.random() / 10)
                except subprocess.TimeoutExpired:
                    asking.kill()
                asking.communicate()
                continue
            done = self.finish(asking)
            if done.status != 0 or json.loads(done.out)["done"]:
                seen.append(done)
                return
            trial = json.loads(done.out)
            self.pegbox("tell", "e", str(trial["trial"]), repr(trial["config"]["drop"]))

    def test_many_at_once(self):
        """Nothing is proposed twice, whoever is killed meanwhile."""
        n = 40
        self.pegbox("ask", "--create", self.spec(**self.keys(num_samples=n, search={
            "plugin": "gp", "patience": 0, "n_startup_trials": 8})))
        seen = []
        threads = [threading.Thread(target=self.ask_and_tell, args=(seen,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([done.status for done in seen], [0] * 8, seen)
        trials = self.opened("e").trials
        self.assertEqual([row["trial"] for row in trials], list(range(n)))
        configs = {json.dumps(row["config"], sort_keys=True) for row in trials}
        self.assertEqual(len(configs), n)
        # Those whose ask was killed once it had them stay open.
        self.assertLessEqual({row["state"] for row in trials}, {"TERMINATED", "RUNNING"})
        found = self.pegbox("repair", "e", "--json").json["findings"]
        self.assertEqual([one for one in found if one["lost"]], [])
        self.assertEqual(self.processes(), [])

    def test_constraints(self):
        experiment = self.run_experiment(PROGRAM, **self.keys(
            constraints=["50 - result.mb"], num_samples=30))
        self.assertEqual(experiment.states, ["TERMINATED"] * 30)
        kept = [config["layers"] >= 5 for config in experiment.configs]
        self.assertGreater(sum(kept[15:]), 9)
        best = self.pegbox("best", "e", "--json").json["trial"]
        self.assertEqual(experiment.configs[best]["layers"], 5)

    def test_ends_when_nothing_is_left(self):
        config = {"a": {"$randint": 2}, "b": {"$choice": ["x", "y"]}}
        experiment = self.run_experiment(
            sh(ECHO, "{a}", "0"),
            **self.keys(config=config, search={"plugin": "gp", "n_startup_trials": 3}))
        self.assertGreaterEqual(len(experiment.configs), 4)
        self.assertLess(len(experiment.configs), 15)
        self.assertIn('"patience": 0', experiment.done.out + experiment.done.err)

    def test_failed_trials(self):
        program = dict(PROGRAM, command=list(PROGRAM["command"]))
        program["command"][2] = "[ $2 -le 40 ] || exit 3; " + program["command"][2]
        experiment = self.run_experiment(program, expect=1, **self.keys(fail_fast=False))
        self.assertEqual(len(experiment.states), 30)
        late = [config["layers"] > 4 for config in experiment.configs[15:]]
        self.assertLess(sum(late), 8)

    def test_refusals(self):
        self.refused(dict(self.keys(search={"plugin": "gp", "noise": 0.1,
                                            "deterministic_objective": True}),
                          trainable=sh(":")), "deterministic_objective")


if __name__ == "__main__":
    main()
