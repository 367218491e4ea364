#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whichever process dies, none of the others is left behind."""
import os
import signal

from pegbox_test import PEGBOX, PegboxTest, main, read_text, sh, wait_until

TRIAL = """trap '' TERM HUP INT
echo '{"loss": 5}'
setsid sleep 1000 &
: >"$PEGBOX_TRIAL_DIR/started"
while :; do sleep 1; done"""


class DriverKilled(PegboxTest):
    def start_two(self):
        process = self.start("run", self.spec(sh(TRIAL), name="e", metric="loss", mode="min",
                                              num_samples=2, max_concurrent_trials=2,
                                              resources={"cpu": 0.5}))
        wait_until(lambda: self.started_trials() == 2 or process.poll() is not None, 30,
                   "two trials run")
        self.assertIsNone(process.poll())
        return process

    def started_trials(self):
        base = os.path.join(self.results_dir, "e")
        return sum(os.path.exists(os.path.join(base, name, "started"))
                   for name in (os.listdir(base) if os.path.isdir(base) else []))

    def test_driver_killed(self):
        process = self.start_two()
        self.assertGreaterEqual(len(self.processes()), 5)
        wait_until(lambda: self.opened("e").counts == [1, 1], 20, "the reports are stored")
        process.send_signal(signal.SIGKILL)
        process.wait()
        wait_until(lambda: not self.processes(), 20, "all processes end")
        # What was acknowledged is in the store and can be looked at.
        self.assertEqual(len(self.opened("e").trials), 2)
        self.assertEqual(self.opened("e").counts, [1, 1])
        # None of it runs any more, and it does not say so.
        self.assertEqual(self.opened("e").states, ["PENDING", "PENDING"])
        row, = self.pegbox("ls", "--json").json
        self.assertEqual((row["status"], row["pending"], row["running"]), ("interrupted", 2, 0))
        self.assertIn("PENDING", self.opened("e").command("best").out)

    def test_a_worker_that_has_not_noticed(self):
        """Nothing of a trial runs beside what a driver has left of it."""
        process = self.start_two()
        wait_until(lambda: self.opened("e").counts == [1, 1], 20, "the reports are stored")
        workers = self.named("pegbox-worker")
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        process.send_signal(signal.SIGKILL)
        process.wait()
        err = os.path.join(self.dir, "err")
        with open(err, "w", encoding="utf-8") as file:
            again = self.start("resume", "e", stderr=file)
        wait_until(lambda: "is still at it" in read_text(err) or again.poll() is not None, 30,
                   "it waits")
        self.assertIsNone(again.poll())
        self.assertEqual(set(self.named("pegbox-worker")), set(workers))
        for pid in workers:
            os.kill(pid, signal.SIGCONT)
        wait_until(lambda: self.named("pegbox-worker") and
                   not set(self.named("pegbox-worker")) & set(workers), 30, "it goes on")
        wait_until(lambda: self.opened("e").states == ["RUNNING"] * 2, 30, "both trials run again")
        again.send_signal(signal.SIGKILL)
        again.wait()
        wait_until(lambda: not self.processes(), 20, "all processes end")

    def test_worker_killed(self):
        process = self.start_two()
        for pid in self.named("pegbox-worker"):
            os.kill(pid, signal.SIGKILL)
        done = self.finish(process)
        self.assertEqual(done.status, 1, str(done))
        self.assertEqual(self.opened("e").states, ["ERROR", "ERROR"])

    def test_children_of_before_are_spared(self):
        # As in `exec pegbox run x > >(reader)`: the reader is the driver's child, and no worker's.
        out = os.path.join(self.dir, "out")
        script = 'exec "$0" run "$1" > >(sleep 1; cat >"$2") 2>&1'
        path = self.spec(sh("echo '{\"loss\": 5}'"), name="e", metric="loss", mode="min")
        self.command(["bash", "-c", script, PEGBOX, path, out])
        wait_until(lambda: os.path.exists(out) and "Results:" in read_text(out), 20,
                   "the reader has all of the output")

    def test_program_killed(self):
        process = self.start_two()
        for pid in self.named("sh"):
            os.kill(pid, signal.SIGKILL)
        done = self.finish(process)
        self.assertEqual(done.status, 1, str(done))
        self.assertIn("SIGKILL", self.opened("e").trials[0]["error"])


if __name__ == "__main__":
    main()
