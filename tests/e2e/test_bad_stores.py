#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A store that is damaged, locked or taken away: every command that reads it says so in one line
that names it, and a driver ends with one, or goes on; what was recorded stays."""
import os
import random
import shutil
import sqlite3
import subprocess

from pegbox_test import PEGBOX, SHORT, PegboxTest, main, sh, wait_until, without_sums

PAGE = 4096
REPORTS = """for i in 1 2 3 4 5; do echo '{"loss": '$i$1', "pad": "'$(head -c 400 /dev/zero |
tr '\\0' x)'"}'; done"""
# Reports once, and again when the file GO is there.
WAITS = """echo '{"loss": 5}'; while [ ! -e "$1" ]; do sleep 0.05; done; echo '{"loss": 4}'"""


def overwrite(path, pages, seed):
    """Random bytes in the place of these pages."""
    noise = random.Random(seed)
    with open(path, "r+b") as file:
        for page in pages:
            file.seek(page * PAGE)
            file.write(bytes(noise.randrange(256) for _ in range(PAGE)))


class BadStores(PegboxTest):
    def setUp(self):
        super().setUp()
        self.good = self.run_experiment(sh(REPORTS, "{x}"), name="good", metric="loss", mode="min",
                                        config={"x": {"$grid_search": list(range(12))}},
                                        auto_loggers=False)

    def reading(self, name):
        return [["trials", name, "--json"], ["best", name], ["results", name, "3"],
                ["export", name], ["logs", name, "3"]]

    def copy(self, name):
        folder = os.path.join(self.results_dir, name)
        shutil.copytree(self.good.path, folder)
        return os.path.join(folder, "experiment.db")

    def one_line(self, done, *messages):
        lines = done.err.splitlines()
        self.assertEqual(len(lines), 1, str(done))
        self.assertTrue(lines[0].startswith("pegbox: error: "), str(done))
        for message in messages:
            self.assertIn(message, lines[0])

    def unreadable(self, name, message, commands=None):
        """No command takes it; ls lists it beside the others, and rm deletes it."""
        path = os.path.join(self.results_dir, name)
        for words in commands or self.reading(name):
            done = self.pegbox(*words, expect=4)
            self.one_line(done, path, message)
            self.assertEqual(done.out, "", str(done))
        done = self.pegbox("ls", "--json")
        self.one_line(done, path)
        self.assertEqual({row["name"]: row["status"] for row in done.json},
                         {"good": "done", name: "unreadable"})
        self.pegbox("rm", name)
        self.assertEqual(os.listdir(self.results_dir), ["good"])
        self.assertEqual(self.good.counts, [5] * 12)

    # ---- Damaged ----

    def begins_nothing(self, *messages):
        """Nor does anybody take it for a name that is free."""
        file = self.spec(sh(":"), name="bad")
        before = sorted(os.listdir(os.path.join(self.results_dir, "bad")))
        for words in (["run", "--resume=auto", file], ["run", "--resume", file], ["resume", "bad"]):
            self.one_line(self.pegbox(*words, expect=4), *messages)
        self.one_line(self.pegbox("repair", "bad", expect=4), "is beyond help")
        self.one_line(self.pegbox("run", file, expect=2), "already in ")
        self.assertEqual(sorted(os.listdir(os.path.join(self.results_dir, "bad"))), before)

    def test_no_bytes(self):
        with open(self.copy("bad"), "wb"):
            pass
        self.begins_nothing("is empty: there are trials beside it")
        self.unreadable("bad", "is empty: there are trials beside it")

    def test_no_file(self):
        os.remove(self.copy("bad"))
        self.begins_nothing("is missing: there are trials beside it")
        self.unreadable("bad", "is missing: there are trials beside it")

    def test_another_text(self):
        with open(self.copy("bad"), "wb") as file:
            file.write(b"This is no database.\n" * 1000)
        self.unreadable("bad", "file is not a database")

    def test_zeros(self):
        with open(self.copy("bad"), "r+b") as file:
            file.write(bytes(os.path.getsize(file.name)))
        self.unreadable("bad", "file is not a database")

    def test_another_database(self):
        path = self.copy("bad")
        os.remove(path)
        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE trial (number)")
        other.close()
        self.unreadable("bad", "is not a pegbox store")

    def test_no_tables(self):
        other = sqlite3.connect(self.copy("bad"))
        for table in ("trial", "result", "attempt", "fact"):
            other.execute("DROP TABLE " + table)
        other.commit()
        other.close()
        self.unreadable("bad", "no such table")

    def test_cut_off(self):
        path = self.copy("bad")
        os.truncate(path, os.path.getsize(path) // PAGE // 2 * PAGE)
        self.unreadable("bad", "malformed")

    def test_all_pages_overwritten(self):
        path = self.copy("bad")
        overwrite(path, range(1, os.path.getsize(path) // PAGE), 1)
        self.unreadable("bad", "malformed")

    def test_some_pages_overwritten(self):
        # What can be read may be shown; then one line says what cannot.
        path = os.path.join(self.good.path, "experiment.db")
        pages = os.path.getsize(path) // PAGE
        self.assertGreater(pages, 10)
        for seed in range(3 if SHORT else 12):
            noise = random.Random(seed)
            name = "bad%d" % seed
            overwrite(self.copy(name), noise.sample(range(1, pages), 3), seed)
            for words in self.reading(name) + [["best", name, "--command"], ["rm", name]]:
                done = self.pegbox(*words, expect=None)
                with self.subTest(seed=seed, words=words):
                    if words[0] == "rm":
                        self.assertEqual(done.status, 0, str(done))
                    elif done.err:
                        self.assertEqual(done.status, 4, str(done))
                        self.one_line(done, self.results_dir)
                    else:
                        self.assertEqual(done.status, 0, str(done))

    def test_a_directory_in_its_place(self):
        path = self.copy("bad")
        os.remove(path)
        os.mkdir(path)
        for words in self.reading("bad") + [["rm", "bad"]]:
            self.one_line(self.pegbox(*words, expect=2), "no experiment 'bad'")

    def test_rows_that_make_no_sense(self):
        for sql, words, message in (
                ("UPDATE result SET fields = '{\"loss\": x}', sum = NULL", ["results", "bad", "3"],
                 "result 1 of trial 3 is damaged"),
                ("UPDATE result SET fields = '{\"loss\": x}', sum = NULL", ["export", "bad"],
                 "result 1 of trial 0 is damaged"),
                ("UPDATE result SET fields = '{\"loss\": x}', sum = NULL", ["trials", "bad", "--json"],
                 "result 5 of trial 0 is damaged"),
                ("UPDATE trial SET config = '{\"x\":', sum = NULL", ["best", "bad", "--command"],
                 "the config of trial 0 is damaged"),
                ("UPDATE trial SET config = replace(hex(zeroblob(9999)), '00', '['), sum = NULL",
                 ["results", "bad", "3"], "result 1 of trial 3 is damaged: nested too deep")):
            with self.subTest(sql=sql, words=words):
                other = sqlite3.connect(self.copy("bad"))
                without_sums(other)
                other.execute(sql)
                other.commit()
                other.close()
                done = self.pegbox(*words, expect=None)
                self.assertIn(done.status, (2, 4), str(done))
                self.one_line(done, "results/bad", message)
                self.pegbox("rm", "bad")

    def test_rows_without_their_sums(self):
        """What is stored there is no longer what was written."""
        for sql, words, row in (
                ("UPDATE trial SET best = 0 WHERE number = 7", ["best", "bad"], "trial 7"),
                ("UPDATE trial SET best = 0 WHERE number = 7", ["trials", "bad"], "trial 7"),
                ("UPDATE trial SET value = 0 WHERE number = 7",
                 ["trials", "bad", "--sort", "value", "--limit", "1"], "trial 7"),
                ("UPDATE result SET value = 0 WHERE trial = 0 AND n = 5", ["export", "bad"], "result "),
                ("UPDATE attempt SET pid = 0", ["results", "bad", "3"], "attempt 3/1"),
                ("UPDATE fact SET value = 'min ' WHERE key = 'mode'", ["best", "bad"],
                 "fact 'mode'")):
            with self.subTest(sql=sql, words=words):
                other = sqlite3.connect(self.copy("bad"))
                other.execute(sql)
                other.commit()
                other.close()
                done = self.pegbox(*words, expect=4)
                self.one_line(done, "experiment.db: the row of %s" % row, " is damaged; ",
                              "`pegbox repair ")
                shutil.rmtree(os.path.join(self.results_dir, "bad"))

    def test_numbers_that_make_no_sense(self):
        """Nothing is written, and no room made for trials that are not there."""
        for number in (9223372036854775807, 4000, -5):
            db = sqlite3.connect(self.copy("bad"))
            db.execute("UPDATE trial SET number = ?, sum = NULL, brief_sum = NULL WHERE number = 11",
                       (number,))
            db.commit()
            db.close()
            for words in (["ask"], ["tell", "0", "1"], ["enqueue", "{}"], ["void", "0"]):
                done = self.pegbox(words[0], "bad", *words[1:], expect=4, timeout=20)
                self.one_line(done, "there are 12 trials, but their numbers go up to")
            shutil.rmtree(os.path.join(self.results_dir, "bad"))

    def test_states_that_make_no_sense(self):
        other = sqlite3.connect(self.copy("bad"))
        without_sums(other)
        other.executescript("""
            UPDATE trial SET state = 'ASLEEP', outcome = 'x', dir = '../../etc', tag = NULL,
                name = char(27) || '[31m' || char(10), iteration = -9e18, results = -1,
                created_ns = 9223372036854775807, ended_ns = -5, value = 9e999, x = x'0011',
                sum = NULL, brief_sum = NULL;
            UPDATE result SET attempt = 99, time_total_s = 9e999, at_ns = 9223372036854775807,
                sum = NULL;
            DELETE FROM attempt;
            UPDATE fact SET value = '[1]', sum = NULL WHERE key = 'spec';
            UPDATE fact SET value = 'x', sum = NULL WHERE key = 'mode';""")
        other.close()
        for words in self.reading("bad") + [["trials", "bad"], ["ls"]]:
            done = self.pegbox(*words, expect=None)
            self.assertIn(done.status, (0, 1, 4), str(done))
            self.assertNotIn("\x1b", done.out + done.err)

    # ---- Locked ----

    def hold(self, path, *sql):
        other = sqlite3.connect(path, isolation_level=None)
        self.addCleanup(other.close)
        for line in sql:
            other.execute(line)
        return other

    def test_readers_beside_a_writer(self):
        self.hold(os.path.join(self.good.path, "experiment.db"), "BEGIN IMMEDIATE",
                  "DELETE FROM result")
        self.assertEqual(self.good.counts, [5] * 12)

    def test_readers_of_a_locked_one(self):
        self.copy("bad")
        other = self.hold(os.path.join(self.results_dir, "bad", "experiment.db"),
                          "PRAGMA locking_mode = EXCLUSIVE", "BEGIN EXCLUSIVE",
                          "SELECT count(*) FROM trial")
        # All at once: each waits for 10 s.
        started = [self.start(*words) for words in self.reading("bad") + [["ls", "--json"]]]
        for process in started:
            done = self.finish(process)
            self.one_line(done, "results/bad", "locked (another process has held it for 10 s)")
            self.assertEqual(done.status, 0 if "ls" in done.words else 4)
        other.close()
        self.assertEqual(self.opened("bad").counts, [5] * 12)

    # ---- Under a running driver ----

    def start_waiting(self):
        """A driver whose trial has reported once, and again when the file `go` is made."""
        self.go = os.path.join(self.dir, "go")
        process = self.start("run", self.spec(
            sh(WAITS, self.go), name="e", metric="loss", mode="min"))
        self.db = os.path.join(self.results_dir, "e", "experiment.db")
        wait_until(lambda: os.path.exists(self.db) and self.reported() == 1, 30,
                   "the first report is stored")
        return process

    def reported(self):
        done = subprocess.run([PEGBOX, "trials", self.results_dir + "/e", "--json"],
                              env=self.environment(None), stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, check=False)
        return done.stdout.count(b'"last_result":{"loss":')

    def test_a_driver_waits_for_a_lock(self):
        process = self.start_waiting()
        other = self.hold(self.db, "BEGIN IMMEDIATE")
        with open(self.go, "w", encoding="utf-8"):
            pass
        # It must have met the lock: its trial is at its end, and that cannot be stored yet.
        wait_until(lambda: not self.named("sh"), 20, "the program has ended")
        self.assertIsNone(process.poll())
        other.execute("COMMIT")
        done = self.finish(process)
        self.assertEqual(done.status, 0, str(done))
        self.assertEqual(self.opened("e").counts, [2])

    def test_a_driver_that_meets_a_long_lock(self):
        process = self.start_waiting()
        other = self.hold(self.db, "BEGIN IMMEDIATE")
        with open(self.go, "w", encoding="utf-8"):
            pass
        done = self.finish(process)
        other.close()
        self.assertEqual(done.status, 4, str(done))
        self.one_line(done, self.db, "locked (another process has held it for 10 s)")
        self.assertEqual(self.opened("e").counts, [1])

    def test_a_driver_whose_store_is_deleted(self):
        process = self.start_waiting()
        for name in ("", "-wal", "-shm"):
            os.remove(self.db + name)
        done = self.finish(process)
        self.assertEqual(done.status, 4, str(done))
        self.one_line(done, self.db + " was removed or replaced while the experiment ran",
                      "written to " + self.db)
        # Nothing that was recorded is lost.
        self.assertEqual(self.opened("e").counts, [1])
        self.assertEqual(self.pegbox("best", "e", "--json").json["loss"], 5)

    def test_a_driver_whose_store_is_replaced(self):
        process = self.start_waiting()
        os.replace(os.path.join(self.good.path, "experiment.db"), self.db)
        done = self.finish(process)
        self.assertEqual(done.status, 4, str(done))
        saved = os.path.join(self.results_dir, "e", "experiment-saved.db")
        self.one_line(done, "was removed or replaced", "written to " + saved)
        with sqlite3.connect(saved) as other:
            self.assertEqual(other.execute("SELECT count(*) FROM result").fetchone(), (1,))
        other.close()

    def test_a_driver_whose_directory_is_moved(self):
        process = self.start_waiting()
        moved = os.path.join(self.results_dir, "moved")
        os.rename(os.path.dirname(self.db), moved)
        done = self.finish(process)
        self.assertEqual(done.status, 4, str(done))
        self.one_line(done, self.db + " was removed, or its directory moved")
        self.assertEqual(self.opened("moved").counts, [1])

    def test_a_driver_whose_store_is_damaged(self):
        # What it holds in memory may carry it to the end; it does not crash, and says it.
        process = self.start_waiting()
        overwrite(self.db, range(1, os.path.getsize(self.db) // PAGE), 1)
        with open(self.go, "w", encoding="utf-8"):
            pass
        done = self.finish(process)
        self.assertIn(done.status, (0, 4), str(done))
        for words in self.reading("e"):
            self.assertIn(self.pegbox(*words, expect=None).status, (0, 2, 4))


if __name__ == "__main__":
    main()
