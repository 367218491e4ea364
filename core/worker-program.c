/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox-worker: runs trainables, one trial after another, for a driver. */
#include "worker/worker.h"

int
main(int argc, char **argv)
{
    return worker_main(argc, argv);
}
