/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Expressions (Lua 5.4 in a sandbox) and the templates built on them: contract,
 * section 2. A sandbox and what was compiled in it belong to one thread.
 */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

#include "random/random.h"

typedef struct PbxSandbox PbxSandbox;
typedef struct PbxExpression PbxExpression;
typedef struct PbxTemplate PbxTemplate;

#define PBX_EXPRESSION_ERROR (expression_error_domain())
GQuark expression_error_domain(void);

enum {
    EXPRESSION_ERROR_SYNTAX, /* does not compile */
    EXPRESSION_ERROR_FAILED, /* raised an error, or gave what JSON cannot hold */
    EXPRESSION_ERROR_LIMIT,  /* instructions, memory */
};

PbxSandbox *sandbox_new(void);
void sandbox_free(PbxSandbox *sandbox);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PbxSandbox, sandbox_free)

/* One name that an expression sees. */
typedef struct {
    const char *name;
    JsonNode *value; /* NULL: nil */
} PbxBinding;

/* Whether expressions have that word: a function, a library or a word of Lua's. */
gboolean sandbox_knows(PbxSandbox *sandbox, const char *name);

/* The names that an expression reads, without members and Lua's words, in order; none where it
 * may have names of its own (`local`). (transfer full) */
char **expression_names(const char *text);

/* Compiles "config.lr * 2" (a `return` is implied) or a body with `return`. The
 * sandbox must outlive it. (transfer full) */
PbxExpression *expression_compile(PbxSandbox *sandbox, const char *text, GError **error);
void expression_free(PbxExpression *expression);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PbxExpression, expression_free)
const char *expression_text(const PbxExpression *expression);

/*
 * Evaluates. Objects and arrays are seen as read-only tables that index lazily
 * (arrays from 1, `#` works, pairs/ipairs too); an object's key that is missing is
 * nil. `random` (NULL: rand() and kin raise an error) is advanced. `missing` (NULL: not
 * wanted) is called for a key that `config` lacks, or an item of an array there that is
 * null, and may give the node (borrowed) or NULL: so $sample_from resolves what it
 * reads. `whole`: an object or array of `config` is taken as a whole, and nothing may be
 * missing below path ("": config itself); NULL: nothing is. (transfer full)
 */
typedef JsonNode *(*PbxResolve)(const char *path, gboolean whole, gpointer user, GError **error);
JsonNode *expression_eval(PbxExpression *expression, const PbxBinding *bindings, gsize n,
                          PbxRandom *random, PbxResolve missing, gpointer user, GError **error);
/* The same, to a truth value (nil and false are false) or a number. */
gboolean expression_eval_bool(PbxExpression *expression, const PbxBinding *bindings, gsize n,
                              gboolean *value, GError **error);
gboolean expression_eval_number(PbxExpression *expression, const PbxBinding *bindings, gsize n,
                                double *value, GError **error);

/* ---- Templates ---- */

/* What a template sees. All borrowed. */
typedef struct {
    JsonNode *config;       /* of the trial; NULL while only checking */
    JsonNode *trial;        /* object: id, number, name, tag, dir, attempt, experiment */
    GHashTable *parameters; /* set of known parameter names and dotted paths (char *), or NULL: a
                               name in it that config lacks is inactive, an empty text */
    const PbxBinding *more; /* what the place offers besides */
    gsize n_more;
} PbxTemplateContext;

typedef enum {
    TEMPLATE_PLAIN = 0,
    TEMPLATE_WORDS = 1, /* may be an {args} item, which gives any number of words */
} PbxTemplateFlags;

/*
 * Compiles a text with {EXPR}, {{ and {args...}. Checks what can be checked without
 * values: syntax, unknown args forms, {args} elsewhere than alone with
 * TEMPLATE_WORDS. (transfer full)
 */
PbxTemplate *template_compile(PbxSandbox *sandbox, const char *text, PbxTemplateFlags flags,
                              GError **error);
void template_free(PbxTemplate *compiled);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PbxTemplate, template_free)
/* Whether it is {args...}. */
gboolean template_is_args(const PbxTemplate *compiled);
/* Names of the sole-name items ("{lr}" -> "lr"), for a check against the space.
 * NULL-ended, borrowed. */
const char *const *template_names(const PbxTemplate *compiled);
/* One text; an error for {args}. (transfer full) */
char *template_expand(PbxTemplate *compiled, const PbxTemplateContext *context, GError **error);
/* Appends the word, or the words of {args}, to `words` (char *, owned). */
gboolean template_expand_words(PbxTemplate *compiled, const PbxTemplateContext *context,
                               GPtrArray *words, GError **error);
/* A value as templates write it: strings raw, all else compact JSON, negative numbers
 * without an exponent where that is short. (transfer full) */
char *template_value_text(JsonNode *value);
