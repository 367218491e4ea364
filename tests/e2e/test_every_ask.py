#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every search that is installed, alone and in each wrapper, driven by ask and tell: by eight
processes at once, of which some are killed, and by one after the other, as in a run."""
import threading
import time

from pegbox_test import main
from searches_test import SearchesTest, loss, of_each_form, of_each_search, unlike


class EveryAsk(SearchesTest):
    def killed(self, within, *words):
        """Whenever it dies."""
        process = self.start(*words)
        time.sleep(within)
        self.kill(process)

    @of_each_form
    def test_many_at_once(self, name, search):
        """Nothing comes twice, and whichever is killed, the others go on and no trial is lost."""
        n = 24
        experiment = self.create(name, search, num_samples=n, max_concurrent_trials=8)
        given, bad = [], []

        def work():
            try:
                trial = self.pegbox("ask", experiment).json
                while not trial["done"]:
                    given.append(trial)
                    self.tell(experiment, trial["id"], loss(trial["config"]))
                    trial = self.pegbox("ask", experiment).json
            except BaseException as error:  # of a thread, else nobody's
                bad.append(error)
        askers = [threading.Thread(target=work) for _ in range(7)]
        begun = time.monotonic()
        self.pegbox("ask", experiment)  # and is never heard of again
        took = time.monotonic() - begun
        for asker in askers:
            asker.start()
        for part in (0.3, 0.6, 0.9):
            self.killed(part * took, "ask", experiment)
        for asker in askers:
            asker.join()
        self.assertEqual(bad, [])
        trials = self.opened(experiment).trials
        self.assertEqual([trial["trial"] for trial in trials], list(range(n)))
        self.assertEqual(unlike([trial["config"] for trial in trials]), n)
        self.assertEqual(len({trial["id"] for trial in given}), len(given))
        lost = {trial["id"] for trial in trials} - {trial["id"] for trial in given}
        self.assertTrue(2 <= len(lost) <= 5, lost)
        for trial in trials:
            self.assertEqual(trial["state"], "RUNNING" if trial["id"] in lost else "TERMINATED")
        self.killed(took / 2, "tell", experiment, "0", "1")
        for trial in lost:
            self.tell(experiment, trial, "--failed", expect=None if trial == trials[0]["id"] else 0)
        self.assertNotIn("RUNNING", self.opened(experiment).states)
        row, = self.pegbox("ls", "--json", "--filter", "name == '%s'" % experiment).json
        self.assertEqual(row["status"], "done")

    @of_each_search
    def test_as_a_run(self, name):
        """Asked by processes, one after the other, it proposes what it does in a run."""
        ran = self.ran(name, num_samples=14, environ={"PEGBOX_MAX_PENDING_TRIALS_PG": "1"})
        experiment = self.create(name, self.search(name), num_samples=14)
        # As in a run: the next one is made before this one is told, where the search lets it.
        ahead = not self.can(name, "limits-itself")
        for row in ran.trials:
            if ahead:
                self.pegbox("ask", experiment)
            self.tell(experiment, row["trial"], repr(row["loss"]))
            if not ahead:
                self.pegbox("ask", experiment)
        self.assertEqual(self.opened(experiment).configs, ran.configs)


if __name__ == "__main__":
    main()
