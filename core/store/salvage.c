/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A store made anew of what can be read and verified in a damaged one. */
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "store/salvage-private.h"
#include "store/wal-private.h"

/* ---- Findings ---- */

void
finding_free(gpointer data)
{
    PbxFinding *finding = data;
    g_free(finding->where);
    g_free(finding->what);
    g_free(finding->then);
    g_free(finding);
}

void
finding_add(GPtrArray *findings, PbxLoss loss, const char *where, const char *then,
            const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    PbxFinding *finding = g_new(PbxFinding, 1);
    *finding = (PbxFinding){.where = g_strdup(where),
                            .what = g_strdup_vprintf(format, arguments),
                            .then = g_strdup(then),
                            .loss = loss};
    va_end(arguments);
    g_ptr_array_add(findings, finding);
}

gboolean
salvage_is_hosts_fault(int code)
{
    switch (code & 0xff) {
    case SQLITE_IOERR:
    case SQLITE_FULL:
    case SQLITE_CANTOPEN:
    case SQLITE_BUSY:
        return TRUE;
    default:
        return FALSE;
    }
}

#define MAX_VERSION 1000 /* no schema will have that number: it is damaged */
#define MAX_SAID    160  /* bytes of what SQLite says */

/* ---- The copy to be read ---- */

static char *
store_path(const char *dir)
{
    return g_build_filename(dir, "experiment.db", NULL);
}

/* What a store on a network file system has in place of the log: SQLite is to roll it back. */
static gboolean
copy_journal(const char *dir, const char *copy_dir, GError **error)
{
    g_autofree char *from = g_build_filename(dir, "experiment.db-journal", NULL);
    g_autofree char *to = g_build_filename(copy_dir, "experiment.db-journal", NULL);
    g_autofree char *bytes = NULL;
    gsize n = 0;
    g_autoptr(GError) failed = NULL;
    if (g_file_get_contents(from, &bytes, &n, &failed))
        return n == 0 || g_file_set_contents(to, bytes, (gssize)n, error);
    if (g_error_matches(failed, G_FILE_ERROR, G_FILE_ERROR_NOENT))
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&failed));
    return FALSE;
}

static gboolean
make_copy(const char *dir, const char *copy_dir, GPtrArray *findings, GError **error)
{
    g_autoptr(PbxWal) wal = wal_open(dir, error);
    g_autofree char *path = store_path(copy_dir);
    PbxWalFacts facts;
    if (wal == NULL)
        return FALSE;
    wal_facts(wal, &facts);
    if (!wal_copy(wal, &facts, path, error) || !copy_journal(dir, copy_dir, error))
        return FALSE;
    if (facts.lost > 0) {
        g_autofree char *then = g_strdup_printf(
            "what was committed behind it is lost, at most the newest %" G_GUINT64_FORMAT
            " commits",
            facts.lost);
        finding_add(findings, LOSS_SOME, "experiment.db-wal", then,
                    "frame %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " is damaged",
                    facts.first_bad + 1, facts.frames);
    } else if (facts.first_bad < facts.frames) {
        finding_add(findings, LOSS_NONE, "experiment.db-wal",
                    "the database has what it held already",
                    "frame %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " is damaged",
                    facts.first_bad + 1, facts.frames);
    }
    return TRUE;
}

/* The first page has the header and where each table begins: that of a new store is the same, but
 * for how long the database is. Where so much is cut off that a table's first page is gone, SQLite
 * would read none of them: pages of zeros stand in for those. */
static gboolean
transplant_first_page(const char *copy_dir, const char *new_dir, gboolean *cut_short,
                      GError **error)
{
    g_autofree char *path = store_path(copy_dir), *new_path = store_path(new_dir);
    g_autofree char *bytes = NULL, *fresh = NULL;
    gsize n_read = 0, n_fresh = 0;
    if (!g_file_get_contents(path, &bytes, &n_read, error) ||
        !g_file_get_contents(new_path, &fresh, &n_fresh, error))
        return FALSE;
    if (n_read < 2 * STORE_PAGE_SIZE || n_fresh < STORE_PAGE_SIZE) {
        g_set_error(error, PBX_STORE_ERROR, STORE_ERROR_DAMAGED, "hardly anything of it is left");
        return FALSE;
    }
    guint32 said;
    memcpy(&said, bytes + 28, 4);
    *cut_short = memcmp(bytes, fresh, 16) == 0 && GUINT32_FROM_BE(said) > n_read / STORE_PAGE_SIZE;
    const gsize n = MAX(n_read, n_fresh);
    bytes = g_realloc(bytes, n);
    memset(bytes + n_read, 0, n - n_read);
    memcpy(bytes, fresh, STORE_PAGE_SIZE);
    const guint32 pages = GUINT32_TO_BE((guint32)(n / STORE_PAGE_SIZE));
    bytes[18] = bytes[19] = 1;         /* no log */
    memcpy(bytes + 28, &pages, 4);     /* how long it is, */
    memcpy(bytes + 92, bytes + 24, 4); /* which this makes valid */
    memset(bytes + 32, 0, 8);          /* no free pages */
    return g_file_set_contents(path, bytes, (gssize)n, error);
}

static gboolean
has_tables(PbxStore *store)
{
    int application = 0, n = 0;
    return store_read_int(store, "PRAGMA application_id", &application, NULL) &&
           application == STORE_APPLICATION_ID &&
           store_read_int(store,
                          "SELECT count(*) FROM sqlite_schema WHERE name IN ('fact', 'trial', "
                          "'attempt', 'result', 'event', 'decider', 'cursor', 'file')",
                          &n, NULL) &&
           n == 8;
}

/* Its schema is what it should be, as far as it is needed. */
static gboolean
has_columns(PbxStore *store, GError **error)
{
    static const char *const texts[] = {
        "SELECT " STORE_FACT_COLUMNS " FROM fact",
        "SELECT " STORE_TRIAL_COLUMNS " FROM trial",
        "SELECT " STORE_ATTEMPT_COLUMNS " FROM attempt",
        "SELECT " STORE_RESULT_COLUMNS " FROM result",
        "SELECT " STORE_EVENT_COLUMNS " FROM event",
        "SELECT " STORE_DECIDER_COLUMNS " FROM decider",
        "SELECT " STORE_CHECKPOINT_COLUMNS " FROM checkpoint",
        "SELECT " STORE_INPUT_COLUMNS " FROM input",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        sqlite3_stmt *s = NULL;
        const int code = sqlite3_prepare_v2(store->db, texts[i], -1, &s, NULL);
        sqlite3_finalize(s);
        if (code != SQLITE_OK)
            return store_fail(store, error);
    }
    return TRUE;
}

static gboolean
bring_up_to_date(PbxStore *store, GError **error)
{
    int version = 0;
    if (!store_read_int(store, "PRAGMA user_version", &version, error))
        return FALSE;
    if (version > STORE_SCHEMA_VERSION && version < MAX_VERSION && has_tables(store)) {
        g_set_error(error, PBX_STORE_ERROR, STORE_ERROR_SCHEMA,
                    "it was written by a newer pegbox (schema %d; this one knows up to %d)",
                    version, STORE_SCHEMA_VERSION);
        return FALSE;
    }
    if (!has_tables(store) || version > STORE_SCHEMA_VERSION) {
        if (salvage_is_hosts_fault(sqlite3_errcode(store->db)))
            return store_fail(store, error);
        g_set_error(error, PBX_STORE_ERROR, STORE_ERROR_DAMAGED, "its tables cannot be found");
        return FALSE;
    }
    if (!store_migrate(store, version, error) || !has_columns(store, error))
        return FALSE;
    g_autofree char *first = store_fact(store, STORE_FACT_FIRST_SCHEMA);
    store->unsummed = first != NULL;
    return TRUE;
}

/* Whatever is wrong in its rows. *of_host: it fails for what another try may do without. */
static PbxStore *
open_copy(const char *copy_dir, gboolean *of_host, GError **error)
{
    g_autoptr(PbxStore) store = store_open_unchecked(copy_dir, error);
    if (store != NULL && bring_up_to_date(store, error))
        return g_steal_pointer(&store);
    *of_host = store == NULL || salvage_is_hosts_fault(sqlite3_errcode(store->db));
    return NULL;
}

static PbxStore *
open_somehow(const char *copy_dir, const char *new_dir, GPtrArray *findings, GError **error)
{
    g_autoptr(GError) failed = NULL;
    gboolean of_host = FALSE;
    PbxStore *store = open_copy(copy_dir, &of_host, &failed);
    if (store != NULL)
        return store;
    if (of_host || g_error_matches(failed, PBX_STORE_ERROR, STORE_ERROR_SCHEMA)) {
        g_propagate_error(error, g_steal_pointer(&failed));
        return NULL;
    }
    gboolean cut_short = FALSE;
    if (!transplant_first_page(copy_dir, new_dir, &cut_short, error) ||
        (store = open_copy(copy_dir, &of_host, error)) == NULL)
        return NULL;
    finding_add(findings, LOSS_NONE, "experiment.db",
                "it is made anew; what the other pages hold is verified row by row",
                cut_short ? "it is cut short" : "its first page is damaged");
    return store;
}

/* ---- All of it ---- */

/* Trees and pages, by SQLite's own means; rows come later, each by itself. */
static void
check_pages(PbxStore *store, GPtrArray *findings)
{
    sqlite3_stmt *s = NULL;
    g_autofree char *first = NULL;
    guint n = 0;
    (void)sqlite3_prepare_v2(store->db, "PRAGMA integrity_check(100)", -1, &s, NULL);
    while (s != NULL && sqlite3_step(s) == SQLITE_ROW) {
        const char *text = row_text(s, 0);
        if (text == NULL || g_str_equal(text, "ok"))
            continue;
        /* The first line names the database only. */
        const char *line = strchr(text, '\n');
        text = g_str_has_prefix(text, "***") && line != NULL ? line + 1 : text;
        if (n++ == 0)
            first = g_strndup(text, MIN(strcspn(text, "\n"), MAX_SAID));
    }
    const gboolean done = s != NULL && sqlite3_finalize(s) == SQLITE_OK;
    if (done && n == 0)
        return;
    finding_add(findings, LOSS_NONE, "experiment.db",
                "it is written anew of the rows that can be read",
                n > 1 ? "its pages are damaged (%s, and more)" : "its pages are damaged (%s)",
                first != NULL ? first : "SQLite cannot check them");
}

SalvageTrial *
salvage_trial(Salvage *salvage, guint64 number)
{
    if (number > G_MAXINT32 || number > salvage->trials->len + 1000000)
        return NULL;
    if (number >= salvage->trials->len)
        g_array_set_size(salvage->trials, (guint)number + 1);
    return &g_array_index(salvage->trials, SalvageTrial, number);
}

static gboolean
gather(Salvage *salvage)
{
    return salvage_facts(salvage) && salvage_trials(salvage) && salvage_results(salvage) &&
           salvage_kept(salvage) && salvage_mend_trials(salvage);
}

static gboolean
fill(const char *dir, PbxStore *from, PbxStore *to, GPtrArray *findings, GError **error)
{
    Salvage salvage = {.dir = dir, .from = from, .to = to, .findings = findings};
    if (!store_begin(to, error))
        return FALSE;
    salvage.trials = g_array_new(FALSE, TRUE, sizeof(SalvageTrial));
    salvage.shown = g_hash_table_new(NULL, NULL);
    salvage.events_lost = g_hash_table_new(NULL, NULL);
    to->holes = TRUE; /* they are seen to here */
    gboolean good = gather(&salvage);
    if (good && !salvage.any_rows) {
        g_set_error(&salvage.error, PBX_STORE_ERROR, STORE_ERROR_DAMAGED,
                    "none of its rows can be read");
        good = FALSE;
    }
    good = good && store_commit(to, &salvage.error);
    g_array_unref(salvage.trials);
    g_hash_table_unref(salvage.shown);
    g_hash_table_unref(salvage.events_lost);
    g_free(salvage.id_prefix);
    if (good)
        return store_make_durable(to, error);
    store_rollback(to);
    g_propagate_error(error, salvage.error);
    return FALSE;
}

static void
delete_store(const char *dir)
{
    static const char *const endings[] = {"", "-wal", "-shm", "-journal"};
    for (gsize i = 0; i < G_N_ELEMENTS(endings); i++) {
        g_autofree char *path = g_strconcat(dir, "/experiment.db", endings[i], NULL);
        g_unlink(path);
    }
}

gboolean
store_salvage(const char *dir, const char *new_dir, GPtrArray *findings, GError **error)
{
    g_autofree char *copy_dir = g_build_filename(new_dir, "copy", NULL);
    if (g_mkdir(copy_dir, 0700) != 0) {
        g_set_error(error, PBX_STORE_ERROR, STORE_ERROR_IO, "%s cannot be made", copy_dir);
        return FALSE;
    }
    PbxStore *from = NULL, *to = store_create(new_dir, FALSE, error);
    /* Its first page is looked at: it has to be in the file. */
    gboolean good = to != NULL && make_copy(dir, copy_dir, findings, error) &&
                    store_exec(to, "PRAGMA wal_checkpoint(TRUNCATE)", error) &&
                    (from = open_somehow(copy_dir, new_dir, findings, error)) != NULL;
    if (good) {
        check_pages(from, findings);
        good = fill(dir, from, to, findings, error);
    }
    store_close(from);
    store_close(to);
    delete_store(copy_dir);
    g_rmdir(copy_dir);
    if (!good && error != NULL && (*error)->domain == PBX_STORE_ERROR &&
        ((*error)->code == STORE_ERROR_DAMAGED || (*error)->code == STORE_ERROR_SCHEMA))
        g_prefix_error(error, "%s/experiment.db is beyond help: ", dir);
    return good;
}
