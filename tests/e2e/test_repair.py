#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`pegbox repair` says line by line what is wrong with an experiment, mends what can be mended, and
makes up nothing."""
import hashlib
import json
import os
import shutil
import signal
import sqlite3

from pegbox_test import PEGBOX, PegboxTest, main, read_text, sh, wait_until

PAGE = 4096
SAVES = """for i in 1 2 3 4; do echo '{"loss": '$i$1', "pad": "x'$i'"}'; done; echo $1 >state
[ -z "$2" ] || [ "$1" != 2 ] || { touch "$2"; sleep 1000; }"""


class Repair(PegboxTest):
    def setUp(self):
        super().setUp()
        # What is repaired, and how it looks then, is not what is tested: never under valgrind,
        # where these would be most of the time.
        self.command([PEGBOX, "run", self.spec(
            sh(SAVES, "{x}", ""), name="whole", metric="loss", mode="min", cwd="{trial.dir}",
            checkpoint={"path": "state", "at_end": True},
            config={"x": {"$grid_search": [0, 1, 2]}}, max_concurrent_trials=1)])
        self.whole = self.opened("whole")
        self.bad = self.copy()

    def copy(self):
        folder = os.path.join(self.results_dir, "bad")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.whole.path, folder)
        return self.opened("bad")

    @property
    def db(self):
        return os.path.join(self.bad.path, "experiment.db")

    def sql(self, *lines):
        db = sqlite3.connect(self.db)
        for line in lines:
            db.execute(line)
        db.commit()
        db.close()

    def flip(self, path, at):
        with open(path, "r+b") as file:
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes((byte ^ 0x41,)))

    def repair(self, status, *lines, words=()):
        """What it says begins with these, in order; a second repair finds nothing."""
        done = self.pegbox("repair", "bad", *words, expect=status)
        self.assertEqual(done.err, "")
        said = done.out.splitlines()
        if not words:
            end = "%s is whole again" if status == 0 else "%s is mended, but for what is lost"
            self.assertEqual(said.pop(), end % self.bad.path, str(done))
        self.assertEqual(len(said), len(lines), str(done))
        for line, wanted in zip(said, lines):
            self.assertTrue(line.startswith(wanted), "%s\nis not\n%s" % (line, wanted))
        if not words:
            self.is_whole()
        return done

    def is_whole(self):
        done = self.pegbox("repair", "bad")
        self.assertEqual(done.out, "%s is whole\n" % self.bad.path)
        self.assertEqual(sorted(os.listdir(self.bad.path)),
                         sorted(set(os.listdir(self.bad.path)) - {".repair"}))

    def shown(self, experiment, name, *words):
        return self.command([PEGBOX, name, experiment.path, *words]).out

    def shows_the_same(self):
        for words in (["trials", "--json"], ["best", "--json"], ["export"]):
            self.assertEqual(self.shown(self.bad, *words).replace("/bad/", "/whole/"),
                             self.shown(self.whole, *words))

    KEPT = "experiment.db: what was damaged is kept as experiment.db.damaged"

    # ---- Whole ----

    def test_a_whole_experiment(self):
        before = {name: os.stat(os.path.join(self.bad.path, name)).st_mtime_ns
                  for name in os.listdir(self.bad.path) if name != "experiment.lock"}
        self.is_whole()
        done = self.pegbox("repair", "bad", "--json").json
        self.assertEqual(done, {"experiment": self.bad.path, "whole": True, "lost": False,
                                "changed": False, "findings": []})
        for name, mtime in before.items():
            if name in ("experiment.db", "experiment.json"):
                self.assertEqual(os.stat(os.path.join(self.bad.path, name)).st_mtime_ns, mtime)

    def test_usage(self):
        self.assertIn("needs the name", self.pegbox("repair", expect=2).err)
        self.assertIn("no experiment 'none'", self.pegbox("repair", "none", expect=2).err)

    def test_a_driver_lives(self):
        go = os.path.join(self.dir, "go")
        driver = self.start("run", self.spec(sh(SAVES, "2", go), name="lives", metric="loss",
                                             mode="min", cwd="{trial.dir}"))
        wait_until(lambda: os.path.exists(go), 30, "it runs")
        done = self.pegbox("repair", "lives", expect=2)
        self.assertEqual(len(done.err.splitlines()), 1, str(done))
        driver.send_signal(signal.SIGINT)
        self.finish(driver)

    def test_a_killed_driver(self):
        """Its log files are completed; nothing is lost."""
        go = os.path.join(self.dir, "go")
        driver = self.start("run", self.spec(sh(SAVES, "{x}", go), name="bad", metric="loss",
                                             mode="min", cwd="{trial.dir}", config={
                                                 "x": {"$grid_search": [1, 2]}},
                                             max_concurrent_trials=1), "--replace")
        wait_until(lambda: os.path.exists(go), 30, "it runs")
        driver.kill()
        self.finish(driver)
        wait_until(lambda: not self.named("sh"), 30, "its program is gone")
        results = self.shown(self.bad, "export")
        done = self.pegbox("repair", "bad")
        self.assertNotIn("lost", done.out)
        self.is_whole()
        self.assertEqual(self.shown(self.bad, "export"), results)

    # ---- Log files ----

    def test_log_files(self):
        first, last = self.bad.dir(0), self.bad.dir(2)
        same = {name: read_text(os.path.join(first, name))
                for name in ("result.json", "progress.csv", "params.json")}
        os.truncate(os.path.join(first, "result.json"), 100)
        os.remove(os.path.join(first, "params.json"))
        self.flip(os.path.join(first, "progress.csv"), 50)
        shutil.rmtree(os.path.join(last))
        done = self.pegbox("repair", "bad", expect=1)
        self.assertIn("checkpoint 3: ", done.out)
        self.assertIn("log files are not what the store says; written anew", done.out)
        for name, text in same.items():
            self.assertEqual(read_text(os.path.join(first, name)), text)
            self.assertEqual(read_text(os.path.join(last, name)),
                             read_text(os.path.join(self.whole.dir(2), name)))
        self.is_whole()

    def test_experiment_json(self):
        path = os.path.join(self.bad.path, "experiment.json")
        text = read_text(path)
        os.remove(path)
        self.repair(0, "experiment.json: it is missing; written anew from the store")
        self.assertEqual(read_text(path), text)

    def test_a_log_that_knows_more(self):
        path = os.path.join(self.bad.dir(0), "result.json")
        text = read_text(path)
        with open(path, "a", encoding="utf-8") as file:
            file.write(text.splitlines()[0] + "\n")
        self.repair(1, self.bad.dir(0)[len(self.bad.path) + 1:] + "/result.json: ",
                    "experiment.db: 1 files of loggers[0] tell of more than the store; what was "
                    "committed last is lost")
        self.assertEqual(read_text(path), text)

    # ---- Archives ----

    def test_archives(self):
        os.remove(os.path.join(self.bad.dir(0), "checkpoint_000004.tar"))
        self.flip(os.path.join(self.bad.dir(1), "checkpoint_000004.tar"), 700)
        open(os.path.join(self.bad.dir(2), "checkpoint_000009.tar"), "wb").close()
        os.mkdir(os.path.join(self.bad.dir(2), ".pegbox-save-abc"))
        open(os.path.join(self.bad.dir(2), ".checkpoint_000010.tar.abcdef"), "wb").close()
        done = self.pegbox("repair", "bad", "--json", expect=1).json
        self.assertTrue(done["lost"])
        found = {line["where"]: line for line in done["findings"]}
        self.assertIn("nothing is restored from it", found["checkpoint 1"]["then"])
        self.assertIn("checkpoint_000004.tar", found["checkpoint 2"]["what"])
        for name in ("checkpoint_000009.tar", ".pegbox-save-abc", ".checkpoint_000010.tar.abcdef"):
            path = os.path.join(self.bad.dir(2), name)
            self.assertEqual(found[path]["then"], "removed")
            self.assertFalse(os.path.exists(path))
        self.assertEqual(len(found), 5)
        db = sqlite3.connect(self.db)
        self.assertEqual([row[0] for row in db.execute("SELECT state FROM checkpoint ORDER BY id")],
                         ["damaged", "damaged", "kept"])
        db.close()
        self.is_whole()

    def test_the_newest_archive_has_no_row(self):
        """Its row may have been lost with the log: it is work that is not thrown away."""
        directory = self.bad.dir(2)
        archive = os.path.join(directory, "checkpoint_000007.tar")
        shutil.copyfile(os.path.join(directory, "checkpoint_000004.tar"), archive)
        self.repair(0, archive + ": no checkpoint has this archive, which is whole and newer than "
                    "all that have one; kept as found_checkpoint_000007.tar", "nothing was changed",
                    words=("--dry-run",))
        self.assertTrue(os.path.exists(archive))
        self.repair(0, archive + ": no checkpoint has this archive")
        self.assertFalse(os.path.exists(archive))
        self.pegbox("checkpoint", "verify",
                    os.path.join(directory, "found_checkpoint_000007.tar"))
        # One that is older was left over, and its trial has gone on since.
        shutil.copy2(os.path.join(directory, "checkpoint_000004.tar"), archive)
        os.utime(archive, (1, 1))
        self.repair(0, archive + ": no checkpoint has this archive; removed")

    def test_a_dry_run(self):
        self.flip(os.path.join(self.bad.dir(1), "checkpoint_000004.tar"), 700)
        os.remove(os.path.join(self.bad.path, "experiment.json"))
        self.sql("UPDATE result SET value = 0 WHERE trial = 1 AND n = 2")
        with open(self.db, "rb") as file:
            sum_of_db = hashlib.sha256(file.read()).digest()
        directory = os.path.basename(self.bad.dir(1))
        self.repair(1, "result ", "trial 1: some of its results are missing; ", "checkpoint 2: ",
                    "experiment.json: it is missing; ", directory + "/result.json: ",
                    directory + "/progress.csv: ", "nothing was changed (--dry-run)",
                    words=("--dry-run",))
        with open(self.db, "rb") as file:
            self.assertEqual(hashlib.sha256(file.read()).digest(), sum_of_db)
        self.assertFalse(os.path.exists(os.path.join(self.bad.path, "experiment.json")))
        self.assertNotIn(".repair", os.listdir(self.bad.path))

    # ---- Rows ----

    def test_a_result(self):
        self.sql("UPDATE result SET fields = '{\"loss\":0}' WHERE trial = 1 AND n = 2")
        self.bad.command("results", "1", expect=4)
        done = self.pegbox("repair", "bad", expect=1)
        self.assertIn(": its row is damaged; it is left out; its trial's other results are kept",
                      done.out)
        self.assertIn(self.KEPT, done.out)
        self.is_whole()
        self.assertEqual([row["loss"] for row in self.bad.results(1)], [11, 31, 41])
        self.assertEqual(self.bad.counts, [4, 3, 4])
        self.assertEqual(self.bad.trials[1]["state"], "TERMINATED")
        # What was damaged is there for whoever wants to look.
        self.assertTrue(os.path.exists(self.db + ".damaged"))

    def test_the_last_result(self):
        self.sql("DELETE FROM result WHERE trial = 1 AND n = 4")
        done = self.pegbox("repair", "bad", expect=1)
        self.assertIn("it is missing, but its event is there", done.out)
        self.assertIn("trial 1: some of its results are missing; it stands where the results that "
                      "are left have brought it", done.out)
        self.is_whole()
        self.assertEqual(self.bad.trials[1]["iteration"], 3)
        self.assertEqual(self.bad.trials[1]["last_result"]["loss"], 31)

    def test_a_trial(self):
        """Its config is in params.json; it counts no more."""
        self.sql("UPDATE trial SET best = -1, value = -1 WHERE number = 0")
        self.repair(1, "trial 0: its row is damaged or missing; it ends as ERROR and counts no more;"
                    " params.json has its config", self.KEPT)
        trial = self.bad.trials[0]
        self.assertEqual((trial["state"], trial["outcome"], trial["config"]),
                         ("ERROR", "void", {"x": 0}))
        self.assertIn("`pegbox repair`", trial["reason"])
        self.assertEqual(len(self.bad.results(0)), 4)
        self.assertEqual(self.pegbox("best", "bad", "--json").json["trial"], 1)

    def test_a_trial_without_config(self):
        shutil.rmtree(self.bad.dir(2))
        self.sql("DELETE FROM trial WHERE number = 2")
        done = self.pegbox("repair", "bad", expect=1)
        self.assertIn("trial 2: its row is damaged or missing; it ends as ERROR and counts no more; "
                      "its config is lost", done.out)
        self.assertEqual([t["config"] for t in self.bad.trials], [{"x": 0}, {"x": 1}, {}])

    def test_all_trials(self):
        """Their directories are found without any row, and the experiment goes on."""
        self.sql("DELETE FROM trial")
        done = self.pegbox("repair", "bad", expect=1)
        self.assertEqual(done.out.count("params.json has its config"), 3, str(done))
        self.is_whole()
        self.assertEqual([t["config"] for t in self.bad.trials], [{"x": 0}, {"x": 1}, {"x": 2}])
        self.assertEqual([self.bad.dir(i) for i in range(3)],
                         [self.whole.dir(i).replace("/whole/", "/bad/") for i in range(3)])
        self.pegbox("resume", "bad", expect=1)

    def test_trials_without_directories(self):
        """Nothing of them is to be had; what comes after them is."""
        self.command([PEGBOX, "run", self.spec(
            sh("echo '{\"loss\": '$1'}'", "{x}"), name="bad", metric="loss", mode="min",
            config={"x": {"$uniform": [0, 1]}}, num_samples=3, seed=3,
            trial_dirname="t{trial.number}", max_concurrent_trials=1), "--replace"])
        for i in range(3):
            shutil.rmtree(self.bad.dir(i))
        self.sql("DELETE FROM trial")
        self.pegbox("repair", "bad", expect=1)
        self.pegbox("resume", "bad", "--set", "num_samples=5", expect=1)
        self.assertEqual([t["state"] for t in self.bad.trials],
                         ["ERROR"] * 3 + ["TERMINATED"] * 5)
        self.is_whole()

    def test_the_name(self):
        """It is the spec's, whatever the directory is called."""
        for spec in ("", "DELETE FROM fact WHERE key = 'spec'"):
            with self.subTest(spec=spec):
                self.copy()
                self.sql("DELETE FROM fact WHERE key = 'name'", spec)
                self.assertIn("fact name: it is missing; taken from the experiment's spec",
                              self.pegbox("repair", "bad").out)
                self.pegbox("resume", "bad")

    def test_other_rows(self):
        self.sql("UPDATE attempt SET pid = 1 WHERE trial = 1",
                 "UPDATE event SET text = 'x' WHERE type = 'complete' AND trial = 1",
                 "UPDATE event SET attempt = 9 WHERE type = 'result' AND trial = 2",
                 "UPDATE fact SET value = 'x' WHERE key = 'metric'",
                 "UPDATE fact SET value = 'x' WHERE key = 'spec'",
                 "UPDATE decider SET state = x'00' WHERE slot = 'search'",
                 "UPDATE checkpoint SET n = 1 WHERE id = 2",
                 "UPDATE cursor SET seq = 0")
        self.bad.command("trials", expect=4)
        done = self.pegbox("repair", "bad", "--json", expect=1).json
        found = [line["where"] for line in done["findings"]]
        for where in ("attempt 1/1", "fact metric", "fact spec", "decider search", "checkpoint 2",
                      "cursor loggers[0]"):
            self.assertIn(where, found)
        self.is_whole()
        self.assertEqual(self.bad.command("best", "--json").json["loss"], 40)

    def test_states_that_are_lost(self):
        """A search is told all again, and goes on as it would have; a scheduler is begun anew when
        somebody says so."""
        self.command([PEGBOX, "run", self.spec(
            sh("echo '{\"loss\": '$1'}'", "{x}"), name="whole2", metric="loss", mode="min",
            config={"x": {"$uniform": [0, 1]}}, num_samples=8, seed=3, max_concurrent_trials=1,
            search={"plugin": "tpe", "n_startup_trials": 4}, scheduler="asha")])
        configs = {}
        for slot in ("nothing", "search", "scheduler"):
            with self.subTest(slot=slot):
                shutil.rmtree(self.bad.path)
                shutil.copytree(self.opened("whole2").path, self.bad.path)
                self.sql("UPDATE decider SET state = x'00' WHERE slot = '%s'" % slot)
                words = ["resume", "bad", "--set", "num_samples=12"]
                if slot != "nothing":
                    self.assertIn("decider %s" % slot, self.pegbox("repair", "bad", expect=1).out)
                if slot == "scheduler":
                    self.assertIn("`pegbox resume --reset scheduler` goes on without it",
                                  self.pegbox(*words, expect=4).err)
                    words += ["--reset", "scheduler"]
                self.pegbox(*words)
                configs[slot] = self.opened("bad").configs
                self.assertEqual(len(configs[slot]), 12)
                self.assertEqual(configs[slot], configs["nothing"])

    def test_an_input_that_names_a_lost_result(self):
        """It cannot be repeated: its search is told all again."""
        go = os.path.join(self.dir, "go")
        driver = self.start("run", self.spec(
            sh("echo '{\"loss\": '$1'}'; [ $2 != 3 ] || { touch $3; sleep 1000; }", "{x}",
               "{trial.number}", go), name="bad", metric="loss", mode="min",
            config={"x": {"$uniform": [0, 1]}}, num_samples=6, seed=3, max_concurrent_trials=1,
            search={"plugin": "tpe", "n_startup_trials": 2, "isolate": True}), "--replace")
        wait_until(lambda: os.path.exists(go), 30, "it runs")
        driver.kill()
        self.finish(driver)
        wait_until(lambda: not self.named("sh"), 30, "its program is gone")
        db = sqlite3.connect(self.db)
        seq = db.execute("SELECT max(seq) FROM input WHERE call = 'search.tell'").fetchone()[0]
        db.execute("DELETE FROM result WHERE seq = ?", (seq,))
        db.commit()
        db.close()
        self.assertIn("decider search: its state cannot be brought up to date, and is left out; "
                      "it is told all trials again", self.pegbox("repair", "bad", expect=1).out)
        self.is_whole()
        driver = self.start("resume", "bad")
        wait_until(lambda: self.bad.trials[3]["state"] == "RUNNING", 30, "it goes on")
        driver.send_signal(signal.SIGINT)
        self.finish(driver)

    def test_rows_that_do_not_fit(self):
        """A trial's row that is older than its results, each with its sum."""
        old = self.copy()
        db = sqlite3.connect(self.db)
        row = list(db.execute("SELECT * FROM trial WHERE number = 1").fetchone())
        names = [column[1] for column in db.execute("PRAGMA table_info(trial)")]
        db.execute("DELETE FROM result WHERE trial = 1 AND n > 2")
        db.execute("DELETE FROM event WHERE type = 'result' AND trial = 1 AND seq NOT IN "
                   "(SELECT seq FROM result)")
        db.commit()
        db.close()
        self.assertEqual(row[names.index("results")], 4)
        done = self.pegbox("repair", "bad", expect=1)
        self.assertIn("trial 1: some of its results are missing", done.out)
        self.assertEqual(old.trials[1]["iteration"], 2)
        self.is_whole()

    # ---- Pages ----

    def test_the_first_page(self):
        for at in (3, 18, 60, 70, 110, 4000):
            with self.subTest(at=at):
                self.copy()
                self.flip(self.db, at)
                done = self.pegbox("repair", "bad", expect=None)
                self.assertEqual(done.status, 0, str(done))
                self.is_whole()
                self.shows_the_same()

    def test_cut_short(self):
        """Also where the first pages of tables are gone that are not the trials' or results'."""
        whole = os.path.getsize(os.path.join(self.whole.path, "experiment.db"))
        for pages in (1, 2, 5):
            with self.subTest(pages=pages):
                self.copy()
                os.truncate(self.db, whole - pages * PAGE)
                done = self.pegbox("repair", "bad", expect=1)
                self.assertIn("experiment.db: it is cut short; ", done.out)
                self.assertIn("is mended, but for what is lost", done.out)
                self.is_whole()
                for words in (["best", "--json"], ["trials", "--columns", "trial,state,loss"]):
                    self.assertEqual(self.shown(self.bad, *words).replace("/bad/", "/whole/"),
                                     self.shown(self.whole, *words).replace("/bad/", "/whole/"))

    def test_an_index(self):
        db = sqlite3.connect(self.db)
        root, = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'result_of_trial'"
                           ).fetchone()
        db.close()
        with open(self.db, "r+b") as file:
            file.seek((root - 1) * PAGE)
            file.write(bytes(PAGE))
        self.bad.command("results", "1", expect=4)
        self.repair(0, "experiment.db: its pages are damaged ", self.KEPT)
        self.shows_the_same()

    def test_a_repair_that_was_killed(self):
        # In the midst of putting the new store into its place.
        self.sql("UPDATE result SET value = 0 WHERE trial = 1 AND n = 2")
        os.rename(self.db, self.db + ".damaged")
        for words in (["trials", "bad"], ["resume", "bad"], ["best", "bad"]):
            done = self.pegbox(*words, expect=4)
            self.assertEqual(done.err.count("\n"), 1, done.err)
            self.assertIn("a repair has not come to its end; `pegbox repair` begins it again",
                          done.err)
        done = self.pegbox("repair", "bad", "--dry-run", expect=4)
        self.assertIn("without --dry-run it begins again with experiment.db.damaged", done.err)
        self.assertIn("trial 1: some of its results are missing; ",
                      self.pegbox("repair", "bad", expect=1).out)
        self.assertIn(" is whole", self.pegbox("repair", "bad").out)
        self.assertEqual(len(self.bad.trials), 3)
        self.assertEqual([name for name in os.listdir(self.bad.path) if "damaged" in name],
                         ["experiment.db.damaged"])

    def test_nothing_is_left(self):
        for text in (b"", b"This is no database.\n" * 1000, bytes(100000)):
            with self.subTest(text=text[:10]):
                self.copy()
                with open(self.db, "wb") as file:
                    file.write(text)
                done = self.pegbox("repair", "bad", expect=4)
                self.assertEqual(len(done.err.splitlines()), 1, str(done))
                self.assertIn("experiment.db is beyond help: ", done.err)
                with open(self.db, "rb") as file:
                    self.assertEqual(file.read(), text)

    def test_a_newer_store(self):
        self.sql("PRAGMA user_version = 99")
        done = self.pegbox("repair", "bad", expect=4)
        self.assertIn("newer pegbox (schema 99", done.err)

    # ---- The log ----

    def killed(self):
        """A store whose newest rows are in its log alone."""
        go = os.path.join(self.dir, "go")
        driver = self.start("run", self.spec(
            sh(SAVES, "{x}", go), name="bad", metric="loss", mode="min", cwd="{trial.dir}",
            config={"x": {"$grid_search": [0, 1, 2]}}, max_concurrent_trials=1), "--replace")
        wait_until(lambda: os.path.exists(go), 30, "it runs")
        # Killed before, it might have begun the log anew and put nothing there yet.
        wait_until(lambda: self.bad.counts == [4, 4, 4], 30, "its results")
        driver.kill()
        self.finish(driver)
        wait_until(lambda: not self.named("sh"), 30, "its program is gone")
        if os.path.exists(self.db + "-shm"):
            os.remove(self.db + "-shm")
        copy = os.path.join(self.dir, "copy")
        shutil.copytree(self.bad.path, copy, ignore=shutil.ignore_patterns("requests"))
        return copy

    def frames(self):
        """How many the log has; behind them there may be older ones, with another salt."""
        with open(self.db + "-wal", "rb") as file:
            salt = file.read(32)[16:24]
            return sum(frame[8:16] == salt
                       for frame in iter(lambda: file.read(PAGE + 24), b""))

    def test_the_log(self):
        copy = self.killed()
        frames = self.frames()
        results = self.shown(self.bad, "export")
        for frame, part in ((frames // 2, 24 + 2000), (frames // 2, 0), (frames // 2, 9),
                            (frames // 2, 17), (0, -20)):
            with self.subTest(frame=frame, part=part):
                shutil.rmtree(self.bad.path)
                shutil.copytree(copy, self.bad.path)
                self.flip(self.db + "-wal", 32 + frame * (PAGE + 24) + part)
                done = self.pegbox("repair", "bad", "--json", expect=None).json
                self.assertEqual(done["findings"][0]["where"], "experiment.db-wal", str(done))
                if done["lost"]:
                    self.assertIn("at most the newest", done["findings"][0]["then"])
                else:
                    self.assertEqual(self.shown(self.bad, "export"), results)
                self.is_whole()

    def test_a_log_that_the_database_has(self):
        """SQLite would put the pages before the damage over newer ones."""
        copy = self.killed()
        results = self.shown(self.bad, "export")
        trials = self.shown(self.bad, "trials", "--json")
        other = os.path.join(self.dir, "other.db")
        shutil.copy(os.path.join(copy, "experiment.db"), other)
        shutil.copy(os.path.join(copy, "experiment.db-wal"), other + "-wal")
        db = sqlite3.connect(other)
        db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        shutil.rmtree(self.bad.path)
        shutil.copytree(copy, self.bad.path)
        shutil.copy(other, self.db)
        db.close()
        self.flip(self.db + "-wal", 32 + self.frames() // 3 * (PAGE + 24) + 24 + 2000)
        log = read_bytes(self.db + "-wal")
        # Whoever looks leaves it as it is; who would write says so.
        self.pegbox("trials", "bad", expect=None)
        self.assertEqual(read_bytes(self.db + "-wal"), log)
        done = self.pegbox("resume", "bad", expect=4)
        self.assertEqual(len(done.err.splitlines()), 1, done.err)
        self.assertIn("experiment.db-wal: frame ", done.err)
        self.assertIn("`pegbox repair ", done.err)
        self.assertEqual(read_bytes(self.db + "-wal"), log)
        done = self.pegbox("repair", "bad")
        self.assertIn("is damaged; the database has what it held already", done.out)
        self.assertEqual(self.shown(self.bad, "export"), results)
        self.assertEqual(self.shown(self.bad, "trials", "--json"), trials)

    def write_log(self, *commits):
        """Leaves them in the log, as a driver that was killed does."""
        kept = os.path.join(self.dir, "kept")
        db = sqlite3.connect(self.db, isolation_level=None)
        db.execute("PRAGMA wal_autocheckpoint = 0")
        for sql, values in commits:
            db.execute(sql, values)
        for ending in ("", "-wal"):
            shutil.copy(self.db + ending, kept + ending)
        db.close()
        for ending in ("", "-wal"):
            shutil.copy(kept + ending, self.db + ending)

    def test_resume_tells_what_the_log_has_lost(self):
        """An archive whose row was among it is not deleted."""
        db = sqlite3.connect(self.db)
        row = db.execute("SELECT * FROM checkpoint WHERE id = 3").fetchone()
        db.execute("DELETE FROM checkpoint WHERE id = 3")
        for fact in (("status", "running"), ("driver", "host:1")):
            db.execute("INSERT OR REPLACE INTO fact VALUES (?, ?, ?)", fact + (row_sum(fact),))
        db.commit()
        db.close()
        self.write_log(("INSERT INTO checkpoint VALUES (%s)" % ", ".join("?" * len(row)), row),
                       ("CREATE TABLE more (x)", ()))
        self.flip(self.db + "-wal", 32 + 24 + 2000)
        done = self.pegbox("resume", "bad")
        self.assertIn("experiment.db-wal is damaged: the newest 2 commits or more are lost", done.err)
        names = os.listdir(self.bad.dir(2))
        self.assertIn("found_checkpoint_000004.tar", names)
        self.assertNotIn("checkpoint_000004.tar", names)
        self.assertEqual(self.bad.counts, [4, 4, 4])
        self.is_whole()


def row_sum(row):
    """As doc/store.md has it, of texts."""
    state = 0
    for value in row:
        data = value.encode()
        words = [len(data)] + [int.from_bytes(data[i:i + 8], "little")
                               for i in range(0, len(data), 8)]
        state = (state + 4) % 2**64
        for word in words:
            state = (state ^ word) * 0x9e3779b97f4a7c15 % 2**64
            state ^= state >> 32
    return state - 2**64 if state >= 2**63 else state


def read_bytes(path):
    with open(path, "rb") as file:
        return file.read()


if __name__ == "__main__":
    main()
