# SPDX-License-Identifier: LGPL-2.1-or-later
"""The experiments that faults happen to, by name."""
import io
import os
import tarfile

from fault import HERE, PYTHON, SOURCE

SEED = 42
SDK = os.path.join(SOURCE, "sdk", "python")


class Subject:
    """An experiment file, and what may be expected of it.

    alike          how an interrupted one equals an uninterrupted one: "all" (what came in which
                   order), "trials" (what each trial came to, result by result), "ends" (what it
                   came to in the end), "" (who comes first has its effect)
    alike_failing  ... where trials failed beside, which are tried again after some time
    """

    def __init__(self, place, name):
        self.name = name
        maker, self.alike, self.alike_failing = dict(SUBJECTS, **ERROR_SUBJECTS)[name]
        self.keys = dict({"name": "e", "metric": "loss", "mode": "min", "num_samples": 4,
                          "seed": SEED, "config": {"x": {"$uniform": [0, 1]}}, "max_failures": -1,
                          "max_concurrent_trials": 1, "resources": {"cpu": 0.1},
                          "fail_fast": False}, **maker(place))
        self.path = place.write_spec(self.keys)
        place.inexact = name == "plain"
        trainable = self.keys["trainable"]
        place.most_steps = int(trainable["command"][2]) if trainable["plugin"] == "exec" \
            else trainable.get("steps", 6)


def plugin(name, place, **options):
    return dict({"plugin": name, "acknowledged": place.acknowledged}, **options)


def program(place, *words, steps=5):
    command = [PYTHON, os.path.join(HERE, "train.py"), str(steps), place.acknowledged]
    return {"plugin": "exec", "command": command + list(words)}


def plain(steps=5):
    return {"plugin": "exec", "command": [PYTHON, os.path.join(HERE, "plain.py"), str(steps), "{x}",
                                          "{trial.dir}/state"]}


def archive(place):
    """A checkpoint from elsewhere, of iteration 2."""
    path = place.path("checkpoint_000002.tar")
    with tarfile.open(path, "w") as made:
        state = b"2 0x1.8p-1\n"
        member = tarfile.TarInfo("state")
        member.size = len(state)
        made.addfile(member, io.BytesIO(state))
    return path


def data_file(place):
    path = place.path("table.bin")
    with open(path, "wb") as file:
        file.write(bytes(i * i % 251 for i in range(20000)))
    return path


ASHA = {"plugin": "asha", "max_t": 6, "grace_period": 1, "reduction_factor": 2}

# name: (keys beyond those above, alike, alike_failing)
SUBJECTS = {
    # One worker.
    "class": (lambda p: {
        "trainable": plugin("steps", p),
        "checkpoint": {"frequency": 1, "at_end": True, "keep": 2}}, "all", "trials"),
    "class-asha": (lambda p: {
        "trainable": plugin("steps", p, forks=True), "num_samples": 8, "scheduler": ASHA,
        "checkpoint": {"frequency": 3, "compression": "zstd"}}, "all", ""),
    "class-fails": (lambda p: {
        "trainable": plugin("steps", p, fails=True),
        "checkpoint": {"frequency": 3, "keep": 1, "score_attribute": "min-loss"}},
                    "trials", "trials"),
    "class-reused": (lambda p: {
        "trainable": plugin("steps", p), "reuse_workers": True, "durability": "full",
        "checkpoint": {"frequency": 1, "keep": 1}}, "all", "trials"),
    "class-anew": (lambda p: {"trainable": plugin("steps", p)}, "all", "trials"),
    "class-stop": (lambda p: {
        "trainable": plugin("steps", p, steps=20),
        "stop": [{"training_iteration": 5}, {"loss": {"<=": 0.5}}],
        "checkpoint": {"frequency": 2, "at_end": True}}, "all", "trials"),
    "function": (lambda p: {
        "trainable": plugin("walks", p),
        "checkpoint": {"frequency": 1, "keep": 3}}, "all", "trials"),
    "function-asha": (lambda p: {
        "trainable": plugin("walks", p, fails=True), "num_samples": 8, "scheduler": ASHA,
        "checkpoint": {"frequency": 2, "max_total_bytes": 200000}}, "", ""),
    "program": (lambda p: {
        "trainable": program(p, "forks"),
        "checkpoint": {"frequency": 1, "at_end": True, "keep": 2}}, "all", "trials"),
    "program-asha": (lambda p: {
        "trainable": program(p), "num_samples": 6, "scheduler": ASHA,
        "checkpoint": {"frequency": 3}}, "all", ""),
    "pauses": (lambda p: {
        "trainable": plugin("steps", p), "scheduler": {"plugin": "pauses", "every": 2},
        "checkpoint": {"frequency": 3}}, "all", "trials"),
    "plain": (lambda p: {
        "trainable": plain(),
        "checkpoint": {"frequency": 1, "path": "{trial.dir}/state"}}, "ends", "ends"),
    # Four at a time: who comes first is nobody's to say.
    "class-4": (lambda p: {
        "trainable": plugin("steps", p, forks=True), "num_samples": 12,
        "max_concurrent_trials": 4,
        "checkpoint": {"frequency": 1, "at_end": True, "keep": 2}}, "trials", "trials"),
    "function-4": (lambda p: {
        "trainable": plugin("walks", p, fails=True), "num_samples": 12, "scheduler": ASHA,
        "max_concurrent_trials": 4, "checkpoint": {"frequency": 3, "keep": 1}}, "", ""),
    "program-4": (lambda p: {
        "trainable": program(p, "forks", "fails"), "num_samples": 8, "max_concurrent_trials": 4,
        "checkpoint": {"frequency": 1, "at_end": True}}, "trials", "trials"),
    "pauses-4": (lambda p: {
        "trainable": plugin("walks", p), "num_samples": 12, "max_concurrent_trials": 4,
        "scheduler": {"plugin": "pauses", "every": 2}, "checkpoint": {"frequency": 1}},
                 "trials", "trials"),
    # Began elsewhere; read what is shared; a search of 100 KiB whose next point depends on every
    # call that it has had.
    "begun": (lambda p: {
        "trainable": plugin("steps", p), "restore": archive(p),
        "checkpoint": {"frequency": 2, "keep": 1}}, "all", "trials"),
    "data": (lambda p: {
        "trainable": plugin("walks", p, data="table"),
        "data": {"table": data_file(p), "more": [[1, 2], [3, 4]]},
        "checkpoint": {"frequency": 2}}, "all", "trials"),
    "large": (lambda p: {
        "trainable": plugin("steps", p), "search": "large-search", "num_samples": 6,
        "checkpoint": {"frequency": 3}}, "all", ""),
    # Some trials fail for good.
    "gives-up": (lambda p: {
        "trainable": plugin("steps", p, fails=True), "max_failures": 0,
        "checkpoint": {"frequency": 1}}, "", ""),
}

# For the errors, one by one: no more than it takes.
SMALL = {"num_samples": 2, "max_failures": 0}
ERROR_SUBJECTS = {
    "errors-class": (lambda p: dict(SMALL, trainable=plugin("steps", p, steps=3, kilobytes=1),
                                    checkpoint={"frequency": 1, "at_end": True, "keep": 1}),
                     "all", "trials"),
    "errors-program": (lambda p: dict(SMALL, trainable=program(p, steps=3),
                                      checkpoint={"frequency": 2}), "all", "trials"),
    "steered": (lambda p: dict(SMALL, trainable=plugin("steps", p, steps=3, kilobytes=1),
                               num_samples=4, checkpoint={"frequency": 1}), "all", "trials"),
    "errors-fails": (lambda p: dict(SMALL, trainable=plugin("steps", p, steps=5, kilobytes=1,
                                                            fails=True), max_failures=1,
                                    checkpoint={"frequency": 1, "keep": 2}), "trials", "trials"),
    "errors-program-fails": (lambda p: dict(SMALL, trainable=program(p, "fails"), num_samples=1,
                                            max_failures=1,
                                            checkpoint={"frequency": 1, "compression": "zstd"}),
                             "trials", "trials"),
}
