/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Instances of plugins, and what their statuses and errors mean to core. */
#include <pegbox/search.h>
#include <string.h>

#include "plugin/plugin-private.h"

const char *
plugin_status_name(pbx_status status)
{
    switch (status) {
    case PBX_OK:
        return "OK";
    case PBX_AGAIN:
        return "AGAIN";
    case PBX_DONE:
        return "DONE";
    case PBX_EINVAL:
        return "EINVAL";
    case PBX_ENOMEM:
        return "ENOMEM";
    case PBX_ENOTSUP:
        return "ENOTSUP";
    case PBX_EIO:
        return "EIO";
    case PBX_ESTATE:
        return "ESTATE";
    case PBX_ECANCELLED:
        return "ECANCELLED";
    case PBX_EFATAL:
        return "EFATAL";
    default:
        return "an unknown status";
    }
}

/* A text that a plugin wrote: ended, valid, one line. (transfer full) */
static char *
plugin_text(const char *text, gsize size)
{
    char *valid = g_utf8_make_valid(text, (gssize)strnlen(text, size));
    return g_strdelimit(valid, "\r\n", ' ');
}

void
instance_set_error(GError **error, int code, const PbxPlugin *plugin, pbx_status status,
                   const pbx_error *abi_error)
{
    g_autofree char *where = plugin_text(abi_error->where, sizeof abi_error->where);
    g_autofree char *message = plugin_text(abi_error->message, sizeof abi_error->message);
    g_set_error(error, PBX_PLUGIN_ERROR, code, "%s/%s: %s%s%s", plugin->desc->kind,
                plugin->desc->name, where, where[0] != '\0' ? ": " : "",
                message[0] != '\0' ? message : plugin_status_name(status));
}

void
plugin_set_abi_error(pbx_error *abi_error, const char *where, const char *format, ...)
{
    if (abi_error == NULL)
        return;
    va_list args;
    va_start(args, format);
    g_autofree char *message = g_strdup_vprintf(format, args);
    va_end(args);
    g_strlcpy(abi_error->where, where, sizeof abi_error->where);
    g_strlcpy(abi_error->message, message, sizeof abi_error->message);
}

static gboolean
create(PbxInstance *instance, PbxOptions *options, pbx_error *abi_error, GError **error)
{
    FloatGuard *guard = float_guard_new();
    pbx_status status = instance->object->create(
        host_abi(instance->host), host_json(options_node(options)), &instance->self, abi_error);
    if (float_guard_restore(guard))
        host_log(instance->host, PBX_LOG_WARNING,
                 "its create changed the floating-point environment, which was put back");
    if (status == PBX_OK)
        return TRUE;
    instance->object = NULL; /* there is nothing to destroy */
    instance_set_error(error, status == PBX_EINVAL ? PLUGIN_ERROR_OPTIONS : PLUGIN_ERROR_BROKEN,
                       instance->plugin, status, abi_error);
    return FALSE;
}

PbxInstance *
instance_try(const PbxPlugin *plugin, const char *slot, PbxOptions *options, guint64 seed,
             PbxClock *clock, PbxLogFunc log, gpointer log_user,
             void (*prepare)(PbxHost *host, gpointer user), gpointer prepare_user, pbx_error *told,
             GError **error)
{
    g_autoptr(PbxInstance) instance = g_new0(PbxInstance, 1);
    instance->plugin = plugin;
    instance->vtable = plugin_interface(plugin, plugin_kind_interface(plugin->desc->kind));
    instance->object = &((const pbx_search *)instance->vtable)->object;
    instance->host = host_new(slot, options, seed, clock, log, log_user);
    if (prepare != NULL)
        prepare(instance->host, prepare_user);
    told->where[0] = told->message[0] = '\0';
    return create(instance, options, told, error) ? g_steal_pointer(&instance) : NULL;
}

PbxInstance *
instance_new(const PbxPlugin *plugin, const char *slot, PbxOptions *options, guint64 seed,
             PbxClock *clock, PbxLogFunc log, gpointer log_user,
             void (*prepare)(PbxHost *host, gpointer user), gpointer prepare_user, GError **error)
{
    pbx_error told;
    return instance_try(plugin, slot, options, seed, clock, log, log_user, prepare, prepare_user,
                        &told, error);
}

void
instance_free(PbxInstance *instance)
{
    if (instance == NULL)
        return;
    if (instance->object != NULL)
        instance->object->destroy(instance->self);
    host_free(instance->host);
    g_free(instance);
}

guint32
instance_caps(const PbxInstance *instance)
{
    guint32 caps = plugin_caps(instance->plugin);
    return instance->object->caps != NULL ? instance->object->caps(instance->self) & caps : caps;
}
