/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A trainable whose first attempt fails by a report without the metric, after good ones. The next
 * one takes its time. Files in the directory `dir` say how far it is. */
#include <pegbox/helpers.h>

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

struct pbx_instance {
    pbx_base base;
    const pbx_session *session;
    const char *dir;
};
static const pbx_option options[] = {PBX_OPT_STRING("dir", "where its files are", "1.0", "\"/\"")};

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *values, pbx_error *error)
{
    const void *session = NULL;
    pbx_status status = pbx_need(host, PBX_SESSION_ID, &session, error);
    self->session = (const pbx_session *)session;
    self->dir = pbx_string(host, values, "dir");
    return status;
}

static int
exists(const pbx_instance *self, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", self->dir, name);
    return access(path, F_OK) == 0;
}

static void
make(const pbx_instance *self, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", self->dir, name);
    FILE *file = fopen(path, "w");
    if (file != NULL)
        fclose(file);
}

static pbx_status
report(pbx_instance *self, const char *name, pbx_error *error)
{
    double value = 1;
    pbx_answer answer = {sizeof(answer), 0, 0, 0};
    pbx_status status =
        self->session->report(self->base.host, &name, &value, 1, NULL, 0, &answer, error);
    return status == PBX_OK && answer.stop ? PBX_ECANCELLED : status;
}

static pbx_status
run(pbx_instance *self, pbx_error *error)
{
    int again = exists(self, "failed");
    make(self, "notes-ready");
    while (!exists(self, "go"))
        poll(NULL, 0, 10);
    pbx_status status = report(self, "loss", error);
    if (again)
        sleep(1);
    if (status == PBX_OK)
        status = report(self, again ? "loss" : "other", error);
    make(self, "failed");
    return status;
}

PEGBOX_TRAINABLE("fails-once", "1.0", "Fails once", "LGPL-2.1-or-later", options,
                 PBX_TRAINABLE_MANY_RUNS, init, .run = run);
