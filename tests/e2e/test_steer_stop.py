#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""pegbox stop: an experiment or one trial, with a driver and without."""
import json
import os
import signal

from pegbox_test import PegboxTest, main, sh, wait_until

# Reports once, and then lasts until it is told to end.
LASTING = """trap 'echo bye >"$PEGBOX_TRIAL_DIR/bye"; exit 0' TERM
echo '{"loss": 5}'
while :; do sleep 0.1; done"""


class Stop(PegboxTest):
    def begin(self, **keys):
        """Starts an experiment of four trials, two at a time, and waits for two results."""
        keys = dict({"name": "e", "metric": "loss", "mode": "min", "num_samples": 4,
                     "max_concurrent_trials": 2, "log_to_file": True}, **keys)
        process = self.start("run", self.spec(sh(LASTING), **keys))
        self.wait_for(lambda rows: sum(row["results"] == 1 for row in rows) == 2)
        return process

    def rows(self):
        done = self.pegbox("trials", "e", "--json", expect=None)
        return done.json if done.status == 0 else []

    def wait_for(self, true):
        wait_until(lambda: true(self.rows()), 30, "trials")

    def ended(self, trial):
        row = self.rows()[trial]
        self.assertEqual((row["state"], row["outcome"], row["reason"]),
                         ("TERMINATED", "stopped", "stopped by a user"))

    def refused_stop(self, message, *words):
        self.assertIn(message, self.pegbox("stop", *words, expect=2).err)

    def test_an_experiment(self):
        process = self.begin()
        self.assertEqual(self.pegbox("stop", "e").out, "stopped e\n")
        # It has waited: there is no driver any more.
        self.assertIsNotNone(self.finish(process, 1).status)
        self.assertEqual(process.returncode, 130)
        rows = self.rows()
        self.assertEqual([row["state"] for row in rows], ["PENDING"] * 4)
        self.assertEqual([row["results"] for row in rows], [1, 1, 0, 0])
        self.assertEqual(self.opened("e").read(0, "bye"), "bye\n")
        self.refused_stop("e does not run", "e")

    def test_the_newest_without_waiting(self):
        process = self.begin()
        self.assertEqual(self.pegbox("stop", "--no-wait").out, "stopping e\n")
        self.assertEqual(self.finish(process).status, 130)

    def test_trials(self):
        process = self.begin()
        first = self.rows()[0]
        # One that waits never runs.
        self.pegbox("stop", "e", self.rows()[3]["id"])
        self.ended(3)
        self.assertEqual(self.pegbox("stop", "e", "0").out, "stopped trial 0 of e\n")
        self.ended(0)
        # Its place is free for another one.
        self.wait_for(lambda rows: rows[2]["results"] == 1)
        self.assertEqual(self.opened("e").read(0, "bye"), "bye\n")
        self.pegbox("stop", "e", self.rows()[1]["name"])
        self.ended(1)
        self.refused_stop("trial 0 has ended already: it is TERMINATED (stopped)", "e", first["id"])
        self.refused_stop("no trial 'x' in e", "e", "x")
        self.refused_stop("no trial '4' in e", "e", "4")
        self.pegbox("stop", "e", "2")
        done = self.finish(process)
        self.assertEqual(done.status, 0, str(done))
        self.assertIn("3 stopped, 1 not run", done.out)
        rows = self.rows()
        self.assertEqual([row["results"] for row in rows], [1, 1, 1, 0])
        self.assertEqual([row["attempts"] for row in rows], [1, 1, 1, 0])

    def test_without_a_driver(self):
        process = self.begin()
        process.send_signal(signal.SIGKILL)
        self.finish(process)
        # One that ran and one that waited: neither runs again.
        for trial in (0, 3):
            self.pegbox("stop", "e", str(trial))
            self.ended(trial)
        self.refused_stop("trial 0 has ended already", "e", "0")
        self.refused_stop("no trial '4' in e", "e", "4")
        self.refused_stop("e does not run", "e")
        self.assertEqual([row["state"] for row in self.rows()],
                         ["TERMINATED", "PENDING", "PENDING", "TERMINATED"])

    def test_asked_without_a_driver(self):
        path = self.spec(name="e", config={"x": {"$uniform": [0, 1]}}, num_samples=9)
        self.pegbox("ask", "--create", path)
        for _ in range(2):
            self.pegbox("ask", "e")
        # One of them, then the whole, which gives out no more.
        self.pegbox("stop", "e", "1")
        self.ended(1)
        self.pegbox("ask", "e")
        self.assertEqual(self.pegbox("stop", "e").out, "stopped e\n")
        self.assertEqual([row["outcome"] for row in self.rows()], ["stopped"] * 4)
        self.assertEqual(self.pegbox("ask", "e").json, {"done": True})
        self.assertEqual(self.pegbox("ls", "--json").json[0]["status"], "done")
        self.refused_stop("e does not run", "e")
        self.assertIn("has ended already",
                      self.pegbox("tell", "e", "0", '{"loss": 1}', expect=1).err)

    def test_where_it_cannot_write(self):
        path = self.run_experiment(sh("echo '{\"loss\": 1}'"), name="e").path
        os.rename(os.path.join(path, "experiment.lock"), os.path.join(path, "kept"))
        os.mkdir(os.path.join(path, "experiment.lock"))
        self.assertIn("experiment.lock: ", self.pegbox("stop", "e", "0", expect=4).err)

    def test_a_driver_that_does_not_answer(self):
        process = self.begin()
        process.send_signal(signal.SIGSTOP)
        asking = self.start("stop", "e", "0")
        requests = os.path.join(self.results_dir, "e", "requests")
        def asked():
            return [name for name in os.listdir(requests) if name.endswith(".json")]
        wait_until(asked, 30, "the request")
        with open(os.path.join(requests, asked()[0]), encoding="utf-8") as file:
            self.assertEqual(json.load(file)["request"], "stop")
        # It dies without having answered.
        process.send_signal(signal.SIGKILL)
        done = self.finish(asking)
        self.assertEqual(done.status, 4)
        self.assertIn("died before it answered", done.err)
        self.assertEqual(os.listdir(requests), [".bell"])
        self.finish(process)


if __name__ == "__main__":
    main()
