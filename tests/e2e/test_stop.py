#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`stop` in all its forms, and time_budget_s."""
import time

from pegbox_test import SLOW, PegboxTest, main, sh

# i and loss = 10 / i, without end.
ENDLESS = """i=0; while :; do i=$((i + 1)); echo "{\\"i\\": $i, \\"loss\\": $((60 / i)).5}"
sleep 0.05; done"""


class Stop(PegboxTest):
    def count(self, stop, **keys):
        """Results of the one trial that `stop` ends."""
        experiment = self.run_experiment(sh(ENDLESS), metric="loss", mode="min", stop=stop, **keys)
        self.assertEqual(experiment.states, ["TERMINATED"])
        return experiment.counts[0]

    def test_threshold(self):
        self.assertEqual(self.count({"training_iteration": 3}), 3)
        self.assertEqual(self.count({"i": 4}), 4)

    def test_any_threshold_of_several(self):
        self.assertEqual(self.count({"i": 100, "training_iteration": 2}), 2)

    def test_comparisons(self):
        self.assertEqual(self.count({"loss": {"<=": 20.5}}), 3)
        self.assertEqual(self.count({"loss": {"<": 20.5}}), 4)
        self.assertEqual(self.count({"i": {">": 2}}), 3)

    def test_expression(self):
        self.assertEqual(self.count({"when": "result.i * 2 >= 6 and trial_id ~= nil"}), 3)

    def test_plugin(self):
        self.assertEqual(self.count({"plugin": "max-iteration", "max_iter": 4}), 4)

    def test_any_of_an_array(self):
        self.assertEqual(self.count([{"i": 50}, {"when": "result.i > 2"},
                                     {"plugin": "max-iteration", "max_iter": 40}]), 3)

    def test_done_of_the_program(self):
        experiment = self.run_experiment(
            sh("""echo '{"loss": 1}'; echo '{"loss": 2, "done": true}'; exec sleep 1000"""),
            metric="loss", mode="min")
        self.assertEqual(experiment.states, ["TERMINATED"])
        self.assertEqual(experiment.counts, [2])

    def test_whole_experiment_by_expression(self):
        experiment = self.run_experiment(
            sh(ENDLESS), metric="loss", mode="min", num_samples=1000, max_concurrent_trials=2,
            stop=[{"i": 3}, {"when": "result.i == 3 and result.config.x == 4",
                             "scope": "experiment"}],
            config={"x": {"$grid_search": list(range(1000))}})
        self.assertLess(sum(trial["results"] > 0 for trial in experiment.trials), 12)
        self.assertNotIn("ERROR", experiment.states)
        self.assertNotIn("RUNNING", experiment.states)

    def test_timeout_plugin(self):
        experiment = self.run_experiment(
            sh(ENDLESS), metric="loss", mode="min", num_samples=-1,
            stop=[{"i": 2}, {"plugin": "timeout", "timeout": 1}])
        self.assertEqual(set(experiment.states), {"TERMINATED"})

    def test_time_budget(self):
        start = time.monotonic()
        experiment = self.run_experiment(sh(ENDLESS), metric="loss", mode="min", num_samples=-1,
                                         time_budget_s=1)
        self.assertGreaterEqual(time.monotonic() - start, 1)
        self.assertLess(time.monotonic() - start, 30 * SLOW)
        self.assertLessEqual(set(experiment.states), {"TERMINATED"})
        # The iteration that was going on was finished and reported; what waited never began.
        for trial in experiment.trials:
            self.assertEqual(trial["results"] > 0, trial["attempts"] > 0)

    def test_bare_number_on_a_minimised_metric(self):
        done = self.refused({"trainable": sh(":"), "metric": "loss", "mode": "min",
                             "stop": {"loss": 0.1}}, "stop.loss")
        self.assertIn("<=", done.err)

    def test_bad_expression(self):
        self.refused({"trainable": sh(":"), "stop": {"when": "result."}}, "stop")


if __name__ == "__main__":
    main()
