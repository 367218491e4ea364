#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The house rules of CONTRIBUTING.md that a program can check.

check-source.py [DIR]: prints FILE:LINE: RULE for each breach in the tree at DIR (the one that
this file is in), and exits 1 if there is one.
"""
import os
import re
import sys

MAX_LINES = 600
SKIPPED_DIRS = {".git", "__pycache__", "LICENSES", "corpus", "node_modules"}
SKIPPED_FILES = {".git", "LICENSE", ".gitignore", ".gitattributes"}
# Formats without comments, and data.
NO_SPDX = (".json", ".csv", ".db", ".png", ".bin", ".txt", ".jsonl")
SPDX = re.compile(r"SPDX-License-Identifier: (\S+)")
UNFINISHED = re.compile(r"\b(" + "TO" + "DO|FIX" + "ME|XX" + "X)\\b")
BANNED = re.compile(r"(?<![\w.>])(strcpy|strcat|stpcpy|sprintf|vsprintf|gets|system|strtod|strtof|"
                    r"atof|atoi|atol|atoll|strtok|tmpnam|mktemp)\s*\(")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)

# The arrows of core/ point from a higher number to a lower one.
LEVELS = {
    "commands": 7,
    "experiment": 6, "analysis": 6,
    "decider": 5, "worker": 5, "store": 5, "request": 5,
    "spec": 4, "archiver": 4,
    "plugin": 3, "checkpoint": 3,
    "space": 2, "status": 2,
    "expression": 1, "json": 1, "clock": 1, "random": 1, "terminal": 1, "places": 1,
}
# Arrows between folders of one level, each for a reason.
SIDEWAYS = {
    ("expression", "json"),    # expressions take and give JSON
    ("expression", "random"),  # rand() and randn()
}
# Names of plugins that are also words of the experiment file or of the command line. Where
# they stand for those, they may be written in core/.
WORDS = {
    "json": {"commands", "analysis", "plugin"},  # --format json; a type of option
    "csv": {"commands", "analysis"},      # --format csv
    "when": {"spec"},                     # "stop": {"when": EXPRESSION}
    "local": {"commands", "spec"},        # run --local; a word of Lua
    "timeout": {"spec", "commands"},      # a part that defaults.json fills; ask --timeout
    "random": {"expression"},             # math.random, which the sandbox removes
    "limit": {"commands"},                # trials --limit
    "repeat": {"expression"},             # a word of Lua
}

# Files with another licence than their folder, which LICENSES/ has.
OTHER_LICENCES = {
    "plugins/search/sobol/directions.c": "BSD-3-Clause",  # numbers that were published
}

# Calls that are right where they stand.
ALLOWED_CALLS = {
    # Reads back what snprintf wrote in the same locale.
    ("sdk/include/pegbox/helpers/memory.h", "strtod"),
}


class Checker:
    def __init__(self, root):
        self.root = root
        self.found = []
        self.plugins = self.plugin_names()

    def plugin_names(self):
        names = set()
        base = os.path.join(self.root, "plugins")
        for kind in sorted(os.listdir(base)) if os.path.isdir(base) else []:
            folder = os.path.join(base, kind)
            if os.path.isdir(folder):
                for name in os.listdir(folder):
                    if os.path.isdir(os.path.join(folder, name)):
                        names.update((name, kind + "/" + name))
        return names

    def report(self, path, line, text):
        self.found.append("%s:%d: %s" % (path, line, text))

    def files(self):
        for folder, folders, names in os.walk(self.root):
            # A build directory can lie anywhere below.
            folders[:] = sorted(f for f in folders if f not in SKIPPED_DIRS and not f.startswith("build-") and not
                                os.path.exists(os.path.join(folder, f, "meson-private")))
            for name in sorted(names):
                path = os.path.join(folder, name)
                if name not in SKIPPED_FILES and not name.endswith(".pyc") \
                        and os.path.isfile(path) and not os.path.islink(path):
                    yield os.path.relpath(path, self.root)

    def run(self):
        for path in self.files():
            with open(os.path.join(self.root, path), "rb") as file:
                data = file.read()
            try:
                text = data.decode("utf-8")
            except UnicodeDecodeError:
                continue
            self.check_spdx(path, text)
            self.check_text(path, text)
            if path.endswith((".c", ".h", ".py")):
                self.check_length(path, text)
            if path.endswith((".c", ".h")):
                self.check_c(path, text)
        return self.found

    def check_spdx(self, path, text):
        if path.endswith(NO_SPDX):
            return
        match = SPDX.search("\n".join(text.split("\n", 3)[:3]))
        wanted = "MIT" if path.startswith("sdk/") else "LGPL-2.1-or-later"
        wanted = OTHER_LICENCES.get(path, wanted)
        if match is None:
            self.report(path, 1, "no SPDX-License-Identifier in its first lines")
        elif match.group(1) != wanted:
            self.report(path, 1, "licence %s, but this folder's is %s" % (match.group(1), wanted))

    def check_text(self, path, text):
        for number, line in enumerate(text.split("\n"), 1):
            if UNFINISHED.search(line):
                self.report(path, number, "unfinished work: do it, or file an issue")
            if line != line.rstrip() and not path.endswith(".md"):
                self.report(path, number, "space at the end of the line")
        if text and not text.endswith("\n"):
            self.report(path, text.count("\n") + 1, "no newline at the end of the file")

    def check_length(self, path, text):
        lines = text.count("\n")
        if lines > MAX_LINES:
            self.report(path, MAX_LINES + 1, "%d lines, at most %d: split it by idea"
                        % (lines, MAX_LINES))

    def check_c(self, path, text):
        code, strings = split_c(text)
        for match in BANNED.finditer(code):
            if (path, match.group(1)) in ALLOWED_CALLS:
                continue
            self.report(path, line_of(code, match.start(1)),
                        "%s() is banned: see CONTRIBUTING.md" % match.group(1))
        parts = path.split("/")
        if parts[0] == "core" and len(parts) > 2:
            self.check_arrows(path, parts[1], text)
        if parts[0] == "core":
            for line, string in strings:
                if string in self.plugins and parts[1] not in WORDS.get(string, ()):
                    self.report(path, line, 'core names the plugin "%s"' % string)
        if parts[0] in ("plugins", "sdk") and not parts[-1].startswith("test-"):
            self.check_plugin_includes(path, text)

    def check_arrows(self, path, folder, text):
        for match in INCLUDE.finditer(text):
            target = match.group(2).split("/")
            if match.group(1) != '"' or len(target) < 2 or target[0] not in LEVELS \
                    or target[0] == folder:
                continue
            line = line_of(text, match.start())
            if target[-1].endswith("-private.h"):
                self.report(path, line, "private header of another folder")
            if folder not in LEVELS:
                self.report(path, line, "folder %s has no level in check-source.py" % folder)
            elif LEVELS[target[0]] >= LEVELS[folder] and (folder, target[0]) not in SIDEWAYS:
                self.report(path, line, "%s must not include %s: arrows point downwards"
                            % (folder, target[0]))

    def check_plugin_includes(self, path, text):
        here = os.path.dirname(os.path.join(self.root, path))
        for match in INCLUDE.finditer(text):
            form, name = match.groups()
            line = line_of(text, match.start())
            if form == '"':
                beside = re.fullmatch(r"(\.\./[a-z0-9-]+/)?[^/]+", name)
                if not beside or not os.path.exists(os.path.join(here, name)):
                    self.report(path, line, "plugins include <pegbox/...>, system headers, their "
                                            "own folder's and what one beside it shares")
            elif re.match(r"(glib|gio|gobject|gmodule|json-glib)", name):
                self.report(path, line, "plugins do without GLib")


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def split_c(text):
    """The code with comments and literals blanked, and the string literals with their lines."""
    strings = []

    def blank(match):
        token = match.group(0)
        if token[0] == '"':
            before = text.rfind("\n", 0, match.start()) + 1
            if not text[before:match.start()].lstrip().startswith("#include"):
                strings.append((line_of(text, match.start()), token[1:-1]))
        return re.sub(r"[^\n]", " ", token)

    return TOKEN.sub(blank, text), strings


def main():
    root = os.path.abspath(sys.argv[1] if len(sys.argv) > 1
                           else os.path.join(os.path.dirname(__file__), ".."))
    found = Checker(root).run()
    for line in found:
        print(line)
    if found:
        print("check-source: %d breaches of the house rules" % len(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
