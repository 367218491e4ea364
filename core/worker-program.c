/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox-worker: runs trainables, one trial after another, for a driver; or, as its child, has
 * deciders live in it. */
#include <string.h>

#include "decider/decider.h"
#include "worker/worker.h"

int
main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], DECIDER_CHILD_WORD) == 0)
        return decider_child_main();
    return worker_main(argc, argv);
}
