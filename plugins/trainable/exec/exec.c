/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* trainable/exec: any program in any language, a process a trial, in one kept worker. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exec-private.h"

static const char *const reports[] = {"json-lines", "exit-status", NULL};

#define OPTION(NAME, DOC, TYPE, FLAGS, MIN, MAX, FALLBACK, CHOICES)                                \
    {                                                                                              \
        NAME, DOC, "1.0", TYPE, FLAGS, MIN, MAX, FALLBACK, CHOICES                                 \
    }

static const pbx_option option_table[] = {
    OPTION("command", "The program and its arguments, each a template; {args} is all parameters.",
           PBX_OPTION_TEMPLATE, PBX_OPTION_LIST | PBX_OPTION_REQUIRED, 0, 0, NULL, NULL),
    OPTION("shell", "The first word of command is a text for /bin/sh, the others its arguments.",
           PBX_OPTION_BOOL, 0, 0, 0, "false", NULL),
    OPTION("files",
           "Text files, by name, filled in and written to the trial's directory; default: none.",
           PBX_OPTION_TEMPLATE, PBX_OPTION_MAP, 0, 0, NULL, NULL),
    OPTION("source", "Where metrics are read: stdout, stderr, both, or a file, a template.",
           PBX_OPTION_TEMPLATE, 0, 0, 0, "\"stdout\"", NULL),
    OPTION("report", "What is a report: JSON lines, or nothing; default: nothing with metrics.",
           PBX_OPTION_ENUM, 0, 0, 0, NULL, reports),
    OPTION("metrics",
           "Regular expressions by metric: a line's last match, its first group; default: none.",
           PBX_OPTION_REGEX, PBX_OPTION_MAP, 0, 0, NULL, NULL),
    OPTION("report_on", "The field that makes a report when it comes; default: the metric.",
           PBX_OPTION_STRING, 0, 0, 0, NULL, NULL),
    OPTION("pty", "Standard output is a terminal, for programs that buffer otherwise.",
           PBX_OPTION_BOOL, 0, 0, 0, "false", NULL),
    OPTION("grace_s", "Seconds from SIGTERM to SIGKILL.", PBX_OPTION_REAL, 0, 0, INFINITY, "10",
           NULL),
};

static pbx_status
exec_init(pbx_instance *self, const pbx_json *json, pbx_error *error)
{
    const pbx_host *host = self->host;
    const char *missing = NULL;
    self->session = host->service(host, PBX_SESSION_ID);
    self->templates = host->service(host, PBX_TEMPLATE_ID);
    self->json = host->service(host, PBX_JSON_WRITE_ID);
    if (self->session == NULL)
        missing = PBX_SESSION_ID;
    else if (self->templates == NULL)
        missing = PBX_TEMPLATE_ID;
    else if (self->json == NULL)
        missing = PBX_JSON_WRITE_ID;
    if (missing != NULL) {
        snprintf(error->message, sizeof error->message, "the host lacks the service %s", missing);
        return PBX_ENOTSUP;
    }
    self->null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (self->null_fd < 0) {
        snprintf(error->message, sizeof error->message, "cannot open /dev/null: %s",
                 strerror(errno));
        return PBX_EIO;
    }
    spawn_list_handled(self->handled);
    return options_read(&self->options, host, json, error);
}

static void
exec_destroy(pbx_instance *self)
{
    if (self == NULL)
        return;
    options_clear(&self->options);
    program_cache_clear(&self->cache);
    if (self->null_fd >= 0)
        close(self->null_fd);
    free(self);
}

static pbx_status
exec_create(const pbx_host *host, const pbx_json *options, pbx_instance **instance,
            pbx_error *error)
{
    pbx_instance *self = calloc(1, sizeof *self);
    error->where[0] = '\0';
    if (self == NULL) {
        snprintf(error->message, sizeof error->message, "no memory");
        return PBX_ENOMEM;
    }
    self->host = host;
    self->null_fd = -1;
    pbx_status status = exec_init(self, options, error);
    if (status != PBX_OK) {
        exec_destroy(self);
        return status;
    }
    *instance = self;
    return PBX_OK;
}

static pbx_status
exec_check(const pbx_host *host, const pbx_json *json, const char *const *metrics, pbx_error *error)
{
    options options = {.patterns = NULL};
    pbx_status status = options_read(&options, host, json, error);
    if (status == PBX_OK)
        status = options_check_metrics(&options, metrics, error);
    options_clear(&options);
    return status;
}

static const pbx_trainable vtable = {
    .struct_size = sizeof(pbx_trainable),
    .caps = PBX_TRAINABLE_MANY_RUNS | PBX_TRAINABLE_PROGRAM,
    .object = {.create = exec_create, .destroy = exec_destroy},
    .run = program_run,
    .check = exec_check,
};

static const pbx_interface interfaces[] = {{PBX_TRAINABLE_ID, &vtable}, {NULL, NULL}};

static const pbx_plugin plugin = {
    .struct_size = sizeof(pbx_plugin),
    .option_size = sizeof(pbx_option),
    .n_options = sizeof option_table / sizeof option_table[0],
    .kind = "trainable",
    .name = "exec",
    .version = "1.0",
    .summary = "Runs any program, a process a trial",
    .license = "LGPL-2.1-or-later",
    .options = option_table,
    .interfaces = interfaces,
};

static const pbx_plugin *const plugins[] = {&plugin};

const pbx_entry pegbox_plugin_v0 = {
    .magic = PEGBOX_MAGIC,
    .struct_size = sizeof(pbx_entry),
    .abi_major = PEGBOX_ABI_MAJOR,
    .abi_minor = PEGBOX_ABI_MINOR,
    .build_flags = PEGBOX_BUILD_FLAGS,
    .n_plugins = 1,
    .plugins = plugins,
};
