/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The names that an expression reads, as far as its text tells. */
#include "expression/expression.h"

/* Words that bring names of their own, or texts that the pattern does not know. */
static gboolean
has_own_names(const char *text)
{
    return g_regex_match_simple("\\b(local|function|for|goto)\\b|--|\\[=*\\[", text, 0, 0);
}

char **
expression_names(const char *text)
{
    static const char *const words[] = {
        "and", "break", "do",     "else",   "elseif", "end",  "false", "if",    "in", "nil",
        "not", "or",    "repeat", "return", "then",   "true", "until", "while", NULL};
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();
    /* Texts and members are passed over; so is the key of {key = value}. */
    g_autoptr(GRegex) pattern = g_regex_new("\"(?:\\\\.|[^\"])*\"|'(?:\\\\.|[^'])*'|"
                                            "(?<!\\.)[.:]\\s*[A-Za-z_]\\w*|"
                                            "(?<!\\w)([A-Za-z_]\\w*)(?!\\w|\\s*=[^=])",
                                            0, 0, NULL);
    g_autoptr(GMatchInfo) match = NULL;
    if (has_own_names(text))
        return g_strv_builder_end(names);
    for (g_regex_match(pattern, text, 0, &match); g_match_info_matches(match);
         g_match_info_next(match, NULL)) {
        g_autofree char *word = g_match_info_fetch(match, 1);
        if (word != NULL && word[0] != '\0' && !g_strv_contains(words, word))
            g_strv_builder_add(names, word);
    }
    return g_strv_builder_end(names);
}
