/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* search/sobol: the table of direction numbers. */
#ifndef SOBOL_H
#define SOBOL_H

#include <stdint.h>

#define SOBOL_N_TABLE    480
#define SOBOL_MAX_DEGREE 12

typedef struct {
    uint16_t polynomial;                /* primitive modulo 2, bit i its coefficient of x^i */
    uint16_t numbers[SOBOL_MAX_DEGREE]; /* m_1 ... m_degree */
} SobolDirection;

/* Of the second coordinate and those after it; the first one needs none. */
extern const SobolDirection sobol_table[SOBOL_N_TABLE];

#endif
