#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""plugins/KIND/NAME/README.md: each bundled plugin has one, it lists the options that there are
with their defaults, and its experiment files are good ones."""
import json
import os
import re

from pegbox_test import SOURCE, PegboxTest, main, read_text

PLUGINS = os.path.join(SOURCE, "plugins")
OPTION_ROW = re.compile(r"^\| (`\w+`(?:, `\w+`)*) \| (.*?) \| ", re.M)
JSON_BLOCK = re.compile(r"^```json\n(.*?)^```$", re.M | re.S)


def bundled():
    for kind in sorted(os.listdir(PLUGINS)):
        folder = os.path.join(PLUGINS, kind)
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            if os.path.exists(os.path.join(folder, name, "meson.build")):
                yield kind + "/" + name


class Pages(PegboxTest):
    def each(self):
        pages = {plugin: os.path.join(PLUGINS, plugin, "README.md") for plugin in bundled()}
        self.assertGreater(len(pages), 10)
        for plugin, page in pages.items():
            with self.subTest(plugin=plugin):
                yield plugin, read_text(page)

    def test_options_are_those_of_inspect(self):
        for plugin, page in self.each():
            options = self.pegbox("inspect", plugin, "--json").json["options"]
            listed = {name: default for names, default in OPTION_ROW.findall(page)
                      for name in re.findall(r"\w+", names)}
            self.assertEqual(set(listed), {option["name"] for option in options})
            for option in options:
                if "default" in option:
                    default = option["default"]
                    text = default if isinstance(default, str) else json.dumps(default)
                    self.assertEqual(listed[option["name"]].strip("`"), text, option["name"])

    def test_examples_are_valid(self):
        self.write("results/monday/experiment.db", "")  # an earlier one, which is only looked for
        for plugin, page in self.each():
            blocks = [block for block in JSON_BLOCK.findall(page) if block.startswith("{")]
            self.assertTrue(blocks)
            for block in blocks:
                keys = dict({"trainable": {"plugin": "exec", "command": ["true"]}},
                            **json.loads(block))
                self.pegbox("validate", self.spec(**keys))


if __name__ == "__main__":
    main()
