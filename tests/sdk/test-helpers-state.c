/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox/helpers/state.h and space.h: what is saved comes back, whatever the bytes are; values
 * go to the unit interval and back. */
#include <glib.h>
#include <pegbox/helpers.h>

typedef struct {
    double best;
    uint64_t count;
} Trial;

struct pbx_instance {
    pbx_base base;
    uint32_t small;
    int64_t negative;
    double *values;
    size_t n_values;
    char *text, *none;
    double fixed[2];
};

/* ---- State ---- */

static void
trial_state(pbx_blob *blob, void *item)
{
    Trial *trial = item;
    pbx_blob_real(blob, &trial->best);
    pbx_blob_u64(blob, &trial->count);
}

static void
state(pbx_instance *self, pbx_blob *blob)
{
    pbx_blob_u32(blob, &self->small);
    pbx_blob_i64(blob, &self->negative);
    pbx_blob_array(blob, &self->values, &self->n_values);
    pbx_blob_text(blob, &self->text);
    pbx_blob_text(blob, &self->none);
    pbx_blob_reals(blob, self->fixed, 2);
    pbx_blob_trials(blob, sizeof(Trial), trial_state);
}

static pbx_instance *
empty(void)
{
    pbx_instance *self = NULL;
    pbx_error error;
    g_assert_cmpint(pbx_instance_new(sizeof *self, NULL, NULL, &self, &error, NULL), ==, PBX_OK);
    return self;
}

static pbx_instance *
filled(void)
{
    pbx_instance *self = empty();
    self->small = 0xfedcba98;
    self->negative = -5;
    self->n_values = 300; /* more than the blob's buffer */
    self->values = pbx_alloc_array(self, self->n_values, sizeof(double));
    for (size_t i = 0; i < self->n_values; i++)
        self->values[i] = (double)i / 3;
    self->values[0] = (double)NAN;
    self->text = pbx_strdup(self, "text");
    self->fixed[0] = -(double)INFINITY;
    self->fixed[1] = -0.0;
    for (guint64 trial = 20; trial > 0; trial--) {
        Trial *item = pbx_of_trial(self, trial * 2, sizeof(Trial));
        *item = (Trial){.best = (double)trial, .count = trial + 1};
    }
    return self;
}

static pbx_memory
saved(pbx_instance *self)
{
    pbx_memory memory = {0};
    pbx_sink sink = pbx_memory_sink(&memory);
    pbx_error error;
    g_assert_cmpint(pbx_state_save(self, 1, &sink, &error, state), ==, PBX_OK);
    return memory;
}

static void
test_comes_back(void)
{
    pbx_instance *from = filled(), *to = empty();
    pbx_error error;
    pbx_memory first = saved(from);
    to->text = pbx_strdup(to, "what was there before");
    pbx_of_trial(to, 1, sizeof(Trial));
    g_assert_cmpint(pbx_state_load(to, 1, 1, first.bytes, first.n, &error, state), ==, PBX_OK);
    g_assert_cmpuint(to->small, ==, 0xfedcba98);
    g_assert_cmpint(to->negative, ==, -5);
    g_assert_cmpuint(to->n_values, ==, 300);
    g_assert_true(isnan(to->values[0]) && to->values[299] == 299. / 3);
    g_assert_cmpstr(to->text, ==, "text");
    g_assert_null(to->none);
    g_assert_true(isinf(to->fixed[0]) && signbit(to->fixed[1]));
    g_assert_cmpuint(to->base.trials.n, ==, 20);
    g_assert_cmpuint(((Trial *)pbx_of_trial(to, 8, sizeof(Trial)))->count, ==, 5);
    pbx_memory second = saved(to);
    g_assert_cmpmem(first.bytes, first.n, second.bytes, second.n);
    pbx_memory_free(&first);
    pbx_memory_free(&second);
    pbx_instance_free(from);
    pbx_instance_free(to);
}

static void
test_bytes_are_little_endian(void)
{
    pbx_instance *self = filled();
    pbx_memory memory = saved(self);
    g_assert_cmpmem(memory.bytes, 12, "\x98\xba\xdc\xfe\xfb\xff\xff\xff\xff\xff\xff\xff", 12);
    pbx_memory_free(&memory);
    pbx_instance_free(self);
}

/* A blob that is cut, longer or changed is refused, or read as another one, but never
 * read beyond its end. */
static void
test_damaged_state(void)
{
    pbx_instance *from = filled();
    pbx_memory memory = saved(from);
    pbx_error error;
    for (size_t n = 0; n < memory.n; n++) {
        pbx_instance *to = empty();
        g_autofree char *part = g_memdup2(memory.bytes, n); /* so that the sanitizer sees */
        g_assert_cmpint(pbx_state_load(to, 1, 1, part, n, &error, state), ==, PBX_EINVAL);
        g_assert_cmpstr(error.message, ==, "the state is damaged");
        pbx_instance_free(to);
    }
    for (size_t at = 0; at < memory.n; at++) {
        pbx_instance *to = empty();
        g_autofree char *changed = g_memdup2(memory.bytes, memory.n);
        changed[at] ^= 0xff;
        pbx_status status = pbx_state_load(to, 1, 1, changed, memory.n, &error, state);
        g_assert_true(status == PBX_OK || status == PBX_EINVAL);
        if (status == PBX_OK) {
            pbx_memory again = saved(to); /* what was read is whole */
            pbx_memory_free(&again);
        }
        pbx_instance_free(to);
    }
    pbx_instance *to = empty();
    g_assert_cmpint(pbx_memory_add(&memory, "", 1), ==, PBX_OK);
    g_assert_cmpint(pbx_state_load(to, 1, 1, memory.bytes, memory.n, &error, state), ==,
                    PBX_EINVAL);
    g_assert_cmpint(pbx_state_load(to, 2, 1, memory.bytes, memory.n, &error, state), ==,
                    PBX_ENOTSUP);
    g_assert_cmpstr(error.message, ==, "state of version 2; this plugin reads 1");
    pbx_instance_free(to);
    pbx_instance_free(from);
    pbx_memory_free(&memory);
}

static pbx_status
full(void *ctx, const void *bytes, size_t n)
{
    (void)ctx, (void)bytes, (void)n;
    return PBX_EIO;
}

static void
test_failure_of_the_sink_is_told(void)
{
    pbx_instance *self = filled();
    pbx_sink sink = {NULL, full};
    pbx_error error;
    g_assert_cmpint(pbx_state_save(self, 1, &sink, &error, state), ==, PBX_EIO);
    pbx_instance_free(self);
}

/* ---- The unit interval ---- */

#define DIM .struct_size = sizeof(pbx_dim), .parent = -1
static const pbx_dim dims[] = {
    {DIM, .low = -2, .high = 3},
    {DIM, .flags = PBX_DIM_LOG, .low = 1e-10, .high = 0.1},
    {DIM, .low = 0, .high = 0.9, .quantum = 0.3},
    {DIM, .flags = PBX_DIM_LOG, .low = 0.5, .high = 2, .quantum = 0.5},
    {DIM, .type = PBX_DIM_INT, .low = -3, .high = 7},
    {DIM, .type = PBX_DIM_INT, .low = 0, .high = 10, .quantum = 5},
    {DIM, .type = PBX_DIM_INT, .flags = PBX_DIM_LOG, .low = 1, .high = 99},
    {DIM, .type = PBX_DIM_INT, .flags = PBX_DIM_LOG, .low = 2, .high = 8, .quantum = 2},
    {DIM, .type = PBX_DIM_NORMAL, .mean = 3, .sd = 2},
    {DIM, .type = PBX_DIM_NORMAL, .mean = 0, .sd = 1, .quantum = 0.5},
    {DIM, .type = PBX_DIM_CATEGORY, .n_choices = 7},
};

static void
test_there_and_back(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(dims); i++) {
        const pbx_dim *dim = &dims[i];
        gboolean whole =
            dim->quantum > 0 || dim->type == PBX_DIM_INT || dim->type == PBX_DIM_CATEGORY;
        for (double u = 0; u <= 1; u += 1. / 512) {
            double x = pbx_from_unit(dim, u), back = pbx_to_unit(dim, x);
            g_assert_true(isfinite(x) && back >= 0 && back <= 1);
            if (whole)
                g_assert_cmpfloat(pbx_from_unit(dim, back), ==, x);
            else
                g_assert_cmpfloat_with_epsilon(back, u, 1e-9);
        }
        g_assert_true(isnan(pbx_to_unit(dim, (double)NAN)));
    }
}

static void
test_ends_stay_inside(void)
{
    static const double beyond[] = {-1e300, -1, 0, 1, 2, 1e300};
    for (guint i = 0; i < G_N_ELEMENTS(dims); i++) {
        for (guint k = 0; k < G_N_ELEMENTS(beyond); k++) {
            double x = pbx_from_unit(&dims[i], beyond[k]);
            g_assert_true(isfinite(x));
            if (dims[i].type == PBX_DIM_CATEGORY)
                g_assert_true(x >= 0 && x < dims[i].n_choices);
            else if (dims[i].type != PBX_DIM_NORMAL)
                g_assert_true(x >= dims[i].low && x <= dims[i].high);
        }
    }
    g_assert_cmpfloat(pbx_from_unit(&dims[0], 1), <, 3); /* open */
    g_assert_cmpfloat(pbx_from_unit(&dims[2], 1), ==, 0.9);
    g_assert_cmpfloat(pbx_from_unit(&dims[4], 1), ==, 7);
}

/* The middle of what a whole value owns: v - q/2 to v + q/2, or v to v + 1 in a logarithm. */
static void
test_whole_values_own_an_interval(void)
{
    g_assert_cmpfloat_with_epsilon(pbx_to_unit(&dims[4], -3), 0.5 / 11, 1e-12);
    g_assert_cmpfloat_with_epsilon(pbx_to_unit(&dims[5], 5), 0.5, 1e-12);
    g_assert_cmpfloat_with_epsilon(pbx_to_unit(&dims[6], 1), log(1.5) / log(100), 1e-12);
    g_assert_cmpfloat_with_epsilon(pbx_to_unit(&dims[7], 2), log(2) / log(9), 1e-12);
    g_assert_cmpfloat_with_epsilon(pbx_to_unit(&dims[10], 3), 0.5, 1e-12);
}

static void
test_normal_inverse(void)
{
    g_assert_cmpfloat_with_epsilon(pbx_normal_inverse(0.975), 1.959963984540054, 1e-14);
    g_assert_cmpfloat_with_epsilon(pbx_normal_inverse(0.5), 0, 1e-15);
    g_assert_cmpfloat_with_epsilon(pbx_normal_inverse(1e-300), -37.0471, 1e-4);
    for (double p = 1e-12; p < 1; p *= 1.7) {
        double z = pbx_normal_inverse(p);
        g_assert_cmpfloat_with_epsilon(pbx_normal_cdf(z) / p, 1, 1e-12);
        if (p > 1e-3 && p < 0.5)
            g_assert_cmpfloat_with_epsilon(pbx_normal_inverse(1 - p), -z, 1e-10);
    }
}

static void
test_active(void)
{
    pbx_dim child = dims[0];
    double x[] = {2, 0};
    g_assert_true(pbx_active(&child, x));
    child.parent = 0;
    child.parent_choice = 2;
    g_assert_true(pbx_active(&child, x));
    x[0] = 1;
    g_assert_false(pbx_active(&child, x));
    x[0] = (double)NAN;
    g_assert_false(pbx_active(&child, x));
}

#define ADD(NAME, FUNCTION) g_test_add_func("/helpers/" NAME, FUNCTION)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("state/comes-back", test_comes_back);
    ADD("state/bytes-are-little-endian", test_bytes_are_little_endian);
    ADD("state/damaged", test_damaged_state);
    ADD("state/failure-of-the-sink-is-told", test_failure_of_the_sink_is_told);
    ADD("unit/there-and-back", test_there_and_back);
    ADD("unit/ends-stay-inside", test_ends_stay_inside);
    ADD("unit/whole-values-own-an-interval", test_whole_values_own_an_interval);
    ADD("unit/normal-inverse", test_normal_inverse);
    ADD("unit/active", test_active);
    return g_test_run();
}
