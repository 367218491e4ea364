/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A trainable whose trial 0 fails once trial 1 has reported, which never listens again. */
#include <pegbox/helpers.h>

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

struct pbx_instance {
    pbx_base base;
    const pbx_session *session;
    const char *mark;
};
static const pbx_option options[] = {
    PBX_OPT_STRING("mark", "a file that trial 1 makes", "1.0", "\"/\"")};

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *values, pbx_error *error)
{
    const void *session = NULL;
    pbx_status status = pbx_need(host, PBX_SESSION_ID, &session, error);
    self->session = (const pbx_session *)session;
    self->mark = pbx_string(host, values, "mark");
    return status;
}

static pbx_status
run(pbx_instance *self, pbx_error *error)
{
    static const char *const names[] = {"loss"};
    const double loss = 1;
    pbx_answer answer = {sizeof(answer), 0, 0, 0};
    if (self->session->info(self->base.host)->trial->trial == 0) {
        while (access(self->mark, F_OK) != 0)
            poll(NULL, 0, 10);
        return pbx_fail(error, PBX_EIO, NULL, "has failed");
    }
    self->session->report(self->base.host, names, &loss, 1, NULL, 0, &answer, error);
    FILE *mark = fopen(self->mark, "w");
    if (mark != NULL)
        fclose(mark);
    for (;;)
        poll(NULL, 0, 1000);
}

PEGBOX_TRAINABLE("deaf", "1.0", "Does not listen", "LGPL-2.1-or-later", options, 0, init,
                 .run = run);
