/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Steering an experiment: each request has a row in the table of steer.c, with what the driver
 * does for it and what is done to the store where there is no driver.
 */
#pragma once

#include "experiment/outside-private.h"
#include "experiment/runner-private.h"

typedef struct {
    const char *name;
    /* In the driver's loop: decides, then answers with steer_answer or request_refuse, now or in a
     * later turn. NULL: a driver does not do it. */
    void (*driven)(PbxRunner *runner, PbxRequest *request);
    /* Without a driver: the answer's members (transfer full), NULL with error. `outside` holds
     * the lock; nothing is in a transaction yet. NULL: only a driver does it. */
    JsonObject *(*alone)(PbxOutside *outside, JsonObject *request, GError **error);
} PbxSteering;

/* Answers once what was decided is committed; `answer` as of request_answer. */
void steer_answer(PbxRunner *runner, PbxRequest *request, JsonObject *answer);
/* The same for one that gives a trial away: it waits again where nobody takes it. */
void steer_give(PbxRunner *runner, PbxRequest *request, JsonObject *answer, PbxTrial *trial);
/* Takes it again once the search has given the point that it was asked for: the trial of that comes
 * first. */
void steer_defer(PbxRunner *runner, PbxRequest *request);
/* Refuses at once. */
void steer_refuse(PbxRequest *request, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* A text member of a request, or NULL. */
const char *steer_text(JsonObject *request, const char *name);
/* The trial that the request's member "trial" names. NULL: the error says so. */
PbxTrial *steer_trial(PbxRunner *runner, JsonObject *request, GError **error);

/* An answer that names a trial: "trial", "id", "name". (transfer full) */
JsonObject *steer_answer_for(const PbxTrial *trial);

/* steer-ask.c */
void steer_ask(PbxRunner *runner, PbxRequest *request);
void steer_tell(PbxRunner *runner, PbxRequest *request);
/* steer-enqueue.c */
void steer_enqueue(PbxRunner *runner, PbxRequest *request);
JsonObject *steer_enqueue_alone(PbxOutside *outside, JsonObject *request, GError **error);
/* steer-pause.c */
void steer_pause(PbxRunner *runner, PbxRequest *request);
void steer_unpause(PbxRunner *runner, PbxRequest *request);
JsonObject *steer_pause_alone(PbxOutside *outside, JsonObject *request, GError **error);
JsonObject *steer_unpause_alone(PbxOutside *outside, JsonObject *request, GError **error);
/* steer-void.c */
void steer_void(PbxRunner *runner, PbxRequest *request);
JsonObject *steer_void_alone(PbxOutside *outside, JsonObject *request, GError **error);
/* steer-stop.c */
void steer_stop(PbxRunner *runner, PbxRequest *request);
JsonObject *steer_stop_alone(PbxOutside *outside, JsonObject *request, GError **error);
