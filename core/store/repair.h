/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A damaged store: what is wrong with it, and what of it makes a whole one. */
#pragma once

#include "store/store.h"

/* ---- What is found ---- */

typedef enum {
    LOSS_NONE, /* all of it is there again */
    LOSS_SOME, /* something is gone for good */
    LOSS_ALL,  /* it cannot go on */
} PbxLoss;

typedef struct {
    char *where; /* a file or a row */
    char *what;  /* is wrong */
    char *then;  /* what that costs, what was done, what is to be done */
    PbxLoss loss;
} PbxFinding;
void finding_free(gpointer finding);
/* Adds to an array of PbxFinding*. */
void finding_add(GPtrArray *findings, PbxLoss loss, const char *where, const char *then,
                 const char *format, ...) G_GNUC_PRINTF(5, 6);

/* ---- The write-ahead log, before SQLite sees it ---- */

typedef struct {
    guint64 frames;      /* of its current round */
    guint64 first_bad;   /* that SQLite does not take, counted from 0; `frames`: it takes all */
    guint64 in_db;       /* the database has so many of them already, as far as can be told */
    guint64 first, last; /* these can be used, the last not included */
    guint64 lost;        /* commits that cannot, at most */
} PbxWalFacts;
/*
 * Reads DIR/experiment.db-wal; there need not be one. SQLite takes its frames up to the first bad
 * one. Where the database already has some from behind that, SQLite would put older pages among
 * newer ones: then, and only then, first_bad < in_db. Not while this process has the store open.
 */
gboolean store_read_wal(const char *dir, PbxWalFacts *facts, GError **error);

/*
 * Whether SQLite may be let at DIR's log: FALSE with error where it would put older pages among
 * newer ones, and so do harm. *lost: so many commits, at least, are behind what it takes. Only with
 * the directory's lock, and before this process opens the store.
 */
gboolean store_check_log(const char *dir, guint64 *lost, GError **error);

/* ---- Salvage ---- */

/*
 * Makes NEW_DIR/experiment.db of all that can be read and verified in DIR/experiment.db and its
 * WAL, with what must hold between rows; nothing is written to DIR. What is wrong is added to
 * `findings`; where that is nothing, the new one says the same as the old one. NEW_DIR is there and
 * empty. FALSE with error: it is beyond help, or something cannot be written.
 */
gboolean store_salvage(const char *dir, const char *new_dir, GPtrArray *findings, GError **error);
