/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where a trial's program speaks the worker protocol: PEGBOX_SOCKET, a unix socket in
 * a directory of the worker's own, and PEGBOX_CONFIG beside it. Both are made once a
 * worker; a trial costs one write.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "worker/process-private.h"

#define READ_SIZE   (16 * 1024)
#define SOCKET_NAME "socket"
#define CONFIG_NAME "config.json"
#define N_PARENTS   3

/* One connection of the program; it may have several. */
typedef struct {
    int fd;
    PbxWorker *worker;
    PbxSave *save; /* between its checkpoint_begin and checkpoint_end */
    gboolean greeted;
    GByteArray *in;
    gsize in_at;
} Client;

struct PbxProgramSocket {
    char *dir, *config_path, *socket_path, *address;
    int listen_fd, epoll_fd, config_fd;
    gsize config_length;
    GPtrArray *clients; /* Client, in an epoll set together with listen_fd (data.ptr NULL) */
    guint64 n_reports;
    gboolean greeted; /* by the program of this run */
};

/* The one of this process, for program_socket_remove_files. */
static PbxProgramSocket *current;
static GMutex current_lock;

/* What it began and did not end is nothing. */
static void
client_free(Client *client)
{
    save_drop(client->worker, client->save);
    close(client->fd);
    g_byte_array_unref(client->in);
    g_free(client);
}

/* All that it makes is pegbox's own. */
static gboolean
set_errno(GError **error, const char *what, const char *name)
{
    g_set_error(error, PBX_WORKER_ERROR, WORKER_ERROR_HOST, "%s %s: %s", what, name,
                g_strerror(errno));
    return FALSE;
}

/* ---- Its directory ---- */

/* In the i-th place where it may be, below N_PARENTS; NULL: not in this one. */
static char *
program_dir_in(gsize i, const char *name)
{
    const char *const parents[N_PARENTS] = {g_getenv("XDG_RUNTIME_DIR"), g_getenv("TMPDIR"),
                                            "/tmp"};
    const gsize room = sizeof(((struct sockaddr_un *)NULL)->sun_path);
    const char *parent = parents[i];
    if (parent == NULL || parent[0] != '/')
        return NULL;
    g_autofree char *dir = g_build_filename(parent, name, NULL);
    return strlen(dir) + sizeof "/" SOCKET_NAME <= room ? g_steal_pointer(&dir) : NULL;
}

void
program_dir_remove(const char *name)
{
    for (gsize i = 0; i < N_PARENTS; i++) {
        g_autofree char *dir = program_dir_in(i, name);
        if (dir == NULL || access(dir, F_OK) != 0)
            continue;
        g_autofree char *socket_path = g_build_filename(dir, SOCKET_NAME, NULL);
        g_autofree char *config_path = g_build_filename(dir, CONFIG_NAME, NULL);
        unlink(socket_path);
        unlink(config_path);
        rmdir(dir);
    }
}

static gboolean
is_listened_to(const char *dir)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    g_snprintf(address.sun_path, sizeof address.sun_path, "%s/" SOCKET_NAME, dir);
    const gboolean refused = fd >= 0 &&
                             connect(fd, (struct sockaddr *)&address, sizeof address) != 0 &&
                             (errno == ECONNREFUSED || errno == ENOENT);
    if (fd >= 0)
        close(fd);
    return !refused;
}

void
program_dirs_remove(const char *prefix)
{
    for (gsize i = 0; i < N_PARENTS; i++) {
        g_autofree char *pattern = program_dir_in(i, prefix);
        g_autofree char *parent = pattern != NULL ? g_path_get_dirname(pattern) : NULL;
        g_autoptr(GDir) open = parent != NULL ? g_dir_open(parent, 0, NULL) : NULL;
        for (const char *name; open != NULL && (name = g_dir_read_name(open)) != NULL;) {
            g_autofree char *dir = g_str_has_prefix(name, prefix) ? program_dir_in(i, name) : NULL;
            if (dir != NULL && !is_listened_to(dir))
                program_dir_remove(name);
        }
    }
}

/* ---- Making it ---- */

/* A private directory with a path that a socket's address has room for. A name that nobody
 * else can know is as good as one made up by mkdtemp. */
static char *
make_dir(const char *name, GError **error)
{
    for (gsize i = 0; i < N_PARENTS; i++) {
        g_autofree char *dir = program_dir_in(i, name != NULL ? name : "pegbox-XXXXXX");
        if (dir != NULL && (name != NULL ? mkdir(dir, 0700) == 0 : mkdtemp(dir) != NULL))
            return g_steal_pointer(&dir);
    }
    set_errno(error, "cannot make a directory for the program's socket in", "/tmp");
    return NULL;
}

static gboolean
open_socket(PbxProgramSocket *program, GError **error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct epoll_event event = {.events = EPOLLIN};
    g_strlcpy(address.sun_path, program->socket_path, sizeof address.sun_path);
    program->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    program->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (program->listen_fd < 0 || program->epoll_fd < 0 ||
        bind(program->listen_fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(program->listen_fd, 128) != 0 ||
        epoll_ctl(program->epoll_fd, EPOLL_CTL_ADD, program->listen_fd, &event) != 0)
        return set_errno(error, "cannot listen at", program->socket_path);
    program->config_fd = open(program->config_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return program->config_fd >= 0 || set_errno(error, "cannot make", program->config_path);
}

PbxProgramSocket *
program_socket_new(const char *name, GError **error)
{
    char *dir = make_dir(name, error);
    if (dir == NULL)
        return NULL;
    PbxProgramSocket *program = g_new0(PbxProgramSocket, 1);
    program->dir = dir;
    program->socket_path = g_build_filename(dir, SOCKET_NAME, NULL);
    program->config_path = g_build_filename(dir, CONFIG_NAME, NULL);
    program->address = g_strconcat("unix:", program->socket_path, NULL);
    program->listen_fd = program->epoll_fd = program->config_fd = -1;
    program->clients = g_ptr_array_new_with_free_func((GDestroyNotify)client_free);
    g_mutex_lock(&current_lock);
    current = program;
    g_mutex_unlock(&current_lock);
    if (!open_socket(program, error)) {
        program_socket_free(program);
        return NULL;
    }
    return program;
}

static void
close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

void
program_socket_free(PbxProgramSocket *program)
{
    if (program == NULL)
        return;
    program_socket_remove_files();
    g_ptr_array_unref(program->clients);
    close_fd(program->listen_fd);
    close_fd(program->epoll_fd);
    close_fd(program->config_fd);
    g_free(program->dir);
    g_free(program->socket_path);
    g_free(program->config_path);
    g_free(program->address);
    g_free(program);
}

void
program_socket_remove_files(void)
{
    /* Held to the end: who comes second may be about to free it. */
    g_mutex_lock(&current_lock);
    if (current != NULL) {
        unlink(current->socket_path);
        unlink(current->config_path);
        rmdir(current->dir);
        current = NULL;
    }
    g_mutex_unlock(&current_lock);
}

const char *
program_socket_address(const PbxProgramSocket *program)
{
    return program->address;
}

const char *
program_socket_config_path(const PbxProgramSocket *program)
{
    return program->config_path;
}

int
program_socket_fd(const PbxProgramSocket *program)
{
    return program->epoll_fd;
}

/* ---- A run ---- */

gboolean
program_socket_begin(PbxProgramSocket *program, const char *config_text, GError **error)
{
    gsize length = strlen(config_text);
    program->n_reports = 0;
    program->greeted = FALSE;
    if (pwrite(program->config_fd, config_text, length, 0) != (ssize_t)length ||
        (length < program->config_length && ftruncate(program->config_fd, (off_t)length) != 0))
        return set_errno(error, "cannot write", program->config_path);
    program->config_length = length;
    return TRUE;
}

void
program_socket_end(PbxProgramSocket *program)
{
    g_ptr_array_set_size(program->clients, 0);
}

gboolean
program_socket_was_greeted(const PbxProgramSocket *program)
{
    return program->greeted;
}

static void
accept_client(PbxProgramSocket *program, PbxWorker *worker)
{
    int fd = accept4(program->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    Client *client = g_new0(Client, 1);
    client->fd = fd;
    client->worker = worker;
    client->in = g_byte_array_new();
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    if (epoll_ctl(program->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0)
        g_ptr_array_add(program->clients, client);
    else
        client_free(client);
}

/* FALSE: it does not read what it is told. One that has closed need not: its last report may well
 * be the last thing that it does. */
static gboolean
client_send(Client *client, GString *message)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    message_put(out, message);
    ssize_t n = send(client->fd, out->data, out->len, MSG_NOSIGNAL | MSG_DONTWAIT);
    return n == (ssize_t)out->len || (n < 0 && (errno == EPIPE || errno == ECONNRESET));
}

static gboolean
nonsense(Client *client, GError **error, const char *what)
{
    GString *message = message_new("error");
    message_string(message, "text", what);
    client_send(client, message);
    g_set_error(error, PBX_WORKER_ERROR, WORKER_ERROR_PROTOCOL,
                "nonsense came over PEGBOX_SOCKET: %s", what);
    return FALSE;
}

static gboolean
take_hello(PbxProgramSocket *program, Client *client, const PbxRun *run, JsonObject *message,
           GError **error)
{
    if (!message_is(message, "hello"))
        return nonsense(client, error, "the first message is no hello");
    if (message_get_int(message, "protocol", 0) != WORKER_PROTOCOL)
        return nonsense(client, error, "hello names a protocol other than 1");
    client->greeted = program->greeted = TRUE;
    GString *welcome = message_new("welcome");
    message_int(welcome, "protocol", WORKER_PROTOCOL);
    message_string(welcome, "trial", run->abi_trial.id);
    message_int(welcome, "attempt", run->attempt);
    client_send(client, welcome);
    return TRUE;
}

static gboolean
client_answer(Client *client, GString *answer, GError **error)
{
    return client_send(client, answer) ||
           nonsense(client, error, "the answers to reports are not read");
}

static gboolean
take_report(PbxProgramSocket *program, Client *client, PbxWorker *worker, JsonObject *message,
            GError **error)
{
    JsonNode *fields = json_object_get_member(message, "fields");
    if (fields == NULL || !JSON_NODE_HOLDS_OBJECT(fields))
        return nonsense(client, error, "a message is no report with fields");
    if (!session_report(worker, json_node_get_object(fields), 0, error))
        return FALSE;
    program->n_reports++;
    session_told(worker);
    GString *answer = message_new("answer");
    message_int(answer, "n", (gint64)worker->run->ahead.n);
    message_bool(answer, "stop", worker->run->stop);
    message_bool(answer, "save", saving_tell(worker));
    return client_answer(client, answer, error);
}

/* A directory to fill, or why there is none. */
static gboolean
take_checkpoint_begin(Client *client, PbxWorker *worker, JsonObject *message, GError **error)
{
    g_autoptr(GError) failure = NULL;
    if (client->save != NULL)
        return nonsense(client, error, "checkpoint_begin comes before the last one's end");
    client->save = session_save_begin(worker, message_get_int(message, "step", -1), &failure);
    GString *answer = message_new("checkpoint_dir");
    message_string(answer, "dir", client->save != NULL ? client->save->dir : NULL);
    message_string(answer, "text", failure != NULL ? failure->message : NULL);
    return client_answer(client, answer, error);
}

static gboolean
take_checkpoint_end(Client *client, PbxWorker *worker, JsonObject *message, GError **error)
{
    g_autoptr(GError) failure = NULL;
    if (client->save == NULL)
        return nonsense(client, error, "checkpoint_end comes without a checkpoint_begin");
    PbxSave *save = g_steal_pointer(&client->save);
    if (message_get_bool(message, "keep"))
        (void)save_end(worker, save, &failure);
    else
        save_drop(worker, save);
    GString *answer = message_new("checkpoint_done");
    message_bool(answer, "ok", failure == NULL);
    message_string(answer, "text", failure != NULL ? failure->message : NULL);
    return client_answer(client, answer, error);
}

static gboolean
take_message(PbxProgramSocket *program, Client *client, PbxWorker *worker, JsonObject *message,
             GError **error)
{
    if (message_is(message, "report"))
        return take_report(program, client, worker, message, error);
    if (message_is(message, "checkpoint_begin"))
        return take_checkpoint_begin(client, worker, message, error);
    if (message_is(message, "checkpoint_end"))
        return take_checkpoint_end(client, worker, message, error);
    return nonsense(client, error, "a message is no report with fields");
}

/* Whether the hello comes from a program of an earlier trial that lived on for a moment. */
static gboolean
is_foreign(const PbxRun *run, JsonObject *message)
{
    const char *trial = message_get_string(message, "trial");
    return trial != NULL && !g_str_equal(trial, run->abi_trial.id);
}

/* Reads what has come; *closed: nothing more will. */
static gboolean
client_step(PbxProgramSocket *program, Client *client, PbxWorker *worker, gboolean *closed,
            GError **error)
{
    guint8 bytes[READ_SIZE];
    ssize_t n = recv(client->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    *closed = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
    if (n <= 0)
        return TRUE;
    g_byte_array_append(client->in, bytes, (guint)n);
    for (;;) {
        g_autoptr(JsonObject) message = NULL;
        g_autoptr(GError) failure = NULL;
        int taken = frame_next(client->in, &client->in_at, &message, &failure);
        if (taken < 0)
            return nonsense(client, error, failure->message);
        if (taken == 0)
            break;
        if (!client->greeted && is_foreign(worker->run, message)) {
            *closed = TRUE;
            return TRUE;
        }
        if (client->greeted ? !take_message(program, client, worker, message, error)
                            : !take_hello(program, client, worker->run, message, error))
            return FALSE;
    }
    g_byte_array_remove_range(client->in, 0, (guint)client->in_at);
    client->in_at = 0;
    return TRUE;
}

gboolean
program_socket_step(PbxProgramSocket *program, PbxWorker *worker, guint64 *n_reports,
                    GError **error)
{
    struct epoll_event events[16];
    int n = epoll_wait(program->epoll_fd, events, G_N_ELEMENTS(events), 0);
    for (int i = 0; i < n; i++) {
        Client *client = events[i].data.ptr;
        gboolean closed = FALSE;
        if (client == NULL) {
            accept_client(program, worker);
            continue;
        }
        if (!client_step(program, client, worker, &closed, error))
            return FALSE;
        if (closed)
            g_ptr_array_remove_fast(program->clients, client);
    }
    *n_reports = program->n_reports;
    return TRUE;
}
