/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kinds of plugin: their interfaces, what these must have, what capabilities are called. */
#include <pegbox/draft/executor.h>
#include <pegbox/logger.h>
#include <pegbox/scheduler.h>
#include <pegbox/search.h>
#include <pegbox/stopper.h>
#include <pegbox/trainable.h>
#include <string.h>

#include "plugin/plugin-private.h"

const char *const plugin_kinds[] = {"trainable", "search",   "scheduler", "stopper",
                                    "logger",    "executor", NULL};

/* Every vtable begins alike, so that core reads what they share through any of them. */
G_STATIC_ASSERT(offsetof(pbx_search, object) == offsetof(pbx_scheduler, object));
G_STATIC_ASSERT(offsetof(pbx_search, object) == offsetof(pbx_stopper, object));
G_STATIC_ASSERT(offsetof(pbx_search, object) == offsetof(pbx_logger, object));
G_STATIC_ASSERT(offsetof(pbx_search, object) == offsetof(pbx_executor, object));
G_STATIC_ASSERT(offsetof(pbx_search, object) == offsetof(pbx_trainable, object));

static const char *
search_lacks(gconstpointer vtable)
{
    return ((const pbx_search *)vtable)->suggest == NULL ? "suggest" : NULL;
}

static const char *
logger_lacks(gconstpointer vtable)
{
    return ((const pbx_logger *)vtable)->events == NULL ? "events" : NULL;
}

static const char *
executor_lacks(gconstpointer vtable)
{
    const pbx_executor *executor = vtable;
    if (executor->start == NULL)
        return "start";
    return executor->stop == NULL ? "stop" : NULL;
}

static const char *
trainable_lacks(gconstpointer vtable)
{
    const pbx_trainable *trainable = vtable;
    return trainable->run == NULL && trainable->step == NULL ? "run or step" : NULL;
}

/* In the order of the bits PBX_CAP_*. */
static const char *const decider_caps[] = {
    "slow",         "transparent", "told-again",  "needs-metric",
    "category",     "conditional", "grid",        "unbounded",
    "quantum",      "objectives",  "constraints", "limits-itself",
    "owns-samples", "each-result", "pauses",      "exploits",
    "resizes",      "renumbers",   NULL};
/* Of the bits PBX_TRAINABLE_*. */
static const char *const trainable_caps[] = {"checkpoints", "resets",  "many-runs",
                                             "all-ranks",   "program", NULL};
static const char *const no_caps[] = {NULL};

static const PluginKind kinds[] = {
    {"trainable", PBX_TRAINABLE_ID, offsetof(pbx_trainable, check), trainable_lacks,
     trainable_caps},
    {"search", PBX_SEARCH_ID, sizeof(pbx_search), search_lacks, decider_caps},
    {"scheduler", PBX_SCHEDULER_ID, sizeof(pbx_scheduler), NULL, decider_caps},
    {"stopper", PBX_STOPPER_ID, sizeof(pbx_stopper), NULL, decider_caps},
    {"logger", PBX_LOGGER_ID, sizeof(pbx_logger), logger_lacks, no_caps},
    {"executor", PBX_EXECUTOR_ID, sizeof(pbx_executor), executor_lacks, no_caps},
};

const PluginKind *
plugin_kind(const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (g_str_equal(kinds[i].name, name))
            return &kinds[i];
    }
    return NULL;
}

const char *
plugin_kind_interface(const char *kind)
{
    const PluginKind *known = plugin_kind(kind);
    return known != NULL ? known->interface : NULL;
}

gboolean
plugin_name_is_valid(const char *name)
{
    return name[0] != '\0' && name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

gconstpointer
plugin_interface(const PbxPlugin *plugin, const char *id)
{
    for (const pbx_interface *offered = plugin->desc->interfaces; offered->id != NULL; offered++) {
        if (g_str_equal(offered->id, id))
            return offered->vtable;
    }
    return NULL;
}

guint32
plugin_caps(const PbxPlugin *plugin)
{
    const char *id = plugin_kind_interface(plugin->desc->kind);
    const pbx_search *vtable = id != NULL ? plugin_interface(plugin, id) : NULL;
    return vtable != NULL ? vtable->caps : 0;
}

const pbx_option *
plugin_option(const pbx_plugin *desc, guint i)
{
    return (const pbx_option *)(gconstpointer)((const char *)desc->options +
                                               (gsize)i * desc->option_size);
}
