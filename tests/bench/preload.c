/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Preloaded into pegbox and its workers: gives them PEGBOX_BENCH_MIB of touched heap
 * before main, so that tests/bench/trials.py sees whether spawning copies it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void *pegbox_bench_heap;

static void __attribute__((constructor)) fill_heap(void)
{
    const char *mib = getenv("PEGBOX_BENCH_MIB");
    if (mib == NULL || strncmp(program_invocation_short_name, "pegbox", 6) != 0)
        return;
    size_t size = (size_t)strtoul(mib, NULL, 10) << 20;
    pegbox_bench_heap = size > 0 ? malloc(size) : NULL;
    if (pegbox_bench_heap != NULL)
        memset(pegbox_bench_heap, 1, size);
}
