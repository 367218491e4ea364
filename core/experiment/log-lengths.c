/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The lengths of the files that loggers write, as far as their cursors go. After a crash a file may
 * be longer than that: it is cut before it is touched again, and the events behind the cursor come
 * once more. A file that is replaced keeps its last version, ".NAME.SEQ~", until the store knows
 * the cursor behind the replacement.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "experiment/logging-private.h"

void
log_file_free(gpointer data)
{
    PbxLogFile *file = data;
    g_free(file->name);
    g_free(file);
}

void
log_dir_free(gpointer data)
{
    PbxLogDir *dir = data;
    g_free(dir->path);
    g_hash_table_unref(dir->files);
    g_free(dir);
}

static PbxLogFile *
file_of(PbxLogFiles *files, guint64 trial, const char *name)
{
    PbxLogDir *dir = log_files_dir(files, trial);
    if (dir == NULL)
        return NULL;
    PbxLogFile *file = g_hash_table_lookup(dir->files, name);
    if (file == NULL) {
        file = g_new0(PbxLogFile, 1);
        file->trial = trial;
        file->name = g_strdup(name);
        g_hash_table_insert(dir->files, file->name, file);
    }
    return file;
}

/* ---- As it was at the cursor ---- */

/* Whether what stands there without a length is of the logger's, and from before its cursor. */
static gboolean
is_old(const PbxLogFiles *files, guint64 trial)
{
    return trial != PBX_NONE && trial < files->n_before &&
           !g_hash_table_contains(files->unsettled, &trial);
}

/* A power cut may have taken lines that the cursor is behind. */
static void
warn_short(const PbxLogFiles *files, const char *path)
{
    if (files->warn == NULL)
        return;
    g_autofree char *line =
        g_strdup_printf("%s is shorter than it was; `pegbox repair` rebuilds it", path);
    files->warn(line, files->warn_user);
}

static void
cut(const PbxLogFiles *files, const char *path, guint64 length)
{
    struct stat info = {0};
    const int fd = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && (guint64)info.st_size > length)
        (void)!ftruncate(fd, (off_t)length);
    if ((guint64)info.st_size < length)
        warn_short(files, path);
    if (fd >= 0)
        close(fd);
}

void
log_files_settle(PbxLogFiles *files, guint64 trial, const char *name)
{
    PbxLogFile *file = files->resumed ? file_of(files, trial, name) : NULL;
    if (file == NULL || file->settled)
        return;
    file->settled = TRUE;
    g_autofree char *path = g_build_filename(log_files_dir(files, trial)->path, name, NULL);
    g_autofree char *half = g_strconcat(path, ".new", NULL);
    (void)unlink(half);
    if (file->length > 0)
        cut(files, path, file->length);
    else if (!is_old(files, trial) && !g_file_test(path, G_FILE_TEST_IS_DIR))
        (void)unlink(path);
}

void
log_files_expect(PbxLogFiles *files, guint64 trial, const char *name, guint64 length)
{
    PbxLogFile *file = file_of(files, trial, name);
    if (file != NULL)
        file->length = length;
}

void
log_files_note(PbxLogFiles *files, guint64 trial, const char *name, guint64 length)
{
    PbxLogFile *file = file_of(files, trial, name);
    if (file == NULL)
        return;
    file->length = length;
    file->settled = TRUE;
    if (!file->changed)
        g_ptr_array_add(files->changed, file);
    file->changed = TRUE;
}

GPtrArray *
log_files_take_changed(PbxLogFiles *files)
{
    GPtrArray *taken = g_ptr_array_new_with_free_func(log_file_free);
    for (guint i = 0; i < files->changed->len; i++) {
        PbxLogFile *file = files->changed->pdata[i];
        PbxLogFile *copy = g_memdup2(file, sizeof *file);
        copy->name = g_strdup(file->name);
        file->changed = FALSE;
        g_ptr_array_add(taken, copy);
    }
    g_ptr_array_set_size(files->changed, 0);
    return taken;
}

/* ---- Versions that were replaced ---- */

gboolean
log_files_is(const char *path, const GByteArray *bytes)
{
    struct stat info;
    gboolean same = FALSE;
    const int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return FALSE;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size == (off_t)bytes->len) {
        g_autofree char *held = g_try_malloc(MAX(bytes->len, 1));
        same = held != NULL && read(fd, held, bytes->len) == (ssize_t)bytes->len &&
               memcmp(held, bytes->data, bytes->len) == 0;
    }
    close(fd);
    return same;
}

void
log_files_keep(PbxLogFiles *files, guint64 trial, const char *name, const char *path)
{
    PbxLogDir *dir = log_files_dir(files, trial);
    g_autofree char *kept_name = g_strdup_printf(".%s.%" G_GUINT64_FORMAT "~", name, files->upto);
    PbxOldVersion kept = {g_build_filename(dir->path, kept_name, NULL), files->upto};
    /* One of the same moment is the older one. */
    if (link(path, kept.path) == 0)
        g_array_append_val(files->kept, kept);
    else
        g_free(kept.path);
}

void
log_files_let_go(PbxLogFiles *files, guint64 upto)
{
    for (guint i = files->kept->len; i-- > 0;) {
        PbxOldVersion *kept = &g_array_index(files->kept, PbxOldVersion, i);
        if (kept->upto > upto)
            continue;
        (void)unlink(kept->path);
        g_free(kept->path);
        g_array_remove_index(files->kept, i);
    }
}

/* Whether it is ".NAME.SEQ~"; of any file where name is NULL. */
static gboolean
is_kept(const char *entry, const char *name, guint64 *upto)
{
    const gsize length = strlen(entry);
    const char *dot = strrchr(entry, '.');
    if (entry[0] != '.' || entry[length - 1] != '~' || dot == entry || dot == NULL)
        return FALSE;
    g_autofree char *digits = g_strndup(dot + 1, strlen(dot) - 2);
    if (!g_ascii_string_to_unsigned(digits, 10, 0, G_MAXINT64, upto, NULL))
        return FALSE;
    return name == NULL || (strlen(name) == (gsize)(dot - entry - 1) &&
                            strncmp(entry + 1, name, strlen(name)) == 0);
}

/* The oldest that the cursor is not behind is the version that it knows. */
void
log_files_restore_kept(const char *dir, const char *name, guint64 cursor)
{
    g_autoptr(GDir) entries = g_dir_open(dir, 0, NULL);
    guint64 oldest = G_MAXUINT64, upto = 0;
    for (const char *entry; entries != NULL && (entry = g_dir_read_name(entries)) != NULL;)
        if (is_kept(entry, name, &upto) && upto > cursor)
            oldest = MIN(oldest, upto);
    if (oldest == G_MAXUINT64)
        return;
    g_autofree char *entry = g_strdup_printf(".%s.%" G_GUINT64_FORMAT "~", name, oldest);
    g_autofree char *from = g_build_filename(dir, entry, NULL);
    g_autofree char *to = g_build_filename(dir, name, NULL);
    (void)rename(from, to);
}

void
log_files_purge_kept(const char *dir)
{
    g_autoptr(GDir) entries = g_dir_open(dir, 0, NULL);
    guint64 upto = 0;
    for (const char *entry; entries != NULL && (entry = g_dir_read_name(entries)) != NULL;) {
        g_autofree char *path = g_build_filename(dir, entry, NULL);
        if (is_kept(entry, NULL, &upto))
            (void)unlink(path);
    }
}
