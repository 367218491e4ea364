/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether a plugin's file may be trusted: it runs with all that the user may do,
 * so nobody else may have been able to put it there.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugin/plugin-private.h"

static gboolean refuse(GError **error, const char *path, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

static gboolean
refuse(GError **error, const char *path, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *reason = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, PBX_PLUGIN_ERROR, PLUGIN_ERROR_BROKEN, "%s: %s", path, reason);
    return FALSE;
}

/* One file or directory. */
static gboolean
is_safe(const char *path, gboolean any_owner, GError **error)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return refuse(error, path, "the plugin cannot be read: %s", g_strerror(errno));
    const char *what = S_ISDIR(info.st_mode) ? "plugin directory" : "plugin";
    if (!S_ISDIR(info.st_mode) && !S_ISREG(info.st_mode))
        return refuse(error, path, "not a plugin: it is not a regular file");
    if ((info.st_mode & S_IWOTH) != 0)
        return refuse(error, path,
                      "unsafe %s: everybody may write to it; `chmod o-w` it if you trust it", what);
    if (any_owner || info.st_uid == 0 || info.st_uid == geteuid())
        return TRUE;
    if (geteuid() == 0)
        return refuse(error, path,
                      "unsafe %s: it belongs to user %u, and root loads only root's own; "
                      "`chown root` it if you trust it",
                      what, (unsigned)info.st_uid);
    return refuse(error, path,
                  "unsafe %s: it belongs to user %u, neither you nor root; "
                  "copy it into a directory of your own if you trust it",
                  what, (unsigned)info.st_uid);
}

gboolean
safety_check(const char *path, const char *dir, gboolean builtin, GError **error)
{
    if (g_file_test(path, G_FILE_TEST_IS_DIR))
        return refuse(error, path, "not a plugin: it is not a regular file");
    g_autofree char *folder = g_path_get_dirname(path);
    if (!is_safe(path, builtin, error) || !is_safe(folder, builtin, error))
        return FALSE;
    if (dir != NULL && !is_safe(dir, builtin, error))
        return FALSE;
    g_autofree char *real = realpath(path, NULL);
    if (real == NULL)
        return refuse(error, path, "the plugin cannot be read: %s", g_strerror(errno));
    /* A link's target lies in a directory too. */
    g_autofree char *real_folder = g_path_get_dirname(real);
    return is_safe(real_folder, builtin, error);
}
