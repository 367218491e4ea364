/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A stopper of a few lines, from which -D makes each of the faults that a loader
 * has to see. What a test asks of an instance is in its options.
 */
#include <fenv.h>
#include <math.h>
#include <pegbox/stopper.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef OBJECT_MAGIC
#define OBJECT_MAGIC PEGBOX_MAGIC
#endif
#ifndef OBJECT_MAJOR
#define OBJECT_MAJOR PEGBOX_ABI_MAJOR
#endif
#ifndef OBJECT_MINOR
#define OBJECT_MINOR PEGBOX_ABI_MINOR
#endif
#ifndef OBJECT_SIZE
#define OBJECT_SIZE sizeof(pbx_entry)
#endif
#ifndef OBJECT_FLAGS
#define OBJECT_FLAGS PEGBOX_BUILD_FLAGS
#endif
#ifndef OBJECT_KIND
#define OBJECT_KIND "stopper"
#endif
#ifndef OBJECT_NAME
#define OBJECT_NAME "good"
#endif
#ifndef OBJECT_ENTRY
#define OBJECT_ENTRY pegbox_plugin_v0
#endif
#ifndef OBJECT_FALLBACK
#define OBJECT_FALLBACK "3"
#endif

struct pbx_instance {
    int unused;
};

/* An int option: 0, a status to fail with, or 1: change the rounding. */
static pbx_status
create(const pbx_host *host, const pbx_json *options, pbx_instance **instance, pbx_error *error)
{
    int64_t fail = host->json_int(host->json_member(options, "fail"), 0);
    if (fail < 0) {
        snprintf(error->where, sizeof error->where, "fail");
        snprintf(error->message, sizeof error->message, "as it was\nasked");
        return (pbx_status)fail;
    }
    if (fail == 1)
        fesetround(FE_UPWARD);
    host->log(host, PBX_LOG_INFO, "created");
    *instance = calloc(1, sizeof **instance);
    return *instance != NULL ? PBX_OK : PBX_ENOMEM;
}

static void
destroy(pbx_instance *instance)
{
    free(instance);
}

static uint32_t
caps(const pbx_instance *instance)
{
    (void)instance;
    return PBX_CAP_NEEDS_METRIC | PBX_CAP_PAUSES; /* the second is not the vtable's */
}

static const pbx_stopper vtable = {
    .struct_size = sizeof(pbx_stopper),
    .caps = PBX_CAP_NEEDS_METRIC | PBX_CAP_SLOW,
    .object = {.create = create, .destroy = destroy, .caps = caps},
};
static const pbx_interface interfaces[] = {{PBX_STOPPER_ID, &vtable}, {NULL, NULL}};
static const pbx_option options[] = {
    {"fail", "What create answers.", "0.1", PBX_OPTION_INT, 0, -7, 1, "0", NULL},
    {"window", "A number.", "0.1", PBX_OPTION_INT, 0, 1, 10, OBJECT_FALLBACK, NULL},
};
static const pbx_plugin plugin = {
    .struct_size = sizeof(pbx_plugin),
    .option_size = sizeof(pbx_option),
    .n_options = 2,
    .kind = OBJECT_KIND,
    .name = OBJECT_NAME,
    .version = "1.2.3",
    .summary = "Is there to be loaded",
    .license = "MIT",
    .options = options,
    .interfaces = interfaces,
};
#ifdef OBJECT_TWO
static const pbx_plugin second = {
    .struct_size = sizeof(pbx_plugin),
    .kind = "stopper",
    .name = "second",
    .version = "2",
    .summary = "Is in the same file",
    .license = "MIT",
    .interfaces = interfaces,
};
static const pbx_plugin *const plugins[] = {&plugin, &second};
#else
static const pbx_plugin *const plugins[] = {&plugin};
#endif

extern PEGBOX_EXPORT const pbx_entry OBJECT_ENTRY;
const pbx_entry OBJECT_ENTRY = {
    .magic = OBJECT_MAGIC,
    .struct_size = OBJECT_SIZE,
    .abi_major = OBJECT_MAJOR,
    .abi_minor = OBJECT_MINOR,
    .build_flags = OBJECT_FLAGS,
    .n_plugins = sizeof plugins / sizeof *plugins,
    .plugins = plugins,
};

#ifdef OBJECT_UNRESOLVED
int pegbox_test_is_nowhere(void);
PEGBOX_EXPORT int calls_what_is_nowhere(void);
int
calls_what_is_nowhere(void)
{
    return pegbox_test_is_nowhere();
}
#endif

#ifdef OBJECT_CONSTRUCTOR
__attribute__((constructor)) static void
constructor(void)
{
    OBJECT_CONSTRUCTOR;
}
#endif
