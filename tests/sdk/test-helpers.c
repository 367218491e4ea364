/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox/helpers.h: memory, maps, numbers as text, random draws. */
#include <glib.h>
#include <locale.h>
#include <pegbox/helpers.h>

#include "random/random.h"

struct pbx_instance {
    pbx_base base;
};

static void
host_random(const pbx_host *host, uint64_t stream, uint64_t offset, uint64_t *out, size_t n)
{
    random_at(host->ctx, stream, offset, out, n);
}

static pbx_host
core_random_host(guint64 number)
{
    static PbxSeed seed;
    seed = random_seed(number, "test");
    return (pbx_host){.struct_size = sizeof(pbx_host), .ctx = &seed, .random = host_random};
}

/* ---- Errors and text ---- */

static void
test_fail_fills_in_the_error(void)
{
    g_autofree char *longer = g_strnfill(2000, 'x');
    pbx_error error;
    g_assert_cmpint(pbx_fail(&error, PBX_EINVAL, "max_t", "is below %d", 3), ==, PBX_EINVAL);
    g_assert_cmpstr(error.where, ==, "max_t");
    g_assert_cmpstr(error.message, ==, "is below 3");
    g_assert_cmpint(pbx_fail(&error, PBX_EIO, longer, "%s", longer), ==, PBX_EIO);
    g_assert_cmpuint(strlen(error.where), ==, sizeof error.where - 1);
    g_assert_cmpuint(strlen(error.message), ==, sizeof error.message - 1);
    g_assert_cmpint(pbx_fail_memory(&error), ==, PBX_ENOMEM);
    g_assert_cmpstr(error.where, ==, "");
}

static void
check_formats(void)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0.1, "0.1"},
        {20, "20"},
        {-3.5, "-3.5"},
        {1e-05, "1e-05"},
        {0.1 + 0.2, "0.30000000000000004"},
        {5e-324, "5e-324"},
        {1e15, "1e+15"},
        {123456789012345, "123456789012345"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {(double)NAN, "nan"},
        {(double)INFINITY, "inf"},
        {-(double)INFINITY, "-inf"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        char buffer[32];
        g_assert_cmpstr(pbx_format_real(cases[i].value, buffer), ==, cases[i].text);
        if (isfinite(cases[i].value))
            g_assert_cmpfloat(g_ascii_strtod(buffer, NULL), ==, cases[i].value);
    }
}

static void
test_format_real(void)
{
    static const char *const locales[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "ps_AF.UTF-8"};
    const char *place = g_getenv("PEGBOX_TEST_LOCPATH");
    if (place != NULL)
        g_setenv("LOCPATH", place, TRUE);
    check_formats();
    for (guint i = 0; i < G_N_ELEMENTS(locales); i++) /* where one is installed */
        if (setlocale(LC_ALL, locales[i]) != NULL)
            check_formats();
    setlocale(LC_ALL, "C");
}

/* ---- Memory ---- */

static void
test_memory_ends_with_the_instance(void)
{
    volatile size_t huge = SIZE_MAX - 10; /* which the compiler shall not see */
    pbx_instance *self = NULL;
    pbx_error error;
    g_assert_cmpint(pbx_instance_new(sizeof *self, NULL, NULL, &self, &error, NULL), ==, PBX_OK);
    char *first = pbx_alloc(self, 3), *second = pbx_strdup(self, "text");
    g_assert_cmpint(first[0] | first[1] | first[2], ==, 0);
    memcpy(first, "abc", 3);
    first = pbx_realloc(self, first, 1000);
    g_assert_cmpint(memcmp(first, "abc\0\0", 5), ==, 0);
    g_assert_cmpint(first[999], ==, 0);
    pbx_free(self, second);
    pbx_free(self, NULL);
    g_assert_nonnull(pbx_realloc(self, NULL, 8));
    g_assert_null(pbx_alloc(self, huge));
    g_assert_null(pbx_alloc_array(self, huge / 4, 8));
    pbx_instance_free(self); /* the sanitizer tells what is left */
    pbx_instance_free(NULL);
}

static pbx_status
refuse(pbx_instance *self, const pbx_host *host, const pbx_json *options, pbx_error *error)
{
    (void)host, (void)options;
    g_assert_nonnull(pbx_alloc(self, 10));
    return pbx_fail(error, PBX_EINVAL, NULL, "no");
}

static void
test_a_refused_instance_is_freed(void)
{
    pbx_instance *self = (pbx_instance *)&self;
    pbx_error error;
    g_assert_cmpint(pbx_instance_new(sizeof *self, NULL, NULL, &self, &error, refuse), ==,
                    PBX_EINVAL);
    g_assert_true(self == (pbx_instance *)&self); /* not touched */
}

static void
test_copy_of_numbers(void)
{
    static const double numbers[] = {1, 2, 3};
    pbx_instance self = {0};
    pbx_error error;
    double *copy = NULL;
    size_t n = 0;
    g_assert_cmpint(pbx_copy_reals(&self, &copy, &n, numbers, 3, &error), ==, PBX_OK);
    g_assert_cmpuint(n, ==, 3);
    g_assert_cmpfloat(copy[2], ==, 3);
    g_assert_cmpint(pbx_copy_reals(&self, &copy, &n, copy + 1, 2, &error), ==, PBX_OK);
    g_assert_cmpuint(n, ==, 2);
    g_assert_cmpfloat(copy[0], ==, 2);
    g_assert_cmpint(pbx_copy_reals(&self, &copy, &n, NULL, 0, &error), ==, PBX_OK);
    g_assert_cmpuint(n, ==, 0);
    pbx_free(&self, copy);
}

static void
test_sink_keeps_all(void)
{
    pbx_memory memory = {0};
    pbx_sink sink = pbx_memory_sink(&memory);
    g_autofree char *longer = g_strnfill(5000, 'x');
    volatile size_t huge = SIZE_MAX - 10; /* which the compiler shall not see */
    g_assert_null(memory.bytes);
    g_assert_cmpint(pbx_sink_printf(&sink, "%d and %s", 1, "two"), ==, PBX_OK);
    g_assert_cmpstr(memory.bytes, ==, "1 and two");
    g_assert_cmpint(pbx_sink_printf(&sink, "%s", longer), ==, PBX_OK); /* cut, as it says */
    g_assert_cmpuint(memory.n, ==, 9 + 1023);
    g_assert_cmpint(sink.write(sink.ctx, longer, 5000), ==, PBX_OK);
    g_assert_cmpuint(strlen(memory.bytes), ==, 9 + 1023 + 5000);
    g_assert_cmpint(pbx_memory_add(&memory, longer, huge), ==, PBX_ENOMEM);
    pbx_memory_free(&memory);
}

/* ---- Maps ---- */

static void
test_map_against_a_table(void)
{
    enum { KEYS = 200, STEPS = 20000 };
    pbx_instance self = {0};
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);
    guint values[KEYS] = {0}; /* 0: absent */
    pbx_map map;
    pbx_map_init(&map, &self, sizeof(guint));
    for (guint step = 1; step <= STEPS; step++) {
        guint key = (guint)g_rand_int_range(rand, 0, KEYS);
        guint *item = pbx_map_get(&map, key);
        g_assert_cmpuint(item != NULL ? *item : 0, ==, values[key]);
        if (g_rand_boolean(rand)) {
            item = pbx_map_put(&map, key);
            g_assert_cmpuint(*item, ==, values[key]); /* new ones are zero */
            *item = values[key] = step;
        } else {
            pbx_map_remove(&map, key);
            values[key] = 0;
        }
    }
    size_t i = 0;
    for (guint key = 0; key < KEYS; key++) {
        if (values[key] == 0)
            continue;
        g_assert_cmpuint(pbx_map_key(&map, i), ==, key); /* in order */
        g_assert_cmpuint(*(guint *)pbx_map_item(&map, i++), ==, values[key]);
    }
    g_assert_cmpuint(i, ==, map.n);
    pbx_free(&self, map.keys);
    pbx_free(&self, map.items);
}

static void
test_structs_of_trials(void)
{
    pbx_instance self = {0};
    pbx_outcome outcome = {.struct_size = sizeof outcome, .trial = 7};
    pbx_error error;
    double *item = pbx_of_trial(&self, 7, sizeof *item);
    g_assert_cmpfloat(*item, ==, 0);
    *item = 5;
    pbx_of_trial(&self, 3, sizeof *item);
    g_assert_cmpfloat(*(double *)pbx_of_trial(&self, 7, sizeof *item), ==, 5);
    g_assert_cmpint(pbx_forget_trial(&self, &outcome, &error), ==, PBX_OK);
    g_assert_cmpuint(self.base.trials.n, ==, 1);
    g_assert_cmpfloat(*(double *)pbx_of_trial(&self, 7, sizeof *item), ==, 0);
    pbx_free(&self, self.base.trials.keys);
    pbx_free(&self, self.base.trials.items);
}

/* ---- Random draws ---- */

static void
test_cursor_walks_the_stream(void)
{
    pbx_host host = core_random_host(1);
    guint64 words[11];
    host.random(&host, 5, 3, words, G_N_ELEMENTS(words));
    pbx_rng rng = pbx_rng_at(&host, 5, 3);
    for (guint i = 0; i < G_N_ELEMENTS(words); i++)
        g_assert_cmpuint(pbx_rng_next(&rng), ==, words[i]);
    host.random(&host, (G_GUINT64_CONSTANT(1) << 63) + 9, 0, words, 1);
    rng = pbx_rng_of_trial(&host, 9);
    g_assert_cmpuint(pbx_rng_next(&rng), ==, words[0]);
    g_assert_cmpfloat(pbx_unit_of_word(0), ==, 0);
    g_assert_cmpfloat(pbx_unit_of_word(UINT64_MAX), <, 1);
}

static void
test_draws(void)
{
    enum { N = 20000 };
    pbx_host host = core_random_host(2);
    pbx_rng rng = pbx_rng_at(&host, 0, 0);
    guint counts[3] = {0};
    double sum = 0, squares = 0;
    for (guint i = 0; i < N; i++) {
        double z = pbx_rng_normal(&rng);
        g_assert_true(isfinite(z));
        sum += z;
        squares += z * z;
        counts[pbx_rng_below(&rng, 3)]++;
        g_assert_cmpuint(pbx_rng_below(&rng, 1), ==, 0);
    }
    g_assert_cmpfloat(fabs(sum / N), <, 0.03);
    g_assert_cmpfloat(fabs(squares / N - 1), <, 0.04);
    for (guint i = 0; i < 3; i++)
        g_assert_cmpfloat(fabs((double)counts[i] / N - 1. / 3), <, 0.015);
    guint low = 0, first[4] = {0};
    for (guint i = 0; i < N; i++) /* without a bias, however large n is */
        low += pbx_rng_below(&rng, G_GUINT64_CONSTANT(3) << 62) < G_GUINT64_CONSTANT(1) << 62;
    g_assert_cmpfloat(fabs((double)low / N - 1. / 3), <, 0.015);
    for (guint i = 0; i < N; i++) {
        size_t order[] = {0, 1, 2, 3};
        pbx_rng_shuffle(&rng, order, 4);
        g_assert_cmpuint(1u << order[0] | 1u << order[1] | 1u << order[2] | 1u << order[3], ==, 15);
        first[order[0]]++;
    }
    for (guint i = 0; i < 4; i++)
        g_assert_cmpfloat(fabs((double)first[i] / N - 0.25), <, 0.015);
}

/* Each key is an order; all 24 of 4 come alike, and far places are as free as near ones. */
static void
test_permute(void)
{
    enum { N = 24000 };
    guint counts[256] = {0}, together = 0;
    for (guint64 key = 0; key < N; key++) {
        guint order = 0, seen = 0;
        for (guint64 i = 0; i < 4; i++) {
            guint place = (guint)pbx_permute(pbx_mix(key), 4, i);
            order = order << 2 | place;
            seen |= 1u << place;
        }
        g_assert_cmpuint(seen, ==, 15);
        counts[order]++;
        together +=
            pbx_permute(pbx_mix(key), 1000, 5) < 500 && pbx_permute(pbx_mix(key), 1000, 6) < 500;
        g_assert_cmpuint(pbx_permute(key, 1, 0), ==, 0);
    }
    for (guint i = 0; i < 256; i++)
        g_assert_true(counts[i] == 0 || (counts[i] > 850 && counts[i] < 1150));
    g_assert_cmpfloat(fabs((double)together / N - 0.25), <, 0.015);
    for (guint64 n = 2; n < 200; n++) {
        g_autofree guint8 *seen = g_new0(guint8, n);
        for (guint64 i = 0; i < n; i++)
            seen[pbx_permute(n * 77, n, i)]++;
        for (guint64 i = 0; i < n; i++)
            g_assert_cmpuint(seen[i], ==, 1);
    }
    g_assert_cmpuint(pbx_permute(1, UINT64_MAX, UINT64_MAX - 1), <, UINT64_MAX);
}

static void
test_near(void)
{
    pbx_host host = core_random_host(3);
    pbx_rng rng = pbx_rng_at(&host, 0, 0);
    const pbx_dim real = {.struct_size = sizeof real, .parent = -1, .low = -10, .high = 10};
    const pbx_dim category = {
        .struct_size = sizeof category, .type = PBX_DIM_CATEGORY, .parent = -1, .n_choices = 4};
    double low = 10, high = -10;
    guint same = 0;
    for (guint i = 0; i < 10000; i++) {
        double x = pbx_rng_near(&rng, &real, 9, 0.1), c = pbx_rng_near(&rng, &category, 2, 0.4);
        low = MIN(low, x);
        high = MAX(high, x);
        g_assert_true(c == 0 || c == 1 || c == 2 || c == 3);
        same += c == 2;
        g_assert_cmpfloat(fabs(pbx_rng_near(&rng, &real, 9, 0) - 9), <, 1e-12);
        g_assert_cmpfloat(pbx_rng_near(&rng, &category, 2, 0), ==, 2);
    }
    g_assert_true(low >= 7 && low < 7.01 && high < 10 && high > 9.99);
    g_assert_cmpfloat(fabs(same / 10000. - 0.7), <, 0.02); /* 0.6 + 0.4 / 4 */
    for (guint i = 0; i < 1000; i++)
        low = MIN(low, pbx_rng_near(&rng, &real, (double)NAN, 0.1));
    g_assert_cmpfloat(low, <, -9.5); /* from nowhere to anywhere */
}

/* ---- Losses ---- */

static void
test_final_loss(void)
{
    double loss = 2;
    pbx_result last = {.struct_size = sizeof last, .n_losses = 1, .losses = &loss};
    pbx_outcome outcome = {.struct_size = sizeof outcome, .end = PBX_END_COMPLETED, .last = &last};
    g_assert_cmpfloat(pbx_final_loss(&outcome), ==, 2);
    outcome.end = PBX_END_FAILED;
    g_assert_cmpfloat(pbx_final_loss(&outcome), ==, (double)INFINITY);
    outcome.end = PBX_END_VOID;
    g_assert_cmpfloat(pbx_final_loss(&outcome), ==, (double)INFINITY);
    outcome.end = PBX_END_EARLY_STOPPED;
    loss = (double)NAN;
    g_assert_cmpfloat(pbx_final_loss(&outcome), ==, (double)INFINITY);
    outcome.last = NULL;
    g_assert_cmpfloat(pbx_final_loss(&outcome), ==, (double)INFINITY);
}

#define ADD(NAME, FUNCTION) g_test_add_func("/helpers/" NAME, FUNCTION)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("fail-fills-in-the-error", test_fail_fills_in_the_error);
    ADD("format-real", test_format_real);
    ADD("memory-ends-with-the-instance", test_memory_ends_with_the_instance);
    ADD("a-refused-instance-is-freed", test_a_refused_instance_is_freed);
    ADD("copy-of-numbers", test_copy_of_numbers);
    ADD("sink-keeps-all", test_sink_keeps_all);
    ADD("map-against-a-table", test_map_against_a_table);
    ADD("structs-of-trials", test_structs_of_trials);
    ADD("cursor-walks-the-stream", test_cursor_walks_the_stream);
    ADD("draws", test_draws);
    ADD("near", test_near);
    ADD("permute", test_permute);
    ADD("final-loss", test_final_loss);
    return g_test_run();
}
