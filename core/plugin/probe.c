/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Looks into a plugin's file in a child process: loading runs foreign code, which
 * may crash, hang or end the process. The child is pegbox itself, as
 * `pegbox inspect --probe FILE KIND NAME`, or more of these three words for several files.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plugin/plugin-private.h"

#define PROBE_LIMIT_US ((gint64)10 * G_USEC_PER_SEC)
#define PROBE_OUT_MAX  (8u * 1024 * 1024)

extern char **environ;

static gint64 limit_us = PROBE_LIMIT_US;

void
probe_set_limit(gint64 us)
{
    limit_us = us > 0 ? us : PROBE_LIMIT_US;
}

/* ---- The child ---- */

static void
set_error_member(JsonObject *object, const GError *error)
{
    JsonObject *told = json_object_new();
    json_object_set_int_member(told, "code", error->code);
    json_object_set_string_member(told, "message", error->message);
    json_object_set_object_member(object, "error", told);
}

static void
add_warning(const char *message, gpointer user)
{
    json_array_add_string_element(user, message);
}

/* The file's descriptor, or the error, as an object; its "warnings" beside. */
static JsonNode *
probe_here(const char *path, const char *kind, const char *name)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(PbxRegistry) registry = registry_new(&error);
    const PbxPlugin *plugin = NULL;
    JsonArray *warnings = json_array_new();
    if (registry != NULL) {
        registry_on_warning(registry, add_warning, warnings);
        plugin = registry_load_file(registry, path, kind, name, &error);
    }
    JsonNode *answer = json_node_new(JSON_NODE_OBJECT);
    JsonObject *object = json_object_new();
    json_node_take_object(answer, object);
    if (plugin != NULL)
        json_object_set_member(object, "plugin", plugin_to_json(plugin));
    else
        set_error_member(object, error);
    json_object_set_array_member(object, "warnings", warnings);
    return answer;
}

/* One line. */
static gboolean
write_answer(int fd, JsonNode *answer)
{
    g_autofree char *text = json_to_text(answer);
    g_autofree char *line = g_strconcat(text, "\n", NULL);
    gsize length = strlen(line), done = 0;
    while (done < length) {
        ssize_t n = write(fd, line + done, length - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return FALSE;
        done += (gsize)n;
    }
    return TRUE;
}

void
registry_probe_child(int n_words, char **words)
{
    /* What the plugin prints while it is loaded must not get into the answer. */
    int answer_fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    (void)dup2(STDERR_FILENO, STDOUT_FILENO);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    gboolean ok = TRUE;
    for (int i = 0; i < n_words && ok; i += 3) {
        gboolean named = i + 2 < n_words;
        g_autoptr(JsonNode) answer =
            probe_here(words[i], named ? words[i + 1] : NULL, named ? words[i + 2] : NULL);
        ok = write_answer(answer_fd, answer);
    }
    _exit(ok ? 0 : 1); /* not through the plugin's destructors */
}

/* ---- The parent ---- */

/* A child and what it has written. */
typedef struct {
    pid_t pid;
    int pidfd;
    int fds[2]; /* its standard output and error; -1 at their end */
    GString *texts[2];
    gboolean timed_out;
    int status;
} Probe;

static gboolean
spawn(Probe *probe, const char *program, char **argv, GError **error)
{
    int out[2], err[2];
    if (pipe2(out, O_CLOEXEC) != 0)
        out[0] = -1;
    if (out[0] < 0 || pipe2(err, O_CLOEXEC) != 0) {
        g_set_error(error, PBX_PLUGIN_ERROR, PLUGIN_ERROR_BROKEN, "no pipe for a child process: %s",
                    g_strerror(errno));
        if (out[0] >= 0) {
            close(out[0]);
            close(out[1]);
        }
        return FALSE;
    }
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, err[1], STDERR_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int failure = posix_spawn(&probe->pid, program, &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    close(out[1]);
    close(err[1]);
    probe->fds[0] = out[0];
    probe->fds[1] = err[0];
    if (failure == 0)
        return TRUE;
    g_set_error(error, PBX_PLUGIN_ERROR, PLUGIN_ERROR_BROKEN, "%s cannot be run: %s", program,
                g_strerror(failure));
    return FALSE;
}

static void
take_output(Probe *probe, guint i)
{
    char buffer[16384];
    ssize_t n = read(probe->fds[i], buffer, sizeof buffer);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n > 0 && probe->texts[i]->len < PROBE_OUT_MAX) {
        g_string_append_len(probe->texts[i], buffer, n);
        return;
    }
    close(probe->fds[i]);
    probe->fds[i] = -1;
}

/* Until both ends are closed, or the child has ended and nothing more is there (what it
 * left behind may hold them open), or the time is over. */
static void
follow(Probe *probe)
{
    gint64 deadline = g_get_monotonic_time() + limit_us;
    gboolean ended = FALSE;
    while (probe->fds[0] >= 0 || probe->fds[1] >= 0) {
        struct pollfd polled[3] = {{probe->fds[0], POLLIN, 0},
                                   {probe->fds[1], POLLIN, 0},
                                   {ended ? -1 : probe->pidfd, POLLIN, 0}};
        const gint64 left_us = deadline - g_get_monotonic_time();
        const gint64 left = MAX(left_us, 0) / 1000;
        int n = poll(polled, G_N_ELEMENTS(polled), ended ? 0 : (int)left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            probe->timed_out = !ended;
            break;
        }
        for (guint i = 0; i < 2; i++) {
            if (polled[i].revents != 0)
                take_output(probe, i);
        }
        ended = ended || polled[2].revents != 0;
    }
}

/* It closed its output without ending: it still has the rest of the time. */
static void
reap(Probe *probe)
{
    struct pollfd ended = {probe->pidfd, POLLIN, 0};
    if (!probe->timed_out && probe->pidfd >= 0 && poll(&ended, 1, (int)(limit_us / 1000)) <= 0)
        probe->timed_out = TRUE;
    if (probe->timed_out)
        kill(probe->pid, SIGKILL);
    while (waitpid(probe->pid, &probe->status, 0) < 0 && errno == EINTR)
        ;
}

static void
probe_clear(Probe *probe)
{
    for (guint i = 0; i < 2; i++) {
        if (probe->fds[i] >= 0)
            close(probe->fds[i]);
        g_string_free(probe->texts[i], TRUE);
    }
    if (probe->pidfd >= 0)
        close(probe->pidfd);
}

/* The first line that it wrote on standard error, as a hint in brackets. (transfer full) */
static char *
first_words(const GString *text)
{
    g_autofree char *valid = g_utf8_make_valid(text->str, MIN(text->len, 400));
    g_strstrip(valid);
    valid[strcspn(valid, "\r\n")] = '\0';
    return valid[0] != '\0' ? g_strdup_printf(" (it wrote: %s)", valid) : g_strdup("");
}

/* Why a child gave no answer. */
static void
set_child_error(const Probe *probe, const char *path, GError **error)
{
    g_autofree char *words = first_words(probe->texts[1]);
    if (probe->timed_out)
        g_set_error(error, PBX_PLUGIN_ERROR, PLUGIN_ERROR_BROKEN,
                    "%s: it did not load within %g s%s", path, (double)limit_us / G_USEC_PER_SEC,
                    words);
    else if (WIFSIGNALED(probe->status))
        g_set_error(error, PBX_PLUGIN_ERROR, PLUGIN_ERROR_BROKEN,
                    "%s: it crashed while it was loaded (signal %d, %s)%s", path,
                    WTERMSIG(probe->status), g_strsignal(WTERMSIG(probe->status)), words);
    else
        g_set_error(error, PBX_PLUGIN_ERROR, PLUGIN_ERROR_BROKEN,
                    "%s: it ended the process while it was loaded (exit status %d)%s", path,
                    WEXITSTATUS(probe->status), words);
}

/* An answer as an object, its warnings handed on; NULL: it is none. (transfer full) */
static JsonNode *
parse_answer(PbxRegistry *registry, const char *text, gsize length)
{
    g_autoptr(JsonNode) answer = json_read(text, length, DOC_MAX_NESTING, NULL);
    if (answer == NULL || !JSON_NODE_HOLDS_OBJECT(answer))
        return NULL;
    JsonArray *warnings = json_object_get_array_member(json_node_get_object(answer), "warnings");
    for (guint i = 0; warnings != NULL && i < json_array_get_length(warnings); i++)
        registry_warn(registry, json_array_get_string_element(warnings, i));
    return g_steal_pointer(&answer);
}

/* The descriptor in an answer, or the error in it. */
static JsonNode *
read_answer(PbxRegistry *registry, const Probe *probe, const char *path, GError **error)
{
    g_autoptr(JsonNode) answer =
        probe->timed_out ? NULL
                         : parse_answer(registry, probe->texts[0]->str, probe->texts[0]->len);
    if (answer == NULL) {
        set_child_error(probe, path, error);
        return NULL;
    }
    JsonObject *object = json_node_get_object(answer);
    if (json_object_has_member(object, "plugin"))
        return json_node_ref(json_object_get_member(object, "plugin"));
    JsonObject *told = json_object_get_object_member(object, "error");
    g_set_error_literal(error, PBX_PLUGIN_ERROR, (int)json_object_get_int_member(told, "code"),
                        json_object_get_string_member(told, "message"));
    return NULL;
}

/* Runs the child with these words to its end. */
static gboolean
run_child(Probe *probe, char **words, GError **error)
{
    *probe = (Probe){.pidfd = -1, .fds = {-1, -1}};
    probe->texts[0] = g_string_new(NULL);
    probe->texts[1] = g_string_new(NULL);
    if (!spawn(probe, words[0], words, error))
        return FALSE;
    probe->pidfd = pidfd_open(probe->pid, 0);
    follow(probe);
    reap(probe);
    return TRUE;
}

JsonNode *
registry_probe(PbxRegistry *registry, const char *path, const char *kind, const char *name,
               GError **error)
{
    char *words[] = {(char *)places_get()->program,
                     "inspect",
                     "--probe",
                     (char *)path,
                     (char *)kind,
                     (char *)name,
                     NULL};
    Probe probe;
    JsonNode *result = NULL;
    if (run_child(&probe, words, error))
        result = read_answer(registry, &probe, path, error);
    probe_clear(&probe);
    return result;
}

/* ---- Many files ---- */

/* Tells the good ones from `first` on, until one that is not. Returns where that is. */
static guint
probe_together(PbxRegistry *registry, const GPtrArray *files, guint first, PbxProbedFunc func,
               gpointer user)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    g_ptr_array_add(words, (char *)places_get()->program);
    g_ptr_array_add(words, "inspect");
    g_ptr_array_add(words, "--probe");
    for (guint i = first; i < files->len; i++) {
        const PbxPluginFile *file = files->pdata[i];
        g_ptr_array_add(words, file->path);
        g_ptr_array_add(words, file->kind);
        g_ptr_array_add(words, file->name);
    }
    g_ptr_array_add(words, NULL);
    Probe probe;
    guint at = first;
    if (run_child(&probe, (char **)words->pdata, NULL)) {
        const char *line = probe.texts[0]->str, *end;
        for (; at < files->len && (end = strchr(line, '\n')) != NULL; at++, line = end + 1) {
            g_autoptr(JsonNode) answer = parse_answer(registry, line, (gsize)(end - line));
            JsonObject *object = answer != NULL ? json_node_get_object(answer) : NULL;
            if (object == NULL || !json_object_has_member(object, "plugin"))
                break;
            func(files->pdata[at], json_object_get_member(object, "plugin"), NULL, user);
        }
    }
    probe_clear(&probe);
    return at;
}

/* One child for all, since each costs more than a plugin's loading. One that fails there is
 * looked at alone: only then is the fault surely its own. */
void
registry_probe_files(PbxRegistry *registry, const GPtrArray *files, PbxProbedFunc func,
                     gpointer user)
{
    g_autoptr(GPtrArray) used = g_ptr_array_new();
    for (guint i = 0; i < files->len; i++) {
        PbxPluginFile *file = files->pdata[i];
        if (file->shadowed_by == NULL)
            g_ptr_array_add(used, file);
    }
    for (guint at = 0; at < used->len; at++) {
        if (used->len - at > 1)
            at = probe_together(registry, used, at, func, user);
        if (at == used->len)
            break;
        const PbxPluginFile *file = used->pdata[at];
        g_autoptr(GError) error = NULL;
        g_autoptr(JsonNode) plugin =
            registry_probe(registry, file->path, file->kind, file->name, &error);
        func(file, plugin, error, user);
    }
}
