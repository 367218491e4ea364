#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""plugins, inspect and schema: what is installed and what it takes."""
import json
import os
import unittest

from pegbox_test import EXAMPLES, WITHOUT, PegboxTest, main, read_text, sh

try:
    import jsonschema
except ImportError:
    jsonschema = None

BUNDLED = {("search", "random"), ("search", "tpe"), ("search", "cmaes"), ("search", "cfo"),
           ("search", "blendsearch"), ("search", "bohb"), ("search", "gp"),
           ("scheduler", "fifo"), ("scheduler", "asha"),
           ("stopper", "threshold"), ("stopper", "when"), ("stopper", "timeout"),
           ("stopper", "max-iteration"), ("logger", "json"), ("logger", "csv"),
           ("executor", "local"), ("trainable", "exec")}
BUNDLED = {(kind, name) for kind, name in BUNDLED if kind + "/" + name not in WITHOUT}


class Plugins(PegboxTest):
    def test_plugins(self):
        rows = self.pegbox("plugins", "--json").json
        self.assertLessEqual(BUNDLED, {(row["kind"], row["name"]) for row in rows})
        self.assertIn("asha", self.pegbox("plugins").out)
        kinds = {row["kind"] for row in self.pegbox("plugins", "scheduler", "--json").json}
        self.assertEqual(kinds, {"scheduler"})
        self.pegbox("plugins", "schedulers", expect=2)

    def test_inspect_each(self):
        for kind, name in sorted(BUNDLED):
            plugin = self.pegbox("inspect", kind + "/" + name, "--json").json
            self.assertEqual((plugin["kind"], plugin["name"]), (kind, name))
            for option in plugin["options"]:
                self.assertTrue(option["doc"])

    def test_inspect_prints_options(self):
        out = self.pegbox("inspect", "scheduler/asha").out
        for word in ("max_t", "grace_period", "reduction_factor", "brackets", "100", "4"):
            self.assertIn(word, out)
        self.assertIn("did you mean", self.pegbox("inspect", "scheduler/ashaa", expect=2).err)
        self.pegbox("inspect", "asha/scheduler", expect=2)

    @unittest.skipIf(jsonschema is None, "needs python3-jsonschema")
    def test_schema_takes_the_examples(self):
        # The options of a plugin from elsewhere are in it too.
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(
            os.path.join(EXAMPLES, "c", "poisson.c"), "trainable", "poisson")
        schema = self.pegbox("schema").json
        cls = jsonschema.validators.validator_for(schema)
        cls.check_schema(schema)
        validator = cls(schema)
        for folder, _, names in os.walk(EXAMPLES):
            for name in names:
                if name.endswith(".json"):
                    text = "\n".join(line for line in
                                     read_text(os.path.join(folder, name)).splitlines()
                                     if not line.lstrip().startswith("//"))
                    validator.validate(json.loads(text))

    @unittest.skipIf(jsonschema is None, "needs python3-jsonschema")
    def test_schema_refuses_what_run_refuses(self):
        validator = jsonschema.Draft7Validator(self.pegbox("schema").json)
        good = {"trainable": sh(":"), "scheduler": {"plugin": "asha", "max_t": 5}}
        self.assertTrue(validator.is_valid(good))
        for bad in (dict(good, num_sample=1), dict(good, num_samples="x"), {},
                    dict(good, scheduler={"plugin": "asha", "max_t": "x"}),
                    dict(good, scheduler={"plugin": "asha", "max_tt": 5}),
                    dict(good, mode="maximum")):
            self.assertFalse(validator.is_valid(bad), bad)
            self.refused(bad)


if __name__ == "__main__":
    main()
