/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A logger that writes down what it is told of checkpoints, a line each. */
#include <pegbox/helpers.h>

#include <stdio.h>

struct pbx_instance {
    pbx_base base;
};
static const pbx_option options[] = {
    PBX_OPT_STRING("file", "what it writes", "1.0", "\"/dev/null\"")};

static const char *
type_name(uint32_t type)
{
    return type == PBX_EVENT_CHECKPOINT ? "checkpoint"
           : type == PBX_EVENT_SAVE     ? "save"
           : type == PBX_EVENT_RESTORE  ? "restore"
                                        : "pause";
}

static pbx_status
events(pbx_instance *self, const pbx_event *const *events, size_t n, size_t *done, pbx_error *error)
{
    FILE *file = fopen(pbx_string(self->base.host, self->base.options, "file"), "a");
    if (file == NULL)
        return pbx_fail(error, PBX_EIO, NULL, "cannot write");
    for (size_t i = 0; i < n; i++) {
        const pbx_checkpoint *checkpoint = events[i]->checkpoint;
        fprintf(file, "%s %u %u", type_name(events[i]->type), events[i]->trial->state,
                events[i]->trial->n_checkpoints);
        if (checkpoint != NULL)
            fprintf(file, " %llu %lld %s %d", (unsigned long long)checkpoint->id,
                    (long long)checkpoint->step, checkpoint->path, (int)strlen(checkpoint->sha256));
        fputc('\n', file);
    }
    *done = n;
    return fclose(file) == 0 ? PBX_OK : pbx_fail(error, PBX_EIO, NULL, "cannot write");
}

PEGBOX_LOGGER("checkpoint-log", "1.0", "Writes down checkpoints", "LGPL-2.1-or-later", options,
              PBX_WANTS(PBX_EVENT_CHECKPOINT) | PBX_WANTS(PBX_EVENT_SAVE) |
                  PBX_WANTS(PBX_EVENT_RESTORE) | PBX_WANTS(PBX_EVENT_PAUSE),
              0, NULL, NULL, .events = events);
