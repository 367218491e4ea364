#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A file system that is full, fills up or cannot be written: one clear line, and all that was
acknowledged is in the store. Each is a small tmpfs, in mounts of this process's own."""
import ctypes
import os
import re
import subprocess
import unittest

from pegbox_test import SOURCE, PegboxTest, json_lines, main, python, read_text, sh, wait_until

# An answer says that the result is stored.
LOCKSTEP = {"PEGBOX_RESULT_BUFFER_LENGTH": "0"}

CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000

# Reports without end; after each answer it says in a file elsewhere how many were acknowledged.
REPORTS = """import os, sys
sys.path.insert(0, sys.argv[1])
import pegbox
n = 0
while n < 100000:
    n += 1
    pegbox.report(loss=n, pad="x" * 1000)
    with open(sys.argv[2] + ".new", "w") as file:
        file.write(str(n))
    os.replace(sys.argv[2] + ".new", sys.argv[2])
"""


# The second fsync of the store's WAL fails; the next would succeed, without the bytes.
LOST = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
static int hit(int fd)
{
    static int n;
    char link[64], path[4096] = "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    return readlink(link, path, sizeof path - 1) > 0 && strstr(path, "experiment.db-wal") && ++n == 2;
}
int fsync(int fd)
{
    errno = EIO;
    return hit(fd) ? -1 : (int)syscall(SYS_fsync, fd);
}
int fdatasync(int fd)
{
    errno = EIO;
    return hit(fd) ? -1 : (int)syscall(SYS_fdatasync, fd);
}
"""

SAVES = """import pegbox
for n in range(1, 7):
    pegbox.report(loss=n)
    if pegbox.should_save():
        with pegbox.checkpoint_dir() as folder:
            open(folder + "/state", "w").close()
"""


def own_mounts():
    """What is mounted from now on is seen by this process and its children alone; a reason why
    that cannot be."""
    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.geteuid(), os.getegid()
    if libc.unshare(CLONE_NEWNS | (CLONE_NEWUSER if uid != 0 else 0)) != 0:
        return "no mounts of one's own here: " + os.strerror(ctypes.get_errno())
    if uid != 0:
        for name, text in (("setgroups", "deny"), ("uid_map", "0 %d 1" % uid),
                           ("gid_map", "0 %d 1" % gid)):
            with open("/proc/self/" + name, "w", encoding="ascii") as file:
                file.write(text)
    # Refused in a chroot whose root is no mount.
    subprocess.run(["mount", "--make-rprivate", "/"], stderr=subprocess.DEVNULL, check=False)
    return None


class FullDisk(PegboxTest):
    @classmethod
    def setUpClass(cls):
        reason = own_mounts()
        if reason is not None:
            raise unittest.SkipTest(reason)

    def mount(self, name, options):
        """A tmpfs in a directory of this test; its path."""
        path = os.path.join(self.dir, name)
        os.makedirs(path)
        self.command(["mount", "-t", "tmpfs", "-o", options, "test", path])
        self.addCleanup(subprocess.run, ["umount", "-l", path], check=False)
        return path

    def one_line(self, done, *messages):
        errors = [line for line in done.err.splitlines() if line.startswith("pegbox: error: ")]
        self.assertEqual(len(errors), 1, str(done))
        for message in messages:
            self.assertIn(message, errors[0])

    def looks(self, experiment, n):
        """Every command that reads says the same."""
        self.assertEqual(len(experiment.results(0)), n)
        self.assertEqual(experiment.trials[0]["results"], n)
        self.assertEqual(experiment.command("best", "--json").json["loss"], n)
        self.assertEqual(len(json_lines(experiment.command("export", "--format", "json").out)), n)
        self.pegbox("logs", experiment.path, "0")
        self.assertEqual(self.pegbox("ls", "--json").json[0]["trials"], 1)

    # ---- Full ----

    def fill(self, folder):
        """Leaves no byte."""
        with open(os.path.join(folder, "filler"), "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass

    def test_fills_up(self):
        results = self.mount("results", "size=1m")
        acknowledged = os.path.join(self.dir, "acknowledged")
        done = self.pegbox("run", self.spec(
            python(REPORTS, os.path.join(SOURCE, "sdk", "python"), acknowledged), name="e",
            metric="loss", mode="min", auto_loggers=False), expect=4, env=LOCKSTEP)
        self.one_line(done, os.path.join(results, "e", "experiment.db"), "disk is full")
        n = int(read_text(acknowledged))
        self.assertGreater(n, 10)
        experiment = self.opened("e")
        recorded = experiment.results(0)
        self.assertGreaterEqual(len(recorded), n)
        self.assertEqual([r["loss"] for r in recorded], list(range(1, len(recorded) + 1)))
        self.looks(experiment, len(recorded))
        # Room again: what was there is there, and the rest can be removed.
        self.command(["mount", "-o", "remount,size=8m", results])
        self.looks(experiment, len(recorded))
        self.pegbox("rm", "e")
        self.assertEqual(os.listdir(results), [])

    def test_fills_up_with_files(self):
        # Loggers and the output of programs take the space: the same, for who writes the store.
        results = self.mount("results", "size=1m")
        acknowledged = os.path.join(self.dir, "acknowledged")
        done = self.pegbox("run", self.spec(
            python(REPORTS, os.path.join(SOURCE, "sdk", "python"), acknowledged), name="e",
            metric="loss", mode="min"), expect=4, env=LOCKSTEP)
        lines = done.err.splitlines()
        self.assertIn(os.path.join(results, "e", "experiment.db"), lines[-1])
        self.assertIn("disk is full", lines[-1])
        # Beside it, a line or two for each file that could not be written.
        self.assertLess(len(lines), 10, done.err)
        recorded = self.opened("e").results(0)
        self.assertGreaterEqual(len(recorded), int(read_text(acknowledged)))
        self.looks(self.opened("e"), len(recorded))

    def test_is_full(self):
        results = self.mount("results", "size=1m")
        self.fill(results)
        done = self.pegbox("run", self.spec(sh(":"), name="e"), expect=4)
        self.one_line(done, results, "No space left on device")

    def test_no_room_for_a_checkpoint(self):
        # Its directory has room, the archive has none: the trial goes on, and is saved the next time.
        self.mount("results", "size=12m")
        experiment = self.run_experiment(python("""import os, pegbox
for n in range(1, 4):
    pegbox.report(loss=n)
    if pegbox.should_save():
        with pegbox.checkpoint_dir() as folder:
            with open(folder + "/state", "wb") as file:
                file.write(os.urandom(8 << 20 if n == 2 else 1000))
"""), metric="loss", mode="min", checkpoint={"frequency": 1})
        self.assertEqual(experiment.states, ["TERMINATED"])
        self.assertEqual(sorted(name for name in os.listdir(experiment.dir(0)) if "checkpoint" in name),
                         ["checkpoint_000001.tar", "checkpoint_000003.tar"])
        self.assertEqual([name for name in os.listdir(experiment.dir(0)) if name[0] == "."], [])
        lines = [line for line in experiment.done.err.splitlines() if "checkpoint" in line]
        self.assertEqual(len(lines), 1, experiment.done.err)
        self.assertIn("No space left on device", lines[0])

    def goes_on(self, name, *messages, environ=None):
        """What the host is at fault for fails no trial: the run has ended with one line, and goes on
        once that is mended."""
        experiment = self.opened(name)
        self.assertNotIn("ERROR", experiment.states)
        self.assertEqual({trial["failures"] for trial in experiment.trials}, {0})
        self.assertEqual(self.pegbox("ls", "--json").json[0]["status"], "failed")
        self.pegbox("resume", name, env=environ)
        self.assertEqual(set(experiment.states), {"TERMINATED"})
        return experiment

    def test_no_inodes(self):
        results = self.mount("results", "size=16m,nr_inodes=40")
        done = self.pegbox("run", self.spec(sh("""echo '{"loss": 1}'"""), name="e", metric="loss",
                                            mode="min", num_samples=30), expect=4)
        # Loggers say beside it what they could not write.
        last = done.err.splitlines()[-1]
        for text in ("pegbox: error: trial ", results + "/e", "No space left on device", "resume"):
            self.assertIn(text, last)
        self.command(["mount", "-o", "remount,nr_inodes=1000", results])
        self.assertEqual(len(self.goes_on("e").states), 30)

    def test_no_inodes_for_output(self):
        # The directory of the second trial takes the last one.
        results = self.mount("results", "size=16m,nr_inodes=40")
        command = sh("""echo '{"loss": 1}'; i=0; while touch "$1/file$i" 2>/dev/null; do
                i=$((i + 1)); done; rm -f "$1"/file0""", results)
        done = self.pegbox("run", self.spec(
            command, name="e", metric="loss", mode="min", num_samples=2, max_concurrent_trials=1,
            log_to_file=True, auto_loggers=False), expect=4)
        self.one_line(done, "cannot write the program's output", "No space left on device")
        for name in os.listdir(results):
            if name.startswith("file"):
                os.remove(os.path.join(results, name))
        self.command(["mount", "-o", "remount,nr_inodes=1000", results])
        self.goes_on("e")

    def test_no_room_to_restore(self):
        # The checkpoint is intact, and is not given up; nor is that a failure of the trial.
        results = self.mount("results", "size=16m")
        ballast = os.path.join(results, "ballast")
        done = self.pegbox("run", self.spec(python("""import os, sys, pegbox
begin = 1
if pegbox.restored():
    begin = 1 + int(open(pegbox.restored() + "/step").read())
for n in range(begin, 4):
    pegbox.report(loss=n)
    if n == 1:
        with pegbox.checkpoint_dir() as folder:
            with open(folder + "/state", "wb") as file:
                file.write(os.urandom(4 << 20))
            with open(folder + "/step", "w") as file:
                file.write("1")
    if n == 2 and begin == 1:
        with open(sys.argv[1], "wb") as file:
            file.write(bytes(9 << 20))
        sys.exit(3)
""", ballast), name="e", metric="loss", mode="min", max_failures=1), expect=4)
        self.one_line(done, "its checkpoint cannot be restored now: ", "No space left on device")
        experiment = self.opened("e")
        self.assertEqual([trial["failures"] for trial in experiment.trials], [1])
        self.assertEqual(len(re.findall("^Failure # ", experiment.read(0, "error.txt"), re.M)), 1)
        os.unlink(ballast)
        self.pegbox("resume", "e")
        self.assertEqual([r["loss"] for r in experiment.results(0)], [1, 2, 3])
        self.assertEqual(experiment.states, ["TERMINATED"])
        self.assertEqual([trial["failures"] for trial in experiment.trials], [1])
        self.pegbox("checkpoint", "verify", "e")
        self.assertEqual([name for name in os.listdir(experiment.dir(0)) if name[0] == "."], [])

    def test_no_room_for_output(self):
        # pegbox writes it: the program has met nothing.
        full = self.mount("full", "size=64k")
        self.fill(full)
        done = self.pegbox("run", self.spec(
            sh("""echo '{"loss": 1}'; head -c 100000 /dev/zero; echo; echo '{"loss": 2}'"""),
            name="e", metric="loss", mode="min", log_to_file=full + "/out"), expect=4)
        self.one_line(done, full + "/out", "No space left on device")
        self.command(["mount", "-o", "remount,size=8m", full])
        self.goes_on("e")

    def test_no_room_for_the_config(self):
        # It is handed over in a file of the run-time directory.
        full = self.mount("full", "size=64k")
        self.fill(full)
        environ = {"XDG_RUNTIME_DIR": full}
        done = self.pegbox("run", self.spec(
            sh("""echo '{"loss": 1}'"""), name="e", metric="loss", mode="min", num_samples=3,
            config={"x": "y" * 10000}), expect=4, env=environ)
        self.one_line(done, full, "config.json", "No space left on device")
        os.unlink(os.path.join(full, "filler"))
        self.goes_on("e", environ=environ)

    def test_no_room_for_a_socket(self):
        # Its directory takes the last inode.
        full = self.mount("full", "nr_inodes=2")
        environ = {"XDG_RUNTIME_DIR": full}
        done = self.pegbox("run", self.spec(
            sh("""echo '{"loss": 1}'"""), name="e", metric="loss", mode="min", num_samples=3,
            max_concurrent_trials=1), expect=4, env=environ)
        self.one_line(done, "cannot listen at " + full, "No space left on device")
        self.command(["mount", "-o", "remount,nr_inodes=100", full])
        self.goes_on("e", environ=environ)

    def test_no_room_for_files_of_the_trial(self):
        # What the program itself meets fails it.
        full = self.mount("full", "size=64k")
        experiment = self.run_experiment(
            sh("""echo '{"loss": 1}'; cat /dev/zero >"$1/filler"; exit 3""", full), metric="loss",
            mode="min", num_samples=2, max_concurrent_trials=1, expect=1)
        self.assertEqual(experiment.states, ["ERROR"] * 2)
        self.assertEqual(experiment.counts, [1, 1])
        self.assertIn("No space left on device", experiment.read(0, "error.txt"))

    # ---- Nobody knows what is on the disk ----

    def test_fsync_fails(self):
        done = self.pegbox("run", self.spec(python("import os; os.environ.pop('LD_PRELOAD', 0)\n" + SAVES),
                                            name="e", metric="loss", mode="min",
                                            checkpoint={"frequency": 1, "keep": 1}),
                           expect=4, env=dict(LOCKSTEP, **self.preloading(LOST)))
        self.one_line(done, "experiment.db", "Input/output error")
        experiment = self.opened("e")
        self.pegbox("resume", "e")
        self.assertEqual(experiment.states, ["TERMINATED"])
        self.pegbox("checkpoint", "verify", "e")

    # ---- Cannot be written ----

    def test_read_only(self):
        results = self.mount("results", "size=4m")
        experiment = self.run_experiment(
            sh("""echo '{"loss": 1}'; echo '{"loss": 2}'"""), name="e", metric="loss", mode="min")
        self.command(["mount", "-o", "remount,ro", results])
        self.looks(experiment, 2)
        self.one_line(self.pegbox("run", self.spec(sh(":"), name="f"), expect=2),
                      results + "/f", "Read-only file system")
        self.one_line(self.pegbox("rm", "e", expect=4), results + "/e", "Read-only file system")
        self.looks(experiment, 2)
        self.command(["mount", "-o", "remount,rw", results])
        self.pegbox("rm", "e")

    def test_read_only_after_a_kill(self):
        # Its last results are in the WAL, which SQLite cannot read without writing.
        results = self.mount("results", "size=4m")
        process = self.start("run", self.spec(sh("""echo '{"loss": 1}'; sleep 1000"""), name="e",
                                              metric="loss", mode="min"))
        experiment = self.opened("e")
        wait_until(lambda: os.path.exists(os.path.join(results, "e", "experiment.json")) and
                   experiment.counts == [1], 30, "a result")
        self.kill(process)
        self.check_nothing_left()
        os.remove(os.path.join(results, "e", "experiment.db-shm"))
        # What was killed may have its files open for a little longer.
        wait_until(lambda: subprocess.run(["mount", "-o", "remount,ro", results], check=False,
                                          stderr=subprocess.DEVNULL).returncode == 0,
                   30, "read-only")
        for words in (["trials", "e"], ["best", "e"], ["results", "e", "0"], ["export", "e"]):
            self.one_line(self.pegbox(*words, expect=4), results + "/e", "experiment.db-wal")
        self.command(["mount", "-o", "remount,rw", results])
        self.assertEqual(experiment.counts, [1])


if __name__ == "__main__":
    main()
