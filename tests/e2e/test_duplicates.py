#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`duplicates`: "skip" runs no config twice; the search is told, and asked again."""
import json
import sqlite3

from pegbox_test import PegboxTest, main, sh

REPORT = "echo '{\"loss\": '$1'}'"
WARNING = ("pegbox: warning: search: the last 100 configs were all run before (duplicates: skip): "
           "no more trials\n")
# Proposes 0, and once that has ended 0, 1, 1, 2, 2 ...; says what it is told.
PAIRS = r"""
#include <pegbox/helpers.h>
struct pbx_instance { pbx_base base; int ended; };
static pbx_status
suggest(pbx_instance *self, pbx_suggestion *s, pbx_error *error)
{
    (void)error;
    if (s->ask > 0 && !self->ended)
        return PBX_AGAIN;
    pbx_log(self->base.host, PBX_LOG_WARNING, "ask %d is trial %d", (int)s->ask, (int)s->trial);
    s->x[0] = (double)(s->ask / 2) + (s->ask == 3 ? 0.25 : 0);
    s->origin = s->ask + 100;
    return PBX_OK;
}
static pbx_status
adopt(pbx_instance *self, const pbx_suggestion *s, pbx_error *error)
{
    (void)error;
    pbx_log(self->base.host, PBX_LOG_WARNING, "adopts %d", (int)s->x[0]);
    return PBX_OK;
}
static pbx_status
tell(pbx_instance *self, const pbx_outcome *o, pbx_error *error)
{
    (void)error;
    self->ended = 1;
    if (o->end == PBX_END_DUPLICATE)
        pbx_log(self->base.host, PBX_LOG_WARNING, "skipped %d %s origin %d: %s %d", (int)o->x[0],
                o->trial == PBX_NONE ? "nobody" : "somebody", (int)o->origin,
                o->last ? "loss" : "none", o->last ? (int)o->last->losses[0] : -1);
    return PBX_OK;
}
PEGBOX_SEARCH("pairs", "1.0", "Each twice", "MIT", PEGBOX_NO_OPTIONS, PBX_CAP_OBJECTIVES, 0, NULL,
              NULL, .suggest = suggest, .adopt = adopt, .tell = tell);
"""


class Duplicates(PegboxTest):
    def run_space(self, config, expect=0, **keys):
        keys = dict({"metric": "loss", "mode": "min", "duplicates": "skip", "seed": 1}, **keys)
        return self.run_experiment(sh(REPORT, "{config.a}"), config=config, expect=expect, **keys)

    def values(self, experiment):
        return [config["a"] for config in experiment.configs]

    def skipped(self, experiment):
        store = sqlite3.connect("file:%s/experiment.db?mode=ro" % experiment.path, uri=True)
        row = store.execute("SELECT value FROM fact WHERE key = 'skipped'").fetchone()
        store.close()
        return int(row[0]) if row else 0

    def test_ends_after_100_in_a_row(self):
        experiment = self.run_space({"a": {"$randint": 5}}, num_samples=50)
        self.assertEqual(sorted(self.values(experiment)), [0, 1, 2, 3, 4])
        self.assertEqual(experiment.done.err, WARNING)
        self.assertGreaterEqual(self.skipped(experiment), 100)
        self.assertRegex(experiment.done.out,
                         r"(?m)^5 trials in .*: 5 completed; %d duplicates skipped\n"
                         % self.skipped(experiment))

    def test_without_end(self):
        experiment = self.run_space({"a": {"$randint": 5}}, num_samples=-1)
        self.assertEqual(sorted(self.values(experiment)), [0, 1, 2, 3, 4])
        self.assertEqual(experiment.done.err, WARNING)

    def test_skipped_ones_do_not_count(self):
        experiment = self.run_space({"a": {"$randint": 10}}, num_samples=9)
        values = self.values(experiment)
        self.assertEqual((len(values), len(set(values))), (9, 9))
        self.assertGreater(self.skipped(experiment), 0)
        self.assertEqual(experiment.done.err, "")

    def test_a_grid_ends_with_its_last_point(self):
        experiment = self.run_space({"a": {"$grid_search": [3, 1, 2]}}, num_samples=3)
        self.assertEqual(self.values(experiment), [3, 1, 2])
        self.assertEqual(experiment.done.err, "")
        self.assertEqual(self.skipped(experiment), 6)

    def test_equal_items_of_a_grid(self):
        experiment = self.run_space({"a": {"$grid_search": [1, 2, 1]}})
        self.assertEqual(self.values(experiment), [1, 2])

    def test_what_is_sampled_is_drawn_anew(self):
        experiment = self.run_space({"a": {"$sample_from": "randint(0, 9)"}}, num_samples=8)
        values = self.values(experiment)
        self.assertEqual((len(values), len(set(values))), (8, 8))
        self.assertGreater(self.skipped(experiment), 0)

    def test_without_duplicates_nothing_changes(self):
        space = {"a": {"$uniform": [0, 1]}, "b": {"$sample_from": "randn()"}}
        skip = self.run_space(space, num_samples=20)
        allow = self.run_space(space, num_samples=20, duplicates="allow")
        self.assertEqual(skip.configs, allow.configs)

    def test_allow_is_the_default(self):
        experiment = self.run_experiment(sh(REPORT, "1"), num_samples=3, metric="loss", mode="min")
        self.assertEqual(experiment.configs, [{}, {}, {}])
        with open(experiment.path + "/experiment.json", encoding="utf-8") as file:
            self.assertEqual(json.load(file)["duplicates"], "allow")

    def test_failed_trials_were_run(self):
        experiment = self.run_experiment(
            sh("echo '{\"loss\": 1}'; exit 1"), metric="loss", mode="min", duplicates="skip",
            config={"a": {"$randint": 3}}, num_samples=10, fail_fast=False, expect=1)
        self.assertEqual(sorted(self.values(experiment)), [0, 1, 2])

    def test_what_the_search_is_told(self):
        source = self.write("pairs.c", PAIRS)
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(source, "search", "pairs")
        experiment = self.run_space({"a": {"$randint": 1000}}, search="pairs", num_samples=3,
                                    max_concurrent_trials=1)
        self.assertEqual(self.values(experiment), [0, 1, 2])
        self.assertEqual([trial["trial"] for trial in experiment.trials], [0, 1, 2])
        lines = [line.split(": ", 3)[3] for line in experiment.done.err.splitlines()]
        told = [line for line in lines if not line.startswith("ask")]
        self.assertEqual([line for line in lines if line.startswith("ask")],
                         ["ask 0 is trial 0", "ask 1 is trial 1", "ask 2 is trial 1",
                          "ask 3 is trial 2", "ask 4 is trial 2"])
        self.assertEqual(told[0], "skipped 0 nobody origin 101: loss 0")
        self.assertEqual(told[1], "adopts 1")
        # A trial is made ahead: the second may have reported by then, or not.
        self.assertRegex(told[2], r"^skipped 1 nobody origin 103: (none -1|loss 1)$")
        self.assertEqual(len(told), 3)

    def test_other_words_are_refused(self):
        self.refused({"trainable": sh(":"), "duplicates": "never"},
                     'duplicates: needs "allow" or "skip", got "never"')


if __name__ == "__main__":
    main()
