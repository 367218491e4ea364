# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the benches share. A bench is a file bench_NAME.py with a function run(bench): it
measures and calls bench.figure once for each figure. Wherever there is something to divide by
it measures both sides in turn, several rounds, and gives the median of the ratios: ratios
travel to other machines, seconds do not.
"""
import json
import os
import platform
import shutil
import statistics
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))


class Bench:
    """What one bench is given.

    pegbox  the program
    build   the build directory
    source  the source tree
    short   small numbers, for CI
    rounds  how often both sides are measured in turn
    dir     a directory in memory, gone afterwards
    disk    one on disk ($TMPDIR), gone afterwards
    env     what programs get: pegbox's own variables removed, results below `dir`
    """

    def __init__(self, build, short):
        self.build, self.short, self.source = build, short, SOURCE
        self.pegbox = os.path.join(build, "core", "pegbox")
        self.rounds = 3 if short else 5
        self.figures = []
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.dir = tempfile.mkdtemp(prefix="pegbox-bench-", dir=memory)
        self.disk = tempfile.mkdtemp(prefix="pegbox-bench-")
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("PEGBOX_")}
        self.env.update(HOME=self.dir, PEGBOX_RESULT_DIR=os.path.join(self.dir, "results"))

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        shutil.rmtree(self.dir, ignore_errors=True)
        shutil.rmtree(self.disk, ignore_errors=True)

    def figure(self, name, value, unit, at_most=None, at_least=None, **details):
        """Notes one figure. The bar, if it has one: at_most or at_least. Numbers are rounded
        to four digits."""
        figure = {"name": name, "value": rounded(value), "unit": unit}
        if at_most is not None:
            figure.update(bar="<= %g" % at_most, met=value <= at_most)
        elif at_least is not None:
            figure.update(bar=">= %g" % at_least, met=value >= at_least)
        if details:
            figure["details"] = {key: rounded(detail) for key, detail in details.items()}
        self.figures.append(figure)

    def compile(self, source, *flags):
        """Builds a C file of this folder into `dir`; returns the program's path."""
        program = os.path.join(self.dir, os.path.splitext(source)[0])
        subprocess.run(["cc", "-std=gnu11", "-O2", "-Wall", os.path.join(HERE, source), "-o",
                        program] + list(flags), check=True)
        return program

    def timed(self, words, env=None, cwd=None):
        """Runs a command to its end: (seconds, what it printed). It must end well."""
        start = time.monotonic()
        done = subprocess.run(words, env=dict(self.env, **(env or {})), cwd=cwd,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, universal_newlines=True, check=False)
        seconds = time.monotonic() - start
        if done.returncode != 0:
            raise RuntimeError("%s: exit %d\n%s" % (" ".join(words), done.returncode,
                                                    done.stderr[-2000:]))
        return seconds, done.stdout

    def command(self, name, words, at_most=None, **options):
        """A figure: the median milliseconds of a short command, its process's start included."""
        times = [self.timed(words, **options)[0] * 1e3 for _ in range(3 if self.short else 41)]
        self.figure(name, statistics.median(times), "ms", at_most=at_most, least_ms=min(times))

    def write_spec(self, **keys):
        """An experiment file of these keys; its path."""
        path = os.path.join(self.dir, "experiment.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(keys, file)
        return path

    def experiment(self, results=None, keep=False, env=None, words=(), **keys):
        """Runs an experiment of these keys, named "e", to its end; returns the seconds. `results`
        (default: below `dir`) is removed unless `keep`; `words` are options of `run`."""
        path = self.write_spec(**keys)
        results = results or os.path.join(self.dir, "results")
        seconds, _ = self.timed([self.pegbox, "run", path, "--name", "e", "--results-dir",
                                 results] + list(words), env=env)
        if not keep:
            shutil.rmtree(results)
        return seconds

    def ratio(self, ours, base):
        """Calls both in turn, each of which gives seconds: (median ratio, all ratios, median
        seconds of ours, of the base)."""
        pairs = []
        for _ in range(self.rounds):
            below = base()
            pairs.append((ours(), below))
        ratios = [our / below for our, below in pairs]
        return (statistics.median(ratios), ratios, statistics.median(p[0] for p in pairs),
                statistics.median(p[1] for p in pairs))


def rounded(value):
    if isinstance(value, float):
        return float("%.4g" % value)
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return value


def read_line(path, start):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return next((line.split(":", 1)[1].strip() for line in file
                         if line.startswith(start)), "")
    except OSError:
        return ""


def build_option(build, name):
    try:
        with open(os.path.join(build, "meson-info", "intro-buildoptions.json"),
                  encoding="utf-8") as file:
            return next((o["value"] for o in json.load(file) if o["name"] == name), None)
    except (OSError, ValueError):
        return None


def machine(build):
    """What the figures were measured on; nothing that tells whose machine it is."""
    return {"processor": read_line("/proc/cpuinfo", "model name"), "cores": os.cpu_count(),
            "memory": read_line("/proc/meminfo", "MemTotal"), "kernel": platform.release(),
            "load": rounded(os.getloadavg()[0]), "date": time.strftime("%Y-%m-%d"),
            "buildtype": build_option(build, "buildtype"),
            "sanitizers": build_option(build, "b_sanitize")}


def table(figures):
    """The figures for people."""
    rows = [("figure", "value", "unit", "bar", "met")]
    rows += [(f["name"], "%g" % f["value"], f["unit"], f.get("bar", ""),
              {True: "yes", False: "NO", None: ""}[f.get("met")]) for f in figures]
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
                     for row in rows)
