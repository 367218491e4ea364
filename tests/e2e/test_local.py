#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`run --local`: C trainables inside the driver, programs one at a time with the terminal."""
import os
import pty
import select
import shutil
import signal
import time
import unittest

from pegbox_test import (PEGBOX, SLOW, SOURCE, PegboxTest, main, python, read_text, sh,
                         wait_until)

EXAMPLES = os.path.join(SOURCE, "sdk", "examples", "trainable")
PDB = """import os, sys
x = float(sys.argv[1])
print("terminals", os.isatty(0), os.isatty(1), os.isatty(2), file=sys.stderr)
breakpoint()
print('{"loss": %g}' % (x * 2))
"""


# Reports whether the file "here" is in its current directory.
WHERE = """#include <pegbox/helpers.h>
#include <unistd.h>

struct pbx_instance {
    pbx_base base;
    const pbx_session *session;
};
static const pbx_option options[] = {PBX_OPT_INT("unused", "nothing", "1.0", 0, 1, "0")};

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *values, pbx_error *error)
{
    const void *session = NULL;
    pbx_status status = pbx_need(host, PBX_SESSION_ID, &session, error);
    (void)values;
    self->session = (const pbx_session *)session;
    return status;
}

static pbx_status
run(pbx_instance *self, pbx_error *error)
{
    static const char *const names[] = {"loss"};
    double found = access("here", F_OK) == 0;
    pbx_answer answer = {sizeof(answer), 0, 0, 0};
    return self->session->report(self->base.host, names, &found, 1, NULL, 0, &answer, error);
}

PEGBOX_TRAINABLE("where", "1.0", "Looks where it is", "MIT", options, 0, init, .run = run);
"""


class Terminal:
    """A program on a terminal of its own, and a person before it."""

    def __init__(self, test, words, env):
        self.test, self.seen, self.at = test, b"", 0
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(words[0], words, dict(env, TERM="xterm"))
        self.status = None
        test.addCleanup(self.close)

    def close(self):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)

    def read(self, seconds):
        """Reads what is there. False: the end."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.seen += data
        return bool(data)

    def wait_for(self, text):
        end = time.monotonic() + 60 * SLOW
        text = text.encode()
        while text not in self.seen[self.at:]:
            if not self.read(0.5) or time.monotonic() > end:
                self.test.fail("no %r in %r" % (text, self.seen[self.at:]))
        self.at = self.seen.index(text, self.at) + len(text)

    def type(self, text):
        os.write(self.fd, text.encode())

    def finish(self):
        end = time.monotonic() + 60 * SLOW
        while self.read(0.5):
            if time.monotonic() > end:
                self.test.fail("it does not end: %r" % self.seen)
        self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.status


class Inside(PegboxTest):
    """Trainables in C."""

    def build(self, name):
        source = os.path.join(EXAMPLES, name + ".c")
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(source, "trainable", name)

    def descent(self, steps, **keys):
        return self.spec({"plugin": "descent", "steps": steps}, name="e", metric="loss",
                         mode="min", seed=1, config={"rate": {"$loguniform": [1e-5, 1e-3]},
                                                     "momentum": 0}, **keys)

    def test_runs_in_the_driver(self):
        self.build("descent")
        process = self.start("run", "--local", self.descent(3, num_samples=4))
        self.assertEqual(self.finish(process).status, 0)
        experiment = self.opened("e")
        self.assertEqual(experiment.counts, [3] * 4)
        pids = {result["pid"] for trial in range(4) for result in experiment.results(trial)}
        self.assertEqual(pids, {process.pid})
        # One at a time, in order.
        times = [(trial["started"], trial["ended"]) for trial in experiment.trials]
        self.assertEqual(times, sorted(times))
        for before, after in zip(times, times[1:]):
            self.assertLessEqual(before[1], after[0])

    def test_its_directory_is_the_files(self):
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(self.write("where.c", WHERE),
                                                           "trainable", "where")
        self.write("here", "")
        path = self.spec("where", metric="loss", mode="max")
        for i, words in enumerate(([], ["--local"])):
            self.pegbox("run", path, "--name", "e%d" % i, *words, cwd="/")
            self.assertEqual(self.opened("e%d" % i).results(0)[0]["loss"], 1, words)

    def test_same_results_as_in_workers(self):
        self.build("descent")
        both = []
        for words in ([], ["--local"]):
            path = self.descent(5, num_samples=3, max_concurrent_trials=1)
            self.pegbox("run", path, "--name", "e%d" % len(both), *words)
            experiment = self.opened("e%d" % len(both))
            both.append([[result["loss"] for result in experiment.results(trial)]
                         for trial in range(3)])
        self.assertEqual(both[0], both[1])

    def test_class_form(self):
        self.build("logistic")
        experiment = self.run_experiment(
            {"plugin": "logistic", "epochs": 50}, words=["--local"], metric="accuracy", mode="max",
            num_samples=3, seed=1, stop={"training_iteration": 4},
            config={"rate": {"$loguniform": [1e-3, 1]}, "l2": {"$loguniform": [1e-6, 1]}})
        self.assertEqual(experiment.states, ["TERMINATED"] * 3)
        self.assertEqual(experiment.counts, [4] * 3)

    def test_failures_and_trials_after_them(self):
        self.build("misbehave")
        experiment = self.run_experiment(
            {"plugin": "misbehave", "how": "error"}, words=["--local"], metric="loss", mode="min",
            num_samples=2, max_failures=1, expect=1)
        self.assertEqual(experiment.states, ["ERROR"] * 2)
        self.assertEqual([trial["attempts"] for trial in experiment.trials], [2, 2])
        self.assertEqual(experiment.trials[1]["error"], "disk: two lines: of an error")

    def test_one_that_cannot_be_made(self):
        self.build("misbehave")
        experiment = self.run_experiment({"plugin": "misbehave", "how": "create"},
                                         words=["--local"], metric="loss", mode="min", expect=1)
        self.assertIn("cannot be made", experiment.trials[0]["error"])

    def test_prints_where_the_driver_does(self):
        self.build("misbehave")
        experiment = self.run_experiment({"plugin": "misbehave", "how": "chatty"},
                                         words=["--local"], metric="loss", mode="min")
        self.assertIn("line 99999 of what nobody wants to read\n", experiment.done.out)
        self.assertIn("about to misbehave\n", experiment.done.err)
        for name in ("stdout", "stderr"):
            self.assertFalse(os.path.exists(os.path.join(experiment.dir(0), name)), name)

    def test_crash_is_the_drivers(self):
        self.build("misbehave")
        experiment = self.run_experiment({"plugin": "misbehave", "how": "crash"},
                                         words=["--local"], metric="loss", mode="min",
                                         expect=-signal.SIGSEGV)
        # What was reported before is kept.
        self.assertEqual(experiment.counts, [1])

    def test_limits_are_not_kept(self):
        self.build("descent")
        self.pegbox("run", "--local", self.descent(
            2000, limits={"trial_time_s": 1e-9, "report_time_s": 1e-9, "memory": 1}))
        self.assertEqual(self.opened("e").states, ["TERMINATED"])

    def results_there(self):
        done = self.pegbox("trials", "e", "--json", expect=None)
        return done.status == 0 and sum(trial["results"] for trial in done.json) > 0

    def test_interrupt(self):
        self.build("descent")
        process = self.start("run", "--local", self.descent(1000000, num_samples=2))
        wait_until(self.results_there, what="a result")
        process.send_signal(signal.SIGINT)
        self.assertEqual(self.finish(process).status, 130)
        self.assertEqual(self.opened("e").states, ["PENDING"] * 2)

    def test_interrupt_of_one_that_hangs(self):
        self.build("misbehave")
        path = self.spec({"plugin": "misbehave", "how": "hang"}, name="e", metric="loss",
                         mode="min")
        process = self.start("run", "--local", path)
        wait_until(self.results_there, what="a result")
        process.send_signal(signal.SIGINT)
        while "interrupted" not in process.stderr.readline():
            pass  # two signals that come at once are one
        process.send_signal(signal.SIGINT)
        self.assertEqual(self.finish(process).status, 130)
        self.assertEqual(self.opened("e").counts, [1])


class Programs(PegboxTest):
    """exec."""

    def local(self, *words, **keys):
        return self.run_experiment(*words, words=["--local"], name="e", **keys)

    def test_one_at_a_time_in_order(self):
        log = os.path.join(self.dir, "log")
        experiment = self.local(
            sh('echo "starts $1" >>"$2"; echo "{\\"loss\\": $1}"; echo "ends $1" >>"$2"', "{x}",
               log), metric="loss", mode="min", config={"x": {"$grid_search": [1, 2, 3, 4]}})
        self.assertEqual(experiment.states, ["TERMINATED"] * 4)
        self.assertEqual(read_text(log).split("\n")[:-1],
                         ["%s %d" % (what, i) for i in range(1, 5) for what in ("starts", "ends")])

    def test_output_is_shown_and_kept(self):
        experiment = self.local(
            sh("""printf 'no end of line'; echo >&2 complaint; echo; echo '{"loss": 1}'"""),
            metric="loss", mode="min")
        self.assertIn('no end of line\n{"loss": 1}\n', experiment.done.out)
        self.assertIn("complaint\n", experiment.done.err)
        self.assertEqual(experiment.read(0, "stdout"), 'no end of line\n{"loss": 1}\n')
        self.assertEqual(experiment.read(0, "stderr"), "complaint\n")

    def test_output_is_shown_once(self):
        experiment = self.local(sh("""echo '{"loss": 1}'"""), metric="loss", mode="min",
                                log_to_file=False)
        self.assertEqual(experiment.done.out.count('{"loss": 1}'), 1)

    def test_standard_input_is_the_drivers(self):
        path = self.spec(sh("read line; echo \"{\\\"loss\\\": $line}\""), name="e", metric="loss",
                         mode="min", num_samples=2)
        self.pegbox("run", "--local", path, text="3\n4\n")
        self.assertEqual([r["loss"] for i in range(2) for r in self.opened("e").results(i)], [3, 4])

    def test_stop_and_signal(self):
        experiment = self.local(
            sh("""while :; do echo '{"loss": 1}'; sleep 0.02; done"""), metric="loss", mode="min",
            stop={"training_iteration": 3})
        self.assertEqual((experiment.states, experiment.counts), (["TERMINATED"], [3]))

    def running(self, text):
        path = self.spec(sh(text), name="e", metric="loss", mode="min")
        process = self.start("run", "--local", path)
        wait_until(lambda: os.path.exists(os.path.join(self.dir, "there")), what="the program")
        return process

    def test_signals_to_the_driver(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            process = self.running("touch there; sleep 1000 & exec sleep 1000")
            process.send_signal(number)
            self.assertEqual(self.finish(process).status, 130)
            self.assertEqual(self.opened("e").states, ["PENDING"])
            shutil.rmtree(self.results_dir)
            os.remove(os.path.join(self.dir, "there"))

    def test_nothing_outlives_the_driver(self):
        process = self.running("touch there; sleep 1000 & setsid sleep 1000 & exec sleep 1000")
        process.kill()
        self.assertEqual(self.finish(process).status, -signal.SIGKILL)

    def test_nothing_outlives_the_worker(self):
        experiment = self.local(sh("sleep 1000 & setsid sleep 1000 & kill -KILL $PPID; sleep 1000"),
                                metric="loss", mode="min", expect=1)
        self.assertIn("its worker was killed by signal 9", experiment.trials[0]["error"])


class AtTheTerminal(PegboxTest):
    def on_terminal(self, trainable, **keys):
        path = self.spec(trainable, name="e", metric="loss", mode="min", **keys)
        return Terminal(self, [PEGBOX, "run", "--local", path], self.environment(None))

    def test_debugger(self):
        terminal = self.on_terminal(python(PDB, "{x}"), config={"x": {"$grid_search": [21, 5]}})
        terminal.wait_for("x=21")
        terminal.wait_for("terminals True True True")
        terminal.wait_for("(Pdb) ")
        terminal.type("p x + 1000\n")
        terminal.wait_for("1021")
        terminal.wait_for("(Pdb) ")
        terminal.type("c\n")
        terminal.wait_for("x=5")
        terminal.wait_for("(Pdb) ")
        terminal.type("c\n")
        self.assertEqual(terminal.finish(), 0, terminal.seen)
        experiment = self.opened("e")
        self.assertEqual([r["loss"] for i in range(2) for r in experiment.results(i)], [42, 10])
        self.assertIn("(Pdb)", experiment.read(0, "stdout"))
        self.assertIn("terminals", experiment.read(0, "stderr"))

    def test_no_block_is_drawn(self):
        terminal = self.on_terminal(sh("""sleep 1; echo '{"loss": 1}'"""))
        self.assertEqual(terminal.finish(), 0, terminal.seen)
        self.assertNotIn(b"\x1b", terminal.seen)
        self.assertNotIn(b"RUNNING", terminal.seen)

    def test_size_and_foreground(self):
        terminal = self.on_terminal(python("""import os
print("size", *os.get_terminal_size(1), flush=True)
print("foreground", os.tcgetpgrp(0) == os.getpgrp(), flush=True)
print('{"loss": 1}')
"""))
        self.assertEqual(terminal.finish(), 0, terminal.seen)
        self.assertIn(b"foreground True", terminal.seen)
        # This terminal has no size; the program gets one all the same.
        self.assertIn(b"size 200 24", terminal.seen)

    def test_ctrl_c_is_the_programs(self):
        # It lives on; pegbox does not hear of it.
        terminal = self.on_terminal(python("""import time
try:
    print("sleeping", flush=True)
    time.sleep(1000)
except KeyboardInterrupt:
    print('{"loss": 7}')
"""))
        terminal.wait_for("sleeping\r\n")
        terminal.type("\x03")
        self.assertEqual(terminal.finish(), 0, terminal.seen)
        self.assertEqual(self.opened("e").results(0)[0]["loss"], 7)

    def test_ctrl_c_that_ends_the_program_ends_the_experiment(self):
        # Not a shell: one that is about to exec its last command loses a SIGINT.
        terminal = self.on_terminal(python("""import time
print("sleeping", flush=True)
time.sleep(1000)
"""), num_samples=2)
        terminal.wait_for("sleeping\r\n")
        terminal.type("\x03")
        self.assertEqual(terminal.finish(), 130, terminal.seen)
        self.assertIn(b"interrupted", terminal.seen)
        self.assertEqual(self.opened("e").states, ["PENDING"] * 2)

    @unittest.skipUnless(shutil.which("bash"), "needs bash")
    def test_ctrl_z(self):
        path = self.spec(python(PDB, "{x}"), name="e", metric="loss", mode="min", config={"x": 4})
        shell = Terminal(self, [shutil.which("bash"), "--norc", "--noprofile", "-i"],
                         dict(self.environment(None), PS1="ready> "))
        shell.wait_for("ready> ")
        shell.type("%s run --local %s\n" % (PEGBOX, path))
        shell.wait_for("(Pdb) ")
        shell.type("\x1a")
        shell.wait_for("Stopped")
        shell.type("echo $((6 * 7))-in-the-shell\n")
        shell.wait_for("42-in-the-shell")
        shell.type("fg\n")
        shell.wait_for("run --local")
        shell.type("p x + 1000\n")
        shell.wait_for("1004")
        shell.type("c\n")
        shell.wait_for("Look further")
        shell.type("exit\n")
        self.assertEqual(shell.finish(), 0)
        self.assertEqual(self.opened("e").results(0)[0]["loss"], 8)


if __name__ == "__main__":
    main()
