#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs Optuna's samplers and pymoo's NSGA2 over the functions: rows/optuna.csv, rows/pymoo.csv.

tests/quality/peer.py [--program NAME]... [--search NAME]... [--function NAME]... [--seeds N]

Needs both, and what Optuna's samplers want: python3 -m venv V; V/bin/pip install optuna cmaes
scipy torch pymoo; V/bin/python tests/quality/peer.py. Rows that are there already, of the same
version, are kept: what was cut off goes on. One at a time: each writes the whole file.
"""
import argparse
import sys
import time
import warnings

import numpy
import optuna
import pymoo
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.core.problem import Problem

import rows
from functions import FUNCTIONS, hypervolume, zdt_at

SAMPLERS = {
    "random": optuna.samplers.RandomSampler,
    "tpe": optuna.samplers.TPESampler,
    "cmaes": optuna.samplers.CmaEsSampler,
    "gp": optuna.samplers.GPSampler,
    "nsga2": optuna.samplers.NSGAIISampler,
}
OF_ONE, OF_SEVERAL = ("random", "tpe", "cmaes", "gp"), ("tpe", "nsga2")
MOST_OF_TPE = 100  # trials with several metrics: each takes longer than the one before
PROGRAMS = {"optuna": optuna.__version__, "pymoo": pymoo.__version__}


def searches(program, function):
    if program == "pymoo":
        return ("nsga2",) if function in rows.SEVERAL else ()
    return OF_SEVERAL if function in rows.SEVERAL else OF_ONE


def optuna_run(search, function, seed):
    several = function in rows.SEVERAL
    study = optuna.create_study(sampler=SAMPLERS[search](seed=seed),
                                directions=["minimize"] * (2 if several else 1))
    for after in rows.after(function, search):
        if several and search == "tpe" and after > MOST_OF_TPE:
            break
        study.optimize(FUNCTIONS[function], n_trials=after - len(study.trials))
        yield after, hypervolume([trial.values for trial in study.trials]) if several else \
            study.best_value


class Zdt(Problem):
    def __init__(self, function):
        super().__init__(n_var=30, n_obj=2, xl=0, xu=1)
        self.number = int(function[3:])
        self.points = []

    def _evaluate(self, x, out, *args, **kwargs):
        values = [zdt_at(self.number, row) for row in x.tolist()]
        self.points += values
        out["F"] = numpy.array(values)


def pymoo_run(search, function, seed):
    """With the population of the others; each number of trials is a multiple of it."""
    problem = Zdt(function)
    algorithm = NSGA2(pop_size=50)
    algorithm.setup(problem, termination=("n_eval", rows.after(function, search)[-1]), seed=seed)
    for after in rows.after(function, search):
        while len(problem.points) < after:
            algorithm.next()
        yield after, hypervolume(problem.points[:after])


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--program", action="append", choices=PROGRAMS)
    parser.add_argument("--search", action="append", choices=SAMPLERS)
    parser.add_argument("--function", action="append", choices=FUNCTIONS)
    parser.add_argument("--seeds", type=int, default=rows.SEEDS)
    given = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    for program in given.program or PROGRAMS:
        run = {"optuna": optuna_run, "pymoo": pymoo_run}[program]
        version = PROGRAMS[program]
        all_rows = [row for row in rows.read(program) if row["version"] == version]
        known = {(row["search"], row["function"], row["seed"]) for row in all_rows}
        for function in given.function or FUNCTIONS:
            for search in searches(program, function):
                if given.search and search not in given.search:
                    continue
                began = time.process_time()
                for seed in range(given.seeds):
                    if (search, function, seed) in known:
                        continue
                    all_rows += [{"program": program, "version": version, "search": search,
                                  "function": function, "seed": seed, "trials": after,
                                  "best": best} for after, best in run(search, function, seed)]
                    rows.write(program, all_rows)
                print("%s of %s on %s: %.1f s of processor time" % (
                    search, program, function, time.process_time() - began), file=sys.stderr,
                    flush=True)


if __name__ == "__main__":
    try:
        import torch
        torch.set_num_threads(1)
    except ImportError:
        pass
    main()
