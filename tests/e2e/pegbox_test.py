# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the end-to-end tests share: running pegbox in a place of its own, and looking at what
it left behind.

The environment says which pegbox is tested:
  PEGBOX            the program (default: core/pegbox in PEGBOX_BUILD_DIR)
  PEGBOX_BUILD_DIR  the build directory (default: build/ of this tree)
  PEGBOX_PREFIX     where it is installed; unset: a test that needs that installs a copy
  PEGBOX_TEST_CFLAGS  how plugins must be compiled to be loaded (a build with sanitizers)
  PEGBOX_TEST_SHORT=1  fewer trials and more time, for sanitizers
  PEGBOX_TEST_VALGRIND=1  pegbox and its workers run under valgrind, and must give it no reason to
                    speak; programs and what the system has do not
"""
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.abspath(os.environ.get("PEGBOX_BUILD_DIR", os.path.join(SOURCE, "build")))
PEGBOX = os.path.abspath(os.environ.get("PEGBOX", os.path.join(BUILD, "core", "pegbox")))
EXAMPLES = os.path.join(SOURCE, "doc", "examples")
PYTHON = sys.executable
WITHOUT = os.environ.get("PEGBOX_TEST_WITHOUT", "").split()  # plugins that the build has left out
SHORT = os.environ.get("PEGBOX_TEST_SHORT") == "1"
SANITIZED = "-fsanitize" in os.environ.get("PEGBOX_TEST_CFLAGS", "")
UNDER_VALGRIND = os.environ.get("PEGBOX_TEST_VALGRIND") == "1"
SLOW = 8 if UNDER_VALGRIND else 4 if SHORT else 1  # they take their time
VALGRIND = ["valgrind", "--quiet", "--error-exitcode=97", "--leak-check=full",
            "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite", "--num-callers=30",
            # The threads of what is preloaded have their turn beside one that never waits.
            "--fair-sched=yes", "--vgdb=no", "--trace-children=yes",
            "--trace-children-skip=/bin/*,/usr/*,/sbin/*", "--child-silent-after-fork=yes"]
VALGRIND_ERROR = ("Invalid |ninitialised|definitely lost|Mismatched |overlap|Syscall param|Jump to|"
                  "fishy|stack overflow")
SANITIZERS_ERROR = "AddressSanitizer: (?!SEGV|ABRT)|LeakSanitizer: det|runtime error: "

# Nothing of the user's reaches a test: neither what a shell has what it starts aside ignore,
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL)
# nor variables.
OWN_VARIABLES = ("PEGBOX_", "OMP_", "OPENBLAS_", "MKL_", "PYTHON", "NO_COLOR")
TEST_VARIABLES = ("PEGBOX_TEST_", "PEGBOX_BUILD_DIR", "PEGBOX_PREFIX")


def sh(text, *words, **options):
    """The experiment's `trainable` for a shell script; `words` (templates) are $1, $2 ..."""
    command = ["sh", "-c", text.replace("{", "{{"), "sh"] + list(words)
    return dict({"plugin": "exec", "command": command}, **options)


def python(text, *words, **options):
    """The same for a Python script; `words` are sys.argv[1:]."""
    command = [PYTHON, "-c", text.replace("{", "{{")] + list(words)
    return dict({"plugin": "exec", "command": command}, **options)


def wait_until(true, seconds=10, what="condition"):
    """Waits for what will be, and fails where it does not come: no test counts on speed."""
    end = time.monotonic() + seconds * SLOW
    while not true():
        if time.monotonic() > end:
            raise AssertionError("%s: not within %d s" % (what, seconds * SLOW))
        time.sleep(0.02)


def read_text(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def without_sums(store):
    """Rows of it need no checksum now, as where an older pegbox began it: what then is in them is
    read as it is."""
    store.execute("INSERT OR REPLACE INTO fact VALUES ('first_schema', '2', 8669174628320467353)")


def json_lines(text):
    return [json.loads(line) for line in text.splitlines() if line.strip()]


class Done:
    """A command that has ended."""

    def __init__(self, words, status, out, err):
        self.words, self.status, self.out, self.err = words, status, out, err

    def __str__(self):
        return "%s: exit %d\n--- stdout\n%s--- stderr\n%s" % (
            " ".join(self.words), self.status, self.out[-4000:], self.err[-4000:])

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def json_lines(self):
        return json_lines(self.out)


class Experiment:
    """An experiment's directory, seen through the commands and its files."""

    def __init__(self, test, path, done):
        self.test, self.path, self.done = test, path, done

    def command(self, name, *words, **options):
        return self.test.pegbox(name, self.path, *words, **options)

    def look(self, name, *words):
        """What a test asks to see what has happened, and is not about: never under valgrind."""
        return self.test.command([PEGBOX, name, self.path, *words, "--json"]).json

    @property
    def trials(self):
        """All trials in order, as `trials --json` gives them."""
        return self.look("trials")

    def results(self, trial):
        return self.look("results", str(trial))

    @property
    def counts(self):
        """Number of results of each trial."""
        return [len(self.results(trial["trial"])) for trial in self.trials]

    @property
    def states(self):
        return [trial["state"] for trial in self.trials]

    @property
    def configs(self):
        return [trial["config"] for trial in self.trials]

    def dir(self, trial):
        """A trial's own directory."""
        return self.trials[trial]["dir"]

    def read(self, trial, name):
        return read_text(os.path.join(self.dir(trial), name))


class PegboxTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        if not os.path.exists(PEGBOX):
            self.fail("no program %s: set PEGBOX or PEGBOX_BUILD_DIR" % PEGBOX)
        self.dir = os.path.realpath(tempfile.mkdtemp(prefix="pegbox-test-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.results_dir = os.path.join(self.dir, "results")
        # Every process that a test starts carries this in its environment, so that one
        # left behind is found whatever it did to its parents, groups and sessions.
        self.mark = "PEGBOX_E2E_MARK=" + uuid.uuid4().hex
        self.addCleanup(self.check_nothing_left)
        self.env = {k: v for k, v in os.environ.items()
                    if k.startswith(TEST_VARIABLES) or not k.startswith(OWN_VARIABLES)}
        name, value = self.mark.split("=")
        self.env.update({name: value, "HOME": self.dir, "LC_ALL": "C.UTF-8",
                         "PEGBOX_RESULT_DIR": self.results_dir,
                         # What is told of slowness is no matter of right and wrong.
                         "PEGBOX_WARN_THRESHOLD_S": "1000",
                         "XDG_CONFIG_HOME": os.path.join(self.dir, "config")})
        self.started = self.preloaded = 0
        self.program = [PEGBOX]
        if UNDER_VALGRIND:
            logs = self.make_logs()
            self.program = VALGRIND + ["--log-file=%s/%%p" % logs, PEGBOX]
            self.env.update(self.preloading(read_text(os.path.join(HERE, "valgrind-preload.c"))))
            self.addCleanup(self.check_reports, logs, VALGRIND_ERROR)
        elif SANITIZED:
            # Of workers too, whose standard error and status nobody looks at once they are done.
            logs = self.make_logs()
            for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
                self.env[name] = "%s:log_path=%s/log" % (self.env.get(name, ""), logs)
            self.addCleanup(self.check_reports, logs, SANITIZERS_ERROR)

    def make_logs(self):
        """Where what watches over memory writes: not among the test's own files."""
        logs = tempfile.mkdtemp(prefix="pegbox-test-logs-")
        self.addCleanup(shutil.rmtree, logs)
        return logs

    def check_reports(self, logs, error):
        """How a process was killed is no matter of memory."""
        said = [read_text(os.path.join(logs, name)) for name in sorted(os.listdir(logs))]
        said = [text for text in said if re.search(error, text)]
        self.assertEqual(said, [], "\n".join(said)[:10000])

    def preloading(self, source):
        """Compiles this text in C; the environment that loads it before all else of a program."""
        path = os.path.join(self.dir, "preload-%d" % self.preloaded)
        self.preloaded += 1
        self.write(path + ".c", source)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", path + ".so", path + ".c"], check=True)
        before = [self.env["LD_PRELOAD"]] if "LD_PRELOAD" in self.env else []
        checks = self.env.get("ASAN_OPTIONS", "")
        return {"LD_PRELOAD": ":".join([path + ".so"] + before),
                "ASAN_OPTIONS": checks + ":verify_asan_link_order=0"}

    # ---- Processes ----

    def processes(self):
        """Pids of what carries this test's mark, zombies aside (they have no environment)."""
        found = []
        for pid in os.listdir("/proc"):
            if not pid.isdigit():
                continue
            try:
                with open("/proc/%s/environ" % pid, "rb") as file:
                    if self.mark.encode() in file.read().split(b"\0"):
                        found.append(int(pid))
            except OSError:
                pass
        return found

    def named(self, name):
        """Pids of those that run the program `name`, under valgrind too."""
        found = []
        for pid in self.processes():
            try:
                with open("/proc/%d/cmdline" % pid, "rb") as file:
                    words = file.read().decode(errors="replace").split("\0")
            except OSError:
                continue
            if "valgrind" in words[0]:
                words = [word for word in words[1:] if not word.startswith("-")]
            if os.path.basename(words[0]) == name:
                found.append(pid)
        return found

    def check_nothing_left(self):
        end = time.monotonic() + 15 * SLOW
        while self.processes() and time.monotonic() < end:
            time.sleep(0.05)
        left = []
        for pid in self.processes():
            try:
                with open("/proc/%d/cmdline" % pid, "rb") as file:
                    left.append("%d %s" % (pid, file.read().replace(b"\0", b" ").decode()))
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        self.assertEqual(left, [], "processes left behind")

    def environment(self, extra):
        env = dict(self.env, **(extra or {}))
        return {k: v for k, v in env.items() if v is not None}

    def start(self, *words, env=None, cwd=None, **options):
        """Starts pegbox and does not wait; for tests that send signals."""
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        options.setdefault("stdin", subprocess.DEVNULL)
        process = subprocess.Popen(self.program + list(words), env=self.environment(env),
                                   cwd=cwd or self.dir, universal_newlines=True, errors="replace",
                                   **options)
        self.addCleanup(self.kill, process)
        return process

    @staticmethod
    def kill(process):
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()

    def finish(self, process, timeout=120):
        out, err = process.communicate(timeout=timeout * SLOW)
        return Done(process.args, process.returncode, out or "", err or "")

    def command(self, words, expect=0, env=None, cwd=None, text=None, timeout=120):
        """Runs any command to its end; expect None: any status will do."""
        done = subprocess.run(words, env=self.environment(env), cwd=cwd or self.dir, input=text,
                              stdin=subprocess.DEVNULL if text is None else None,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, errors="replace",
                              universal_newlines=True, check=False, timeout=timeout * SLOW)
        done = Done(words, done.returncode, done.stdout, done.stderr)
        if expect is not None:
            self.assertEqual(done.status, expect, str(done))
        return done

    def pegbox(self, *words, **options):
        return self.command(self.program + list(words), **options)

    # ---- Experiments ----

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.dir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def spec(self, trainable=None, **keys):
        """Writes an experiment file and returns its path."""
        if trainable is not None:
            keys["trainable"] = trainable
        return self.write("experiment.json", json.dumps(keys))

    def run_experiment(self, trainable=None, words=(), expect=0, environ=None, timeout=120,
                       **keys):
        """Writes an experiment file, runs it with `environ` added to the environment, returns the
        Experiment."""
        self.started += 1
        keys.setdefault("name", "e%d" % self.started)
        done = self.pegbox("run", self.spec(trainable, **keys), *words, expect=expect, env=environ,
                           timeout=timeout)
        return Experiment(self, os.path.join(self.results_dir, keys["name"]), done)

    def opened(self, name, done=None):
        return Experiment(self, os.path.join(self.results_dir, name), done)

    def need_plugin(self, name):
        """Skips a test of KIND/NAME that this pegbox was built without."""
        if name in WITHOUT:
            self.skipTest("this pegbox was built without %s" % name)

    def refused(self, text, *messages, words=(), status=2, command="validate"):
        """Checks that a file is refused with each message as a whole line; nothing is started."""
        path = self.write("bad.json", text if isinstance(text, str) else json.dumps(text))
        done = self.pegbox(command, path, *words, expect=status)
        lines = done.err.splitlines()
        for message in messages:
            self.assertTrue(any(message in line for line in lines),
                            "no line with %r in:\n%s" % (message, done))
        self.assertFalse(os.path.exists(self.results_dir), "something was started")
        return done

    # ---- An installed tree ----

    def installed(self):
        """Prefix of an installed pegbox: the given one, or a copy in this test's directory. Such
        a copy lies elsewhere than it was configured for, as a moved tree does."""
        if "PEGBOX_PREFIX" in os.environ:
            return os.environ["PEGBOX_PREFIX"]
        root = os.path.join(self.dir, "installed")
        self.command(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet"],
                     env={"DESTDIR": root}, timeout=300)
        options = json.loads(self.command(
            ["meson", "introspect", "--buildoptions", BUILD]).out)
        prefix = next(o["value"] for o in options if o["name"] == "prefix")
        return root + prefix

    def pkg_config(self, prefix, *words):
        """What pkg-config says of pegbox-plugin.pc in an installed tree, as words. The tree may have
        been moved: nobody tells pkg-config where."""
        path = [os.path.join(folder, "pkgconfig") for folder, folders, _ in os.walk(prefix)
                if "pkgconfig" in folders]
        done = self.command(
            ["pkg-config"] + list(words) + ["pegbox-plugin"],
            env={"PKG_CONFIG_PATH": ":".join(path), "PKG_CONFIG_ALLOW_SYSTEM_CFLAGS": "1"})
        return shlex.split(done.out)

    def build_plugin(self, source, kind, name, prefix=None, flags=()):
        """Compiles one C file to plugins/KIND/NAME.so of this test, against what is installed;
        returns the directory for PEGBOX_PLUGIN_PATH."""
        prefix = prefix or self.installed()
        folder = os.path.join(self.dir, "plugins", kind)
        os.makedirs(folder, exist_ok=True)
        self.command(
            ["cc", "-std=c99", "-shared", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra",
             "-Werror", "-Wno-missing-field-initializers"] +
            os.environ.get("PEGBOX_TEST_CFLAGS", "").split() +
            self.pkg_config(prefix, "--cflags") +
            [source, "-o", os.path.join(folder, name + ".so"), "-lm"] + list(flags))
        return os.path.dirname(folder)


def main():
    unittest.main(verbosity=1)
