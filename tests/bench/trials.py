#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What pegbox costs beside the programs that it runs. Each figure is the median of several
rounds in which both sides ran in turn, on this machine, now: ratios travel, seconds do not.

trials.py PEGBOX SPAWN PRELOAD [--short]
  trials    1,000 exec trials of /bin/echo (all loggers and output files on) over the same
            1,000 posix_spawn + read + wait; wanted: at most 2.0. In memory (/dev/shm), since
            the other side writes nothing
  disk      the same trials on disk ($TMPDIR), over the other side that makes a directory and
            two files a trial there too: file systems differ 100 times in what that costs
  bare      the same trials with auto_loggers and log_to_file off
  version   `pegbox --version`; wanted: under 10 ms
  heap      an exec trial where driver and worker hold 512 MiB, over one where they do not;
            wanted: about 1, since spawning copies no heap
"""
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time


def timed(words, env):
    start = time.monotonic()
    done = subprocess.run(words, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, universal_newlines=True, check=False)
    seconds = time.monotonic() - start
    if done.returncode != 0:
        sys.exit("%s: exit %d\n%s" % (" ".join(words), done.returncode, done.stderr[-2000:]))
    return seconds, done.stdout


class Bench:
    def __init__(self, pegbox, spawn, preload, short):
        self.pegbox, self.spawn, self.preload = pegbox, spawn, preload
        self.n, self.rounds = (100, 3) if short else (1000, 5)
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.dir = tempfile.mkdtemp(prefix="pegbox-bench-", dir=memory)
        self.disk = tempfile.mkdtemp(prefix="pegbox-bench-")
        self.env = dict(os.environ, PEGBOX_RESULT_DIR=self.dir + "/results", HOME=self.dir)
        self.figures = {}

    def trials(self, results=None, **keys):
        spec = dict({"trainable": {"plugin": "exec", "command": ["/bin/echo", "hello"]},
                     "num_samples": self.n, "max_concurrent_trials": 1}, **keys)
        path = self.dir + "/experiment.json"
        with open(path, "w", encoding="utf-8") as file:
            json.dump(spec, file)
        results = results or self.dir + "/results"
        seconds, _ = timed([self.pegbox, "run", path, "--name", "e", "--results-dir", results],
                           self.env)
        shutil.rmtree(results)
        return seconds

    def baseline(self, n, folder):
        if folder:
            os.mkdir(folder)
        seconds = float(timed([self.spawn, str(n), "0", folder, "/bin/echo", "hello"], self.env)[1])
        if folder:
            shutil.rmtree(folder)
        return seconds

    def ratio(self, name, folder="", **keys):
        ratios, costs = [], []
        for _ in range(self.rounds):
            base = self.baseline(self.n, folder and folder + "/floor")
            ours = self.trials(results=folder and folder + "/results", **keys)
            ratios.append(ours / base)
            costs.append((ours - base) / self.n)
        self.figures[name] = {"ratio": round(statistics.median(ratios), 2),
                              "ms_more_a_trial": round(statistics.median(costs) * 1e3, 3),
                              "ratios": [round(r, 2) for r in ratios]}

    def version(self):
        seconds = [timed([self.pegbox, "--version"], self.env)[0] for _ in range(40)]
        true = [timed(["/bin/true"], self.env)[0] for _ in range(40)]
        self.figures["version"] = {"ms": round(statistics.median(seconds) * 1e3, 2),
                                   "ms_of_bin_true": round(statistics.median(true) * 1e3, 2)}

    def heap(self):
        """Cost of one more trial where driver and worker have a large heap (preload.c), over the
        same with small ones."""
        mib = 64 if self.n < 1000 else 512
        few, many = 5, self.n // 2
        costs = {}
        for size in (0, mib):
            self.env.update({"LD_PRELOAD": self.preload, "PEGBOX_BENCH_MIB": str(size)})
            more = [(self.trials(num_samples=many) - self.trials(num_samples=few)) / (many - few)
                    for _ in range(self.rounds)]
            costs[size] = statistics.median(more)
        del self.env["LD_PRELOAD"]
        self.figures["heap"] = {"mib": mib, "ratio": round(costs[mib] / costs[0], 2),
                                "ms_a_trial": round(costs[mib] * 1e3, 3)}

    def run(self):
        self.ratio("trials")
        self.ratio("disk", folder=self.disk)
        self.ratio("bare", auto_loggers=False, log_to_file=False)
        self.version()
        self.heap()
        shutil.rmtree(self.dir)
        shutil.rmtree(self.disk)
        return self.figures


def main():
    words = [word for word in sys.argv[1:] if word != "--short"]
    bench = Bench(*words, "--short" in sys.argv)
    print(json.dumps(bench.run(), indent=2))


if __name__ == "__main__":
    main()
