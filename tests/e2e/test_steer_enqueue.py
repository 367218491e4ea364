#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""pegbox enqueue: a config of one's own, with a driver and without."""
import json
import os
import sqlite3

from pegbox_test import PegboxTest, main, sh, wait_until

# A trial reports, and ends once there is a file `gate`.
GATED = """echo "{\\"loss\\": $1}"
while [ ! -e "$2" ]; do sleep 0.05; done"""
SPACE = {"x": {"$uniform": [0, 1]}, "n": {"$randint": [1, 9]}, "fixed": 7,
         "opt": {"$choice": [{"type": "sgd", "m": {"$uniform": [0, 1]}}, {"type": "adam"}]},
         "twice": {"$sample_from": "config.n * 2"}}
# Says what it is told of trials that it did not propose.
WATCHER = r"""
#include <pegbox/helpers.h>
struct pbx_instance { pbx_base base; uint64_t told; };
static pbx_status
suggest(pbx_instance *self, pbx_suggestion *s, pbx_error *error)
{
    (void)error;
    (void)self;
    s->x[0] = 0.25;
    return PBX_OK;
}
static pbx_status
adopt(pbx_instance *self, const pbx_suggestion *s, pbx_error *error)
{
    if (s->x[0] > 0.9)
        return pbx_fail(error, PBX_EINVAL, "x", "%g is too much", s->x[0]);
    pbx_log(self->base.host, PBX_LOG_WARNING, "adopts trial %d, %s, ask %s, x %g", (int)s->trial,
            s->flags == PBX_SUGGESTION_ENQUEUED ? "enqueued" : "not enqueued",
            s->ask == PBX_NONE ? "none" : "some", s->x[0]);
    return PBX_OK;
}
static pbx_status
tell(pbx_instance *self, const pbx_outcome *o, pbx_error *error)
{
    (void)error;
    pbx_log(self->base.host, PBX_LOG_WARNING, "told of trial %d", (int)o->trial);
    self->told++;
    return PBX_OK;
}
static void
state(pbx_instance *self, pbx_blob *blob)
{
    pbx_blob_u64(blob, &self->told);
}
PEGBOX_SEARCH("watcher", "1.0", "Always the same", "MIT", PEGBOX_NO_OPTIONS, 0, 1, NULL, state,
              .suggest = suggest, .adopt = adopt, .tell = tell);
"""


class Enqueue(PegboxTest):
    def setUp(self):
        super().setUp()
        self.gate = os.path.join(self.dir, "gate")

    def begin(self, config=None, **keys):
        keys = dict({"name": "e", "metric": "loss", "mode": "min", "num_samples": 2, "seed": 1,
                     "max_concurrent_trials": 1}, **keys)
        process = self.start("run", self.spec(sh(GATED, "{config.x}", self.gate),
                                              config=config or SPACE, **keys))
        self.wait_for(lambda rows: sum(row["results"] == 1 for row in rows) == 1)
        return process

    def rows(self):
        done = self.pegbox("trials", "e", "--json", expect=None)
        return done.json if done.status == 0 else []

    def wait_for(self, true):
        wait_until(lambda: true(self.rows()), 30, "trials")

    def open_gate(self):
        with open(self.gate, "w", encoding="utf-8"):
            pass

    def enqueue(self, config, *words, exp="e", **options):
        return self.pegbox("enqueue", exp, json.dumps(config), *words, **options)

    def starts(self):
        """Trials in the order in which they were started."""
        store = sqlite3.connect("file:%s/e/experiment.db?mode=ro" % self.results_dir, uri=True)
        rows = store.execute("SELECT trial FROM event WHERE type = 'trial-start' ORDER BY seq")
        return [row[0] for row in rows]

    def test_next_in_their_order_and_not_counted(self):
        process = self.begin()
        wait_until(lambda: len(self.rows()) == 2, 30, "both samples")
        self.assertEqual(self.enqueue({"x": 0.5}).out, "enqueued trial 2 of e\n")
        trial = self.enqueue({"x": 0.125, "n": 3, "opt": {"type": "adam"}}, "--json").json
        self.assertEqual((trial["trial"], trial["waits"]), (3, False))
        self.assertEqual(trial["config"], {"x": 0.125, "n": 3, "fixed": 7, "opt": {"type": "adam"},
                                           "twice": 6})
        # All samples are drawn: another one is taken while any trial runs.
        self.open_gate()
        done = self.finish(process)
        self.assertEqual(done.status, 0, str(done))
        self.assertEqual(self.starts(), [0, 2, 3, 1])
        self.assertIn("4 trials in ", done.out)
        rows = self.rows()
        self.assertEqual([row["state"] for row in rows], ["TERMINATED"] * 4)
        self.assertEqual(rows[2]["config"]["x"], 0.5)
        self.assertEqual(rows[3]["config"], trial["config"])

    def test_what_is_left_out_is_drawn_by_the_seed(self):
        configs = []
        for _ in range(2):
            process = self.begin()
            configs.append(self.enqueue({"x": 0.5}, "--json").json["config"])
            self.open_gate()
            self.finish(process)
            os.remove(self.gate)
            self.pegbox("rm", "e")
        self.assertEqual(configs[0], configs[1])
        self.assertTrue(1 <= configs[0]["n"] < 9)

    def test_refused(self):
        process = self.begin(duplicates="skip")
        for config, message in (
                ({"x": 2}, "x: 2 is no number from 0.0 to 1.0"),
                ({"y": 1}, "y: there is no such parameter"),
                ({"opt": {"type": "rms"}}, 'opt: {"type":"rms"} is none of ['),
                ({"fixed": 8}, "fixed: 8 is not in the space, the nearest is 7"),
                ([1], "a config is an object"),
                (self.rows()[0]["config"], "trial 0 has that config, and duplicates are skipped")):
            done = self.enqueue(config, expect=2)
            self.assertIn("pegbox: error: " + message, done.err)
        self.assertIn("CONFIG: ", self.pegbox("enqueue", "e", "{", expect=2).err)
        self.assertIn("CONFIG: it is too long",
                      self.pegbox("enqueue", "e", "-", text="[" + " " * 600000, expect=2).err)
        self.assertIn("no experiment 'f'", self.enqueue({}, exp="f", expect=2).err)
        self.assertIn("needs an experiment and a config", self.pegbox("enqueue", "e", expect=2).err)
        self.open_gate()
        self.assertEqual(self.finish(process).status, 0)
        self.assertEqual(len(self.rows()), 2)

    def test_of_standard_input(self):
        process = self.begin()
        self.pegbox("enqueue", "e", "-", text='{"x": 0.75}\n')
        self.assertEqual(self.rows()[2]["config"]["x"], 0.75)
        self.open_gate()
        self.finish(process)

    def test_while_it_ends(self):
        process = self.begin()
        self.pegbox("stop", "e", "--no-wait")
        # The trial takes no notice of SIGTERM's sender: sh ends at once, or has ended.
        done = self.enqueue({}, expect=None)
        self.assertIn(done.status, (0, 2), str(done))
        if done.status == 2:
            self.assertRegex(done.err, "is ending|has ended|driver")
        self.assertEqual(self.finish(process).status, 130)

    def test_what_the_search_is_told(self):
        path = self.write("watcher.c", WATCHER)
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(path, "search", "watcher")
        process = self.begin(config={"x": {"$uniform": [0, 1]}}, search="watcher")
        self.enqueue({"x": 0.5})
        self.assertIn("search/watcher: x: 0.95 is too much", self.enqueue({"x": 0.95}, expect=2).err)
        self.enqueue({"x": 0.75})
        self.open_gate()
        done = self.finish(process)
        self.assertEqual(done.status, 0, str(done))
        self.assertIn("adopts trial 2, enqueued, ask none, x 0.5\n", done.err)
        self.assertIn("adopts trial 3, enqueued, ask none, x 0.75\n", done.err)
        for trial in range(4):
            self.assertEqual(done.err.count("told of trial %d\n" % trial), 1)

    def test_without_a_driver(self):
        path = self.write("watcher.c", WATCHER)
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(path, "search", "watcher")
        self.open_gate()
        experiment = self.run_experiment(
            sh(GATED, "{config.x}", self.gate), name="e", metric="loss", mode="min",
            config={"x": {"$uniform": [0, 1]}}, search="watcher", num_samples=1,
            trial_dirname="t_{trial.number}")
        done = self.enqueue({"x": 0.5})
        self.assertIn("enqueued trial 1 of e; the experiment does not run", done.out)
        self.assertIn("adopts trial 1, enqueued, ask none, x 0.5\n", done.err)
        self.assertTrue(self.enqueue({"x": 0.75}, "--json").json["waits"])
        self.assertIn("x: 3 is no number", self.enqueue({"x": 3}, expect=2).err)
        self.assertEqual(experiment.states, ["TERMINATED", "PENDING", "PENDING"])
        self.assertEqual([config["x"] for config in experiment.configs], [0.25, 0.5, 0.75])
        self.assertEqual([os.path.basename(row["dir"]) for row in self.rows()],
                         ["t_0", "t_1", "t_2"])
        # It can be taken back.
        self.pegbox("stop", "e", "1")
        self.assertEqual(experiment.states[1], "TERMINATED")

    def test_asked_for(self):
        # Where trials are asked for they come out as others do, and are none of num_samples.
        path = self.write("watcher.c", WATCHER)
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(path, "search", "watcher")
        self.pegbox("ask", "--create", self.spec(
            name="e", metric="loss", mode="min", config={"x": {"$uniform": [0, 1]}},
            search="watcher", num_samples=2))
        self.enqueue({"x": 0.5})
        asked = [self.pegbox("ask", "e").json for _ in range(2)]
        self.assertEqual([trial["config"]["x"] for trial in asked], [0.5, 0.25])
        self.assertEqual([trial["trial"] for trial in asked], [1, 2])
        self.assertTrue(self.pegbox("ask", "e").json["done"])
        for trial in range(3):
            self.pegbox("tell", "e", str(trial), "1")
        self.assertEqual(self.pegbox("ls", "--json").json[0]["status"], "done")

    def test_many_at_once(self):
        # From eight processes, without a driver: each gets a trial of its own.
        self.open_gate()
        experiment = self.run_experiment(sh(GATED, "{config.x}", self.gate), name="e",
                                         metric="loss", mode="min", config=SPACE)
        asking = [self.start("enqueue", "e", json.dumps({"x": i / 16}), "--json")
                  for i in range(8)]
        trials = [json.loads(self.finish(process).out) for process in asking]
        self.assertEqual(sorted(trial["trial"] for trial in trials), list(range(1, 9)))
        for i, trial in enumerate(trials):
            self.assertEqual(experiment.configs[trial["trial"]]["x"], i / 16)


if __name__ == "__main__":
    main()
