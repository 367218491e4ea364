# SPDX-License-Identifier: LGPL-2.1-or-later
"""`kill -9` of the driver, of workers, of programs, of all, at random instants or at a system
call; then the experiment is resumed at once, until it is done. A case kill-N is one experiment
and the five or so kills that it meets; all invariants are looked at after each. A case
kill-at-WHO-CALL-N is a small experiment that is killed at that call."""
import os
import signal
import time

import invariants
from fault import Place, drawn, need, wait_until
from subjects import SUBJECTS, Subject

KILLS = 5  # a case, in the mean
CASES, SHORT_CASES = 100, 15
AT_ONCE, SHORT_AT_ONCE = 30, 5
SHORT_CALLS = 20
EVERY_WRITE = 5  # there are so many of them

# Calls that change something, or tell somebody something.
CALLS_SUBJECT = "errors-class"
DEADLY = ("create", "write", "fsync", "rename", "link", "unlink", "mkdir", "truncate", "send")


def cases(short, tools, seed):
    """Every subject in turn, then every call."""
    names = sorted(SUBJECTS)
    found = [("kill-%d" % i, lambda place, name=names[i % len(names)]: chain(place, name))
             for i in range(SHORT_CASES if short else CASES)]
    found += [("kill-at-once-%d" % i, lambda place, name=names[i % len(names)]: at_once(place, name))
              for i in range(SHORT_AT_ONCE if short else AT_ONCE)]
    counts = uninterrupted(tools, CALLS_SUBJECT)[2]
    calls = [(who, call, i) for (who, call), n in counts.items() if call in DEADLY
             for i in range(1, n + 2, EVERY_WRITE if call == "write" else 1)]
    if short:
        calls = drawn(calls, SHORT_CALLS, seed)
    return found + [("kill-at-%s-%s-%d" % (who, call, i),
                     lambda place, who=who, call=call, i=i: at_call(place, who, call, i))
                    for who, call, i in calls]


def named(name):
    """The case of a name kill-at-..., whether it was drawn or not; None: it is no such name."""
    words = name.split("-")
    return (lambda place: at_call(place, words[2], words[3], int(words[4]))) \
        if len(words) == 5 and words[1] == "at" else None


def uninterrupted(tools, name):
    """What an uninterrupted run of a subject comes to, how long it takes, and how many calls it
    makes."""
    def make():
        with Place(tools, name, 0) as other:
            subject = Subject(other, name)
            began = time.monotonic()
            done = other.run("run", subject.path, status=None, fault={})
            took = time.monotonic() - began
            need(done.status in (0, 1), "%s", done)
            other.nothing_runs()
            invariants.check_end(other)
            return invariants.summary(other), took, done.control.counts
    return tools.once(name, make)


def has_begun(place):
    with invariants.opened(place) as db:
        return db is not None and db.execute(
            "SELECT 1 FROM fact WHERE key = 'spec'").fetchone() is not None


def again(place, subject, **options):
    """Starts the experiment, or goes on with it."""
    if not os.path.isdir(place.experiment):
        return place.start("run", subject.path, **options)
    if has_begun(place) and place.random.random() < 0.5:
        return place.start("resume", "e", **options)
    return place.start("run", "--resume=auto", subject.path, **options)


def plan_call(dice, counts):
    """A kill at one of the calls that an uninterrupted run makes."""
    who = dice.choice(("driver", "driver", "worker"))
    calls = [call for call in DEADLY if counts[who, call] > 0]
    # Each kind alike, or each call alike.
    if dice.random() < 0.5:
        calls = [dice.choice(calls)]
    total = sum(counts[who, call] for call in calls)
    fault = {"WHO": who, "CALLS": ",".join(calls), "NTH": dice.randint(1, total),
             "DO": dice.choice(("kill", "kill-after", "torn"))}
    if dice.random() < 0.3:
        fault["ALL"] = 1
    return fault


def kill_some(place, run, victims):
    """All at once: one who lives on kills the others itself. Returns who was killed."""
    workers = place.workers(run)
    chosen = workers if "workers" in victims else \
        [place.random.choice(workers)] if "worker" in victims and workers else []
    pids = ([run.process.pid] if "driver" in victims else []) + chosen
    if "programs" in victims:
        pids += [pid for pid in place.processes() if pid not in workers + [run.process.pid]]
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass
    return chosen


def at_an_instant(place, subject, took):
    dice = place.random
    run = again(place, subject)
    victims = dice.choice((["driver"], ["driver"], ["worker"], ["workers"], ["programs"],
                           ["driver", "worker"], ["driver", "workers"],
                           ["driver", "workers", "programs"]))
    time.sleep(dice.random() * took)
    workers = place.workers(run)
    killed = kill_some(place, run, victims)
    if "driver" not in victims:
        # It goes on, and meets more of the same.
        for _ in range(dice.randint(0, 3)):
            time.sleep(dice.random() * took / 3)
            killed += kill_some(place, run, victims)
        if dice.random() < 0.5:
            time.sleep(dice.random() * took / 2)
            workers = place.workers(run)
            run.kill()
    run.wait()
    if run.status < 0 and killed:
        # What the programs of those forked has nobody any more who knows of it.
        wait_until(lambda: not set(workers) & set(place.processes()), 20, "the workers end")
        place.kill_all()
    return run


def chain(place, name):
    dice = place.random
    subject = Subject(place, name)
    wanted, took, counts = uninterrupted(place.tools, name)
    kills = dice.randint(KILLS - 2, KILLS + 2)
    for i in range(kills + 1):
        if i == kills:
            run = again(place, subject).wait()
        elif dice.random() < 0.5:
            fault = plan_call(dice, counts)
            run = again(place, subject, fault=fault).wait()
            if fault.get("ALL"):
                place.kill_all()
        else:
            run = at_an_instant(place, subject, took)
        place.nothing_runs()
        try:
            need(run.status in (0, 1, -signal.SIGKILL), "its status is %s", run.status)
            invariants.check_after_fault(place)
            if run.status >= 0:
                break
        except Exception as error:
            error.args = ("%s, after kill %d: %s\n%s" % (name, i + 1, error, run),)
            raise
    need(run.status >= 0, "%s: it did not come to its end: %s", name, run)
    finish(place, subject, wanted, run)


def at_once(place, name):
    """What the killed one has left is not waited for: the next driver meets it."""
    dice = place.random
    subject = Subject(place, name)
    wanted, took, _ = uninterrupted(place.tools, name)
    for _ in range(dice.randint(KILLS - 2, KILLS + 2)):
        run = place.start("run", "--resume=auto", subject.path)
        time.sleep(took / 4 + dice.random() * took)
        run.kill()
    run = place.start("run", "--resume=auto", subject.path).wait()
    place.nothing_runs()
    invariants.check_after_fault(place)
    finish(place, subject, wanted, run)


def at_call(place, who, call, nth):
    subject = Subject(place, CALLS_SUBJECT)
    subject.keys["max_failures"] = 3  # its worker may be killed
    subject.path = place.write_spec(subject.keys)
    wanted = uninterrupted(place.tools, CALLS_SUBJECT)[0]
    run = place.start("run", subject.path,
                      fault={"WHO": who, "CALLS": call, "NTH": nth, "DO": "kill"}).wait()
    place.nothing_runs()
    try:
        need(run.status in (0, -signal.SIGKILL), "its status is %s", run.status)
        invariants.check_after_fault(place)
        done = again(place, subject).wait()
        place.nothing_runs()
        finish(place, subject, wanted, done)
    except Exception as error:
        error.args = ("%s\nafter %s" % (error, run),)
        raise


def finish(place, subject, wanted, run):
    """What had ended is resumed once more, which changes nothing; and `repair` finds no fault."""
    may_fail = subject.name == "gives-up"
    need(run.status == 0 or may_fail, "%s", run)
    invariants.check_end(place, wanted, likeness(place, subject))
    before = invariants.summary(place)
    place.run("resume", "e", status=run.status)
    place.nothing_runs()
    invariants.check_end(place, before)
    place.run("repair", "e")


def likeness(place, subject):
    """A trial that fails comes again some time later, after others."""
    with invariants.opened(place) as db:
        failed = db.execute("SELECT 1 FROM trial WHERE failures > 0").fetchone() is not None
    return subject.alike_failing if failed else subject.alike
