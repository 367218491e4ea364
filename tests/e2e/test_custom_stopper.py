#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The CustomStopper of Tune's guide as somebody else's plugin: once one trial is good enough, it
and all others stop."""
from pegbox_test import PegboxTest, main, python

STOPPER = r"""
#include <pegbox/helpers.h>
struct pbx_instance {
    pbx_base base;
    uint32_t should_stop;
};
static const pbx_option options[] = {
    PBX_OPT_FIELD("metric", "the field to look at", "1.0", "\"mean_accuracy\""),
    PBX_OPT_REAL("threshold", "beyond which all is done", "1.0", -INFINITY, INFINITY, "0.8"),
};

static pbx_status
result(pbx_instance *self, const pbx_result *r, pbx_verdict *verdict, pbx_error *error)
{
    double threshold = pbx_real(self->base.host, self->base.options, "threshold");
    (void)error;
    if (r->present[0] && r->watched[0] > threshold)
        self->should_stop = 1;
    verdict->stop = self->should_stop;
    return PBX_OK;
}

static pbx_status
all(pbx_instance *self, pbx_verdict *verdict, pbx_error *error)
{
    (void)error;
    verdict->stop = self->should_stop;
    return PBX_OK;
}

static void
state(pbx_instance *self, pbx_blob *blob)
{
    pbx_blob_u32(blob, &self->should_stop);
}

PEGBOX_STOPPER("custom", "1.0", "Stops all once one is good enough", "MIT", options, 0, 1, NULL,
               state, .result = result, .all = all);
"""
# Grows by its rate, without end.
TRAIN = """
import pegbox
rate = pegbox.config()["rate"]
for i in range(1, 1000000):
    pegbox.report(mean_accuracy=min(1, rate * i))
"""


class CustomStopper(PegboxTest):
    def run_with(self, stop, **keys):
        source = self.write("custom.c", STOPPER)
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(source, "stopper", "custom")
        return self.run_experiment(
            python(TRAIN), config={"rate": {"$grid_search": [0, 0.1, 0, 0, 0, 0]}},
            metric="mean_accuracy", mode="max", stop=stop, max_concurrent_trials=2, **keys)

    def check(self, experiment):
        """Only those that ran beside the good one were ever started; all of them have ended."""
        self.assertEqual(experiment.states, ["TERMINATED"] * 6)
        trials = experiment.trials
        self.assertEqual([trial["attempts"] for trial in trials], [1, 1, 0, 0, 0, 0])
        # 0.1 * 9 is the first beyond 0.8, but for rounding: 0.8 itself is not.
        self.assertEqual(trials[1]["results"], 9)
        for number in (0, 1):
            self.assertTrue(experiment.results(number)[-1]["done"])
        self.assertEqual({trial["outcome"] for trial in trials[2:]}, {"stopped"})

    def test_stops_all(self):
        self.check(self.run_with("custom"))

    def test_stops_all_from_within_a_wrapper(self):
        self.check(self.run_with({"plugin": "combined", "stoppers": ["noop", "custom"]}))

    def test_threshold_that_nothing_reaches(self):
        experiment = self.run_with([{"plugin": "custom", "threshold": 2}, {"training_iteration": 3}])
        self.assertEqual(experiment.counts, [3] * 6)


if __name__ == "__main__":
    main()
