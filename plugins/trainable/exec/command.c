/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is run: the words of `command`, the environment, where the program is. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exec-private.h"

#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

static pbx_status
no_memory(pbx_error *error)
{
    snprintf(error->message, sizeof error->message, "no memory");
    return PBX_ENOMEM;
}

static const char *
env_get(const char *const *env, const char *name)
{
    size_t n = strlen(name);
    for (; *env != NULL; env++)
        if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
            return *env + n + 1;
    return NULL;
}

/* Python buffers what it writes to a pipe; who sets this to anything has chosen. */
static int
make_env(command *made, const pbx_session_info *info)
{
    made->env = info->env;
    if (env_get(info->env, "PYTHONUNBUFFERED") != NULL)
        return 0;
    size_t n = 0;
    while (info->env[n] != NULL)
        n++;
    made->own_env = calloc(n + 2, sizeof *made->own_env);
    if (made->own_env == NULL)
        return -1;
    memcpy(made->own_env, info->env, n * sizeof *made->own_env);
    made->own_env[n] = "PYTHONUNBUFFERED=1";
    made->env = made->own_env;
    return 0;
}

/* "shell": the first word is a text for /bin/sh, the others are its $1, $2, ... */
static int
make_shell(command *made, const char *const *words)
{
    size_t n = 0;
    while (words[n] != NULL)
        n++;
    made->own_argv = calloc(n + 4, sizeof *made->own_argv);
    if (made->own_argv == NULL)
        return -1;
    made->own_argv[0] = "/bin/sh";
    made->own_argv[1] = "-c";
    made->own_argv[2] = words[0];
    made->own_argv[3] = "sh";
    for (size_t i = 1; i < n; i++)
        made->own_argv[i + 3] = words[i];
    made->argv = made->own_argv;
    return 0;
}

/* ---- Where the program is ---- */

static int
same(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

void
program_cache_clear(program_cache *cache)
{
    free(cache->name);
    free(cache->search);
    free(cache->cwd);
    free(cache->path);
    *cache = (program_cache){.name = NULL};
}

static int
is_program(const char *path)
{
    struct stat facts;
    return access(path, X_OK) == 0 && stat(path, &facts) == 0 && S_ISREG(facts.st_mode);
}

/* One place of PATH; empty and relative ones are seen from cwd. malloc'ed. */
static char *
candidate(const char *place, size_t n, const char *name, const char *cwd)
{
    char *path = NULL;
    int made;
    if (n > 0 && place[0] == '/')
        made = asprintf(&path, "%.*s/%s", (int)n, place, name);
    else
        made = asprintf(&path, "%s/%.*s%s%s", cwd, (int)n, place, n > 0 ? "/" : "", name);
    return made >= 0 ? path : NULL;
}

/* The program's path, kept in the cache; NULL: it is nowhere. */
static const char *
find_program(program_cache *cache, const char *name, const char *search, const char *cwd)
{
    if (same(cache->name, name) && same(cache->search, search) && same(cache->cwd, cwd))
        return cache->path;
    program_cache_clear(cache);
    for (const char *place = search;; place++) {
        size_t n = strcspn(place, ":");
        char *path = candidate(place, n, name, cwd);
        if (path != NULL && is_program(path)) {
            *cache = (program_cache){strdup(name), strdup(search), strdup(cwd), path};
            return path;
        }
        free(path);
        place += n;
        if (*place == '\0')
            return NULL;
    }
}

pbx_status
command_make(pbx_instance *self, const pbx_session_info *info, command *made, pbx_error *error)
{
    *made = (command){.cwd = info->cwd};
    const char *const *words = self->templates->words(self->host, "command", error);
    if (words == NULL)
        return PBX_EINVAL;
    if (words[0] == NULL || words[0][0] == '\0') {
        snprintf(error->where, sizeof error->where, "command");
        snprintf(error->message, sizeof error->message, "the program's name came out empty");
        return PBX_EINVAL;
    }
    made->argv = words;
    if (make_env(made, info) != 0 || (self->options.shell && make_shell(made, words) != 0))
        return no_memory(error);
    const char *name = made->argv[0];
    if (strchr(name, '/') != NULL) {
        made->path = name; /* a relative one is seen from cwd, where the child is by then */
        return PBX_OK;
    }
    const char *search = env_get(made->env, "PATH");
    made->path =
        find_program(&self->cache, name, search != NULL ? search : DEFAULT_PATH, made->cwd);
    return made->path != NULL ? PBX_OK : command_fail(made, SPAWN_EXEC, ENOENT, error);
}

void
command_clear(command *made)
{
    free(made->own_argv);
    free(made->own_env);
}

/* A relative path is the program's own, seen from where it would have run. */
static int
is_there(const command *tried)
{
    char *path = NULL;
    if (tried->path == NULL)
        return 0;
    if (tried->path[0] == '/')
        return access(tried->path, F_OK) == 0;
    int there = asprintf(&path, "%s/%s", tried->cwd, tried->path) >= 0 && access(path, F_OK) == 0;
    free(path);
    return there;
}

/* What a beginner would have to know. */
static const char *
hint(const command *tried, int code)
{
    if (tried->argv[1] == NULL && strpbrk(tried->argv[0], " \t") != NULL)
        return "; a command of several words is a list, [\"python3\", \"train.py\"], or \"shell\": "
               "true";
    if (code == ENOENT && is_there(tried))
        return "; the file is there, but not the interpreter that its first line names";
    if (code == EACCES)
        return "; is it executable (chmod +x)?";
    return "";
}

pbx_status
command_fail(const command *tried, int stage, int code, pbx_error *error)
{
    const char *search = env_get(tried->env, "PATH"), *name = tried->argv[0];
    error->where[0] = '\0';
    if (stage == SPAWN_CHDIR)
        snprintf(error->message, sizeof error->message, "cannot run in %.600s: %s", tried->cwd,
                 strerror(code));
    else if (stage == SPAWN_FORK || stage == SPAWN_TERMINAL)
        snprintf(error->message, sizeof error->message, "cannot %s: %s",
                 stage == SPAWN_FORK ? "start another process" : "open a terminal", strerror(code));
    else if (strchr(name, '/') != NULL)
        snprintf(error->message, sizeof error->message, "cannot run '%.200s': %s (cwd %.300s)%s",
                 name, strerror(code), tried->cwd, hint(tried, code));
    else
        snprintf(error->message, sizeof error->message,
                 "cannot run '%.200s': %s (cwd %.200s, PATH %.250s)%s", name, strerror(code),
                 tried->cwd, search != NULL ? search : DEFAULT_PATH, hint(tried, code));
    return stage == SPAWN_FORK ? files_status(code) : PBX_EINVAL;
}
