/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* helpers/npy.h: arrays in NumPy's files, and what only looks like one. */
#include <glib.h>
#include <pegbox/helpers.h>

struct pbx_instance {
    pbx_base base;
};

/* A file of version 1.0 (or `major`) with this header and n bytes 0, 1, 2, ... of items. */
static GByteArray *
file_of(guint8 major, const char *header, gsize n)
{
    GByteArray *file = g_byte_array_new();
    const guint8 magic[] = {0x93, 'N', 'U', 'M', 'P', 'Y', major, 0};
    const gsize length = strlen(header);
    g_byte_array_append(file, magic, sizeof magic);
    for (guint i = 0; i < (major > 1 ? 4 : 2); i++) {
        const guint8 byte = (guint8)(length >> (8 * i));
        g_byte_array_append(file, &byte, 1);
    }
    g_byte_array_append(file, (const guint8 *)header, (guint)length);
    for (gsize i = 0; i < n; i++) {
        const guint8 byte = (guint8)i;
        g_byte_array_append(file, &byte, 1);
    }
    return file;
}

static pbx_status
find(guint8 major, const char *header, gsize n, pbx_npy *array)
{
    g_autoptr(GByteArray) file = file_of(major, header, n);
    pbx_status status = pbx_npy_find(file->data, file->len, array);
    if (status == PBX_OK)
        g_assert_true((const guint8 *)array->items == file->data + file->len - n);
    return status;
}

#define HEADER(TYPE, ORDER, SHAPE)                                                                 \
    "{'descr': '" TYPE "', 'fortran_order': " ORDER ", 'shape': (" SHAPE "), }   \n"

static void
test_arrays(void)
{
    pbx_npy array;
    for (guint8 major = 1; major <= 3; major++) {
        g_assert_cmpint(find(major, HEADER("<f8", "False", "3, 2"), 48, &array), ==, PBX_OK);
        g_assert_cmpuint(array.n_dims, ==, 2);
        g_assert_cmpuint(array.shape[0], ==, 3);
        g_assert_cmpuint(array.shape[1], ==, 2);
        g_assert_cmpuint(array.n, ==, 6);
        g_assert_cmpstr(array.type, ==, "<f8");
    }
    g_assert_cmpint(find(1, HEADER("|u1", "False", "10,"), 10, &array), ==, PBX_OK);
    g_assert_cmpuint(array.n, ==, 10);
    g_assert_cmpint(find(1, HEADER("<i8", "False", ""), 8, &array), ==, PBX_OK); /* one number */
    g_assert_cmpuint(array.n_dims, ==, 0);
    g_assert_cmpuint(array.n, ==, 1);
    g_assert_cmpint(find(1, HEADER("<f4", "False", "0, 5"), 0, &array), ==, PBX_OK);
    g_assert_cmpuint(array.n, ==, 0);
    g_assert_cmpint(find(1, HEADER("<c16", "True", "2,"), 32, &array), ==, PBX_OK);
}

static void
test_what_is_none(void)
{
    static const char *const bad[] = {
        HEADER("<f8", "False", "7"),
        HEADER("<f8", "False", "18446744073709551615, 2"),
        HEADER("<f8", "False", "99999999999999999999999"),
        HEADER("<f8", "False", "4294967296, 4294967296, 4294967296"),
        HEADER("<f", "False", "1,"),
        HEADER("|O", "False", "1,"),
        "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,), }\n",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1, \n",
        "{'descr': '<f8', 'fortran_order': False, }\n",
        "{'descr': '<f8', 'shape': (1,), }\n",
        "{'descr':",
        "",
    };
    pbx_npy array;
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_cmpint(find(1, bad[i], 48, &array), ==, PBX_EINVAL);
    g_assert_cmpint(find(1, HEADER("<f8", "True", "3, 2"), 48, &array), ==, PBX_ENOTSUP);
    g_assert_cmpint(pbx_npy_find("{\"key\": [1, 2, 3]}", 18, &array), ==, PBX_EINVAL);
    GString *dims = g_string_new(NULL);
    for (guint i = 0; i <= PBX_NPY_MAX_DIMS; i++)
        g_string_append(dims, "1, ");
    g_autofree char *many =
        g_strdup_printf("{'descr': '<f8', 'fortran_order': False, 'shape': (%s), }\n", dims->str);
    g_assert_cmpint(find(1, many, 8, &array), ==, PBX_EINVAL);
    g_string_free(dims, TRUE);
}

static void
test_cut_at_each_byte(void)
{
    g_autoptr(GByteArray) file = file_of(1, HEADER("<f8", "False", "3, 2"), 48);
    pbx_npy array;
    for (gsize n = 0; n < file->len; n++) {
        g_autofree guint8 *part = g_memdup2(file->data, n); /* so that a read beyond it is seen */
        g_assert_cmpint(pbx_npy_find(part, n, &array), ==, PBX_EINVAL);
    }
    g_assert_cmpint(pbx_npy_find(file->data, file->len, &array), ==, PBX_OK);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/helpers/npy/arrays", test_arrays);
    g_test_add_func("/helpers/npy/what-is-none", test_what_is_none);
    g_test_add_func("/helpers/npy/cut-at-each-byte", test_cut_at_each_byte);
    return g_test_run();
}
