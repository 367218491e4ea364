/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A child process with deciders is told who lives there. */
#include "decider/process-private.h"
#include "json/json.h"

static GByteArray *
setup_frame(const PbxProcess *process, const PbxPlaced *members)
{
    GByteArray *frame = frame_begin(FRAME_SETUP);
    const PbxPlugin *plugin = members[0].plugin;
    g_autoptr(JsonNode) explicit = options_explicit(members[0].options);
    g_autofree char *options = json_to_text(explicit);
    pack_text(frame, PEGBOX_VERSION);
    pack_text(frame, process->placement.base_dir);
    pack_text(frame, plugin->path);
    pack_text(frame, plugin->desc->kind);
    pack_text(frame, plugin->desc->name);
    pack_text(frame, options);
    pack_32(frame, process->n);
    for (guint i = 0; i < process->n; i++) {
        pack_text(frame, members[i].slot);
        pack_64(frame, members[i].seed);
        pack_struct(frame, &struct_problem, members[i].problem, NULL);
    }
    frame_end(frame);
    return frame;
}

/* Whether all could be made, and what each can do. */
static gboolean
take_made(PbxProcess *process, PbxItem *item, PbxUnpack *in)
{
    GError **error = item->user;
    arena_clear(process->answer);
    item->status = (pbx_status)unpack_32(in);
    if (item->status != PBX_OK) {
        const char *text = unpack_text(in);
        g_set_error_literal(error, PBX_PLUGIN_ERROR,
                            item->status == PBX_EINVAL ? PLUGIN_ERROR_OPTIONS : PLUGIN_ERROR_BROKEN,
                            text != NULL ? text : "it cannot be made");
        return TRUE;
    }
    for (guint i = 0; i < process->n; i++)
        process->deciders[i]->caps = unpack_32(in);
    return TRUE;
}

static gboolean
make(PbxProcess *process, GError **error)
{
    GError *failed = NULL;
    PbxItem *item = g_new0(PbxItem, 1);
    item->frame = g_byte_array_ref(process->setup);
    item->name = "create";
    item->take = take_made;
    item->user = &failed;
    process_request(process, item);
    if (item->status == PBX_OK) {
        process->ready = TRUE;
    } else if (failed == NULL) {
        instance_set_error(&failed, PLUGIN_ERROR_BROKEN, process->members[0].plugin, item->status,
                           &item->error);
    }
    item_free(item);
    if (failed == NULL)
        return TRUE;
    g_propagate_error(error, failed);
    return FALSE;
}

gboolean
deciders_new_child(const PbxPlaced *members, guint n, const PbxPlacement *placement,
                   PbxDecider **deciders, GError **error)
{
    PbxProcess *process = g_new0(PbxProcess, 1);
    *process =
        (PbxProcess){.refs = 1,
                     .placement = *placement,
                     .n = n,
                     .n_dims = members[0].problem->space->n_dims,
                     .members = g_memdup2(members, n * sizeof *members),
                     .deciders = g_new0(PbxDecider *, n),
                     .blobs = g_new0(GBytes *, n),
                     .versions = g_new0(guint32, n),
                     .journal = g_ptr_array_new_with_free_func((GDestroyNotify)g_byte_array_unref),
                     .answer = arena_new(),
                     .heard = arena_new(),
                     .frames = {.fd = -1}};
    g_queue_init(&process->queue);
    process->placement.base_dir = g_strdup(placement->base_dir);
    for (guint i = 0; i < n; i++) {
        process->members[i].slot = g_strdup(members[i].slot);
        deciders[i] = process->deciders[i] =
            decider_in_child(process, i, members[i].plugin, members[i].slot, placement->warn_ns);
        /* As the shim in the child makes it. */
        deciders[i]->counted = i > 0 && g_str_equal(members[i].plugin->desc->kind, "search");
        const gboolean saves = decider_state_version(deciders[i]) != 0;
        process->saves = process->saves || saves;
        process->has_state = process->has_state || saves ||
                             (plugin_caps(members[i].plugin) & PBX_CAP_TOLD_AGAIN) != 0;
    }
    process->setup = setup_frame(process, members);
    const gboolean made = make(process, error);
    for (guint i = 0; i < n && !made; i++)
        g_clear_pointer(&deciders[i], decider_free);
    process_unref(process);
    return made;
}
