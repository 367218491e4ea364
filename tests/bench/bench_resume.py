# SPDX-License-Identifier: LGPL-2.1-or-later
"""Going on with an experiment.

  resume         seconds from the start of `pegbox resume` of an experiment with 100,000 finished
                 trials to the start of the first new one, all loggers on
  resume-skip    the same with `duplicates: skip`, which remembers every config
  resume-asha    the same with asha, whose state is of as many trials as it has seen
  resume-memory  MiB that the driver has resident at most in the first
"""
import os
import shutil
import sqlite3
import subprocess
import statistics
import time

FINISHED = 100000


class Resume:
    def __init__(self, bench):
        self.bench = bench
        self.n = 2000 if bench.short else FINISHED
        self.dir = os.path.join(bench.dir, "results", "e")

    def fill(self, **keys):
        """An experiment with so many finished trials; each `resume` adds one more."""
        shutil.rmtree(self.dir, ignore_errors=True)
        self.bench.experiment(trainable={"plugin": "exec",
                                         "command": ["/bin/echo", '{{"loss": 1}']},
                              config={"lr": {"$loguniform": [1e-5, 1e-1]},
                                      "layers": {"$randint": [1, 100]}},
                              metric="loss", mode="min", num_samples=1, keep=True, **keys)
        subprocess.run([os.path.join(self.bench.build, "tests", "bench", "bench-finished"),
                        self.dir, str(self.n)], check=True)

    def once(self, n):
        """(seconds to the start of trial n, processor seconds of the whole run, MiB)"""
        began = time.time()
        process = subprocess.Popen([self.bench.pegbox, "resume", self.dir, "--set",
                                    "num_samples=%d" % (n + 1)], env=self.bench.env,
                                   stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = status
        if status != 0:
            raise RuntimeError("resume: status %d" % status)
        store = sqlite3.connect(os.path.join(self.dir, "experiment.db"))
        started, = store.execute("SELECT started_ns FROM trial WHERE number = ?", (n,)).fetchone()
        store.close()
        return started / 1e9 - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024

    def seconds(self, name, at_most=None, **keys):
        self.fill(**keys)
        runs = [self.once(self.n + i) for i in range(self.bench.rounds)]
        seconds, processor, mib = zip(*runs)
        self.bench.figure(name, statistics.median(seconds), "s", at_most=at_most, trials=self.n,
                          all_of_them=list(seconds), processor_s=statistics.median(processor))
        return max(mib)


def run(bench):
    resume = Resume(bench)
    mib = resume.seconds("resume", at_most=1)
    resume.seconds("resume-skip", duplicates="skip")
    resume.seconds("resume-asha", scheduler={"plugin": "asha"})
    bench.figure("resume-memory", mib, "MiB")
