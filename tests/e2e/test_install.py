#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""An installed tree works wherever it is moved, and the build tree without installing."""
import os
import re
import shutil

from pegbox_test import BUILD, PegboxTest, main, read_text


class Install(PegboxTest):
    def check(self, pegbox, env=None):
        """The program in a tree finds its own plugins, data and worker."""
        rows = self.command([pegbox, "plugins", "--json"], env=env).json
        self.assertIn(("scheduler", "asha"), [(row["kind"], row["name"]) for row in rows])
        self.command([pegbox, "run", "--name", "one", "--", "sh", "-c", ":"], env=env)
        rows = self.command([pegbox, "trials", "one", "--json"], env=env).json
        self.assertEqual([row["state"] for row in rows], ["TERMINATED"])
        shutil.rmtree(self.results_dir)
        self.write("tree/file", "content")
        self.command([pegbox, "checkpoint", "pack", self.dir + "/tree", self.dir + "/a.tar"], env=env)
        os.unlink(self.dir + "/a.tar")
        return self.command([pegbox, "plugins", "--json"], env=env).out

    def test_moved_tree(self):
        prefix = self.installed()
        moved = os.path.join(self.dir, "moved to here")
        shutil.copytree(prefix, moved, symlinks=True)
        self.assertIn(moved, self.check(os.path.join(moved, "bin", "pegbox")))

    def test_without_the_archiver(self):
        # It is loaded where there is an archive, and only there.
        prefix = os.path.join(self.dir, "prefix")
        shutil.copytree(self.installed(), prefix, symlinks=True)
        pegbox = os.path.join(prefix, "bin", "pegbox")
        archiver = os.path.join(prefix, "libexec", "pegbox", "pegbox-archiver.so")
        os.unlink(archiver)
        self.command([pegbox, "run", "--name", "one", "--", "sh", "-c", ":"])
        self.write("tree/file", "content")
        pack = [pegbox, "checkpoint", "pack", self.dir + "/tree", self.dir + "/a.tar"]
        self.one_error(self.command(pack, expect=4), "no archive can be read or written: ", archiver)
        shutil.copy(self.a_plugin(prefix), archiver)
        self.one_error(self.command(pack, expect=4), archiver, "another version of pegbox")

    @staticmethod
    def a_plugin(prefix):
        for folder, _, names in os.walk(prefix):
            if "random.so" in names:
                return os.path.join(folder, "random.so")
        raise AssertionError("no random.so in " + prefix)

    def one_error(self, done, *texts):
        self.assertEqual(done.err.count("\n"), 1, done.err)
        for text in texts:
            self.assertIn(text, done.err)

    def test_through_a_link(self):
        prefix = self.installed()
        os.makedirs(self.dir + "/bin")
        os.symlink(os.path.join(prefix, "bin", "pegbox"), self.dir + "/bin/pegbox")
        self.check(self.dir + "/bin/pegbox")
        self.check("pegbox", env={"PATH": self.dir + "/bin:" + os.environ["PATH"]})

    def test_build_tree(self):
        self.check(os.path.join(BUILD, "core", "pegbox"))

    def test_devenv(self):
        done = self.command(["meson", "devenv", "-C", BUILD, "pegbox", "plugins"], cwd=BUILD)
        self.assertIn("asha", done.out)

    def test_devenv_stays_where_it_is_told(self):
        done = self.command(["meson", "devenv", "-C", BUILD, "-w", ".", "sh", "-c",
                             "pwd; pegbox --version"])
        self.assertIn(self.dir + "\npegbox ", done.out)

    def test_pkg_config(self):
        self.check_pkg_config(self.installed())

    def test_pkg_config_of_a_moved_tree(self):
        moved = os.path.join(self.dir, "moved")
        shutil.copytree(self.installed(), moved, symlinks=True)
        self.check_pkg_config(moved)

    def check_pkg_config(self, prefix):
        flags = self.pkg_config(prefix, "--cflags")
        include, = [os.path.realpath(flag[2:]) for flag in flags if flag.startswith("-I")]
        self.assertEqual(include, os.path.join(os.path.realpath(prefix), "include"))
        header = read_text(os.path.join(include, "pegbox", "plugin.h"))
        abi = [re.search(r"#define PEGBOX_ABI_%s (\d+)u" % part, header)[1]
               for part in ("MAJOR", "MINOR")]
        self.assertEqual(self.pkg_config(prefix, "--variable=abi"), [".".join(abi)])
        plugins, = self.pkg_config(prefix, "--variable=pluginsdir")
        self.assertTrue(os.path.exists(plugins + "/search/random.so"), plugins)
        self.assertTrue(os.path.realpath(plugins).startswith(os.path.realpath(prefix)), plugins)
        program, = self.pkg_config(prefix, "--variable=pegbox")
        self.assertTrue(os.access(program, os.X_OK), program)

    def test_what_is_installed(self):
        prefix = self.installed()
        for path in ("bin/pegbox", "libexec/pegbox/pegbox-worker",
                     "libexec/pegbox/pegbox-archiver.so", "share/pegbox/defaults.json",
                     "share/pegbox/python/pegbox.py", "include/pegbox/plugin.h",
                     "include/pegbox/helpers.h", "share/man/man1/pegbox.1"):
            self.assertTrue(os.path.exists(os.path.join(prefix, path)), path)


if __name__ == "__main__":
    main()
