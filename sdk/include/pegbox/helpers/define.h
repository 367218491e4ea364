/* SPDX-License-Identifier: MIT */
/*
 * pegbox/helpers/define.h: the vtable, the descriptor and the entry of a plugin in
 * one macro, rows of the option table, and reading options.
 */
#ifndef PEGBOX_HELPERS_DEFINE_H
#define PEGBOX_HELPERS_DEFINE_H

#include <pegbox/helpers/memory.h>
#include <pegbox/helpers/state.h>
#include <pegbox/logger.h>
#include <pegbox/scheduler.h>
#include <pegbox/search.h>
#include <pegbox/services.h>
#include <pegbox/stopper.h>
#include <pegbox/trainable.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Options ---- */

/* Any row: type, flags, name, doc, since, min, max, default as JSON text, choices. */
#define PBX_OPT(TYPE, FLAGS, NAME, DOC, SINCE, MIN, MAX, FALLBACK, CHOICES)                        \
    {                                                                                              \
        NAME, DOC, SINCE, (uint32_t)(TYPE), (uint32_t)(FLAGS), MIN, MAX, FALLBACK, CHOICES         \
    }
/* A row without bounds, of any type and flags. FALLBACK NULL: no default. */
#define PBX_OPT_ANY(TYPE, FLAGS, NAME, DOC, SINCE, FALLBACK)                                       \
    PBX_OPT(TYPE, FLAGS, NAME, DOC, SINCE, -INFINITY, INFINITY, FALLBACK, NULL)
#define PBX_OPT_BOOL(NAME, DOC, SINCE, FALLBACK)                                                   \
    PBX_OPT_ANY(PBX_OPTION_BOOL, 0, NAME, DOC, SINCE, FALLBACK)
#define PBX_OPT_INT(NAME, DOC, SINCE, MIN, MAX, FALLBACK)                                          \
    PBX_OPT(PBX_OPTION_INT, 0, NAME, DOC, SINCE, MIN, MAX, FALLBACK, NULL)
#define PBX_OPT_REAL(NAME, DOC, SINCE, MIN, MAX, FALLBACK)                                         \
    PBX_OPT(PBX_OPTION_REAL, 0, NAME, DOC, SINCE, MIN, MAX, FALLBACK, NULL)
/* A number above MIN, which itself is not allowed. */
#define PBX_OPT_REAL_ABOVE(NAME, DOC, SINCE, MIN, FALLBACK)                                        \
    PBX_OPT(PBX_OPTION_REAL, PBX_OPTION_MIN_OPEN, NAME, DOC, SINCE, MIN, INFINITY, FALLBACK, NULL)
#define PBX_OPT_STRING(NAME, DOC, SINCE, FALLBACK)                                                 \
    PBX_OPT_ANY(PBX_OPTION_STRING, 0, NAME, DOC, SINCE, FALLBACK)
/* CHOICES: an array of texts that ends with NULL. */
#define PBX_OPT_ENUM(NAME, DOC, SINCE, CHOICES, FALLBACK)                                          \
    PBX_OPT(PBX_OPTION_ENUM, 0, NAME, DOC, SINCE, -INFINITY, INFINITY, FALLBACK, CHOICES)
#define PBX_OPT_FIELD(NAME, DOC, SINCE, FALLBACK)                                                  \
    PBX_OPT_ANY(PBX_OPTION_FIELD, 0, NAME, DOC, SINCE, FALLBACK)
#define PBX_OPT_JSON(NAME, DOC, SINCE, FALLBACK)                                                   \
    PBX_OPT_ANY(PBX_OPTION_JSON, 0, NAME, DOC, SINCE, FALLBACK)

/* A plugin of a kind in KINDS (an array of texts that ends with NULL): of a wrapper. */
#define PBX_OPT_PLUGIN(FLAGS, NAME, DOC, SINCE, KINDS, FALLBACK)                                   \
    PBX_OPT(PBX_OPTION_PLUGIN, FLAGS, NAME, DOC, SINCE, -INFINITY, INFINITY, FALLBACK, KINDS)

/* The pair `metric`, `mode` of a plugin that may have an objective of its own. */
static const char *const pbx_modes[] = {"min", "max", NULL};
#define PBX_OPT_METRIC(SINCE)                                                                      \
    PBX_OPT_ANY(PBX_OPTION_FIELD, PBX_OPTION_OBJECTIVE, "metric",                                  \
                "the result field to judge by; default: the experiment's metric", SINCE, NULL)
#define PBX_OPT_MODE(SINCE)                                                                        \
    PBX_OPT(PBX_OPTION_ENUM, PBX_OPTION_OBJECTIVE, "mode",                                         \
            "whether a smaller (min) or a larger (max) metric is better; default: the "            \
            "experiment's",                                                                        \
            SINCE, -INFINITY, INFINITY, NULL, pbx_modes)

/* In place of a table. */
#define PEGBOX_NO_OPTIONS ((const void *)0)

/* The value of an option; the host has filled in the table's defaults. One that is
 * absent (no default) is NaN, 0, NULL or false. */
static inline double
pbx_real(const pbx_host *host, const pbx_json *options, const char *name)
{
    return host->json_real(host->json_member(options, name), (double)NAN);
}

static inline int64_t
pbx_integer(const pbx_host *host, const pbx_json *options, const char *name)
{
    return host->json_int(host->json_member(options, name), 0);
}

static inline const char *
pbx_string(const pbx_host *host, const pbx_json *options, const char *name)
{
    return host->json_string(host->json_member(options, name), NULL);
}

static inline int
pbx_boolean(const pbx_host *host, const pbx_json *options, const char *name)
{
    return host->json_bool(host->json_member(options, name), 0) != 0;
}

/* ---- Services ---- */

/* A service that the plugin cannot do without, into *service. For use in init:
 * `if ((status = pbx_need(host, PBX_FILES_ID, &table, error)) != PBX_OK) return status;` */
static inline pbx_status
pbx_need(const pbx_host *host, const char *id, const void **service, pbx_error *error)
{
    *service = host->service(host, id);
    if (*service)
        return PBX_OK;
    return pbx_fail(error, PBX_ENOTSUP, NULL, "this host does not offer %s", id);
}

/* ---- Instances ---- */

/* Checks options' relations and fills in the zeroed instance; may be NULL. */
typedef pbx_status (*pbx_init_function)(pbx_instance *self, const pbx_host *host,
                                        const pbx_json *options, pbx_error *error);

/* pbx_object.destroy: `finish`, then all memory. */
static inline void
pbx_instance_free(pbx_instance *self)
{
    if (!self)
        return;
    if (pbx_base_of(self)->finish)
        pbx_base_of(self)->finish(self);
    while (pbx_base_of(self)->blocks)
        pbx_free(self, pbx_base_of(self)->blocks + 1);
    free(self);
}

/* pbx_object.create for a struct pbx_instance of `size` bytes. */
static inline pbx_status
pbx_instance_new(size_t size, const pbx_host *host, const pbx_json *options,
                 pbx_instance **instance, pbx_error *error, pbx_init_function init)
{
    pbx_instance *self = (pbx_instance *)calloc(1, size);
    pbx_status status;
    if (!self)
        return pbx_fail_memory(error);
    pbx_base_of(self)->host = host;
    pbx_base_of(self)->options = options;
    status = init ? init(self, host, options, error) : PBX_OK;
    if (status == PBX_OK)
        *instance = self;
    else
        pbx_instance_free(self);
    return status;
}

/* ---- The whole plugin ---- */

/* Descriptor and entry around a vtable of one's own. One a shared object. */
#define PEGBOX_ENTRY(KIND, ID, VTABLE, NAME, VERSION, SUMMARY, LICENSE, OPTIONS)                   \
    static const pbx_interface pegbox_interfaces[] = {{ID, VTABLE}, {NULL, NULL}};                 \
    static const pbx_plugin pegbox_descriptor = {(uint32_t)sizeof(pbx_plugin),                     \
                                                 0,                                                \
                                                 (uint32_t)sizeof(pbx_option),                     \
                                                 (uint32_t)(sizeof(OPTIONS) / sizeof(pbx_option)), \
                                                 KIND,                                             \
                                                 NAME,                                             \
                                                 VERSION,                                          \
                                                 SUMMARY,                                          \
                                                 LICENSE,                                          \
                                                 NULL,                                             \
                                                 (const pbx_option *)(OPTIONS),                    \
                                                 pegbox_interfaces};                               \
    static const pbx_plugin *const pegbox_descriptors[] = {&pegbox_descriptor};                    \
    const pbx_entry pegbox_plugin_v0 = {PEGBOX_MAGIC,       (uint32_t)sizeof(pbx_entry),           \
                                        PEGBOX_ABI_MAJOR,   PEGBOX_ABI_MINOR,                      \
                                        PEGBOX_BUILD_FLAGS, 1,                                     \
                                        pegbox_descriptors}

/* create, destroy, save and load for struct pbx_instance; `pegbox_object` is the rest
 * of a vtable's object. */
#define PEGBOX_INSTANCE(STATE_VERSION, INIT, STATE)                                                \
    static pbx_status pegbox_create(const pbx_host *host, const pbx_json *options_,                \
                                    pbx_instance **instance, pbx_error *error)                     \
    {                                                                                              \
        return pbx_instance_new(sizeof(struct pbx_instance), host, options_, instance, error,      \
                                INIT);                                                             \
    }                                                                                              \
    static inline pbx_status pegbox_save(pbx_instance *self, const pbx_sink *sink,                 \
                                         pbx_error *error)                                         \
    {                                                                                              \
        return pbx_state_save(self, STATE_VERSION, sink, error, STATE);                            \
    }                                                                                              \
    static inline pbx_status pegbox_load(pbx_instance *self, uint32_t version, const void *bytes,  \
                                         size_t n, pbx_error *error)                               \
    {                                                                                              \
        return pbx_state_load(self, version, STATE_VERSION, bytes, n, error, STATE);               \
    }
/* A vtable's object; describe and caps are set by `.object.describe = ...`. */
#ifdef __cplusplus
#define PEGBOX_OBJECT(STATE_VERSION)                                                               \
    {                                                                                              \
        pegbox_create, pbx_instance_free, STATE_VERSION, 0, (STATE_VERSION) ? pegbox_save : NULL,  \
            (STATE_VERSION) ? pegbox_load : NULL, NULL, NULL, NULL, NULL                           \
    }
#else
#define PEGBOX_OBJECT(STATE_VERSION)                                                               \
    {                                                                                              \
        .create = pegbox_create, .destroy = pbx_instance_free, .state_version = (STATE_VERSION),   \
        .save = (STATE_VERSION) ? pegbox_save : NULL, .load = (STATE_VERSION) ? pegbox_load : NULL \
    }
#endif

/*
 * A whole plugin: name (the file's), its version, a line on it, SPDX licence, the
 * option table or PEGBOX_NO_OPTIONS, PBX_CAP_*, version of its state (0: none), init
 * and state function (each may be NULL), then the members of the vtable that it has,
 * `.suggest = suggest, .tell = tell` in C; in C++ from setup on, in order.
 */
#define PEGBOX_SEARCH(NAME, VERSION, SUMMARY, LICENSE, OPTIONS, CAPS, STATE_VERSION, INIT, STATE,  \
                      ...)                                                                         \
    PEGBOX_INSTANCE(STATE_VERSION, INIT, STATE)                                                    \
    static const pbx_search pegbox_vtable = {(uint32_t)sizeof(pbx_search), (uint32_t)(CAPS),       \
                                             PEGBOX_OBJECT(STATE_VERSION), __VA_ARGS__};           \
    PEGBOX_ENTRY("search", PBX_SEARCH_ID, &pegbox_vtable, NAME, VERSION, SUMMARY, LICENSE, OPTIONS)

#define PEGBOX_SCHEDULER(NAME, VERSION, SUMMARY, LICENSE, OPTIONS, CAPS, STATE_VERSION, INIT,      \
                         STATE, ...)                                                               \
    PEGBOX_INSTANCE(STATE_VERSION, INIT, STATE)                                                    \
    static const pbx_scheduler pegbox_vtable = {(uint32_t)sizeof(pbx_scheduler), (uint32_t)(CAPS), \
                                                PEGBOX_OBJECT(STATE_VERSION), __VA_ARGS__};        \
    PEGBOX_ENTRY("scheduler", PBX_SCHEDULER_ID, &pegbox_vtable, NAME, VERSION, SUMMARY, LICENSE,   \
                 OPTIONS)

#define PEGBOX_STOPPER(NAME, VERSION, SUMMARY, LICENSE, OPTIONS, CAPS, STATE_VERSION, INIT, STATE, \
                       ...)                                                                        \
    PEGBOX_INSTANCE(STATE_VERSION, INIT, STATE)                                                    \
    static const pbx_stopper pegbox_vtable = {(uint32_t)sizeof(pbx_stopper), (uint32_t)(CAPS),     \
                                              PEGBOX_OBJECT(STATE_VERSION), __VA_ARGS__};          \
    PEGBOX_ENTRY("stopper", PBX_STOPPER_ID, &pegbox_vtable, NAME, VERSION, SUMMARY, LICENSE,       \
                 OPTIONS)

/* WANTED: PBX_WANTS(...) | ... in place of capabilities. */
#define PEGBOX_LOGGER(NAME, VERSION, SUMMARY, LICENSE, OPTIONS, WANTED, STATE_VERSION, INIT,       \
                      STATE, ...)                                                                  \
    PEGBOX_INSTANCE(STATE_VERSION, INIT, STATE)                                                    \
    static const pbx_logger pegbox_vtable = {(uint32_t)sizeof(pbx_logger), 0,                      \
                                             PEGBOX_OBJECT(STATE_VERSION), WANTED, __VA_ARGS__};   \
    PEGBOX_ENTRY("logger", PBX_LOGGER_ID, &pegbox_vtable, NAME, VERSION, SUMMARY, LICENSE, OPTIONS)

/* CAPS: PBX_TRAINABLE_*; it has no state: checkpoints are checkpoint_save's. */
#define PEGBOX_TRAINABLE(NAME, VERSION, SUMMARY, LICENSE, OPTIONS, CAPS, INIT, ...)                \
    PEGBOX_INSTANCE(0, INIT, NULL)                                                                 \
    static const pbx_trainable pegbox_vtable = {(uint32_t)sizeof(pbx_trainable), (uint32_t)(CAPS), \
                                                PEGBOX_OBJECT(0), __VA_ARGS__};                    \
    PEGBOX_ENTRY("trainable", PBX_TRAINABLE_ID, &pegbox_vtable, NAME, VERSION, SUMMARY, LICENSE,   \
                 OPTIONS)

#ifdef __cplusplus
}
#endif
#endif
