# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is left where trials cost nothing: how long a person waits for a toy.

  trivial         `pegbox run --local`, the whole process: 100 trials of a C trainable that reports
                  once, all loggers on, in memory
  trivial-bare    the same without loggers and output files
  trivial-worker  the same as `trivial` in a worker process
"""
import os
import statistics
import subprocess

from bench import SOURCE

SOURCE_FILE = os.path.join(SOURCE, "sdk", "examples", "trainable", "descent.c")


def build(bench):
    folder = os.path.join(bench.dir, "plugins", "trainable")
    os.makedirs(folder)
    subprocess.run(["cc", "-std=c99", "-O2", "-shared", "-fPIC", "-fvisibility=hidden", "-Wall",
                    "-I" + os.path.join(SOURCE, "sdk", "include"), SOURCE_FILE, "-o",
                    os.path.join(folder, "descent.so"), "-lm"], check=True)
    bench.env["PEGBOX_PLUGIN_PATH"] = os.path.dirname(folder)


def run(bench):
    build(bench)
    n = 10 if bench.short else 100

    def measure(name, words=("--local",), at_most=None, **keys):
        times = [1e3 * bench.experiment(
            words=words, num_samples=n, metric="loss", mode="min",
            trainable={"plugin": "descent", "steps": 1}, max_concurrent_trials=1,
            config={"rate": {"$loguniform": [1e-5, 1e-3]}, "momentum": {"$choice": [0, 0.9]}},
            **keys) for _ in range(3 if bench.short else 21)]
        bench.figure(name, statistics.median(times), "ms", at_most=at_most, n=n,
                     least_ms=min(times))

    measure("trivial", at_most=50)
    measure("trivial-bare", auto_loggers=False, log_to_file=False)
    measure("trivial-worker", words=())
