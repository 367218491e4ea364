/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds plugins on the search path, and keeps what was loaded. */
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>

#include "plugin/plugin-private.h"

#define SUFFIX ".so"

typedef struct {
    char *path;
    gboolean builtin;
} PluginDir;

struct PbxRegistry {
    GPtrArray *dirs; /* PluginDir*, the first wins */
    PluginWarn warn;
};

/* Everything loaded, by "PATH\nKIND/NAME"; for the life of the process, as the code is. */
static GHashTable *loaded;
static GMutex loaded_lock;

static void
warn_on_stderr(const char *message, gpointer user G_GNUC_UNUSED)
{
    g_printerr("pegbox: warning: %s\n", message);
}

static void
plugin_dir_free(PluginDir *dir)
{
    g_free(dir->path);
    g_free(dir);
}

static void
add_dir(PbxRegistry *registry, const char *path, gboolean builtin)
{
    PluginDir *dir = g_new0(PluginDir, 1);
    dir->path = g_canonicalize_filename(path, "/");
    dir->builtin = builtin;
    for (guint i = 0; i < registry->dirs->len; i++) {
        const PluginDir *before = g_ptr_array_index(registry->dirs, i);
        if (g_str_equal(before->path, dir->path)) {
            plugin_dir_free(dir);
            return;
        }
    }
    g_ptr_array_add(registry->dirs, dir);
}

static gboolean
add_path_variable(PbxRegistry *registry, const char *value, GError **error)
{
    g_auto(GStrv) elements = g_strsplit(value, ":", -1);
    for (guint i = 0; elements[i] != NULL; i++) {
        if (g_path_is_absolute(elements[i])) {
            add_dir(registry, elements[i], FALSE);
            continue;
        }
        if (elements[i][0] == '\0')
            g_set_error(error, PBX_PLUGIN_ERROR, PLUGIN_ERROR_PATH,
                        "PEGBOX_PLUGIN_PATH: element %u is empty; remove the extra colon", i + 1);
        else
            g_set_error(error, PBX_PLUGIN_ERROR, PLUGIN_ERROR_PATH,
                        "PEGBOX_PLUGIN_PATH: '%s' is a relative path; give an absolute one",
                        elements[i]);
        return FALSE;
    }
    return TRUE;
}

PbxRegistry *
registry_new(GError **error)
{
    g_autoptr(PbxRegistry) registry = g_new0(PbxRegistry, 1);
    registry->dirs = g_ptr_array_new_with_free_func((GDestroyNotify)plugin_dir_free);
    registry->warn = (PluginWarn){warn_on_stderr, NULL};
    if (getauxval(AT_SECURE) == 0) {
        const char *path = secure_getenv("PEGBOX_PLUGIN_PATH");
        if (path != NULL && path[0] != '\0' && !add_path_variable(registry, path, error))
            return NULL;
        g_autofree char *major = g_strdup_printf("%u", PEGBOX_ABI_MAJOR);
        g_autofree char *own =
            g_build_filename(g_get_home_dir(), ".local", "lib", "pegbox", major, NULL);
        if (g_path_is_absolute(own))
            add_dir(registry, own, FALSE);
    }
    add_dir(registry, places_get()->plugins, TRUE);
    return g_steal_pointer(&registry);
}

void
registry_free(PbxRegistry *registry)
{
    if (registry == NULL)
        return;
    g_ptr_array_unref(registry->dirs);
    g_free(registry);
}

void
registry_on_warning(PbxRegistry *registry, void (*func)(const char *message, gpointer user),
                    gpointer user)
{
    registry->warn = (PluginWarn){func, user};
}

void
registry_warn(PbxRegistry *registry, const char *message)
{
    registry->warn.func(message, registry->warn.user);
}

/* ---- Finding ---- */

static char *
file_in(const PluginDir *dir, const char *kind, const char *name)
{
    g_autofree char *file = g_strconcat(name, SUFFIX, NULL);
    return g_build_filename(dir->path, kind, file, NULL);
}

/* The first match; a dangling link is one too, and then an error, never passed over. */
static const PluginDir *
find_dir(PbxRegistry *registry, const char *kind, const char *name, char **path)
{
    for (guint i = 0; i < registry->dirs->len; i++) {
        const PluginDir *dir = g_ptr_array_index(registry->dirs, i);
        g_autofree char *candidate = file_in(dir, kind, name);
        struct stat info;
        if (lstat(candidate, &info) != 0)
            continue;
        *path = g_steal_pointer(&candidate);
        return dir;
    }
    return NULL;
}

static void
plugin_file_free(PbxPluginFile *file)
{
    g_free(file->kind);
    g_free(file->name);
    g_free(file->path);
    g_free(file->shadowed_by);
    g_free(file);
}

static gint
compare_files(gconstpointer a, gconstpointer b)
{
    const PbxPluginFile *left = *(PbxPluginFile *const *)a, *right = *(PbxPluginFile *const *)b;
    int order = strcmp(left->kind, right->kind);
    if (order == 0)
        order = strcmp(left->name, right->name);
    if (order == 0) /* the one that is used first */
        order = (left->shadowed_by != NULL) - (right->shadowed_by != NULL);
    return order != 0 ? order : strcmp(left->path, right->path);
}

static void
list_kind(PbxRegistry *registry, const PluginDir *dir, const char *kind, GPtrArray *files)
{
    g_autofree char *folder = g_build_filename(dir->path, kind, NULL);
    g_autoptr(GDir) entries = g_dir_open(folder, 0, NULL);
    const char *entry;
    while (entries != NULL && (entry = g_dir_read_name(entries)) != NULL) {
        if (!g_str_has_suffix(entry, SUFFIX))
            continue;
        g_autofree char *name = g_strndup(entry, strlen(entry) - strlen(SUFFIX));
        g_autofree char *winner = NULL;
        if (!plugin_name_is_valid(name) || find_dir(registry, kind, name, &winner) == NULL)
            continue;
        PbxPluginFile *file = g_new0(PbxPluginFile, 1);
        file->kind = g_strdup(kind);
        file->name = g_steal_pointer(&name);
        file->path = g_build_filename(folder, entry, NULL);
        if (!g_str_equal(winner, file->path))
            file->shadowed_by = g_steal_pointer(&winner);
        g_ptr_array_add(files, file);
    }
}

GPtrArray *
registry_files(PbxRegistry *registry, const char *kind)
{
    GPtrArray *files = g_ptr_array_new_with_free_func((GDestroyNotify)plugin_file_free);
    for (guint i = 0; i < registry->dirs->len; i++) {
        for (const char *const *each = plugin_kinds; *each != NULL; each++) {
            if (kind == NULL || g_str_equal(kind, *each))
                list_kind(registry, g_ptr_array_index(registry->dirs, i), *each, files);
        }
    }
    g_ptr_array_sort(files, compare_files);
    return files;
}

/* "there is no search 'radnom'; did you mean 'random'?" */
static void
set_not_found(PbxRegistry *registry, const char *kind, const char *name, GError **error)
{
    g_autoptr(GPtrArray) files = registry_files(registry, kind);
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (guint i = 0; i < files->len; i++) {
        const PbxPluginFile *file = g_ptr_array_index(files, i);
        if (file->shadowed_by == NULL)
            g_ptr_array_add(names, file->name);
    }
    g_ptr_array_add(names, NULL);
    const char *meant = json_did_you_mean(name, (const char *const *)names->pdata);
    g_autofree char *list = g_strjoinv(", ", (char **)names->pdata);
    if (meant != NULL)
        g_set_error(error, PBX_PLUGIN_ERROR, PLUGIN_ERROR_NOT_FOUND,
                    "there is no %s '%s'; did you mean '%s'?", kind, name, meant);
    else if (names->len > 1)
        g_set_error(error, PBX_PLUGIN_ERROR, PLUGIN_ERROR_NOT_FOUND,
                    "there is no %s '%s'; installed are: %s", kind, name, list);
    else
        g_set_error(error, PBX_PLUGIN_ERROR, PLUGIN_ERROR_NOT_FOUND,
                    "there is no %s '%s', and no other %s is installed; `pegbox plugins` lists "
                    "what is",
                    kind, name, kind);
}

static const PluginDir *
find(PbxRegistry *registry, const char *kind, const char *name, char **path, GError **error)
{
    if (plugin_kind(kind) == NULL) {
        const char *meant = json_did_you_mean(kind, plugin_kinds);
        g_autofree char *list = g_strjoinv(", ", (char **)plugin_kinds);
        g_set_error(error, PBX_PLUGIN_ERROR, PLUGIN_ERROR_NOT_FOUND,
                    meant != NULL ? "there is no kind '%s' of plugin; did you mean '%s'?"
                                  : "there is no kind '%s' of plugin; there are: %s",
                    kind, meant != NULL ? meant : list);
        return NULL;
    }
    const PluginDir *dir = plugin_name_is_valid(name) ? find_dir(registry, kind, name, path) : NULL;
    if (dir == NULL)
        set_not_found(registry, kind, name, error);
    return dir;
}

char *
registry_find(PbxRegistry *registry, const char *kind, const char *name, GError **error)
{
    g_autofree char *path = NULL;
    if (find(registry, kind, name, &path, error) == NULL)
        return NULL;
    return g_steal_pointer(&path);
}

gboolean
registry_has(PbxRegistry *registry, const char *kind, const char *name)
{
    g_autofree char *path = NULL;
    return find(registry, kind, name, &path, NULL) != NULL;
}

/* ---- Loading ---- */

static PbxPlugin *
load_new(PbxRegistry *registry, const char *path, const char *kind, const char *name,
         GError **error)
{
    const pbx_entry *entry = loader_open(path, &registry->warn, error);
    if (entry == NULL)
        return NULL;
    const pbx_plugin *desc = descriptor_find(entry, kind, name, path, &registry->warn, error);
    if (desc == NULL)
        return NULL;
    PbxPlugin *plugin = g_new0(PbxPlugin, 1);
    plugin->desc = desc;
    plugin->path = g_strdup(path);
    plugin->abi_minor = entry->abi_minor;
    plugin->entry = entry;
    return plugin;
}

static const PbxPlugin *
load(PbxRegistry *registry, const PluginDir *dir, const char *path, const char *kind,
     const char *name, GError **error)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&loaded_lock);
    if (loaded == NULL)
        loaded = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autofree char *key =
        g_strdup_printf("%s\n%s/%s", path, kind != NULL ? kind : "", name != NULL ? name : "");
    PbxPlugin *plugin = g_hash_table_lookup(loaded, key);
    if (plugin != NULL)
        return plugin;
    if (!safety_check(path, dir != NULL ? dir->path : NULL, dir != NULL && dir->builtin, error))
        return NULL;
    plugin = load_new(registry, path, kind, name, error);
    if (plugin != NULL)
        g_hash_table_insert(loaded, g_steal_pointer(&key), plugin);
    return plugin;
}

const PbxPlugin *
registry_load(PbxRegistry *registry, const char *kind, const char *name, GError **error)
{
    g_autofree char *path = NULL;
    const PluginDir *dir = find(registry, kind, name, &path, error);
    return dir != NULL ? load(registry, dir, path, kind, name, error) : NULL;
}

const PbxPlugin *
registry_load_file(PbxRegistry *registry, const char *path, const char *kind, const char *name,
                   GError **error)
{
    g_autofree char *full = g_canonicalize_filename(path, NULL);
    if (!g_file_test(full, G_FILE_TEST_EXISTS)) {
        g_set_error(error, PBX_PLUGIN_ERROR, PLUGIN_ERROR_NOT_FOUND, "%s: there is no such file",
                    full);
        return NULL;
    }
    for (guint i = 0; i < registry->dirs->len; i++) {
        const PluginDir *dir = g_ptr_array_index(registry->dirs, i);
        g_autofree char *prefix = g_strconcat(dir->path, "/", NULL);
        if (g_str_has_prefix(full, prefix))
            return load(registry, dir, full, kind, name, error);
    }
    return load(registry, NULL, full, kind, name, error);
}
