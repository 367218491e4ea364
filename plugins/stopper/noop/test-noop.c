/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host.h"

/* It has nothing that could be asked, and nothing to keep. */
static void
test_is_never_asked(void)
{
    g_autoptr(PbxTestHost) host = test_host_new("{}");
    const pbx_stopper *stopper = host->vtable;
    g_assert_cmpint(test_host_setup(host, NULL, NULL, -1), ==, PBX_OK);
    g_assert_null(stopper->result);
    g_assert_null(stopper->all);
    g_assert_cmpuint(stopper->object.state_version, ==, 0);
    g_autofree char *option = test_host_refusal("{\"std\": 1}");
    g_assert_nonnull(option);
}

int
main(int argc, char **argv)
{
    test_host_init(&argc, &argv);
    g_test_add_func("/noop/is-never-asked", test_is_never_asked);
    return g_test_run();
}
