#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What pegbox's tpe and its store cost beside Optuna's, in processor time, in one run.

tests/quality/cost.py BUILD_DIR [DIR]

BUILD_DIR is an optimised build. With a Python that has Optuna (peer.py tells how). A suggestion
and the end of a trial after so many trials of 10 parameters, in memory; and ask with tell of 3
parameters drawn at random, on SQLite files in DIR (default: the current directory).
"""
import json
import os
import subprocess
import sys
import tempfile
import time

import optuna
from optuna.distributions import FloatDistribution
from optuna.trial import create_trial

N_DIMS = 10
SPACE = {"p%d" % i: FloatDistribution(0, 1) for i in range(N_DIMS)}


def loss_of(params):
    return sum((value - 0.3) ** 2 * (i + 1) for i, value in enumerate(params.values()))


def preloaded(trials):
    """As suggest.c does: a quarter anywhere, the others near the best."""
    import random
    dice = random.Random(1)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1))
    rows = []
    for trial in range(trials):
        params = {name: dice.random() if trial % 4 == 0 else 0.2 + dice.random() / 5
                  for name in SPACE}
        rows.append(create_trial(params=params, distributions=SPACE, value=loss_of(params)))
    study.add_trials(rows)
    return study


def pair(study, space):
    trial = study.ask(space)
    study.tell(trial, loss_of({name: value for name, value in trial.params.items()
                               if isinstance(value, float)}))


def optuna_ms(study, space, n):
    pair(study, space)  # makes what is made once
    began = time.process_time()
    for _ in range(n):
        pair(study, space)
    return (time.process_time() - began) * 1e3 / n


def suggest_ms(build, trials):
    done = subprocess.run(
        [os.path.join(build, "tests", "bench", "bench-suggest"),
         os.path.join(build, "plugins", "search", "tpe.so"), "{}", str(trials), "200",
         json.dumps({"$uniform": [0, 1]})], stdout=subprocess.PIPE, check=True, text=True)
    figures = json.loads(done.stdout.splitlines()[-1])
    return figures["suggest_ms"] + figures["tell_ms"]


def ask_ms(build, folder):
    done = subprocess.run([os.path.join(build, "tests", "bench", "bench-ask"), folder],
                          stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout)["ask"]["processor_ms"]


def stored_ms(folder, n):
    space = {"lr": FloatDistribution(1e-5, 0.1, log=True),
             "opt": optuna.distributions.CategoricalDistribution(["adam", "sgd"]),
             "layers": optuna.distributions.IntDistribution(1, 8)}
    study = optuna.create_study(storage="sqlite:///%s/optuna.db" % os.path.abspath(folder),
                                sampler=optuna.samplers.RandomSampler(seed=1))
    return optuna_ms(study, space, n)


def show(what, own, other, wanted):
    print("%-28s pegbox %8.4f ms, Optuna %9.3f ms: 1 / %.0f (wanted: 1 / %d)" % (
        what, own, other, other / own, wanted), flush=True)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    build, folder = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "."
    print("Optuna %s" % optuna.__version__)
    for trials, n in ((100, 50), (1000, 20), (10000, 5)):
        show("tpe after %d trials" % trials, suggest_ms(build, trials),
             optuna_ms(preloaded(trials), SPACE, n), 50)
    with tempfile.TemporaryDirectory(dir=folder) as place:
        show("ask and tell with SQLite", ask_ms(build, place), stored_ms(place, 100), 20)


if __name__ == "__main__":
    main()
