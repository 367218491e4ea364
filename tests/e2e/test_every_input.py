#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every search that is installed with what is unlike any good experiment: metrics of no use, trials
that fail or are taken back, spaces of one point, of few or of 200 parameters. None makes it stall,
crash or lose a trial, and what it cannot take is refused where it stands in the file."""
from pegbox_test import main, sh
from searches_test import SearchesTest, of_each_form, of_each_search, unlike

BAD = """case $2 in 0|17) exit 3 ;; 1|18) echo '{"loss": NaN}' ;; 2|19) echo '{"loss": Infinity}' ;;
3|20) echo '{"loss": "-Infinity"}' ;; 4|21) echo '{"other": 1}' ;; 5|22) echo '{"loss": 1e308}' ;;
6|23) echo '{"loss": -1e308}' ;; *) echo "{\\"loss\\": $1}" ;; esac"""
EQUAL = "echo '{\"loss\": 1}'"
# A parameter p that needs the capability, and what of it is refused.
NEEDS = {
    "grid": ({"$grid_search": [1, 2]}, "a $grid_search"),
    "category": ({"$choice": ["x", "y"]}, "a $choice"),
    "unbounded": ({"$randn": [0, 1]}, "an operator without bounds"),
    "quantum": ({"$quniform": [0, 1, 0.25]}, "a quantised operator"),
    "conditional": ({"$choice": [{"q": {"$uniform": [0, 1]}}, 1]}, "a parameter inside a $choice")}
NO_MORE = r"no more trials|no point is left|no further trials"


class EveryInput(SearchesTest):
    @of_each_form
    def test_bad_metrics(self, name, search):
        """A trial without the metric has failed, any number is stored as it is; nor is it the end
        when the worst and the best of them are taken back."""
        experiment = self.ran(name, BAD, search=search, num_samples=26, expect=1,
                              max_concurrent_trials=2)
        bad = [("ERROR", None), ("TERMINATED", "NaN"), ("TERMINATED", "Infinity"),
               ("TERMINATED", "-Infinity"), ("ERROR", None), ("TERMINATED", 1e308),
               ("TERMINATED", -1e308)]
        rows = [(row["state"], row.get("loss")) for row in experiment.trials]
        self.assertEqual(len(rows), 26)
        self.assertEqual(rows[:7] + rows[17:24], bad * 2)
        self.assertEqual([row[0] for row in rows[7:17] + rows[24:]], ["TERMINATED"] * 12)
        self.assertEqual(experiment.command("best", "--json").json["trial"] % 17, 6)
        for trial in (0, 3, 5, 6, 23):
            experiment.command("void", str(trial))
        experiment.command("resume", "--set", "num_samples=30", expect=1)
        self.assertEqual(experiment.states[26:], ["TERMINATED"] * 4)
        self.assertLess(experiment.command("best", "--json").json["loss"], 10)

    @of_each_search
    def test_nothing_to_learn(self, name):
        for script, status, state in ((EQUAL, 0, "TERMINATED"), ("exit 3", 1, "ERROR"),
                                      ("echo '{\"loss\": NaN}'", 0, "TERMINATED")):
            experiment = self.ran(name, script, num_samples=24, expect=status)
            self.assertEqual(experiment.states, [state] * 24)

    @of_each_search
    def test_sizes(self, name):
        """No parameter, none that varies, and 200 of them."""
        single = {"x": {"$choice": [5]}, "y": {"$randint": [3, 4]}}
        if not self.can(name, "category"):
            del single["x"]
        for config, n in (({}, 4), ({"x": 5}, 4), (single, 6),
                          ({"x%03d" % i: {"$uniform": [0, 1]} for i in range(200)}, 12)):
            experiment = self.ran(name, words=("1",), config=config, num_samples=n,
                                  max_concurrent_trials=2)
            self.assertEqual(experiment.states, ["TERMINATED"] * n)
            self.assertEqual(unlike(experiment.configs), n if len(config) > 2 else 1)

    @of_each_search
    def test_few_points(self, name):
        """Once all were run they come again, or the search says that there are no more; where
        duplicates are skipped, each comes once, and the end is said."""
        config = {"a": {"$randint": 6}, "b": {"$quniform": [0, 1, 1]}}
        keys = dict(words=("{config.a}",), config=config, num_samples=15, max_concurrent_trials=8)
        experiment = self.ran(name, **keys)
        if len(experiment.trials) < 15:
            self.assertRegex(experiment.done.err, NO_MORE)
        self.assertGreater(unlike(experiment.configs), 4)
        experiment = self.ran(name, duplicates="skip", **keys)
        n = len(experiment.trials)
        self.assertEqual(unlike(experiment.configs), n)
        self.assertEqual(experiment.states, ["TERMINATED"] * n)
        self.assertTrue(10 <= n <= 12, n)
        self.assertRegex(experiment.done.err, NO_MORE)

    @of_each_form
    def test_what_it_cannot(self, name, search):
        """A file is refused that has it, with who can."""
        wrapper = search["plugin"] if search["plugin"] != name else None
        search = dict(search, **{"points_to_evaluate": []} if wrapper == "warm-start" else {})
        for need, (operator, what) in NEEDS.items():
            spec = dict(self.keys(name, search), config={"p": operator}, trainable=sh(":"))
            if all(self.can(who, need) for who in (name, wrapper) if who):
                self.pegbox("validate", self.spec(**spec))
                continue
            able = ", ".join("'%s'" % who for who in self.searches if self.can(who, need))
            self.refused(spec, ": config.p", "cannot take %s; %s can" % (what, able))
        for need, more, what in (
                ("constraints", {"constraints": ["result.loss - 1"]}, "cannot take constraints"),
                ("objectives", {"metric": ["loss", "size"], "mode": ["min", "max"]},
                 "takes one objective, not 2")):
            spec = dict(self.keys(name, search, **more), trainable=sh(":"))
            if self.can(name, need):
                self.pegbox("validate", self.spec(**spec))
            else:
                able = ", ".join("'%s'" % who for who in self.searches if self.can(who, need))
                self.refused(spec, "the search '%s' %s; %s can" % (name, what, able))

    @of_each_search
    def test_without_a_metric(self, name):
        keys = self.keys(name)
        del keys["metric"], keys["mode"]
        if self.can(name, "needs-metric"):
            self.refused(dict(keys, trainable=sh(":")), "metric")
        else:
            self.pegbox("validate", self.spec(sh(":"), **keys))


if __name__ == "__main__":
    main()
