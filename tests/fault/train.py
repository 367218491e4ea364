# SPDX-License-Identifier: LGPL-2.1-or-later
"""The program of the fault tests that speaks the protocol: train.py STEPS ACKNOWLEDGED [WORD...].
The next number depends on all before it. In the directory ACKNOWLEDGED each report is written
down after its answer; in lockstep it is stored then. WORDs: `forks`: it leaves a child that
ignores signals; `fails`: the first attempt that gets to step 4 ends there."""
import json
import os
import signal
import subprocess
import sys

import pegbox

steps, acknowledged, words = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
x = pegbox.config()["x"]
number = int(os.environ["PEGBOX_TRIAL_ID"].rsplit("_", 1)[1])
state = {"done": 0, "value": 1.0}


def acknowledge():
    fd = os.open(os.path.join(acknowledged, "%d.%d" % (number, os.getpid())),
                 os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(fd, ("%d %s\n" % (state["done"], state["value"].hex())).encode())
    os.fsync(fd)
    os.close(fd)


def save():
    with pegbox.checkpoint_dir(state["done"]) as folder:
        with open(os.path.join(folder, "state"), "w", encoding="ascii") as file:
            file.write("%d %s\n" % (state["done"], state["value"].hex()))
        with open(os.path.join(folder, "more.json"), "w", encoding="ascii") as file:
            json.dump({"filling": ["x" * 40] * 200, "done": state["done"]}, file)


def fail_once():
    path = os.path.join(os.environ["PEGBOX_TRIAL_DIR"], "failed")
    if state["done"] == 4 and not os.path.exists(path):
        with open(path, "w", encoding="ascii"):
            pass
        sys.exit("fails once")


if "forks" in words:
    subprocess.Popen(["sleep", "600"], start_new_session=True, stdin=subprocess.DEVNULL,
                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                     preexec_fn=lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN))
if pegbox.restored() is not None:
    with open(os.path.join(pegbox.restored(), "state"), encoding="ascii") as file:
        done, value = file.read().split()
    state = {"done": int(done), "value": float.fromhex(value)}
while state["done"] < steps:
    if "fails" in words:
        fail_once()
    state["done"] += 1
    state["value"] = state["value"] * 0.75 + abs(x - 0.3) / state["done"]
    pegbox.report(loss=state["value"])
    acknowledge()
    if pegbox.should_save():
        save()
