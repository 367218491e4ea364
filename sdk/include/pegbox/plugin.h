/* SPDX-License-Identifier: MIT */
/*
 * pegbox/plugin.h: what every plugin exports and what the host gives to it.
 *
 * A plugin is a shared object KIND/NAME.so in a plugin directory. It exports
 * one symbol, the constant `pegbox_plugin_v0`, and links to nothing of pegbox.
 * ABI major 0 is not frozen: a plugin loads only where its minor is the host's.
 */
#ifndef PEGBOX_PLUGIN_H
#define PEGBOX_PLUGIN_H

#include <pegbox/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PEGBOX_ABI_MAJOR 0u
#define PEGBOX_ABI_MINOR 3u
#define PEGBOX_MAGIC     0x50427831u /* "PBx1" */

#if defined(__GNUC__)
#define PEGBOX_EXPORT __attribute__((visibility("default")))
#else
#define PEGBOX_EXPORT
#endif

/* Types of an option. A host that meets a type that it does not know passes the
 * JSON unchecked, with a warning. */
enum {
    PBX_OPTION_BOOL = 0,
    PBX_OPTION_INT = 1,
    PBX_OPTION_REAL = 2,
    PBX_OPTION_STRING = 3,
    PBX_OPTION_ENUM = 4,        /* one of `choices` */
    PBX_OPTION_PLUGIN = 5,      /* a plugin of a kind in `choices` */
    PBX_OPTION_JSON = 6,        /* any JSON value */
    PBX_OPTION_FIELD = 7,       /* the name of a result field: watched, and strictly checked */
    PBX_OPTION_FIELD_MAP = 8,   /* an object of field name to number: watched */
    PBX_OPTION_SPACE = 9,       /* a search space: its x through space/1 */
    PBX_OPTION_EXPRESSION = 10, /* Lua, compiled by the host: expression/1 */
    PBX_OPTION_TEMPLATE = 11,   /* a text with {EXPR}, expanded by the host: template/1 */
    PBX_OPTION_REGEX = 12,      /* a regular expression (PCRE syntax), compiled to check it */
    PBX_OPTION_PATH = 13        /* a file or an experiment: made absolute by the host, ~ expanded */
};

/* Flags of an option. */
enum {
    PBX_OPTION_REQUIRED = 1, /* a list of it is not empty */
    PBX_OPTION_LIST = 2,     /* an array of the type; one value stands for a list of one */
    PBX_OPTION_MAP = 4,      /* an object of name to the type */
    PBX_OPTION_SECRET = 8,   /* never printed nor stored in clear */
    PBX_OPTION_DEPRECATED = 16,
    PBX_OPTION_MIN_OPEN = 32,  /* min itself is not allowed */
    PBX_OPTION_MAX_OPEN = 64,  /* max itself is not allowed */
    PBX_OPTION_OBJECTIVE = 128 /* on `metric` and `mode`: the run's or the plugin's, not both */
};

/*
 * One option, in a constant table. The host checks values and fills in defaults
 * before `create`, which tests only relations between options.
 */
typedef struct pbx_option {
    const char *name;  /* lower case, a-z 0-9 _; never reused */
    const char *doc;   /* one sentence */
    const char *since; /* the plugin's version that brought it */
    uint32_t type;     /* PBX_OPTION_* */
    uint32_t flags;
    double min, max;            /* INT, REAL (also of list items); +-INFINITY: unbounded */
    const char *fallback;       /* the default as JSON text; NULL: none, the key is then absent */
    const char *const *choices; /* ENUM: values; PLUGIN: kinds; PATH: "experiment", or NULL */
} pbx_option;

/* Levels of log. */
enum { PBX_LOG_DEBUG = 0, PBX_LOG_INFO = 1, PBX_LOG_WARNING = 2, PBX_LOG_ERROR = 3 };

/*
 * What the host offers to every instance. Valid until `destroy` returns. Every
 * function may be called from any thread of the plugin.
 */
typedef struct pbx_host pbx_host;
struct pbx_host {
    uint32_t struct_size;
    uint32_t abi_major, abi_minor;
    uint32_t reserved;
    void *ctx;           /* the host's own */
    const char *name;    /* "pegbox" */
    const char *version; /* the release's */
    /* A service of services.h by its id; NULL: not offered here. */
    const void *(*service)(const pbx_host *, const char *id);
    /* One line (no newline) to the run's log, under the instance's name. */
    void (*log)(const pbx_host *, int32_t level, const char *message);
    /* The experiment's clock, monotonic; virtual under `pegbox simulate`. */
    int64_t (*now_ns)(const pbx_host *);
    /*
     * n words at `offset` of `stream`, a pure function of (experiment seed,
     * slot, stream, offset): Philox4x64-10 (Salmon et al., SC 2011). Word i of
     * a stream is word i % 4 of block i / 4; the block's counter is
     * {i / 4, stream, 0, 0}, the key the first 16 bytes of SHA-256(seed as u64
     * little-endian, slot name). Streams by convention: a search uses its ask
     * number in suggest and 2^63 + trial elsewhere; a scheduler the trial's
     * number, with the iteration << 16 as its offset, and 2^63 + the count of
     * effective chooses in choose.
     */
    void (*random)(const pbx_host *, uint64_t stream, uint64_t offset, uint64_t *out, size_t n);
    /* Nonzero once the host wants the current call to give up (PBX_ECANCELLED). */
    int32_t (*cancelled)(const pbx_host *);
    /* Reading JSON. A NULL or unfitting node gives NULL, 0 or the fallback. */
    int32_t (*json_type)(const pbx_json *);
    const pbx_json *(*json_member)(const pbx_json *, const char *key);
    const pbx_json *(*json_item)(const pbx_json *, size_t i); /* array or object, in order */
    size_t (*json_length)(const pbx_json *);
    const char *(*json_key)(const pbx_json *, size_t i); /* object: the i-th key */
    int32_t (*json_bool)(const pbx_json *, int32_t fallback);
    double (*json_real)(const pbx_json *, double fallback); /* "NaN" and infinities too */
    int64_t (*json_int)(const pbx_json *, int64_t fallback);
    const char *(*json_string)(const pbx_json *, const char *fallback);
};

/* An interface of a plugin: "search/1" and its pbx_search. Frozen. */
typedef struct pbx_interface {
    const char *id;
    const void *vtable;
} pbx_interface;

/* Describes a plugin; constant data, read without any call. */
typedef struct pbx_plugin {
    uint32_t struct_size;
    uint32_t flags;       /* 0 */
    uint32_t option_size; /* sizeof(pbx_option): the stride of `options` */
    uint32_t n_options;
    const char *kind;    /* "search", "scheduler", ... */
    const char *name;    /* lower case, a-z 0-9 -: the file's name */
    const char *version; /* the plugin's own */
    const char *summary; /* one line */
    const char *license; /* an SPDX expression */
    const char *url;     /* NULL: none */
    const pbx_option *options;
    const pbx_interface *interfaces; /* ends with id == NULL */
} pbx_plugin;

/* Flags of a build that must be the host's too. */
enum { PBX_BUILD_ASAN = 1, PBX_BUILD_TSAN = 2 };

/* The export. The host checks it before it calls anything. */
typedef struct pbx_entry {
    uint32_t magic; /* PEGBOX_MAGIC */
    uint32_t struct_size;
    uint32_t abi_major, abi_minor;
    uint32_t build_flags; /* PBX_BUILD_* */
    uint32_t n_plugins;
    const pbx_plugin *const *plugins;
} pbx_entry;

extern PEGBOX_EXPORT const pbx_entry pegbox_plugin_v0;

#if defined(__SANITIZE_ADDRESS__)
#define PEGBOX_BUILD_FLAGS ((uint32_t)PBX_BUILD_ASAN)
#elif defined(__SANITIZE_THREAD__)
#define PEGBOX_BUILD_FLAGS ((uint32_t)PBX_BUILD_TSAN)
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PEGBOX_BUILD_FLAGS ((uint32_t)PBX_BUILD_ASAN)
#elif __has_feature(thread_sanitizer)
#define PEGBOX_BUILD_FLAGS ((uint32_t)PBX_BUILD_TSAN)
#endif
#endif
#ifndef PEGBOX_BUILD_FLAGS
#define PEGBOX_BUILD_FLAGS 0u
#endif

/*
 * The part that every vtable has in common. Calls of one instance never
 * overlap. Order: create, setup (where the kind has one), load, calls, save
 * (between calls), destroy. Frozen: it is embedded.
 */
typedef struct pbx_object {
    /*
     * Makes an instance. `options` is complete and checked, and valid until
     * destroy. On error *instance is not touched and destroy is not called.
     * EINVAL: options that do not fit together (exit 2); ENOTSUP: a service that
     * is absent, named in the message.
     */
    pbx_status (*create)(const pbx_host *host, const pbx_json *options, pbx_instance **instance,
                         pbx_error *error);
    void (*destroy)(pbx_instance *instance); /* accepts NULL; joins the plugin's threads */
    uint32_t state_version;                  /* 0: stateless; save and load are NULL */
    uint32_t reserved;
    /* Writes the whole state. The same state gives the same bytes. */
    pbx_status (*save)(pbx_instance *instance, const pbx_sink *sink, pbx_error *error);
    /*
     * Takes what save wrote under `version`. ENOTSUP: that version is not read.
     * On error the host destroys the instance.
     */
    pbx_status (*load)(pbx_instance *instance, uint32_t version, const void *bytes, size_t n,
                       pbx_error *error);
    /* A few lines of UTF-8 for the status block. NULL: nothing to say. */
    pbx_status (*describe)(pbx_instance *instance, const pbx_sink *sink);
    /* Capabilities of this instance, a subset of the vtable's; NULL: those hold. */
    uint32_t (*caps)(const pbx_instance *instance);
    void (*spare_1)(void);
    void (*spare_2)(void);
} pbx_object;

/* Capabilities. Deciders (search, scheduler, stopper) share one numbering. */
enum {
    PBX_CAP_SLOW = 1u << 0,           /* runs in a child process: a call may take seconds */
    PBX_CAP_TRANSPARENT = 1u << 1,    /* a wrapper: the chain can what all its members can */
    PBX_CAP_TOLD_AGAIN = 1u << 2,     /* search: no blob, told the history after a resume */
    PBX_CAP_NEEDS_METRIC = 1u << 3,   /* refused where no metric is named */
    PBX_CAP_CATEGORY = 1u << 4,       /* search: takes CATEGORY dims */
    PBX_CAP_CONDITIONAL = 1u << 5,    /* search: takes dims with a parent */
    PBX_CAP_GRID = 1u << 6,           /* search: visits GRID dims completely */
    PBX_CAP_UNBOUNDED = 1u << 7,      /* search: takes NORMAL dims */
    PBX_CAP_QUANTUM = 1u << 8,        /* search: takes quantised dims */
    PBX_CAP_OBJECTIVES = 1u << 9,     /* takes more than one objective */
    PBX_CAP_CONSTRAINTS = 1u << 10,   /* takes constraints */
    PBX_CAP_LIMITS_ITSELF = 1u << 11, /* search: obeys problem.max_concurrent itself */
    PBX_CAP_OWNS_SAMPLES = 1u << 12,  /* search: counts num_samples itself, says total and DONE */
    PBX_CAP_EACH_RESULT = 1u << 13,   /* scheduler: no run-ahead, one result at a time */
    PBX_CAP_PAUSES = 1u << 14,        /* scheduler: pauses trials */
    PBX_CAP_EXPLOITS = 1u << 15,      /* scheduler: clones trials */
    PBX_CAP_RESIZES = 1u << 16,       /* scheduler: changes resources */
    PBX_CAP_RENUMBERS = 1u << 17      /* search: a wrapper that gives trials numbers of its own */
};

#ifdef __cplusplus
}
#endif
#endif
