# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whether slots stay full while trials take their time.

  waiting  exec trials of `sleep 1` that need 0.1 cpu, 16 at a time, all loggers and output files on,
           over as many posix_spawn + wait, 16 at a time. 1,008 of them: 63 rounds
"""
SLOTS = 16


def run(bench):
    n, seconds = (64, "0.2") if bench.short else (1008, "1")
    spawn = bench.compile("spawn.c")

    def ours():
        return bench.experiment(trainable={"plugin": "exec", "command": ["sleep", seconds]},
                                num_samples=n, resources={"cpu": 0.1},
                                max_concurrent_trials=SLOTS)

    def base():
        return float(bench.timed([spawn, str(SLOTS), str(n), "0", "", "sleep", seconds])[1])

    # One pair: it takes two minutes, and hardly varies.
    base_s, our_s = base(), ours()
    bench.figure("waiting", our_s / base_s, "times", at_most=1.02, n=n, seconds=our_s,
                 base_seconds=base_s, ms_more_a_round=(our_s - base_s) / (n / SLOTS) * 1e3)
