/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files of requests/, as both sides read and write them. */
#pragma once

#include <sys/types.h>

#include "request/request.h"

#define REQUEST_SUFFIX    ".json"
#define ANSWER_SUFFIX     ".answer"
#define REQUEST_MAX_BYTES (1024 * 1024)

/* Whether the last driver of DIR ended in good order: it has answered all that it had taken. */
gboolean lock_was_released(const char *dir);

/* DIR/requests as a descriptor; it is no symbolic link. -1 with errno. */
int request_folder_open(const char *dir);
/*
 * Writes a file under a temporary name, then renames it to `name`. One that root writes belongs to
 * the folder's owner, so that a driver of theirs can read it.
 */
gboolean request_file_write(int folder, const char *name, JsonNode *node, GError **error);
/*
 * Reads an object from a regular file of this user, of root or of `owner`, without ever waiting for
 * it. NULL with error: G_FILE_ERROR_NOENT where it is not there, else one that says what it is.
 * (transfer full)
 */
JsonNode *request_file_read(int folder, const char *name, uid_t owner, GError **error);
