# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each system call of a small experiment fails in turn, once or from then on. Each case is one
such call: the driver ends with the status and the one line that are documented, or goes on; then
the experiment is resumed without the fault, and ends as if there had been none."""
import errno

import invariants
from fault import drawn, need
from group_kill import again, likeness, uninterrupted
from subjects import Subject

SHORT_CASES = 60

# What may go wrong with each; interruptions and short counts are no errors, and must not be
# seen.
ERRORS = {
    "open": ("EIO", "EMFILE"),
    "create": ("ENOSPC", "EIO", "EROFS"),
    "read": ("EIO",),
    "write": ("ENOSPC", "EIO"),
    "fsync": ("ENOSPC", "EIO"),
    "rename": ("ENOSPC", "EIO"),
    "link": ("ENOSPC", "EIO"),
    "unlink": ("EIO",),
    "mkdir": ("ENOSPC", "EIO"),
    "truncate": ("ENOSPC", "EIO"),
    "mmap": ("ENOMEM",),
    "lock": ("ENOLCK",),
    "stat": ("EIO",),
}
HARMLESS = {"write": ("EINTR", "short"), "read": ("EINTR", "short")}
# Calls that are so many, and alike, that each so manieth fails from then on (a lock that cannot
# be had takes ten seconds).
MANY = {"lock": 40, "stat": 10, "read": 10}
SUBJECT_NAMES = ("errors-class", "errors-program")


def plans(tools, name):
    """The names of the cases: for each call that the subject makes, how it is hit."""
    counts = uninterrupted(tools, name)[2]
    subject = name.split("-")[1]
    for who in ("driver", "worker"):
        for call, errors in ERRORS.items():
            n = counts[who, call]
            # Another run may make a call or two more.
            for i in range(1, n + 3 if n else 1):
                hits = [(how, "once") for how in errors]
                if call not in MANY or i % MANY[call] == 1:
                    hits += [(how, "from") for how in errors]
                if i % 5 == 0:
                    hits += [(how, "once") for how in HARMLESS.get(call, ())]
                for how, mode in hits:
                    yield "errors-%s-%s-%s-%d-%s-%s" % (subject, who, call, i, how, mode)


def cases(short, tools, seed):
    names = [plan for name in SUBJECT_NAMES for plan in plans(tools, name)]
    if short:
        names = drawn(names, SHORT_CASES, seed)
    return [(name, lambda place, name=name: hit(place, name)) for name in names]


def named(name):
    """The case of a name, whether it was drawn or not; None: it is no such name."""
    return (lambda place: hit(place, name)) if len(name.split("-")) == 7 else None


def fault_of(place, name):
    """FAULT_* of a case's name."""
    _, subject, who, call, nth, how, mode = name.split("-")
    fault = {"WHO": who, "CALLS": call, "NTH": nth, "UNDER": place.dir,
             "DO": "short" if how == "short" else "error"}
    if how != "short":
        fault["ERRNO"] = getattr(errno, how)
    if mode == "from":
        fault["FROM"] = 1
    return "errors-" + subject, fault


def check_told(place, run):
    """What ends a driver is one line, and the last one."""
    lines = run.err.splitlines()
    # A logger that is switched off ends nothing.
    errors = [line for line in lines if line.startswith("pegbox: error: ") and
              not line.startswith("pegbox: error: loggers[")]
    if run.status in (0, 1):
        need(not errors, "it ended well, and said: %s", errors)
        return
    need(run.status in (2, 4), "its status is %s", run.status)
    need(len(errors) == 1, "%d lines of error, not one", len(errors))
    need(errors[0] in lines[-2:], "its error is not the last thing that it says")
    need(len(lines) <= 60, "it says %d lines", len(lines))


def check_failures(place):
    """No trial fails for what pegbox itself meets: only for what its trainable says."""
    with invariants.opened(place) as db:
        if db is None or not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'trial'").fetchone():
            return
        for number, text in db.execute("SELECT number, error FROM trial WHERE failures > 0"):
            need(text.startswith((place.acknowledged, "exited with status", *place.failures)),
                 "trial %d has failed: %s", number, text)


def hit(place, name):
    subject_name, fault = fault_of(place, name)
    subject = Subject(place, subject_name)
    wanted, _, _ = uninterrupted(place.tools, subject_name)
    place.may_fail_to_restore = fault["WHO"] == "worker"
    run = place.start("run", subject.path, fault=fault).wait()
    place.nothing_runs()
    try:
        check_told(place, run)
        harmless = "EINTR" in name or "short" in name
        need(run.status == 0 or not harmless, "it is no error, but its status is %s", run.status)
        # The next one would succeed, whatever became of the bytes.
        lost = fault["CALLS"] == "fsync" and "/experiment.db" in run.control.what
        need(run.status == 4 or not lost, "the store may not be on the disk: %s", run.control.what)
        invariants.check_after_fault(place)
        check_failures(place)
        recover(place, subject, wanted)
    except Exception as error:
        error.args = ("%s\nafter %s" % (error, run),)
        raise


def recover(place, subject, wanted):
    """Without the fault it ends as if there had been none. Trials whose trainable failed for good
    run again, and what loggers could not write is rebuilt."""
    done = again(place, subject).wait()
    place.nothing_runs()
    need(done.status in (0, 1), "the resumed one: %s", done)
    check_failures(place)
    alike = likeness(place, subject)
    if done.status == 1:
        alike = ""
        place.run("run", "--resume=errored", subject.path)
        place.nothing_runs()
    place.run("repair", "e")
    invariants.check_end(place, wanted, alike)
