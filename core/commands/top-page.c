/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The screen, the keys and the signals of a live page. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "commands/top-private.h"

static volatile sig_atomic_t leaving, resized;
static struct termios before;
static gboolean keys;
static char *drawn;

static void
take_signal(int number)
{
    if (number == SIGWINCH)
        resized = 1;
    else
        leaving = 1;
}

static void
put(const char *text)
{
    fputs(text, stdout);
    fflush(stdout);
}

/* Keys come at once and are not shown; Ctrl-C stays a signal, Ctrl-Z would leave a mess. */
static void
take_keys(void)
{
    keys = tcgetattr(STDIN_FILENO, &before) == 0;
    if (!keys)
        return;
    struct termios now = before;
    now.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
    now.c_cc[VSUSP] = _POSIX_VDISABLE;
    now.c_cc[VMIN] = 1;
    now.c_cc[VTIME] = 0;
    keys = tcsetattr(STDIN_FILENO, TCSANOW, &now) == 0;
}

void
page_open(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH};
    struct sigaction action = {.sa_handler = take_signal};
    sigemptyset(&action.sa_mask);
    for (gsize i = 0; i < G_N_ELEMENTS(signals); i++)
        sigaction(signals[i], &action, NULL);
    take_keys();
    put("\033[?1049h\033[?25l\033[H\033[2J");
}

void
page_close(void)
{
    put("\033[?25h\033[?1049l");
    if (keys)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
    g_clear_pointer(&drawn, g_free);
}

void
page_draw(const char *text)
{
    if (g_strcmp0(text, drawn) == 0)
        return;
    g_autoptr(GString) out = g_string_new("\033[H");
    for (const char *end, *at = text; (end = strchr(at, '\n')) != NULL; at = end + 1) {
        g_string_append_len(out, at, end - at);
        g_string_append(out, "\033[K\r\n");
    }
    g_string_append(out, "\033[J");
    put(out->str);
    g_free(drawn);
    drawn = g_strdup(text);
}

PbxPageEvent
page_wait(int milliseconds)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    gint64 until = g_get_monotonic_time() + (gint64)milliseconds * 1000;
    while (!leaving && !resized) {
        gint64 left = (until - g_get_monotonic_time()) / 1000;
        if (left <= 0)
            return PAGE_TIME;
        if (poll(&input, keys ? 1 : 0, (int)left) <= 0)
            continue;
        char key;
        if (read(STDIN_FILENO, &key, 1) != 1)
            keys = FALSE;
        else if (key == 'q' || key == 'Q')
            return PAGE_LEAVE;
    }
    /* What stood on a screen of another size is of no use. */
    if (resized)
        g_clear_pointer(&drawn, g_free);
    resized = 0;
    return leaving ? PAGE_LEAVE : PAGE_TIME;
}
