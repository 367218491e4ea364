/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The side that asks: a request is written, its answer waited for, and both are removed. */
#include <errno.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "request/request-private.h"
#include "json/json.h"

#define LOOK_MS  50                   /* between looks where no bell rings */
#define TAKEN_US (2 * G_USEC_PER_SEC) /* more for one that the driver has taken already */
#define BEGIN_S  5                    /* that a driver may take from its lock to its folder */

typedef struct {
    const char *dir;
    char *driver; /* that is asked */
    char *file, *answer, *bell;
    int folder, heard;
    uid_t owner;
} Asking;

static void
asking_clear(Asking *asking)
{
    g_free(asking->driver);
    g_free(asking->file);
    g_free(asking->answer);
    if (asking->folder >= 0) {
        request_bell_free(asking->folder, asking->bell, asking->heard);
        close(asking->folder);
    }
    g_free(asking->bell);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Asking, asking_clear)

static gboolean
is_driven(const Asking *asking)
{
    g_autofree char *driver = lock_driver(asking->dir);
    return driver != NULL && g_str_equal(driver, asking->driver);
}

/* A driver that has just begun makes it in a moment. */
static void
open_folder(Asking *asking)
{
    const gint64 began = g_get_monotonic_time();
    while ((asking->folder = request_folder_open(asking->dir)) < 0) {
        const int number = errno;
        const gboolean waits = number == ENOENT && is_driven(asking) &&
                               g_get_monotonic_time() - began < BEGIN_S * G_USEC_PER_SEC;
        errno = number;
        if (!waits)
            return;
        g_usleep(1000);
    }
}

static void
set_ended(const Asking *asking, GError **error)
{
    if (lock_was_released(asking->dir))
        g_set_error(error, PBX_REQUEST_ERROR, REQUEST_ERROR_NO_DRIVER,
                    "%s has no driver any more: it ended without having seen the request",
                    asking->dir);
    else
        g_set_error(error, PBX_REQUEST_ERROR, REQUEST_ERROR_GONE,
                    "the driver (%s) died before it answered", asking->driver);
}

static gboolean
begin(Asking *asking, const char *name, GError **error)
{
    struct stat about;
    asking->driver = lock_driver(asking->dir);
    if (asking->driver == NULL) {
        g_set_error(error, PBX_REQUEST_ERROR, REQUEST_ERROR_NO_DRIVER, "%s has no driver",
                    asking->dir);
        return FALSE;
    }
    open_folder(asking);
    if (asking->folder < 0 || fstat(asking->folder, &about) != 0) {
        const int number = errno;
        if (number == ENOENT && !is_driven(asking))
            set_ended(asking, error);
        else
            g_set_error(error, PBX_REQUEST_ERROR, REQUEST_ERROR_IO,
                        "%s/requests: %s; its driver (%s) takes no requests", asking->dir,
                        g_strerror(number), asking->driver);
        return FALSE;
    }
    asking->owner = about.st_uid;
    g_autofree char *unique = g_uuid_string_random();
    asking->file = g_strdup_printf("%s-%s" REQUEST_SUFFIX, name, unique);
    asking->answer = g_strdup_printf("%s-%s" ANSWER_SUFFIX, name, unique);
    /* Before the request: no answer is missed. Without it there are looks. */
    asking->bell = request_bell_name(asking->file);
    asking->heard = request_bell_new(asking->folder, asking->bell);
    return TRUE;
}

static JsonNode *
complete(const Asking *asking, JsonObject *request, const char *name)
{
    JsonNode *node = json_node_alloc();
    json_node_init(node, JSON_NODE_OBJECT);
    json_node_set_object(node, request);
    JsonNode *copy = json_clone(node);
    json_node_unref(node);
    JsonObject *object = json_node_get_object(copy);
    json_object_set_int_member(object, "version", REQUEST_VERSION);
    json_object_set_string_member(object, "request", name);
    json_object_set_string_member(object, "driver", asking->driver);
    json_object_set_string_member(object, "host", g_get_host_name());
    json_object_set_int_member(object, "pid", getpid());
    return copy;
}

/* Until the bell rings, or for a moment. */
static void
wait_a_moment(const Asking *asking, gint64 left_us)
{
    struct pollfd fd = {.fd = asking->heard, .events = POLLIN};
    (void)poll(&fd, 1, (int)CLAMP(left_us / 1000 + 1, 1, LOOK_MS));
    request_bell_hear(asking->heard);
}

/* Takes the answer away: its node, or the error that it is. FALSE: it is not there yet. */
static gboolean
take_answer(const Asking *asking, JsonNode **answer, GError **error)
{
    g_autoptr(GError) failed = NULL;
    g_autoptr(JsonNode) node =
        request_file_read(asking->folder, asking->answer, asking->owner, &failed);
    if (node == NULL && g_error_matches(failed, G_FILE_ERROR, G_FILE_ERROR_NOENT))
        return FALSE;
    unlinkat(asking->folder, asking->answer, 0);
    unlinkat(asking->folder, asking->file, 0);
    if (node == NULL) {
        g_set_error(error, PBX_REQUEST_ERROR, REQUEST_ERROR_IO,
                    "the driver's answer cannot be read: %s", failed->message);
        return TRUE;
    }
    JsonNode *refused = json_object_get_member(json_node_get_object(node), "error");
    if (refused == NULL) {
        *answer = g_steal_pointer(&node);
        return TRUE;
    }
    const gboolean text =
        JSON_NODE_HOLDS_VALUE(refused) && json_node_get_value_type(refused) == G_TYPE_STRING;
    g_set_error(error, PBX_REQUEST_ERROR, REQUEST_ERROR_REFUSED, "%s",
                text ? json_node_get_string(refused) : "the driver refuses");
    return TRUE;
}

/* Takes the request back. FALSE: its answer has come meanwhile. */
static gboolean
withdraw(const Asking *asking)
{
    return unlinkat(asking->folder, asking->file, 0) == 0;
}

static JsonNode *
wait_for_answer(const Asking *asking, double timeout_s, GError **error)
{
    const gint64 began = g_get_monotonic_time();
    const gint64 limit = timeout_s >= 0 && timeout_s < 1e9 ? (gint64)(timeout_s * 1e6) : G_MAXINT64;
    for (gboolean last = FALSE;;) {
        JsonNode *answer = NULL;
        if (take_answer(asking, &answer, error))
            return answer;
        if (last) {
            set_ended(asking, error);
            return NULL;
        }
        const gint64 waited = g_get_monotonic_time() - began;
        /* It may have answered just before it ended: one more look. */
        if (!is_driven(asking)) {
            (void)withdraw(asking);
            last = TRUE;
        } else if (waited < limit) {
            wait_a_moment(asking, limit - waited);
        } else if (withdraw(asking) || waited > limit + TAKEN_US) {
            g_set_error(error, PBX_REQUEST_ERROR, REQUEST_ERROR_TIMEOUT,
                        "the driver (%s) has not answered within %g s", asking->driver, timeout_s);
            return NULL;
        } else {
            wait_a_moment(asking, G_USEC_PER_SEC);
        }
    }
}

JsonNode *
request_send(const char *dir, JsonObject *request, double timeout_s, GError **error)
{
    g_auto(Asking) asking = {.dir = dir, .folder = -1, .heard = -1};
    const char *name = json_object_get_string_member_with_default(request, "request", "");
    g_autoptr(GError) failed = NULL;
    if (!begin(&asking, name, error))
        return NULL;
    g_autoptr(JsonNode) whole = complete(&asking, request, name);
    if (!request_file_write(asking.folder, asking.file, whole, &failed)) {
        g_set_error(error, PBX_REQUEST_ERROR, REQUEST_ERROR_IO, "its driver cannot be asked: %s/%s",
                    dir, failed->message);
        return NULL;
    }
    request_bell_ring(asking.folder, REQUEST_BELL);
    return wait_for_answer(&asking, timeout_s, error);
}
