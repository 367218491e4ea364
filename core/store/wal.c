/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * experiment.db-wal read as SQLite's documentation of its format has it: a header, then frames,
 * each a header and a page, with checksums that go on from frame to frame. SQLite stops at the
 * first frame that is bad, silently; here it is seen what is behind it.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "store/wal-private.h"

#define HEADER       32
#define FRAME_HEADER 24
#define MAGIC        0x377f0682u /* | 1: checksums of big-endian words */
#define MAX_MENDED   64          /* frames; more are no small damage, */
#define MAX_TRIES    4096        /* and for so many pages it would take long */

struct PbxWal {
    GMappedFile *wal, *db; /* NULL: not there, or empty */
    const guint8 *bytes;
    guint page_size;
    gboolean big_endian;
    guint32 salt[2], first_sum[2];
    gboolean header_good;
    GArray *frames; /* PbxWalFrame */
};

static guint32
number_at(const guint8 *at)
{
    guint32 number;
    memcpy(&number, at, sizeof number);
    return GUINT32_FROM_BE(number);
}

/* Goes on with the sums over n bytes, a multiple of 8. */
static void
add_to_sum(gboolean big_endian, const guint8 *bytes, gsize n, guint32 sum[2])
{
    for (gsize i = 0; i < n; i += 8) {
        guint32 words[2];
        memcpy(words, bytes + i, sizeof words);
        for (int j = 0; j < 2; j++)
            words[j] = big_endian ? GUINT32_FROM_BE(words[j]) : GUINT32_FROM_LE(words[j]);
        sum[0] += words[0] + sum[1];
        sum[1] += words[1] + sum[0];
    }
}

static GMappedFile *
map_file(const char *path, GError **error)
{
    g_autoptr(GError) failed = NULL;
    GMappedFile *file = g_mapped_file_new(path, FALSE, &failed);
    if (file != NULL && g_mapped_file_get_length(file) == 0)
        g_clear_pointer(&file, g_mapped_file_unref);
    if (failed != NULL && !g_error_matches(failed, G_FILE_ERROR, G_FILE_ERROR_NOENT))
        g_propagate_error(error, g_steal_pointer(&failed));
    return file;
}

static gboolean
is_page_size(guint size)
{
    return size >= 512 && size <= 65536 && (size & (size - 1)) == 0;
}

static guint
page_size_of_db(const PbxWal *wal)
{
    if (wal->db == NULL || g_mapped_file_get_length(wal->db) < 100)
        return STORE_PAGE_SIZE;
    const guint8 *bytes = (const guint8 *)g_mapped_file_get_contents(wal->db);
    guint size = (guint)bytes[16] << 8 | bytes[17];
    size = size == 1 ? 65536 : size;
    return is_page_size(size) ? size : STORE_PAGE_SIZE;
}

static void
read_header(PbxWal *wal)
{
    const guint8 *header = wal->bytes;
    guint32 sum[2] = {0, 0};
    wal->big_endian = (number_at(header) & 1) != 0;
    wal->page_size = number_at(header + 8);
    add_to_sum(wal->big_endian, header, 24, sum);
    wal->header_good = (number_at(header) & ~1u) == MAGIC && is_page_size(wal->page_size) &&
                       sum[0] == number_at(header + 24) && sum[1] == number_at(header + 28);
    for (int i = 0; i < 2; i++) {
        wal->salt[i] = number_at(header + 16 + 4 * i);
        wal->first_sum[i] = number_at(header + 24 + 4 * i);
    }
    if (wal->header_good)
        return;
    /* What it would have said. */
    wal->page_size = page_size_of_db(wal);
    wal->big_endian = FALSE;
    if (g_mapped_file_get_length(wal->wal) >= HEADER + FRAME_HEADER)
        for (int i = 0; i < 2; i++)
            wal->salt[i] = number_at(header + HEADER + 8 + 4 * i);
}

const guint8 *
wal_page(const PbxWal *wal, guint64 frame)
{
    return wal->bytes + HEADER + frame * (FRAME_HEADER + (guint64)wal->page_size) + FRAME_HEADER;
}

/* The sums behind a frame whose header says `page` and `db_pages`, and which holds `content`. */
static void
sum_frame(const PbxWal *wal, const guint32 before[2], guint32 page, guint32 db_pages,
          const guint8 *content, guint32 sum[2])
{
    const guint32 header[2] = {GUINT32_TO_BE(page), GUINT32_TO_BE(db_pages)};
    sum[0] = before[0];
    sum[1] = before[1];
    add_to_sum(wal->big_endian, (const guint8 *)header, sizeof header, sum);
    add_to_sum(wal->big_endian, content, wal->page_size, sum);
}

static gboolean
is_sum(const PbxWal *wal, const PbxWalFrame *frame, guint32 page, guint32 db_pages,
       const guint8 *content)
{
    guint32 sum[2];
    sum_frame(wal, frame->before, page, db_pages, content, sum);
    return sum[0] == frame->stored[0] && sum[1] == frame->stored[1];
}

/* Frames of an earlier round lie behind those of this one: they have other salts, though each but
 * the first of them goes on from the one before. */
static void
read_frames(PbxWal *wal)
{
    const guint64 length = g_mapped_file_get_length(wal->wal);
    const guint64 size = FRAME_HEADER + (guint64)wal->page_size;
    guint64 ours = 0;
    guint32 before[2] = {wal->first_sum[0], wal->first_sum[1]};
    for (guint64 i = 0; HEADER + (i + 1) * size <= length; i++) {
        const guint8 *header = wal_page(wal, i) - FRAME_HEADER;
        PbxWalFrame frame = {
            .page = number_at(header),
            .db_pages = number_at(header + 4),
            .before = {before[0], before[1]},
            .stored = {number_at(header + 16), number_at(header + 20)},
        };
        const gboolean salted =
            number_at(header + 8) == wal->salt[0] && number_at(header + 12) == wal->salt[1];
        frame.good = frame_page_is_possible(frame.page) &&
                     is_sum(wal, &frame, frame.page, frame.db_pages, wal_page(wal, i));
        frame.accepted = frame.good && salted;
        g_array_append_val(wal->frames, frame);
        if (salted || (frame.good && ours == i))
            ours = i + 1;
        before[0] = frame.stored[0];
        before[1] = frame.stored[1];
    }
    g_array_set_size(wal->frames, (guint)ours);
}

/* ---- Frames of which a part is damaged, and the rest tells which ---- */

static PbxWalFrame *
frame_at(PbxWal *wal, guint64 i)
{
    return &g_array_index(wal->frames, PbxWalFrame, i);
}

/* Its own sum is damaged: the next frame, which goes on from it, shows that. */
static gboolean
mend_sum(PbxWal *wal, guint64 i)
{
    PbxWalFrame *frame = frame_at(wal, i);
    PbxWalFrame *next = i + 1 < wal->frames->len ? frame_at(wal, i + 1) : NULL;
    if (next == NULL || next->good || !frame_page_is_possible(frame->page))
        return FALSE;
    PbxWalFrame then = *next;
    sum_frame(wal, frame->before, frame->page, frame->db_pages, wal_page(wal, i), then.before);
    if (!is_sum(wal, &then, next->page, next->db_pages, wal_page(wal, i + 1)))
        return FALSE;
    memcpy(frame->stored, then.before, sizeof frame->stored);
    memcpy(next->before, then.before, sizeof next->before);
    frame->good = next->good = TRUE;
    return TRUE;
}

/* The page's number, or the database's length, is damaged: the right one makes the sum right. */
static gboolean
mend_numbers(PbxWal *wal, guint64 i)
{
    PbxWalFrame *frame = frame_at(wal, i);
    guint32 pages = 1;
    for (guint64 j = 0; j < wal->frames->len; j++)
        if (wal_frame(wal, j)->good)
            pages = MAX(pages, wal_frame(wal, j)->page);
    for (guint32 page = 1; page <= pages && pages <= MAX_TRIES; page++)
        if (is_sum(wal, frame, page, frame->db_pages, wal_page(wal, i))) {
            frame->page = page;
            return frame->good = TRUE;
        }
    for (guint32 length = 0; length <= pages + 1 && pages <= MAX_TRIES; length++)
        if (frame_page_is_possible(frame->page) &&
            is_sum(wal, frame, frame->page, length, wal_page(wal, i))) {
            frame->db_pages = length;
            return frame->good = TRUE;
        }
    return FALSE;
}

/* The page itself is damaged, and the database has it already. */
static gboolean
is_in_db(const PbxWal *wal, const PbxWalFrame *frame)
{
    const guint8 *there = wal_db_page(wal, frame->page);
    return there != NULL && is_sum(wal, frame, frame->page, frame->db_pages, there);
}

static void
mend_frames(PbxWal *wal)
{
    guint tries = 0;
    for (guint64 i = 0; i < wal->frames->len; i++) {
        PbxWalFrame *frame = frame_at(wal, i);
        if (!frame->good && tries++ < MAX_MENDED)
            frame->in_db = !mend_sum(wal, i) && !mend_numbers(wal, i) && is_in_db(wal, frame);
    }
}

void
wal_free(PbxWal *wal)
{
    if (wal == NULL)
        return;
    g_clear_pointer(&wal->wal, g_mapped_file_unref);
    g_clear_pointer(&wal->db, g_mapped_file_unref);
    g_array_unref(wal->frames);
    g_free(wal);
}

PbxWal *
wal_open(const char *dir, GError **error)
{
    g_autofree char *db = g_build_filename(dir, "experiment.db", NULL);
    g_autofree char *path = g_strconcat(db, "-wal", NULL);
    g_autoptr(GError) failed = NULL;
    PbxWal *wal = g_new0(PbxWal, 1);
    wal->frames = g_array_new(FALSE, FALSE, sizeof(PbxWalFrame));
    wal->db = map_file(db, &failed);
    if (failed == NULL)
        wal->wal = map_file(path, &failed);
    if (failed != NULL) {
        g_set_error(error, PBX_STORE_ERROR, STORE_ERROR_IO, "%s", failed->message);
        wal_free(wal);
        return NULL;
    }
    wal->page_size = page_size_of_db(wal);
    if (wal->wal == NULL || g_mapped_file_get_length(wal->wal) < HEADER)
        return wal;
    wal->bytes = (const guint8 *)g_mapped_file_get_contents(wal->wal);
    read_header(wal);
    read_frames(wal);
    mend_frames(wal);
    return wal;
}

/* ---- What the database has ---- */

const guint8 *
wal_db_page(const PbxWal *wal, guint page)
{
    const guint64 length = wal->db != NULL ? g_mapped_file_get_length(wal->db) : 0;
    if (page == 0 || (guint64)page * wal->page_size > length)
        return NULL;
    return (const guint8 *)g_mapped_file_get_contents(wal->db) +
           (guint64)(page - 1) * wal->page_size;
}

guint
wal_page_size(const PbxWal *wal)
{
    return wal->page_size;
}

const PbxWalFrame *
wal_frame(const PbxWal *wal, guint64 i)
{
    return &g_array_index(wal->frames, PbxWalFrame, i);
}

/*
 * The last commit up to which every page in the log is in the database as its newest frame has it.
 * *guessed: a page that cannot be told from frames that are bad is left out of account.
 */
static guint64
count_in_db(const PbxWal *wal, guint *guessed)
{
    g_autoptr(GHashTable) others = g_hash_table_new(NULL, NULL); /* pages that are not the same */
    guint64 last = 0, end = 0;
    guint bad = 0;
    for (guint i = 0; i < wal->frames->len; i++) {
        const PbxWalFrame *frame = wal_frame(wal, i);
        const guint8 *there = frame->good ? wal_db_page(wal, frame->page) : NULL;
        if (frame->in_db || (there != NULL && memcmp(there, wal_page(wal, i), wal->page_size) == 0))
            g_hash_table_remove(others, GUINT_TO_POINTER(frame->page));
        else if (frame->good)
            g_hash_table_add(others, GUINT_TO_POINTER(frame->page));
        else
            bad++;
        if ((frame->good || frame->in_db) && frame->db_pages > 0) {
            end = i + 1;
            last = g_hash_table_size(others) == 0 ? end : last;
        }
    }
    /* Had the database not all of it, more would differ. */
    *guessed = last < end && bad > 0 && g_hash_table_size(others) <= bad ? bad : 0;
    return *guessed > 0 ? end : last;
}

static guint64
next_bad(const PbxWal *wal, guint64 from)
{
    while (from < wal->frames->len && wal_frame(wal, from)->good)
        from++;
    return from;
}

static guint64
first_refused(const PbxWal *wal)
{
    guint64 i = 0;
    while (wal->header_good && i < wal->frames->len && wal_frame(wal, i)->accepted)
        i++;
    return i;
}

void
wal_facts(const PbxWal *wal, PbxWalFacts *facts)
{
    guint guessed = 0;
    *facts = (PbxWalFacts){
        .frames = wal->frames->len,
        .first_bad = first_refused(wal),
        .in_db = count_in_db(wal, &guessed),
        .lost = guessed,
    };
    const guint64 end = next_bad(wal, next_bad(wal, 0) < facts->in_db ? facts->in_db : 0);
    facts->first = next_bad(wal, 0) < facts->in_db ? facts->in_db : 0;
    facts->last = facts->first;
    for (guint64 i = 0; i < facts->frames; i++) {
        const PbxWalFrame *frame = wal_frame(wal, i);
        if (frame->db_pages == 0 && frame->good)
            continue;
        if (i < end && frame->db_pages > 0)
            facts->last = MAX(facts->last, i + 1);
        else if (i >= end)
            facts->lost++; /* what is bad may have been a commit */
    }
}

gboolean
store_read_wal(const char *dir, PbxWalFacts *facts, GError **error)
{
    g_autoptr(PbxWal) wal = wal_open(dir, error);
    if (wal == NULL)
        return FALSE;
    wal_facts(wal, facts);
    return TRUE;
}

/* A torn frame at the end is what a crash leaves: it was no commit. Nor is what the database has
 * lost, where SQLite takes nothing from the log at all. */
static guint64
commits_lost(const PbxWal *wal, const PbxWalFacts *facts)
{
    guint64 n = 0;
    const guint64 from = facts->first_bad == 0 ? facts->in_db : facts->first_bad + 1;
    for (guint64 i = from; i < wal->frames->len; i++)
        n += wal_frame(wal, i)->good && wal_frame(wal, i)->db_pages > 0;
    return n;
}

gboolean
store_check_log(const char *dir, guint64 *lost, GError **error)
{
    g_autoptr(PbxWal) wal = wal_open(dir, error);
    PbxWalFacts facts;
    if (wal == NULL)
        return FALSE;
    wal_facts(wal, &facts);
    *lost = commits_lost(wal, &facts);
    /* A torn header is what a crash leaves, too, when a new round begins: the database has all. */
    if (facts.first_bad == 0 || facts.first_bad >= facts.in_db)
        return TRUE;
    g_set_error(error, PBX_STORE_ERROR, STORE_ERROR_DAMAGED,
                "%s/experiment.db-wal: frame %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                " is damaged; `pegbox repair %s` tells what is lost and mends what it can",
                dir, facts.first_bad + 1, facts.frames, dir);
    return FALSE;
}

/* ---- A copy of the database with what of the log can be used ---- */

static gboolean
write_page(int fd, const guint8 *bytes, gsize n, guint64 at)
{
    while (n > 0) {
        const ssize_t done = pwrite(fd, bytes, n, (off_t)at);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return FALSE;
        bytes += done;
        at += (guint64)done;
        n -= (gsize)done;
    }
    return TRUE;
}

static gboolean
write_copy(const PbxWal *wal, const PbxWalFacts *facts, int fd)
{
    const gsize db_length = wal->db != NULL ? g_mapped_file_get_length(wal->db) : 0;
    const guint8 *db = db_length > 0 ? (const guint8 *)g_mapped_file_get_contents(wal->db) : NULL;
    guint pages = 0;
    if (db_length > 0 && !write_page(fd, db, db_length, 0))
        return FALSE;
    for (guint64 i = facts->first; i < facts->last; i++) {
        const PbxWalFrame *frame = wal_frame(wal, i);
        if (!write_page(fd, wal_page(wal, i), wal->page_size,
                        (guint64)(frame->page - 1) * wal->page_size))
            return FALSE;
        pages = frame->db_pages > 0 ? frame->db_pages : pages;
    }
    if (pages > 0 && ftruncate(fd, (off_t)pages * wal->page_size) != 0)
        return FALSE;
    /* The copy has no log, and is to have none. */
    static const guint8 rollback[] = {1, 1};
    return db_length < 100 || write_page(fd, rollback, sizeof rollback, 18);
}

gboolean
wal_copy(const PbxWal *wal, const PbxWalFacts *facts, const char *path, GError **error)
{
    const int fd = g_open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    const gboolean good = fd >= 0 && write_copy(wal, facts, fd);
    if (!good)
        g_set_error(error, PBX_STORE_ERROR, STORE_ERROR_IO, "%s: %s", path, g_strerror(errno));
    if (fd >= 0)
        close(fd);
    return good;
}
