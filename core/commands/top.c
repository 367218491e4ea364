/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox top: what an experiment does now, as its own driver shows it. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "analysis/status.h"
#include "commands/look-private.h"
#include "commands/top-private.h"

#define REDRAW_MS  500
#define PATIENCE   10 /* a page that took long to make stays so many times as long */
#define MIN_HEIGHT 1

typedef struct {
    PbxLook look;
    PbxSandbox *sandbox;
    PbxDoc *doc;
    PbxSpace *space;
    PbxStatusOptions *options;
    char *state; /* of the experiment: "running" ... */
    gboolean here;
    PbxStatus *status;
    int version; /* of the data that `status` is from */
    gint64 not_before_us;
} PbxTop;

static void
top_clear(PbxTop *top)
{
    status_free(top->status);
    status_options_free(top->options);
    g_clear_pointer(&top->space, space_free);
    g_clear_pointer(&top->doc, doc_free);
    g_clear_pointer(&top->sandbox, sandbox_free);
    g_free(top->state);
    look_clear(&top->look);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PbxTop, top_clear)

static gboolean
open_top(PbxTop *top, const char *exp, int *status)
{
    if (!look_open(&top->look, exp, status))
        return FALSE;
    JsonNode *spec = top->look.spec;
    top->sandbox = sandbox_new();
    top->space = spec != NULL ? look_space(&top->look, top->sandbox, &top->doc) : NULL;
    top->options = status_options_new(
        spec != NULL ? json_object_get_member(json_node_get_object(spec), "reporter") : NULL);
    g_autofree char *driver = store_fact(top->look.store, "driver");
    g_autofree char *host = g_strconcat(g_get_host_name(), ":", NULL);
    top->here = driver != NULL && g_str_has_prefix(driver, host);
    top->version = -1;
    return TRUE;
}

static PbxStatusSource
source_of(const PbxTop *top)
{
    const PbxLook *look = &top->look;
    return (PbxStatusSource){
        .store = look->store,
        .name = look->name,
        .dir = look->dir,
        .id = look->id != NULL ? look->id : "",
        .metric = look->metric,
        .sign = look->sign,
        .further = look->metrics != NULL ? (const char *const *)look->metrics + 1 : NULL,
        .status = top->state,
        .running = look->running,
        .here = top->here,
        .spec = look->spec,
        .parameters = top->space != NULL ? space_varied(top->space) : NULL,
        .options = top->options,
    };
}

/* Where nothing drives it, and trials that were asked for are open, what a driver meant is over. */
static void
forget_driver(PbxTop *top)
{
    g_autofree char *driver = store_fact(top->look.store, "driver");
    if (!top->look.running || driver == NULL || driver[0] != '\0')
        return;
    top->status->left_s = (double)NAN;
    g_clear_pointer(&top->status->stopping, g_free);
}

/* Reads what is new. FALSE with error. */
static gboolean
refresh(PbxTop *top, GError **error)
{
    gint64 began = g_get_monotonic_time();
    g_free(top->state);
    top->state = look_status(&top->look);
    gboolean running = g_strcmp0(top->state, "running") == 0;
    gboolean changed = running != top->look.running;
    top->look.running = running;
    PbxStatusSource source = source_of(top);
    int version = store_data_version(top->look.store);
    if (top->status != NULL && !changed &&
        (version == top->version || began < top->not_before_us)) {
        analysis_status_tick(&source, top->status);
        forget_driver(top);
        return TRUE;
    }
    PbxStatus *status = analysis_status(&source, top->status, error);
    if (status == NULL)
        return FALSE;
    status_free(top->status);
    top->status = status;
    forget_driver(top);
    top->version = version;
    gint64 now = g_get_monotonic_time();
    top->not_before_us = now + PATIENCE * (now - began);
    return TRUE;
}

static void
draw(const PbxTop *top, gboolean live, GString *out)
{
    gboolean terminal = isatty(STDOUT_FILENO), columns = g_getenv("COLUMNS") != NULL;
    PbxStatusStyle style = {
        .width = terminal  ? terminal_width() - 1
                 : columns ? terminal_width()
                           : 0,
        .height = live ? MAX(terminal_height() - 1, MIN_HEIGHT) : 0,
        .colour = terminal_colour(STDOUT_FILENO),
        .utf8 = g_get_charset(NULL),
        .table = TRUE,
        .max_rows = top->options->max_progress_rows,
        .max_errors = top->options->max_error_rows,
    };
    status_draw(top->status, top->options, &style, out);
}

static int
show_once(PbxTop *top)
{
    g_autoptr(GString) out = g_string_new(NULL);
    draw(top, FALSE, out);
    fputs(out->str, stdout);
    return EXIT_DONE;
}

/* Until the experiment ends or the person leaves; the last page stays. */
static int
show_live(PbxTop *top)
{
    g_autoptr(GError) error = NULL;
    gboolean ok = TRUE;
    page_open();
    do {
        ok = refresh(top, &error);
        if (ok) {
            g_autoptr(GString) out = g_string_new(NULL);
            draw(top, TRUE, out);
            page_draw(out->str);
        }
    } while (ok && top->look.running && page_wait(REDRAW_MS) != PAGE_LEAVE);
    page_close();
    if (!ok)
        return look_failed(error);
    return show_once(top);
}

static int
show_json(const PbxTop *top)
{
    g_autoptr(JsonNode) node = status_json(top->status);
    g_autofree char *text = json_to_text(node);
    printf("%s\n", text);
    return EXIT_DONE;
}

int
command_top(int argc, char **argv)
{
    gboolean once = FALSE, json = FALSE;
    const GOptionEntry entries[] = {
        {"once", 0, 0, G_OPTION_ARG_NONE, &once, "Print the page once, and end", NULL},
        {"json", 0, 0, G_OPTION_ARG_NONE, &json, "The same as JSON", NULL},
        G_OPTION_ENTRY_NULL,
    };
    int status = EXIT_USAGE;
    if (!command_parse(&argc, &argv, entries, "[EXP]",
                       "Shows what an experiment does now, until it ends; q leaves.", &status))
        return status;
    g_auto(PbxTop) top = {0};
    g_autoptr(GError) error = NULL;
    if (!command_at_most(argc, argv, 1) || !open_top(&top, argc > 1 ? argv[1] : NULL, &status))
        return status;
    if (!refresh(&top, &error))
        return look_failed(error);
    if (json)
        return show_json(&top);
    const char *term = g_getenv("TERM");
    gboolean live = !once && top.look.running && isatty(STDOUT_FILENO) && term != NULL &&
                    !g_str_equal(term, "dumb");
    return live ? show_live(&top) : show_once(&top);
}
