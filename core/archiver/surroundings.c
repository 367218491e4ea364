/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Interruption, and the locale in which libarchive takes names as they are. */
#include "archiver/archiver.h"

static const volatile sig_atomic_t *watched;

void
archiver_watch(const volatile sig_atomic_t *interrupted)
{
    watched = interrupted;
}

gboolean
archiver_go_on(GError **error)
{
    return watched == NULL || !*watched ||
           checkpoint_fail(error, CHECKPOINT_ERROR_INTERRUPTED, "interrupted");
}

PbxLocale
archiver_locale_enter(const char *name)
{
    locale_t own = newlocale(LC_CTYPE_MASK, name, (locale_t)0);
    return own != (locale_t)0 ? uselocale(own) : (locale_t)0;
}

void
archiver_locale_leave(PbxLocale before)
{
    if (before != (locale_t)0)
        freelocale(uselocale(before));
}
