/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox checkpoint verify EXP: each archive that an experiment keeps, against its sum in the
 * store. */
#include "commands/checkpoint-private.h"
#include "commands/look-private.h"
#include "experiment/experiment.h"

typedef struct {
    PbxLook *look;
    GPtrArray *checkpoints; /* PbxCheckpointRow* that are not deleted */
    JsonArray *told;        /* NULL: for people */
    gboolean of_trial;      /* those of one trial alone */
    guint good, bad;
} Verifier;

static gboolean
gather(const PbxCheckpointRow *row, gpointer user)
{
    Verifier *verifier = user;
    if (row->state != CHECKPOINT_DELETED)
        g_ptr_array_add(verifier->checkpoints, checkpoint_row_copy(row));
    return TRUE;
}

static char *
archive_of(Verifier *verifier, const PbxCheckpointRow *row, GError **error)
{
    if (g_path_is_absolute(row->name))
        return g_strdup(row->name);
    g_autoptr(PbxTrialRow) trial = store_trial(verifier->look->store, row->trial, error);
    if (trial != NULL)
        return g_build_filename(verifier->look->dir, trial->dir, row->name, NULL);
    if (error != NULL && *error == NULL)
        g_set_error(error, PBX_CHECKPOINT_ERROR, CHECKPOINT_ERROR_DAMAGED,
                    "checkpoint %" G_GUINT64_FORMAT " is of a trial that is not in the store",
                    row->id);
    return NULL;
}

/* A driver may delete it while it is read. */
static gboolean
was_deleted(Verifier *verifier, const PbxCheckpointRow *row)
{
    g_autoptr(PbxCheckpointRow) now = store_checkpoint(verifier->look->store, row->id, NULL);
    return now != NULL && now->state == CHECKPOINT_DELETED;
}

/* Of `restore` of the file there is no row. */
static void
tell(Verifier *verifier, const PbxCheckpointRow *row, const PbxArchiveFacts *facts,
     const char *archive, const GError *error)
{
    if (verifier->told == NULL) {
        if (error != NULL && row != NULL)
            command_error("trial %" G_GUINT64_FORMAT ": %s", row->trial, error->message);
        else if (error != NULL)
            command_error("restore: %s", error->message);
        return;
    }
    JsonObject *object = checkpoint_facts(archive != NULL ? archive : row->name, facts);
    if (row != NULL) {
        json_object_set_int_member(object, "trial", (gint64)row->trial);
        json_object_set_int_member(object, "checkpoint", (gint64)row->id);
    } else {
        json_object_set_null_member(object, "trial");
        json_object_set_null_member(object, "checkpoint");
    }
    json_object_set_boolean_member(object, "good", error == NULL);
    look_set_text(object, "error", error != NULL ? error->message : NULL);
    json_array_add_object_element(verifier->told, object);
}

/* FALSE: interrupted. */
static gboolean
verify_one(Verifier *verifier, const PbxCheckpointRow *row)
{
    g_autoptr(GError) error = NULL;
    PbxArchiveFacts facts = {.bytes = row->bytes};
    g_strlcpy(facts.sha256, row->sha256, sizeof facts.sha256);
    g_autofree char *archive = archive_of(verifier, row, &error);
    if (archive != NULL && checkpoint_verify(archive, row->sha256, &facts, &error))
        verifier->good++;
    else if (g_error_matches(error, PBX_CHECKPOINT_ERROR, CHECKPOINT_ERROR_INTERRUPTED))
        return FALSE;
    else if (was_deleted(verifier, row))
        return TRUE;
    else
        verifier->bad++;
    tell(verifier, row, &facts, archive, error);
    return TRUE;
}

/* What the trials of the experiment began from. FALSE: interrupted. */
static gboolean
verify_restored(Verifier *verifier)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *sum = NULL;
    PbxArchiveFacts facts = {.bytes = 0};
    g_autofree char *archive =
        experiment_restored(verifier->look->store, verifier->look->dir, &sum, &error);
    if (archive == NULL && error == NULL)
        return TRUE;
    g_strlcpy(facts.sha256, sum != NULL ? sum : "", sizeof facts.sha256);
    if (archive != NULL && checkpoint_verify(archive, sum, &facts, &error))
        verifier->good++;
    else if (g_error_matches(error, PBX_CHECKPOINT_ERROR, CHECKPOINT_ERROR_INTERRUPTED))
        return FALSE;
    else
        verifier->bad++;
    tell(verifier, NULL, &facts, archive != NULL ? archive : "restore", error);
    return TRUE;
}

/* FALSE: interrupted. */
static gboolean
verify_each(Verifier *verifier)
{
    for (guint i = 0; i < verifier->checkpoints->len; i++)
        if (!verify_one(verifier, verifier->checkpoints->pdata[i]))
            return FALSE;
    return verifier->of_trial || verify_restored(verifier);
}

static int
verify_all(Verifier *verifier)
{
    if (!verify_each(verifier)) {
        command_error("interrupted");
        return EXIT_INTERRUPTED;
    }
    if (verifier->told != NULL) {
        g_autoptr(JsonNode) node = json_node_init_array(json_node_alloc(), verifier->told);
        command_say_json(node);
    } else if (verifier->good + verifier->bad == 0) {
        command_say("no checkpoints in %s", verifier->look->name);
    } else {
        command_say("%u of %u checkpoint%s whole", verifier->good, verifier->good + verifier->bad,
                    verifier->good + verifier->bad == 1 ? " is" : "s are");
    }
    return verifier->bad > 0 ? EXIT_TRIAL_FAILED : EXIT_DONE;
}

int
checkpoint_verify_experiment(const char *exp, const char *trial, gboolean json)
{
    g_auto(PbxLook) look = {0};
    int status = EXIT_USAGE;
    if (!look_open(&look, exp, &status))
        return status;
    g_autoptr(PbxTrialRow) only = trial != NULL ? look_trial(&look, trial, &status) : NULL;
    if (trial != NULL && only == NULL)
        return status;
    g_autoptr(GPtrArray) checkpoints =
        g_ptr_array_new_with_free_func((GDestroyNotify)checkpoint_row_free);
    g_autoptr(JsonArray) told = json ? json_array_new() : NULL;
    Verifier verifier = {
        .look = &look, .checkpoints = checkpoints, .told = told, .of_trial = only != NULL};
    g_autoptr(GError) error = NULL;
    if (!store_each_checkpoint(look.store, only != NULL ? only->number : G_MAXUINT64, gather,
                               &verifier, &error))
        return look_failed(error);
    return verify_all(&verifier);
}
