/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pointers, dotted paths, and looking up by them. */
#include <string.h>

#include "json/json.h"

static void
test_display(void)
{
    static const struct {
        const char *pointer, *path;
    } cases[] = {
        {"", ""},
        {"/config/layers/0", "config.layers[0]"},
        {"/config/layers/0/1/x", "config.layers[0][1].x"},
        {"/0", "[0]"},
        {"/config/01", "config.01"},
        {"/config/a.b", "config.\"a.b\""},
        {"/config/a~1b", "config.\"a/b\""},
        {"/config/a~0b", "config.a~b"},
        {"/config/", "config.\"\""},
        {"/a\"b\\", "\"a\\\"b\\\\\""},
        {"/a[0]", "\"a[0]\""},
        {"/weight-decay", "weight-decay"},
        {"/config/$uniform/1", "config.$uniform[1]"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = json_pointer_display(cases[i].pointer);
        g_assert_cmpstr(path, ==, cases[i].path);
    }
}

static void
test_pointers(void)
{
    g_autofree char *member = json_pointer_member("/a", "x/y~z");
    g_assert_cmpstr(member, ==, "/a/x~1y~0z");
    g_autofree char *item = json_pointer_item(member, 12);
    g_assert_cmpstr(item, ==, "/a/x~1y~0z/12");
    g_autofree char *path = json_pointer_display(item);
    g_assert_cmpstr(path, ==, "a.\"x/y~z\"[12]");
}

static const char text[] =
    "{\"lr\":1,\"opt\":{\"type\":2,\"a.b\":3,\"x\":{\"y\":4}},\"layers\":[5,[6,{\"z\":7}]],"
    "\"eval/loss\":8,\"eval\":{\"loss\":9,\"acc\":10},\"a.b\":{\"c\":11},\"0\":12,"
    "\"\":{\"q\":13},\"null\":null}";

static void
test_lookup(void)
{
    static const struct {
        const char *path;
        int value; /* 0: none */
    } cases[] = {
        {"lr", 1},
        {"opt.type", 2},
        {"opt.a.b", 3},
        {"opt.\"a.b\"", 3},
        {"opt.x.y", 4},
        {"opt/x/y", 4},
        {"layers[0]", 5},
        {"layers[1][0]", 6},
        {"layers.0", 5},
        {"layers/1/1/z", 7},
        {"layers[1][1].z", 7},
        {"eval/loss", 8},
        {"eval.loss", 9},
        {"eval/acc", 10},
        {"\"a.b\".c", 11},
        {"[0]", 12},
        {"\"\".q", 13},
        {"x", 0},
        {"lr.x", 0},
        {"layers[2]", 0},
        {"layers[-1]", 0},
        {"layers[01]", 0},
        {"layers[x]", 0},
        {"opt.", 0},
        {".opt", 0},
        {"opt..x", 0},
        {"layers[0", 0},
        {"layers[0]x", 0},
        {"a.b.c", 0},
        {"\"lr", 0},
        {"layers[4294967296]", 0},
    };
    g_autoptr(JsonNode) root = json_read(text, sizeof text - 1, 64, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        JsonNode *node = json_lookup(root, cases[i].path);
        g_test_message("%s", cases[i].path);
        if (cases[i].value == 0)
            g_assert_null(node);
        else
            g_assert_cmpint(json_node_get_int(node), ==, cases[i].value);
    }
    g_assert_true(JSON_NODE_HOLDS_NULL(json_lookup(root, "null")));
    g_assert_true(json_lookup(root, "") == root);
    g_assert_null(json_lookup(NULL, "lr"));
}

/* What is shown to people can be typed in again. */
static void
test_display_reads_back(void)
{
    static const char *const keys[] = {"a.b", "a/b", "a\"b", "a\\b", "", "0", "a b", "a]", "[0]"};
    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
        g_autoptr(JsonNode) leaf = json_node_init_int(json_node_alloc(), 1);
        g_autoptr(JsonNode) root = json_read("{\"x\":{}}", 8, 64, NULL);
        JsonObject *object =
            json_node_get_object(json_object_get_member(json_node_get_object(root), "x"));
        json_object_set_member(object, keys[i], json_clone(leaf));
        g_autofree char *pointer = json_pointer_member("/x", keys[i]);
        g_autofree char *path = json_pointer_display(pointer);
        g_test_message("%s", path);
        g_assert_nonnull(json_lookup(root, path));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/json/path/display", test_display);
    g_test_add_func("/json/path/pointers-are-escaped", test_pointers);
    g_test_add_func("/json/path/lookup", test_lookup);
    g_test_add_func("/json/path/display-reads-back", test_display_reads_back);
    return g_test_run();
}
