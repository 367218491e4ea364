#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Loggers that are slow, fail, hang or are refused: they hold nobody and lose nothing else."""
import os
import resource
import signal
import time

from pegbox_test import PegboxTest, main, read_text, sh, wait_until

ENTRY = """
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <pegbox/helpers.h>
struct pbx_instance {
    pbx_base base;
    const pbx_files *files;
    unsigned calls;
};
static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *options, pbx_error *error)
{
    const void *files;
    (void)options;
    pbx_status status = pbx_need(host, PBX_FILES_ID, &files, error);
    self->files = (const pbx_files *)files;
    return status;
}
static pbx_status
setup(pbx_instance *self, const pbx_problem *problem, pbx_error *error)
{
    (void)self, (void)problem, (void)error;
    @SETUP@
    return PBX_OK;
}
static pbx_status
line(pbx_instance *self, const pbx_event *event)
{
    char text[64];
    snprintf(text, sizeof text, "%u\\n", (unsigned)event->type);
    return self->files->append(self->base.host, PBX_NONE, "odd.txt", text, strlen(text));
}
static pbx_status
events(pbx_instance *self, const pbx_event *const *list, size_t n, size_t *done, pbx_error *error)
{
    (void)error;
    self->calls++;
    for (*done = 0; *done < n; ++*done) {
        line(self, list[*done]);
        @EVENT@
    }
    return PBX_OK;
}
PEGBOX_LOGGER("odd", "1.0", "For tests", "MIT", PEGBOX_NO_OPTIONS, ~UINT64_C(0), 0, init, NULL,
              .setup = setup, .events = events);
"""
LAST = """
#include <pegbox/helpers.h>
struct pbx_instance {
    pbx_base base;
};
static void
finish(pbx_instance *self)
{
    self->base.host->log(self->base.host, PBX_LOG_WARNING, "last words");
}
static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *options, pbx_error *error)
{
    (void)host, (void)options, (void)error;
    self->base.finish = finish;
    return PBX_OK;
}
PEGBOX_STOPPER("last", "1.0", "For tests", "MIT", PEGBOX_NO_OPTIONS, 0, 0,
               init, NULL, .end = NULL);
"""
ONE = """echo '{"loss": 1}'"""


class Loggers(PegboxTest):
    def logger(self, setup="", event=""):
        """Builds logger/odd and puts it on the search path."""
        path = self.write("odd.c", ENTRY.replace("@SETUP@", setup).replace("@EVENT@", event))
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(path, "logger", "odd")

    def types(self, name="e1"):
        return read_text(os.path.join(self.results_dir, name, "odd.txt")).split()

    def test_idle_while_a_trial_is_tried_again(self):
        # What the second attempt repeats has no event: the threads wait all the same.
        script = """echo '{"loss": 1}'; sleep 4; [ -e again ] || { : >again; exit 1; }"""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        experiment = self.run_experiment(sh(script), max_failures=1)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        self.assertEqual(experiment.states, ["TERMINATED"])
        # Spinning takes four seconds a logger, where there are processors for it.
        self.assertLess(used, 2, str(experiment.done))

    def test_failed_call_is_not_doubled(self):
        self.logger(event='if (self->calls == 1) return pbx_fail(error, PBX_EIO, "odd", "once");')
        experiment = self.run_experiment(sh(ONE), loggers=[{"plugin": "odd"}])
        self.assertIn("once", experiment.done.err)
        self.logger()
        self.run_experiment(sh(ONE), loggers=[{"plugin": "odd"}])
        self.assertEqual(self.types("e1"), self.types("e2"))

    def test_unusable_file_is_left_out(self):
        # A program that has a directory in the place of its own result.json.
        script = """[ "$1" = 0 ] && mkdir -p "$PEGBOX_TRIAL_DIR/result.json"; echo '{"loss": 1}'"""
        experiment = self.run_experiment(sh(script, "{n}"), config={"n": {"$grid_search": list(range(8))}},
                                         max_concurrent_trials=1)
        lines = [line for line in experiment.done.err.splitlines() if "result.json" in line]
        self.assertEqual(len(lines), 1, str(experiment.done))
        self.assertNotIn("switched off", experiment.done.err)
        for trial in range(1, 8):
            self.assertIn('"loss"', experiment.read(trial, "result.json"))
        self.assertIn("loss", experiment.read(0, "progress.csv"))

    def test_refused_leaves_nothing(self):
        for status, expect in (("PBX_EINVAL", 2), ("PBX_EIO", 3)):
            self.logger(setup='return pbx_fail(error, %s, "odd", "not now");' % status)
            done = self.pegbox("run", self.spec(sh(ONE), name="e1", loggers=[{"plugin": "odd"}]),
                               expect=expect)
            self.assertIn("not now", done.err)
            self.assertFalse(os.path.exists(self.results_dir))
        self.logger(setup='self->files->append(self->base.host, PBX_NONE, "odd.txt", "-1\\n", 3);')
        self.run_experiment(sh(ONE), loggers=[{"plugin": "odd"}])
        self.assertEqual(self.types()[:2], ["-1", "0"])

    def test_log_in_destroy(self):
        # Each plugin's last words find the reporter there.
        path = self.write("last.c", LAST)
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(path, "stopper", "last")
        experiment = self.run_experiment(sh(ONE), stop={"plugin": "last"})
        self.assertIn("last words", experiment.done.err)

    def given_up(self, event):
        self.logger(event=event)
        experiment = self.run_experiment(sh(ONE), loggers=[{"plugin": "odd"}],
                                         environ={"PEGBOX_LOGGER_GRACE_S": "1"})
        self.assertIn("given up", experiment.done.err)
        self.assertIn("loss", experiment.read(0, "result.json"))

    def test_never_ready_is_given_up(self):
        self.given_up("return PBX_AGAIN;")

    def test_hanging_is_given_up(self):
        self.given_up("for (;;) pause();")

    def test_interrupts_end_a_hanging_one(self):
        self.logger(event="for (;;) pause();")
        process = self.start("run", self.spec(sh(ONE + '; : >"$PEGBOX_TRIAL_DIR/../ran"'), name="e1",
                                              loggers=[{"plugin": "odd"}]))
        ran = os.path.join(self.results_dir, "e1", "ran")
        wait_until(lambda: os.path.exists(ran), 30, "the trial runs")
        for _ in range(2):
            time.sleep(0.3)
            process.send_signal(signal.SIGINT)
        done = self.finish(process, 20)
        # Signals that came after the last trial's end only hurry.
        self.assertIn(done.status, (0, 130), str(done))
        self.assertEqual(self.opened("e1").counts, [1])


if __name__ == "__main__":
    main()
