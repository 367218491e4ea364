/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What of the model travels through the store, and the machine's memory. */
#include <locale.h>
#include <math.h>
#include <string.h>

#include "status-fixture.h"
#include "json/json.h"

static void
test_live(void)
{
    static const double values[] = {2, 1.5};
    g_autoptr(PbxStatus) status = status_fixture();
    status->left_s = 12.5;
    status->memory_used = 3;
    status->memory_total = 4;
    status->stopping = g_strdup("time budget");
    status_add_resource(status, "CPUs", 1.5, 4, FALSE);
    status_add_line(status->lines, "scheduler", "one\ntwo");
    status_add_line(status->waits, "waiting", "no free CPU");
    g_array_append_vals(status->history, values, 2);
    g_autoptr(JsonNode) live = status_live(status);
    g_autofree char *text = json_to_text(live);
    g_autoptr(JsonNode) read = json_read(text, strlen(text), 100, NULL);
    g_autoptr(PbxStatus) other = status_new();
    status_take_live(other, read);
    g_assert_cmpint(other->total, ==, 10);
    g_assert_cmpfloat(other->left_s, ==, 12.5);
    g_assert_cmpuint(other->memory_used, ==, 3);
    g_assert_cmpuint(other->memory_total, ==, 4);
    g_assert_cmpstr(other->stopping, ==, "time budget");
    const PbxStatusResource *resource = other->resources->pdata[0];
    g_assert_cmpstr(resource->name, ==, "CPUs");
    g_assert_cmpfloat(resource->used, ==, 1.5);
    g_assert_cmpuint(other->lines->len, ==, 2);
    g_assert_cmpstr(((PbxStatusLine *)other->lines->pdata[1])->text, ==, "two");
    g_assert_cmpstr(((PbxStatusLine *)other->waits->pdata[0])->text, ==, "no free CPU");
    g_assert_cmpuint(other->history->len, ==, 2);
    g_assert_cmpfloat(g_array_index(other->history, double, 1), ==, 1.5);
}

/* Whatever stands in a store, nothing breaks. */
static void
test_live_hostile(void)
{
    static const char *const texts[] = {
        "[]",
        "1",
        "{\"total\":\"x\",\"history\":{},\"lines\":[1,{\"label\":2}],\"resources\":[{}]}",
        "{\"left_s\":null,\"waits\":[{\"label\":\"a\"}],\"stopping\":[],\"history\":[\"x\",null]}",
        "{\"history\":[\"NaN\",\"Infinity\",1,\"-Infinity\",1e308,-1e308,2]}",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(JsonNode) node = json_read(texts[i], strlen(texts[i]), 100, NULL);
        g_autoptr(PbxStatus) status = status_fixture();
        status_take_live(status, node);
        g_auto(GStrv) lines = status_fixture_draw(status, NULL, 79, 40);
        g_assert_nonnull(lines[0]);
        for (guint j = 0; j < status->history->len; j++)
            g_assert_true(isfinite(g_array_index(status->history, double, j)));
    }
}

static void
test_memory(void)
{
    guint64 used = 0, total = 0;
    status_read_memory(&used, &total);
    g_assert_cmpuint(total, >, 0);
    g_assert_cmpuint(used, >, 0);
    g_assert_cmpuint(used, <=, total);
}

int
main(int argc, char **argv)
{
    setlocale(LC_ALL, "C.UTF-8");
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/status/model/live", test_live);
    g_test_add_func("/status/model/live-hostile", test_live_hostile);
    g_test_add_func("/status/model/memory", test_memory);
    return g_test_run();
}
