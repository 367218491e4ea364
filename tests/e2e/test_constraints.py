#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`constraints`: only trials that keep them can be the best."""
import csv
import io
import sqlite3

from pegbox_test import PegboxTest, main, sh

# Trial a reports loss a and mb 40 - 10a: the constraint leaves 2 and 3.
LINE = """echo '{"loss": '$1', "mb": '$((40 - 10 * $1))'}'"""
GRID = {"a": {"$grid_search": [0, 1, 2, 3]}}
# Says what it is told of constraints.
LISTENER = r"""
#include <pegbox/helpers.h>
struct pbx_instance { pbx_base base; };
static pbx_status
setup(pbx_instance *self, const pbx_problem *problem, pbx_error *error)
{
    (void)error;
    for (uint32_t i = 0; i < problem->n_constraints; i++)
        pbx_log(self->base.host, PBX_LOG_WARNING, "constraint %s", problem->constraints[i]);
    return PBX_OK;
}
static pbx_status
suggest(pbx_instance *self, pbx_suggestion *s, pbx_error *error)
{
    (void)self;
    (void)error;
    s->x[0] = (double)s->ask;
    return PBX_OK;
}
static pbx_status
hear(pbx_instance *self, const pbx_result *r)
{
    pbx_log(self->base.host, PBX_LOG_WARNING, "result %u %g %g", r->n_violations,
            r->violations[0], r->violations[1]);
    return PBX_OK;
}
static pbx_status
report(pbx_instance *self, const pbx_result *r, pbx_error *error)
{
    (void)error;
    return hear(self, r);
}
static pbx_status
tell(pbx_instance *self, const pbx_outcome *o, pbx_error *error)
{
    (void)error;
    return hear(self, o->last);
}
PEGBOX_SEARCH("listener", "1.0", "Says what it is told", "MIT", PEGBOX_NO_OPTIONS, CAPS, 0, NULL,
              NULL, .setup = setup, .suggest = suggest, .report = report, .tell = tell);
"""


class Constraints(PegboxTest):
    def constrained(self, constraints="result.mb - 20", line=LINE, config=None, **keys):
        return self.run_experiment(sh(line, "{config.a}"), config=config or GRID, metric="loss",
                                   mode="min", constraints=constraints, **keys)

    def best(self, experiment, *words):
        return experiment.command("best", "--json", *words).json

    def test_best_is_feasible(self):
        experiment = self.constrained()
        best = self.best(experiment)
        self.assertEqual((best["trial"], best["value"], best["infeasible"]), (2, 2, 2))
        done = experiment.command("best")
        self.assertIn("left out   2 trials that broke a constraint\n", done.out)
        self.assertIn("Best loss: 2, by trial 2 with\n", experiment.done.out)
        self.assertEqual(experiment.done.err, "")

    def test_listings_say_so(self):
        experiment = self.constrained()
        self.assertEqual([trial["feasible"] for trial in experiment.trials],
                         [False, False, True, True])
        table = experiment.command("trials").out.splitlines()
        self.assertIn("feasible", table[0])
        listed = experiment.command("best", "--format", "json", "--limit", "9").json
        self.assertEqual([trial["trial"] for trial in listed], [2, 3])
        chosen = experiment.command("trials", "--filter", "feasible", "--columns", "trial",
                                    "--format", "csv").out
        self.assertEqual(chosen.split(), ["trial", "2", "3"])
        self.assertEqual([row["feasible"] for row in experiment.results(1)], [False])
        rows = list(csv.DictReader(io.StringIO(experiment.command(
            "export", "--format", "csv").out)))
        self.assertEqual([row["feasible"] for row in rows], ["false", "false", "true", "true"])

    def test_none_is_feasible(self):
        experiment = self.constrained(["result.mb - 20", "result.loss - 1"])
        message = ("pegbox: error: e1 has no best trial: none that has a value of 'loss' keeps the "
                   "constraints\n")
        for words in ((), ("--json",), ("--limit", "3"), ("--scope", "avg", "--limit", "3")):
            done = experiment.command("best", *words, expect=1)
            self.assertEqual((done.out, done.err), ("", message))
        self.assertIn("No feasible trial reported a finite loss.\n", experiment.done.out)

    def test_scopes(self):
        # Iterations 1..3: loss 1, 5, 3 of trial 0, 2, 4, 6 of trial 1; mb breaks it at trial 0's
        # first and trial 1's last.
        line = """set -- $1 1 5 3; [ $1 = 0 ] || set -- $1 2 4 6
            mb0=9; mb1=0; [ $1 = 0 ] || { mb0=0; mb1=9; }
            echo "{\\"loss\\": $2, \\"mb\\": $mb0}"; echo "{\\"loss\\": $3, \\"mb\\": 0}"
            echo "{\\"loss\\": $4, \\"mb\\": $mb1}" """
        experiment = self.constrained("result.mb - 5", line, {"a": {"$grid_search": [0, 1]}})
        for scope, trial, value in (("last", 0, 3), ("all", 1, 2)):
            best = self.best(experiment, "--scope", scope)
            self.assertEqual((best["trial"], best["value"]), (trial, value), scope)
        experiment.command("best", "--scope", "avg", expect=1)
        self.assertEqual([trial["best"] for trial in experiment.trials], [3, 2])

    def test_the_limit_is_feasible(self):
        experiment = self.constrained("result.mb - 40")
        self.assertEqual(self.best(experiment)["trial"], 0)

    def test_missing_field(self):
        experiment = self.constrained("result.gpu_mb - 20")
        self.assertEqual([trial["feasible"] for trial in experiment.trials], [False] * 4)
        lines = experiment.done.err.splitlines()
        self.assertEqual(len(lines), 1, experiment.done.err)
        self.assertRegex(lines[0], r"^pegbox: warning: constraints: trial sh_\w+ is not feasible "
                         r"where a constraint gives no number \(said once\): result\.gpu_mb - 20: ")
        self.assertEqual(experiment.states, ["TERMINATED"] * 4)

    def test_what_is_no_number(self):
        for expression, says in (("result.mb <= 20 and result.loss", "true or false|boolean"),
                                 ("'text'", "number"), ("0 / 0 * result.mb", None),
                                 ("result.config", "number")):
            experiment = self.constrained(expression, config={"a": 0})
            self.assertEqual(experiment.trials[0]["feasible"], False, expression)
            if says is not None:
                self.assertRegex(experiment.done.err, says)

    def test_without_a_metric(self):
        experiment = self.run_experiment(sh(LINE, "{config.a}"), config=GRID,
                                         constraints="result.mb - 20")
        self.assertEqual([trial["feasible"] for trial in experiment.trials],
                         [False, False, True, True])

    def test_without_constraints(self):
        experiment = self.run_experiment(sh(LINE, "1"), metric="loss", mode="min")
        self.assertIsNone(experiment.trials[0]["feasible"])
        self.assertNotIn("feasible", experiment.results(0)[0])
        self.assertNotIn("feasible", experiment.command("trials").out)

    def test_another_metric_and_the_store(self):
        experiment = self.constrained()
        self.assertEqual(self.best(experiment, "--metric", "mb", "--mode", "max")["trial"], 2)
        store = sqlite3.connect("file:%s/experiment.db?mode=ro" % experiment.path, uri=True)
        self.assertEqual(store.execute("SELECT feasible FROM result ORDER BY trial").fetchall(),
                         [(0,), (0,), (1,), (1,)])
        store.close()

    def listen(self, caps):
        source = self.write("listener.c", LISTENER.replace("CAPS", caps))
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(source, "search", "listener")

    def test_what_the_search_is_told(self):
        self.listen("PBX_CAP_CONSTRAINTS")
        experiment = self.constrained(
            ["result.mb - 20", "result.none"], LINE + "; echo '{\"loss\": 1, \"mb\": 21.5}'",
            {"a": {"$randint": 9}}, search="listener")
        told = [line.split(": ", 3)[3] for line in experiment.done.err.splitlines()
                if "listener" in line or "search" in line]
        self.assertEqual(told, ["constraint result.mb - 20", "constraint result.none",
                                "result 2 20 inf", "result 2 1.5 inf", "result 2 1.5 inf"])

    def test_a_search_that_cannot(self):
        self.listen("0")
        self.refused({"trainable": sh(":"), "config": {"a": {"$randint": 9}}, "search": "listener",
                      "constraints": "result.mb - 20"},
                     "constraints: the search 'listener' cannot take constraints; '", "'random'")


if __name__ == "__main__":
    main()
