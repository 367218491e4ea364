/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "did you mean": the nearest name by Damerau-Levenshtein distance. */
#include <string.h>

#include "json/json.h"

#define NAME_MAX_LENGTH 63

static guint
min3(guint a, guint b, guint c)
{
    return MIN(MIN(a, b), c);
}

/* Optimal string alignment: insertions, deletions, substitutions, swaps of neighbours. */
static guint
distance(const char *a, gsize n, const char *b, gsize m)
{
    guint rows[3][NAME_MAX_LENGTH + 1];
    guint *before = rows[0], *above = rows[1], *row = rows[2];
    for (gsize j = 0; j <= m; j++)
        above[j] = (guint)j;
    for (gsize i = 1; i <= n; i++) {
        row[0] = (guint)i;
        for (gsize j = 1; j <= m; j++) {
            guint cost = a[i - 1] == b[j - 1] ? 0 : 1;
            row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + cost);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = MIN(row[j], before[j - 2] + 1);
        }
        guint *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[m];
}

const char *
json_did_you_mean(const char *name, const char *const *names)
{
    gsize n = strlen(name);
    if (n == 0 || n > NAME_MAX_LENGTH)
        return NULL;
    guint limit = 1 + (guint)n / 4;
    guint best_distance = limit + 1;
    const char *best = NULL;
    for (; *names != NULL; names++) {
        gsize m = strlen(*names);
        if (m > NAME_MAX_LENGTH)
            continue;
        guint d = distance(name, n, *names, m);
        /* A name that shares no character is no misspelling. */
        if (d < best_distance && d < MAX(n, m)) {
            best_distance = d;
            best = *names;
        }
    }
    return best;
}
