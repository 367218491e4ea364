/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of this folder share: the check under way, its keys and helpers. */
#pragma once

#include "spec/spec.h"

/* ---- Which plugins stand where the file names none (defaults.json) ---- */

/* A plugin and the option of it that takes what the file says in short. */
typedef struct {
    char *plugin, *option;
} PbxShortForm;

typedef struct {
    char *search, *scheduler, *executor, *command;
    char **loggers;
    PbxShortForm thresholds, when, timeout;
    GPtrArray *wrappers; /* PbxKeyWrapper* */
    PbxDoc *own;         /* the user's file, or NULL */
    char **may_be_none;  /* loggers that the installation names: those of them that there are */
} PbxDefaults;

/* $datadir/pegbox/defaults.json under the user's own. NULL with problems. */
PbxDefaults *defaults_load(PbxProblems *problems);
/* Tells what the user's own file names and nothing has, at its place there. */
void defaults_check_own(const PbxDefaults *defaults, PbxRegistry *registry, PbxProblems *problems);
void defaults_free(PbxDefaults *defaults);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PbxDefaults, defaults_free)

/* ---- One check of one document ---- */

typedef struct {
    PbxSpec *spec; /* filled in; its doc is the document */
    PbxRegistry *registry;
    PbxProblems *problems;
    PbxDefaults *defaults;
    GHashTable *wrong; /* names of top-level keys that are told already */
    gboolean ask;      /* a trainable may be missing */
    gboolean is_new;   /* what it begins with has to be there */
    char *replaced;    /* the directory that --replace deletes; NULL: none */
} PbxCheck;

/* How a document is checked. */
typedef struct {
    gboolean ask, is_new, replace;
} PbxCheckHow;

/* check.c */
PbxSpec *spec_check_how(PbxDoc *doc /* (transfer full) */, const char *base_dir,
                        const PbxCheckHow *how, PbxRegistry *registry, PbxProblems *problems);

/* An empty spec with Tune's defaults. */
PbxSpec *spec_alloc(void);

/* ---- keys.c: the top-level keys ---- */

enum {
    KEY_STRING = 1,
    KEY_BOOL = 2,
    KEY_INT = 4,
    KEY_NUMBER = 8, /* integers too */
    KEY_ARRAY = 16,
    KEY_OBJECT = 32,
};

typedef struct {
    const char *name;
    guint types;
    gboolean later;     /* a later version's: its type is checked, then it is refused */
    const char *doc;    /* one sentence */
    const char *schema; /* JSON text; NULL: schema.c makes it */
} PbxKey;
extern const PbxKey spec_keys[]; /* ends with name NULL */

/* Tells unknown keys, wrong types and keys of later versions. */
void keys_check(PbxCheck *check);
/* The value of a top-level key; NULL: absent, or wrong and told. */
JsonNode *key_node(const PbxCheck *check, const char *name);
/* The integer or number of a key within [low, high]; FALSE: absent, or told. */
gboolean key_int(PbxCheck *check, const char *name, gint64 low, gint64 high, gint64 *value);
gboolean key_bool(PbxCheck *check, const char *name, gboolean *value);
/* Whether the type of a node is among KEY_* bits; "a string or an object" for them. */
gboolean node_is(JsonNode *node, guint types);
char *types_text(guint types);
/* "a string", "null": what a node is, for messages. */
const char *node_kind(JsonNode *node);
/* A value as a message shows it. (transfer full) */
char *node_shown(JsonNode *node);
/* Tells that the value at pointer needs to be of `types`. */
void wrong_type(PbxCheck *check, const PbxDoc *doc, const char *pointer, guint types,
                JsonNode *node);
/* "; did you mean `lr`?" or "". (transfer full) */
char *meant_text(const char *name, const char *const *names);
#define NOT_YET "is not supported by this version of pegbox yet"

/* ---- plugins.c: plugins as the file uses them ---- */

/* A document that holds `value` (taken) at `pointer`, for what `where` says in short; its
 * problems have the place that `where` has there. Kept by the spec. */
PbxDoc *stand_in(PbxCheck *check, const PbxDoc *where, const char *pointer, JsonNode *value);
/* {"plugin": NAME}, to be filled. (transfer full) */
JsonObject *plugin_object(const char *name);
JsonNode *object_node(JsonObject *object /* (transfer full) */);
/* The plugin that the value at `pointer` names: a string or an object. NULL: told. */
PbxPluginUse *use_new(PbxCheck *check, const char *slot, const char *kind, const PbxDoc *doc,
                      const char *pointer, JsonNode *node);
/* Plugin NAME with the options at `pointer` of `doc`; none where there is no object. NULL:
 * told. */
PbxPluginUse *use_named(PbxCheck *check, const char *slot, const char *kind, const char *name,
                        const char *name_pointer, const PbxDoc *doc, const char *pointer);
void use_free(PbxPluginUse *use);
/* trainable, search, scheduler, executor, loggers. */
void plugins_check(PbxCheck *check);
/* trainable.c */
void trainable_check(PbxCheck *check);

/* ---- the other parts, a file each ---- */

void objective_check(PbxCheck *check);
void stop_check(PbxCheck *check);
/* A document that says in full, at the same pointer, which stopper an object without "plugin"
 * means. NULL: told. */
PbxDoc *stop_in_full(PbxCheck *check, const PbxDoc *doc, const char *pointer, JsonObject *object);
void resources_check(PbxCheck *check);
void limits_check(PbxCheck *check);
void data_check(PbxCheck *check);
void spec_data_free(gpointer data);
/* checkpoint, restore, reuse_workers: after the plugins and names. */
void checkpoint_check(PbxCheck *check);
void restore_clear(PbxRestore *restore);
/* Tells a scheduler with `caps` that pauses what cannot be saved. */
void pauses_check(const PbxSpec *spec, guint32 caps, PbxProblems *problems);
void constraints_check(PbxCheck *check);
/* An expression that sees `offered` (NULL-ended), the first of them the result: compiled, and its
 * names checked. NULL: told, at `pointer`. (transfer full) */
PbxExpression *expression_at(PbxCheck *check, const PbxDoc *doc, const char *pointer,
                             JsonNode *node, const char *const *offered);
/* A number of bytes, or a text like "2GiB". FALSE: neither, a problem at `pointer`. */
gboolean bytes_check(PbxCheck *check, const char *pointer, JsonNode *node, guint64 *bytes);
void reporter_check(PbxCheck *check);
void names_check_experiment(PbxCheck *check); /* its name and where it is: before the plugins */
void names_check(PbxCheck *check);
/* Tells a search or scheduler, with all that it wraps, that takes one objective where there are
 * several; caps: what it can. */
void objectives_check(const PbxSpec *spec, const PbxPluginUse *use, guint32 caps,
                      PbxProblems *problems);
/* Tells each dim that the search, or what it wraps, cannot take; caps: what it can, 0: as its
 * plugin says. */
void capabilities_check(const PbxSpec *spec, guint32 caps, PbxRegistry *registry,
                        PbxProblems *problems);

/* Compiles a template and checks the names in it; `hidden`: names of trial.* that do not
 * exist yet where it is expanded, NULL-ended. NULL: told. */
PbxTemplate *template_at(PbxCheck *check, const char *pointer, const char *text,
                         const char *const *hidden);
/* Checks the names in all TEMPLATE options of a trainable, as the object at `pointer` gives
 * them: also where some of the options are wrong. */
void templates_check_options(PbxCheck *check, const pbx_plugin *desc, const char *pointer,
                             JsonObject *given);
/* A text as a template that gives it: braces doubled. (transfer full) */
char *template_quote(const char *text);
/* `path` with ~ expanded, absolute from `base`. (transfer full) */
char *path_resolve(const char *path, const char *base);

/* A template for a directory, absolute from `base` where it begins with text; "": `base`.
 * (transfer full) */
char *cwd_absolute(const char *text, const char *base);

/* The document of a file ("-": standard input), as it stands there. NULL with problems; a
 * duplicate key is a problem of a document that is returned. (transfer full) */
PbxDoc *document_read(const char *file, PbxProblems *problems);
/* The same, put over the files that it extends. (transfer full) */
PbxDoc *extends_read(const char *file, PbxProblems *problems);
/* Tells an `extends` that came too late to be followed: by --set. */
void extends_refuse(const PbxDoc *doc, PbxProblems *problems);
/* The document of the one-line form. NULL with problems. */
PbxDoc *one_line_document(char **words, PbxProblems *problems);
/* What experiment.json holds. (transfer full) */
JsonNode *resolved_new(const PbxSpec *spec);
