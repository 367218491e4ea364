#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How many trials run at once: CPU slots, fractions, max_concurrent_trials."""
import os

from pegbox_test import PegboxTest, main, read_text, sh

# Writes "start" and "end" to one log; the lines' order tells how many ran at once.
LOGGED = """echo start >>log; sleep 0.2; echo end >>log"""
# Ends well only where $1 trials run at once: each waits for all the others.
RENDEZVOUS = """: >>"meet.$PEGBOX_TRIAL_ID"
for i in $(seq 600); do
    set -- "$1" meet.*
    [ $# -gt "$1" ] && exit 0
    sleep 0.1
done
exit 1"""
CPUS = len(os.sched_getaffinity(0))


class Concurrency(PegboxTest):
    def most_at_once(self, **keys):
        self.run_experiment(sh(LOGGED), **keys)
        now = most = 0
        for line in read_text(os.path.join(self.dir, "log")).split():
            now += 1 if line == "start" else -1
            most = max(most, now)
        self.assertEqual(now, 0)
        return most

    def meet(self, number, **keys):
        experiment = self.run_experiment(sh(RENDEZVOUS, str(number)), num_samples=number, **keys)
        self.assertEqual(experiment.states, ["TERMINATED"] * number)

    def test_one_trial_a_cpu(self):
        self.assertLessEqual(self.most_at_once(num_samples=3 * CPUS), CPUS)
        self.meet(CPUS)

    def test_fractions(self):
        self.assertLessEqual(self.most_at_once(num_samples=5 * CPUS, resources={"cpu": 0.5}),
                             2 * CPUS)
        self.meet(2 * CPUS, resources={"cpu": 0.5})

    def test_no_cpu_at_all_is_not_limited_by_them(self):
        self.meet(2 * CPUS + 1, resources={"cpu": 0}, max_concurrent_trials=2 * CPUS + 1)

    def test_max_concurrent_trials(self):
        self.assertEqual(self.most_at_once(num_samples=4, max_concurrent_trials=1,
                                           resources={"cpu": 0.1}), 1)

    def test_max_concurrent_trials_of_two(self):
        self.assertLessEqual(self.most_at_once(num_samples=6, max_concurrent_trials=2,
                                               resources={"cpu": 0.1}), 2)
        self.meet(2, max_concurrent_trials=2, resources={"cpu": 0.1})

    def test_trial_that_never_fits(self):
        done = self.pegbox("run", self.spec(sh(":"), resources={"cpu": CPUS + 1}), expect=2)
        self.assertIn("cpu", done.err)
        self.assertIn(str(CPUS), done.err)


if __name__ == "__main__":
    main()
