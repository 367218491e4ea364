# SPDX-License-Identifier: LGPL-2.1-or-later
"""What it costs to pack a checkpoint of 1 GiB, against other programs, on disk ($TMPDIR).

  pack              `pegbox checkpoint pack` / `tar c >FILE && sync FILE`
  pack-zstd         the same on level 3 / `tar c | zstd -3 -T1 >FILE && sync FILE`
  pack-cpu, pack-zstd-cpu  the same in processor time, all processes together
  pack-memory, pack-zstd-memory  the most that pegbox had resident
  pack-unpack       `pegbox checkpoint unpack` with the sum / `tar x`

Half of the data is random, the other half such as floating-point numbers give. pegbox sums
what it writes by SHA-256; the others do not.
"""
import os
import shutil
import statistics
import subprocess

MIB = 1 << 20


def make_tree(bench):
    tree = os.path.join(bench.disk, "tree")
    os.mkdir(tree)
    total = (16 if bench.short else 1024) * MIB
    with open(os.path.join(tree, "model"), "wb") as file:
        while file.tell() < total:
            piece = bytearray(4 * MIB)
            piece[0::2] = os.urandom(2 * MIB)
            piece[1::2] = b"\x3f\x40\x41\x3e" * (MIB // 2)
            file.write(piece)
    for number in range(100):
        with open(os.path.join(tree, "part-%d" % number), "wb") as file:
            file.write(os.urandom(10000))
    return tree


def timed(words):
    """Wall-clock and processor seconds, and MiB resident, of a command and what it starts."""
    # The parent is a small process: what this one has resident would count as well.
    code = ("import json, resource, subprocess, sys, time\n"
            "start = time.monotonic()\n"
            "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n"
            "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
            "print(time.monotonic() - start, used.ru_utime + used.ru_stime, used.ru_maxrss)\n")
    done = subprocess.run(["/usr/bin/python3", "-c", code] + words, check=True,
                          stdout=subprocess.PIPE)
    wall, cpu, memory = map(float, done.stdout.split())
    return wall, cpu, memory / 1024


class Side:
    """One way to do it, and what each round took."""

    def __init__(self, target, *words):
        self.target, self.words, self.rounds = target, list(words), []

    def round(self):
        if os.path.isdir(self.target):
            shutil.rmtree(self.target)
        elif os.path.exists(self.target):
            os.remove(self.target)
        subprocess.run(["sync", "-f", os.path.dirname(self.target)], check=True)
        if self.words[0] == "tar":
            os.mkdir(self.target)
        self.rounds.append(timed(self.words))

    def median(self, index):
        return statistics.median(one[index] for one in self.rounds)


def compare(bench, ours, base):
    """Median ratios of wall-clock and of processor time."""
    for side in (ours, base):  # the source is in memory, and the programs are too
        side.round()
    ours.rounds, base.rounds = [], []
    for _ in range(bench.rounds):
        base.round()
        ours.round()
    return [statistics.median(our[i] / other[i] for our, other in zip(ours.rounds, base.rounds))
            for i in range(2)]


def shell(text, *words):
    return ["sh", "-ec", text, "sh"] + list(words)


def run(bench):
    tree = make_tree(bench)
    archive, other = os.path.join(bench.disk, "a.tar"), os.path.join(bench.disk, "b.tar")
    out, copy = os.path.join(bench.disk, "out"), os.path.join(bench.disk, "copy")
    kinds = (("pack", ["--zstd", "0"], 'tar c -C "$1" . >"$2"; sync "$2"'),
             ("pack-zstd", ["--zstd", "3"], 'tar c -C "$1" . | zstd -q -3 -T1 >"$2"; sync "$2"'))
    for name, options, base in kinds:
        ours = Side(archive, bench.pegbox, "checkpoint", "pack", *options, tree, archive)
        wall, cpu = compare(bench, ours, Side(other, *shell(base, tree, other)))
        bench.figure(name, wall, "times", at_most=1.15, seconds=ours.median(0))
        bench.figure(name + "-cpu", cpu, "times", seconds=ours.median(1))
        bench.figure(name + "-memory", ours.median(2), "MiB", at_most=64)
        if name == "pack":
            unpack = Side(out, bench.pegbox, "checkpoint", "unpack", archive, out)
            wall, _ = compare(bench, unpack, Side(copy, "tar", "xf", archive, "-C", copy))
            bench.figure("pack-unpack", wall, "times", seconds=unpack.median(0))
            shutil.rmtree(out)
            shutil.rmtree(copy)
