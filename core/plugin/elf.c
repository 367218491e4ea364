/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A look at a file before it is loaded, so that a text file or another machine's
 * object gives one clear line instead of the dynamic loader's.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "plugin/plugin-private.h"

/* The parts of the header that both ELF classes have at the same place. */
typedef struct {
    unsigned char ident[EI_NIDENT];
    guint16 type;
    guint16 machine;
} ElfStart;

G_STATIC_ASSERT(offsetof(Elf64_Ehdr, e_machine) == offsetof(ElfStart, machine));

static gboolean
read_start(const char *path, ElfStart *start, GError **error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        g_set_error(error, PBX_PLUGIN_ERROR, PLUGIN_ERROR_BROKEN,
                    "%s: the plugin cannot be read: %s", path, g_strerror(errno));
        return FALSE;
    }
    memset(start, 0, sizeof *start);
    ssize_t got = read(fd, start, sizeof *start);
    int failure = got < 0 ? errno : 0;
    close(fd);
    if (failure != 0) {
        g_set_error(error, PBX_PLUGIN_ERROR, PLUGIN_ERROR_BROKEN,
                    "%s: the plugin cannot be read: %s", path, g_strerror(failure));
        return FALSE;
    }
    return TRUE;
}

gboolean
elf_check(const char *path, GError **error)
{
    ElfStart own, start;
    if (!read_start(path, &start, error))
        return FALSE;
    if (memcmp(start.ident, ELFMAG, SELFMAG) != 0) {
        g_set_error(error, PBX_PLUGIN_ERROR, PLUGIN_ERROR_BROKEN,
                    "%s: not a plugin: it is no shared object (ELF file); build it anew", path);
        return FALSE;
    }
    if (!read_start("/proc/self/exe", &own, NULL))
        return TRUE;
    if (start.ident[EI_CLASS] != own.ident[EI_CLASS] ||
        start.ident[EI_DATA] != own.ident[EI_DATA] || start.machine != own.machine) {
        g_set_error(error, PBX_PLUGIN_ERROR, PLUGIN_ERROR_BROKEN,
                    "%s: it was built for another kind of machine (ELF machine %u, here %u); "
                    "build it on this one",
                    path, start.machine, own.machine);
        return FALSE;
    }
    if (start.type != ET_DYN) {
        g_set_error(error, PBX_PLUGIN_ERROR, PLUGIN_ERROR_BROKEN,
                    "%s: not a plugin: it is no shared object; link it with -shared", path);
        return FALSE;
    }
    return TRUE;
}
