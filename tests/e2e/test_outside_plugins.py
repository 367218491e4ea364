#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The plugins of sdk/examples build against the installed files alone and run beside ours;
what sdk/examples/README.md and doc/plugin-authors.md say works word for word."""
import glob
import os
import re
import shutil

from pegbox_test import PEGBOX, SANITIZED, SOURCE, PegboxTest, main, read_text, sh

SDK_EXAMPLES = os.path.join(SOURCE, "sdk", "examples")
GUIDE = os.path.join(SOURCE, "doc", "plugin-authors.md")
TEST_CFLAGS = os.environ.get("PEGBOX_TEST_CFLAGS", "")
STRICT = ["-pedantic", "-Wall", "-Wextra", "-Wshadow", "-Wmissing-field-initializers", "-Werror"]


class Outside(PegboxTest):
    def setUp(self):
        super().setUp()
        self.prefix = self.installed()
        self.place = os.path.join(self.dir, "outside")
        os.makedirs(self.place)

    def copy_example(self, kind, name):
        """One C file in a directory of its own, so that nothing else of the source tree can be
        included."""
        return shutil.copy(os.path.join(SDK_EXAMPLES, kind, name + ".c"), self.place)

    def build(self, kind, name):
        flags = STRICT + ([] if SANITIZED else ["-Wl,-z,defs"])
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(
            self.copy_example(kind, name), kind, name, self.prefix, flags)

    def compilers(self, *names):
        found = [name for name in names if shutil.which(name)]
        self.assertTrue(found, "none of %s" % (names,))
        return found


class Headers(Outside):
    def check_each(self, compilers, standard, language):
        folder = os.path.join(self.prefix, "include")
        headers = glob.glob(os.path.join(folder, "pegbox", "**", "*.h"), recursive=True)
        self.assertGreater(len(headers), 14)
        for header in headers:
            name = os.path.relpath(header, folder)
            source = self.write("alone." + language, "#include <%s>\nint not_empty;\n" % name)
            for compiler in compilers:
                with self.subTest(compiler=compiler, header=name):
                    self.command([compiler, "-std=" + standard, "-fsyntax-only"] + STRICT +
                                 ["-I" + folder, source])

    def test_each_alone_is_c99(self):
        self.check_each(self.compilers("gcc", "clang"), "c99", "c")

    def test_each_alone_is_cxx11(self):
        self.check_each(self.compilers("g++", "clang++"), "c++11", "cc")


class Examples(Outside):
    def test_search_and_stopper_are_short(self):
        for kind in ("search", "stopper"):
            sources = glob.glob(os.path.join(SDK_EXAMPLES, kind, "*.c"))
            self.assertTrue(sources)
            for source in sources:
                text = read_text(source)
                self.assertLess(text.count("\n"), 60, source)
                self.assertEqual(re.findall(r"#\s*include\s*(\S+)", text), ["<pegbox/helpers.h>"])

    def test_each_is_strict_c99(self):
        sources = glob.glob(os.path.join(SDK_EXAMPLES, "*", "*.c"))
        self.assertGreater(len(sources), 4)
        for source in sources:
            for compiler in self.compilers("gcc", "clang"):
                self.command([compiler, "-std=c99", "-fsyntax-only"] + STRICT +
                             self.pkg_config(self.prefix, "--cflags") + [source])

    def anneal(self, **keys):
        space = {"x": {"$uniform": [0, 1]}, "k": {"$qrandint": [0, 100, 5]},
                 "n": {"$randn": [3, 1]},
                 "kind": {"$choice": ["a", {"lr": {"$loguniform": [1e-5, 1e-1]}}]}}
        keys = dict({"config": space, "metric": "loss", "mode": "min", "num_samples": 30,
                     "max_concurrent_trials": 1, "seed": 1,
                     "search": {"plugin": "anneal", "step": 0.1}}, **keys)
        experiment = self.run_experiment(sh("""echo "{\\"loss\\": $1}" """, "{x}"), **keys)
        self.assertEqual(set(experiment.states), {"TERMINATED"})
        return experiment.configs

    def test_search(self):
        self.build("search", "anneal")
        options = self.pegbox("inspect", "search/anneal", "--json").json["options"]
        self.assertEqual([option["name"] for option in options], ["step", "temperature"])
        configs = self.anneal()
        self.assertEqual(len(configs), 30)
        steps = [min(abs(config["x"] - earlier["x"]) for earlier in configs[:i])
                 for i, config in enumerate(configs) if i > 1]  # 1 is made while 0 runs
        self.assertLessEqual(max(steps), 0.1)  # each is near one of those before it
        self.assertEqual({"a" if config["kind"] == "a" else "lr" for config in configs},
                         {"a", "lr"})
        self.assertEqual(self.anneal(), configs)
        self.assertNotEqual(self.anneal(seed=2), configs)
        done = self.pegbox("validate", self.spec(sh(":"), search={"plugin": "anneal", "step": 2}),
                           expect=2)
        self.assertIn("search.step", done.err)

    def test_stopper(self):
        self.build("stopper", "patience")
        options = self.pegbox("inspect", "stopper/patience", "--json").json["options"]
        self.assertEqual([option["name"] for option in options], ["results", "min_delta"])
        trainable = sh("""for i in $*; do echo "{\\"score\\": $i}"; done""",
                       *["{words[%d]}" % i for i in range(5)])
        config = {"words": {"$choice": [[1, 2, 3, 4, 5], [3, 3.5, 3.4, 3.2, 9], [2, 1, 0, 4, 5]]}}
        points = [{"words": choice} for choice in config["words"]["$choice"]]
        experiment = self.run_experiment(
            trainable, config=config, metric="score", mode="max", num_samples=3,
            search={"plugin": "random", "points_to_evaluate": points},
            stop={"plugin": "patience", "results": 2})
        self.assertEqual(experiment.counts, [5, 4, 3])
        self.assertEqual(experiment.states, ["TERMINATED"] * 3)
        self.assertIn("better", experiment.trials[1]["reason"])
        self.assertIsNone(experiment.trials[0]["reason"])
        done = self.pegbox("validate", self.spec(sh(":"), metric="loss", mode="min",
                                                 stop={"plugin": "patience", "no_such": 1}),
                           expect=2)
        self.assertIn("no_such", done.err)

    def test_stopper_needs_a_metric(self):
        self.build("stopper", "patience")
        done = self.pegbox("validate", self.spec(sh(":"), stop={"plugin": "patience"}), expect=2)
        self.assertIn("metric", done.err)


FAILS = r"""
#include <pegbox/helpers.h>
struct pbx_instance {
    pbx_base base;
};
static const pbx_option options[] = {
    PBX_OPT_BOOL("fatal", "whether the run cannot go on", "1.0", "false"),
};

static pbx_status
result(pbx_instance *self, const pbx_result *r, pbx_verdict *verdict, pbx_error *error)
{
    int fatal = pbx_boolean(self->base.host, self->base.options, "fatal");
    (void)verdict;
    if (r->trial != 0)
        return PBX_OK;
    return pbx_fail(error, fatal ? PBX_EFATAL : PBX_EIO, NULL, "the oracle is silent");
}

PEGBOX_STOPPER("fails", "1.0", "Fails", "MIT", options, 0, 0, NULL, NULL, .result = result);
"""


class Errors(Outside):
    def fails(self, fatal, expect):
        source = self.write("fails.c", FAILS)
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(source, "stopper", "fails", self.prefix)
        experiment = self.run_experiment(
            sh("""echo '{"n": 1}'"""), num_samples=2, max_concurrent_trials=1, expect=expect,
            stop={"plugin": "fails", "fatal": fatal})
        self.assertIn("the oracle is silent", experiment.done.out + experiment.done.err)
        return experiment

    def test_an_error_about_a_result_fails_its_trial(self):
        self.assertEqual(self.fails(False, 1).states, ["ERROR", "TERMINATED"])

    def test_a_fatal_one_ends_the_run(self):
        self.assertIn("stopper/fails", self.fails(True, 4).done.err)


SPY = r"""
#include <pegbox/helpers.h>
struct pbx_instance {
    pbx_base base;
};

static void
say(pbx_instance *self, const char *call, const pbx_result *r, double budget)
{
    char of_result[32], own[32];
    pbx_log(self->base.host, PBX_LOG_WARNING, "%s %d: rung %d at %s, %s", call, (int)r->iteration,
            r->rung == PBX_NO_RUNG ? -1 : (int)r->rung, pbx_format_real(r->budget, of_result),
            pbx_format_real(budget, own));
}

static pbx_status
suggest(pbx_instance *self, pbx_suggestion *suggestion, pbx_error *error)
{
    (void)self, (void)suggestion, (void)error;
    return PBX_OK;
}

static pbx_status
report(pbx_instance *self, const pbx_result *r, pbx_error *error)
{
    (void)error;
    say(self, "report", r, r->budget);
    return PBX_OK;
}

static pbx_status
tell(pbx_instance *self, const pbx_outcome *outcome, pbx_error *error)
{
    (void)error;
    say(self, "tell", outcome->last, outcome->budget);
    return PBX_OK;
}

PEGBOX_SEARCH("spy", "1.0", "Tells what it is told", "MIT", PEGBOX_NO_OPTIONS, 0, 0, NULL, NULL,
              .suggest = suggest, .report = report, .tell = tell);
"""


class Rungs(Outside):
    def test_search_is_told_what_the_scheduler_named(self):
        source = self.write("spy.c", SPY)
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(source, "search", "spy", self.prefix)
        experiment = self.run_experiment(
            sh("""for i in 1 2 3 4 5 6; do echo "{\\"loss\\": 0}"; done"""),
            metric="loss", mode="min", search="spy", stop={"training_iteration": 6},
            scheduler={"plugin": "asha", "max_t": 20, "reduction_factor": 4})
        lines = re.findall(r"((?:report|tell) \d.*)", experiment.done.err)
        self.assertEqual(lines, [
            "report 1: rung 0 at 1, 1", "report 2: rung -1 at nan, nan",
            "report 3: rung -1 at nan, nan", "report 4: rung 1 at 4, 4",
            "report 5: rung -1 at nan, nan", "tell 6: rung -1 at nan, 4"])


CXX = r"""
#include <pegbox/helpers.h>
#include <map>

struct pbx_instance {
    pbx_base base;
    std::map<uint64_t, int64_t> *seen;
};
static const pbx_option options[] = {
    PBX_OPT_INT("most", "results of a trial", "1.0", 1, 100, "3"),
};

static void
finish(pbx_instance *self)
{
    delete self->seen;
}

static pbx_status
init(pbx_instance *self, const pbx_host *, const pbx_json *, pbx_error *)
{
    self->seen = new std::map<uint64_t, int64_t>;
    self->base.finish = finish;
    return PBX_OK;
}

static pbx_status
result(pbx_instance *self, const pbx_result *r, pbx_verdict *verdict, pbx_error *)
{
    int64_t most = pbx_integer(self->base.host, self->base.options, "most");
    verdict->stop = ++(*self->seen)[r->trial] >= most;
    return PBX_OK;
}

PEGBOX_STOPPER("counted", "1.0", "A stopper in C++", "MIT", options, 0, 0, init, nullptr, nullptr,
               result, nullptr, nullptr);
"""


class Cxx(Outside):
    def test_stopper(self):
        source = self.write("counted.cc", CXX)
        folder = os.path.join(self.dir, "plugins", "stopper")
        os.makedirs(folder)
        self.command(["c++", "-std=c++11", "-shared", "-fPIC", "-fvisibility=hidden"] + STRICT +
                     TEST_CFLAGS.split() + self.pkg_config(self.prefix, "--cflags") +
                     [source, "-o", os.path.join(folder, "counted.so")])
        self.env["PEGBOX_PLUGIN_PATH"] = os.path.dirname(folder)
        experiment = self.run_experiment(
            sh("""for i in 1 2 3 4; do echo "{\\"n\\": $i}"; done"""), num_samples=2,
            stop={"plugin": "counted", "most": 2})
        self.assertEqual(experiment.counts, [2, 2])


class Pages(Outside):
    """A reader's shell in an empty directory: every block of a page, as it stands there."""

    def follow(self, page):
        """A block after a line that begins with `NAME` is that file; all of sh are one script."""
        text = read_text(page)
        for name, block in re.findall(r"^`([\w.-]+)`.*\n\n```(?!sh)\w+\n((?:.*\n)*?)```$", text,
                                      re.M):
            self.write(os.path.join(self.place, name), block)
        script = "".join(re.findall(r"(?m)^```sh\n((?:.*\n)*?)```$", text))
        self.assertTrue(script)
        return self.command(["sh", "-ex"], text=script, cwd=self.place, env=self.reader())

    def reader(self):
        """The environment where the installed pegbox is a usual one, wherever it lies."""
        found = glob.glob(os.path.join(self.prefix, "**", "pegbox-plugin.pc"), recursive=True)
        self.assertEqual(len(found), 1)
        text = re.sub(r"(?m)^prefix=.*", "prefix=" + self.prefix, read_text(found[0]))
        path = self.write("pkgconfig/pegbox-plugin.pc", text)
        # What it compiles is compiled as the program that will load it.
        self.write("bin/cc", '#!/bin/sh\nexec %s %s "$@"\n' % (shutil.which("cc"), TEST_CFLAGS),
                   0o755)
        return {"PATH": ":".join([os.path.join(self.dir, "bin"), os.path.dirname(PEGBOX),
                                  os.environ["PATH"]]),
                "PKG_CONFIG_PATH": os.path.dirname(path), "DESTDIR": self.dir + "/destination"}

    def test_examples(self):
        for name in ("meson.build", "search", "stopper", "trainable"):
            source = os.path.join(SDK_EXAMPLES, name)
            copy = shutil.copytree if os.path.isdir(source) else shutil.copy
            copy(source, os.path.join(self.place, name))
        done = self.follow(os.path.join(SDK_EXAMPLES, "README.md"))
        self.assertIn("20 trials", done.out)
        sources = glob.glob(os.path.join(SDK_EXAMPLES, "*", "*.c"))
        names = [os.path.basename(source)[:-2] for source in sources]
        self.assertEqual(sorted(self.installed_files()), sorted(names))

    def test_guide(self):
        done = self.follow(GUIDE)
        self.assertIn("stopper/target 1.0", done.out)
        self.assertIn("the loss at which a trial is good enough", done.out)
        self.assertIn("Best loss", done.out)
        self.assertEqual(self.installed_files(), ["target"])

    def installed_files(self):
        pattern = os.path.join(self.dir, "destination", "**", "*.so")
        return [os.path.basename(path)[:-3] for path in glob.glob(pattern, recursive=True)]


if __name__ == "__main__":
    main()
