#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Nothing leaks over many trials: no descriptor, no zombie, no temporary file."""
import os

from pegbox_test import SHORT, PegboxTest, main, sh

TRIALS = 200 if SHORT else 10000
# Every tenth part of the trials looks at its worker and the driver from within.
LOOK = """echo '{"loss": 1}'
[ $(($1 % $2)) = 0 ] || exit 0
count() { ls /proc/$1/fd | wc -l; }
zombies() { cat /proc/[0-9]*/stat 2>/dev/null | awk -v p=$1 '$3 == "Z" && $4 == p' | wc -l; }
driver=$(awk '{ print $4 }' /proc/$PPID/stat)
echo $1 $(count $PPID) $(count $driver) $(zombies $PPID) $(zombies $driver) >>look"""


class Leaks(PegboxTest):
    def test_many_trials(self):
        temporary = os.path.join(self.dir, "tmp")
        os.mkdir(temporary)
        experiment = self.run_experiment(
            sh(LOOK, "{n}", str(TRIALS // 10)), config={"n": {"$grid_search": list(range(TRIALS))}},
            metric="loss", mode="min", max_concurrent_trials=2, log_to_file=False,
            auto_loggers=False, environ={"TMPDIR": temporary}, timeout=TRIALS // 5)
        self.assertEqual(experiment.states.count("TERMINATED"), TRIALS)
        with open(os.path.join(self.dir, "look"), encoding="utf-8") as file:
            rows = sorted([int(word) for word in line.split()] for line in file)
        self.assertEqual(len(rows), 10)
        for column, what in ((1, "descriptors of the worker"), (2, "descriptors of the driver")):
            early, late = rows[1][column], rows[-1][column]
            self.assertLessEqual(late, early + 4, "%s: %s" % (what, rows))
        for column, what in ((3, "zombies of the worker"), (4, "zombies of the driver")):
            self.assertLessEqual(rows[-1][column], 2, "%s: %s" % (what, rows))
        self.assertEqual(os.listdir(temporary), [])


if __name__ == "__main__":
    main()
