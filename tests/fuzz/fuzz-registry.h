/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The plugins of the build tree, and nothing of the user's. */
#pragma once

#include <stdlib.h>

#include "plugin/plugin.h"

static void
fuzz_be_silent(const char *message, gpointer user)
{
    (void)message;
    (void)user;
}

static inline PbxRegistry *
fuzz_registry(void)
{
    g_unsetenv("PEGBOX_PLUGIN_PATH");
    g_setenv("XDG_CONFIG_HOME", "/nonexistent", TRUE);
    g_setenv("HOME", "/nonexistent", TRUE);
    PbxRegistry *registry = registry_new(NULL);
    if (registry == NULL)
        abort();
    registry_on_warning(registry, fuzz_be_silent, NULL);
    return registry;
}
