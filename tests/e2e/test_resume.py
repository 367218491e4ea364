#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""resume and run --resume: what was interrupted goes on where it was."""
import contextlib
import json
import os
import signal
import sqlite3

from pegbox_test import PegboxTest, main, read_text, sh, wait_until

# Reports 1 to 4, and waits before the third as long as the file "gate" is there.
GATED = """for i in 1 2 3 4; do
if [ $i = 3 ]; then while [ -e %s ]; do sleep 0.02; done; fi
echo '{"loss": '$i'}'; done"""


class Resume(PegboxTest):
    def setUp(self):
        super().setUp()
        self.gate = self.write("gate", "")
        self.keys = dict(name="e", metric="loss", mode="min", num_samples=4, seed=1,
                         config={"x": {"$uniform": [0, 1]}}, max_concurrent_trials=1)

    def file(self, **keys):
        return self.spec(sh(GATED % self.gate), **dict(self.keys, **keys))

    def start_held(self, **keys):
        """A driver whose first trial has reported twice, and waits."""
        process = self.start("run", self.file(**keys))
        wait_until(self.has_two, 20, "two reports")
        return process

    def has_two(self):
        # It may not have begun yet.
        done = self.pegbox("results", "e", "0", "--json", expect=None)
        return done.status == 0 and len(done.json) == 2

    def shown(self, trial):
        """Losses, less those that a later attempt repeats."""
        losses = {}
        for result in self.opened("e").results(trial):
            losses.setdefault(result["n"], result["loss"])
        return [losses[n] for n in sorted(losses)]

    def kill_driver(self, process):
        process.send_signal(signal.SIGKILL)
        process.wait()

    def killed(self, **keys):
        self.kill_driver(self.start_held(**keys))
        os.remove(self.gate)

    def check_whole(self, n=4):
        e = self.opened("e")
        self.assertEqual(e.states, ["TERMINATED"] * n)
        for trial in range(n):
            self.assertEqual(self.shown(trial), [1, 2, 3, 4])
            logged = [json.loads(line)["loss"] for line in e.read(trial, "result.json").split()]
            self.assertEqual(logged, [1, 2, 3, 4])
        self.assertEqual([len(set(str(c) for c in e.configs))], [n])
        row, = self.pegbox("ls", "--json").json
        self.assertEqual((row["status"], row["trials"]), ("done", n))
        # Those too that an attempt has repeated.
        self.assertEqual(self.store("SELECT count(*) FROM result WHERE value IS NOT fields ->> 'loss'"),
                         [(0,)])

    def store(self, sql):
        db = sqlite3.connect("file:%s/e/experiment.db?mode=ro" % self.results_dir, uri=True)
        with contextlib.closing(db):
            return db.execute(sql).fetchall()

    def test_a_killed_driver(self):
        self.killed()
        done = self.pegbox("resume", "e")
        self.check_whole()
        self.assertIn("4 trials in ", done.out)
        first = self.opened("e").trials[0]
        self.assertEqual((first["attempts"], first["failures"]), (2, 0))
        self.assertEqual([t["attempts"] for t in self.opened("e").trials[1:]], [1, 1, 1])

    def test_the_newest_one_without_a_name(self):
        self.killed()
        self.pegbox("resume")
        self.check_whole()

    def test_run_resume(self):
        self.killed()
        self.pegbox("run", "--resume", self.file())
        self.check_whole()

    def test_after_an_interrupt(self):
        process = self.start_held()
        process.send_signal(signal.SIGINT)
        done = self.finish(process)
        self.assertEqual(done.status, 130, str(done))
        # The last lines tell how to go on.
        line = [line for line in done.out.splitlines() if line.startswith("Go on: ")]
        self.assertEqual(len(line), 1, str(done))
        self.assertTrue(line[0].endswith(" resume e"), line[0])
        os.remove(self.gate)
        self.pegbox("resume", "e")
        self.check_whole()

    def test_auto(self):
        os.remove(self.gate)
        self.pegbox("run", self.file(), "--resume=auto")
        self.check_whole()
        self.pegbox("run", self.file(num_samples=5), "--resume=auto")
        self.check_whole(5)

    def test_none_is_there(self):
        done = self.pegbox("run", self.file(), "--resume", expect=2)
        self.assertEqual(done.err, "pegbox: error: there is no experiment 'e' in %s to go on with; "
                         "--resume=auto begins it\n" % self.results_dir)
        self.assertFalse(os.path.exists(self.results_dir))
        done = self.pegbox("resume", "e", expect=2)
        self.assertIn("no experiment 'e'", done.err)
        os.makedirs(os.path.join(self.results_dir, "e"))
        self.assertIn("no experiment 'e'", self.pegbox("resume", "e", expect=2).err)

    def test_a_driver_killed_as_it_began(self):
        """What says nothing is in nobody's way."""
        os.remove(self.gate)
        for text in (b"", None):
            path = self.write("results/e/experiment.db", "")
            if text is None:
                store = sqlite3.connect(path)
                store.execute("PRAGMA journal_mode = WAL")
                store.close()
            done = self.pegbox("resume", "e", expect=2)
            self.assertIn("killed before the experiment had begun", done.err)
            self.pegbox("run", self.file(), "--resume", expect=2)
            self.pegbox("run", self.file(), *([] if text is None else ["--resume=auto"]))
            self.check_whole()
            self.pegbox("rm", "e")

    def test_a_live_driver(self):
        process = self.start_held()
        for words in (["resume", "e"], ["run", self.file(), "--resume"],
                      ["run", self.file(), "--resume=auto"]):
            done = self.pegbox(*words, expect=2)
            self.assertIn("e is being run already, by process %d" % process.pid, done.err)
        os.remove(self.gate)
        self.assertEqual(self.finish(process).status, 0)
        self.check_whole()

    def test_killed_again_and_again(self):
        """What is repeated is stored, but shown once."""
        self.kill_driver(self.start_held())
        for attempt in (2, 3):
            process = self.start("resume", "e")
            wait_until(lambda n=attempt: self.opened("e").trials[0]["attempts"] == n, 20, "resumed")
            wait_until(lambda: self.opened("e").trials[0]["state"] == "RUNNING", 20, "runs")
            self.kill_driver(process)
        os.remove(self.gate)
        self.pegbox("resume", "e")
        self.check_whole()
        self.assertEqual(self.opened("e").trials[0]["attempts"], 4)

    def test_what_is_done_stays_done(self):
        os.remove(self.gate)
        self.pegbox("run", self.file())
        before = self.opened("e").trials
        self.pegbox("resume", "e")
        self.assertEqual(self.opened("e").trials, before)

    def test_a_moved_experiment(self):
        self.killed()
        there = os.path.join(self.dir, "there")
        os.rename(self.results_dir, there)
        self.pegbox("resume", os.path.join(there, "e"))
        self.assertFalse(os.path.exists(self.results_dir))
        os.rename(there, self.results_dir)
        self.check_whole()

    def test_the_time_counts_on(self):
        self.killed()
        self.pegbox("resume", "e", env={"PEGBOX_RESULT_DIR": None,
                                        "HOME": self.dir}, expect=2)
        self.pegbox("resume", os.path.join(self.results_dir, "e"))
        self.check_whole()

    def test_the_budget_of_time_without_a_result(self):
        """What the driver lived after the last one counts too."""
        process = self.start_held(time_budget_s=1000)
        wait_until(lambda: int(self.store("SELECT value FROM fact WHERE key = 'clock_ns'")[0][0]) >
                   3 * 10 ** 9, 20, "3 s")
        self.kill_driver(process)
        last, began = (self.store(sql)[0][0] for sql in (
            "SELECT max(at_ns) FROM result", "SELECT min(started_ns) FROM attempt"))
        budget = (last - began) / 1e9 + 1
        self.assertLess(budget, 3)
        self.pegbox("resume", "e", "--set", "time_budget_s=%f" % budget)
        trial, = self.opened("e").trials[:1]
        self.assertEqual((trial["attempts"], trial["outcome"]), (1, "stopped"))

    def test_commands_about_it(self):
        """With a driver that is gone, and once more after its resume."""
        self.killed()
        self.pegbox("enqueue", "e", "{\"x\": 0.5}")
        self.pegbox("stop", "e", "3")
        self.pegbox("resume", "e")
        e = self.opened("e")
        self.assertEqual(e.states, ["TERMINATED"] * 5)
        self.assertEqual(e.configs[4], {"x": 0.5})
        self.assertEqual([len(self.shown(t)) for t in range(5)], [4, 4, 4, 0, 4])
        self.pegbox("void", "e", "0")
        self.pegbox("resume", "e", "--set", "num_samples=5")
        self.assertEqual([len(self.shown(t)) for t in range(6)], [4, 4, 4, 0, 4, 4])
        self.pegbox("rm", "e")

    def test_asked_trials_stay_asked(self):
        os.remove(self.gate)
        path = self.file()
        asked = self.pegbox("ask", "--create", path).json
        self.assertEqual(asked["trial"], 0)
        process = self.start("resume", "e")
        done = self.finish(process)
        self.assertEqual(done.status, 0, str(done))
        self.assertIn("1 asked for, and not told yet", done.out)
        self.assertEqual(self.opened("e").states, ["RUNNING"] + ["TERMINATED"] * 3)
        self.pegbox("tell", "e", "0", "0.5")
        self.assertEqual(self.opened("e").states, ["TERMINATED"] * 4)

    def test_first_the_one_that_ran(self):
        self.killed(num_samples=3)
        self.pegbox("enqueue", "e", "{\"x\": 0.5}")
        self.pegbox("resume", "e")
        started = sorted((t["started_ns"], t["trial"]) for t in self.opened("e").trials)
        self.assertEqual([number for _, number in started], [0, 3, 1, 2])

    def test_standard_input(self):
        done = self.pegbox("run", "-", "--resume", text=read_text(self.file()), expect=2)
        self.assertIn("--resume needs a file", done.err)


if __name__ == "__main__":
    main()
