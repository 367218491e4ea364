#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The commands that look at experiments: ls, trials, results, best, logs."""
import csv
import io
import json
import os
import subprocess
import time

from pegbox_test import PEGBOX, PYTHON, PegboxTest, main, sh

# Trial A: 1, 9, 3; trial B: 5, 5, 4; the vectors of Tune's analysis.
REPORTS = """for v in $1; do echo "v=$v step"; done; echo to stderr >&2"""


class Commands(PegboxTest):
    def setUp(self):
        super().setUp()
        self.experiment = self.run_experiment(
            sh(REPORTS, "{values}", metrics={"v": "v=(\\S+)"}),
            config={"values": {"$grid_search": ["1 9 3", "5 5 4"]}, "z": 0.123456789},
            metric="v", mode="max", name="first", max_concurrent_trials=1)

    def test_exp_is_a_name_a_directory_or_the_newest(self):
        time.sleep(1.1)  # "newest" may be told by a file's whole seconds
        self.run_experiment(sh(":"), name="second", num_samples=3)
        self.assertEqual(len(self.pegbox("trials", "--json").json), 3)
        self.assertEqual(len(self.pegbox("trials", "first", "--json").json), 2)
        self.assertEqual(len(self.pegbox("trials", self.experiment.path, "--json").json), 2)
        done = self.pegbox("trials", "frist", expect=2)
        self.assertIn("first", done.err)

    def test_trial_is_a_number_an_id_or_a_name(self):
        for trial in self.experiment.trials:
            for word in (str(trial["trial"]), trial["id"], trial["name"]):
                results = self.pegbox("results", "first", word, "--json").json
                self.assertEqual([r["trial_id"] for r in results], [trial["id"]] * 3)
                self.assertEqual(self.pegbox("results", word, "--json").json, results)
        self.pegbox("results", "first", "99", expect=2)
        self.assertIn("hint: first is an experiment: which trial of it?",
                      self.pegbox("results", "first", expect=2).err)

    def test_ls(self):
        self.run_experiment(sh("exit 1"), name="second", expect=1)
        rows = {row["name"]: row for row in self.pegbox("ls", "--json").json}
        self.assertEqual(set(rows), {"first", "second"})
        self.assertIn("first", self.pegbox("ls").out)

    def test_ls_of_long_names(self):
        name = "train_2026-01-31_01-59-01"
        self.run_experiment(sh("echo v=1 step"), name=name)
        out = self.pegbox("ls", env={"COLUMNS": "80"}).out
        self.assertRegex(out, r"(?m)^%s  done  " % name)
        self.assertNotIn("\u2026", out)
        self.assertIn("no room for: ", out)

    def test_nan_is_no_missing_value(self):
        self.run_experiment(sh("""echo '{"v": NaN}'"""), name="nan", metric="v", mode="max")
        self.run_experiment(sh("""echo '{"v": {"a": NaN}}'"""), name="nested", metric="v/a",
                            mode="max")
        for name in ("nan", "nested"):
            row = self.pegbox("trials", name, "--json").json[0]
            self.assertEqual((row["value"], row["best"]), ("NaN", None))
            self.assertRegex(self.pegbox("trials", name).out, r"TERMINATED +1 +nan ")
            self.assertRegex(self.pegbox("top", name).out, r"TERMINATED +\d+ +nan ")

    def test_ls_without_any(self):
        self.pegbox("ls", env={"PEGBOX_RESULT_DIR": self.dir + "/none"})

    def test_trials(self):
        rows = self.pegbox("trials", "first", "--json").json
        self.assertEqual([row["trial"] for row in rows], [0, 1])
        self.assertEqual([row["state"] for row in rows], ["TERMINATED"] * 2)
        self.assertEqual([row["last_result"]["v"] for row in rows], [3, 4])
        table = self.pegbox("trials", "first").out
        self.assertIn("TERMINATED", table)
        self.assertNotIn("\x1b", table)

    def test_results(self):
        rows = self.pegbox("results", "first", "0", "--json").json
        self.assertEqual([row["v"] for row in rows], [1, 9, 3])
        self.assertEqual([row["training_iteration"] for row in rows], [1, 2, 3])

    def peak(self, *words):
        """The most memory that a command ever had resident."""
        process = self.start(*words, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = status
        self.assertEqual(status, 0)
        return usage.ru_maxrss

    def test_results_with_a_limit_hold_no_others(self):
        self.run_experiment(sh("seq -f 'v=%.0f' 20000", metrics={"v": "v=(\\S+)"}), name="many",
                            metric="v", mode="max")
        words = ("results", "many", "0", "--format", "csv", "--limit")
        self.assertGreater(self.peak(*words, "0"), 2 * self.peak(*words, "20"))
        self.assertEqual(self.pegbox(*words, "2", "--columns", "v").out, "v\n1\n2\n")
        last = self.pegbox(*words, "2", "--sort", "-v", "--columns", "v").out
        self.assertEqual(last, "v\n20000\n19999\n")

    def test_best_scopes(self):
        for scope, trial, value in (("last", 1, 4), ("all", 0, 9), ("avg", 1, 14 / 3),
                                    ("last-5-avg", 1, 14 / 3), ("last-10-avg", 1, 14 / 3)):
            best = self.pegbox("best", "first", "--scope", scope, "--json").json
            self.assertEqual(best["trial"], trial, scope)
            self.assertAlmostEqual(best["value"], value, msg=scope)
        self.pegbox("best", "first", "--scope", "nonsense", expect=2)

    def test_limited_sorts_are_the_first_of_whole_ones(self):
        experiment = self.run_experiment(
            sh("for v in $1; do echo v=$v; done; [ \"$1\" != '2 4' ]", "{values}",
               metrics={"v": "v=(\\S+)"}), name="sorts", metric="v", mode="max", expect=1,
            max_concurrent_trials=1, config={"values": {"$grid_search": [
                "1", "3 2", "nan", "inf 2", "2 4", "-inf", "1 nan", "2", "3"]}})
        for column in ("trial", "v", "value", "best", "iteration", "state", "ended_ns", "reason"):
            for sort in (column, "-" + column):
                whole = experiment.command("trials", "--json", "--sort", sort).json
                words = ("trials", "--json", "--sort", sort, "--limit", "6")
                self.assertEqual(experiment.command(*words).json, whole[:6], words)
                words += ("--filter", "trial ~= 3", "--columns", "trial," + column)
                self.assertEqual([row["trial"] for row in experiment.command(*words).json],
                                 [row["trial"] for row in whole if row["trial"] != 3][:6], words)

    def test_best_as_a_listing(self):
        for words, rows in ((("--limit", "5"), [(1, 4), (0, 3)]), (("--limit", "1"), [(1, 4)]),
                            (("--scope", "all", "--limit", "5"), [(0, 9), (1, 5)]),
                            (("--mode", "min", "--limit", "5"), [(0, 3), (1, 4)]),
                            (("--filter", "trial == 0"), [(0, 3)]), (("--filter", "false"), []),
                            (("--sort", "trial"), [(0, 3), (1, 4)])):
            found = self.pegbox("best", "first", "--json", *words).json
            self.assertEqual([(row["trial"], row["score"]) for row in found], rows, words)
        self.assertEqual(self.pegbox("best", "first", "--columns", "trial,score", "--format",
                                     "csv").out, "trial,score\n1,4.0\n0,3.0\n")
        self.assertRegex(self.pegbox("best", "first", "--scope", "all", "--limit", "1").out,
                         r"score +v\b")
        self.pegbox("best", "first", "--metric", "no_such", "--mode", "min", "--limit", "3",
                    expect=1)

    def test_best_of_another_metric(self):
        best = self.pegbox("best", "first", "--metric", "v", "--mode", "min", "--json").json
        self.assertEqual((best["trial"], best["value"], best["iteration"]), (0, 3, 3))
        self.assertEqual(best["ever_best"], {"trial": 0, "value": 1, "iteration": 1})
        best = self.pegbox("best", "first", "--json").json
        self.assertEqual((best["trial"], best["value"], best["iteration"]), (1, 4, 3))
        self.assertEqual(best["ever_best"], {"trial": 0, "value": 9, "iteration": 2})
        self.assertRegex(self.pegbox("best", "first").out,
                         r"ever best +9 in trial 0 at iteration 2 \(--scope all\)")
        done = self.pegbox("best", "first", "--metric", "no_such", "--mode", "min", expect=1)
        self.assertIn("no_such", done.err)

    def test_best_without_any_value(self):
        self.run_experiment(sh("echo v=nan", metrics={"v": "v=(\\S+)"}), name="nan", metric="v",
                            mode="max")
        self.assertEqual(self.opened("nan").states, ["TERMINATED"])
        done = self.pegbox("best", "nan", expect=1)
        self.assertIn("pegbox: ", done.err)

    def test_best_command(self):
        line = self.pegbox("best", "first", "--command").out.strip()
        done = self.command(["sh", "-c", line])
        self.assertEqual(done.out, "v=5 step\nv=5 step\nv=4 step\n")

    def check_runs_anywhere(self, trainable, **keys):
        experiment = self.run_experiment(trainable, metric="v", mode="max", **keys)
        line = experiment.command("best", "--command").out.strip()
        done = self.command(["sh", "-c", line], cwd="/")
        self.assertEqual(done.out, experiment.read(0, "stdout"))
        return done.out

    def test_best_command_is_no_listing(self):
        for words in (("--json",), ("--limit", "2"), ("--columns", "trial")):
            self.assertIn("--command prints one command line",
                          self.pegbox("best", "first", "--command", *words, expect=2).err)

    def test_best_command_runs_from_anywhere(self):
        self.write("place/it's/data.txt", "7")
        script = 'echo "{{\\"v\\": $(cat data.txt)}"; echo "$X" "$1" "$PWD"'
        trainable = {"plugin": "exec", "command": [script, "{x} $y"], "shell": True}
        keys = {"config": {"x": {"$choice": ["a b"]}}, "cwd": "place/it's",
                "env": {"X": "{x}*'", "odd.name": "1"}}
        self.assertIn("a b*' a b $y", self.check_runs_anywhere(trainable, **keys))
        trainable["command"] = [PYTHON, "-c", "import json, os, pegbox\n"
                                "print(json.dumps({{'v': 1}))\nprint(pegbox.config(), os.getcwd())"]
        trainable["shell"] = False
        for env in ({}, {"PYTHONPATH": "/nowhere"}):
            self.assertIn("a b", self.check_runs_anywhere(trainable, **dict(keys, env=env)))

    def test_logs(self):
        done = self.pegbox("logs", "first", "0")
        self.assertIn("v=9 step", done.out)
        self.assertIn("to stderr", done.out + done.err)

    def test_logs_of_what_ran_elsewhere(self):
        path = self.write("space.json", '{"metric": "v", "mode": "max", "name": "asked"}')
        self.pegbox("ask", "--create", path)
        done = self.pegbox("logs", "asked", "0", expect=2)
        self.assertIn("pegbox: error: asked has no trainable: its trials were asked for", done.err)

    def test_logs_follow(self):
        # Of a trial that has ended: prints and ends.
        self.assertIn("v=9 step", self.pegbox("logs", "-f", "first", "0", timeout=30).out)

    def test_columns_sort_filter_limit(self):
        def trials(*words):
            return list(csv.reader(io.StringIO(
                self.pegbox("trials", "first", "--format", "csv", *words).out)))
        self.assertEqual(trials("--columns", "trial,config.values,last_result.v"),
                         [["trial", "config.values", "last_result.v"],
                          ["0", "1 9 3", "3"], ["1", "5 5 4", "4"]])
        self.assertEqual(trials("--columns", "trial", "--sort", "-last_result.v"),
                         [["trial"], ["1"], ["0"]])
        self.assertEqual(trials("--columns", "trial", "--sort", "last_result.v", "--limit", "1"),
                         [["trial"], ["0"]])
        self.assertEqual(trials("--columns", "trial", "--filter", "last_result.v > 3"),
                         [["trial"], ["1"]])
        self.assertEqual(trials("--columns", "config.z"), [["config.z"], ["0.123456789"]] +
                         [["0.123456789"]])

    def test_formats(self):
        rows = self.pegbox("trials", "first", "--format", "json").json
        self.assertEqual(rows, self.pegbox("trials", "first", "--json").json)
        for words in (("--format", "xml"), ("--sort", "no_such"), ("--columns", "no_such"),
                      ("--filter", "1 +"), ("--limit", "-3"), ("--no-such-option",)):
            done = self.pegbox("trials", "first", *words, expect=2)
            self.assertTrue(done.err.startswith("pegbox: error: "), done.err)

    def test_table_fits_the_terminal(self):
        for line in self.pegbox("trials", "first", env={"COLUMNS": "60"}).out.splitlines():
            self.assertLessEqual(len(line), 80)

    def test_help_everywhere(self):
        for command in ("run", "validate", "ls", "trials", "results", "best", "logs", "plugins",
                        "inspect", "schema"):
            self.assertIn("Usage:", self.pegbox(command, "--help").out)
        for line in ("best", "trials"):
            self.assertIn(line, self.pegbox("--help").out)
        self.assertIn("pegbox best [OPTIONS] [EXP]\n",
                      self.pegbox("best", "--help", env={"LC_ALL": "C"}).out)
        self.assertIn("\nEXP is an experiment's name or directory; without it, the newest one.\n"
                      "TRIAL is ", self.pegbox("logs", "--help").out)
        self.assertEqual(self.pegbox("help", "best").out, self.pegbox("best", "--help").out)
        self.assertRegex(self.pegbox("--version").out, r"^pegbox \d+\.\d+\.\d+\n$")

    def test_errors_without_a_place_in_a_file(self):
        for words in (("validate", "no.json"), ("validate", self.dir), ("run", "no.json"),
                      ("run", "--"), ("run", "--num-samples", "x", "--", "true"),
                      ("run", "--set", "=5", "--", "true"),
                      ("run", "--mode", "mni", "--metric", "x", "--", "true")):
            done = self.pegbox(*words, expect=2)
            for line in done.err.splitlines():
                self.assertTrue(line.startswith("pegbox: error: "), done)

    def test_inspect_by_name(self):
        self.assertEqual(self.pegbox("inspect", "asha").out,
                         self.pegbox("inspect", "scheduler/asha").out)
        os.makedirs(self.dir + "/more/stopper")
        self.write("more/stopper/asha.so", "")
        done = self.pegbox("inspect", "asha", env={"PEGBOX_PLUGIN_PATH": self.dir + "/more"},
                           expect=2)
        self.assertIn("which 'asha'? There are scheduler/asha, stopper/asha", done.err)

    def test_usage(self):
        for words, message in (
                (("plugins", "schedulers"), "there is no kind 'schedulers' of plugin; did you mean "
                                            "'scheduler'?"),
                (("plugins", "x"), "there is no kind 'x' of plugin; there are: "),
                (("plugins", "search", "x"), "too many words: give one kind at most"),
                (("inspect",), "which plugin? Give KIND/NAME or a FILE.so"),
                (("inspect", "a/b/c"), "'a/b/c' names no plugin; give KIND/NAME or a FILE.so"),
                (("inspect", "x"), "'x' names no plugin; give KIND/NAME or a FILE.so"),
                (("inspect", "scheduler/ahsa"), "there is no scheduler 'ahsa'; did you mean "
                                                "'asha'?"),
                (("schema", "x"), "`pegbox schema` takes no words, got 'x'"),
                (("validate",), "which file?"),
                (("validate", "a", "b"), "one file at a time"),
                (("run", "a", "b"), "run takes one FILE, or a program after --; "),
                (("run",), "run takes one FILE, or a program after --; "),
                (("trails",), "there is no command 'trails'; did you mean 'trials'?"),
                (("--metric", "x"), "unknown option --metric: the command comes first; "),
                (("ls", "--limti", "3"), "unknown option --limti\nhint: did you mean --limit?"),
                (("ls", "--limit", "x"), "cannot parse integer value 'x' for --limit\n"),
                (("xyzzyx",), "there is no command 'xyzzyx', nor a program pegbox-xyzzyx; ")):
            done = self.pegbox(*words, expect=2)
            self.assertTrue(done.err.startswith("pegbox: error: " + message), done)
            self.assertEqual(done.out, "")

    def test_output_that_cannot_be_written(self):
        for command in ("ls", "trials", "plugins", "schema"):
            done = self.command(["sh", "-c", 'exec "$0" "$1" >/dev/full', PEGBOX, command], expect=4)
            self.assertRegex(done.err, r"^pegbox: error: the output cannot be written: .*\n$")

    def test_the_way_on_leads_somewhere(self):
        for name, keys in (("none", {}), ("nan", {"metric": "v", "mode": "max"})):
            done = self.run_experiment(sh("echo v=nan", metrics={"v": "v=(\\S+)"}), name=name,
                                       **keys).done
            line = next(line for line in done.err.splitlines() + done.out.splitlines()
                        if line.startswith("Look further: "))
            self.command(["sh", "-c", line[len("Look further: "):]])

    def test_the_way_on_names_this_program(self):
        path = self.spec(sh(":"), name="way")
        os.symlink(PEGBOX, self.dir + "/pegbox")
        done = self.command(["pegbox", "run", path],
                            env={"PATH": self.dir + ":" + os.environ["PATH"]})
        self.assertIn("Look further: pegbox trials way\n", done.out)

    def test_experiment_json_is_the_resolved_spec(self):
        with open(os.path.join(self.experiment.path, "experiment.json"), encoding="utf-8") as file:
            spec = json.load(file)
        self.assertEqual(spec["num_samples"], 1)
        self.assertEqual(spec["search"]["plugin"], "random")

    def test_json_in_any_locale(self):
        """JSON is UTF-8: a charset that has not all of it does not spoil configs."""
        spec = self.spec(sh("exit 1"), name="e", config={"x": {"$choice": ["caf\u00e9 \u65e5"]}},
                         metric="loss", mode="min")
        plain = {"LC_ALL": "C"}
        asked = self.pegbox("ask", "--create", spec, env=plain).json
        self.assertEqual(asked["config"], {"x": "caf\u00e9 \u65e5"})
        added = self.pegbox("enqueue", "--json", "e", "{}", env=plain).json
        self.assertEqual(added["config"], {"x": "caf\u00e9 \u65e5"})
        for words in (["run", "--print-spec"], ["validate", "--json"]):
            self.assertIn("caf\u00e9 \u65e5", self.pegbox(*words, spec, env=plain).out)


if __name__ == "__main__":
    main()
