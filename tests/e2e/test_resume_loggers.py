#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Log files have every line once, however often the driver was killed; loggers come and go."""
import csv
import io
import json
import os
import signal
import sqlite3
import subprocess

from pegbox_test import PegboxTest, main, read_text, sh, wait_until

# A logger of its own state: each line has the number of events so far, which it saves.
COUNTS = r"""
#include <pegbox/helpers.h>
struct pbx_instance { pbx_base base; const pbx_files *files; uint64_t n; };
static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *options, pbx_error *error)
{
    const void *files = NULL;
    pbx_status status = pbx_need(host, PBX_FILES_ID, &files, error);
    (void)options;
    self->files = (const pbx_files *)files;
    return status;
}
static pbx_status
events(pbx_instance *self, const pbx_event *const *list, size_t n, size_t *done, pbx_error *error)
{
    (void)error;
    for (*done = 0; *done < n; ++*done) {
        char line[64];
        snprintf(line, sizeof line, "%u %u\n", (unsigned)++self->n,
                 (unsigned)list[*done]->trial->trial);
        self->files->append(self->base.host, PBX_NONE, "counts.txt", line, strlen(line));
        self->files->replace(self->base.host, list[*done]->trial->trial, "last.txt", line,
                             strlen(line));
    }
    return PBX_OK;
}
static void
state(pbx_instance *self, pbx_blob *blob)
{
    pbx_blob_u64(blob, &self->n);
}
PEGBOX_LOGGER("counts", "1.0", "Counts results", "MIT", PEGBOX_NO_OPTIONS,
              PBX_WANTS(PBX_EVENT_RESULT), 1, init, state, .events = events);
"""
TRIAL = """i=0; while [ $i -lt 12 ]; do i=$((i + 1)); echo '{"loss": '$i', "c'$((i / 4))'": 1}'; sleep 0.02
done"""


class Loggers(PegboxTest):
    def setUp(self):
        super().setUp()
        source = self.write("counts.c", COUNTS)
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(source, "logger", "counts")
        self.keys = dict(name="e", metric="loss", mode="min", num_samples=3,
                         config={"x": {"$grid_search": [1]}}, max_concurrent_trials=1)

    def file(self, **keys):
        return self.spec(sh(TRIAL), **dict(self.keys, **keys))

    def path(self, *names):
        return os.path.join(self.results_dir, "e", *names)

    def kill_at(self, path, n):
        """A driver that is killed once the store has n results."""
        process = self.start("run", path, "--resume=auto", stdout=subprocess.DEVNULL)
        wait_until(lambda: process.poll() is not None or self.n_results() >= n, 30, "results")
        process.send_signal(signal.SIGKILL)
        self.assertEqual(process.communicate()[1], "")

    def n_results(self):
        try:
            store = sqlite3.connect("file:%s?mode=ro" % self.path("experiment.db"), uri=True)
            n, = store.execute("SELECT count(*) FROM event WHERE type = 'result'").fetchone()
            store.close()
            return n
        except sqlite3.OperationalError:
            return 0

    def check_trials(self, n=3):
        for trial in range(n):
            e = self.opened("e")
            lines = [json.loads(line)["loss"] for line in e.read(trial, "result.json").splitlines()]
            self.assertEqual(lines, list(range(1, 13)))
            rows = list(csv.DictReader(io.StringIO(e.read(trial, "progress.csv"))))
            self.assertEqual([row["loss"] for row in rows], [str(i) for i in range(1, 13)])
            # A column that came late is filled in from then on.
            self.assertEqual([row["c3"] for row in rows], [""] * 11 + ["1"])
            self.assertEqual([f for f in os.listdir(e.dir(trial)) if f[0] == "." or "~" in f or
                              f.endswith(".new")], [])

    def test_killed_often(self):
        path = self.file(loggers=["counts"])
        for n in (3, 7, 11, 14, 20, 25, 33):
            self.kill_at(path, n)
        self.pegbox("run", path, "--resume")
        self.check_trials()
        # Its state went along with its file.
        lines = [line.split() for line in read_text(self.path("counts.txt")).splitlines()]
        self.assertEqual([int(line[0]) for line in lines], list(range(1, 37)))
        self.assertEqual([line[1] for line in lines], ["0"] * 12 + ["1"] * 12 + ["2"] * 12)
        self.assertEqual(self.opened("e").read(2, "last.txt"), "36 2\n")

    def test_what_was_not_committed_is_cut(self):
        """As after a crash between the file and the commit, however short that is."""
        path = self.file()
        self.kill_at(path, 5)
        trial = self.opened("e").dir(0)
        for name in ("result.json", "progress.csv"):
            with open(os.path.join(trial, name), "a", encoding="utf-8") as file:
                file.write("more than the store knows\n")
        with open(os.path.join(trial, "progress.csv.new"), "w", encoding="utf-8") as file:
            file.write("half")
        self.pegbox("run", path, "--resume")
        self.check_trials()

    def test_what_is_missing_is_told(self):
        """As after a power cut."""
        path = self.file()
        process = self.start("run", path)
        wait_until(lambda: self.n_results() >= 5, 30, "results")
        process.send_signal(signal.SIGINT)
        self.finish(process)
        name = os.path.join(self.opened("e").dir(0), "result.json")
        os.truncate(name, 10)
        done = self.pegbox("resume", "e")
        self.assertIn("%s is shorter than it was; `pegbox repair` rebuilds it" % name, done.err)

    def test_one_that_is_added_is_told_all(self):
        self.pegbox("run", self.file(num_samples=2))
        self.pegbox("run", self.file(loggers=["counts"]), "--resume")
        self.check_trials()
        numbers = [int(line.split()[0]) for line in read_text(self.path("counts.txt")).splitlines()]
        self.assertEqual(numbers, list(range(1, 37)))

    def test_one_that_is_removed(self):
        self.pegbox("run", self.file(loggers=["counts"], num_samples=1))
        self.pegbox("run", self.file(num_samples=2), "--resume")
        self.assertEqual(len(read_text(self.path("counts.txt")).splitlines()), 12)
        # It begins anew, and so does its file.
        self.pegbox("run", self.file(loggers=["counts"]), "--resume")
        self.check_trials()
        self.assertEqual(len(read_text(self.path("counts.txt")).splitlines()), 36)

    def test_one_that_has_another_place(self):
        self.pegbox("run", self.file(loggers=["counts"], auto_loggers=False, num_samples=1))
        self.assertFalse(os.path.exists(os.path.join(self.opened("e").dir(0), "result.json")))
        self.pegbox("run", self.file(loggers=["counts"]), "--resume")
        self.check_trials()
        numbers = [int(line.split()[0]) for line in read_text(self.path("counts.txt")).splitlines()]
        self.assertEqual(numbers, list(range(1, 37)))


if __name__ == "__main__":
    main()
