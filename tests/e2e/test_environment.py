#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Variables of doc/environment.md that no other test shows."""
import os
import re
import signal

from pegbox_test import SOURCE, PegboxTest, main, read_text, sh, wait_until


SLOW_TO_START = r"""
#include <pegbox/helpers.h>
#include <unistd.h>
struct pbx_instance {
    pbx_base base;
};
static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *options, pbx_error *error)
{
    (void)self, (void)host, (void)options, (void)error;
    sleep(1000);
    return PBX_OK;
}
static pbx_status
step(pbx_instance *self, pbx_error *error)
{
    (void)self, (void)error;
    return PBX_DONE;
}
static const pbx_option options[] = {PBX_OPT_INT("n", "unused", "1.0", 0, 1, "0")};
PEGBOX_TRAINABLE("slow", "1.0", "Takes long to start", "MIT", options, 0, init, .step = step);
"""


class Environment(PegboxTest):
    def test_max_len_identifier(self):
        experiment = self.run_experiment(sh(":"), config={"x": {"$choice": ["a" * 50, "b" * 50]}},
                                         environ={"PEGBOX_MAX_LEN_IDENTIFIER": "20"})
        name = os.path.basename(experiment.dir(0))
        self.assertRegex(name, r"^.{20}_\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d$")

    def test_disable_sigint_handler(self):
        process = self.start("run", self.spec(sh('echo >>"$PEGBOX_TRIAL_DIR/s"; exec sleep 1000'),
                                              name="e"),
                             env={"PEGBOX_DISABLE_SIGINT_HANDLER": "1"})
        base = os.path.join(self.results_dir, "e")
        wait_until(lambda: os.path.isdir(base) and any(
            os.path.exists(os.path.join(base, name, "s")) for name in os.listdir(base)),
            30, "the trial runs")
        process.send_signal(signal.SIGINT)
        self.assertEqual(self.finish(process).status, -signal.SIGINT)

    def test_startup_grace_period(self):
        path = self.write("slow.c", SLOW_TO_START)
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(path, "trainable", "slow")
        experiment = self.run_experiment({"plugin": "slow"}, expect=1,
                                         environ={"PEGBOX_TRIAL_STARTUP_GRACE_PERIOD": "0.2"})
        self.assertEqual(experiment.states, ["ERROR"])
        self.assertIn("PEGBOX_TRIAL_STARTUP_GRACE_PERIOD", experiment.trials[0]["error"])

    def test_warn_threshold(self):
        done = self.run_experiment(sh(":"), environ={"PEGBOX_WARN_THRESHOLD_S": "1e-9"}).done
        self.assertIn("a turn of the loop took ", done.err)

    def test_what_is_no_number(self):
        done = self.run_experiment(sh(":"), environ={"PEGBOX_WARN_THRESHOLD_S": "1 s",
                                                     "PEGBOX_RESULT_BUFFER_LENGTH": "5"}).done
        self.assertEqual(done.err, "pegbox: warning: PEGBOX_WARN_THRESHOLD_S is no number, and "
                                   "counts as not set: '1 s'\n")

    def test_trials_that_never_ran(self):
        done = self.run_experiment(sh("echo '{\"v\": 1}'"), num_samples=-1, metric="v", mode="max",
                                   stop={"when": "true", "scope": "experiment"},
                                   max_concurrent_trials=1,
                                   environ={"PEGBOX_MAX_PENDING_TRIALS_PG": "7"}).done
        self.assertRegex(done.out, r"(?m)^8 trials in .*: 1 \w+, 7 not run$")

    def test_max_pending_trials(self):
        for ahead in ("1", "5"):
            experiment = self.run_experiment(sh("exit 1"), num_samples=20, fail_fast=True,
                                             max_concurrent_trials=1, expect=1,
                                             environ={"PEGBOX_MAX_PENDING_TRIALS_PG": ahead})
            self.assertLessEqual(len(experiment.trials), 2 + int(ahead))

    def test_every_variable_is_documented(self):
        documented = set(re.findall(r"PEGBOX_[A-Z_]+",
                                    read_text(os.path.join(SOURCE, "doc", "environment.md"))))
        for top in ("core", "plugins"):
            for folder, _, names in os.walk(os.path.join(SOURCE, top)):
                for name in names:
                    if not name.endswith(".c") or name.startswith("test-"):
                        continue
                    text = read_text(os.path.join(folder, name))
                    for variable in re.findall(r'(?:getenv|runner_env)\("(PEGBOX_[A-Z_]+)"', text):
                        self.assertIn(variable, documented, name)


if __name__ == "__main__":
    main()
