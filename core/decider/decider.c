/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one place where a decider is called, and where its state is taken. */
#define G_LOG_DOMAIN "pegbox-decider"

#include "decider/decider.h"

#include <string.h>

#include "decider/calls-private.h"

struct PbxDecider {
    PbxInstance *instance;
    gint64 warn_ns;
    gboolean dirty;
    PbxCallWatch watch; /* NULL: nobody does */
    gpointer watch_user;
    gboolean busy; /* a call is under way: calls of one instance never overlap */
};

PbxDecider *
decider_new(PbxInstance *instance, gint64 warn_ns)
{
    PbxDecider *decider = g_new0(PbxDecider, 1);
    decider->instance = instance;
    decider->warn_ns = warn_ns;
    /* What it counts from its first call on, as time, is not to be lost. */
    decider->dirty = g_str_equal(instance->plugin->desc->kind, "stopper");
    return decider;
}

void
decider_free(PbxDecider *decider)
{
    if (decider == NULL)
        return;
    instance_free(decider->instance);
    g_free(decider);
}

const char *
decider_slot(const PbxDecider *decider)
{
    return host_slot(decider->instance->host);
}

PbxInstance *
decider_instance(const PbxDecider *decider)
{
    return decider->instance;
}

guint32
decider_caps(const PbxDecider *decider)
{
    const PbxInstance *instance = decider->instance;
    if (instance->object->caps != NULL)
        return instance->object->caps(instance->self);
    /* Every decider's vtable begins {struct_size, caps, object}. */
    return ((const pbx_search *)instance->vtable)->caps;
}

gboolean
decider_has(const PbxDecider *decider, PbxCallId id)
{
    const guint8 *vtable = decider->instance->vtable;
    gsize offset = call_table[id].offset;
    if (((const pbx_search *)decider->instance->vtable)->struct_size < offset + sizeof(void *))
        return FALSE;
    void (*function)(void);
    memcpy(&function, vtable + offset, sizeof function);
    return function != NULL;
}

void
decider_call(PbxDecider *decider, PbxCall *call, PbxCallDone done, gpointer user)
{
    const PbxCallInfo *info = &call_table[call->id];
    PbxInstance *instance = decider->instance;
    call->error.where[0] = call->error.message[0] = '\0';
    if (!decider_has(decider, call->id)) {
        call->status = PBX_OK;
    } else {
        g_assert(!decider->busy);
        decider->busy = TRUE;
        gint64 began = g_get_monotonic_time();
        call->status = info->invoke(instance->vtable, instance->self, call);
        gint64 took_ns = (g_get_monotonic_time() - began) * 1000;
        decider->busy = FALSE;
        /* Text from a plugin may lack its end. */
        call->error.where[sizeof call->error.where - 1] = '\0';
        call->error.message[sizeof call->error.message - 1] = '\0';
        if (info->changes && call->status == PBX_OK) {
            decider->dirty = TRUE;
            if (decider->watch != NULL)
                decider->watch(decider, call, decider->watch_user);
        }
        if (took_ns > decider->warn_ns)
            host_log(instance->host, PBX_LOG_WARNING, "%s took %.2f s", info->name,
                     (double)took_ns / 1e9);
    }
    if (done != NULL)
        done(decider, call, user);
}

const char *
decider_call_name(PbxCallId id)
{
    return call_table[id].name;
}

void
decider_watch(PbxDecider *decider, PbxCallWatch func, gpointer user)
{
    decider->watch = func;
    decider->watch_user = user;
}

void
decider_set_error(const PbxDecider *decider, const PbxCall *call, GError **error)
{
    instance_set_error(error,
                       call->status == PBX_EINVAL || call->status == PBX_ENOTSUP
                           ? PLUGIN_ERROR_OPTIONS
                           : PLUGIN_ERROR_BROKEN,
                       decider->instance->plugin, call->status, &call->error);
}

gboolean
decider_is_dirty(const PbxDecider *decider)
{
    return decider->dirty && decider_state_version(decider) != 0;
}

void
decider_touch(PbxDecider *decider)
{
    decider->dirty = TRUE;
}

guint32
decider_state_version(const PbxDecider *decider)
{
    const pbx_object *object = decider->instance->object;
    return object->save != NULL ? object->state_version : 0;
}

static pbx_status
append_bytes(void *ctx, const void *bytes, size_t n)
{
    GByteArray *out = ctx;
    if (n > G_MAXUINT / 2 - out->len)
        return PBX_ENOMEM;
    g_byte_array_append(out, bytes, (guint)n);
    return PBX_OK;
}

gboolean
decider_save(PbxDecider *decider, GByteArray *blob, GError **error)
{
    PbxInstance *instance = decider->instance;
    pbx_sink sink = {.ctx = blob, .write = append_bytes};
    pbx_error abi_error = {"", ""};
    pbx_status status = instance->object->save(instance->self, &sink, &abi_error);
    if (status != PBX_OK) {
        instance_set_error(error, PLUGIN_ERROR_BROKEN, instance->plugin, status, &abi_error);
        return FALSE;
    }
    decider->dirty = FALSE;
    return TRUE;
}

gboolean
decider_load(PbxDecider *decider, guint32 version, GBytes *blob, gboolean *refused, GError **error)
{
    PbxInstance *instance = decider->instance;
    pbx_error abi_error = {"", ""};
    gsize size = 0;
    const void *bytes = g_bytes_get_data(blob, &size);
    pbx_status status =
        instance->object->load != NULL
            ? instance->object->load(instance->self, version, bytes, size, &abi_error)
            : PBX_ENOTSUP;
    *refused = status == PBX_ENOTSUP;
    if (status == PBX_OK) {
        decider->dirty = FALSE;
        return TRUE;
    }
    instance_set_error(error, PLUGIN_ERROR_BROKEN, instance->plugin, status, &abi_error);
    return FALSE;
}

char *
decider_describe(PbxDecider *decider)
{
    PbxInstance *instance = decider->instance;
    if (instance->object->describe == NULL)
        return NULL;
    g_autoptr(GByteArray) text = g_byte_array_new();
    pbx_sink sink = {.ctx = text, .write = append_bytes};
    if (instance->object->describe(instance->self, &sink) != PBX_OK || text->len == 0)
        return NULL;
    return g_utf8_make_valid((const char *)text->data, text->len);
}
