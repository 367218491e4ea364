#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checkpoints of a script that uses pegbox.py: made when they are due, gone on from, and what
becomes of those that nobody finishes."""
import glob
import os
import signal
import sqlite3

from pegbox_test import PYTHON, SOURCE, PegboxTest, json_lines, main, read_text, wait_until

# Its state is all that it has done: each step adds its number to a list.
SCRIPT = """
import json, os, pegbox
config = pegbox.config({"steps": 6, "die_at": -1})
done = []
if pegbox.restored():
    done = json.load(open(pegbox.restored() + "/done"))
print("begins with", done, flush=True)
while len(done) < config["steps"]:
    if len(done) == config["die_at"] and not os.path.exists("died-%d" % len(done)):
        open("died-%d" % len(done), "w").close()
        os.abort()
    done.append(len(done))
    pegbox.report(loss=1.0 / len(done), done_steps=len(done))
    if pegbox.should_save():
        with pegbox.checkpoint_dir() as folder:
            json.dump(done, open(folder + "/done", "w"))
"""


class CheckpointPython(PegboxTest):
    def run_script(self, text=SCRIPT, **keys):
        self.write("train.py", text)
        return self.run_experiment(
            {"plugin": "exec", "command": [PYTHON, self.dir + "/train.py"]},
            **dict({"metric": "loss", "mode": "min", "cwd": "{trial.dir}"}, **keys))

    def archives(self, experiment, trial=0):
        return sorted(os.path.basename(path)
                      for path in glob.glob(experiment.dir(trial) + "/checkpoint_*"))

    def check_tidy(self, experiment, trial=0):
        self.assertEqual([name for name in os.listdir(experiment.dir(trial)) if name[0] == "."], [])

    def shown(self, experiment, trial=0):
        """(iteration, done) of what the loggers were given."""
        return [(r["training_iteration"], r["done_steps"])
                for r in json_lines(experiment.read(trial, "result.json"))]

    def rows(self, experiment, query):
        with sqlite3.connect("file:%s/experiment.db?mode=ro" % experiment.path, uri=True) as store:
            return store.execute(query).fetchall()

    def test_made_at_the_frequency(self):
        experiment = self.run_script(checkpoint={"frequency": 2})
        self.assertEqual(self.archives(experiment),
                         ["checkpoint_%06d.tar" % step for step in (2, 4, 6)])
        self.assertEqual(self.rows(experiment, "select n, step, state from checkpoint order by id"),
                         [(2, 2, "kept"), (4, 4, "kept"), (6, 6, "kept")])
        self.check_tidy(experiment)
        out = self.command(["tar", "xOf", experiment.dir(0) + "/checkpoint_000004.tar", "done"]).out
        self.assertEqual(out, "[0, 1, 2, 3]")

    def test_compressed(self):
        experiment = self.run_script(checkpoint={"frequency": 6, "compression": "zstd"})
        self.assertEqual(self.archives(experiment), ["checkpoint_000006.tar.zst"])

    def test_it_goes_on_after_its_death(self):
        plain = self.run_script(checkpoint={"frequency": 2})
        experiment = self.run_script(checkpoint={"frequency": 2}, max_failures=1,
                                     config={"die_at": 5})
        self.assertEqual(experiment.states, ["TERMINATED"])
        self.assertIn("begins with []\nbegins with [0, 1, 2, 3]\n", experiment.read(0, "stdout"))
        # Each result once, as if nothing had been.
        self.assertEqual(self.shown(experiment), [(i, i) for i in range(1, 7)])
        self.assertEqual(self.shown(experiment), self.shown(plain))
        self.assertEqual(experiment.results(0)[-1]["iterations_since_restore"], 2)
        self.check_tidy(experiment)

    def test_without_a_checkpoint_it_begins_anew(self):
        experiment = self.run_script(max_failures=1, config={"die_at": 3})
        self.assertEqual(experiment.states, ["TERMINATED"])
        self.assertIn("begins with []\nbegins with []\n", experiment.read(0, "stdout"))
        self.assertEqual(self.shown(experiment), [(i, i) for i in range(1, 7)])

    def test_a_damaged_one_is_passed_over(self):
        # The script damages the newest itself, then dies.
        text = SCRIPT.replace("os.abort()", """newest = max(glob.glob("checkpoint_*"))
        with open(newest, "r+b") as file:
            file.seek(600)
            file.write(b"damage")
        os.abort()""").replace("import json", "import glob, json")
        experiment = self.run_script(text, checkpoint={"frequency": 1}, max_failures=1,
                                     config={"die_at": 4})
        self.assertEqual(experiment.states, ["TERMINATED"])
        self.assertIn("begins with [0, 1, 2]\n", experiment.read(0, "stdout"))
        self.assertIn("checkpoint_000004.tar", experiment.done.err)
        self.assertEqual(self.rows(experiment, "select name from checkpoint where state='damaged'"),
                         [("checkpoint_000004.tar",)])
        # The step is saved again, and not under the same name.
        self.assertIn("checkpoint_000004_2.tar", self.archives(experiment))
        self.assertEqual(self.shown(experiment), [(i, i) for i in range(1, 7)])

    def test_saved_at_the_end_that_a_stop_makes(self):
        experiment = self.run_script(checkpoint={"at_end": True}, config={"steps": 1000},
                                     stop={"training_iteration": 3})
        self.assertEqual(experiment.states, ["TERMINATED"])
        self.assertEqual(experiment.counts, [3])
        self.assertEqual(self.archives(experiment), ["checkpoint_000003.tar"])
        self.assertFalse(os.path.exists(experiment.dir(0) + "/stderr"))

    def test_interrupted_between_two_reports(self):
        """It makes its next report, is saved, and goes on as if nothing had been."""
        text = SCRIPT.replace("    done.append(len(done))", """
    if len(done) == 3 and not os.path.exists("waits"):
        open("waits", "w").close()
        while not os.path.exists("go"):
            pass
    done.append(len(done))""")
        keys = dict(checkpoint={"frequency": 100}, trial_dirname="t", name="e")
        self.write("train.py", text)
        # In lockstep: what is reported then is answered by a driver that knows.
        with open(self.dir + "/errors", "w") as errors:
            process = self.start("run", self.spec(
                {"plugin": "exec", "command": [PYTHON, self.dir + "/train.py"]}, metric="loss",
                mode="min", cwd="{trial.dir}", **keys), stderr=errors,
                env={"PEGBOX_FUNCTION_THREAD_TIMEOUT_S": "60", "PEGBOX_RESULT_BUFFER_LENGTH": "0"})
        trial = self.results_dir + "/e/t"
        wait_until(lambda: os.path.exists(trial + "/waits"), 30, "the trial waits")
        process.send_signal(signal.SIGINT)
        wait_until(lambda: read_text(self.dir + "/errors") != "", 30, "the driver's word")
        open(trial + "/go", "w").close()
        done = self.finish(process)
        self.assertEqual(done.status, 130, str(done))
        experiment = self.opened("e", done)
        self.assertEqual(self.archives(experiment), ["checkpoint_000004.tar"])
        self.pegbox("resume", "e")
        self.assertEqual(experiment.states, ["TERMINATED"])
        self.assertIn("begins with [0, 1, 2, 3]\n", experiment.read(0, "stdout"))
        self.assertEqual(self.shown(experiment), [(i, i) for i in range(1, 7)])

    def test_a_step_of_its_own(self):
        experiment = self.run_script("""
import pegbox
for step in (10, 20):
    pegbox.report(loss=step)
    with pegbox.checkpoint_dir(step * 100) as folder:
        open(folder + "/x", "w").close()
    with pegbox.checkpoint_dir(step=step * 100) as folder:
        pass
""")
        self.assertEqual(self.archives(experiment),
                         ["checkpoint_001000.tar", "checkpoint_001000_2.tar",
                          "checkpoint_002000.tar", "checkpoint_002000_2.tar"])
        self.assertEqual(self.rows(experiment, "select n, iteration, step from checkpoint order by id"),
                         [(1, 1, 1000), (1, 1, 1000), (2, 2, 2000), (2, 2, 2000)])

    def test_an_exception_inside(self):
        experiment = self.run_script("""
import os, pegbox
pegbox.report(loss=1)
try:
    with pegbox.checkpoint_dir() as folder:
        open(folder + "/x", "w").close()
        raise KeyError("x")
except KeyError:
    print("left", os.path.exists(folder))
pegbox.report(loss=2)
""")
        self.assertEqual(self.archives(experiment), [])
        self.assertEqual(experiment.read(0, "stdout"), "left False\n")

    def test_death_inside(self):
        experiment = self.run_script("""
import os, pegbox
pegbox.report(loss=1)
with pegbox.checkpoint_dir() as folder:
    open(folder + "/x", "w").close()
    os.kill(os.getpid(), 9)
""", expect=1)
        self.assertEqual(self.archives(experiment), [])
        self.check_tidy(experiment)

    def test_one_at_a_time(self):
        experiment = self.run_script("""
import pegbox
pegbox.report(loss=1)
with pegbox.checkpoint_dir() as folder:
    try:
        with pegbox.checkpoint_dir() as other:
            pass
    except RuntimeError as error:
        print(error)
""")
        self.assertIn("a checkpoint is being made already", experiment.read(0, "stdout"))
        self.assertEqual(self.archives(experiment), ["checkpoint_000001.tar"])

    def test_a_result_asks_for_one(self):
        experiment = self.run_script("""
import pegbox
for step in range(4):
    pegbox.report(loss=step, should_checkpoint=step == 2)
    print(pegbox.should_save())
    if pegbox.should_save():
        with pegbox.checkpoint_dir() as folder:
            pass
        print(pegbox.should_save())
""")
        self.assertEqual(experiment.read(0, "stdout").split(),
                         ["False", "False", "True", "False", "False"])
        self.assertEqual(self.archives(experiment), ["checkpoint_000003.tar"])

    def test_a_script_that_never_saves_is_stopped_at_once(self):
        experiment = self.run_script("""
import pegbox, time
while True:
    pegbox.report(loss=1)
    print("went on")
""", checkpoint={"at_end": True}, stop={"training_iteration": 1})
        self.assertEqual(experiment.states, ["TERMINATED"])
        self.assertFalse(os.path.exists(experiment.dir(0) + "/stdout"))

    def test_alone(self):
        self.write("train.py", """
import os, pegbox
assert pegbox.restored() is None
pegbox.report(loss=1)
assert not pegbox.should_save()
with pegbox.checkpoint_dir(5) as folder:
    open(folder + "/x", "w").close()
print(os.path.exists(folder), folder.startswith(os.environ["TMPDIR"]))
try:
    pegbox.checkpoint_dir(-1)
except ValueError as error:
    print(error)
""")
        os.mkdir(self.dir + "/tmp")
        done = self.command([PYTHON, "train.py"], env={
            "PYTHONPATH": os.path.join(SOURCE, "sdk", "python"), "TMPDIR": self.dir + "/tmp"})
        self.assertIn("False True", done.out)
        self.assertIn("step is to be a whole number from 0, not -1", done.out)
        self.assertEqual(os.listdir(self.dir + "/tmp"), [])


if __name__ == "__main__":
    main()
