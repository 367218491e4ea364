#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Archives that are damaged or mean harm: one clear line, nothing left behind, nothing written
outside, no memory or disk eaten up; and with a known sum never a wrong restore."""
import io
import os
import shutil
import subprocess
import tarfile

from pegbox_test import PYTHON, SANITIZED, PegboxTest, main

SHORT = "PEGBOX_TEST_SHORT" in os.environ
KIB, MIB = 1 << 10, 1 << 20
PEAK = """import resource, subprocess, sys
status = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(status)"""


def member(name, kind=tarfile.REGTYPE, data=b"", link="", **fields):
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname = kind, len(data), link
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data


def build(*members, form=tarfile.PAX_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def header(name, size, kind, **fields):
    """One header block, with any size."""
    info, _ = member(name, kind, **fields)
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT)


def padded(data):
    return data + bytes(-len(data) % 512)


def record(key, value):
    rest = b" %s=%s\n" % (key, value)
    length = len(rest)
    while len(b"%d" % length) + len(rest) != length:
        length = len(b"%d" % length) + len(rest)
    return b"%d" % length + rest


def pax(records, name="file", kind=tarfile.REGTYPE, data=b""):
    """A member with an extended header of these bytes."""
    return (header("PaxHeaders/" + name, len(records), tarfile.XHDTYPE) + padded(records) +
            header(name, len(data), kind) + padded(data))


END = bytes(1024)
GOOD = member("good", data=b"good\n")
LINK = member("link", tarfile.SYMTYPE, link="dir")
DIR = member("dir", tarfile.DIRTYPE, mode=0o755)


class Hostile(PegboxTest):
    def setUp(self):
        super().setUp()
        self.archive = os.path.join(self.dir, "a.tar")
        self.out = os.path.join(self.dir, "room", "out")
        os.mkdir(os.path.dirname(self.out))
        self.outside = self.write("outside/kept", "kept")

    def checkpoint(self, *words, **options):
        return self.pegbox("checkpoint", *words, **options)

    def put(self, data):
        with open(self.archive, "wb") as file:
            file.write(data)

    def untouched(self):
        self.assertEqual(os.listdir(os.path.dirname(self.out)), [])
        self.assertEqual(sorted(os.listdir(self.dir)), ["a.tar", "outside", "room"])
        self.assertEqual(os.listdir(os.path.dirname(self.outside)), ["kept"])
        with open(self.outside, encoding="ascii") as file:
            self.assertEqual(file.read(), "kept")

    def refused(self, data, *messages, words=()):
        self.put(data)
        done = self.checkpoint("unpack", *words, self.archive, self.out, expect=4)
        lines = [line for line in done.err.splitlines() if not line.startswith("hint: ")]
        self.assertEqual(len(lines), 1, str(done))
        for message in messages:
            self.assertIn(message, lines[0])
        self.untouched()

    # ---- Members ----

    def test_each_kind_of_escape(self):
        absolute, up = self.outside, "../../outside/kept"
        for members, message in (
                ([member(absolute)], "absolute path"),
                ([member(up)], "'..'"),
                ([member("dir/../" + up)], "'..'"),
                ([member("..", tarfile.DIRTYPE)], "'..'"),
                ([member("/", tarfile.DIRTYPE)], "absolute path"),
                ([member("link", tarfile.SYMTYPE, link=absolute)], "absolute path"),
                ([member("link", tarfile.SYMTYPE, link=up)], "leads out"),
                ([member("a/b/link", tarfile.SYMTYPE, link="../../" + up)], "leads out"),
                ([DIR, LINK, member("more", tarfile.SYMTYPE, link="link/../..")], "behind a name"),
                ([member("self", tarfile.SYMTYPE, link=".."), member("self/x")], "leads out"),
                ([member("hard", tarfile.LNKTYPE, link=absolute)], "leads out"),
                ([member("hard", tarfile.LNKTYPE, link=up)], "leads out"),
                ([member("hard", tarfile.LNKTYPE, link="none")], "no file of the archive"),
                ([DIR, LINK, member("hard", tarfile.LNKTYPE, link="link")],
                 "no file of the archive"),
                ([DIR, member("hard", tarfile.LNKTYPE, link="dir")], "no file of the archive"),
                ([DIR, LINK, member("link/x")], "through a link"),
                ([DIR, LINK, member("link/x/y")], "through a link"),
                ([DIR, LINK, member("link/x", tarfile.DIRTYPE)], "through a link"),
                ([DIR, LINK, member("link")], "something else has its name"),
                ([DIR, LINK, member("link", tarfile.DIRTYPE)], "something else has its name"),
                ([member("good/x")], "through a link or a file"),
                ([GOOD], "something else has its name"),
                ([member("good", tarfile.SYMTYPE, link="x")], "something else has its name"),
                ([member("null", tarfile.CHRTYPE, devmajor=1, devminor=3)], "device"),
                ([member("disk", tarfile.BLKTYPE, devmajor=8)], "device"),
                ([member("fifo", tarfile.FIFOTYPE)], "FIFO"),
                ([member("x/" * 300 + "x")], "too deep"),
                ([member("hard", tarfile.LNKTYPE, link="good", data=b"data")], "a.tar")):
            for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
                self.refused(build(GOOD, *members, form=form), "a.tar", message)

    def test_links_that_only_look_bad(self):
        self.put(build(DIR, LINK, member("dir/up", tarfile.SYMTYPE, link=".."),
                       member("dir/dots", tarfile.SYMTYPE, link="...x"),
                       member("..x", data=b"x"), member("hard", tarfile.LNKTYPE, link="./..x")))
        self.checkpoint("unpack", self.archive, self.out)
        self.assertEqual(sorted(os.listdir(self.out)), ["..x", "dir", "hard", "link"])

    # ---- Numbers that no disk has ----

    def test_sizes(self):
        self.refused(header("huge", 1 << 60, tarfile.REGTYPE) + END, "more than the limit")
        self.refused(header("huge", 1 << 39, tarfile.REGTYPE) + END, "damaged")
        self.refused(pax(record(b"size", b"9" * 18)) + END, "more than the limit")
        for size in (b"9" * 19, b"9" * 30, b"-1", b"1e9", b"0x10", b"", b" "):
            self.put(pax(record(b"size", size)) + END)
            done = self.checkpoint("unpack", self.archive, self.out, expect=None)
            self.assertIn(done.status, (0, 4), str(done))
            shutil.rmtree(self.out, ignore_errors=True)
            self.untouched()
        self.refused(build(member("a", data=bytes(600)), member("b", data=bytes(600))),
                     "b: ", "the limit of 1199 bytes", words=("--max-bytes", "1199"))
        self.checkpoint("unpack", "--max-bytes", "1200", self.archive, self.out)

    def test_pax_headers(self):
        for records in (b"x", b"99999999999 path=x\n", b"5 path=x\n", b"0 path=x\n",
                        b"-5 path=x\n", b"9 path=x", b"\xff" * 100):
            self.refused(pax(records) + END, "a.tar")
        self.refused(header("x", 1 << 33, tarfile.XHDTYPE) + END, "a.tar")
        self.refused(header("x", 1 << 33, tarfile.GNUTYPE_LONGNAME) + END, "a.tar")
        self.refused(pax(record(b"path", b"x" * (8 * MIB))) + END, "a.tar")
        self.refused(pax(record(b"path", b"x" * (100 * KIB))) + END, "too long")
        self.refused(pax(record(b"path", b"/etc/passwd")) + END, "absolute path")
        self.refused(pax(record(b"linkpath", b"/etc"), kind=tarfile.SYMTYPE) + END, "symbolic link")
        self.refused(pax(record(b"linkpath", b"/etc"), kind=tarfile.LNKTYPE) + END, "a.tar")

    def sparse(self, size, data, major=b"1", more=b""):
        return pax(record(b"GNU.sparse.major", major) + record(b"GNU.sparse.minor", b"0") +
                   record(b"GNU.sparse.name", b"file") +
                   record(b"GNU.sparse.realsize", b"%d" % size) + more, data=data)

    def test_sparse(self):
        block = padded(b"1\n0\n4\n") + b"data"
        self.put(self.sparse(MIB, block) + END)
        self.checkpoint("unpack", self.archive, self.out)
        self.assertEqual(os.path.getsize(os.path.join(self.out, "file")), MIB)
        shutil.rmtree(self.out)
        self.refused(self.sparse(1 << 62, block) + END, "more than the limit")
        self.refused(self.sparse(MIB, block) + END, "more than the limit",
                     words=("--max-bytes", "%d" % (MIB - 1)))
        self.put(self.sparse(1 << 39, block) + END)
        self.checkpoint("unpack", self.archive, self.out)
        self.assertLess(os.stat(os.path.join(self.out, "file")).st_blocks, 100)
        shutil.rmtree(self.out)
        # Maps that lead beyond the file, overlap, go back, or never end.
        for text in (b"1\n2000000\n4\n", b"1\n-5\n4\n", b"1\n0\n%d\n" % (1 << 62), b"1\nx\n4\n",
                     b"99999999999\n", b"-1\n", b"", b"1" * 600):
            self.put(self.sparse(MIB, padded(text) + b"data") + END)
            done = self.checkpoint("unpack", self.archive, self.out, expect=None)
            self.assertIn(done.status, (0, 4), str(done))
            if done.status == 0:
                self.assertEqual(os.path.getsize(os.path.join(self.out, "file")), MIB)
                shutil.rmtree(self.out)
            self.untouched()

    # ---- Bombs ----

    def peak(self, *words, status=4):
        """MiB that a command had resident at most."""
        done = self.command([PYTHON, "-c", PEAK] + self.program + ["checkpoint"] + list(words),
                            expect=status)
        return int(done.out.split()[-1]) / 1024

    def compress(self, data):
        done = subprocess.run(["zstd", "-q", "-3", "-c"], input=data, stdout=subprocess.PIPE,
                              check=True)
        return done.stdout

    def test_bombs(self):
        limit = 1024 if SANITIZED else 128
        # A map of holes that is longer than all memory, in little space.
        text = b"9999999999\n" + b"0\n0\n" * (16 * MIB if SHORT else 64 * MIB)
        self.put(self.compress(self.sparse(MIB, padded(text)) + END))
        self.assertLess(os.path.getsize(self.archive), MIB)
        for words in (("unpack", self.archive, self.out), ("list", self.archive)):
            self.assertLess(self.peak(*words), limit)
        self.assertLess(self.peak("verify", self.archive, status=1), limit)
        self.untouched()
        # Headers of headers, without end.
        self.put(self.compress(pax(record(b"comment", b"x"))[:1024] * (32 * KIB) + END))
        self.assertLess(self.peak("unpack", self.archive, self.out), limit)
        # Much data from little.
        zeros = build(member("zeros", data=bytes(64 * MIB)))
        self.refused(self.compress(zeros), "the limit of 1000 bytes", words=("--max-bytes", "1000"))
        # Many members.
        many = b"".join(header("d/%d" % n, 0, tarfile.REGTYPE) for n in range(2000)) + END
        self.put(self.compress(many))
        self.checkpoint("unpack", self.archive, self.out)
        self.assertEqual(len(os.listdir(os.path.join(self.out, "d"))), 2000)

    def test_window_of_zstd(self):
        big = subprocess.run(["zstd", "-q", "--ultra", "-22", "--long=31", "-c"],
                             input=build(GOOD), stdout=subprocess.PIPE, check=True).stdout
        self.put(big)
        # The window that a frame asks for is bounded, whatever is in it.
        frame = bytearray(self.compress(build(GOOD)))
        frame[4], frame[5] = 0x00, 0xff
        self.put(bytes(frame))
        limit = 1024 if SANITIZED else 200
        self.assertLess(self.peak("unpack", self.archive, self.out), limit)
        self.untouched()

    # ---- Damage ----

    def test_cut_off_at_each_block(self):
        whole = build(GOOD, DIR, member("dir/file", data=b"x" * 700), LINK,
                      member("n" * 200, data=bytes(512)))
        last = whole.rstrip(b"\0")
        end = len(last) + -len(last) % 512 + 512  # behind the zeros that are data
        for cut in range(0, end + 512, 512):
            self.refused(whole[:cut], "a.tar")
        self.put(whole[:end + 1024])
        self.checkpoint("unpack", self.archive, self.out)

    def test_each_region_flipped(self):
        """With the sum: damaged, always. Without it: an error, or what is restored is inside."""
        tree = os.path.join(self.dir, "tree")
        self.write("tree/file", "text\n" * 100)
        self.write("tree/dir/gr\u00fc\u00dfe", "more")
        os.symlink("dir", os.path.join(tree, "link"))
        for level in ("0", "3"):
            facts = self.checkpoint("pack", "--json", "--zstd", level, tree, self.archive).json
            with open(self.archive, "rb") as file:
                whole = file.read()
            os.remove(self.archive)
            kept = os.path.join(self.dir, "kept")
            os.rename(tree, kept)
            step = 1 if level != "0" else 64
            for at in range(0, len(whole), step * (8 if SHORT or SANITIZED else 1)):
                data = bytearray(whole)
                data[at] ^= 0x21
                self.put(data)
                done = self.checkpoint("unpack", "--sha256", facts["sha256"], self.archive,
                                       self.out, expect=4)
                self.assertIn("its SHA-256 is", done.err)
                self.checkpoint("verify", "--sha256", facts["sha256"], self.archive, expect=1)
                done = self.checkpoint("unpack", self.archive, self.out, expect=None)
                self.assertIn(done.status, (0, 4), str(done))
                if done.status == 0:
                    shutil.rmtree(self.out)
                self.assertEqual(os.listdir(os.path.dirname(self.out)), [])
            os.rename(kept, tree)
            os.remove(self.archive)


if __name__ == "__main__":
    main()
