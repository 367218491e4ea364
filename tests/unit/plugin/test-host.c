/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a host gives to an instance: reading JSON, log, clock, randomness, services. */
#include <math.h>
#include <string.h>

#include "plugin/plugin-private.h"

/* A host and the last line of its log. */
typedef struct {
    PbxHost *host;
    const pbx_host *abi;
    char *slot, *message;
    int level;
} Test;

static void
keep(const char *slot, int level, const char *message, gpointer user)
{
    Test *t = user;
    g_free(t->slot);
    g_free(t->message);
    t->slot = g_strdup(slot);
    t->message = g_strdup(message);
    t->level = level;
}

static Test *
test_new(const char *slot, guint64 seed, PbxClock *clock)
{
    Test *t = g_new0(Test, 1);
    t->host = host_new(slot, NULL, seed, clock, keep, t);
    t->abi = host_abi(t->host);
    return t;
}

static void
test_free(Test *t)
{
    host_free(t->host);
    g_free(t->slot);
    g_free(t->message);
    g_free(t);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Test, test_free)

static JsonNode *
read_json(const char *text)
{
    g_autoptr(GError) error = NULL;
    JsonNode *node = json_read(text, strlen(text), DOC_MAX_NESTING, &error);
    g_assert_no_error(error);
    return node;
}

static void
test_header(void)
{
    g_autoptr(Test) t = test_new("search", 1, NULL);
    g_assert_cmpuint(t->abi->struct_size, ==, sizeof(pbx_host));
    g_assert_cmpuint(t->abi->abi_major, ==, PEGBOX_ABI_MAJOR);
    g_assert_cmpuint(t->abi->abi_minor, ==, PEGBOX_ABI_MINOR);
    g_assert_cmpstr(t->abi->name, ==, "pegbox");
    g_assert_cmpstr(t->abi->version, ==, PEGBOX_VERSION);
    g_assert_true(host_from_abi(t->abi) == t->host);
    g_assert_cmpstr(host_slot(t->host), ==, "search");
}

/* Each reader on each type of node: the fallback wherever it does not fit. */
static void
test_json_values(void)
{
    static const struct {
        const char *json;
        int type, boolean;
        double real;
        gint64 integer;
        const char *string;
        gsize length;
    } cases[] = {
        {"null", PBX_JSON_NULL, 7, 7, 7, "no", 0},
        {"true", PBX_JSON_BOOL, 1, 7, 7, "no", 0},
        {"false", PBX_JSON_BOOL, 0, 7, 7, "no", 0},
        {"-3", PBX_JSON_INT, 7, -3, -3, "no", 0},
        {"2.5", PBX_JSON_REAL, 7, 2.5, 7, "no", 0},
        {"4.0", PBX_JSON_REAL, 7, 4, 4, "no", 0},
        {"1e300", PBX_JSON_REAL, 7, 1e300, 7, "no", 0},
        {"\"a\"", PBX_JSON_STRING, 7, 7, 7, "a", 0},
        {"\"5\"", PBX_JSON_STRING, 7, 7, 7, "5", 0},
        {"\"Infinity\"", PBX_JSON_STRING, 7, INFINITY, 7, "Infinity", 0},
        {"[1, 2]", PBX_JSON_ARRAY, 7, 7, 7, "no", 2},
        {"{\"a\": 1}", PBX_JSON_OBJECT, 7, 7, 7, "no", 1},
    };
    g_autoptr(Test) t = test_new("search", 1, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(JsonNode) node = read_json(cases[i].json);
        const pbx_json *json = host_json(node);
        g_test_message("%s", cases[i].json);
        g_assert_cmpint(t->abi->json_type(json), ==, cases[i].type);
        g_assert_cmpint(t->abi->json_bool(json, 7), ==, cases[i].boolean);
        g_assert_cmpfloat(t->abi->json_real(json, 7), ==, cases[i].real);
        g_assert_cmpint(t->abi->json_int(json, 7), ==, cases[i].integer);
        g_assert_cmpstr(t->abi->json_string(json, "no"), ==, cases[i].string);
        g_assert_cmpuint(t->abi->json_length(json), ==, cases[i].length);
    }
    g_autoptr(JsonNode) nan_node = read_json("\"NaN\"");
    g_assert_true(isnan(t->abi->json_real(host_json(nan_node), 7)));
}

static void
test_json_containers(void)
{
    g_autoptr(Test) t = test_new("search", 1, NULL);
    g_autoptr(JsonNode) node = read_json("{\"b\": [10, 20], \"a\": 3}");
    const pbx_json *json = host_json(node);
    const pbx_json *list = t->abi->json_member(json, "b");
    g_assert_cmpint(t->abi->json_int(t->abi->json_item(list, 1), 0), ==, 20);
    g_assert_null(t->abi->json_item(list, 2));
    g_assert_cmpstr(t->abi->json_key(json, 0), ==, "b"); /* as they stand */
    g_assert_cmpstr(t->abi->json_key(json, 1), ==, "a");
    g_assert_null(t->abi->json_key(json, 2));
    g_assert_cmpint(t->abi->json_int(t->abi->json_item(json, 1), 0), ==, 3);
    g_assert_null(t->abi->json_member(json, "c"));
    g_assert_null(t->abi->json_member(list, "b"));
    g_assert_null(t->abi->json_key(list, 0));
    g_assert_null(t->abi->json_member(json, NULL));
}

static void
test_json_of_nothing(void)
{
    g_autoptr(Test) t = test_new("search", 1, NULL);
    g_assert_cmpint(t->abi->json_type(NULL), ==, PBX_JSON_NONE);
    g_assert_null(t->abi->json_member(NULL, "a"));
    g_assert_null(t->abi->json_item(NULL, 0));
    g_assert_null(t->abi->json_key(NULL, 0));
    g_assert_cmpuint(t->abi->json_length(NULL), ==, 0);
    g_assert_cmpint(t->abi->json_bool(NULL, 1), ==, 1);
    g_assert_cmpfloat(t->abi->json_real(NULL, 0.5), ==, 0.5);
    g_assert_cmpint(t->abi->json_int(NULL, -1), ==, -1);
    g_assert_null(t->abi->json_string(NULL, NULL));
}

static void
test_log_is_one_clean_line(void)
{
    g_autoptr(Test) t = test_new("stop[0]", 1, NULL);
    t->abi->log(t->abi, PBX_LOG_WARNING, "50% of\nit\r\n");
    g_assert_cmpstr(t->slot, ==, "stop[0]");
    g_assert_cmpint(t->level, ==, PBX_LOG_WARNING);
    g_assert_cmpstr(t->message, ==, "50% of it  ");
    t->abi->log(t->abi, 99, "a\xff");
    g_assert_cmpint(t->level, ==, PBX_LOG_ERROR);
    g_assert_true(g_utf8_validate(t->message, -1, NULL));
    t->abi->log(t->abi, -5, NULL);
    g_assert_cmpint(t->level, ==, PBX_LOG_DEBUG);
    g_assert_cmpstr(t->message, ==, "");
}

static void
test_clock_and_cancelling(void)
{
    g_autoptr(PbxClock) clock = clock_new_virtual(42);
    g_autoptr(Test) t = test_new("search", 1, clock);
    g_assert_cmpint(t->abi->now_ns(t->abi), ==, 42);
    g_assert_cmpint(t->abi->cancelled(t->abi), ==, 0);
    host_set_cancelled(t->host, TRUE);
    g_assert_cmpint(t->abi->cancelled(t->abi), !=, 0);
    host_set_cancelled(t->host, FALSE);
    g_assert_cmpint(t->abi->cancelled(t->abi), ==, 0);
}

/* The same by seed and slot, and never by what was asked before. */
static void
test_randomness(void)
{
    g_autoptr(Test) t = test_new("search", 1, NULL);
    g_autoptr(Test) same = test_new("search", 1, NULL);
    g_autoptr(Test) other_slot = test_new("stop[0]", 1, NULL);
    g_autoptr(Test) other_seed = test_new("search", 2, NULL);
    guint64 all[6], part[3], word;
    t->abi->random(t->abi, 5, 0, all, 6);
    same->abi->random(same->abi, 5, 3, part, 3);
    g_assert_cmpmem(&all[3], sizeof part, part, sizeof part);
    PbxSeed seed = random_seed(1, "search");
    guint64 expected[6];
    random_at(&seed, 5, 0, expected, 6);
    g_assert_cmpmem(all, sizeof all, expected, sizeof expected);
    other_slot->abi->random(other_slot->abi, 5, 0, &word, 1);
    g_assert_cmpuint(word, !=, all[0]);
    other_seed->abi->random(other_seed->abi, 5, 0, &word, 1);
    g_assert_cmpuint(word, !=, all[0]);
    t->abi->random(t->abi, 6, 0, &word, 1);
    g_assert_cmpuint(word, !=, all[0]);
}

static void
test_services(void)
{
    static const int table = 0;
    int user = 0;
    g_autoptr(Test) t = test_new("search", 1, NULL);
    g_autoptr(Test) other = test_new("search", 1, NULL);
    g_assert_nonnull(t->abi->service(t->abi, PBX_JSON_WRITE_ID));
    g_assert_nonnull(t->abi->service(t->abi, PBX_EXPRESSION_ID));
    g_assert_null(t->abi->service(t->abi, PBX_FILES_ID));
    g_assert_null(t->abi->service(t->abi, "json-write/2"));
    g_assert_null(t->abi->service(t->abi, NULL));
    host_add_service(t->host, PBX_FILES_ID, &table, &user);
    g_assert_true(t->abi->service(t->abi, PBX_FILES_ID) == &table);
    g_assert_true(host_service_user(t->abi, PBX_FILES_ID) == &user);
    g_assert_null(other->abi->service(other->abi, PBX_FILES_ID));
    g_assert_null(host_service_user(other->abi, PBX_FILES_ID));
}

/* ---- expression/1 ---- */

static const pbx_option rows[] = {
    {"when", "When.", "0.1", PBX_OPTION_EXPRESSION, 0, 0, 0, NULL, NULL},
    {"other", "Other.", "0.1", PBX_OPTION_EXPRESSION, 0, 0, 0, NULL, NULL},
};
static const pbx_plugin when_desc = {.kind = "stopper",
                                     .name = "test",
                                     .option_size = sizeof(pbx_option),
                                     .n_options = 2,
                                     .options = rows};
static const PbxPlugin when_plugin = {.desc = &when_desc};

static void
test_expression_service(void)
{
    g_autoptr(PbxSandbox) sandbox = sandbox_new();
    g_autoptr(PbxProblems) problems = problems_new();
    static const char text[] = "{\"when\": \"loss < 1 and rand() < 2\"}";
    g_autoptr(PbxDoc) doc = doc_parse("x", text, strlen(text), DOC_PLAIN, problems);
    PbxOptionContext context = {.sandbox = sandbox};
    g_autoptr(PbxOptions) options = options_check(&when_plugin, doc, "", NULL, &context, problems);
    g_assert_nonnull(options);
    g_autoptr(PbxHost) host = host_new("stop[0]", options, 1, NULL, NULL, NULL);
    const pbx_host *abi = host_abi(host);
    const pbx_expression *service = abi->service(abi, PBX_EXPRESSION_ID);
    g_autoptr(JsonNode) loss = read_json("0.5");
    const char *names[65] = {"loss"};
    const pbx_json *values[65] = {host_json(loss)};
    pbx_error error;
    const pbx_json *value = service->eval(abi, "when", names, values, 1, 0, &error);
    g_assert_cmpint(abi->json_bool(value, -1), ==, 1);
    g_assert_null(service->eval(abi, "when", names, values, 0, 0, &error));
    g_assert_cmpstr(error.where, ==, "when");
    g_assert_cmpstr(error.message, ==, "unknown name 'loss'");
    g_assert_null(service->eval(abi, "other", names, values, 1, 0, &error));
    g_assert_cmpstr(error.message, ==, "there is no expression in this option");
    g_assert_null(service->eval(abi, NULL, names, values, 1, 0, &error));
    g_assert_null(service->eval(abi, "when", names, values, 65, 0, &error));
    g_assert_cmpstr(error.message, ==, "too many names");
    g_assert_null(service->eval(abi, "when", names, values, 65, 0, NULL)); /* who does not care */
}

/* A text that is parsed once somebody looks at it. */
static void
test_json_lazy(void)
{
    Test *t = test_new("a", 1, NULL);
    const char *text = "{\"a\":{\"b\":2}}trailing";
    PbxLazyJson lazy = {.text = text, .length = strlen(text) - strlen("trailing")};
    const pbx_json *json = host_json_lazy(&lazy);
    g_assert_null(lazy.node);
    g_assert_cmpint(t->abi->json_type(json), ==, PBX_JSON_OBJECT);
    JsonNode *node = lazy.node;
    g_assert_nonnull(node);
    const pbx_json *inner = t->abi->json_member(t->abi->json_member(json, "a"), "b");
    g_assert_cmpint(t->abi->json_int(inner, 0), ==, 2);
    g_assert_true(host_json_node(json) == node);
    lazy_json_clear(&lazy);
    PbxLazyJson broken = {.text = "{", .length = 1};
    g_assert_cmpint(t->abi->json_type(host_json_lazy(&broken)), !=, PBX_JSON_OBJECT);
    g_assert_null(t->abi->json_member(host_json_lazy(&broken), "a"));
    lazy_json_clear(&broken);
    test_free(t);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/plugin/host/header", test_header);
    g_test_add_func("/plugin/host/json-values", test_json_values);
    g_test_add_func("/plugin/host/json-containers", test_json_containers);
    g_test_add_func("/plugin/host/json-lazy", test_json_lazy);
    g_test_add_func("/plugin/host/json-of-nothing", test_json_of_nothing);
    g_test_add_func("/plugin/host/log-is-one-clean-line", test_log_is_one_clean_line);
    g_test_add_func("/plugin/host/clock-and-cancelling", test_clock_and_cancelling);
    g_test_add_func("/plugin/host/randomness", test_randomness);
    g_test_add_func("/plugin/host/services", test_services);
    g_test_add_func("/plugin/host/expression", test_expression_service);
    return g_test_run();
}
