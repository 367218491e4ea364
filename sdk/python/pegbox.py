# SPDX-License-Identifier: MIT
"""Talk to pegbox from a training script.

    import pegbox

    config = pegbox.config({"lr": 0.01, "epochs": 10})
    for epoch in range(config["epochs"]):
        ...
        pegbox.report(loss=loss, accuracy=accuracy)

Under `pegbox run` config() is the trial's configuration and report() sends a result; where
the trial is to end, report() raises pegbox.Stop, a SystemExit, which ends the script as
sys.exit(0) does: with statements and finally clauses run. Without pegbox the same script
runs alone: config() gives the defaults, report() prints a JSON line.

Checkpoints, so that a trial goes on where it was:

    model, first = Model(), 0
    if pegbox.restored():
        model.load(pegbox.restored() + "/model")
        first = ...                     # save what tells it, too
    for epoch in range(first, config["epochs"]):
        ...
        pegbox.report(loss=loss)
        if pegbox.should_save():
            with pegbox.checkpoint_dir(epoch) as folder:
                model.save(folder + "/model")

Save after the report of what is saved: the checkpoint counts for the last report before it.

Large data that all trials read, as `data` of the experiment file names it, is in memory once:

    images = numpy.asarray(pegbox.data("images"))

One file, nothing but Python's standard library (3.7 or later). The protocol is described
in doc/worker-protocol.md.
"""

import ast
import copy
import json
import mmap
import os
import shutil
import socket
import struct
import sys
import tempfile
import threading

__all__ = ["Stop", "checkpoint_dir", "config", "data", "report", "restored", "should_save"]

PROTOCOL = 1
_HEADER = struct.Struct("<II")
_FRAME_MAX = 16 * 1024 * 1024

_lock = threading.Lock()
_link = None
_saves = False  # this script has asked should_save(), or has made a checkpoint


class Stop(SystemExit):
    """Raised by report() where the trial is to end; ends the program with status 0."""

    def __init__(self):
        super().__init__(0)


def _merged(base, over):
    if not (isinstance(base, dict) and isinstance(over, dict)):
        return over
    result = dict(base)
    for key, value in over.items():
        result[key] = _merged(base[key], value) if key in base else value
    return result


def config(defaults=None):
    """The trial's configuration over `defaults`, as a new dict; alone: the defaults."""
    result = copy.deepcopy(dict(defaults or {}))
    path = os.environ.get("PEGBOX_CONFIG")
    if path:
        with open(path, encoding="utf-8") as file:
            result = _merged(result, json.load(file))
    return result


def _plain(value):
    """What json cannot write itself: NumPy's and PyTorch's scalars and arrays."""
    for name in ("tolist", "item"):
        method = getattr(value, name, None)
        if callable(method):
            return method()
    raise TypeError("pegbox.report: a value of type %s is no JSON; give a number, text, list "
                    "or dict" % type(value).__name__)


class _Link:
    """The connection to pegbox-worker: frames of JSON, one answer to each report."""

    def __init__(self, address):
        kind, _, path = address.partition(":")
        if kind != "unix" or not path:
            raise RuntimeError("pegbox: PEGBOX_SOCKET=%s: only unix:PATH is known" % address)
        self.pid = os.getpid()
        self.stop = self.save = self.saving = False
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)
        self.send({"type": "hello", "protocol": PROTOCOL, "pid": self.pid,
                   "trial": os.environ.get("PEGBOX_TRIAL_ID")})
        self.receive("welcome")

    def send(self, message):
        text = json.dumps(message, default=_plain, separators=(",", ":")).encode()
        if len(text) > _FRAME_MAX:
            raise ValueError("pegbox: a report of %d bytes; at most %d can be sent"
                             % (len(text), _FRAME_MAX))
        self.socket.sendall(_HEADER.pack(len(text), 0) + text)

    def read(self, size):
        parts = bytearray()
        while len(parts) < size:
            part = self.socket.recv(size - len(parts))
            if not part:
                raise ConnectionError("pegbox: pegbox-worker closed the connection")
            parts += part
        return bytes(parts)

    def receive(self, expected):
        json_length, blob_length = _HEADER.unpack(self.read(_HEADER.size))
        message = json.loads(self.read(json_length).decode())
        self.read(blob_length)
        if message.get("type") != expected:
            raise RuntimeError("pegbox: %s" % message.get("text", "unexpected %r" % message))
        return message

    def ask(self, message, expected):
        self.send(message)
        return self.receive(expected)


def _connected():
    """This process's own connection; None without a driver."""
    global _link
    address = os.environ.get("PEGBOX_SOCKET")
    if not address:
        return None
    # After a fork the parent's connection is the parent's.
    if _link is None or _link.pid != os.getpid():
        _link = _Link(address)
    return _link


def report(metrics=None, **more):
    """Reports one result and waits for the answer; raises Stop where that is "stop".

    Where a checkpoint is asked for too, a script that makes some goes on until it has made
    it, or reports again."""
    if metrics is not None and not hasattr(metrics, "keys"):
        raise TypeError("pegbox.report: name each metric: pegbox.report(loss=%s)" % (metrics,))
    fields = dict(metrics or {})
    fields.update(more)
    with _lock:
        link = _connected()
        if link is None:
            print(json.dumps(fields, default=_plain))
            sys.stdout.flush()
            return
        if not link.stop:
            answer = link.ask({"type": "report", "fields": fields}, "answer")
            link.stop = bool(answer.get("stop"))
            link.save = bool(answer.get("save"))
            if link.stop and link.save and _saves:
                return
        stop = link.stop
    if stop:
        raise Stop()


def should_save():
    """Whether a checkpoint is asked for since the last report; alone: False."""
    global _saves
    _saves = True
    link = _link
    return link is not None and link.pid == os.getpid() and link.save


class checkpoint_dir:
    """A directory to fill with a checkpoint: `with pegbox.checkpoint_dir(step) as path:`.

    It counts at the end of the with statement, unless that is left by an exception. `step` (a
    whole number from 0) is its number; without one it is the training iteration's. Where the
    trial was told to stop, leaving it raises Stop. Alone: a temporary directory, which is
    gone afterwards."""

    def __init__(self, step=None):
        if step is not None and (int(step) != step or step < 0):
            raise ValueError("pegbox.checkpoint_dir: step is to be a whole number from 0, "
                             "not %r" % (step,))
        self.step = step
        self.link = self.path = None

    def __enter__(self):
        global _saves
        message = {"type": "checkpoint_begin"}
        if self.step is not None:
            message["step"] = int(self.step)
        with _lock:
            _saves = True
            link = _connected()
            if link is None:
                self.path = tempfile.mkdtemp(prefix="pegbox-checkpoint-")
                return self.path
            if link.saving:
                raise RuntimeError("pegbox: a checkpoint is being made already")
            answer = link.ask(message, "checkpoint_dir")
            if "dir" not in answer:
                raise OSError("pegbox: no checkpoint can be made: %s" % answer.get("text"))
            link.saving = True
            self.link, self.path = link, answer["dir"]
        return self.path

    def __exit__(self, kind, value, traceback):
        if self.link is None:
            shutil.rmtree(self.path, ignore_errors=True)
            return False
        link = self.link
        with _lock:
            link.saving = False
            # One that was begun before a fork is the parent's to end.
            if link.pid != os.getpid():
                return False
            link.ask({"type": "checkpoint_end", "keep": kind is None}, "checkpoint_done")
            if kind is None:
                link.save = False
        if kind is None and link.stop:
            raise Stop()
        return False


def restored():
    """The directory of the checkpoint to go on from; None: from the start, or alone."""
    return os.environ.get("PEGBOX_CHECKPOINT") or None


# What memoryview calls NumPy's types.
_FORMATS = {"|b1": "?", "|i1": "b", "|u1": "B", "<i2": "h", "<u2": "H", "<i4": "i", "<u4": "I",
            "<i8": "q", "<u8": "Q", "<f4": "f", "<f8": "d"}
_data = {}


def _shaped(view):
    """The array in a .npy file, where memoryview knows its type and order; else the file."""
    if bytes(view[:6]) != b"\x93NUMPY" or sys.byteorder != "little":
        return view
    size, start = struct.unpack("<H", view[8:10])[0], 10
    if view[6] > 1:
        size, start = struct.unpack("<I", view[8:12])[0], 12
    header = ast.literal_eval(bytes(view[start:start + size]).decode("latin-1").strip())
    code, shape = _FORMATS.get(str(header["descr"])), tuple(header["shape"])
    if code is None or (header["fortran_order"] and len(shape) > 1):
        return view
    numbers = view[start + size:]
    return numbers.cast(code, shape) if len(shape) > 1 and 0 not in shape else numbers.cast(code)


def data(name):
    """An object of the experiment's `data`: a read-only memoryview of its file, which is mapped,
    so that all trials of this computer have it in memory once. An array of numbers, and a .npy
    file, has its type and shape: numpy.asarray() takes it as it is, without a copy. Of any other
    file they are bytes, for numpy.frombuffer() or json.loads(bytes(...)).

    A LookupError where there is none. Alone: the file that PEGBOX_DATA_NAME names."""
    variable = "PEGBOX_DATA_" + "".join(c.upper() if c.isalnum() and ord(c) < 128 else "_"
                                        for c in name)
    path = os.environ.get(variable)
    if not path:
        known = sorted(v[12:] for v in os.environ if v.startswith("PEGBOX_DATA_"))
        raise LookupError("pegbox.data: there is no %r (no variable %s); %s" % (
            name, variable, "there are: " + ", ".join(known) if known else "there is no data"))
    if path not in _data:
        with open(path, "rb") as file:
            whole = os.fstat(file.fileno()).st_size
            view = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if whole else b""
        _data[path] = _shaped(memoryview(view))
    return _data[path]
