/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* search/gp: finds the module with the model, which lies beside the plugin: gp.so, gp/model.so. */
#include <dlfcn.h>

#include "gp.h"

#define FOLDER "gp/model.so"

/* The path of the module. NULL: out of memory, or nobody knows where the plugin is. */
static char *
find(void)
{
    static const char here = 0;
    Dl_info info;
    const char *slash;
    char *path;
    size_t n;
    if (dladdr(&here, &info) == 0 || !info.dli_fname || !(slash = strrchr(info.dli_fname, '/')))
        return NULL;
    n = (size_t)(slash - info.dli_fname) + 1;
    path = malloc(n + sizeof FOLDER);
    if (path) {
        memcpy(path, info.dli_fname, n);
        memcpy(path + n, FOLDER, sizeof FOLDER);
    }
    return path;
}

const gp_model_calls *
gp_model_load(pbx_error *error)
{
    char *path = find();
    void *module;
    const gp_model_calls *model = NULL;
    if (!path) {
        pbx_fail(error, PBX_ENOTSUP, NULL, "the file of its model, " FOLDER ", was not found");
        return NULL;
    }
    /* It stays: a second time gives the same one. */
    module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (module)
        model = dlsym(module, GP_MODEL_SYMBOL);
    if (!module)
        pbx_fail(error, PBX_ENOTSUP, NULL,
                 "its model cannot be loaded: %s; install LAPACKE and NLopt, or pegbox anew",
                 dlerror());
    else if (!model || model->version != GP_MODEL_VERSION ||
             model->instance_size != sizeof(struct pbx_instance)) {
        pbx_fail(error, PBX_ENOTSUP, NULL, "%s is of another pegbox: install it anew", path);
        model = NULL;
    }
    free(path);
    return model;
}
