/* SPDX-License-Identifier: MIT */
/*
 * pegbox/helpers/memory.h: errors, memory that ends with the instance, a map from
 * trial numbers, a sink that keeps what it is given, and numbers as text.
 */
#ifndef PEGBOX_HELPERS_MEMORY_H
#define PEGBOX_HELPERS_MEMORY_H

#include <math.h>
#include <pegbox/plugin.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define PBX_PRINTF(FORMAT, FIRST) __attribute__((format(printf, FORMAT, FIRST)))
#else
#define PBX_PRINTF(FORMAT, FIRST)
#endif

/* ---- Errors ---- */

/* Fills in the error and gives the status back: `return pbx_fail(error, PBX_EINVAL,
 * "max_t", "is below %s", "grace_period");`. `where` NULL: nowhere. */
static inline pbx_status pbx_fail(pbx_error *error, pbx_status status, const char *where,
                                  const char *format, ...) PBX_PRINTF(4, 5);
static inline pbx_status
pbx_fail(pbx_error *error, pbx_status status, const char *where, const char *format, ...)
{
    va_list args;
    snprintf(error->where, sizeof(error->where), "%s", where ? where : "");
    va_start(args, format);
    vsnprintf(error->message, sizeof(error->message), format, args);
    va_end(args);
    return status;
}

static inline pbx_status
pbx_fail_memory(pbx_error *error)
{
    return pbx_fail(error, PBX_ENOMEM, NULL, "out of memory");
}

/* A formatted line to the run's log. */
static inline void pbx_log(const pbx_host *host, int32_t level, const char *format, ...)
    PBX_PRINTF(3, 4);
static inline void
pbx_log(const pbx_host *host, int32_t level, const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    host->log(host, level, line);
}

/*
 * The shortest decimal text that reads back as the value, for messages: "0.1",
 * "20", "1e-05", "nan", "-inf". With a '.' in every locale, unlike printf.
 * Returns the buffer.
 */
static inline char *
pbx_format_real(double value, char buffer[32])
{
    char text[64];
    size_t to = 0;
    int digits = 1;
    if (isnan(value) || isinf(value)) {
        snprintf(buffer, 32, "%s", isnan(value) ? "nan" : value < 0 ? "-inf" : "inf");
        return buffer;
    }
    if (value == rint(value) && fabs(value) < 1e15) {
        snprintf(buffer, 32, "%.0f", value);
        return buffer;
    }
    do
        snprintf(text, sizeof(text), "%.*g", digits, value);
    while (strtod(text, NULL) != value && digits++ < 17);
    /* A locale's decimal point may have several bytes. */
    for (size_t from = 0; text[from] != '\0' && to < 31; from++) {
        int plain = strchr("0123456789+-e", text[from]) != NULL;
        if (plain || to == 0 || buffer[to - 1] != '.')
            buffer[to++] = plain ? text[from] : '.';
    }
    buffer[to] = '\0';
    return buffer;
}

/* ---- Memory that ends with the instance ---- */

typedef struct pbx_block pbx_block;
struct pbx_block {
    pbx_block *next, *previous;
    size_t size;
    size_t reserved; /* keeps what follows aligned for any type */
};

/* From trial numbers to structs. Items move when others come or go: a pointer to one is
 * valid until then. */
typedef struct pbx_map {
    pbx_instance *self;
    size_t item_size;
    size_t n;
    size_t capacity;
    uint64_t *keys; /* ascending */
    unsigned char *items;
} pbx_map;

/* The first member of a plugin's struct pbx_instance. */
typedef struct pbx_base {
    const pbx_host *host;
    const pbx_json *options;
    pbx_block *blocks;
    void (*finish)(pbx_instance *self); /* set in init: called before the memory ends; or NULL */
    const pbx_problem *problem;         /* that pbx_keep_problem was given last; else NULL */
    pbx_map trials;                     /* of pbx_of_trial */
} pbx_base;

static inline pbx_base *
pbx_base_of(pbx_instance *self)
{
    return (pbx_base *)(void *)self;
}

/* A vtable's `setup` for a plugin that takes any problem: base.problem is it from then on. */
static inline pbx_status
pbx_keep_problem(pbx_instance *self, const pbx_problem *problem, pbx_error *error)
{
    (void)error;
    pbx_base_of(self)->problem = problem;
    return PBX_OK;
}

static inline void
pbx_block_link(pbx_base *base, pbx_block *block)
{
    block->previous = NULL;
    block->next = base->blocks;
    if (block->next)
        block->next->previous = block;
    base->blocks = block;
}

static inline void
pbx_block_unlink(pbx_base *base, pbx_block *block)
{
    if (block->previous)
        block->previous->next = block->next;
    else
        base->blocks = block->next;
    if (block->next)
        block->next->previous = block->previous;
}

/* n bytes of zeros that are freed with the instance. NULL: out of memory. */
static inline void *
pbx_alloc(pbx_instance *self, size_t n)
{
    pbx_block *block;
    if (n > SIZE_MAX - sizeof(pbx_block))
        return NULL;
    block = (pbx_block *)calloc(1, sizeof(pbx_block) + n);
    if (!block)
        return NULL;
    block->size = n;
    pbx_block_link(pbx_base_of(self), block);
    return block + 1;
}

/* The same for an array: n things of `size` bytes. */
static inline void *
pbx_alloc_array(pbx_instance *self, size_t n, size_t size)
{
    return size != 0 && n > SIZE_MAX / size ? NULL : pbx_alloc(self, n * size);
}

/* Frees before the instance ends what pbx_alloc gave. NULL is fine. */
static inline void
pbx_free(pbx_instance *self, void *memory)
{
    if (!memory)
        return;
    pbx_block_unlink(pbx_base_of(self), (pbx_block *)memory - 1);
    free((pbx_block *)memory - 1);
}

/* Makes it n bytes long, the new ones zeros; memory may be NULL. NULL: out of
 * memory, and the old stays as it is. */
static inline void *
pbx_realloc(pbx_instance *self, void *memory, size_t n)
{
    void *longer = pbx_alloc(self, n);
    if (longer && memory) {
        size_t old = ((pbx_block *)memory - 1)->size;
        memcpy(longer, memory, old < n ? old : n);
        pbx_free(self, memory);
    }
    return longer;
}

/* Makes an array and its length a copy of n numbers, in place of what it was. */
static inline pbx_status
pbx_copy_reals(pbx_instance *self, double **values, size_t *n, const double *from, size_t n_from,
               pbx_error *error)
{
    double *copy = (double *)pbx_alloc_array(self, n_from, sizeof(double));
    if (!copy)
        return pbx_fail_memory(error);
    if (n_from > 0)
        memcpy(copy, from, n_from * sizeof(double));
    pbx_free(self, *values);
    *values = copy;
    *n = n_from;
    return PBX_OK;
}

/* A copy of a text. */
static inline char *
pbx_strdup(pbx_instance *self, const char *text)
{
    char *copy = (char *)pbx_alloc(self, strlen(text) + 1);
    return copy ? (char *)memcpy(copy, text, strlen(text)) : NULL;
}

/* ---- A map from trial numbers to structs, iterated in ascending order ---- */

/* An empty map of items of that size; its memory ends with the instance. */
static inline void
pbx_map_init(pbx_map *map, pbx_instance *self, size_t item_size)
{
    memset(map, 0, sizeof(*map));
    map->self = self;
    map->item_size = item_size;
}

/* The first index whose key is not below `trial`. */
static inline size_t
pbx_map_find(const pbx_map *map, uint64_t trial)
{
    size_t low = 0, high = map->n;
    if (high > 0 && map->keys[high - 1] < trial)
        return high; /* trials mostly come in order */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (map->keys[middle] < trial)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static inline uint64_t
pbx_map_key(const pbx_map *map, size_t i)
{
    return map->keys[i];
}

static inline void *
pbx_map_item(const pbx_map *map, size_t i)
{
    return map->items + i * map->item_size;
}

/* The trial's item, or NULL. */
static inline void *
pbx_map_get(const pbx_map *map, uint64_t trial)
{
    size_t i = pbx_map_find(map, trial);
    return i < map->n && map->keys[i] == trial ? pbx_map_item(map, i) : NULL;
}

static inline int
pbx_map_grow(pbx_map *map)
{
    size_t capacity = map->capacity ? map->capacity * 2 : 8;
    void *keys = pbx_realloc(map->self, map->keys, capacity * sizeof(uint64_t));
    void *items;
    if (!keys)
        return 0;
    map->keys = (uint64_t *)keys;
    items = pbx_realloc(map->self, map->items, capacity * map->item_size);
    if (!items)
        return 0;
    map->items = (unsigned char *)items;
    map->capacity = capacity;
    return 1;
}

/* The trial's item, made of zeros where there was none. NULL: out of memory. */
static inline void *
pbx_map_put(pbx_map *map, uint64_t trial)
{
    size_t i = pbx_map_find(map, trial);
    unsigned char *item;
    if (i < map->n && map->keys[i] == trial)
        return pbx_map_item(map, i);
    if (map->n == map->capacity && !pbx_map_grow(map))
        return NULL;
    item = map->items + i * map->item_size;
    memmove(map->keys + i + 1, map->keys + i, (map->n - i) * sizeof(uint64_t));
    memmove(item + map->item_size, item, (map->n - i) * map->item_size);
    memset(item, 0, map->item_size);
    map->keys[i] = trial;
    map->n++;
    return item;
}

/* Takes the trial out, if it is there. */
static inline void
pbx_map_remove(pbx_map *map, uint64_t trial)
{
    size_t i = pbx_map_find(map, trial);
    unsigned char *item;
    if (i == map->n || map->keys[i] != trial)
        return;
    map->n--;
    item = map->items + i * map->item_size;
    memmove(map->keys + i, map->keys + i + 1, (map->n - i) * sizeof(uint64_t));
    memmove(item, item + map->item_size, (map->n - i) * map->item_size);
}

/* What a plugin keeps of each trial that has not ended, a struct of `size` bytes, the same
 * size in each call; zeros at first. NULL: out of memory. */
static inline void *
pbx_of_trial(pbx_instance *self, uint64_t trial, size_t size)
{
    pbx_map *trials = &pbx_base_of(self)->trials;
    if (!trials->self)
        pbx_map_init(trials, self, size);
    return pbx_map_put(trials, trial);
}

/* A vtable's `end` (a search's `tell`) that does nothing but forget it. */
static inline pbx_status
pbx_forget_trial(pbx_instance *self, const pbx_outcome *outcome, pbx_error *error)
{
    (void)error;
    pbx_map_remove(&pbx_base_of(self)->trials, outcome->trial);
    return PBX_OK;
}

/* ---- A sink that keeps what it is given ---- */

/* Zeroed: empty. `bytes` has a NUL behind it, so it serves as text; NULL while empty. */
typedef struct pbx_memory {
    char *bytes;
    size_t n;
    size_t capacity;
} pbx_memory;

static inline pbx_status
pbx_memory_add(pbx_memory *memory, const void *bytes, size_t n)
{
    if (n >= SIZE_MAX / 2 - memory->n)
        return PBX_ENOMEM;
    if (memory->n + n + 1 > memory->capacity) {
        size_t capacity = (memory->n + n + 1) * 2;
        char *longer = (char *)realloc(memory->bytes, capacity);
        if (!longer)
            return PBX_ENOMEM;
        memory->bytes = longer;
        memory->capacity = capacity;
    }
    if (n > 0)
        memcpy(memory->bytes + memory->n, bytes, n);
    memory->n += n;
    memory->bytes[memory->n] = '\0';
    return PBX_OK;
}

static inline pbx_status
pbx_memory_write(void *ctx, const void *bytes, size_t n)
{
    return pbx_memory_add((pbx_memory *)ctx, bytes, n);
}

/* The sink; valid while the memory stays where it is. */
static inline pbx_sink
pbx_memory_sink(pbx_memory *memory)
{
    pbx_sink sink;
    sink.ctx = memory;
    sink.write = pbx_memory_write;
    return sink;
}

static inline void
pbx_memory_free(pbx_memory *memory)
{
    free(memory->bytes);
    memset(memory, 0, sizeof(*memory));
}

/* Text into any sink, as printf: at most 1023 bytes a call. */
static inline pbx_status pbx_sink_printf(const pbx_sink *sink, const char *format, ...)
    PBX_PRINTF(2, 3);
static inline pbx_status
pbx_sink_printf(const pbx_sink *sink, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return sink->write(sink->ctx, text, strlen(text));
}

#ifdef __cplusplus
}
#endif
#endif
