/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where pegbox's own files are, worked out from the running program's place, so
 * that an installed tree may be moved and a build tree runs as it is.
 */
#include <string.h>

#include "places/places.h"

#define BUILD_TREE_LEVELS 4

/* How many components two paths have in common at their start. */
static guint
common_prefix(char **a, char **b)
{
    guint n = 0;
    while (a[n] != NULL && b[n] != NULL && g_str_equal(a[n], b[n]))
        n++;
    return n;
}

static guint
common_suffix(const char *a, const char *b)
{
    g_auto(GStrv) left = g_strsplit(a, "/", -1);
    g_auto(GStrv) right = g_strsplit(b, "/", -1);
    guint i = g_strv_length(left), j = g_strv_length(right), n = 0;
    while (i > 0 && j > 0 && left[i - 1][0] != '\0' && g_str_equal(left[i - 1], right[j - 1])) {
        i--;
        j--;
        n++;
    }
    return n;
}

/* A configured directory, absolute. */
static char *
configured(const char *dir)
{
    return g_canonicalize_filename(dir, PEGBOX_PREFIX);
}

/* What `to` is, seen from `here`, when here was configured as `from`. */
static char *
moved(const char *here, const char *from, const char *to)
{
    g_autofree char *from_path = configured(from), *to_path = configured(to);
    g_auto(GStrv) from_parts = g_strsplit(from_path, "/", -1);
    g_auto(GStrv) to_parts = g_strsplit(to_path, "/", -1);
    guint shared = common_prefix(from_parts, to_parts);
    g_autoptr(GString) path = g_string_new(here);
    for (guint i = shared; from_parts[i] != NULL; i++)
        g_string_append(path, "/..");
    for (guint i = shared; to_parts[i] != NULL; i++)
        g_string_append_printf(path, "/%s", to_parts[i]);
    g_autofree char *result = g_canonicalize_filename(path->str, "/");
    if (!g_file_test(result, G_FILE_TEST_EXISTS) && g_file_test(to_path, G_FILE_TEST_EXISTS))
        return g_steal_pointer(&to_path); /* the program alone was moved */
    return g_steal_pointer(&result);
}

/* The build tree that holds `dir`, or NULL. */
static char *
build_tree(const char *dir)
{
    g_autofree char *tree = g_strdup(dir);
    for (guint level = 0; level < BUILD_TREE_LEVELS; level++) {
        char *parent = g_path_get_dirname(tree);
        g_free(tree);
        tree = parent;
        g_autofree char *mark = g_build_filename(tree, "meson-info", NULL);
        if (g_file_test(mark, G_FILE_TEST_IS_DIR))
            return g_steal_pointer(&tree);
    }
    return NULL;
}

static void
places_of_build(PbxPlaces *places, const char *tree)
{
    places->libexec = g_build_filename(tree, "core", NULL);
    places->program = g_build_filename(tree, "core", "pegbox", NULL);
    places->plugins = g_build_filename(tree, "plugins", NULL);
    places->data = g_build_filename(tree, "core", NULL);
    places->python = g_build_filename(tree, "sdk", NULL);
}

static void
places_of_installation(PbxPlaces *places, const char *here, const char *program)
{
    g_autofree char *bin = configured(PEGBOX_BINDIR);
    g_autofree char *libexec = configured(PEGBOX_LIBEXECDIR);
    gboolean in_bin =
        g_str_equal(program, "pegbox") || common_suffix(here, bin) > common_suffix(here, libexec);
    const char *from = in_bin ? PEGBOX_BINDIR : PEGBOX_LIBEXECDIR;
    g_autofree char *bin_here = moved(here, from, PEGBOX_BINDIR);
    places->libexec = moved(here, from, PEGBOX_LIBEXECDIR);
    places->program = g_build_filename(bin_here, "pegbox", NULL);
    places->plugins = moved(here, from, PEGBOX_PLUGINSDIR);
    places->data = moved(here, from, PEGBOX_DATADIR);
    places->python = g_build_filename(places->data, "python", NULL);
}

static PbxPlaces *
places_find(void)
{
    PbxPlaces *places = g_new0(PbxPlaces, 1);
    g_autofree char *exe = g_file_read_link("/proc/self/exe", NULL);
    if (exe == NULL)
        exe = g_strdup(PEGBOX_BINDIR "/pegbox");
    if (g_str_has_suffix(exe, " (deleted)")) /* replaced by an upgrade while it runs */
        exe[strlen(exe) - strlen(" (deleted)")] = '\0';
    g_autofree char *here = g_path_get_dirname(exe);
    g_autofree char *program = g_path_get_basename(exe);
    g_autofree char *tree = build_tree(here);
    if (tree != NULL)
        places_of_build(places, tree);
    else
        places_of_installation(places, here, program);
    places->worker = g_build_filename(places->libexec, "pegbox-worker", NULL);
    return places;
}

const PbxPlaces *
places_get(void)
{
    static PbxPlaces *places;
    if (g_once_init_enter(&places))
        g_once_init_leave(&places, places_find());
    return places;
}

char *
places_expand(const char *path, const char *base_dir)
{
    if (path[0] == '~' && (path[1] == '/' || path[1] == '\0'))
        return g_build_filename(g_get_home_dir(), path + 1, NULL);
    return g_canonicalize_filename(path, base_dir);
}
