# SPDX-License-Identifier: LGPL-2.1-or-later
"""The program of the fault tests that knows nothing of pegbox: plain.py STEPS X FILE. It goes on
from FILE where that is there, and writes it anew before each line that it prints."""
import json
import os
import sys
import time

steps, x, path = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
done, value = 0, 1.0
if os.path.exists(path):
    with open(path, encoding="ascii") as file:
        words = file.read().split()
        done, value = int(words[0]), float.fromhex(words[1])
while done < steps:
    done += 1
    value = value * 0.75 + abs(x - 0.3) / done
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write("%d %s\n" % (done, value.hex()))
    os.replace(path + ".new", path)
    print(json.dumps({"loss": value, "done_steps": done}))
    sys.stdout.flush()
    time.sleep(0.01)
