/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* trainable/exec: what of a program's output is a report. */
#include "test-exec.h"

/* ---- JSON lines ---- */

static void
json_an_object_with_the_metric(void)
{
    assert_reports(NULL, "loss", "echo '{\"loss\": 1, \"epoch\": 3}'; echo '{\"loss\": 0.5}'",
                   "{'loss':1,'epoch':3}\n{'loss':0.5}\n");
    assert_reports(NULL, "loss", "echo '  {\"loss\": 1}  '", "{'loss':1}\n");
    /* Lines that are none. */
    assert_reports(NULL, "loss",
                   "echo '[1]'; echo '{\"loss\": }'; echo 'x {\"loss\": 2}'; echo '{\"loss\": 1}'",
                   "{'loss':1}\n");
}

static void
json_fields_of_others_join(void)
{
    assert_reports(NULL, "loss",
                   "echo '{\"a\": 1, \"b\": 2}'; echo '{\"b\": 3}'; echo '{\"loss\": 1}'; "
                   "echo '{\"loss\": 2}'",
                   "{'a':1,'b':3,'loss':1}\n{'loss':2}\n");
}

static void
json_metric_as_text(void)
{
    assert_reports(NULL, "loss", "echo '{\"loss\": \"0.25\"}'; echo '{\"loss\": \" 1e3 \"}'",
                   "{'loss':0.25}\n{'loss':1000.0}\n");
    /* A text that is no number, and null, are no metric. */
    assert_reports(NULL, "loss",
                   "echo '{\"loss\": \"low\"}'; echo '{\"loss\": null}'; "
                   "echo '{\"loss\": 1}'",
                   "{'loss':1}\n");
}

static void
json_not_finite(void)
{
    assert_reports(NULL, "loss", "echo '{\"loss\": NaN}'; echo '{\"loss\": -Infinity}'",
                   "{'loss':'NaN'}\n{'loss':'-Infinity'}\n");
    assert_reports(NULL, "loss", "echo '{\"loss\": \"NaN\"}'", "{'loss':'NaN'}\n");
}

static void
json_metric_by_path(void)
{
    assert_reports(NULL, "eval/loss", "echo '{\"eval\": {\"loss\": 1}}'", "{'eval':{'loss':1}}\n");
    assert_reports(NULL, "eval/loss", "echo '{\"eval/loss\": 1}'", "{'eval/loss':1}\n");
}

static void
json_several_objectives(void)
{
    assert_reports(NULL, "a b", "echo '{\"a\": 1}'; echo '{\"c\": 0}'; echo '{\"b\": 2}'",
                   "{'a':1,'c':0,'b':2}\n");
    assert_reports(NULL, "a b", "echo '{\"a\": 1, \"b\": 2}'", "{'a':1,'b':2}\n");
}

static void
json_without_a_metric(void)
{
    assert_reports(NULL, "",
                   "echo '{\"a\": 1}'; echo '{\"b\": {\"c\": 2}}'; echo '{\"t\": \"x\"}'; echo "
                   "'{\"d\": 3}'",
                   "{'a':1}\n{'b':{'c':2}}\n{'t':'x','d':3}\n");
    assert_reports(NULL, "", "echo hello; echo '{}'", "");
}

static void
json_report_on(void)
{
    assert_reports("'report_on': 'epoch'", "loss",
                   "echo '{\"loss\": 1}'; echo '{\"loss\": 2}'; echo '{\"epoch\": 1}'; "
                   "echo '{\"epoch\": 2, \"loss\": 3}'",
                   "{'loss':2,'epoch':1}\n{'epoch':2,'loss':3}\n");
    /* The field comes without the metric: not yet. */
    assert_reports("'report_on': 'epoch'", "loss",
                   "echo '{\"epoch\": 1}'; echo '{\"loss\": 1}'; echo '{\"epoch\": 2}'",
                   "{'epoch':2,'loss':1}\n");
}

/* ---- Regular expressions ---- */

#define LOSS "'metrics': {'loss': 'loss=(\\\\S+)'}"

static void
regex_first_group_of_the_last_match(void)
{
    assert_reports(LOSS, "loss", "echo 'loss=3 loss=0.5 end'", "{'loss':0.5}\n");
    assert_reports("'metrics': {'loss': '([0-9]+)'}", "loss", "echo 'a 1 b 22 c'", "{'loss':22}\n");
    assert_reports("'metrics': {'loss': 'x=(\\\\d+)|y=(\\\\d+)'}", "loss", "echo 'y=4'",
                   "{'loss':4}\n");
    /* An empty match ends. */
    assert_reports("'metrics': {'loss': '(\\\\d*)'}", "loss", "echo 'a1b'; echo 7",
                   "{'loss':1}\n{'loss':7}\n");
}

static void
regex_numbers(void)
{
    assert_reports(LOSS, "loss", "echo loss=1; echo loss=-2.5e-3; echo loss=nan; echo loss=+inf",
                   "{'loss':1}\n{'loss':-0.0025}\n{'loss':'NaN'}\n{'loss':'Infinity'}\n");
    /* Large integers stay what they are, or become real. */
    assert_reports(LOSS, "loss", "echo loss=9007199254740993; echo loss=1e400",
                   "{'loss':9007199254740993}\n{'loss':'Infinity'}\n");
    /* What is no number is not the metric. */
    assert_reports(LOSS, "loss", "echo loss=low; echo loss=0x10; echo loss=1,5; echo loss=2",
                   "{'loss':2}\n");
}

static void
regex_fields_gather(void)
{
    assert_reports("'metrics': {'loss': 'loss=(\\\\S+)', 'step': 'step=(\\\\S+)', "
                   "'name': 'name=(\\\\S+)'}",
                   "loss", "echo step=1 name=a; echo step=2; echo loss=0.5; echo loss=0.25 step=3",
                   "{'step':2,'name':'a','loss':0.5}\n{'loss':0.25,'step':3}\n");
}

static void
regex_report_on(void)
{
    assert_reports("'metrics': {'loss': 'l=(\\\\S+)', 'end': 'end=(\\\\S+)'}, 'report_on': 'end'",
                   "loss", "echo l=1; echo l=2; echo end=1; echo l=3; echo end=2",
                   "{'loss':2,'end':1}\n{'loss':3,'end':2}\n");
}

static void
regex_and_json(void)
{
    /* With metrics, JSON lines are plain lines, unless both are asked for. */
    assert_reports(LOSS, "loss", "echo '{\"loss\": 1}'; echo loss=2", "{'loss':2}\n");
    assert_reports(LOSS ", 'report': 'json-lines'", "loss", "echo '{\"loss\": 1}'; echo loss=2",
                   "{'loss':1}\n{'loss':2}\n");
}

static void
regex_any_bytes(void)
{
    assert_reports(LOSS, "loss", "printf '\\377\\376 loss=1\\n'; printf 'a\\000b loss=2\\n'",
                   "{'loss':1}\n{'loss':2}\n");
    assert_reports("'metrics': {'loss': 'Verlust ä+ (\\\\S+)'}", "loss", "echo 'Verlust ää 3'",
                   "{'loss':3}\n");
}

/* ---- Lines ---- */

static void
lines_end_at_lf_and_cr(void)
{
    assert_reports(LOSS, "loss", "printf 'loss=1\\rloss=2\\r\\nloss=3\\n\\nloss=4'",
                   "{'loss':1}\n{'loss':2}\n{'loss':3}\n{'loss':4}\n");
}

static void
lines_come_in_parts(void)
{
    assert_reports(LOSS, "loss", "printf lo; sleep 0.05; printf 'ss='; sleep 0.05; printf '1\\n'",
                   "{'loss':1}\n");
}

static void
lines_are_cleaned(void)
{
    assert_reports(LOSS, "loss",
                   "printf 'lo\\033[1;31mss=\\033[0m1\\n'; printf 'loss=9\\b2\\n'; "
                   "printf '\\033]0;title\\007loss=3\\n'; printf '\\033]0;t\\033\\\\loss=4\\n'; "
                   "printf '\\033(Bloss=5\\n'; printf 'ä\\b\\b\\bloss=6\\n'; printf 'loss=7\\033'",
                   "{'loss':1}\n{'loss':2}\n{'loss':3}\n{'loss':4}\n{'loss':5}\n{'loss':6}\n"
                   "{'loss':7}\n");
    assert_reports(NULL, "loss", "printf '\\033[32m{\"loss\": 1}\\033[0m\\n'", "{'loss':1}\n");
}

static void
lines_too_long_are_no_object(void)
{
    assert_reports(NULL, "loss",
                   "printf '{\"loss\": 1, \"x\": \"'; head -c 2000000 /dev/zero | tr '\\0' x; "
                   "echo '\"}'; echo '{\"loss\": 2}'",
                   "{'loss':2}\n");
    assert_reports(LOSS, "loss", "printf 'loss=1 '; head -c 2000000 /dev/zero | tr '\\0' x; echo",
                   "{'loss':1}\n");
}

void
add_report_tests(void)
{
    g_test_add_func("/exec/json/object-with-the-metric", json_an_object_with_the_metric);
    g_test_add_func("/exec/json/fields-of-others-join", json_fields_of_others_join);
    g_test_add_func("/exec/json/metric-as-text", json_metric_as_text);
    g_test_add_func("/exec/json/not-finite", json_not_finite);
    g_test_add_func("/exec/json/metric-by-path", json_metric_by_path);
    g_test_add_func("/exec/json/several-objectives", json_several_objectives);
    g_test_add_func("/exec/json/without-a-metric", json_without_a_metric);
    g_test_add_func("/exec/json/report-on", json_report_on);
    g_test_add_func("/exec/regex/first-group-of-the-last-match",
                    regex_first_group_of_the_last_match);
    g_test_add_func("/exec/regex/numbers", regex_numbers);
    g_test_add_func("/exec/regex/fields-gather", regex_fields_gather);
    g_test_add_func("/exec/regex/report-on", regex_report_on);
    g_test_add_func("/exec/regex/and-json", regex_and_json);
    g_test_add_func("/exec/regex/any-bytes", regex_any_bytes);
    g_test_add_func("/exec/lines/end-at-lf-and-cr", lines_end_at_lf_and_cr);
    g_test_add_func("/exec/lines/come-in-parts", lines_come_in_parts);
    g_test_add_func("/exec/lines/are-cleaned", lines_are_cleaned);
    g_test_add_func("/exec/lines/too-long-are-no-object", lines_too_long_are_no_object);
}
