#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""pegbox importance: which parameters matter."""
import json

from pegbox_test import PegboxTest, main

SPACE = {"a": {"$uniform": [0, 1]}, "b": {"$uniform": [0, 1]},
         "kind": {"$choice": [{"type": "x"}, {"type": "y", "c": {"$uniform": [0, 1]}}]},
         "fixed": 3}


class Importance(PegboxTest):
    def tell(self, name, loss, n=40, space=None, **keys):
        """An experiment whose trials come to what loss(config) says."""
        spec = dict({"config": space or SPACE, "metric": "loss", "mode": "min", "seed": 1,
                     "num_samples": n, "name": name}, **keys)
        path = self.write(name + ".json", json.dumps(spec))
        self.pegbox("ask", "--create", path, expect=0)
        for i in range(n):
            if i > 0:
                self.pegbox("ask", name)
            config = json.loads(self.pegbox("trials", name, "--json", "--filter",
                                            "trial == %d" % i).out)[0]["config"]
            self.pegbox("tell", name, str(i), json.dumps(loss(config)))

    def shares(self, *words):
        rows = json.loads(self.pegbox("importance", *words, "--json").out)
        return {(row["parameter"], row.get("with")): row["importance"] for row in rows}, rows

    def test_what_matters_comes_first(self):
        self.tell("e", lambda c: {"loss": c["a"] + c["b"] / 1000, "other": c["b"]})
        found, rows = self.shares("e")
        self.assertEqual(rows[0]["parameter"], "a")
        self.assertGreater(found["a", None], 0.5)
        self.assertAlmostEqual(sum(found.values()), 1)
        # A constant is no parameter; a conditional one was in some trials only.
        names = {row["parameter"]: row["trials"] for row in rows}
        self.assertEqual(set(names), {"a", "b", "kind", "kind.c"})
        self.assertEqual(names["a"], 40)
        self.assertTrue(5 < names["kind.c"] < 35)
        # By fanova too, of which the conditional one is left out; pairs on demand.
        found, rows = self.shares("e", "--method", "fanova", "--pairs")
        self.assertEqual(rows[0]["parameter"], "a")
        self.assertGreater(found["a", None], 0.8)
        self.assertIsNone(found["kind.c", None])
        self.assertIn(("a", "b"), found)
        # Another metric, the other way.
        _, rows = self.shares("e", "--metric", "other", "--mode", "max")
        self.assertEqual(rows[0]["parameter"], "b")
        # For people: a table with what it is from.
        text = self.pegbox("importance", "e", "--limit", "1").out
        self.assertEqual(text.split()[:4], ["parameter", "importance", "trials", "a"])
        self.assertIn("the best 4 of 40 trials by loss", text)
        self.assertIn("a guess", text)
        text = self.pegbox("importance", "e", "--method", "fanova").out
        self.assertIn("shares of the variance of loss over 40 trials", text)
        self.assertIn("--method ped-anova", text)
        self.assertEqual(self.pegbox("importance", "e", "--format", "csv", "--columns",
                                     "parameter", "--limit", "1").out, "parameter\na\n")

    def test_best_by_the_mode(self):
        """The best ones are due to a, the worst ones to b."""
        self.tell("e", lambda c: {"loss": c["a"] if c["a"] < 0.5 else 0.5 + c["b"]}, 60)
        self.assertEqual(self.shares("e")[1][0]["parameter"], "a")
        self.assertEqual(self.shares("e", "--mode", "max")[1][0]["parameter"], "b")

    def test_too_little(self):
        self.tell("few", lambda c: {"loss": c["a"]}, 3)
        self.assertIn("needs 4 trials", self.pegbox("importance", "few", expect=1).err)
        self.tell("same", lambda c: {"loss": 1}, 5)
        self.assertIn("all 5 trials have the same loss",
                      self.pegbox("importance", "same", expect=1).err)
        self.tell("nothing", lambda c: {"loss": 1}, 2, {"fixed": 3})
        self.assertIn("no parameter of it varies",
                      self.pegbox("importance", "nothing", expect=1).err)

    def test_values_that_are_none(self):
        """NaN and infinite ones are left out, and what breaks a constraint."""
        self.tell("e", lambda c: {"loss": "NaN" if c["a"] < 0.3 else "Infinity"
                                  if c["a"] < 0.5 else c["b"]}, 30)
        _, rows = self.shares("e")
        self.assertEqual(rows[0]["parameter"], "b")
        self.assertTrue(5 <= rows[0]["trials"] < 25)
        self.tell("kept", lambda c: {"loss": c["b"]}, 30, constraints=["0.5 - result.loss"])
        _, rows = self.shares("kept")
        self.assertTrue(5 <= rows[0]["trials"] < 25)

    def test_usage(self):
        self.tell("e", lambda c: {"loss": c["a"]}, 1)
        for words, what in ((("--method", "forest"), "ped-anova, fanova"),
                            (("--pairs",), "--method fanova"),
                            (("--quantile", "1"), "--quantile"),
                            (("--trees", "0"), "--trees"),
                            (("--scope", "worst"), "worst"),
                            (("--metric", "loss", "--mode", "up"), "up")):
            self.assertIn(what, self.pegbox("importance", "e", *words, expect=2).err)


if __name__ == "__main__":
    main()
