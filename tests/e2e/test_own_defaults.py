#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The user's own defaults.json goes over the installed one, part by part."""
import json
import os

from pegbox_test import PegboxTest, main, sh

REPORT = sh("echo '{\"loss\": 1}'")
# Ends each trial at its first result, whatever it is asked.
FIRST = r"""
#include <pegbox/helpers.h>
struct pbx_instance { pbx_base base; };
static pbx_status
result(pbx_instance *self, const pbx_result *r, pbx_verdict *verdict, pbx_error *error)
{
    (void)self;
    (void)r;
    (void)error;
    verdict->stop = 1;
    verdict->reason = "by the user's own";
    return PBX_OK;
}
static const pbx_option options[] = {
    PBX_OPT_ANY(PBX_OPTION_JSON, 0, "rules", "anything", "1.0", "null"),
};
PEGBOX_STOPPER("first", "1.0", "Ends at once", "MIT", options, 0, 0, NULL, NULL,
               .result = result);
"""


class OwnDefaults(PegboxTest):
    def own(self, folder="config", **keys):
        return self.write(folder + "/pegbox/defaults.json", json.dumps(keys))

    def resolved(self, experiment):
        with open(os.path.join(experiment.path, "experiment.json"), encoding="utf-8") as file:
            return json.load(file)

    def run_one(self, **keys):
        return self.run_experiment(REPORT, metric="loss", mode="min", **keys)

    def test_one_part_leaves_the_others(self):
        self.own(scheduler="asha")
        resolved = self.resolved(self.run_one())
        self.assertEqual(resolved["scheduler"]["plugin"], "asha")
        self.assertEqual(resolved["search"]["plugin"], "random")
        self.assertEqual([logger["plugin"] for logger in resolved["loggers"]], ["json", "csv"])

    def test_the_file_goes_over_it(self):
        self.own(scheduler="asha")
        self.assertEqual(self.resolved(self.run_one(scheduler="fifo"))["scheduler"]["plugin"], "fifo")

    def test_loggers(self):
        self.own(loggers=["csv", "tensorboard"])
        experiment = self.run_one()
        self.assertEqual(experiment.done.err, "")
        names = os.listdir(experiment.dir(0))
        self.assertIn("progress.csv", names)
        self.assertNotIn("result.json", names)
        self.own(loggers=[])
        self.assertEqual(self.resolved(self.run_one())["loggers"], [])

    def test_a_short_form_of_stop(self):
        source = self.write("first.c", FIRST)
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(source, "stopper", "first")
        self.own(stop={"thresholds": {"plugin": "first", "option": "rules"}})
        experiment = self.run_one(stop={"loss": {"<=": -5}})
        self.assertEqual(experiment.trials[0]["reason"], "by the user's own")
        self.assertEqual(self.resolved(experiment)["stop"],
                         [{"plugin": "first", "rules": {"loss": {"<=": -5}}}])
        # The other forms are still the installation's.
        other = self.run_one(stop={"when": "result.loss > 5"})
        self.assertEqual(self.resolved(other)["stop"][0]["plugin"], "when")

    def test_the_usual_place(self):
        self.env["XDG_CONFIG_HOME"] = ""
        self.own(".config", scheduler="asha")
        self.assertEqual(self.resolved(self.run_one())["scheduler"]["plugin"], "asha")

    def test_experiment_json_does_not_depend_on_it(self):
        self.own(scheduler="asha")
        experiment = self.run_one()
        os.unlink(self.own())
        path = os.path.join(experiment.path, "experiment.json")
        self.pegbox("run", path, "--name", "again")
        self.assertEqual(self.resolved(self.opened("again"))["scheduler"]["plugin"], "asha")

    def told(self, *message, **keys):
        path = self.own(**keys)
        done = self.pegbox("validate", self.spec(REPORT), expect=2)
        self.assertEqual(done.err, "".join("%s:%s\n" % (path, line) for line in message))

    def test_mistakes_have_their_place_there(self):
        self.told("1:12: search: there is no search 'randm'; did you mean 'random'?",
                  search="randm")
        self.told("1:14: loggers[0]: there is no logger 'jsn'; did you mean 'json'?",
                  loggers=["jsn"])
        self.told("1:11: serch: there is no such key; did you mean 'search'?", serch="x")
        self.told("1:30: stop.when.option: stopper/when has no option 'rule'",
                  stop={"when": {"option": "rule"}})
        self.told("1:15: scheduler: there is no scheduler 'fifi'; did you mean 'fifo'?",
                  "1:35: executor: there is no executor 'locl'; did you mean 'local'?",
                  scheduler="fifi", executor="locl")


class AutoLoggers(PegboxTest):
    """No automatic ones by the file or the environment; those that are named stay."""

    def names(self, **keys):
        experiment = self.run_experiment(REPORT, metric="loss", mode="min", **keys)
        return {name for name in os.listdir(experiment.dir(0))
                if name in ("result.json", "progress.csv", "params.json")}

    def test_by_the_file(self):
        self.assertEqual(self.names(), {"result.json", "progress.csv", "params.json"})
        self.assertEqual(self.names(auto_loggers=False), set())
        self.assertEqual(self.names(auto_loggers=False, loggers=["csv"]), {"progress.csv"})

    def test_by_the_environment(self):
        off = {"PEGBOX_DISABLE_AUTO_CALLBACK_LOGGERS": "1"}
        self.assertEqual(self.names(environ=off), set())
        self.assertEqual(self.names(environ=off, loggers=["csv"]), {"progress.csv"})
        self.assertEqual(self.names(environ=off, auto_loggers=True), set())
        self.assertEqual(self.names(environ={"PEGBOX_DISABLE_AUTO_CALLBACK_LOGGERS": "0"}),
                         {"result.json", "progress.csv", "params.json"})


if __name__ == "__main__":
    main()
