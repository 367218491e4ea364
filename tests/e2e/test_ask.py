#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""ask and tell without a driver: a search that other programs drive, many of them at once."""
import json
import os
import re
import shutil
import subprocess
import threading
import unittest

from pegbox_test import (PEGBOX, SHORT, SOURCE, UNDER_VALGRIND, PegboxTest, main, python,
                         read_text, wait_until)

CONFIG = {"lr": {"$loguniform": [1e-4, 1]}, "opt": {"$choice": ["adam", "sgd"]}}

# All file systems are NFS.
NETWORK = r"""
#define _GNU_SOURCE
#include <sys/vfs.h>
int statfs(const char *path, struct statfs *info)
{
    (void)path;
    *info = (struct statfs){.f_type = 0x6969};
    return 0;
}
int statfs64(const char *path, struct statfs64 *info)
{
    return statfs(path, (struct statfs *)info);
}
"""


class AskTest(PegboxTest):
    def create(self, *words, **keys):
        """Begins an experiment e; its first trial."""
        keys = dict({"name": "e", "config": CONFIG, "metric": "loss", "mode": "min"}, **keys)
        return self.pegbox("ask", "--create", self.spec(**keys), *words).json

    def ask(self, *words, **options):
        return self.pegbox("ask", "e", *words, **options).json

    def tell(self, trial, result, *words, **options):
        return self.pegbox("tell", "e", str(trial), result, *words, **options)


class Alone(AskTest):
    def test_all_of_them(self):
        asked = [self.create(num_samples=3)]
        while not asked[-1]["done"]:
            last = asked[-1]
            self.assertEqual(self.pegbox("tell", str(last["trial"]), str(last["config"]["lr"])).out,
                             "")
            asked.append(self.ask())
        self.assertEqual(asked.pop(), {"done": True})
        self.assertEqual([trial["trial"] for trial in asked], [0, 1, 2])
        experiment = self.opened("e")
        self.assertEqual(experiment.states, ["TERMINATED"] * 3)
        for trial, row in zip(asked, experiment.trials):
            for key in ("id", "name", "config", "dir"):
                self.assertEqual(trial[key], row[key])
            self.assertEqual(row["loss"], row["config"]["lr"])
            self.assertTrue(os.path.isdir(trial["dir"]))
            self.assertEqual((trial["experiment"], trial["experiment_dir"]), ("e", experiment.path))
            result, = experiment.results(row["trial"])
            self.assertTrue(result["done"])
            self.assertEqual(result["training_iteration"], 1)
            self.assertGreater(result["time_total_s"], 0)
        best = min(asked, key=lambda trial: trial["config"]["lr"])
        self.assertEqual(experiment.command("best", "--json").json["trial"], best["trial"])
        self.assertNotIn("--command", experiment.command("best").out)
        self.assertIn("its trials were asked for", experiment.command("best", "--command",
                                                                      expect=None).err)
        row, = self.pegbox("ls", "--json").json
        self.assertEqual((row["status"], row["terminated"]), ("done", 3))
        self.assertEqual(self.ask(), {"done": True})

    def test_what_run_would_run(self):
        """The trials of a run, with their ids, also where an experiment has a trainable."""
        program = python("print('{\"loss\": 1}')")
        keys = dict(config=CONFIG, metric="loss", mode="min", seed=3, num_samples=4)
        ran = self.run_experiment(program, name="ran", **keys).trials
        asked = [self.create(trainable=program, **keys)] + [self.ask() for _ in range(3)]
        self.assertEqual([trial["config"] for trial in asked], [row["config"] for row in ran])
        self.assertEqual([trial["id"] for trial in asked], [row["id"] for row in ran])

    def test_file_without_a_trainable(self):
        path = self.spec(config={"x": {"$uniform": [0, 1]}}, num_samples=1)
        first = self.pegbox("ask", "--create", path, "--set", "num_samples=2").json
        self.assertRegex(first["experiment"], r"^ask_\d{4}-")
        self.assertRegex(first["name"], "^ask_")
        self.pegbox("tell", "0", '{"any": 1}')
        self.assertEqual(self.pegbox("ask").json["trial"], 1)
        self.assertIn("'trainable' is missing", self.pegbox("run", path, expect=2).err)

    def test_duplicates_are_skipped(self):
        keys = {"config": {"x": {"$choice": ["a", "b", "c"]}}, "duplicates": "skip",
                "num_samples": 3, "seed": 1}
        ran = self.run_experiment(python("print('{\"loss\": 1}')"), name="ran", metric="loss",
                                  mode="min", **keys).configs
        asked = [self.create(**keys)]
        while not asked[-1]["done"]:
            self.tell(asked[-1]["trial"], "1")
            asked.append(self.ask())
        self.assertEqual([trial["config"] for trial in asked[:-1]], ran)
        self.assertEqual(sorted(config["x"] for config in ran), ["a", "b", "c"])

    @unittest.skipUnless(shutil.which("jq"), "the guide's loop needs jq")
    def test_loop_of_the_guide(self):
        guide = read_text(os.path.join(SOURCE, "doc", "guide.md"))
        loop = re.search(r"```sh\n(pegbox ask --create .*?)```", guide, re.S).group(1)
        self.write("space.json", json.dumps({"config": {"x": {"$uniform": [1, 9]}}, "mode": "min",
                                             "metric": "loss", "num_samples": 3}))
        self.write("bake.sh", "#!/bin/sh\necho \"$1\" | jq .x\n", 0o755)
        path = os.path.dirname(PEGBOX) + ":" + self.env["PATH"]
        done = self.command(["sh", "-ec", loop], env={"PATH": path})
        self.assertIn("Best of bread by loss", done.out)
        trials = self.opened("bread").trials
        self.assertEqual([row["loss"] for row in trials], [row["config"]["x"] for row in trials])
        self.assertEqual(len(trials), 3)

    def test_enqueued_comes_first(self):
        self.create(num_samples=3)
        self.tell(0, "--failed")
        self.pegbox("enqueue", "e", '{"lr": 0.25, "opt": "sgd"}')
        self.pegbox("enqueue", "e", '{"opt": "sgd"}')
        first, second = self.ask(), self.ask()
        self.assertEqual((first["trial"], first["config"]), (1, {"lr": 0.25, "opt": "sgd"}))
        self.assertEqual((second["trial"], second["config"]["opt"]), (2, "sgd"))
        self.tell(1, "1")
        self.tell(2, "1")
        self.assertEqual(self.pegbox("ls", "--json").json[0]["status"], "running")
        # They are none of num_samples.
        self.assertEqual([self.ask()["trial"] for _ in range(2)], [3, 4])
        self.assertEqual(self.ask(), {"done": True})
        self.tell(3, "1")
        self.tell(4, "1")
        self.assertEqual(self.pegbox("ls", "--json").json[0]["status"], "done")
        # One more goes on with it.
        self.pegbox("enqueue", "e", '{"opt": "adam"}')
        self.assertEqual(self.ask()["trial"], 5)
        self.assertEqual(self.pegbox("ls", "--json").json[0]["status"], "running")
        self.tell(5, "-1")
        self.pegbox("void", "e", "5")
        self.assertNotEqual(self.opened("e").command("best", "--json").json["trial"], 5)
        self.assertEqual(self.ask(), {"done": True})

    def test_constraints(self):
        self.create(num_samples=3, constraints=["result.size - 10"])
        for trial, size in enumerate((20, 5, 8)):
            self.tell(trial, json.dumps({"loss": trial, "size": size}))
            self.ask()
        self.assertEqual(self.opened("e").command("best", "--json").json["trial"], 1)

    def test_open_until_told(self):
        self.create(num_samples=2)
        self.ask()
        rows = self.opened("e").trials
        self.assertEqual([(row["state"], row["reason"]) for row in rows], [("RUNNING", "asked")] * 2)
        row, = self.pegbox("ls", "--json").json
        self.assertEqual((row["status"], row["running"]), ("running", 2))
        self.tell(1, "1")
        self.assertEqual(self.opened("e").states, ["RUNNING", "TERMINATED"])
        self.assertEqual(self.pegbox("ls", "--json").json[0]["status"], "running")

    def test_failed(self):
        self.create(num_samples=2, max_failures=1)
        self.tell(0, "--failed", "--reason", "out of memory")
        self.assertEqual(self.opened("e").states, ["PENDING"])
        again = self.ask()
        self.assertEqual((again["trial"], again["attempt"]), (0, 2))
        self.tell(0, "--failed")
        row, = self.opened("e").trials
        self.assertEqual((row["state"], row["failures"], row["error"]),
                         ("ERROR", 2, "told as failed"))
        self.assertIn("out of memory", self.opened("e").read(0, "error.txt"))
        self.assertEqual(self.ask()["trial"], 1)

    def test_intermediate(self):
        self.create(num_samples=1, stop={"training_iteration": 2})
        self.assertEqual(self.tell(0, "3", "--intermediate").json,
                         {"trial": 0, "state": "RUNNING", "stop": False})
        self.assertEqual(self.tell(0, "2", "--intermediate").json,
                         {"trial": 0, "state": "TERMINATED", "stop": True})
        self.assertEqual([r["loss"] for r in self.opened("e").results(0)], [3, 2])

    def test_results(self):
        """What RESULT may be."""
        words = ["0.5", "-0.5", "-1e-05", '{"loss": 7, "note": "fine", "eval": {"a": [1]}}', "NaN",
                 "-Infinity", '{"loss": NaN}', '"Infinity"']
        self.create(num_samples=len(words) + 1)
        for trial, word in enumerate(words):
            self.tell(trial, word)
            self.ask()
        self.pegbox("tell", "e", str(len(words)), "-", text='{"loss": 2}\n')
        self.assertEqual([self.opened("e").results(n)[0]["loss"] for n in range(len(words) + 1)],
                         [0.5, -0.5, -1e-05, 7, "NaN", "-Infinity", "NaN", "Infinity", 2])
        self.assertEqual(self.opened("e").results(3)[0]["eval"], {"a": [1]})
        self.assertEqual(self.opened("e").command("best", "--json").json["trial"], 1)


class Refused(AskTest):
    def refuse(self, status, message, *words, **options):
        done = self.pegbox(*words, expect=status, **options)
        self.assertRegex(done.err, "^pegbox: error: " + message)
        self.assertEqual(done.out, "")

    def test_hostile_results(self):
        self.create(num_samples=2)
        deep = "[" * 10000 + "]" * 10000
        for result, message in (
                ("loss", "RESULT is no JSON: "), ("", "RESULT is no JSON: "),
                ("{", "RESULT is no JSON: "), ('{"loss": 1} x', "RESULT is no JSON: "),
                ("\x1b[31m", "RESULT is no JSON: "), ("--1", "unknown option"),
                ('"low"', "a result is an object of metrics or a number"),
                ("[1]", "a result is an object of metrics or a number"),
                ("null", "a result is an object of metrics or a number"),
                ("true", "a result is an object of metrics or a number"),
                ('{"los": 1}', 'result 1 has no "loss"'),
                ('{"loss": {}}', 'result 1: "loss" is an object'),
                (deep, "RESULT is nested"), ('{"loss": 1, "a": %s}' % deep, "RESULT is nested"),
        ):
            self.refuse(2, message, "tell", "e", "0", result)
        self.refuse(2, "RESULT on standard input is over 16 MiB", "tell", "e", "0", "-",
                    text="[" + "1," * (9 << 20))
        self.refuse(2, r"a result of \d+ bytes: at most 8388608 can be told", "tell", "e", "0", "-",
                    text='{"loss": 1, "text": "%s"}' % ("x" * (9 << 20)))
        self.refuse(2, "RESULT is no JSON", "tell", "e", "0", "-", text='{"loss": 1}\0')
        # Nothing of all that was recorded.
        self.assertEqual(self.opened("e").states, ["RUNNING"])
        self.assertEqual(self.opened("e").counts, [0])
        self.pegbox("tell", "e", "0", "-", text='{"loss": 1, "text": "%s"}' % ("x" * (4 << 20)))
        self.assertEqual(self.opened("e").counts, [1])

    def test_trials(self):
        self.create(num_samples=2)
        self.tell(0, "1")
        self.refuse(1, r"trial 0 of e has ended already \(completed\)", "tell", "e", "0", "1")
        self.refuse(1, "trial 0 of e has ended already", "tell", "e", "0", "--failed")
        self.refuse(2, "no trial '1' in e: it has trials 0 to 0", "tell", "e", "1", "1")
        self.refuse(2, "no trial 'x' in e", "tell", "e", "x", "1")
        self.run_experiment(python("print('{\"loss\": 1}')"), name="ran", metric="loss", mode="min",
                            num_samples=1)
        self.refuse(1, "trial 0 of ran has ended already", "tell", "ran", "0", "1")
        self.assertEqual(self.pegbox("ask", "ran").json, {"done": True})
        self.assertEqual(self.pegbox("ls", "--json", "--filter", "name == 'ran'").json[0]["status"],
                         "done")

    def test_usage(self):
        self.refuse(2, "no experiment 'e'", "ask", "e")
        self.refuse(2, "no experiment 'e'", "tell", "e", "0", "1")
        self.refuse(2, "tell needs a TRIAL and its RESULT", "tell", "0")
        self.refuse(2, "which trial", "tell", "--failed")
        self.refuse(2, "--failed takes no RESULT", "tell", "0", "-1", "--failed")
        self.refuse(2, "--reason goes with --failed", "tell", "0", "1", "--reason", "x")
        self.refuse(2, "unexpected word", "tell", "e", "0", "1", "2")
        self.refuse(2, "unexpected word", "ask", "e", "f")
        self.refuse(2, "--set, --name and --results-dir go with --create", "ask", "--name", "x")
        for words in (("-1",), ("nan",)):
            self.refuse(2, "--timeout needs seconds, 0 or more", "ask", "--timeout", *words)
        self.create(num_samples=1)
        self.refuse(2, "experiment 'e' is already in", "ask", "--create",
                    os.path.join(self.dir, "experiment.json"))

    def test_network_file_system(self):
        """There only a driver writes: nothing is begun, nor given out."""
        there = self.preloading(NETWORK)
        message = ".* is on a network file system, where only a driver writes the store"
        path = self.spec(name="e", config=CONFIG, num_samples=2)
        self.refuse(2, message, "ask", "--create", path, env=there)
        self.assertFalse(os.path.exists(self.results_dir))
        self.pegbox("ask", "--create", path)
        self.refuse(2, message, "ask", "e", env=there)
        self.refuse(2, message, "tell", "e", "0", '{"x": 1}', env=there)
        self.tell(0, '{"x": 1}')

    def test_bare_number_without_a_metric(self):
        self.pegbox("ask", "--create", self.spec(name="e", config=CONFIG, num_samples=1))
        self.refuse(2, "a bare number needs one metric that it is the value of; e names none",
                    "tell", "e", "0", "1")
        self.tell(0, '{"any": 1}')


class AtOnce(AskTest):
    N = 64 if SHORT else 320
    PROCESSES = 16

    def loop(self, seen, errors):
        """Asks and tells until there are no more."""
        while True:
            done = subprocess.run([PEGBOX, "ask", "e"], env=self.env, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, universal_newlines=True, check=False)
            if done.returncode != 0 or done.stderr:
                errors.append(done)
                return
            answer = json.loads(done.stdout)
            if answer["done"]:
                return
            seen.append(answer)
            told = subprocess.run([PEGBOX, "tell", "e", answer["id"], "0.5"], env=self.env,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
            if told.returncode != 0 or told.stderr:
                errors.append(told)
                return

    def test_sixteen(self):
        seen, errors = [self.create(num_samples=self.N)], []
        self.tell(0, "1")
        threads = [threading.Thread(target=self.loop, args=(seen, errors))
                   for _ in range(self.PROCESSES)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(errors, [])
        self.assertEqual(sorted(trial["trial"] for trial in seen), list(range(self.N)))
        trials = self.opened("e").trials
        self.assertEqual([row["trial"] for row in trials], list(range(self.N)))
        self.assertEqual({row["state"] for row in trials}, {"TERMINATED"})
        self.assertEqual({row["results"] for row in trials}, {1})
        self.assertEqual(len({row["config"]["lr"] for row in trials}), self.N)
        self.assertEqual(len({trial["dir"] for trial in seen}), self.N)
        self.assertEqual(self.pegbox("ls", "--json").json[0]["status"], "done")

    def test_killed(self):
        """Whenever it dies, an ask has given out a trial or it has not."""
        self.create(num_samples=-1)
        self.tell(0, "1")
        # From its start to past its end, which is later under valgrind.
        rounds, step = (12, 0.1) if UNDER_VALGRIND else (40, 0.001)
        for delay in range(rounds):
            process = self.start("ask", "e")
            try:
                process.wait(timeout=delay * step)
            except subprocess.TimeoutExpired:
                process.kill()
            process.wait()
        last = self.ask()["trial"]
        trials = self.opened("e").trials
        self.assertEqual([row["trial"] for row in trials], list(range(last + 1)))
        self.assertEqual({row["state"] for row in trials[1:]}, {"RUNNING"})
        self.assertEqual({row["attempts"] for row in trials}, {1})
        for row in trials[1:]:
            self.tell(row["trial"], "1")
        self.assertEqual(set(self.opened("e").states), {"TERMINATED"})


class AfterADriver(AskTest):
    def test_left_by_a_killed_driver(self):
        """What it ran, and what waited, is given out first."""
        started = os.path.join(self.dir, "started")
        program = python("import sys, time; print('{\"loss\": 5}', flush=True);"
                         "open(sys.argv[1], 'w').close(); time.sleep(1000)", started)
        process = self.start("run", self.spec(program, name="e", config=CONFIG, metric="loss",
                                              mode="min", num_samples=3, max_concurrent_trials=1))
        wait_until(lambda: os.path.exists(started), 30, "a trial runs")
        wait_until(lambda: self.opened("e").counts[:1] == [1], 30, "a report")
        process.kill()
        process.wait()
        wait_until(lambda: not self.processes(), 20, "all processes end")
        before = self.opened("e").trials
        asked = [self.ask() for _ in range(3)]
        self.assertEqual([trial["trial"] for trial in asked], [0, 1, 2])
        self.assertEqual([trial["config"] for trial in asked], [row["config"] for row in before])
        self.assertEqual(asked[0]["attempt"], 2)
        self.assertEqual(self.ask(), {"done": True})
        for n in range(3):
            self.tell(n, str(n))
        rows = self.opened("e").trials
        self.assertEqual([row["loss"] for row in rows], [0, 1, 2])
        self.assertEqual([row["results"] for row in rows], [2, 1, 1])
        self.assertEqual({row["failures"] for row in rows}, {0})


if __name__ == "__main__":
    main()
