/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Doubles as shortest decimals, and back. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "json/json-private.h"

#define MAX_EXACT_INT   9007199254740992.0 /* 2^53 */
#define MAX_UNIQUE      1e15               /* 15 digits: one decimal a double at most */
#define MAX_EXACT_POWER 22                 /* 10^22 is the largest power that is a double */

static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* digits * 10^(exponent - n + 1), as Python writes it: an exponent below 1e-4 and from 1e16. */
static void
layout(gboolean negative, const char *digits, int n, int exponent, char *out)
{
    if (negative)
        *out++ = '-';
    if (exponent < -4 || exponent >= 16) {
        *out++ = digits[0];
        if (n > 1) {
            *out++ = '.';
            memcpy(out, digits + 1, n - 1);
            out += n - 1;
        }
        g_snprintf(out, 8, "e%c%02d", exponent < 0 ? '-' : '+', ABS(exponent));
        return;
    }
    if (exponent < 0) {
        *out++ = '0';
        *out++ = '.';
        for (int i = -1; i > exponent; i--)
            *out++ = '0';
        memcpy(out, digits, n);
        out[n] = '\0';
        return;
    }
    for (int i = 0; i < n || i <= exponent; i++) {
        if (i == exponent + 1)
            *out++ = '.';
        *out++ = i < n ? digits[i] : '0';
    }
    if (n <= exponent + 1) {
        *out++ = '.';
        *out++ = '0';
    }
    *out = '\0';
}

/* The decimal digits of m, without trailing zeros; returns how many there are in all. */
static int
digits_of(guint64 m, char *digits, int *kept)
{
    char reversed[20];
    int n = 0;
    do {
        reversed[n++] = (char)('0' + m % 10);
        m /= 10;
    } while (m > 0);
    for (int i = 0; i < n; i++)
        digits[i] = reversed[n - 1 - i];
    *kept = n;
    while (*kept > 1 && digits[*kept - 1] == '0')
        (*kept)--;
    return n;
}

/*
 * m / 10^k for a small k, where that is the value: a division of two exact doubles is
 * correctly rounded, as strtod is, and of decimals with 15 digits at most one reads as the value.
 */
static gboolean
format_short(double value, char *buffer)
{
    double magnitude = fabs(value);
    if (magnitude >= MAX_UNIQUE || magnitude < 1e-7)
        return FALSE;
    for (int k = 0; k <= 12; k++) {
        double scaled = magnitude * powers[k];
        if (scaled >= MAX_UNIQUE)
            return FALSE;
        double m = nearbyint(scaled);
        if (m / powers[k] != magnitude)
            continue;
        char digits[20];
        int kept = 0;
        int n = digits_of((guint64)m, digits, &kept);
        layout(signbit(value) != 0, digits, kept, n - 1 - k, buffer);
        return TRUE;
    }
    return FALSE;
}

/* The first n significant digits and the exponent of a value. */
static int
significant(double magnitude, int n, char *digits)
{
    char text[48];
    char format[8];
    g_snprintf(format, sizeof format, "%%.%de", n - 1);
    g_ascii_formatd(text, sizeof text, format, magnitude);
    char *e = strchr(text, 'e');
    digits[0] = text[0];
    if (n > 1)
        memcpy(digits + 1, text + 2, n - 1);
    return (int)g_ascii_strtoll(e + 1, NULL, 10);
}

/* Whether n digits read back as the value. Mostly one rounding tells, of two exact factors. */
static gboolean
reads_back(const char *digits, int n, int exponent, double magnitude)
{
    char text[48];
    guint64 m = 0;
    const int scale = exponent - n + 1;
    for (int i = 0; i < n; i++)
        m = 10 * m + (guint64)(digits[i] - '0');
    if (m <= (guint64)MAX_EXACT_INT && ABS(scale) <= MAX_EXACT_POWER)
        return (scale < 0 ? (double)m / powers[-scale] : (double)m * powers[scale]) == magnitude;
    memcpy(text, digits, n);
    g_snprintf(text + n, sizeof text - n, "e%d", scale);
    return g_ascii_strtod(text, NULL) == magnitude;
}

/* The n-digit decimal below (or at) 17 digits, or the one above it. */
static int
neighbour(const char *digits17, int n, gboolean above, int exponent, char *digits)
{
    memcpy(digits, digits17, n);
    int i = n - 1;
    for (; above && i >= 0; i--) {
        if (digits[i] != '9') {
            digits[i]++;
            break;
        }
        digits[i] = '0';
    }
    if (i >= 0)
        return exponent;
    digits[0] = '1'; /* 99.9 -> 100 */
    return exponent + 1;
}

/* 15 digits, else 16 (the nearer neighbour first), else 17: enough for every normal value. */
static int
shortest(double magnitude, char *digits, int *exponent)
{
    char all[17];
    int e = significant(magnitude, 17, all);
    for (int n = 15; n <= 16; n++) {
        gboolean near = all[n] >= '5';
        for (int try = 0; try < 2; try++) {
            *exponent = neighbour(all, n, try == 0 ? near : !near, e, digits);
            if (reads_back(digits, n, *exponent, magnitude))
                return n;
        }
    }
    memcpy(digits, all, 17);
    *exponent = e;
    return 17;
}

/* Subnormals have fewer bits, so fewer digits do. */
static int
shortest_subnormal(double magnitude, char *digits, int *exponent)
{
    int n = 1;
    for (; n < 17; n++) {
        *exponent = significant(magnitude, n, digits);
        if (reads_back(digits, n, *exponent, magnitude))
            return n;
    }
    *exponent = significant(magnitude, 17, digits);
    return 17;
}

void
json_format_double(double value, char buffer[32])
{
    if (format_short(value, buffer))
        return;
    if (value == 0) {
        memcpy(buffer, signbit(value) ? "-0.0" : "0.0", signbit(value) ? 5 : 4);
        return;
    }
    char digits[20];
    int exponent = 0;
    double magnitude = fabs(value);
    int n = magnitude < DBL_MIN ? shortest_subnormal(magnitude, digits, &exponent)
                                : shortest(magnitude, digits, &exponent);
    while (n > 1 && digits[n - 1] == '0')
        n--;
    layout(value < 0, digits, n, exponent, buffer);
}

/* Clinger's fast path: both factors exact, one rounding. FALSE: strtod must do it. */
static gboolean
parse_exact(const char *text, gsize length, double *value)
{
    guint64 m = 0;
    int scale = 0, exponent = 0, digits = 0;
    gboolean negative = text[0] == '-', point = FALSE;
    gsize i = negative ? 1 : 0;
    for (; i < length && text[i] != 'e' && text[i] != 'E'; i++) {
        if (text[i] == '.') {
            point = TRUE;
            continue;
        }
        if (++digits > 18)
            return FALSE;
        m = m * 10 + (guint64)(text[i] - '0');
        scale -= point;
    }
    if (i < length) {
        gboolean minus = text[++i] == '-';
        if (text[i] == '-' || text[i] == '+')
            i++;
        if (length - i > 4)
            return FALSE;
        for (; i < length; i++)
            exponent = exponent * 10 + (text[i] - '0');
        scale += minus ? -exponent : exponent;
    }
    if (m > (guint64)MAX_EXACT_INT || ABS(scale) > MAX_EXACT_POWER)
        return FALSE;
    *value = scale < 0 ? (double)m / powers[-scale] : (double)m * powers[scale];
    if (negative)
        *value = -*value;
    return TRUE;
}

double
json_parse_double(const char *text, gsize length)
{
    double value = 0;
    if (parse_exact(text, length, &value))
        return value;
    char small[64];
    g_autofree char *large = NULL;
    char *copy = small;
    if (length >= sizeof small)
        copy = large = g_malloc(length + 1);
    memcpy(copy, text, length);
    copy[length] = '\0';
    return g_ascii_strtod(copy, NULL);
}

gboolean
json_parse_int(const char *text, gsize length, gint64 *value)
{
    gboolean negative = text[0] == '-';
    guint64 limit = negative ? (guint64)G_MAXINT64 + 1 : (guint64)G_MAXINT64;
    guint64 m = 0;
    for (gsize i = negative ? 1 : 0; i < length; i++) {
        guint64 digit = (guint64)(text[i] - '0');
        if (m > (limit - digit) / 10)
            return FALSE;
        m = m * 10 + digit;
    }
    *value = negative ? (gint64)(0 - m) : (gint64)m;
    return TRUE;
}
