#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whatever a program prints and however it dies, the driver lives: the trial fails with one clear
line or goes on, results that were recorded stay, and the other trials run."""
import json
import os
import signal
import sqlite3

from pegbox_test import PegboxTest, main, python, sh, without_sums

N = 10000

# A good result, what the test is about, and in trial 0 nothing of that.
RESULT = """import os, signal, sys
def put(data):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
put(b'{"loss": 5}\\n')
if sys.argv[1] == "1":
"""


class HostileOutput(PegboxTest):
    def both(self, script, states=("TERMINATED", "TERMINATED"), counts=(1, 1)):
        """Two trials, the second one hostile; returns the Experiment."""
        expect = 1 if "ERROR" in states else 0
        experiment = self.run_experiment(
            python(RESULT + "    " + script, "{x}"), config={"x": {"$grid_search": [0, 1]}},
            metric="loss", mode="min", expect=expect)
        self.assertEqual(experiment.states, list(states))
        self.assertEqual(experiment.counts, list(counts))
        self.assertEqual(experiment.results(1)[0]["loss"], 5)
        return experiment

    def test_a_line_of_100_megabytes(self):
        self.both("""put(b'x' * 100000000 + b'\\n{"loss": 4}\\n')""", counts=(1, 2))

    def test_bytes_that_are_no_text(self):
        self.both("""put(b'\\0\\0{"loss": 1}\\0\\n\\xff\\xfe\\xc0\\x80\\n{"loss": 4}\\n')""",
                  counts=(1, 2))

    def test_a_result_with_bytes_that_are_no_text(self):
        # What is recorded is text all the same.
        experiment = self.both("""put(b'{"loss": 4, "s": "a\\xffb"}\\n{"loss": 3}\\n')""",
                               counts=(1, 3))
        self.assertEqual(experiment.results(1)[1]["s"], "a\ufffdb")
        with open(os.path.join(experiment.dir(1), "result.json"), "rb") as file:
            self.assertIn('a\ufffdb', file.read().decode("utf-8"))

    def test_deep_nesting(self):
        self.both("""put(b'{"loss": ' + b'[' * 10000 + b']' * 10000 + b'}\\n'
        + b'{"a":' * 10000 + b'1' + b'}' * 10000 + b'\\n{"loss": 4}\\n')""", counts=(1, 2))

    def test_a_result_without_the_metric(self):
        self.both("""put(b'{"other": 1}\\n{"loss": 4}\\n')""", counts=(1, 2))

    def test_not_finite(self):
        experiment = self.both("""put(b'{"loss": NaN}\\n{"loss": Infinity}\\n{"loss": 4}\\n')""",
                               counts=(1, 4))
        self.assertEqual(experiment.results(1)[3]["loss"], 4)

    def test_each_deadly_signal(self):
        # All that end a process; one that SIGSTOP stops hangs, which `limits` is for.
        spared = ("SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG",
                  "SIGWINCH")
        names = {int(s): s.name for s in signal.Signals if s < 32 and s.name not in spared}
        self.assertGreater(len(names), 20)
        experiment = self.run_experiment(
            sh("""echo '{"loss": 5}'; ulimit -c 0; kill -$1 $$; sleep 100""", "{signal}"),
            config={"signal": {"$grid_search": list(names)}}, metric="loss", mode="min", expect=1,
            fail_fast=False)
        self.assertEqual(experiment.states, ["ERROR"] * len(names))
        self.assertEqual(experiment.counts, [1] * len(names))
        for (number, name), trial in zip(names.items(), experiment.trials):
            words = "killed by (%s|signal %d) " % (name, number)
            self.assertRegex(trial["error"], words)
            self.assertNotIn("\n", trial["error"])
            self.assertRegex(experiment.read(trial["trial"], "error.txt"), words)

    def test_a_child_in_a_session_of_its_own(self):
        # It keeps the output open and ignores signals.
        self.both("""
    if os.fork() == 0:
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        signal.pause()
    os._exit(3)
""", states=("TERMINATED", "ERROR"))

    def test_a_file_that_is_nested_deeply(self):
        start = json.dumps({"trainable": {"plugin": "exec", "command": ["true"]}})[:-1]
        for value in ("[" * 10000 + "]" * 10000, '{"a":' * 10000 + "1" + "}" * 10000,
                      "[" * 10000):
            done = self.refused(start + ', "config": {"x": ' + value + "}}", "nest")
            self.assertLess(len(done.err), 1000)
        self.assertFalse(os.path.exists(self.results_dir))


class DeepNesting(PegboxTest):
    """10,000 levels, wherever a value, a path or an expression can be given."""

    def refuses(self, *words, message="nest", **options):
        done = self.pegbox(*words, expect=2, **options)
        self.assertIn(message, done.err)
        self.assertLess(len(done.err), 1000)
        self.assertEqual(len(done.err.splitlines()), 1, done.err)

    def test_set(self):
        spec = self.spec(sh(":"), name="e", config={"x": 1})
        for text in ("[" * N + "]" * N, '{"a":' * N + "1" + "}" * N, "[" * N,
                     '[1, {"a": ' * N):
            self.refuses("validate", spec, "--set", "config.x=" + text)
        for path in ("a." * N + "b", "a." * 60000 + "b", "a." * 511 + "b", '"a".' * N + "b"):
            self.refuses("validate", spec, "--set", "config." + path + "=1")
        self.refuses("validate", spec, "--set",
                     "config." + "a." * 300 + "b=" + "[" * 300 + "]" * 300)
        # As deep as it may be: all that reads it later can.
        deepest = "config." + "a." * 510 + "b"
        self.pegbox("validate", spec, "--set", deepest + "=1")
        self.refuses("validate", spec, "--set", deepest + "=[]")
        self.pegbox("run", spec, "--set", deepest + "=1")
        self.assertEqual(self.opened("e").states, ["TERMINATED"])
        self.pegbox("validate", os.path.join(self.results_dir, "e", "experiment.json"))
        self.pegbox("trials", "e", "--columns", deepest)
        # Text that begins like JSON, and is none, is text.
        done = self.pegbox("run", spec, "--print-spec", "--set", "config.x=[0-9]+")
        self.assertEqual(json.loads(done.out)["config"]["x"], "[0-9]+")

    def test_the_deepest_config_and_its_results(self):
        experiment = self.run_experiment(
            sh("""echo '{"loss": 1}'; echo '{"loss": 2}'"""), metric="loss", mode="min",
            words=["--set", "config." + "a." * 510 + "b=1"])
        self.assertEqual(experiment.states, ["TERMINATED"])
        self.assertEqual(experiment.counts, [2])
        self.assertEqual(experiment.command("best", "--json").json["loss"], 2)
        self.assertEqual(len(experiment.command("export", "--format", "json").json_lines), 2)

    DEEP = ("[" * N + "]" * N, '{"a":' * N + "1" + "}" * N, "[" * N, '[1, {"a": ' * N)

    def test_own_defaults(self):
        spec = self.spec(sh(":"))
        for value in self.DEEP:
            path = self.write("config/pegbox/defaults.json", '{"search": %s}' % value)
            for words in (["validate", spec], ["run", spec]):
                self.refuses(*words, message=path + ":1:")
                self.refuses(*words, message="nested deeper than 512 levels")
        self.assertFalse(os.path.exists(self.results_dir))

    def test_tell(self):
        path = self.spec(name="e", metric="loss", mode="min", config={"x": 1}, num_samples=2)
        self.pegbox("ask", "--create", path)
        for value in self.DEEP:
            for result in (value, '{"loss": 1, "a": %s}' % value):
                self.refuses("tell", "e", "0", result)
                self.refuses("tell", "e", "0", "--intermediate", "-", text=result)
        experiment = self.opened("e")
        self.assertEqual(experiment.counts, [0])
        # As deep as it may be: all that reads it later can.
        self.pegbox("tell", "e", "0", '{"loss": 1, "a": %s}' % ("[" * 510 + "]" * 510))
        self.assertEqual(experiment.counts, [1])
        self.assertEqual(experiment.command("best", "--json").json["loss"], 1)
        self.assertEqual(len(experiment.command("export", "--format", "json").json_lines), 1)
        self.pegbox("ask", "e")

    def test_stored_results(self):
        experiment = self.run_experiment(sh("""echo '{"loss": 1}'; echo '{"loss": 2}'"""), name="e",
                                         metric="loss", mode="min")
        store = os.path.join(experiment.path, "experiment.db")
        for value in self.DEEP:
            with sqlite3.connect(store) as db:
                without_sums(db)
                db.execute("UPDATE result SET fields = ?, sum = NULL WHERE n = 2",
                           ('{"loss":2,"a":%s}' % value.replace(" ", ""),))
            db.close()
            for words in (["results", "e", "0"], ["results", "e", "0", "--json"],
                          ["trials", "e", "--json"], ["export", "e"],
                          ["export", "e", "--format", "json"]):
                done = self.pegbox(*words, expect=4)
                self.assertIn("result 2 of trial 0 is damaged: nested too deep", done.err)
                self.assertLess(len(done.err), 1000)
                self.assertEqual(len(done.err.splitlines()), 1, done.err)
            for words in (["best", "e"], ["trials", "e"], ["ls"], ["logs", "e", "0"]):
                done = self.pegbox(*words, expect=None)
                self.assertIn(done.status, (0, 4), str(done)[-1000:])
                self.assertLess(len(done.err), 1000)

    def test_one_line_form(self):
        for space in ("[" * N + "]" * N, '{"a":' * N + "1" + "}" * N):
            self.refuses("run", "--print-spec", "--", "true", "{x:choice(%s)}" % space)

    def test_expressions(self):
        self.run_experiment(sh(":"), name="e")
        parentheses = "(" * N + "1" + ")" * N
        for expression in (parentheses, "{" * N + "1" + "}" * N, "not " * N + "1",
                           "- " * N + "1", "function() return " * 5000 + "1" + " end" * 5000,
                           "1 .. " * N + "1", "1 ^ " * N + "1", "#" * N + "config"):
            done = self.pegbox("trials", "e", "--filter", expression, expect=None)
            self.assertIn(done.status, (0, 2), str(done)[-1000:])
            self.assertLess(len(done.err), 1000)
        self.refuses("trials", "e", "--filter", parentheses, message="--filter: ")
        start = json.dumps({"trainable": sh(":")})[:-1]
        for value in ('"stop": {"when": "%s"}' % parentheses, '"trial_name": "{%s}"' % parentheses,
                      '"config": {"x": {"$sample_from": "%s"}}' % parentheses):
            self.refuses("validate", self.write("deep.json", start + ", " + value + "}"),
                         message="deep")

    def test_patterns(self):
        self.refused({"trainable": dict(sh(":"), metrics={"loss": "(" * N + "1" + ")" * N})},
                     "metrics")

    def test_operators(self):
        start = json.dumps({"trainable": sh(":")})[:-1]
        for value in ('{"$choice": [' * N + "1" + "]}" * N,
                      '{"$choice": [' * 250 + '{"a": 1}' + "]}" * 250):
            path = self.write("deep.json", start + ', "config": {"x": ' + value + "}}")
            done = self.pegbox("validate", path, expect=None)
            self.assertIn(done.status, (0, 2), str(done)[-1000:])
            self.assertLess(len(done.err), 1000)


if __name__ == "__main__":
    main()
