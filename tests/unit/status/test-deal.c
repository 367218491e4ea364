/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows dealt to the states where there are more trials than rows. */
#include "status/status.h"

/* In the order of PBX_STATE_*: PENDING, RUNNING, PAUSED, TERMINATED, ERROR. */
static const struct {
    guint have[PBX_N_STATES], limit, rows[PBX_N_STATES];
} cases[] = {
    {{10, 10, 2, 10, 2}, 13, {3, 3, 2, 3, 2}}, /* Tune's: 2, 2, 3, 3, 3 */
    {{10, 10, 2, 10, 2}, 14, {4, 3, 2, 3, 2}}, /* where Tune shows 16 rows */
    {{10, 10, 2, 10, 2}, 0, {0, 0, 0, 0, 0}},       {{10, 10, 2, 10, 2}, 1, {0, 0, 0, 0, 1}},
    {{10, 10, 2, 10, 2}, 3, {1, 0, 1, 0, 1}},       {{10, 10, 2, 10, 2}, 34, {10, 10, 2, 10, 2}},
    {{10, 10, 2, 10, 2}, 1000, {10, 10, 2, 10, 2}}, {{0, 0, 0, 100, 0}, 20, {0, 0, 0, 20, 0}},
    {{0, 0, 0, 0, 0}, 20, {0, 0, 0, 0, 0}},
};

static void
test_deal(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        guint rows[PBX_N_STATES];
        status_deal(cases[i].have, cases[i].limit, rows);
        for (gsize j = 0; j < PBX_N_STATES; j++)
            g_assert_cmpuint(rows[j], ==, cases[i].rows[j]);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/status/deal", test_deal);
    return g_test_run();
}
