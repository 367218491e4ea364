#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How pegbox's searches do beside Optuna's and pymoo's of the same names, from the rows of all.

tests/quality/compare.py [--check] [--markdown] [ROWS.csv]
  --check     prints only what is worse; exits 1 where something is
  --markdown  the tables of doc/searches.md
  ROWS.csv    those of pegbox (default: rows/pegbox.csv)

For each function and number of trials the best values over the seeds (of several metrics the
hypervolumes): quartiles, and whether pegbox's are worse by a one-sided Mann-Whitney test; p is
corrected for all tests of one kind by Holm's method. Also whether pegbox's best search on a
function is worse than the others' best one.
"""
import argparse
import collections
import sys

import rows

ALPHA = 0.05
PEERS = {"optuna": "Optuna", "pymoo": "pymoo"}


def by_case(all_rows):
    """{(search, function, trials): [value, ...]}, the smaller the better, of what has all seeds."""
    cases = collections.defaultdict(list)
    for row in all_rows:
        sign = -1 if row["function"] in rows.SEVERAL else 1
        cases[row["search"], row["function"], row["trials"]].append(sign * row["best"])
    return {case: values for case, values in cases.items() if len(values) >= rows.SEEDS}


def quartiles(values):
    values = sorted(values)

    def at(share):
        place = share * (len(values) - 1)
        low = int(place)
        high = min(low + 1, len(values) - 1)
        return values[low] + (values[high] - values[low]) * (place - low)
    return at(0.25), at(0.5), at(0.75)


def median(values):
    return quartiles(values)[1]


def holm(tests):
    """{name: p} -> the same, corrected."""
    corrected, largest = {}, 0
    for i, (name, p) in enumerate(sorted(tests.items(), key=lambda item: item[1])):
        largest = max(largest, min(1, p * (len(tests) - i)))
        corrected[name] = largest
    return corrected


def worse(own, other):
    """p of own being larger by chance."""
    from scipy.stats import mannwhitneyu
    return mannwhitneyu(own, other, alternative="greater").pvalue


def best_search(cases, function, trials):
    return min((median(values), search) for (search, of, after), values in cases.items()
               if (of, after) == (function, trials))[1]


def compared(own, peers):
    """Corrected p by (program, search, function, trials), and of the best ones by ((search,
    function, trials), (program's search, function, trials))."""
    same = {(program, *case): worse(own[case], peer[case])
            for program, peer in peers.items() for case in own if case in peer}
    every = all_of(peers)
    best = {}
    for function, trials in sorted({case[1:] for case in own} & {case[1:] for case in every}):
        one = best_search(own, function, trials), function, trials
        other = best_search(every, function, trials), function, trials
        best[one, other] = worse(own[one], every[other])
    return holm(same), holm(best)


def all_of(peers):
    return {("%s's %s" % (PEERS[program], case[0]), *case[1:]): values
            for program, peer in peers.items() for case, values in peer.items()}


def number(value, function):
    return "%.4g" % -value if function in rows.SEVERAL else "%.3g" % value


def show(own, peers, same, best):
    searches = sorted({case for cases in (own, *peers.values()) for case in cases},
                      key=lambda case: (case[1], case[0], case[2]))
    for case in searches:
        for program, peer in peers.items():
            if case not in own and case not in peer or case not in peer and program != "optuna":
                continue
            print("%-12s %-12s %4d" % (case[1], case[0], case[2]), end="")
            for cases in (own, peer):
                text = "-"
                if cases.get(case):
                    text = "%s %s %s" % tuple(number(q, case[1]) for q in quartiles(cases[case]))
                print("  %-28s" % text, end="")
            p = same.get((program, *case))
            print("  %s%s" % (program, "  p %.3f" % p if p is not None else ""))
    print()
    every = all_of(peers)
    for (one, other), p in best.items():
        print("best on %-12s %4d: %s %s, %s %s, p %.3f" % (
            one[1], one[2], one[0], number(median(own[one]), one[1]), other[0],
            number(median(every[other]), one[1]), p))


def show_row(own, searches, function, trials, others):
    cells = [number(median(own[search, function, trials]), function)
             if own.get((search, function, trials)) else "" for search in searches]
    least = searches.index(best_search(own, function, trials))
    cells[least] = "**%s**" % cells[least]
    print("| %s |" % " | ".join([function, "%d" % trials, *cells, *others]))


def show_head(searches, others):
    print("| %s |" % " | ".join(["function", "trials", *("`%s`" % s for s in searches), *others]))
    print("|%s" % (" --- |" * (len(searches) + len(others) + 2)))


def show_markdown(own, peers):
    every = all_of(peers)
    for several in False, True:
        cases = sorted({case[1:] for case in own if (case[1] in rows.SEVERAL) == several})
        searches = sorted({case[0] for case in own if case[1:] in cases})
        names = sorted({case[0] for case in every if case[1:] in cases})
        show_head(searches, names if several else ["Optuna's best"])
        for function, trials in cases:
            if several:
                others = [number(median(every[name, function, trials]), function)
                          if every.get((name, function, trials)) else "" for name in names]
            else:
                other = best_search(peers["optuna"], function, trials)
                value = median(peers["optuna"][other, function, trials])
                others = ["%s (%s)" % (number(value, function), other)]
            show_row(own, searches, function, trials, others)
        print()


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("rows", nargs="?")
    given = parser.parse_args()
    own = by_case(rows.read("pegbox", given.rows))
    peers = {program: by_case(rows.read(program)) for program in PEERS}
    if given.markdown:
        show_markdown(own, peers)
        return 0
    same, best = compared(own, peers)
    if not given.check:
        show(own, peers, same, best)
    bad = ["%s: %s on %s after %d trials (p %.4f)" % (PEERS[case[0]], *case[1:], p)
           for case, p in same.items() if p < ALPHA]
    bad += ["%s: the best, %s, on %s after %d trials (p %.4f)" % (case[1][0], *case[0], p)
            for case, p in best.items() if p < ALPHA]
    for text in bad:
        print("worse than " + text)
    print("%d searches on functions after so many trials compared, %d of the best; %d worse" % (
        len(same), len(best), len(bad)))
    return 1 if bad or not same else 0


if __name__ == "__main__":
    sys.exit(main())
