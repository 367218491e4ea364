#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sums up files in the form of meson's testlog.json: names what failed or was skipped, and ends
with the line "N passed, N failed, N skipped". Exits 1 for a failure; with CI=true also for a
skip."""
import json
import os
import sys

PASSED = {"OK", "EXPECTEDFAIL"}


def main(files):
    passed, failed, skipped = 0, 0, 0
    for path in files:
        with open(path, encoding="utf-8", errors="replace") as file:
            tests = [json.loads(line) for line in file if line.strip()]
        for test in tests:
            if test["result"] in PASSED:
                passed += 1
            elif test["result"] == "SKIP":
                skipped += 1
                print("skipped: %s" % test["name"])
            else:
                failed += 1
                print("failed: %s (%s)" % (test["name"], test["result"]))
    print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
    ci = os.environ.get("CI") == "true"
    return 1 if failed or not passed or (ci and skipped) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
