/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checkpoint archives: a directory packed as POSIX pax, optionally through zstd, and unpacked
 * with every suspicion. doc/commands.md says what survives and what is refused.
 */
#pragma once

#include <glib.h>

#define PBX_CHECKPOINT_ERROR (checkpoint_error_domain())
GQuark checkpoint_error_domain(void);
enum {
    CHECKPOINT_ERROR_DAMAGED,     /* other bytes, too few, no archive, none that can be read */
    CHECKPOINT_ERROR_REFUSED,     /* what leads out of the directory, a device, over a limit */
    CHECKPOINT_ERROR_CHANGED,     /* what was packed did not stand still */
    CHECKPOINT_ERROR_EXISTS,      /* a name is taken */
    CHECKPOINT_ERROR_IO,          /* the system says no: disk full, no permission, ... */
    CHECKPOINT_ERROR_INTERRUPTED, /* checkpoint_interrupt() */
};

#define CHECKPOINT_MAX_ZSTD_LEVEL 19 /* beyond, zstd takes over 100 MiB of memory */
/* What one archive may unpack to where the caller sets no limit; nothing larger is packed. */
#define CHECKPOINT_MAX_BYTES   (G_GUINT64_CONSTANT(1) << 40)
#define CHECKPOINT_MAX_MEMBERS G_GUINT64_CONSTANT(10000000)

typedef struct {
    int zstd_level; /* 0: no compression; up to CHECKPOINT_MAX_ZSTD_LEVEL */
} PbxPackOptions;

typedef struct {
    char sha256[65];        /* of the archive's bytes, in hexadecimal */
    guint64 bytes;          /* of the archive */
    guint64 unpacked_bytes; /* of all files in it, holes included */
    guint64 n_members;
} PbxArchiveFacts;

/*
 * Packs what is in a directory, or of it only `members` (relative paths, NULL-ended; a
 * directory with all that is in it; the directories above come along). The archive appears whole
 * under its name or not at all, is on the disk when it does, and replaces nothing. The same tree
 * with the same mtimes gives the same bytes. options NULL: no compression; facts may be NULL.
 */
gboolean checkpoint_pack(const char *dir, const char *const *members, const char *archive,
                         const PbxPackOptions *options, PbxArchiveFacts *facts, GError **error);

/*
 * Unpacks into `dir`, which is not there yet or is empty: it appears whole or not at all.
 * sha256 NULL: not compared. max_bytes 0: CHECKPOINT_MAX_BYTES.
 */
gboolean checkpoint_unpack(const char *archive, const char *dir, const char *sha256,
                           guint64 max_bytes, GError **error);

/* Reads all of it, as unpacking would. sha256 and facts may be NULL. */
gboolean checkpoint_verify(const char *archive, const char *sha256, PbxArchiveFacts *facts,
                           GError **error);

/*
 * The same archive under another name; it appears whole or not at all, is on the disk when it does,
 * and replaces nothing. `link`: it may be the same file, where that can be; of one that somebody
 * may write to, it may not.
 */
gboolean checkpoint_copy(const char *archive, const char *to, gboolean link, GError **error);

typedef struct {
    const char *path; /* bytes; a directory's ends with '/' */
    char type;        /* 'f' file, 'd' directory, 'l' symbolic link, 'h' hard link, '?' other */
    guint mode;       /* permissions */
    guint64 size;     /* of a file; else 0 */
    gint64 mtime_s;
    guint32 mtime_ns;
    const char *link; /* where a link leads; else NULL */
} PbxMember;
typedef void (*PbxMemberFunc)(const PbxMember *member, gpointer data);

/* Tells each member, in order; also those that would be refused. */
gboolean checkpoint_list(const char *archive, PbxMemberFunc func, gpointer data, GError **error);

/* Makes what is under way end with CHECKPOINT_ERROR_INTERRUPTED, leaving nothing behind. For
 * signal handlers. */
void checkpoint_interrupt(void);

/* Deletes a file, or a directory with all that is in it, whatever its permissions; follows no
 * symbolic link. What is not there is fine. */
gboolean checkpoint_remove(const char *path, GError **error);
/* The same in an open directory. FALSE: errno says why. */
gboolean checkpoint_remove_at(int parent, const char *name);
/* Deletes from a trial's directory what pegbox was making there when it was killed: archives
 * and directories under temporary names. Returns how many, those that cannot be deleted left
 * out. */
guint checkpoint_remove_leftovers(const char *dir);
/* Whether only pegbox calls a file of a trial's directory so: an archive; what it was making. A
 * program has files of its own there. */
gboolean checkpoint_is_archive(const char *name);
gboolean checkpoint_is_leftover(const char *name);
/* How directories that become or were checkpoints are called in a trial's directory. */
#define CHECKPOINT_SAVE_PREFIX     ".pegbox-save-"
#define CHECKPOINT_RESTORED_PREFIX ".pegbox-restored-"
