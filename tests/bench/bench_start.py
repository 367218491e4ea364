# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long a command takes to start.

  start-plugins   `pegbox plugins`, everything in the page cache
  start-cold      the same with the caches of pegbox's own files dropped before
  start-validate  `pegbox validate` of the digits example
  start-version   `pegbox --version`
  start-true      /bin/true: what a process costs here
"""
import os
import statistics

from bench import SOURCE


def drop_from_cache(folder):
    """Asks the kernel to forget the pages of the files below a folder; no root is needed."""
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                fd = os.open(os.path.join(place, name), os.O_RDONLY)
            except OSError:
                continue
            os.fsync(fd)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(fd)


def cold_times(bench, words):
    times = []
    for _ in range(3 if bench.short else 15):
        for folder in ("core", "plugins"):
            drop_from_cache(os.path.join(bench.build, folder))
        times.append(bench.timed(words)[0] * 1e3)
    return times


def run(bench):
    plugins = [bench.pegbox, "plugins"]
    digits = os.path.join(SOURCE, "doc", "examples", "digits", "digits.json")
    bench.command("start-plugins", plugins, at_most=10)
    times = cold_times(bench, plugins)
    bench.figure("start-cold", statistics.median(times), "ms", at_most=50, least_ms=min(times))
    bench.command("start-validate", [bench.pegbox, "validate", digits], at_most=30)
    bench.command("start-version", [bench.pegbox, "--version"])
    bench.command("start-true", ["/bin/true"])
