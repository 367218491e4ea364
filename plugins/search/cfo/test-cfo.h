/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of cfo share. */
#pragma once

#include <glib.h>

#include "host.h"

#define RESOURCE "\"resource_attr\": \"n\", \"max_resource\": 1000, \"min_resource\": 10"

void memory_add_tests(void);
