#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How trials end whose end was decided when their driver died."""
import os

from pegbox_test import HERE, PegboxTest, main, wait_until


class ResumeEnds(PegboxTest):
    def setUp(self):
        super().setUp()
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(
            os.path.join(HERE, "counts.c"), "trainable", "counts")

    def killed_while_saving(self, **keys):
        """Killed as its trial, which is to end, is saved."""
        process = self.start("run", self.spec(
            {"plugin": "counts", "steps": 9, "save_s": 60}, name="e", metric="loss", mode="min",
            num_samples=1, checkpoint={"at_end": True}, **keys))
        saving = os.path.join(self.results_dir, "e")
        wait_until(lambda: any(name.startswith(".pegbox-save-") for _, folders, _ in os.walk(saving)
                               for name in folders), 20, "a save")
        process.kill()
        process.wait()
        wait_until(lambda: not self.named("pegbox-worker"), 20, "the worker's end")
        self.pegbox("resume", "e", expect=None)
        trial, = self.opened("e").trials
        self.assertEqual(trial["attempts"], 1)
        return trial["outcome"], trial["reason"], trial["results"]

    def test_its_own_stop_rule(self):
        self.assertEqual(self.killed_while_saving(stop={"training_iteration": 3})[::2],
                         ("completed", 3))

    def test_the_end_of_all(self):
        rule = "result.training_iteration >= 2"
        end, reason, n = self.killed_while_saving(stop={"when": rule, "scope": "experiment"})
        self.assertEqual((end, n), ("stopped", 3))
        self.assertIn(rule, reason)


if __name__ == "__main__":
    main()
