# SPDX-License-Identifier: LGPL-2.1-or-later
"""How many results a second go through the driver to store, json and csv on disk, from one C
trainable (flood.c) that reports one metric as fast as it can.

  results         a second, from the start of `pegbox run` to its end, when all log files are
                  written
  results-sqlite  the same time in terms of a bare SQLite loop (rows.c) that inserts the same rows
                  into the same tables, in the same minute: its seconds over ours. Wanted is one
                  of the two: 100,000 a second, or 0.6 of SQLite
  results-asha    the same time with asha in place of fifo, over that with fifo: what a scheduler
                  costs that judges each result
  results-full    the same with "durability": "full": each batch is on the disk before its results
                  are acknowledged
  results-memory  the driver's resident size at the end of such a run of many results, over that
                  at its quarter: about 1, it does not grow with the results
"""
import os
import resource
import shutil
import sqlite3
import statistics
import subprocess
import time

PROGRESS_S = 0.05
SPEED, NEAR = 100000, 0.6


class Results:
    def __init__(self, bench):
        self.bench = bench
        self.n = 20000 if bench.short else 500000
        folder = os.path.join(bench.dir, "plugins", "trainable")
        os.makedirs(folder)
        flags = ["-shared", "-fPIC", "-fvisibility=hidden",
                 "-I" + os.path.join(bench.source, "sdk", "include"), "-lm"]
        shutil.move(bench.compile("flood.c", *flags), os.path.join(folder, "flood.so"))
        self.env = {"PEGBOX_PLUGIN_PATH": os.path.dirname(folder)}
        self.rows = bench.compile("rows.c", "-lsqlite3")
        self.results = os.path.join(bench.disk, "results")
        self.store = os.path.join(self.results, "e", "experiment.db")

    def keys(self, n, **more):
        return dict({"trainable": {"plugin": "flood", "reports": n}, "metric": "loss", "mode": "min",
                     "config": {"x": 1}, "num_samples": 1}, **more)

    def check(self, n):
        """All of it is there: nothing is fast that loses something."""
        db = sqlite3.connect(self.store)
        stored, = db.execute("SELECT count(*) FROM result").fetchone()
        directory, = db.execute("SELECT dir FROM trial").fetchone()
        db.close()
        lines = []
        for name in ("result.json", "progress.csv"):
            with open(os.path.join(self.results, "e", directory, name), "rb") as file:
                lines.append(sum(1 for _ in file))
        if (stored, lines) != (n, [n, n + 1]):
            raise RuntimeError("%d of %d results stored, lines: %s" % (stored, n, lines))

    def ours(self, **keys):
        """Seconds of a run; `keys` are added to the experiment's."""
        shutil.rmtree(self.results, ignore_errors=True)
        seconds = self.bench.experiment(results=self.results, keep=True, env=self.env,
                                        **self.keys(self.n, **keys))
        self.check(self.n)
        return seconds

    def cost(self, name, **keys):
        """A figure: the seconds with these keys over those without; in its details the same of
        processor time, which other programs of the machine hardly change."""
        spent = {True: [], False: []}

        def timed(has_keys):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            seconds = self.ours(**(keys if has_keys else {}))
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent[has_keys].append(after.ru_utime + after.ru_stime - before.ru_utime -
                                   before.ru_stime)
            return seconds

        ratio, ratios, with_s, without_s = self.bench.ratio(lambda: timed(True),
                                                            lambda: timed(False))
        processor = statistics.median(a / b for a, b in zip(spent[True], spent[False]))
        self.bench.figure(name, ratio, "times", ratios=ratios, processor_times=processor,
                          per_s=self.n / with_s, per_s_without=self.n / without_s)

    def base(self):
        new = os.path.join(self.bench.disk, "rows.db")
        for path in (new, new + "-wal", new + "-shm"):
            if os.path.exists(path):
                os.unlink(path)
        return float(self.bench.timed([self.rows, self.store, new, str(self.n)])[1])

    # ---- Memory ----

    def stored(self):
        """The number of the last result in the store, near enough."""
        try:
            db = sqlite3.connect("file:%s?mode=ro" % self.store, uri=True)
            try:
                return db.execute("SELECT ifnull(max(seq), 0) FROM result").fetchone()[0]
            finally:
                db.close()
        except sqlite3.Error:
            return 0

    @staticmethod
    def resident(pid):
        with open("/proc/%d/status" % pid, encoding="utf-8") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS"))

    def memory(self):
        n = self.n * 4
        shutil.rmtree(self.results, ignore_errors=True)
        path = self.bench.write_spec(**self.keys(n))
        process = subprocess.Popen(
            [self.bench.pegbox, "run", path, "--name", "e", "--results-dir", self.results],
            env=dict(self.bench.env, **self.env), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        quarter = last = 0
        while process.poll() is None:
            time.sleep(PROGRESS_S)
            try:
                last = self.resident(process.pid)
            except (OSError, StopIteration):
                break
            if quarter == 0 and self.stored() >= n / 4:
                quarter = last
        if process.wait() != 0:
            raise RuntimeError("pegbox run: exit %d" % process.returncode)
        self.check(n)
        mib = 1024.0 * 1024
        self.bench.figure("results-memory", last / (quarter or last), "times", at_most=1.1, n=n,
                          mib_at_a_quarter=quarter / mib, mib_at_the_end=last / mib)


def run(bench):
    results = Results(bench)
    results.ours()  # the base needs its store
    ratio, ratios, our_s, base_s = bench.ratio(results.ours, results.base)
    speed = results.n / our_s
    fast, near = speed >= SPEED, 1 / ratio >= NEAR
    # One of the two is enough: the other then has no bar.
    bench.figure("results", speed, "1/s", at_least=SPEED if fast or not near else None,
                 n=results.n)
    bench.figure("results-sqlite", 1 / ratio, "times", at_least=None if fast else NEAR,
                 ratios=[1 / each for each in ratios], sqlite_per_s=results.n / base_s)
    # Past its last rung: it judges, and stops nothing.
    results.cost("results-asha", scheduler={"plugin": "asha", "max_t": results.n + 1})
    results.cost("results-full", durability="full")
    results.memory()
