#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A command that is not built in is looked for as pegbox-NAME, as git does."""
import os

from pegbox_test import PegboxTest, main


class PegboxName(PegboxTest):
    def setUp(self):
        super().setUp()
        self.env["PATH"] = self.dir + "/bin:" + os.environ["PATH"]

    def test_program_on_path(self):
        self.write("bin/pegbox-hello", "#!/bin/sh\necho \"hello $#: $*\"\nexit 7\n", 0o755)
        done = self.pegbox("hello", "big world", "--help", expect=7)
        self.assertEqual(done.out, "hello 2: big world --help\n")

    def test_built_in_ones_win(self):
        self.write("bin/pegbox-ls", "#!/bin/sh\necho wrong\n", 0o755)
        self.assertNotIn("wrong", self.pegbox("ls").out)

    def test_unknown(self):
        done = self.pegbox("nosuch", expect=2)
        self.assertIn("pegbox-nosuch", done.err)
        self.assertIn("did you mean 'trials'", self.pegbox("trails", expect=2).err)

    def test_not_executable(self):
        self.write("bin/pegbox-broken", "#!/bin/sh\n", 0o644)
        self.assertIn("pegbox-broken", self.pegbox("broken", expect=2).err)

    def test_no_path_traversal(self):
        self.write("bin/pegbox-a/b", "#!/bin/sh\necho wrong\n", 0o755)
        self.assertNotIn("wrong", self.pegbox("a/b", expect=2).out)


if __name__ == "__main__":
    main()
