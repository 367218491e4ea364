/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The Lua sandbox: any text compiles or not, and runs within its limits. */
#include <stdint.h>

#include "expression/expression.h"
#include "json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const char config_text[] =
    "{\"lr\": 0.1, \"n\": 3, \"a\": [1, [2, {\"b\": null}]], \"s\": \"text\", \"t\": true}";

static void
evaluate(PbxSandbox *sandbox, const char *text, JsonNode *config)
{
    g_autoptr(PbxExpression) expression = expression_compile(sandbox, text, NULL);
    if (expression == NULL)
        return;
    PbxBinding bindings[] = {{"config", config}, {"result", config}};
    g_autoptr(JsonNode) value =
        expression_eval(expression, bindings, G_N_ELEMENTS(bindings), NULL, NULL, NULL, NULL);
    if (value != NULL)
        g_free(json_to_text(value));
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    g_autofree char *text = g_strndup((const char *)bytes, n);
    if (!g_utf8_validate(text, -1, NULL))
        return 0;
    g_autoptr(PbxSandbox) sandbox = sandbox_new();
    g_autoptr(JsonNode) config = json_read(config_text, sizeof config_text - 1, 64, NULL);
    evaluate(sandbox, text, config);
    return 0;
}
