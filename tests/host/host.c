/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A host for tests of plugins: its life, setup, save and load. */
#include "host.h"

#include <string.h>

#include "host-private.h"

static PbxRegistry *registry;
static const PbxPlugin *plugin;
static guint64 the_seed = 7;

static void
free_registry(void)
{
    registry_free(registry);
}

/* DIR/KIND/NAME.so */
static void
load_module(const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *file = g_path_get_basename(path);
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *kind = g_path_get_basename(folder);
    g_autofree char *name = g_strndup(file, strlen(file) - strlen(".so"));
    plugin = registry_load_file(registry, path, kind, name, &error);
    g_assert_no_error(error);
}

void
test_host_init(int *argc, char ***argv)
{
    g_autoptr(GError) error = NULL;
    g_test_init(argc, argv, NULL);
    if (*argc < 2)
        g_error("the path of the plugin is missing");
    registry = registry_new(&error);
    g_assert_no_error(error);
    atexit(free_registry);
    load_module((*argv)[1]);
}

void
test_host_module(const char *path)
{
    load_module(path);
}

/* ---- Options and instances ---- */

static void
keep_line(const char *slot G_GNUC_UNUSED, int level, const char *message, gpointer user)
{
    static const char *const names[] = {"debug", "info", "warning", "error"};
    PbxTestHost *host = user;
    g_string_append_printf(host->log, "%s: %s\n", names[level], message);
}

void
test_host_seed(guint64 seed)
{
    the_seed = seed;
}

typedef struct {
    const char *id;
    gconstpointer table;
    gpointer user;
} Service;

static Service more[4];
static gsize n_more;

void
test_host_add_service(const char *id, gconstpointer table, gpointer user)
{
    g_assert_cmpuint(n_more, <, G_N_ELEMENTS(more));
    more[n_more++] = (Service){id, table, user};
}

static void
add_services(PbxHost *core, gpointer user)
{
    for (gsize i = 0; i < n_more; i++)
        host_add_service(core, more[i].id, more[i].table, more[i].user);
    host_add_service(core, PBX_FILES_ID, &test_files, user);
    host_add_service(core, PBX_SESSION_ID, &test_session, user);
    host_add_service(core, PBX_TEMPLATE_ID, &test_template, user);
}

typedef struct {
    PbxTestHost *host;
    PbxTestChildren *children;
} Offer;

static void
offer(PbxHost *core, gpointer user)
{
    const Offer *made = user;
    add_services(core, made->host);
    children_offer(core, made->children->service);
}

PbxInstance *
test_instance_new(PbxTestHost *host, const PbxPlugin *of, const char *slot, PbxOptions *options,
                  PbxTestChildren *children, GError **error)
{
    Offer made = {host, children};
    return instance_new(of, slot, options, the_seed, host->clock, keep_line, host, offer, &made,
                        error);
}

/* The one message, without its place. */
static gboolean
check_options(PbxTestHost *host, const char *text, char **message)
{
    static const char *const nothing[] = {NULL};
    g_autoptr(PbxProblems) problems = problems_new();
    g_autoptr(PbxDoc) doc = doc_parse("options", text, strlen(text), DOC_PLAIN, problems);
    PbxOptionContext context = {.registry = registry, .sandbox = host->sandbox, .base_dir = "/"};
    if (doc != NULL)
        host->options = options_check(plugin, doc, "", nothing, &context, problems);
    if (host->options == NULL)
        *message = problems_format(problems);
    return host->options != NULL;
}

static gboolean
create(PbxTestHost *host, GError **error)
{
    const char *slot = plugin->desc->kind;
    if (!test_children_make(host, NULL, &host->children, host->options, slot, error))
        return FALSE;
    host->instance = test_instance_new(host, plugin, slot, host->options, &host->children, error);
    if (host->instance == NULL)
        return FALSE;
    host->self = host->instance->self;
    host->vtable = host->instance->vtable;
    host->abi = host_abi(host->instance->host);
    return TRUE;
}

static PbxTestHost *
host_try(const char *options, char **message)
{
    g_autoptr(PbxTestHost) host = g_new0(PbxTestHost, 1);
    g_autoptr(GError) error = NULL;
    host->log = g_string_new(NULL);
    host->calls = g_string_new(NULL);
    host->outcomes = g_ptr_array_new();
    host->asks = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    host->files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, test_text_free);
    host->sandbox = sandbox_new();
    host->clock = clock_new_virtual(0);
    host->objectives = g_ptr_array_new_with_free_func(g_free);
    host->kept = g_ptr_array_new_with_free_func(g_free);
    host->nodes = g_ptr_array_new_with_free_func((GDestroyNotify)json_node_unref);
    test_session_init(host);
    if (!check_options(host, options, message))
        return NULL;
    if (!create(host, &error)) {
        *message = g_strdup(error->message);
        return NULL;
    }
    return g_steal_pointer(&host);
}

PbxTestHost *
test_host_new(const char *options)
{
    g_autofree char *message = NULL;
    PbxTestHost *host = host_try(options, &message);
    g_assert_cmpstr(message, ==, NULL);
    return host;
}

char *
test_host_refusal(const char *options)
{
    char *message = NULL;
    test_host_free(host_try(options, &message));
    return message;
}

void
test_host_free(PbxTestHost *host)
{
    if (host == NULL)
        return;
    instance_free(host->instance);
    test_children_clear(&host->children);
    options_free(host->options);
    if (host->space != NULL)
        space_free(host->space);
    sandbox_free(host->sandbox);
    clock_free(host->clock);
    g_string_free(host->log, TRUE);
    g_string_free(host->calls, TRUE);
    g_ptr_array_unref(host->outcomes);
    g_hash_table_unref(host->asks);
    g_hash_table_unref(host->files);
    g_ptr_array_unref(host->objectives);
    g_ptr_array_unref(host->kept);
    g_ptr_array_unref(host->nodes);
    test_session_clear(host);
    g_free(host);
}

/* ---- Setup ---- */

static void
read_space(PbxTestHost *host, const char *config)
{
    g_autoptr(PbxProblems) problems = problems_new();
    g_autoptr(PbxDoc) doc = doc_parse("config", config, strlen(config), DOC_PLAIN, problems);
    if (host->space != NULL)
        space_free(host->space);
    host->space = doc != NULL ? space_new(doc, "", host->sandbox, problems) : NULL;
    g_autofree char *text = problems_format(problems);
    g_assert_cmpstr(text, ==, "");
}

static void
read_objectives(PbxTestHost *host, const char *text)
{
    g_auto(GStrv) words = g_strsplit(text != NULL ? text : "", " ", -1);
    g_ptr_array_set_size(host->objectives, 0);
    for (guint i = 0; words[i] != NULL; i++) {
        char *colon = strchr(words[i], ':');
        pbx_objective *objective = g_new0(pbx_objective, 1);
        g_assert_nonnull(colon);
        *colon = '\0';
        objective->struct_size = sizeof *objective;
        objective->sign = strcmp(colon + 1, "max") == 0 ? -1 : 1;
        objective->name = test_keep(host, g_strdup(words[i]));
        g_ptr_array_add(host->objectives, objective);
    }
}

static pbx_status
call_setup(PbxTestHost *host)
{
    const char *kind = host->instance->plugin->desc->kind;
    pbx_status (*setup)(pbx_instance *, const pbx_problem *, pbx_error *) =
        strcmp(kind, "search") == 0      ? ((const pbx_search *)host->vtable)->setup
        : strcmp(kind, "scheduler") == 0 ? ((const pbx_scheduler *)host->vtable)->setup
        : strcmp(kind, "stopper") == 0   ? ((const pbx_stopper *)host->vtable)->setup
                                         : ((const pbx_logger *)host->vtable)->setup;
    return setup != NULL ? setup(host->self, &host->problem, &host->error) : PBX_OK;
}

pbx_status
test_host_setup(PbxTestHost *host, const char *config, const char *objectives, gint64 num_samples)
{
    read_space(host, config != NULL ? config : "{}");
    read_objectives(host, objectives);
    host->problem = (pbx_problem){
        .struct_size = sizeof(pbx_problem),
        .n_objectives = host->objectives->len,
        .objectives = (const pbx_objective *const *)host->objectives->pdata,
        .space = space_dims(host->space),
        .num_samples = num_samples,
    };
    host->is_set_up = TRUE;
    return call_setup(host);
}

/* ---- State ---- */

static pbx_status
write_bytes(void *ctx, const void *bytes, size_t n)
{
    g_byte_array_append(ctx, bytes, (guint)n);
    return PBX_OK;
}

/* Of one instance; of a wrapper and what it wraps behind its length. */
typedef struct {
    PbxTestHost *host;
    GByteArray *bytes;
    gsize at;
} Moving;

static gboolean
save_one(const PbxInstance *instance, gpointer user)
{
    Moving *moving = user;
    const gboolean whole = moving->host->children.service != NULL;
    const guint start = moving->bytes->len;
    guint32 length = 0;
    pbx_sink sink = {moving->bytes, write_bytes};
    if (whole)
        write_bytes(moving->bytes, &length, sizeof length);
    if (instance->object->save != NULL)
        g_assert_cmpint(instance->object->save(instance->self, &sink, &moving->host->error), ==,
                        PBX_OK);
    length = (guint32)(moving->bytes->len - start - sizeof length);
    if (whole)
        memcpy(moving->bytes->data + start, &length, sizeof length);
    return TRUE;
}

static GBytes *
save(PbxTestHost *host)
{
    Moving moving = {.host = host, .bytes = g_byte_array_new()};
    test_children_each(&host->children, save_one, &moving);
    save_one(host->instance, &moving);
    return g_byte_array_free_to_bytes(moving.bytes);
}

static pbx_status
load_bytes(PbxTestHost *host, const PbxInstance *instance, const guint8 *bytes, gsize n)
{
    const pbx_object *object = instance->object;
    if (object->load == NULL)
        return n == 0 ? PBX_OK : PBX_EINVAL;
    return object->load(instance->self, object->state_version, bytes, n, &host->error);
}

static gboolean
load_one(const PbxInstance *instance, gpointer user)
{
    Moving *moving = user;
    guint32 length;
    memcpy(&length, moving->bytes->data + moving->at, sizeof length);
    moving->at += sizeof length;
    g_assert_cmpint(load_bytes(moving->host, instance, moving->bytes->data + moving->at, length),
                    ==, PBX_OK);
    moving->at += length;
    return TRUE;
}

static pbx_status
load(PbxTestHost *host, GBytes *blob)
{
    gsize n;
    const guint8 *bytes = g_bytes_get_data(blob, &n);
    if (host->children.service == NULL)
        return load_bytes(host, host->instance, bytes, n);
    Moving moving = {.host = host, .bytes = g_byte_array_new()};
    write_bytes(moving.bytes, bytes, n);
    test_children_each(&host->children, load_one, &moving);
    load_one(host->instance, &moving);
    g_byte_array_unref(moving.bytes);
    return PBX_OK;
}

/* Every prefix of a blob, and other versions, are refused without harm. */
static void
check_damage(PbxTestHost *host, GBytes *blob)
{
    gsize n;
    const guint8 *bytes = g_bytes_get_data(blob, &n);
    const pbx_object *object = host->instance->object;
    for (gsize i = 0; i < n; i += 1 + n / 100) {
        pbx_instance *other = NULL;
        g_autofree guint8 *part = g_memdup2(bytes, i);
        pbx_status status =
            object->create(host->abi, host_json(options_node(host->options)), &other, &host->error);
        g_assert_cmpint(status, ==, PBX_OK);
        g_assert_cmpint(object->load(other, object->state_version, part, i, &host->error), <, 0);
        object->destroy(other);
    }
}

GBytes *
test_host_reload(PbxTestHost *host)
{
    g_autoptr(GError) error = NULL;
    GBytes *blob = save(host);
    const gboolean stateful = host->instance->object->load != NULL;
    if (stateful && host->children.service == NULL)
        check_damage(host, blob);
    g_clear_pointer(&host->instance, instance_free);
    test_children_clear(&host->children);
    g_assert_true(create(host, &error));
    if (host->is_set_up)
        g_assert_cmpint(call_setup(host), ==, PBX_OK);
    if (stateful)
        g_assert_cmpint(host->instance->object->load(host->self, 99, "", 0, &host->error), ==,
                        PBX_ENOTSUP);
    g_assert_cmpint(load(host, blob), ==, PBX_OK);
    g_autoptr(GBytes) again = save(host);
    g_assert_true(g_bytes_equal(blob, again));
    return blob;
}

pbx_status
test_host_load(PbxTestHost *to, PbxTestHost *from)
{
    g_autoptr(GBytes) blob = save(from);
    return load(to, blob);
}

static void
nothing(gpointer data G_GNUC_UNUSED)
{
}

void
test_host_advance(PbxTestHost *host, gint64 ns)
{
    clock_at(host->clock, clock_now(host->clock) + ns, nothing, NULL, NULL);
    g_assert_true(clock_advance(host->clock));
}

void
test_host_cancel(PbxTestHost *host, gboolean cancel)
{
    host_set_cancelled(host_from_abi(host->abi), cancel);
}

guint
test_count_descriptors(void)
{
    guint n = 0;
    GDir *dir = g_dir_open("/proc/self/fd", 0, NULL);
    while (g_dir_read_name(dir) != NULL)
        n++;
    g_dir_close(dir);
    return n;
}
