# SPDX-License-Identifier: LGPL-2.1-or-later
"""Raw rows: the best value that one run of a search had after so many trials; of a function with
several metrics the hypervolume of all its points, below the function's reference point."""
import csv
import os

HERE = os.path.dirname(os.path.abspath(__file__))
FIELDS = ("program", "version", "search", "function", "seed", "trials", "best")
SEEDS = 30
SEVERAL = ("zdt1", "zdt2", "zdt3")  # functions with several metrics


def after(function, search):
    """The numbers of trials after which there is a row."""
    if function not in SEVERAL:
        return 25, 50, 100
    return (100, 250, 500) if search == "tpe" else (100, 250, 500, 1000, 2000)


def path_of(program):
    return os.path.join(HERE, "rows", program + ".csv")


def read(program, path=None):
    path = path or path_of(program)
    if not os.path.exists(path):
        return []
    with open(path, encoding="ascii", newline="") as file:
        return [dict(row, seed=int(row["seed"]), trials=int(row["trials"]),
                     best=float(row["best"])) for row in csv.DictReader(file)]


def write(program, rows, path=None):
    path = path or path_of(program)
    rows = sorted(rows, key=lambda row: (row["search"], row["function"], row["seed"],
                                         row["trials"]))
    with open(path + ".new", "w", encoding="ascii", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(dict(row, best="%.9g" % row["best"]) for row in rows)
    os.replace(path + ".new", path)
