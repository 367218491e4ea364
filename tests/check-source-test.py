#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""check-source.py finds each breach, in a small tree made for it."""
import os
import subprocess
import sys
import tempfile
import unittest

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "check-source.py")
LGPL = "/* SPDX-License-Identifier: LGPL-2.1-or-later */\n"
MIT = "/* SPDX-License-Identifier: MIT */\n"


class CheckSource(unittest.TestCase):
    def check(self, files):
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(os.path.join(root, "plugins/search/tpe"))
            for path, text in files.items():
                path = os.path.join(root, path)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
            done = subprocess.run([sys.executable, PROGRAM, root], stdout=subprocess.PIPE,
                                  universal_newlines=True, check=False)
        return done.returncode, done.stdout

    def assert_found(self, files, words):
        status, output = self.check(files)
        self.assertEqual(status, 1, output)
        self.assertIn(words, output)

    def assert_clean(self, files):
        self.assertEqual(self.check(files), (0, ""))

    def test_clean(self):
        self.assert_clean({
            "core/spec/spec.c": LGPL + '#include "json/json.h"\n/* not "tpe", not system() */\n',
            "plugins/search/tpe/tpe.c": LGPL + '#include <pegbox/search.h>\n#include <math.h>\n',
            "plugins/search/tpe/test-tpe.c": LGPL + "#include <glib.h>\n",
            "sdk/include/pegbox/a.h": MIT,
            "data.json": "{}\n"})

    def test_licence(self):
        self.assert_found({"core/a.c": "int a;\n"}, "core/a.c:1: no SPDX")
        self.assert_found({"sdk/a.h": LGPL}, "this folder's is MIT")

    def test_length(self):
        self.assert_clean({"core/a.c": LGPL + "\n" * 599})
        self.assert_found({"core/a.c": LGPL + "\n" * 600}, "core/a.c:601: 601 lines")

    def test_unfinished(self):
        self.assert_found({"core/a.c": LGPL + "/* TO" + "DO */\n"}, "core/a.c:2: unfinished")

    def test_white_space(self):
        self.assert_found({"core/a.c": LGPL + "int a; \n"}, "core/a.c:2: space at the end")
        self.assert_found({"core/a.c": LGPL + "int a;"}, "no newline")

    def test_banned(self):
        for name in ("strcpy", "strcat", "sprintf", "gets", "system", "strtod", "atof", "atoi"):
            self.assert_found({"core/a.c": LGPL + "int x = %s(y);\n" % name},
                              "core/a.c:2: %s() is banned" % name)
        self.assert_clean({"core/a.c": LGPL + "int x = g_ascii_strtod(y) + snprintf(y);\n"})

    def test_arrows(self):
        self.assert_found({"core/json/a.c": LGPL + '#include "spec/spec.h"\n'},
                          "json must not include spec")
        self.assert_found({"core/store/a.c": LGPL + '#include "worker/worker.h"\n'},
                          "store must not include worker")
        self.assert_found({"core/commands/a.c": LGPL + '#include "store/store-private.h"\n'},
                          "private header of another folder")
        self.assert_found({"core/new/a.c": LGPL + '#include "json/json.h"\n'}, "has no level")

    def test_plugin_names(self):
        self.assert_found({"core/spec/a.c": LGPL + 'const char *a = "tpe";\n'},
                          'core/spec/a.c:2: core names the plugin "tpe"')
        self.assert_found({"core/main.c": LGPL + 'const char *a = "search/tpe";\n'},
                          'core names the plugin "search/tpe"')

    def test_plugin_includes(self):
        for line in ("#include <glib.h>", "#include <json-glib/json-glib.h>"):
            self.assert_found({"plugins/search/tpe/a.c": LGPL + line + "\n"}, "without GLib")
        self.assert_found({"plugins/search/tpe/a.c": LGPL + '#include "json/json.h"\n'},
                          "their own folder's")


if __name__ == "__main__":
    unittest.main()
