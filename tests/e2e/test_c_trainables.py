#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trainables in C: the examples of sdk/examples build against the installed files alone, run in
function and in class form, and one that misbehaves fails its own trial and nothing else (each
test's own clean-up looks for processes left behind)."""
import os
import shutil

from pegbox_test import SOURCE, PegboxTest, main

FOLDER = os.path.join(SOURCE, "sdk", "examples", "trainable")


class CTrainables(PegboxTest):
    def build(self, name):
        """From a directory of its own, so that nothing else of the source tree is included."""
        copy = os.path.join(self.dir, "outside", name + ".c")
        os.makedirs(os.path.dirname(copy), exist_ok=True)
        shutil.copy(os.path.join(FOLDER, name + ".c"), copy)
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(copy, "trainable", name)

    def pids(self, experiment):
        return [experiment.results(i)[-1]["pid"] for i in range(len(experiment.trials))]

    # ---- Function form ----

    def test_function_form(self):
        self.build("descent")
        experiment = self.run_experiment(
            {"plugin": "descent", "steps": 30}, metric="loss", mode="min", num_samples=6, seed=1,
            config={"rate": {"$loguniform": [1e-5, 1e-3]},
                    "momentum": {"$choice": [0, 0.5, 0.9]}}, max_concurrent_trials=1)
        self.assertEqual(experiment.states, ["TERMINATED"] * 6)
        self.assertEqual(experiment.counts, [30] * 6)
        self.assertLess(experiment.command("best", "--json").json["loss"], 4.2)
        self.assertEqual(experiment.results(0)[-1]["training_iteration"], 30)
        # It says that it may run again and again: one process for all.
        self.assertEqual(len(set(self.pids(experiment))), 1)

    def test_function_form_stops(self):
        self.build("descent")
        experiment = self.run_experiment(
            {"plugin": "descent", "steps": 1000000}, metric="loss", mode="min",
            config={"rate": 1e-4, "momentum": 0}, stop={"training_iteration": 3})
        self.assertEqual(experiment.states, ["TERMINATED"])
        self.assertEqual(experiment.counts, [3])

    def test_config_that_it_refuses(self):
        self.build("descent")
        experiment = self.run_experiment("descent", config={"rate": "fast", "momentum": 0},
                                         metric="loss", mode="min", expect=1)
        self.assertEqual(experiment.trials[0]["error"],
                         "config: rate and momentum must be numbers")

    def test_options_are_checked(self):
        self.build("descent")
        self.refused({"trainable": {"plugin": "descent", "steps": 0}}, "steps")
        self.refused({"trainable": {"plugin": "descent", "stepz": 1}}, "did you mean")

    # ---- Class form ----

    def test_class_form(self):
        self.build("logistic")
        experiment = self.run_experiment(
            {"plugin": "logistic", "epochs": 5}, metric="accuracy", mode="max", num_samples=4,
            config={"rate": {"$loguniform": [1e-3, 1]}, "l2": {"$loguniform": [1e-6, 1]}}, seed=1)
        self.assertEqual(experiment.states, ["TERMINATED"] * 4)
        self.assertEqual(experiment.counts, [5] * 4)
        self.assertGreater(experiment.command("best", "--json").json["accuracy"], 0.7)

    def test_class_form_stops(self):
        self.build("logistic")
        experiment = self.run_experiment(
            {"plugin": "logistic", "epochs": 1000000}, metric="loss", mode="min",
            config={"rate": 0.1, "l2": 0}, stop={"training_iteration": 4})
        self.assertEqual(experiment.states, ["TERMINATED"])
        self.assertEqual(experiment.counts, [4])

    def test_scheduler_stops_some(self):
        self.build("logistic")
        experiment = self.run_experiment(
            {"plugin": "logistic", "epochs": 9}, metric="loss", mode="min", num_samples=12, seed=1,
            config={"rate": {"$loguniform": [1e-6, 1]}, "l2": 0}, max_concurrent_trials=1,
            scheduler={"plugin": "asha", "max_t": 9, "grace_period": 1, "reduction_factor": 3})
        self.assertEqual(experiment.states, ["TERMINATED"] * 12)
        self.assertIn(9, experiment.counts)
        self.assertIn(1, experiment.counts)

    # ---- Output ----

    def test_output_is_the_trials(self):
        self.build("misbehave")
        experiment = self.run_experiment({"plugin": "misbehave", "how": "chatty"}, metric="loss",
                                         mode="min")
        self.assertEqual(experiment.states, ["TERMINATED"])
        self.assertEqual(experiment.read(0, "stderr"), "about to misbehave\n")
        self.assertEqual(len(experiment.read(0, "stdout").splitlines()), 100000)

    # ---- Misbehaviour ----

    def fails(self, how, message):
        experiment = self.run_experiment({"plugin": "misbehave", "how": how}, name=how,
                                         metric="loss", mode="min", expect=1)
        self.assertEqual(experiment.states, ["ERROR"])
        error = experiment.trials[0]["error"]
        self.assertIn(message, error)
        self.assertNotIn("\n", error)
        self.assertIn(message, experiment.read(0, "error.txt"))
        return experiment

    def test_ends_its_process(self):
        self.build("misbehave")
        self.fails("crash", "its worker was killed by signal 11 (Segmentation fault)")
        self.assertIn("about to misbehave", self.opened("crash").read(0, "error.txt"))
        self.assertEqual(self.opened("crash").counts, [1])
        self.fails("abort", "its worker was killed by signal 6 (Aborted)")
        self.fails("exit", "its worker ended with status 3 before the trial did")

    def test_takes_too_much_memory(self):
        self.build("misbehave")
        experiment = self.run_experiment(
            {"plugin": "misbehave", "how": "greedy"}, metric="loss", mode="min", expect=1,
            limits={"memory": "190MiB"})
        self.assertEqual(experiment.states, ["ERROR"])
        self.assertRegex(experiment.trials[0]["error"], r"used [0-9.]+ MiB of memory, limits.memory")
        self.assertEqual(experiment.counts, [1])

    def test_breaks_its_channel(self):
        self.build("misbehave")
        self.fails("close", "its worker ended with status")
        self.fails("scribble", "not the worker protocol")

    def test_fails(self):
        self.build("misbehave")
        self.fails("error", "disk: two lines: of an error")
        self.fails("mute", "the trainable failed with EINVAL, and gave no reason")
        self.fails("status", "the trainable failed with an unknown status, and gave no reason")
        self.fails("gives-up", "the trainable gave up without being asked to stop")
        self.fails("create", "cannot be made")

    def test_reports_nonsense(self):
        self.build("misbehave")
        self.fails("silent", "it ended well, but reported nothing, no \"loss\"")
        self.fails("lost", "no \"loss\"")
        self.fails("nonsense", "a report's extra fields cannot be read")
        self.fails("nameless", "a field without a name")

    def test_leaves_children(self):
        self.build("misbehave")
        experiment = self.run_experiment({"plugin": "misbehave", "how": "children"},
                                         metric="loss", mode="min")
        self.assertEqual(experiment.states, ["TERMINATED"])

    def test_hangs_after_stop(self):
        self.build("misbehave")
        for how in ("hang", "deaf"):
            experiment = self.run_experiment(
                {"plugin": "misbehave", "how": how}, name=how, metric="loss", mode="min",
                stop={"training_iteration": 1},
                environ={"PEGBOX_FUNCTION_THREAD_TIMEOUT_S": "0.1"})
            self.assertEqual(experiment.states, ["TERMINATED"])
            self.assertEqual(experiment.counts, [1])

    def test_others_go_on(self):
        self.build("misbehave")
        experiment = self.run_experiment({"plugin": "misbehave", "how": "crash"}, metric="loss",
                                         mode="min", num_samples=4, fail_fast=False,
                                         max_failures=1, expect=1)
        self.assertEqual(experiment.states, ["ERROR"] * 4)
        self.assertEqual([trial["attempts"] for trial in experiment.trials], [2] * 4)


if __name__ == "__main__":
    main()
