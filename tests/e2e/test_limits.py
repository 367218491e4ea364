#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`limits`: a trial past one is killed with all it started, and has failed."""
import os
import re

from pegbox_test import SLOW, PegboxTest, json_lines, main, python, sh

HUNG = "(setsid sleep 1000 &); setsid sleep 1000 & exec sleep 1000"
# Long enough for a program to start and report.
START = 2 * SLOW
# Reports until it is stopped.
# Allocates so many MiB, says so, and keeps them.
KEEP = """import sys, time
blob = b'x' * (int(sys.argv[1]) << 20)
print('{"loss": 1}', flush=True)
while True:
    time.sleep(1000)
"""
ENDLESS = """while :; do echo '{"loss": 1}'; sleep 0.05; done"""


# Saves each step, and hangs before the fourth, once, where `hangs` says so.
SAVES = """import os, pegbox, time
config, done, mark = pegbox.config({}), 0, os.environ["PEGBOX_TRIAL_DIR"] + "/hung"
if pegbox.restored():
    with open(pegbox.restored() + "/done") as file:
        done = int(file.read())
for step in range(done + 1, 6):
    if step == 4 and config["hangs"] and not os.path.exists(mark):
        os.mkdir(mark)
        time.sleep(1000)
    pegbox.report(loss=step)
    with pegbox.checkpoint_dir(step) as path:
        with open(path + "/done", "w") as file:
            file.write(str(step))
"""


class Limits(PegboxTest):
    """That no descendant is left is checked after each test."""

    def limited(self, text, limits, expect=1, **keys):
        return self.run_experiment(sh(text), metric="loss", mode="min", limits=limits,
                                   expect=expect, timeout=60, **keys)

    def assert_failed(self, experiment, message):
        self.assertEqual(experiment.states, ["ERROR"])
        self.assertEqual(experiment.trials[0]["error"], message)
        self.assertIn(message, experiment.read(0, "error.txt"))

    def test_trial_time_of_one_that_never_reports(self):
        experiment = self.limited(HUNG, {"trial_time_s": 0.5})
        self.assert_failed(experiment, "ran longer than limits.trial_time_s (0.5 s)")
        self.assertEqual(experiment.counts, [0])

    def test_trial_time_of_one_that_reports_for_ever(self):
        experiment = self.limited(ENDLESS, {"trial_time_s": START, "report_time_s": 1000})
        self.assert_failed(experiment, "ran longer than limits.trial_time_s (%d s)" % START)
        self.assertGreater(experiment.counts[0], 0)

    def test_trial_time_ignores_signals(self):
        self.assert_failed(self.limited("trap '' TERM INT HUP; while :; do sleep 1; done",
                                        {"trial_time_s": 0.5}),
                           "ran longer than limits.trial_time_s (0.5 s)")

    def test_report_time_before_the_first_report(self):
        self.assert_failed(self.limited(HUNG, {"report_time_s": 0.5}),
                           "reported nothing for longer than limits.report_time_s (0.5 s)")

    def test_report_time_after_the_last_report(self):
        experiment = self.limited("""echo '{"loss": 1}'; echo '{"loss": 2}'; """ + HUNG,
                                  {"report_time_s": START})
        self.assert_failed(experiment, "reported nothing for longer than limits.report_time_s "
                                       "(%d s)" % START)
        self.assertEqual(experiment.counts, [2])

    def test_gathered_reports_are_no_silence(self):
        experiment = self.limited(
            "for i in $(seq %d); do echo '{\"loss\": 1}'; sleep 0.2; done" % (START * 5 + 5),
            {"report_time_s": START}, expect=0,
            environ={"PEGBOX_RESULT_BUFFER_MIN_TIME_S": "1000"})
        self.assertEqual(experiment.counts, [START * 5 + 5])

    def test_report_time_starts_anew_with_each_report(self):
        # It runs longer than it may be silent.
        experiment = self.limited(
            """for i in 1 2 3 4 5 6; do echo "{\\"loss\\": $i}"; sleep 0.5; done""",
            {"report_time_s": START}, expect=0)
        self.assertEqual(experiment.states, ["TERMINATED"])
        self.assertEqual(experiment.counts, [6])

    def test_many_go_on_from_their_checkpoints(self):
        """However often a slow machine has one killed besides."""
        experiment = self.run_experiment(
            python(SAVES), metric="loss", mode="min", num_samples=4, timeout=200,
            config={"hangs": {"$grid_search": [False, True, True]}}, max_concurrent_trials=6,
            resources={"cpu": 0}, limits={"report_time_s": 2 * START}, max_failures=-1,
            checkpoint={"keep": 1}, fail_fast=False)
        self.assertEqual(experiment.states, ["TERMINATED"] * 12)
        for trial in experiment.trials:
            shown = [r["loss"] for r in json_lines(experiment.read(trial["trial"], "result.json"))]
            self.assertEqual(shown, [1, 2, 3, 4, 5])
            names = [name for name in os.listdir(trial["dir"]) if "checkpoint" in name]
            self.assertEqual(names, ["checkpoint_000005.tar"])
            if trial["config"]["hangs"]:
                self.assertGreaterEqual(trial["failures"], 1)
                self.assertIn("limits.report_time_s", experiment.read(trial["trial"], "error.txt"))

    def test_retry_starts_the_clock_anew(self):
        # The first attempt has used up its time; the second one gets all of it again.
        experiment = self.limited(
            """echo x >>"$PEGBOX_TRIAL_DIR/starts"
[ $(wc -l <"$PEGBOX_TRIAL_DIR/starts") = 1 ] && sleep 1000
echo '{"loss": 0}'""", {"trial_time_s": START}, expect=0, max_failures=1)
        self.assertEqual(experiment.states, ["TERMINATED"])
        self.assertEqual(experiment.trials[0]["failures"], 1)
        self.assertIn("ran longer than limits.trial_time_s (%d s)" % START,
                      experiment.read(0, "error.txt"))

    def test_one_retry_too_many(self):
        experiment = self.limited(HUNG, {"trial_time_s": 0.3}, max_failures=2)
        self.assertEqual(experiment.states, ["ERROR"])
        self.assertEqual(experiment.trials[0]["attempts"], 3)

    # ---- Memory ----

    def greedy(self, text, limit, *words, expect=1, **keys):
        return self.run_experiment(python(text, *words), metric="loss", mode="min",
                                   limits={"memory": limit}, expect=expect, timeout=60, **keys)

    def assert_used(self, experiment, limit):
        """It failed, with a figure above the limit, so many MiB."""
        self.assertEqual(experiment.states, ["ERROR"])
        error = experiment.trials[0]["error"]
        found = re.fullmatch(r"used ([0-9.]+) (MiB|GiB) of memory, limits.memory is (.*)", error)
        self.assertIsNotNone(found, error)
        self.assertEqual(found.group(3), "%.1f MiB" % limit)
        used = float(found.group(1)) * (1024 if found.group(2) == "GiB" else 1)
        self.assertGreaterEqual(used, limit)
        self.assertIn(error, experiment.read(0, "error.txt"))

    def test_memory_of_one_process(self):
        experiment = self.greedy(KEEP, "128MiB", "200")
        self.assert_used(experiment, 128)

    def test_memory_of_a_trial_that_reports_for_ever(self):
        experiment = self.greedy(
            """import time
blobs = []
while True:
    blobs.append(b'x' * (8 << 20))
    print('{"loss": 1}', flush=True)
    time.sleep(0.02)
""", 128 << 20)
        self.assert_used(experiment, 128)
        self.assertGreater(experiment.counts[0], 1)

    def test_memory_of_children_together(self):
        # Each is below the limit.
        experiment = self.greedy(
            """import subprocess, sys
children = [subprocess.Popen([sys.executable, "-c", sys.argv[1], "90"]) for _ in range(2)]
for child in children:
    child.wait()
""", "150MiB", "{config.keep}", config={"keep": KEEP})
        self.assert_used(experiment, 150)

    def test_memory_of_a_child_in_a_session_of_its_own(self):
        # ... whose parent has gone.
        experiment = self.greedy(
            """import subprocess, sys, time
subprocess.run(["sh", "-c", 'setsid "$@" & :', "sh", sys.executable, "-c", sys.argv[1], "200"])
time.sleep(1000)
""", "128MiB", "{config.keep}", config={"keep": KEEP})
        self.assert_used(experiment, 128)

    def test_memory_that_children_share_counts_once(self):
        experiment = self.greedy(
            """import os, time
blob = b'x' * (100 << 20)
children = []
for _ in range(3):
    pid = os.fork()
    if pid == 0:
        time.sleep(1.5)
        os._exit(0)
    children.append(pid)
for pid in children:
    os.waitpid(pid, 0)
print('{"loss": 1}')
""", "250MiB", expect=0)
        self.assertEqual(experiment.states, ["TERMINATED"])

    def test_memory_below_the_limit(self):
        experiment = self.greedy(
            """import time
blob = b'x' * (50 << 20)
time.sleep(1)
print('{"loss": 1}')
""", "128MiB", expect=0)
        self.assertEqual(experiment.states, ["TERMINATED"])

    def test_memory_of_the_next_attempt(self):
        experiment = self.greedy(
            """import os, sys
starts = os.environ["PEGBOX_TRIAL_DIR"] + "/starts"
with open(starts, "a") as file:
    file.write("x")
with open(starts) as file:
    if len(file.read()) == 1:
        exec(sys.argv[1].replace("sys.argv[1]", "'200'"))
print('{"loss": 0}')
""", "128MiB", "{config.keep}", config={"keep": KEEP}, expect=0, max_failures=1)
        self.assertEqual(experiment.states, ["TERMINATED"])
        self.assertEqual(experiment.trials[0]["failures"], 1)
        self.assertIn("limits.memory is 128.0 MiB", experiment.read(0, "error.txt"))

    def test_refused(self):
        good = {"trainable": sh(":")}
        for limits, message in (
                ({"trial_time_s": 0}, "limits.trial_time_s: needs a number of seconds > 0, got 0"),
                ({"report_time_s": -1}, "limits.report_time_s: needs a number of seconds > 0"),
                ({"report_time_s": "1h"}, "limits.report_time_s: needs a number, got"),
                ({"memory": "much"}, "limits.memory: needs a number of bytes or a text like"),
                ({"trial_time": 1}, "did you mean 'trial_time_s'?")):
            self.refused(dict(good, limits=limits), message)


if __name__ == "__main__":
    main()
