# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a call costs more of a decider that lives in a child process (`isolate`): a stopper's
`result`, called here and there in turn (isolate.c), medians of the wall clock:
  isolate        microseconds more; wanted: under 30
"""
import json
import os


def run(bench):
    program = os.path.join(bench.build, "tests", "bench", "bench-isolate")
    plugin = os.path.join(bench.build, "plugins", "stopper", "max-iteration.so")
    done = json.loads(bench.timed([program, plugin, "100" if bench.short else "5000"])[1]
                      .splitlines()[-1])
    bench.figure("isolate", done["child_us"] - done["here_us"], "us", at_most=30,
                 here_us=done["here_us"], child_us=done["child_us"])
