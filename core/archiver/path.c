/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which names and links stay inside the directory that an archive is unpacked into. */
#include <string.h>

#include "archiver/archiver.h"

#define MAX_NAME 255

/* The next part of a path and its length, "." and empty ones left out; NULL: no more. */
static const char *
next_part(const char **at, gsize *length)
{
    for (;;) {
        const char *part = *at + strspn(*at, "/");
        *length = strcspn(part, "/");
        *at = part + *length;
        if (*length == 0)
            return NULL;
        if (*length != 1 || part[0] != '.')
            return part;
    }
}

static gboolean
is_up(const char *part, gsize length)
{
    return length == 2 && part[0] == '.' && part[1] == '.';
}

static guint
count_parts(const char *path)
{
    guint n = 0;
    gsize length;
    while (next_part(&path, &length) != NULL)
        n++;
    return n;
}

const char *
path_problem(const char *path)
{
    if (path[0] == '/')
        return "its name is an absolute path";
    guint n = 0;
    gsize length;
    for (const char *part; (part = next_part(&path, &length)) != NULL; n++) {
        if (is_up(part, length))
            return "there is '..' in its name";
        if (length > MAX_NAME)
            return "a part of its name is too long";
    }
    return n > MAX_DEPTH ? "it lies too deep" : NULL;
}

/*
 * A link may go up from where it lies, where all above are true directories, but not from
 * behind a name, which may be a link itself.
 */
const char *
path_link_problem(const char *path, const char *target)
{
    if (target[0] == '\0')
        return "it is a symbolic link to nothing";
    if (target[0] == '/')
        return "it is a symbolic link to an absolute path";
    guint above = count_parts(path);
    gboolean down = FALSE;
    gsize length;
    for (const char *part; (part = next_part(&target, &length)) != NULL;) {
        if (!is_up(part, length))
            down = TRUE;
        else if (down)
            return "it is a symbolic link with '..' behind a name";
        else if (above-- <= 1)
            return "it is a symbolic link that leads out of the directory";
    }
    return NULL;
}

char *
path_clean(const char *name)
{
    GString *clean = g_string_new(NULL);
    gsize length;
    for (const char *part; (part = next_part(&name, &length)) != NULL;) {
        if (clean->len > 0)
            g_string_append_c(clean, '/');
        g_string_append_len(clean, part, (gssize)length);
    }
    return g_string_free(clean, FALSE);
}
