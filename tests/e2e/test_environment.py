#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Variables of doc/environment.md that no other test shows."""
import os
import re
import signal
import sqlite3
import struct

from pegbox_test import SOURCE, PegboxTest, main, python, read_text, sh, wait_until


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


# Counts results, and has a state of 100,000 bytes about it.
BULKY = r"""
#include <pegbox/helpers.h>
struct pbx_instance {
    pbx_base base;
    uint64_t count;
};
static pbx_status
result(pbx_instance *self, const pbx_result *r, pbx_verdict *verdict, pbx_error *error)
{
    (void)r, (void)verdict, (void)error;
    self->count++;
    return PBX_OK;
}
static void
state(pbx_instance *self, pbx_blob *blob)
{
    static char bulk[100000];
    pbx_blob_u64(blob, &self->count);
    pbx_blob_bytes(blob, bulk, sizeof(bulk));
}
PEGBOX_STOPPER("bulky", "1.0", "Has a large state", "MIT", PEGBOX_NO_OPTIONS, 0, 1, NULL, state,
               .result = result);
"""


class Environment(PegboxTest):
    def stored_count(self, period):
        """How many results the stored state knew of when the driver was killed after five."""
        name = "after-" + period
        spec = self.spec(sh("""for i in 1 2 3 4 5; do echo '{"v": 1}'; sleep 0.1; done
                               exec sleep 1000"""), name=name, stop="bulky")
        process = self.start("run", spec, env={"PEGBOX_GLOBAL_CHECKPOINT_S": period,
                                               "PEGBOX_RESULT_BUFFER_LENGTH": "0"})
        wait_until(lambda: self.pegbox("results", name, "0", "--json", expect=None).out.count(
            '"v"') == 5, 30, "five results")
        process.kill()
        process.wait()
        with sqlite3.connect(os.path.join(self.results_dir, name, "experiment.db")) as db:
            state, = db.execute("SELECT state FROM decider WHERE slot = 'stop[0]'").fetchone()
        return struct.unpack("<Q", state[:8])[0]

    def test_global_checkpoint(self):
        source = self.write("bulky.c", BULKY)
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(source, "stopper", "bulky")
        self.assertEqual(self.stored_count("0"), 5)
        self.assertLess(self.stored_count("1000"), 5)

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

    def test_startup_without_a_limit(self):
        for limit in ("0", "-1"):
            experiment = self.run_experiment(sh("echo '{\"v\": 1}'"),
                                             environ={"PEGBOX_TRIAL_STARTUP_GRACE_PERIOD": limit})
            self.assertEqual(experiment.states, ["TERMINATED"])

    def test_automatic_number_of_pending_trials(self):
        for ahead in ("auto", "-1"):
            experiment = self.run_experiment(
                sh("echo '{\"v\": 1}'"), num_samples=50, max_concurrent_trials=1,
                stop={"when": "true", "scope": "experiment"}, environ={
                    "PEGBOX_MAX_PENDING_TRIALS_PG": ahead})
            self.assertEqual(len(experiment.trials), 50)


    def test_checkpoint_to_go_on_from(self):
        experiment = self.run_experiment(python("""
import os, sys
import pegbox
path = os.environ.get("PEGBOX_CHECKPOINT")
if path:
    pegbox.report(v=2, held=open(path + "/state").read(), inside=path.startswith(
        os.environ["PEGBOX_TRIAL_DIR"] + "/"))
    sys.exit(0)
pegbox.report(v=1)
with pegbox.checkpoint_dir() as folder:
    open(folder + "/state", "w").write("kept")
sys.exit(1)
"""), max_failures=1)
        result = experiment.results(0)[-1]
        self.assertEqual((result["v"], result["held"], result["inside"]), (2, "kept", True))


# Those of the guide that is followed (Ray 1.5), without TUNE_.
TUNE = """CLUSTER_SSH_KEY DISABLE_AUTO_CALLBACK_LOGGERS DISABLE_AUTO_CALLBACK_SYNCER DISABLE_AUTO_INIT
DISABLE_DATED_SUBDIR DISABLE_STRICT_METRIC_CHECKING DISABLE_SIGINT_HANDLER FUNCTION_THREAD_TIMEOUT_S
GLOBAL_CHECKPOINT_S MAX_LEN_IDENTIFIER MAX_PENDING_TRIALS_PG PLACEMENT_GROUP_AUTO_DISABLED
PLACEMENT_GROUP_CLEANUP_DISABLED PLACEMENT_GROUP_PREFIX PLACEMENT_GROUP_RECON_INTERVAL
PLACEMENT_GROUP_WAIT_S RESULT_DIR RESULT_BUFFER_LENGTH RESULT_BUFFER_MAX_TIME_S
RESULT_BUFFER_MIN_TIME_S CLOUD_SYNC_S SYNCER_VERBOSITY TRIAL_STARTUP_GRACE_PERIOD WARN_THRESHOLD_S
STATE_REFRESH_PERIOD""".split()
READ = re.compile(r'\b(?:secure_getenv|g?_?getenv|runner_env)\("([A-Z_]+)"')


class Page(PegboxTest):
    def setUp(self):
        super().setUp()
        page = read_text(os.path.join(SOURCE, "doc", "environment.md"))
        self.sections = dict(re.findall(r"(?ms)^## (.*?)\n(.*?)(?=^## |\Z)", page))

    def rows(self, section):
        """The variables of a section, each with the last cell of its row."""
        for line in self.sections[section].splitlines():
            if line.startswith("| `"):
                cells = [cell.strip() for cell in line.strip("|").split("|")]
                for name in re.findall(r"`([A-Z_]+)`", cells[0]):
                    yield name, cells[-1]

    def names(self, section):
        return {name for name, _ in self.rows(section)}

    def sources(self):
        for top in ("core", "plugins"):
            for folder, _, names in os.walk(os.path.join(SOURCE, top)):
                for name in names:
                    if name.endswith(".c") and not name.startswith("test-"):
                        yield read_text(os.path.join(folder, name))

    def test_has_what_is_read_and_nothing_else(self):
        read, said = set(), set()
        for text in self.sources():
            read.update(READ.findall(text))
            said.update(re.findall(r'"([A-Z][A-Z_]+)"', text))
        documented = self.names("Read by pegbox")
        self.assertLessEqual(read, documented)
        elsewhere = {"XDG_CONFIG_HOME"}  # GLib reads it
        self.assertLessEqual(documented - elsewhere, said)
        self.assertEqual(said & self.names("Not yet"), set())

    def test_has_each_of_the_guide(self):
        with_counterpart = set.union(*(self.names(section) for section in (
            "Read by pegbox", "Not yet")))
        for name in TUNE:
            self.assertTrue("PEGBOX_" + name in with_counterpart or
                            "TUNE_" + name in self.names("Without a counterpart"), name)

    def test_each_is_shown_by_the_tests_that_are_named(self):
        tests = [(name, test) for section in ("Read by pegbox", "Set for programs")
                 for name, cell in self.rows(section) for test in cell.split(", ")]
        self.assertGreater(len(tests), 30)
        for name, test in tests:
            with self.subTest(name=name, test=test):
                self.assertRegex(test, r"^e2e-[a-z-]+$")
                path = os.path.join(SOURCE, "tests", "e2e",
                                    "test_%s.py" % test[4:].replace("-", "_"))
                self.assertIn(name.replace("_DATA_NAME", "_DATA_"), read_text(path), name)


if __name__ == "__main__":
    main()
