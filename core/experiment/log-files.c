/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* files/1: what loggers write is recorded first, then performed whole or not at all. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "experiment/logging-private.h"

#define DIR_TRIES 10

static void
request_free(gpointer data)
{
    PbxFileRequest *request = data;
    g_free(request->name);
    g_byte_array_unref(request->bytes);
    g_free(request);
}

void
log_files_init(PbxLogFiles *files, void (*warn)(const char *message, gpointer user),
               gpointer warn_user)
{
    files->warn = warn;
    files->warn_user = warn_user;
    files->dirs = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, log_dir_free);
    files->changed = g_ptr_array_new();
    files->kept = g_array_new(FALSE, FALSE, sizeof(PbxOldVersion));
    files->unsettled = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    files->requests = g_ptr_array_new_with_free_func(request_free);
    files->dropped = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

void
log_files_clear(PbxLogFiles *files)
{
    g_free(files->experiment_dir);
    g_hash_table_unref(files->dirs);
    g_ptr_array_unref(files->requests);
    g_hash_table_unref(files->dropped);
    g_ptr_array_unref(files->changed);
    for (guint i = 0; i < files->kept->len; i++)
        g_free(g_array_index(files->kept, PbxOldVersion, i).path);
    g_array_unref(files->kept);
    g_hash_table_unref(files->unsettled);
}

void
log_files_trial(PbxLogFiles *files, guint64 trial, const char *path)
{
    if (g_hash_table_contains(files->dirs, &trial))
        return;
    PbxLogDir *dir = g_new0(PbxLogDir, 1);
    dir->path = g_strdup(path);
    dir->files = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, log_file_free);
    g_hash_table_insert(files->dirs, g_memdup2(&trial, sizeof trial), dir);
}

static gboolean
has_prefix(gpointer key, gpointer value, gpointer user)
{
    (void)value;
    return g_str_has_prefix(key, user);
}

void
log_files_forget(PbxLogFiles *files, guint64 trial)
{
    g_autofree char *prefix = g_strdup_printf("%" G_GUINT64_FORMAT "/", trial);
    for (guint i = files->changed->len; i-- > 0;)
        if (((PbxLogFile *)files->changed->pdata[i])->trial == trial)
            g_ptr_array_remove_index(files->changed, i);
    g_hash_table_remove(files->dirs, &trial);
    g_hash_table_foreach_remove(files->dropped, has_prefix, prefix);
}

void
log_files_mark(PbxLogFiles *files)
{
    files->mark = files->requests->len;
}

void
log_files_undo(PbxLogFiles *files)
{
    if (files->requests->len > files->mark)
        g_ptr_array_set_size(files->requests, (gint)files->mark);
}

PbxLogDir *
log_files_dir(PbxLogFiles *files, guint64 trial)
{
    if (trial == PBX_NONE && files->experiment_dir != NULL)
        log_files_trial(files, trial, files->experiment_dir);
    return g_hash_table_lookup(files->dirs, &trial);
}

static const char *
directory_of(PbxLogFiles *files, guint64 trial)
{
    const PbxLogDir *dir = log_files_dir(files, trial);
    return dir != NULL ? dir->path : NULL;
}

/* ---- The service ---- */

gboolean
log_file_is_name(const char *name)
{
    return name != NULL && name[0] != '\0' && strchr(name, '/') == NULL &&
           !g_str_equal(name, ".") && !g_str_equal(name, "..");
}

static pbx_status
add_request(const pbx_host *host, guint64 trial, const char *name, const void *bytes, size_t n,
            gboolean replace)
{
    PbxLogFiles *files = host_service_user(host, PBX_FILES_ID);
    if (!log_file_is_name(name) || n > G_MAXUINT / 2)
        return PBX_EINVAL;
    if (trial != PBX_NONE && directory_of(files, trial) == NULL)
        return PBX_ESTATE;
    guint len = files->requests->len;
    /* One of an earlier call is not added to: this call may be taken back. */
    PbxFileRequest *last = len > files->mark ? files->requests->pdata[len - 1] : NULL;
    if (len <= files->mark || replace || last->trial != trial || !g_str_equal(last->name, name) ||
        last->bytes->len > G_MAXUINT / 2 - n) {
        last = g_new0(PbxFileRequest, 1);
        *last = (PbxFileRequest){.trial = trial,
                                 .name = g_strdup(name),
                                 .replace = replace,
                                 .bytes = g_byte_array_new()};
        g_ptr_array_add(files->requests, last);
    }
    g_byte_array_append(last->bytes, bytes, (guint)n);
    return PBX_OK;
}

static pbx_status
append_file(const pbx_host *host, uint64_t trial, const char *name, const void *bytes, size_t n)
{
    return add_request(host, trial, name, bytes, n, FALSE);
}

static pbx_status
replace_file(const pbx_host *host, uint64_t trial, const char *name, const void *bytes, size_t n)
{
    return add_request(host, trial, name, bytes, n, TRUE);
}

static pbx_status
read_file(const pbx_host *host, uint64_t trial, const char *name, const pbx_sink *sink)
{
    PbxLogFiles *files = host_service_user(host, PBX_FILES_ID);
    const char *dir = directory_of(files, trial);
    if (!log_file_is_name(name) || (trial != PBX_NONE && dir == NULL))
        return PBX_EINVAL;
    g_autofree char *path = dir != NULL ? g_build_filename(dir, name, NULL) : NULL;
    if (dir != NULL)
        log_files_settle(files, trial, name);
    g_autofree char *text = NULL;
    gsize length = 0;
    gboolean there = path != NULL && g_file_get_contents(path, &text, &length, NULL);
    guint from = 0;
    /* The last replacement that waits stands for all before it. */
    for (guint i = 0; i < files->requests->len; i++) {
        PbxFileRequest *request = files->requests->pdata[i];
        gboolean same = request->trial == trial && g_str_equal(request->name, name);
        if (same && request->replace)
            from = i;
        there = there || same;
        if (same && request->replace)
            length = 0;
    }
    if (!there)
        return PBX_ESTATE;
    pbx_status status = length > 0 ? sink->write(sink->ctx, text, length) : PBX_OK;
    for (guint i = from; i < files->requests->len && status == PBX_OK; i++) {
        PbxFileRequest *request = files->requests->pdata[i];
        if (request->trial == trial && g_str_equal(request->name, name))
            status = sink->write(sink->ctx, request->bytes->data, request->bytes->len);
    }
    return status;
}

const pbx_files log_files_service = {
    .struct_size = sizeof(pbx_files),
    .append = append_file,
    .replace = replace_file,
    .read = read_file,
};

/* ---- Performing ---- */

/* The code is the errno: what is to be done depends on it. */
static gboolean
fail_errno(GError **error, const char *path)
{
    int saved = errno;
    g_set_error(error, g_quark_from_static_string("pbx-errno"), saved, "%s: %s", path,
                g_strerror(saved));
    return FALSE;
}

static gboolean
write_whole(int fd, const GByteArray *bytes)
{
    for (guint done = 0; done < bytes->len;) {
        ssize_t n = write(fd, bytes->data + done, bytes->len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return FALSE;
        done += (guint)n;
    }
    return TRUE;
}

/* Opens with O_APPEND or O_TRUNC; makes a trial's directory (dir; NULL: the experiment's, which is
 * there) where it is not there yet, more than once where the trial's worker takes it away
 * meanwhile, having found it empty. Not what is above it: an experiment that was moved away stays
 * so. A program may have put anything in a file's place: nothing is waited for. */
static int
open_file(const char *path, const char *dir, int how)
{
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | how;
    int fd = open(path, flags, 0666);
    for (guint i = 0; dir != NULL && fd < 0 && errno == ENOENT && i < DIR_TRIES; i++) {
        if (mkdir(dir, 0777) != 0 && errno != EEXIST)
            break;
        fd = open(path, flags, 0666);
    }
    return fd;
}

static gboolean
append_now(PbxLogFiles *files, const char *path, const char *dir, const PbxFileRequest *request,
           GError **error)
{
    int fd = open_file(path, dir, O_APPEND);
    struct stat before;
    if (fd < 0)
        return fail_errno(error, path);
    if (fstat(fd, &before) != 0) {
        fail_errno(error, path);
        close(fd);
        return FALSE;
    }
    if (!write_whole(fd, request->bytes)) {
        fail_errno(error, path);
        /* Half a line must not stay: the next try writes it whole. */
        (void)!ftruncate(fd, before.st_size);
        close(fd);
        return FALSE;
    }
    close(fd);
    log_files_note(files, request->trial, request->name,
                   (guint64)before.st_size + request->bytes->len);
    return TRUE;
}

static gboolean
replace_now(PbxLogFiles *files, const char *path, const char *dir, const PbxFileRequest *request,
            GError **error)
{
    /* A trial that starts anew has mostly the same to say. */
    if (log_files_is(path, request->bytes)) {
        log_files_note(files, request->trial, request->name, request->bytes->len);
        return TRUE;
    }
    /* By a rename, so that readers see the old or the new text, but without an fsync: two a
     * trial cost more than all else that a short one does, and the store has everything. */
    g_autofree char *new_path = g_strconcat(path, ".new", NULL);
    int fd = open_file(new_path, dir, O_TRUNC);
    if (fd < 0)
        return fail_errno(error, path);
    const gboolean written = write_whole(fd, request->bytes);
    if (written)
        log_files_keep(files, request->trial, request->name, path);
    if (!written || rename(new_path, path) != 0) {
        fail_errno(error, path);
        close(fd);
        unlink(new_path);
        return FALSE;
    }
    close(fd);
    log_files_note(files, request->trial, request->name, request->bytes->len);
    return TRUE;
}

/* Whether it may go away, and is not this one file's. */
static gboolean
is_passing(int number)
{
    static const int passing[] = {ENOSPC, EDQUOT, EIO,    EFBIG,  EMFILE,   ENFILE,
                                  ENOMEM, EINTR,  ESTALE, ENOLCK, ETIMEDOUT};
    for (gsize i = 0; i < G_N_ELEMENTS(passing); i++)
        if (number == passing[i])
            return TRUE;
    return FALSE;
}

/* Performs one. FALSE: to be tried again. */
static gboolean
perform(PbxLogFiles *files, const PbxFileRequest *request, GError **error)
{
    const char *dir = directory_of(files, request->trial);
    g_autofree char *key =
        g_strdup_printf("%" G_GUINT64_FORMAT "/%s", request->trial, request->name);
    if (dir == NULL || g_hash_table_contains(files->dropped, key))
        return TRUE;
    g_autofree char *path = g_build_filename(dir, request->name, NULL);
    GError *local = NULL;
    const char *made = request->trial != PBX_NONE ? dir : NULL;
    log_files_settle(files, request->trial, request->name);
    if (request->replace ? replace_now(files, path, made, request, &local)
                         : append_now(files, path, made, request, &local))
        return TRUE;
    if (is_passing(local->code)) {
        g_propagate_error(error, local);
        return FALSE;
    }
    /* The whole experiment was moved away: its driver tells that. */
    if (local->code == ENOENT && files->experiment_dir != NULL &&
        !g_file_test(files->experiment_dir, G_FILE_TEST_EXISTS)) {
        g_error_free(local);
        return TRUE;
    }
    g_hash_table_add(files->dropped, g_steal_pointer(&key));
    if (files->warn != NULL) {
        g_autofree char *line =
            g_strdup_printf("%s; the file is left out, the store has everything", local->message);
        files->warn(line, files->warn_user);
    }
    g_error_free(local);
    return TRUE;
}

gboolean
log_files_perform(PbxLogFiles *files, GError **error)
{
    guint done = 0;
    while (done < files->requests->len && perform(files, files->requests->pdata[done], error))
        done++;
    gboolean whole = done == files->requests->len;
    if (done > 0)
        g_ptr_array_remove_range(files->requests, 0, done);
    files->mark = files->requests->len;
    return whole;
}
