/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Preloaded into pegbox and its workers by tests/fault/run: counts their system calls, and at
 * one of them kills or lets it fail; moves the wall clock. What libc does within itself (stdio,
 * dlopen) is not seen.
 *
 *   FAULT_CONTROL  the file of `struct control`, shared with fault.py
 *   FAULT_WHO      driver, worker: whose calls count (both, where it is not set)
 *   FAULT_UNDER    only calls that concern a file below this directory
 *   FAULT_CALLS    the kinds of call of which the Nth is hit, separated by commas
 *   FAULT_NTH      which, from 1; of all processes of that kind together
 *   FAULT_DO       error: it fails; short: it does less than it was asked for, rightly; kill,
 *                  kill-after: before or after the call; torn: after half of a write
 *   FAULT_ERRNO    with error
 *   FAULT_FROM     1: error at each one from the Nth on
 *   FAULT_ALL      1: a kill takes the driver and all workers
 *   FAULT_TRACE    a file to which each call is appended as "WHO CALL PATH", before it is made
 */
#include "preload.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const char *const names[N_CALLS] = {
    "open",     "create", "read", "write", "fsync", "rename", "link", "unlink",    "mkdir",
    "truncate", "mmap",   "lock", "stat",  "send",  "close",  "list", "attributes"};
enum { DRIVER, WORKER, N_KINDS };
static const char *const acts[] = {"", "error", "short", "kill", "kill-after", "torn"};

#define MOST_PIDS  256
#define HEAP_EVERY 16
struct control {
    uint64_t counts[N_KINDS][N_CALLS];
    uint64_t matched; /* of FAULT_CALLS, by FAULT_WHO */
    uint64_t fired;
    int64_t clock_offset_ns;
    uint64_t n_pids;
    int32_t pids[MOST_PIDS]; /* of drivers and workers */
    uint64_t heap;           /* bytes that the driver holds, less what SQLite holds */
    char what[256];          /* what was hit */
};

struct control *control;
int error_number;
static int kind, act, from, all, trace = -1;
static pid_t self;
static uint64_t nth, calls;
static const char *under;

/* ---- Setting up ---- */

static uint64_t
read_calls(const char *text)
{
    uint64_t found = 0;
    for (int i = 0; text != NULL && i < N_CALLS; i++) {
        const size_t length = strlen(names[i]);
        for (const char *at = text; (at = strstr(at, names[i])) != NULL; at += length)
            if ((at == text || at[-1] == ',') && (at[length] == '\0' || at[length] == ','))
                found |= UINT64_C(1) << i;
    }
    return found;
}

static void
read_plan(void)
{
    const char *who = getenv("FAULT_WHO"), *text = getenv("FAULT_DO");
    under = getenv("FAULT_UNDER");
    if (who != NULL && strcmp(who, kind == DRIVER ? "driver" : "worker") != 0)
        return;
    for (int i = 1; text != NULL && i < (int)(sizeof acts / sizeof acts[0]); i++)
        if (strcmp(text, acts[i]) == 0)
            act = i;
    calls = read_calls(getenv("FAULT_CALLS"));
    nth = (text = getenv("FAULT_NTH")) != NULL ? strtoull(text, NULL, 10) : 0;
    error_number = (text = getenv("FAULT_ERRNO")) != NULL ? (int)strtol(text, NULL, 10) : EIO;
    from = getenv("FAULT_FROM") != NULL;
    all = getenv("FAULT_ALL") != NULL;
    if ((text = getenv("FAULT_TRACE")) != NULL)
        trace = (int)syscall(SYS_openat, AT_FDCWD, text, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
                             0666);
}

static void __attribute__((constructor)) begin(void)
{
    const char *path = getenv("FAULT_CONTROL"), *name = program_invocation_short_name;
    if (path == NULL)
        return;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
    if (fd < 0)
        return;
    void *mapped =
        (void *)syscall(SYS_mmap, NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    if (mapped == MAP_FAILED)
        return;
    self = (pid_t)syscall(SYS_getpid);
    kind = strcmp(name, "pegbox") == 0 ? DRIVER : strcmp(name, "pegbox-worker") == 0 ? WORKER : -1;
    if (kind >= 0) {
        struct control *shared = mapped;
        const uint64_t slot = __atomic_fetch_add(&shared->n_pids, 1, __ATOMIC_SEQ_CST);
        shared->pids[slot % MOST_PIDS] = self;
        read_plan();
    }
    control = mapped;
}

/* ---- At a call ---- */

static int
is_below(const char *path)
{
    const size_t length = strlen(under);
    return strncmp(path, under, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

/* Text, or a number, behind what is there; without libc, which may be in the midst of it. */
static char *
add(char *at, const char *end, const char *text)
{
    while (*text != '\0' && at < end)
        *at++ = *text++;
    *at = '\0';
    return at;
}

static char *
add_number(char *at, const char *end, uint64_t number)
{
    char digits[24];
    int n = sizeof digits - 1;
    digits[n] = '\0';
    do
        digits[--n] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    return add(at, end, digits + n);
}

/* The path of a descriptor, or of a directory and a name; "" where there is none. */
static void
find_path(int fd, const char *name, char path[static 4096])
{
    char link[48], *at = path;
    const char *end = path + 4095;
    *at = '\0';
    if (name == NULL || name[0] != '/') {
        const char *link_end = link + sizeof link - 1;
        if (fd == AT_FDCWD)
            add(link, link_end, "/proc/self/cwd");
        else
            add_number(add(link, link_end, "/proc/self/fd/"), link_end, (uint64_t)fd);
        const long got = syscall(SYS_readlinkat, AT_FDCWD, link, path, 4095);
        at += got > 0 ? got : 0;
        *at = '\0';
        if (name != NULL)
            at = add(at, end, "/");
    }
    if (name != NULL)
        add(at, end, name);
}

void
kill_now(void)
{
    for (uint64_t i = 0; all && i < control->n_pids && i < MOST_PIDS; i++)
        if (control->pids[i] != self)
            syscall(SYS_kill, control->pids[i], SIGKILL);
    syscall(SYS_kill, self, SIGKILL);
    for (;;)
        syscall(SYS_pause);
}

static void
note(int call, uint64_t number, const char *path)
{
    char *at = control->what;
    const char *end = at + sizeof control->what - 1;
    if (__atomic_fetch_add(&control->fired, 1, __ATOMIC_SEQ_CST) > 0)
        return;
    at = add(at, end, kind == DRIVER ? "driver " : "worker ");
    at = add(add(at, end, names[call]), end, " ");
    add(add(add_number(at, end, number), end, " "), end, path);
}

static void
write_trace(int call, const char *path)
{
    char line[4300], *at = line;
    const char *end = line + sizeof line - 1;
    at = add(add(at, end, kind == DRIVER ? "driver " : "worker "), end, names[call]);
    at = add(add(add(at, end, " "), end, path), end, "\n");
    syscall(SYS_write, trace, line, (size_t)(at - line));
}

/* SQLite's page cache fills up to its limit, however little else is held. */
static void
note_heap(void)
{
    static int64_t (*sqlite_used)(void);
    static uint64_t n;
    if (sqlite_used == NULL)
        *(void **)&sqlite_used = dlsym(RTLD_DEFAULT, "sqlite3_memory_used");
    if (n++ % HEAP_EVERY != 0 || sqlite_used == NULL)
        return;
    const struct mallinfo2 all_used = mallinfo2();
    const uint64_t used = all_used.uordblks + all_used.hblkhd - (uint64_t)sqlite_used();
    __atomic_store_n(&control->heap, used, __ATOMIC_SEQ_CST);
}

int
at_call(int call, int fd, const char *name)
{
    char path[4096] = "";
    if (control == NULL || kind < 0 || (pid_t)syscall(SYS_getpid) != self)
        return ACT_NONE;
    const int saved = errno;
    if (kind == DRIVER && call == SEND)
        note_heap();
    if (under != NULL) {
        find_path(fd, name, path);
        if (!is_below(path)) {
            errno = saved;
            return ACT_NONE;
        }
    }
    if (trace >= 0) {
        find_path(fd, name, path);
        write_trace(call, path);
    }
    __atomic_fetch_add(&control->counts[kind][call], 1, __ATOMIC_SEQ_CST);
    int what = ACT_NONE;
    if ((calls >> call & 1) != 0) {
        const uint64_t number = __atomic_add_fetch(&control->matched, 1, __ATOMIC_SEQ_CST);
        if (number == nth || (from && nth > 0 && number > nth)) {
            what = act;
            note(call, number, path);
        }
    }
    errno = saved;
    if (what == ACT_KILL)
        kill_now();
    if (what == ACT_ERROR)
        errno = error_number;
    return what;
}

/* ---- The wall clock ---- */

static int64_t
offset_of(clockid_t clock)
{
    const int wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
    return control != NULL && wall ? __atomic_load_n(&control->clock_offset_ns, __ATOMIC_SEQ_CST)
                                   : 0;
}

int
clock_gettime(clockid_t clock, struct timespec *now)
{
    REAL(clock_gettime);
    const int status = real(clock, now);
    const int64_t offset = offset_of(clock);
    if (status == 0 && offset != 0) {
        const int64_t total = now->tv_sec * INT64_C(1000000000) + now->tv_nsec + offset;
        now->tv_sec = total / INT64_C(1000000000);
        now->tv_nsec = total % INT64_C(1000000000);
    }
    return status;
}

int
gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec wall;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &wall);
    *now = (struct timeval){wall.tv_sec, wall.tv_nsec / 1000};
    return 0;
}

time_t
time(time_t *result)
{
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    if (result != NULL)
        *result = wall.tv_sec;
    return wall.tv_sec;
}
