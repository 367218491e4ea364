/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The worker protocol's frames: whatever the bytes, lengths stay inside the buffer. */
#include <stdint.h>
#include <stdlib.h>

#include "worker/worker.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    while (n > 0) {
        const char *json;
        const guint8 *blob;
        gsize json_length, blob_length, consumed;
        g_autoptr(GError) error = NULL;
        int got = frame_take(bytes, n, &json, &json_length, &blob, &blob_length, &consumed, &error);
        if ((got < 0) != (error != NULL))
            abort();
        if (got != 1)
            return 0;
        if (consumed == 0 || consumed > n || json_length + blob_length + 8 != consumed)
            abort();
        g_autoptr(GByteArray) again = g_byte_array_new();
        frame_put(again, json, json_length, blob, blob_length);
        if (again->len != consumed || memcmp(again->data, bytes, consumed) != 0)
            abort();
        bytes += consumed;
        n -= consumed;
    }
    return 0;
}
