#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Names and directories of experiments and trials, and the files in them."""
import csv
import json
import os

from pegbox_test import PegboxTest, json_lines, main, sh

REPORT = """echo '{"loss": '$1', "extra": {"a": 1}}'; echo '{"loss": 0, "late": 2}'"""
FIELDS = {"config", "date", "done", "episodes_total", "experiment_id", "experiment_tag", "hostname",
          "iterations_since_restore", "node_ip", "pid", "time_since_restore", "time_this_iter_s",
          "time_total_s", "timestamp", "timesteps_since_restore", "timesteps_total",
          "training_iteration", "trial_id"}

# An experiment's directory takes its time; what is there is told at once.
SLOW_MKDIR = """#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
int
mkdir(const char *path, mode_t mode)
{
    if (access(path, F_OK) != 0 && strstr(path, "/sh") != NULL)
        usleep(300000);
    return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}
"""


class NamesAndDirs(PegboxTest):
    def run_two(self, **keys):
        keys = dict({"config": {"x": {"$grid_search": [1, 2]}}, "metric": "loss", "mode": "min"},
                    **keys)
        return self.run_experiment(sh(REPORT, "{x}"), **keys)

    def test_usual_names(self):
        experiment = self.run_two()
        for number, trial in enumerate(experiment.trials):
            self.assertRegex(trial["id"], r"^[0-9a-f]{5}_%05d$" % number)
            self.assertEqual(trial["name"], "sh_" + trial["id"])
            self.assertRegex(os.path.basename(trial["dir"]),
                             r"^sh_%s_.*x=%d_\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d$" %
                             (trial["id"], number + 1))

    def test_files(self):
        experiment = self.run_two()
        trial = experiment.trials[0]
        self.assertEqual(json.loads(experiment.read(0, "params.json")), {"x": 1})
        results = json_lines(experiment.read(0, "result.json"))
        self.assertEqual([r["loss"] for r in results], [1, 0])
        for result in results:
            self.assertLessEqual(FIELDS, set(result))
            self.assertEqual(result["trial_id"], trial["id"])
            self.assertEqual(result["config"], {"x": 1})
        self.assertEqual(results[-1], trial["last_result"])
        with open(os.path.join(trial["dir"], "progress.csv"), newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([row["loss"] for row in rows], ["1", "0"])
        # Nested fields are columns, and one that came late is a column too.
        self.assertEqual([row["extra/a"] for row in rows], ["1", ""])
        self.assertEqual([row["late"] for row in rows], ["", "2"])
        self.assertEqual(len({t["last_result"]["experiment_id"] for t in experiment.trials}), 1)

    def test_templates(self):
        experiment = self.run_two(trial_name="t{x}", trial_dirname="{trial.id}-{config.x + 1}")
        for number, trial in enumerate(experiment.trials):
            self.assertEqual(trial["name"], "t%d" % (number + 1))
            self.assertEqual(os.path.basename(trial["dir"]), "%s-%d" % (trial["id"], number + 2))

    def test_same_dirname_twice(self):
        experiment = self.run_two(trial_dirname="same")
        self.assertEqual(len({trial["dir"] for trial in experiment.trials}), 2)

    def test_slash_in_a_name_stays_inside(self):
        self.refused({"trainable": sh(":"), "trial_dirname": "a/../../b"},
                     "trial_dirname: must not contain '/'")
        experiment = self.run_experiment(sh(":"), trial_dirname="{x}", trial_name="{x}",
                                         config={"x": "../../a/b"})
        self.assertEqual(os.path.dirname(experiment.trials[0]["dir"]), experiment.path)

    def test_cut_names_differ(self):
        for keys in ({"trial_name": "n" * 140}, {"trial_dirname": "d" * 300}):
            experiment = self.run_two(**keys)
            self.assertEqual(len({trial["dir"] for trial in experiment.trials}), 2)
            self.assertEqual(len(json_lines(experiment.read(0, "result.json"))), 2)

    def test_long_names_are_cut(self):
        experiment = self.run_experiment(sh(":"), config={
            "k" * 200: {"$choice": ["v" * 300, "w" * 300]}})
        self.assertLessEqual(len(os.path.basename(experiment.dir(0))), 160)

    def test_no_directory_where_nothing_is_written(self):
        experiment = self.run_two(auto_loggers=False, log_to_file=False)
        self.assertEqual([name for name in os.listdir(experiment.path)
                          if os.path.isdir(os.path.join(experiment.path, name))
                          and name != "requests"], [])

    def test_no_loggers_by_variable(self):
        experiment = self.run_two(environ={"PEGBOX_DISABLE_AUTO_CALLBACK_LOGGERS": "1"})
        self.assertFalse(os.path.exists(os.path.join(experiment.dir(0), "result.json")))
        # Named ones are there all the same.
        experiment = self.run_two(auto_loggers=False, loggers=["csv"])
        self.assertTrue(os.path.exists(os.path.join(experiment.dir(0), "progress.csv")))
        self.assertFalse(os.path.exists(os.path.join(experiment.dir(0), "result.json")))

    def test_dated_name(self):
        script = self.write("my-train.sh", "echo '{\"loss\": 1}'\n")
        path = self.spec({"plugin": "exec", "command": ["sh", script]})
        self.pegbox("run", path)
        self.pegbox("run", path)
        names = sorted(os.listdir(self.results_dir))
        self.assertEqual(len(names), 2)
        for name in names:
            self.assertRegex(name, r"^my-train_\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d(_2)?$")

    def test_undated_name(self):
        path = self.spec(sh(":"))
        self.pegbox("run", path, env={"PEGBOX_DISABLE_DATED_SUBDIR": "1"})
        self.assertEqual(os.listdir(self.results_dir), ["sh"])

    def test_many_starts_at_once(self):
        # Each finds the same free name before one of them makes its directory.
        env = dict(self.preloading(SLOW_MKDIR), PEGBOX_DISABLE_DATED_SUBDIR="1")
        path = self.spec(sh(":"))
        started = [self.start("run", path, env=env) for _ in range(4)]
        for process in started:
            done = self.finish(process)
            self.assertEqual(done.status, 0, str(done))
        self.assertEqual(sorted(os.listdir(self.results_dir)), ["sh", "sh_2", "sh_3", "sh_4"])

    def test_results_dir(self):
        self.run_two(name="a", words=["--results-dir", "here"])
        self.assertTrue(os.path.exists(self.dir + "/here/a/experiment.db"))
        self.run_two(name="b", results_dir="~/home-sweet")
        self.assertTrue(os.path.exists(self.dir + "/home-sweet/b/experiment.db"))
        self.pegbox("run", self.spec(sh(":"), name="c"), env={"PEGBOX_RESULT_DIR": None})
        self.assertTrue(os.path.exists(self.dir + "/pegbox_results/c/experiment.db"))


if __name__ == "__main__":
    main()
