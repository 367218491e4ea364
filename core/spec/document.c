/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a file, or the words of a command, and what overrides it, to one document. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "spec/spec-private.h"

#define MAX_FILE_SIZE (64u * 1024 * 1024)
#define SET_SHOWN     100 /* bytes of a --set that messages show */

/* ---- Reading ---- */

/* All that comes from a descriptor, up to a limit. NULL with error. (transfer full) */
static char *
read_all(int fd, gsize *length, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    char buffer[65536];
    for (;;) {
        ssize_t n = read(fd, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno), "%s",
                        g_strerror(errno));
            return NULL;
        }
        if (n == 0)
            break;
        if (text->len + (gsize)n > MAX_FILE_SIZE) {
            g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "it is over 64 MiB");
            return NULL;
        }
        g_string_append_len(text, buffer, n);
    }
    *length = text->len;
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* Whether it is rather a script: an object, or a comment before it, begins otherwise. */
static gboolean
is_no_json(const char *text)
{
    text += strspn(text, " \t\r\n");
    return g_ascii_isalpha(*text) || *text == '#';
}

PbxDoc *
document_read(const char *file, PbxProblems *problems)
{
    gsize length = 0;
    g_autoptr(GError) error = NULL;
    const gboolean standard_input = g_str_equal(file, "-");
    const int fd = standard_input ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        problems_add(problems, NULL, "", "%s cannot be read: %s", file, g_strerror(errno));
        return NULL;
    }
    if (standard_input)
        file = "standard input";
    g_autofree char *text = read_all(fd, &length, &error);
    if (!standard_input)
        close(fd);
    if (text == NULL) {
        problems_add(problems, NULL, "", "%s cannot be read: %s", file, error->message);
        return NULL;
    }
    g_autoptr(PbxDoc) doc = doc_parse(file, text, length, DOC_COMMENTS, problems);
    if (doc == NULL && is_no_json(text))
        problems_hint(problems, "an experiment file is JSON; to tune a program: pegbox run "
                                "[OPTIONS] -- PROGRAM ARGS");
    if (doc != NULL && !JSON_NODE_HOLDS_OBJECT(doc_root(doc))) {
        problems_add(problems, doc, "", "an experiment file is an object, this is %s",
                     node_kind(doc_root(doc)));
        return NULL;
    }
    return g_steal_pointer(&doc);
}

/* ---- What goes over the file ---- */

static void
set_node(PbxDoc *doc, const char *path, JsonNode *value, const char *origin, PbxProblems *problems)
{
    g_autoptr(GError) error = NULL;
    if (!doc_set(doc, path, value, origin, &error))
        problems_add(problems, NULL, "", "%s: %s", origin, error->message);
    json_node_unref(value);
}

static JsonNode *
string_node(const char *text)
{
    return json_node_init_string(json_node_alloc(), text);
}

/* Whether a text can only be meant as JSON: a template has its name right behind the brace. */
static gboolean
begins_as_json(const char *text)
{
    text += strspn(text, " \t\n");
    const char first = text[0];
    if (first != '{' && first != '[')
        return FALSE;
    text += 1 + strspn(text + 1, " \t\n");
    return text[0] == '"' || (first == '[' && text[0] == '{');
}

/* JSON where it is, else a string; NULL with error: JSON that is nested too deep, or broken. */
static JsonNode *
value_of_text(const char *text, GError **error)
{
    g_autoptr(PbxProblems) ignored = problems_new();
    g_autoptr(PbxDoc) doc = doc_parse("value", text, strlen(text), DOC_PLAIN, ignored);
    if (doc != NULL)
        return json_clone(doc_root(doc));
    g_autoptr(GError) why = NULL;
    g_autoptr(JsonNode) read = json_read(text, strlen(text), DOC_MAX_NESTING, &why);
    if (g_error_matches(why, PBX_JSON_ERROR, PBX_JSON_ERROR_NESTING)) {
        g_propagate_error(error, g_steal_pointer(&why));
        return NULL;
    }
    if (begins_as_json(text)) {
        g_autofree char *said = problems_format(ignored);
        const char *what = strstr(said, ": ");
        g_strchomp(said);
        g_set_error(error, PBX_JSON_ERROR, PBX_JSON_ERROR_SYNTAX,
                    "it begins as JSON, and is none: %s", what != NULL ? what + 2 : said);
        return NULL;
    }
    return string_node(text);
}

/* The '=' that ends the key; keys may be quoted. */
static const char *
find_equals(const char *text)
{
    gboolean quoted = FALSE;
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"')
            quoted = !quoted;
        else if (*c == '=' && !quoted)
            return c;
    }
    return NULL;
}

static void
apply_set(PbxDoc *doc, const char *text, PbxProblems *problems)
{
    const gboolean whole = strlen(text) <= SET_SHOWN;
    g_autofree char *origin = g_strdup_printf("--set %.*s%s", SET_SHOWN, text, whole ? "" : "...");
    g_autoptr(GError) error = NULL;
    const char *equals = find_equals(text);
    if (equals == NULL || equals == text) {
        problems_add(problems, NULL, "", "%s: write --set KEY=VALUE", origin);
        return;
    }
    if (!g_utf8_validate(text, -1, NULL)) {
        problems_add(problems, NULL, "", "%s: it is not UTF-8", origin);
        return;
    }
    g_autofree char *path = g_strndup(text, equals - text);
    JsonNode *value = value_of_text(equals + 1, &error);
    if (value != NULL)
        set_node(doc, path, value, origin, problems);
    else
        problems_add(problems, NULL, "", "%s: %s", origin, error->message);
}

static void
apply_num_samples(PbxDoc *doc, const char *text, PbxProblems *problems)
{
    gint64 number = 0;
    if (!g_ascii_string_to_signed(text, 10, G_MININT64, G_MAXINT64, &number, NULL)) {
        problems_add(problems, NULL, "", "--num-samples: needs an integer, got '%s'", text);
        return;
    }
    set_node(doc, "num_samples", json_node_init_int(json_node_alloc(), number), "--num-samples",
             problems);
}

/* An option that was given once, or several times. (transfer full) */
static JsonNode *
texts_node(char **texts)
{
    if (texts[1] == NULL)
        return string_node(texts[0]);
    JsonArray *array = json_array_new();
    for (char **text = texts; *text != NULL; text++)
        json_array_add_element(array, string_node(*text));
    JsonNode *node = json_node_init_array(json_node_alloc(), array);
    json_array_unref(array);
    return node;
}

static void
apply_overrides(PbxDoc *doc, const PbxSpecInput *input, PbxProblems *problems)
{
    if (input->metrics != NULL)
        set_node(doc, "metric", texts_node(input->metrics), "--metric", problems);
    if (input->modes != NULL)
        set_node(doc, "mode", texts_node(input->modes), "--mode", problems);
    if (input->num_samples != NULL)
        apply_num_samples(doc, input->num_samples, problems);
    for (char **set = input->sets; set != NULL && *set != NULL; set++)
        apply_set(doc, *set, problems);
    if (input->name != NULL)
        set_node(doc, "name", string_node(input->name), "--name", problems);
    if (input->results_dir != NULL) {
        g_autofree char *current = g_get_current_dir();
        g_autofree char *path = path_resolve(input->results_dir, current);
        set_node(doc, "results_dir", string_node(path), "--results-dir", problems);
    }
    if (input->fail_fast)
        set_node(doc, "fail_fast", json_node_init_boolean(json_node_alloc(), TRUE), "--fail-fast",
                 problems);
}

/* What the input builds upon. */
static PbxDoc *
first_document(const PbxSpecInput *input, PbxProblems *problems)
{
    if (input->file != NULL)
        return extends_read(input->file, problems);
    if (input->command != NULL)
        return one_line_document(input->command, problems);
    g_autoptr(JsonNode) copy = json_clone(input->stored);
    return doc_new_for_node("experiment.json", copy);
}

static void
keep(PbxDoc *doc, const char *key, JsonNode *value)
{
    g_autoptr(GError) ignored = NULL; /* a key of the root can always be set */
    (void)doc_set(doc, key, value, "experiment.json", &ignored);
}

/* A seed that was drawn then stays, and so does the order in which parameters are numbered. */
static void
keep_stored(PbxDoc *doc, JsonNode *stored)
{
    if (!JSON_NODE_HOLDS_OBJECT(doc_root(doc)))
        return;
    JsonObject *now = json_node_get_object(doc_root(doc));
    JsonObject *then = json_node_get_object(stored);
    JsonNode *seed = json_object_get_member(then, "seed");
    JsonNode *config = json_object_get_member(then, "config");
    JsonNode *given = json_object_get_member(now, "config");
    if (seed != NULL && !json_object_has_member(now, "seed"))
        keep(doc, "seed", seed);
    if (config == NULL || given == NULL || !json_equal(config, given))
        return;
    g_autofree char *old_text = json_to_text(config);
    g_autofree char *new_text = json_to_text(given);
    if (!g_str_equal(old_text, new_text))
        keep(doc, "config", config);
}

/* A document with a duplicate key comes with that problem: what else is wrong is found too. */
static PbxDoc *
make_document(const PbxSpecInput *input, PbxProblems *problems)
{
    PbxDoc *doc = first_document(input, problems);
    if (doc == NULL)
        return NULL;
    apply_overrides(doc, input, problems);
    if (input->stored != NULL)
        keep_stored(doc, input->stored);
    extends_refuse(doc, problems);
    return doc;
}

PbxDoc *
spec_document(const PbxSpecInput *input, PbxProblems *problems)
{
    guint before = problems_count(problems);
    g_autoptr(PbxDoc) doc = make_document(input, problems);
    return problems_count(problems) == before ? g_steal_pointer(&doc) : NULL;
}

char *
spec_base_dir(const PbxSpecInput *input)
{
    g_autofree char *current = g_get_current_dir();
    if (input->file == NULL || g_str_equal(input->file, "-"))
        return g_steal_pointer(&current);
    g_autofree char *path = g_canonicalize_filename(input->file, current);
    return g_path_get_dirname(path);
}

PbxSpec *
spec_load(const PbxSpecInput *input, PbxRegistry *registry, PbxProblems *problems)
{
    guint before = problems_count(problems);
    PbxDoc *doc = make_document(input, problems);
    if (doc == NULL)
        return NULL;
    g_autofree char *base_dir = spec_base_dir(input);
    const PbxCheckHow how = {
        .ask = input->ask, .is_new = input->stored == NULL, .replace = input->replace};
    g_autoptr(PbxSpec) spec = spec_check_how(doc, base_dir, &how, registry, problems);
    if (spec != NULL && spec->name == NULL && input->replace)
        problems_add(problems, NULL, "",
                     "--replace needs the experiment's name: 'name' in the file, or --name");
    if (spec == NULL || problems_count(problems) != before)
        return NULL;
    spec->local = input->local;
    spec->verbose = input->verbose;
    return g_steal_pointer(&spec);
}
