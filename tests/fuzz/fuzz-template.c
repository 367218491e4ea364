/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Templates with any config: TEMPLATE, NUL, CONFIG. Each is refused with a reason, or gives texts
 * that are UTF-8, as one text and as words of a command. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "expression/expression.h"
#include "json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const char trial_text[] = "{\"id\": \"a_00001\", \"number\": 1, \"name\": \"n\", \"dir\": "
                                 "\"/d\", \"tag\": \"1_lr=2\", \"attempt\": 1}";

static void
check_text(const char *text)
{
    if (!g_utf8_validate(text, -1, NULL))
        abort();
}

static void
expand(PbxSandbox *sandbox, const char *text, PbxTemplateFlags flags,
       const PbxTemplateContext *context)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(PbxTemplate) compiled = template_compile(sandbox, text, flags, &error);
    if ((compiled == NULL) != (error != NULL))
        abort();
    if (compiled == NULL)
        return;
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *whole = template_expand(compiled, context, NULL);
    if (whole != NULL)
        check_text(whole);
    if (whole != NULL && template_is_args(compiled))
        abort();
    if (!template_expand_words(compiled, context, words, NULL))
        return;
    for (guint i = 0; i < words->len; i++)
        check_text(words->pdata[i]);
    if (whole != NULL && (words->len != 1 || !g_str_equal(whole, words->pdata[0])))
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    const uint8_t *nul = memchr(bytes, 0, n);
    if (nul == NULL)
        return 0;
    g_autofree char *text = g_strndup((const char *)bytes, (gsize)(nul - bytes));
    const gsize length = n - (gsize)(nul - bytes) - 1;
    g_autoptr(JsonNode) config = json_read((const char *)nul + 1, length, 64, NULL);
    if (config == NULL || !JSON_NODE_HOLDS_OBJECT(config) || !g_utf8_validate(text, -1, NULL))
        return 0;
    g_autoptr(JsonNode) trial = json_read(trial_text, sizeof trial_text - 1, 64, NULL);
    g_autoptr(GHashTable) parameters = g_hash_table_new(g_str_hash, g_str_equal);
    g_hash_table_add(parameters, (gpointer) "inactive");
    g_hash_table_add(parameters, (gpointer) "opt.lr");
    PbxTemplateContext context = {.config = config, .trial = trial, .parameters = parameters};
    g_autoptr(PbxSandbox) sandbox = sandbox_new();
    expand(sandbox, text, TEMPLATE_PLAIN, &context);
    expand(sandbox, text, TEMPLATE_WORDS, &context);
    return 0;
}
