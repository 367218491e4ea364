# SPDX-License-Identifier: LGPL-2.1-or-later
"""Experiments without a driver that are steered: `enqueue`, `void`, `stop`, `pause`, `unpause`,
`ask`, `tell`. A case is one system call of the command that fails, or at which it is killed. Then
all of it is done, or nothing; the same command again does it, and the experiment comes to its end."""
import json
import os
import shutil
import signal

import invariants
from fault import Place, need
from group_again import ALL_ERRORS, check_status, drawn_alike, fault_of, hits, scene_of
from group_kill import uninterrupted
from subjects import Subject

CASES, SHORT_CASES = 300, 4  # a scene
SUBJECT = "steered"
SAMPLES = 3  # of what is asked for
FOUND = ("steer-unpause-driver-read-10-EIO-once",)


# ---- What was before ----

def cut(place):
    """Two trials have ended, a killed driver has left the third, the last is to come."""
    subject = Subject(place, SUBJECT)
    sent = uninterrupted(place.tools, SUBJECT)[2]["driver", "send"]
    place.start("run", subject.path, fault={
        "WHO": "driver", "CALLS": "send", "NTH": sent * 7 // 10, "DO": "kill"}).wait()
    place.nothing_runs()
    need(len(facts(place)["trials"]) >= 3, "it was killed too soon")


def asked_spec(place):
    return place.write_spec({
        "name": "e", "metric": "loss", "mode": "min", "num_samples": SAMPLES, "seed": 42,
        "config": {"x": {"$uniform": [0, 1]}}}, "asked.json")


def created(place):
    asked_spec(place)


def given(place):
    place.run("ask", "--create", asked_spec(place))


def told(place):
    given(place)
    place.run("tell", "e", "0", '{"loss": 0.5}', "--intermediate")


def after(before, *words):
    def make(place):
        before(place)
        place.run(*words)
    return make


# name: (what was before, the command, whether it does more when it comes again)
SCENES = {
    "enqueue": (cut, ("enqueue", "e", '{"x": 0.5}'), True),
    "void": (cut, ("void", "e", "0"), False),
    "stop-trial": (cut, ("stop", "e", "2"), False),
    "pause": (cut, ("pause", "e"), False),
    "pause-trial": (cut, ("pause", "e", "2"), False),
    "unpause": (after(cut, "pause", "e"), ("unpause", "e"), False),
    "unpause-trial": (after(cut, "pause", "e", "2"), ("unpause", "e", "2"), False),
    "ask-create": (created, ("ask", "--create", "asked.json"), True),
    "ask": (given, ("ask", "e"), True),
    "tell": (given, ("tell", "e", "0", '{"loss": 0.25}'), False),
    "tell-more": (told, ("tell", "e", "0", '{"loss": 0.25}', "--intermediate"), True),
    "tell-failed": (given, ("tell", "e", "0", "--failed", "--reason", "no luck"), True),
    "stop": (after(given, "ask", "e"), ("stop", "e"), False),
}
ASKED = ("ask-create", "ask", "tell", "tell-more", "tell-failed", "stop")


# ---- What must hold then ----

def facts(place):
    """What the commands change. That a killed driver's trials wait again is no such change."""
    with invariants.opened(place) as db:
        if db is None or not db.execute("SELECT 1 FROM fact WHERE key = 'spec'").fetchone():
            return None
        held = db.execute("SELECT value FROM fact WHERE key = 'held'").fetchone()
        trials = [[row[key] for key in ("number", "config", "outcome", "held", "failures", "results",
                                        "value")] +
                  [row["state"] if row["outcome"] else
                   "asked" if row["reason"] == "asked" else "waits"]
                  for row in db.execute("SELECT * FROM trial ORDER BY number")]
        events = [tuple(row) for row in db.execute(
            "SELECT type, count(*) FROM event WHERE type IN ('added', 'result', 'complete', "
            "'error', 'void') GROUP BY type ORDER BY type")]
    return {"held": held is not None and held[0] == "1", "trials": trials, "events": events}


def clean(place, words):
    """What the command does without a fault, seen on a copy."""
    aside = place.path("aside")
    shutil.copytree(place.results, aside, symlinks=True,
                    ignore=shutil.ignore_patterns(".bell"))
    place.run(*words)
    found = facts(place)
    shutil.rmtree(place.results)
    os.rename(aside, place.results)
    return found


NEW = {"held": False, "trials": [], "events": []}


def check_all_or_nothing(place, run, before, done):
    """What is created stands, though nothing of it could be asked for."""
    found = facts(place)
    if before is None and found == NEW:
        return found
    need(found in (before, done), "it is half done:\n  before %s\n  is     %s\n  should %s", before,
         found, done)
    need(run.status != 0 or found == done, "it said that it was done, but nothing is")
    need(run.status <= 0 or found == before, "it said that it failed, but it is done")
    return found


def again(place, words, found, before, done, adds):
    run = place.run(*words, status=None)
    if words[:2] == ("ask", "--create") and run.status == 2 and found is not None:
        run = place.run("ask", "e")
    if found in (before, NEW):
        need(run.status == 0, "the same again: %s", run)
        need(facts(place) == done, "the same again did something else:\n  is     %s\n  should %s",
             facts(place), done)
    elif not adds:
        need(run.status in (0, 1, 2), "the same again: %s", run)
        need(facts(place) == done, "done twice:\n  is     %s\n  should %s", facts(place), done)
    else:
        need(run.status in (0, 1), "the same again: %s", run)


def drive_to_end(place):
    """Every trial comes to its end, or to that which was asked for."""
    place.run("unpause", "e")
    for trial in facts(place)["trials"]:
        if trial[3]:
            place.run("unpause", "e", str(trial[0]))
    place.run("resume", "e")
    place.nothing_runs()
    invariants.check_end(place)
    for trial in facts(place)["trials"]:
        need(trial[2] in ("void", "stopped") or (trial[2] == "completed" and trial[5] == 3),
             "trial %d ended so: %s", trial[0], trial)
    need(len(facts(place)["trials"]) >= 4, "there are too few trials")


def tell_to_end(place):
    for _ in range(5 * SAMPLES):
        open_ones = [trial[0] for trial in facts(place)["trials"] if trial[-1] == "asked"]
        for number in open_ones:
            place.run("tell", "e", str(number), '{"loss": 0.125}')
        answer = json.loads(place.run("ask", "e").out)
        if answer.get("done"):
            break
    trials = facts(place)["trials"]
    need(len(trials) <= SAMPLES and all(trial[2] for trial in trials), "it ended so: %s", trials)


def counted(tools, scene):
    before, words, _ = SCENES[scene]

    def make():
        with Place(tools, "steer-" + scene, 0) as place:
            before(place)
            return place.run(*words, fault={"UNDER": place.dir}).control.counts
    uninterrupted(tools, SUBJECT)
    return tools.once("steer-" + scene, make)


def plans(tools, scene):
    counts = counted(tools, scene)
    for call in ALL_ERRORS:
        for i in range(1, counts["driver", call] + 1):
            for how, mode in hits(call, i):
                yield "steer-%s-driver-%s-%d-%s-%s" % (scene, call, i, how, mode)


def cases(short, tools, seed):
    names = list(FOUND)
    for scene in SCENES:
        names += drawn_alike(plans(tools, scene), SHORT_CASES if short else CASES, seed)
    return [(name, lambda place, name=name: hit(place, name)) for name in dict.fromkeys(names)]


def named(name):
    """The case of a name, whether it was drawn or not; None: it is no such name."""
    known = name.count("-") >= 6 and scene_of(name) in SCENES
    return (lambda place: hit(place, name)) if known else None


def hit(place, name):
    scene = scene_of(name)
    make, words, adds = SCENES[scene]
    make(place)
    before, done = facts(place), clean(place, words)
    need(before != done, "it does nothing")
    fault = fault_of(place, name)
    run = place.start(*words, fault=fault).wait()
    place.nothing_runs()
    try:
        check_status(place, run, fault)
        need(run.status in (0, 2, 4, -signal.SIGKILL), "its status is %s", run.status)
        found = check_all_or_nothing(place, run, before, done)
        invariants.check_after_fault(place)
        again(place, words, found, before, done, adds)
        (tell_to_end if scene in ASKED else drive_to_end)(place)
        place.run("repair", "e")
    except Exception as error:
        error.args = ("%s\nafter %s" % (error, run),)
        raise
