/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of trainable/exec share: shell scripts run as a trial's program. */
#pragma once

#include "host.h"

/* An instance that runs the script of sh(); `more` options as JSON members with ' for ", NULL:
 * none. */
PbxTestHost *exec_new(const char *more, const char *metrics);
/* The same for any options, a whole object. */
PbxTestHost *exec_with(const char *options, const char *metrics);
/* Writes the script into the trial's directory and runs it. */
pbx_status sh(PbxTestHost *host, const char *script);
/* A file in the trial's directory. */
void put_file(PbxTestHost *host, const char *name, const char *content, int mode);
char *get_file(PbxTestHost *host, const char *name);
/* Valgrind makes a fork of vfork: what the child says of an exec that failed is lost there, and the
 * program seems to have ended. */
gboolean exec_failures_are_told(void);

/* The script's reports, a line of JSON each with ' for ". */
#define assert_reports(MORE, METRICS, SCRIPT, EXPECTED)                                            \
    do {                                                                                           \
        g_autoptr(PbxTestHost) host_ = exec_new(MORE, METRICS);                                    \
        pbx_status status_ = sh(host_, SCRIPT);                                                    \
        g_assert_cmpstr(host_->error.message, ==, "");                                             \
        g_assert_cmpint(status_, ==, PBX_OK);                                                      \
        g_assert_cmpstr(g_strdelimit(host_->session.reports->str, "\"", '\''), ==, EXPECTED);      \
    } while (0)

/* The script's trial fails with this status and text. */
#define assert_fails(MORE, METRICS, SCRIPT, STATUS, MESSAGE)                                       \
    do {                                                                                           \
        g_autoptr(PbxTestHost) host_ = exec_new(MORE, METRICS);                                    \
        pbx_status status_ = sh(host_, SCRIPT);                                                    \
        g_assert_cmpstr(host_->error.message, ==, MESSAGE);                                        \
        g_assert_cmpint(status_, ==, STATUS);                                                      \
    } while (0)

void add_report_tests(void);
void add_command_tests(void);
void add_source_tests(void);
