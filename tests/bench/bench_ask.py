# SPDX-License-Identifier: LGPL-2.1-or-later
"""Asking for trials and telling their results through the store, without a driver (ask.c, which
links core's library; meson builds it).
  ask            pairs of ask and tell a second, one process, on disk; wanted: over 1,000
  ask-processes  the same of 16 processes at once, all together
  ask-doubled    trials that these were given twice, or nobody was; wanted: none
  ask-command    one pair by the commands, a process each: ask, then tell
"""
import json
import os
import statistics


def run(bench):
    words = [os.path.join(bench.build, "tests", "bench", "bench-ask"), bench.disk]
    figures = json.loads(bench.timed(words + (["--short"] if bench.short else []))[1])
    one, many = figures["ask"], figures["ask_processes"]
    bench.figure("ask", one["pairs_a_second"], "pairs/s", at_least=1000, pairs=one["pairs"],
                 processor_ms=one["processor_ms"])
    bench.figure("ask-processes", many["pairs_a_second"], "pairs/s", processes=many["processes"])
    bench.figure("ask-doubled", many["lost"] + many["doubled"], "trials", at_most=0,
                 pairs=many["pairs"])
    path = os.path.join(bench.dir, "ask.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"name": "ask", "config": {"x": {"$uniform": [0, 1]}}, "metric": "loss",
                   "mode": "min", "num_samples": -1}, file)
    bench.timed([bench.pegbox, "ask", "--create", path])
    times = []
    for trial in range(1, 6 if bench.short else 41):
        asked = bench.timed([bench.pegbox, "ask", "ask"])[0]
        told = bench.timed([bench.pegbox, "tell", "ask", str(trial), "0.5"])[0]
        times.append((asked + told) * 1e3)
    bench.figure("ask-command", statistics.median(times), "ms")
