#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Exit statuses of `pegbox run` (130 is in test_sigint, 3 in test_loader)."""
import os
import resource

from pegbox_test import PegboxTest, main, python, sh, wait_until


class ExitStatuses(PegboxTest):
    def test_0_every_trial_terminated(self):
        self.run_experiment(sh(":"), num_samples=2, expect=0)

    def test_0_for_an_exit_status_alone(self):
        # "The last word without any report is the exit status."
        experiment = self.run_experiment(sh("echo hello"))
        self.assertEqual(experiment.states, ["TERMINATED"])

    def test_1_some_trial_failed(self):
        self.run_experiment(sh("exit $1", "{x}"), config={"x": {"$grid_search": [0, 1]}}, expect=1)

    def test_2_bad_file(self):
        self.refused({"trainable": sh(":"), "num_sample": 1}, "did you mean", command="run")
        self.pegbox("run", "no-such-file.json", expect=2)
        self.pegbox("run", expect=2)
        self.pegbox("run", "--no-such-option", "a.json", expect=2)
        self.pegbox(expect=2)

    def test_2_misspelt_plugin(self):
        self.refused({"trainable": sh(":"), "scheduler": "ashaa"}, "did you mean", command="run")

    def test_2_experiment_is_there(self):
        self.run_experiment(sh(":"), name="same")
        done = self.run_experiment(sh(":"), name="same", expect=2).done
        self.assertIn("--name same_2", done.err)
        self.assertEqual(len(self.opened("same").trials), 1)

    def test_2_experiment_has_a_driver(self):
        process = self.start("run", self.spec(sh("sleep 1000"), name="busy"))
        wait_until(lambda: os.path.exists(self.results_dir + "/busy/experiment.db"), 30, "it runs")
        self.pegbox("run", self.spec(sh(":"), name="busy"), expect=2)
        process.terminate()
        process.wait()

    def test_4_store_cannot_be_written(self):
        # No file may grow past 1 MB: the store soon fails, whoever runs this.
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000000, 1000000))
        text = "import json\nfor i in range(100000): print(json.dumps({'loss': i, 'x': 'y' * 500}))"
        process = self.start("run", self.spec(python(text), name="full", metric="loss", mode="min",
                                              auto_loggers=False),
                             preexec_fn=limit, restore_signals=False)
        done = self.finish(process)
        self.assertEqual(done.status, 4, str(done))
        self.assertIn("pegbox: error: ", done.err)

    def test_4_or_2_results_dir_cannot_be_made(self):
        self.write("file", "")
        done = self.pegbox("run", self.spec(sh(":")), "--results-dir", self.dir + "/file/x",
                           expect=None)
        self.assertIn(done.status, (2, 4))
        self.assertIn("pegbox: error: ", done.err)


if __name__ == "__main__":
    main()
