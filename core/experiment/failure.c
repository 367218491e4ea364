/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* error.txt: each failure of a trial, with the end of what its program said. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "experiment/runner-private.h"

#define TAIL_LINES 20
#define SAID_LINES 5 /* of them, on the terminal */
#define TAIL_BYTES (16 * 1024)

/* Where the last n lines of a text begin. */
static const char *
last_lines(const char *text, guint n)
{
    const char *from = text + strlen(text);
    for (guint i = 0; from > text; from--)
        if (from[-1] == '\n' && ++i == n)
            break;
    return from;
}

/* The last lines of a file; NULL: none. */
static char *
tail_of(const char *path, guint lines)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    struct stat about;
    g_autofree char *buffer = g_malloc(TAIL_BYTES + 1);
    ssize_t n = -1;
    if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode))
        n = pread(fd, buffer, TAIL_BYTES, MAX(about.st_size - TAIL_BYTES, 0));
    close(fd);
    if (n <= 0)
        return NULL;
    buffer[n] = '\0';
    g_autofree char *text = g_utf8_make_valid(buffer, n);
    g_strchomp(text);
    const char *from = last_lines(text, lines);
    return *from != '\0' ? g_strdup(from) : NULL;
}

char *
failure_tail(const PbxTrial *trial, guint lines)
{
    if (trial->err == NULL)
        return NULL;
    return tail_of(trial->err, lines);
}

void
failure_write(PbxRunner *runner, PbxTrial *trial, const char *message)
{
    g_autofree char *tail = failure_tail(trial, TAIL_LINES);
    if (runner->first_words == NULL && tail != NULL)
        runner->first_words = g_strdup(last_lines(tail, SAID_LINES));
    g_autoptr(GDateTime) now = g_date_time_new_now_local();
    g_autofree char *date = g_date_time_format(now, "%Y-%m-%d_%H-%M-%S");
    g_autofree char *text =
        g_strdup_printf("Failure # %u (occurred at %s)\n%s\n%s%s\n", trial->row.failures, date,
                        message, tail != NULL ? tail : "", tail != NULL ? "\n" : "");
    g_autofree char *path = g_build_filename(trial->dir, "error.txt", NULL);
    int fd = -1;
    if (mkdir(trial->dir, 0777) == 0 || errno == EEXIST)
        fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    gboolean written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (!written && g_file_test(runner->dir, G_FILE_TEST_EXISTS)) {
        /* The store has the failure; the file is a convenience. */
        g_autofree char *line = g_strdup_printf("%s: %s", path, g_strerror(errno));
        runner_log("runner", PBX_LOG_WARNING, line, runner);
    }
    if (fd >= 0)
        close(fd);
}
