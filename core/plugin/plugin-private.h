/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of this folder share. */
#pragma once

#include "plugin/plugin.h"

/* A kind of plugin that this pegbox knows. */
typedef struct {
    const char *name;
    const char *interface;
    gsize vtable_size;
    /* The function that a vtable must have and lacks, or NULL. */
    const char *(*lacks)(gconstpointer vtable);
    const char *const *cap_names; /* by bit; NULL-ended */
} PluginKind;

/* NULL: unknown. */
const PluginKind *plugin_kind(const char *name);
/* a-z 0-9 -, so that no name leads out of its directory. */
gboolean plugin_name_is_valid(const char *name);

/* Where messages of a load go. */
typedef struct {
    void (*func)(const char *message, gpointer user);
    gpointer user;
} PluginWarn;
void plugin_warn(const PluginWarn *warn, const char *format, ...) G_GNUC_PRINTF(2, 3);
void registry_warn(PbxRegistry *registry, const char *message);

/* Whether others could have put this file there; `dir` is the element of the search path that
 * it was found by (NULL: none). In the built-in directory any owner will do. */
gboolean safety_check(const char *path, const char *dir, gboolean builtin, GError **error);

/* Whether a file is a shared object for this machine, before it is loaded. */
gboolean elf_check(const char *path, GError **error);
/* Loads a file and checks its entry; never unloaded. */
const pbx_entry *loader_open(const char *path, const PluginWarn *warn, GError **error);
/* The descriptor of KIND/NAME (NULL: the first) in an entry, checked whole. */
const pbx_plugin *descriptor_find(const pbx_entry *entry, const char *kind, const char *name,
                                  const char *path, const PluginWarn *warn, GError **error);

/* How long a probe may take; 0: the usual time. For tests. */
void probe_set_limit(gint64 us);

/* The floating-point environment, kept from what foreign code does to it. */
typedef struct FloatGuard FloatGuard;
FloatGuard *float_guard_new(void);
/* Puts it back. TRUE: it had been changed. */
gboolean float_guard_restore(FloatGuard *guard);

/* ---- Options ---- */

/* A value that was compiled: of a plain option (key NULL), a list item, a map member. */
typedef struct {
    char *key;
    PbxExpression *expression;
    PbxTemplate *template;
    PbxSpace *space;
    PbxOptionChild *child;
} OptionPart;

struct PbxOptions {
    const PbxPlugin *plugin;
    JsonNode *node;
    GPtrArray *watched;  /* char*, NULL-ended once complete */
    GHashTable *parts;   /* option name -> GPtrArray of OptionPart* */
    GPtrArray *children; /* PbxOptionChild*, borrowed from the parts */
    GPtrArray *docs;     /* of defaults: spaces may hold on to them */
    char *metric, *mode; /* an objective of its own */
};

/* One check of one option. */
typedef struct {
    const pbx_option *option;
    const PbxDoc *doc;
    const PbxOptionContext *context;
    PbxProblems *problems;
    GPtrArray *parts; /* where compiled forms go; NULL: nowhere */
    gboolean is_default;
} OptionCheck;

/* What a wrapper that keys mean takes of an object, and what it wraps. */
typedef struct {
    const PbxKeyWrapper *by;
    const PbxPlugin *plugin;
    PbxOptions *options; /* is taken where the check is good */
} OptionWrap;
/* options_check, or with wrap (else NULL) that of a wrapper. */
PbxOptions *option_check_all(const PbxPlugin *plugin, const PbxDoc *doc, const char *pointer,
                             const char *const *also, const OptionWrap *wrap,
                             const PbxOptionContext *context, PbxProblems *problems);
/* The options as a file says them: one object where wrappers are meant by keys. (transfer full) */
JsonNode *option_flat(const PbxOptions *options);
/* What it wraps by keys of the same object, or NULL. */
const PbxOptionChild *option_wrapped_by_key(const PbxOptions *options);
/* A value with its list or map: its normal form, or NULL where problems were added.
 * (transfer full) */
JsonNode *option_check_value(const OptionCheck *check, const char *pointer, JsonNode *value);
/* The same for one value of a PLUGIN option, with the options that it holds. */
JsonNode *option_check_plugin(const OptionCheck *check, const char *pointer, JsonNode *value);
/* The node at a JSON pointer, or NULL. */
JsonNode *option_node_at(JsonNode *root, const char *pointer);
void option_child_free(PbxOptionChild *child);
/* The default of an option, parsed. NULL with problem: it is no JSON. (transfer full) */
JsonNode *option_fallback(const pbx_option *option, GError **error);
/* "boolean", "integer", ... as JSON and messages call the type; NULL: unknown. */
const char *option_type_name(guint32 type);
/* "an integer in [1, 1000]". (transfer full) */
char *option_needs(const pbx_option *option);
