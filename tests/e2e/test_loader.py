#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plugin files that cannot be used: one clear line and exit 3 where they are wanted, a warning
in `pegbox plugins` where nobody asked for them."""
import os
import shutil
import unittest

from pegbox_test import PegboxTest, main, sh

ENTRY = """
#include <math.h>
#include <pegbox/stopper.h>
static pbx_status
create(const pbx_host *host, const pbx_json *options, pbx_instance **instance, pbx_error *error)
{
    (void)host, (void)options, (void)instance, (void)error;
    @CREATE@
}
static void
destroy(pbx_instance *instance)
{
    (void)instance;
}
static const pbx_stopper stopper = {
    .struct_size = sizeof(pbx_stopper), .object = {.create = create, .destroy = destroy}};
static const pbx_interface interfaces[] = {{PBX_STOPPER_ID, &stopper}, {NULL, NULL}};
static const pbx_plugin plugin = {
    .struct_size = sizeof(pbx_plugin), .option_size = sizeof(pbx_option), .kind = "stopper",
    .name = "@NAME@", .version = "1", .summary = "for tests", .license = "MIT",
    .interfaces = interfaces};
static const pbx_plugin *const plugins[] = {&plugin};
PEGBOX_EXPORT const pbx_entry pegbox_plugin_v0 = {
    .magic = @MAGIC@, .struct_size = sizeof(pbx_entry), .abi_major = PEGBOX_ABI_MAJOR,
    .abi_minor = @MINOR@, .build_flags = PEGBOX_BUILD_FLAGS, .n_plugins = 1, .plugins = plugins};
"""
WORKS = "*instance = (pbx_instance *)1; return PBX_OK;"


def filled(create=WORKS, name="odd", magic="PEGBOX_MAGIC", minor="PEGBOX_ABI_MINOR"):
    return ENTRY.replace("@CREATE@", create).replace("@NAME@", name) \
        .replace("@MAGIC@", magic).replace("@MINOR@", minor)


class Loader(PegboxTest):
    def setUp(self):
        super().setUp()
        self.prefix = self.installed()

    def plugin(self, create=WORKS, name="odd", magic="PEGBOX_MAGIC", minor="PEGBOX_ABI_MINOR",
               text=None, flags=()):
        """Builds stopper/odd and puts its directory on the search path."""
        source = text or filled(create, name, magic, minor)
        path = self.write("odd.c", source)
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(path, "stopper", "odd", self.prefix, flags)
        return os.path.join(self.env["PEGBOX_PLUGIN_PATH"], "stopper", "odd.so")

    def refused_at_run(self, file, *messages, status=3):
        done = self.pegbox("run", self.spec(sh(":"), stop={"plugin": "odd"}), expect=status)
        for message in (file,) + messages:
            self.assertIn(message, done.err)
        self.assertFalse(os.path.exists(self.results_dir))
        # Nobody asked for it: the others are still listed.
        done = self.pegbox("plugins")
        self.assertIn("asha", done.out)
        for message in messages:
            self.assertIn(message, done.out + done.err)
        self.run_experiment(sh(":"))

    def put(self, text):
        path = self.write("plugins/stopper/odd.so", text, 0o755)
        self.env["PEGBOX_PLUGIN_PATH"] = self.dir + "/plugins"
        return path

    def test_works(self):
        self.plugin()
        self.run_experiment(sh(":"), stop={"plugin": "odd"})
        self.assertIn("odd", self.pegbox("plugins", "stopper").out)

    def test_not_a_shared_object(self):
        self.refused_at_run(self.put("#!/bin/sh\n"), "odd.so")

    def test_empty_file(self):
        self.refused_at_run(self.put(""), "odd.so")

    def test_no_entry(self):
        self.refused_at_run(self.plugin(text="int nothing;\n"), "pegbox_plugin_v0")

    def test_other_magic(self):
        self.refused_at_run(self.plugin(magic="1u"), "odd.so")

    def test_other_abi(self):
        self.refused_at_run(self.plugin(minor="99u"), "0.99", "ABI")

    def test_other_name(self):
        self.refused_at_run(self.plugin(name="even"), "odd.so")

    def test_missing_symbol(self):
        text = "extern void no_such_function(void);\n" + filled("no_such_function(); " + WORKS)
        self.refused_at_run(self.plugin(text=text), "no_such_function")

    def test_fails_to_initialise(self):
        self.plugin(create="return PBX_EIO;")
        done = self.pegbox("run", self.spec(sh(":"), stop={"plugin": "odd"}), expect=3)
        self.assertIn("stopper/odd", done.err)

    def test_refuses_its_options(self):
        self.plugin(create="return PBX_EINVAL;")
        done = self.pegbox("run", self.spec(sh(":"), stop={"plugin": "odd"}), expect=2)
        self.assertIn("stopper/odd", done.err)

    def test_fails_in_the_run(self):
        # The experiment could not go on: the plugin itself was fine when it began.
        call = ("static pbx_status all(pbx_instance *self, pbx_verdict *verdict, pbx_error *error)\n"
                "{ (void)self, (void)verdict; error->message[0] = 'x'; return PBX_EINVAL; }\n")
        text = filled().replace("static const pbx_stopper", call + "static const pbx_stopper") \
            .replace(".destroy = destroy}", ".destroy = destroy}, .all = all")
        self.plugin(text=text)
        done = self.pegbox("run", self.spec(sh("sleep 1000"), stop={"plugin": "odd"}), expect=4)
        self.assertIn("pegbox: error: stopper/odd: x", done.err)

    def test_world_writable(self):
        path = self.plugin()
        os.chmod(path, 0o777)
        self.refused_at_run(path, "everybody may write to it")

    def test_world_writable_directory(self):
        path = self.plugin()
        os.chmod(os.path.dirname(path), 0o777)
        self.refused_at_run(os.path.dirname(path), "everybody may write to it")

    @unittest.skipUnless(os.geteuid() == 0, "needs root to give a file away")
    def test_owned_by_somebody_else(self):
        path = self.plugin()
        os.chown(path, 12345, 12345)
        self.refused_at_run(path, "own")

    def test_crashes_when_loaded(self):
        text = "static void __attribute__((constructor)) crash(void) { __builtin_trap(); }\n"
        self.plugin(text=text)
        done = self.pegbox("plugins")
        self.assertIn("asha", done.out)
        self.assertIn("odd.so", done.out + done.err)

    def test_relative_and_empty_elements(self):
        for path in ("relative/dir", ":/tmp", "/tmp:"):
            done = self.pegbox("run", self.spec(sh(":")), env={"PEGBOX_PLUGIN_PATH": path}, expect=2)
            self.assertIn("PEGBOX_PLUGIN_PATH", done.err)

    def test_first_match_wins_and_is_told(self):
        self.plugin()
        first = self.env["PEGBOX_PLUGIN_PATH"]
        second = os.path.join(self.dir, "second")
        shutil.copytree(first, second)
        self.env["PEGBOX_PLUGIN_PATH"] = first + ":" + second
        rows = [row for row in self.pegbox("plugins", "--json").json if row["name"] == "odd"]
        self.assertIn(first + "/stopper/odd.so", json_text(rows))
        self.assertIn(second + "/stopper/odd.so", json_text(rows))
        # A first match that fails is an error, never a silent fall-back.
        os.unlink(first + "/stopper/odd.so")
        self.put("broken")
        self.env["PEGBOX_PLUGIN_PATH"] = first + ":" + second
        self.pegbox("run", self.spec(sh(":"), stop={"plugin": "odd"}), expect=3)

    def test_users_own_directory(self):
        self.plugin()
        shutil.copytree(self.env.pop("PEGBOX_PLUGIN_PATH"), self.dir + "/.local/lib/pegbox/0")
        self.run_experiment(sh(":"), stop={"plugin": "odd"})


def json_text(rows):
    return " ".join(str(value) for row in rows for value in row.values())


if __name__ == "__main__":
    main()
