#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What `run` prints in a pipe: by --verbose, and by the options of `reporter`."""
import os
import re

from pegbox_test import PEGBOX, PegboxTest, main, sh

REPORT = """echo "{\\"loss\\": $1, \\"acc\\": 2, \\"deep\\": {\\"auc\\": 7}}"; sleep 0.4
            [ "$1" != 2 ] || { echo "no luck" >&2; exit 7; }"""
GRID = {"x": {"$grid_search": [3, 1, 2]}}

# Says something of each level when it is called first.
SAYS = r"""
#include <pegbox/helpers.h>
struct pbx_instance { pbx_base base; };
#ifdef KIND_search
static pbx_status
suggest(pbx_instance *self, pbx_suggestion *suggestion, pbx_error *error)
{
    (void)error;
    suggestion->x[0] = 0.5;
    %s
    return PBX_OK;
}
PEGBOX_SEARCH("says", "1.0", "Says something", "MIT", PEGBOX_NO_OPTIONS, 0, 0, NULL, NULL,
              .suggest = suggest);
#else
static pbx_status
events(pbx_instance *self, const pbx_event *const *list, uint64_t n, uint64_t *done,
       pbx_error *error)
{
    (void)list;
    (void)error;
    %s
    *done = n;
    return PBX_OK;
}
PEGBOX_LOGGER("says", "1.0", "Says something", "MIT", PEGBOX_NO_OPTIONS, PBX_WANTS(PBX_EVENT_START),
              0, NULL, NULL, .events = events);
#endif
"""


class Verbose(PegboxTest):
    def lines(self, *words, script=REPORT, expect=1, **keys):
        experiment = self.run_experiment(sh(script, "{x}"), words, expect=expect, metric="loss",
                                         mode="min", config=keys.pop("config", GRID), **keys)
        text = experiment.done.out + experiment.done.err
        self.assertNotIn("\x1b", text)
        self.assertNotIn("\r", text)
        return experiment.done

    def test_default(self):
        out = self.lines().out
        self.assertNotIn("status", out)  # no table
        self.assertRegex(out, r"(?m)^e1: \d/3 trials ended")
        self.assertRegex(out, r"(?m)^  x  1$")
        self.assertRegex(out, r"(?m)^Look further: .*pegbox best ")

    def test_0_says_nothing(self):
        done = self.lines("--verbose", "0")
        self.assertEqual(done.out, "")
        self.assertRegex(done.err, r"^pegbox: trial \S+ failed: exited with status 7: no luck\n$")

    def test_1_is_what_a_pipe_has_anyway(self):
        out = self.lines("--verbose=1").out
        self.assertRegex(out, r"(?m)^e1: \d/3 trials ended")
        self.assertNotIn("TERMINATED", out)
        self.assertIn("Look further", out)

    def test_2_tells_results_and_the_final_table(self):
        out = self.lines("--verbose", "2").out
        for x in (3, 1):
            self.assertRegex(out, r'(?m)^Trial sh_\w+_0000\d reported loss=%d with '
                                  r'parameters=\{"x":%d\}\.$' % (x, x))
            self.assertRegex(out, r'(?m)^Trial sh_\w+_0000\d reported loss=%d with '
                                  r'parameters=\{"x":%d\}\. This trial completed\.$' % (x, x))
        self.assertRegex(out, r"(?m)^Trial sh_\w+_00002 failed \(failure 1\): exited with status 7")
        self.assertEqual(out.count(" status  "), 1)
        self.assertRegex(out, r"(?m)^1  sh_\w+_00001  TERMINATED +\d+ +1 +1 +")
        self.assertRegex(out, r"(?m)^2  sh_\w+_00002  ERROR +\d+ +2 +2 +")
        self.assertRegex(out, r"(?m)^sh_\w+_00002 +1  exited with status 7: no luck +sh_\S+/error.txt$")

    def test_2_is_calm(self):
        """One line a trial in max_report_frequency, but its end and its failures always."""
        out = self.lines("--verbose", "2", config={"x": 1}, max_failures=1,
                         reporter={"max_report_frequency": 1000}, expect=0,
                         script="""for i in 1 2 3 4; do echo "{\\"loss\\": $i}"; sleep 0.1; done
                                   [ -e failed ] || { touch failed; exit 7; }""").out
        told = re.findall(r"(?m)^Trial \S+ (\w+ \S+)", out)
        self.assertEqual(told, ["reported loss=1", "failed (failure", "reported loss=4"])
        self.assertIn("loss=4 with parameters={\"x\":1}. This trial completed.\n", out)
        self.assertIn(" failed (failure 1, it will be tried again): exited with status 7\n", out)

    def test_3_tells_whole_results_and_tables_meanwhile(self):
        out = self.lines("--verbose", "3", reporter={"max_report_frequency": 0.25}).out
        self.assertGreater(out.count(" status  "), 1)
        self.assertRegex(out, r"(?m)^  deep: \{\"auc\":7\}\n")
        self.assertRegex(out, r"(?m)^  training_iteration: 1\n")
        self.assertRegex(out, r"(?m)^e1  running for \d s  \d{4}-\d\d-\d\d ")

    def test_what_plugins_say(self):
        """By its level: of a search in pegbox itself, in a child, and of a logger's thread."""
        level = 'pbx_log(self->base.host, PBX_LOG_%s, "here is %s");'
        says = "".join(level % (name, name.lower()) for name in ("DEBUG", "INFO", "WARNING"))
        source = self.write("says.c", SAYS % (says, says))
        self.env["PEGBOX_PLUGIN_PATH"] = ":".join(
            self.build_plugin(source, kind, "says", flags=["-DKIND_" + kind])
            for kind in ("search", "logger"))
        for verbose, told in (("0", 1), ("1", 1), ("2", 2), ("3", 3)):
            for keys in ({"search": "says"}, {"search": {"plugin": "says", "isolate": True}},
                         {"loggers": ["says"]}):
                with self.subTest(verbose=verbose, keys=keys):
                    done = self.lines("--verbose", verbose, script=REPORT.split(";")[0], expect=0,
                                      config={"x": {"$uniform": 1}}, num_samples=1, **keys)
                    where = "search" if "search" in keys else "loggers[0]"
                    lines = ["pegbox: %s: %s: here is %s" % (name, where, name)
                             for name in ("debug", "info", "warning")[3 - told:]]
                    self.assertEqual([line for line in done.err.splitlines() if "here" in line],
                                     lines)

    def test_numbers(self):
        path = self.spec(sh(":"))
        for bad in ("4", "-1", "x"):
            done = self.pegbox("run", path, "--verbose=" + bad, expect=2)
            self.assertIn("verbose", done.err)
        self.assertFalse(os.path.exists(self.results_dir))

    # ---- reporter ----

    def table(self, **reporter):
        """The header and the rows of the final table."""
        out = self.lines("--verbose", "2", reporter=reporter).out
        lines = out[out.index("#  trial"):].split("\n\n")[0].splitlines()
        return lines[0].split(), lines[1:]

    def test_columns(self):
        head, rows = self.table(metric_columns={"deep/auc": "AUC", "nowhere": "N"},
                                parameter_columns={"x": "width"})
        self.assertEqual(head, ["#", "trial", "status", "pid", "width", "AUC"])
        self.assertEqual(rows[0].split()[-2:], ["3", "7"])

    def test_infer_limit(self):
        head, _ = self.table(infer_limit=0)
        self.assertEqual(head[-4:], ["x", "loss", "iter", "time"])
        head, _ = self.table(infer_limit=1, metric="acc", mode="max")
        self.assertEqual(head[-5:], ["x", "acc", "iter", "time", "loss"])

    def test_sort_by_metric(self):
        _, rows = self.table(sort_by_metric=True)
        self.assertEqual([row.split()[0] for row in rows], ["1", "0", "2"])

    def test_the_last_report_has_no_row_limit(self):
        _, rows = self.table(max_progress_rows=1)
        self.assertEqual(len(rows), 3)

    def test_row_limits(self):
        out = self.lines("--verbose", "1", max_concurrent_trials=1, reporter={
            "max_progress_rows": 2, "max_error_rows": 0, "print_intermediate_tables": True,
            "max_report_frequency": 0.25}, script=REPORT + "; exit 7").out
        tables = re.findall(r"(?m)^#  trial.*\n((?:\d.*\n)*)(.*)", out)
        self.assertTrue(tables)
        for rows, more in tables:
            self.assertLessEqual(rows.count("\n"), 2)
        self.assertTrue(any("... 1 more trial not shown (" in more for _, more in tables), out)
        self.assertNotIn("failed trial", out)

    def test_no_intermediate_tables(self):
        out = self.lines("--verbose", "3", reporter={
            "print_intermediate_tables": False, "max_report_frequency": 0.25}).out
        self.assertEqual(out.count(" status  "), 1)
        self.assertGreater(len(re.findall(r"(?m)^e1: \d/3 trials ended", out)), 1)

    def test_max_report_frequency(self):
        often = self.lines(reporter={"max_report_frequency": 0.25}, max_concurrent_trials=1).out
        seldom = self.lines(reporter={"max_report_frequency": 1000}, max_concurrent_trials=1).out
        self.assertGreater(len(re.findall(r"(?m)^e1: ", often)), 1)
        self.assertEqual(len(re.findall(r"(?m)^e2: ", seldom)), 1)

    def test_total_samples(self):
        out = self.lines(reporter={"total_samples": 40}).out
        self.assertRegex(out, r"(?m)^e1: \d/40 trials ended")

    def test_another_metric(self):
        out = self.lines(reporter={"metric": "deep/auc", "mode": "max",
                                   "max_report_frequency": 0.25}).out
        self.assertRegex(out, r"; best deep/auc 7 \(trial 0: x=3\)")

    def test_best_of_exactly_0(self):
        out = self.lines(script='echo "{\\"loss\\": $1}"; sleep 0.5', expect=0,
                         config={"x": {"$grid_search": [1, 0, 2]}},
                         reporter={"max_report_frequency": 0.25}).out
        self.assertIn("; best loss 0 (trial 1: x=0)", out)

    # ---- The pipe ----

    def test_closed_output(self):
        # `pegbox run | head -1` tunes on, or ends as a program does whose reader is gone.
        path = self.spec(sh(REPORT, "1"), name="e", metric="loss", mode="min", num_samples=3)
        done = self.command(["sh", "-c", '"%s" run "%s" | head -n 1' % (PEGBOX, path)])
        self.assertEqual(done.status, 0)


if __name__ == "__main__":
    main()
