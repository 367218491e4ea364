/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* search/random: what its two files share. */
#ifndef RANDOM_H
#define RANDOM_H

#include <pegbox/helpers.h>

struct pbx_instance {
    pbx_base base;
    const pbx_problem *problem;
    int constant_grid_search;
    const pbx_json *points; /* of points_to_evaluate */
    size_t n_points;
    uint64_t skipped; /* suggestions that were duplicates */
    /* What follows is of the problem, made anew in setup. */
    uint32_t *grids; /* dims that are to be visited completely, sorted by path */
    size_t n_grids;
    double *fixed;   /* [n_points + 1][n_dims]: what a point fixes, else NaN; the last row
                        is of samples without a point */
    uint64_t *sizes; /* [n_points + 1]: grid points of such a sample */
    uint64_t *words; /* [n_dims] */
    uint32_t *level; /* [n_grids] */
};

/* ---- points.c ---- */

/* Reads a point into a row of NaNs: EINVAL where it does not fit the space. */
pbx_status random_read_point(const pbx_host *host, const pbx_space *space, const pbx_json *point,
                             size_t index, double *row, pbx_error *error);

#endif
