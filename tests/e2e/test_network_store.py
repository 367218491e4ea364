#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""On a network file system the store has a rollback journal, only the driver writes it, and one line
says so. A preloaded statfs tells pegbox that all is NFS."""
import os
import sqlite3

from pegbox_test import PegboxTest, main, sh

STATFS = """#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/vfs.h>
int
statfs(const char *path, struct statfs *info)
{
    int (*real)(const char *, struct statfs *) = dlsym(RTLD_NEXT, "statfs");
    int status = real(path, info);
    info->f_type = 0x6969;
    return status;
}
int
statfs64(const char *path, struct statfs64 *info)
{
    int (*real)(const char *, struct statfs64 *) = dlsym(RTLD_NEXT, "statfs64");
    int status = real(path, info);
    info->f_type = 0x6969;
    return status;
}
"""


class NetworkStore(PegboxTest):
    def test_rollback_journal(self):
        self.env.update(self.preloading(STATFS))
        # The program looks at what lies beside the store while the driver writes it.
        experiment = self.run_experiment(
            sh("""for i in 1 2 3; do echo '{"loss": '$i'}'; ls "$1"/.. >>"$2"; sleep 0.1; done""",
               "{trial.dir}", os.path.join(self.dir, "seen")), name="e", metric="loss", mode="min",
            num_samples=3)
        self.assertEqual(experiment.states, ["TERMINATED"] * 3)
        self.assertEqual(experiment.counts, [3] * 3)
        told = [line for line in experiment.done.err.splitlines() if "network file system" in line]
        self.assertEqual(len(told), 1, str(experiment.done))
        self.assertIn("rollback journal", told[0])
        with open(os.path.join(self.dir, "seen"), encoding="utf-8") as file:
            seen = file.read()
        self.assertNotIn("experiment.db-wal", seen)
        self.assertNotIn("experiment.db-shm", seen)
        store = sqlite3.connect(os.path.join(experiment.path, "experiment.db"))
        self.assertNotEqual(store.execute("PRAGMA journal_mode").fetchone(), ("wal",))
        store.close()
        # Readers write nothing.
        path = os.path.join(experiment.path, "experiment.db")
        before = os.stat(path).st_mtime_ns, sorted(os.listdir(experiment.path))
        for words in (["trials", "e"], ["best", "e"], ["results", "e", "0"], ["export", "e"]):
            self.pegbox(*words)
        self.assertEqual((os.stat(path).st_mtime_ns, sorted(os.listdir(experiment.path))), before)

    def test_a_local_one_has_a_wal(self):
        experiment = self.run_experiment(sh(":"), name="e")
        self.assertNotIn("network file system", experiment.done.err)
        store = sqlite3.connect(os.path.join(experiment.path, "experiment.db"))
        self.assertEqual(store.execute("PRAGMA journal_mode").fetchone(), ("wal",))
        store.close()


if __name__ == "__main__":
    main()
