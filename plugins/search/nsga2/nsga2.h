/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* search/nsga2: what its files share. README.md names the papers. */
#ifndef NSGA2_H
#define NSGA2_H

#include <pegbox/helpers.h>

/* ---- Options ---- */

enum { NSGA2_UNIFORM, NSGA2_SBX, NSGA2_BLXALPHA, NSGA2_SPX, NSGA2_UNDX, NSGA2_VSBX };
enum { NSGA2_POLYNOMIAL, NSGA2_REDRAW };

typedef struct nsga2_rules {
    size_t population_size;
    double mutation_prob; /* of each parameter; NaN: one of them, on average */
    int mutation;         /* NSGA2_POLYNOMIAL, ... */
    double mutation_eta;
    int crossover; /* NSGA2_UNIFORM, ... */
    double crossover_prob, swapping_prob, crossover_eta;
    double alpha, sigma_xi, uniform_crossover_prob, use_child_gene_prob;
    double epsilon, sigma_eta; /* NaN: by the number of parameters */
} nsga2_rules;

/* ---- Trials: population.c ---- */

enum {
    NSGA2_RUNNING, /* proposed, or started otherwise, and not ended */
    NSGA2_MEMBER,  /* ended in this generation */
    NSGA2_PARENT   /* the best of those before */
};

typedef struct nsga2_row {
    uint64_t trial;
    uint32_t kind;  /* NSGA2_* */
    uint32_t rank;  /* of parents: 0 is the front */
    double penalty; /* 0: complete and feasible; the larger the worse; infinite: nothing is known */
    double room;    /* of parents: the crowding distance */
} nsga2_row;

/* In the order in which they came, or ended. */
typedef struct nsga2_population {
    uint32_t n_dims, n_losses;
    size_t n, capacity;
    nsga2_row *rows;
    double *points; /* n_dims a row */
    double *losses; /* n_losses a row */
    uint64_t *past; /* what stands for the points of trials that are no rows any more, the newest */
    size_t n_past;
} nsga2_population;

#define NSGA2_MAX_PAST 4096

struct pbx_instance {
    pbx_base base;
    nsga2_rules rules;
    nsga2_population population;
    uint64_t generation; /* of what is proposed now; 0: at random */
    uint64_t asked;      /* the trial of the last suggestion */
    uint32_t skipped;    /* which was a duplicate */
    const pbx_space *space;
    double *places; /* scratch: [NSGA2_MAX_PARENTS + 1][n_dims] */
};

static inline double *
nsga2_point(const nsga2_population *population, size_t i)
{
    return population->points + i * population->n_dims;
}

/* A trial runs, at this point. */
pbx_status nsga2_start(pbx_instance *self, uint64_t trial, const double *x, pbx_error *error);
/* It has ended; where the population is complete, the next generation begins. */
pbx_status nsga2_end(pbx_instance *self, const pbx_outcome *outcome, pbx_error *error);
/* It never was. */
void nsga2_remove(pbx_instance *self, uint64_t trial);
/* How many rows are of a kind. */
size_t nsga2_count(const nsga2_population *population, uint32_t kind);
/* Whether a row has this point, or a trial of the past had it. */
int nsga2_has_point(const nsga2_population *population, const double *x);
void nsga2_population_state(pbx_instance *self, pbx_blob *blob);

/* ---- Crossovers of all numbers together: cross.c ---- */

#define NSGA2_MAX_PARENTS 3
/* Of how many parents the numbers are crossed together; 0: each by itself. */
uint32_t nsga2_n_together(const nsga2_rules *rules);
/* A child of parents[n_parents][n]; it may lie outside [0, 1]. */
void nsga2_cross(const nsga2_rules *rules, size_t n, const double *const *parents, double *child,
                 pbx_rng *rng);

/* ---- Children: breed.c ---- */

/* A point for the ask of that number. */
void nsga2_breed(pbx_instance *self, uint64_t ask, double *x);

#endif
