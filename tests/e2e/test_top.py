#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`top`: the same page for an experiment that runs elsewhere, has ended, or has no driver."""
import json
import os
import re
import signal
import subprocess

from pegbox_test import PEGBOX, PegboxTest, main, sh, wait_until
from terminal_test import Terminal

SCRIPT = """echo "{\\"loss\\": $1, \\"other\\": 5}"; [ "$1" != 2 ] || exit 7
            while [ "$1" != 2 ] && [ ! -e "$2" ]; do sleep 0.05; done"""
GRID = {"x": {"$grid_search": [2, 3, 1, 5, 4]}}


class Top(PegboxTest):
    def begin(self, **keys):
        """An experiment two of whose trials run until the file `go` is there."""
        go = os.path.join(self.dir, "go")
        keys.setdefault("config", GRID)
        path = self.spec(sh(SCRIPT, "{x}", go), name="e", metric="loss", mode="min",
                         max_concurrent_trials=2, **keys)
        process = self.start("run", path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.go = lambda: self.write("go", "")
        wait_until(self.is_under_way, 20)
        return process

    def is_under_way(self):
        """One has failed, two have reported; the store may not even be there yet."""
        done = self.pegbox("top", "--json", expect=None)
        if done.status != 0:
            return False
        told = done.json
        reported = [t for t in told["trials"] if t["state"] == "RUNNING" and t["last_result"]]
        return told["counts"]["ERROR"] == 1 and len(reported) == 2

    def end(self, process, status=1):
        self.go()
        self.assertEqual(process.wait(60), status)

    PAGE = (r"e  running for \d+ s  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d",
            r"[█▉▊▋▌▍▎▏]+░+ +20 %.*",
            r"trials     1/5 ended: 2 RUNNING, 2 PENDING, 1 ERROR",
            r"best       loss 1 by trial 2: x=1",
            r"in use     2/\d+ CPUs, 2/2 trials at once, memory [0-9.]+/[0-9.]+ GiB.*",
            r"scheduler  Using FIFO scheduling algorithm.",
            r"search     A grid of 5 points, 1 time",
            r"waiting    2 trials: max_concurrent_trials is 2",
            r"results    ~/results/e",
            r" *#  trial +status +pid +x +loss +iter +time +other",
            r" *2  \S+_00002 +RUNNING +\d+ +1 +1 +1 +0.\d s +5",
            r" *3  \S+_00003 +PENDING +5",
            r" *0  \S+_00000 +ERROR +\d+ +2 +2 +1 +0.\d s +5",
            r"failed trial +failures +error +error file",
            r"\S+_00000 +1  exited with status 7 +\S+/error.txt")

    WAITING = "waiting    2 trials: max_concurrent_trials is 2\n"

    def check_page(self, text):
        for line in self.PAGE:
            self.assertRegex(text, "(?m)^%s$" % line)

    def test_while_it_runs(self):
        process = self.begin()
        # Once the driver has told what only it knows; then the page is the driver's own.
        wait_until(lambda: self.WAITING in self.pegbox("top", "e").out, 20)
        self.check_page(self.pegbox("top").out)
        self.check_page(self.pegbox("top", "e", "--once").out)
        self.check_page(self.pegbox("top", os.path.join(self.results_dir, "e")).out)
        self.end(process)

    def test_json(self):
        process = self.begin()
        told = self.pegbox("top", "--json").json
        self.assertEqual((told["name"], told["status"], told["metric"], told["mode"]),
                         ("e", "running", "loss", "min"))
        self.assertEqual(told["counts"], {"PENDING": 2, "RUNNING": 2, "PAUSED": 0, "TERMINATED": 0,
                                          "ERROR": 1})
        self.assertEqual(told["total"], 5)
        self.assertEqual((told["best_value"], told["best"]["trial"]), (1, 2))
        self.assertEqual(told["best"]["config"], {"x": 1})
        self.assertEqual([t["trial"] for t in told["errors"]], [0])
        self.assertEqual({t["trial"]: t["state"] for t in told["trials"]}[0], "ERROR")
        self.end(process)
        told = self.pegbox("top", "--json").json
        self.assertEqual(told["status"], "done")
        self.assertEqual((told["waits"], told["resources"]), ([], []))
        json.dumps(told, allow_nan=False)

    def test_after_the_end(self):
        process = self.begin()
        self.end(process)
        text = self.pegbox("top").out
        self.assertRegex(text, r"(?m)^e  done after \d+\.\d s  \d{4}-")
        self.assertRegex(text, r"(?m)^trials     5/5 ended: 4 TERMINATED, 1 ERROR$")
        self.assertRegex(text, r"(?m)^search     A grid of 5 points, 1 time$")
        self.assertNotIn("waiting", text)
        self.assertNotIn("in use", text)

    def test_reporter(self):
        """The experiment's reporter has its say."""
        process = self.begin(reporter={"metric_columns": ["other"], "max_progress_rows": 2,
                                       "max_error_rows": 0, "metric": "other", "mode": "max",
                                       "total_samples": 9})
        text = self.pegbox("top").out
        self.assertRegex(text, r"(?m)^trials     1/9 ended")
        self.assertRegex(text, r"(?m)^best       other 5 by trial 0 \(failed\): x=2$")
        self.assertRegex(text, r"(?m)^#  trial +status +pid +x  other$")
        self.assertRegex(text, r"(?m)^\.\.\. 3 more trials not shown \(")
        self.assertNotIn("failed trial", text)
        self.end(process)

    def test_sorted(self):
        self.run_experiment(sh("""echo "{\\"loss\\": $1}" """, "{x}"), metric="loss", mode="min",
                            config=GRID, reporter={"sort_by_metric": True})
        rows = re.findall(r"(?m)^(\d)  \S+ +TERMINATED", self.pegbox("top").out)
        self.assertEqual(rows, ["2", "0", "1", "4", "3"])

    def test_a_driver_that_was_killed(self):
        process = self.begin()
        wait_until(lambda: self.WAITING in self.pegbox("top", "e").out, 20)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        self.go()
        text = self.pegbox("top").out
        self.assertRegex(text, r"(?m)^e  interrupted")
        self.assertRegex(text, r"(?m)^trials     1/5 ended: 4 PENDING, 1 ERROR$")
        self.assertNotIn("RUNNING", text)
        self.assertNotIn("waiting", text)

    def test_asked_after_an_interruption(self):
        process = self.begin()
        wait_until(lambda: self.WAITING in self.pegbox("top", "e").out, 20)
        self.pegbox("stop", "e")
        self.end(process, 130)
        self.pegbox("ask", "e")
        told = self.pegbox("top", "--json").json
        self.assertEqual((told["status"], told["stopping"], told["left_s"]),
                         ("running", None, None))

    def test_asked_trial_outlives_the_driver(self):
        process = self.begin()
        asked = self.pegbox("ask", "e").json["trial"]
        self.pegbox("stop", "e")
        self.end(process, 130)
        told = self.pegbox("top", "--json").json
        self.assertEqual(told["status"], "interrupted")
        self.assertEqual([t["trial"] for t in told["trials"] if t["state"] == "RUNNING"], [asked])
        self.assertEqual(told["counts"]["RUNNING"], 1)

    def test_errors(self):
        for words in ((), ("nowhere",), ("a", "b")):
            self.assertRegex(self.pegbox("top", *words, expect=2).err, r"^pegbox: error: ")

    # ---- The live page ----

    def live(self, columns=100, lines=40, **options):
        return Terminal(self, [PEGBOX, "top"], columns, lines, **options)

    def test_live(self):
        process = self.begin()
        terminal = self.live()
        terminal.read(until=lambda t: self.WAITING in t.text and "failed trial" in t.text)
        self.check_page(terminal.text)
        self.assertIn(b"\x1b[?1049h", terminal.output)
        # It goes on with the experiment, and ends with it; the last page stays.
        self.end(process)
        terminal.finish(0)
        after = terminal.output[terminal.output.index(b"\x1b[?1049l"):].decode()
        self.assertRegex(re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", after),
                         r"(?m)^e  done after \d+\.\d s")
        self.assertEqual(terminal.output.count(b"\x1b[?25l"), terminal.output.count(b"\x1b[?25h"))

    def test_leaving(self):
        process = self.begin()
        for key in (b"q", b"\x03"):
            terminal = self.live(80, 24)
            terminal.read(until=lambda t: "results" in t.text)
            terminal.write(key)
            terminal.finish(0)
            self.assertIn(b"\x1b[?25h\x1b[?1049l", terminal.output)
            self.assertIn("e  running for ", terminal.plain[terminal.plain.index("results"):])
        self.assertIsNone(process.poll())
        self.end(process)

    def test_live_resized(self):
        process = self.begin()
        terminal = self.live(120, 40)
        terminal.read(until=lambda t: "failed trial" in t.text)
        terminal.resize(40, 16)
        terminal.read(until=lambda t: re.search(r"(?m)^failed +1 trial, the", t.text))
        self.assertLess(max(len(line) for line in terminal.lines), 40)
        terminal.write(b"q")
        terminal.finish(0)
        self.end(process)


if __name__ == "__main__":
    main()
