/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `resources`: what each trial needs, against what the machine has. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "spec/spec-private.h"

#define RESOLUTION 10000.0 /* of fractions: 0.0001 */

static const char *const resource_names[] = {"cpu", "gpu", "memory", "wait_for_gpu", NULL};

static void
check_cpu(PbxCheck *check, JsonNode *node)
{
    PbxSpec *spec = check->spec;
    if (!node_is(node, KEY_NUMBER)) {
        wrong_type(check, spec->doc, "/resources/cpu", KEY_NUMBER, node);
        return;
    }
    double cpu = json_node_get_double(node);
    double steps = cpu * RESOLUTION;
    double whole = rint(steps);
    guint there = g_get_num_processors();
    g_autofree char *text = json_to_text(node);
    if (!(cpu >= 0))
        problems_add(check->problems, spec->doc, "/resources/cpu", "needs a number >= 0, got %s",
                     text);
    else if (cpu == 0 && key_node(check, "max_concurrent_trials") == NULL)
        problems_add(check->problems, spec->doc, "/resources/cpu",
                     "with 0 nothing limits how many trials run at once: set "
                     "max_concurrent_trials");
    else if (fabs(steps - whole) > 1e-6 * MAX(whole, 1))
        problems_add(check->problems, spec->doc, "/resources/cpu",
                     "needs a multiple of 0.0001, got %s", text);
    else if (cpu > there)
        problems_add(check->problems, spec->doc, "/resources/cpu",
                     "a trial needs %s, but this machine has %u", text, there);
    else
        spec->cpu = whole / RESOLUTION;
}

/* "2GiB", "512 MB", "1.5G": 1024 with an i, else 1000. FALSE: none of these. */
static gboolean
parse_bytes(const char *text, double *bytes)
{
    char *end = NULL;
    if (!g_ascii_isdigit(text[0]))
        return FALSE;
    double value = g_ascii_strtod(text, &end);
    while (*end == ' ')
        end++;
    static const char letters[] = "KMGTP";
    const char *letter = *end != '\0' ? strchr(letters, g_ascii_toupper(*end)) : NULL;
    double unit = 1;
    if (letter != NULL) {
        double base = end[1] == 'i' ? 1024 : 1000;
        unit = pow(base, (double)(letter - letters + 1));
        end += base == 1024 ? 2 : 1;
    }
    if (*end == 'B')
        end++;
    *bytes = value * unit;
    return *end == '\0';
}

static guint64
memory_of_machine(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? (guint64)pages * (guint64)size : G_MAXUINT64;
}

gboolean
bytes_check(PbxCheck *check, const char *pointer, JsonNode *node, guint64 *bytes)
{
    double value = 0;
    gboolean good = node_is(node, KEY_INT) ? (value = (double)json_node_get_int(node), TRUE)
                                           : node_is(node, KEY_STRING) &&
                                                 parse_bytes(json_node_get_string(node), &value);
    if (good && value >= 1) {
        *bytes = value < (double)G_MAXINT64 ? (guint64)value : G_MAXINT64;
        return TRUE;
    }
    g_autofree char *text = json_to_text(node);
    problems_add(check->problems, check->spec->doc, pointer,
                 "needs a number of bytes or a text like \"2GiB\", got %s", text);
    return FALSE;
}

static void
check_memory(PbxCheck *check, JsonNode *node)
{
    PbxSpec *spec = check->spec;
    guint64 bytes = 0, there = memory_of_machine();
    if (!bytes_check(check, "/resources/memory", node, &bytes))
        return;
    if (bytes > there) {
        g_autofree char *text = json_to_text(node);
        g_autofree char *has = g_format_size_full(there, G_FORMAT_SIZE_IEC_UNITS);
        problems_add(check->problems, spec->doc, "/resources/memory",
                     "a trial needs %s, but this machine has %s", text, has);
        return;
    }
    spec->memory = bytes;
}

static void
check_gpu(PbxCheck *check, JsonNode *node)
{
    const PbxDoc *doc = check->spec->doc;
    if (!node_is(node, KEY_NUMBER))
        wrong_type(check, doc, "/resources/gpu", KEY_NUMBER, node);
    else if (json_node_get_double(node) < 0)
        problems_add(check->problems, doc, "/resources/gpu", "needs a number >= 0");
    else if (json_node_get_double(node) > 0)
        problems_add(check->problems, doc, "/resources/gpu", "a 'gpu' " NOT_YET);
}

static void
check_resource(PbxCheck *check, const char *name, JsonNode *node)
{
    g_autofree char *pointer = json_pointer_member("/resources", name);
    if (g_str_equal(name, "cpu")) {
        check_cpu(check, node);
    } else if (g_str_equal(name, "memory")) {
        check_memory(check, node);
    } else if (g_str_equal(name, "gpu")) {
        check_gpu(check, node);
    } else if (g_str_equal(name, "wait_for_gpu")) {
        problems_add(check->problems, check->spec->doc, pointer, "'wait_for_gpu' " NOT_YET);
    } else {
        g_autofree char *meant = meant_text(name, resource_names);
        problems_add(check->problems, check->spec->doc, pointer, "the resource '%s' " NOT_YET "%s",
                     name, meant);
    }
}

void
resources_check(PbxCheck *check)
{
    PbxSpec *spec = check->spec;
    JsonNode *node = key_node(check, "resources");
    spec->cpu = 1;
    if (node != NULL) {
        JsonObject *object = json_node_get_object(node);
        g_autoptr(GList) names = json_object_get_members(object);
        for (GList *item = names; item != NULL; item = item->next)
            check_resource(check, item->data, json_object_get_member(object, item->data));
    }
    JsonObject *resources = json_object_new();
    if (spec->cpu == rint(spec->cpu))
        json_object_set_int_member(resources, "cpu", (gint64)spec->cpu);
    else
        json_object_set_double_member(resources, "cpu", spec->cpu);
    json_object_set_int_member(resources, "gpu", 0);
    if (spec->memory > 0)
        json_object_set_int_member(resources, "memory", (gint64)spec->memory);
    spec->resources = object_node(resources);
}
