/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The check of a document: part after part, all problems in one go. */
#include <string.h>

#include "spec/spec-private.h"

/* ---- Numbers ---- */

static void
check_num_samples(PbxCheck *check)
{
    PbxSpec *spec = check->spec;
    gint64 number = 0;
    if (!key_int(check, "num_samples", -1, G_MAXINT64, &number))
        return;
    if (number == 0)
        problems_add(check->problems, spec->doc, "/num_samples",
                     "needs an integer >= 1, or -1: without end; got 0");
    else
        spec->num_samples = number;
}

static void
check_seed(PbxCheck *check)
{
    PbxSpec *spec = check->spec;
    gint64 number = 0;
    spec->has_seed = key_int(check, "seed", 0, G_MAXINT64, &number);
    if (spec->has_seed)
        spec->seed = (guint64)number;
    else
        spec->seed = ((guint64)g_random_int() << 31) ^ g_random_int();
}

static void
check_numbers(PbxCheck *check)
{
    PbxSpec *spec = check->spec;
    gint64 number = 0;
    gboolean fail_fast = FALSE;
    check_num_samples(check);
    check_seed(check);
    if (key_int(check, "max_concurrent_trials", 0, G_MAXINT32, &number))
        spec->max_concurrent_trials = (guint)number;
    if (key_int(check, "max_failures", -1, G_MAXINT64, &number))
        spec->max_failures = number;
    if (key_bool(check, "fail_fast", &fail_fast))
        spec->fail_fast = fail_fast ? FAIL_FAST_ALWAYS : FAIL_FAST_NEVER;
}

/* Whether a key has the second of its two words; the first is its default. */
static gboolean
second_word(PbxCheck *check, const char *key, const char *first, const char *second)
{
    const char *const names[] = {first, second, NULL};
    JsonNode *node = key_node(check, key);
    const char *text = node != NULL ? json_node_get_string(node) : first;
    if (g_strv_contains(names, text))
        return g_str_equal(text, second);
    g_autofree char *pointer = json_pointer_member("", key);
    g_autofree char *meant = meant_text(text, names);
    problems_add(check->problems, check->spec->doc, pointer, "needs \"%s\" or \"%s\", got \"%s\"%s",
                 first, second, text, meant);
    return FALSE;
}

static void
check_words(PbxCheck *check)
{
    check->spec->durability_full = second_word(check, "durability", "normal", "full");
    check->spec->skip_duplicates = second_word(check, "duplicates", "allow", "skip");
}

/* ---- The space ---- */

static void
check_space(PbxCheck *check)
{
    PbxSpec *spec = check->spec;
    const PbxDoc *doc = spec->doc;
    if (g_hash_table_contains(check->wrong, "config"))
        return;
    if (key_node(check, "config") == NULL)
        doc = stand_in(check, doc, "/config", object_node(json_object_new()));
    spec->space = space_new(doc, "/config", spec->sandbox, check->problems);
}

/* ---- All of it ---- */

/* The one that is deleted first. */
static char *
replaced_by(const PbxSpec *spec)
{
    return spec->name != NULL && spec->results_dir != NULL
               ? g_build_filename(spec->results_dir, spec->name, NULL)
               : NULL;
}

static void
check_parts(PbxCheck *check)
{
    keys_check(check);
    objective_check(check);
    check_numbers(check);
    check_words(check);
    check_space(check);
    resources_check(check);
    limits_check(check);
    data_check(check);
    constraints_check(check);
    reporter_check(check);
    names_check_experiment(check);
    check->replaced = check->spec->replace ? replaced_by(check->spec) : NULL;
    plugins_check(check);
    stop_check(check);
    names_check(check);
    checkpoint_check(check);
    if (!check->spec->has_search_seed)
        check->spec->search_seed = check->spec->seed;
}

PbxSpec *
spec_check_how(PbxDoc *doc, const char *base_dir, const PbxCheckHow *how, PbxRegistry *registry,
               PbxProblems *problems)
{
    guint before = problems_count(problems);
    g_autoptr(PbxSpec) spec = spec_alloc();
    spec->doc = doc;
    spec->registry = registry;
    spec->replace = how->replace;
    spec->base_dir = g_canonicalize_filename(base_dir, NULL);
    if (!JSON_NODE_HOLDS_OBJECT(doc_root(doc))) {
        problems_add(problems, doc, "", "an experiment file is an object, this is %s",
                     node_kind(doc_root(doc)));
        return NULL;
    }
    g_autoptr(PbxDefaults) defaults = defaults_load(problems);
    if (defaults == NULL)
        return NULL;
    defaults_check_own(defaults, registry, problems);
    if (problems_count(problems) != before)
        return NULL;
    g_autoptr(GHashTable) wrong = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    PbxCheck check = {
        .spec = spec,
        .registry = registry,
        .problems = problems,
        .defaults = defaults,
        .wrong = wrong,
        .ask = how->ask,
        .is_new = how->is_new,
    };
    check_parts(&check);
    g_free(check.replaced);
    if (problems_count(problems) != before)
        return NULL;
    spec->resolved = resolved_new(spec);
    return g_steal_pointer(&spec);
}

PbxSpec *
spec_check(PbxDoc *doc, const char *base_dir, PbxRegistry *registry, PbxProblems *problems)
{
    const PbxCheckHow how = {.ask = FALSE};
    return spec_check_how(doc, base_dir, &how, registry, problems);
}

PbxSpec *
spec_check_asked(PbxDoc *doc, const char *base_dir, PbxRegistry *registry, PbxProblems *problems)
{
    const PbxCheckHow how = {.ask = TRUE};
    return spec_check_how(doc, base_dir, &how, registry, problems);
}
