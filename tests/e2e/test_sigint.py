#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ctrl-C: the first ends the experiment gracefully, a second one at once."""
import os
import signal
import time

from pegbox_test import SLOW, PegboxTest, main, sh, wait_until

POLITE = """trap 'echo bye >"$PEGBOX_TRIAL_DIR/bye"; exit 0' TERM
echo '{"loss": 5}'
: >"$PEGBOX_TRIAL_DIR/started"
while :; do sleep 0.1; done"""
STUBBORN = POLITE.replace("trap 'echo bye >\"$PEGBOX_TRIAL_DIR/bye\"; exit 0' TERM",
                          "trap '' TERM INT HUP")


class Interrupted(PegboxTest):
    def start_one(self, script, **options):
        process = self.start("run", self.spec(sh(script), name="e", metric="loss", mode="min",
                                              num_samples=100, max_concurrent_trials=1), **options)
        base = os.path.join(self.results_dir, "e")
        wait_until(lambda: os.path.isdir(base) and any(
            os.path.exists(os.path.join(base, name, "started")) for name in os.listdir(base)),
            30, "the trial runs")
        wait_until(lambda: self.opened("e").trials[0]["results"] == 1, 30, "its result")
        return process

    def interrupt(self, number):
        # As from a shell, also where these tests run under nohup.
        process = self.start_one(POLITE, preexec_fn=lambda: signal.signal(number, signal.SIG_DFL))
        process.send_signal(number)
        done = self.finish(process)
        self.assertEqual(done.status, 130, str(done))
        experiment = self.opened("e")
        self.assertEqual(experiment.counts[0], 1)
        self.assertEqual(experiment.read(0, "bye"), "bye\n")
        return done

    def test_sigint(self):
        self.interrupt(signal.SIGINT)

    def test_sigterm(self):
        self.interrupt(signal.SIGTERM)

    def test_sighup(self):
        self.interrupt(signal.SIGHUP)

    def test_sigusr1(self):
        self.interrupt(signal.SIGUSR1)

    def test_sighup_stays_ignored(self):
        # As under nohup: the experiment goes on.
        process = self.start_one(POLITE, preexec_fn=lambda: signal.signal(signal.SIGHUP,
                                                                         signal.SIG_IGN))
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        self.assertEqual(self.finish(process).status, 130)

    def test_second_kills(self):
        process = self.start_one(STUBBORN)
        process.send_signal(signal.SIGINT)
        # The program takes no notice: without a second one this would last 12 s.
        time.sleep(0.5)
        self.assertIsNone(process.poll())
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        done = self.finish(process)
        self.assertLess(time.monotonic() - start, 8 * SLOW)
        self.assertIn(done.status, (130, -signal.SIGINT), str(done))
        self.assertEqual(self.opened("e").counts[0], 1)

    def temporary(self, run):
        """What is pegbox's own in there: valgrind has files of its own."""
        return [name for name in os.listdir(run) if name.startswith("pegbox-")]

    def test_killed_workers_leave_no_files(self):
        run = os.path.join(self.dir, "run")
        os.mkdir(run)
        process = self.start_one(STUBBORN, env={"XDG_RUNTIME_DIR": run, "TMPDIR": run})
        self.assertEqual(len(self.temporary(run)), 1)
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        self.finish(process)
        self.assertEqual(self.temporary(run), [])

    def test_a_program_that_kills_its_worker_leaves_no_files(self):
        run = os.path.join(self.dir, "run")
        os.mkdir(run)
        self.run_experiment(sh("kill -9 $PPID"), expect=1, environ={"XDG_RUNTIME_DIR": run})
        self.assertEqual(self.temporary(run), [])

    def test_signal_before_the_first_trial(self):
        process = self.start("run", self.spec(sh("sleep 1000"), name="e", num_samples=2))
        wait_until(lambda: os.path.exists(os.path.join(self.results_dir, "e", "experiment.db")),
                   30, "the experiment begins")
        process.send_signal(signal.SIGINT)
        self.assertEqual(self.finish(process).status, 130)


if __name__ == "__main__":
    main()
