/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `data`: large read-only objects that all trials share, each a file or a value. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spec/spec-private.h"

#define NAME_MAX_BYTES  64
#define VARIABLE_PREFIX "PEGBOX_DATA_"

void
spec_data_free(gpointer data)
{
    PbxData *one = data;
    g_free(one->name);
    g_free(one->variable);
    g_free(one->path);
    g_clear_pointer(&one->value, json_node_unref);
    g_free(one);
}

/* Part of a file's name and of a variable's. */
static gboolean
name_is_valid(const char *name)
{
    const gsize length = strspn(name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_-.");
    return g_ascii_isalnum(name[0]) && name[length] == '\0' && length <= NAME_MAX_BYTES;
}

char *
spec_data_variable(const char *name)
{
    char *variable = g_strconcat(VARIABLE_PREFIX, name, NULL);
    for (char *at = variable; *at != '\0'; at++)
        *at = g_ascii_isalnum(*at) ? g_ascii_toupper(*at) : '_';
    return variable;
}

/* Why a file cannot be mapped; NULL: it can. (transfer full) */
static char *
complaint_about(const char *path)
{
    struct stat info;
    /* Not held up by a pipe that nobody writes to. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? g_strdup_printf("there is no file %s", path)
                               : g_strdup_printf("%s: %s", path, g_strerror(errno));
    char *complaint = NULL;
    if (fstat(fd, &info) != 0)
        complaint = g_strdup_printf("%s: %s", path, g_strerror(errno));
    else if (S_ISDIR(info.st_mode))
        complaint = g_strdup_printf("%s is a directory; name a file", path);
    else if (!S_ISREG(info.st_mode))
        complaint = g_strdup_printf("%s is no regular file, and cannot be mapped", path);
    close(fd);
    return complaint;
}

/* The value of a name: FALSE: told. */
static gboolean
check_value(PbxCheck *check, const char *pointer, JsonNode *node, PbxData *data)
{
    const PbxSpec *spec = check->spec;
    if (!node_is(node, KEY_STRING)) {
        data->value = json_node_ref(node);
        if (node_is(node, KEY_ARRAY | KEY_OBJECT))
            return TRUE;
        wrong_type(check, spec->doc, pointer, KEY_STRING | KEY_ARRAY | KEY_OBJECT, node);
        return FALSE;
    }
    const char *text = json_node_get_string(node);
    if (text[0] == '\0') {
        problems_add(check->problems, spec->doc, pointer, "must not be empty: name a file");
        return FALSE;
    }
    data->path = path_resolve(text, spec->base_dir);
    g_autofree char *complaint = complaint_about(data->path);
    if (complaint != NULL)
        problems_add(check->problems, spec->doc, pointer, "%s", complaint);
    return complaint == NULL;
}

static gboolean
check_name(PbxCheck *check, const char *pointer, const PbxData *data)
{
    const PbxSpec *spec = check->spec;
    if (!name_is_valid(data->name)) {
        problems_add(check->problems, spec->doc, pointer,
                     data->name[0] == '\0'
                         ? "the name must not be empty"
                         : "a name has up to %d letters, digits, '_', '-' and '.', and begins "
                           "with a letter or digit",
                     NAME_MAX_BYTES);
        return FALSE;
    }
    for (guint i = 0; i < spec->data->len; i++) {
        const PbxData *other = g_ptr_array_index(spec->data, i);
        if (!g_str_equal(other->variable, data->variable))
            continue;
        problems_add(check->problems, spec->doc, pointer,
                     "programs find '%s' in %s, and '%s' there too: rename one of them",
                     other->name, data->variable, data->name);
        return FALSE;
    }
    return TRUE;
}

void
data_check(PbxCheck *check)
{
    JsonNode *node = key_node(check, "data");
    if (node == NULL)
        return;
    JsonObjectIter iter;
    const char *name;
    JsonNode *value;
    json_object_iter_init_ordered(&iter, json_node_get_object(node));
    while (json_object_iter_next_ordered(&iter, &name, &value)) {
        g_autofree char *pointer = json_pointer_member("/data", name);
        PbxData *data = g_new0(PbxData, 1);
        data->name = g_strdup(name);
        data->variable = spec_data_variable(name);
        const gboolean good = check_name(check, pointer, data);
        if (check_value(check, pointer, value, data) && good)
            g_ptr_array_add(check->spec->data, data);
        else
            spec_data_free(data);
    }
}
