/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The operators: their names, what they take, and the dimension that they make. */
#include <math.h>
#include <string.h>

#include "space/space-private.h"

/* Two numbers this near, relatively, are the same: as Tune compares bounds with q. */
#define NEAR 1e-9
/* Longer arguments are cut in messages. */
#define LONGEST_TEXT 80

/* In the order of space_operators(). */
static const SpaceOperator operators[] = {
    {"$choice", OPERATOR_CHOICE},
    {"$grid_search", OPERATOR_GRID},
    {"$literal", OPERATOR_LITERAL},
    {"$lograndint", OPERATOR_NUMBER, PBX_DIM_INT, PBX_DIM_LOG, FALSE, 2, 3, "[low, high]"},
    {"$loguniform", OPERATOR_NUMBER, PBX_DIM_REAL, PBX_DIM_LOG, FALSE, 2, 3, "[low, high]"},
    {"$qlograndint", OPERATOR_NUMBER, PBX_DIM_INT, PBX_DIM_LOG, TRUE, 3, 4, "[low, high, q]"},
    {"$qloguniform", OPERATOR_NUMBER, PBX_DIM_REAL, PBX_DIM_LOG, TRUE, 3, 4, "[low, high, q]"},
    {"$qrandint", OPERATOR_NUMBER, PBX_DIM_INT, 0, TRUE, 2, 3, "[low, high] or [low, high, q]"},
    {"$qrandn", OPERATOR_NUMBER, PBX_DIM_NORMAL, 0, TRUE, 3, 3, "[mean, sd, q]"},
    {"$quniform", OPERATOR_NUMBER, PBX_DIM_REAL, 0, TRUE, 3, 3, "[low, high, q]"},
    {"$randint", OPERATOR_NUMBER, PBX_DIM_INT, 0, FALSE, 1, 2, "[low, high] or one number"},
    {"$randn", OPERATOR_NUMBER, PBX_DIM_NORMAL, 0, FALSE, 0, 2, "[mean, sd]"},
    {"$sample_from", OPERATOR_SAMPLE},
    {"$uniform", OPERATOR_NUMBER, PBX_DIM_REAL, 0, FALSE, 1, 2, "[low, high] or one number"},
};

static const char *const operator_names[] = {
    "$choice",      "$grid_search", "$literal",     "$lograndint", "$loguniform",
    "$qlograndint", "$qloguniform", "$qrandint",    "$qrandn",     "$quniform",
    "$randint",     "$randn",       "$sample_from", "$uniform",    NULL,
};
G_STATIC_ASSERT(G_N_ELEMENTS(operator_names) == G_N_ELEMENTS(operators) + 1);

const char *const *
space_operators(void)
{
    return operator_names;
}

const SpaceOperator *
space_operator_find(const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(operators); i++)
        if (strcmp(operators[i].name, name) == 0)
            return &operators[i];
    return NULL;
}

char *
space_arguments_text(JsonNode *arguments)
{
    GString *text = g_string_new(NULL);
    if (JSON_NODE_HOLDS_ARRAY(arguments)) {
        JsonArray *array = json_node_get_array(arguments);
        guint n = json_array_get_length(array);
        g_string_append_c(text, '[');
        for (guint i = 0; i < n && text->len <= LONGEST_TEXT; i++) {
            if (i > 0)
                g_string_append(text, ", ");
            json_put_node(text, json_array_get_element(array, i));
        }
        g_string_append_c(text, ']');
    } else {
        json_put_node(text, arguments);
    }
    if (text->len > LONGEST_TEXT) {
        const char *end = g_utf8_find_prev_char(text->str, text->str + LONGEST_TEXT - 3);
        g_string_truncate(text, end == NULL ? 0 : (gsize)(end - text->str));
        g_string_append(text, "...");
    }
    return g_string_free(text, FALSE);
}

/* The numbers of an operator. */
typedef struct {
    double value[4];
    guint n;
    gboolean too_large; /* some integer that a double cannot hold */
} Numbers;

static gboolean
add_number(Numbers *numbers, JsonNode *node)
{
    double value;
    if (numbers->n == G_N_ELEMENTS(numbers->value) || !space_node_number(node, &value))
        return FALSE;
    if (json_node_get_value_type(node) == G_TYPE_INT64) {
        /* Compared as an integer: 2^53 + 1 as a double is 2^53. */
        gint64 integer = json_node_get_int(node);
        if (integer > (gint64)SPACE_MAX_WHOLE || integer < -(gint64)SPACE_MAX_WHOLE)
            numbers->too_large = TRUE;
    } else if (fabs(value) > SPACE_MAX_WHOLE) {
        numbers->too_large = TRUE;
    }
    numbers->value[numbers->n++] = value;
    return TRUE;
}

/* FALSE: not numbers, or not as many as the operator takes. */
static gboolean
read_numbers(const SpaceOperator *op, JsonNode *arguments, Numbers *numbers)
{
    if (!JSON_NODE_HOLDS_ARRAY(arguments)) {
        if (op->min_args > 1 || !add_number(numbers, arguments))
            return FALSE;
    } else {
        JsonArray *array = json_node_get_array(arguments);
        guint n = json_array_get_length(array);
        if (n < op->min_args || n > op->max_args)
            return FALSE;
        for (guint i = 0; i < n; i++)
            if (!add_number(numbers, json_array_get_element(array, i)))
                return FALSE;
    }
    return TRUE;
}

static gboolean
is_multiple(double value, double q)
{
    double steps = value / q;
    double whole = rint(steps);
    return fabs(steps - whole) <= NEAR * fmax(fabs(steps), fabs(whole));
}

/* Which demand is not met, as "needs ..."; NULL: all are. */
static const char *
read_normal(const SpaceOperator *op, const Numbers *numbers, pbx_dim *dim)
{
    dim->mean = numbers->n > 0 ? numbers->value[0] : 0;
    dim->sd = numbers->n > 1 ? numbers->value[1] : 1;
    dim->quantum = op->quantised ? numbers->value[2] : 0;
    dim->low = -INFINITY;
    dim->high = INFINITY;
    if (!(dim->sd > 0))
        return "sd > 0";
    if (op->quantised && !(dim->quantum > 0))
        return "q > 0";
    return NULL;
}

static const char *
check_quantum(double low, double high, double q)
{
    if (!(q > 0))
        return "q > 0";
    if (!is_multiple(low, q) || !is_multiple(high, q))
        return "low and high to be multiples of q";
    if (!((high - low) / q < SPACE_MAX_WHOLE))
        return "at most 2^53 steps of q";
    return NULL;
}

static const char *
read_bounds(const SpaceOperator *op, const Numbers *numbers, pbx_dim *dim)
{
    gboolean integer = op->type == PBX_DIM_INT;
    guint used = op->quantised ? 3 : 2; /* a base of the logarithm may follow */
    double low = numbers->n == 1 ? 0 : numbers->value[0];
    double high = numbers->n == 1 ? numbers->value[0] : numbers->value[1];
    double q = !op->quantised ? 0 : numbers->n > 2 ? numbers->value[2] : 1;
    if (integer)
        for (guint i = 0; i < numbers->n && i < used; i++)
            if (numbers->value[i] != rint(numbers->value[i]))
                return "whole numbers";
    if (integer && numbers->too_large)
        return "bounds within 2^53 (9007199254740992)";
    if ((op->flags & PBX_DIM_LOG) != 0 && !(0 < low && low < high))
        return "0 < low < high";
    if (!(low < high))
        return "low < high";
    if (numbers->n > used && !(numbers->value[used] > 0))
        return "base > 0";
    const char *demand = op->quantised ? check_quantum(low, high, q) : NULL;
    if (demand != NULL)
        return demand;
    dim->low = low;
    dim->high = integer && !op->quantised ? high - 1 : high;
    /* Steps of 1 are what a plain integer has; under a logarithm their masses differ. */
    dim->quantum = integer && q == 1 && (op->flags & PBX_DIM_LOG) == 0 ? 0 : q;
    return NULL;
}

gboolean
space_operator_read(const SpaceOperator *op, JsonNode *arguments, pbx_dim *dim, char **problem)
{
    g_autofree char *got = space_arguments_text(arguments);
    Numbers numbers = {0};
    if (!read_numbers(op, arguments, &numbers)) {
        *problem = g_strdup_printf("%s takes %s, got %s", op->name, op->usage, got);
        return FALSE;
    }
    const char *demand = NULL;
    for (guint i = 0; i < numbers.n; i++)
        if (!isfinite(numbers.value[i]))
            demand = "finite numbers";
    dim->type = op->type;
    dim->flags = op->flags;
    if (demand == NULL)
        demand = op->type == PBX_DIM_NORMAL ? read_normal(op, &numbers, dim)
                                            : read_bounds(op, &numbers, dim);
    if (demand != NULL) {
        *problem = g_strdup_printf("%s needs %s, got %s", op->name, demand, got);
        return FALSE;
    }
    return TRUE;
}
