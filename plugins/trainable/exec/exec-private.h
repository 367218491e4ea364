/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of trainable/exec share. */
#ifndef EXEC_PRIVATE_H
#define EXEC_PRIVATE_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <termios.h>

#include <pegbox/services.h>
#include <pegbox/trainable.h>

/* A longer line is cut, and is no report. */
#define LINE_MAX_BYTES (1024 * 1024)
#define READ_SIZE      65536

/* ---- text.c: growing texts, cleaned lines, numbers ---- */

typedef struct text {
    char *bytes; /* NUL-ended once it has any */
    size_t n, size;
} text;

/* 0, or -1 without memory; then the text is as it was. */
int text_append(text *to, const void *bytes, size_t n);
int text_append_string(text *to, const char *string);
void text_clear(text *to);
/* Removes colours and other terminal sequences, and what backspaces rub out. */
size_t text_clean(char *line, size_t n);
/* A number as programs print it, blanks around it allowed; any locale. */
int text_number(const char *string, double *value);
/* The last line with something in it, made fit for a message (no more than `size`). */
void text_last_line(const char *bytes, size_t n, char *line, size_t size);

/* ---- lines.c: bytes to lines, which end at LF or CR ---- */

/* n bytes and a NUL; cut: the line was longer. */
typedef void (*line_func)(void *ctx, char *line, size_t n, int cut);
typedef struct lines {
    line_func func;
    line_func joined; /* a line that \r has parted, as it would be without; NULL: not wanted */
    void *ctx;
    text part, whole;
    int cut, after_cr;
} lines;
int lines_put(lines *self, const char *bytes, size_t n); /* -1: no memory */
void lines_end(lines *self); /* what stands there without an end is a line too */
void lines_clear(lines *self);

/* ---- options.c ---- */

enum { SOURCE_STDOUT = 1, SOURCE_STDERR = 2, SOURCE_FILE = 4 };

typedef struct pattern pattern; /* a compiled regular expression and its metric's name */

typedef struct options {
    int shell, pty, json_lines;
    double grace_s, answer_s; /* answer_s: from "stop" to SIGTERM under the protocol */
    unsigned source;
    const char *report_on; /* NULL: the metric */
    const pbx_json *files;
    pattern **patterns;
    size_t n_patterns;
} options;

pbx_status options_read(options *self, const pbx_host *host, const pbx_json *json,
                        pbx_error *error);
void options_clear(options *self);
/* Whether `metrics`, where it alone makes reports, has all of the experiment's metrics. */
pbx_status options_check_metrics(const options *self, const char *const *metrics, pbx_error *error);

/* ---- regex.c ---- */

pattern *pattern_new(const char *name, const char *regex, pbx_error *error);
void pattern_free(pattern *self);
const char *pattern_name(const pattern *self);
const char *pattern_regex(const pattern *self);
/* The first group of the last match, malloc'ed; NULL: none. */
char *pattern_match(const pattern *self, const char *line, size_t n);

/* ---- command.c: what is run ---- */

typedef struct program_cache { /* where a program was found last */
    char *name, *search, *cwd, *path;
} program_cache;
void program_cache_clear(program_cache *cache);

typedef struct command {
    const char *const *argv;
    const char *const *env;
    const char *cwd;
    const char *path;                 /* of the program; owned by the cache or argv */
    const char **own_argv, **own_env; /* NULL: those of the session */
} command;

pbx_status command_make(pbx_instance *self, const pbx_session_info *info, command *made,
                        pbx_error *error);
void command_clear(command *made);
/* "cannot run ...": what failed, where it was looked for. */
pbx_status command_fail(const command *tried, int stage, int code, pbx_error *error);

/* ---- files.c ---- */

/* Writes the option `files` into the trial's directory. */
pbx_status files_write(pbx_instance *self, const pbx_session_info *info, pbx_error *error);
/* Opens a file to append to, or anew, and makes the directories above it where they lack.
 * -1: errno. */
int files_open(const char *path, int flags);
/* EFATAL where an errno is no fault of this trial: a full disk, too few descriptors. Else EIO. */
pbx_status files_status(int code);

/* ---- spawn.c ---- */

enum { SPAWN_FORK, SPAWN_TERMINAL, SPAWN_CHDIR, SPAWN_EXEC };

typedef struct spawn_request {
    const char *path, *cwd;
    const char *const *argv, *const *env;
    int in, out, err;
    const char *terminal; /* opened as stdout and controlling terminal; NULL: `out` is stdout */
    int stays;            /* in our session, in a process group of its own, */
    int foreground;       /* which gets the terminal that `in` is */
    const int *handled;   /* signals that must be set back, 0-ended */
} spawn_request;

/* The child's pid; -1: *stage and errno say what failed. */
pid_t spawn_program(const spawn_request *request, int *stage);
/* Lists the signals that have a handler here, and SIGPIPE, for spawn_request.handled. */
void spawn_list_handled(int handled[65]);

/* ---- The plugin ---- */

struct pbx_instance {
    const pbx_host *host;
    const pbx_session *session;
    const pbx_template *templates;
    const pbx_json_write *json;
    options options;
    program_cache cache;
    int null_fd;
    int handled[65];
    char buffer[READ_SIZE];
};

/* ---- reader.c: lines to reports; json-lines.c: objects among them ---- */

typedef struct field {
    char *name, *json;
} field;

typedef struct reader {
    pbx_instance *self;
    const pbx_session_info *info;
    field *fields; /* what the next report will have */
    size_t n_fields, fields_size;
    size_t n_metrics;
    unsigned char *seen; /* for each of info->metrics: it is among the fields */
    uint64_t n_reports, n_lines;
    char last_line[160];
    const pattern *unfit; /* the last of a metric that matched what is no number, */
    char unfit_text[80];  /* this; unfit NULL: none did */
    int stop;             /* an answer said so */
    pbx_status status;    /* the first failure */
    pbx_error *error;
} reader;

pbx_status reader_init(reader *to, pbx_instance *self, const pbx_session_info *info,
                       pbx_error *error);
void reader_clear(reader *gone);
/* A line of the source. */
void reader_line(reader *to, char *line, size_t n, int cut);
/* Whether a metric could be read from the line. */
int reader_would_match(reader *to, const char *line, size_t n, int cut);
void reader_fail(reader *to, pbx_status status, const char *message);
/* One more field of the next report. Takes json (NULL: there was no memory for it). */
void reader_set(reader *to, const char *name, char *json);
/* Reports the fields gathered, or `whole`, an object's text, if none are needed. */
void reader_report(reader *to, const char *whole);
/* All of the experiment's metrics are there. */
int reader_is_complete(const reader *to);

/* 1: the line was an object. */
int json_line(reader *to, const char *line, size_t n);
int json_line_would_match(reader *to, const char *line, size_t n);

/* ---- ends.c: what the program writes to ---- */

typedef struct ends {
    int read[2]; /* stdout, stderr */
    int write[2];
    char terminal[64]; /* "": stdout is no controlling terminal */
} ends;

/* shown: they are terminals where ours are. */
pbx_status ends_open(ends *made, int pty, int shown, pbx_error *error);
void ends_close(ends *made);
void close_fd(int *fd); /* unless it is -1, which it becomes */

/* ---- terminal.c: a program that has the user's terminal (PBX_SESSION_TERMINAL) ---- */

/* Whether it can be given: it is one, and ours. */
int terminal_is_ours(void);
void terminal_save(struct termios *modes);
/* Ours again, its modes as they were. */
void terminal_take(const struct termios *modes);
/* The program's. */
void terminal_give(pid_t pid);
/* What the program wrote, onto ours: fd 1 or 2. */
void terminal_show(int fd, const char *bytes, size_t n);
/* A pty of the program's gets the size of ours. */
void terminal_follow_size(int from, int to);

/* ---- stream.c, follow.c: where lines come from ---- */

typedef struct run run;

typedef struct stream {
    run *owner;
    int fd;           /* -1: at its end */
    int file_fd;      /* -1: nothing was written yet */
    const char *path; /* of the file; NULL: lines go to the console */
    int is_stderr, is_source;
    int shown; /* at once, on our own stdout or stderr */
    lines lines;
    char tail[2048]; /* the last bytes */
    size_t n_tail;
} stream;

void stream_init(stream *to, run *owner, int fd, int is_stderr);
void stream_read(stream *from); /* what is there now; may block where nothing is */
void stream_end(stream *from);  /* closes; a last line without an end counts */

typedef struct follow { /* a file as source */
    const char *path;   /* NULL: none */
    char *owned_path;
    int fd;
    off_t at;
    uint64_t n_read;
    int existed;     /* before the program began, */
    struct stat old; /* like this */
    ino_t inode;     /* of fd */
    dev_t device;
    lines lines;
} follow;

void follow_init(follow *to, run *owner, const char *path);
void follow_read(follow *from, run *owner);
void follow_end(follow *from, run *owner);
void follow_clear(follow *gone);

/* ---- run.c, loop.c, verdict.c: one program from its start to its end ---- */

struct run {
    pbx_instance *self;
    const pbx_session_info *info;
    reader reader;
    stream streams[2];
    follow follow;
    pid_t pid;
    int pidfd;
    siginfo_t how; /* si_pid 0: it has not ended */
    uint64_t protocol_reports;
    int stop;
    int saving;                        /* the program makes a checkpoint: it has its time */
    int has_terminal, suspended;       /* PBX_SESSION_TERMINAL; by Ctrl-Z */
    struct termios modes;              /* of the terminal, before it */
    int64_t term_at_ns, kill_at_ns;    /* INT64_MAX: not, or done */
    int other_matches, joined_matches; /* hints for a run without a report */
};

pbx_status program_run(pbx_instance *self, pbx_error *error);
void loop_run(run *now);
/* What became of the run; error is filled in. */
pbx_status verdict(run *ended, pbx_error *error);

#endif
