#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sums up files in the form of meson's testlog.json: the end of what each failed test printed (else
NAME.log beside the file has it), then the names of what failed or was skipped, and last the line
"N passed, N failed, N skipped". Exits 1 for a failure; with CI=true also for a skip."""
import json
import os
import sys

PASSED = {"OK", "EXPECTEDFAIL"}
LINES, WIDTH = 60, 500  # of what a test printed that failed


def printed(test, folder):
    """The end of it."""
    text = test.get("stdout", "") + test.get("stderr", "")
    path = os.path.join(folder, test["name"] + ".log")
    if not text and os.path.exists(path):
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
    return ["    " + line[:WIDTH] for line in text.splitlines()[-LINES:]]


def main(files):
    passed, failed, skipped = 0, [], []
    for path in files:
        with open(path, encoding="utf-8", errors="replace") as file:
            tests = [json.loads(line) for line in file if line.strip()]
        for test in tests:
            if test["result"] in PASSED:
                passed += 1
            elif test["result"] == "SKIP":
                skipped.append("skipped: %s" % test["name"])
            else:
                failed.append("failed: %s (%s)" % (test["name"], test["result"]))
                print("== %s printed" % test["name"])
                print("\n".join(printed(test, os.path.dirname(path))))
    # The names once more and together: who sees only the end sees them all.
    for line in skipped + failed:
        print(line)
    print("%d passed, %d failed, %d skipped" % (passed, len(failed), len(skipped)))
    ci = os.environ.get("CI") == "true"
    return 1 if failed or not passed or (ci and skipped) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
