#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Names and values that would leave the results directory are refused; those that would steer a
terminal are shown harmless everywhere, and are what they are in JSON and CSV."""
import csv
import json
import os
import pty
import re
import subprocess

from pegbox_test import PEGBOX, SLOW, PegboxTest, main, python, sh

# A colour, a window title, a title by an 8-bit code, a direction, a new line, what erases a line.
HOSTILE = "\x1b[31mred\x1b]0;title\x07\x9b31m\u202edlrow\u2066\n\r\x08\x7f\u2028end"
# What a name in a file system can be.
HOSTILE_FILE = "\u202edlrow\u2066\u200f"
BAD = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e"
                 "\u2066-\u2069]")


class HostileNames(PegboxTest):
    def harmless(self, text, lines=None):
        self.assertEqual(BAD.findall(text), [], text)
        if lines is not None:
            self.assertEqual(len(text.splitlines()), lines, text)

    def shown(self, *words, **options):
        done = self.pegbox(*words, **options)
        self.harmless(done.out + done.err)
        return done

    def all_views(self, name, columns=()):
        """What is for people to read."""
        self.shown("ls")
        self.shown("trials", name)
        self.shown("trials", name, "--columns", ",".join(["trial", "name", "tag", "dir", "error",
                                                          "reason"] + list(columns)), env={
                                                              "COLUMNS": "2000"})
        self.shown("best", name, expect=None)
        self.shown("results", name, "0", env={"COLUMNS": "2000"})

    # ---- Experiments ----

    def test_refused_names(self):
        for name in ("../x", "a/b", "/tmp/x", "..", ".", "", "a\nb", "a\x1b[31m", "x" * 300,
                     "-x", "\u00e9" * 128, "tab\tx", "\x7f", "a\x9b31m", "\u2028"):
            with self.subTest(name=name):
                for keys, words in (({"name": name}, []), ({}, ["--name", name])):
                    done = self.shown("run", self.spec(sh(":"), **keys), *words, expect=2)
                    self.assertIn("name", done.err)
                    self.harmless(done.err, 1)
        self.assertFalse(os.path.exists(self.results_dir))

    def test_a_name_that_is_no_text(self):
        done = self.shown("run", self.spec(sh(":")), "--name", "\udcff\udcfe", expect=2)
        self.harmless(done.err)

    def test_names_of_other_writing(self):
        for name in (HOSTILE_FILE, "\u00fc" * 127, "a b", "~", "$(touch pwned)", "*"):
            with self.subTest(name=name):
                self.shown("run", self.spec(sh("echo '{\"loss\": 1}'"), name=name, metric="loss",
                                            mode="min"))
                self.all_views(os.path.join(self.results_dir, name))
                self.assertIn(name, [row["name"] for row in self.pegbox("ls", "--json").json])
        self.assertNotIn("pwned", os.listdir(self.dir))

    def test_names_that_are_asked_for(self):
        self.run_experiment(sh(":"), name="e")
        for command in ("trials", "best", "export", "rm", "results", "logs"):
            for words in ([HOSTILE], ["../../../etc"], ["x" * 300], ["x" * 5000]):
                done = self.shown(command, *words, expect=None)
                self.assertIn(done.status, (2, 4))
                self.harmless(done.err, 1)
        for words in (["trials", "e", "--sort", HOSTILE], ["trials", "e", "--filter", HOSTILE],
                      ["trials", "e", "--columns", HOSTILE], ["results", "e", HOSTILE],
                      ["logs", "e", HOSTILE], ["inspect", HOSTILE], ["plugins", HOSTILE],
                      [HOSTILE], ["validate", HOSTILE], ["validate", self.spec(sh(":")), HOSTILE],
                      ["run", self.spec(sh(":")), "--set", HOSTILE + "=1"],
                      ["run", self.spec(sh(":")), "--set", "x=" + HOSTILE], ["best", "e", "--metric",
                      HOSTILE, "--mode", "min"], ["run", "--" + HOSTILE]):
            self.shown(*words, expect=None)

    def test_names_of_programs(self):
        for file in ("pro\x1b[31mgram\n.sh", HOSTILE_FILE + ".sh", "x" * 240 + ".sh", "...sh"):
            with self.subTest(file=file):
                path = self.write("bin/" + file, "echo '{\"loss\": 1}'\n")
                done = self.shown("run", self.spec({"plugin": "exec", "command": ["sh", path]},
                                                   metric="loss", mode="min"), expect=None)
                self.assertIn(done.status, (0, 2), str(done))
        for row in self.pegbox("ls", "--json").json:
            self.assertEqual(os.path.dirname(row["dir"]), self.results_dir)
        self.shown("ls")

    # ---- Trials ----

    def test_names_of_trials(self):
        for name in ("../../x", HOSTILE, "x" * 300, "..", "/etc/passwd", "a/../../b", "-n",
                     "\u00e9" * 200):
            with self.subTest(name=name):
                experiment = self.run_experiment(
                    sh("""echo '{"loss": 1}'; echo no >&2; exit 1"""), trial_name="{x}",
                    trial_dirname="{x}", config={"x": name}, metric="loss", mode="min", expect=1)
                self.harmless(experiment.done.out + experiment.done.err)
                trial = experiment.trials[0]
                self.assertEqual(os.path.dirname(trial["dir"]), experiment.path)
                self.assertEqual(json.loads(experiment.read(0, "params.json")), {"x": name})
                self.all_views(experiment.path)
                self.shown("logs", experiment.path, "0")

    # ---- Parameters and metrics ----

    def test_names_and_values_of_parameters(self):
        experiment = self.run_experiment(
            sh("""echo '{"loss": 1}'"""), metric="loss", mode="min", name="e",
            config={HOSTILE: {"$choice": [HOSTILE]}, "nested/../x": {HOSTILE: {"$uniform": [0, 1]}},
                    "long": {"$choice": ["v" * 300]}, "k" * 300: {"$choice": [1, 2]}})
        self.harmless(experiment.done.out + experiment.done.err)
        trial = experiment.trials[0]
        self.assertEqual(trial["config"][HOSTILE], HOSTILE)
        self.assertEqual(os.path.dirname(trial["dir"]), experiment.path)
        self.assertEqual(BAD.findall(os.path.basename(trial["dir"])), [])
        self.all_views("e", ["config"])
        self.assertEqual(self.pegbox("best", "e", "--json").json["config"][HOSTILE], HOSTILE)
        self.shown("best", "e", "--command")

    def test_what_programs_report(self):
        experiment = self.run_experiment(
            python("import json\nprint(json.dumps({'loss': 1, %r: %r, 'nan': float('nan')}))" %
                   (HOSTILE, HOSTILE)), name="e", metric="loss", mode="min")
        self.harmless(experiment.done.out + experiment.done.err)
        self.assertEqual(experiment.results(0)[0][HOSTILE], HOSTILE)
        self.all_views("e")
        # Faithful where programs read it.
        text = self.pegbox("results", "e", "0", "--format", "csv").out
        self.assertNotIn("\x1b[0m", text)
        for path in (os.path.join(experiment.dir(0), "progress.csv"), None):
            if path is None:
                path = self.write("export.csv", "")
                with open(path, "w", encoding="utf-8", newline="") as file:
                    subprocess.run([PEGBOX, "export", "e", "--format", "csv"], stdout=file,
                                   env=self.environment(None), check=True)
            with open(path, encoding="utf-8", newline="") as file:
                row, = csv.DictReader(file)
            self.assertEqual(row[HOSTILE], HOSTILE)

    def test_names_of_metrics(self):
        experiment = self.run_experiment(
            python("import json\nprint(json.dumps({%r: 1}))" % HOSTILE), name="e", metric=HOSTILE,
            mode="min")
        self.harmless(experiment.done.out + experiment.done.err)
        self.all_views("e")
        self.assertEqual(self.pegbox("best", "e", "--json").json[HOSTILE], 1)
        self.shown("run", self.spec(sh("echo '{\"x\": 1}'"), metric=HOSTILE, mode="min", name="f"),
                   expect=None)

    # ---- Messages ----

    def test_errors_of_a_file(self):
        for keys in ({HOSTILE: 1}, {"search": HOSTILE}, {"search": {"plugin": "random", HOSTILE: 1}},
                     {"scheduler": {"plugin": HOSTILE}}, {"loggers": [HOSTILE]},
                     {"stop": {HOSTILE: HOSTILE}}, {"env": {HOSTILE: 1}}, {"mode": HOSTILE},
                     {"config": {HOSTILE: {"$uniform": HOSTILE}}}, {"cwd": "{" + HOSTILE + "}"},
                     {"config": {"x": {"$" + HOSTILE: 1}}}, {"resources": {HOSTILE: HOSTILE}},
                     {"config": {"x": {"$sample_from": HOSTILE}}}, {"extends": HOSTILE},
                     {"trial_name": "{" + HOSTILE}, {"log_to_file": HOSTILE},
                     {"results_dir": "/proc/" + HOSTILE}, {"cwd": "/no/" + HOSTILE}):
            with self.subTest(keys=keys):
                done = self.shown("validate", self.spec(sh(":"), **keys), expect=None)
                self.assertNotEqual(done.err + done.out, "")
                self.shown("run", self.spec(sh(":"), **keys), expect=None)

    def test_a_program_that_is_not_there(self):
        experiment = self.run_experiment({"plugin": "exec", "command": ["/no/" + HOSTILE]},
                                         name="e", expect=None)
        self.harmless(experiment.done.out + experiment.done.err)
        self.all_views("e")

    def test_lines_on_the_console(self):
        experiment = self.run_experiment(
            python("import sys\nprint(%r)\nprint(%r, file=sys.stderr)\nprint('{\"loss\": 1}')" %
                   (HOSTILE, HOSTILE)), log_to_file=False, name="e", metric="loss", mode="min",
            trial_name=HOSTILE)
        self.harmless(experiment.done.out + experiment.done.err)

    def test_on_a_terminal(self):
        """What remains beside pegbox's own codes: colours, erasing, moving, hiding the cursor."""
        path = self.spec(python("import json\nprint(json.dumps({'loss': 1, %r: %r}))" %
                                (HOSTILE, HOSTILE)), name="e", metric="loss", mode="min",
                         config={HOSTILE: {"$choice": [HOSTILE]}}, trial_name=HOSTILE,
                         num_samples=5, log_to_file=False)
        main_end, other_end = pty.openpty()
        process = subprocess.Popen([PEGBOX, "run", path], stdin=other_end, stdout=other_end,
                                   stderr=other_end, cwd=self.dir, close_fds=True,
                                   env=self.environment({"TERM": "xterm", "COLUMNS": "300"}))
        self.addCleanup(process.wait)
        os.close(other_end)
        output = b""
        while True:
            try:
                data = os.read(main_end, 65536)
            except OSError:
                break
            if not data:
                break
            output += data
        os.close(main_end)
        self.assertEqual(process.wait(60 * SLOW), 0)
        text = re.sub("\x1b\\[[0-9;?]*[AJKhlm]|\r", "", output.decode())
        self.harmless(text)
        # Red is pegbox's own for a failure: there is none.
        self.assertNotIn("\x1b[31m", output.decode())


if __name__ == "__main__":
    main()
