/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox best --checkpoint: the best checkpoint that the best trial has kept, unpacked. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "checkpoint/checkpoint.h"
#include "commands/best-private.h"

/* What is looked for: of those that are kept, the one whose result was the best. */
typedef struct {
    PbxLook *look;
    const PbxQuestion *question;
    GPtrArray *kept; /* PbxCheckpointRow*, as they were saved */
    GArray *losses;  /* double: of each; NaN: none */
} Search;

static gboolean
collect(const PbxCheckpointRow *row, gpointer user)
{
    Search *search = user;
    const double none = (double)NAN;
    if (row->state == CHECKPOINT_KEPT) {
        g_ptr_array_add(search->kept, checkpoint_row_copy(row));
        g_array_append_val(search->losses, none);
    }
    return TRUE;
}

static double
loss_of(const Search *search, const PbxResultRow *result)
{
    double value = (double)NAN;
    if (search->question->metric == NULL)
        return value;
    g_autoptr(JsonNode) fields =
        json_read(result->fields, strlen(result->fields), DOC_MAX_NESTING, NULL);
    JsonNode *node = fields != NULL ? json_lookup(fields, search->question->metric) : NULL;
    const gboolean there = node != NULL
                               ? json_number(node, FALSE, &value)
                               : store_result_number(result, search->question->metric, &value);
    return there && isfinite(value) ? search->question->sign * value : (double)NAN;
}

static gboolean
note_loss(const PbxResultRow *result, gpointer user)
{
    Search *search = user;
    for (guint i = 0; i < search->kept->len; i++)
        if (((const PbxCheckpointRow *)search->kept->pdata[i])->n == result->n)
            g_array_index(search->losses, double, i) = loss_of(search, result);
    return TRUE;
}

/* Of equal ones the newest; where none has a value, that. */
static guint
best_of(const Search *search)
{
    guint best = 0;
    for (guint i = 1; i < search->kept->len; i++) {
        const double loss = g_array_index(search->losses, double, i);
        const double least = g_array_index(search->losses, double, best);
        if (isnan(least) || loss <= least)
            best = i;
    }
    return best;
}

static void
tell(const PbxLook *look, const PbxTrialRow *trial, const PbxCheckpointRow *row, const char *dir,
     gboolean json)
{
    if (!json) {
        g_autofree char *safe = terminal_safe(dir);
        printf("%s of trial %" G_GUINT64_FORMAT " (iteration %" G_GINT64_FORMAT ") is in %s\n",
               row->name, trial->number, row->iteration, safe);
        return;
    }
    g_autoptr(JsonObject) object = json_object_new();
    look_set_text(object, "experiment", look->name);
    json_object_set_int_member(object, "trial", (gint64)trial->number);
    look_set_text(object, "checkpoint", row->name);
    look_set_int(object, "step", row->step);
    look_set_int(object, "iteration", row->iteration);
    look_set_text(object, "sha256", row->sha256);
    look_set_text(object, "dir", dir);
    g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), object);
    g_autofree char *text = json_to_text(node);
    printf("%s\n", text);
}

static int
unpack(PbxLook *look, const PbxTrialRow *trial, const PbxCheckpointRow *row, const char *dir,
       gboolean json)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *archive = look_checkpoint_path(look, trial, row);
    g_autofree char *to = g_canonicalize_filename(dir, NULL);
    if (!checkpoint_unpack(archive, to, row->sha256, 0, &error)) {
        command_error("%s", error->message);
        if (g_error_matches(error, PBX_CHECKPOINT_ERROR, CHECKPOINT_ERROR_EXISTS))
            return EXIT_USAGE;
        if (g_error_matches(error, PBX_CHECKPOINT_ERROR, CHECKPOINT_ERROR_DAMAGED))
            command_hint("`pegbox trials --columns trial,checkpoints` shows the others, `pegbox "
                         "checkpoint unpack` takes any of them");
        return EXIT_BROKEN;
    }
    tell(look, trial, row, to, json);
    return EXIT_DONE;
}

static gboolean
note_kept(const PbxCheckpointRow *row, gpointer user)
{
    gboolean *kept = user;
    *kept = *kept || row->state == CHECKPOINT_KEPT;
    return !*kept;
}

gboolean
best_has_checkpoint(PbxLook *look, guint64 trial)
{
    gboolean kept = FALSE;
    g_autoptr(GError) ignored = NULL;
    return store_each_checkpoint(look->store, trial, note_kept, &kept, &ignored) && kept;
}

int
best_checkpoint(PbxLook *look, const PbxQuestion *question, const PbxTrialRow *trial,
                const char *dir, gboolean json)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) kept = g_ptr_array_new_with_free_func((GDestroyNotify)checkpoint_row_free);
    g_autoptr(GArray) losses = g_array_new(FALSE, FALSE, sizeof(double));
    Search search = {look, question, kept, losses};
    if (!store_each_checkpoint(look->store, trial->number, collect, &search, &error) ||
        !store_each_result(look->store, trial->number, note_loss, &search, &error))
        return look_failed(error);
    if (kept->len == 0) {
        command_error("trial %" G_GUINT64_FORMAT " of %s, the best one, has kept no checkpoint",
                      trial->number, look->name);
        return EXIT_TRIAL_FAILED;
    }
    return unpack(look, trial, kept->pdata[best_of(&search)], dir, json);
}
