#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Errors of an experiment file: all in one go, each with its place and the mend."""
import os
import re
import shutil

from pegbox_test import PEGBOX, PegboxTest, main, sh

GOOD = {"trainable": sh(":"), "metric": "loss", "mode": "min"}


class SpecErrors(PegboxTest):
    def keys(self, *messages, **keys):
        """GOOD with some keys changed is refused."""
        return self.refused(dict(GOOD, **keys), *messages)

    def config(self, operator, *messages):
        return self.keys("bad.json:", *messages, config={"lr": operator})

    def test_place_of_what_plugins_refuse(self):
        """As their options are: wherever they find it, one that is isolated and `run` too."""
        text = """{"metric": "loss", "mode": "min", "trainable": {"command": ["false"]},
 "config": {"x": {"$uniform": 1}},
 "search": {"plugin": "tpe", "multivariate": false, "max_concurrent": 2,%s
            "group": true},
 "scheduler": {"plugin": "asha", "max_t": 2,
   "grace_period": 3}, "stop": [{"plugin": "trial-plateau",
   "metric_threshold": 1}]}
"""
        for isolate in ("", ' "isolate": true,'):
            for command in ("validate", "run"):
                with self.subTest(isolate=isolate, command=command):
                    done = self.refused(text % isolate,
                                        "bad.json:4:22: search.group: search/tpe: group: needs ",
                                        "bad.json:5:43: scheduler.max_t: scheduler/asha: max_t: ",
                                        command=command)
                    self.assertEqual(done.status, 2)
        path = self.write("ask.json", text % "")
        done = self.pegbox("ask", "--create", path, expect=2)
        self.assertIn("ask.json:4:22: search.group: search/tpe: group: needs ", done.err)
        self.assertFalse(os.path.exists(self.results_dir))
        self.refused("""{"metric": "loss", "mode": "min", "trainable": {"command": ["false"]},
 "config": {"x": {"$uniform": 1}}, "search": {"plugin": "tpe", "points_to_evaluate": [{"x": 0.5}],
   "evaluated_rewards": [1, 2]}}""",
                     "bad.json:3:25: search.evaluated_rewards: search/warm-start: evaluated_rewards: ")

    def test_place(self):
        done = self.refused('{\n  "trainable": "exec",\n  "config": {\n'
                            '    "lr": {"$loguniform": [0, 0.1]}\n  }\n}\n')
        line = next(line for line in done.err.splitlines() if "loguniform" in line)
        self.assertRegex(line, r"bad\.json:4:\d+: config\.lr: \$loguniform needs 0 < low < high")
        self.assertIn("[0, 0.1]", line.replace("[0,0.1]", "[0, 0.1]"))

    def test_all_in_one_go(self):
        done = self.refused(dict(GOOD, num_sample=1, mode="maximum", config={
            "a": {"$uniform": [2, 1]}, "b": {"$unifrom": [0, 1]}}),
            "num_samples", "mode", "config.a", "$uniform")
        self.assertGreaterEqual(len(done.err.splitlines()), 4)

    def test_syntax(self):
        for text in ('{"trainable": }', '{"trainable": "exec"', "[]", "", "{}}", '{"a": 01}',
                     '{"a": 1, "a": 2}', '{"a": "\u0001"}', "{'a': 1}", '{"a": 1,}', '{"a": nul}',
                     '{"a": 99999999999999999999}', "[" * 1000):
            done = self.refused(text)
            self.assertRegex(done.err.splitlines()[0], r"bad\.json:\d+:\d+: ", text)

    def test_a_script(self):
        for text in ("import json\n", "#!/bin/sh\n"):
            self.refused(text, "hint: an experiment file is JSON; to tune a program: pegbox run "
                               "[OPTIONS] -- PROGRAM ARGS")
        done = self.refused('{"a": }', "bad.json:1:")
        self.assertNotIn("hint: an experiment file is JSON", done.err)

    def test_comments_are_fine(self):
        self.write("good.json", '// one\n{"trainable": /* two */ {"plugin": "exec", '
                                '"command": ["true"]}}\n')
        self.pegbox("validate", "good.json")

    def test_standard_input(self):
        self.pegbox("validate", "-", text='{"trainable": {"plugin": "exec", "command": ["true"]}}')
        done = self.pegbox("validate", "-", text='{"a": 1}', expect=2)
        self.assertIn("trainable", done.err)

    def test_required(self):
        self.refused("{}", "trainable")
        self.refused({"trainable": {"plugin": "exec"}}, "command")
        self.refused({"trainable": sh(":"), "metric": "loss"}, "mode")
        self.refused({"trainable": sh(":"), "mode": "min"}, "metric")

    def test_unknown_keys(self):
        self.keys("num_samples", num_sample=5)
        self.keys("max_t", scheduler={"plugin": "asha", "maxt": 5})
        self.keys("asha", scheduler="ashaa")
        self.keys("cpu", resources={"cpus": 1})

    def test_types_and_ranges(self):
        for key, value in (("num_samples", "many"), ("num_samples", -2), ("num_samples", 1.5),
                           ("mode", "maximum"), ("max_concurrent_trials", -1), ("seed", "x"),
                           ("time_budget_s", -1), ("max_failures", -2), ("fail_fast", "yes"),
                           ("name", 5), ("env", ["A=1"]), ("config", []), ("metric", 5),
                           ("durability", "much"), ("resources", {"cpu": -1}),
                           ("auto_loggers", 1), ("loggers", "json")):
            done = self.pegbox("validate", self.spec(**dict(GOOD, **{key: value})), expect=None)
            if (key, value) == ("loggers", "json"):
                continue
            self.assertEqual(done.status, 2, "%s %s: %s" % (key, value, done))
            self.assertIn(": %s" % key, done.err)

    def test_bounds_of_operators(self):
        for operator in (
                {"$uniform": [1, 1]}, {"$uniform": [2, 1]}, {"$uniform": ["a", 1]},
                {"$uniform": [0, 1, 2]}, {"$uniform": []}, {"$loguniform": [0, 1]},
                {"$loguniform": [-1, 1]}, {"$quniform": [0, 1, 0.3]}, {"$quniform": [0, 1, 0]},
                {"$quniform": [0, 1]}, {"$randint": [1.5, 3]}, {"$randint": [3, 3]},
                {"$qrandint": [1, 10, 3]}, {"$lograndint": [0, 10]}, {"$qlograndint": [2, 9, 2]},
                {"$randn": [0, -1]}, {"$qrandn": [0, 1]}, {"$choice": []}, {"$choice": 5},
                {"$grid_search": []}, {"$grid_search": 5}, {"$sample_from": "config."},
                {"$sample_from": 5}, {"$uniform": [0, 1], "other": 1}, {"$nonsense": [0, 1]}):
            self.config(operator, "config.lr")

    def test_misspelt_operator(self):
        self.config({"$unifrom": [0, 1]}, "$uniform")

    def test_options(self):
        """What core checks of the options that plugins declare."""
        for plugin, message in (
                ({"stop": {"plugin": "threshold", "bounds": {"loss": "x"}}},
                 'stop.bounds.loss: needs a number or an object like {"<=": 0.1} '
                 '(<=, >=, < or >), got "x"'),
                ({"stop": {"plugin": "threshold", "bounds": 3}},
                 "stop.bounds: needs an object of result field to number, got 3"),
                ({"stop": {"plugin": "when", "expression": "1 +"}},
                 "stop.expression: unexpected symbol at its end"),
                ({"stop": {"plugin": "when", "expression": 3}},
                 "stop.expression: needs an expression, as a string, got 3"),
                ({"stop": {"plugin": "when", "expression": "true", "scope": "trail"}},
                 'stop.scope: needs one of "trial", "experiment", got "trail"\n'
                 'hint: did you mean "trial"?'),
                ({"stop": {"plugin": "when"}},
                 "stop: stopper/when needs the option 'expression': "),
                ({"scheduler": {"plugin": "asha", "metric": "x"}},
                 "scheduler.metric: the experiment names its metric already, in the top-level "
                 "'metric' and 'mode'; remove those or 'scheduler.metric'"),
                ({"scheduler": {"plugin": "asha", "zzzzz": 1}},
                 "scheduler.zzzzz: scheduler/asha has no option 'zzzzz'; it has: time_attr, "),
                ({"scheduler": {"plugin": "asha", "max_t": 0}},
                 "scheduler.max_t: needs a number > 0, got 0"),
                ({"scheduler": {"plugin": "asha", "brackets": 1.5}},
                 "scheduler.brackets: needs an integer in [1, 1000], got 1.5"),
                ({"loggers": [{"plugin": "csv", "x": 1}]},
                 "loggers[0].x: logger/csv has no option 'x'; it has none"),
                ({"search": {"plugin": "random", "points_to_evaluate": [{"nope": 1}]}},
                 "search.points_to_evaluate[0]: search/random: points_to_evaluate[0]: nope is no parameter that varies"),
                ({"trainable": {"plugin": "exec", "command": []}},
                 "trainable.command: must not be empty: "),
                ({"trainable": {"plugin": "exec", "command": ["a"], "metrics": {"loss": "("}}},
                 "trainable.metrics.loss: "),
                ({"trainable": {"command": ["a"], "metrics": {"loss": "loss=.*"}}},
                 "trainable.metrics.loss: trainable/exec: 'loss=.*' needs a group (...) around "
                 'the value, as in "loss=(\\\\S+)"'),
                ({"trainable": {"command": ["a"], "metrics": {"a": "(1)", "b": "(2)"}}},
                 "trainable.metrics: trainable/exec: there is no regex for the experiment's metric "
                 "'loss', only for: a, b"),
                ({"trainable": {"command": ["a"], "metrics": {"loss": "(1)"}, "report_on": "los"}},
                 "trainable.report_on: trainable/exec: 'los' is none of the names in metrics: "
                 "loss"),
                ({"trainable": {"command": ["a"], "files": {"../a": ""}}},
                 'trainable.files."../a": trainable/exec: a file\'s name is relative'),
                ({"trainable": {"command": "python3 train.py"}},
                 "trainable.command: a command of several words is a list of them, "
                 '["python3", "train.py"]; or a text for the shell, with "shell": true beside it'),
                ({"trainable": {"plugin": "exec", "command": ["a"], "metrics": 3}},
                 "trainable.metrics: needs an object of name to value, each a regular expression, "
                 "as a string; got 3"),
                ({"trainable": {"plugin": "exec", "command": ["a"], "files": {"x": "{"}}},
                 "trainable.files.x: '{' has no closing }; a brace for itself is written {{"),
                ({"trainable": {"plugin": "exec", "command": ["a"], "pty": 1}},
                 "trainable.pty: needs true or false, got 1")):
            done = self.pegbox("validate", self.spec(**dict(GOOD, **plugin)), expect=2)
            self.assertRegex(done.err, r"^\S*experiment\.json:1:\d+: " + re.escape(message))
        done = self.pegbox("validate", self.spec(sh(":"), scheduler={"plugin": "asha",
                                                                     "mode": "max"}), expect=2)
        self.assertIn("scheduler.mode: a mode needs a 'metric' beside it\n", done.err)

    def test_eaten_by_the_shell(self):
        done = self.config({"": [0, 1]}, "config.lr")
        self.assertIn("here-document", done.err)

    def test_operator_without_its_dollar(self):
        done = self.config({"uniform": [0, 1]},
                           'config.lr: an operator begins with $: write {"$uniform": [...]}')
        self.assertIn('hint: {"$literal": {"uniform": [...]}} takes the object as it stands',
                      done.err)
        self.keys("config.a[0]: an operator begins with $", config={"a": [{"choice": [1]}]})
        for config in ({"a": {"$literal": {"uniform": [0, 1]}}}, {"choice": [1]},
                       {"a": {"uniform": 3}}, {"a": {"choice": [1], "b": 2}}):
            self.pegbox("validate", self.spec(**dict(GOOD, config=config)))

    def test_operator_as_a_text(self):
        told = 'config.lr: an operator is an object, not a text: write {"$loguniform": [...]}'
        for text in ("loguniform(1e-5, 1)", "tune.loguniform(1e-5, 1)"):
            self.config(text, told, 'hint: {"$literal": "..."} takes the text as it stands')
        for value in ({"$literal": "loguniform(1, 2)"}, "loguniform", "log(1)", "loguniform(1) x"):
            self.pegbox("validate", self.spec(**dict(GOOD, config={"a": value})))

    def test_cycle_is_shown(self):
        done = self.keys("config.", config={"a": {"$sample_from": "config.b"},
                                            "b": {"$sample_from": "config.c"},
                                            "c": {"$sample_from": "config.a"}})
        self.assertRegex(done.err, r"a.*b.*c.*a")

    def test_sandbox(self):
        for text in ("os.execute('true')", "io.open('/etc/passwd')", "require 'os'", "load('1')",
                     "math.random()", "string.rep('x', 1e9)"):
            done = self.run_experiment(sh(":"), config={"x": {"$sample_from": text}},
                                       expect=None).done
            self.assertNotEqual(done.status, 0, text)

    def test_endless_expression(self):
        done = self.run_experiment(
            sh(":"), config={"x": {"$sample_from": "(function() while true do end end)()"}},
            expect=None, timeout=60).done
        self.assertNotEqual(done.status, 0)

    def test_templates(self):
        self.keys("command", trainable={"plugin": "exec", "command": ["a", "{no_such(}"]})
        self.keys("command", trainable={"plugin": "exec", "command": ["a", "{args:nonsense}"]})
        self.keys("trial_name", trial_name="{x")

    def test_what_a_later_version_brings(self):
        for key, value in (("sync", {"upload_dir": "s3://x"}), ("placement", {}), ("workers", 2),
                           ("launcher", "mpi")):
            done = self.pegbox("validate", self.spec(**dict(GOOD, **{key: value})), expect=2)
            self.assertIn(": %s" % key, done.err, key)
        self.keys("search", search={"plugin": "sobol", "evaluated_rewards": [1]})

    def test_set(self):
        path = self.write("good.json", '{"trainable": {"plugin": "exec", "command": ["true"]}}')
        self.pegbox("validate", path, "--set", "num_samples=5", "--set", "name=abc",
                    "--set", "config.a.b={\"$uniform\": [0, 1]}")
        for words in ("num_sample=5", "num_samples=x", "config.a={\"$uniform\": [1, 0]}", "=5",
                      "num_samples"):
            done = self.pegbox("validate", path, "--set", words, expect=2)
            self.assertTrue(done.err.strip(), words)
        # What can only be meant as JSON is no text.
        for words in ('config.x={"$uniform":[0,1e999]}', 'config.x=["a"', 'config.x=[{"a":1]'):
            done = self.pegbox("validate", path, "--set", words, expect=2)
            self.assertIn("--set %s: it begins as JSON, and is none: " % words, done.err)
        self.pegbox("validate", path, "--set", "cwd={trial.dir}")
        done = self.pegbox("validate", path, "--set", 'stop={"when":"true","scop":"trial"}', expect=2)
        self.assertIn('"scop":"trial"}: stop.scop: stopper/when has no option \'scop\'; did you mean '
                      "'scope'?", done.err)

    def test_files_that_cannot_be_read(self):
        for words, message in ((("no.json",), "no.json cannot be read: No such file or directory"),
                               ((self.dir,), "%s cannot be read: Is a directory" % self.dir),
                               (("/dev/zero",), "/dev/zero cannot be read: it is over 64 MiB")):
            done = self.pegbox("validate", *words, expect=2)
            self.assertEqual(done.err, "pegbox: error: %s\n" % message)
        with open(self.write("large.json", " "), "r+", encoding="utf-8") as file:
            file.truncate(65 << 20)
        done = self.command(["sh", "-c", 'exec "$0" validate - <large.json', PEGBOX], expect=2)
        self.assertEqual(done.err,
                         "pegbox: error: standard input cannot be read: it is over 64 MiB\n")

    def test_expressions_that_need_too_many(self):
        config = {"a%d" % i: {"$sample_from": "config.a%d" % (i + 1)} for i in range(600)}
        self.keys("too many expressions need each other", config=dict(config, a600=1))

    def own_defaults(self, text, *messages):
        self.write("config/pegbox/defaults.json", text)
        done = self.pegbox("validate", self.spec(**GOOD), expect=2)
        for message in messages:
            self.assertIn(message, done.err)

    def test_own_defaults(self):
        self.own_defaults("[]", "defaults.json:1:1: needs an object, this is an array")
        self.own_defaults('{"serch": "x"}', "serch: there is no such key; did you mean 'search'?")
        self.own_defaults('{"search": 3}', "search: needs a string, this is an integer")
        self.own_defaults('{"loggers": "csv"}', "loggers: needs an array of names of loggers")
        self.own_defaults('{"stop": {"whn": {}}}', "stop.whn: there is no such key; did you mean "
                          "'when'?")
        self.own_defaults('{"stop": {"when": {"plugin": 1}}}', "stop.when.plugin: needs a string")
        self.own_defaults('{"search": "no_such"}', "there is no search 'no_such'")
        os.unlink(os.path.join(self.dir, "config/pegbox/defaults.json"))
        os.mkdir(os.path.join(self.dir, "config/pegbox/defaults.json"))
        done = self.pegbox("validate", self.spec(**GOOD), expect=2)
        self.assertRegex(done.err, r"^pegbox: error: .*defaults\.json.*: Is a directory\n$")

    def test_installed_defaults_are_broken(self):
        prefix = self.installed()
        copy = os.path.join(self.dir, "copy")
        shutil.copytree(prefix, copy, symlinks=True)
        path = os.path.join(copy, "share", "pegbox", "defaults.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write('{"search": "random"}')
        done = self.command([os.path.join(copy, "bin", "pegbox"), "validate",
                             self.spec(**GOOD)], expect=2)
        self.assertIn("pegbox: error: %s is missing or lacks a key" % path, done.err)

    def test_validate_starts_nothing(self):
        done = self.pegbox("validate", self.spec(**GOOD))
        self.assertEqual(done.err, "")
        self.assertFalse(os.path.exists(self.results_dir))

    def test_control_characters_are_shown_safely(self):
        done = self.refused(dict(GOOD, **{"a\u001b[31m\nb": 1}))
        self.assertNotIn("\u001b", done.err)


if __name__ == "__main__":
    main()
