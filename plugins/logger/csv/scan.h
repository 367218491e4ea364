/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the canonical JSON of a result as it stands, without making a tree of it. */
#ifndef CSV_SCAN_H
#define CSV_SCAN_H

#include <pegbox/helpers.h>

/* Pieces of the text: a key without its quotes, a value as it is spelt. */
typedef struct {
    const char *key, *value;
    size_t key_n, value_n;
} Member;

/* The member behind the '{' or ',' at `at`. Returns what stands behind it, a ',' or '}'; NULL:
 * there is none. */
const char *scan_member(const char *at, Member *member);
/* Appends what a string means that is spelt so between its quotes. */
pbx_status scan_string(pbx_memory *to, const char *text, size_t n);

#endif
