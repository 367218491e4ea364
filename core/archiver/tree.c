/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A directory walked in the order of an archive's members: sorted by the bytes of their paths, in
 * which a directory's ends with '/'. What does not stand still meanwhile is an error.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "archiver/archiver.h"

typedef struct {
    const char *dir;
    GString *path; /* of where it is, below dir */
    guint depth;
    PbxLeafFunc func;
    gpointer data;
} PbxWalk;

static gboolean walk_all(PbxWalk *walk, int fd, GError **error);
static gboolean walk_some(PbxWalk *walk, int fd, GPtrArray *members, GError **error);

static gboolean
fail_here(PbxWalk *walk, int number, GError **error)
{
    g_autofree char *place = g_build_filename(walk->dir, walk->path->str, NULL);
    if (number == ENOENT)
        return checkpoint_fail(error, CHECKPOINT_ERROR_CHANGED,
                               "%s: it is not there, or was removed while it was packed", place);
    if (number == 0)
        return checkpoint_fail(error, CHECKPOINT_ERROR_CHANGED, "%s: changed while it was packed",
                               place);
    return checkpoint_fail_errno(error, number, place);
}

/* ---- Names in their order ---- */

static int
compare_keys(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A name as it is sorted; NULL with errno. */
static char *
make_key(int fd, const char *name, unsigned char type)
{
    struct stat info;
    if (type == DT_UNKNOWN) {
        if (fstatat(fd, name, &info, AT_SYMLINK_NOFOLLOW) != 0)
            return NULL;
        type = S_ISDIR(info.st_mode) ? DT_DIR : DT_REG;
    }
    return g_strconcat(name, type == DT_DIR ? "/" : "", NULL);
}

/* NULL with errno. */
static GPtrArray *
read_keys(int fd)
{
    int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = own >= 0 ? fdopendir(own) : NULL;
    if (dir == NULL) {
        if (own >= 0)
            close(own);
        return NULL;
    }
    g_autoptr(GPtrArray) keys = g_ptr_array_new_with_free_func(g_free);
    const struct dirent *entry;
    gboolean good = TRUE;
    errno = 0;
    while (good && (entry = readdir(dir)) != NULL) {
        if (!g_str_equal(entry->d_name, ".") && !g_str_equal(entry->d_name, "..")) {
            char *key = make_key(fd, entry->d_name, entry->d_type);
            good = key != NULL;
            if (good)
                g_ptr_array_add(keys, key);
        }
        errno = good ? 0 : errno;
    }
    const int saved = errno;
    closedir(dir);
    errno = saved;
    if (saved != 0)
        return NULL;
    g_ptr_array_sort(keys, compare_keys);
    return g_steal_pointer(&keys);
}

/* ---- The walk ---- */

static gboolean
stands_still(const struct stat *a, const struct stat *b)
{
    return a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* members NULL: all that is in it, and nothing may come or go meanwhile. */
static gboolean
walk_directory(PbxWalk *walk, int parent, const char *name, GPtrArray *members, GError **error)
{
    if (walk->depth == MAX_DEPTH)
        return checkpoint_fail(error, CHECKPOINT_ERROR_REFUSED,
                               "%s/%s: directories lie more than %d deep", walk->dir,
                               walk->path->str, MAX_DEPTH);
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat before, after;
    if (fd < 0)
        return fail_here(walk, errno, error);
    walk->depth++;
    gboolean good = fstat(fd, &before) == 0 || fail_here(walk, errno, error);
    good =
        good && (members == NULL ? walk_all(walk, fd, error) : walk_some(walk, fd, members, error));
    good = good && (members != NULL || (fstat(fd, &after) == 0 && stands_still(&before, &after)) ||
                    fail_here(walk, 0, error));
    walk->depth--;
    close(fd);
    return good;
}

/* Takes the key's closing '/' off. */
static gboolean
walk_child(PbxWalk *walk, int fd, char *key, GPtrArray *members, GError **error)
{
    const gsize length = strlen(key), before = walk->path->len;
    const gboolean is_dir = key[length - 1] == '/';
    if (is_dir)
        key[length - 1] = '\0';
    if (before > 0)
        g_string_append_c(walk->path, '/');
    g_string_append(walk->path, key);
    PbxLeaf leaf = {.parent = fd, .name = key, .path = walk->path->str};
    gboolean good = archiver_go_on(error);
    if (good && fstatat(fd, key, &leaf.info, AT_SYMLINK_NOFOLLOW) != 0)
        good = fail_here(walk, errno, error);
    else if (good && S_ISDIR(leaf.info.st_mode) != is_dir)
        good = fail_here(walk, 0, error);
    else if (good && members != NULL && !is_dir)
        good = fail_here(walk, ENOTDIR, error);
    good = good && walk->func(&leaf, walk->data, error);
    if (good && is_dir)
        good = walk_directory(walk, fd, key, members, error);
    g_string_truncate(walk->path, before);
    return good;
}

static gboolean
walk_all(PbxWalk *walk, int fd, GError **error)
{
    g_autoptr(GPtrArray) keys = read_keys(fd);
    if (keys == NULL)
        return fail_here(walk, errno, error);
    for (guint i = 0; i < keys->len; i++) {
        if (!walk_child(walk, fd, keys->pdata[i], NULL, error))
            return FALSE;
    }
    return TRUE;
}

/* ---- Members that were asked for ---- */

static void
drop_rests(gpointer rests)
{
    if (rests != NULL)
        g_ptr_array_unref(rests);
}

/* The first part of each member, with what of it is wanted: NULL for all of it, else what
 * follows. (transfer full) */
static GHashTable *
split_members(GPtrArray *members)
{
    GHashTable *wanted = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, drop_rests);
    for (guint i = 0; i < members->len; i++) {
        const char *member = members->pdata[i];
        const char *slash = strchr(member, '/');
        char *first = slash != NULL ? g_strndup(member, (gsize)(slash - member)) : g_strdup(member);
        GPtrArray *rests = NULL;
        const gboolean known =
            g_hash_table_lookup_extended(wanted, first, NULL, (gpointer *)&rests);
        if (slash == NULL) {
            g_hash_table_replace(wanted, first, NULL);
            continue;
        }
        if (!known) {
            rests = g_ptr_array_new();
            g_hash_table_insert(wanted, g_strdup(first), rests);
        }
        if (rests != NULL)
            g_ptr_array_add(rests, (gpointer)(slash + 1));
        g_free(first);
    }
    return wanted;
}

static gboolean
walk_some(PbxWalk *walk, int fd, GPtrArray *members, GError **error)
{
    g_autoptr(GHashTable) wanted = split_members(members);
    g_autoptr(GPtrArray) keys = g_ptr_array_new_with_free_func(g_free);
    GHashTableIter iter;
    gpointer name;
    g_hash_table_iter_init(&iter, wanted);
    while (g_hash_table_iter_next(&iter, &name, NULL)) {
        char *key = make_key(fd, name, DT_UNKNOWN);
        if (key == NULL) {
            const int number = errno;
            g_string_append_printf(walk->path, "%s%s", walk->path->len > 0 ? "/" : "",
                                   (const char *)name);
            return fail_here(walk, number, error);
        }
        g_ptr_array_add(keys, key);
    }
    g_ptr_array_sort(keys, compare_keys);
    for (guint i = 0; i < keys->len; i++) {
        g_autofree char *part = g_strdup(keys->pdata[i]);
        part[strcspn(part, "/")] = '\0';
        if (!walk_child(walk, fd, keys->pdata[i], g_hash_table_lookup(wanted, part), error))
            return FALSE;
    }
    return TRUE;
}

gboolean
tree_walk(const char *dir, const char *const *members, PbxLeafFunc func, gpointer data,
          GError **error)
{
    g_autoptr(GString) path = g_string_new(NULL);
    g_autoptr(GPtrArray) wanted = g_ptr_array_new_with_free_func(g_free);
    gboolean all = members == NULL;
    for (gsize i = 0; members != NULL && members[i] != NULL; i++) {
        const char *problem = path_problem(members[i]);
        if (problem != NULL)
            return checkpoint_fail(error, CHECKPOINT_ERROR_REFUSED, "%s: %s", members[i], problem);
        char *clean = path_clean(members[i]);
        all = all || clean[0] == '\0';
        g_ptr_array_add(wanted, clean);
    }
    PbxWalk walk = {.dir = dir, .path = path, .func = func, .data = data};
    /* The directory itself may be reached through a link. */
    int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return checkpoint_fail_errno(error, errno, dir);
    const gboolean good = walk_directory(&walk, fd, ".", all ? NULL : wanted, error);
    close(fd);
    return good;
}
