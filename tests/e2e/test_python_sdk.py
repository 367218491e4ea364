#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""pegbox.py in a trial, in a bare Python, and alone."""
import os

from pegbox_test import PYTHON, SOURCE, PegboxTest, main

SCRIPT = """
import os, pegbox
config = pegbox.config({"lr": 0.1, "net": {"units": 8, "deep": True}})
print("config", config["lr"], config["net"]["units"], config["net"]["deep"])
try:
    for step in range(5):
        pegbox.report({"loss": config["lr"] + step}, step=step)
finally:
    open(os.environ.get("PEGBOX_TRIAL_DIR", ".") + "/cleaned", "w").close()
print("the end")
"""


class PythonSdk(PegboxTest):
    def run_script(self, text=SCRIPT, python=PYTHON, expect=0, **keys):
        keys = dict({"metric": "loss", "mode": "min", "config": {"lr": 3, "net": {"units": 4}}},
                    **keys)
        self.write("train.py", text)
        return self.run_experiment({"plugin": "exec", "command": [python, "train.py"]},
                                   expect=expect, **keys)

    def test_config_and_report(self):
        experiment = self.run_script()
        self.assertEqual(experiment.states, ["TERMINATED"])
        self.assertEqual([(r["loss"], r["step"]) for r in experiment.results(0)],
                         [(3 + i, i) for i in range(5)])
        output = experiment.read(0, "stdout")
        self.assertIn("config 3 4 True", output)
        self.assertIn("the end", output)

    def test_stop_ends_the_program_from_within_report(self):
        # In lockstep: else it may be at its end before it is told.
        experiment = self.run_script(stop={"training_iteration": 2},
                                     environ={"PEGBOX_RESULT_BUFFER_LENGTH": "0"})
        self.assertEqual(experiment.states, ["TERMINATED"])
        self.assertEqual(experiment.counts, [2])
        self.assertTrue(os.path.exists(experiment.dir(0) + "/cleaned"))
        self.assertNotIn("the end", experiment.read(0, "stdout"))
        self.assertFalse(os.path.exists(experiment.dir(0) + "/stderr"))

    def test_stop_is_a_system_exit(self):
        experiment = self.run_script("""
import pegbox
try:
    while True:
        pegbox.report(loss=1.0)
except Exception:
    print("caught by mistake")
except pegbox.Stop as stop:
    print("stopped", isinstance(stop, SystemExit))
""", stop={"training_iteration": 3})
        self.assertEqual(experiment.read(0, "stdout"), "stopped True\n")
        self.assertEqual(experiment.counts, [3])

    def test_a_metric_that_is_a_text(self):
        experiment = self.run_script("import pegbox\npegbox.report(loss='abc')\n", expect=1)
        self.assertIn('result 1: "loss" is a text, not a number; it reported {"loss":"abc"}',
                      experiment.trials[0]["error"])

    def test_not_a_number(self):
        experiment = self.run_script("import pegbox\npegbox.report(loss=float('nan'), b=float('inf'))")
        result, = experiment.results(0)
        self.assertEqual((result["loss"], result["b"]), ("NaN", "Infinity"))

    def test_what_cannot_be_sent(self):
        experiment = self.run_script("import pegbox\npegbox.report(loss=object())", expect=1)
        self.assertIn("loss", experiment.trials[0]["error"] + experiment.read(0, "stderr"))

    def test_a_bare_number(self):
        experiment = self.run_script("import pegbox\npegbox.report(0.5)", expect=1)
        self.assertIn("name each metric: pegbox.report(loss=0.5)", experiment.trials[0]["error"])

    def test_report_without_the_metric(self):
        experiment = self.run_script("import pegbox\npegbox.report(lss=1)", expect=1)
        self.assertEqual(experiment.states, ["ERROR"])
        self.assertIn("loss", experiment.trials[0]["error"])
        self.run_script("import pegbox\npegbox.report(lss=1)",
                        environ={"PEGBOX_DISABLE_STRICT_METRIC_CHECKING": "1"})

    def test_in_a_virtual_environment(self):
        self.command([PYTHON, "-m", "venv", "--without-pip", self.dir + "/venv"])
        experiment = self.run_script(python=self.dir + "/venv/bin/python")
        self.assertEqual(experiment.counts, [5])

    def test_isolated_paths_of_the_user_are_kept(self):
        os.mkdir(self.dir + "/mine")
        self.write("mine/helper.py", "value = 5\n")
        experiment = self.run_script("import helper, pegbox\npegbox.report(loss=helper.value)",
                                     environ={"PYTHONPATH": self.dir + "/mine"})
        self.assertEqual(experiment.results(0)[0]["loss"], 5)

    def test_alone(self):
        self.write("train.py", SCRIPT)
        done = self.command([PYTHON, "train.py"],
                            env={"PYTHONPATH": os.path.join(SOURCE, "sdk", "python")})
        self.assertIn("config 0.1 8 True", done.out)
        self.assertIn("0.1", done.out)
        self.assertIn("the end", done.out)

    def test_ten_reports_of_many_trials(self):
        experiment = self.run_script(num_samples=4, resources={"cpu": 0.25})
        self.assertEqual(experiment.counts, [5] * 4)


if __name__ == "__main__":
    main()
