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

One file, nothing but Python's standard library (3.7 or later). The protocol is described
in doc/worker-protocol.md.
"""

import copy
import json
import os
import socket
import struct
import sys
import threading

__all__ = ["Stop", "config", "report", "restored", "should_save"]

PROTOCOL = 1
_HEADER = struct.Struct("<II")
_FRAME_MAX = 16 * 1024 * 1024

_lock = threading.Lock()
_link = None


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
    """Reports one result and waits for the answer; raises Stop where that is "stop"."""
    fields = dict(metrics or {})
    fields.update(more)
    with _lock:
        link = _connected()
        if link is None:
            print(json.dumps(fields, default=_plain))
            sys.stdout.flush()
            return
        link.send({"type": "report", "fields": fields})
        answer = link.receive("answer")
    if answer.get("stop"):
        raise Stop()


def should_save():
    """Whether a checkpoint is asked for now. Checkpoints are not there yet: False."""
    return False


def restored():
    """The directory of the checkpoint to go on from; None: from the start."""
    return None
