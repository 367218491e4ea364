#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""plugins/KIND/NAME/README.md: each bundled plugin has one, it lists the options that there are
with their defaults, and its experiment files are good ones. `inspect` says all of each option."""
import json
import os
import re

from pegbox_test import SOURCE, WITHOUT, PegboxTest, main, read_text

PLUGINS = os.path.join(SOURCE, "plugins")
OPTION_ROW = re.compile(r"^\| (`\w+`(?:, `\w+`)*) \| (.*?) \| ", re.M)
ANY_NUMBER = ["metric_threshold"]
JSON_BLOCK = re.compile(r"^```json\n(.*?)^```$", re.M | re.S)


def bundled():
    for kind in sorted(os.listdir(PLUGINS)):
        folder = os.path.join(PLUGINS, kind)
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            plugin = kind + "/" + name
            if os.path.exists(os.path.join(folder, name, "meson.build")) and plugin not in WITHOUT:
                yield plugin


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

    def test_inspect_is_complete(self):
        """What each option means, of which type it is, what it may be, and what it is if not set."""
        for plugin, _ in self.each():
            facts = self.pegbox("inspect", plugin, "--json").json
            for name in ("version", "summary", "license", "abi", "interfaces", "caps"):
                self.assertIn(name, facts)
            for option in facts["options"]:
                self.assertTrue(option["doc"] and option["since"] and option["type"], option)
                self.assertTrue("default" in option or option.get("required") or
                                "default:" in option["doc"], option)
                if option["type"] == "enum":
                    self.assertTrue(option["choices"], option)
                elif option["type"] in ("integer", "number"):
                    self.assertTrue({"min", "max"} & set(option) or option["name"] in ANY_NUMBER,
                                    option)
            text = " ".join(self.pegbox("inspect", plugin).out.split())
            for option in facts["options"]:
                self.assertIn("%s: " % option["name"], text)
                self.assertIn(option["doc"], text)

    def test_searches_say_when_how_and_whence(self):
        for plugin, page in self.each():
            if plugin.startswith("search/"):
                for part in ("\nUse it ", "\n## Options\n", "\n## Method\n", "\nSince 1.0"):
                    self.assertIn(part, page)
                self.assertRegex(page, r"\b(19|20)\d\d\b|Ray Tune's")

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
