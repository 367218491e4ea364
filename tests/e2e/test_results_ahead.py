#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Workers run ahead of the driver, and no further than they may. A driver that is halted
(SIGSTOP) answers nothing: what a program has done meanwhile is how far its worker lets it."""
import json
import os
import signal
import time

from pegbox_test import HERE, PegboxTest, main, python, read_text, sh, wait_until

# Waits for `go`, reports so often, waits for `end` where that is asked for; says what it did.
REPORTER = """
import os, sys, time, pegbox
folder, n, pause, wait = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4] == "wait"
notes = open(folder + "/notes", "a", buffering=1)
def until(name):
    while not os.path.exists(folder + "/" + name):
        time.sleep(0.01)
notes.write("ready\\n")
until("go")
for i in range(1, n + 1):
    notes.write("%d begins %.9f\\n" % (i, time.time()))
    pegbox.report(loss=i)
    notes.write("%d ends %.9f\\n" % (i, time.time()))
    time.sleep(pause)
notes.write("over\\n")
if wait:
    until("end")
"""
# The same for one that only prints, in lines of 1 kB, without end.
PRINTER = """
import json, sys
notes = open(sys.argv[1] + "/notes", "a", buffering=1)
notes.write("ready\\n")
for i in range(1, 10 ** 9):
    notes.write("%d begins 0\\n" % i)
    sys.stdout.write(json.dumps({"loss": i, "text": "x" * 1000}) + "\\n")
    sys.stdout.flush()
"""


class ResultsAhead(PegboxTest):
    def note(self, word):
        """Numbers of the reports that have begun, or ended, with the time of each."""
        path = os.path.join(self.dir, "notes")
        # The last line may be on its way.
        lines = [line.split() for line in read_text(path).split("\n")[:-1]]
        return {int(line[0]): float(line[2]) for line in lines if line[1:2] == [word]}

    def has(self, word):
        path = os.path.join(self.dir, "notes")
        return os.path.exists(path + "-" + word) or (
            os.path.exists(path) and word in read_text(path).split("\n"))

    def touch(self, name):
        self.write(name, "")

    def halted(self, trainable, length, seconds=None, environ=None, **keys):
        """An experiment whose driver was halted before its program's first report."""
        environ = dict({"PEGBOX_RESULT_BUFFER_LENGTH": length,
                        "PEGBOX_RESULT_BUFFER_MAX_TIME_S": seconds}, **(environ or {}))
        path = self.spec(trainable, **dict({"name": "e", "metric": "loss", "mode": "min"}, **keys))
        process = self.start("run", path, env=environ)
        self.addCleanup(process.send_signal, signal.SIGCONT)
        wait_until(lambda: self.has("ready"), 30, "the program runs")
        process.send_signal(signal.SIGSTOP)
        self.touch("go")
        return process

    def reporter(self, n, pause=0, wait=""):
        return python(REPORTER, self.dir, str(n), str(pause), wait)

    def settle(self):
        """Waits until the program does nothing more."""
        before = None
        end = time.monotonic() + 60
        while before != self.note("begins") or not before:
            self.assertLess(time.monotonic(), end)
            before = self.note("begins")
            time.sleep(0.3)

    def released(self, process, status=0):
        """Lets the driver go on to its end. The time when it did."""
        at = time.time()
        process.send_signal(signal.SIGCONT)
        done = self.finish(process)
        self.assertEqual(done.status, status, str(done))
        return at

    def check_length(self, length, most, n=30, **keys):
        """So many reports begin, and the last of them does not end before the driver goes on."""
        process = self.halted(self.reporter(n), length, **keys)
        wait_until(lambda: most in self.note("begins"), 30, "report %d" % most)
        self.settle()
        self.assertEqual(len(self.note("begins")), most)
        at = self.released(process)
        self.assertGreater(self.note("ends")[most], at)
        self.assertEqual(self.opened("e").counts, [n])

    # ---- LENGTH ----

    def test_length_bounds_it(self):
        self.check_length("5", 5)

    def test_default_length(self):
        self.check_length(None, 1000, n=1100)

    def test_length_0_is_lockstep(self):
        self.check_length("0", 1)

    def test_scheduler_that_asks_for_each_result(self):
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(
            os.path.join(HERE, "each-result.c"), "scheduler", "each-result")
        self.check_length("5", 1, scheduler="each-result")

    def test_endless_printer(self):
        process = self.halted(python(PRINTER, self.dir), "5", stop={"training_iteration": 20})
        wait_until(lambda: self.note("begins"), 30, "it prints")
        self.settle()
        # What is in the pipe, in the worker's buffer, and five reports.
        self.assertLess(len(self.note("begins")), 300)
        self.released(process)
        self.assertEqual(self.opened("e").counts, [20])

    # ---- MAX_TIME, MIN_TIME ----

    def test_oldest_bounds_it(self):
        process = self.halted(self.reporter(300, pause=0.01), None, seconds="0.3")
        wait_until(lambda: self.note("ends"), 30, "the first report ends")
        self.settle()
        last = max(self.note("begins"))
        self.assertLess(last, 300)
        self.assertNotIn(last, self.note("ends"))
        at = self.released(process)
        self.assertGreater(self.note("ends")[last], at)
        self.assertEqual(self.opened("e").counts, [300])

    def gathering(self, seconds):
        self.touch("go")
        process = self.start(
            "run", self.spec(self.reporter(3, wait="wait"), name="e", metric="loss", mode="min"),
            env={"PEGBOX_RESULT_BUFFER_MIN_TIME_S": seconds})
        wait_until(lambda: self.has("over"), 30, "all is reported")
        return process

    def end(self, process):
        self.touch("end")
        done = self.finish(process)
        self.assertEqual(done.status, 0, str(done))
        self.assertEqual(self.opened("e").counts, [3])

    def test_gathers(self):
        process = self.gathering("1000")
        self.assertEqual(self.opened("e").counts, [0])
        self.end(process)

    def test_gathers_for_so_long_only(self):
        process = self.gathering("0.2")
        wait_until(lambda: self.opened("e").counts == [3], 30, "they are stored")
        self.end(process)

    def test_gathers_nothing(self):
        process = self.gathering(None)
        wait_until(lambda: self.opened("e").counts == [3], 30, "they are stored")
        self.end(process)

    # ---- What follows a stop ----

    def test_what_follows_a_stop_is_dropped(self):
        process = self.halted(self.reporter(20), None, stop={"training_iteration": 5})
        wait_until(lambda: self.has("over"), 30, "20 reports")
        self.released(process)
        experiment = self.opened("e")
        self.assertEqual(experiment.counts, [5])
        trial, = experiment.trials
        self.assertEqual((trial["state"], trial["outcome"], trial["results"]),
                         ("TERMINATED", "completed", 5))
        self.assertEqual(trial["iteration"], 5)
        lines = [json.loads(line) for line in experiment.read(0, "result.json").splitlines()]
        self.assertEqual([line["done"] for line in lines], [False] * 4 + [True])
        self.assertEqual(len(experiment.read(0, "progress.csv").splitlines()), 1 + 5)

    def test_ends_are_the_same(self):
        """Which trial is stopped where does not depend on how far it ran ahead."""
        seen = []
        for length in ("0", "1000"):
            experiment = self.run_experiment(
                sh('for i in 1 2 3 4 5 6 7 8 9; do echo "{\\"loss\\": $1.$i}"; done', "{x}"),
                name="e" + length, config={"x": {"$randint": [1, 1000]}}, num_samples=12, seed=3,
                metric="loss", mode="min", max_concurrent_trials=1,
                stop=[{"training_iteration": 8}, {"loss": {"<=": 20}}],
                scheduler={"plugin": "asha", "max_t": 9, "grace_period": 1, "reduction_factor": 3},
                environ={"PEGBOX_RESULT_BUFFER_LENGTH": length})
            seen.append([[trial[key] for key in ("id", "config", "state", "outcome", "reason",
                                                 "results", "loss", "rung")]
                         for trial in experiment.trials])
        self.assertEqual(seen[0], seen[1])
        self.assertGreater(len({trial[5] for trial in seen[0]}), 1, "all ended alike")

    def test_interrupt_keeps_what_was_reported_before(self):
        process = self.halted(self.reporter(900, wait="wait"), None)
        wait_until(lambda: self.has("over"), 30, "900 reports")
        process.send_signal(signal.SIGINT)
        self.released(process, status=130)
        self.assertEqual(self.opened("e").counts, [900])
        self.assertEqual(self.opened("e").states, ["PENDING"])

    # ---- Deaths ----

    def test_driver_killed(self):
        """What it answered is stored: all but the LENGTH - 1 that may be unanswered."""
        self.touch("go")
        process = self.start(
            "run", self.spec(self.reporter(10 ** 6), name="e", metric="loss", mode="min"),
            env={"PEGBOX_RESULT_BUFFER_LENGTH": "10"})
        wait_until(lambda: self.has("ready") and 200 in self.note("ends"), 30, "200 reports")
        process.kill()
        wait_until(lambda: not self.processes(), 30, "all processes end")
        results = [result["loss"] for result in self.opened("e").results(0)]
        self.assertEqual(results, list(range(1, len(results) + 1)))
        self.assertGreaterEqual(len(results), max(self.note("ends")) - 9)

    def test_program_killed(self):
        """What had been sent when it died counts."""
        process = self.halted(python(REPORTER + "os.kill(os.getpid(), 9)\n", self.dir, "20", "0",
                                     ""), None)
        wait_until(lambda: self.has("over"), 30, "20 reports")
        self.released(process, status=1)
        self.assertEqual(self.opened("e").counts, [20])
        self.assertEqual(self.opened("e").states, ["ERROR"])

    def test_worker_killed(self):
        process = self.halted(python(REPORTER + "os.kill(os.getppid(), 9)\n", self.dir, "20", "0",
                                     ""), None)
        wait_until(lambda: self.has("over"), 30, "20 reports")
        self.released(process, status=1)
        self.assertEqual(self.opened("e").counts, [20])
        self.assertIn("signal 9", self.opened("e").trials[0]["error"])

    def test_next_attempt_gets_its_own_answers(self):
        """A failure, the stop that answers it, and the next attempt come in one batch of the
        driver: the patience after that stop is not the next attempt's."""
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(
            os.path.join(HERE, "fails-once.c"), "trainable", "fails-once")
        process = self.halted({"plugin": "fails-once", "dir": self.dir}, None, max_failures=1,
                              environ={"PEGBOX_FUNCTION_THREAD_TIMEOUT_S": "0.1"})
        wait_until(lambda: os.path.exists(os.path.join(self.dir, "failed")), 30, "it fails")
        time.sleep(0.3)  # for its last word to be sent
        self.released(process)
        trial, = self.opened("e").trials
        self.assertEqual((trial["state"], trial["attempts"], trial["failures"]),
                         ("TERMINATED", 2, 1))


if __name__ == "__main__":
    main()
