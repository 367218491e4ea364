/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Archives, as anybody may hand them over: whatever the bytes, they are unpacked whole or refused
 * with an error, what is unpacked also verifies, and nothing comes to lie anywhere else. */
#include <glib/gstdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "archiver/archiver.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

#define MAX_BYTES (1u << 20)

static char *place, *out;

static void
begin(void)
{
    if (place != NULL)
        return;
    place = g_dir_make_tmp("pegbox-fuzz-XXXXXX", NULL);
    out = g_build_filename(place, "out", NULL);
    if (place == NULL)
        abort();
}

static void
count_member(const PbxMember *member, gpointer data)
{
    if (member->path == NULL ||
        (member->type == 'l') != (member->type == 'l' && member->link != NULL))
        abort();
    (*(guint64 *)data)++;
}

/* Nothing but what was unpacked is where it was unpacked. */
static void
check_place(gboolean unpacked)
{
    g_autoptr(GDir) dir = g_dir_open(place, 0, NULL);
    guint n = 0;
    while (g_dir_read_name(dir) != NULL)
        n++;
    if (n != (unpacked ? 1u : 0u) || g_file_test(out, G_FILE_TEST_IS_DIR) != unpacked)
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    begin();
    const int fd = memfd_create("archive", MFD_CLOEXEC);
    if (fd < 0 || write(fd, bytes, n) != (ssize_t)n)
        abort();
    g_autofree char *archive = g_strdup_printf("/proc/self/fd/%d", fd);
    PbxArchiveFacts facts = {0};
    guint64 listed = 0;
    g_autoptr(GError) of_verify = NULL, of_unpack = NULL, of_list = NULL, of_sum = NULL;
    const gboolean verified = archiver_verify(archive, NULL, &facts, &of_verify);
    const gboolean unpacked = archiver_unpack(archive, out, NULL, MAX_BYTES, &of_unpack);
    const gboolean told = archiver_list(archive, count_member, &listed, &of_list);
    if (verified == (of_verify != NULL) || unpacked == (of_unpack != NULL) ||
        told == (of_list != NULL) || (unpacked && !verified) || (verified && !told) ||
        (verified && (facts.bytes != n || facts.n_members != listed)))
        abort();
    check_place(unpacked);
    if (unpacked && (facts.unpacked_bytes > MAX_BYTES || !checkpoint_remove(out, NULL)))
        abort();
    /* With another sum it is damaged, whatever is in it. */
    if (archiver_verify(archive, "0", NULL, &of_sum) || of_sum->code != CHECKPOINT_ERROR_DAMAGED)
        abort();
    close(fd);
    return 0;
}
