#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""doc/ says what the program does: every command, option, key and operator, and examples
that are as good, or as bad, as they say."""
import json
import os
import re

from pegbox_test import SOURCE, PegboxTest, main, read_text

COMMANDS = ("run", "resume", "top", "validate", "ls", "trials", "results", "export", "best",
            "importance", "logs", "stop", "pause", "unpause", "enqueue", "void", "ask", "tell",
            "checkpoint", "repair", "rm", "plugins", "inspect", "schema")
OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")


def page_of(name):
    return read_text(os.path.join(SOURCE, "doc", name))


def section_of(page, title):
    """The text below a heading of the second level."""
    return page.split("\n## %s\n" % title, 1)[1].split("\n## ", 1)[0]


def first_cells(section):
    """What stands in backquotes in the first column of a section's tables."""
    return [name for line in section.splitlines() if line.startswith("| `")
            for name in re.findall(r"`([^`]*)`", line.split(" | ")[0])]


def core_text(name):
    return read_text(os.path.join(SOURCE, "core", name))


class Commands(PegboxTest):
    def help_options(self, command):
        text = self.pegbox(command, "--help").out.split("Options:\n", 1)[1]
        return {option for line in text.splitlines() for option in OPTION.findall(line[:28])}

    def test_commands_are_those_of_help(self):
        text = self.pegbox("--help").out.split("Commands:\n", 1)[1].split("\n\n", 1)[0]
        self.assertEqual([line.split()[0] for line in text.splitlines()], list(COMMANDS))
        page = page_of("commands.md")
        self.assertEqual(re.findall(r"(?m)^\| \[(\w+)\]\(#pegbox-\1\) \|", page), list(COMMANDS))
        self.assertEqual(re.findall(r"^## pegbox (\w+)$", page, re.M), list(COMMANDS))

    def test_page_has_each_option_and_no_other(self):
        page = page_of("commands.md")
        for command in COMMANDS:
            section = page.split("\n## pegbox %s\n" % command, 1)[1].split("\n## ", 1)[0]
            rows = [line for line in section.splitlines() if line.startswith("| `-")]
            options = {word for row in rows
                       for cell in re.findall(r"`(-[^`]*)`", row.split("|")[1])
                       for word in OPTION.findall(cell)}
            self.assertEqual(options, self.help_options(command), command)
            self.assertIn("Exit statuses: ", section, command)

    def test_manual_has_each_option(self):
        manual = page_of("pegbox.1").replace("\\-", "-")
        options = set(OPTION.findall(manual))
        for command in COMMANDS:
            self.assertRegex(manual, r'(?m)^\.(B|BI|BR) %s\b' % command)
            self.assertEqual(self.help_options(command) - options, set(), command)



class ExperimentFile(PegboxTest):
    page = page_of("experiment-file.md")

    def test_every_key_in_order(self):
        keys = re.findall(r'^    \{"([^"]+)", KEY_[^,]*, (TRUE|FALSE),', core_text("spec/keys.c"),
                          re.M)
        self.assertGreater(len(keys), 30)
        self.assertEqual(first_cells(section_of(self.page, "Keys")),
                         [name for name, later in keys if later == "FALSE"])
        self.assertEqual(first_cells(section_of(self.page, "Not yet")),
                         [name for name, later in keys if later == "TRUE"])

    def test_every_default_in_the_schema(self):
        known = set(self.pegbox("schema").json["properties"])
        self.assertEqual(known, set(first_cells(section_of(self.page, "Keys"))))

    def test_every_operator(self):
        operators = re.findall(r'^    \{"(\$\w+)", OPERATOR_', core_text("space/operators.c"), re.M)
        rows = first_cells(section_of(self.page, "Search spaces"))
        self.assertEqual(sorted(operators), sorted(re.search(r"\$\w+", row)[0] for row in rows
                                                   if row.startswith('{"$')))

    def test_every_form_of_args_and_fact_of_a_trial(self):
        section = section_of(self.page, "Templates")
        for name in re.findall(r'\{"(\w+)", ARGS_', core_text("expression/args.c")):
            self.assertIn("`{args:%s}`" % name, section)
        names = core_text("spec/templates.c").split("trial_names[] = {", 1)[1].split("}", 1)[0]
        for name in re.findall(r'"(\w+)"', names):
            self.assertIn("`trial.%s`" % name, section)

    def test_every_option_of_exec(self):
        options = self.pegbox("inspect", "trainable/exec", "--json").json["options"]
        self.assertEqual(first_cells(section_of(self.page, "The trainable")),
                         [option["name"] for option in options])

    def test_words_of_args(self):
        config = {"lr": 0.1, "net": {"units": [16, 64]}, "bias": True, "drop": False}
        section = section_of(self.page, "Templates")
        self.assertIn("```json\n%s\n```" % json.dumps(config), section)
        for item, words in re.findall(r"^\| `(\{args[^`]*\})` \| `([^`]*)`", section, re.M):
            path = self.spec({"command": ["echo", item]}, config=config, name=item.strip("{}"))
            self.pegbox("run", path)
            self.assertEqual(self.pegbox("logs", item.strip("{}"), "0").out, words + "\n")

    def test_examples_are_good(self):
        seen = 0
        for name in ("experiment-file.md", "guide.md"):
            for text in re.findall(r"^```json\n(\{.*?)^```", page_of(name), re.M | re.S):
                if '"trainable"' in text and '"num_sample":' not in text:
                    self.pegbox("validate", self.write("good.json", text))
                    seen += 1
        self.assertGreaterEqual(seen, 2)

    def test_errors_are_as_shown(self):
        section = section_of(self.page, "Errors")
        text, shown = re.search(r"```json\n(.*?)```\n\n```\n(.*?)```", section, re.S).groups()
        self.write("bad.json", text)
        self.assertEqual(self.pegbox("validate", "bad.json", expect=2).err, shown)


class PluginAbi(PegboxTest):
    """doc/plugin-abi.md against the headers, and against what core calls things."""
    def setUp(self):
        super().setUp()
        self.page = page_of("plugin-abi.md")

    def header(self, name):
        return read_text(os.path.join(SOURCE, "sdk", "include", "pegbox", name + ".h"))

    def rows(self, title):
        return [[cell.strip() for cell in line.strip("|").split("|")]
                for line in section_of(self.page, title).splitlines() if line.startswith("| `")]

    def test_version(self):
        version = re.findall(r"#define PEGBOX_ABI_M\w+ (\d+)u", self.header("plugin"))
        self.assertEqual(re.findall(r"ABI (\d+\.\d+)", self.page), [".".join(version)] * 2)
        self.assertIn("`pegbox_plugin_v%s`" % version[0], self.page)

    def test_sizes(self):
        layout = read_text(os.path.join(SOURCE, "sdk", "abi", "layout.c"))
        self.assertEqual(re.findall(r"`(pbx_\w+)` (\d+)", section_of(self.page, "Sizes")),
                         re.findall(r"^SIZE\((\w+), (\d+)\)", layout, re.M))
        for name, structs in self.rows("Sizes"):
            for struct in re.findall(r"`(\w+)`", structs):
                self.assertIn("struct %s {" % struct, self.header(name.strip("`")[:-2]))

    def test_statuses(self):
        values = re.findall(r"(PBX_\w+) = (-?\d+)", self.header("types").split("enum {")[1])
        self.assertEqual([(row[0].strip("`"), row[1]) for row in self.rows("Statuses")
                          if row[0].startswith("`PBX_")], values)

    def test_capabilities(self):
        bits = re.findall(r"(PBX_CAP_\w+) = ", self.header("plugin")) \
            + re.findall(r"(PBX_TRAINABLE_\w+) = ", self.header("trainable"))
        kinds = core_text("plugin/kinds.c")
        words = [word for name in ("decider_caps", "trainable_caps") for word in
                 re.findall(r'"([a-z-]+)"', kinds.split(name + "[] = {")[1].split("}")[0])]
        self.assertEqual([(row[0].strip("`"), row[1]) for row in self.rows("Capabilities")],
                         list(zip(bits, words)))

    def test_services_and_kinds(self):
        self.assertEqual(sorted(row[0].strip("`") for row in self.rows("Services")),
                         sorted(re.findall(r'_ID "([^"]+)"', self.header("services"))))
        kinds = re.findall(r"^\| (\w+) \| `([^`]+)` \|", section_of(
            self.page, "Kinds, threads, processes"), re.M)
        for kind, interface in kinds:
            header = self.header("draft/executor" if kind == "executor" else kind)
            self.assertIn('_ID "%s"' % interface, header)
        self.assertEqual(len(kinds), 6)

    def test_calls_are_all_told(self):
        told = section_of(self.page, "Calls")
        for kind in ("search", "scheduler", "stopper", "logger", "trainable", "draft/executor"):
            name = kind.split("/")[-1]
            vtable = self.header(kind).split("typedef struct pbx_%s {" % name)[1]
            section = told.split("\n### %s\n" % name)[1].split("\n### ")[0]
            for call in re.findall(r"^    pbx_status \(\*(\w+)\)", vtable, re.M):
                self.assertIn("`%s`" % call, section, name)


if __name__ == "__main__":
    main()
