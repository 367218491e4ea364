#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The environment and the directory that a program runs in."""
import os

from pegbox_test import PegboxTest, main, sh


class EnvCwd(PegboxTest):
    def output(self, script, *words, **keys):
        return self.run_experiment(sh(script, *words), **keys).read(0, "stdout")

    def test_env_templates(self):
        self.assertEqual(self.output("echo $A/$B", env={"A": "x{lr}", "B": "{trial.id == nil}"},
                                     config={"lr": 0.5}), "x0.5/false\n")

    def test_inherited_and_overridden(self):
        self.env.update({"KEPT": "kept", "CHANGED": "old"})
        self.assertEqual(self.output("echo $KEPT $CHANGED", env={"CHANGED": "new"}), "kept new\n")

    def test_thread_counts_follow_cpu(self):
        script = "echo $OMP_NUM_THREADS $OPENBLAS_NUM_THREADS $MKL_NUM_THREADS"
        self.assertEqual(self.output(script, resources={"cpu": 2}), "2 2 2\n")
        self.assertEqual(self.output(script, resources={"cpu": 0.5}), "1 1 1\n")
        # Not where somebody has set it.
        self.assertEqual(self.output("echo $OMP_NUM_THREADS", env={"OMP_NUM_THREADS": "7"}), "7\n")
        self.env["OMP_NUM_THREADS"] = "5"
        self.assertEqual(self.output("echo $OMP_NUM_THREADS"), "5\n")

    def test_pegbox_variables(self):
        experiment = self.run_experiment(
            sh("""echo $PEGBOX_TRIAL_ID; echo $PEGBOX_TRIAL_DIR; cat "$PEGBOX_CONFIG"; echo
                  echo $PEGBOX_SOCKET; echo $PYTHONUNBUFFERED; echo "<$PEGBOX_CHECKPOINT>" """),
            config={"x": 1, "y": {"z": [True, None]}})
        lines = experiment.read(0, "stdout").splitlines()
        trial = experiment.trials[0]
        self.assertEqual(lines[0], trial["id"])
        self.assertEqual(lines[1], trial["dir"])
        self.assertEqual("".join("".join(lines[2:-3]).split()), '{"x":1,"y":{"z":[true,null]}}')
        self.assertRegex(lines[-3], "^unix:/")
        self.assertEqual(lines[-2:], ["1", "<>"])

    def test_cwd_is_the_files_directory(self):
        os.mkdir(os.path.join(self.dir, "elsewhere"))
        path = self.spec(sh("pwd"), name="e")
        self.pegbox("run", path, cwd=self.dir + "/elsewhere")
        self.assertEqual(self.opened("e").read(0, "stdout"), self.dir + "\n")

    def test_cwd_templates(self):
        experiment = self.run_experiment(sh("pwd"), cwd="{trial.dir}")
        self.assertEqual(experiment.read(0, "stdout"), experiment.dir(0) + "\n")
        os.makedirs(self.dir + "/sub/3")
        self.assertEqual(self.output("pwd", cwd="sub/{x}", config={"x": 3}), self.dir + "/sub/3\n")

    def test_cwd_that_is_not_there(self):
        experiment = self.run_experiment(sh(":"), cwd="no-such-directory", expect=None)
        self.assertIn(experiment.done.status, (1, 2))
        self.assertIn("no-such-directory", str(experiment.done))


if __name__ == "__main__":
    main()
