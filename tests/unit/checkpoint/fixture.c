/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void
fixture_set_up(Fixture *f, gconstpointer unused)
{
    (void)unused;
    g_autoptr(GError) error = NULL;
    f->dir = g_dir_make_tmp("pegbox-checkpoint-XXXXXX", &error);
    g_assert_no_error(error);
    f->tree = g_build_filename(f->dir, "tree", NULL);
    f->archive = g_build_filename(f->dir, "a.tar", NULL);
    f->out = g_build_filename(f->dir, "out", NULL);
    g_assert_cmpint(g_mkdir(f->tree, 0755), ==, 0);
}

void
fixture_tear_down(Fixture *f, gconstpointer unused)
{
    (void)unused;
    g_autoptr(GError) error = NULL;
    g_autoptr(GDir) dir = g_dir_open(f->dir, 0, NULL);
    for (const char *name; (name = g_dir_read_name(dir)) != NULL;)
        g_assert_cmpint(name[0], !=, '.');
    checkpoint_remove(f->dir, &error);
    g_assert_no_error(error);
    g_free(f->dir);
    g_free(f->tree);
    g_free(f->archive);
    g_free(f->out);
}

char *
fixture_path(Fixture *f, const char *path)
{
    return g_build_filename(f->tree, path, NULL);
}

void
fixture_write(Fixture *f, const char *path, const char *bytes, gssize length)
{
    g_autofree char *whole = fixture_path(f, path);
    g_autofree char *above = g_path_get_dirname(whole);
    g_assert_cmpint(g_mkdir_with_parents(above, 0755), ==, 0);
    int fd = open(whole, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    g_assert_cmpint(fd, >=, 0);
    const gsize n = length < 0 ? strlen(bytes) : (gsize)length;
    g_assert_cmpint(write(fd, bytes, n), ==, (gssize)n);
    close(fd);
}

void
fixture_mkdir(Fixture *f, const char *path, guint mode)
{
    g_autofree char *whole = fixture_path(f, path);
    g_assert_cmpint(g_mkdir_with_parents(whole, 0755), ==, 0);
    g_assert_cmpint(g_chmod(whole, (int)mode), ==, 0);
}

void
fixture_symlink(Fixture *f, const char *target, const char *path)
{
    g_autofree char *whole = fixture_path(f, path);
    g_assert_cmpint(symlink(target, whole), ==, 0);
}

void
fixture_set_mtime(Fixture *f, const char *path, gint64 ns)
{
    g_autofree char *whole = fixture_path(f, path);
    const gint64 second = 1000000000;
    const struct timespec times[2] = {
        {.tv_nsec = UTIME_OMIT},
        {.tv_sec = ns / second - (ns % second < 0), .tv_nsec = (ns % second + second) % second}};
    g_assert_cmpint(utimensat(AT_FDCWD, whole, times, AT_SYMLINK_NOFOLLOW), ==, 0);
}

PbxArchiveFacts
fixture_pack(Fixture *f)
{
    PbxArchiveFacts facts = {0};
    g_autoptr(GError) error = NULL;
    g_unlink(f->archive);
    checkpoint_pack(f->tree, NULL, f->archive, NULL, &facts, &error);
    g_assert_no_error(error);
    return facts;
}

void
fixture_unpack(Fixture *f)
{
    g_autoptr(GError) error = NULL;
    checkpoint_unpack(f->archive, f->out, NULL, 0, &error);
    g_assert_no_error(error);
}

/* ---- What a directory looks like ---- */

static char *
sum_of(int parent, const char *name, const struct stat *info)
{
    int fd = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return g_strdup(g_strerror(errno));
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    guchar bytes[65536];
    off_t all = 0;
    for (ssize_t n; (n = read(fd, bytes, sizeof bytes)) > 0; all += n)
        g_checksum_update(sum, bytes, n);
    g_assert_cmpint(all, ==, info->st_size);
    close(fd);
    return g_strdup(g_checksum_get_string(sum));
}

static int
compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
describe(int parent, const char *name, const char *path, GPtrArray *lines, GHashTable *inodes)
{
    struct stat info;
    g_assert_cmpint(fstatat(parent, name, &info, AT_SYMLINK_NOFOLLOW), ==, 0);
    g_autofree char *what = NULL;
    char target[4096] = "";
    if (S_ISLNK(info.st_mode))
        g_assert_cmpint(readlinkat(parent, name, target, sizeof target - 1), >, 0);
    if (S_ISREG(info.st_mode))
        what = sum_of(parent, name, &info);
    gpointer inode = GSIZE_TO_POINTER((gsize)info.st_ino);
    const char *first = g_hash_table_lookup(inodes, inode);
    if (first == NULL && S_ISREG(info.st_mode))
        g_hash_table_insert(inodes, inode, g_strdup(path));
    g_ptr_array_add(lines,
                    g_strdup_printf("%s %o %ld %ld.%09ld %s%s %s", path, info.st_mode,
                                    S_ISREG(info.st_mode) ? (long)info.st_size : 0L,
                                    (long)info.st_mtim.tv_sec, info.st_mtim.tv_nsec,
                                    what != NULL ? what : "", target, first != NULL ? first : ""));
    if (!S_ISDIR(info.st_mode))
        return;
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fdopendir(fd);
    g_assert_nonnull(dir);
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (!g_str_equal(entry->d_name, ".") && !g_str_equal(entry->d_name, ".."))
            g_ptr_array_add(names, g_strdup(entry->d_name));
    }
    g_ptr_array_sort(names, compare_names);
    for (guint i = 0; i < names->len; i++) {
        g_autofree char *inner = g_strdup_printf("%s/%s", path, (char *)names->pdata[i]);
        describe(fd, names->pdata[i], inner, lines, inodes);
    }
    closedir(dir);
}

char *
fixture_describe(const char *dir)
{
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GHashTable) inodes = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    describe(AT_FDCWD, dir, "", lines, inodes);
    /* The directory itself is not part of it. */
    g_ptr_array_remove_index(lines, 0);
    g_ptr_array_add(lines, NULL);
    return g_strjoinv("\n", (char **)lines->pdata);
}

void
fixture_round_trip(Fixture *f)
{
    fixture_pack(f);
    fixture_unpack(f);
    g_autofree char *before = fixture_describe(f->tree);
    g_autofree char *after = fixture_describe(f->out);
    g_auto(GStrv) lines = g_strsplit(before, "\n", -1), found = g_strsplit(after, "\n", -1);
    g_assert_cmpuint(g_strv_length(found), ==, g_strv_length(lines));
    for (gsize i = 0; lines[i] != NULL; i++)
        g_assert_cmpstr(found[i], ==, lines[i]);
}

/* ---- Checks ---- */

void
fixture_assert_error(GError **error, int code, const char *text)
{
    g_assert_nonnull(*error);
    if (!g_error_matches(*error, PBX_CHECKPOINT_ERROR, code) ||
        strstr((*error)->message, text) == NULL)
        g_error("error %d \"%s\" is not %d with \"%s\"", (*error)->code, (*error)->message, code,
                text);
    g_assert_null(strchr((*error)->message, '\n'));
    g_clear_error(error);
}

void
fixture_assert_names(Fixture *f, ...)
{
    g_autoptr(GHashTable) wanted = g_hash_table_new(g_str_hash, g_str_equal);
    va_list args;
    va_start(args, f);
    for (const char *name; (name = va_arg(args, const char *)) != NULL;)
        g_hash_table_add(wanted, (gpointer)name);
    va_end(args);
    g_autoptr(GDir) dir = g_dir_open(f->dir, 0, NULL);
    guint n = 0;
    for (const char *name; (name = g_dir_read_name(dir)) != NULL; n++) {
        if (!g_hash_table_contains(wanted, name))
            g_error("%s is there too", name);
    }
    g_assert_cmpuint(n, ==, g_hash_table_size(wanted));
}
