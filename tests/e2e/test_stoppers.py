#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Stoppers that look at values over time, and those that wrap others."""
import json
import os
import sqlite3

from pegbox_test import PegboxTest, main, python, read_text, sh, wait_until

# Reports its words as loss, and i.
VALUES = sh("""i=0; for x in $*; do i=$((i + 1)); echo "{\\"loss\\": $x, \\"i\\": $i}"; done""",
            *["{v[%d]}" % i for i in range(8)])
# i and loss = 1 / i, without end; says so where it is asked to stop.
ENDLESS = python("""
import pegbox
for i in range(1, 1000000):
    pegbox.report(i=i, loss=1 / i)
""")
PLATEAU = {"plugin": "trial-plateau"}
NESTED = {"plugin": "combined", "require": "all",
          "stoppers": [{"i": 3}, {"plugin": "combined",
                                  "stoppers": [{"when": "result.loss == 7"}, PLATEAU, "noop"]}]}


class Stoppers(PegboxTest):
    def counts(self, values, stop, **keys):
        """How many results came of trials that would report these."""
        keys = dict({"metric": "loss", "mode": "min"}, **keys)
        experiment = self.run_experiment(
            VALUES, config={"v": {"$grid_search": values}}, stop=stop, **keys)
        self.assertEqual(set(experiment.states), {"TERMINATED"})
        self.experiment = experiment
        return experiment.counts


class Plateaus(Stoppers):
    def test_trial(self):
        values = [[0.50, 0.51, 0.52, 0.51, 9, 9, 9, 9], [1, 1.02, 1, 1.02, 2, 3, 4, 5],
                  [5, 4, 3, 2, 1, 1, 1, 1]]
        self.assertEqual(self.counts(values, PLATEAU), [4, 8, 8])
        self.assertIn("std of 0.0070", self.experiment.trials[0]["reason"])
        self.assertEqual(self.experiment.trials[0]["outcome"], "completed")
        self.assertIsNone(self.experiment.trials[1]["reason"])

    def test_trial_by_another_metric(self):
        stop = {"plugin": "trial-plateau", "metric": "i", "std": 1.2, "metric_threshold": 6,
                "mode": "max"}
        self.assertEqual(self.counts([[9] * 8], stop), [6])

    def test_experiment(self):
        """Trials that run then end at their next report, with all that belongs to an end; what
        waits never begins."""
        experiment = self.run_experiment(
            ENDLESS, metric="loss", mode="min", num_samples=50, max_concurrent_trials=2,
            stop=[{"i": 20}, {"plugin": "experiment-plateau", "top": 5, "patience": 3}],
            config={"x": {"$uniform": [0, 1]}})
        self.assertEqual(len(experiment.trials), len(experiment.states))
        self.assertEqual(set(experiment.states), {"TERMINATED"})
        ended = [trial for trial in experiment.trials if trial["results"] > 0]
        self.assertLess(len(ended), 50)
        reasons = [trial["reason"] for trial in ended]
        self.assertTrue(any("best values of loss have a std of" in reason for reason in reasons),
                        reasons)
        for trial in ended:
            last = experiment.results(trial["trial"])[-1]
            self.assertTrue(last["done"])
            line = json.loads(experiment.read(trial["trial"], "result.json").splitlines()[-1])
            self.assertTrue(line["done"])
            self.assertEqual(line["training_iteration"], last["training_iteration"])
        for trial in experiment.trials:
            self.assertEqual(trial["results"] > 0, trial["attempts"] > 0)
        with sqlite3.connect(experiment.path + "/experiment.db") as db:
            events = db.execute("SELECT count(*) FROM event WHERE type = 'complete'").fetchone()
        self.assertEqual(events[0], len(experiment.trials))

    def test_bad_options_have_their_place(self):
        self.refused('{"trainable": {"command": ["true"]},\n "stop": {"plugin": "trial-plateau",\n'
                     ' "std": 0}}', "bad.json:3:9: stop.std: ")
        self.refused({"trainable": sh(":"), "stop": {"plugin": "experiment-plateau", "top": 1,
                                                     "patience": -1}}, "stop.top: ",
                     "stop.patience: ")
        self.refused({"trainable": sh(":"), "stop": PLATEAU}, "metric: which result field is meant?")
        self.refused({"trainable": sh(":"), "stop": {
            "plugin": "trial-plateau", "metric": "acc", "metric_threshold": 1}},
                     "stop.metric_threshold: ")


class Combined(Stoppers):
    def test_any(self):
        stop = {"plugin": "combined", "stoppers": [{"i": 6}, PLATEAU]}
        values = [[5, 1, 1, 1, 1, 9, 9, 9], [1, 2, 3, 4, 5, 6, 7, 8]]
        self.assertEqual(self.counts(values, stop), [5, 6])

    def test_all(self):
        stop = {"plugin": "combined", "require": "all", "stoppers": [{"i": 6}, PLATEAU]}
        values = [[5, 1, 1, 1, 1, 9, 9, 9], [1, 1, 1, 1, 1, 1, 1, 1], [5, 1, 1, 1, 1, 1, 1, 1]]
        self.assertEqual(self.counts(values, stop), [8, 6, 6])
        self.assertIn("i 6 >= 6; the last 4 values", self.experiment.trials[1]["reason"])

    def test_nested(self):
        values = [[7, 7, 2, 3, 7, 1, 1, 1], [1, 1, 1, 1, 1, 1, 1, 1], [1, 2, 3, 4, 5, 6, 8, 9]]
        self.assertEqual(self.counts(values, NESTED), [5, 4, 8])

    def test_experiment_is_run_again_from_its_own_file(self):
        self.counts([[1] * 8], NESTED)
        path = self.experiment.path + "/experiment.json"
        stop, = json.loads(read_text(path))["stop"]
        inner = stop["stoppers"][1]["stoppers"]
        self.assertEqual(stop["stoppers"][0], {"plugin": "threshold", "bounds": {"i": 3}})
        self.assertEqual((inner[0]["plugin"], inner[1]["num_results"], inner[2]),
                         ("when", 4, {"plugin": "noop"}))
        done = self.pegbox("run", path, "--name", "again")
        self.assertEqual(self.opened("again", done).counts, self.experiment.counts)

    def test_state_of_all_is_stored_and_loaded(self):
        """ask and tell load it in each process anew."""
        spec = self.spec(name="e", metric="loss", mode="min", num_samples=2, stop=[NESTED])
        self.pegbox("ask", "--create", spec)
        for _ in range(3):
            self.pegbox("tell", "e", "0", '{"loss": 1, "i": 4}', "--intermediate")
        with sqlite3.connect(self.results_dir + "/e/experiment.db") as db:
            slots = [row[0] for row in db.execute("SELECT slot FROM decider ORDER BY slot")]
        self.assertIn("stop[0].stoppers[1].stoppers[1]", slots)
        done = self.pegbox("tell", "e", "0", '{"loss": 1, "i": 4}', "--intermediate", expect=None)
        trial = self.opened("e").trials[0]
        self.assertEqual((trial["state"], trial["results"]), ("TERMINATED", 4), str(done))
        self.assertIn("the last 4 values of loss", trial["reason"])

    def test_state_of_all_survives_a_killed_driver(self):
        """Results before and after count together."""
        gate = self.write("gate", "")
        spec = self.spec(sh("""for i in 1 2 3 4 5 6; do
            if [ $i = 3 ]; then while [ -e %s ]; do sleep 0.02; done; fi
            echo "{\\"loss\\": $i}"; done""" % gate), name="e", metric="loss", mode="min",
                         stop={"plugin": "combined", "stoppers": ["noop", {
                             "plugin": "combined",
                             "stoppers": [{"plugin": "max-iteration", "max_iter": 4}]}]})
        process = self.start("run", spec)
        wait_until(lambda: self.pegbox("results", "e", "0", "--json", expect=None).out.count("loss")
                   == 2, 20, "two reports")
        process.kill()
        process.wait()
        os.remove(gate)
        self.pegbox("resume", "e")
        experiment = self.opened("e")
        self.assertEqual(max(result["n"] for result in experiment.results(0)), 4)
        self.assertEqual(experiment.trials[0]["reason"], "4 results")

    def test_nothing_is_left_of_the_state_of_another(self):
        def stop(most):
            return {"plugin": "combined", "stoppers": [{"plugin": "max-iteration",
                                                        "max_iter": most}]}

        def of_event():
            """The last one that its state knows of."""
            with sqlite3.connect(self.results_dir + "/e/experiment.db") as db:
                return db.execute("SELECT at_seq FROM decider WHERE slot = 'stop[0].stoppers[0]'"
                                  ).fetchone()[0]
        self.run_experiment(sh("echo '{\"v\": 1}'"), name="e", stop=stop(10))
        before = of_event()
        self.pegbox("resume", "e")
        self.assertEqual(of_event(), before)
        self.pegbox("resume", "e", "--set", "stop=" + json.dumps(stop(11)))
        self.assertGreater(of_event(), before)

    def test_mistakes_have_their_place(self):
        def refused(stoppers, *messages, **keys):
            self.refused(dict({"trainable": sh(":"),
                               "stop": {"plugin": "combined", "stoppers": stoppers}}, **keys),
                         *messages)
        refused([], "stop.stoppers: must not be empty")
        refused(["noop", {"i": "x"}], "stop.stoppers[1].i: needs a number")
        refused([{"when": "result."}], "stop.stoppers[0].when: ")
        refused([{"when": "true", "scop": "x"}], "stop.stoppers[0].scop: ")
        refused([{}], "stop.stoppers[0]: an empty object is no stopper")
        refused(["nop"], "there is no stopper 'nop'; did you mean 'noop'?")
        refused([{"plugin": "max-iteration", "max_iter": 0}], "stop.stoppers[0].max_iter: ")
        refused([{"loss": 1}], "stop.stoppers[0].loss: a bare number", metric="loss", mode="min")
        # What only a plugin can refuse.
        refused(["noop", {"plugin": "combined", "stoppers": [PLATEAU]}],
                "stop.stoppers[1].stoppers[0]: stopper/trial-plateau: metric: ")
        refused([{"plugin": "trial-plateau", "metric": "a", "metric_threshold": 1}],
                "stop.stoppers[0].metric_threshold: ")

    def test_schema_has_definitions_of_all_that_it_names(self):
        schema = self.pegbox("schema").json

        def references(node):
            if isinstance(node, dict):
                if "$ref" in node:
                    yield node["$ref"]
                node = node.values()
            elif not isinstance(node, list):
                return
            for item in node:
                yield from references(item)
        names = set(references(schema))
        self.assertIn("#/$defs/stopper", names)
        self.assertLessEqual({name.rsplit("/", 1)[1] for name in names}, set(schema["$defs"]))
        options = self.pegbox("inspect", "stopper/combined", "--json").json["options"]
        self.assertEqual([(option["name"], option["type"]) for option in options],
                         [("stoppers", "plugin"), ("require", "enum")])


if __name__ == "__main__":
    main()
