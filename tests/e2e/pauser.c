/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A scheduler that pauses each trial at each `every`th iteration, up to `until`, and has the one go
 * on that is least far, once all have come as far; or none ever again. What it is told is written
 * down, a line each: CALL TRIAL STATE or ITERATION. */
#include <pegbox/helpers.h>

#include <stdio.h>

typedef struct {
    uint32_t state;
    int64_t iteration;
} Trial;

struct pbx_instance {
    pbx_base base;
};
static const pbx_option options[] = {
    PBX_OPT_INT("every", "iterations", "1.0", 1, INFINITY, "2"),
    PBX_OPT_INT("until", "the last iteration at which it pauses", "1.0", 0, INFINITY, "1000000"),
    PBX_OPT_BOOL("picks", "whether it picks those that pause", "1.0", "true"),
    PBX_OPT_BOOL("budgets", "whether the iteration at which it pauses is a rung's budget", "1.0",
                 "false"),
    PBX_OPT_STRING("log", "what it writes", "1.0", "\"/dev/null\""),
};

static void
note(const pbx_instance *self, const char *call, uint64_t trial, int64_t value)
{
    FILE *file = fopen(pbx_string(self->base.host, self->base.options, "log"), "a");
    if (file == NULL)
        return;
    fprintf(file, "%s %llu %lld\n", call, (unsigned long long)trial, (long long)value);
    fclose(file);
}

static pbx_status
state_changed(pbx_instance *self, uint64_t number, uint32_t state, uint32_t why, pbx_error *error)
{
    Trial *trial = (Trial *)pbx_of_trial(self, number, sizeof(Trial));
    if (!trial)
        return pbx_fail_memory(error);
    trial->state = state;
    note(self,
         state == PBX_STATE_RUNNING  ? "runs"
         : state == PBX_STATE_PAUSED ? "paused"
                                     : "waits",
         number, why);
    return PBX_OK;
}

static pbx_status
result(pbx_instance *self, const pbx_result *r, pbx_decision *decision, pbx_error *error)
{
    const pbx_host *host = self->base.host;
    Trial *trial = (Trial *)pbx_of_trial(self, r->trial, sizeof(Trial));
    if (!trial)
        return pbx_fail_memory(error);
    trial->iteration = r->iteration;
    note(self, "result", r->trial, r->iteration);
    if (r->iteration % pbx_integer(host, self->base.options, "every") == 0 &&
        r->iteration <= pbx_integer(host, self->base.options, "until")) {
        decision->action = PBX_ACTION_PAUSE;
        if (pbx_boolean(host, self->base.options, "budgets")) {
            decision->rung = (uint32_t)r->iteration;
            decision->budget = (double)r->iteration;
        }
    }
    return PBX_OK;
}

/* The least far: those that have not run yet first. */
static pbx_status
choose(pbx_instance *self, pbx_choice *choice, pbx_error *error)
{
    int64_t least = INT64_MAX;
    for (uint32_t i = 0; i < choice->n; i++) {
        const Trial *trial = (const Trial *)pbx_of_trial(self, choice->trials[i], sizeof(Trial));
        if (!trial)
            return pbx_fail_memory(error);
        if (trial->state == PBX_STATE_PAUSED &&
            (!pbx_boolean(self->base.host, self->base.options, "picks")))
            continue;
        if (trial->iteration < least) {
            least = trial->iteration;
            choice->pick = choice->trials[i];
        }
    }
    if ((choice->flags & PBX_CHOICE_IDLE) != 0)
        note(self, "idle", choice->pick == PBX_NONE ? 0 : choice->pick, choice->n);
    return choice->pick == PBX_NONE ? PBX_AGAIN : PBX_OK;
}

static void
trial_state(pbx_blob *blob, void *item)
{
    Trial *trial = (Trial *)item;
    pbx_blob_u32(blob, &trial->state);
    pbx_blob_i64(blob, &trial->iteration);
}

static void
save_state(pbx_instance *self, pbx_blob *blob)
{
    (void)self;
    pbx_blob_trials(blob, sizeof(Trial), trial_state);
}

PEGBOX_SCHEDULER("pauser", "1.0", "Pauses trials", "LGPL-2.1-or-later", options, PBX_CAP_PAUSES, 1,
                 NULL, save_state, .state = state_changed, .result = result,
                 .end = pbx_forget_trial, .choose = choose);
