#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where Tune surprises its users with names, columns, ties and best values, pegbox does not:
doc/coming-from-tune.md has a table of these traps, each with its test, and the commands that
give what Tune's analysis gave."""
import csv
import io
import json
import os
import re
import shlex

from pegbox_test import PYTHON, SOURCE, PegboxTest, json_lines, main, read_text, sh

PAGE = os.path.join(SOURCE, "doc", "coming-from-tune.md")
# $1 is what to report, a word each.
VALUES = """for v in $1; do echo "{\\"v\\": $v}"; done"""
# The clock of the day goes back by 100 s each time that somebody looks.
CLOCK = """#define _GNU_SOURCE
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static long back;
int
clock_gettime(clockid_t clock, struct timespec *time)
{
    int status = (int)syscall(SYS_clock_gettime, clock, time);
    if (clock == CLOCK_REALTIME)
        time->tv_sec -= __atomic_add_fetch(&back, 100, __ATOMIC_RELAXED);
    return status;
}
int
gettimeofday(struct timeval *time, void *zone)
{
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    time->tv_sec = now.tv_sec;
    time->tv_usec = now.tv_nsec / 1000;
    return 0;
}
time_t
time(time_t *into)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (into != NULL)
        *into = now.tv_sec;
    return now.tv_sec;
}
"""


class Traps(PegboxTest):
    def run_values(self, *values, script=VALUES, **keys):
        """A trial for each text of values, one after another."""
        keys = dict({"metric": "v", "mode": "max", "max_concurrent_trials": 1,
                     "config": {"values": {"$grid_search": list(values)}}}, **keys)
        return self.run_experiment(sh(script, "{values}"), **keys)

    def best(self, experiment, *words, **options):
        return experiment.command("best", "--json", *words, **options).json


class Columns(Traps):
    def csv(self, experiment, trial=0):
        return list(csv.DictReader(io.StringIO(experiment.read(trial, "progress.csv"))))

    def test_late_columns_widen(self):
        experiment = self.run_experiment(sh("""
            echo '{"v": 1}'; echo '{"v": 2, "late": {"a": 1}}'; echo '{"later": 3, "v": 3}'
            echo '{"v": 4}'"""), metric="v", mode="max")
        rows = self.csv(experiment)
        self.assertEqual([row["v"] for row in rows], ["1", "2", "3", "4"])
        self.assertEqual([row["late/a"] for row in rows], ["", "1", "", ""])
        self.assertEqual([row["later"] for row in rows], ["", "", "3", ""])

    def test_another_attempt_goes_on(self):
        experiment = self.run_experiment(sh("""
            echo '{"v": 1}'; echo '{"v": 2, "late": 1}'
            [ -e again ] || { : >again; exit 1; }
            echo '{"v": 3, "other": 1}'"""), metric="v", mode="max", max_failures=1)
        text = experiment.read(0, "progress.csv")
        self.assertEqual(len([line for line in text.splitlines() if "training_iteration" in line]),
                         1, text)
        rows = self.csv(experiment)
        self.assertEqual([(row["v"], row["late"], row["other"]) for row in rows],
                         [("1", "", ""), ("2", "1", ""), ("3", "", "1")])

    def test_every_line_is_json(self):
        experiment = self.run_values("NaN 1 Infinity -Infinity")

        def refuse(word):
            raise AssertionError("%s is no JSON" % word)
        lines = experiment.read(0, "result.json").splitlines()
        self.assertEqual([json.loads(line, parse_constant=refuse)["v"] for line in lines],
                         ["NaN", 1, "Infinity", "-Infinity"])
        for words in (("results", "0", "--json"), ("trials", "--json")):
            json.loads(experiment.command(*words).out, parse_constant=refuse)

    def test_tag_and_id_in_every_log(self):
        experiment = self.run_values("1 2", "3")
        ids = set()
        for trial in experiment.trials:
            rows = json_lines(experiment.read(trial["trial"], "result.json"))
            rows += self.csv(experiment, trial["trial"]) + [trial["last_result"]]
            self.assertEqual({row["experiment_tag"] for row in rows}, {trial["tag"]})
            ids |= {row["experiment_id"] for row in rows}
        self.assertEqual(len(ids), 1)

    def test_nested_names(self):
        experiment = self.run_experiment(
            sh("""echo '{"v": 1, "eval": {"loss": 5}, "flat/loss": 6}'"""), metric="v", mode="max")
        for name, value in (("eval/loss", 5), ("eval.loss", 5), ("flat/loss", 6)):
            self.assertEqual(self.best(experiment, "--metric", name, "--mode", "min")["value"],
                             value)
            rows = experiment.command("trials", "--json", "--columns", "last_result." + name).json
            self.assertEqual(list(rows[0].values()), [value])


class Names(Traps):
    def name(self, experiment, trial=0):
        return os.path.basename(experiment.dir(trial))

    def test_long_config(self):
        config = {"parameter_%02d_%s" % (i, "x" * 40): {"$choice": ["v" * 60, "w" * 60]}
                  for i in range(30)}
        experiment = self.run_experiment(sh(VALUES, "1"), config=config, metric="v", mode="max")
        name = self.name(experiment)
        self.assertLessEqual(len(name.encode()), 130 + len("_00000_2026-01-31_12-00-00"))
        self.assertIn(experiment.trials[0]["id"], name)
        params = json.loads(experiment.read(0, "params.json"))
        self.assertEqual(params, experiment.configs[0])
        self.assertEqual(len(params), 30)
        experiment = self.run_experiment(sh(VALUES, "1"), config=config, metric="v", mode="max",
                                         environ={"PEGBOX_MAX_LEN_IDENTIFIER": "20"})
        self.assertLess(len(self.name(experiment)), 60)
        self.assertEqual(len(json_lines(experiment.read(0, "result.json"))), 1)

    def test_floats(self):
        experiment = self.run_experiment(
            sh(VALUES, "1"), max_concurrent_trials=1,
            config={"lr": {"$grid_search": [0.00123456, 1e-5, 123456.0, 0.5, 1.0]}})
        for trial, text in enumerate(("0.0012346", "1e-05", "1.2346e+05", "0.5", "1.0")):
            self.assertIn("_lr=%s_" % text, self.name(experiment, trial))
            self.assertEqual(experiment.trials[trial]["tag"], "%d_lr=%s" % (trial, text))

    def test_characters(self):
        texts = ["a/b c(d)", "../../up", "x\ny\tz", "\u202eabc", "'\"$(x)`;*?[]{}|&<>#~!\\"]
        experiment = self.run_experiment(sh(VALUES, "1"), max_concurrent_trials=1,
                                         config={"s": {"$grid_search": texts}})
        for trial, text in enumerate(("a_b_c_d", ".._.._up", "x_y_z", "abc", "x")):
            name = self.name(experiment, trial)
            self.assertRegex(name, r"^[A-Za-z0-9_.=+-]+$")
            self.assertIn("_s=%s_" % text.strip("_"), name)
            self.assertEqual(json.loads(experiment.read(trial, "params.json"))["s"], texts[trial])

    def test_same_names(self):
        experiment = self.run_values("1", "2 3", trial_name="same", trial_dirname="same")
        self.assertEqual([trial["name"] for trial in experiment.trials], ["same", "same"])
        self.assertEqual([len(json_lines(experiment.read(i, "result.json"))) for i in (0, 1)],
                         [1, 2])
        self.assertEqual([row["v"] for row in experiment.results("same")], [1])


class Best(Traps):
    def test_exactly_zero(self):
        for mode, values in (("min", ("1", "0", "2")), ("max", ("-1", "0", "-2")),
                             ("min", ("0", "1")), ("max", ("-0.0", "-1"))):
            experiment = self.run_values(*values, mode=mode)
            best = self.best(experiment)
            self.assertEqual((best["value"], best["config"]["values"]),
                             (0, next(v for v in values if float(v) == 0)), (mode, values))
            self.assertRegex(experiment.done.out, r"(?i)best v:? -?0\b")

    def test_single_trial_without_the_metric(self):
        experiment = self.run_values("1")
        done = experiment.command("best", "--metric", "loss", "--mode", "min", expect=1)
        self.assertIn("none has a finite value of 'loss'", done.err)

    def test_ties(self):
        # The later a trial begins, the sooner it ends.
        experiment = self.run_values(
            "0.6 5", "0.4 5", "0.2 5", "0 4", max_concurrent_trials=4, resources={"cpu": 0.1},
            script="""set -- $1; sleep $1; echo "{\\"v\\": $2}\"""")
        best = self.best(experiment)
        self.assertEqual((best["trial"], best["ties"]), (0, [1, 2]))
        self.assertIn("trial 0 ", experiment.done.out)
        self.assertRegex(experiment.command("best").out, r"tied with +trials 1, 2")
        self.assertEqual([row["trial"] for row in self.best(experiment, "--limit", "9")],
                         [0, 1, 2, 3])
        self.assertEqual([row["trial"] for row in
                          experiment.command("trials", "--json", "--sort", "-v").json], [0, 1, 2, 3])

    def test_so_far_and_last(self):
        experiment = self.run_values("1 9 3", "5 5 4")
        best = self.best(experiment)
        self.assertEqual((best["trial"], best["value"]), (1, 4))
        self.assertEqual(best["ever_best"], {"trial": 0, "value": 9, "iteration": 2})
        self.assertRegex(experiment.command("best").out, r"ever best +9 in trial 0 at iteration 2")
        self.assertEqual([(row["value"], row["best"]) for row in experiment.trials],
                         [(3, 9), (4, 5)])

    def test_not_finite(self):
        for mode, best in (("max", 1), ("min", -1)):
            experiment = self.run_values("NaN", "Infinity", "-Infinity", "1", "-1", mode=mode)
            self.assertEqual(self.best(experiment)["value"], best)
            for scope in ("all", "avg", "last-5-avg"):
                self.assertEqual(self.best(experiment, "--scope", scope)["value"], best)
        experiment = self.run_values("2 NaN", "1 1")
        self.assertEqual(self.best(experiment)["value"], 1)
        self.assertEqual(self.best(experiment, "--scope", "avg")["value"], 1)
        self.assertEqual(self.best(experiment, "--scope", "all")["value"], 2)

    def test_true_mean(self):
        # The metric at iterations 1 and 4 only; a restart that repeats the first ones.
        script = """
            echo '{"v": 1}'; echo '{"w": 1}'; echo '{"w": 1}'
            [ -e again ] || { : >again; exit 1; }
            echo '{"v": 3}'"""
        experiment = self.run_experiment(sh(script), max_failures=1)
        best = self.best(experiment, "--metric", "v", "--mode", "max", "--scope", "avg")
        self.assertEqual((best["value"], best["iteration"]), (2, None))
        rows = experiment.command("trials", "--json", "--columns", "analysis.avg.v,analysis.avg.w,"
                                  "analysis.last-5-avg.v,analysis.max.training_iteration").json
        self.assertEqual(list(rows[0].values()), [2, 1, 2, 4])

    def test_clock_that_is_set_back(self):
        experiment = self.run_values(
            "1 2 3", "4", environ=self.preloading(CLOCK), limits={"trial_time_s": 60},
            script="""unset LD_PRELOAD; for v in $1; do sleep 0.1; echo "{\\"v\\": $v}"; done""")
        self.assertEqual(experiment.states, ["TERMINATED"] * 2)
        results = experiment.results(0)
        stamps = [row["timestamp"] for row in results]
        self.assertEqual(stamps, sorted(stamps, reverse=True))  # the clock did go back
        totals = [row["time_total_s"] for row in results]
        for row, before in zip(results, [0] + totals):
            self.assertGreaterEqual(row["time_this_iter_s"], 0.05)
            self.assertLess(row["time_this_iter_s"], 50)
            self.assertAlmostEqual(row["time_total_s"], before + row["time_this_iter_s"])


class Failures(Traps):
    def test_missing_metric(self):
        script = """[ "$1" = bad ] && echo '{"w": 1, "done": true}' || echo '{"v": 1}'"""
        experiment = self.run_values("1", "bad", "2", script=script, expect=1)
        self.assertEqual(experiment.states, ["TERMINATED", "ERROR", "TERMINATED"])

    def test_missing_stop_key(self):
        experiment = self.run_values("1 2 3", stop={"nothing": 1, "v": 2})
        self.assertEqual((experiment.states, experiment.counts), (["TERMINATED"], [2]))


class Analysis(Traps):
    def setUp(self):
        super().setUp()
        self.experiment = self.run_values("1 9 3", "5 5 4", "-1", name="first")

    def export(self, *words):
        return self.experiment.command("export", *words).json_lines

    def test_each_command_of_the_page(self):
        section = read_text(PAGE).split("\n## Analysis\n", 1)[1].split("\n## ", 1)[0]
        commands = re.findall(r"`(pegbox [^`]*)`", section)
        self.assertGreater(len(commands), 15)
        for command in commands:
            words = {"EXP": "first", "TRIAL": "0", "METRIC": "v", "MODE": "max"}
            for word, value in words.items():
                command = re.sub(r"\b%s\b" % word, value, command)
            done = self.pegbox(*shlex.split(command)[1:])
            self.assertTrue(done.out, command)

    def test_row_of_the_best_result(self):
        rows = self.export("--rows", "best")
        self.assertEqual([(row["trial"], row["v"], row["training_iteration"]) for row in rows],
                         [(0, 9, 2), (1, 5, 1), (2, -1, 1)])
        rows = self.export("--rows", "best", "--mode", "min")
        self.assertEqual([row["v"] for row in rows], [1, 4, -1])
        rows = self.export("--rows", "best", "--metric", "training_iteration", "--mode", "max")
        self.assertEqual([row["v"] for row in rows], [3, 4, -1])
        self.assertEqual(rows[0]["config"], {"values": "1 9 3"})
        self.assertEqual([row["dir"] for row in rows],
                         [trial["dir"] for trial in self.experiment.trials])

    def test_row_of_the_last_result(self):
        self.assertEqual([row["v"] for row in self.export("--rows", "last")], [3, 4, -1])
        self.assertEqual(len(self.export("--rows", "all")), 7)
        rows = list(csv.DictReader(io.StringIO(
            self.experiment.command("export", "--rows", "last", "--format", "csv").out)))
        self.assertEqual([(row["trial"], row["v"], row["config.values"]) for row in rows],
                         [("0", "3", "1 9 3"), ("1", "4", "5 5 4"), ("2", "-1", "-1")])

    def test_trial_without_a_value_has_a_row(self):
        experiment = self.run_values("1", "NaN")
        rows = experiment.command("export", "--rows", "best").json_lines
        self.assertEqual([(row["trial"], row.get("v")) for row in rows], [(0, 1), (1, None)])

    def test_statistics(self):
        rows = self.experiment.command("trials", "--json", "--columns", "trial,analysis").json
        statistics = {name: [row["analysis"][name]["v"] for row in rows]
                      for name in rows[0]["analysis"]}
        self.assertEqual(statistics, {
            "max": [9, 5, -1], "min": [1, 4, -1], "avg": [13 / 3, 14 / 3, -1], "last": [3, 4, -1],
            "last-5-avg": [13 / 3, 14 / 3, -1], "last-10-avg": [13 / 3, 14 / 3, -1]})
        out = self.experiment.command("trials", "--sort", "-analysis.avg.v", "--filter",
                                      "analysis.max.v > 0", "--columns", "trial", "--format",
                                      "csv").out
        self.assertEqual(out, "trial\n1\n0\n")

    def test_what_is_wrong_is_told(self):
        for words, message in (
                (("--rows", "some"), "--rows: there is no 'some'; there are all, last, best"),
                (("--mode", "max"), "--mode needs --rows best"),
                (("--rows", "last", "--metric", "v"), "--metric needs --rows best"),
                (("--rows", "best", "--metric", "w"), "--metric w needs --mode min or --mode max"),
                (("--rows", "best", "--mode", "mix"), "there is no mode 'mix'")):
            self.assertIn(message, self.experiment.command("export", *words, expect=2).err)
        experiment = self.run_experiment(sh(VALUES, "1"))
        for command in (("best",), ("export", "--rows", "best", "--mode", "max")):
            self.assertIn("names no metric: give --metric NAME --mode min|max",
                          experiment.command(*command, expect=2).err)


class Resumed(PegboxTest):
    def begin(self, text="echo '{\"loss\": 1}'", expect=0, **keys):
        return self.run_experiment(sh(text), name="e", expect=expect, **dict(
            {"metric": "loss", "mode": "min", "num_samples": 3, "max_concurrent_trials": 1}, **keys))

    def test_unreadable_state(self):
        experiment = self.begin()
        path = os.path.join(experiment.path, "experiment.db")
        with open(path, "r+b") as file:
            file.write(b"no state" * 512)
        before = sorted(os.listdir(self.results_dir))
        for words in (("resume", "e"), ("run", os.path.join(self.dir, "experiment.json"),
                                        "--resume=auto")):
            self.assertIn("pegbox repair", self.pegbox(*words, expect=4).err)
        self.assertEqual(sorted(os.listdir(self.results_dir)), before)

    def test_more_samples(self):
        experiment = self.begin()
        experiment.command("resume", "--set", "num_samples=5")
        self.assertEqual(experiment.counts, [1] * 5)

    def test_rungs_are_known(self):
        """The second trial is worse than the first one, which another process has run."""
        text = """for i in 1 2 3 4; do echo "{\\"loss\\": $1}"; done"""
        experiment = self.run_experiment(
            sh(text, "{x}"), name="e", metric="loss", mode="min", num_samples=1,
            config={"x": {"$grid_search": [1, 2]}}, max_concurrent_trials=1,
            environ={"PEGBOX_RESULT_BUFFER_LENGTH": "0"},
            scheduler={"plugin": "asha", "max_t": 4, "grace_period": 1, "reduction_factor": 2},
            stop={"when": "result.loss == 1 and result.training_iteration == 3",
                  "scope": "experiment"})
        self.assertEqual([t["attempts"] for t in experiment.trials], [1, 0])
        experiment.command("resume", "--set", 'stop={"training_iteration": 9}')
        self.assertEqual(experiment.trials[2]["outcome"], "early-stopped")
        self.assertEqual(experiment.counts[2], 1)

    def test_after_fail_fast(self):
        mark = os.path.join(self.dir, "mended")
        experiment = self.begin("test -e %s && echo '{\"loss\": 1}'" % mark, fail_fast=True, expect=1)
        self.assertEqual(experiment.states, ["ERROR", "PENDING", "PENDING"])
        self.write("mended", "")
        experiment.command("resume", expect=1)
        self.assertEqual(experiment.states, ["ERROR", "TERMINATED", "TERMINATED"])


class Page(PegboxTest):
    def test_the_experiment_runs(self):
        """Tune's script, as the page writes it for pegbox."""
        section = read_text(PAGE).split("\n## An experiment\n", 1)[1].split("\n## ", 1)[0]
        script = re.findall(r"```python\n(.*?)```", section, re.S)[1]
        self.write("train.py", "def step(lr, layers):\n    return lr * layers\n" + script)
        spec = json.loads(re.search(r"```json\n(.*?)```", section, re.S)[1])
        self.assertEqual(spec["trainable"]["command"][0], "python3")
        spec["trainable"]["command"][0] = PYTHON
        path = self.write("tune.json", json.dumps(dict(spec, name="tuned")))
        self.assertIn("50 trials in ", self.pegbox("run", path).out)
        best = self.pegbox("best", "tuned", "--json").json
        self.assertAlmostEqual(best["value"], best["config"]["lr"] * best["config"]["layers"])

    def test_each_trap_has_its_test(self):
        section = read_text(PAGE).split("\n## What is different\n", 1)[1]
        named = re.findall(r"`((?:Columns|Names|Best|Failures|Resumed)\.test_\w+)`", section)
        for line in section.splitlines():
            if line.startswith("| ") and not line.startswith(("| with", "| ---")):
                self.assertRegex(line, r"`\w+\.test_\w+` \|$")
        there = ["%s.%s" % (group.__name__, name) for group in (Columns, Names, Best, Failures, Resumed)
                 for name in vars(group) if name.startswith("test_")]
        self.assertEqual(sorted(named), sorted(there))


if __name__ == "__main__":
    main()
