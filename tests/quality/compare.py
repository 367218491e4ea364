#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How pegbox's searches do beside Optuna's of the same names, from the rows of both.

tests/quality/compare.py [--check] [--markdown] [ROWS.csv]
  --check     prints only what is worse; exits 1 where something is
  --markdown  the table of doc/searches.md
  ROWS.csv    those of pegbox (default: rows/pegbox.csv)

For each function and number of trials the best values over the seeds: quartiles, and whether
pegbox's are larger by a one-sided Mann-Whitney test; p is corrected for all tests of one kind by
Holm's method. Also whether pegbox's best search on a function is worse than Optuna's best one.
"""
import argparse
import collections
import sys

import rows

ALPHA = 0.05


def by_case(all_rows):
    """{(search, function, trials): [best, ...]}, of what has all its seeds."""
    cases = collections.defaultdict(list)
    for row in all_rows:
        cases[row["search"], row["function"], row["trials"]].append(row["best"])
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


def compared(own, peer):
    """Corrected p by (search, function, trials), and by (function, trials) of the best ones."""
    same = {case: worse(own[case], peer[case]) for case in own if case in peer}
    best = {}
    for function, trials in sorted({case[1:] for case in own} & {case[1:] for case in peer}):
        one = best_search(own, function, trials), function, trials
        other = best_search(peer, function, trials), function, trials
        best[one, other] = worse(own[one], peer[other])
    return holm(same), holm(best)


def number(value):
    return "%.3g" % value


def show(own, peer, same, best):
    for case in sorted(set(own) | set(peer), key=lambda case: (case[1], case[0], case[2])):
        print("%-12s %-12s %3d" % (case[1], case[0], case[2]), end="")
        for cases in (own, peer):
            text = "%s %s %s" % tuple(map(number, quartiles(cases[case]))) if cases.get(case) else "-"
            print("  %-28s" % text, end="")
        print("  p %.3f" % same[case] if case in same else "")
    print()
    for (one, other), p in best.items():
        print("best on %-12s %3d: %s %s, Optuna's %s %s, p %.3f" % (
            one[1], one[2], one[0], number(median(own[one])), other[0],
            number(median(peer[other])), p))


def show_markdown(own, peer):
    functions = sorted({case[1] for case in own})
    searches = sorted({case[0] for case in own})
    print("| function | trials | %s | Optuna's best |" % " | ".join("`%s`" % s for s in searches))
    print("|%s" % (" --- |" * (len(searches) + 3)))
    for function in functions:
        for trials in rows.AFTER:
            cells = [number(median(own[search, function, trials]))
                     if own.get((search, function, trials)) else "" for search in searches]
            least = best_search(own, function, trials)
            cells[searches.index(least)] = "**%s**" % cells[searches.index(least)]
            other = best_search(peer, function, trials)
            print("| %s | %d | %s | %s (%s) |" % (
                function, trials, " | ".join(cells), number(median(peer[other, function, trials])),
                other))


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("rows", nargs="?")
    given = parser.parse_args()
    own, peer = by_case(rows.read("pegbox", given.rows)), by_case(rows.read("optuna"))
    if given.markdown:
        show_markdown(own, peer)
        return 0
    same, best = compared(own, peer)
    if not given.check:
        show(own, peer, same, best)
    bad = ["%s on %s after %d trials (p %.4f)" % (*case, p) for case, p in same.items() if p < ALPHA]
    bad += ["the best, %s, on %s after %d trials (p %.4f)" % (*case[0], p)
            for case, p in best.items() if p < ALPHA]
    for text in bad:
        print("worse than Optuna: " + text)
    print("%d searches on functions after so many trials compared, %d of the best; %d worse" % (
        len(same), len(best), len(bad)))
    return 1 if bad or not same else 0


if __name__ == "__main__":
    sys.exit(main())
