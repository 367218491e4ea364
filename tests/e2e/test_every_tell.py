#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every search that is installed, alone and in each wrapper, told what it should not be."""
from pegbox_test import main
from searches_test import SearchesTest, loss, of_each_form, unlike


class EveryTell(SearchesTest):
    @of_each_form
    def test_told_as_it_should_not_be(self, name, search):
        """Out of order, twice, of a trial that nobody has; and what follows a void one."""
        experiment = self.create(name, search, num_samples=12, max_concurrent_trials=8)
        for number in range(1, 6):
            self.assertEqual(self.pegbox("ask", experiment).json["trial"], number)
        for trial, words in ((5, ["0.5"]), (3, ["--failed"]), (4, ["NaN"]), (0, ["-Infinity"])):
            self.tell(experiment, trial, *words)
        for trial in (5, 3):
            for words in (["0.1"], ["--failed"]):
                self.assertIn("has ended already",
                              self.tell(experiment, trial, *words, expect=1).err)
        for trial in (6, "nobody"):
            self.assertIn("no trial '%s' in %s" % (trial, experiment),
                          self.tell(experiment, trial, "1", expect=2).err)
        self.assertIn('has no "loss"', self.tell(experiment, 1, '{"other": 1}', expect=2).err)
        for trial in (5, 3, 0):
            self.assertIn("trial %d of %s is void" % (trial, experiment),
                          self.pegbox("void", experiment, str(trial)).out)
        for number in range(6, 12):
            trial = self.pegbox("ask", experiment).json
            self.assertEqual(trial["trial"], number)
            self.tell(experiment, number, loss(trial["config"]))
        self.assertEqual(self.pegbox("ask", experiment).json, {"done": True})
        rows = self.opened(experiment).trials
        self.assertEqual([row["state"] for row in rows], ["TERMINATED"] + ["RUNNING"] * 2 +
                         ["ERROR"] + ["TERMINATED"] * 8)
        self.assertEqual([rows[n].get("loss") for n in (5, 3, 4, 0)], [0.5, None, "NaN",
                                                                     "-Infinity"])
        self.assertEqual(unlike([row["config"] for row in rows]), 12)


if __name__ == "__main__":
    main()
