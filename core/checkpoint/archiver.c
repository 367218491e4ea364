/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Archives, by a shared object that is loaded with the first of them: libarchive brings many
 * libraries with it, which most commands and most trials have no use for.
 */
#include <dlfcn.h>

#include "checkpoint/shared.h"
#include "places/places.h"

static volatile sig_atomic_t interrupted;

void
checkpoint_interrupt(void)
{
    interrupted = 1;
}

static const PbxArchiver *
load(GError **error)
{
    g_autofree char *path = g_build_filename(places_get()->libexec, "pegbox-archiver.so", NULL);
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (module == NULL) {
        checkpoint_fail(error, CHECKPOINT_ERROR_IO, "no archive can be read or written: %s",
                        dlerror());
        return NULL;
    }
    const PbxArchiver *archiver = dlsym(module, ARCHIVER_SYMBOL);
    if (archiver != NULL && archiver->version == ARCHIVER_VERSION) {
        archiver->watch(&interrupted);
        return archiver;
    }
    dlclose(module);
    checkpoint_fail(error, CHECKPOINT_ERROR_IO,
                    "%s: is of another version of pegbox than this program: if pegbox was "
                    "upgraded meanwhile, `pegbox resume` goes on with the new one",
                    path);
    return NULL;
}

/* Once it is there it stays; what failed for want of descriptors or memory may work later. */
static const PbxArchiver *
archiver_get(GError **error)
{
    static const PbxArchiver *loaded;
    const PbxArchiver *archiver = g_atomic_pointer_get(&loaded);
    if (archiver == NULL) {
        archiver = load(error);
        g_atomic_pointer_set(&loaded, archiver);
    }
    return archiver;
}

gboolean
checkpoint_pack(const char *dir, const char *const *members, const char *archive,
                const PbxPackOptions *options, PbxArchiveFacts *facts, GError **error)
{
    const PbxArchiver *archiver = archiver_get(error);
    return archiver != NULL && archiver->pack(dir, members, archive, options, facts, error);
}

gboolean
checkpoint_unpack(const char *archive, const char *dir, const char *sha256, guint64 max_bytes,
                  GError **error)
{
    const PbxArchiver *archiver = archiver_get(error);
    return archiver != NULL && archiver->unpack(archive, dir, sha256, max_bytes, error);
}

gboolean
checkpoint_verify(const char *archive, const char *sha256, PbxArchiveFacts *facts, GError **error)
{
    const PbxArchiver *archiver = archiver_get(error);
    return archiver != NULL && archiver->verify(archive, sha256, facts, error);
}

gboolean
checkpoint_list(const char *archive, PbxMemberFunc func, gpointer data, GError **error)
{
    const PbxArchiver *archiver = archiver_get(error);
    return archiver != NULL && archiver->list(archive, func, data, error);
}
