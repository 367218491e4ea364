/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* executor/local: workers are child processes on this machine. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "local-private.h"

static pbx_status
fail(pbx_error *error, pbx_status status, const char *what, int code)
{
    error->where[0] = '\0';
    snprintf(error->message, sizeof error->message, "%s: %s", what, strerror(code));
    return status;
}

static pbx_status
local_create(const pbx_host *host, const pbx_json *options, pbx_instance **instance,
             pbx_error *error)
{
    (void)options;
    const pbx_events *events = host->service(host, PBX_EVENTS_ID);
    if (events == NULL) {
        error->where[0] = '\0';
        snprintf(error->message, sizeof error->message, "the host lacks the service %s",
                 PBX_EVENTS_ID);
        return PBX_ENOTSUP;
    }
    pbx_instance *self = calloc(1, sizeof *self);
    if (self == NULL)
        return fail(error, PBX_ENOMEM, "local", ENOMEM);
    self->host = host;
    self->events = events;
    int code = reaper_start(self);
    if (code != 0) {
        free(self);
        return fail(error, PBX_EIO, "cannot watch workers", code);
    }
    *instance = self;
    return PBX_OK;
}

static void
local_destroy(pbx_instance *self)
{
    if (self == NULL)
        return;
    reaper_stop(self);
    while (self->workers != NULL) {
        worker *next = self->workers->next;
        worker_free(self->workers);
        self->workers = next;
    }
    free(self);
}

static pbx_status
local_open(pbx_instance *self, pbx_error *error)
{
    (void)self;
    (void)error;
    /* What a worker that was killed leaves behind comes to the driver, and is ended here. */
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    return PBX_OK;
}

static pbx_status
local_start(pbx_instance *self, const pbx_launch *launch, pbx_error *error)
{
    if ((launch->flags & ~(uint32_t)PBX_LAUNCH_TERMINAL) != 0)
        return fail(error, PBX_ENOTSUP, "a launch has flags that are not known", EINVAL);
    self->shares_session = self->shares_session || launch->flags != 0;
    int code = reaper_launch(self, launch);
    if (code == 0)
        return PBX_OK;
    char what[300];
    snprintf(what, sizeof what, "cannot start %.250s", launch->argv[0]);
    return fail(error, code == EAGAIN || code == ENOMEM ? PBX_EIO : PBX_EINVAL, what, code);
}

static pbx_status
local_stop(pbx_instance *self, const char *name, uint32_t how, pbx_error *error)
{
    (void)error;
    reaper_end(self, name, how);
    return PBX_OK;
}

static const pbx_executor vtable = {
    .struct_size = sizeof(pbx_executor),
    .object = {.create = local_create, .destroy = local_destroy},
    .open = local_open,
    .start = local_start,
    .stop = local_stop,
};

static const pbx_interface interfaces[] = {{PBX_EXECUTOR_ID, &vtable}, {NULL, NULL}};

static const pbx_plugin plugin = {
    .struct_size = sizeof(pbx_plugin),
    .option_size = sizeof(pbx_option),
    .kind = "executor",
    .name = "local",
    .version = "1.0",
    .summary = "Runs workers as child processes on this machine",
    .license = "LGPL-2.1-or-later",
    .interfaces = interfaces,
};

static const pbx_plugin *const plugins[] = {&plugin};

const pbx_entry pegbox_plugin_v0 = {
    .magic = PEGBOX_MAGIC,
    .struct_size = sizeof(pbx_entry),
    .abi_major = PEGBOX_ABI_MAJOR,
    .abi_minor = PEGBOX_ABI_MINOR,
    .build_flags = PEGBOX_BUILD_FLAGS,
    .n_plugins = 1,
    .plugins = plugins,
};
