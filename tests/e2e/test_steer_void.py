#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""pegbox void: a trial whose results count no more, with a driver and without."""
import os
import sqlite3

from pegbox_test import PegboxTest, main, sh, wait_until

# Trial 2 goes on until there is a file `gate`.
GATED = """echo "{\\"loss\\": $1}"
while [ "$1" = 2 ] && [ ! -e "$2" ]; do sleep 0.05; done"""
# Proposes 0, 1, 2, and says what it is told; forgets what `forgets` allows.
WATCHER = r"""
#include <pegbox/helpers.h>
struct pbx_instance { pbx_base base; uint64_t told; };
static const pbx_option options[] = {
    PBX_OPT_BOOL("forgets", "whether it can", "1.0", "true"),
};
static pbx_status
suggest(pbx_instance *self, pbx_suggestion *s, pbx_error *error)
{
    (void)error;
    (void)self;
    s->x[0] = (double)s->ask;
    s->origin = s->ask + 100;
    return PBX_OK;
}
static pbx_status
tell(pbx_instance *self, const pbx_outcome *o, pbx_error *error)
{
    self->told++;
    if (o->end != PBX_END_VOID)
        return PBX_OK;
    if (!pbx_boolean(self->base.host, self->base.options, "forgets"))
        return pbx_fail(error, PBX_ENOTSUP, "", "it remembers all");
    pbx_log(self->base.host, PBX_LOG_WARNING, "forgets trial %d, origin %d, %s, told %d",
            (int)o->trial, (int)o->origin, o->last ? "with a result" : "no result",
            (int)self->told);
    return PBX_OK;
}
static void
state(pbx_instance *self, pbx_blob *blob)
{
    pbx_blob_u64(blob, &self->told);
}
PEGBOX_SEARCH("watcher", "1.0", "Counts", "MIT", options, 0, 1, NULL, state, .suggest = suggest,
              .tell = tell);
"""


class Void(PegboxTest):
    def setUp(self):
        super().setUp()
        self.gate = os.path.join(self.dir, "gate")
        path = self.write("watcher.c", WATCHER)
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(path, "search", "watcher")

    def begin(self, duplicates="allow", **options):
        """Starts three trials with losses 0, 1 and 2; the last one goes on."""
        process = self.start("run", self.spec(
            sh(GATED, "{config.x}", self.gate), name="e", metric="loss", mode="min", num_samples=3,
            config={"x": {"$randint": 100}}, search=dict({"plugin": "watcher"}, **options),
            max_concurrent_trials=1, duplicates=duplicates))
        wait_until(lambda: [row["results"] for row in self.rows()] == [1, 1, 1], 30, "trials")
        return process

    def finish_run(self, process):
        with open(self.gate, "w", encoding="utf-8"):
            pass
        done = self.finish(process)
        self.assertEqual(done.status, 0, str(done))
        return done

    def rows(self):
        done = self.pegbox("trials", "e", "--json", expect=None)
        return done.json if done.status == 0 else []

    def refused_void(self, message, *words):
        self.assertIn("pegbox: error: " + message, self.pegbox("void", *words, expect=2).err)

    def best(self):
        return self.pegbox("best", "e", "--json").json["trial"]

    def check(self):
        """Trial 0 is void: marked, not the best, told of once."""
        rows = self.rows()
        self.assertEqual([row["outcome"] for row in rows][:2], ["void", "completed"])
        self.assertEqual(rows[0]["state"], "TERMINATED")
        self.assertEqual(rows[0]["results"], 1)
        self.assertEqual(rows[0]["reason"], "made void by a user")
        self.assertEqual(self.best(), 1)
        self.assertEqual(self.pegbox("ls", "--json").json[0]["best"], 1)
        store = sqlite3.connect("file:%s/e/experiment.db?mode=ro" % self.results_dir, uri=True)
        self.assertEqual(store.execute("SELECT trial, text FROM event WHERE type = 'void'")
                         .fetchall(), [(0, "by a user")])

    def test_with_a_driver(self):
        process = self.begin()
        self.assertEqual(self.best(), 0)
        self.refused_void("trial 2 has not ended: it is RUNNING; stop it first", "e", "2")
        self.assertEqual(self.pegbox("void", "e", "0").out, "trial 0 of e is void\n")
        self.check()
        self.refused_void("trial 0 is void already", "e", "0")
        self.refused_void("no trial '3' in e", "e", "3")
        self.refused_void("void needs an experiment and a trial of it", "0")
        done = self.finish_run(process)
        self.check()
        self.assertIn("forgets trial 0, origin 100, no result, told 3\n", done.err)
        self.assertIn("2 completed, 1 voided", done.out)
        self.assertIn("Best loss: 1, by trial 1", done.out)

    def test_without_a_driver(self):
        self.finish_run(self.begin())
        done = self.pegbox("void", "e", self.rows()[0]["id"])
        self.check()
        # The search has the state that it had, and it is kept.
        self.assertIn("forgets trial 0, origin 100, no result, told 4\n", done.err)
        self.refused_void("trial 0 is void already", "e", "0")
        self.assertIn("told 5\n", self.pegbox("void", "e", "2").err)
        self.pegbox("void", "e", "1")
        self.pegbox("best", "e", expect=1)

    def test_a_search_that_cannot_forget(self):
        process = self.begin(forgets=False)
        self.assertEqual(self.pegbox("void", "e", "0").out, "trial 0 of e is void, but its search "
                         "cannot forget what it has learnt from it\n")
        self.check()
        done = self.finish_run(process)
        self.assertIn("trial 0 is void, but not forgotten: search/watcher: it remembers all",
                      done.err)
        self.assertIn("cannot forget", self.pegbox("void", "e", "2").out)
        self.assertEqual(self.best(), 1)

    def test_its_config_may_run_again(self):
        # A broken node: the same once more, though nothing is to run twice.
        process = self.begin(duplicates="skip")
        again = ("enqueue", "e", '{"x": 0}')
        self.assertIn("trial 0 has that config", self.pegbox(*again, expect=2).err)
        self.pegbox("void", "e", "0")
        self.assertEqual(self.pegbox(*again).out, "enqueued trial 3 of e\n")
        self.assertIn("trial 3 has that config", self.pegbox(*again, expect=2).err)
        self.finish_run(process)
        self.assertEqual(self.best(), 3)
        # Without a driver too.
        self.pegbox("void", "e", "3")
        self.assertIn("enqueued trial 4 of e", self.pegbox(*again).out)
        self.assertIn("trial 4 has that config", self.pegbox(*again, expect=2).err)


if __name__ == "__main__":
    main()
