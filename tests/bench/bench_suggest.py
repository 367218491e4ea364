# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a suggestion and the end of a trial cost in a search that has been told of so many trials
of 10 parameters, called through its loaded plugin (suggest.c), in processor time:
  suggest-tpe-N        suggest and tell of search/tpe as it comes, $uniform parameters;
                       wanted at 10,000: under 1 ms
  suggest-tpe-integer, -choice  the same at 10,000 trials of other parameters
  suggest-tpe-OPTION   the same at 10,000 trials with the options that cost most; wanted: 20 ms
"""
import json
import os

COSTLY = {
    "alone": {"multivariate": False},
    "all": {"max_history": 0},
    "alone-all": {"multivariate": False, "max_history": 0},
    "all-good": {"max_history": 0, "max_below": 0},
}


def run(bench):
    program = os.path.join(bench.build, "tests", "bench", "bench-suggest")
    plugin = os.path.join(bench.build, "plugins", "search", "tpe.so")

    def measure(name, trials, options, operator=None, at_most=None):
        words = [program, plugin, json.dumps(options), str(trials), "10" if bench.short else "40",
                 json.dumps(operator or {"$uniform": [0, 1]})]
        done = json.loads(bench.timed(words)[1].splitlines()[-1])
        bench.figure("suggest-tpe-" + name, done["suggest_ms"] + done["tell_ms"], "ms",
                     at_most=at_most, suggest_ms=done["suggest_ms"], tell_ms=done["tell_ms"])

    for trials in (100, 1000, 10000):
        measure(str(trials), trials, {}, at_most=1 if trials == 10000 else None)
    measure("integer", 10000, {}, {"$randint": 300})
    measure("choice", 10000, {}, {"$choice": [1, 2, 3, 4, 5]})
    for name, options in COSTLY.items():
        measure(name, 10000, options, at_most=20)
