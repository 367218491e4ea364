/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The live page of `top`: a terminal's screen for itself, keys and signals. */
#pragma once

#include <glib.h>

typedef enum {
    PAGE_TIME,  /* the time is over, or the size has changed */
    PAGE_LEAVE, /* q, Ctrl-C or a signal that ends */
} PbxPageEvent;

/* Takes the terminal of standard output; keys come from standard input, where that is one. */
void page_open(void);
/* Gives it back as it was. */
void page_close(void);
/* Draws lines from the top; nothing is written where nothing has changed. */
void page_draw(const char *text);
/* Waits for at most so long. */
PbxPageEvent page_wait(int milliseconds);
