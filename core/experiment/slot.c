/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A decider in its slot: made, set up, its state stored. */
#include "experiment/runner-private.h"

/* A blob beyond this is stored only as often as its cost allows (architecture). */
#define LARGE_BLOB (64 * 1024)

PbxSlot *
slot_new(PbxRunner *runner, const PbxPluginUse *use, PbxCallId setup, GError **error)
{
    guint64 seed = setup == CALL_SEARCH_SETUP ? runner->spec->search_seed : runner->spec->seed;
    PbxInstance *instance = instance_new(use->plugin, use->slot, use->options, seed, runner->clock,
                                         runner_log, runner, NULL, NULL, error);
    if (instance == NULL)
        return NULL;
    PbxSlot *slot = g_new0(PbxSlot, 1);
    slot->decider = decider_new(instance, runner->warn_ns);
    slot->use = use;
    slot->problem = spec_problem_new(runner->spec, use);
    slot->watched = options_watched(use->options);
    slot->n_watched = slot->watched != NULL ? g_strv_length((char **)slot->watched) : 0;
    slot->watched_values = g_new0(double, slot->n_watched + 1);
    slot->present = g_new0(guint8, slot->n_watched + 1);
    slot->losses = g_new0(double, slot->problem->n_objectives + 1);
    PbxCall call = {.id = setup, .problem = slot->problem};
    decider_call(slot->decider, &call, NULL, NULL);
    if (call.status < 0) {
        decider_set_error(slot->decider, &call, error);
        slot_free(slot);
        return NULL;
    }
    if (decider_caps(slot->decider) & PBX_CAP_SLOW)
        host_log(instance->host, PBX_LOG_WARNING,
                 "declares itself slow, and runs in the driver in this version of pegbox");
    return slot;
}

void
slot_free(PbxSlot *slot)
{
    if (slot == NULL)
        return;
    decider_free(slot->decider);
    spec_problem_free(slot->problem);
    g_free(slot->watched_values);
    g_free(slot->present);
    g_free(slot->losses);
    g_free(slot);
}

gboolean
slot_save(PbxRunner *runner, PbxSlot *slot, GError **error)
{
    if (!decider_is_dirty(slot->decider))
        return TRUE;
    gint64 now = clock_now(runner->clock);
    /* A large one: not yet again, but before it is left. */
    if (slot->saved_ns > now && !runner->finished && !runner->outside)
        return TRUE;
    g_autoptr(GByteArray) blob = g_byte_array_new();
    if (!decider_save(slot->decider, blob, error))
        return FALSE;
    const PbxInstance *instance = decider_instance(slot->decider);
    const pbx_plugin *plugin = instance->plugin->desc;
    if (blob->len > LARGE_BLOB)
        slot->saved_ns = now + (gint64)(runner_env("PEGBOX_GLOBAL_CHECKPOINT_S", 10) * NS_PER_S);
    const PbxBlobFacts facts = {
        .plugin = (char *)plugin->name,
        .version = (char *)plugin->version,
        .state_version = decider_state_version(slot->decider),
        .at_seq = runner->seq,
    };
    return store_put_blob(runner->store, decider_slot(slot->decider), &facts, blob->data, blob->len,
                          error);
}

gboolean
slot_load(PbxRunner *runner, PbxSlot *slot, gboolean killed, gboolean *again, GError **error)
{
    const guint32 known = decider_state_version(slot->decider);
    const guint32 caps = decider_caps(slot->decider);
    *again = (caps & PBX_CAP_TOLD_AGAIN) != 0;
    if (known == 0)
        return !*again;
    g_auto(PbxBlobFacts) facts = {0};
    g_autoptr(GError) failed = NULL;
    g_autoptr(GBytes) blob =
        store_blob(runner->store, decider_slot(slot->decider), &facts, &failed);
    if (failed != NULL) {
        g_propagate_error(error, g_steal_pointer(&failed));
        return FALSE;
    }
    if (blob == NULL)
        return TRUE; /* nothing has changed it yet */
    if (killed && g_bytes_get_size(blob) > LARGE_BLOB) {
        *again = TRUE;
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_BROKEN,
                    "the driver was killed, and the state of %s that it had stored may be older "
                    "than its trials",
                    decider_slot(slot->decider));
        return FALSE;
    }
    return decider_load(slot->decider, facts.state_version, blob, again, error);
}
