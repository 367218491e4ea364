/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* search/cfo: the last points that were tried, so that none of few is tried twice. */
#include "flow2.h"

pbx_status
flow2_memory_make(pbx_instance *self, flow2_memory *memory, pbx_error *error)
{
    memory->seen = pbx_alloc_array(self, FLOW2_N_SEEN, sizeof(flow2_seen));
    return memory->seen ? PBX_OK : pbx_fail_memory(error);
}

static uint64_t
hash_of(const flow2_space *space, const double *x)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < space->n; i++) {
        const double value = isnan(x[i]) ? -1.5 : x[i] + 0.0; /* one zero, one NaN */
        uint64_t bits;
        memcpy(&bits, &value, sizeof bits);
        hash = pbx_mix(hash ^ bits) + UINT64_C(0x9e3779b97f4a7c15);
    }
    return hash;
}

static size_t
n_seen(const flow2_memory *memory)
{
    return memory->n < FLOW2_N_SEEN ? (size_t)memory->n : FLOW2_N_SEEN;
}

static flow2_seen *
find(const flow2_memory *memory, uint64_t hash, double resource)
{
    for (size_t i = 0; i < n_seen(memory); i++) {
        flow2_seen *seen = &memory->seen[i];
        if (seen->hash == hash && !(seen->resource != resource && !isnan(resource)))
            return seen;
    }
    return NULL;
}

const flow2_seen *
flow2_find(const flow2_space *space, const flow2_memory *memory, const double *x, double resource)
{
    return find(memory, hash_of(space, x), resource);
}

void
flow2_remember(const flow2_space *space, flow2_memory *memory, const double *x,
               const flow2_seen *what)
{
    const uint64_t hash = hash_of(space, x);
    flow2_seen *seen = find(memory, hash, what->resource);
    if (!space->all_whole)
        return;
    if (!seen)
        seen = &memory->seen[memory->n++ % FLOW2_N_SEEN];
    *seen = *what;
    seen->hash = hash;
}

void
flow2_forget(const flow2_space *space, flow2_memory *memory, const double *x)
{
    const uint64_t hash = hash_of(space, x);
    for (size_t i = 0; i < n_seen(memory); i++)
        if (memory->seen[i].hash == hash)
            memset(&memory->seen[i], 0, sizeof(flow2_seen));
}

void
flow2_memory_state(flow2_memory *memory, pbx_blob *blob)
{
    pbx_blob_u64(blob, &memory->n);
    for (size_t i = 0; i < n_seen(memory); i++) {
        flow2_seen *seen = &memory->seen[i];
        pbx_blob_u64(blob, &seen->hash);
        pbx_blob_u64(blob, &seen->trial);
        pbx_blob_real(blob, &seen->loss);
        pbx_blob_real(blob, &seen->cost);
        pbx_blob_real(blob, &seen->resource);
        if (isnan(seen->loss) || isnan(seen->cost))
            pbx_blob_fail(blob, PBX_EINVAL);
    }
}
