#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How searches do beside a scheduler that stops trials early, all with the same number of steps.

tests/quality/budgets.py [--function NAME]... [--seeds N] [--steps N] BUILD_DIR

Prints for each function the median best value of a trial that went all the way, over the seeds,
and in how many seeds bohb beside asha had a better one than random beside asha, with p of the
difference by chance (one-sided Mann-Whitney). fidelity.c tells what a trial is.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

sys.dont_write_bytecode = True

ASHA = ("scheduler/asha", {"max_t": 27, "grace_period": 1, "reduction_factor": 3})
# name: (search, (scheduler, its options) or None)
PAIRS = {
    "random, asha": ("random", ASHA),
    "tpe, asha": ("tpe", ASHA),
    "bohb, asha": ("bohb", ASHA),
    "random": ("random", None),
    "tpe": ("tpe", None),
    "bohb": ("bohb", None),
}
FUNCTIONS = ("branin", "hartmann6", "rosenbrock5", "ackley10", "levy4", "mixcond")


def run(build, pair, function, steps, seed):
    search, scheduler = PAIRS[pair]
    scheduler, options = scheduler or ("none", {})
    path = os.path.join(build, "plugins", scheduler + ".so") if scheduler != "none" else "none"
    done = subprocess.run(
        [os.path.join(build, "tests", "quality", "fidelity"),
         os.path.join(build, "plugins", "search", search + ".so"), "{}", path,
         json.dumps(options), function, str(steps), str(seed)],
        stdout=subprocess.PIPE, check=True, text=True)
    lines = [line.split() for line in done.stdout.splitlines() if not line.startswith("#")]
    return float(lines[-1][1])


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--function", action="append", choices=FUNCTIONS)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--steps", type=int, default=100 * 27)
    parser.add_argument("build")
    given = parser.parse_args()
    from scipy.stats import mannwhitneyu
    print("| function | %s | better than random, asha | p |" % " | ".join(PAIRS))
    print("|%s" % (" --- |" * (len(PAIRS) + 3)))
    for function in given.function or FUNCTIONS:
        found = {}
        for pair in PAIRS:
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                found[pair] = list(pool.map(lambda seed, pair=pair, function=function: run(
                    given.build, pair, function, given.steps, seed), range(given.seeds)))
        own, other = found["bohb, asha"], found["random, asha"]
        print("| %s | %s | %d of %d | %.2g |" % (
            function, " | ".join("%.3g" % statistics.median(found[pair]) for pair in PAIRS),
            sum(a < b for a, b in zip(own, other)), given.seeds,
            mannwhitneyu(own, other, alternative="less").pvalue), flush=True)


if __name__ == "__main__":
    main()
