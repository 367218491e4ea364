/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Search spaces: any space is refused with a reason or gives points, which are valid and make
 * configs that give the same points back. */
#include <stdint.h>
#include <stdlib.h>

#include "random/random.h"
#include "space/space.h"
#include "json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void
draw(PbxSpace *space)
{
    PbxRandom random = {0};
    guint n = space_n_dims(space);
    g_autofree double *x = g_new0(double, n + 1);
    space_draw_point(space, &random, 0, x);
    gboolean altered = FALSE;
    if (!space_snap(space, x, &altered, NULL) || altered)
        abort();
    g_autoptr(JsonNode) config = space_config(space, x, NULL, NULL, &random, NULL);
    if (config != NULL) {
        g_autofree char *tag = space_tag(space, config);
        space_point(space, config, x, NULL);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    g_autoptr(PbxProblems) problems = problems_new();
    g_autoptr(PbxDoc) doc = doc_parse("fuzz", (const char *)bytes, n, DOC_COMMENTS, problems);
    if (doc == NULL || problems_count(problems) > 0)
        return 0;
    g_autoptr(PbxSandbox) sandbox = sandbox_new();
    g_autoptr(PbxSpace) space = space_new(doc, "", sandbox, problems);
    if ((space == NULL) != (problems_count(problems) > 0))
        abort();
    if (space != NULL)
        draw(space);
    return 0;
}
