/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The calls that are counted, and may be hit: preload.c says how. */
#include "preload.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* ---- Files ---- */

#define OPENS(NAME)                                                                                \
    int NAME(const char *path, int flags, ...)                                                     \
    {                                                                                              \
        mode_t mode = 0;                                                                           \
        if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE) {                          \
            va_list more;                                                                          \
            va_start(more, flags);                                                                 \
            mode = va_arg(more, mode_t);                                                           \
            va_end(more);                                                                          \
        }                                                                                          \
        REAL(NAME);                                                                                \
        PASS(int, (flags & O_CREAT) != 0 ? CREATE : OPEN, AT_FDCWD, path, -1, path, flags, mode);  \
    }
OPENS(open)
OPENS(open64)

#define OPENS_AT(NAME)                                                                             \
    int NAME(int dir, const char *path, int flags, ...)                                            \
    {                                                                                              \
        mode_t mode = 0;                                                                           \
        if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE) {                          \
            va_list more;                                                                          \
            va_start(more, flags);                                                                 \
            mode = va_arg(more, mode_t);                                                           \
            va_end(more);                                                                          \
        }                                                                                          \
        REAL(NAME);                                                                                \
        PASS(int, (flags & O_CREAT) != 0 ? CREATE : OPEN, dir, path, -1, dir, path, flags, mode);  \
    }
OPENS_AT(openat)
OPENS_AT(openat64)

/* What moves bytes: it may move less than it was asked to. */
#define MOVES(NAME, CALL, BUFFER, ...)                                                             \
    ssize_t NAME(int fd, BUFFER bytes, size_t n __VA_OPT__(, off_t offset))                        \
    {                                                                                              \
        REAL(NAME);                                                                                \
        const int what = at_call(CALL, fd, NULL);                                                  \
        if (what == ACT_ERROR)                                                                     \
            return -1;                                                                             \
        if ((what == ACT_SHORT || what == ACT_TORN) && n > 1)                                      \
            n /= 2;                                                                                \
        ssize_t result = real(fd, bytes, n __VA_OPT__(, offset));                                  \
        if (what == ACT_KILL_AFTER || what == ACT_TORN)                                            \
            kill_now();                                                                            \
        return result;                                                                             \
    }
MOVES(read, READ, void *)
MOVES(pread, READ, void *, at)
MOVES(pread64, READ, void *, at)
MOVES(write, WRITE, const void *)
MOVES(pwrite, WRITE, const void *, at)
MOVES(pwrite64, WRITE, const void *, at)

ssize_t
writev(int fd, const struct iovec *parts, int n)
{
    REAL(writev);
    PASS(ssize_t, WRITE, fd, NULL, -1, fd, parts, n);
}

ssize_t
send(int fd, const void *bytes, size_t n, int flags)
{
    REAL(send);
    PASS(ssize_t, SEND, fd, NULL, -1, fd, bytes, n, flags);
}

ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
    REAL(sendmsg);
    PASS(ssize_t, SEND, fd, NULL, -1, fd, message, flags);
}

int
fsync(int fd)
{
    REAL(fsync);
    PASS(int, FSYNC, fd, NULL, -1, fd);
}

int
fdatasync(int fd)
{
    REAL(fdatasync);
    PASS(int, FSYNC, fd, NULL, -1, fd);
}

int
sync_file_range(int fd, off64_t offset, off64_t n, unsigned flags)
{
    REAL(sync_file_range);
    PASS(int, FSYNC, fd, NULL, -1, fd, offset, n, flags);
}

/* From file to file: it counts where it ends up. */
ssize_t
copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t n, unsigned flags)
{
    REAL(copy_file_range);
    PASS(ssize_t, WRITE, to, NULL, -1, from, from_at, to, to_at, n, flags);
}

ssize_t
sendfile64(int to, int from, off64_t *from_at, size_t n)
{
    REAL(sendfile64);
    PASS(ssize_t, WRITE, to, NULL, -1, to, from, from_at, n);
}

/* It is closed, whatever it says. */
int
close(int fd)
{
    REAL(close);
    const int what = at_call(CLOSE, fd, NULL), number = errno;
    const int result = real(fd);
    if (what == ACT_KILL_AFTER || what == ACT_TORN)
        kill_now();
    if (what != ACT_ERROR)
        return result;
    errno = number;
    return -1;
}

int
rename(const char *before, const char *after)
{
    REAL(rename);
    PASS(int, RENAME, AT_FDCWD, after, -1, before, after);
}

int
renameat(int from_dir, const char *before, int to_dir, const char *after)
{
    REAL(renameat);
    PASS(int, RENAME, to_dir, after, -1, from_dir, before, to_dir, after);
}

int
renameat2(int from_dir, const char *before, int to_dir, const char *after, unsigned flags)
{
    REAL(renameat2);
    PASS(int, RENAME, to_dir, after, -1, from_dir, before, to_dir, after, flags);
}

int
link(const char *before, const char *after)
{
    REAL(link);
    PASS(int, LINK, AT_FDCWD, after, -1, before, after);
}

int
linkat(int from_dir, const char *before, int to_dir, const char *after, int flags)
{
    REAL(linkat);
    PASS(int, LINK, to_dir, after, -1, from_dir, before, to_dir, after, flags);
}

int
symlink(const char *to, const char *path)
{
    REAL(symlink);
    PASS(int, LINK, AT_FDCWD, path, -1, to, path);
}

int
symlinkat(const char *to, int dir, const char *path)
{
    REAL(symlinkat);
    PASS(int, LINK, dir, path, -1, to, dir, path);
}

int
unlink(const char *path)
{
    REAL(unlink);
    PASS(int, UNLINK, AT_FDCWD, path, -1, path);
}

int
unlinkat(int dir, const char *path, int flags)
{
    REAL(unlinkat);
    PASS(int, UNLINK, dir, path, -1, dir, path, flags);
}

int
rmdir(const char *path)
{
    REAL(rmdir);
    PASS(int, UNLINK, AT_FDCWD, path, -1, path);
}

int
remove(const char *path)
{
    REAL(remove);
    PASS(int, UNLINK, AT_FDCWD, path, -1, path);
}

int
mkdir(const char *path, mode_t mode)
{
    REAL(mkdir);
    PASS(int, MKDIR, AT_FDCWD, path, -1, path, mode);
}

int
mkdirat(int dir, const char *path, mode_t mode)
{
    REAL(mkdirat);
    PASS(int, MKDIR, dir, path, -1, dir, path, mode);
}

int
ftruncate(int fd, off_t length)
{
    REAL(ftruncate);
    PASS(int, TRUNCATE, fd, NULL, -1, fd, length);
}

int
ftruncate64(int fd, off64_t length)
{
    REAL(ftruncate64);
    PASS(int, TRUNCATE, fd, NULL, -1, fd, length);
}

int
fallocate(int fd, int mode, off_t offset, off_t length)
{
    REAL(fallocate);
    PASS(int, TRUNCATE, fd, NULL, -1, fd, mode, offset, length);
}

int
posix_fallocate(int fd, off_t offset, off_t length)
{
    REAL(posix_fallocate);
    PASS(int, TRUNCATE, fd, NULL, error_number, fd, offset, length);
}

int
posix_fallocate64(int fd, off64_t offset, off64_t length)
{
    REAL(posix_fallocate64);
    PASS(int, TRUNCATE, fd, NULL, error_number, fd, offset, length);
}

/* Of a file only. */
void *
mmap(void *address, size_t n, int protection, int flags, int fd, off_t offset)
{
    if (fd < 0 || control == NULL)
        return (void *)syscall(SYS_mmap, address, n, protection, flags, fd, offset);
    REAL(mmap);
    PASS(void *, MMAP, fd, NULL, MAP_FAILED, address, n, protection, flags, fd, offset);
}

void *
mmap64(void *address, size_t n, int protection, int flags, int fd, off64_t offset)
{
    return mmap(address, n, protection, flags, fd, offset);
}

int
flock(int fd, int how)
{
    REAL(flock);
    PASS(int, LOCK, fd, NULL, -1, fd, how);
}

#define CONTROLS(NAME)                                                                             \
    int NAME(int fd, int command, ...)                                                             \
    {                                                                                              \
        va_list more;                                                                              \
        va_start(more, command);                                                                   \
        void *argument = va_arg(more, void *);                                                     \
        va_end(more);                                                                              \
        REAL(NAME);                                                                                \
        if (command != F_SETLK && command != F_SETLKW)                                             \
            return real(fd, command, argument);                                                    \
        PASS(int, LOCK, fd, NULL, -1, fd, command, argument);                                      \
    }
CONTROLS(fcntl)
CONTROLS(fcntl64)

#define STATS(NAME, TYPE, FD, PATH, FIRST)                                                         \
    int NAME(FIRST at, struct TYPE *info)                                                          \
    {                                                                                              \
        REAL(NAME);                                                                                \
        PASS(int, STAT, FD, PATH, -1, at, info);                                                   \
    }
STATS(stat, stat, AT_FDCWD, at, const char *)
STATS(stat64, stat64, AT_FDCWD, at, const char *)
STATS(lstat, stat, AT_FDCWD, at, const char *)
STATS(lstat64, stat64, AT_FDCWD, at, const char *)
STATS(fstat, stat, at, NULL, int)
STATS(fstat64, stat64, at, NULL, int)

int
fstatat(int dir, const char *restrict path, struct stat *restrict info, int flags)
{
    REAL(fstatat);
    PASS(int, STAT, dir, path, -1, dir, path, info, flags);
}

int
fstatat64(int dir, const char *restrict path, struct stat64 *restrict info, int flags)
{
    REAL(fstatat64);
    PASS(int, STAT, dir, path, -1, dir, path, info, flags);
}

int
statx(int dir, const char *restrict path, int flags, unsigned mask, struct statx *restrict info)
{
    REAL(statx);
    PASS(int, STAT, dir, path, -1, dir, path, flags, mask, info);
}

STATS(statfs, statfs, AT_FDCWD, at, const char *)
STATS(statfs64, statfs64, AT_FDCWD, at, const char *)
STATS(fstatfs, statfs, at, NULL, int)
STATS(fstatfs64, statfs64, at, NULL, int)

int
access(const char *path, int mode)
{
    REAL(access);
    PASS(int, STAT, AT_FDCWD, path, -1, path, mode);
}

ssize_t
readlink(const char *restrict path, char *restrict to, size_t n)
{
    REAL(readlink);
    PASS(ssize_t, STAT, AT_FDCWD, path, -1, path, to, n);
}

ssize_t
readlinkat(int dir, const char *restrict path, char *restrict to, size_t n)
{
    REAL(readlinkat);
    PASS(ssize_t, STAT, dir, path, -1, dir, path, to, n);
}

/* ---- Directories ---- */

DIR *
opendir(const char *path)
{
    REAL(opendir);
    PASS(DIR *, LIST, AT_FDCWD, path, NULL, path);
}

DIR *
fdopendir(int fd)
{
    REAL(fdopendir);
    PASS(DIR *, LIST, fd, NULL, NULL, fd);
}

struct dirent *
readdir(DIR *dir)
{
    REAL(readdir);
    PASS(struct dirent *, LIST, dirfd(dir), NULL, NULL, dir);
}

struct dirent64 *
readdir64(DIR *dir)
{
    REAL(readdir64);
    PASS(struct dirent64 *, LIST, dirfd(dir), NULL, NULL, dir);
}

/* ---- Modes and times ---- */

int
chmod(const char *path, mode_t mode)
{
    REAL(chmod);
    PASS(int, ATTRIBUTES, AT_FDCWD, path, -1, path, mode);
}

int
fchmod(int fd, mode_t mode)
{
    REAL(fchmod);
    PASS(int, ATTRIBUTES, fd, NULL, -1, fd, mode);
}

int
fchmodat(int dir, const char *path, mode_t mode, int flags)
{
    REAL(fchmodat);
    PASS(int, ATTRIBUTES, dir, path, -1, dir, path, mode, flags);
}

int
futimens(int fd, const struct timespec times[2])
{
    REAL(futimens);
    PASS(int, ATTRIBUTES, fd, NULL, -1, fd, times);
}

int
utimensat(int dir, const char *path, const struct timespec times[2], int flags)
{
    REAL(utimensat);
    PASS(int, ATTRIBUTES, dir, path, -1, dir, path, times, flags);
}
