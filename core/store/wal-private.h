/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The write-ahead log as frames. */
#pragma once

#include "store/repair.h"
#include "store/store-private.h"

#define STORE_PAGE_SIZE 4096 /* SQLite's default, which no store changes */
/* Beyond it a page number is nonsense: 2 TiB. */
#define STORE_MAX_PAGES (1u << 29)

typedef struct PbxWal PbxWal;

typedef struct {
    guint32 page;     /* its number, from 1 */
    guint32 db_pages; /* of a commit's last frame: how long the database is then; else 0 */
    guint32 before[2], stored[2]; /* the sums that it goes on from, and its own */
    gboolean accepted;            /* SQLite takes it, where all before it are taken */
    gboolean good;                /* it is what was written, or has been made that */
    gboolean in_db;               /* it is not, but the database has its page */
} PbxWalFrame;

static inline gboolean
frame_page_is_possible(guint32 page)
{
    return page > 0 && page <= STORE_MAX_PAGES;
}

/* Maps the database and its log. (transfer full) */
PbxWal *wal_open(const char *dir, GError **error);
void wal_free(PbxWal *wal);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PbxWal, wal_free)
void wal_facts(const PbxWal *wal, PbxWalFacts *facts);
guint wal_page_size(const PbxWal *wal);
const PbxWalFrame *wal_frame(const PbxWal *wal, guint64 i);
const guint8 *wal_page(const PbxWal *wal, guint64 frame);
const guint8 *wal_db_page(const PbxWal *wal, guint page); /* NULL: beyond its end */
/* Writes the database, with what of the log can be used, to a new file. */
gboolean wal_copy(const PbxWal *wal, const PbxWalFacts *facts, const char *path, GError **error);
