#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What stands in requests/ and is no request does the driver no harm; a file system where only the
driver may write."""
import json
import os
import shutil
import signal
import sqlite3
import time

from pegbox_test import PegboxTest, main, python, read_text, wait_until

# Reports until there is a file `gate`.
TRIAL = """import json, os, sys, time
i = 0
while i == 0 or not os.path.exists(sys.argv[1]):
    i += 1
    print(json.dumps({"loss": i}), flush=True)
    time.sleep(0.01)"""
# Reports once, and waits for that file.
QUIET = """import os, sys, time
print('{"loss": 1}', flush=True)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.05)"""
# A file system that the store takes for a network's, and that has no FIFOs.
NETWORK = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <sys/stat.h>
#include <sys/vfs.h>
int
mkfifoat(int fd, const char *path, mode_t mode)
{
    (void)fd, (void)path, (void)mode;
    errno = EPERM;
    return -1;
}
int
statfs64(const char *path, struct statfs64 *info)
{
    (void)path;
    *info = (struct statfs64){.f_type = 0x6969};
    return 0;
}
int
statfs(const char *path, struct statfs *info)
{
    (void)path;
    *info = (struct statfs){.f_type = 0x6969};
    return 0;
}
"""


class Hostile(PegboxTest):
    def setUp(self):
        super().setUp()
        self.gate = os.path.join(self.dir, "gate")
        self.requests = os.path.join(self.results_dir, "e", "requests")

    def begin(self, trial=TRIAL, **options):
        process = self.start("run", self.spec(
            python(trial, self.gate), name="e", metric="loss", mode="min", num_samples=2,
            config={"x": {"$uniform": [0, 1]}}, max_concurrent_trials=1), **options)
        self.wait_for_results(0)
        return process

    def n_results(self):
        done = self.pegbox("trials", "e", "--json", expect=None)
        return done.json[0]["results"] if done.status == 0 and done.json else -1

    def wait_for_results(self, more_than):
        wait_until(lambda: self.n_results() > more_than, 30, "results")

    def finish_run(self, process):
        with open(self.gate, "w", encoding="utf-8"):
            pass
        done = self.finish(process)
        self.assertEqual(done.status, 0, str(done))
        return done

    def put(self, name, text):
        """Writes a request as any program may."""
        path = os.path.join(self.requests, name)
        with open(path + ".half", "w", encoding="utf-8") as file:
            file.write(text if isinstance(text, str) else json.dumps(text))
        os.rename(path + ".half", path)

    def answer(self, name):
        path = os.path.join(self.requests, name)
        wait_until(lambda: os.path.exists(path), 30, name)
        answer = json.loads(read_text(path))
        os.remove(path)
        return answer

    def test_files_of_all_kinds(self):
        process = self.begin()
        os.mkfifo(os.path.join(self.requests, "fifo.json"))
        os.symlink("/etc/passwd", os.path.join(self.requests, "link.json"))
        os.makedirs(os.path.join(self.requests, "full.json", "inner"))
        with open(os.path.join(self.requests, "huge.json"), "wb") as file:
            file.truncate(1 << 40)
        with open(os.path.join(self.requests, "binary.json"), "wb") as file:
            file.write(bytes(range(256)))
        self.put("name\n\x1b[31m.json", "[")
        self.put("deep.json", '{"request": "enqueue", "config": ' + "[" * 100000)
        for i in range(300):
            self.put("many-%d.json" % i, "{")
        self.assertIn("error", self.answer("deep.answer"))
        # It is heard, and trials go on.
        self.pegbox("enqueue", "e", '{"x": 0.5}')
        self.wait_for_results(self.n_results())
        done = self.finish_run(process)
        lines = [line for line in done.err.splitlines() if "requests/" in line]
        self.assertLessEqual(len(lines), 21, done.err)
        self.assertNotIn("\x1b", done.err)
        self.assertIn("more files are no requests", lines[-1])
        self.assertEqual(len(self.opened("e").trials), 3)

    def test_requests_of_all_kinds(self):
        process = self.begin()
        for name in ("stop", "void", "tell", "enqueue", "nothing"):
            for i, members in enumerate((
                    {"trial": 7}, {"trial": None}, {"trial": []}, {"trial": {}}, {"trial": "-1"},
                    {"trial": "99999999999999999999"}, {"trial": "\u202e\x1b[31m"},
                    {"trial": "1" * 100000}, {"config": None}, {"config": {"x": [1] * 1000}},
                    {"config": {"x": 1e999}}, {"config": {"": {"": {}}}}, {"config": "x"},
                    {"config": {"x." * 1000: 1}}, {"config": {"[[[": 1, "..": 2}},
                    {"trial": "99", "result": [[]], "failed": {}, "intermediate": []})):
                if name == "stop" and "trial" not in members:
                    continue
                self.put("r.json", dict(members, request=name))
                answer = self.answer("r.answer")
                self.assertTrue("error" in answer or "refused" in answer, (name, i, answer))
        self.put("r.json", {"request": "nothing\nat all"})
        self.assertEqual(self.answer("r.answer"), {"error": "there is no request 'nothing at all'"})
        self.put("r.json", {"request": ["stop"]})
        self.assertIn("error", self.answer("r.answer"))
        self.put("r.json", {"request": "stop", "trial": "0", "driver": "elsewhere 1"})
        self.assertIn("a driver that has ended", self.answer("r.answer")["error"])
        self.wait_for_results(self.n_results())
        # By hand it takes no more than this.
        self.put("r.json", {"request": "stop", "trial": "0"})
        answer = self.answer("r.answer")
        self.assertEqual((answer["ok"], answer["trial"]), (True, 0))
        self.finish_run(process)

    def test_no_folder(self):
        process = self.begin()
        shutil.rmtree(self.requests)
        wait_until(lambda: os.path.isdir(self.requests), 30, "a new one")
        self.pegbox("stop", "e", "0")
        os.rename(self.requests, self.requests + ".old")
        os.symlink(self.dir, self.requests)
        self.assertIn("takes no requests", self.pegbox("stop", "e", "1", expect=4).err)
        os.remove(self.requests)
        wait_until(lambda: os.path.isdir(self.requests), 30, "a new one")
        self.pegbox("stop", "e", "1")
        self.finish_run(process)

    def test_a_folder_that_cannot_be(self):
        os.makedirs(os.path.join(self.results_dir, "e"))
        self.write("results/e/requests", "")
        process = self.begin()
        self.assertIn("takes no requests", self.pegbox("stop", "e", "1", expect=4).err)
        done = self.finish_run(process)
        self.assertIn("warning: runner: %s: " % self.requests, done.err)

    def test_two_drivers_and_one_command(self):
        # Whoever writes without a driver keeps none out for long.
        process = self.begin()
        done = self.pegbox("run", self.spec(python(TRIAL, self.gate), name="e"), expect=2)
        self.assertIn("already", done.err)
        process.send_signal(signal.SIGKILL)
        self.finish(process)
        self.pegbox("stop", "e", "0")
        self.assertEqual(self.opened("e").states[0], "TERMINATED")

    def network(self):
        """The environment of such a file system."""
        return self.preloading(NETWORK)

    def test_no_answer_before_the_commit(self):
        # There a reader keeps the driver from committing, not from deciding.
        process = self.begin(QUIET, env=self.network())
        store = sqlite3.connect(os.path.join(self.results_dir, "e", "experiment.db"),
                                isolation_level=None)
        store.execute("BEGIN")
        store.execute("SELECT * FROM trial").fetchone()
        self.put("r.json", {"request": "stop", "trial": "0"})
        time.sleep(1)
        self.assertFalse(os.path.exists(os.path.join(self.requests, "r.answer")))
        store.close()
        self.assertTrue(self.answer("r.answer")["ok"])
        self.assertEqual(self.opened("e").trials[0]["outcome"], "stopped")
        self.finish_run(process)

    def test_network_file_system(self):
        env = self.network()
        process = self.begin(env=env)
        # Through the driver all is as elsewhere.
        self.pegbox("enqueue", "e", '{"x": 0.5}', env=env)
        self.pegbox("stop", "e", "1", env=env)
        done = self.finish_run(process)
        self.assertIn("on a network file system", done.err)
        for words in (["stop", "e"], ["stop", "e", "0"], ["void", "e", "0"],
                      ["enqueue", "e", "{}"]):
            done = self.pegbox(*words, env=env, expect=2)
            self.assertEqual(done.err, "pegbox: error: %s is on a network file system, where only a "
                             "driver writes the store; it has none\n" % os.path.dirname(self.requests))
        self.assertNotIn("void", [row["outcome"] for row in self.opened("e").trials])


if __name__ == "__main__":
    main()
