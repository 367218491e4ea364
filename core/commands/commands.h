/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The commands: one file each, named after it. A command parses its own words and
 * answers with an exit status.
 */
#pragma once

#include <gio/gio.h>
#include <glib.h>
#include <json-glib/json-glib.h>

#include "store/store.h"
#include "terminal/terminal.h"
#include "json/json.h"

/* Exit statuses (contract, section 3). */
enum {
    EXIT_DONE = 0,
    EXIT_TRIAL_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_PLUGIN = 3,
    EXIT_BROKEN = 4,
    EXIT_INTERRUPTED = 130,
};

typedef struct {
    const char *name;
    const char *summary;               /* one line, for --help */
    int (*run)(int argc, char **argv); /* argv[0] is "pegbox NAME" */
} PbxCommand;
/* All built-in ones, alphabetically; ends with name NULL. */
extern const PbxCommand pbx_commands[];

/* The program: finds the command, or a program pegbox-NAME, and runs it. */
int command_main(int argc, char **argv);

int command_ask(int argc, char **argv);
int command_best(int argc, char **argv);
int command_checkpoint(int argc, char **argv);
int command_enqueue(int argc, char **argv);
int command_export(int argc, char **argv);
int command_importance(int argc, char **argv);
int command_inspect(int argc, char **argv);
int command_logs(int argc, char **argv);
int command_ls(int argc, char **argv);
int command_pause(int argc, char **argv);
int command_plugins(int argc, char **argv);
int command_repair(int argc, char **argv);
int command_results(int argc, char **argv);
int command_resume(int argc, char **argv);
int command_rm(int argc, char **argv);
int command_run(int argc, char **argv);
int command_schema(int argc, char **argv);
int command_stop(int argc, char **argv);
int command_tell(int argc, char **argv);
int command_top(int argc, char **argv);
int command_trials(int argc, char **argv);
int command_unpause(int argc, char **argv);
int command_validate(int argc, char **argv);
int command_void(int argc, char **argv);

/* Seconds that a command waits for a driver to do what it asks. */
#define COMMAND_STEER_S 60
/* At most so long is what it gives the driver. */
#define COMMAND_STEER_BYTES (512 * 1024)

/* ---- command-line.c: what commands share ---- */

/* "pegbox: error: MESSAGE" on standard error, control characters escaped. */
void command_error(const char *format, ...) G_GNUC_PRINTF(1, 2);
/* "pegbox: warning: MESSAGE", the same way. */
void command_warning(const char *format, ...) G_GNUC_PRINTF(1, 2);
void command_hint(const char *format, ...) G_GNUC_PRINTF(1, 2);
/* One line on standard output, control characters escaped. */
void command_say(const char *format, ...) G_GNUC_PRINTF(1, 2);
/* One JSON document on standard output. */
void command_say_json(JsonNode *node);
/* A text on standard output as it is, in UTF-8 whatever the locale: for what programs read. */
void command_put(const char *text);
/* Tells all problems, those without a place in a file as errors of the command; the exit
 * status that they ask for. */
int command_problems(const PbxProblems *problems);
/*
 * Parses options with GOption (--help included), leaving positional words. FALSE:
 * *status is what the command returns (0 after --help, 2 after an error, which is told).
 * usage: "FILE" or "[EXP] TRIAL".
 */
gboolean command_parse(int *argc, char ***argv, const GOptionEntry *entries, const char *usage,
                       const char *summary, int *status);

/* EXP: a name, a directory or NULL (the newest) -> the experiment's absolute directory.
 * NULL with error. (transfer full) */
char *command_find_experiment(const char *exp, GError **error);
/* Names of the experiments in a results directory, sorted (char *). (transfer full) */
GPtrArray *command_experiments(const char *results_dir);
/* Whether there are at most so many words; told where not. */
gboolean command_at_most(int argc, char **argv, int words);
/* Whether the words of "[EXP] TRIAL" hold one or two, told where not; sets both (exp may be
 * NULL). */
gboolean command_exp_and_trial(int argc, char **argv, const char **exp, const char **trial);

/* ---- table.c: facts as a table, CSV or JSON ---- */

typedef enum { FORMAT_TABLE, FORMAT_CSV, FORMAT_JSON } PbxFormat;

/* The options that every listing command has. */
typedef struct {
    char *sort;    /* a column; "-COLUMN": descending */
    char *filter;  /* an expression over the row's columns */
    char *columns; /* comma-separated */
    char *format;  /* "table", "csv", "json" */
    gboolean json;
    int limit; /* 0: all */
} PbxTableOptions;
void table_options_clear(PbxTableOptions *options);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PbxTableOptions, table_options_clear)
/* Their GOptionEntry items: {TABLE_ENTRIES(options), {NULL}}. */
/* clang-format off */
#define TABLE_ENTRIES(O)                                                                           \
    {"sort", 0, 0, G_OPTION_ARG_STRING, &(O).sort,                                                 \
     "Sort by a column; -COLUMN: descending", "COLUMN"},                                           \
    {"filter", 0, 0, G_OPTION_ARG_STRING, &(O).filter,                                             \
     "Only rows for which the expression is true", "EXPR"},                                        \
    {"columns", 0, 0, G_OPTION_ARG_STRING, &(O).columns,                                           \
     "The columns, separated by commas; paths too", "LIST"},                                       \
    {"format", 0, 0, G_OPTION_ARG_STRING, &(O).format, "table, csv or json", "FORMAT"},            \
    {"json", 0, 0, G_OPTION_ARG_NONE, &(O).json, "The same as --format json", NULL},               \
    {"limit", 0, 0, G_OPTION_ARG_INT, &(O).limit, "At most N rows", "N"}
/* clang-format on */
/* Whether `column`, which is dear to make, is named, or will be looked at, as in JSON. */
gboolean table_names(const PbxTableOptions *options, const char *column);
gboolean table_wants(const PbxTableOptions *options, const char *column);

/*
 * A listing whose rows come one by one, and of which no more are kept than will be printed (of
 * a sort with a limit a few more).
 */
typedef struct PbxTable PbxTable;
/* NULL: an option is wrong, which is told: EXIT_USAGE. The options must live as long. (transfer
 * full) */
PbxTable *table_new(const PbxTableOptions *options);
void table_free(PbxTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PbxTable, table_free)
/* Says that the rows will come in the order of --sort. */
void table_comes_sorted(PbxTable *table);
/* Takes the next row. FALSE: no more are needed. */
gboolean table_add(PbxTable *table, JsonNode *row);
/* Prints it, as table_print. */
int table_finish(PbxTable *table, const char *const *columns, const char *empty);

/*
 * Prints rows (each a JSON object; nested values are columns by their path, as
 * json_lookup finds them). `columns`: the default ones, NULL-ended. The table fits the
 * terminal's width (long cells are cut with an ellipsis), numbers are right-aligned and
 * rounded for people; csv and json are exact. Returns an exit status; a bad --filter,
 * --sort or --columns is told.
 */
int table_print(GPtrArray *rows /* JsonNode* */, const char *const *columns,
                const PbxTableOptions *options, const char *empty /* said for no rows */);
