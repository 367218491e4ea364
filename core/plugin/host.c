/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an instance is given as its host: log, clock, randomness, services. */
#include <string.h>

#include "plugin/host-private.h"

typedef struct {
    gconstpointer table;
    gpointer user;
} HostService;

PbxHost *
host_from_abi(const pbx_host *abi)
{
    return abi->ctx;
}

static const void *
abi_service(const pbx_host *abi, const char *id)
{
    if (id == NULL)
        return NULL;
    const HostService *service = g_hash_table_lookup(host_from_abi(abi)->services, id);
    return service != NULL ? service->table : NULL;
}

static void
abi_log(const pbx_host *abi, int32_t level, const char *message)
{
    host_log(host_from_abi(abi), level, "%s", message != NULL ? message : "");
}

static int64_t
abi_now_ns(const pbx_host *abi)
{
    const PbxHost *host = host_from_abi(abi);
    return host->clock != NULL ? clock_now(host->clock) : g_get_monotonic_time() * 1000;
}

static void
abi_random(const pbx_host *abi, uint64_t stream, uint64_t offset, uint64_t *out, size_t n)
{
    random_at(&host_from_abi(abi)->seed, stream, offset, (guint64 *)out, n);
}

static int32_t
abi_cancelled(const pbx_host *abi)
{
    PbxHost *host = host_from_abi(abi);
    return g_atomic_int_get(&host->cancelled) ||
           (host->ask_cancelled != NULL && host->ask_cancelled(host->ask_user));
}

PbxHost *
host_new(const char *slot, PbxOptions *options, guint64 seed, PbxClock *clock, PbxLogFunc log,
         gpointer log_user)
{
    PbxHost *host = g_new0(PbxHost, 1);
    host->slot = g_strdup(slot);
    host->options = options;
    host->clock = clock;
    host->seed = random_seed(seed, slot);
    host->log = log;
    host->log_user = log_user;
    host->services = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_mutex_init(&host->parsed_lock);
    host->parsed = g_hash_table_new_full(NULL, NULL, (GDestroyNotify)json_node_unref, NULL);
    host->abi = (pbx_host){.struct_size = sizeof(pbx_host),
                           .abi_major = PEGBOX_ABI_MAJOR,
                           .abi_minor = PEGBOX_ABI_MINOR,
                           .ctx = host,
                           .name = "pegbox",
                           .version = PEGBOX_VERSION,
                           .service = abi_service,
                           .log = abi_log,
                           .now_ns = abi_now_ns,
                           .random = abi_random,
                           .cancelled = abi_cancelled};
    host_json_init(&host->abi);
    host_add_service(host, PBX_JSON_WRITE_ID, &host_json_write, NULL);
    host_add_service(host, PBX_EXPRESSION_ID, &host_expression, NULL);
    return host;
}

void
host_free(PbxHost *host)
{
    if (host == NULL)
        return;
    g_clear_pointer(&host->evaluated, json_node_unref);
    g_hash_table_unref(host->parsed);
    g_mutex_clear(&host->parsed_lock);
    g_hash_table_unref(host->services);
    g_free(host->slot);
    g_free(host);
}

const pbx_host *
host_abi(PbxHost *host)
{
    return &host->abi;
}

const char *
host_slot(const PbxHost *host)
{
    return host->slot;
}

void
host_add_service(PbxHost *host, const char *id, gconstpointer table, gpointer user)
{
    HostService *service = g_new0(HostService, 1);
    service->table = table;
    service->user = user;
    g_hash_table_replace(host->services, g_strdup(id), service);
}

gpointer
host_service_user(const pbx_host *abi, const char *id)
{
    const HostService *service = g_hash_table_lookup(host_from_abi(abi)->services, id);
    return service != NULL ? service->user : NULL;
}

void
host_set_cancelled(PbxHost *host, gboolean cancelled)
{
    g_atomic_int_set(&host->cancelled, cancelled);
}

void
host_ask_cancelled(PbxHost *host, gboolean (*func)(gpointer user), gpointer user)
{
    host->ask_cancelled = func;
    host->ask_user = user;
}

void
host_log(PbxHost *host, int level, const char *format, ...)
{
    if (host->log == NULL)
        return;
    va_list args;
    va_start(args, format);
    g_autofree char *raw = g_strdup_vprintf(format, args);
    va_end(args);
    g_autofree char *message = g_utf8_make_valid(raw, -1);
    g_strdelimit(message, "\r\n", ' '); /* one line, whatever a plugin sends */
    host->log(host->slot, CLAMP(level, PBX_LOG_DEBUG, PBX_LOG_ERROR), message, host->log_user);
}
