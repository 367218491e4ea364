/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The side that is asked: the driver watches requests/, takes what is one, and answers. */
#define G_LOG_DOMAIN "pegbox-request"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <glib-unix.h>

#include "request/request-private.h"
#include "json/json.h"

#define MAX_OPEN    1024 /* without an answer at one time */
#define MAX_A_SCAN  64   /* taken before the loop turns again */
#define MAX_IGNORED 1024 /* names that cannot be got rid of */
#define MAX_LINES   20   /* that are logged */
#define STALE_S     600  /* an answer that nobody took */

struct PbxRequest {
    PbxRequests *requests;
    char *file;
    JsonNode *node;
};

struct PbxRequests {
    PbxRequestFunc func;
    PbxRequestLog log;
    gpointer user;
    GMainContext *context;
    char *dir;    /* the experiment's */
    char *driver; /* what requests to this one are addressed to */
    int folder, bell;
    GSource *watch;      /* on the bell; NULL: there is only polling */
    GSource *more;       /* goes on with a scan that was cut short */
    GHashTable *open;    /* file -> PbxRequest* */
    GHashTable *ignored; /* files that are left where they are */
    guint lines;
    gboolean began; /* what was there before is cleaned away */
};

static void G_GNUC_PRINTF(2, 3) tell(PbxRequests *requests, const char *format, ...)
{
    if (requests->lines > MAX_LINES)
        return;
    va_list args;
    va_start(args, format);
    g_autofree char *line = g_strdup_vprintf(format, args);
    va_end(args);
    if (++requests->lines > MAX_LINES)
        requests->log("requests/: more files are no requests; no more lines tell of them",
                      requests->user);
    else
        requests->log(line, requests->user);
}

/* ---- Answers ---- */

/* "stop-1.json" -> "stop-1.answer" */
static char *
answer_name(const char *file)
{
    const gsize length = strlen(file) - strlen(REQUEST_SUFFIX);
    return g_strdup_printf("%.*s" ANSWER_SUFFIX, (int)length, file);
}

/* Files that cannot be removed are looked at once. */
static void
drop(PbxRequests *requests, const char *file)
{
    if (unlinkat(requests->folder, file, 0) == 0 || errno == ENOENT ||
        unlinkat(requests->folder, file, AT_REMOVEDIR) == 0)
        return;
    if (g_hash_table_size(requests->ignored) >= MAX_IGNORED)
        g_hash_table_remove_all(requests->ignored);
    g_hash_table_add(requests->ignored, g_strdup(file));
}

/* The answer is there before the request goes: a client that finds its request gone looks. FALSE:
 * nobody will read it. */
static gboolean
write_answer(PbxRequests *requests, const char *file, JsonObject *object)
{
    g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), object);
    g_autofree char *name = answer_name(file);
    g_autoptr(GError) error = NULL;
    if (!request_file_write(requests->folder, name, node, &error)) {
        tell(requests, "%s", error->message);
        drop(requests, file);
        return FALSE;
    }
    g_autofree char *bell = request_bell_name(file);
    request_bell_ring(requests->folder, bell);
    if (unlinkat(requests->folder, file, 0) == 0)
        return TRUE;
    if (errno != ENOENT) {
        drop(requests, file);
        return TRUE;
    }
    /* The client has removed it: after the answer, which it has read, or without one. */
    return unlinkat(requests->folder, name, 0) != 0;
}

static void
write_refusal(PbxRequests *requests, const char *file, const char *message)
{
    g_autoptr(JsonObject) object = json_object_new();
    g_autofree char *line = g_utf8_make_valid(message, -1);
    json_object_set_string_member(object, "error", g_strdelimit(line, "\r\n", ' '));
    write_answer(requests, file, object);
}

static void
request_free(gpointer data)
{
    PbxRequest *request = data;
    g_free(request->file);
    json_node_unref(request->node);
    g_free(request);
}

gboolean
request_answer(PbxRequest *request, JsonObject *answer)
{
    g_autoptr(JsonObject) object = answer != NULL ? answer : json_object_new();
    json_object_set_boolean_member(object, "ok", TRUE);
    const gboolean answered = write_answer(request->requests, request->file, object);
    g_hash_table_remove(request->requests->open, request->file);
    return answered;
}

void
request_refuse(PbxRequest *request, const char *message)
{
    write_refusal(request->requests, request->file, message);
    g_hash_table_remove(request->requests->open, request->file);
}

const char *
request_name(const PbxRequest *request)
{
    return json_object_get_string_member(request_object(request), "request");
}

JsonObject *
request_object(const PbxRequest *request)
{
    return json_node_get_object(request->node);
}

/* A text of a request; "" where it has none. */
static const char *
text_member(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);
    return node != NULL && JSON_NODE_HOLDS_VALUE(node) &&
                   json_node_get_value_type(node) == G_TYPE_STRING
               ? json_node_get_string(node)
               : "";
}

/* ---- Taking ---- */

/* Why a request that could be read is not taken; NULL: it is. */
static const char *
objection(PbxRequests *requests, JsonObject *object)
{
    const char *driver = text_member(object, "driver");
    JsonNode *version = json_object_get_member(object, "version");
    if (driver[0] != '\0' && !g_str_equal(driver, requests->driver))
        return "it was meant for a driver that has ended";
    if (!requests->began && driver[0] == '\0')
        return "it was there before this driver began";
    if (version != NULL &&
        (!JSON_NODE_HOLDS_VALUE(version) || json_node_get_value_type(version) != G_TYPE_INT64 ||
         json_node_get_int(version) != REQUEST_VERSION))
        return "this pegbox knows requests of version 1 only";
    if (text_member(object, "request")[0] == '\0')
        return "it has no \"request\" that names what is wanted";
    if (g_hash_table_size(requests->open) >= MAX_OPEN)
        return "too many requests wait for their answers already";
    return NULL;
}

static gboolean
is_passing(const GError *error)
{
    static const int codes[] = {G_FILE_ERROR_MFILE, G_FILE_ERROR_NFILE, G_FILE_ERROR_NOMEM,
                                G_FILE_ERROR_INTR, G_FILE_ERROR_AGAIN};
    for (gsize i = 0; i < G_N_ELEMENTS(codes); i++)
        if (g_error_matches(error, G_FILE_ERROR, codes[i]))
            return TRUE;
    return FALSE;
}

static void
take(PbxRequests *requests, const char *file)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) node = request_file_read(requests->folder, file, geteuid(), &error);
    if (node == NULL) {
        /* Withdrawn just now, or not to be read for lack of something. */
        if (g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT) || is_passing(error))
            return;
        tell(requests, "no request: %s", error->message);
        /* Whoever wrote a text that is no request may be waiting; what is no file of ours is not
         * worth an answer. */
        if (g_error_matches(error, PBX_REQUEST_ERROR, REQUEST_ERROR_REFUSED))
            write_refusal(requests, file, error->message);
        else
            drop(requests, file);
        return;
    }
    const char *why = objection(requests, json_node_get_object(node));
    if (why != NULL) {
        write_refusal(requests, file, why);
        return;
    }
    PbxRequest *request = g_new(PbxRequest, 1);
    *request = (PbxRequest){requests, g_strdup(file), g_steal_pointer(&node)};
    g_hash_table_insert(requests->open, request->file, request);
    requests->func(request, requests->user);
}

/* ---- The folder ---- */

/* Made where it is missing; it is no symbolic link. -1 with errno. */
static int
make_folder(const char *dir)
{
    g_autofree char *path = g_build_filename(dir, "requests", NULL);
    return mkdir(path, 0777) == 0 || errno == EEXIST ? request_folder_open(dir) : -1;
}

static void
destroy_source(GSource *source)
{
    if (source == NULL)
        return;
    g_source_destroy(source);
    g_source_unref(source);
}

static void scan(PbxRequests *requests);

static gboolean
notified(int fd, GIOCondition condition, gpointer data)
{
    (void)condition;
    request_bell_hear(fd);
    scan(data);
    return G_SOURCE_CONTINUE;
}

static void
watch(PbxRequests *requests)
{
    requests->bell = request_bell_new(requests->folder, REQUEST_BELL);
    if (requests->bell < 0)
        return;
    requests->watch = g_unix_fd_source_new(requests->bell, G_IO_IN);
    g_source_set_callback(requests->watch, G_SOURCE_FUNC(notified), requests, NULL);
    g_source_attach(requests->watch, requests->context);
}

static void
unwatch(PbxRequests *requests)
{
    destroy_source(g_steal_pointer(&requests->watch));
    request_bell_free(requests->folder, REQUEST_BELL, requests->bell);
    requests->bell = -1;
}

/* ---- Looking ---- */

/* A temporary file or an answer that nobody will come for. */
static void
sweep(PbxRequests *requests, const char *file)
{
    struct stat about;
    if (fstatat(requests->folder, file, &about, AT_SYMLINK_NOFOLLOW) == 0 &&
        about.st_mtime + STALE_S < time(NULL))
        drop(requests, file);
}

static gboolean
is_request(const char *file)
{
    return file[0] != '.' && g_str_has_suffix(file, REQUEST_SUFFIX) &&
           strlen(file) < NAME_MAX - strlen(ANSWER_SUFFIX) - strlen(".tmp");
}

static gboolean scan_on(gpointer data);

/* When the loop has nothing better to do. */
static void
scan_later(PbxRequests *requests)
{
    if (requests->more != NULL)
        return;
    requests->more = g_idle_source_new();
    g_source_set_priority(requests->more, G_PRIORITY_DEFAULT_IDLE);
    g_source_set_callback(requests->more, scan_on, requests, NULL);
    g_source_attach(requests->more, requests->context);
}

/* Somebody has taken the folder away: there is a new one. */
static void
renew(PbxRequests *requests)
{
    struct stat own, there;
    g_autofree char *path = g_build_filename(requests->dir, "requests", NULL);
    if (lstat(path, &there) == 0 && fstat(requests->folder, &own) == 0 &&
        there.st_ino == own.st_ino && there.st_dev == own.st_dev)
        return;
    int folder = make_folder(requests->dir);
    if (folder < 0)
        return;
    unwatch(requests);
    close(requests->folder);
    requests->folder = folder;
    watch(requests);
}

static void
scan(PbxRequests *requests)
{
    int fd = openat(requests->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (dir == NULL) {
        if (fd >= 0)
            close(fd);
        return;
    }
    guint taken = 0;
    const struct dirent *entry;
    while (taken < MAX_A_SCAN && (entry = readdir(dir)) != NULL) {
        const char *file = entry->d_name;
        if (g_str_equal(file, ".") || g_str_equal(file, "..") || g_str_equal(file, REQUEST_BELL) ||
            g_hash_table_contains(requests->ignored, file) ||
            g_hash_table_contains(requests->open, file))
            continue;
        if (!is_request(file)) {
            sweep(requests, file);
            continue;
        }
        take(requests, file);
        taken++;
    }
    closedir(dir);
    if (taken == MAX_A_SCAN)
        scan_later(requests);
    else
        requests->began = TRUE;
}

static gboolean
scan_on(gpointer data)
{
    PbxRequests *requests = data;
    g_clear_pointer(&requests->more, g_source_unref);
    scan(requests);
    return G_SOURCE_REMOVE;
}

void
requests_poll(PbxRequests *requests)
{
    if (requests == NULL)
        return;
    renew(requests);
    scan(requests);
}

/* ---- Opening and closing ---- */

PbxRequests *
requests_open(const char *dir, GMainContext *context, PbxRequestFunc func, PbxRequestLog log,
              gpointer user, GError **error)
{
    int folder = make_folder(dir);
    if (folder < 0) {
        g_set_error(error, PBX_REQUEST_ERROR, REQUEST_ERROR_IO, "%s/requests: %s", dir,
                    g_strerror(errno));
        return NULL;
    }
    PbxRequests *requests = g_new0(PbxRequests, 1);
    requests->func = func;
    requests->log = log;
    requests->user = user;
    requests->context = g_main_context_ref(context);
    requests->dir = g_strdup(dir);
    requests->driver = g_strdup_printf("%s %d", g_get_host_name(), (int)getpid());
    requests->folder = folder;
    requests->open = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, request_free);
    requests->ignored = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    watch(requests);
    scan_later(requests);
    return requests;
}

void
requests_close(PbxRequests *requests, const char *reason)
{
    if (requests == NULL)
        return;
    unwatch(requests);
    destroy_source(requests->more);
    GHashTableIter iter;
    gpointer file;
    g_hash_table_iter_init(&iter, requests->open);
    while (g_hash_table_iter_next(&iter, &file, NULL))
        write_refusal(requests, file, reason);
    g_hash_table_unref(requests->open);
    g_hash_table_unref(requests->ignored);
    close(requests->folder);
    g_main_context_unref(requests->context);
    g_free(requests->dir);
    g_free(requests->driver);
    g_free(requests);
}
