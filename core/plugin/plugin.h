/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Plugins: where they are found, how they are checked and loaded, their options,
 * and what the host offers to an instance. No plugin is named here.
 */
#pragma once

#include <gio/gio.h>
#include <glib.h>
#include <json-glib/json-glib.h>
#include <pegbox/plugin.h>
#include <pegbox/services.h>

#include "clock/clock.h"
#include "places/places.h"
#include "random/random.h"
#include "space/space.h"
#include "json/json.h"

#define PBX_PLUGIN_ERROR (plugin_error_domain())
GQuark plugin_error_domain(void);

enum {
    PLUGIN_ERROR_NOT_FOUND, /* no such file: a misspelt name (exit 2) */
    PLUGIN_ERROR_BROKEN,    /* there, but unsafe, foreign, or it cannot be loaded (exit 3) */
    PLUGIN_ERROR_OPTIONS,   /* create or setup refuses: EINVAL, ENOTSUP of setup (exit 2) */
    PLUGIN_ERROR_PATH,      /* the search path itself is wrong (exit 2) */
};
/* The exit status that an error of this domain means: 3 for BROKEN, else 2. */
int plugin_error_status(const GError *error);

/* ---- Registry ---- */

/* A loaded plugin; stays loaded for the life of the process. */
typedef struct {
    const pbx_plugin *desc;
    char *path; /* of the file */
    guint32 abi_minor;
    const pbx_entry *entry; /* of the file, which may hold other plugins too */
} PbxPlugin;

typedef struct PbxRegistry PbxRegistry;

/* The search path is PEGBOX_PLUGIN_PATH, ~/.local/lib/pegbox/MAJOR, the built-in one; under
 * AT_SECURE the last alone. Error PATH for an empty or relative element. */
PbxRegistry *registry_new(GError **error);
void registry_free(PbxRegistry *registry);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PbxRegistry, registry_free)

/* Loads KIND/NAME in this process: the first match wins, a bad first match is an error.
 * NOT_FOUND's message has a "did you mean". (transfer none) */
const PbxPlugin *registry_load(PbxRegistry *registry, const char *kind, const char *name,
                               GError **error);
/* Loads from a file whatever its name (`inspect FILE.so`, workers). kind and name NULL: the
 * file's first plugin. (transfer none) */
const PbxPlugin *registry_load_file(PbxRegistry *registry, const char *path, const char *kind,
                                    const char *name, GError **error);
gboolean registry_has(PbxRegistry *registry, const char *kind, const char *name);
/* The file that registry_load would open; NOT_FOUND as there. (transfer full) */
char *registry_find(PbxRegistry *registry, const char *kind, const char *name, GError **error);
/* Takes the place of "pegbox: warning: MESSAGE" on standard error for what is odd about a
 * plugin but no reason to refuse it. */
void registry_on_warning(PbxRegistry *registry, void (*func)(const char *message, gpointer user),
                         gpointer user);
/* The vtable of an interface id, or NULL. */
gconstpointer plugin_interface(const PbxPlugin *plugin, const char *id);
/* Row i of the option table, by the plugin's own stride. */
const pbx_option *plugin_option(const pbx_plugin *desc, guint i);
gboolean plugin_has_option(const PbxPlugin *plugin, const char *name);
/* The interface id of a kind ("search" -> "search/1"); NULL: unknown kind. */
const char *plugin_kind_interface(const char *kind);
extern const char *const plugin_kinds[]; /* NULL-ended */

/* What `plugins` lists: one file found on the path, without loading it. */
typedef struct {
    char *kind, *name, *path;
    char *shadowed_by; /* path of the file that wins over it; NULL: this one is used */
} PbxPluginFile;
GPtrArray *registry_files(PbxRegistry *registry,
                          const char *kind); /* PbxPluginFile*, sorted; kind NULL: all */

/*
 * Probes a file in a child process with a time limit: its descriptor as JSON (kind,
 * name, version, summary, license, url, abi, path, state_version, caps, interfaces,
 * options, also: other KIND/NAME in the file), or error. kind and name as for
 * registry_load_file. (transfer full)
 */
JsonNode *registry_probe(PbxRegistry *registry, const char *path, const char *kind,
                         const char *name, GError **error);
/* The same for each file that is used (not shadowed), in order; plugin NULL: error. Both are the
 * callback's to read only. */
typedef void (*PbxProbedFunc)(const PbxPluginFile *file, JsonNode *plugin, const GError *error,
                              gpointer user);
void registry_probe_files(PbxRegistry *registry, const GPtrArray *files, PbxProbedFunc func,
                          gpointer user);
/* What the child of a probe does: loads FILE and writes what it found, or the error, as a line
 * of JSON on standard output. words: FILE, or FILE KIND NAME once or more. Does not return. */
G_NORETURN void registry_probe_child(int n_words, char **words);
/* The same of a loaded one. (transfer full) */
JsonNode *plugin_to_json(const PbxPlugin *plugin);

/* ---- Options ---- */

typedef struct PbxOptions PbxOptions;

/* `isolate` of a decider: whether it is wanted in a child process. */
typedef struct {
    gboolean wanted;
    double limit_s; /* what a call may take there; 0: as long as others */
} PbxIsolate;

/* A plugin that a PLUGIN option names. */
typedef struct {
    char *place;   /* behind the wrapper's slot: ".search", ".stoppers[1]", ".arms.left" */
    char *pointer; /* where it is named in the document, or the wrapper, if that is a default */
    const char *option;
    const char *key; /* in the option's map; NULL: it is none */
    guint index;     /* in its list or map */
    const PbxPlugin *plugin;
    PbxOptions *options;
    gboolean by_key;   /* its wrapper is meant by keys of its own object, */
    char **keys;       /* these; else NULL */
    gboolean has_seed; /* `seed`, of a search that has no such option */
    guint64 seed;
    PbxIsolate isolate; /* of a decider that has no such option */
} PbxOptionChild;

/* Keys beside a search's options that mean a search around it, which has options of these names,
 * and one that takes what it wraps. */
typedef struct {
    char **keys; /* NULL-ended */
    char *plugin, *option;
} PbxKeyWrapper;

/*
 * Where an object names no plugin, though one of `kind` is meant: a document with what the object
 * says in short at the same pointer. NULL: it says nothing; *told: and that was added to
 * `problems`. The document lives as long as the options.
 */
typedef PbxDoc *(*PbxInFull)(gpointer user, const char *kind, const PbxDoc *doc,
                             const char *pointer, JsonNode *value, gboolean *told);

/* What checking options needs beside the table. */
typedef struct {
    PbxRegistry *registry; /* for PLUGIN options */
    PbxInFull in_full;     /* the same; NULL: nothing is said in short */
    gpointer in_full_user;
    PbxSandbox *sandbox; /* for EXPRESSION, TEMPLATE and SPACE options; outlives them. NULL:
                            these are not compiled */
    const char *metric;  /* the run's, for OBJECTIVE (NULL: none) */
    const char *mode;
    const char *base_dir;      /* for PATH */
    const char *results_dir;   /* for PATH of an experiment: where names are looked for */
    const char *replaced;      /* the directory of one that is deleted before it could be read */
    gboolean is_new;           /* what a PATH of an experiment names has to be there */
    const GPtrArray *wrappers; /* PbxKeyWrapper*, the innermost first; NULL: keys mean none */
} PbxOptionContext;

/*
 * Checks the object at `pointer` of `doc` (without "plugin" and the keys in `also`,
 * NULL-ended, which are somebody else's) against the plugin's table: unknown keys with
 * "did you mean", types, ranges, choices; fills in defaults, compiles expressions,
 * templates, regexes, reads SPACE options. A string there, or nothing, stands for no
 * options. Checking what options_node() gave changes nothing. NULL where problems were
 * added. (transfer full)
 */
PbxOptions *options_check(const PbxPlugin *plugin, const PbxDoc *doc, const char *pointer,
                          const char *const *also, const PbxOptionContext *context,
                          PbxProblems *problems);
/* The same of a search, whose keys may mean wrappers around it: *plugin and the options are those
 * of the outermost then. A key that the plugin has as an option is the plugin's own, unless a
 * wrapper is meant by another one beside it. */
PbxOptions *options_check_search(const PbxPlugin **plugin, const PbxDoc *doc, const char *pointer,
                                 const char *const *also, const PbxOptionContext *context,
                                 PbxProblems *problems);
/* Reads `isolate`: false, true, or the seconds that a call may take. FALSE where it is wrong, which
 * was added to `problems`. */
gboolean isolate_read(PbxIsolate *isolate, const PbxDoc *doc, const char *pointer, JsonNode *node,
                      PbxProblems *problems);
/* As a file says it; where it is not wanted, nothing. */
void isolate_put(const PbxIsolate *isolate, JsonObject *object);
void options_free(PbxOptions *options);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PbxOptions, options_free)
JsonNode *options_node(const PbxOptions *options); /* complete, an object */
/* A copy fit to be stored or printed: SECRET values are "***"; of wrappers that keys mean as a file
 * says it, "plugin" included. (transfer full) */
JsonNode *options_public(const PbxOptions *options);
/* The same as options_node, where no wrapper is meant by keys: each takes what it wraps by its
 * option. (transfer full) */
JsonNode *options_explicit(const PbxOptions *options);
/* Names of the watched fields, in table order then list item or key; NULL-ended. FIELD
 * options that are unset give "". */
const char *const *options_watched(const PbxOptions *options);
/* Whether the plugin was given an objective of its own; sets both (either may be NULL). */
gboolean options_objective(const PbxOptions *options, const char **metric, const char **mode);
/* The compiled forms. NULL: no such option, or unset. */
PbxExpression *options_expression(const PbxOptions *options, const char *name);
PbxSpace *options_space(const PbxOptions *options, const char *name);
/* One of a TEMPLATE option: plain (index 0, key NULL), list item, map member. */
PbxTemplate *options_template(const PbxOptions *options, const char *name, guint index,
                              const char *key);
guint options_template_count(const PbxOptions *options, const char *name);
/* The plugins of all PLUGIN options, in table order; of PbxOptionChild*. */
const GPtrArray *options_children(const PbxOptions *options);
/* JSON Schema of a plugin's options (an object schema), also from a probe's JSON. Wrapped plugins
 * are references to "#/$defs/KIND". */
JsonNode *options_schema(JsonNode *plugin_json);

/* ---- Hosts ---- */

/* What an instance is given as its pbx_host. */
typedef struct PbxHost PbxHost;

/* Where log lines go. Any thread. */
typedef void (*PbxLogFunc)(const char *slot, int level, const char *message, gpointer user);

/* slot: "search", "search.search", "stop[0]", "loggers[1]". clock NULL: the real one. */
PbxHost *host_new(const char *slot, PbxOptions *options /* borrowed */, guint64 seed,
                  PbxClock *clock, PbxLogFunc log, gpointer log_user);
void host_free(PbxHost *host);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PbxHost, host_free)
const pbx_host *host_abi(PbxHost *host);
const char *host_slot(const PbxHost *host);
/* The PbxHost behind what a service was called with. */
PbxHost *host_from_abi(const pbx_host *abi);
/* Adds a service to this host only: `table` stays valid; `user` is found again by
 * host_service_user(). json-write/1 and expression/1 are there from the start. */
void host_add_service(PbxHost *host, const char *id, gconstpointer table, gpointer user);
gpointer host_service_user(const pbx_host *abi, const char *id);
void host_set_cancelled(PbxHost *host, gboolean cancelled); /* any thread */
/* The same, found out when the plugin asks; any thread. */
void host_ask_cancelled(PbxHost *host, gboolean (*func)(gpointer user), gpointer user);
/* The one line in the log under this slot's name. */
void host_log(PbxHost *host, int level, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* A JsonNode as plugins see it, and back; no copy. */
const pbx_json *host_json(JsonNode *node);
JsonNode *host_json_node(const pbx_json *json);

/* A text that becomes a node when somebody looks at it; of one thread. The text is borrowed. */
typedef struct {
    const char *text;
    gsize length;
    JsonNode *node; /* NULL: not yet */
} PbxLazyJson;
/* As plugins see it; valid as long as `lazy` stays where it is. */
const pbx_json *host_json_lazy(PbxLazyJson *lazy);
/* NULL: the text is no JSON. (transfer none) */
JsonNode *lazy_json_node(PbxLazyJson *lazy);
void lazy_json_clear(PbxLazyJson *lazy);

/* An instance: plugin, host and object together. The plugin's create is called with the
 * floating-point environment guarded. Error OPTIONS for EINVAL, else BROKEN. */
typedef struct {
    const PbxPlugin *plugin;
    PbxHost *host;
    const pbx_object *object;
    gconstpointer vtable;
    pbx_instance *self;
} PbxInstance;
PbxInstance *instance_new(const PbxPlugin *plugin, const char *slot, PbxOptions *options,
                          guint64 seed, PbxClock *clock, PbxLogFunc log, gpointer log_user,
                          void (*prepare)(PbxHost *host, gpointer user), gpointer prepare_user,
                          GError **error);
/* The same; `told` is what create said of its error. */
PbxInstance *instance_try(const PbxPlugin *plugin, const char *slot, PbxOptions *options,
                          guint64 seed, PbxClock *clock, PbxLogFunc log, gpointer log_user,
                          void (*prepare)(PbxHost *host, gpointer user), gpointer prepare_user,
                          pbx_error *told, GError **error);
void instance_free(PbxInstance *instance); /* destroy, then the host */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PbxInstance, instance_free)
/* What this instance can do: the vtable's capabilities, or the fewer that it says. */
guint32 instance_caps(const PbxInstance *instance);
/* The vtable's capabilities of a plugin, without an instance; 0 for an unknown kind. */
guint32 plugin_caps(const PbxPlugin *plugin);
/* Fills in an error of the ABI, cut to its size. */
void plugin_set_abi_error(pbx_error *abi_error, const char *where, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
/* A status and pbx_error as a GError: "search/tpe: where: message". */
void instance_set_error(GError **error, int code, const PbxPlugin *plugin, pbx_status status,
                        const pbx_error *abi_error);
const char *plugin_status_name(pbx_status status);

/* ---- Children: what a wrapper is given as children/1 ---- */

/* How somebody who makes instances answers for a child; `child` is what children_add was given. */
typedef struct {
    pbx_problem *(*problem)(gpointer child);
    /* NULL: not what the wrapper was given. */
    pbx_result *(*result)(gpointer child, const pbx_result *result);
    pbx_outcome *(*outcome)(gpointer child, const pbx_outcome *outcome);
    pbx_suggestion *(*suggestion)(gpointer child, pbx_suggestion *suggestion);
    /* NULL with the error set. */
    pbx_outcome *(*told)(gpointer child, guint64 trial, pbx_error *error);
} PbxChildFuncs;

/* The children of one wrapper. */
typedef struct PbxChildren PbxChildren;
PbxChildren *children_new(const PbxChildFuncs *funcs);
void children_free(PbxChildren *children);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PbxChildren, children_free)
/* One more in that slot, called by `vtable` with `self`. `from` and `slot` outlive it. */
void children_add(PbxChildren *children, const PbxOptionChild *from, const char *slot, guint32 caps,
                  gconstpointer vtable, pbx_instance *self, gpointer child);
/* Gives the service to a host: the `prepare` of instance_new. `children` may be NULL. */
void children_offer(PbxHost *host, gpointer children);
