/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* search/gp: memory of one call of the model. */
#include "model.h"

#define ALIGNMENT ((size_t)64)

size_t
gp_stride(size_t n)
{
    const size_t each = ALIGNMENT / sizeof(double);
    return (n + each - 1) / each * each;
}

double *
gp_reals(gp_memory *memory, size_t n)
{
    unsigned char *bytes;
    size_t shift;
    if (n > (SIZE_MAX - 2 * ALIGNMENT) / sizeof(double))
        return NULL;
    bytes = pbx_alloc(memory->self, n * sizeof(double) + 2 * ALIGNMENT);
    if (!bytes)
        return NULL;
    /* The block before it is at its beginning. */
    memcpy(bytes, &memory->last, sizeof memory->last);
    memory->last = bytes;
    shift = ALIGNMENT - (size_t)((uintptr_t)bytes % ALIGNMENT);
    if (shift < sizeof memory->last)
        shift += ALIGNMENT;
    return (double *)(void *)(bytes + shift);
}

void
gp_memory_free(gp_memory *memory)
{
    while (memory->last) {
        void *before;
        memcpy(&before, memory->last, sizeof before);
        pbx_free(memory->self, memory->last);
        memory->last = before;
    }
}
