/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The bijection itself, for the published test vectors. */
#pragma once

#include "random/random.h"

/* Philox4x64-10: the four words of the block with this counter. */
void random_block(const guint64 counter[4], const guint64 key[2], guint64 out[4]);
