# SPDX-License-Identifier: LGPL-2.1-or-later
"""What pegbox costs beside the programs that it runs, trial after trial.

  trials          exec trials of /bin/echo that report once, 2 at a time, all loggers and output
                  files on, over as many posix_spawn + read + wait, 2 at a time. In memory, since
                  the other side writes nothing
  trials-1        the same, both sides one at a time
  trials-disk     one at a time on disk, over the other side that makes a directory and two files
                  a trial there too: file systems differ 100 times in what that costs
  trials-bare     one at a time with auto_loggers and log_to_file off
  heap            an exec trial where driver and worker hold 512 MiB, over one where they do not:
                  about 1, since spawning copies no heap
"""
import os
import shutil
import statistics

ECHO = ["/bin/echo", '{"loss": 1}']


class Trials:
    def __init__(self, bench):
        self.bench = bench
        self.spawn = bench.compile("spawn.c")
        self.n = 200 if bench.short else 2000

    def ours(self, slots, n=None, **options):
        keys = dict({"trainable": {"plugin": "exec", "command": [w.replace("{", "{{") for w in ECHO]},
                     "metric": "loss", "mode": "min", "num_samples": n or self.n,
                     "max_concurrent_trials": slots, "resources": {"cpu": 0.1}}, **options)
        return self.bench.experiment(**keys)

    def base(self, slots, folder="", n=None):
        if folder:
            os.mkdir(folder)
        _, out = self.bench.timed([self.spawn, str(slots), str(n or self.n), "0", folder] + ECHO)
        if folder:
            shutil.rmtree(folder)
        return float(out)

    def ratio(self, name, slots, n=None, folder="", at_most=None, **options):
        n = n or self.n
        ratio, all_of_them, our_s, base_s = self.bench.ratio(
            lambda: self.ours(slots, n=n, **options), lambda: self.base(slots, folder, n=n))
        self.bench.figure(name, ratio, "times", at_most=at_most, n=n, ratios=all_of_them,
                          ms_a_trial=our_s / n * 1e3, ms_a_spawn=base_s / n * 1e3)

    def heap(self):
        preload = self.bench.compile("preload.c", "-shared", "-fPIC")
        mib = 64 if self.bench.short else 512
        few, many = 5, self.n // 2
        costs = {}
        for size in (0, mib):
            env = {"LD_PRELOAD": preload, "PEGBOX_BENCH_MIB": str(size)}
            more = [(self.ours(1, n=many, env=env) - self.ours(1, n=few, env=env)) / (many - few)
                    for _ in range(self.bench.rounds)]
            costs[size] = statistics.median(more)
        self.bench.figure("heap", costs[mib] / costs[0], "times", mib=mib,
                          ms_a_trial=costs[mib] * 1e3)


def run(bench):
    trials = Trials(bench)
    trials.ratio("trials", 2, n=200 if bench.short else 10000, at_most=2.0)
    trials.ratio("trials-1", 1)
    trials.ratio("trials-disk", 1, folder=bench.disk + "/floor", results=bench.disk + "/results")
    trials.ratio("trials-bare", 1, auto_loggers=False, log_to_file=False)
    trials.heap()
