/* SPDX-License-Identifier: MIT */
/*
 * pegbox/helpers/points.h: points that a person gives. A point is a part of a config, as nested
 * objects or by dotted paths; each value fixes the dimensions at its place, and the branches that
 * these hang on.
 */
#ifndef PEGBOX_HELPERS_POINTS_H
#define PEGBOX_HELPERS_POINTS_H

#include <math.h>
#include <pegbox/helpers/memory.h>
#include <pegbox/types.h>
#include <stdio.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One point that is being read. */
typedef struct pbx_point_reader {
    const pbx_host *host;
    const pbx_space *space;
    double *row;
} pbx_point_reader;

/* A place in the config: "optimizer.lr", "layers[0]". What is longer is cut, and matches
 * nothing. */
typedef struct pbx_point_path {
    size_t n;
    char text[512];
} pbx_point_path;

/* ---- Paths ---- */

static inline void
pbx_point_path_put(pbx_point_path *path, const char *text, size_t n)
{
    if (n > sizeof(path->text) - 1 - path->n)
        n = sizeof(path->text) - 1 - path->n;
    memcpy(path->text + path->n, text, n);
    path->n += n;
    path->text[path->n] = '\0';
}

/* The place of a key that is a dotted path of its own. */
static inline pbx_point_path
pbx_point_path_append(const pbx_point_path *path, const char *dotted)
{
    pbx_point_path longer = *path;
    if (path->n > 0 && dotted[0] != '[')
        pbx_point_path_put(&longer, ".", 1);
    pbx_point_path_put(&longer, dotted, strlen(dotted));
    return longer;
}

/* The place of any key: in quotes where it has what means something in a path. */
static inline pbx_point_path
pbx_point_path_member(const pbx_point_path *path, const char *key)
{
    pbx_point_path member = *path;
    if (key[0] != '\0' && strpbrk(key, "./[\"") == NULL)
        return pbx_point_path_append(path, key);
    pbx_point_path_put(&member, ".", path->n > 0 ? 1 : 0);
    pbx_point_path_put(&member, "\"", 1);
    for (; *key != '\0'; key++) {
        pbx_point_path_put(&member, "\\", *key == '"' || *key == '\\' ? 1 : 0);
        pbx_point_path_put(&member, key, 1);
    }
    pbx_point_path_put(&member, "\"", 1);
    return member;
}

static inline pbx_point_path
pbx_point_path_item(const pbx_point_path *path, size_t i)
{
    pbx_point_path item = *path;
    char index[32];
    pbx_point_path_put(&item, index, (size_t)snprintf(index, sizeof(index), "[%zu]", i));
    return item;
}

/* ---- Values ---- */

static inline int
pbx_point_is_number(const pbx_host *host, const pbx_json *node)
{
    return host->json_type(node) == PBX_JSON_INT || host->json_type(node) == PBX_JSON_REAL;
}

static inline int
pbx_point_is_container(const pbx_host *host, const pbx_json *node)
{
    return host->json_type(node) == PBX_JSON_OBJECT || host->json_type(node) == PBX_JSON_ARRAY;
}

/* Whether two values are the same; 1 and 1.0 are. */
static inline int
pbx_point_is_equal(const pbx_host *host, const pbx_json *a, const pbx_json *b)
{
    size_t n = host->json_length(a);
    if (pbx_point_is_number(host, a) && pbx_point_is_number(host, b))
        return host->json_real(a, 0) == host->json_real(b, 0);
    if (host->json_type(a) != host->json_type(b))
        return 0;
    if (host->json_type(a) == PBX_JSON_STRING)
        return strcmp(host->json_string(a, ""), host->json_string(b, "")) == 0;
    if (host->json_type(a) == PBX_JSON_BOOL)
        return host->json_bool(a, 0) == host->json_bool(b, 0);
    if (!pbx_point_is_container(host, a))
        return 1; /* null */
    if (n != host->json_length(b))
        return 0;
    for (size_t i = 0; i < n; i++) {
        const pbx_json *other = host->json_type(a) == PBX_JSON_OBJECT
                                    ? host->json_member(b, host->json_key(a, i))
                                    : host->json_item(b, i);
        if (!pbx_point_is_equal(host, host->json_item(a, i), other))
            return 0;
    }
    return 1;
}

/* {"$uniform": ...} within a choice. */
static inline int
pbx_point_is_operator(const pbx_host *host, const pbx_json *node)
{
    return host->json_type(node) == PBX_JSON_OBJECT && host->json_length(node) == 1 &&
           host->json_key(node, 0)[0] == '$';
}

static inline int pbx_point_try_value(const pbx_point_reader *reader, uint32_t dim,
                                      const pbx_point_path *path, const pbx_json *value);

/* The dimension at a place directly within a branch; n_dims: none. */
static inline uint32_t
pbx_point_find_child(const pbx_point_reader *reader, uint32_t parent, uint32_t choice,
                     const pbx_point_path *path)
{
    for (uint32_t i = parent + 1; i < reader->space->n_dims; i++) {
        const pbx_dim *dim = reader->space->dims[i];
        if (dim->parent == (int32_t)parent && dim->parent_choice == choice &&
            strcmp(dim->path, path->text) == 0)
            return i;
    }
    return reader->space->n_dims;
}

/* Whether a value fits what a branch has at that place; what varies there is fixed. An
 * object may leave out members. */
static inline int
pbx_point_try_branch(const pbx_point_reader *reader, uint32_t parent, uint32_t choice,
                     const pbx_json *pattern, const pbx_point_path *path, const pbx_json *value)
{
    const pbx_host *host = reader->host;
    int is_object = host->json_type(pattern) == PBX_JSON_OBJECT;
    if (pbx_point_is_operator(host, pattern)) {
        uint32_t dim = pbx_point_find_child(reader, parent, choice, path);
        /* An operator with a single value has no dimension. */
        return dim == reader->space->n_dims || pbx_point_try_value(reader, dim, path, value);
    }
    if (!pbx_point_is_container(host, pattern))
        return pbx_point_is_equal(host, pattern, value);
    if (host->json_type(value) != host->json_type(pattern) ||
        (!is_object && host->json_length(value) != host->json_length(pattern)))
        return 0;
    for (size_t i = 0; i < host->json_length(value); i++) {
        const char *key = host->json_key(value, i);
        pbx_point_path inner =
            is_object ? pbx_point_path_member(path, key) : pbx_point_path_item(path, i);
        const pbx_json *part =
            is_object ? host->json_member(pattern, key) : host->json_item(pattern, i);
        if (part == NULL ||
            !pbx_point_try_branch(reader, parent, choice, part, &inner, host->json_item(value, i)))
            return 0;
    }
    return 1;
}

static inline int
pbx_point_try_category(const pbx_point_reader *reader, uint32_t dim, const pbx_point_path *path,
                       const pbx_json *value)
{
    const pbx_host *host = reader->host;
    const pbx_dim *category = reader->space->dims[dim];
    for (uint32_t c = 0; c < category->n_choices; c++) {
        reader->row[dim] = c;
        if (pbx_point_is_equal(host, host->json_item(category->choices, c), value))
            return 1;
    }
    for (uint32_t c = 0; c < category->n_choices; c++) {
        reader->row[dim] = c;
        if (pbx_point_try_branch(reader, dim, c, host->json_item(category->choices, c), path,
                                 value))
            return 1;
    }
    reader->row[dim] = (double)NAN;
    return 0;
}

/* Fixes a dimension; 0: the value is none of its. As in Tune both bounds are in it. */
static inline int
pbx_point_try_value(const pbx_point_reader *reader, uint32_t dim, const pbx_point_path *path,
                    const pbx_json *value)
{
    const pbx_dim *self = reader->space->dims[dim];
    double number = reader->host->json_real(value, (double)NAN);
    if (self->type == PBX_DIM_CATEGORY)
        return pbx_point_try_category(reader, dim, path, value);
    if (!pbx_point_is_number(reader->host, value) || !isfinite(number))
        return 0;
    if (self->type != PBX_DIM_NORMAL && !(self->low <= number && number <= self->high))
        return 0;
    if (self->type == PBX_DIM_INT && number != rint(number))
        return 0;
    reader->row[dim] = number;
    return 1;
}

/* ---- Places ---- */

/* A dimension that lies within another one at the same place is that one's affair. */
static inline int
pbx_point_is_outermost(const pbx_space *space, const pbx_dim *dim)
{
    for (int32_t up = dim->parent; up >= 0; up = space->dims[up]->parent)
        if (strcmp(space->dims[up]->path, dim->path) == 0)
            return 0;
    return 1;
}

/* Takes the branches that lead to a dimension; 0: the point has others. */
static inline int
pbx_point_take_branches(const pbx_point_reader *reader, uint32_t dim)
{
    const pbx_dim *child = reader->space->dims[dim];
    while (child->parent >= 0) {
        double *choice = &reader->row[child->parent];
        if (isnan(*choice))
            *choice = child->parent_choice;
        if (*choice != child->parent_choice)
            return 0;
        child = reader->space->dims[child->parent];
    }
    return 1;
}

/* How many dimensions are at a place, and how many of them take the value. One that
 * stands alone there decides on its branches; others serve whichever is drawn. */
static inline uint32_t
pbx_point_try_place(const pbx_point_reader *reader, const pbx_point_path *path,
                    const pbx_json *value, uint32_t *n_fitting)
{
    uint32_t n = 0, last = 0;
    *n_fitting = 0;
    for (uint32_t i = 0; i < reader->space->n_dims; i++) {
        const pbx_dim *dim = reader->space->dims[i];
        if (strcmp(dim->path, path->text) != 0 || !pbx_point_is_outermost(reader->space, dim))
            continue;
        n++;
        last = i;
        *n_fitting += pbx_point_try_value(reader, i, path, value) ? 1 : 0;
    }
    if (n == 1 && *n_fitting == 1 && !pbx_point_take_branches(reader, last))
        *n_fitting = 0;
    return n;
}

static inline pbx_status pbx_point_read_members(const pbx_point_reader *reader,
                                                const pbx_point_path *path,
                                                const pbx_json *container, pbx_error *error);

/* A value at a place. Items of an array cannot be left out, so some may be constants. */
static inline pbx_status
pbx_point_read_value(const pbx_point_reader *reader, const pbx_point_path *path,
                     const pbx_json *value, int is_item, pbx_error *error)
{
    uint32_t fitting;
    if (pbx_point_try_place(reader, path, value, &fitting) == 0) {
        if (pbx_point_is_container(reader->host, value))
            return pbx_point_read_members(reader, path, value, error);
        if (is_item)
            return PBX_OK;
        return pbx_fail(error, PBX_EINVAL, NULL, "%s is no parameter that varies", path->text);
    }
    if (fitting == 0)
        return pbx_fail(error, PBX_ENOTSUP, NULL, "the value of %s lies outside the space",
                        path->text);
    return PBX_OK;
}

static inline pbx_status
pbx_point_read_members(const pbx_point_reader *reader, const pbx_point_path *path,
                       const pbx_json *container, pbx_error *error)
{
    const pbx_host *host = reader->host;
    int is_array = host->json_type(container) == PBX_JSON_ARRAY;
    pbx_status status = PBX_OK;
    for (size_t i = 0; i < host->json_length(container) && status == PBX_OK; i++) {
        const pbx_json *value = host->json_item(container, i);
        pbx_point_path inner;
        if (is_array) {
            inner = pbx_point_path_item(path, i);
        } else {
            uint32_t fitting;
            inner = pbx_point_path_append(path, host->json_key(container, i));
            if (pbx_point_try_place(reader, &inner, value, &fitting) == 0)
                inner = pbx_point_path_member(path, host->json_key(container, i));
        }
        status = pbx_point_read_value(reader, &inner, value, is_array, error);
    }
    return status;
}

/* Reads a point into row[n_dims], with NaN for what it leaves open. EINVAL: it is none, or names
 * what is no parameter; ENOTSUP: a value lies outside the space. */
static inline pbx_status
pbx_point_read(const pbx_host *host, const pbx_space *space, const pbx_json *point, double *row,
               pbx_error *error)
{
    pbx_point_reader reader = {host, space, row};
    pbx_point_path root = {0, ""};
    for (uint32_t i = 0; i < space->n_dims; i++)
        row[i] = (double)NAN;
    if (host->json_type(point) != PBX_JSON_OBJECT)
        return pbx_fail(error, PBX_EINVAL, NULL, "needs to be an object of parameters");
    return pbx_point_read_members(&reader, &root, point, error);
}

#ifdef __cplusplus
}
#endif
#endif
