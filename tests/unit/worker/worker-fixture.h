/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A real pegbox-worker, and the test in the place of its driver. */
#pragma once

#include <sys/types.h>

#include "worker/worker-private.h"

/* One end of a conversation in frames. */
typedef struct {
    int fd;
    GByteArray *in;
    gsize at;
} Talk;

void talk_open(Talk *talk, int fd);
void talk_close(Talk *talk);
/* printf of one message; ' stands for ". */
void say(Talk *talk, const char *format, ...) G_GNUC_PRINTF(2, 3);
void say_bytes(Talk *talk, gconstpointer bytes, gsize n);
/* The next message; NULL: the other side has closed. (transfer full) */
JsonObject *hear(Talk *talk);
/* Hears a message of this type, or the test fails. (transfer full) */
JsonObject *hear_type(Talk *talk, const char *type);
/* The next message as text, or "the end", with ' for ". */
void assert_hears(Talk *talk, const char *expected);

typedef struct {
    Talk talk;
    pid_t pid;
    char *dir; /* of the trial */
} Worker;

void worker_open(Worker *worker, gconstpointer unused);
void worker_close(Worker *worker, gconstpointer unused);
/* Up to `ready`: trainable/exec with options. FALSE: it is not built, the test is skipped. */
gboolean worker_set_up_exec(Worker *worker, const char *options, const char *metrics);
void worker_set_up(Worker *worker, const char *path, const char *name, const char *options,
                   const char *metrics);
/* A run of trial 1 whose program waits: the path of its socket, for the test to speak there. NULL:
 * skipped. (transfer full) */
char *worker_begin_program(Worker *worker, const char *metrics, const char *more);
void talk_connect(Talk *talk, const char *path);
#define PROGRAM_HELLO   "{'type':'hello','protocol':1,'pid':1,'trial':'id_1'}"
#define PROGRAM_WELCOME "{'type':'welcome','protocol':1,'trial':'id_1','attempt':1}"
/* A run of trial 1, or another; `more` are members, first a comma. */
void worker_run(Worker *worker, guint trial, guint attempt, const char *more);
/* Its exit status, or -signal, once it has ended. */
int worker_wait(Worker *worker);
