/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a tree has changed between two looks. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker/process-private.h"

#define NS_PER_S  G_GINT64_CONSTANT(1000000000)
#define NS_PER_MS G_GINT64_CONSTANT(1000000)

typedef struct {
    char *dir;
    PbxTreeLook before;
} Tree;

static char *
path_of(const Tree *tree, const char *name)
{
    return g_build_filename(tree->dir, name, NULL);
}

static void
write_text(const Tree *tree, const char *name, const char *text)
{
    g_autofree char *path = path_of(tree, name);
    g_assert_true(g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_NONE, 0644, NULL));
}

static void
tree_open(Tree *tree, gconstpointer unused)
{
    (void)unused;
    tree->dir = g_dir_make_tmp("pegbox-test-XXXXXX", NULL);
    g_autofree char *inner = path_of(tree, "inner");
    g_assert_cmpint(g_mkdir(inner, 0700), ==, 0);
    write_text(tree, "a", "1");
    write_text(tree, "inner/b", "2");
    g_assert_true(tree_look(tree->dir, &tree->before));
}

static void
tree_close(Tree *tree, gconstpointer unused)
{
    (void)unused;
    g_assert_true(checkpoint_remove(tree->dir, NULL));
    g_free(tree->dir);
}

static void
assert_changed(const Tree *tree, gboolean changed)
{
    PbxTreeLook after;
    g_assert_true(tree_look(tree->dir, &after));
    g_assert_cmpint(tree_look_is_same(&tree->before, &after), ==, !changed);
}

static void
test_unchanged(Tree *tree, gconstpointer unused)
{
    (void)unused;
    g_assert_cmpuint(tree->before.n, ==, 4);
    assert_changed(tree, FALSE);
    g_autofree char *path = path_of(tree, "a");
    g_autofree char *text = NULL;
    /* Reading it, as a copy does, is no change. */
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    assert_changed(tree, FALSE);
}

static void
test_longer(Tree *tree, gconstpointer unused)
{
    (void)unused;
    write_text(tree, "inner/b", "22");
    assert_changed(tree, TRUE);
}

static void
test_same_size_other_time(Tree *tree, gconstpointer unused)
{
    struct timespec times[] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 12345}};
    g_autofree char *path = path_of(tree, "a");
    (void)unused;
    g_assert_cmpint(utimensat(AT_FDCWD, path, times, 0), ==, 0);
    assert_changed(tree, TRUE);
}

static void
test_one_more(Tree *tree, gconstpointer unused)
{
    (void)unused;
    write_text(tree, "inner/c", "");
    assert_changed(tree, TRUE);
}

static void
test_one_less(Tree *tree, gconstpointer unused)
{
    g_autofree char *path = path_of(tree, "inner/b");
    (void)unused;
    g_assert_cmpint(g_unlink(path), ==, 0);
    assert_changed(tree, TRUE);
}

static void
test_names_exchanged(Tree *tree, gconstpointer unused)
{
    g_autofree char *a = path_of(tree, "a");
    g_autofree char *b = path_of(tree, "inner/b");
    g_autofree char *c = path_of(tree, "c");
    (void)unused;
    g_assert_cmpint(g_rename(a, c) | g_rename(b, a) | g_rename(c, b), ==, 0);
    assert_changed(tree, TRUE);
}

/* A link is looked at, not what it leads to. */
static void
test_links(Tree *tree, gconstpointer unused)
{
    PbxTreeLook look;
    g_autofree char *loop = path_of(tree, "inner/loop");
    (void)unused;
    g_assert_cmpint(symlink("..", loop), ==, 0);
    g_assert_true(tree_look(tree->dir, &look));
    g_assert_cmpuint(look.n, ==, 5);
    g_assert_true(tree_look(loop, &look));
    g_assert_cmpuint(look.n, ==, 1);
}

static void
test_deep(Tree *tree, gconstpointer unused)
{
    PbxTreeLook look;
    (void)unused;
    int fd = open(tree->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (guint i = 0; i < 300; i++) {
        g_assert_cmpint(mkdirat(fd, "d", 0700), ==, 0);
        int inner = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        close(fd);
        fd = inner;
    }
    close(fd);
    g_assert_false(tree_look(tree->dir, &look));
    g_assert_cmpint(errno, ==, ELOOP);
}

static void
test_missing(Tree *tree, gconstpointer unused)
{
    PbxTreeLook look;
    g_autofree char *path = path_of(tree, "none");
    (void)unused;
    g_assert_false(tree_look(path, &look));
    g_assert_cmpint(errno, ==, ENOENT);
}

static void
test_young(Tree *tree, gconstpointer unused)
{
    PbxTreeLook look = tree->before;
    (void)unused;
    gint64 now_ns = g_get_real_time() * 1000 + 5;
    look.newest_ns = now_ns + 500 * NS_PER_MS; /* the clock's next ticks */
    g_assert_true(tree_look_is_young(&look));
    look.newest_ns = now_ns - 60 * NS_PER_S;
    g_assert_false(tree_look_is_young(&look));
    /* A clock that was set back does not keep it young for ever. */
    look.newest_ns = now_ns + 3600 * NS_PER_S;
    g_assert_false(tree_look_is_young(&look));
    /* A file system that counts whole seconds. */
    look.newest_ns = g_get_real_time() / G_USEC_PER_SEC * NS_PER_S;
    g_assert_true(tree_look_is_young(&look));
}

#define ADD(PATH, FUNC) g_test_add(PATH, Tree, NULL, tree_open, FUNC, tree_close)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/tree-look/unchanged", test_unchanged);
    ADD("/tree-look/longer", test_longer);
    ADD("/tree-look/same-size-other-time", test_same_size_other_time);
    ADD("/tree-look/one-more", test_one_more);
    ADD("/tree-look/one-less", test_one_less);
    ADD("/tree-look/names-exchanged", test_names_exchanged);
    ADD("/tree-look/links", test_links);
    ADD("/tree-look/deep", test_deep);
    ADD("/tree-look/missing", test_missing);
    ADD("/tree-look/young", test_young);
    return g_test_run();
}
