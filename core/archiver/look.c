/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Archives read to see whether they are whole, or what is in them. */
#include <string.h>

#include "archiver/archiver.h"

static gboolean
skip_data(PbxSource *source, struct archive_entry *entry, GError **error)
{
    const void *bytes;
    gsize length, all = 0;
    guint64 offset;
    do {
        if (!source_data(source, &bytes, &length, &offset, error))
            return FALSE;
        all += length;
    } while (length > 0);
    return all == 0 ||
           (archive_entry_hardlink(entry) == NULL && archive_entry_filetype(entry) == AE_IFREG) ||
           source_refuse(source, "there is data where none can be", error);
}

static gboolean
read_all(PbxSource *source, PbxArchiveFacts *facts, GError **error)
{
    struct archive_entry *entry;
    do {
        if (!source_next(source, &entry, error) ||
            (entry != NULL && !skip_data(source, entry, error)))
            return FALSE;
    } while (entry != NULL);
    return source_finish(source, facts, error);
}

gboolean
archiver_verify(const char *archive, const char *sha256, PbxArchiveFacts *facts, GError **error)
{
    g_autoptr(GError) own = NULL;
    const PbxLocale locale = archiver_locale_enter("C.UTF-8");
    g_autoptr(PbxSource) source = source_new(archive, sha256, 0, TRUE, &own);
    const gboolean good = source != NULL && read_all(source, facts, &own);
    if (!good && source != NULL)
        source_explain(source, &own);
    archiver_locale_leave(locale);
    if (!good)
        g_propagate_error(error, g_steal_pointer(&own));
    return good;
}

static char
type_of(struct archive_entry *entry)
{
    if (archive_entry_hardlink(entry) != NULL)
        return 'h';
    switch (archive_entry_filetype(entry)) {
    case AE_IFREG:
        return 'f';
    case AE_IFDIR:
        return 'd';
    case AE_IFLNK:
        return 'l';
    default:
        return '?';
    }
}

/* What a link points at; a damaged one may lack it. NULL: it is no link. */
static const char *
link_of(struct archive_entry *entry, char type)
{
    if (type == 'h')
        return archive_entry_hardlink(entry);
    const char *target = type == 'l' ? archive_entry_symlink(entry) : NULL;
    return type == 'l' && target == NULL ? "" : target;
}

static void
tell_member(struct archive_entry *entry, PbxMemberFunc func, gpointer data)
{
    const char *name = archive_entry_pathname(entry);
    const char type = type_of(entry);
    const gboolean bare = type == 'd' && !g_str_has_suffix(name, "/");
    g_autofree char *path = g_strconcat(name, bare ? "/" : "", NULL);
    const PbxMember member = {
        .path = path,
        .type = type,
        .mode = archive_entry_perm(entry) & 07777,
        .size = type == 'f' ? (guint64)MAX(archive_entry_size(entry), 0) : 0,
        .mtime_s = archive_entry_mtime(entry),
        .mtime_ns = (guint32)archive_entry_mtime_nsec(entry),
        .link = link_of(entry, type),
    };
    func(&member, data);
}

static gboolean
list_all(PbxSource *source, PbxMemberFunc func, gpointer data, GError **error)
{
    struct archive_entry *entry;
    const void *bytes;
    gsize length;
    guint64 offset;
    for (;;) {
        if (!source_next(source, &entry, error))
            return FALSE;
        if (entry == NULL)
            return source_finish(source, NULL, error);
        tell_member(entry, func, data);
        do {
            if (!source_data(source, &bytes, &length, &offset, error))
                return FALSE;
        } while (length > 0);
    }
}

gboolean
archiver_list(const char *archive, PbxMemberFunc func, gpointer data, GError **error)
{
    const PbxLocale locale = archiver_locale_enter("C.UTF-8");
    g_autoptr(PbxSource) source = source_new(archive, NULL, G_MAXINT64, FALSE, error);
    const gboolean good = source != NULL && list_all(source, func, data, error);
    archiver_locale_leave(locale);
    return good;
}
