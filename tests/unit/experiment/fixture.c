/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A runner that runs nothing: what names, resources and the status block look at. */
#include "fixture.h"
#include "checkpoint/checkpoint.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

static char *metrics[] = {(char *)"loss", NULL};
static int signs[] = {1};

void
fixture_set_up(Fixture *f, const char *config)
{
    *f = (Fixture){.trials = g_ptr_array_new()};
    f->dir = g_dir_make_tmp("pegbox-experiment-XXXXXX", NULL);
    g_assert_nonnull(f->dir);
    f->sandbox = sandbox_new();
    f->problems = problems_new();
    g_autofree char *text = g_strdup_printf("{\"config\":%s}", config);
    f->doc = doc_parse("x.json", text, strlen(text), DOC_PLAIN, f->problems);
    f->spec = (PbxSpec){.trainable_name = (char *)"train",
                        .space = space_new(f->doc, "/config", f->sandbox, f->problems),
                        .metrics = metrics,
                        .constraints = g_ptr_array_new(),
                        .signs = signs,
                        .cpu = 1,
                        .results_dir = (char *)"/nowhere"};
    g_assert_nonnull(f->spec.space);
    f->runner =
        (PbxRunner){.spec = &f->spec,
                    .name = (char *)"exp",
                    .dir = f->dir,
                    .id_prefix = (char *)"ab12c",
                    .clock = clock_new_virtual(0),
                    .dirnames = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
                    .trials = g_ptr_array_new(),
                    .workers = g_ptr_array_new(),
                    .asked = g_ptr_array_new(),
                    .total = -1};
    f->runner.thread = g_thread_self();
    f->runner.id = (char *)"0123456789abcdef";
    f->runner.slots = 2;
    g_queue_init(&f->runner.waiting);
    g_queue_init(&f->runner.resting);
    g_queue_init(&f->runner.paused);
    g_queue_init(&f->runner.parked);
    f->runner.dirty = g_ptr_array_new();
    f->runner.actions = g_ptr_array_new_with_free_func(g_free);
    f->runner.outside = TRUE; /* no loop: nothing is scheduled */
    fixture_report(f, NULL);
}

void
fixture_report(Fixture *f, const char *reporter)
{
    g_autoptr(JsonNode) node =
        reporter != NULL ? json_read(reporter, strlen(reporter), DOC_MAX_NESTING, NULL) : NULL;
    tally_free(f->runner.tally);
    status_options_free(f->runner.report);
    f->runner.report = status_options_new(node);
    f->runner.tally = tally_new(&f->runner, f->runner.report);
}

void
fixture_store(Fixture *f)
{
    g_autoptr(GError) error = NULL;
    f->runner.store = store_create(f->dir, FALSE, &error);
    g_assert_no_error(error);
    f->runner.restored = g_array_new(FALSE, FALSE, sizeof(guint64));
}

void
fixture_tear_down(Fixture *f)
{
    budgets_forget(&f->runner);
    store_close(f->runner.store);
    g_clear_pointer(&f->runner.restored, g_array_unref);
    for (guint i = 0; i < f->trials->len; i++)
        trial_free(f->trials->pdata[i]);
    g_ptr_array_unref(f->trials);
    tally_free(f->runner.tally);
    status_options_free(f->runner.report);
    g_queue_clear(&f->runner.waiting);
    g_queue_clear(&f->runner.resting);
    g_queue_clear(&f->runner.paused);
    g_queue_clear(&f->runner.parked);
    g_ptr_array_unref(f->runner.dirty);
    g_ptr_array_unref(f->runner.actions);
    g_assert_no_error(f->runner.fatal);
    g_ptr_array_unref(f->runner.trials);
    g_ptr_array_unref(f->runner.workers);
    g_ptr_array_unref(f->runner.asked);
    g_hash_table_unref(f->runner.dirnames);
    clock_free(f->runner.clock);
    g_clear_pointer(&f->spec.trial_name, template_free);
    g_clear_pointer(&f->spec.trial_dirname, template_free);
    space_free(f->spec.space);
    g_ptr_array_unref(f->spec.constraints);
    doc_free(f->doc);
    problems_free(f->problems);
    sandbox_free(f->sandbox);
    g_assert_true(checkpoint_remove(f->dir, NULL));
    g_free(f->dir);
    g_free(f->runner.first_words);
}

PbxTrial *
fixture_trial(Fixture *f, const char *config)
{
    PbxTrial *trial = g_new0(PbxTrial, 1);
    trial->row = (PbxTrialRow){.number = f->runner.trials->len,
                               .state = PBX_STATE_PENDING,
                               .end = -1,
                               .config = g_strdup(config),
                               .value = (double)NAN,
                               .best = (double)NAN};
    trial->told = (double)NAN;
    trial->config = json_read(config, strlen(config), DOC_MAX_NESTING, NULL);
    g_assert_nonnull(trial->config);
    g_ptr_array_add(f->trials, trial);
    g_ptr_array_add(f->runner.trials, trial);
    return trial;
}

PbxTemplate *
fixture_template(Fixture *f, const char *text)
{
    g_autoptr(GError) error = NULL;
    PbxTemplate *compiled = template_compile(f->sandbox, text, TEMPLATE_PLAIN, &error);
    g_assert_no_error(error);
    return compiled;
}
