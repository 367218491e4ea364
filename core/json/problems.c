/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Everything that is wrong with a file: gathered, sorted by place, told in one go. */
#include <string.h>

#include "json/json-private.h"

typedef struct {
    char *origin; /* the file's name, or what stands for it; NULL: no place at all */
    guint file;   /* number of the document, in the order of their first problems */
    guint line;   /* 0: no line to name */
    guint column;
    char *path; /* as people write it; NULL: none */
    char *message;
    char *hint;
    int status;
} PbxProblem;

struct PbxProblems {
    GPtrArray *list;  /* PbxProblem * */
    GPtrArray *files; /* char *, names of documents */
};

static void
problem_free(gpointer data)
{
    PbxProblem *problem = data;
    g_free(problem->origin);
    g_free(problem->path);
    g_free(problem->message);
    g_free(problem->hint);
    g_free(problem);
}

PbxProblems *
problems_new(void)
{
    PbxProblems *problems = g_new0(PbxProblems, 1);
    problems->list = g_ptr_array_new_with_free_func(problem_free);
    problems->files = g_ptr_array_new_with_free_func(g_free);
    return problems;
}

void
problems_free(PbxProblems *problems)
{
    if (problems == NULL)
        return;
    g_ptr_array_unref(problems->list);
    g_ptr_array_unref(problems->files);
    g_free(problems);
}

static guint
file_number(PbxProblems *problems, const char *name)
{
    guint index = 0;
    if (name == NULL)
        name = "";
    if (g_ptr_array_find_with_equal_func(problems->files, name, g_str_equal, &index))
        return index;
    g_ptr_array_add(problems->files, g_strdup(name));
    return problems->files->len - 1;
}

static PbxProblem *
add(PbxProblems *problems, const PbxDoc *doc, const char *origin, guint line, guint column)
{
    PbxProblem *problem = g_new0(PbxProblem, 1);
    problem->origin = g_strdup(origin);
    problem->file = file_number(problems, doc != NULL ? doc_name(doc) : NULL);
    problem->line = line;
    problem->column = column;
    problem->status = 2;
    g_ptr_array_add(problems->list, problem);
    return problem;
}

void
problems_add(PbxProblems *problems, const PbxDoc *doc, const char *pointer, const char *format, ...)
{
    guint line = 0;
    guint column = 0;
    const char *origin = doc != NULL ? doc_place(doc, pointer, &line, &column) : NULL;
    PbxProblem *problem = add(problems, doc, origin, line, column);
    if (pointer != NULL && pointer[0] != '\0')
        problem->path = json_pointer_display(pointer);
    va_list arguments;
    va_start(arguments, format);
    problem->message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
}

void
problems_add_at(PbxProblems *problems, const PbxDoc *doc, guint line, guint column,
                const char *format, ...)
{
    PbxProblem *problem = add(problems, doc, doc != NULL ? doc_name(doc) : NULL, line, column);
    va_list arguments;
    va_start(arguments, format);
    problem->message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
}

static PbxProblem *
last(PbxProblems *problems)
{
    if (problems->list->len == 0)
        return NULL;
    return g_ptr_array_index(problems->list, problems->list->len - 1);
}

void
problems_hint(PbxProblems *problems, const char *format, ...)
{
    PbxProblem *problem = last(problems);
    if (problem == NULL)
        return;
    va_list arguments;
    va_start(arguments, format);
    g_free(problem->hint);
    problem->hint = g_strdup_vprintf(format, arguments);
    va_end(arguments);
}

void
problems_set_status(PbxProblems *problems, int status)
{
    PbxProblem *problem = last(problems);
    if (problem != NULL)
        problem->status = status;
}

guint
problems_count(const PbxProblems *problems)
{
    return problems->list->len;
}

int
problems_status(const PbxProblems *problems)
{
    if (problems->list->len == 0)
        return 0;
    for (guint i = 0; i < problems->list->len; i++) {
        const PbxProblem *problem = g_ptr_array_index(problems->list, i);
        if (problem->status != 3)
            return 2;
    }
    return 3;
}

/* Nothing from a file may move the terminal's cursor or break the line. */
static void
append_escaped(GString *out, const char *text)
{
    for (const char *p = text; *p != '\0';) {
        gunichar c = g_utf8_get_char_validated(p, -1);
        if (c == (gunichar)-1 || c == (gunichar)-2) {
            g_string_append_printf(out, "\\x%02x", (guchar)*p++);
            continue;
        }
        const char *next = g_utf8_next_char(p);
        if (c == '\n')
            g_string_append(out, "\\n");
        else if (c == '\t')
            g_string_append(out, "\\t");
        else if (c == '\r')
            g_string_append(out, "\\r");
        else if (c < 0x20 || (c >= 0x7f && c < 0xa0))
            g_string_append_printf(out, "\\x%02x", c);
        else
            g_string_append_len(out, p, next - p);
        p = next;
    }
}

static int
compare(gconstpointer a, gconstpointer b)
{
    const PbxProblem *left = *(PbxProblem *const *)a;
    const PbxProblem *right = *(PbxProblem *const *)b;
    if (left->file != right->file)
        return left->file < right->file ? -1 : 1;
    if (left->line != right->line)
        return left->line < right->line ? -1 : 1;
    if (left->column != right->column)
        return left->column < right->column ? -1 : 1;
    return 0;
}

static void
append_problem(GString *out, const PbxProblem *problem)
{
    if (problem->origin != NULL) {
        append_escaped(out, problem->origin);
        if (problem->line > 0)
            g_string_append_printf(out, ":%u:%u", problem->line, problem->column);
        g_string_append(out, ": ");
    }
    if (problem->path != NULL) {
        append_escaped(out, problem->path);
        g_string_append(out, ": ");
    }
    append_escaped(out, problem->message);
    g_string_append_c(out, '\n');
    if (problem->hint != NULL) {
        g_string_append(out, "hint: ");
        append_escaped(out, problem->hint);
        g_string_append_c(out, '\n');
    }
}

char *
problems_format(const PbxProblems *problems)
{
    g_autoptr(GPtrArray) sorted = g_ptr_array_copy(problems->list, NULL, NULL);
    g_ptr_array_set_free_func(sorted, NULL);
    g_ptr_array_sort(sorted, compare); /* GLib's sort is stable */
    GString *out = g_string_new(NULL);
    for (guint i = 0; i < sorted->len; i++)
        append_problem(out, g_ptr_array_index(sorted, i));
    return g_string_free(out, FALSE);
}
