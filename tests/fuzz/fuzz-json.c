/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Experiment files and what programs print: nothing crashes, and what was read is written so
 * that it reads back the same. */
#include <stdint.h>
#include <stdlib.h>

#include "json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void
read_back(JsonNode *root)
{
    g_autofree char *text = json_to_text(root);
    g_autoptr(JsonNode) again = json_read(text, strlen(text), DOC_MAX_NESTING, NULL);
    if (again == NULL || !json_equal(root, again))
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    g_autoptr(PbxProblems) problems = problems_new();
    g_autoptr(PbxDoc) doc =
        doc_parse("fuzz", (const char *)bytes, n, n % 2 ? DOC_COMMENTS : DOC_PLAIN, problems);
    if (doc == NULL && problems_count(problems) == 0)
        abort();
    if (doc != NULL)
        read_back(doc_root(doc));
    g_free(problems_format(problems));

    g_autoptr(JsonNode) node = json_read((const char *)bytes, n, 64, NULL);
    if (node != NULL)
        read_back(node);
    /* A text that may be kept as it stands can be read. */
    g_autofree char *exact = g_memdup2(bytes, n);
    if (json_text_is_compact(exact, n, 64) && node == NULL)
        abort();
    return 0;
}
