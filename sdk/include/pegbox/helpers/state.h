/* SPDX-License-Identifier: MIT */
/*
 * pegbox/helpers/state.h: one function for save and load. `state(self, blob)` names
 * each field once; the blob writes it or fills it in. Little-endian on any machine,
 * so a store moves between them.
 */
#ifndef PEGBOX_HELPERS_STATE_H
#define PEGBOX_HELPERS_STATE_H

#include <pegbox/helpers/memory.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A cursor over a state in either direction. */
typedef struct pbx_blob {
    pbx_instance *self;
    const pbx_sink *sink;       /* where it is saved; NULL: it is being loaded */
    const unsigned char *bytes; /* loading: what is left */
    size_t n;                   /* loading: how much; saving: bytes in the buffer */
    pbx_status status;          /* the first failure */
    uint32_t version;           /* that it was, or is, saved under */
    unsigned char buffer[1024];
} pbx_blob;

typedef void (*pbx_state_function)(pbx_instance *self, pbx_blob *blob);

static inline int
pbx_blob_loading(const pbx_blob *blob)
{
    return blob->sink == NULL;
}

/* Marks the blob as unfit (EINVAL, ENOTSUP) or memory as short; the first one counts. */
static inline void
pbx_blob_fail(pbx_blob *blob, pbx_status status)
{
    if (blob->status == PBX_OK)
        blob->status = status;
}

static inline void
pbx_blob_flush(pbx_blob *blob)
{
    if (blob->status == PBX_OK && blob->n > 0)
        pbx_blob_fail(blob, blob->sink->write(blob->sink->ctx, blob->buffer, blob->n));
    blob->n = 0;
}

/* n bytes as they are. Whatever fails while loading, they are zeros then. */
static inline void
pbx_blob_bytes(pbx_blob *blob, void *bytes, size_t n)
{
    if (pbx_blob_loading(blob)) {
        if (blob->status == PBX_OK && n <= blob->n) {
            if (n > 0)
                memcpy(bytes, blob->bytes, n);
            blob->bytes += n;
            blob->n -= n;
        } else {
            pbx_blob_fail(blob, PBX_EINVAL);
            if (n > 0)
                memset(bytes, 0, n);
        }
        return;
    }
    if (blob->n + n > sizeof(blob->buffer))
        pbx_blob_flush(blob);
    if (n > sizeof(blob->buffer)) {
        if (blob->status == PBX_OK)
            pbx_blob_fail(blob, blob->sink->write(blob->sink->ctx, bytes, n));
    } else if (n > 0) {
        memcpy(blob->buffer + blob->n, bytes, n);
        blob->n += n;
    }
}

static inline void
pbx_blob_u64(pbx_blob *blob, uint64_t *value)
{
    unsigned char bytes[8];
    uint64_t read = 0;
    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(*value >> (8 * i));
    pbx_blob_bytes(blob, bytes, 8);
    for (unsigned i = 0; i < 8; i++)
        read |= (uint64_t)bytes[i] << (8 * i);
    *value = read;
}

static inline void
pbx_blob_u32(pbx_blob *blob, uint32_t *value)
{
    unsigned char bytes[4];
    uint32_t read = 0;
    for (unsigned i = 0; i < 4; i++)
        bytes[i] = (unsigned char)(*value >> (8 * i));
    pbx_blob_bytes(blob, bytes, 4);
    for (unsigned i = 0; i < 4; i++)
        read |= (uint32_t)bytes[i] << (8 * i);
    *value = read;
}

static inline void
pbx_blob_i64(pbx_blob *blob, int64_t *value)
{
    uint64_t bits;
    memcpy(&bits, value, 8);
    pbx_blob_u64(blob, &bits);
    memcpy(value, &bits, 8);
}

/* NaN and infinities too, bit for bit. */
static inline void
pbx_blob_real(pbx_blob *blob, double *value)
{
    uint64_t bits;
    memcpy(&bits, value, 8);
    pbx_blob_u64(blob, &bits);
    memcpy(value, &bits, 8);
}

/* An array whose length is known. */
static inline void
pbx_blob_reals(pbx_blob *blob, double *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        pbx_blob_real(blob, &values[i]);
}

/*
 * How many things of at least `each` bytes follow. While loading, a number that the
 * rest of the blob cannot hold is a failure and 0, so it is safe to allocate for.
 */
static inline void
pbx_blob_count(pbx_blob *blob, size_t *n, size_t each)
{
    uint64_t count = *n;
    pbx_blob_u64(blob, &count);
    if (pbx_blob_loading(blob) && count > blob->n / (each ? each : 1)) {
        pbx_blob_fail(blob, PBX_EINVAL);
        count = 0;
    }
    *n = (size_t)count;
}

/* An array and its length; loading replaces it by a new one of pbx_alloc. */
static inline void
pbx_blob_array(pbx_blob *blob, double **values, size_t *n)
{
    pbx_blob_count(blob, n, 8);
    if (pbx_blob_loading(blob)) {
        pbx_free(blob->self, *values);
        *values = (double *)pbx_alloc_array(blob->self, *n, sizeof(double));
        if (!*values) {
            pbx_blob_fail(blob, PBX_ENOMEM);
            *n = 0;
        }
    }
    pbx_blob_reals(blob, *values, *n);
}

/* A text, or NULL; loading replaces it by a new one of pbx_alloc. */
static inline void
pbx_blob_text(pbx_blob *blob, char **text)
{
    size_t n = *text && !pbx_blob_loading(blob) ? strlen(*text) + 1 : 0;
    pbx_blob_count(blob, &n, 1);
    if (pbx_blob_loading(blob)) {
        pbx_free(blob->self, *text);
        *text = n ? (char *)pbx_alloc(blob->self, n) : NULL;
        if (n && !*text) {
            pbx_blob_fail(blob, PBX_ENOMEM);
            n = 0;
        }
    }
    pbx_blob_bytes(blob, *text, n);
    if (n && (*text)[n - 1] != '\0') {
        pbx_blob_fail(blob, PBX_EINVAL);
        (*text)[n - 1] = '\0';
    }
}

/* A whole map, its items by `item`; one that is loaded replaces what was there. */
static inline void
pbx_blob_map(pbx_blob *blob, pbx_map *map, void (*item)(pbx_blob *blob, void *item))
{
    size_t n = map->n;
    pbx_blob_count(blob, &n, 8);
    if (pbx_blob_loading(blob))
        map->n = 0;
    for (size_t i = 0; i < n && blob->status == PBX_OK; i++) {
        uint64_t key = pbx_blob_loading(blob) ? 0 : map->keys[i];
        void *value;
        pbx_blob_u64(blob, &key);
        value = pbx_map_put(map, key);
        if (value)
            item(blob, value);
        else
            pbx_blob_fail(blob, PBX_ENOMEM);
    }
}

/* All of pbx_of_trial, each by `item`; `size` is the one that is given there. */
static inline void
pbx_blob_trials(pbx_blob *blob, size_t size, void (*item)(pbx_blob *blob, void *item))
{
    pbx_map *trials = &pbx_base_of(blob->self)->trials;
    if (!trials->self)
        pbx_map_init(trials, blob->self, size);
    pbx_blob_map(blob, trials, item);
}

/* pbx_object.save by a state function. */
static inline pbx_status
pbx_state_save(pbx_instance *self, uint32_t version, const pbx_sink *sink, pbx_error *error,
               pbx_state_function state)
{
    pbx_blob blob;
    memset(&blob, 0, sizeof(blob));
    blob.self = self;
    blob.sink = sink;
    blob.version = version;
    state(self, &blob);
    pbx_blob_flush(&blob);
    if (blob.status != PBX_OK)
        return pbx_fail(error, blob.status, NULL, "the state cannot be saved");
    return PBX_OK;
}

/* pbx_object.load by a state function; it takes the version `own` only. */
static inline pbx_status
pbx_state_load(pbx_instance *self, uint32_t version, uint32_t own, const void *bytes, size_t n,
               pbx_error *error, pbx_state_function state)
{
    pbx_blob blob;
    if (version != own)
        return pbx_fail(error, PBX_ENOTSUP, NULL, "state of version %u; this plugin reads %u",
                        (unsigned)version, (unsigned)own);
    memset(&blob, 0, sizeof(blob));
    blob.self = self;
    blob.bytes = (const unsigned char *)bytes;
    blob.n = n;
    blob.version = version;
    state(self, &blob);
    if (blob.status == PBX_OK && blob.n == 0)
        return PBX_OK;
    if (blob.status == PBX_ENOTSUP)
        return pbx_fail(error, PBX_ENOTSUP, NULL, "the state was saved with other options");
    return pbx_fail(error, blob.status != PBX_OK ? blob.status : PBX_EINVAL, NULL,
                    "the state is damaged");
}

#ifdef __cplusplus
}
#endif
#endif
