# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a power cut would leave is decided by the order of writes, fsyncs and renames: a run is
traced, and its calls are gone through. A case is one subject."""
import os

import invariants
from fault import need
from subjects import Subject

NAMES = ("class", "class-reused", "function", "program", "plain", "pauses")


def cases(*_):
    return [("order-" + name, lambda place, name=name: order(place, name)) for name in NAMES]


class Disk:
    """What of the calls so far is on the disk."""

    def __init__(self, full, results):
        self.full = full           # durability
        self.there = {results}     # directories: to make one again changes nothing
        self.unwritten = set()     # files with bytes that no fsync was about
        self.unfindable = set()    # directories whose parent had no fsync since
        self.unnamed = set()       # archives whose directory had no fsync since they have their name
        self.uncommitted = set()   # archives that have it for good, but had no fsync of the WAL since
        self.lasting = set()       # those that a power cut would leave
        self.archives = 0
        self.deleted = 0

    def call(self, who, call, path):
        folder, name = os.path.split(path)
        if call in ("write", "truncate"):
            self.unwritten.add(path)
        elif call == "mkdir":
            self.unfindable |= {path} - self.there
            self.there.add(path)
        elif call == "fsync":
            self.unwritten.discard(path)
            self.unfindable = {one for one in self.unfindable if os.path.dirname(one) != path}
            self.uncommitted |= {one for one in self.unnamed if os.path.dirname(one) == path}
            self.unnamed = {one for one in self.unnamed if os.path.dirname(one) != path}
            if name == "experiment.db-wal":
                self.findable(path)
                for archive in self.uncommitted:
                    self.findable(archive)
                self.lasting |= self.uncommitted
                self.uncommitted.clear()
        elif call in ("rename", "link") and name.startswith("checkpoint_"):
            dirty = [one for one in self.unwritten if os.path.dirname(one) == folder and
                     os.path.basename(one).startswith("." + name)]
            need(not dirty, "%s gets its name, but had no fsync", path)
            self.archives += 1
            self.unnamed.add(path)
        elif call == "unlink" and name.startswith("checkpoint_"):
            self.lasting.discard(path)
            need([one for one in self.lasting if os.path.dirname(one) == folder],
                 "%s is deleted before another one is there for good", path)
            self.deleted += 1
        elif call == "send" and who == "driver" and self.full:
            dirty = [one for one in self.unwritten if one.endswith("experiment.db-wal")]
            need(not dirty, "a worker is answered before what was committed had an fsync")


    def findable(self, path):
        while path != "/":
            path = os.path.dirname(path)
            need(path not in self.unfindable, "something counts on the directory %s, whose parent had "
                 "no fsync", path)


def order(place, name):
    subject = Subject(place, name)
    path = place.path("trace")
    run = place.run("run", subject.path, fault={"TRACE": path})
    place.nothing_runs()
    invariants.check_end(place)
    disk = Disk(subject.keys.get("durability") == "full", place.results)
    with open(path, encoding="utf-8", errors="replace") as file:
        for i, line in enumerate(file):
            try:
                disk.call(*line.rstrip("\n").split(" ", 2))
            except Exception as error:
                error.args = ("line %d of the trace: %s\n%s" % (i + 1, error, run),)
                raise
    keeps = subject.keys.get("checkpoint", {}).get("keep")
    need(disk.archives > 0, "no archive was seen")
    need(disk.deleted > 0 or keeps is None, "no archive was seen to be deleted")
