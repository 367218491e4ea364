# SPDX-License-Identifier: LGPL-2.1-or-later
"""What mends a fault meets one itself: a run whose trials fail and are restored, `resume` of what
was killed, `repair` of a damaged and of an intact store, `best --checkpoint`; and a driver that is
told to pause. A case is one system call of that second command that fails, or at which it is
killed; then the same again without."""
import errno
import filecmp
import glob
import itertools
import os
import shutil
import signal
import time

import invariants
from fault import HANGS, Place, drawn, need, wait_until
from group_errors import ERRORS, MANY, check_told, recover
from group_kill import DEADLY, finish, uninterrupted
from subjects import Subject

CASES, SHORT_CASES = 300, 3  # a scene
# What they found.
FOUND = ("again-repair-driver-lock-114-ENOLCK-once", "again-repair-damaged-driver-stat-106-EIO-once",
         "again-resume-pauses-driver-rename-1-ENOSPC-once",
         "again-resume-data-worker-mmap-1-ENOMEM-from")

ALL_ERRORS = dict(ERRORS, close=("EIO", "EDQUOT"), list=("EIO",), attributes=("EIO",))
ALL_MANY = dict(MANY, close=10, list=10)
KILLS = {"kill": "kill", "after": "kill-after", "torn": "torn"}


# ---- What was before ----

def nothing(*_):
    pass


def whole(place, subject):
    place.run("run", subject.path)
    place.nothing_runs()


def cut(place, subject):
    """Killed when somewhat more than half is done."""
    sent = uninterrupted(place.tools, subject.name)[2]["driver", "send"]
    run = place.start("run", subject.path, fault={
        "WHO": "driver", "CALLS": "send", "NTH": sent * 6 // 10, "DO": "kill"}).wait()
    place.nothing_runs()
    need(run.status == -signal.SIGKILL, "it was to be killed: %s", run)


def spoil_files(place):
    """What the store has all of."""
    for path in sorted(glob.glob(os.path.join(place.experiment, "*", "result.json")))[:1]:
        os.truncate(path, os.path.getsize(path) // 2)
    with open(os.path.join(place.experiment, "experiment.json"), "a", encoding="ascii") as file:
        file.write("}")


def damaged(place, subject):
    """Nothing of it is lost for good."""
    whole(place, subject)
    spoil_files(place)
    with open(os.path.join(place.experiment, "experiment.db"), "r+b") as file:
        file.write(bytes(100))


def cut_and_damaged(place, subject):
    cut(place, subject)
    spoil_files(place)


# ---- What must hold then ----

def cannot_read_archive(run):
    """A bad sector, as far as anybody can tell."""
    words = run.control.what.split(" ")
    return words[1:2] in (["read"], ["open"]) and words[-1].endswith((".tar", ".zst")) and \
        "-EIO-" in run.place.name


def cannot_read_copy(run):
    """SQLite takes that for damage, whatever it is."""
    return run.control.what.endswith("/.repair/new/copy/experiment.db") and \
        "-read-" in run.place.name and "-EIO-" in run.place.name


def put_back(place):
    """What `repair` has kept is all that there was."""
    kept = os.path.join(place.experiment, "experiment.db")
    for path in glob.glob(kept + ".damaged*"):
        os.rename(path, path.replace(".damaged", ""))


def check_intact_ones(place, run):
    """None that is intact is said to be damaged, but where its bytes could not be read."""
    if cannot_read_archive(run):
        return
    with invariants.opened(place) as db:
        for row in db.execute("SELECT c.*, t.dir FROM checkpoint c JOIN trial t ON t.number = "
                              "c.trial WHERE c.state = 'damaged'") if db is not None else ():
            path = invariants.checkpoint_path(place, row["dir"], row["name"])
            need(not invariants.is_whole(path, row["bytes"], row["sha256"]),
                 "%s is intact, and is said to be damaged", path)


def after_run(place, subject, run, wanted):
    invariants.check_after_fault(place)
    check_intact_ones(place, run)
    recover(place, subject, wanted)


def after_repair(place, subject, run, wanted):
    place.may_fail_to_restore = cannot_read_archive(run)
    loses = place.may_fail_to_restore or cannot_read_copy(run)
    need(run.status in (0, 4, -signal.SIGKILL) or (loses and run.status == 1),
         "its status is %s", run.status)
    if run.status == 1 and cannot_read_copy(run):
        put_back(place)
    kept = os.path.join(place.experiment, "experiment.db")
    need(glob.glob(kept) or glob.glob(kept + ".damaged*"), "the store is gone")
    place.run("repair", "e")
    done = place.run("repair", "e")
    need("is whole" in done.out, "it was repaired already: %s", done)
    check_intact_ones(place, run)
    for path in glob.glob(kept + ".damaged*"):
        os.remove(path)
    if SCENES[scene_of(place.name)][1] is cut_and_damaged:
        recover(place, subject, wanted)
    else:
        finish(place, subject, wanted, done)


def files_of(folder):
    return sorted(os.path.relpath(os.path.join(at, name), folder)
                  for at, _, names in os.walk(folder) for name in names)


def after_best(place, subject, run, wanted):
    """The directory is there as a whole, or not at all."""
    to, other = place.path("best"), place.path("other")
    place.run("best", "e", "--checkpoint", other)
    need(run.status in (0, 4, -signal.SIGKILL), "its status is %s", run.status)
    need(os.path.isdir(to) or run.status != 0, "it ended well, but %s is not there", to)
    need(run.status != 4 or not os.path.exists(to), "it failed, but %s is there", to)
    if os.path.exists(to):
        names = files_of(other)
        need(names and files_of(to) == names, "%s is not whole: %s", to, files_of(to))
        differ = filecmp.cmpfiles(to, other, names, shallow=False)[1:]
        need(differ == ([], []), "%s differs: %s", to, differ)
    # What cannot be read or deleted from then on stays.
    if run.status >= 0 and place.name.endswith("-once") and "-unlink-" not in place.name:
        left = [name for name in os.listdir(place.dir) if name.startswith(".best")]
        need(not left, "left behind: %s", left)
    shutil.rmtree(to, ignore_errors=True)
    place.run("best", "e", "--checkpoint", to)
    finish(place, subject, wanted, place.run("resume", "e"))


def after_held(place, subject, run, wanted):
    if os.path.isdir(place.experiment):
        place.run("unpause", "e", status=None)
    subject.alike = subject.alike_failing  # what has paused comes later
    after_run(place, subject, run, wanted)


def pause_and_unpause(place, run):
    """While it lasts; the last word is that it is to go on."""
    def runs():
        return run.process.poll() is None
    requests = os.path.join(place.experiment, "requests")
    wait_until(lambda: os.path.isdir(requests) or not runs(), 60, "a driver")
    for words in (("pause", "e"), ("unpause", "e"), ("pause", "e", "1"), ("unpause", "e", "1")):
        if runs():
            place.run(*words, status=None)
    end = time.monotonic() + HANGS
    while runs() and time.monotonic() < end:
        place.run("unpause", "e", status=None)
        time.sleep(0.1)


def run_words(_, subject):
    return "run", subject.path


def resume_words(*_):
    return "resume", "e"


def repair_words(*_):
    return "repair", "e"


def best_words(place, _):
    return "best", "e", "--checkpoint", place.path("best")


# name: (subject, what was before, the command that is hit, what must hold then)
SCENES = {
    "fails": ("errors-fails", nothing, run_words, after_run),
    "fails-program": ("errors-program-fails", nothing, run_words, after_run),
    "begun": ("begun", nothing, run_words, after_run),
    "resume": ("errors-class", cut, resume_words, after_run),
    "resume-program": ("errors-program", cut, resume_words, after_run),
    "resume-fails": ("errors-fails", cut, resume_words, after_run),
    "resume-pauses": ("pauses", cut, resume_words, after_run),
    "resume-begun": ("begun", cut, resume_words, after_run),
    "resume-data": ("data", cut, resume_words, after_run),
    "resume-large": ("large", cut, resume_words, after_run),
    "repair": ("errors-class", whole, repair_words, after_repair),
    "repair-damaged": ("errors-class", damaged, repair_words, after_repair),
    "repair-cut": ("errors-class", cut_and_damaged, repair_words, after_repair),
    "best": ("errors-class", whole, best_words, after_best),
    "held": ("steered", nothing, run_words, after_held),
}
BESIDE = {"held": pause_and_unpause}


# ---- The cases ----

def under(place, scene):
    """What `repair` cannot read of the configuration is another matter."""
    return place.results if scene.startswith("repair") else place.dir


def counted(tools, scene):
    """The calls that the command makes without a fault."""
    subject_name, before, words, _ = SCENES[scene]

    def make():
        with Place(tools, "again-" + scene, 0) as place:
            subject = Subject(place, subject_name)
            before(place, subject)
            done = place.start(*words(place, subject), fault={"UNDER": under(place, scene)})
            BESIDE.get(scene, nothing)(place, done)
            need(done.wait().status == 0, "%s", done)
            place.nothing_runs()
            return done.control.counts
    uninterrupted(tools, subject_name)
    return tools.once("again-" + scene, make)


def hits(call, i):
    """(how, mode) for the i-th call of its kind."""
    errors = [(how, "once") for how in ALL_ERRORS[call]]
    if call not in ALL_MANY or i % ALL_MANY[call] == 1:
        errors += [(how, "from") for how in ALL_ERRORS[call]]
    kills = [("kill", "once"), ("after", "once")] if call in DEADLY else []
    return errors + kills + [("torn", "once")] * (call == "write")


def plans(tools, scene):
    counts = counted(tools, scene)
    for who in ("driver", "worker"):
        for call in ALL_ERRORS:
            n = counts[who, call]
            # Another run may make a call or two more.
            for i in range(1, n + 3 if n else 1):
                for how, mode in hits(call, i):
                    yield "again-%s-%s-%s-%d-%s-%s" % (scene, who, call, i, how, mode)


def drawn_alike(names, n, seed):
    """So many, of each kind of call alike."""
    by_call = {}
    for name in names:
        by_call.setdefault("-".join(name.rsplit("-", 5)[1:3]), []).append(name)
    by_call = {call: drawn(found, n, seed) for call, found in by_call.items()}
    calls = drawn(by_call, len(by_call), seed)
    turns = itertools.zip_longest(*(by_call[call] for call in calls))
    return [name for turn in turns for name in turn if name is not None][:n]


def cases(short, tools, seed):
    names = list(FOUND)
    for scene in SCENES:
        names += drawn_alike(plans(tools, scene), SHORT_CASES if short else CASES, seed)
    return [(name, lambda place, name=name: hit(place, name)) for name in dict.fromkeys(names)]


def scene_of(name):
    return name.rsplit("-", 5)[0].split("-", 1)[1]


def named(name):
    """The case of a name, whether it was drawn or not; None: it is no such name."""
    known = name.count("-") >= 6 and scene_of(name) in SCENES
    return (lambda place: hit(place, name)) if known else None


def fault_of(place, name):
    """FAULT_* of a case's name."""
    who, call, nth, how, mode = name.rsplit("-", 5)[1:]
    fault = {"WHO": who, "CALLS": call, "NTH": nth, "UNDER": under(place, scene_of(name)),
             "DO": KILLS.get(how, "error")}
    if how not in KILLS:
        fault["ERRNO"] = getattr(errno, how)
    if mode == "from":
        fault["FROM"] = 1
    return fault


def check_status(place, run, fault):
    if run.status != -signal.SIGKILL:
        check_told(place, run)
    else:
        need(fault["DO"] != "error", "nobody was to kill it")


def hit(place, name):
    subject_name, before, words, then = SCENES[scene_of(name)]
    fault = fault_of(place, name)
    subject = Subject(place, subject_name)
    kills = fault["DO"] != "error"
    subject.keys["max_failures"] = 3 if kills else 1 if "fails" in subject_name else 0
    subject.path = place.write_spec(subject.keys)
    place.failures = ("",) if kills else ("fails once", "no checkpoint can be restored: ")
    wanted = uninterrupted(place.tools, subject_name)[0]
    before(place, subject)
    place.may_fail_to_restore = fault["WHO"] == "worker"
    run = place.start(*words(place, subject), fault=fault)
    BESIDE.get(scene_of(name), nothing)(place, run)
    run.wait()
    place.nothing_runs()
    try:
        check_status(place, run, fault)
        then(place, subject, run, wanted)
    except Exception as error:
        error.args = ("%s\nafter %s" % (error, run),)
        raise
