/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stopper/combined: several stoppers, of which any one stops, or all together. */
#include <pegbox/helpers.h>

struct pbx_instance {
    pbx_base base;
    pbx_wrapped stoppers;
    pbx_verdict *verdicts; /* [n], of this call */
    int64_t *not_before;   /* [n]: when `all` is asked again */
    int require_all;
    char reason[512];
};

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *options, pbx_error *error)
{
    pbx_status status = pbx_wrap(self, "stoppers", PBX_STOPPER_ID, &self->stoppers, error);
    if (status != PBX_OK)
        return status;
    self->require_all = strcmp(pbx_string(host, options, "require"), "all") == 0;
    self->verdicts = (pbx_verdict *)pbx_alloc_array(self, self->stoppers.n, sizeof(pbx_verdict));
    self->not_before = (int64_t *)pbx_alloc_array(self, self->stoppers.n, sizeof(int64_t));
    return self->verdicts && self->not_before ? PBX_OK : pbx_fail_memory(error);
}

static pbx_status
setup(pbx_instance *self, const pbx_problem *problem, pbx_error *error)
{
    pbx_status status = PBX_OK;
    (void)problem;
    for (size_t i = 0; i < self->stoppers.n && status == PBX_OK; i++)
        status = pbx_wrapped_setup(self, &self->stoppers, i, error);
    return status;
}

/* The reasons of those that stop: of the first, or of all. */
static void
stop(pbx_instance *self, pbx_verdict *verdict)
{
    size_t length = 0;
    for (size_t i = 0; i < self->stoppers.n; i++) {
        const char *reason = self->verdicts[i].reason;
        if (!self->verdicts[i].stop || (length > 0 && !self->require_all))
            continue;
        snprintf(self->reason + length, sizeof(self->reason) - length, "%s%s",
                 length > 0 ? "; " : "", reason ? reason : self->stoppers.children[i]->name);
        length = strlen(self->reason);
    }
    verdict->stop = 1;
    verdict->reason = self->reason;
}

/* What child i says of the whole experiment, into its verdict. A child that has none to say, or
 * not yet, says no, and when it is worth asking again. */
static pbx_status
ask_all(pbx_instance *self, size_t i, pbx_error *error)
{
    const pbx_host *host = self->base.host;
    pbx_verdict *verdict = &self->verdicts[i];
    pbx_status status = PBX_OK;
    memset(verdict, 0, sizeof(*verdict));
    if (!pbx_wrapped_stopper(&self->stoppers, i)->all)
        self->not_before[i] = INT64_MAX;
    if (host->now_ns(host) >= self->not_before[i]) {
        status = pbx_wrapped_all(&self->stoppers, i, verdict, error);
        self->not_before[i] = verdict->stop ? 0 : verdict->again_ns;
    }
    return status;
}

static pbx_status
all(pbx_instance *self, pbx_verdict *verdict, pbx_error *error)
{
    size_t n = 0;
    int64_t soonest = INT64_MAX;
    for (size_t i = 0; i < self->stoppers.n; i++) {
        pbx_status status = ask_all(self, i, error);
        if (status != PBX_OK)
            return status;
        n += self->verdicts[i].stop != 0;
        if (!self->verdicts[i].stop) {
            /* All cannot stop before the last of them does. */
            if (self->require_all) {
                verdict->again_ns = self->not_before[i];
                return PBX_OK;
            }
            soonest = self->not_before[i] < soonest ? self->not_before[i] : soonest;
        }
    }
    if (n > 0)
        stop(self, verdict);
    else
        verdict->again_ns = soonest;
    return PBX_OK;
}

/* Each sees every result, as each has its own state; the first error counts. */
static pbx_status
ask_each(pbx_instance *self, const pbx_result *r, size_t *n, pbx_error *error)
{
    pbx_status status = PBX_OK;
    *n = 0;
    for (size_t i = 0; i < self->stoppers.n; i++) {
        pbx_error own = {"", ""};
        pbx_status said = pbx_wrapped_result(self, &self->stoppers, i, r, &self->verdicts[i], &own);
        if (said < 0 && status >= 0) {
            status = said;
            *error = own;
        }
        *n += self->verdicts[i].stop != 0;
    }
    return status;
}

/* Those that say nothing of this trial may stop the whole experiment, and so it too. */
static pbx_status
ask_others(pbx_instance *self, size_t *n, pbx_error *error)
{
    for (size_t i = 0; i < self->stoppers.n; i++) {
        pbx_status status = PBX_OK;
        if (self->verdicts[i].stop)
            continue;
        status = ask_all(self, i, error);
        if (status != PBX_OK || !self->verdicts[i].stop)
            return status;
        ++*n;
    }
    return PBX_OK;
}

static pbx_status
result(pbx_instance *self, const pbx_result *r, pbx_verdict *verdict, pbx_error *error)
{
    size_t n;
    pbx_status status = ask_each(self, r, &n, error);
    if (status == PBX_OK && self->require_all && n > 0)
        status = ask_others(self, &n, error);
    if (status == PBX_OK && n >= (self->require_all ? self->stoppers.n : 1))
        stop(self, verdict);
    return status;
}

static pbx_status
end(pbx_instance *self, const pbx_outcome *outcome, pbx_error *error)
{
    pbx_status status = PBX_OK;
    for (size_t i = 0; i < self->stoppers.n; i++) {
        pbx_error own = {"", ""};
        pbx_status said = pbx_wrapped_end(self, &self->stoppers, i, outcome, &own);
        if (said < 0 && status >= 0) {
            status = said;
            *error = own;
        }
    }
    return status;
}

static const char *const kinds[] = {"stopper", NULL};
static const char *const numbers[] = {"any", "all", NULL};
static const pbx_option options[] = {
    PBX_OPT_PLUGIN(PBX_OPTION_REQUIRED | PBX_OPTION_LIST, "stoppers",
                   "the stoppers, in any form that `stop` takes", "1.0", kinds, NULL),
    PBX_OPT_ENUM("require", "whether any one of them stops, or only all together", "1.0", numbers,
                 "\"any\""),
};

PEGBOX_STOPPER("combined", "1.0", "Several stoppers: any one of them stops, or all together",
               "LGPL-2.1-or-later", options, PBX_CAP_TRANSPARENT, 0, init, NULL, .setup = setup,
               .result = result, .end = end, .all = all);
