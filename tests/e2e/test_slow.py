#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Schedulers and stoppers that take their time: meanwhile nobody but the trial that they think about
waits, and whatever ends their driver, the experiment goes on as if nothing had."""
import json
import os
import signal
import sqlite3

from pegbox_test import HERE, PegboxTest, main, sh, wait_until

TRIAL = """i=0; while [ $i -lt 4 ]; do i=$((i + 1)); printf '{"loss": %s%s}\\n' $1 $i; sleep 0.02; done"""
SPACE = {"x": {"$uniform": [0.1, 0.9]}}
RESULTS = "SELECT trial, n, action, rung FROM result ORDER BY trial, n, attempt"
TRIALS = ("SELECT number, config, state, outcome, reason, value, rung, bracket, origin, ask, results"
          " FROM trial")


class Thinking(PegboxTest):
    def setUp(self):
        super().setUp()
        self.go, self.began = os.path.join(self.dir, "go"), os.path.join(self.dir, "began")
        source = os.path.join(HERE, "thinker.c")
        path = self.build_plugin(source, "scheduler", "thinker")
        self.build_plugin(os.path.join(HERE, "saver.c"), "trainable", "saver")
        self.build_plugin(source, "stopper", "thinker", flags=["-DSTOPPER"])
        self.env["PEGBOX_PLUGIN_PATH"] = path

    def keys(self, kind, name, **options):
        more = options.pop("more", {})
        use = dict({"plugin": "thinker", "call": "result", "until": self.go, "began": self.began},
                   **options)
        keys = dict(name=name, metric="loss", mode="min", num_samples=5, seed=5, config=SPACE,
                    max_concurrent_trials=1, resources={"cpu": 0}, log_to_file=False)
        keys["stop" if kind == "stopper" else kind] = [use] if kind == "stopper" else use
        return dict(keys, **more)

    def rows(self, name, sql):
        path = os.path.join(self.results_dir, name, "experiment.db")
        store = sqlite3.connect("file:%s?mode=ro" % path, uri=True)
        found = store.execute(sql).fetchall()
        store.close()
        return found

    def so_far(self, name, sql):
        try:
            return self.rows(name, sql)
        except sqlite3.Error:
            return []

    def trainable(self, program):
        return sh(program, "{x}") if isinstance(program, str) else program

    def start_thinking(self, kind, name, program=TRIAL, **options):
        path = self.spec(self.trainable(program), **self.keys(kind, name, **options))
        process = self.start("run", path, "--replace")
        wait_until(lambda: os.path.exists(self.began), what="it to think")
        return process

    def whole(self, kind, program=TRIAL, **options):
        """As one that does not think."""
        self.write("go", "")
        self.run_experiment(self.trainable(program), words=["--replace"],
                            **self.keys(kind, "whole", **options))
        self.forget()

    def forget(self):
        os.unlink(self.go)
        os.unlink(self.began)

    def check(self, name, *queries):
        for sql in queries or (TRIALS, RESULTS):
            self.assertEqual(self.rows(name, sql), self.rows("whole", sql))

    def end(self, process, status=0):
        self.write("go", "")
        done = self.finish(process)
        self.assertEqual(done.status, status, str(done))
        self.assertEqual(done.err if status == 0 else "", "", str(done))

    def logged(self, name):
        """Lines of result.json of each trial."""
        found = {}
        folder = os.path.join(self.results_dir, name)
        for one in os.listdir(folder):
            path = os.path.join(folder, one, "result.json")
            if os.path.exists(path):
                with open(path, encoding="utf-8") as file:
                    for line in file:
                        number = int(json.loads(line)["trial_id"].rsplit("_")[-1])
                        found[number] = found.get(number, 0) + 1
        return found


class Others(Thinking):
    def others_go_on(self, kind):
        """The first result of each is there before any answer is."""
        together = "touch started-$$; while [ $(ls started-* | wc -l) -lt 4 ]; do sleep 0.01; done; "
        process = self.start_thinking(kind, "o", together + TRIAL, iteration=1, trial=-1,
                                      answer="continue",
                                      more={"max_concurrent_trials": 4, "num_samples": 4})
        wait_until(lambda: self.logged("o") == {i: 1 for i in range(4)}, what="the log of all")
        self.assertEqual([row[:2] for row in self.rows("o", RESULTS)], [(i, 1) for i in range(4)])
        self.assertEqual(self.rows("o", "SELECT count(*) FROM trial WHERE ended_ns > 0"), [(0,)])
        self.end(process)
        for name in os.listdir(self.dir):
            if name.startswith("started-"):
                os.unlink(os.path.join(self.dir, name))
        ends = self.rows("o", "SELECT number, results FROM trial ORDER BY number")
        self.assertEqual(ends, [(i, 4) for i in range(4)])
        self.assertEqual(self.pegbox("repair", "o", "--json").json["findings"], [])

    def test_scheduler(self):
        self.others_go_on("scheduler")

    def test_stopper(self):
        self.others_go_on("stopper")

    def test_a_trial_ends_meanwhile(self):
        """It said all that it had to say: that counts once its second result is decided upon."""
        for answer in ("continue", "stop"):
            process = self.start_thinking("scheduler", "m", answer=answer, more={"num_samples": 1})
            wait_until(lambda: not self.named("sh"), what="its program to end")
            self.end(process)
            self.assertEqual(self.rows("m", "SELECT results FROM trial"),
                             [(4 if answer == "continue" else 2,)])
            self.assertEqual(self.rows("m", "SELECT n FROM result WHERE done"),
                             [] if answer == "continue" else [(2,)])
            self.pegbox("rm", "m")
            self.forget()

    def test_a_program_dies_meanwhile(self):
        process = self.start_thinking("scheduler", "m", "printf '{\"loss\": 1}\\n'; exit 3",
                                      iteration=1, answer="continue",
                                      more={"num_samples": 1, "fail_fast": False})
        wait_until(lambda: not self.named("sh"), what="its program to end")
        self.assertEqual(self.rows("m", "SELECT state FROM trial"), [("RUNNING",)])
        self.end(process, 1)
        self.assertEqual(self.rows("m", "SELECT state, results FROM trial"), [("ERROR", 1)])

    def test_steered(self):
        """The trial that it thinks about is stopped, another one is made by hand."""
        process = self.start_thinking("scheduler", "s", answer="continue", more={"num_samples": 2})
        self.pegbox("enqueue", "s", '{"x": 0.5}')
        self.pegbox("stop", "s", "0")
        wait_until(lambda: self.so_far("s", "SELECT outcome FROM trial WHERE number = 0")
                   == [("stopped",)], what="its end")
        self.assertFalse(os.path.exists(self.go))
        self.end(process)
        self.assertEqual(self.rows("s", "SELECT count(*) FROM trial WHERE results = 4"), [(2,)])

    def test_limits_do_not_run(self):
        """The time of the decider is not the trial's."""
        process = self.start_thinking("scheduler", "l", "printf '{\"loss\": 1}\\n'; sleep 0.1",
                                      iteration=1, answer="continue",
                                      more={"num_samples": 1, "limits": {"report_time_s": 1}})
        clock = "SELECT CAST(value AS INTEGER) FROM fact WHERE key = 'clock_ns'"
        wait_until(lambda: self.rows("l", clock)[0][0] > 2 * 10 ** 9, what="time to pass")
        self.end(process)


class Ended(Thinking):
    """On one worker, the same as one that was not."""

    def interrupted(self, kind, how, **options):
        program = options.pop("program", TRIAL)
        self.whole(kind, program, **options)
        process = self.start_thinking(kind, "i", program, **options)
        process.send_signal(how)
        self.assertEqual(self.finish(process).status, 130 if how == signal.SIGINT else -how)
        wait_until(lambda: not self.processes(), what="nothing to be left")
        self.assertFalse(os.path.exists(self.go))
        self.write("go", "")
        done = self.pegbox("resume", "i")
        self.assertEqual(done.err, "", str(done))
        self.check("i", TRIALS, "SELECT DISTINCT trial, n FROM result ORDER BY trial, n")
        os.unlink(self.go)
        os.unlink(self.began)

    def either(self, how):
        for kind in ("scheduler", "stopper"):
            for answer in ("mixed", "stop", "continue"):
                with self.subTest("%s %s" % (kind, answer)):
                    self.interrupted(kind, how, trial=1, iteration=1, answer=answer)

    def test_killed(self):
        self.either(signal.SIGKILL)

    def test_signal(self):
        self.either(signal.SIGINT)

    def test_choosing(self):
        for how in (signal.SIGKILL, signal.SIGINT):
            self.interrupted("scheduler", how, call="choose")

    def test_all(self):
        for how in (signal.SIGKILL, signal.SIGINT):
            self.interrupted("stopper", how, call="all")

    def test_pausing(self):
        saver = {"plugin": "saver", "log": os.path.join(self.dir, "log")}
        checkpoint = {"checkpoint": {"frequency": 1}, "stop": {"training_iteration": 4}}
        for how in (signal.SIGKILL, signal.SIGINT):
            self.interrupted("scheduler", how, trial=1, answer="pause", more=checkpoint,
                             program=saver)

    def test_one_after_the_other(self):
        """What the first of two stoppers has said is known, though the second one still thinks."""
        two = [{"plugin": "thinker", "answer": "stop", "call": "result", "trial": 1},
               {"plugin": "thinker", "answer": "continue", "call": "result", "trial": 1,
                "until": self.go, "began": self.began}]
        for how in (signal.SIGKILL, signal.SIGINT):
            self.interrupted("scheduler", how, call="none", more={"stop": two})


class Refused(Thinking):
    def test_paused_meanwhile(self):
        """A search has an error about a result of a trial that has no worker any more."""
        self.build_plugin(os.path.join(HERE, "thinker.c"), "search", "thinker", flags=["-DSEARCH"])
        step = os.path.join(self.dir, "step")
        process = self.start_thinking("search", "r", {"plugin": "saver", "waits_at": 3, "go": step},
                                      more={"num_samples": 1})
        self.pegbox("pause", "r", "0")
        self.write("step", "")
        wait_until(lambda: self.rows("r", "SELECT state FROM trial") == [("PAUSED",)],
                   what="the trial to pause")
        self.write("go", "")
        wait_until(lambda: self.rows("r", "SELECT state, failures FROM trial") == [("ERROR", 1)],
                   what="the trial to fail")
        self.assertIn("not this one", self.rows("r", "SELECT error FROM trial")[0][0])
        self.finish(process)


class Told(Thinking):
    """A trial that somebody asked for."""

    def test_tell_waits_for_the_answer(self):
        for answer, state in (("stop", "TERMINATED"), ("continue", "RUNNING")):
            path = self.spec(sh("while [ ! -e %s ]; do sleep 0.01; done; echo '{\"loss\": 1}'" % self.go),
                             **self.keys("scheduler", "t", answer=answer, iteration=1, trial=1,
                                         more={"num_samples": 2}))
            process = self.start("run", path)
            wait_until(lambda: len(self.so_far("t", "SELECT number FROM trial")) == 2, what="trials")
            asked = self.pegbox("ask", "t").json
            self.assertEqual(asked["trial"], 1)
            told = self.start("tell", "t", "1", "0.5", "--intermediate", "--json")
            wait_until(lambda: os.path.exists(self.began), what="it to think")
            wait_until(lambda: self.rows("t", "SELECT trial FROM result") == [(1,)], what="a row")
            self.assertIsNone(told.poll())
            self.pegbox("tell", "t", "1", "0.5", "--intermediate", expect=1)
            self.write("go", "")
            self.assertIn(state, self.finish(told).out)
            if state == "RUNNING":
                self.pegbox("tell", "t", "1", "0.5")
            self.assertEqual(self.finish(process).status, 0)
            self.pegbox("rm", "t")
            self.forget()


if __name__ == "__main__":
    main()
