/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is packed, in which order and bytes; what survives; what is told of what cannot be. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"

/* ---- What survives ---- */

static void
test_empty(Fixture *f, gconstpointer unused)
{
    (void)unused;
    fixture_round_trip(f);
    PbxArchiveFacts facts = fixture_pack(f);
    g_assert_cmpuint(facts.n_members, ==, 0);
    g_assert_cmpuint(facts.unpacked_bytes, ==, 0);
}

static void
test_kinds(Fixture *f, gconstpointer unused)
{
    (void)unused;
    fixture_write(f, "file", "bytes", -1);
    fixture_write(f, "empty", "", 0);
    fixture_write(f, "d/e/f/deep", "x", -1);
    fixture_mkdir(f, "nothing", 0755);
    fixture_symlink(f, "d/e", "to-directory");
    fixture_symlink(f, "../../file", "d/e/to-file");
    fixture_symlink(f, "not there", "dangling");
    g_autofree char *file = fixture_path(f, "file");
    g_autofree char *other = fixture_path(f, "d/other");
    g_assert_cmpint(link(file, other), ==, 0);
    fixture_round_trip(f);
    PbxArchiveFacts facts = fixture_pack(f);
    g_assert_cmpuint(facts.n_members, ==, 11);
    g_assert_cmpuint(facts.unpacked_bytes, ==, 6);
}

static void
test_names(Fixture *f, gconstpointer unused)
{
    (void)unused;
    g_autofree char *longest = g_strnfill(255, 'n');
    g_autoptr(GString) deep = g_string_new(NULL);
    for (guint i = 0; i < 11; i++)
        g_string_append_printf(deep, "%s/", longest);
    g_string_append(deep, "\xc3\xa4\xf0\x9f\xa6\x86");
    fixture_write(f, deep->str, "x", -1);
    const char *names[] = {"gr\xc3\xbc\xc3\x9f",
                           "\xff\xfe",
                           "line\nbreak",
                           " ",
                           "\\",
                           "\x01",
                           "-rf",
                           "a\"b",
                           "e\xcc\x81",
                           "\xed\xa0\x80",
                           "\xed\xa0\xbd\xed\xb8\x80",
                           "\xf4\x90\x80\x80",
                           "\xc0\xaf",
                           "trailing ",
                           "\xc3"};
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
        fixture_write(f, names[i], names[i], -1);
    g_autofree char *d = g_strdup_printf("d/%s", longest);
    fixture_write(f, d, "x", -1);
    fixture_symlink(f, "\xff\xfe", "link\xfd");
    g_autofree char *target = g_strdup_printf("d/%s", longest);
    fixture_symlink(f, target, "long-link");
    fixture_round_trip(f);
}

static void
test_permissions_and_times(Fixture *f, gconstpointer unused)
{
    (void)unused;
    static const guint modes[] = {0644, 0600, 0400, 0000, 0777, 0755, 0111};
    for (gsize i = 0; i < G_N_ELEMENTS(modes); i++) {
        g_autofree char *name = g_strdup_printf("file-%o", modes[i]);
        g_autofree char *path = fixture_path(f, name);
        fixture_write(f, name, "x", -1);
        if (geteuid() == 0 || (modes[i] & 0400) != 0)
            g_assert_cmpint(g_chmod(path, (int)modes[i]), ==, 0);
    }
    fixture_write(f, "d/inside", "x", -1);
    fixture_set_mtime(f, "file-644", 1);
    fixture_set_mtime(f, "file-600", G_GINT64_CONSTANT(1234567890123456789));
    fixture_set_mtime(f, "file-777", -1500000000);
    fixture_symlink(f, "file-644", "link");
    fixture_set_mtime(f, "link", G_GINT64_CONSTANT(999999999999999999));
    fixture_mkdir(f, "d", 0555);
    fixture_set_mtime(f, "d", G_GINT64_CONSTANT(1000000000000000001));
    fixture_mkdir(f, "sticky", 01777);
    fixture_round_trip(f);
}

static void
test_setuid_is_dropped(Fixture *f, gconstpointer unused)
{
    (void)unused;
    fixture_write(f, "file", "x", -1);
    g_autofree char *path = fixture_path(f, "file");
    g_assert_cmpint(g_chmod(path, 06755), ==, 0);
    PbxArchiveFacts with = fixture_pack(f);
    fixture_unpack(f);
    g_autofree char *unpacked = g_build_filename(f->out, "file", NULL);
    GStatBuf info;
    g_assert_cmpint(g_stat(unpacked, &info), ==, 0);
    g_assert_cmpint(info.st_mode & 07777, ==, 0755);
    fixture_set_mtime(f, "file", (gint64)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec);
    g_assert_cmpint(g_chmod(path, 0755), ==, 0);
    g_assert_cmpstr(fixture_pack(f).sha256, ==, with.sha256);
}

/* ---- Sparse files ---- */

static void
write_at(Fixture *f, const char *name, gint64 size, const gint64 *at, guint n)
{
    g_autofree char *path = fixture_path(f, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    for (guint i = 0; i < n; i++)
        g_assert_cmpint(pwrite(fd, "data", 4, at[i]), ==, 4);
    g_assert_cmpint(ftruncate(fd, size), ==, 0);
    close(fd);
}

static gint64
blocks_of(const char *dir, const char *name)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);
    GStatBuf info;
    g_assert_cmpint(g_stat(path, &info), ==, 0);
    return info.st_blocks * 512;
}

static void
test_sparse(Fixture *f, gconstpointer unused)
{
    (void)unused;
    const gint64 k = 1024, m = k * k;
    write_at(f, "middle", 10 * m, (gint64[]){0, 5 * m, 10 * m - 4}, 3);
    write_at(f, "begin", 10 * m, (gint64[]){10 * m - 4}, 1);
    write_at(f, "end", 10 * m, (gint64[]){0}, 1);
    write_at(f, "odd", 10 * m + 1, (gint64[]){77 * k + 3, 500 * k - 2}, 2);
    write_at(f, "all", 10 * m, NULL, 0);
    write_at(f, "all-odd", 64 * k + 1, NULL, 0);
    write_at(f, "least", 64 * k, NULL, 0);
    write_at(f, "less", 64 * k - 1, NULL, 0);
    fixture_round_trip(f);
    PbxArchiveFacts facts = fixture_pack(f);
    g_assert_cmpuint(facts.unpacked_bytes, ==,
                     (guint64)(50 * m + 1 + 64 * k + 1 + 64 * k + 64 * k - 1));
    g_assert_cmpuint(facts.bytes, <, (guint64)m);
    g_assert_cmpint(blocks_of(f->out, "middle"), <, m);
    g_assert_cmpint(blocks_of(f->out, "all"), ==, 0);
}

/* Holes at every place around the probes, against what a plain reading says. */
static void
test_holes_are_exact(Fixture *f, gconstpointer unused)
{
    (void)unused;
    const gsize size = 300 * 1024 + 17;
    g_autofree char *bytes = g_malloc(size);
    for (guint32 i = 0; i < 60; i++) {
        memset(bytes, 'x', size);
        g_autoptr(GRand) random = g_rand_new_with_seed(i);
        for (guint hole = 0; hole < 3; hole++) {
            const gsize from = (gsize)g_rand_int_range(random, 0, (gint32)size);
            const gsize length = (gsize)g_rand_int_range(random, 1, 200 * 1024);
            memset(bytes + from, 0, MIN(length, size - from));
        }
        g_autofree char *name = g_strdup_printf("file-%u", i);
        fixture_write(f, name, bytes, (gssize)size);
    }
    fixture_round_trip(f);
}

static void
test_zeros_and_holes_pack_alike(Fixture *f, gconstpointer unused)
{
    (void)unused;
    const gint64 m = 1024 * 1024;
    write_at(f, "file", 3 * m, (gint64[]){m}, 1);
    fixture_set_mtime(f, "file", 5);
    PbxArchiveFacts sparse = fixture_pack(f);
    g_autofree char *bytes = g_malloc0(3 * m);
    memcpy(bytes + m, "data", 4);
    fixture_write(f, "file", bytes, 3 * m);
    fixture_set_mtime(f, "file", 5);
    g_assert_cmpstr(fixture_pack(f).sha256, ==, sparse.sha256);
}

/* ---- Order and bytes ---- */

static void
note_member(const PbxMember *member, gpointer data)
{
    g_ptr_array_add(data, g_strdup(member->path));
}

static char *
list(Fixture *f)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) error = NULL;
    checkpoint_list(f->archive, note_member, names, &error);
    g_assert_no_error(error);
    g_ptr_array_add(names, NULL);
    return g_strjoinv(" ", (char **)names->pdata);
}

static void
test_order(Fixture *f, gconstpointer unused)
{
    (void)unused;
    static const char *const names[] = {"b", "a/x", "a-b", "a.c", "a0", "B", "\xc3\xa4", "a/b/c"};
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
        fixture_write(f, names[i], "", 0);
    fixture_pack(f);
    g_autofree char *found = list(f);
    g_assert_cmpstr(found, ==, "B a-b a.c a/ a/b/ a/b/c a/x a0 b \xc3\xa4");
}

static void
test_same_tree_same_bytes(Fixture *f, gconstpointer unused)
{
    (void)unused;
    for (guint i = 0; i < 50; i++) {
        g_autofree char *name = g_strdup_printf("d%u/f%u", i % 7, i);
        fixture_write(f, name, name, -1);
    }
    fixture_symlink(f, "d0", "l");
    PbxArchiveFacts first = fixture_pack(f);
    fixture_unpack(f);
    g_autofree char *again = g_build_filename(f->dir, "b.tar", NULL);
    PbxArchiveFacts second;
    g_autoptr(GError) error = NULL;
    checkpoint_pack(f->out, NULL, again, NULL, &second, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(first.sha256, ==, second.sha256);
    g_assert_cmpmem(&first, sizeof first, &second, sizeof second);
    /* Another mtime, other bytes. */
    fixture_set_mtime(f, "d1", 1);
    g_assert_cmpstr(fixture_pack(f).sha256, !=, first.sha256);
}

static void
test_zstd(Fixture *f, gconstpointer unused)
{
    (void)unused;
    g_autofree char *text = g_strnfill(3000000, 'x');
    g_autofree char *before = NULL, *after = NULL;
    fixture_write(f, "d/file", text, -1);
    const int levels[] = {1, 3, CHECKPOINT_MAX_ZSTD_LEVEL};
    for (gsize i = 0; i < G_N_ELEMENTS(levels); i++) {
        PbxArchiveFacts facts, again;
        g_autoptr(GError) error = NULL;
        checkpoint_pack(f->tree, NULL, f->archive, &(PbxPackOptions){levels[i]}, &facts, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(facts.bytes, <, 100000);
        g_assert_true(checkpoint_verify(f->archive, facts.sha256, &again, &error));
        g_assert_cmpmem(&facts, sizeof facts, &again, sizeof again);
        fixture_unpack(f);
        g_free(before);
        g_free(after);
        before = fixture_describe(f->tree);
        after = fixture_describe(f->out);
        g_assert_cmpstr(before, ==, after);
        g_unlink(f->archive);
        checkpoint_remove(f->out, NULL);
    }
    const int bad[] = {-1, CHECKPOINT_MAX_ZSTD_LEVEL + 1};
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_false(
            checkpoint_pack(f->tree, NULL, f->archive, &(PbxPackOptions){bad[i]}, NULL, &error));
        fixture_assert_error(&error, CHECKPOINT_ERROR_REFUSED, "level");
    }
    fixture_assert_names(f, "tree", NULL);
}

/* ---- Some members ---- */

static void
test_members(Fixture *f, gconstpointer unused)
{
    (void)unused;
    static const char *const names[] = {"out/model", "out/log", "other/x",
                                        "other/y",   "last",    "out-2"};
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
        fixture_write(f, names[i], names[i], -1);
    const char *const wanted[] = {"out/model", "./other/", "other/x", "last", NULL};
    g_autoptr(GError) error = NULL;
    checkpoint_pack(f->tree, wanted, f->archive, NULL, NULL, &error);
    g_assert_no_error(error);
    g_autofree char *found = list(f);
    g_assert_cmpstr(found, ==, "last other/ other/x other/y out/ out/model");
    g_unlink(f->archive);
    checkpoint_pack(f->tree, (const char *const[]){"out", ".", NULL}, f->archive, NULL, NULL,
                    &error);
    g_assert_no_error(error);
    g_autofree char *all = list(f);
    g_assert_cmpstr(all, ==, "last other/ other/x other/y out-2 out/ out/log out/model");
    g_unlink(f->archive);

    fixture_symlink(f, "other", "link");
    static const struct {
        const char *member;
        int code;
        const char *says;
    } bad[] = {
        {"none", CHECKPOINT_ERROR_CHANGED, "tree/none"},
        {"out/none/x", CHECKPOINT_ERROR_CHANGED, "tree/out/none"},
        {"last/x", CHECKPOINT_ERROR_IO, "tree/last"},
        {"link/x", CHECKPOINT_ERROR_IO, "tree/link"},
        {"../tree", CHECKPOINT_ERROR_REFUSED, "'..'"},
        {"/nonexistent", CHECKPOINT_ERROR_REFUSED, "absolute"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        const char *const members[] = {"other/x", bad[i].member, NULL};
        g_assert_false(checkpoint_pack(f->tree, members, f->archive, NULL, NULL, &error));
        fixture_assert_error(&error, bad[i].code, bad[i].says);
    }
    fixture_assert_names(f, "tree", NULL);
}

/* ---- What cannot be packed ---- */

static void
test_refuses(Fixture *f, gconstpointer unused)
{
    (void)unused;
    g_autoptr(GError) error = NULL;
    static const char *const targets[] = {"/nonexistent/x", "..", "../tree", "a/../.."};
    for (gsize i = 0; i < G_N_ELEMENTS(targets); i++) {
        fixture_symlink(f, targets[i], "link");
        g_assert_false(checkpoint_pack(f->tree, NULL, f->archive, NULL, NULL, &error));
        fixture_assert_error(&error, CHECKPOINT_ERROR_REFUSED, "tree/link: it is a symbolic link");
        g_autofree char *link = fixture_path(f, "link");
        g_unlink(link);
    }
    g_autofree char *fifo = fixture_path(f, "fifo");
    g_assert_cmpint(mkfifo(fifo, 0644), ==, 0);
    g_assert_false(checkpoint_pack(f->tree, NULL, f->archive, NULL, NULL, &error));
    fixture_assert_error(&error, CHECKPOINT_ERROR_REFUSED, "tree/fifo: neither");
    g_unlink(fifo);
    g_autofree char *none = g_build_filename(f->dir, "none", NULL);
    g_assert_false(checkpoint_pack(none, NULL, f->archive, NULL, NULL, &error));
    fixture_assert_error(&error, CHECKPOINT_ERROR_IO, "none: No such file");
    g_autofree char *nowhere = g_build_filename(none, "a.tar", NULL);
    g_assert_false(checkpoint_pack(f->tree, NULL, nowhere, NULL, NULL, &error));
    fixture_assert_error(&error, CHECKPOINT_ERROR_IO, "none: No such file");
    fixture_assert_names(f, "tree", NULL);
}

static void
test_replaces_nothing(Fixture *f, gconstpointer unused)
{
    (void)unused;
    g_autoptr(GError) error = NULL;
    fixture_write(f, "file", "x", -1);
    g_assert_cmpint(symlink("not there", f->archive), ==, 0);
    g_assert_false(checkpoint_pack(f->tree, NULL, f->archive, NULL, NULL, &error));
    fixture_assert_error(&error, CHECKPOINT_ERROR_EXISTS, "a.tar: File exists");
    fixture_assert_names(f, "tree", "a.tar", NULL);
}

static void
test_into_itself(Fixture *f, gconstpointer unused)
{
    (void)unused;
    fixture_write(f, "file", "x", -1);
    g_autofree char *inside = fixture_path(f, "a.tar");
    PbxArchiveFacts facts;
    g_autoptr(GError) error = NULL;
    checkpoint_pack(f->tree, NULL, inside, NULL, &facts, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(facts.n_members, ==, 1);
}

static void
test_too_deep(Fixture *f, gconstpointer unused)
{
    (void)unused;
    int fd = open(f->tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (guint i = 0; i < 300; i++) {
        g_assert_cmpint(mkdirat(fd, "d", 0755), ==, 0);
        int next = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        close(fd);
        fd = next;
    }
    close(fd);
    g_autoptr(GError) error = NULL;
    g_assert_false(checkpoint_pack(f->tree, NULL, f->archive, NULL, NULL, &error));
    fixture_assert_error(&error, CHECKPOINT_ERROR_REFUSED, "deep");
    fixture_assert_names(f, "tree", NULL);
}

/* ---- Leftovers ---- */

static void
test_leftovers(Fixture *f, gconstpointer unused)
{
    (void)unused;
    fixture_write(f, ".pegbox-save-1/d/x", "x", -1);
    fixture_mkdir(f, ".pegbox-save-1/d", 0000);
    fixture_mkdir(f, ".pegbox-restored-0.abcdef", 0555);
    static const char *const made[] = {
        ".checkpoint_000001.tar.abcdef",
        ".checkpoint_1234567_2.tar.zst.a1b2c3",
        ".restore.tar.000000",
        ".restore_12.tar.zst.zzzzzz",
    };
    /* What a program may call a file of its own. */
    static const char *const others[] = {
        "checkpoint_000001.tar",
        ".hidden",
        ".checkpoint_x",
        ".checkpoint_000001",
        ".checkpoint_000001.tar",
        ".checkpoint_000001.tar.old",
        ".checkpoint_000001.tar.abcde",
        ".checkpoint_000001.tar.ABCDEF",
        ".checkpoint_01.tar.abcdef",
        ".checkpoint_000001_.tar.abcdef",
        ".checkpoint.tar.abcdef",
        ".restored.tar.abcdef",
        ".checkpoint_best.tar.abcdef",
        ".checkpoint_000001.tar.xz.abcdef",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(made); i++)
        fixture_write(f, made[i], "x", -1);
    for (gsize i = 0; i < G_N_ELEMENTS(others); i++)
        fixture_write(f, others[i], "x", -1);
    g_assert_cmpuint(checkpoint_remove_leftovers(f->tree), ==, 2 + G_N_ELEMENTS(made));
    for (gsize i = 0; i < G_N_ELEMENTS(others); i++) {
        g_autofree char *path = fixture_path(f, others[i]);
        g_assert_cmpint(access(path, F_OK), ==, 0);
    }
    g_autofree char *left = fixture_describe(f->tree);
    g_auto(GStrv) lines = g_strsplit(left, "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, G_N_ELEMENTS(others));
    g_assert_cmpuint(checkpoint_remove_leftovers("/not there"), ==, 0);
}

static void
test_archive_names(void)
{
    static const char *const archives[] = {"checkpoint_000001.tar", "checkpoint_1234567.tar.zst",
                                           "checkpoint_000001_12.tar"};
    static const char *const others[] = {"checkpoint_1.tar",      "checkpoint_best.tar",
                                         "checkpoint_000001.tgz", "checkpoint_000001.tar.xz",
                                         "restore.tar",           ".checkpoint_000001.tar"};
    for (gsize i = 0; i < G_N_ELEMENTS(archives); i++)
        g_assert_true(checkpoint_is_archive(archives[i]));
    for (gsize i = 0; i < G_N_ELEMENTS(others); i++)
        g_assert_false(checkpoint_is_archive(others[i]));
}

/* ---- Copies ---- */

static void
test_copy(Fixture *f, gconstpointer unused)
{
    (void)unused;
    g_autofree char *bytes = g_strnfill(3 * 1024 * 1024 + 1, 'x');
    g_autofree char *to = g_build_filename(f->dir, "b.tar", NULL);
    g_autofree char *link = g_build_filename(f->dir, "link.tar", NULL);
    g_autofree char *copied = NULL;
    GError *error = NULL;
    GStatBuf one, other;
    g_assert_true(g_file_set_contents(f->archive, bytes, -1, NULL));
    g_assert_cmpint(symlink("a.tar", link), ==, 0);
    g_assert_cmpint(g_stat(f->archive, &one), ==, 0);
    const struct {
        const char *from;
        gboolean link, same;
    } cases[] = {{f->archive, FALSE, FALSE}, {f->archive, TRUE, TRUE}, {link, TRUE, FALSE}};
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_assert_true(checkpoint_copy(cases[i].from, to, cases[i].link, &error));
        g_assert_no_error(error);
        g_assert_cmpint(g_lstat(to, &other), ==, 0);
        g_assert_true(S_ISREG(other.st_mode));
        g_assert_true((one.st_ino == other.st_ino) == cases[i].same);
        g_clear_pointer(&copied, g_free);
        g_assert_true(g_file_get_contents(to, &copied, NULL, NULL));
        g_assert_cmpstr(copied, ==, bytes);
        /* It replaces nothing. */
        g_assert_false(checkpoint_copy(cases[i].from, to, cases[i].link, &error));
        fixture_assert_error(&error, CHECKPOINT_ERROR_EXISTS, "b.tar");
        g_assert_cmpint(g_unlink(to), ==, 0);
    }
    fixture_assert_names(f, "tree", "a.tar", "link.tar", NULL);
    g_assert_cmpint(g_unlink(link), ==, 0);
    g_assert_cmpint(g_unlink(f->archive), ==, 0);
    g_assert_false(checkpoint_copy(f->archive, to, TRUE, &error));
    fixture_assert_error(&error, CHECKPOINT_ERROR_IO, "a.tar");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    CHECKPOINT_TEST("/checkpoint/pack/empty", test_empty);
    CHECKPOINT_TEST("/checkpoint/pack/kinds", test_kinds);
    CHECKPOINT_TEST("/checkpoint/pack/names", test_names);
    CHECKPOINT_TEST("/checkpoint/pack/permissions-and-times", test_permissions_and_times);
    CHECKPOINT_TEST("/checkpoint/pack/setuid-is-dropped", test_setuid_is_dropped);
    CHECKPOINT_TEST("/checkpoint/pack/sparse", test_sparse);
    CHECKPOINT_TEST("/checkpoint/pack/holes-are-exact", test_holes_are_exact);
    CHECKPOINT_TEST("/checkpoint/pack/zeros-and-holes-alike", test_zeros_and_holes_pack_alike);
    CHECKPOINT_TEST("/checkpoint/pack/order", test_order);
    CHECKPOINT_TEST("/checkpoint/pack/same-tree-same-bytes", test_same_tree_same_bytes);
    CHECKPOINT_TEST("/checkpoint/pack/zstd", test_zstd);
    CHECKPOINT_TEST("/checkpoint/pack/members", test_members);
    CHECKPOINT_TEST("/checkpoint/pack/refuses", test_refuses);
    CHECKPOINT_TEST("/checkpoint/pack/replaces-nothing", test_replaces_nothing);
    CHECKPOINT_TEST("/checkpoint/pack/into-itself", test_into_itself);
    CHECKPOINT_TEST("/checkpoint/pack/too-deep", test_too_deep);
    CHECKPOINT_TEST("/checkpoint/leftovers", test_leftovers);
    g_test_add_func("/checkpoint/archive-names", test_archive_names);
    CHECKPOINT_TEST("/checkpoint/copy", test_copy);
    return g_test_run();
}
