/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `checkpoint`, `restore` and `reuse_workers`: when trials are saved, and what they begin from. */
#include <string.h>

#include <pegbox/scheduler.h>
#include <pegbox/trainable.h>

#include "spec/spec-private.h"

#define ZSTD_DEFAULT 3
#define ZSTD_MAX     19

static const char *const checkpoint_names[] = {"frequency",       "at_end",      "keep",
                                               "score_attribute", "compression", "path",
                                               "max_total_bytes", NULL};

/* ---- The trainable's part ---- */

static guint32
trainable_caps(const PbxSpec *spec)
{
    const pbx_trainable *vtable = spec->trainable != NULL
                                      ? plugin_interface(spec->trainable->plugin, PBX_TRAINABLE_ID)
                                      : NULL;
    return vtable != NULL ? vtable->caps : 0;
}

PbxCanSave
spec_can_save(const PbxSpec *spec)
{
    const guint32 caps = trainable_caps(spec);
    if (spec->trainable == NULL)
        return CAN_SAVE_NEVER;
    if ((caps & PBX_TRAINABLE_CHECKPOINTS) != 0 || spec->checkpoint.path != NULL)
        return CAN_SAVE_ALWAYS;
    return (caps & PBX_TRAINABLE_PROGRAM) != 0 ? CAN_SAVE_PERHAPS : CAN_SAVE_NEVER;
}

/* A trainable that cannot save, where the file wants it to. */
static void
refuse_trainable(PbxCheck *check, const char *pointer, const char *what)
{
    const PbxSpec *spec = check->spec;
    if (spec->trainable == NULL || spec_can_save(spec) != CAN_SAVE_NEVER)
        return;
    problems_add(check->problems, spec->doc, pointer,
                 "the trainable '%s' cannot save its state, which %s needs",
                 spec->trainable->plugin->desc->name, what);
}

/* ---- checkpoint ---- */

static gboolean
check_type(PbxCheck *check, const char *pointer, JsonNode *node, guint type)
{
    if (node_is(node, type))
        return TRUE;
    wrong_type(check, check->spec->doc, pointer, type, node);
    return FALSE;
}

static void
check_count(PbxCheck *check, const char *pointer, JsonNode *node, gint64 low, guint64 *count)
{
    if (!check_type(check, pointer, node, KEY_INT))
        return;
    gint64 number = json_node_get_int(node);
    if (number >= low && number <= G_MAXINT32)
        *count = (guint64)number;
    else
        problems_add(check->problems, check->spec->doc, pointer,
                     "needs an integer from %" G_GINT64_FORMAT " to %d, got %" G_GINT64_FORMAT, low,
                     G_MAXINT32, number);
}

/* Without a prefix the experiment's own metric is ranked as its mode says, all else by the larger
 * value. */
static void
check_score(PbxCheck *check, const char *pointer, JsonNode *node)
{
    PbxSpec *spec = check->spec;
    PbxCheckpointing *checkpoint = &spec->checkpoint;
    if (!check_type(check, pointer, node, KEY_STRING))
        return;
    const char *text = json_node_get_string(node);
    const gboolean min = g_str_has_prefix(text, "min-"), max = g_str_has_prefix(text, "max-");
    const char *name = min || max ? text + strlen("min-") : text;
    if (name[0] == '\0') {
        problems_add(check->problems, spec->doc, pointer,
                     "needs a result field, with 'min-' before it where smaller is better");
        return;
    }
    g_free(checkpoint->score_attribute);
    checkpoint->score_attribute = g_strdup(name);
    checkpoint->score_sign = min ? -1 : 1;
    const int *sign = spec_metric_sign(spec, name);
    if (!min && !max && sign != NULL)
        checkpoint->score_sign = -*sign;
}

static void
check_compression(PbxCheck *check, const char *pointer, JsonNode *node)
{
    PbxCheckpointing *checkpoint = &check->spec->checkpoint;
    guint64 level = ZSTD_DEFAULT;
    const char *text = node_is(node, KEY_STRING) ? json_node_get_string(node) : "";
    if (g_str_equal(text, "none")) {
        checkpoint->zstd_level = 0;
    } else if (g_str_equal(text, "zstd") ||
               (g_str_has_prefix(text, "zstd:") &&
                g_ascii_string_to_unsigned(text + strlen("zstd:"), 10, 1, ZSTD_MAX, &level,
                                           NULL))) {
        checkpoint->zstd_level = (int)level;
    } else {
        g_autofree char *got = node_shown(node);
        problems_add(check->problems, check->spec->doc, pointer,
                     "needs \"none\", \"zstd\" or \"zstd:LEVEL\" with a level from 1 to %d, got %s",
                     ZSTD_MAX, got);
    }
}

/* Whether a relative path stays below where it starts, as far as its text tells. */
static gboolean
stays_below(const char *path)
{
    g_auto(GStrv) parts = g_strsplit(path, "/", -1);
    return !g_path_is_absolute(path) && !g_strv_contains((const char *const *)parts, "..");
}

static void
check_path(PbxCheck *check, const char *pointer, JsonNode *node)
{
    PbxSpec *spec = check->spec;
    if (!check_type(check, pointer, node, KEY_STRING))
        return;
    const char *text = json_node_get_string(node);
    if (text[0] == '\0' || !stays_below(text)) {
        problems_add(check->problems, spec->doc, pointer,
                     "needs a path below the trial's directory, got \"%s\"", text);
        return;
    }
    if (spec->trainable != NULL && (trainable_caps(spec) & PBX_TRAINABLE_PROGRAM) == 0) {
        problems_add(check->problems, spec->doc, pointer,
                     "is for programs that know nothing of pegbox: the trainable '%s' runs none",
                     spec->trainable->plugin->desc->name);
        return;
    }
    spec->checkpoint.path = template_at(check, pointer, text, NULL);
}

static void
check_member(PbxCheck *check, const char *name, JsonNode *node)
{
    PbxCheckpointing *checkpoint = &check->spec->checkpoint;
    g_autofree char *pointer = json_pointer_member("/checkpoint", name);
    if (g_str_equal(name, "frequency")) {
        check_count(check, pointer, node, 0, &checkpoint->frequency);
    } else if (g_str_equal(name, "at_end")) {
        if (check_type(check, pointer, node, KEY_BOOL))
            checkpoint->at_end = json_node_get_boolean(node);
    } else if (g_str_equal(name, "keep")) {
        if (!JSON_NODE_HOLDS_NULL(node))
            check_count(check, pointer, node, 1, &checkpoint->keep);
    } else if (g_str_equal(name, "score_attribute")) {
        check_score(check, pointer, node);
    } else if (g_str_equal(name, "compression")) {
        check_compression(check, pointer, node);
    } else if (g_str_equal(name, "path")) {
        check_path(check, pointer, node);
    } else if (g_str_equal(name, "max_total_bytes")) {
        bytes_check(check, pointer, node, &checkpoint->max_total_bytes);
    } else {
        g_autofree char *meant = meant_text(name, checkpoint_names);
        problems_add(check->problems, check->spec->doc, pointer, "there is no such key%s", meant);
    }
}

static void
check_checkpoint(PbxCheck *check)
{
    JsonNode *node = key_node(check, "checkpoint");
    const PbxCheckpointing *checkpoint = &check->spec->checkpoint;
    if (node == NULL)
        return;
    JsonObject *object = json_node_get_object(node);
    g_autoptr(GList) names = json_object_get_members(object);
    for (GList *item = names; item != NULL; item = item->next)
        check_member(check, item->data, json_object_get_member(object, item->data));
    if (checkpoint->frequency > 0)
        refuse_trainable(check, "/checkpoint/frequency", "'checkpoint.frequency'");
    if (checkpoint->at_end)
        refuse_trainable(check, "/checkpoint/at_end", "'checkpoint.at_end'");
}

/* ---- restore ---- */

/* EXP:TRIAL or EXP:TRIAL@STEP; a name of an experiment may have a ':' too. */
static gboolean
split_trial(const PbxSpec *spec, const char *text, PbxRestore *restore)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL || colon == text || colon[1] == '\0' || colon[1] == '@')
        return FALSE;
    g_autofree char *exp = g_strndup(text, (gsize)(colon - text));
    const char *at = strrchr(colon, '@');
    restore->step = -1;
    if (at != NULL) {
        guint64 step = 0;
        if (!g_ascii_string_to_unsigned(at + 1, 10, 0, G_MAXINT64, &step, NULL))
            return FALSE;
        restore->step = (gint64)step;
    }
    restore->trial =
        at != NULL ? g_strndup(colon + 1, (gsize)(at - colon - 1)) : g_strdup(colon + 1);
    restore->path = strchr(exp, '/') != NULL || exp[0] == '~'
                        ? path_resolve(exp, spec->base_dir)
                        : g_build_filename(spec->results_dir, exp, NULL);
    return TRUE;
}

/* A directory is packed whole. */
static void
refuse_experiment(PbxCheck *check, const char *text, const char *path)
{
    g_autofree char *store = g_build_filename(path, "experiment.db", NULL);
    if (g_file_test(store, G_FILE_TEST_EXISTS))
        problems_add(check->problems, check->spec->doc, "/restore",
                     "%s is an experiment: which trial of it? %s:TRIAL", text, text);
}

static void
refuse_replaced(const PbxCheck *check, const char *path)
{
    const char *dir = check->replaced;
    const gsize length = dir != NULL ? strlen(dir) : 0;
    if (dir != NULL && strncmp(path, dir, length) == 0 &&
        (path[length] == '\0' || path[length] == '/'))
        problems_add(check->problems, check->spec->doc, "/restore",
                     "it is in %s, which --replace deletes: another --name keeps it", dir);
}

static void
check_restore(PbxCheck *check)
{
    PbxSpec *spec = check->spec;
    PbxRestore *restore = &spec->restore;
    JsonNode *node = key_node(check, "restore");
    if (node == NULL || spec->results_dir == NULL)
        return;
    const char *text = json_node_get_string(node);
    g_autofree char *path = path_resolve(text, spec->base_dir);
    if (text[0] != '\0' && g_file_test(path, G_FILE_TEST_IS_DIR)) {
        refuse_experiment(check, text, path);
        restore->kind = RESTORE_DIRECTORY;
        restore->path = g_steal_pointer(&path);
    } else if (text[0] != '\0' && g_file_test(path, G_FILE_TEST_EXISTS)) {
        restore->kind = RESTORE_ARCHIVE;
        restore->path = g_steal_pointer(&path);
    } else if (split_trial(spec, text, restore)) {
        restore->kind = RESTORE_TRIAL;
    } else if (g_path_is_absolute(text)) {
        /* What an experiment has taken may be gone when it goes on. */
        restore->kind = RESTORE_ARCHIVE;
        restore->path = g_steal_pointer(&path);
    } else {
        problems_add(check->problems, spec->doc, "/restore",
                     "there is no archive or directory '%s', and it is no EXP:TRIAL or "
                     "EXP:TRIAL@STEP",
                     text);
        return;
    }
    refuse_replaced(check, restore->path);
    refuse_trainable(check, "/restore", "'restore'");
}

char *
restore_text(const PbxRestore *restore)
{
    if (restore->kind != RESTORE_TRIAL)
        return g_strdup(restore->path);
    if (restore->step < 0)
        return g_strdup_printf("%s:%s", restore->path, restore->trial);
    return g_strdup_printf("%s:%s@%" G_GINT64_FORMAT, restore->path, restore->trial, restore->step);
}

void
restore_clear(PbxRestore *restore)
{
    g_clear_pointer(&restore->path, g_free);
    g_clear_pointer(&restore->trial, g_free);
}

/* ---- reuse_workers, and schedulers that pause ---- */

static void
check_reuse(PbxCheck *check)
{
    PbxSpec *spec = check->spec;
    gboolean wanted = FALSE;
    if (!key_bool(check, "reuse_workers", &wanted))
        return;
    spec->reuse_workers = wanted ? REUSE_ALWAYS : REUSE_NEVER;
    const guint32 reusable = PBX_TRAINABLE_RESETS | PBX_TRAINABLE_MANY_RUNS;
    if (wanted && spec->trainable != NULL && (trainable_caps(spec) & reusable) == 0)
        problems_add(check->problems, spec->doc, "/reuse_workers",
                     "the trainable '%s' serves one trial a process: it has no 'reset'",
                     spec->trainable->plugin->desc->name);
}

void
pauses_check(const PbxSpec *spec, guint32 caps, PbxProblems *problems)
{
    if ((caps & PBX_CAP_PAUSES) == 0 || spec->trainable == NULL ||
        spec_can_save(spec) != CAN_SAVE_NEVER)
        return;
    problems_add(problems, spec->doc, spec->scheduler->pointer,
                 "the scheduler '%s' pauses trials, but the trainable '%s' cannot save its state",
                 spec->scheduler->plugin->desc->name, spec->trainable->plugin->desc->name);
}

void
checkpoint_check(PbxCheck *check)
{
    check->spec->checkpoint.score_attribute = g_strdup("training_iteration");
    check->spec->checkpoint.score_sign = 1;
    check_checkpoint(check);
    check_restore(check);
    check_reuse(check);
}
