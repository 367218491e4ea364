/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The structs that cross to deciders, field by field. */
#include <stddef.h>

#include "decider/pack-private.h"

#define PLAIN(TYPE, FIELD, AS)                                                                     \
    {                                                                                              \
        .name = #FIELD, .offset = offsetof(TYPE, FIELD), .type = AS                                \
    }
#define OUT(TYPE, FIELD, AS)                                                                       \
    {                                                                                              \
        .name = #FIELD, .offset = offsetof(TYPE, FIELD), .type = AS, .out = TRUE                   \
    }
#define MANY(TYPE, FIELD, AS, COUNT)                                                               \
    {                                                                                              \
        .name = #FIELD, .offset = offsetof(TYPE, FIELD), .type = AS,                               \
        .count = offsetof(TYPE, COUNT), .count_size = sizeof(((TYPE *)NULL)->COUNT)                \
    }
#define FIXED(TYPE, FIELD, AS, COUNT)                                                              \
    {                                                                                              \
        .name = #FIELD, .offset = offsetof(TYPE, FIELD), .type = AS, .count = COUNT                \
    }
#define INNER(TYPE, FIELD, INFO)                                                                   \
    {                                                                                              \
        .name = #FIELD, .offset = offsetof(TYPE, FIELD), .type = PACK_STRUCT, .info = &INFO        \
    }
#define INNERS(TYPE, FIELD, COUNT, INFO)                                                           \
    {                                                                                              \
        .name = #FIELD, .offset = offsetof(TYPE, FIELD), .type = PACK_STRUCTS,                     \
        .count = offsetof(TYPE, COUNT), .count_size = sizeof(((TYPE *)NULL)->COUNT), .info = &INFO \
    }
#define STRUCT(TYPE)                                                                               \
    const PbxStructInfo struct_##TYPE = {.name = #TYPE,                                            \
                                         .size = sizeof(pbx_##TYPE),                               \
                                         .fields = TYPE##_fields,                                  \
                                         .n_fields = G_N_ELEMENTS(TYPE##_fields)}

static const PbxField dim_fields[] = {
    PLAIN(pbx_dim, type, PACK_32),      PLAIN(pbx_dim, flags, PACK_32),
    PLAIN(pbx_dim, parent, PACK_32),    PLAIN(pbx_dim, low, PACK_64),
    PLAIN(pbx_dim, high, PACK_64),      PLAIN(pbx_dim, quantum, PACK_64),
    PLAIN(pbx_dim, mean, PACK_64),      PLAIN(pbx_dim, sd, PACK_64),
    PLAIN(pbx_dim, n_choices, PACK_32), PLAIN(pbx_dim, parent_choice, PACK_32),
    PLAIN(pbx_dim, name, PACK_TEXT),    PLAIN(pbx_dim, path, PACK_TEXT),
    PLAIN(pbx_dim, choices, PACK_JSON),
};
static STRUCT(dim);

static const PbxField space_fields[] = {
    PLAIN(pbx_space, n_dims, PACK_32),
    INNERS(pbx_space, dims, n_dims, struct_dim),
};
static STRUCT(space);

static const PbxField objective_fields[] = {
    PLAIN(pbx_objective, sign, PACK_32),
    PLAIN(pbx_objective, name, PACK_TEXT),
};
static STRUCT(objective);

static const PbxField problem_fields[] = {
    PLAIN(pbx_problem, flags, PACK_32),
    PLAIN(pbx_problem, n_objectives, PACK_32),
    PLAIN(pbx_problem, n_constraints, PACK_32),
    INNER(pbx_problem, space, struct_space),
    INNERS(pbx_problem, objectives, n_objectives, struct_objective),
    MANY(pbx_problem, constraints, PACK_TEXTS, n_constraints),
    PLAIN(pbx_problem, num_samples, PACK_64),
    PLAIN(pbx_problem, max_concurrent, PACK_64),
    PLAIN(pbx_problem, time_budget_ns, PACK_64),
};
STRUCT(problem);

static const PbxField amounts_fields[] = {
    PLAIN(pbx_amounts, n, PACK_32),
    MANY(pbx_amounts, names, PACK_TEXTS, n),
    MANY(pbx_amounts, values, PACK_WORDS, n),
};
static STRUCT(amounts);

static const PbxField result_fields[] = {
    PLAIN(pbx_result, flags, PACK_32),
    PLAIN(pbx_result, n_losses, PACK_32),
    PLAIN(pbx_result, n_violations, PACK_32),
    PLAIN(pbx_result, n_watched, PACK_32),
    PLAIN(pbx_result, rung, PACK_32),
    PLAIN(pbx_result, trial, PACK_64),
    PLAIN(pbx_result, seq, PACK_64),
    PLAIN(pbx_result, iteration, PACK_64),
    PLAIN(pbx_result, at_ns, PACK_64),
    PLAIN(pbx_result, time_total_s, PACK_64),
    PLAIN(pbx_result, budget, PACK_64),
    MANY(pbx_result, losses, PACK_WORDS, n_losses),
    MANY(pbx_result, violations, PACK_WORDS, n_violations),
    MANY(pbx_result, watched, PACK_WORDS, n_watched),
    MANY(pbx_result, present, PACK_BYTES, n_watched),
    FIXED(pbx_result, counts, PACK_WORDS, PBX_N_STATES),
    INNER(pbx_result, free, struct_amounts),
    PLAIN(pbx_result, text, PACK_TEXT),
    PLAIN(pbx_result, text_size, PACK_64),
    MANY(pbx_result, fields, PACK_PARSED, text), /* behind the text that it is made of */
};
STRUCT(result);

static const PbxField suggestion_fields[] = {
    PLAIN(pbx_suggestion, flags, PACK_32),
    PLAIN(pbx_suggestion, n_dims, PACK_64),
    PLAIN(pbx_suggestion, trial, PACK_64),
    PLAIN(pbx_suggestion, ask, PACK_64),
    {.name = "x",
     .offset = offsetof(pbx_suggestion, x),
     .type = PACK_WORDS,
     .out = TRUE,
     .count = offsetof(pbx_suggestion, n_dims),
     .count_size = sizeof(uint64_t)},
    OUT(pbx_suggestion, origin, PACK_64),
    OUT(pbx_suggestion, extra, PACK_TEXT),
};
STRUCT(suggestion);

static const PbxField outcome_fields[] = {
    PLAIN(pbx_outcome, flags, PACK_32),      PLAIN(pbx_outcome, end, PACK_32),
    PLAIN(pbx_outcome, n_dims, PACK_32),     PLAIN(pbx_outcome, trial, PACK_64),
    PLAIN(pbx_outcome, origin, PACK_64),     MANY(pbx_outcome, x, PACK_WORDS, n_dims),
    INNER(pbx_outcome, last, struct_result), PLAIN(pbx_outcome, budget, PACK_64),
    PLAIN(pbx_outcome, elapsed_s, PACK_64),
};
STRUCT(outcome);

static const PbxField decision_fields[] = {
    OUT(pbx_decision, action, PACK_32),
    OUT(pbx_decision, rung, PACK_32),
    OUT(pbx_decision, bracket, PACK_32),
    OUT(pbx_decision, budget, PACK_64),
};
STRUCT(decision);

static const PbxField choice_fields[] = {
    PLAIN(pbx_choice, flags, PACK_32),
    PLAIN(pbx_choice, n, PACK_32),
    PLAIN(pbx_choice, reserved, PACK_32),
    PLAIN(pbx_choice, n_waiting, PACK_64),
    FIXED(pbx_choice, counts, PACK_WORDS, PBX_N_STATES),
    INNER(pbx_choice, free, struct_amounts),
    MANY(pbx_choice, trials, PACK_WORDS, n),
    OUT(pbx_choice, pick, PACK_64),
};
STRUCT(choice);

static const PbxField verdict_fields[] = {
    OUT(pbx_verdict, stop, PACK_32),
    OUT(pbx_verdict, again_ns, PACK_64),
    OUT(pbx_verdict, reason, PACK_TEXT),
};
STRUCT(verdict);

const PbxStructInfo *const struct_table[] = {
    &struct_dim,      &struct_space,  &struct_objective,  &struct_problem,
    &struct_amounts,  &struct_result, &struct_suggestion, &struct_outcome,
    &struct_decision, &struct_choice, &struct_verdict,    NULL,
};
