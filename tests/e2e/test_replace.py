#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""run --replace: the experiment of that name is deleted, and another one takes its place."""
import fcntl
import os
import sqlite3

from pegbox_test import PegboxTest, main, read_text, sh, wait_until

GOOD = {"metric": "loss", "mode": "min", "name": "a"}
REPORT = "echo '{\"loss\": '$1'}'"
# Is refused as late as anything is: nothing before the run makes a logger.
LATE = r"""
#include <pegbox/helpers.h>
struct pbx_instance { pbx_base base; };
static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *options, pbx_error *error)
{
    (void)self;
    (void)host;
    (void)options;
    return pbx_fail(error, PBX_EIO, NULL, "not today");
}
static pbx_status
events(pbx_instance *self, const pbx_event *const *list, uint64_t n, uint64_t *done,
       pbx_error *error)
{
    (void)self;
    (void)list;
    (void)error;
    *done = n;
    return PBX_OK;
}
PEGBOX_LOGGER("late", "1.0", "Cannot be made", "MIT", PEGBOX_NO_OPTIONS, PBX_WANTS(PBX_EVENT_END),
              0, init, NULL, .events = events);
"""


class Replace(PegboxTest):
    def setUp(self):
        super().setUp()
        self.path = os.path.join(self.results_dir, "a")

    def file(self, value, **keys):
        return self.spec(sh(REPORT, str(value)), **dict(GOOD, **keys))

    def run_one(self, value, *words, expect=0, **keys):
        return self.pegbox("run", self.file(value, **keys), *words, expect=expect)

    def losses(self):
        """Of the experiment that is there."""
        return [trial["value"] for trial in self.opened("a").trials]

    def test_deletes_what_was_there(self):
        self.run_one(1, num_samples=3)
        outside = self.write("outside/kept", "kept")
        os.symlink(os.path.dirname(outside), os.path.join(self.path, "link"))
        self.write("results/a/deep/er/file", "x")
        before = set(os.listdir(self.path))
        self.run_one(2, "--replace")
        self.assertEqual(self.losses(), [2])
        after = set(os.listdir(self.path))
        self.assertFalse({"link", "deep"} & after, after)
        self.assertEqual(len(after - before), 1, "the new trial's directory: %s" % (after - before))
        self.assertEqual(len([name for name in after if name.startswith("sh_")]), 1)
        self.assertEqual(read_text(outside), "kept")

    def test_with_nothing_there(self):
        self.run_one(1, "--replace")
        self.assertEqual(self.losses(), [1])

    def test_a_directory_that_is_no_experiment_is_kept(self):
        kept = self.write("results/a/kept", "kept")
        self.run_one(1, "--replace")
        self.assertEqual((self.losses(), read_text(kept)), ([1], "kept"))

    def test_without_it_the_line_says_how(self):
        self.run_one(1)
        os.mkdir(self.path + "_2")
        done = self.run_one(2, expect=2)
        self.assertEqual(done.err, "pegbox: error: experiment 'a' is already in %s: `pegbox "
                         "resume` goes on with it, --name a_3 is free; `pegbox run --replace` and `pegbox rm` delete what is there\n"
                         % self.results_dir)
        self.assertEqual(self.losses(), [1])

    def test_one_that_has_a_driver(self):
        self.run_one(1)
        with open(os.path.join(self.path, "experiment.lock"), "r+", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            done = self.run_one(2, "--replace", expect=2)
            self.assertIn("pegbox: error: %s is being run already" % self.path, done.err)
        self.assertEqual(self.losses(), [1])

    def test_a_link_is_not_followed(self):
        self.run_one(1)
        other = os.path.join(self.dir, "other")
        os.rename(self.path, other)
        os.symlink(other, self.path)
        done = self.run_one(2, "--replace", expect=2)
        self.assertIn("%s is a symbolic link" % self.path, done.err)
        self.assertEqual(self.losses(), [1])

    def test_nothing_is_deleted_where_the_new_one_is_refused(self):
        source = self.write("late.c", LATE)
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(source, "logger", "late")
        self.run_one(1)
        self.run_one(2, "--replace", num_sample=3, expect=2)
        self.assertIn("not today", self.run_one(2, "--replace", loggers=["late"], expect=3).err)
        self.run_one(2, "--replace", config={"x": {"$uniform": 1}}, expect=2,
                     search={"plugin": "tpe", "points_to_evaluate": [{"y": 1}]})
        self.assertEqual(self.losses(), [1])

    def test_without_a_name(self):
        path = self.spec(sh(REPORT, "1"), metric="loss", mode="min")
        done = self.pegbox("run", path, "--replace", expect=2)
        self.assertEqual(done.err, "pegbox: error: --replace needs the experiment's name: 'name' "
                         "in the file, or --name\n")
        self.pegbox("run", path, "--replace", "--name", "a")
        self.pegbox("run", path, "--replace", "--name", "a")
        self.assertEqual(self.losses(), [1])

    def test_many_at_once(self):
        """Whoever drives is never deleted: each one ends whole, or is refused."""
        files = [self.write("%d.json" % i, read_text(self.file(i))) for i in range(6)]
        self.pegbox("run", files[0])
        started = [self.start("run", path, "--replace") for path in files]
        done = [self.finish(process) for process in started]
        for one in done:
            self.assertIn(one.status, (0, 2), str(one))
            if one.status == 2:
                self.assertIn("is being run already", one.err)
        self.assertIn(0, [one.status for one in done])
        self.assertEqual(len(self.losses()), 1)
        store = sqlite3.connect("file:%s/experiment.db?mode=ro" % self.path, uri=True)
        self.assertEqual(store.execute("SELECT value FROM fact WHERE key = 'status'").fetchall(),
                         [("done",)])
        store.close()

    def test_a_lock_of_what_is_gone(self):
        """One that waited for a lock while its directory was deleted has a lock of nothing."""
        self.run_one(1)
        path = os.path.join(self.path, "experiment.lock")
        with open(path, "r+", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH) # as one that writes without a driver
            waiting = self.start("run", self.file(2), "--replace")
            wait_until(lambda: self.has_open(waiting.pid, path), what="the lock is waited for")
            os.remove(path)
        done = self.finish(waiting)
        self.assertEqual((done.status, done.err),
                         (4, "pegbox: error: %s was deleted meanwhile\n" % self.path))
        self.assertEqual(self.losses(), [1])

    @staticmethod
    def has_open(pid, path):
        folder = "/proc/%d/fd" % pid
        try:
            return path in [os.readlink(os.path.join(folder, fd)) for fd in os.listdir(folder)]
        except OSError:
            return False


if __name__ == "__main__":
    main()
