/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loads a plugin's file and checks its entry before anything in it is called. A
 * file stays loaded: threads, TLS destructors and atexit handlers outlive dlclose.
 */
#include <dlfcn.h>
#include <string.h>

#include "plugin/plugin-private.h"

#define ENTRY_PREFIX "pegbox_plugin_v"
/* Later majors that a message can name. */
#define MAJORS_TO_LOOK_FOR 10u

GQuark
plugin_error_domain(void)
{
    return g_quark_from_static_string("pegbox-plugin-error");
}

int
plugin_error_status(const GError *error)
{
    return g_error_matches(error, PBX_PLUGIN_ERROR, PLUGIN_ERROR_BROKEN) ? 3 : 2;
}

void
plugin_warn(const PluginWarn *warn, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *message = g_strdup_vprintf(format, args);
    va_end(args);
    warn->func(message, warn->user);
}

static gboolean broken(GError **error, const char *path, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

static gboolean
broken(GError **error, const char *path, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *reason = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, PBX_PLUGIN_ERROR, PLUGIN_ERROR_BROKEN, "%s: %s", path, reason);
    return FALSE;
}

/* dlerror() begins with the path as a rule, which the message has already. */
static void
set_dlopen_error(GError **error, const char *path)
{
    const char *reason = dlerror();
    if (reason == NULL)
        reason = "unknown error";
    g_autofree char *prefix = g_strconcat(path, ": ", NULL);
    if (g_str_has_prefix(reason, prefix))
        reason += strlen(prefix);
    const char *mend = "build it anew, and link what it uses";
    if (strstr(reason, "__asan_") != NULL || strstr(reason, "__tsan_") != NULL)
        mend = "it was built with a sanitizer, and this pegbox was not: build it without";
    else if (strstr(reason, "static TLS") != NULL)
        mend = "a library that it needs must be there from the start: name that in LD_PRELOAD";
    else if (strstr(reason, "cannot open shared object file") != NULL)
        mend = "install the library that it needs";
    broken(error, path, "the plugin cannot be loaded: %s; %s", reason, mend);
}

static void *
guarded_dlopen(const char *path, const PluginWarn *warn, GError **error)
{
    FloatGuard *guard = float_guard_new();
    (void)dlerror();
    /* NOW: a missing symbol is an error here, not a crash an hour later. LOCAL: plugins do
     * not see each other. */
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL)
        set_dlopen_error(error, path);
    if (float_guard_restore(guard))
        plugin_warn(warn,
                    "%s: loading it changed the floating-point environment, which was put back; "
                    "build it without -ffast-math",
                    path);
    return handle;
}

/* There is no entry of this major: perhaps of another. */
static gboolean
no_entry(void *handle, const char *path, GError **error)
{
    for (guint major = 0; major < MAJORS_TO_LOOK_FOR; major++) {
        g_autofree char *symbol = g_strdup_printf(ENTRY_PREFIX "%u", major);
        if (major != PEGBOX_ABI_MAJOR && dlsym(handle, symbol) != NULL)
            return broken(error, path,
                          "it was built for plugin ABI %u, and this pegbox %s has ABI %u.%u; "
                          "build it for this one",
                          major, PEGBOX_VERSION, PEGBOX_ABI_MAJOR, PEGBOX_ABI_MINOR);
    }
    return broken(error, path,
                  "not a plugin: it does not export " ENTRY_PREFIX "%u; define it, with "
                  "PEGBOX_EXPORT",
                  PEGBOX_ABI_MAJOR);
}

static const char *
sanitizers(guint32 flags)
{
    if ((flags & PBX_BUILD_ASAN) != 0)
        return "with the address sanitizer";
    if ((flags & PBX_BUILD_TSAN) != 0)
        return "with the thread sanitizer";
    return "without a sanitizer";
}

/* All that can be known without a call; each field is read only once those before it fit. */
static gboolean
entry_check(const pbx_entry *entry, const char *path, GError **error)
{
    const guint32 sanitizer_bits = PBX_BUILD_ASAN | PBX_BUILD_TSAN;
    if (entry->magic != PEGBOX_MAGIC)
        return broken(error, path,
                      "not a plugin: its entry begins with 0x%08x, not PEGBOX_MAGIC (0x%08x)",
                      entry->magic, PEGBOX_MAGIC);
    if (entry->struct_size < G_STRUCT_OFFSET(pbx_entry, build_flags))
        return broken(error, path, "its entry says that it is %u bytes long; use sizeof(pbx_entry)",
                      entry->struct_size);
    if (entry->abi_major != PEGBOX_ABI_MAJOR ||
        (PEGBOX_ABI_MAJOR == 0 && entry->abi_minor != PEGBOX_ABI_MINOR))
        return broken(error, path,
                      "it was built for plugin ABI %u.%u, and this pegbox %s has ABI %u.%u; "
                      "build it with the headers of this one",
                      entry->abi_major, entry->abi_minor, PEGBOX_VERSION, PEGBOX_ABI_MAJOR,
                      PEGBOX_ABI_MINOR);
    if (entry->struct_size < sizeof(pbx_entry))
        return broken(error, path, "its entry says that it is %u bytes long; use sizeof(pbx_entry)",
                      entry->struct_size);
    if ((entry->build_flags & sanitizer_bits) != (PEGBOX_BUILD_FLAGS & sanitizer_bits))
        return broken(error, path, "it was built %s, and this pegbox %s; build both alike",
                      sanitizers(entry->build_flags), sanitizers(PEGBOX_BUILD_FLAGS));
    if (entry->n_plugins == 0 || entry->plugins == NULL)
        return broken(error, path, "its entry lists no plugin");
    return TRUE;
}

const pbx_entry *
loader_open(const char *path, const PluginWarn *warn, GError **error)
{
    if (!elf_check(path, error))
        return NULL;
    void *handle = guarded_dlopen(path, warn, error);
    if (handle == NULL)
        return NULL;
    g_autofree char *symbol = g_strdup_printf(ENTRY_PREFIX "%u", PEGBOX_ABI_MAJOR);
    const pbx_entry *entry = dlsym(handle, symbol);
    if (entry == NULL) {
        no_entry(handle, path, error);
        return NULL;
    }
    return entry_check(entry, path, error) ? entry : NULL;
}
