#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Gradient descent on (x - 3)^2 in plain shell and awk: prints "step=1 loss=9.0000" and so on.
# Usage: descend.sh RATE MOMENTUM
exec awk -v rate="$1" -v momentum="$2" 'BEGIN {
    x = 0
    for (step = 1; step <= 10; step++) {
        velocity = momentum * velocity - rate * 2 * (x - 3)
        x += velocity
        printf "step=%d loss=%.4f\n", step, (x - 3) * (x - 3)
        fflush()
    }
}'
