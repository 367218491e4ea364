/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a command line holds of an experiment: lines that begin with "--set " set a key, the others
 * are the words of the one-line form. Each is refused with a reason or gives a spec. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

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

/* What --print-spec writes means the same, read back. */
static void
read_back(const PbxSpecInput *input)
{
    g_autoptr(PbxProblems) problems = problems_new();
    g_autoptr(PbxDoc) doc = spec_document(input, problems);
    if ((doc == NULL) != (problems_count(problems) > 0))
        abort();
    if (doc == NULL)
        return;
    g_autofree char *text = spec_print(doc_root(doc));
    g_autoptr(PbxDoc) again = doc_parse("again", text, strlen(text), DOC_COMMENTS, problems);
    if (again == NULL || !json_equal(doc_root(doc), doc_root(again)))
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const char set[] = "--set ";
    g_autofree char *text = g_strndup((const char *)bytes, n);
    g_auto(GStrv) lines = g_strsplit(text, "\n", 64);
    g_autoptr(GPtrArray) words = g_ptr_array_new(), sets = g_ptr_array_new();
    for (char **line = lines; *line != NULL; line++) {
        if (g_str_has_prefix(*line, set))
            g_ptr_array_add(sets, *line + strlen(set));
        else
            g_ptr_array_add(words, *line);
    }
    if (words->len == 0)
        return 0;
    g_ptr_array_add(words, NULL);
    g_ptr_array_add(sets, NULL);
    PbxSpecInput input = {.command = (char **)words->pdata, .sets = (char **)sets->pdata};
    read_back(&input);
    g_autoptr(PbxProblems) problems = problems_new();
    g_autoptr(PbxSpec) spec = spec_load(&input, registry, problems);
    if (spec == NULL && problems_count(problems) == 0)
        abort();
    g_free(problems_format(problems));
    return 0;
}
