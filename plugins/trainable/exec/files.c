/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files of the trial: those that the option `files` fills in, and how all are opened. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exec-private.h"

/* All directories above the last '/'. 0, or an errno. */
static int
make_parents(const char *path)
{
    char *copy = strdup(path);
    if (copy == NULL)
        return ENOMEM;
    int code = 0;
    for (char *slash = strchr(copy + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        code = mkdir(copy, 0777) == 0 || errno == EEXIST ? 0 : errno;
        *slash = '/';
    }
    free(copy);
    return code;
}

int
files_open(const char *path, int flags)
{
    int fd = open(path, flags | O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd >= 0 || errno != ENOENT)
        return fd;
    int code = make_parents(path);
    if (code != 0) {
        errno = code;
        return -1;
    }
    return open(path, flags | O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
}

pbx_status
files_status(int code)
{
    switch (code) {
    case ENOSPC:
    case EDQUOT:
    case EROFS:
    case EIO:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        return PBX_EFATAL;
    default:
        return PBX_EIO;
    }
}

static int
write_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t written = write(fd, bytes, n);
        if (written < 0 && errno != EINTR)
            return -1;
        if (written > 0) {
            bytes += written;
            n -= (size_t)written;
        }
    }
    return 0;
}

static pbx_status
write_file(const char *dir, const char *name, const char *content, pbx_error *error)
{
    char *path = NULL;
    int fd = -1, code = ENOMEM;
    if (asprintf(&path, "%s/%s", dir, name) >= 0) {
        fd = files_open(path, O_TRUNC);
        code = errno;
    } else {
        path = NULL;
    }
    if (fd >= 0) {
        code = write_all(fd, content, strlen(content)) == 0 ? 0 : errno;
        if (close(fd) != 0 && code == 0)
            code = errno;
    }
    if (fd < 0 || code != 0) {
        snprintf(error->where, sizeof error->where, "files.%.100s", name);
        snprintf(error->message, sizeof error->message, "cannot write %.500s: %s",
                 path != NULL ? path : name, strerror(code));
    }
    free(path);
    return fd >= 0 && code == 0 ? PBX_OK : files_status(code);
}

pbx_status
files_write(pbx_instance *self, const pbx_session_info *info, pbx_error *error)
{
    const pbx_host *host = self->host;
    const pbx_json *files = self->options.files;
    for (size_t i = 0; i < host->json_length(files); i++) {
        const char *name = host->json_key(files, i);
        const char *content = self->templates->text(host, "files", name, error);
        if (content == NULL)
            return PBX_EINVAL;
        pbx_status status = write_file(info->trial->dir, name, content, error);
        if (status != PBX_OK)
            return status;
    }
    return PBX_OK;
}
