#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two drivers never have one experiment: whoever comes second is refused, and harms nothing."""
import os
import signal

from pegbox_test import PegboxTest, main, sh, wait_until

WAITS = """echo '{"loss": 5}'; while [ ! -e "$1" ]; do sleep 0.05; done"""


class TwoDrivers(PegboxTest):
    def test_while_one_runs(self):
        go = os.path.join(self.dir, "go")
        path = self.spec(sh(WAITS, go), name="e", metric="loss", mode="min")
        first = self.start("run", path)
        wait_until(lambda: os.path.exists(self.results_dir + "/e/experiment.json") and
                   self.opened("e").counts == [1], 30, "the first one runs")
        second = self.pegbox("run", path, expect=2)
        self.assertEqual(len(second.err.splitlines()), 1, str(second))
        self.pegbox("rm", "e", expect=2)
        with open(go, "w", encoding="utf-8"):
            pass
        done = self.finish(first)
        self.assertEqual(done.status, 0, str(done))
        self.assertEqual(self.opened("e").counts, [1])

    def test_at_the_same_time(self):
        path = self.spec(sh("""echo '{"loss": 5}'"""), name="e", metric="loss", mode="min",
                         num_samples=3)
        started = [self.start("run", path) for _ in range(4)]
        done = [self.finish(process) for process in started]
        self.assertEqual(sorted(one.status for one in done), [0, 2, 2, 2],
                         "\n".join(map(str, done)))
        self.assertEqual(self.opened("e").counts, [1] * 3)

    def test_after_one_was_killed(self):
        path = self.spec(sh("""echo '{"loss": 5}'; sleep 1000"""), name="e", metric="loss",
                         mode="min")
        first = self.start("run", path)
        wait_until(lambda: os.path.exists(self.results_dir + "/e/experiment.json") and
                   self.opened("e").counts == [1], 30, "the first one runs")
        first.send_signal(signal.SIGKILL)
        first.wait()
        wait_until(lambda: not self.processes(), 20, "all processes end")
        self.pegbox("run", path, expect=2)
        self.assertEqual(self.opened("e").counts, [1])
        # Nobody holds it any more.
        self.pegbox("rm", "e")


if __name__ == "__main__":
    main()
