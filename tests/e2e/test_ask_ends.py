#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""When an experiment that is asked without a driver is over."""
from pegbox_test import main
from test_ask import AskTest


class Ends(AskTest):
    def status(self):
        return self.pegbox("ls", "--json").json[0]["status"]

    def test_over_with_the_last_one(self):
        """What nobody will be given keeps no experiment running."""
        for end in (["stop", "e", "0"], ["tell", "e", "0", "1"], ["stop", "e"]):
            self.create(num_samples=1)
            self.pegbox(*end)
            self.assertEqual(self.status(), "done", end)
            self.pegbox("rm", "e")

    def test_stopped_with_trials_that_wait(self):
        """A stop rule of the whole experiment, a failure with fail_fast."""
        rules = ({"stop": {"when": "result.loss <= 1", "scope": "experiment"}}, {"fail_fast": True})
        for rule, told in zip(rules, ("1", "--failed")):
            self.create(num_samples=9, **rule)
            self.ask()
            self.pegbox("enqueue", "e", "{}")
            self.tell(0, told)
            self.assertEqual(self.status(), "running")
            # The one that is still open hears of it.
            self.assertEqual(self.tell(1, "5", "--intermediate").json["stop"], True)
            self.assertEqual((self.status(), self.opened("e").states[2]), ("stopped", "PENDING"))
            self.assertEqual(self.ask(), {"done": True})
            self.pegbox("rm", "e")


if __name__ == "__main__":
    main()
