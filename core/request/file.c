/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One file of requests/: written whole or not at all, read with every suspicion. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "request/request-private.h"
#include "json/json.h"

#define MAX_NESTING 64

GQuark
request_error_domain(void)
{
    return g_quark_from_static_string("pbx-request-error");
}

int
request_error_status(const GError *error)
{
    return error->code <= REQUEST_ERROR_REFUSED ? 2 : 4;
}

int
request_folder_open(const char *dir)
{
    g_autofree char *path = g_build_filename(dir, "requests", NULL);
    return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static gboolean
fail(GError **error, int number, const char *name)
{
    g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(number), "requests/%s: %s", name,
                g_strerror(number));
    return FALSE;
}

char *
request_bell_name(const char *file)
{
    const gsize length = strlen(file) - strlen(REQUEST_SUFFIX);
    return g_strdup_printf(".%.*s.bell", (int)length, file);
}

/* ---- Writing ---- */

static gboolean
write_all(int fd, const char *text, gsize length)
{
    while (length > 0) {
        ssize_t n = write(fd, text, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return FALSE;
        text += n;
        length -= (gsize)n;
    }
    return TRUE;
}

void
request_give_to_owner(int folder, int fd)
{
    struct stat about;
    if (geteuid() == 0 && fstat(folder, &about) == 0 && about.st_uid != 0 &&
        fchown(fd, about.st_uid, about.st_gid) != 0)
        return; /* as good as it gets: the driver says that it cannot read it */
}

gboolean
request_file_write(int folder, const char *name, JsonNode *node, GError **error)
{
    g_autofree char *text = json_to_text(node);
    g_autofree char *temporary = g_strdup_printf(".%s.tmp", name);
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(folder, temporary, flags, 0666);
    if (fd < 0)
        return fail(error, errno, name);
    request_give_to_owner(folder, fd);
    gboolean good = write_all(fd, text, strlen(text)) && write_all(fd, "\n", 1);
    int number = errno;
    if (close(fd) != 0 && good) {
        good = FALSE;
        number = errno;
    }
    if (good && renameat(folder, temporary, folder, name) == 0)
        return TRUE;
    number = good ? errno : number;
    unlinkat(folder, temporary, 0);
    return fail(error, number, name);
}

/* ---- Reading ---- */

static gboolean
refuse(GError **error, const char *name, const char *what)
{
    g_set_error(error, PBX_REQUEST_ERROR, REQUEST_ERROR_IO, "requests/%s: %s", name, what);
    return FALSE;
}

static gboolean
check_kind(int fd, const char *name, uid_t owner, GError **error)
{
    struct stat about;
    if (fstat(fd, &about) != 0)
        return fail(error, errno, name);
    if (!S_ISREG(about.st_mode))
        return refuse(error, name, "it is no regular file");
    if (about.st_uid != geteuid() && about.st_uid != owner && about.st_uid != 0)
        return refuse(error, name, "it is another user's");
    if (about.st_size > REQUEST_MAX_BYTES)
        return refuse(error, name, "it is over 1 MiB");
    return TRUE;
}

/* It may grow while it is read. */
static char *
read_bounded(int fd, const char *name, gsize *length, GError **error)
{
    g_autofree char *text = g_malloc(REQUEST_MAX_BYTES + 1);
    *length = 0;
    for (;;) {
        ssize_t n = read(fd, text + *length, REQUEST_MAX_BYTES + 1 - *length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            fail(error, errno, name);
            return NULL;
        }
        *length += (gsize)n;
        if (*length > REQUEST_MAX_BYTES) {
            refuse(error, name, "it is over 1 MiB");
            return NULL;
        }
        if (n == 0)
            return g_steal_pointer(&text);
    }
}

JsonNode *
request_file_read(int folder, const char *name, uid_t owner, GError **error)
{
    /* O_NONBLOCK: a FIFO is opened at once, and then refused. */
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 && errno == ELOOP) {
        refuse(error, name, "it is a symbolic link");
        return NULL;
    }
    if (fd < 0) {
        fail(error, errno, name);
        return NULL;
    }
    gsize length = 0;
    g_autofree char *text =
        check_kind(fd, name, owner, error) ? read_bounded(fd, name, &length, error) : NULL;
    close(fd);
    if (text == NULL)
        return NULL;
    g_autoptr(GError) syntax = NULL;
    g_autoptr(JsonNode) node = json_read(text, length, MAX_NESTING, &syntax);
    if (node == NULL || !JSON_NODE_HOLDS_OBJECT(node)) {
        g_set_error(error, PBX_REQUEST_ERROR, REQUEST_ERROR_REFUSED, "requests/%s: %s", name,
                    node == NULL ? syntax->message : "it is no object");
        return NULL;
    }
    return g_steal_pointer(&node);
}
