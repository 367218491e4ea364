#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""checkpoint.path: programs that know nothing of pegbox are saved, and go on where they were."""
import glob
import os
import sqlite3

from pegbox_test import PegboxTest, json_lines, main, sh, wait_until

# Counts in a file that it writes beside and renames; dies once, after step $2. After step $4 it
# waits until the test has seen the copy.
COUNTING = """
cd "$3"; i=0; test -e state/count && i=$(cat state/count)
echo "begins with $i"
while test $i -lt $1; do
    i=$((i + 1)); mkdir -p state; echo $i > state/next; mv state/next state/count
    echo "{\\"loss\\": $i}"
    until test $i != "$4" || test -e copied; do sleep 0.05; done
    if test $i = $2 && ! test -e died; then touch died; exit 3; fi
done
"""


# Before a worker's first archive has its name, the file TORN is made.
TEARS = """#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int
fsync(int fd)
{
    int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    char link[64], path[4096] = "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (readlink(link, path, sizeof path - 1) > 0 && strstr(path, "/.checkpoint_") != NULL)
        close(open(getenv("TORN"), O_CREAT | O_WRONLY, 0666));
    return next(fd);
}
"""


class CheckpointPath(PegboxTest):
    def counting(self, steps=5, die_at=-1, wait_at=-1, **keys):
        trainable = sh(COUNTING, str(steps), str(die_at), "{trial.dir}", str(wait_at))
        return dict({"metric": "loss", "mode": "min", "trainable": trainable}, **keys)

    def run_counting(self, **keys):
        return self.run_experiment(**self.counting(**keys))

    def archives(self, experiment, trial=0):
        return sorted(os.path.basename(path)
                      for path in glob.glob(experiment.dir(trial) + "/checkpoint_*"))

    def copies(self, name):
        """(result, state) of each checkpoint that the driver knows of."""
        path = os.path.join(self.results_dir, name, "experiment.db")
        try:
            with sqlite3.connect("file:%s?mode=ro" % path, uri=True) as store:
                return store.execute("select n, state from checkpoint order by id").fetchall()
        except sqlite3.OperationalError:
            return []  # it is not there yet

    def check_tidy(self, experiment, trial=0):
        self.assertEqual([name for name in os.listdir(experiment.dir(trial)) if name[0] == "."], [])

    def test_at_its_end(self):
        experiment = self.run_counting(checkpoint={"path": "state"})
        self.assertEqual(self.archives(experiment), ["checkpoint_000005.tar"])
        out = self.command(["tar", "xOf", experiment.dir(0) + "/checkpoint_000005.tar",
                            "state/count"]).out
        self.assertEqual(out, "5\n")
        self.check_tidy(experiment)

    def test_when_it_is_stopped(self):
        experiment = self.run_experiment(
            sh('cd "$1"; echo here > state; echo "{\\"loss\\": 1}"; exec sleep 1000', "{trial.dir}"),
            metric="loss", mode="min", checkpoint={"path": "state"},
            stop={"training_iteration": 1})
        self.assertEqual(experiment.states, ["TERMINATED"])
        self.assertEqual(self.archives(experiment), ["checkpoint_000001.tar"])

    def test_a_file_by_template(self):
        experiment = self.run_experiment(
            sh('cd "$1"; mkdir out; echo "$2" > "out/$2.txt"; echo "{\\"loss\\": 1}"', "{trial.dir}",
               "{x}"),
            metric="loss", mode="min", checkpoint={"path": "out/{x}.txt"},
            config={"x": {"$grid_search": ["a", "b"]}})
        for trial, name in enumerate("ab"):
            archive = experiment.dir(trial) + "/checkpoint_000001.tar"
            self.assertEqual(self.command(["tar", "xOf", archive, name + ".txt"]).out, name + "\n")

    def test_it_goes_on_from_the_copy(self):
        # It waits for the copy of step 3, and fails after step 4. An archive that stands there is
        # no copy yet: what moves before it has been looked at once more undoes it.
        process = self.start("run", self.spec(**self.counting(
            die_at=4, wait_at=3, max_failures=1, name="e", trial_dirname="t",
            checkpoint={"path": "state", "frequency": 3})))
        wait_until(lambda: self.copies("e") == [(3, "kept")], 30, "the copy")
        self.write("results/e/t/copied", "")
        done = self.finish(process)
        self.assertEqual(done.status, 0, str(done))
        experiment = self.opened("e", done)
        self.assertEqual(experiment.states, ["TERMINATED"])
        self.assertIn("begins with 0\n", experiment.read(0, "stdout"))
        self.assertIn("begins with 3\n", experiment.read(0, "stdout"))
        self.assertEqual([r["loss"] for r in json_lines(experiment.read(0, "result.json"))],
                         [1, 2, 3, 4, 5])
        self.check_tidy(experiment)

    def test_what_moves_while_it_is_copied(self):
        """Such an archive is gone again, and another one made."""
        env = dict(self.preloading(TEARS), TORN=self.results_dir + "/e/t/state/torn")
        process = self.start("run", self.spec(**self.counting(
            steps=1, wait_at=1, name="e", trial_dirname="t",
            checkpoint={"path": "state", "frequency": 1})), env=env)
        wait_until(lambda: self.copies("e") == [(1, "kept")], 30, "the copy")
        self.write("results/e/t/copied", "")
        done = self.finish(process)
        self.assertEqual(done.status, 0, str(done))
        experiment = self.opened("e", done)
        archive, = self.archives(experiment)
        self.assertIn("state/torn", self.command(
            ["tar", "tf", os.path.join(experiment.dir(0), archive)]).out.split())
        self.assertEqual(self.copies("e"), [(1, "kept")])
        self.check_tidy(experiment)

    def test_without_a_copy_it_begins_anew(self):
        experiment = self.run_counting(die_at=4, max_failures=1, checkpoint={"path": "state"})
        self.assertEqual(experiment.states, ["TERMINATED"])
        self.assertEqual(experiment.read(0, "stdout").count("begins with 0\n"), 2)
        self.assertEqual([r["loss"] for r in json_lines(experiment.read(0, "result.json"))],
                         [1, 2, 3, 4, 5])

    def test_nothing_is_there(self):
        experiment = self.run_counting(checkpoint={"path": "other", "frequency": 1})
        self.assertEqual(experiment.states, ["TERMINATED"])
        self.assertEqual(self.archives(experiment), [])
        self.assertEqual(experiment.done.err.count("nothing stands at other"), 1)

    def test_links_lead_nowhere(self):
        experiment = self.run_experiment(
            sh('cd "$1"; ln -s /etc state; echo "{\\"loss\\": 1}"', "{trial.dir}"),
            metric="loss", mode="min", checkpoint={"path": "state"})
        self.assertEqual(self.archives(experiment), [])
        self.assertIn("leads through a symbolic link", experiment.done.err)

    def test_what_cannot_be_packed(self):
        experiment = self.run_experiment(
            sh('cd "$1"; mkdir state; mkfifo state/pipe; echo "{\\"loss\\": 1}"', "{trial.dir}"),
            metric="loss", mode="min", checkpoint={"path": "state"})
        self.assertEqual(experiment.states, ["TERMINATED"])
        self.assertEqual(self.archives(experiment), [])
        self.assertIn("no checkpoint was made: ", experiment.done.err)

    def test_a_path_that_leads_out(self):
        experiment = self.run_experiment(
            sh('echo "{\\"loss\\": 1}"'), metric="loss", mode="min", expect=1,
            checkpoint={"path": "{x}"}, config={"x": {"$choice": ["../../other"]}})
        self.assertIn("checkpoint.path", experiment.trials[0]["error"])


if __name__ == "__main__":
    main()
