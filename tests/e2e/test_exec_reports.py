#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How metrics are read from a program that knows nothing of pegbox."""
import math

from pegbox_test import PegboxTest, main, sh


class ExecReports(PegboxTest):
    def results(self, script, *words, config=None, metric="loss", **options):
        keys = {"metric": metric, "mode": "min"} if metric else {}
        experiment = self.run_experiment(sh(script, *words, **options), config=config or {}, **keys)
        self.assertEqual(experiment.states, ["TERMINATED"])
        return experiment.results(0)

    def losses(self, *words, **options):
        return [r["loss"] for r in self.results(*words, **options)]

    def test_json_lines_among_others(self):
        self.assertEqual(self.losses("""echo hello; echo '{"loss": 1}'; echo '{"loss": 2'
                                        echo '  {"loss": 3}  '; echo '[1]'"""), [1, 3])

    def test_fields_of_other_objects_go_into_the_next(self):
        first, second = self.results("""echo '{"epoch": 1, "note": "a"}'
            echo '{"loss": 1}'; echo '{"epoch": 2}'; echo '{"loss": 2}'""")
        self.assertEqual((first["epoch"], first["note"], first["loss"]), (1, "a", 1))
        self.assertEqual((second["epoch"], second["loss"]), (2, 2))
        self.assertNotIn("note", second)

    def test_every_object_with_a_number_where_no_metric_is_named(self):
        found = self.results("""echo '{"a": 1}'; echo '{"b": "text"}'; echo '{"c": 2}'""",
                             metric=None)
        self.assertEqual([r.get("a", r.get("c")) for r in found], [1, 2])

    def test_text_that_holds_a_number(self):
        self.assertEqual(self.losses("""echo '{"loss": "0.25"}'"""), [0.25])

    def test_not_a_number(self):
        self.assertEqual(self.losses("""echo '{"loss": NaN}'; echo '{"loss": Infinity}'
            echo '{"loss": -Infinity}'; echo '{"loss": "NaN"}'"""),
            ["NaN", "Infinity", "-Infinity", "NaN"])

    def test_nested_and_slashed_metrics(self):
        found = self.results("""echo '{"eval": {"loss": 1}}'; echo '{"eval/loss": 2}'""",
                             metric="eval/loss")
        self.assertEqual(len(found), 2)

    def test_regex(self):
        found = self.results("""echo "epoch 3: loss=1.5 loss=2.5e-1"; echo "acc 7"; echo loss=4""",
                             metrics={"loss": "loss=(\\S+)", "acc": "acc (\\d+)"})
        self.assertEqual([r["loss"] for r in found], [0.25, 4])
        self.assertEqual(found[1]["acc"], 7)

    def test_report_on(self):
        found = self.results("""echo loss=1; echo acc 5; echo loss=2; echo loss=3; echo acc 6""",
                             metrics={"loss": "loss=(\\S+)", "acc": "acc (\\d+)"}, report_on="acc")
        self.assertEqual([(r["loss"], r["acc"]) for r in found], [(1, 5), (3, 6)])

    def test_progress_bars(self):
        # Carriage returns end lines; colours and backspaces are removed.
        self.assertEqual(self.losses("""printf 'loss=1\\rloss=2\\r\\033[31mloss=\\033[1m3\\033[0m\\n'
            printf 'loss=5\\b4\\n'""", metrics={"loss": "loss=(\\d+)"}), [1, 2, 3, 4])

    def test_last_line_without_newline(self):
        self.assertEqual(self.losses("""printf '{"loss": 1}'"""), [1])

    def test_sources(self):
        script = """echo '{"loss": 1}'; echo '{"loss": 2}' >&2"""
        self.assertEqual(self.losses(script), [1])
        self.assertEqual(self.losses(script, source="stderr"), [2])
        self.assertEqual(sorted(self.losses(script, source="both")), [1, 2])

    def test_file_source(self):
        self.assertEqual(self.losses("""for i in 1 2 3; do
            echo "{\\"loss\\": $i}" >>"$PEGBOX_TRIAL_DIR/metrics.jsonl"; sleep 0.1; done""",
            source="{trial.dir}/metrics.jsonl"), [1, 2, 3])

    def test_files(self):
        self.assertEqual(self.losses("""cat "$PEGBOX_TRIAL_DIR/conf/a.json" """,
                                     config={"x": 0.5},
                                     files={"conf/a.json": '{{"loss": {x}}'}), [0.5])

    def test_pty(self):
        self.assertEqual(self.losses("""[ -t 1 ] && echo '{"loss": 1}'""", pty=True), [1])

    def test_args(self):
        found = self.run_experiment(
            {"plugin": "exec", "command": ["printf", "<%s>", "{args}"]},
            config={"lr": -0.5, "b": {"c": "x y"}, "list": [1, "a"], "flag": True, "none": None})
        self.assertEqual(found.read(0, "stdout"),
                         '<--lr=-0.5><--b.c><x y><--list><[1,"a"]><--flag><true>')

    def test_args_forms(self):
        for form, text in (("equals", "--x=1,--y=true"), ("flags", "--x,1,--y"),
                           ("equals,flags", "--x=1,--y"), ("hydra", "x=1,y=true")):
            found = self.run_experiment(
                {"plugin": "exec", "command": ["printf", "%s,", "{args:" + form + "}"]},
                config={"x": 1, "y": True})
            self.assertEqual(found.read(0, "stdout"), text + ",", form)

    def test_auto_filled_fields(self):
        first, second = self.results("""echo '{"loss": 1, "timesteps_this_iter": 10}'
            echo '{"loss": 2, "timesteps_this_iter": 5}'""")
        self.assertEqual([first["training_iteration"], second["training_iteration"]], [1, 2])
        self.assertEqual([first["timesteps_total"], second["timesteps_total"]], [10, 15])
        self.assertIsNone(first["episodes_total"])
        self.assertTrue(math.isclose(second["time_total_s"],
                                     first["time_this_iter_s"] + second["time_this_iter_s"],
                                     abs_tol=1e-6))

    def test_many_lines_at_once(self):
        found = self.losses("""seq 2000 | sed 's/.*/{"loss": &}/'""")
        self.assertEqual(found, list(range(1, 2001)))


if __name__ == "__main__":
    main()
