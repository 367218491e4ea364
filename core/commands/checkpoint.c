/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox checkpoint: archives packed, unpacked, listed and verified by hand. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "checkpoint/checkpoint.h"
#include "commands/checkpoint-private.h"

typedef struct {
    gboolean json;
    int zstd;
    char *sha256;
    gint64 max_bytes;
} Options;

static void
options_clear(Options *options)
{
    g_free(options->sha256);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

int
checkpoint_status(const GError *error)
{
    switch (error->code) {
    case CHECKPOINT_ERROR_EXISTS:
        return EXIT_USAGE;
    case CHECKPOINT_ERROR_INTERRUPTED:
        return EXIT_INTERRUPTED;
    default:
        return EXIT_BROKEN;
    }
}

static int
failed(const GError *error)
{
    command_error("%s", error->message);
    return checkpoint_status(error);
}

JsonObject *
checkpoint_facts(const char *archive, const PbxArchiveFacts *facts)
{
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "archive", archive);
    json_object_set_string_member(object, "sha256", facts->sha256);
    json_object_set_int_member(object, "bytes", (gint64)facts->bytes);
    json_object_set_int_member(object, "unpacked_bytes", (gint64)facts->unpacked_bytes);
    json_object_set_int_member(object, "members", (gint64)facts->n_members);
    return object;
}

static void
say_facts(const char *archive, const PbxArchiveFacts *facts, gboolean json)
{
    if (json) {
        g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);
        json_node_take_object(node, checkpoint_facts(archive, facts));
        command_say_json(node);
        return;
    }
    command_say("%s: %" G_GUINT64_FORMAT " bytes, %" G_GUINT64_FORMAT
                " member%s with %" G_GUINT64_FORMAT " bytes, SHA-256 %s",
                archive, facts->bytes, facts->n_members, facts->n_members == 1 ? "" : "s",
                facts->unpacked_bytes, facts->sha256);
}

static int
pack(char **words, const Options *options)
{
    g_autoptr(GError) error = NULL;
    PbxArchiveFacts facts;
    const PbxPackOptions pack_options = {.zstd_level = options->zstd};
    if (!checkpoint_pack(words[0], NULL, words[1], &pack_options, &facts, &error))
        return failed(error);
    say_facts(words[1], &facts, options->json);
    return EXIT_DONE;
}

static int
unpack(char **words, const Options *options)
{
    g_autoptr(GError) error = NULL;
    const guint64 max_bytes = (guint64)options->max_bytes;
    if (checkpoint_unpack(words[0], words[1], options->sha256, max_bytes, &error))
        return EXIT_DONE;
    const int status = failed(error);
    if (max_bytes == 0 && strstr(error->message, "the limit of") != NULL)
        command_hint("--max-bytes sets another limit");
    return status;
}

/* ---- list ---- */

typedef struct {
    gboolean json;
    gboolean begun;
} Lister;

static char *
mtime_text(const PbxMember *member)
{
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(member->mtime_s);
    g_autofree char *day = utc != NULL ? g_date_time_format(utc, "%Y-%m-%dT%H:%M:%S") : NULL;
    return day != NULL ? g_strdup_printf("%s.%09uZ", day, member->mtime_ns)
                       : g_strdup_printf("@%" G_GINT64_FORMAT, member->mtime_s);
}

static const char *
type_text(char type)
{
    switch (type) {
    case 'f':
        return "file";
    case 'd':
        return "directory";
    case 'l':
        return "symlink";
    case 'h':
        return "hardlink";
    default:
        return "other";
    }
}

static void
list_json(const PbxMember *member, const char *mtime)
{
    g_autoptr(GString) line = g_string_new("{\"path\":");
    json_put_string(line, member->path);
    g_string_append_printf(line, ",\"type\":\"%s\",\"mode\":\"%04o\",\"size\":%" G_GUINT64_FORMAT,
                           type_text(member->type), member->mode, member->size);
    g_string_append_printf(line, ",\"mtime\":\"%s\",\"link\":", mtime);
    if (member->link != NULL)
        json_put_string(line, member->link);
    else
        g_string_append(line, "null");
    g_string_append_c(line, '}');
    command_put(line->str);
}

/* Printed as they come: there may be millions. */
static void
list_member(const PbxMember *member, gpointer data)
{
    Lister *lister = data;
    g_autofree char *mtime = mtime_text(member);
    if (lister->json) {
        command_put(lister->begun ? ",\n" : "[");
        list_json(member, mtime);
    } else {
        command_say("%c %04o %12" G_GUINT64_FORMAT " %.19s %s%s%s", member->type, member->mode,
                    member->size, mtime, member->path, member->link != NULL ? " -> " : "",
                    member->link != NULL ? member->link : "");
    }
    lister->begun = TRUE;
}

static int
list(char **words, const Options *options)
{
    g_autoptr(GError) error = NULL;
    Lister lister = {.json = options->json};
    const gboolean good = checkpoint_list(words[0], list_member, &lister, &error);
    if (good && options->json)
        command_put(lister.begun ? "]\n" : "[]\n");
    return good ? EXIT_DONE : failed(error);
}

/* ---- verify ---- */

static int
verify_file(const char *archive, const Options *options)
{
    g_autoptr(GError) error = NULL;
    PbxArchiveFacts facts;
    if (checkpoint_verify(archive, options->sha256, &facts, &error)) {
        say_facts(archive, &facts, options->json);
        return EXIT_DONE;
    }
    const gboolean bad =
        error->code == CHECKPOINT_ERROR_DAMAGED || error->code == CHECKPOINT_ERROR_REFUSED;
    const int status = failed(error);
    return bad ? EXIT_TRIAL_FAILED : status;
}

static int
verify(char **words, const Options *options)
{
    if (words[0] != NULL && words[1] == NULL && g_file_test(words[0], G_FILE_TEST_EXISTS) &&
        !g_file_test(words[0], G_FILE_TEST_IS_DIR))
        return verify_file(words[0], options);
    if (options->sha256 != NULL) {
        command_error("--sha256 is for one archive; those of an experiment are in its store");
        return EXIT_USAGE;
    }
    return checkpoint_verify_experiment(words[0], words[0] != NULL ? words[1] : NULL,
                                        options->json);
}

/* ---- The command ---- */

typedef struct {
    const char *name;
    int least, most; /* words */
    const char *usage;
    gboolean zstd, sha256, max_bytes; /* the options that it has, besides --json */
    int (*run)(char **words, const Options *options);
} Action;

static const Action actions[] = {
    {"pack", 2, 2, "pack DIR FILE", TRUE, FALSE, FALSE, pack},
    {"unpack", 2, 2, "unpack FILE DIR", FALSE, TRUE, TRUE, unpack},
    {"list", 1, 1, "list FILE", FALSE, FALSE, FALSE, list},
    {"verify", 0, 2, "verify FILE, or verify [EXP [TRIAL]]", FALSE, TRUE, FALSE, verify},
};

static const Action *
find_action(const char *name)
{
    const char *names[G_N_ELEMENTS(actions) + 1] = {NULL};
    for (gsize i = 0; i < G_N_ELEMENTS(actions); i++) {
        if (g_strcmp0(name, actions[i].name) == 0)
            return &actions[i];
        names[i] = actions[i].name;
    }
    const char *meant = name != NULL ? json_did_you_mean(name, names) : NULL;
    if (name == NULL)
        command_error("checkpoint needs to know what to do: pack, unpack, list or verify");
    else if (meant != NULL)
        command_error("checkpoint cannot '%s'; did you mean '%s'?", name, meant);
    else
        command_error("checkpoint cannot '%s'; it can pack, unpack, list and verify", name);
    command_hint("`pegbox checkpoint --help` shows the usage");
    return NULL;
}

static gboolean
check_options(const Action *action, const Options *options)
{
    const char *foreign = options->zstd != 0 && !action->zstd             ? "--zstd"
                          : options->sha256 != NULL && !action->sha256    ? "--sha256"
                          : options->max_bytes != 0 && !action->max_bytes ? "--max-bytes"
                                                                          : NULL;
    if (foreign != NULL)
        command_error("checkpoint %s has no option %s", action->name, foreign);
    else if (options->zstd < 0 || options->zstd > CHECKPOINT_MAX_ZSTD_LEVEL)
        command_error("--zstd takes a level from 1 to %d", CHECKPOINT_MAX_ZSTD_LEVEL);
    else if (options->max_bytes < 0)
        command_error("--max-bytes takes a number of bytes above 0");
    else
        return TRUE;
    return FALSE;
}

static void
on_signal(int number G_GNUC_UNUSED)
{
    checkpoint_interrupt();
}

/* What is under way ends by itself, and takes what it has begun with it. */
static void
catch_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++) {
        struct sigaction before;
        const struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
    }
}

int
command_checkpoint(int argc, char **argv)
{
    g_auto(Options) options = {0};
    const GOptionEntry entries[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, &options.json, "Print the facts as JSON", NULL},
        {"max-bytes", 0, 0, G_OPTION_ARG_INT64, &options.max_bytes,
         "unpack: refuse an archive that holds more", "N"},
        {"sha256", 0, 0, G_OPTION_ARG_STRING, &options.sha256,
         "unpack, verify: what the archive's bytes must sum to", "SUM"},
        {"zstd", 0, 0, G_OPTION_ARG_INT, &options.zstd, "pack: compress, 1 (fast) to 19 (small)",
         "LEVEL"},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
    };
    int status = EXIT_USAGE;
    if (!command_parse(
            &argc, &argv, entries,
            "pack DIR FILE\n  pegbox checkpoint unpack FILE DIR\n"
            "  pegbox checkpoint list FILE\n  pegbox checkpoint verify FILE\n"
            "  pegbox checkpoint verify [EXP [TRIAL]]",
            "Packs what is in a directory into an archive, unpacks one into a directory\n"
            "that is not there yet, shows what is in one, or verifies one, or all of an\n"
            "experiment.",
            &status))
        return status;
    const Action *action = find_action(argc > 1 ? argv[1] : NULL);
    if (action == NULL)
        return EXIT_USAGE;
    const int words = argc - 2;
    if (words < action->least || words > action->most) {
        command_error("the words are: pegbox checkpoint %s", action->usage);
        return EXIT_USAGE;
    }
    if (!check_options(action, &options))
        return EXIT_USAGE;
    catch_signals();
    return action->run(argv + 2, &options);
}
