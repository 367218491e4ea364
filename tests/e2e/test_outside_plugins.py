#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The plugins of sdk/examples build against the installed files alone and run beside ours."""
import os
import shutil

from pegbox_test import SOURCE, PegboxTest, main, read_text, sh

SDK_EXAMPLES = os.path.join(SOURCE, "sdk", "examples")


class OutsidePlugins(PegboxTest):
    def build(self, kind, name):
        """Copies one C file to a directory of its own, so that nothing else of the source tree
        can be included, and builds it."""
        source = os.path.join(SDK_EXAMPLES, kind, name + ".c")
        copy = os.path.join(self.dir, "outside", name + ".c")
        os.makedirs(os.path.dirname(copy), exist_ok=True)
        shutil.copy(source, copy)
        self.assertLess(len(read_text(source).splitlines()), 60, source)
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(copy, kind, name)

    def names(self, kind):
        return sorted(name[:-2] for name in os.listdir(os.path.join(SDK_EXAMPLES, kind))
                      if name.endswith(".c"))

    def test_search(self):
        name = self.names("search")[0]
        self.build("search", name)
        plugin = self.pegbox("inspect", "search/" + name, "--json").json
        self.assertTrue(plugin["options"])
        experiment = self.run_experiment(
            sh("""echo "{\\"loss\\": $1}" """, "{x}"), config={"x": {"$uniform": [0, 1]}},
            metric="loss", mode="min", num_samples=8, search=name)
        self.assertEqual(experiment.states, ["TERMINATED"] * 8)
        self.assertEqual(len({config["x"] for config in experiment.configs}), 8)

    def test_stopper(self):
        name = self.names("stopper")[0]
        self.build("stopper", name)
        plugin = self.pegbox("inspect", "stopper/" + name, "--json").json
        self.assertTrue(plugin["options"])
        done = self.pegbox("validate", self.spec(sh(":"), stop={"plugin": name, "no_such": 1}),
                           expect=2)
        self.assertIn("no_such", done.err)


if __name__ == "__main__":
    main()
