/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Archives that are damaged or mean harm: refused, and nothing is left behind. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"

static void
assert_refused(Fixture *f, const char *sha256, guint64 max_bytes, int code, const char *says)
{
    g_autoptr(GError) error = NULL;
    g_assert_false(checkpoint_unpack(f->archive, f->out, sha256, max_bytes, &error));
    fixture_assert_error(&error, code, says);
    fixture_assert_names(f, "tree", "a.tar", NULL);
}

/* ---- Archives by hand ---- */

/* g_file_set_contents() would wait for the disk each time. */
static void
set_archive(Fixture *f, const char *bytes, gssize length)
{
    const gsize n = length < 0 ? strlen(bytes) : (gsize)length;
    int fd = open(f->archive, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    g_assert_cmpint(write(fd, bytes, n), ==, (gssize)n);
    close(fd);
}

/* A member with its data, as the oldest tar would write it. */
static void
put(GByteArray *to, const char *name, char type, const char *link, guint64 size, const char *data)
{
    char header[512] = "";
    guint sum = 0;
    g_strlcpy(header, name, 100);
    memcpy(header + 100, "0000644", 8);
    memcpy(header + 108, "0000000", 8);
    memcpy(header + 116, "0000000", 8);
    g_snprintf(header + 124, 12, "%011" G_GINT64_MODIFIER "o", size);
    memcpy(header + 136, "00000000001", 12);
    memset(header + 148, ' ', 8);
    header[156] = type;
    g_strlcpy(header + 157, link, 100);
    memcpy(header + 257, "ustar\00000", 8);
    for (gsize i = 0; i < sizeof header; i++)
        sum += (guchar)header[i];
    g_snprintf(header + 148, 8, "%06o", sum);
    g_byte_array_append(to, (const guint8 *)header, sizeof header);
    const gsize length = data != NULL ? strlen(data) : 0;
    const char zeros[1024] = "";
    g_byte_array_append(to, (const guint8 *)data, (guint)length);
    g_byte_array_append(to, (const guint8 *)zeros, (guint)((512 - length % 512) % 512));
}

static void
put_end(Fixture *f, GByteArray *to)
{
    const char zeros[1024] = "";
    g_byte_array_append(to, (const guint8 *)zeros, sizeof zeros);
    set_archive(f, (char *)to->data, to->len);
}

/* An archive of one member and a good one behind it, that is refused. */
static void
assert_member_refused(Fixture *f, const char *name, char type, const char *link, const char *says)
{
    g_autoptr(GByteArray) to = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    put(to, "good", '0', "", 2, "x\n");
    put(to, name, type, link, 0, NULL);
    put_end(f, to);
    assert_refused(f, NULL, 0, CHECKPOINT_ERROR_REFUSED, says);
    /* What only the other members show is found where they are. */
    if (type != '1' && !g_str_has_prefix(name, "good")) {
        g_assert_false(checkpoint_verify(f->archive, NULL, NULL, &error));
        fixture_assert_error(&error, CHECKPOINT_ERROR_REFUSED, says);
    }
}

static void
test_members(Fixture *f, gconstpointer unused)
{
    (void)unused;
    assert_member_refused(f, "/tmp/pegbox-absolute", '0', "", "absolute");
    assert_member_refused(f, "../up", '0', "", "'..'");
    assert_member_refused(f, "a/../../up", '0', "", "'..'");
    assert_member_refused(f, "..", '5', "", "'..'");
    assert_member_refused(f, "l", '2', "/nonexistent/x", "absolute");
    assert_member_refused(f, "l", '2', "../out", "leads out");
    assert_member_refused(f, "a/l", '2', "b/../../..", "'..' behind a name");
    assert_member_refused(f, "h", '1', "/nonexistent/x", "hard link that leads out");
    assert_member_refused(f, "h", '1', "../a.tar", "hard link that leads out");
    assert_member_refused(f, "h", '1', "none", "hard link to no file");
    assert_member_refused(f, "h", '1', "h", "hard link to no file");
    assert_member_refused(f, "dev", '3', "", "device");
    assert_member_refused(f, "dev", '4', "", "device");
    assert_member_refused(f, "fifo", '6', "", "FIFO");
    assert_member_refused(f, "good", '0', "", "something else has its name");
    assert_member_refused(f, "good", '5', "", "something else has its name");
    assert_member_refused(f, "good/x", '0', "", "through a link or a file");
}

static void
test_through_a_link(Fixture *f, gconstpointer unused)
{
    (void)unused;
    static const struct {
        const char *target, *name;
        char type;
        const char *link;
    } all[] = {
        {".", "l/x", '0', ""},  {"d", "l/x", '0', ""},    {"d", "l/x", '5', ""},
        {"d", "l/x", '2', "y"}, {"d", "l", '0', ""},      {"d", "l", '5', ""},
        {"d/x", "l", '0', ""},  {"d", "h", '1', "l/f"},   {"d/f", "h", '1', "l"},
        {"none", "l", '0', ""}, {"d", "l/../x", '0', ""},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(all); i++) {
        g_autoptr(GByteArray) to = g_byte_array_new();
        put(to, "d/", '5', "", 0, NULL);
        put(to, "d/f", '0', "", 1, "f");
        put(to, "l", '2', all[i].target, 0, NULL);
        put(to, all[i].name, all[i].type, all[i].link, 0, NULL);
        put_end(f, to);
        assert_refused(f, NULL, 0, CHECKPOINT_ERROR_REFUSED, "");
    }
}

static void
test_others_archives(Fixture *f, gconstpointer unused)
{
    (void)unused;
    /* What `tar c .` writes: a name for the directory itself, and "./" before all. */
    g_autoptr(GByteArray) to = g_byte_array_new();
    put(to, "./", '5', "", 0, NULL);
    put(to, "./late/file", '0', "", 1, "x");
    put(to, "./late/", '5', "", 0, NULL);
    put(to, "./h", '1', "./late/file", 0, NULL);
    put_end(f, to);
    fixture_unpack(f);
    g_autofree char *found = fixture_describe(f->out);
    g_assert_nonnull(strstr(found, "/late 40644 0 1.0"));
    g_assert_nonnull(strstr(found, "/late/file 100644 1 1.0"));
    g_assert_nonnull(strstr(found, "/h 100644 1 1.0"));
}

/* ---- Limits ---- */

static void
test_limit(Fixture *f, gconstpointer unused)
{
    (void)unused;
    fixture_write(f, "a", "12345", -1);
    fixture_write(f, "b", "1234567", -1);
    fixture_pack(f);
    assert_refused(f, NULL, 11, CHECKPOINT_ERROR_REFUSED, "b: with it, more than the limit of 11");
    g_autoptr(GError) error = NULL;
    g_assert_true(checkpoint_unpack(f->archive, f->out, NULL, 12, &error));
    checkpoint_remove(f->out, NULL);
    /* Sizes that no disk has: refused by what they claim, before a byte is written. */
    static const guint64 sizes[] = {G_GUINT64_CONSTANT(077777777777), 1, 511, 513, 1 << 20};
    for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autoptr(GByteArray) to = g_byte_array_new();
        put(to, "huge", '0', "", sizes[i], NULL);
        set_archive(f, (char *)to->data, to->len);
        assert_refused(f, NULL, 0, CHECKPOINT_ERROR_DAMAGED, "damaged");
        assert_refused(f, NULL, 1 << 10,
                       sizes[i] > 1 << 10 ? CHECKPOINT_ERROR_REFUSED : CHECKPOINT_ERROR_DAMAGED,
                       "");
    }
}

/* ---- Damage ---- */

static void
make_tree(Fixture *f)
{
    g_autofree char *text = g_strnfill(1500, 'x');
    fixture_write(f, "d/file", text, -1);
    fixture_write(f, "d/zeros", "\0\0\0", 3);
    fixture_write(f, "e/gr\xc3\xbc\xc3\x9f", text, 700);
    fixture_symlink(f, "d/file", "link");
    g_autofree char *sparse = fixture_path(f, "sparse");
    int fd = open(sparse, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    g_assert_cmpint(pwrite(fd, "data", 4, 100000), ==, 4);
    g_assert_cmpint(ftruncate(fd, 300000), ==, 0);
    close(fd);
}

static void
test_truncated(Fixture *f, gconstpointer data)
{
    const int level = GPOINTER_TO_INT(data);
    make_tree(f);
    PbxArchiveFacts facts;
    g_autofree char *bytes = NULL;
    gsize length;
    g_autoptr(GError) error = NULL;
    checkpoint_pack(f->tree, NULL, f->archive, &(PbxPackOptions){level}, &facts, &error);
    g_assert_no_error(error);
    g_assert_true(g_file_get_contents(f->archive, &bytes, &length, NULL));
    g_assert_cmpuint(length, ==, facts.bytes);
    const gsize step = level > 0 ? 7 : 512;
    for (gsize cut = 0; cut < length; cut += step) {
        set_archive(f, bytes, (gssize)cut);
        assert_refused(f, NULL, 0, CHECKPOINT_ERROR_DAMAGED, "a.tar");
        assert_refused(f, facts.sha256, 0, CHECKPOINT_ERROR_DAMAGED, "a.tar");
    }
}

/* Without a sum some damage cannot be seen; it is no crash, and stays inside. */
static void
test_flipped(Fixture *f, gconstpointer data)
{
    make_tree(f);
    PbxArchiveFacts facts;
    g_autofree char *bytes = NULL;
    gsize length;
    g_autoptr(GError) error = NULL;
    checkpoint_pack(f->tree, NULL, f->archive, &(PbxPackOptions){GPOINTER_TO_INT(data)}, &facts,
                    &error);
    g_assert_no_error(error);
    g_assert_true(g_file_get_contents(f->archive, &bytes, &length, NULL));
    for (gsize at = 0; at < length; at += g_test_thorough() ? 1 : 13) {
        bytes[at] ^= 1 << at % 8;
        set_archive(f, bytes, (gssize)length);
        bytes[at] ^= 1 << at % 8;
        assert_refused(f, facts.sha256, 0, CHECKPOINT_ERROR_DAMAGED, "damaged");
        g_assert_false(checkpoint_verify(f->archive, facts.sha256, NULL, &error));
        fixture_assert_error(&error, CHECKPOINT_ERROR_DAMAGED, "damaged");
        if (checkpoint_unpack(f->archive, f->out, NULL, 0, &error))
            checkpoint_remove(f->out, NULL);
        g_clear_error(&error);
        fixture_assert_names(f, "tree", "a.tar", NULL);
    }
}

static void
test_no_archive(Fixture *f, gconstpointer unused)
{
    (void)unused;
    static const char *const texts[] = {
        "", "x", "\x28\xb5\x2f\xfd", "\x28\xb5\x2f\xfdzzzzzzzz", "PK\3\4", "\x1f\x8b\x08"};
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        set_archive(f, texts[i], -1);
        assert_refused(f, NULL, 0, CHECKPOINT_ERROR_DAMAGED, "a.tar");
    }
    g_autofree char *garbage = g_malloc(5000);
    for (guint i = 0; i < 5000; i++)
        garbage[i] = (char)(i * 7919 % 251);
    set_archive(f, garbage, 5000);
    assert_refused(f, NULL, 0, CHECKPOINT_ERROR_DAMAGED, "a.tar");
    g_unlink(f->archive);
    g_assert_cmpint(mkfifo(f->archive, 0644), ==, 0);
    assert_refused(f, NULL, 0, CHECKPOINT_ERROR_DAMAGED, "no regular file");
    g_unlink(f->archive);
    g_assert_cmpint(g_mkdir(f->archive, 0755), ==, 0);
    assert_refused(f, NULL, 0, CHECKPOINT_ERROR_DAMAGED, "no regular file");
    g_autofree char *none = g_build_filename(f->dir, "none", NULL);
    g_autoptr(GError) error = NULL;
    g_assert_false(checkpoint_unpack(none, f->out, NULL, 0, &error));
    fixture_assert_error(&error, CHECKPOINT_ERROR_DAMAGED, "none: No such file");
}

static void
test_sum(Fixture *f, gconstpointer unused)
{
    (void)unused;
    fixture_write(f, "file", "x", -1);
    PbxArchiveFacts facts = fixture_pack(f);
    g_autoptr(GError) error = NULL;
    g_assert_true(checkpoint_unpack(f->archive, f->out, facts.sha256, 0, &error));
    checkpoint_remove(f->out, NULL);
    facts.sha256[0] = facts.sha256[0] == '0' ? '1' : '0';
    assert_refused(f, facts.sha256, 0, CHECKPOINT_ERROR_DAMAGED, "its SHA-256 is");
    assert_refused(f, "", 0, CHECKPOINT_ERROR_DAMAGED, "its SHA-256 is");
    g_autoptr(GError) good = NULL;
    PbxArchiveFacts right;
    g_assert_true(checkpoint_verify(f->archive, NULL, &right, &good));
    g_autofree char *is = g_strdup_printf("its SHA-256 is %s, not 00", right.sha256);
    assert_refused(f, "00", 0, CHECKPOINT_ERROR_DAMAGED, is);
}

/* ---- Where it goes ---- */

static void
test_target(Fixture *f, gconstpointer unused)
{
    (void)unused;
    g_autoptr(GError) error = NULL;
    fixture_write(f, "file", "x", -1);
    fixture_pack(f);
    /* An empty one is taken, with its permissions. */
    g_assert_cmpint(g_mkdir(f->out, 0700), ==, 0);
    g_assert_true(checkpoint_unpack(f->archive, f->out, NULL, 0, &error));
    GStatBuf info;
    g_assert_cmpint(g_stat(f->out, &info), ==, 0);
    g_assert_cmpint(info.st_mode & 07777, ==, 0700);
    /* Nothing else is. */
    g_assert_false(checkpoint_unpack(f->archive, f->out, NULL, 0, &error));
    fixture_assert_error(&error, CHECKPOINT_ERROR_EXISTS, "out: is not empty");
    g_assert_false(checkpoint_unpack(f->archive, f->archive, NULL, 0, &error));
    fixture_assert_error(&error, CHECKPOINT_ERROR_EXISTS, "is no directory");
    g_autofree char *link = g_build_filename(f->dir, "link", NULL);
    g_autofree char *empty = g_build_filename(f->dir, "empty", NULL);
    g_assert_cmpint(g_mkdir(empty, 0755), ==, 0);
    g_assert_cmpint(symlink("empty", link), ==, 0);
    g_assert_false(checkpoint_unpack(f->archive, link, NULL, 0, &error));
    fixture_assert_error(&error, CHECKPOINT_ERROR_EXISTS, "is no directory");
    g_autofree char *nowhere = g_build_filename(f->dir, "none", "out", NULL);
    g_assert_false(checkpoint_unpack(f->archive, nowhere, NULL, 0, &error));
    fixture_assert_error(&error, CHECKPOINT_ERROR_IO, "none: No such file");
    fixture_assert_names(f, "tree", "a.tar", "out", "link", "empty", NULL);
}

static void
test_interrupted(Fixture *f, gconstpointer unused)
{
    (void)unused;
    fixture_write(f, "file", "x", -1);
    fixture_pack(f);
    if (g_test_subprocess()) {
        g_autoptr(GError) error = NULL;
        g_autofree char *other = g_build_filename(f->dir, "b.tar", NULL);
        checkpoint_interrupt();
        assert_refused(f, NULL, 0, CHECKPOINT_ERROR_INTERRUPTED, "interrupted");
        g_assert_false(checkpoint_pack(f->tree, NULL, other, NULL, NULL, &error));
        fixture_assert_error(&error, CHECKPOINT_ERROR_INTERRUPTED, "interrupted");
        fixture_assert_names(f, "tree", "a.tar", NULL);
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    CHECKPOINT_TEST("/checkpoint/unpack/members", test_members);
    CHECKPOINT_TEST("/checkpoint/unpack/through-a-link", test_through_a_link);
    CHECKPOINT_TEST("/checkpoint/unpack/others-archives", test_others_archives);
    CHECKPOINT_TEST("/checkpoint/unpack/limit", test_limit);
    CHECKPOINT_TEST("/checkpoint/unpack/no-archive", test_no_archive);
    CHECKPOINT_TEST("/checkpoint/unpack/sum", test_sum);
    CHECKPOINT_TEST("/checkpoint/unpack/target", test_target);
    CHECKPOINT_TEST("/checkpoint/unpack/interrupted", test_interrupted);
    for (int level = 0; level <= 3; level += 3) {
        g_autofree char *truncated = g_strdup_printf("/checkpoint/unpack/truncated/%d", level);
        g_autofree char *flipped = g_strdup_printf("/checkpoint/unpack/flipped/%d", level);
        g_test_add(truncated, Fixture, GINT_TO_POINTER(level), fixture_set_up, test_truncated,
                   fixture_tear_down);
        g_test_add(flipped, Fixture, GINT_TO_POINTER(level), fixture_set_up, test_flipped,
                   fixture_tear_down);
    }
    return g_test_run();
}
