/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A search space as a whole: made from a document, shared, and asked about. */
#include "space/space.h"

#include <string.h>

#include "space/space-private.h"

GQuark
space_error_domain(void)
{
    return g_quark_from_static_string("pbx-space-error");
}

static void
dim_free(SpaceDim *dim)
{
    g_free(dim->name);
    g_clear_pointer(&dim->choices, json_node_unref);
    g_strfreev(dim->labels);
    g_free(dim->leaves);
    g_free(dim);
}

/* The node at an RFC 6901 pointer, or NULL. */
static JsonNode *
node_at(JsonNode *root, const char *pointer)
{
    g_auto(GStrv) steps = g_strsplit(pointer, "/", -1);
    JsonNode *node = root;
    for (guint i = 1; node != NULL && steps[0] != NULL && steps[i] != NULL; i++) {
        GString *key = g_string_new(steps[i]);
        g_string_replace(key, "~1", "/", 0);
        g_string_replace(key, "~0", "~", 0);
        if (JSON_NODE_HOLDS_OBJECT(node)) {
            node = json_object_get_member(json_node_get_object(node), key->str);
        } else if (JSON_NODE_HOLDS_ARRAY(node)) {
            JsonArray *array = json_node_get_array(node);
            guint64 index;
            gboolean inside =
                g_ascii_string_to_unsigned(key->str, 10, 0, G_MAXUINT, &index, NULL) &&
                index < json_array_get_length(array);
            node = inside ? json_array_get_element(array, (guint)index) : NULL;
        } else {
            node = NULL;
        }
        g_string_free(key, TRUE);
    }
    return node;
}

static PbxSpace *
space_alloc(const char *pointer)
{
    PbxSpace *space = g_new0(PbxSpace, 1);
    space->place = json_pointer_display(pointer);
    space->dims = g_ptr_array_new_with_free_func((GDestroyNotify)dim_free);
    space->samples = g_ptr_array_new();
    return space;
}

static void
fill_abi(PbxSpace *space)
{
    space->abi_dims = g_new0(const pbx_dim *, space->dims->len + 1);
    for (guint i = 0; i < space->dims->len; i++)
        space->abi_dims[i] = &space_dim(space, i)->abi;
    space->abi.struct_size = sizeof(pbx_space);
    space->abi.n_dims = space->dims->len;
    space->abi.dims = space->abi_dims;
}

PbxSpace *
space_new(const PbxDoc *doc, const char *pointer, PbxSandbox *sandbox, PbxProblems *problems)
{
    g_autoptr(JsonNode) nothing = NULL;
    JsonNode *json = node_at(doc_root(doc), pointer);
    if (json == NULL) {
        nothing = json_node_init_object(json_node_alloc(), NULL);
        json_node_take_object(nothing, json_object_new());
        json = nothing;
    }
    if (!JSON_NODE_HOLDS_OBJECT(json)) {
        g_autofree char *got = space_arguments_text(json);
        problems_add(problems, doc, pointer, "must be an object of parameters, got %s", got);
        return NULL;
    }
    guint before = problems_count(problems);
    g_autoptr(PbxSpace) space = space_alloc(pointer);
    space->root = space_build(space, json, pointer, doc, sandbox, problems);
    if (problems_count(problems) > before)
        return NULL;
    space_name(space);
    space_grid_prepare(space);
    fill_abi(space);
    space_check_samples(space, doc, problems);
    return problems_count(problems) > before ? NULL : g_steal_pointer(&space);
}

void
space_free(PbxSpace *space)
{
    if (space == NULL)
        return;
    g_free(space->place);
    g_ptr_array_unref(space->dims);
    g_ptr_array_unref(space->samples);
    space_node_free(space->root);
    g_free(space->abi_dims);
    g_free(space->grids);
    g_clear_pointer(&space->parameters, g_hash_table_unref);
    g_strfreev(space->varied);
    g_free(space);
}

const pbx_space *
space_dims(const PbxSpace *space)
{
    return &space->abi;
}

guint
space_n_dims(const PbxSpace *space)
{
    return space->abi.n_dims;
}

guint64
space_grid_size(const PbxSpace *space)
{
    return space->grid_size;
}

const char *
space_dim_pointer(const PbxSpace *space, guint dim)
{
    return space_dim(space, dim)->node->pointer;
}

GHashTable *
space_parameters(const PbxSpace *space)
{
    return space->parameters;
}

const char *const *
space_varied(const PbxSpace *space)
{
    return (const char *const *)space->varied;
}

/* Whether dim `parent` (-1: always) took `choice`, and lies itself on a branch that was taken. */
static gboolean
branch_taken(const PbxSpace *space, const double *x, gint parent, guint choice)
{
    while (parent >= 0) {
        if (x[parent] != (double)choice)
            return FALSE;
        const pbx_dim *dim = &space_dim(space, (guint)parent)->abi;
        parent = dim->parent;
        choice = dim->parent_choice;
    }
    return TRUE;
}

gboolean
space_active(const PbxSpace *space, const double *x, guint dim)
{
    const pbx_dim *abi = &space_dim(space, dim)->abi;
    return branch_taken(space, x, abi->parent, abi->parent_choice);
}

gboolean
space_sample_active(const PbxSpace *space, const double *x, guint sample)
{
    const SpaceSample *self = space_sample(space, sample);
    return branch_taken(space, x, self->parent, self->parent_choice);
}
