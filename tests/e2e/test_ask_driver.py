#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""ask and tell beside a driver: it gives out trials, and takes their results, as its own."""
import json
import os
import signal
import threading

from pegbox_test import PEGBOX, SHORT, UNDER_VALGRIND, PegboxTest, main, python, wait_until

GATE = python("""import os, sys, time
print('{"loss": 5}', flush=True)
open(sys.argv[1] + ".seen", "w").close()
while not os.path.exists(sys.argv[1]):
    time.sleep(0.02)
print('{"loss": 4}')""", "{env}/gate")


class AskDriver(PegboxTest):
    def setUp(self):
        super().setUp()
        self.gate = os.path.join(self.dir, "gate")

    def begin(self, **keys):
        """A driver whose first trial waits for open_gate, as all others do."""
        trainable = json.loads(json.dumps(GATE).replace("{env}", self.dir))
        keys = dict({"name": "e", "config": {"x": {"$uniform": [0, 1]}}, "metric": "loss",
                     "mode": "min", "num_samples": 4, "max_concurrent_trials": 1}, **keys)
        process = self.start("run", self.spec(trainable, **keys))
        wait_until(lambda: os.path.exists(self.gate + ".seen") or process.poll() is not None, 30,
                   "a trial runs")
        self.assertIsNone(process.poll())
        return process

    def open_gate(self, process, expect=0):
        self.write("gate", "")
        done = self.finish(process)
        self.assertEqual(done.status, expect, str(done))
        return done

    def ask(self, *words, **options):
        return self.pegbox("ask", "e", *words, **options).json

    def tell(self, trial, result, *words, **options):
        return self.pegbox("tell", "e", str(trial), result, *words, **options)

    def test_counts_and_takes_no_slot(self):
        process = self.begin()
        asked = self.ask()
        self.assertEqual((asked["done"], asked["trial"], asked["experiment"]), (False, 1, "e"))
        self.assertTrue(os.path.isdir(asked["dir"]))
        self.assertEqual([(row["state"], row["reason"]) for row in self.opened("e").trials[:2]],
                         [("RUNNING", None), ("RUNNING", "asked")])
        self.assertEqual(self.tell(asked["trial"], "-2", "--json").json,
                         {"trial": 1, "state": "TERMINATED", "stop": True})
        self.assertEqual(self.ask()["trial"], 2)
        self.assertEqual(self.tell(2, "1", "--intermediate").json["stop"], False)
        self.tell(2, '{"loss": 0, "more": true}')
        self.open_gate(process)
        rows = self.opened("e").trials
        self.assertEqual([row["state"] for row in rows], ["TERMINATED"] * 4)
        self.assertEqual([row["loss"] for row in rows], [4, -2, 0, 4])
        self.assertEqual([row["results"] for row in rows], [2, 1, 2, 2])
        self.assertEqual([row["attempts"] for row in rows], [1] * 4)
        self.assertEqual(self.opened("e").command("best", "--json").json["trial"], 1)
        # Loggers see them as any other.
        self.assertEqual([json.loads(line)["loss"]
                          for line in self.opened("e").read(2, "result.json").splitlines()], [1, 0])

    def test_done(self):
        process = self.begin(num_samples=2)
        self.assertEqual(self.ask()["trial"], 1)
        self.assertEqual(self.ask(), {"done": True})
        self.tell(1, "1")
        self.open_gate(process)
        self.assertEqual(self.ask(), {"done": True})

    def test_refused(self):
        process = self.begin()
        self.ask()
        for trial, result, status, message in (
                (1, '{"los": 1}', 2, 'result 1 has no "loss"'),
                (1, '[]', 2, "a result is an object of metrics or a number"),
                (0, "1", 1, "trial 0 of e is RUNNING and was not asked for"),
                (2, "1", 1, "trial 2 of e is PENDING and was not asked for"),
                (9, "1", 2, "no trial '9' in e")):
            done = self.tell(trial, result, expect=status)
            self.assertIn("pegbox: error: " + message, done.err)
        self.tell(1, "1")
        self.assertIn("trial 1 of e has ended already (completed)",
                      self.tell(1, "1", expect=1).err)
        self.open_gate(process)

    def test_given_to_nobody(self):
        """A trial whose asker cannot have the answer waits again, and is run."""
        process = self.begin(num_samples=3)
        requests = os.path.join(self.results_dir, "e", "requests")
        os.makedirs(os.path.join(requests, "a.answer", "in the way"))
        with open(os.path.join(requests, "a.tmp"), "w") as file:
            file.write('{"request": "ask"}')
        os.rename(os.path.join(requests, "a.tmp"), os.path.join(requests, "a.json"))
        wait_until(lambda: not os.path.exists(os.path.join(requests, "a.json")), what="an answer")
        asked = self.ask()
        self.assertEqual((asked["trial"], asked["attempt"]), (1, 2))
        self.tell(1, "1")
        self.open_gate(process)
        self.assertEqual(self.opened("e").states, ["TERMINATED"] * 3)

    def test_failed(self):
        """One that has failed is the driver's to try again, or the next asker's."""
        process = self.begin(max_failures=1, num_samples=2)
        self.tell(self.ask()["trial"], "--failed", "--reason", "burnt")
        self.assertEqual(self.opened("e").trials[1]["state"], "PENDING")
        again = self.ask()
        self.assertEqual((again["trial"], again["attempt"]), (1, 2))
        self.tell(1, "--failed")
        self.open_gate(process, 1)
        self.assertEqual(self.opened("e").states, ["TERMINATED", "ERROR"])
        self.assertIn("burnt", self.opened("e").read(1, "error.txt"))

    def test_stopped(self):
        process = self.begin(num_samples=2)
        self.ask()
        self.pegbox("stop", "e", "1")
        self.assertEqual(self.opened("e").trials[1]["outcome"], "stopped")
        self.assertIn("has ended already (stopped)", self.tell(1, "1", expect=1).err)
        self.open_gate(process)

    def test_open_at_the_end(self):
        """A driver does not wait for what it does not run; it can be told later."""
        process = self.begin(num_samples=3)
        self.ask()
        self.assertIn("2 completed, 1 asked for, and not told yet\n", self.open_gate(process).out)
        self.assertEqual(self.opened("e").states, ["TERMINATED", "RUNNING", "TERMINATED"])
        self.assertEqual(self.pegbox("ls", "--json").json[0]["status"], "done")
        self.tell(1, "-1")
        self.assertEqual(self.opened("e").states, ["TERMINATED"] * 3)
        self.assertEqual(self.opened("e").command("best", "--json").json["trial"], 1)

    def test_driver_killed(self):
        process = self.begin()
        first = self.ask()
        process.send_signal(signal.SIGKILL)
        self.finish(process)
        self.assertEqual(self.opened("e").states, ["PENDING", "RUNNING", "PENDING", "PENDING"])
        self.tell(first["trial"], "1")
        self.assertEqual([self.ask()["trial"] for _ in range(3)], [0, 2, 3])
        self.assertEqual(self.ask(), {"done": True})

    def test_large_result(self):
        """More than a request may hold; the driver lives."""
        process = self.begin()
        self.ask()
        done = self.pegbox("tell", "e", "1", "-", expect=2,
                           text='{"loss": 1, "text": "%s"}' % ("x" * (2 << 20)))
        self.assertRegex(done.err, r"^pegbox: error: a result of \d+ bytes: at most \d+ can be "
                         "told to a driver")
        self.pegbox("tell", "e", "1", "-", text='{"loss": 1, "text": "%s"}' % ("x" * 1000000))
        self.open_gate(process)
        self.assertEqual(self.opened("e").states, ["TERMINATED"] * 4)

    def test_driver_that_hangs(self):
        process = self.begin(num_samples=1)
        process.send_signal(signal.SIGSTOP)
        done = self.pegbox("ask", "e", "--timeout", "0", expect=4)
        self.assertRegex(done.err, r"^pegbox: error: the driver \(.*\) has not answered within 5 s")
        process.send_signal(signal.SIGCONT)
        self.assertEqual(self.ask(), {"done": True})
        self.open_gate(process)

    def test_driver_ends_meanwhile(self):
        """Asks and tells that come while the driver ends are done by it, or without it."""
        n, some = (30, 6) if UNDER_VALGRIND else (200, 20)
        process = self.begin(num_samples=n)
        seen, errors = [], []

        def loop():
            while True:
                done = self.pegbox("ask", "e", expect=None)
                if done.status != 0 or done.err:
                    errors.append(str(done))
                    return
                if done.json["done"]:
                    return
                seen.append(done.json["trial"])
                told = self.tell(seen[-1], "1", expect=None)
                if told.status != 0:
                    errors.append(str(told))

        threads = [threading.Thread(target=loop) for _ in range(4)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(seen) > some or errors, 30, "some pairs")
        process.send_signal(signal.SIGINT)
        for thread in threads:
            thread.join()
        self.assertEqual(errors, [])
        self.assertEqual(self.finish(process).status, 130)
        self.assertEqual(sorted(seen), sorted(set(seen)))
        rows = self.opened("e").trials
        self.assertEqual([row["trial"] for row in rows], list(range(n)))
        self.assertEqual({row["state"] for row in rows}, {"TERMINATED"})

    def test_sixteen_and_a_driver(self):
        """The sixteen never under valgrind: each would hold the store for so long that another waits
        for more than the ten seconds that it does."""
        n = 48 if SHORT else 160
        self.write("gate", "")
        process = self.begin(num_samples=n, max_concurrent_trials=2, resources={"cpu": 0.5})
        seen, errors = [], []

        def loop():
            while True:
                done = self.command([PEGBOX, "ask", "e"], expect=None)
                if done.status != 0 or done.err:
                    errors.append(str(done))
                    return
                if done.json["done"]:
                    return
                seen.append(done.json["trial"])
                told = self.command([PEGBOX, "tell", "e", str(seen[-1]), "1"], expect=None)
                if told.status != 0:
                    errors.append(str(told))

        threads = [threading.Thread(target=loop) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(errors, [])
        self.assertEqual(self.finish(process).status, 0)
        rows = self.opened("e").trials
        self.assertEqual([row["trial"] for row in rows], list(range(n)))
        self.assertEqual({row["state"] for row in rows}, {"TERMINATED"})
        self.assertEqual({row["attempts"] for row in rows}, {1})
        self.assertEqual(sorted(seen), [row["trial"] for row in rows if row["loss"] == 1])
        self.assertEqual({row["results"] for row in rows if row["loss"] == 1}, {1})
        self.assertEqual({row["results"] for row in rows if row["loss"] == 4}, {2} if len(seen) < n
                         else set())


if __name__ == "__main__":
    main()
