# SPDX-License-Identifier: LGPL-2.1-or-later
"""What does not grow with the number of trials. One experiment of 100,000 trials, of a C
trainable that reports one number (once.c), is really run, in memory and without loggers; then
commands look at it.

  size-memory  the most resident memory that the driver ever had
  size-loggers the same of 20,000 trials with all loggers and output files on
  size-trials  `pegbox trials --limit 20`
  size-sorted  the same by the metric: `--sort loss`
  size-best    `pegbox best`
  size-later   what one of the last 1,000 trials cost over one of those after the tenth, by the
               store's times: medians of ten hundreds each
"""
import json
import os
import sqlite3
import statistics
import subprocess
import time

from bench import SOURCE

BAR = 1.2  # two equal costs differ that much on a machine with other work


def peak_mib(process):
    """Waits for the process; its VmHWM as it was last seen."""
    peak = 0
    while process.poll() is None:
        try:
            with open("/proc/%d/status" % process.pid, encoding="ascii", errors="replace") as file:
                peak = next((int(line.split()[1]) for line in file if line.startswith("VmHWM")),
                            peak)
        except OSError:
            pass
        time.sleep(0.02)
    return peak / 1024


def build_once(bench):
    folder = os.path.join(bench.dir, "plugins", "trainable")
    os.makedirs(folder)
    plugin = bench.compile("once.c", "-shared", "-fPIC", "-fvisibility=hidden",
                           "-I" + os.path.join(SOURCE, "sdk", "include"), "-lm")
    os.rename(plugin, os.path.join(folder, "once.so"))


def make_experiment(bench, name, n, files):
    """Runs it; (its directory, peak memory of the driver in MiB, seconds)."""
    path = os.path.join(bench.dir, "size.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"name": name, "trainable": "once", "num_samples": n, "metric": "loss",
                   "mode": "min", "auto_loggers": files, "log_to_file": files,
                   "max_concurrent_trials": 2, "resources": {"cpu": 0.1},
                   "config": {"x": {"$uniform": [0, 1]}, "lr": {"$loguniform": [1e-5, 1]},
                              "kind": {"$choice": ["a", "b", "c"]}}}, file)
    env = dict(bench.env, PEGBOX_PLUGIN_PATH=os.path.join(bench.dir, "plugins"))
    start = time.monotonic()
    process = subprocess.Popen([bench.pegbox, "run", path], env=env, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL)
    peak = peak_mib(process)
    if process.returncode != 0:
        raise RuntimeError("the experiment of %d trials: exit %d" % (n, process.returncode))
    return os.path.join(bench.env["PEGBOX_RESULT_DIR"], name), peak, time.monotonic() - start


def cost_us(ended, first):
    """Median microseconds a trial, over ten hundreds from the trial that ended as `first`."""
    ends = ended[first:first + 1001:100]
    return statistics.median(b - a for a, b in zip(ends, ends[1:])) / 100 / 1e3


def run(bench):
    n = 2000 if bench.short else 100000
    build_once(bench)
    path, peak, seconds = make_experiment(bench, "size", n, False)
    store = sqlite3.connect("file:%s/experiment.db?mode=ro" % path, uri=True)
    ended = [row[0] for row in store.execute("SELECT ended_ns FROM trial ORDER BY ended_ns")]
    store.close()
    if len(ended) != n:
        raise RuntimeError("%d trials ended, not %d" % (len(ended), n))
    bench.figure("size-memory", peak, "MiB", at_most=150, trials=n, seconds=seconds)
    bench.command("size-trials", [bench.pegbox, "trials", path, "--limit", "20"], at_most=50)
    bench.command("size-sorted",
                  [bench.pegbox, "trials", path, "--limit", "20", "--sort", "loss"])
    bench.command("size-best", [bench.pegbox, "best", path], at_most=50)
    early, late = cost_us(ended, 9), cost_us(ended, n - 1001)
    bench.figure("size-later", late / early, "times", at_most=BAR, us_early=early, us_late=late)
    n = n // 5
    _, peak, seconds = make_experiment(bench, "loggers", n, True)
    bench.figure("size-loggers", peak, "MiB", trials=n, seconds=seconds)
