/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whole experiment files, checked with the plugins of the build tree: each is refused with a
 * reason or gives a spec, whose plugins can be set up or say why not. */
#include <stdint.h>
#include <stdlib.h>

#include "fuzz-registry.h"
#include "spec/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static PbxRegistry *registry;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    registry = fuzz_registry();
    return 0;
}

static void
use(const PbxSpec *spec, PbxProblems *problems)
{
    g_free(spec_print(spec->resolved));
    if (spec_total_trials(spec) < -1)
        abort();
    spec_try_plugins(spec, problems);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    g_autoptr(PbxProblems) problems = problems_new();
    PbxDoc *doc = doc_parse("fuzz", (const char *)bytes, n, DOC_COMMENTS, problems);
    if (doc == NULL)
        return 0;
    g_autoptr(PbxSpec) spec = spec_check(doc, "/", registry, problems);
    if (spec == NULL && problems_count(problems) == 0)
        abort();
    if (spec != NULL && problems_count(problems) == 0)
        use(spec, problems);
    g_free(problems_format(problems));
    return 0;
}
