# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the fault tests share: a place for one case, commands that run in it and may be hit by a
fault, and what is built for them."""
import ctypes
import fcntl
import hashlib
import json
import mmap
import os
import pickle
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
PYTHON = sys.executable

# Seconds after which a command hangs. An error may have a driver wait for a lock (10 s), for
# loggers (30 s) and for workers (30 s), one after the other.
HANGS = 150

# The kinds of system call that preload.c counts, in its order.
CALLS = ("open", "create", "read", "write", "fsync", "rename", "link", "unlink", "mkdir",
         "truncate", "mmap", "lock", "stat", "send", "close", "list", "attributes")
KINDS = ("driver", "worker")


class Failed(Exception):
    """What was found is wrong."""


class Skipped(Exception):
    """It cannot be looked at here, and why."""


def need(true, text, *words):
    if not true:
        raise Failed(text % words if words else text)


def drawn(things, n, seed):
    """So many of them, without order. How many calls there are differs a little from run to run;
    what is drawn of those that both runs have does not."""
    def rank(thing):
        return hashlib.sha256(("%s/%s" % (seed, thing)).encode()).digest()
    return sorted(things, key=rank)[:n]


def wait_until(true, seconds, what):
    end = time.monotonic() + seconds
    while not true():
        need(time.monotonic() < end, "%s: not within %d s", what, seconds)
        time.sleep(0.01)


class Tools:
    """What is built once for all cases: the library that is preloaded and the plugins."""

    def __init__(self, build, folder):
        self.build = os.path.abspath(build)
        self.pegbox = os.path.join(self.build, "core", "pegbox")
        self.preload = os.path.join(folder, "preload.so")
        self.plugins = os.path.join(folder, "plugins")
        self.folder = folder
        include = os.path.join(SOURCE, "sdk", "include")
        self.compile("preload.c", self.preload, os.path.join(HERE, "preload-calls.c"),
                     "-std=gnu11", "-Wno-nonnull-compare")
        for source, name, flags in (("trainable.c", "trainable/steps", ()),
                                    ("trainable.c", "trainable/walks", ("-DFUNCTION_FORM",)),
                                    ("pauses.c", "scheduler/pauses", ()),
                                    ("pauses.c", "scheduler/pauses-few", ("-DOLDEST_FIRST",)),
                                    ("../e2e/large-search.c", "search/large-search", ())):
            path = os.path.join(self.plugins, name + ".so")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            self.compile(source, path, "-std=c99", "-fvisibility=hidden", "-I", include, *flags,
                         libraries=("-lm",))

    @staticmethod
    def compile(source, path, *flags, libraries=()):
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror",
                        "-Wno-missing-field-initializers"] + list(flags) +
                       [os.path.join(HERE, source), "-o", path] + list(libraries), check=True)

    def once(self, name, make):
        """What `make` gives, made once for all cases, which are processes of their own."""
        path = os.path.join(self.folder, name + ".pickle")
        with open(path + ".lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.path.exists(path):
                made = make()
                with open(path, "wb") as file:
                    pickle.dump(made, file)
            with open(path, "rb") as file:
                return pickle.load(file)


class Control:
    """The memory that preload.c shares (struct control there)."""
    LAYOUT = struct.Struct("<%dQQQqQ256iQ256s" % (len(KINDS) * len(CALLS)))

    def __init__(self, path):
        self.path = path
        with open(path, "wb") as file:
            file.truncate(self.LAYOUT.size)
        with open(path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), self.LAYOUT.size)

    def read(self):
        values = self.LAYOUT.unpack(self.memory[:])
        n = len(KINDS) * len(CALLS)
        counts = {(kind, call): values[i * len(CALLS) + j]
                  for i, kind in enumerate(KINDS) for j, call in enumerate(CALLS)}
        return counts, values[n + 1], values[-1].split(b"\0")[0].decode(errors="replace")

    @property
    def counts(self):
        return self.read()[0]

    @property
    def fired(self):
        return self.read()[1]

    @property
    def what(self):
        return self.read()[2]

    @property
    def heap(self):
        """KiB that the driver holds, less what SQLite holds."""
        return self.LAYOUT.unpack(self.memory[:])[-2] // 1024

    def move_clock(self, seconds):
        at = 8 * (len(KINDS) * len(CALLS) + 2)
        self.memory[at:at + 8] = struct.pack("<q", int(seconds * 10 ** 9))


class Run:
    """A command that was started: it ends, or hangs."""

    def __init__(self, place, words, process, control, out, err):
        self.place, self.words, self.process, self.control = place, words, process, control
        self.out_path, self.err_path = out, err

    @property
    def out(self):
        return read_text(self.out_path)

    @property
    def err(self):
        return read_text(self.err_path)

    @property
    def status(self):
        return self.process.returncode

    def wait(self, seconds=HANGS):
        try:
            self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            where = "\n".join(self.place.describe(pid) for pid in self.place.processes())
            self.place.kill_all()
            self.process.wait()
            raise Failed("it hangs (%d s)\n%s\n%s" % (seconds, where, self)) from None
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()

    def __str__(self):
        hit = "\n--- hit: " + self.control.what if self.control and self.control.fired else ""
        return "%s: exit %s%s\n--- stdout\n%s--- stderr\n%s" % (
            " ".join(self.words[1:]), self.status, hit, self.out[-1500:], self.err[-3000:])


def read_text(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


class Place:
    """Where one case happens; a context, after which nothing of it is left."""

    def __init__(self, tools, name, seed):
        self.tools, self.name = tools, name
        self.random = random.Random("%s/%s" % (seed, name))
        self.dir = os.path.realpath(tempfile.mkdtemp(prefix="pegbox-fault-"))
        self.keep = False
        self.most_steps = None  # of a trial
        self.may_fail_to_restore = False
        self.failures = ()  # how what a trial may say when it fails begins
        self.inexact = False  # a checkpoint may be a step ahead of what it counts for
        # In the environment of every process that the case starts, whatever becomes of it.
        self.mark = "FAULT_MARK=" + uuid.uuid4().hex
        self.results = os.path.join(self.dir, "results")
        self.acknowledged = os.path.join(self.dir, "acknowledged")
        self.temporary = os.path.join(self.dir, "tmp")
        for path in (self.results, self.acknowledged, self.temporary):
            os.mkdir(path)
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(
            ("PEGBOX_", "FAULT_", "PYTHON", "OMP_", "LD_PRELOAD"))}
        key, value = self.mark.split("=")
        self.env.update({
            key: value, "HOME": self.dir, "LC_ALL": "C.UTF-8", "TMPDIR": self.temporary,
            "XDG_RUNTIME_DIR": self.temporary, "XDG_CONFIG_HOME": os.path.join(self.dir, "config"),
            "PEGBOX_RESULT_DIR": self.results, "PEGBOX_PLUGIN_PATH": tools.plugins,
            # An answer says that the result is stored.
            "PEGBOX_RESULT_BUFFER_LENGTH": "0"})
        self.started = 0

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.kill_all()
        if not self.keep:
            shutil.rmtree(self.dir, ignore_errors=True)

    @property
    def experiment(self):
        return os.path.join(self.results, "e")

    def path(self, name):
        return os.path.join(self.dir, name)

    def write_spec(self, keys, name="experiment.json"):
        with open(self.path(name), "w", encoding="utf-8") as file:
            json.dump(keys, file, indent=1)
        return self.path(name)

    # ---- Commands ----

    def start(self, *words, fault=None, env=None, before=None):
        """Starts pegbox. `fault`: FAULT_* (without that word) for preload.c."""
        self.started += 1
        out, err = (self.path("%s%d" % (name, self.started)) for name in ("out", "err"))
        all_env, control = dict(self.env, **(env or {})), None
        if fault is not None:
            control = Control(self.path("control%d" % self.started))
            all_env.update({"FAULT_" + key: str(value) for key, value in fault.items()})
            all_env.update(FAULT_CONTROL=control.path, LD_PRELOAD=self.tools.preload)
        with open(out, "wb") as out_file, open(err, "wb") as err_file:
            process = subprocess.Popen([self.tools.pegbox] + list(words), env=all_env,
                                       cwd=self.dir, stdin=subprocess.DEVNULL, stdout=out_file,
                                       stderr=err_file, preexec_fn=before)
        return Run(self, [self.tools.pegbox] + list(words), process, control, out, err)

    def run(self, *words, status=0, seconds=HANGS, **options):
        """Runs pegbox to its end; status None: whatever it is."""
        done = self.start(*words, **options).wait(seconds)
        need(status is None or done.status == status, "exit %s, not %s: %s", done.status, status,
             done)
        return done

    def json(self, *words):
        return json.loads(self.run(*words, "--json").out)

    # ---- Processes ----

    def processes(self):
        """Pids of what the case started, zombies aside (they have no environment)."""
        found = []
        for pid in os.listdir("/proc"):
            if pid.isdigit():
                try:
                    with open("/proc/%s/environ" % pid, "rb") as file:
                        if self.mark.encode() in file.read().split(b"\0"):
                            found.append(int(pid))
                except OSError:
                    pass
        return found

    def workers(self, run):
        """Those of a driver that lives; what they forked may have their name too."""
        try:
            children = read_text("/proc/%d/task/%d/children" % (run.process.pid, run.process.pid))
        except OSError:
            return []
        return [int(pid) for pid in children.split() if comm(int(pid)) == "pegbox-worker"]

    def describe(self, pid):
        words = []
        for name in ("cmdline", "wchan", "stat"):
            try:
                words.append(read_text("/proc/%d/%s" % (pid, name)).replace("\0", " ")[:200])
            except OSError:
                pass
        return "%d %s" % (pid, " | ".join(words))

    def nothing_runs(self, seconds=20):
        """Nothing that was started is left, or will be in a moment."""
        end = time.monotonic() + seconds
        while self.processes() and time.monotonic() < end:
            time.sleep(0.01)
        left = [self.describe(pid) for pid in self.processes()]
        self.kill_all()
        need(not left, "processes are left:\n%s", "\n".join(left))

    def kill_all(self):
        while self.processes():
            for pid in self.processes():
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    pass
            time.sleep(0.01)


def comm(pid):
    try:
        return read_text("/proc/%d/comm" % pid).strip()
    except OSError:
        return ""


def own_mounts():
    """What this process mounts from now on is seen by it and its children alone."""
    new_namespace, new_user = 0x20000, 0x10000000
    libc = ctypes.CDLL(None, use_errno=True)
    uid = os.geteuid()
    if libc.unshare(new_namespace | (new_user if uid != 0 else 0)) != 0:
        raise Skipped("no mounts of one's own here: " + os.strerror(ctypes.get_errno()))
    if uid != 0:
        for name, text in (("setgroups", "deny"), ("uid_map", "0 %d 1" % uid),
                           ("gid_map", "0 %d 1" % os.getegid())):
            with open("/proc/self/" + name, "w", encoding="ascii") as file:
                file.write(text)
    # Refused in a chroot whose root is no mount.
    subprocess.run(["mount", "--make-rprivate", "/"], stderr=subprocess.DEVNULL, check=False)
