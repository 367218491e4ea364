/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* scheduler/fifo: every trial runs to its end, in the order of creation. */
#include <pegbox/helpers.h>

struct pbx_instance {
    pbx_base base;
};

static pbx_status
describe(pbx_instance *self, const pbx_sink *sink)
{
    (void)self;
    return pbx_sink_printf(sink, "Using FIFO scheduling algorithm.");
}

/* No `result`: always CONTINUE. No `choose`: the first PENDING trial, then the first
 * PAUSED one. So the host never calls it in the course of a run. */
PEGBOX_SCHEDULER("fifo", "1.0", "Runs every trial to its end, first come, first served",
                 "LGPL-2.1-or-later", PEGBOX_NO_OPTIONS, PBX_CAP_OBJECTIVES, 0, NULL, NULL,
                 .object.describe = describe);
