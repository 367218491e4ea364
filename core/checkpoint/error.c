/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Errors, interruption, and the locale in which libarchive takes names as they are. */
#include <errno.h>
#include <signal.h>

#include "checkpoint/checkpoint-private.h"

static volatile sig_atomic_t interrupted;

GQuark
checkpoint_error_domain(void)
{
    return g_quark_from_static_string("pbx-checkpoint-error");
}

gboolean
checkpoint_fail(GError **error, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *message = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error_literal(error, PBX_CHECKPOINT_ERROR, code, message);
    return FALSE;
}

gboolean
checkpoint_fail_errno(GError **error, int number, const char *place)
{
    const int code = number == EEXIST ? CHECKPOINT_ERROR_EXISTS : CHECKPOINT_ERROR_IO;
    return checkpoint_fail(error, code, "%s: %s", place, g_strerror(number));
}

void
checkpoint_interrupt(void)
{
    interrupted = 1;
}

gboolean
checkpoint_go_on(GError **error)
{
    return !interrupted || checkpoint_fail(error, CHECKPOINT_ERROR_INTERRUPTED, "interrupted");
}

PbxLocale
checkpoint_locale_enter(const char *name)
{
    locale_t own = newlocale(LC_CTYPE_MASK, name, (locale_t)0);
    return own != (locale_t)0 ? uselocale(own) : (locale_t)0;
}

void
checkpoint_locale_leave(PbxLocale before)
{
    if (before != (locale_t)0)
        freelocale(uselocale(before));
}
