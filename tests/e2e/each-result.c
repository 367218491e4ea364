/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A scheduler that must see each result before the next one is made. */
#include <pegbox/helpers.h>

struct pbx_instance {
    pbx_base base;
};

static pbx_status
result(pbx_instance *self, const pbx_result *seen, pbx_decision *decision, pbx_error *error)
{
    (void)self;
    (void)seen;
    (void)error;
    decision->action = PBX_ACTION_CONTINUE;
    return PBX_OK;
}

PEGBOX_SCHEDULER("each-result", "1.0", "Lets all trials go on, one result at a time", "MIT",
                 PEGBOX_NO_OPTIONS, PBX_CAP_EACH_RESULT, 0, NULL, NULL, .result = result);
