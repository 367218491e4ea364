# SPDX-License-Identifier: LGPL-2.1-or-later
"""What must hold of an experiment's directory after any fault, and at its end. The store is read
from a copy: to look at it must not mend it."""
import collections
import contextlib
import csv
import hashlib
import io
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile

from fault import need

# What differs from run to run.
PRIVATE = ("date", "timestamp", "hostname", "node_ip", "pid", "experiment_id", "time_this_iter_s",
           "time_total_s", "time_since_restore", "iterations_since_restore",
           "timesteps_since_restore")


@contextlib.contextmanager
def opened(place):
    """The store as it stands; None where none was made yet."""
    folder = place.path("copy")
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder)
    path = os.path.join(place.experiment, "experiment.db")
    if not os.path.exists(path) or os.path.getsize(path) == 0:
        yield None
        return
    for ending in ("", "-wal", "-journal"):
        if os.path.exists(path + ending):
            shutil.copyfile(path + ending, os.path.join(folder, "experiment.db" + ending))
    db = sqlite3.connect(os.path.join(folder, "experiment.db"))
    db.row_factory = sqlite3.Row
    try:
        need(db.execute("PRAGMA integrity_check").fetchone()[0] == "ok", "the store is damaged")
        # Without a fact it was left before its first transaction.
        made = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'fact'").fetchone()
        yield db if made else None
    finally:
        db.close()
        shutil.rmtree(folder, ignore_errors=True)


# ---- After any fault ----

def acknowledged(place):
    """How often each (trial, iteration, value) was acknowledged."""
    found = collections.Counter()
    for name in os.listdir(place.acknowledged):
        with open(os.path.join(place.acknowledged, name), encoding="ascii") as file:
            for line in file:
                words = line.split()
                # The last line of one who was killed may be cut off.
                if line.endswith("\n") and len(words) == 2:
                    found[int(name.split(".")[0]), int(words[0]),
                          float.fromhex(words[1])] += 1
    return found


def check_results(place, db):
    """All that was acknowledged is there, and nothing was shown twice."""
    told = acknowledged(place)
    need(db is not None or not told, "there is no store, but results were acknowledged")
    if db is None:
        return
    there = collections.Counter(
        (row["trial"], row["iteration"], json.loads(row["fields"])["loss"])
        for row in db.execute("SELECT trial, iteration, fields FROM result"))
    missing = [(what, n, there[what]) for what, n in told.items() if there[what] < n]
    need(not missing, "acknowledged, but not in the store (trial, iteration, value), how often, "
         "and how often it is there: %s", missing[:5])
    twice = [tuple(row) for row in db.execute(
        "SELECT r.trial, r.n, count(*) FROM event e JOIN result r USING (seq) "
        "WHERE e.type = 'result' GROUP BY r.trial, r.n HAVING count(*) > 1")]
    need(not twice, "shown more than once (trial, n, times): %s", twice)
    most = db.execute("SELECT max(iteration) FROM result").fetchone()[0] or 0
    need(place.most_steps is None or most <= place.most_steps, "a trial of %s steps made %d",
         place.most_steps, most)
    lost = db.execute("SELECT count(*) FROM event e LEFT JOIN result r USING (seq) "
                      "WHERE e.type = 'result' AND r.seq IS NULL").fetchone()[0]
    need(lost == 0, "%d events of results have no result", lost)


def checkpoint_path(place, trial_dir, name):
    return os.path.join(place.experiment, trial_dir, name)


def read_archive(path):
    """The archive's files as {name: bytes}; what is compressed through the zstd program."""
    try:
        if path.endswith(".zst"):
            done = subprocess.run(["zstd", "-dcq", path], stdout=subprocess.PIPE, check=True)
            data = done.stdout
        else:
            with open(path, "rb") as file:
                data = file.read()
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            return {member.name: archive.extractfile(member).read() if member.isfile() else b""
                    for member in archive}
    except (tarfile.TarError, OSError, subprocess.SubprocessError) as error:
        need(False, "%s is no archive: %s", path, error)
        return {}


def is_whole(path, size, sha256):
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        data = file.read()
    return len(data) == size and hashlib.sha256(data).hexdigest() == sha256


def check_checkpoints(place, db):
    """Every one that the store says is kept is whole, and of the step that it is for."""
    if db is None:
        return
    for row in db.execute("SELECT c.*, t.dir FROM checkpoint c JOIN trial t ON t.number = c.trial "
                          "WHERE c.state = 'kept'"):
        path = checkpoint_path(place, row["dir"], row["name"])
        what = "checkpoint %d of trial %d (%s)" % (row["id"], row["trial"], path)
        need(os.path.isfile(path), "%s is not there", what)
        with open(path, "rb") as file:
            data = file.read()
        need(len(data) == row["bytes"], "%s has %d bytes, the store says %d", what, len(data),
             row["bytes"])
        need(hashlib.sha256(data).hexdigest() == row["sha256"], "%s has another checksum", what)
        members = read_archive(path)
        state = next((data for name, data in members.items()
                      if os.path.basename(name) == "state"), b"")
        need(state, "%s has no state in it: %s", what, sorted(members))
        need(int(state.split()[0]) == row["iteration"] or place.inexact,
             "%s is for iteration %d, and has that of %s", what, row["iteration"], state.decode())


def check_restores(place, db):
    """An attempt goes on from the newest checkpoint that there was."""
    if db is None or place.may_fail_to_restore:
        return
    need(db.execute("SELECT count(*) FROM checkpoint WHERE state = 'damaged'").fetchone()[0] == 0,
         "a checkpoint is said to be damaged")
    for row in db.execute("SELECT * FROM attempt ORDER BY trial, attempt"):
        newest = db.execute("SELECT max(n) FROM checkpoint WHERE trial = ? AND attempt < ?",
                            (row["trial"], row["attempt"])).fetchone()[0]
        shown = db.execute("SELECT count(*) FROM result WHERE trial = ? AND attempt = ?",
                           (row["trial"], row["attempt"])).fetchone()[0]
        if shown > 0:  # it has told what it restored
            need(row["start_n"] == (newest or 0), "attempt %d of trial %d began at n = %s, not "
                 "from the newest checkpoint, of n = %s", row["attempt"], row["trial"],
                 row["start_n"], newest)


def check_after_fault(place):
    with opened(place) as db:
        check_results(place, db)
        check_checkpoints(place, db)
        check_restores(place, db)


# ---- At the end ----

def plain_fields(fields):
    return {key: value for key, value in fields.items() if key not in PRIVATE}


def summary(place):
    """What an experiment came to, without what differs from run to run."""
    with opened(place) as db:
        trials = [[row[key] for key in ("number", "id", "tag", "state", "outcome", "iteration",
                                        "value", "best", "results", "rung", "bracket")] +
                  [json.loads(row["config"])]
                  for row in db.execute("SELECT * FROM trial ORDER BY number")]
        shown = [[row[key] for key in ("trial", "n", "iteration", "value", "action", "rung",
                                       "done")] + [plain_fields(json.loads(row["fields"]))]
                 for row in db.execute("SELECT r.* FROM event e JOIN result r USING (seq) "
                                       "WHERE e.type = 'result' ORDER BY e.seq")]
        status = db.execute("SELECT value FROM fact WHERE key = 'status'").fetchone()[0]
    best = place.json("best", place.experiment)
    return {"status": status, "trials": trials, "shown": shown,
            "best": [best.get("trial"), best.get("loss"), best.get("config")]}


def check_alike(place, wanted, alike):
    """`wanted` is the summary of an uninterrupted run, `alike` as in subjects.py."""
    found = summary(place)
    for one in (found, wanted):
        if alike == "trials":
            one["shown"].sort(key=lambda result: result[:2])
        elif alike == "ends":
            one.pop("shown")
            one["trials"] = [[trial[0], trial[3], trial[6], trial[-1]] for trial in one["trials"]]
    for key in wanted if alike else ():
        if found[key] == wanted[key]:
            continue
        differs = [(one, other) for one, other in zip(found[key], wanted[key]) if one != other] \
            if isinstance(wanted[key], list) else [(found[key], wanted[key])]
        need(False, "%s is not that of an uninterrupted run (%d against %d); what differs first:\n"
             "  is     %s\n  should %s", key, len(found[key]), len(wanted[key]),
             *(differs[0] if differs else (found[key][-1:], wanted[key][-1:])))


def check_views(place):
    """The log files say what the store says, each thing once."""
    with opened(place) as db:
        shown = collections.defaultdict(list)
        for row in db.execute("SELECT r.trial, r.iteration, r.value FROM event e "
                              "JOIN result r USING (seq) WHERE e.type = 'result' ORDER BY e.seq"):
            shown[row["trial"]].append((row["iteration"], row["value"]))
        folders = {row["number"]: row["dir"] for row in db.execute("SELECT number, dir FROM trial")}
    for trial, wanted in shown.items():
        folder = os.path.join(place.experiment, folders[trial])
        with open(os.path.join(folder, "result.json"), encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        need([(line["training_iteration"], line["loss"]) for line in lines] == wanted,
             "%s/result.json has iterations %s, the store %s", folder,
             [line["training_iteration"] for line in lines], [one[0] for one in wanted])
        with open(os.path.join(folder, "progress.csv"), encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        need([(int(row["training_iteration"]), float(row["loss"])) for row in rows] == wanted,
             "%s/progress.csv has iterations %s, the store %s", folder,
             [row["training_iteration"] for row in rows], [one[0] for one in wanted])


def check_nothing_left(place):
    """No temporary file, and no archive that the store does not know."""
    with opened(place) as db:
        kept = {checkpoint_path(place, row["dir"], row["name"]) for row in db.execute(
            "SELECT t.dir, c.name FROM checkpoint c JOIN trial t ON t.number = c.trial "
            "WHERE c.state <> 'deleted'")}
        trials = {os.path.join(place.experiment, row["dir"])
                  for row in db.execute("SELECT dir FROM trial")}
    left = [os.path.join(place.temporary, name) for name in os.listdir(place.temporary)]
    for folder, folders, names in os.walk(place.results):
        for name in folders + names:
            path = os.path.join(folder, name)
            if name.startswith(".") or name.endswith((".tmp", ".new", "-journal")) or (
                    name.startswith("checkpoint_") and path not in kept):
                left.append(path)
        if os.path.dirname(folder) == place.experiment and folder not in trials and \
                os.path.basename(folder) not in ("requests", "data"):
            left.append(folder)
    left += [os.path.join(place.experiment, "requests", name)
             for name in os.listdir(os.path.join(place.experiment, "requests"))]
    need(not left, "left behind: %s", ", ".join(sorted(left)))


def check_end(place, wanted=None, alike="all"):
    """`wanted`: the summary of an uninterrupted run that it is to be like."""
    check_after_fault(place)
    check_views(place)
    check_nothing_left(place)
    if wanted is not None:
        check_alike(place, wanted, alike)
