/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What preload.c, which decides, and preload-calls.c, which has the calls, share. */
#pragma once

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>

/* In the order of CALLS in fault.py. */
enum {
    OPEN,
    CREATE,
    READ,
    WRITE,
    FSYNC,
    RENAME,
    LINK,
    UNLINK,
    MKDIR,
    TRUNCATE,
    MMAP,
    LOCK,
    STAT,
    SEND,
    CLOSE,
    LIST,
    ATTRIBUTES,
    N_CALLS
};
enum { ACT_NONE, ACT_ERROR, ACT_SHORT, ACT_KILL, ACT_KILL_AFTER, ACT_TORN };

#pragma GCC visibility push(hidden)
/* NULL: nothing is counted. */
extern struct control *control;
/* With ACT_ERROR; errno is it then. */
extern int error_number;
void kill_now(void);
/* What is to be done at this call. A fork that has not become another program yet, and other
 * programs, are spared. */
int at_call(int call, int fd, const char *name);
#pragma GCC visibility pop

#define REAL(NAME)                                                                                 \
    static __typeof__(&NAME) real;                                                                 \
    if (real == NULL)                                                                              \
    *(void **)&real = dlsym(RTLD_NEXT, #NAME)

/* The call between what may come before it and after it. */
#define PASS(TYPE, CALL, FD, PATH, FAILED, ...)                                                    \
    const int what = at_call(CALL, FD, PATH);                                                      \
    if (what == ACT_ERROR)                                                                         \
        return FAILED;                                                                             \
    TYPE result = real(__VA_ARGS__);                                                               \
    if (what == ACT_KILL_AFTER || what == ACT_TORN)                                                \
        kill_now();                                                                                \
    return result
