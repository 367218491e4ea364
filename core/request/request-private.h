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

/* ---- bell.c: who waits for a file is told at once, on one host ---- */

#define REQUEST_BELL ".bell" /* the driver's; a client's is named after its request */

/* Made anew in the folder; to be polled for reading. -1: this file system has none. */
int request_bell_new(int folder, const char *name);
void request_bell_free(int folder, const char *name, int fd);
/* Tells whoever has made it; nothing where nobody has. */
void request_bell_ring(int folder, const char *name);
void request_bell_hear(int fd);
/* ".stop-1.bell" of "stop-1.json". (transfer full) */
char *request_bell_name(const char *file);

/* What root makes is the folder's owner's. */
void request_give_to_owner(int folder, int fd);

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
