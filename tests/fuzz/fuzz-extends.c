/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A file that extends another: FILE, NUL, BASE. Whatever they hold, there is one document whose
 * values are the file's or the base's, or a reason. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spec/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerInitialize(int *argc, char ***argv);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    g_autofree char *dir = g_dir_make_tmp("pegbox-fuzz-XXXXXX", NULL);
    (void)argc;
    (void)argv;
    /* Relative names: what a file extends is short. */
    if (dir == NULL || chdir(dir) != 0)
        abort();
    return 0;
}

static void
write_file(const char *name, const uint8_t *bytes, size_t n)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, bytes, n) != (ssize_t)n)
        abort();
    close(fd);
}

/* Devices and pipes are not for a fuzzer to read. */
static gboolean
names_a_place(const uint8_t *bytes, size_t n)
{
    return g_strstr_len((const char *)bytes, (gssize)n, "dev") != NULL ||
           g_strstr_len((const char *)bytes, (gssize)n, "proc") != NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    const uint8_t *nul = memchr(bytes, 0, n);
    if (nul == NULL || names_a_place(bytes, n))
        return 0;
    const size_t length = (size_t)(nul - bytes);
    write_file("b", nul + 1, n - length - 1);
    write_file("t", bytes, length);
    PbxSpecInput input = {.file = "t"};
    g_autoptr(PbxProblems) problems = problems_new();
    g_autoptr(PbxDoc) doc = spec_document(&input, problems);
    if ((doc == NULL) != (problems_count(problems) > 0))
        abort();
    if (doc != NULL) {
        g_autofree char *text = spec_print(doc_root(doc));
        g_autoptr(PbxDoc) again = doc_parse("again", text, strlen(text), DOC_COMMENTS, problems);
        if (again == NULL || !json_equal(doc_root(doc), doc_root(again)))
            abort();
    }
    g_free(problems_format(problems));
    return 0;
}
