/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* expression/1: a plugin evaluates its EXPRESSION options. */
#include "plugin/host-private.h"

/* More names than any place offers. */
#define NAMES_MAX 64u

static const pbx_json *
eval(const pbx_host *abi, const char *option, const char *const *names,
     const pbx_json *const *values, size_t n, uint64_t stream, pbx_error *abi_error)
{
    PbxHost *host = host_from_abi(abi);
    const char *where = option != NULL ? option : "";
    PbxExpression *expression =
        host->options != NULL && option != NULL ? options_expression(host->options, option) : NULL;
    if (expression == NULL || n > NAMES_MAX) {
        plugin_set_abi_error(abi_error, where,
                             expression == NULL ? "there is no expression in this option"
                                                : "too many names");
        return NULL;
    }
    PbxBinding bindings[NAMES_MAX];
    for (size_t i = 0; i < n; i++)
        bindings[i] = (PbxBinding){names[i], host_json_node(values[i])};
    PbxRandom random = {.seed = host->seed, .stream = stream};
    g_autoptr(GError) error = NULL;
    JsonNode *value = expression_eval(expression, bindings, n, &random, NULL, NULL, &error);
    if (value == NULL) {
        plugin_set_abi_error(abi_error, where, "%s", error->message);
        return NULL;
    }
    g_clear_pointer(&host->evaluated, json_node_unref);
    host->evaluated = value;
    return host_json(value);
}

const pbx_expression host_expression = {.struct_size = sizeof(pbx_expression), .eval = eval};
