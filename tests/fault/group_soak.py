# SPDX-License-Identifier: LGPL-2.1-or-later
"""Many trials with pauses, failures and restores: no descriptor, process, temporary file or
memory is left by them. One case in each form of a trainable."""
import os
import sqlite3
import time

import invariants
from fault import comm, need, read_text
from subjects import plugin, program

TRIALS, SHORT_TRIALS = 2000, 100
STEPS = 6
MOST_S = 3600
LOOKS = 15  # of which the middle one counts


def cases(short, *_):
    n = SHORT_TRIALS if short else TRIALS
    return [("soak-class", lambda place: soak(place, n, plugin("steps", place, fails=True, steps=STEPS))),
            ("soak-function", lambda place: soak(place, n, plugin("walks", place, fails=True, steps=STEPS))),
            ("soak-program", lambda place: soak(place, n // 10, program(place, "fails", steps=STEPS)))]


def memory_of(pid):
    """KiB that are resident."""
    try:
        for line in read_text("/proc/%d/status" % pid).splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def descriptors_of(pid):
    try:
        return len(os.listdir("/proc/%d/fd" % pid))
    except OSError:
        return 0


def children_of(pid):
    """All, zombies among them."""
    try:
        return read_text("/proc/%d/task/%d/children" % (pid, pid)).split()
    except OSError:
        return []


def look(place, run):
    """(results that there are, KiB that the driver holds and that are resident, its descriptors,
    its children, the last three of the largest worker, files of the temporary directory)"""
    pid = run.process.pid
    results, children = 0, children_of(pid)
    workers = [int(child) for child in children if comm(int(child)) == "pegbox-worker"]
    path = os.path.join(place.experiment, "experiment.db")
    if os.path.exists(os.path.join(place.experiment, "experiment.json")):
        db = sqlite3.connect("file:%s?mode=ro" % path, uri=True)
        results = db.execute("SELECT total(results) FROM trial").fetchone()[0]
        db.close()
    return (results, run.control.heap, memory_of(pid), descriptors_of(pid), len(children),
            max([memory_of(worker) for worker in workers], default=0),
            max([descriptors_of(worker) for worker in workers], default=0),
            len(os.listdir(place.temporary)))


WHAT = ("KiB that the driver holds", "KiB of the driver", "descriptors of the driver", "children of the driver",
        "KiB of a worker", "descriptors of a worker", "temporary files")
# What may be more at the end than half-way there: something for each trial, which the driver knows
# to its end; the page cache of SQLite, whose limit is 16 MiB; and what varies.
MORE_A_TRIAL = (1, 1, 0, 0, 0, 0, 0)
MORE = (200, 16384 + 4000, 8, 4, 4000, 8, 4)


def soak(place, n, trainable):
    keys = {"name": "e", "metric": "loss", "mode": "min", "num_samples": n, "seed": 7,
            "config": {"x": {"$uniform": [0, 1]}}, "max_failures": 3, "fail_fast": False,
            "max_concurrent_trials": 2, "resources": {"cpu": 0.1}, "trainable": trainable,
            "scheduler": {"plugin": "pauses-few", "every": 3},
            "checkpoint": {"frequency": 2, "keep": 1}}
    # Trials come one by one, and few wait at a time, so that what a driver holds of each that is
    # not at its end does not hide what it holds of those that are.
    run = place.start("run", place.write_spec(keys), fault={},
                      env={"PEGBOX_MAX_PENDING_TRIALS_PG": "1"})
    end = time.monotonic() + MOST_S
    looks = []
    while run.process.poll() is None:
        need(time.monotonic() < end, "it takes more than %d s", MOST_S)
        looks.append(look(place, run))
        time.sleep(max(0.05, n / 1000))
    place.nothing_runs()
    need(run.status == 0, "%s", run)
    invariants.check_end(place)
    with invariants.opened(place) as db:
        for what, least in (("SELECT count(*) FROM event WHERE type = 'pause'", n),
                            ("SELECT count(*) FROM attempt WHERE error IS NOT NULL", n),
                            ("SELECT count(*) FROM event WHERE type = 'restore'", 2 * n)):
            found = db.execute(what).fetchone()[0]
            need(found >= least, "%s gives %d, at least %d were to be", what, found, least)
    compare(looks, n)


def compare(looks, n):
    """The last looks before half of all results, and before the end: what is grown by then was
    needed. However results bunch up beside other work, there are such looks."""
    half = [row for row in looks if 0 < row[0] < n * STEPS / 2][-LOOKS:]
    end = [row for row in looks if row[0] < n * STEPS][-LOOKS:]
    need(half, "no look before half of the results: %s", looks)
    for i, what in enumerate(WHAT):
        before = sorted(row[i + 1] for row in half)[len(half) // 2]
        after = sorted(row[i + 1] for row in end)[len(end) // 2]
        need(after <= before + MORE_A_TRIAL[i] * n / 2 + MORE[i],
             "%s: %d half-way, %d at the end; all: %s", what, before, after,
             [row[i + 1] for row in looks][::max(1, len(looks) // 40)])
