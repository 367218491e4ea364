/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What became of a program, in one line. */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "exec-private.h"

/* As kill -l has it; by its number where it is a rare one. */
static const char *
signal_name(int number, char *text, size_t size)
{
    static const char *const names[] = {
        [SIGHUP] = "SIGHUP",   [SIGINT] = "SIGINT",   [SIGQUIT] = "SIGQUIT", [SIGILL] = "SIGILL",
        [SIGABRT] = "SIGABRT", [SIGBUS] = "SIGBUS",   [SIGFPE] = "SIGFPE",   [SIGKILL] = "SIGKILL",
        [SIGSEGV] = "SIGSEGV", [SIGPIPE] = "SIGPIPE", [SIGTERM] = "SIGTERM", [SIGXCPU] = "SIGXCPU",
    };
    if (number > 0 && (size_t)number < sizeof names / sizeof *names && names[number] != NULL)
        return names[number];
    snprintf(text, size, "signal %d", number);
    return text;
}

/* By Ctrl-C, as shells and programs tell of it. */
static int
was_interrupted(const run *ended)
{
    return ended->how.si_code == CLD_EXITED ? ended->how.si_status == 128 + SIGINT
                                            : ended->how.si_status == SIGINT;
}

static pbx_status
fail_exit(const run *ended, pbx_error *error)
{
    char how[120], last[500], number[24];
    const stream *err = &ended->streams[1];
    if (ended->how.si_code == CLD_EXITED)
        snprintf(how, sizeof how, "exited with status %d", ended->how.si_status);
    else
        snprintf(how, sizeof how, "was killed by %s (%s)",
                 signal_name(ended->how.si_status, number, sizeof number),
                 strsignal(ended->how.si_status));
    text_last_line(err->tail, err->n_tail, last, sizeof last);
    /* Python's debugger, whose standard input was empty. */
    const int debugger = !ended->has_terminal && strcmp(last, "bdb.BdbQuit") == 0;
    snprintf(error->message, sizeof error->message, "%s%s%s%s", how, last[0] != '\0' ? ": " : "",
             last, debugger ? "; a debugger needs `pegbox run --local`" : "");
    return PBX_EIO;
}

/* The first metric that was not found; NULL: all were, and report_on was not. */
static const char *
missing_metric(const reader *reader)
{
    for (size_t i = 0; i < reader->n_metrics; i++)
        if (!reader->seen[i])
            return reader->info->metrics[i];
    return NULL;
}

/* Whether the last line has the name, but no number of that name. */
static int
is_named_last(const reader *reader, const char *name)
{
    char key[110];
    snprintf(key, sizeof key, "\"%.100s\"", name);
    return reader->self->options.json_lines && strstr(reader->last_line, key) != NULL;
}

/* Whether the last line tells of the metric as text, which a regex would read. */
static int
is_text_last(const reader *reader)
{
    const char *name = missing_metric(reader);
    return reader->self->options.n_patterns == 0 && name != NULL && reader->last_line[0] != '{' &&
           strstr(reader->last_line, name) != NULL;
}

/* Where the metric would have been found, had the options been others. */
static void
put_hints(const run *ended, char *to, size_t size)
{
    to[0] = '\0';
    if ((ended->other_matches & SOURCE_STDERR) != 0)
        snprintf(to, size, "; standard error has it: set \"source\": \"stderr\"");
    else if ((ended->other_matches & SOURCE_STDOUT) != 0)
        snprintf(to, size, "; standard output has it: set \"source\": \"stdout\"");
    else if (ended->joined_matches)
        snprintf(to, size, "; one would have matched if it did not hold a \\r, which ends a line");
    else if (ended->follow.path != NULL && ended->follow.n_read == 0)
        snprintf(to, size, "; nothing was read from %.200s", ended->follow.path);
    else if (is_text_last(&ended->reader))
        snprintf(to, size, "; \"metrics\" reads text, by a regex");
}

static const pattern *
pattern_of(const options *options, const char *name)
{
    for (size_t i = 0; i < options->n_patterns; i++)
        if (strcmp(pattern_name(options->patterns[i]), name) == 0)
            return options->patterns[i];
    return NULL;
}

/* What no line had, or what one had that was no good. */
static void
put_fault(const reader *reader, char *to, size_t size)
{
    const options *options = &reader->self->options;
    const char *metric = missing_metric(reader);
    const char *name = metric != NULL ? metric : options->report_on;
    const pattern *by = name != NULL ? pattern_of(options, name) : NULL;
    if (metric == NULL)
        snprintf(to, size, ", and \"%.100s\", which report_on waits for, did not come",
                 name != NULL ? name : "");
    else if (by != NULL && reader->unfit == by)
        snprintf(to, size, "; the regex of %.100s, '%.150s', matched \"%s\", which is no number",
                 name, pattern_regex(by), reader->unfit_text);
    else if (by != NULL && reader->n_lines > 0)
        snprintf(to, size, ", none matched the regex of %.100s, '%.150s'%s", name,
                 pattern_regex(by), options->json_lines ? ", nor had it as JSON" : "");
    else
        snprintf(to, size, ", none with %s\"%.100s\"",
                 is_named_last(reader, name) ? "a number as " : "", name);
}

static pbx_status
fail_silent(const run *ended, pbx_error *error)
{
    const reader *reader = &ended->reader;
    char hints[300], fault[500];
    put_fault(reader, fault, sizeof fault);
    put_hints(ended, hints, sizeof hints);
    snprintf(error->message, sizeof error->message, "it ended well, but %llu line%s seen%s%s%s%s",
             (unsigned long long)reader->n_lines, reader->n_lines == 1 ? "" : "s", fault,
             reader->n_lines > 0 ? "; the last was: " : "", reader->last_line, hints);
    return PBX_EINVAL;
}

pbx_status
verdict(run *ended, pbx_error *error)
{
    const reader *reader = &ended->reader;
    if (reader->status < 0)
        return reader->status; /* its text is there already */
    error->where[0] = error->message[0] = '\0';
    if (ended->stop || reader->stop || (ended->has_terminal && was_interrupted(ended)))
        return PBX_ECANCELLED;
    if (ended->how.si_code != CLD_EXITED || ended->how.si_status != 0)
        return fail_exit(ended, error);
    /* One that was restored at its end has nothing more to say. */
    if (reader->n_metrics > 0 && reader->n_reports == 0 && ended->protocol_reports == 0 &&
        ended->info->restored == NULL)
        return fail_silent(ended, error);
    return PBX_OK;
}
