/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operators as the one-line form writes them. */
#include "space-test.h"

static const char *const forms[][3] = {
    {"loguniform", "1e-5,1e-1", "{\"$loguniform\":[1e-05,0.1]}"},
    {"uniform", " 0 , 1 ", "{\"$uniform\":[0,1]}"},
    {"choice", "adam,sgd", "{\"$choice\":[\"adam\",\"sgd\"]}"},
    {"choice", "16,true,null,two words", "{\"$choice\":[16,true,null,\"two words\"]}"},
    {"choice", "\"a,b\",\"c)\",\"\\\",\"", "{\"$choice\":[\"a,b\",\"c)\",\"\\\",\"]}"},
    {"choice", "[16,16],[64]", "{\"$choice\":[[16,16],[64]]}"},
    {"choice", "[16,64]", "{\"$choice\":[16,64]}"},
    {"choice", "{\"a\":[1,2]},none", "{\"$choice\":[{\"a\":[1,2]},\"none\"]}"},
    {"choice", "", "{\"$choice\":[]}"},
    {"choice", "01,-,1-2", "{\"$choice\":[\"01\",\"-\",\"1-2\"]}"},
    {"grid_search", "1,2", "{\"$grid_search\":[1,2]}"},
    {"grid_search", "[1,2]", "{\"$grid_search\":[1,2]}"},
    {"randint", "10", "{\"$randint\":[10]}"},
    {"randn", "", "{\"$randn\":[]}"},
    {"$randn", "", "{\"$randn\":[]}"},
    {"literal", "{\"$x\":1}", "{\"$literal\":{\"$x\":1}}"},
    {"sample_from", "math.max(1, config.a)", "{\"$sample_from\":\"math.max(1, config.a)\"}"},
    {"sample_from", "\"config.a * 2\"", "{\"$sample_from\":\"config.a * 2\"}"},
    {"sample_from", "\"a\" .. config.b", "{\"$sample_from\":\"\\\"a\\\" .. config.b\"}"},
};

static void
test_forms(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(forms); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(JsonNode) node = space_operator_from_words(forms[i][0], forms[i][1], &error);
        g_assert_no_error(error);
        g_autofree char *text = json_to_text(node);
        g_assert_cmpstr(text, ==, forms[i][2]);
    }
}

static const char *const refused[][3] = {
    {"loguniforn", "1,2", "there is no operator 'loguniforn'; did you mean 'loguniform'?"},
    {"frobnicate", "", "there is no operator 'frobnicate'"},
    {"choice", "a,,b", "an argument of (a,,b) is empty; an empty text is written \"\""},
    {"choice", "a,", "an argument of (a,) is empty; an empty text is written \"\""},
    {"literal", "1,2", "literal takes one value, got 2"},
    {"literal", "", "literal takes one value, got 0"},
};

static void
test_refused(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(space_operator_from_words(refused[i][0], refused[i][1], &error));
        g_assert_error(error, PBX_SPACE_ERROR, SPACE_ERROR_OPERATOR);
        g_assert_cmpstr(error->message, ==, refused[i][2]);
    }
}

static void
test_broken_json(void)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(space_operator_from_words("choice", "[1,2", &error));
    g_assert_error(error, PBX_SPACE_ERROR, SPACE_ERROR_OPERATOR);
    g_assert_true(g_str_has_prefix(error->message, "[1,2 is not JSON: "));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/space/words/become-operators", test_forms);
    g_test_add_func("/space/words/refused", test_refused);
    g_test_add_func("/space/words/what-begins-as-json-must-be-json", test_broken_json);
    return g_test_run();
}
