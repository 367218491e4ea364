#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Searches that are asked without a driver: what they have learnt goes from process to process,
and where they want to see results first, ask waits."""
import os
import shutil

from pegbox_test import SOURCE, main, python, wait_until
from test_ask import AskTest

# Gives out a trial only where no other is open; remembers by save and load, or is told all again.
ONE_BY_ONE = r"""
#include <pegbox/helpers.h>
struct pbx_instance { pbx_base base; uint64_t open, told, none; double best; };
static pbx_status suggest(pbx_instance *self, pbx_suggestion *s, pbx_error *error)
{
    (void)error;
    if (self->open > 0)
        return PBX_AGAIN;
    self->open++;
    s->x[0] = self->told == 0 ? 0.5 : self->best + 0.001 * (double)self->told;
    return PBX_OK;
}
static pbx_status tell(pbx_instance *self, const pbx_outcome *outcome, pbx_error *error)
{
    (void)error;
    self->open = 0;
    self->told++;
    if (outcome->last && (self->told == 1 || outcome->last->losses[0] < 0))
        self->best = outcome->x[0];
    return PBX_OK;
}
#ifndef LARGE
#define LARGE_SIZE 0
#else
#define LARGE_SIZE 10000
#endif
#if defined TOLD_AGAIN || defined LARGE
static pbx_status adopt(pbx_instance *self, const pbx_suggestion *s, pbx_error *error)
{
    (void)error;
    self->open += (s->flags & PBX_SUGGESTION_REPLAY) != 0;
    return PBX_OK;
}
#define ADOPT adopt
#else
#define ADOPT NULL
#endif
#ifdef TOLD_AGAIN
PEGBOX_SEARCH("one", "1.0", "one by one", "MIT", PEGBOX_NO_OPTIONS,
              PBX_CAP_UNBOUNDED | PBX_CAP_TOLD_AGAIN, 0, NULL, NULL,
              .setup = pbx_keep_problem, .suggest = suggest, .tell = tell, .adopt = adopt);
#else
static void state(pbx_instance *self, pbx_blob *blob)
{
    pbx_blob_u64(blob, &self->open);
    pbx_blob_u64(blob, &self->told);
    pbx_blob_real(blob, &self->best);
    for (int i = 0; i < LARGE_SIZE; i++)
        pbx_blob_u64(blob, &self->none);
}
PEGBOX_SEARCH("one", "1.0", "one by one", "MIT", PEGBOX_NO_OPTIONS, PBX_CAP_UNBOUNDED,
              1, NULL, state, .setup = pbx_keep_problem, .suggest = suggest, .tell = tell,
              .adopt = ADOPT);
#endif
"""


# Has what it was told in its configs.
LOGGING = r"""
#include <pegbox/helpers.h>
struct pbx_instance { pbx_base base; char text[4096]; char extra[4200]; };
static pbx_status note(pbx_instance *self, const char *what, uint64_t trial, double value)
{
    size_t n = strlen(self->text);
    if (value >= 0)
        snprintf(self->text + n, sizeof self->text - n, "%s %d %g,", what, (int)trial, value);
    else
        snprintf(self->text + n, sizeof self->text - n, "%s %d,", what, (int)trial);
    return PBX_OK;
}
static pbx_status suggest(pbx_instance *self, pbx_suggestion *s, pbx_error *error)
{
    (void)error;
    snprintf(self->extra, sizeof self->extra, "{\"log\":\"%s\"}", self->text);
    s->x[0] = 0.5;
    s->extra = self->extra;
    return PBX_OK;
}
static pbx_status adopt(pbx_instance *self, const pbx_suggestion *s, pbx_error *error)
{
    return (void)error, note(self, "adopt", s->trial, -1);
}
static pbx_status state(pbx_instance *self, uint64_t trial, uint32_t state, pbx_error *error)
{
    return (void)error, note(self, "state", trial, state);
}
static pbx_status report(pbx_instance *self, const pbx_result *r, pbx_error *error)
{
    return (void)error, note(self, "report", r->trial, r->losses[0]);
}
static pbx_status tell(pbx_instance *self, const pbx_outcome *outcome, pbx_error *error)
{
    return (void)error, note(self, "tell", outcome->trial, outcome->last->losses[0]);
}
PEGBOX_SEARCH("log", "1.0", "what it was told", "MIT", PEGBOX_NO_OPTIONS,
              PBX_CAP_UNBOUNDED | PBX_CAP_TOLD_AGAIN, 0, NULL, NULL, .setup = pbx_keep_problem,
              .suggest = suggest, .adopt = adopt, .state = state, .report = report, .tell = tell);
"""


class Waiting(AskTest):
    def one_by_one(self, *flags):
        source = self.write("one.c", ONE_BY_ONE)
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(source, "search", "one", flags=flags)
        return self.create(config={"x": {"$uniform": [0, 1]}}, search="one", num_samples=9)

    def check(self):
        """What the search has learnt goes from process to process."""
        for trial, x in enumerate((0.501, 0.502, 0.503)):
            self.tell(trial, "-1" if trial == 2 else "1")
            if trial == 2:
                x = 0.502 + 0.003
            self.assertAlmostEqual(self.ask()["config"]["x"], x)
        done = self.pegbox("ask", "e", "--timeout", "0", expect=1)
        self.assertRegex(done.err, "^pegbox: error: no configuration within 0 s: the search waits")
        self.assertEqual(done.out, "")
        waiting = self.start("ask", "e", "--timeout", "60")
        done = self.pegbox("ask", "e", "--timeout", "0.2", expect=1)
        self.assertIsNone(waiting.poll())
        self.tell(3, "1")
        self.assertEqual(self.finish(waiting).json["trial"], 4)
        self.assertEqual(self.opened("e").states, ["TERMINATED"] * 4 + ["RUNNING"])

    def test_state_is_saved(self):
        self.one_by_one()
        self.check()

    def test_told_again(self):
        self.one_by_one("-DTOLD_AGAIN")
        self.check()

    def test_killed_driver_with_a_large_state(self):
        """What it had stored of the search may be old: the search is told all trials instead."""
        gate = os.path.join(self.dir, "gate")
        # The end of the first trial comes too soon after the start to be in the stored state.
        program = python("import os, sys, time\nprint('{\"loss\": 1}')\n"
                         "if sys.argv[2] == '0': sys.exit()\n"
                         "open(sys.argv[1], 'w').close()\ntime.sleep(1000)", gate, "{trial.number}")
        source = self.write("one.c", ONE_BY_ONE)
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(source, "search", "one",
                                                           flags=["-DLARGE"])
        process = self.start("run", self.spec(program, name="e", config={"x": {"$uniform": [0, 1]}},
                                              metric="loss", mode="min", search="one",
                                              num_samples=9))
        wait_until(lambda: os.path.exists(gate), 30, "a trial runs")
        process.kill()
        process.wait()
        wait_until(lambda: not self.processes(), 20, "all processes end")
        self.assertEqual(self.ask()["trial"], 1)
        self.pegbox("ask", "e", "--timeout", "0", expect=1)
        self.tell(1, "1")
        self.assertAlmostEqual(self.ask()["config"]["x"], 0.502)
        # From now on each change stores it, whatever its size.
        self.tell(2, "-1")
        self.assertAlmostEqual(self.ask()["config"]["x"], 0.505)

    def test_told_again_in_order(self):
        """As things happened, and not by number; also what came between."""
        source = self.write("log.c", LOGGING)
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(source, "search", "log")
        self.create(config={"x": {"$uniform": [0, 1]}}, search="log", num_samples=9, max_failures=1)
        self.ask()
        self.tell(0, "4", "--intermediate")
        self.tell(1, "3")
        self.tell(0, "--failed")
        self.ask()
        self.tell(0, "2")
        self.ask()
        lines = [line for line in self.pegbox("ask", "e").json["config"]["log"].split(",") if line]
        self.assertEqual(lines, ["adopt 0", "state 0 1", "adopt 1", "state 1 1", "report 0 4",
                                 "tell 1 3", "state 0 0", "state 0 1", "tell 0 2", "adopt 2",
                                 "state 2 1"])

    def test_driver_waits_too(self):
        gate = os.path.join(self.dir, "gate")
        program = python("import os, sys, time\nopen(sys.argv[1] + '.seen', 'w').close()\n"
                         "while not os.path.exists(sys.argv[1]): time.sleep(0.02)\n"
                         "print('{\"loss\": 1}')", gate)
        source = self.write("one.c", ONE_BY_ONE)
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(source, "search", "one")
        process = self.start("run", self.spec(program, name="e", config={"x": {"$uniform": [0, 1]}},
                                              metric="loss", mode="min", search="one",
                                              num_samples=2))
        wait_until(lambda: os.path.exists(gate + ".seen"), 30, "a trial runs")
        self.assertIn("no configuration within 0.1 s",
                      self.pegbox("ask", "e", "--timeout", "0.1", expect=1).err)
        waiting = self.start("ask", "e")
        self.write("gate", "")
        given = self.finish(waiting).json
        if not given["done"]:  # else the driver was faster, and ran it itself
            self.assertEqual(given["trial"], 1)
            self.tell(1, "1")
        self.assertEqual(self.finish(process).status, 0)
        self.assertEqual(self.opened("e").states, ["TERMINATED"] * 2)

    def test_as_a_run(self):
        """A search that learns, driven from outside, takes the same way as in a run."""
        shutil.copy(os.path.join(SOURCE, "sdk", "examples", "search", "anneal.c"), self.dir)
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(
            os.path.join(self.dir, "anneal.c"), "search", "anneal")
        keys = dict(config={"x": {"$uniform": [0, 1]}}, metric="loss", mode="min", seed=5,
                    num_samples=6, search="anneal")
        program = python("import sys; print('{\"loss\": %r}' % (float(sys.argv[1]) - 0.3) ** 2)",
                         "{x}")
        ran = self.run_experiment(program, name="ran", max_concurrent_trials=1, words=(),
                                  environ={"PEGBOX_MAX_PENDING_TRIALS_PG": "1"}, **keys)
        trial = self.create(**keys)
        asked = []
        while not trial["done"]:
            asked.append(trial["config"]["x"])
            # As in the run: the next one is made before this one is told.
            following = self.ask()
            self.tell(trial["trial"], repr((trial["config"]["x"] - 0.3) ** 2))
            trial = following
        self.assertEqual(len(asked), 6)
        self.assertEqual(asked, [config["x"] for config in ran.configs])


if __name__ == "__main__":
    main()
