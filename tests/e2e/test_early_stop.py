#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A script whose output Python would hold back in a buffer is stopped early by asha all the
same."""
from pegbox_test import PegboxTest, main, python, read_text

# Ten epochs; a bad trial takes its time after the first. What it did itself stands in its
# own directory, however far its output came.
SCRIPT = """
import json, os, sys, time
bad = float(sys.argv[1])
for epoch in range(1, 11):
    with open(os.environ["PEGBOX_TRIAL_DIR"] + "/epochs", "a") as file:
        file.write("%d\\n" % epoch)
    print(json.dumps({"epoch": epoch, "loss": bad + 1 / epoch}))
    if bad and epoch == 1:
        time.sleep(3)
"""


class EarlyStop(PegboxTest):
    def epochs(self, **options):
        experiment = self.run_experiment(
            python(SCRIPT, "{bad}"), config={"bad": {"$grid_search": [0, 1, 2]}},
            metric="loss", mode="min", max_concurrent_trials=1,
            scheduler={"plugin": "asha", "max_t": 10, "grace_period": 1, "reduction_factor": 2},
            **options)
        self.assertEqual(experiment.states, ["TERMINATED"] * 3)
        return [len(experiment.read(i, "epochs").splitlines()) for i in range(3)], experiment.counts

    def test_stopped_at_the_first_rung(self):
        self.env.pop("PYTHONUNBUFFERED", None)
        done, reported = self.epochs()
        self.assertEqual(reported, [10, 1, 1])
        self.assertEqual(done, [10, 1, 1])

    def test_without_help_it_would_run_to_its_end(self):
        # An empty text switches Python's option off again: now the buffer comes at the exit.
        done, reported = self.epochs(environ={"PYTHONUNBUFFERED": ""})
        self.assertEqual(done, [10, 10, 10])
        self.assertEqual(reported, [10, 1, 1])


if __name__ == "__main__":
    main()
