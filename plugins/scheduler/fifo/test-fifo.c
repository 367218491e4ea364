/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host.h"

static void
test_leaves_everything_to_the_host(void)
{
    g_autoptr(PbxTestHost) host = test_host_new("{}");
    const pbx_scheduler *fifo = host->vtable;
    g_assert_cmpint(test_host_setup(host, NULL, "loss:min size:max", 5), ==, PBX_OK);
    g_assert_null(fifo->result);
    g_assert_null(fifo->choose);
    g_assert_cmpuint(fifo->object.state_version, ==, 0);
    g_assert_null(fifo->object.save);
    g_assert_null(fifo->object.load);
}

static pbx_status
write_text(void *ctx, const void *bytes, size_t n)
{
    g_string_append_len(ctx, bytes, (gssize)n);
    return PBX_OK;
}

static void
test_describes_itself_as_tune_does(void)
{
    g_autoptr(PbxTestHost) host = test_host_new("{}");
    const pbx_scheduler *fifo = host->vtable;
    GString *text = g_string_new(NULL);
    pbx_sink sink = {text, write_text};
    g_assert_cmpint(fifo->object.describe(host->self, &sink), ==, PBX_OK);
    g_assert_cmpstr(text->str, ==, "Using FIFO scheduling algorithm.");
    g_string_free(text, TRUE);
}

int
main(int argc, char **argv)
{
    test_host_init(&argc, &argv);
    g_test_add_func("/fifo/leaves-everything-to-the-host", test_leaves_everything_to_the_host);
    g_test_add_func("/fifo/describes-itself-as-tune-does", test_describes_itself_as_tune_does);
    return g_test_run();
}
