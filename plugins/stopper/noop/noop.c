/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stopper/noop: never stops anything. */
#include <pegbox/helpers.h>

struct pbx_instance {
    pbx_base base;
};

PEGBOX_STOPPER("noop", "1.0", "Never stops anything", "LGPL-2.1-or-later", PEGBOX_NO_OPTIONS, 0, 0,
               NULL, NULL, .result = NULL);
