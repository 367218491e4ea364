#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every region of a store, of its log and of an archive is damaged in turn: a command that looks at
the experiment then shows what is right, or says in one line what is wrong; `pegbox repair` ends
with a documented status, keeps whatever it can without telling anything that was not, and a
second one finds nothing.

tests/fault/damage_store.py [--short] [--seed N] [--only KIND[-N]] BUILD_DIR
"""
import argparse
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

REGION = 64
CASES, SHORT_CASES = 1000, 12  # of a kind
HOWS = ("bit", "byte", "zeros", "noise")
LIMIT = 60

PROGRAM = """state=$(cat state 2>/dev/null || echo 0)
while [ $state -lt 4 ]; do
    state=$((state + 1)); echo $state >state
    echo '{"loss": '$((10 - state))'.25, "x": "'$1'", "pad": "some more of it"}'
done
if [ -n "$2" ] && [ "$1" = 3 ]; then touch "$2"; sleep 1000; fi"""


class Failed(Exception):
    pass


class Damage:
    def __init__(self, given, folder):
        self.pegbox = os.path.join(os.path.abspath(given.build), "core", "pegbox")
        self.folder = folder
        self.env = dict(os.environ, PEGBOX_RESULT_DIR=folder, HOME=folder, NO_COLOR="1",
                        XDG_CONFIG_HOME=folder, XDG_CACHE_HOME=folder)

    # ---- Commands ----

    def run(self, *words, statuses=(0, 4)):
        done = subprocess.run([self.pegbox, *words], env=self.env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=LIMIT,
                              errors="replace", check=False)
        if done.returncode not in statuses:
            raise Failed("%s: exit %d\n%s%s" % (" ".join(words), done.returncode,
                                                done.stdout[-2000:], done.stderr[-3000:]))
        lines = done.stderr.splitlines()
        if done.returncode == 4 and (len(lines) != 1 or not lines[0].startswith("pegbox: error: ")):
            raise Failed("%s: not one line of error: %s" % (" ".join(words), done.stderr))
        return done

    def spec(self, name, go=""):
        path = os.path.join(self.folder, name + ".json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"name": name, "metric": "loss", "mode": "min", "num_samples": 1,
                       "trainable": {"plugin": "exec",
                                     "command": ["/bin/sh", "-c", PROGRAM.replace("{", "{{"),
                                                 "sh", "{config.x}", go]},
                       "cwd": "{trial.dir}",
                       "max_concurrent_trials": 1, "scheduler": "asha",
                       "checkpoint": {"path": "state", "at_end": True},
                       "config": {"x": {"$grid_search": list(range(6))}}}, file)
        return path

    def make(self):
        """An experiment that has ended, and one whose driver was killed; with what they show."""
        self.run("run", self.spec("good"), statuses=(0,))
        go = os.path.join(self.folder, "go")
        driver = subprocess.Popen([self.pegbox, "run", self.spec("killed", go)], env=self.env,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        end = time.monotonic() + LIMIT
        while not os.path.exists(go) and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.3)
        driver.send_signal(signal.SIGKILL)
        driver.wait()
        self.references = {name: self.show(name, (0,)) for name in ("good",)}
        # Looking at it must not mend it.
        copy = self.copy("killed", "look")
        self.references["killed"] = self.show("look", (0,))
        shutil.rmtree(copy)

    def copy(self, name, to):
        """Without its lock's holder and the log's index, as after a crash of the machine."""
        folder = os.path.join(self.folder, to)
        shutil.copytree(os.path.join(self.folder, name), folder, symlinks=True,
                        ignore=shutil.ignore_patterns("*-shm", "requests", "bell"))
        return folder

    def show(self, name, statuses=(0, 4)):
        """What the commands print; None for one that says what is wrong."""
        shown = {}
        for key, words in (("trials", ["trials", name, "--json"]), ("best", ["best", name, "--json"]),
                           ("results", ["export", name]),
                           ("sorted", ["trials", name, "--sort", "loss", "--limit", "2",
                                       "--json"])):
            done = self.run(*words, statuses=statuses + (1, 2))
            shown[key] = done.stdout.replace(os.path.join(self.folder, name), "DIR") if done.returncode == 0 else None
        return shown

    # ---- What must hold ----

    @staticmethod
    def rows(text):
        """The lines of an export by trial, attempt and n."""
        rows = [json.loads(line) for line in text.splitlines()]
        return {(row["trial"], row["attempt"], row["n"]): row for row in rows if "n" in row}

    def check_right(self, shown, reference, older):
        """Damage to the log may bring an earlier state back; that is no lie."""
        for key, text in shown.items():
            if text is None or text == reference[key]:
                continue
            if not older:
                at = len(os.path.commonprefix([text, reference[key]]))
                raise Failed("%s shows what is not so at %d of %d:\n%s\nand not\n%s" % (
                    key, at, len(text), text[max(0, at - 60):at + 60],
                    reference[key][max(0, at - 60):at + 60]))
        if older and shown["results"] is not None:
            self.check_some(shown["results"], reference["results"])

    def check_some(self, text, reference):
        """Nothing is there that was not: a trial's state and config may be other ones."""
        all_rows = self.rows(reference)
        for key, row in self.rows(text).items():
            if key not in all_rows:
                raise Failed("a result that was never there: %r" % (key,))
            for name in ("loss", "x", "training_iteration", "time_total_s", "timestamp"):
                if row[name] != all_rows[key][name]:
                    raise Failed("result %r has %s %r, not %r" % (key, name, row[name],
                                                                  all_rows[key][name]))
            if row["config"] not in (all_rows[key]["config"], {}):
                raise Failed("result %r: config %r" % (key, row["config"]))

    def check_repaired(self, name, reference, kind):
        """Of what was in the database too nothing is lost. A log that ends early looks like one that
        was not written on."""
        done = self.run("repair", name, "--json", statuses=(0, 1, 4))
        if done.returncode == 4:
            return
        said = json.loads(done.stdout)
        shown = self.show(name, (0,))
        if not said["lost"]:
            self.check_right(shown, reference, kind == "walcut")
        if kind == "both" and done.returncode != 0 and not said["findings"][0]["where"].endswith("-wal"):
            raise Failed("repair lost something: " + done.stdout)
        self.check_some(shown["results"], reference["results"])
        if kind != "walcut" and shown["results"] != reference["results"] and not said["lost"]:
            raise Failed("repair does not say what is lost: " + done.stdout)
        again = self.run("repair", name, "--json", statuses=(0, 1))
        if not json.loads(again.stdout)["whole"]:
            raise Failed("a second repair finds more: %s\nafter: %s" % (again.stdout, done.stdout))

    def damaged(self, source, file, number, dice, truncate):
        """A copy whose file has the region damaged."""
        name = "%s-%s-%d" % (source, file.replace(".", "_"), number)
        path = os.path.join(self.copy(source, name), file)
        size = os.path.getsize(path)
        if truncate:
            os.truncate(path, min(number * REGION * 8, size))
            return name
        with open(path, "r+b") as opened:
            at = number * REGION
            opened.seek(at)
            bytes_there = bytearray(opened.read(REGION))
            how = dice.choice(HOWS)
            i = dice.randrange(len(bytes_there))
            if how == "bit":
                bytes_there[i] ^= 1 << dice.randrange(8)
            elif how == "byte":
                bytes_there[i] = dice.randrange(256)
            elif how == "zeros":
                bytes_there = bytearray(len(bytes_there))
            else:
                bytes_there = bytearray(dice.randrange(256) for _ in bytes_there)
            opened.seek(at)
            opened.write(bytes_there)
        return name

    def case(self, kind, number, seed):
        dice = random.Random("%d-%s-%d" % (seed, kind, number))
        source, file = {"db": ("good", "experiment.db"), "cut": ("good", "experiment.db"),
                        "wal": ("killed", "experiment.db-wal"),
                        "walcut": ("killed", "experiment.db-wal"),
                        "old": ("killed", "experiment.db"),
                        "both": ("filled", "experiment.db-wal")}[kind]
        name = self.damaged(source, file, number, dice, kind.endswith("cut"))
        reference = self.references["good" if source == "good" else "killed"]
        try:
            if kind != "both":
                self.check_right(self.show(name), reference, kind in ("wal", "walcut"))
            shutil.rmtree(os.path.join(self.folder, name))
            name = self.damaged(source, file, number,
                                random.Random("%d-%s-%d" % (seed, kind, number)),
                                kind.endswith("cut"))
            self.check_repaired(name, reference, kind)
        finally:
            shutil.rmtree(os.path.join(self.folder, name), ignore_errors=True)

    def fill(self):
        """The killed one, but its database has all of its log already."""
        folder = self.copy("killed", "filled")
        other = os.path.join(self.folder, "other.db")
        path = os.path.join(folder, "experiment.db")
        shutil.copy(path, other)
        shutil.copy(path + "-wal", other + "-wal")
        db = sqlite3.connect(other)
        db.execute("PRAGMA wal_checkpoint(PASSIVE)")
        shutil.copy(other, path)
        db.close()

    def check_archives(self, dice):
        folder = self.copy("good", "archives")
        db = sqlite3.connect(os.path.join(folder, "experiment.db"))
        rows = db.execute("SELECT checkpoint.id, dir, checkpoint.name FROM checkpoint JOIN trial ON "
                          "trial = number WHERE checkpoint.state = 'kept' ORDER BY 1").fetchall()
        db.close()
        if len(rows) != 6:
            raise Failed("%d checkpoints" % len(rows))
        for number, directory, name in rows:
            path = os.path.join(folder, directory, name)
            with open(path, "r+b") as file:
                file.seek(dice.randrange(os.path.getsize(path)))
                byte = file.read(1)
                file.seek(-1, os.SEEK_CUR)
                file.write(bytes((byte[0] ^ 1 << dice.randrange(8),)))
            done = self.run("repair", "archives", "--json", statuses=(1,))
            found = [line["where"] for line in json.loads(done.stdout)["findings"]]
            if found != ["checkpoint %d" % number]:
                raise Failed("repair found %r, not checkpoint %d" % (found, number))
        self.run("repair", "archives", statuses=(0,))


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1], add_help=False)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only")
    parser.add_argument("build")
    given = parser.parse_args()
    failed = []
    with tempfile.TemporaryDirectory(prefix="pegbox-damage-") as folder:
        damage = Damage(given, folder)
        damage.make()
        damage.fill()
        cases = []
        for kind, source, file, step in (
                ("db", "good", "experiment.db", 1), ("cut", "good", "experiment.db", 8),
                ("wal", "killed", "experiment.db-wal", 1),
                ("walcut", "killed", "experiment.db-wal", 8),
                ("both", "filled", "experiment.db-wal", 1)):
            size = os.path.getsize(os.path.join(folder, source, file))
            regions = range(-(-size // (REGION * step)))
            if given.short or len(regions) > CASES:
                regions = random.Random(given.seed).sample(
                    regions, min(SHORT_CASES if given.short else CASES, len(regions)))
            cases += [(kind, i) for i in regions]
        if given.only:
            kind, _, number = given.only.partition("-")
            cases = [(kind, int(number))] if number else [c for c in cases if c[0] == kind]

        def one(case):
            try:
                damage.case(*case, given.seed)
            except (Failed, subprocess.TimeoutExpired, ValueError, KeyError) as error:
                failed.append(case)
                print("failed: %s-%d (seed %d): %s: %s\n" % (
                    *case, given.seed, type(error).__name__, error), flush=True)

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(one, cases))
        if not given.only:
            damage.check_archives(random.Random(given.seed))
    print("damage, seed %d: %d of %d failed" % (given.seed, len(failed), len(cases)))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
