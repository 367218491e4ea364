#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs Optuna's samplers over the functions, and keeps the rows in rows/optuna.csv.

tests/quality/peer.py [--search NAME]... [--function NAME]... [--seeds N]

Needs Optuna with what its samplers want: python3 -m venv V; V/bin/pip install optuna cmaes
scipy torch; V/bin/python tests/quality/peer.py. Rows that are there already, of the same
version, are kept: what was cut off goes on.
"""
import argparse
import sys
import time

import optuna

import rows
from functions import FUNCTIONS

SAMPLERS = {
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
    "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed),
    "cmaes": lambda seed: optuna.samplers.CmaEsSampler(seed=seed),
    "gp": lambda seed: optuna.samplers.GPSampler(seed=seed),
}


def run(search, function, seed):
    study = optuna.create_study(sampler=SAMPLERS[search](seed))
    found = []
    for after in rows.AFTER:
        study.optimize(FUNCTIONS[function], n_trials=after - len(study.trials))
        found.append({"program": "optuna", "version": optuna.__version__, "search": search,
                      "function": function, "seed": seed, "trials": after,
                      "best": study.best_value})
    return found


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--search", action="append", choices=SAMPLERS)
    parser.add_argument("--function", action="append", choices=FUNCTIONS)
    parser.add_argument("--seeds", type=int, default=rows.SEEDS)
    given = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    all_rows = [row for row in rows.read("optuna") if row["version"] == optuna.__version__]
    known = {(row["search"], row["function"], row["seed"]) for row in all_rows}
    for search in given.search or SAMPLERS:
        for function in given.function or FUNCTIONS:
            began = time.process_time()
            for seed in range(given.seeds):
                if (search, function, seed) not in known:
                    all_rows += run(search, function, seed)
                    rows.write("optuna", all_rows)
            print("%s on %s: %.1f s of processor time" % (
                search, function, time.process_time() - began), file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        import torch
        torch.set_num_threads(1)
    except ImportError:
        pass
    main()
