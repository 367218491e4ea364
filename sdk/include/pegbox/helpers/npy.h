/* SPDX-License-Identifier: MIT */
/*
 * pegbox/helpers/npy.h: arrays of numbers among the experiment's data. What stands as an
 * array in the experiment file, and any file that NumPy's save wrote, is found in place.
 */
#ifndef PEGBOX_HELPERS_NPY_H
#define PEGBOX_HELPERS_NPY_H

#include <pegbox/helpers/define.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PBX_NPY_MAX_DIMS 32

/* An array in memory that is somebody else's. */
typedef struct pbx_npy {
    const void *items; /* row by row; aligned as the file has it: 64 bytes from its start */
    size_t n;          /* how many in all */
    size_t n_dims;
    size_t shape[PBX_NPY_MAX_DIMS];
    char type[8]; /* as NumPy writes it: "<f8" is double, "<i8" int64_t */
} pbx_npy;

/* The text behind 'KEY': in a header of `size` bytes; NULL: none. */
static inline const char *
pbx_npy_value(const char *header, size_t size, const char *key)
{
    size_t length = strlen(key);
    for (size_t i = 0; i + length < size; i++) {
        if (memcmp(header + i, key, length) != 0)
            continue;
        for (i += length; i < size && (header[i] == ' ' || header[i] == ':'); i++)
            ;
        return i < size ? header + i : NULL;
    }
    return NULL;
}

static inline pbx_status
pbx_npy_shape(const char *header, size_t size, pbx_npy *array)
{
    const char *at = pbx_npy_value(header, size, "'shape'"), *end = header + size;
    array->n = 1;
    if (!at || *at != '(')
        return PBX_EINVAL;
    for (at++; at < end && *at != ')'; at++) {
        size_t length = 0;
        if (*at < '0' || *at > '9')
            continue;
        for (; at < end && *at >= '0' && *at <= '9'; at++) {
            if (length > SIZE_MAX / 10 - 1)
                return PBX_EINVAL;
            length = length * 10 + (size_t)(*at - '0');
        }
        at--;
        if (array->n_dims == PBX_NPY_MAX_DIMS || (length && array->n > SIZE_MAX / length))
            return PBX_EINVAL;
        array->shape[array->n_dims++] = length;
        array->n *= length;
    }
    return at < end ? PBX_OK : PBX_EINVAL;
}

/*
 * Finds the array in n bytes of a .npy file, as session->data gives them. EINVAL: they are none,
 * or are cut; ENOTSUP: its items lie column by column.
 */
static inline pbx_status
pbx_npy_find(const void *bytes, size_t n, pbx_npy *array)
{
    const unsigned char *file = (const unsigned char *)bytes;
    const char *header, *type, *order;
    size_t start = 10, size, item = 0;
    memset(array, 0, sizeof(*array));
    if (n < 12 || memcmp(file, "\x93NUMPY", 6) != 0)
        return PBX_EINVAL;
    size = file[8] | (size_t)file[9] << 8;
    if (file[6] > 1) {
        size |= (size_t)file[10] << 16 | (size_t)file[11] << 24;
        start = 12;
    }
    if (size > n - start)
        return PBX_EINVAL;
    header = (const char *)file + start;
    type = pbx_npy_value(header, size, "'descr'");
    order = pbx_npy_value(header, size, "'fortran_order'");
    if (!type || *type != '\'' || !order || pbx_npy_shape(header, size, array) != PBX_OK)
        return PBX_EINVAL;
    for (size_t i = 0; i + 1 < sizeof(array->type) && type + 1 + i < header + size; i++) {
        if (type[1 + i] == '\'')
            break;
        array->type[i] = type[1 + i];
        if (i >= 2 && type[1 + i] >= '0' && type[1 + i] <= '9')
            item = item * 10 + (size_t)(type[1 + i] - '0');
    }
    if (*order == 'T' && array->n_dims > 1)
        return PBX_ENOTSUP;
    if (item == 0 || array->n > (n - start - size) / item)
        return PBX_EINVAL;
    array->items = file + start + size;
    return PBX_OK;
}

#ifdef __cplusplus
}
#endif
#endif
