/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A store made anew of what can be read in a damaged one: what the files of that share. */
#pragma once

#include "store/repair.h"
#include "store/row-private.h"

/* What is known of a trial while its rows are gathered. */
typedef struct {
    gboolean there;    /* it has a row that is whole */
    guint attempts;    /* as its row has it; more where others know of more */
    guint64 last_seq;  /* as its row has it */
    guint64 n_results; /* ... */
    guint64 shown;     /* n of its last result that was shown, as far as they have been read: */
    guint64 shown_seq; /* its number, */
    guint64 n_shown;   /* how many these are */
    guint attempt;     /* of the last result that was read, */
    guint64 n;         /* ... */
} SalvageTrial;

typedef struct {
    const char *dir; /* the experiment's */
    PbxStore *from, *to;
    GPtrArray *findings;
    GArray *trials;          /* SalvageTrial, by number */
    GHashTable *shown;       /* numbers of events of results that were not met yet */
    GHashTable *events_lost; /* numbers of events whose rows are damaged */
    guint n_events_mended, n_events_missing;
    guint results_lost;   /* told, and not yet met as a gap */
    gboolean any_holes;   /* rows are missing for good, */
    gboolean known_holes; /* and an earlier repair has said so */
    gboolean inputs_lost;
    gboolean any_rows; /* something of it could be read */
    char *id_prefix;   /* of the trials' ids */
    guint n_dims;
    GError *error; /* the new store cannot be written, or the copy not be read: all is over */
} Salvage;

/* Of SQLite's codes: the disk is at fault, or a lock, and not what is read. */
gboolean salvage_is_hosts_fault(int code);

/* ---- scan.c ---- */

/* One row that could be read; whole: it has its sum, or never had one. FALSE: all is over. */
typedef gboolean (*SalvageRow)(Salvage *salvage, sqlite3_stmt *row, gboolean whole);

typedef struct {
    const char *table, *columns;
    int n_summed, n_keys;
    int first;      /* of the summed columns, behind the rowid */
    gboolean rowid; /* the first column is the row's number; else a part of the key */
    SalvageRow take;
} SalvageTable;

/* Reads a table whose first column is a number, in its order; goes on behind what cannot be read,
 * which is told. */
gboolean salvage_scan(Salvage *salvage, const SalvageTable *table);
/* The same for a small table with texts for keys: from both ends. */
gboolean salvage_scan_texts(Salvage *salvage, const SalvageTable *table);
/* "result 17", of the first columns. (transfer full) */
char *salvage_name(sqlite3_stmt *row, const SalvageTable *table);

/* What is known of a trial; it is made known. NULL: such a number makes no sense. */
SalvageTrial *salvage_trial(Salvage *salvage, guint64 number);

/* ---- What of each table is kept ---- */

gboolean salvage_facts(Salvage *salvage);
gboolean salvage_trials(Salvage *salvage);  /* and attempts */
gboolean salvage_results(Salvage *salvage); /* and events */
/* The result of this event is lost. */
gboolean salvage_drop_event(Salvage *salvage, guint64 seq);
gboolean salvage_kept(Salvage *salvage); /* checkpoints, deciders, inputs, cursors, files */
/* Trials that have no row, or one that does not fit their results. Last. */
gboolean salvage_mend_trials(Salvage *salvage);
