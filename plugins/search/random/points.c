/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search/random: points_to_evaluate. A point is a part of a config, as nested objects or
 * by dotted paths; each value fixes the dimensions at its place, and the branches that
 * these hang on.
 */
#include "random.h"

/* One point that is being read. */
typedef struct {
    const pbx_host *host;
    const pbx_space *space;
    double *row;
} Reader;

/* A place in the config: "optimizer.lr", "layers[0]". What is longer is cut, and matches
 * nothing. */
typedef struct {
    size_t n;
    char text[512];
} Path;

/* ---- Paths ---- */

static void
path_put(Path *path, const char *text, size_t n)
{
    if (n > sizeof(path->text) - 1 - path->n)
        n = sizeof(path->text) - 1 - path->n;
    memcpy(path->text + path->n, text, n);
    path->n += n;
    path->text[path->n] = '\0';
}

/* The place of a key that is a dotted path of its own. */
static Path
path_append(const Path *path, const char *dotted)
{
    Path longer = *path;
    if (path->n > 0 && dotted[0] != '[')
        path_put(&longer, ".", 1);
    path_put(&longer, dotted, strlen(dotted));
    return longer;
}

/* The place of any key: in quotes where it has what means something in a path. */
static Path
path_member(const Path *path, const char *key)
{
    Path member = *path;
    if (key[0] != '\0' && strpbrk(key, "./[\"") == NULL)
        return path_append(path, key);
    path_put(&member, ".", path->n > 0 ? 1 : 0);
    path_put(&member, "\"", 1);
    for (; *key != '\0'; key++) {
        path_put(&member, "\\", *key == '"' || *key == '\\' ? 1 : 0);
        path_put(&member, key, 1);
    }
    path_put(&member, "\"", 1);
    return member;
}

static Path
path_item(const Path *path, size_t i)
{
    Path item = *path;
    char index[32];
    path_put(&item, index, (size_t)snprintf(index, sizeof(index), "[%zu]", i));
    return item;
}

/* ---- Values ---- */

static int
is_number(const pbx_host *host, const pbx_json *node)
{
    return host->json_type(node) == PBX_JSON_INT || host->json_type(node) == PBX_JSON_REAL;
}

static int
is_container(const pbx_host *host, const pbx_json *node)
{
    return host->json_type(node) == PBX_JSON_OBJECT || host->json_type(node) == PBX_JSON_ARRAY;
}

/* Whether two values are the same; 1 and 1.0 are. */
static int
is_equal(const pbx_host *host, const pbx_json *a, const pbx_json *b)
{
    size_t n = host->json_length(a);
    if (is_number(host, a) && is_number(host, b))
        return host->json_real(a, 0) == host->json_real(b, 0);
    if (host->json_type(a) != host->json_type(b))
        return 0;
    if (host->json_type(a) == PBX_JSON_STRING)
        return strcmp(host->json_string(a, ""), host->json_string(b, "")) == 0;
    if (host->json_type(a) == PBX_JSON_BOOL)
        return host->json_bool(a, 0) == host->json_bool(b, 0);
    if (!is_container(host, a))
        return 1; /* null */
    if (n != host->json_length(b))
        return 0;
    for (size_t i = 0; i < n; i++) {
        const pbx_json *other = host->json_type(a) == PBX_JSON_OBJECT
                                    ? host->json_member(b, host->json_key(a, i))
                                    : host->json_item(b, i);
        if (!is_equal(host, host->json_item(a, i), other))
            return 0;
    }
    return 1;
}

/* {"$uniform": ...} within a choice. */
static int
is_operator(const pbx_host *host, const pbx_json *node)
{
    return host->json_type(node) == PBX_JSON_OBJECT && host->json_length(node) == 1 &&
           host->json_key(node, 0)[0] == '$';
}

static int try_value(const Reader *reader, uint32_t dim, const Path *path, const pbx_json *value);

/* The dimension at a place directly within a branch; n_dims: none. */
static uint32_t
find_child(const Reader *reader, uint32_t parent, uint32_t choice, const Path *path)
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
static int
try_branch(const Reader *reader, uint32_t parent, uint32_t choice, const pbx_json *pattern,
           const Path *path, const pbx_json *value)
{
    const pbx_host *host = reader->host;
    int is_object = host->json_type(pattern) == PBX_JSON_OBJECT;
    if (is_operator(host, pattern)) {
        uint32_t dim = find_child(reader, parent, choice, path);
        /* An operator with a single value has no dimension. */
        return dim == reader->space->n_dims || try_value(reader, dim, path, value);
    }
    if (!is_container(host, pattern))
        return is_equal(host, pattern, value);
    if (host->json_type(value) != host->json_type(pattern) ||
        (!is_object && host->json_length(value) != host->json_length(pattern)))
        return 0;
    for (size_t i = 0; i < host->json_length(value); i++) {
        const char *key = host->json_key(value, i);
        Path inner = is_object ? path_member(path, key) : path_item(path, i);
        const pbx_json *part =
            is_object ? host->json_member(pattern, key) : host->json_item(pattern, i);
        if (part == NULL ||
            !try_branch(reader, parent, choice, part, &inner, host->json_item(value, i)))
            return 0;
    }
    return 1;
}

static int
try_category(const Reader *reader, uint32_t dim, const Path *path, const pbx_json *value)
{
    const pbx_host *host = reader->host;
    const pbx_dim *category = reader->space->dims[dim];
    for (uint32_t c = 0; c < category->n_choices; c++) {
        reader->row[dim] = c;
        if (is_equal(host, host->json_item(category->choices, c), value))
            return 1;
    }
    for (uint32_t c = 0; c < category->n_choices; c++) {
        reader->row[dim] = c;
        if (try_branch(reader, dim, c, host->json_item(category->choices, c), path, value))
            return 1;
    }
    reader->row[dim] = NAN;
    return 0;
}

/* Fixes a dimension; 0: the value is none of its. As in Tune both bounds are in it. */
static int
try_value(const Reader *reader, uint32_t dim, const Path *path, const pbx_json *value)
{
    const pbx_dim *self = reader->space->dims[dim];
    double number = reader->host->json_real(value, NAN);
    if (self->type == PBX_DIM_CATEGORY)
        return try_category(reader, dim, path, value);
    if (!is_number(reader->host, value) || !isfinite(number))
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
static int
is_outermost(const pbx_space *space, const pbx_dim *dim)
{
    for (int32_t up = dim->parent; up >= 0; up = space->dims[up]->parent)
        if (strcmp(space->dims[up]->path, dim->path) == 0)
            return 0;
    return 1;
}

/* Takes the branches that lead to a dimension; 0: the point has others. */
static int
take_branches(const Reader *reader, uint32_t dim)
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
static uint32_t
try_place(const Reader *reader, const Path *path, const pbx_json *value, uint32_t *n_fitting)
{
    uint32_t n = 0, last = 0;
    *n_fitting = 0;
    for (uint32_t i = 0; i < reader->space->n_dims; i++) {
        const pbx_dim *dim = reader->space->dims[i];
        if (strcmp(dim->path, path->text) != 0 || !is_outermost(reader->space, dim))
            continue;
        n++;
        last = i;
        *n_fitting += try_value(reader, i, path, value) ? 1 : 0;
    }
    if (n == 1 && *n_fitting == 1 && !take_branches(reader, last))
        *n_fitting = 0;
    return n;
}

static pbx_status read_members(const Reader *reader, const Path *path, const pbx_json *container,
                               pbx_error *error);

/* A value at a place. Items of an array cannot be left out, so some may be constants. */
static pbx_status
read_value(const Reader *reader, const Path *path, const pbx_json *value, int is_item,
           pbx_error *error)
{
    uint32_t fitting;
    if (try_place(reader, path, value, &fitting) == 0) {
        if (is_container(reader->host, value))
            return read_members(reader, path, value, error);
        if (is_item)
            return PBX_OK;
        return pbx_fail(error, PBX_EINVAL, NULL, "%s is no parameter that varies", path->text);
    }
    if (fitting == 0)
        return pbx_fail(error, PBX_EINVAL, NULL, "the value of %s lies outside the space",
                        path->text);
    return PBX_OK;
}

static pbx_status
read_members(const Reader *reader, const Path *path, const pbx_json *container, pbx_error *error)
{
    const pbx_host *host = reader->host;
    int is_array = host->json_type(container) == PBX_JSON_ARRAY;
    pbx_status status = PBX_OK;
    for (size_t i = 0; i < host->json_length(container) && status == PBX_OK; i++) {
        const pbx_json *value = host->json_item(container, i);
        Path inner;
        if (is_array) {
            inner = path_item(path, i);
        } else {
            uint32_t fitting;
            inner = path_append(path, host->json_key(container, i));
            if (try_place(reader, &inner, value, &fitting) == 0)
                inner = path_member(path, host->json_key(container, i));
        }
        status = read_value(reader, &inner, value, is_array, error);
    }
    return status;
}

pbx_status
random_read_point(const pbx_host *host, const pbx_space *space, const pbx_json *point, size_t index,
                  double *row, pbx_error *error)
{
    Reader reader = {host, space, row};
    Path root = {0, ""};
    pbx_status status;
    for (uint32_t i = 0; i < space->n_dims; i++)
        row[i] = NAN;
    status = host->json_type(point) == PBX_JSON_OBJECT
                 ? read_members(&reader, &root, point, error)
                 : pbx_fail(error, PBX_EINVAL, NULL, "needs to be an object of parameters");
    if (status != PBX_OK)
        snprintf(error->where, sizeof(error->where), "points_to_evaluate[%zu]", index);
    return status;
}
