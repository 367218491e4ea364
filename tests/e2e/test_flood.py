#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trials that report or print as fast as they can: the driver keeps up with what it lets in, goes
on with the other trials, can be looked at and stopped, and its memory does not grow."""
import os
import signal
import sqlite3
import subprocess

from pegbox_test import SHORT, SOURCE, PegboxTest, main, python, sh, wait_until

LINES = 50000 if SHORT else 1000000
REPORTS = 20000 if SHORT else 300000

# Trial 0 has all its lines ready before it prints the first; trial 1 reports like anybody.
FLOOD = """
import sys, time
if sys.argv[1] == "0":
    sys.stdout.write("".join('{"loss": %d}\\n' % i for i in range(1, int(sys.argv[2]) + 1)))
else:
    for i in range(5):
        print('{"loss": %d}' % i)
        time.sleep(0.05)
"""


class Flood(PegboxTest):
    keys = {"name": "e", "metric": "loss", "mode": "min", "max_concurrent_trials": 2,
            "resources": {"cpu": 0.1}}

    def query(self, sql):
        """One value of the store; None: there is none yet."""
        try:
            db = sqlite3.connect("file:%s/e/experiment.db?mode=ro" % self.results_dir, uri=True)
            try:
                return db.execute(sql).fetchone()[0]
            finally:
                db.close()
        except (sqlite3.Error, TypeError):
            return None

    def stored(self):
        """Results of trial 0."""
        return self.query("SELECT max(n) FROM result WHERE trial = 0") or 0

    def state(self, trial):
        return self.query("SELECT state FROM trial WHERE number = %d" % trial)

    @staticmethod
    def resident(process):
        """In MiB; 0: it has ended."""
        with open("/proc/%d/status" % process.pid, encoding="utf-8") as file:
            return next((int(line.split()[1]) / 1024 for line in file
                         if line.startswith("VmRSS")), 0)

    def start_flood(self, trainable, **keys):
        return self.start("run", self.spec(trainable, **dict(self.keys, **keys)),
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def interrupt(self, process):
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(60), 130)

    def test_a_million_lines_at_once(self):
        process = self.start_flood(python(FLOOD, "{x}", str(LINES)),
                                   config={"x": {"$grid_search": [0, 1]}})
        wait_until(lambda: self.state(1) == "TERMINATED", 60, "the other trial ends")
        wait_until(lambda: self.stored() >= LINES / 20, 120, "results are stored")
        before = self.resident(process)
        # It can be looked at meanwhile.
        seen = self.opened("e").trials
        self.assertEqual([trial["state"] for trial in seen], ["RUNNING", "TERMINATED"])
        wait_until(lambda: self.stored() >= LINES / 10, 120, "results are stored")
        if not SHORT:
            self.assertLess(self.resident(process) - before, 32)
        self.interrupt(process)
        # All that is stored is whole, in its order, and in the log file.
        stored = self.stored()
        self.assertEqual(self.query("SELECT count(*) FROM result WHERE trial = 0 AND value = n"),
                         stored)
        trial = self.opened("e").trials[0]
        self.assertEqual((trial["state"], trial["results"]), ("PENDING", stored))
        with open(os.path.join(trial["dir"], "result.json"), "rb") as file:
            self.assertEqual(sum(1 for _ in file), stored)

    def test_a_trainable_that_only_reports(self):
        source = os.path.join(SOURCE, "tests", "bench", "flood.c")
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(source, "trainable", "flood")
        process = self.start_flood({"plugin": "flood", "reports": REPORTS}, config={"x": 1})
        wait_until(lambda: self.stored() >= REPORTS / 4, 120, "results are stored")
        before = after = self.resident(process)
        while process.poll() is None and self.stored() < REPORTS:
            after = max(after, self.resident(process))
        self.assertEqual(process.wait(120), 0)
        if not SHORT:
            self.assertLess(after - before, 32)
        experiment = self.opened("e")
        self.assertEqual(experiment.trials[0]["results"], REPORTS)
        self.assertEqual(self.stored(), REPORTS)
        for name, lines in (("result.json", REPORTS), ("progress.csv", REPORTS + 1)):
            with open(os.path.join(experiment.dir(0), name), "rb") as file:
                self.assertEqual(sum(1 for _ in file), lines)

    def test_endless_lines_for_the_console(self):
        """Messages that never stop coming do not keep the driver from its turn."""
        process = self.start_flood(
            sh('if [ "$1" -lt 4 ]; then exec yes; fi; sleep 0.3; echo \'{"loss": 1}\'', "{x}"),
            config={"x": {"$grid_search": [0, 1, 2, 3, 4]}}, log_to_file=False,
            max_concurrent_trials=5)
        wait_until(lambda: self.state(4) == "TERMINATED", 60, "the other trial ends")
        self.assertEqual(self.state(0), "RUNNING")
        self.interrupt(process)


if __name__ == "__main__":
    main()
