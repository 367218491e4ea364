/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An experiment's directory with a driver that takes requests, and clients in threads. */
#pragma once

#include "request/request.h"

typedef struct {
    char *dir;
    PbxLock *lock;
    PbxRequests *requests;
    GPtrArray *taken; /* PbxRequest*, in the order of their coming */
    guint lines;      /* that were logged */
    gboolean at_once; /* requests are answered as they come */
} Fixture;

void fixture_set_up(Fixture *f, gconstpointer unused);
void fixture_tear_down(Fixture *f, gconstpointer unused);
/* Begins to take requests. */
void fixture_open(Fixture *f);
/* Turns the loop until `taken` has so many. */
void fixture_turn_until(Fixture *f, guint taken);
/* Turns it until requests/ holds so many files. */
void fixture_turn_until_files(Fixture *f, guint files);
/* Names in requests/. (transfer full) */
GPtrArray *fixture_files(Fixture *f);
/* Writes a file there. */
void fixture_write(Fixture *f, const char *name, const char *text, gssize length);

/* A client that asks in a thread of its own. */
typedef struct {
    Fixture *f;
    const char *name;
    double timeout_s;
    JsonNode *answer;
    GError *error;
    int done;
    GThread *thread;
} Client;
void client_start(Client *client, Fixture *f, const char *name, double timeout_s);
/* Turns the loop until it has its answer or error. */
void client_wait(Client *client);
void client_clear(Client *client);
