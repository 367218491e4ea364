/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "checkpoint/shared.h"

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
