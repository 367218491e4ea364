/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files that draw share: a pen that knows its line's width, columns of a table. */
#pragma once

#include "status/status.h"

#define COLOUR_NONE   ""
#define COLOUR_BOLD   "\033[1m"
#define COLOUR_DIM    "\033[2m"
#define COLOUR_RED    "\033[31m"
#define COLOUR_GREEN  "\033[32m"
#define COLOUR_YELLOW "\033[33m"

/* Writes lines of at most `width` columns; what is longer ends in an ellipsis. */
typedef struct {
    GString *out;
    const PbxStatusStyle *style;
    int used;  /* columns of the current line */
    int lines; /* whole ones so far */
    gboolean cut;
} PbxPen;

/* Text that is harmless already; control characters do not belong in it. */
void pen_put(PbxPen *pen, const char *colour, const char *text);
void pen_printf(PbxPen *pen, const char *colour, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* A text whose end matters: cut at its beginning. */
void pen_put_end(PbxPen *pen, const char *colour, const char *text);
/* Exactly `width` columns: cut or padded, to the left where `right`. */
void pen_cell(PbxPen *pen, const char *colour, const char *text, int width, gboolean right);
/* Columns that are left in this line. */
int pen_left(const PbxPen *pen);
void pen_end(PbxPen *pen);

/* Who goes first where there is no room: the last. */
enum {
    RANK_NUMBER,
    RANK_STATUS,
    RANK_METRIC,
    RANK_PARAMETER,
    RANK_TIME,
    RANK_NAME,
    RANK_OTHER,
    RANK_PLACE,
};

/* A column of a table: what it shows and how dear it is. */
typedef struct {
    char *title;
    gboolean right;
    gboolean whole; /* its cells are of no use when they are cut */
    guint rank;     /* the greatest goes first where there is no room */
    int width;
    gboolean hidden;
    GPtrArray *cells; /* char*, one a row */
} PbxStatusColumn;
PbxStatusColumn *column_new(const char *title, gboolean right, guint rank);
void column_free(gpointer column);
/* Sets widths, hides what has no room; how many are hidden. */
guint columns_fit(GPtrArray *columns, int width);
/* A row; -1: the header. */
void columns_put_row(PbxPen *pen, const GPtrArray *columns, int row, const char *colour);

/* The columns of the table of trials, cells filled in. (transfer full) */
GPtrArray *trial_columns(const PbxStatus *status, const PbxStatusOptions *options,
                         const GPtrArray *trials);
/* The trials that a table of `limit` rows shows, in their order; borrowed. (transfer container) */
GPtrArray *trials_shown(const PbxStatus *status, const PbxStatusOptions *options, guint limit,
                        guint shown[PBX_N_STATES]);
void table_put(PbxPen *pen, const PbxStatus *status, const PbxStatusOptions *options, guint limit);
void errors_put(PbxPen *pen, const PbxStatus *status, guint limit);
/* A block that is drawn. */
typedef struct {
    PbxPen pen;
    const PbxStatus *status;
    const PbxStatusOptions *options;
    gboolean compact; /* there are few lines: what matters less is left out */
} PbxBlock;

/* All but the tables. */
void block_put_head(PbxBlock *block);
guint64 status_ended(const PbxStatus *status);
/* How many trials there will be; -1: unknown. */
gint64 status_total(const PbxStatus *status, const PbxStatusOptions *options);
/* "lr=0.01", "layers[0]=64": what varies in a config (NULL: nothing). */
void status_add_config(const PbxStatus *status, JsonNode *config, GPtrArray *items);

/* A parameter's value: of a branch (an object that was chosen) what is not a parameter itself, and
 * of one member its value alone. (transfer full) */
char *status_parameter_text(const PbxStatus *status, const char *path, JsonNode *node);

/* The metric that the block is about, and whether less of it is better. */
const char *status_metric(const PbxStatus *status, const PbxStatusOptions *options, int *sign);
const char *status_state_word(guint state);
