/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What pegbox finds in this shared object. */
#include "archiver/archiver.h"

__attribute__((visibility("default"))) const PbxArchiver pegbox_archiver = {
    .version = ARCHIVER_VERSION,
    .pack = archiver_pack,
    .unpack = archiver_unpack,
    .verify = archiver_verify,
    .list = archiver_list,
    .watch = archiver_watch,
};
