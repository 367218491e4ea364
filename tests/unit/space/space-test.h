/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of core/space share: a space from a text. */
#pragma once

#include <math.h>
#include <string.h>

#include "space/space.h"

typedef struct {
    PbxSandbox *sandbox;
    PbxProblems *problems;
    PbxDoc *doc;
    PbxSpace *space; /* NULL: there were problems */
} TestSpace;

/* The space of {"config": CONFIG}. */
static inline TestSpace *
test_space_try(const char *config)
{
    TestSpace *test = g_new0(TestSpace, 1);
    test->sandbox = sandbox_new();
    test->problems = problems_new();
    g_autofree char *text = g_strdup_printf("{\"config\": %s}", config);
    test->doc = doc_parse("x.json", text, strlen(text), DOC_PLAIN, test->problems);
    g_assert_nonnull(test->doc);
    test->space = space_new(test->doc, "/config", test->sandbox, test->problems);
    return test;
}

static inline TestSpace *
test_space(const char *config)
{
    TestSpace *test = test_space_try(config);
    g_autofree char *problems = problems_format(test->problems);
    g_assert_cmpstr(problems, ==, "");
    g_assert_nonnull(test->space);
    return test;
}

static inline void
test_space_free(TestSpace *test)
{
    space_free(test->space);
    doc_free(test->doc);
    problems_free(test->problems);
    sandbox_free(test->sandbox);
    g_free(test);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TestSpace, test_space_free)

static inline const pbx_dim *
test_dim(const TestSpace *test, guint dim)
{
    g_assert_cmpuint(dim, <, space_n_dims(test->space));
    return space_dims(test->space)->dims[dim];
}

static inline guint
test_dim_named(const TestSpace *test, const char *name)
{
    for (guint i = 0; i < space_n_dims(test->space); i++)
        if (strcmp(test_dim(test, i)->name, name) == 0)
            return i;
    g_error("there is no dim %s", name);
}

static inline PbxRandom
test_random(guint64 stream)
{
    return (PbxRandom){random_seed(7, "test"), stream, 0};
}

static inline JsonNode *
test_json(const char *text)
{
    g_autoptr(GError) error = NULL;
    JsonNode *node = json_read(text, strlen(text), 100, &error);
    g_assert_no_error(error);
    return node;
}

/* The config at x as text. */
static inline char *
test_config_at(const TestSpace *test, const double *x)
{
    PbxRandom random = test_random(1000);
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) config = space_config(test->space, x, NULL, NULL, &random, &error);
    g_assert_no_error(error);
    return json_to_text(config);
}

/* The config at grid number `grid`, everything else drawn. */
static inline char *
test_grid_config(const TestSpace *test, guint64 grid)
{
    double x[64];
    PbxRandom random = test_random(grid);
    space_draw_point(test->space, &random, grid, x);
    return test_config_at(test, x);
}

/* The problems of a config, "x.json:LINE:COLUMN: " taken off the first. */
static inline char *
test_problem(const char *config)
{
    g_autoptr(TestSpace) test = test_space_try(config);
    g_autofree char *problems = problems_format(test->problems);
    g_assert_null(test->space);
    g_assert_cmpuint(problems_count(test->problems), >, 0);
    const char *place = strstr(problems, ": ");
    return g_strchomp(g_strdup(place != NULL ? place + 2 : problems));
}
