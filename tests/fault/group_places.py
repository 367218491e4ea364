# SPDX-License-Identifier: LGPL-2.1-or-later
"""Places that are hard to live in: a file system that fills up, one that cannot be written, few
descriptors, a clock that jumps."""
import os
import resource
import subprocess
import time

import invariants
from fault import Place, need, own_mounts, wait_until
from group_errors import check_failures, check_told, recover
from group_kill import again, likeness, uninterrupted
from subjects import SUBJECTS, Subject


def cases(short, *_):
    found = []
    for name in ("class", "program") if short else sorted(SUBJECTS):
        if name in ("gives-up", "function-4"):
            continue
        for kilobytes in (64, 256, 400) if short else (32, 64, 96, 128, 192, 256, 320, 400, 512):
            found.append(("places-full-%s-%d" % (name, kilobytes),
                          lambda place, name=name, n=kilobytes: full(place, name, n)))
        for n in (24, 36) if short else range(16, 60, 4):
            if name in ("class", "program"):
                found.append(("places-inodes-%s-%d" % (name, n),
                              lambda place, name=name, n=n: inodes(place, name, n)))
        found.append(("places-readonly-" + name, lambda place, name=name: read_only(place, name)))
        found.append(("places-clock-" + name, lambda place, name=name: clock(place, name)))
        for limit in (64, 1000) if short else (24, 32, 48, 64, 128, 1000):
            found.append(("places-descriptors-%s-%d" % (name, limit),
                          lambda place, name=name, n=limit: descriptors(place, name, n)))
    found.append(("places-descriptors-many-1000", many_workers))
    return found


def context(error, *words):
    error.args = ("%s\n%s" % (error, "\n".join(str(word) for word in words)),)


# ---- File systems ----

def mount(place, options):
    """The results directory becomes a tmpfs of its own."""
    own_mounts()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "fault", place.results],
                          stderr=subprocess.PIPE, universal_newlines=True, check=False)
    need(done.returncode == 0, "%s", done.stderr)


def remount(place, options):
    subprocess.run(["mount", "-o", "remount," + options, place.results], check=True)


def full(place, name, kilobytes):
    """It fills up; then there is room. A trial that could not be saved does not pause."""
    subject = Subject(place, name)
    subject.alike = subject.alike_failing
    wanted = uninterrupted(place.tools, name)[0]
    mount(place, "size=%dk" % kilobytes)
    run = place.start("run", subject.path).wait()
    place.nothing_runs()
    try:
        check_told(place, run)
        # A trial that cannot save or write its files fails, and is tried again, without end.
        invariants.check_after_fault(place)
        remount(place, "size=64m")
        recover(place, subject, wanted)
    except Exception as error:
        context(error, "after", run)
        raise


def inodes(place, name, n):
    """Files and directories cannot be made, but all that is there can be written: no trial fails."""
    subject = Subject(place, name)
    subject.keys["max_failures"] = 0
    subject.path = place.write_spec(subject.keys)
    subject.alike = subject.alike_failing
    wanted = uninterrupted(place.tools, name)[0]
    mount(place, "size=64m,nr_inodes=%d" % n)
    run = place.start("run", subject.path).wait()
    place.nothing_runs()
    try:
        check_told(place, run)
        invariants.check_after_fault(place)
        check_failures(place)
        remount(place, "nr_inodes=10000")
        recover(place, subject, wanted)
    except Exception as error:
        context(error, "after", run)
        raise


def read_only(place, name):
    """Interrupted; then it cannot be written; then it can be again."""
    subject = Subject(place, name)
    wanted, took, _ = uninterrupted(place.tools, name)
    mount(place, "size=64m")
    run = place.start("run", subject.path)
    time.sleep(place.random.random() * took)
    run.kill()
    place.nothing_runs()
    there = os.path.isdir(place.experiment)
    remount(place, "ro")
    try:
        for words in (["run", "--resume=auto", subject.path],) + (
                (["resume", "e"], ["repair", "e"]) if there else ()):
            done = place.run(*words, status=None)
            check_told(place, done)
            need(done.status in (2, 4) or words[0] == "repair", "it went well? %s", done)
        invariants.check_after_fault(place)
        remount(place, "rw")
        recover(place, subject, wanted)
    except Exception as error:
        context(error, "after", run)
        raise


# ---- Descriptors ----

def limited(n):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (n, n))


def descriptors(place, name, n):
    subject = Subject(place, name)
    wanted = uninterrupted(place.tools, name)[0]
    run = place.start("run", subject.path, before=limited(n)).wait()
    place.nothing_runs()
    try:
        check_told(place, run)
        need(run.status == 0 or n < 64, "%d descriptors do not suffice", n)
        invariants.check_after_fault(place)
        recover(place, subject, wanted)
    except Exception as error:
        context(error, "after", run)
        raise


def many_workers(place):
    """A hundred at a time do with 1,000."""
    subject = Subject(place, "class-4")
    subject.keys.update(num_samples=150, max_concurrent_trials=100, resources={"cpu": 0.001})
    subject.path = place.write_spec(subject.keys)
    run = place.run("run", subject.path, before=limited(1000))
    place.nothing_runs()
    try:
        invariants.check_end(place)
    except Exception as error:
        context(error, "after", run)
        raise


# ---- The clock ----

HOUR, YEAR = 3600, 365 * 24 * 3600
JUMPS = (-10 * YEAR, -HOUR, -1, 0.5, 1, 60, HOUR, 5 * YEAR)


def clock(place, name):
    """The wall clock jumps, forth and back; what takes time takes no notice."""
    subject = Subject(place, name)
    wanted, took, _ = uninterrupted(place.tools, name)
    subject.keys.update(time_budget_s=600, limits={"trial_time_s": 600, "report_time_s": 600})
    subject.path = place.write_spec(subject.keys)
    dice = place.random
    for i in range(3):
        run = again(place, subject, fault={})
        end = None if i == 2 else time.monotonic() + dice.random() * took
        limit = time.monotonic() + 100
        while run.process.poll() is None and (end is None or time.monotonic() < end):
            run.control.move_clock(dice.choice(JUMPS))
            time.sleep(0.02)
            need(time.monotonic() < limit, "it hangs")
        if i < 2:
            run.kill()
        place.nothing_runs()
        try:
            need(run.status in (0, -9), "its status is %s", run.status)
            invariants.check_after_fault(place)
            check_times(place)
            for words in (["ls"], ["trials", "e"], ["best", "e"]) if i == 2 else ():
                place.run(*words)
        except Exception as error:
            context(error, "after", run)
            raise
        if run.status == 0:
            break
    invariants.check_end(place, wanted, likeness(place, subject))


def check_times(place):
    with invariants.opened(place) as db:
        if db is None:
            return
        for row in db.execute("SELECT trial, n, time_this_iter_s, time_total_s FROM result"):
            need(0 <= row["time_this_iter_s"] <= row["time_total_s"] + 1e-6 < 600,
                 "result %d of trial %d took %s s, of %s s in all", row["n"], row["trial"],
                 row["time_this_iter_s"], row["time_total_s"])
