/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox/helpers/state.h: what is saved comes back, whatever the bytes are. */
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

#define ADD(NAME, FUNCTION) g_test_add_func("/helpers/" NAME, FUNCTION)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("state/comes-back", test_comes_back);
    ADD("state/bytes-are-little-endian", test_bytes_are_little_endian);
    ADD("state/damaged", test_damaged_state);
    ADD("state/failure-of-the-sink-is-told", test_failure_of_the_sink_is_told);
    return g_test_run();
}
