#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Searches, schedulers and stoppers in a child process: the same experiment as without, and no
more than a line where the child crashes, hangs or is killed."""
import json
import os
import signal
import sqlite3
import time

from pegbox_test import HERE, SHORT, SOURCE, PegboxTest, main, sh, wait_until

TRIAL = """i=0; while [ $i -lt 4 ]; do i=$((i + 1)); printf '{"loss": %s%s}\\n' $1 $i; done"""
SLOW_TRIAL = TRIAL.replace("; done", "; sleep 0.03; done")
PLAIN = {"x": {"$uniform": [0.1, 0.9]}, "y": {"$uniform": [0, 1]}}
SPACE = {"x": {"$uniform": [0.1, 0.9]}, "n": {"$randint": 20}, "c": {"$choice": ["a", "b", 3]}}
DECIDED = "SELECT number, config, state, outcome, reason, value, rung, bracket, origin, ask FROM trial"


class Isolate(PegboxTest):
    def keys(self, **more):
        keys = dict(metric="loss", mode="min", num_samples=12, seed=5, max_concurrent_trials=1,
                    config=SPACE, auto_loggers=False, log_to_file=False)
        keys.update(more)
        return keys

    def rows(self, name, sql=DECIDED):
        store = sqlite3.connect("file:%s/experiment.db?mode=ro"
                                % os.path.join(self.results_dir, name), uri=True)
        found = store.execute(sql).fetchall()
        store.close()
        return found

    def build_flaky(self, flags=()):
        source = os.path.join(SOURCE, "tests", "unit", "decider", "flaky.c")
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(source, "search", "flaky", flags=flags)

    def build_slow(self):
        self.build_flaky(["-DFLAKY_CAPS=PBX_CAP_SLOW"])

    def both(self, slot, use, **more):
        """The same experiment with the decider of a slot here and in a child."""
        for name, isolate in (("here", False), ("child", True)):
            one = dict(use, isolate=isolate)
            keys = self.keys(name=name, **more)
            keys[slot] = [one] if slot == "stop" else one
            e = self.run_experiment(sh(TRIAL, "{x}"), **keys)
            self.assertEqual(e.done.err, "", str(e.done))
        self.assertEqual(self.rows("child"), self.rows("here"))
        for name in ("here", "child"):
            self.pegbox("rm", name)


class Equal(Isolate):
    def test_searches(self):
        learns = {"tpe": {"n_startup_trials": 3}}
        listed = self.look_at("search")
        self.assertIn("random", listed)
        for name in listed:
            caps = self.pegbox("inspect", "search/" + name, "--json").json.get("caps", [])
            if "transparent" in caps:
                continue
            with self.subTest(name):
                self.both("search", dict({"plugin": name}, **learns.get(name, {})),
                          config=SPACE if "category" in caps else PLAIN)

    def look_at(self, kind):
        return [one["name"] for one in self.pegbox("plugins", kind, "--json").json]

    def test_schedulers(self):
        self.both("scheduler", {"plugin": "asha", "max_t": 4, "grace_period": 1})
        self.both("scheduler", {"plugin": "fifo"})

    def test_stoppers(self):
        for use in ({"plugin": "max-iteration", "max_iter": 2},
                    {"plugin": "trial-plateau", "metric": "loss", "num_results": 2},
                    {"plugin": "experiment-plateau", "metric": "loss", "patience": 2, "top": 3},
                    {"plugin": "threshold", "bounds": {"loss": {"<=": 0.4}}},
                    {"plugin": "when", "when": ""},
                    {"plugin": "noop"}, {"plugin": "timeout", "timeout": 1000}):
            if use["plugin"] == "when":
                use = {"when": "result.loss < 0.5 and result.training_iteration > 1"}
            with self.subTest(str(use)):
                self.both("stop", use)

    def test_a_wrapper_with_what_it_wraps(self):
        """Each of them sees losses and fields of its own."""
        self.both("stop", {"plugin": "combined", "require": "all", "stoppers": [
            {"plugin": "max-iteration", "max_iter": 2},
            {"plugin": "combined", "stoppers": [
                {"plugin": "threshold", "bounds": {"loss": {"<=": 0.7}}},
                {"when": "result.loss > 0.8"}]}]})

    def test_what_is_wrapped(self):
        """The key may stand in the object of what is wrapped, too."""
        tpe = {"plugin": "tpe", "n_startup_trials": 3}
        points = {"points_to_evaluate": [{"x": 0.3}]}
        within = {"search": [
            lambda one: {"plugin": "limit", "max_concurrent": 2, "search": one},
            lambda one: {"plugin": "repeat", "times": 2, "search": one},
            lambda one: dict({"plugin": "warm-start", "search": one}, **points),
            lambda one: {"plugin": "repeat", "times": 2, "search":
                         {"plugin": "limit", "max_concurrent": 2, "search": dict(one, **points)}}],
            "stop": [lambda one: {"plugin": "combined", "stoppers": [one, "noop"]}]}
        for slot, use in (("search", tpe), ("stop", {"plugin": "max-iteration", "max_iter": 2})):
            for make in within[slot]:
                with self.subTest(str(make(use))):
                    for name, isolate in (("here", False), ("child", 30)):
                        self.run_experiment(sh(TRIAL, "{x}"), **self.keys(
                            name=name, **{slot: make(dict(use, isolate=isolate))}))
                    self.assertEqual(self.rows("child"), self.rows("here"))
                    for name in ("here", "child"):
                        self.pegbox("rm", name)

    def test_duplicates_and_conditions(self):
        space = {"x": 1, "k": {"$choice": [1, 2, {"a": {"$uniform": [0, 1]}}]}}
        self.both("search", {"plugin": "tpe", "n_startup_trials": 2}, config=space,
                  duplicates="skip", num_samples=6)


class Elsewhere(Isolate):
    """Where there is no driver, or it runs the trials itself."""

    def asked(self, name, isolate):
        path = self.spec(None, **self.keys(name=name, search={
            "plugin": "tpe", "n_startup_trials": 2, "isolate": isolate}))
        configs = []
        for i in range(5):
            words = ("ask", "--create", path) if i == 0 else ("ask", name)
            asked = self.pegbox(*words).json
            configs.append(asked["config"])
            self.pegbox("tell", name, str(asked["trial"]), json.dumps({"loss": i % 3}))
        return configs

    def test_ask_and_tell(self):
        self.assertEqual(self.asked("child", True), self.asked("here", False))

    def test_local(self):
        for name, isolate in (("here", False), ("child", True)):
            self.run_experiment(sh(TRIAL, "{x}"), words=["--local"], **self.keys(
                name=name, search={"plugin": "tpe", "n_startup_trials": 2, "isolate": isolate}))
        self.assertEqual(self.rows("child"), self.rows("here"))

    def test_looked_at(self):
        path = self.spec(sh(TRIAL, "{x}"), **self.keys(search={"plugin": "tpe", "isolate": 60}))
        self.pegbox("validate", path)
        self.assertIn("isolate", self.pegbox("schema").out)
        e = self.run_experiment(sh(TRIAL, "{x}"), **self.keys(
            name="e", num_samples=1, search={"plugin": "tpe", "isolate": 60}))
        with open(os.path.join(e.path, "experiment.json"), encoding="utf-8") as file:
            self.assertEqual(json.load(file)["search"]["isolate"], 60)


class Flaky(Isolate):
    def setUp(self):
        super().setUp()
        self.build_flaky()
        self.once = os.path.join(self.dir, "once")

    def flaky(self, at=0, how="crash", once=True, isolate=True, **more):
        return dict({"plugin": "flaky", "at": at, "how": how, "isolate": isolate,
                     "once": self.once if once else ""}, **more)

    def run_flaky(self, name, expect=0, **options):
        return self.run_experiment(sh(TRIAL, "{x}"), expect=expect,
                                   **self.keys(name=name, num_samples=5, config=PLAIN,
                                               search=self.flaky(**options)))

    def children(self):
        """Pids of the children with deciders, as `ps` would show them."""
        found = []
        for pid in self.named("pegbox-worker"):
            try:
                with open("/proc/%d/cmdline" % pid, "rb") as file:
                    if b"\0decider\0" in file.read():
                        found.append(pid)
            except OSError:
                pass
        return found

    def so_far(self, name, sql):
        try:
            return self.rows(name, sql)
        except sqlite3.Error:
            return []

    def crash_and_hang(self):
        """One line, and the points of one that never did."""
        few, more = (1, 9), (1, 2, 9) if SHORT else (1, 2, 3, 7, 14, 20, 24)
        for how, ats, said in (("crash", more, "was killed by signal 9 (Killed)"),
                               ("exit", more, "ended with status 7"),
                               ("hang", more, "gave no answer for 0.5 s"),
                               ("chatter", few, "gave no answer for 0.5 s"),
                               ("noise", few, "spoke nonsense"),
                               ("empty", few, "answered with nonsense")):
            for at in ats:
                with self.subTest("%s at %d" % (how, at)):
                    e = self.run_flaky("lost", at=at, how=how, isolate=0.5 if "0.5" in said else True)
                    lines = e.done.err.splitlines()
                    self.assertEqual(len(lines), 1, str(e.done))
                    self.assertRegex(lines[0], r"search: its child process %s in search\.\w+, and is "
                                     "started again from its last state" % said.replace("(", r"\(")
                                     .replace(")", r"\)"))
                    self.assertEqual(self.rows("lost"), self.rows("whole"))
                    self.pegbox("rm", "lost")
                    os.unlink(self.once)


class Lost(Flaky):
    def test_crashes_and_hangs(self):
        self.run_flaky("whole", isolate=False)
        self.crash_and_hang()

    def test_a_slow_one_crashes_and_hangs(self):
        self.run_flaky("whole", isolate=False)
        self.build_slow()
        self.crash_and_hang()

    def test_a_second_time(self):
        """Then the experiment ends, and can go on once the plugin is mended."""
        e = self.run_flaky("twice", at=9, once=False, expect=4)
        lines = e.done.err.splitlines()
        self.assertEqual(len(lines), 2, str(e.done))
        self.assertRegex(lines[1], r"pegbox: error: search/flaky: its child process was killed by "
                         r"signal 9 \(Killed\) in search\.\w+, for the second time")
        self.run_flaky("whole", isolate=False)
        done = self.pegbox("resume", "twice", "--set", "search.at=0")
        self.assertEqual(done.err, "", str(done))
        self.assertEqual(self.rows("twice", "SELECT number, x FROM trial"),
                         self.rows("whole", "SELECT number, x FROM trial"))

    def test_the_child_is_killed(self):
        keys = self.keys(name="k", num_samples=8, search=self.flaky(), config=PLAIN)
        process = self.start("run", self.spec(sh(SLOW_TRIAL, "{x}"), **keys))
        killed = 0
        while killed < 2:
            n = len(self.so_far("k", "SELECT number FROM trial WHERE ended_ns > 0"))
            wait_until(lambda: len(self.so_far("k", "SELECT number FROM trial WHERE ended_ns > 0")) > n, what="a trial")
            for pid in self.children():
                os.kill(pid, signal.SIGKILL)
                killed += 1
        done = self.finish(process)
        self.assertEqual(done.status, 0, str(done))
        self.assertEqual(len(done.err.splitlines()), 2, str(done))
        self.run_experiment(sh(TRIAL, "{x}"), **dict(keys, name="whole",
                                                     search=self.flaky(isolate=False)))
        self.assertEqual(self.rows("k", "SELECT number, x, origin FROM trial"),
                         self.rows("whole", "SELECT number, x, origin FROM trial"))


class Slow(Flaky):
    """While it looks for a point, what trials report is stored, answered and logged."""
    WAITS = "SELECT number FROM trial WHERE number = 0 AND ended_ns > 0"

    def setUp(self):
        super().setUp()
        self.go = os.path.join(self.dir, "go")

    def slow(self, name, **more):
        return self.keys(name=name, num_samples=4, config=PLAIN, auto_loggers=True,
                         search=self.flaky(until=self.go, **dict({"from": 1, "isolate": False},
                                                                 **more)))

    def start_slow(self, name, **more):
        """A search that waits with its second point; its first trial has ended."""
        path = self.spec(sh(SLOW_TRIAL, "{x}"), **self.slow(name, **more))
        process = self.start("run", path)
        wait_until(lambda: self.so_far(name, self.WAITS), what="the first trial's end")
        return process

    def whole(self):
        """As one that is not slow."""
        self.write("go", "")
        self.run_experiment(sh(TRIAL, "{x}"), **self.slow("whole"))
        os.unlink(self.go)
        self.build_slow()

    def check(self, name):
        sql = "SELECT number, x, origin, ask, state, outcome, results, value FROM trial"
        self.assertEqual(self.rows(name, sql), self.rows("whole", sql))

    def log(self, name):
        folder = os.path.join(self.results_dir, name)
        for one in os.listdir(folder):
            path = os.path.join(folder, one, "result.json")
            if os.path.exists(path):
                with open(path, encoding="utf-8") as file:
                    return len(file.readlines())
        return 0

    def test_others_go_on(self):
        self.whole()
        process = self.start_slow("s")
        wait_until(lambda: self.log("s") == 4, what="the log")
        self.assertEqual(len(self.rows("s", "SELECT number FROM trial")), 1)
        self.assertEqual(len(self.children()), 1)
        self.write("go", "")
        done = self.finish(process)
        self.assertEqual((done.status, done.err), (0, ""), str(done))
        self.check("s")

    def wrapped(self, around):
        """The wrapper lives with it, in one child, and so waits with it; trials do not."""
        keys = self.slow("w")
        inner = keys["search"]
        keys["search"] = dict(inner, max_concurrent=2) if around is None else \
            dict(around, search=inner)
        process = self.start("run", self.spec(sh(SLOW_TRIAL, "{x}"), **keys))
        wait_until(lambda: self.so_far("w", self.WAITS) and self.log("w") == 4, what="the log")
        self.assertEqual(len(self.children()), 1)
        self.write("go", "")
        done = self.finish(process)
        self.assertEqual((done.status, done.err), (0, ""), str(done))
        self.assertEqual(len(self.rows("w", "SELECT number FROM trial WHERE ended_ns > 0")), 4)
        self.pegbox("rm", "w")
        os.unlink(self.go)

    def test_within_a_wrapper(self):
        self.build_slow()
        for around in (None, {"plugin": "limit", "max_concurrent": 3}, {"plugin": "repeat", "times": 2},
                       {"plugin": "warm-start", "points_to_evaluate": [{"x": 0.5, "y": 0.5}]}):
            with self.subTest(str(around)):
                self.wrapped(around)

    def test_isolated_within_a_wrapper(self):
        """As what is slow there. It is waited for, though it takes its time."""
        path = self.spec(sh(SLOW_TRIAL, "{x}"), **self.keys(name="w", num_samples=4, config=PLAIN, search={
            "plugin": "limit", "max_concurrent": 2, "search": self.flaky(until=self.go, isolate=300)}))
        process = self.start("run", path)
        wait_until(self.children, what="the child")
        self.assertEqual(len(self.children()), 1)
        self.write("go", "")
        done = self.finish(process)
        self.assertEqual((done.status, done.err), (0, ""), str(done))

    def test_the_driver_is_killed(self):
        """What was asked before the results came is asked before them again."""
        self.whole()
        for _ in range(2):
            process = self.start_slow("k")
            process.send_signal(signal.SIGKILL)
            self.finish(process)
            wait_until(lambda: not self.processes(), what="nothing to be left")
            self.write("go", "")
            done = self.pegbox("resume", "k")
            self.assertEqual(done.err, "", str(done))
            self.check("k")
            self.pegbox("rm", "k")
            os.unlink(self.go)

    def test_one_that_is_told_again(self):
        """It is asked again before it is told what came since."""
        source = os.path.join(HERE, "told-again.c")
        self.build_plugin(source, "search", "told-again")
        use = {"plugin": "told-again", "until": self.go, "from": 1}
        keys = dict(self.slow("whole"), search=use)
        self.write("go", "")
        self.run_experiment(sh(SLOW_TRIAL, "{x}"), **keys)
        os.unlink(self.go)
        for how in (signal.SIGKILL, signal.SIGINT):
            process = self.start("run", self.spec(sh(SLOW_TRIAL, "{x}"), **dict(keys, name="t")))
            wait_until(lambda: self.so_far("t", self.WAITS), what="the first trial's end")
            process.send_signal(how)
            self.finish(process)
            wait_until(lambda: not self.processes(), what="nothing to be left")
            self.write("go", "")
            self.pegbox("resume", "t")
            self.check("t")
            self.pegbox("rm", "t")
            os.unlink(self.go)

    def test_asked_at_once(self):
        """Whoever asks while another one's search thinks has its turn, however long that is."""
        source = os.path.join(HERE, "told-again.c")
        self.build_plugin(source, "search", "told-again")
        use = {"plugin": "told-again", "until": self.go, "from": 1}
        self.pegbox("ask", "--create", self.spec(None, **dict(self.slow("a"), search=use)))
        first, second = self.start("ask", "a"), self.start("ask", "a")
        wait_until(lambda: len(self.children()) == 1, what="a search")
        late = self.pegbox("ask", "a", "--timeout", "1", expect=4)
        self.assertIn("locked", late.err)
        if not SHORT:
            time.sleep(6)  # SQLite by itself waits for 10 s
        told = self.start("tell", "a", "0", "1")
        self.assertEqual([one.poll() for one in (first, second, told)], [None, None, None])
        self.write("go", "")
        asked = [json.loads(self.finish(one).out)["trial"] for one in (first, second)]
        self.assertEqual(sorted(asked), [1, 2])
        self.assertEqual(self.finish(told).status, 0)

    def test_a_signal(self):
        """Nobody waits for it, and the resumed experiment is as one that was not interrupted."""
        self.whole()
        process = self.start_slow("i")
        process.send_signal(signal.SIGINT)
        self.assertEqual(self.finish(process).status, 130)
        self.write("go", "")
        self.pegbox("resume", "i")
        self.check("i")

    def test_a_config_by_hand(self):
        """It has its turn once the point is there."""
        self.build_slow()
        process = self.start_slow("e")
        asked = self.start("enqueue", "e", '{"x": 0.5, "y": 0.5}')
        self.write("go", "")
        self.assertEqual(self.finish(asked).status, 0)
        done = self.finish(process)
        self.assertEqual((done.status, done.err), (0, ""), str(done))
        self.assertEqual(len(self.rows("e", "SELECT number FROM trial")), 5)

    def test_steered(self):
        """What a person asks for has its turn once the point is there, and holds up nobody."""
        self.build_slow()
        more = os.path.join(self.dir, "more")
        trial = ("echo '{\"loss\": 1}'; [ $1 = 0 ] || while [ ! -e %s ]; do sleep 0.01; done; "
                 "for i in 2 3 4; do echo '{\"loss\": 1}'; done" % more)
        path = self.spec(sh(trial, "{trial.number}"), **dict(
            self.slow("s", **{"from": 2}), max_concurrent_trials=2, resources={"cpu": 0}))
        process = self.start("run", path)
        wait_until(lambda: self.so_far("s", self.WAITS), what="the first trial's end")
        taken = [self.start("enqueue", "s", '{"x": 0.5, "y": 0.5}'), self.start("void", "s", "0")]
        requests = os.path.join(self.results_dir, "s", "requests")
        wait_until(lambda: len([name for name in os.listdir(requests) if name.endswith(".json")
                                and not name.startswith(".")]) >= 2, what="the requests")
        self.pegbox("unpause", "s")  # which is answered behind them
        self.write("more", "")
        wait_until(lambda: self.rows("s", "SELECT count(*) FROM result WHERE trial = 1") == [(4,)],
                   what="the results of the other trial")
        self.assertEqual([one.poll() for one in taken], [None, None])
        self.assertEqual(self.rows("s", "SELECT count(*) FROM trial"), [(2,)])
        self.write("go", "")
        for one in taken:
            done = self.finish(one)
            self.assertEqual(done.status, 0, str(done))
        done = self.finish(process)
        self.assertEqual((done.status, done.err), (0, ""), str(done))
        self.assertEqual(self.rows("s", "SELECT outcome, count(*) FROM trial GROUP BY outcome"),
                         [("completed", 4), ("void", 1)])

    def test_what_follows_an_answer(self):
        """A point that was altered is told before what came while it was sought: so it is once more
        when the experiment goes on."""
        space = {"x": {"$randint": 5}, "y": {"$uniform": [0, 1]}}
        self.write("go", "")
        keys = dict(self.slow("whole"), config=space)
        self.run_experiment(sh(TRIAL, "{y}"), **keys)
        os.unlink(self.go)
        self.build_slow()
        path = self.spec(sh(SLOW_TRIAL, "{y}"), **dict(self.slow("f"), config=space))
        process = self.start("run", path, env={"PEGBOX_GLOBAL_CHECKPOINT_S": "1000"})
        wait_until(lambda: self.so_far("f", self.WAITS), what="the first trial's end")
        self.write("go", "")
        wait_until(lambda: self.so_far("f", "SELECT number FROM trial WHERE number = 2"),
                   what="the third trial")
        process.send_signal(signal.SIGKILL)
        self.finish(process)
        wait_until(lambda: not self.processes(), what="nothing to be left")
        self.pegbox("resume", "f")
        self.check("f")

    def test_an_error_that_comes_late(self):
        """It is told, and ends the experiment, as in pegbox itself."""
        self.build_slow()
        path = self.spec(sh("exit 3"), **dict(self.slow("f"), fail_fast=False))
        process = self.start("run", path)
        wait_until(lambda: self.so_far("f", self.WAITS), what="the first trial's end")
        self.write("go", "")
        done = self.finish(process)
        self.assertEqual(done.status, 4, str(done))
        self.assertIn("search/flaky: tell: trial 0 failed", done.err)


if __name__ == "__main__":
    main()
