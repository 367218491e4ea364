#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""pegbox checkpoint: every archive is one that other programs open, with all that was in the
tree; the same tree gives the same bytes; memory stays flat."""
import hashlib
import os
import shutil
import signal
import stat
import subprocess
import tarfile
import unittest

from pegbox_test import PYTHON, SANITIZED, PegboxTest, main, sh, wait_until
from test_full_disk import own_mounts

PEAK = """import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"""
SHORT = "PEGBOX_TEST_SHORT" in os.environ
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


def describe(top):
    """Everything below a directory: path -> what it is."""
    top = os.fsencode(top)
    found, inodes = {}, {}
    for folder, folders, names in os.walk(top):
        folders.sort()
        for name in sorted(folders + names):
            path = os.path.join(folder, name)
            info = os.lstat(path)
            what = [stat.S_IFMT(info.st_mode), info.st_mtime_ns]
            if stat.S_ISLNK(info.st_mode):
                what.append(os.readlink(path))
            else:
                what.append(stat.S_IMODE(info.st_mode))
            if stat.S_ISREG(info.st_mode):
                with open(path, "rb") as file:
                    what.append(hashlib.sha256(file.read()).hexdigest())
                inodes.setdefault(info.st_ino, []).append(os.path.relpath(path, top))
                what.append(inodes[info.st_ino])
            found[os.path.relpath(path, top)] = what
    for names in inodes.values():
        names.sort()
    return found


class Archives(PegboxTest):
    def setUp(self):
        super().setUp()
        self.tree = os.path.join(self.dir, "tree")
        self.archive = os.path.join(self.dir, "a.tar")
        self.out = os.path.join(self.dir, "out")
        os.mkdir(self.tree)

    def checkpoint(self, *words, **options):
        return self.pegbox("checkpoint", *words, **options)

    def make(self, path, data=b"x", mode=0o644, mtime=None):
        path = os.path.join(os.fsencode(self.tree), os.fsencode(path))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
        os.chmod(path, mode)
        if mtime is not None:
            os.utime(path, ns=(mtime, mtime))
        return path

    def make_sparse(self, path, size, *offsets):
        with open(self.make(path, b""), "wb") as file:
            for offset in offsets:
                file.seek(offset)
                file.write(b"data")
            file.truncate(size)

    def make_everything(self):
        self.make("plain", b"text\n", mtime=1234567890123456789)
        self.make("read-only", mode=0o400)
        self.make("script", mode=0o755)
        self.make("empty", b"")
        self.make("n" * 255)
        self.make("/".join(["d" * 200] * 5) + "/deep")
        self.make("gr\u00fc\u00dfe/\U0001f986")
        self.make("composed \u00e9, decomposed e\u0301")
        self.make(b"\xff\xfe invalid \xe4")
        self.make("line\nbreak")
        self.make("old", mtime=-5 * 10 ** 9)
        os.mkdir(os.path.join(self.tree, "nothing"))
        os.symlink("plain", os.path.join(self.tree, "link"))
        os.symlink("../plain", os.path.join(self.tree, "gr\u00fc\u00dfe", "up"))
        os.symlink("n" * 255, os.path.join(self.tree, "long-link"))
        os.link(os.path.join(self.tree, "plain"), os.path.join(self.tree, "zz-hard"))
        self.make_sparse("sparse/middle", 20 * MIB + 5, 0, 7 * MIB, 20 * MIB)
        self.make_sparse("sparse/hole-first", 9 * MIB, 9 * MIB - 4)
        self.make_sparse("sparse/hole-last", 9 * MIB, 0)
        self.make_sparse("sparse/all", 3 * MIB)
        self.make_sparse(b"sparse/\xff", 3 * MIB, MIB)
        self.make_sparse("sparse/" + "s" * 200, 3 * MIB, MIB)
        os.makedirs(os.path.join(self.tree, "closed", "inside"))
        self.make("closed/inside/file")
        os.chmod(os.path.join(self.tree, "closed"), 0o555)
        os.utime(os.path.join(self.tree, "closed"), ns=(5, 1000000001))

    def open_up(self, top):
        """So that a test's directory can be deleted by anybody."""
        for folder, _, _ in os.walk(top):
            os.chmod(folder, 0o755)

    def same(self, top, wanted, message=None):
        found = describe(top)
        for path in sorted(set(found) | set(wanted)):
            self.assertEqual(found.get(path), wanted.get(path), (message, path))

    def others(self):
        """Programs that open archives: (name, words without the archive and directory)."""
        for program in ("tar", "bsdtar"):
            self.assertIsNotNone(shutil.which(program), program + " is missing")
        return (("tar", ["tar", "--no-same-owner", "-xpf"]),
                ("bsdtar", ["bsdtar", "--no-same-owner", "-xpf"]))

    def check_others(self, archive, wanted):
        for name, words in self.others():
            out = os.path.join(self.dir, name)
            os.mkdir(out)
            done = self.command(words + [archive, "-C", out])
            self.assertEqual([line for line in done.err.splitlines()
                              if "hdrcharset" not in line and "implausibly old" not in line], [])
            # A line of GNU tar for each name that is not ASCII.
            self.assertLessEqual(done.err.count("hdrcharset"), len(
                [path for path in wanted if not path.isascii()]))
            self.same(out, wanted, name)
            blocks = os.stat(os.path.join(out, "sparse", "middle")).st_blocks * 512
            if name == "tar":
                self.assertLess(blocks, MIB)
            self.open_up(out)
            shutil.rmtree(out)

    def test_opened_by_other_programs(self):
        self.make_everything()
        self.addCleanup(self.open_up, self.tree)
        wanted = describe(self.tree)
        self.checkpoint("pack", self.tree, self.archive)
        self.check_others(self.archive, wanted)
        with tarfile.open(self.archive, errors="surrogateescape") as tar:
            self.assertEqual(sorted(os.fsencode(name) for name in tar.getnames()), sorted(wanted))
            self.assertEqual({(m.uid, m.gid, m.uname, m.gname) for m in tar}, {(0, 0, "", "")})
        compressed = os.path.join(self.dir, "a.tar.zst")
        self.checkpoint("pack", "--zstd", "3", self.tree, compressed)
        self.check_others(compressed, wanted)
        for archive in (self.archive, compressed):
            self.checkpoint("unpack", archive, self.out)
            self.same(self.out, wanted)
            self.open_up(self.out)
            shutil.rmtree(self.out)

    def test_opens_what_other_programs_pack(self):
        self.make_everything()
        self.addCleanup(self.open_up, self.tree)
        # What only some of them can tell.
        os.remove(os.path.join(self.tree.encode(), b"\xff\xfe invalid \xe4"))
        os.remove(os.path.join(self.tree.encode(), b"sparse/\xff"))
        os.remove(os.path.join(self.tree, "composed \u00e9, decomposed e\u0301"))
        wanted = describe(self.tree)
        for words in (["tar", "--format=pax", "-Scf"], ["tar", "--format=pax", "-cf"],
                      ["bsdtar", "--format=pax", "-cf"]):
            self.command(words + [self.archive, "-C", self.tree, "."])
            self.checkpoint("unpack", self.archive, self.out)
            self.same(self.out, wanted, words)
            self.open_up(self.out)
            shutil.rmtree(self.out)
        self.command(["tar", "--zstd", "-cf", self.archive, "-C", self.tree, "plain", "script"])
        self.checkpoint("unpack", self.archive, self.out)
        self.assertEqual(sorted(os.listdir(self.out)), ["plain", "script"])

    def test_same_bytes(self):
        self.make_everything()
        copy = os.path.join(self.dir, "copy")
        self.command(["cp", "-a", "--sparse=never", self.tree, copy])
        for top in (self.tree, copy):
            self.addCleanup(self.open_up, top)
        sums = set()
        for number, (top, umask) in enumerate(((self.tree, 0o22), (copy, 0o77), (copy, 0))):
            archive = os.path.join(self.dir, "%d.tar" % number)
            facts = self.command(
                ["sh", "-c", 'umask %o; exec "$@"' % umask, "sh"] + self.program +
                ["checkpoint", "pack", "--json", top, archive],
                env={"LC_ALL": ("C", "C.UTF-8", "POSIX")[number]}).json
            with open(archive, "rb") as file:
                data = file.read()
            self.assertEqual(facts["sha256"], hashlib.sha256(data).hexdigest())
            self.assertEqual(facts["bytes"], len(data))
            sums.add(facts["sha256"])
        self.assertEqual(len(sums), 1)

    # ---- The commands ----

    def test_facts(self):
        self.make("a/b", b"12345", mtime=1000000000123456789)
        os.symlink("b", os.path.join(self.tree, "a", "l"))
        os.link(os.path.join(self.tree, "a", "b"), os.path.join(self.tree, "h"))
        packed = self.checkpoint("pack", "--json", self.tree, self.archive).json
        self.assertEqual((packed["members"], packed["unpacked_bytes"], packed["archive"]),
                         (4, 5, self.archive))
        self.assertEqual(packed["bytes"], os.path.getsize(self.archive))
        self.assertEqual(self.checkpoint("verify", "--json", self.archive).json, packed)
        rows = self.checkpoint("list", "--json", self.archive).json
        self.assertEqual([(r["path"], r["type"], r["size"], r["link"]) for r in rows],
                         [("a/", "directory", 0, None), ("a/b", "file", 5, None),
                          ("a/l", "symlink", 0, "b"), ("h", "hardlink", 0, "a/b")])
        self.assertEqual((rows[1]["mode"], rows[1]["mtime"]),
                         ("0644", "2001-09-09T01:46:40.123456789Z"))
        out = self.checkpoint("list", self.archive).out
        self.assertIn("f 0644            5 2001-09-09T01:46:40 a/b\n", out)
        self.assertIn(" h -> a/b\n", out)
        self.assertIn(packed["sha256"], self.checkpoint("verify", self.archive).out)

    def test_statuses(self):
        self.make("file")
        packed = self.checkpoint("pack", "--json", self.tree, self.archive).json
        other = "0" * 64
        for status, message, words in (
                (2, "File exists", ("pack", self.tree, self.archive)),
                (4, "No such file", ("pack", self.tree + "-none", self.archive + "2")),
                (2, "level from 1 to 19", ("pack", "--zstd", "20", self.tree, self.archive + "2")),
                (2, "is not empty", ("unpack", self.archive, self.tree)),
                (4, "No such file", ("unpack", self.archive + "-none", self.out)),
                (4, "SHA-256", ("unpack", "--sha256", other, self.archive, self.out)),
                (1, "SHA-256", ("verify", "--sha256", other, self.archive)),
                (2, "above 0", ("unpack", "--max-bytes", "-1", self.archive, self.out)),
                (2, "no option --zstd", ("list", "--zstd", "3", self.archive)),
                (2, "no option --max-bytes", ("verify", "--max-bytes", "3", self.archive)),
                (2, "the words are", ("pack", self.tree)),
                (2, "the words are", ("list",)),
                (2, "did you mean 'unpack'", ("unpak", self.archive, self.out)),
                (2, "needs to know what to do", ())):
            done = self.checkpoint(*words, expect=status)
            lines = [line for line in done.err.splitlines() if not line.startswith("hint: ")]
            self.assertEqual(len(lines), 1, str(done))
            self.assertIn(message, lines[0])
        self.checkpoint("unpack", "--sha256", packed["sha256"].upper(), self.archive, self.out)
        self.assertEqual(sorted(os.listdir(self.dir)), ["a.tar", "out", "tree"])

    def start_slow_pack(self):
        """Packs a file for seconds; returns while that is under way."""
        # Of much less nothing is written before the end.
        self.make("a-big", os.urandom(24 * MIB))
        process = self.start("checkpoint", "pack", "--zstd", "19", self.tree, self.archive)

        def writes():
            names = [name for name in os.listdir(self.dir) if name.startswith(".a.tar.")]
            return names and os.path.getsize(os.path.join(self.dir, names[0])) > 0
        wait_until(writes, 60, "an archive that is being written")
        return process

    def test_interrupted(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            process = self.start_slow_pack()
            process.send_signal(number)
            done = self.finish(process)
            self.assertEqual((done.status, done.err), (130, "pegbox: error: interrupted\n"))
            self.assertEqual(sorted(os.listdir(self.dir)), ["tree"])

    def test_changes_while_it_is_packed(self):
        gone = os.path.join(self.tree, "z-gone")
        for name, change in (("a-big", lambda: os.truncate(os.path.join(self.tree, "a-big"), 10)),
                             ("a-big", lambda: os.utime(os.path.join(self.tree, "a-big"))),
                             ("tree", lambda: self.make("new")),
                             ("z-gone", lambda: os.remove(gone))):
            self.make("z-gone")
            process = self.start_slow_pack()
            change()
            done = self.finish(process)
            self.assertEqual(done.status, 4, str(done))
            self.assertRegex(done.err,
                             "^pegbox: error: [^\n]*%s[^\n]* while it was packed\n$" % name)
            self.assertEqual(sorted(os.listdir(self.dir)), ["tree"])

    # ---- Memory ----

    def peak(self, *words):
        """MiB that a command had resident at most. The parent is a small one of its own: what
        this one has resident would count as well."""
        done = self.command([PYTHON, "-c", PEAK] + self.program + ["checkpoint"] + list(words),
                            timeout=600)
        return int(done.out) / 1024

    def test_memory_is_flat(self):
        size = 512 * MIB if SHORT else 10 * GIB
        # Data here and there, so that there are holes to be told, and a long piece of data.
        self.make_sparse("sparse", size, *range(0, size, 4 * MIB))
        self.make("dense", os.urandom(MIB) * (16 if SHORT else 256))
        for number in range(100):
            self.make("many/%d" % number)
        limit = 1024 if SANITIZED else 64
        for level in ("0", "3"):
            self.assertLess(self.peak("pack", "--zstd", level, self.tree, self.archive), limit)
            self.assertLess(self.peak("verify", self.archive), limit)
            self.assertLess(self.peak("unpack", self.archive, self.out), limit)
            self.assertEqual(os.path.getsize(os.path.join(self.out, "sparse")), size)
            self.assertLess(os.stat(os.path.join(self.out, "sparse")).st_blocks * 512, 64 * MIB)
            shutil.rmtree(self.out)
            os.remove(self.archive)


SCRIPT = """import os, pegbox
for step in range(3):
    pegbox.report(loss=step)
    with pegbox.checkpoint_dir() as folder:
        open(folder + "/step", "w").write(str(step))
"""


class Verify(PegboxTest):
    def test_what_an_experiment_keeps(self):
        experiment = self.run_experiment(
            {"plugin": "exec", "command": [PYTHON, self.write("train.py", SCRIPT)]}, name="e",
            metric="loss", mode="min", num_samples=2)
        done = self.pegbox("checkpoint", "verify", "e")
        self.assertEqual((done.out, done.err), ("6 of 6 checkpoints are whole\n", ""))
        rows = self.pegbox("checkpoint", "verify", "e", "1", "--json").json
        self.assertEqual([(row["trial"], row["good"], row["error"], row["members"])
                          for row in rows], [(1, True, None, 1)] * 3)
        archives = [row["archive"] for row in rows]
        for archive in archives:
            self.assertEqual(os.path.dirname(archive), experiment.dir(1))
        with open(archives[0], "r+b") as file:
            file.seek(600)
            file.write(b"!")
        os.remove(archives[2])
        done = self.pegbox("checkpoint", "verify", "e", expect=1)
        self.assertEqual(done.out, "4 of 6 checkpoints are whole\n")
        first, second = done.err.splitlines()
        self.assertRegex(first, "^pegbox: error: trial 1: %s: damaged: its SHA-256" % archives[0])
        self.assertRegex(second, "^pegbox: error: trial 1: %s: No such file" % archives[2])
        self.pegbox("checkpoint", "verify", "e", "0")
        rows = self.pegbox("checkpoint", "verify", "e", "1", "--json", expect=1).json
        self.assertEqual([row["good"] for row in rows], [False, True, False])
        self.pegbox("checkpoint", "verify", "none", expect=2)
        self.pegbox("checkpoint", "verify", "--sha256", "0", "e", expect=2)

    def test_without_checkpoints(self):
        self.run_experiment(sh("echo '{\"loss\": 1}'"), name="e", metric="loss", mode="min")
        self.assertEqual(self.pegbox("checkpoint", "verify", "e").out, "no checkpoints in e\n")
        self.assertEqual(self.pegbox("checkpoint", "verify", "e", "--json").json, [])


class FullDisk(PegboxTest):
    @classmethod
    def setUpClass(cls):
        reason = own_mounts()
        if reason is not None:
            raise unittest.SkipTest(reason)

    def test_full(self):
        full = os.path.join(self.dir, "full")
        os.mkdir(full)
        self.command(["mount", "-t", "tmpfs", "-o", "size=1m", "test", full])
        self.addCleanup(subprocess.run, ["umount", "-l", full], check=False)
        os.mkdir(os.path.join(self.dir, "tree"))
        with open(os.path.join(self.dir, "tree", "file"), "wb") as file:
            file.write(os.urandom(4 * MIB))
        tree, archive = os.path.join(self.dir, "tree"), os.path.join(self.dir, "a.tar")
        for level in ("0", "1"):
            done = self.pegbox("checkpoint", "pack", "--zstd", level, tree, full + "/a.tar",
                               expect=4)
            self.assertEqual(done.err, "pegbox: error: %s/a.tar: No space left on device\n" % full)
            self.assertEqual(os.listdir(full), [])
        self.pegbox("checkpoint", "pack", tree, archive)
        done = self.pegbox("checkpoint", "unpack", archive, full + "/out", expect=4)
        self.assertEqual(done.err, "pegbox: error: %s/out/file: No space left on device\n" % full)
        self.assertEqual(os.listdir(full), [])
        self.command(["mount", "-o", "remount,ro", full])
        for words in (("pack", tree, full + "/a.tar"), ("unpack", archive, full + "/out")):
            done = self.pegbox("checkpoint", *words, expect=4)
            self.assertIn("Read-only file system", done.err)


if __name__ == "__main__":
    main()
