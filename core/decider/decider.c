/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one place where a decider is called, and where its state is taken. */
#define G_LOG_DOMAIN "pegbox-decider"

#include "decider/decider-private.h"

/* What one without a state of its own is stored under, whose asks are. */
#define ASKS_ALONE G_MAXUINT32

#include <string.h>

PbxDecider *
decider_new(PbxInstance *instance, gint64 warn_ns)
{
    PbxDecider *decider = g_new0(PbxDecider, 1);
    decider->plugin = instance->plugin;
    decider->instance = instance;
    decider->warn_ns = warn_ns;
    /* What it counts from its first call on, as time, is not to be lost. */
    decider->dirty = g_str_equal(instance->plugin->desc->kind, "stopper");
    return decider;
}

PbxDecider *
decider_in_child(PbxProcess *process, guint index, const PbxPlugin *plugin, const char *slot,
                 gint64 warn_ns)
{
    PbxDecider *decider = g_new0(PbxDecider, 1);
    decider->plugin = plugin;
    decider->process = process_ref(process);
    decider->index = index;
    decider->slot = g_strdup(slot);
    decider->warn_ns = warn_ns;
    decider->dirty = g_str_equal(plugin->desc->kind, "stopper");
    return decider;
}

void
decider_free(PbxDecider *decider)
{
    if (decider == NULL)
        return;
    instance_free(decider->instance);
    if (decider->process != NULL)
        process_unref(decider->process);
    g_free(decider->slot);
    g_free(decider->described);
    g_free(decider);
}

const char *
decider_slot(const PbxDecider *decider)
{
    return decider->instance != NULL ? host_slot(decider->instance->host) : decider->slot;
}

const PbxPlugin *
decider_plugin(const PbxDecider *decider)
{
    return decider->plugin;
}

PbxInstance *
decider_instance(const PbxDecider *decider)
{
    return decider->instance;
}

gboolean
decider_is_in_child(const PbxDecider *decider)
{
    return decider->process != NULL;
}

guint32
decider_caps(const PbxDecider *decider)
{
    const PbxInstance *instance = decider->instance;
    if (instance == NULL)
        return decider->caps;
    if (instance->object->caps != NULL)
        return instance->object->caps(instance->self);
    /* Every decider's vtable begins {struct_size, caps, object}. */
    return ((const pbx_search *)instance->vtable)->caps;
}

/* The same in each process. */
static gconstpointer
vtable_of(const PbxDecider *decider)
{
    return plugin_interface(decider->plugin, plugin_kind_interface(decider->plugin->desc->kind));
}

gboolean
decider_has(const PbxDecider *decider, PbxCallId id)
{
    const guint8 *vtable =
        decider->instance != NULL ? decider->instance->vtable : vtable_of(decider);
    gsize offset = call_table[id].offset;
    if (((const pbx_search *)(gconstpointer)vtable)->struct_size < offset + sizeof(void *))
        return FALSE;
    void (*function)(void);
    memcpy(&function, vtable + offset, sizeof function);
    return function != NULL;
}

void
decider_changed(PbxDecider *decider, const PbxCall *call)
{
    if (decider->process != NULL)
        process_changed(decider->process);
    decider->dirty = TRUE;
    if (decider->watch != NULL)
        decider->watch(decider, call, decider->watch_user);
}

static void
warn_slow(const PbxDecider *decider, const PbxCallInfo *info, gint64 took_ns)
{
    if (took_ns > decider->warn_ns && decider->instance != NULL)
        host_log(decider->instance->host, PBX_LOG_WARNING, "%s took %.2f s", info->name,
                 (double)took_ns / 1e9);
}

/* An instance in this process. */
static void
call_here(PbxDecider *decider, PbxCall *call)
{
    const PbxCallInfo *info = &call_table[call->id];
    PbxInstance *instance = decider->instance;
    const pbx_host *host = host_abi(instance->host);
    g_assert(!decider->busy);
    decider->busy = TRUE;
    if (decider->watch != NULL)
        call->at_ns = host->now_ns(host);
    gint64 began = g_get_monotonic_time();
    call->status = info->invoke(instance->vtable, instance->self, call);
    gint64 took_ns = (g_get_monotonic_time() - began) * 1000;
    decider->busy = FALSE;
    /* Text from a plugin may lack its end. */
    call->error.where[sizeof call->error.where - 1] = '\0';
    call->error.message[sizeof call->error.message - 1] = '\0';
    if (info->changes && call->status == PBX_OK) {
        decider_count_asks(decider, call);
        decider_changed(decider, call);
    }
    warn_slow(decider, info, took_ns);
}

/* Whether it is answered by more than a status. */
static gboolean
is_answered(const PbxCall *call)
{
    const PbxCallInfo *info = &call_table[call->id];
    gboolean answered = info->is_setup;
    for (guint i = 0; i < info->n_args; i++)
        answered = answered || info->args[i].out || info->args[i].type == ARG_TOTAL;
    return answered;
}

void
decider_attach(PbxDecider *decider, GMainContext *context, gint64 patience_us, PbxCallDone failed,
               gpointer user)
{
    if (decider->process != NULL)
        process_attach(decider->process, context, patience_us, failed, user);
}

gboolean
decider_is_attached(const PbxDecider *decider)
{
    return decider->process != NULL && process_is_attached(decider->process);
}

gboolean
decider_is_busy(const PbxDecider *decider)
{
    return decider->process != NULL && process_is_busy(decider->process);
}

void
decider_settle(PbxDecider *decider)
{
    if (decider->process != NULL)
        process_settle(decider->process);
}

void
decider_call(PbxDecider *decider, PbxCall *call, PbxCallDone done, gpointer user)
{
    const gboolean attached = decider_is_attached(decider);
    call->error.where[0] = call->error.message[0] = '\0';
    if (!decider_has(decider, call->id))
        call->status = PBX_OK;
    else if (attached && done != NULL) {
        process_start(decider->process, decider, call, done, user);
        return;
    } else if (attached && !is_answered(call))
        process_post(decider->process, decider, call);
    else if (decider->process != NULL)
        process_call(decider->process, decider, call);
    else
        call_here(decider, call);
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
                       decider->plugin, call->status, &call->error);
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
    const pbx_object *object = decider->instance != NULL
                                   ? decider->instance->object
                                   : &((const pbx_search *)vtable_of(decider))->object;
    if (object->save != NULL)
        return object->state_version;
    return decider->counted ? ASKS_ALONE : 0;
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

/* Appends what its instance in this process writes. */
static pbx_status
save_here(const PbxDecider *decider, GByteArray *blob, pbx_error *error)
{
    const PbxInstance *instance = decider->instance;
    pbx_sink sink = {.ctx = blob, .write = append_bytes};
    const pbx_status status = instance->object->save != NULL
                                  ? instance->object->save(instance->self, &sink, error)
                                  : PBX_OK;
    decider_put_asks(decider, blob);
    return status;
}

gboolean
decider_save(PbxDecider *decider, GByteArray *blob, GError **error)
{
    pbx_error abi_error = {"", ""};
    if (decider->process != NULL) {
        g_autoptr(GBytes) saved = process_save(decider->process, decider, error);
        if (saved == NULL)
            return FALSE;
        gsize n = 0;
        const void *bytes = g_bytes_get_data(saved, &n);
        g_byte_array_append(blob, bytes, (guint)n);
    } else {
        pbx_status status = save_here(decider, blob, &abi_error);
        if (status != PBX_OK) {
            instance_set_error(error, PLUGIN_ERROR_BROKEN, decider->plugin, status, &abi_error);
            return FALSE;
        }
    }
    decider->dirty = FALSE;
    return TRUE;
}

void
decider_save_later(PbxDecider *decider, PbxSaveDone done, gpointer user)
{
    process_save_later(decider->process, decider, done, user);
}

GBytes *
decider_saved(const PbxDecider *decider)
{
    return process_saved(decider->process, decider);
}

pbx_status
decider_load_here(PbxDecider *decider, guint32 version, gconstpointer bytes, gsize n,
                  pbx_error *error)
{
    const PbxInstance *instance = decider->instance;
    if (!decider_take_asks(decider, bytes, &n)) {
        plugin_set_abi_error(error, "", "the state is damaged");
        return PBX_EINVAL;
    }
    if (instance->object->load == NULL)
        return decider->counted && version == ASKS_ALONE ? PBX_OK : PBX_ENOTSUP;
    return instance->object->load(instance->self, version, bytes, n, error);
}

static pbx_status
load_here(PbxDecider *decider, guint32 version, GBytes *blob, pbx_error *error)
{
    gsize size = 0;
    const void *bytes = g_bytes_get_data(blob, &size);
    return decider_load_here(decider, version, bytes, size, error);
}

gboolean
decider_load(PbxDecider *decider, guint32 version, GBytes *blob, gboolean *refused, GError **error)
{
    pbx_error abi_error = {"", ""};
    pbx_status status = decider->process != NULL
                            ? process_load(decider->process, decider, version, blob, &abi_error)
                            : load_here(decider, version, blob, &abi_error);
    *refused = status == PBX_ENOTSUP;
    if (status == PBX_OK) {
        decider->dirty = FALSE;
        return TRUE;
    }
    instance_set_error(error, PLUGIN_ERROR_BROKEN, decider->plugin, status, &abi_error);
    return FALSE;
}

char *
decider_describe(PbxDecider *decider)
{
    if (decider->process != NULL)
        return process_describe(decider->process, decider);
    const PbxInstance *instance = decider->instance;
    if (instance->object->describe == NULL)
        return NULL;
    g_autoptr(GByteArray) text = g_byte_array_new();
    pbx_sink sink = {.ctx = text, .write = append_bytes};
    if (instance->object->describe(instance->self, &sink) != PBX_OK || text->len == 0)
        return NULL;
    return g_utf8_make_valid((const char *)text->data, text->len);
}
