/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The plugins that the spec's tests are about: one of each sort, doing nothing. */
#include <math.h>
#include <pegbox/draft/executor.h>
#include <pegbox/logger.h>
#include <pegbox/scheduler.h>
#include <pegbox/search.h>
#include <pegbox/stopper.h>
#include <pegbox/trainable.h>
#include <stdio.h>
#include <string.h>

struct pbx_instance {
    const pbx_host *host;
};

static pbx_instance the_instance;

static pbx_status
create(const pbx_host *host, const pbx_json *options, pbx_instance **instance, pbx_error *error)
{
    (void)options;
    (void)error;
    the_instance.host = host;
    *instance = &the_instance;
    return PBX_OK;
}

static void
destroy(pbx_instance *instance)
{
    (void)instance;
}

static void
complain(pbx_error *error, const char *where, const char *message)
{
    snprintf(error->where, sizeof error->where, "%s", where);
    snprintf(error->message, sizeof error->message, "%s", message);
}

/* Its name says how the creation ends. */
static pbx_status
create_picky(const pbx_host *host, const pbx_json *options, pbx_instance **instance,
             pbx_error *error)
{
    const char *how = host->json_string(host->json_member(options, "how"), "");
    if (strcmp(how, "create") == 0) {
        complain(error, "how", "does not like this");
        return PBX_EINVAL;
    }
    if (strcmp(how, "broken") == 0) {
        complain(error, "", "its library is missing");
        return PBX_EIO;
    }
    return create(host, options, instance, error);
}

static pbx_status
setup_picky(pbx_instance *instance, const pbx_problem *problem, pbx_error *error)
{
    (void)instance;
    if (problem->num_samples == 13) {
        complain(error, "", "13 is no good number of samples");
        return PBX_EINVAL;
    }
    for (uint32_t i = 0; i < problem->space->n_dims; i++) {
        if (strcmp(problem->space->dims[i]->name, "odd") == 0) {
            complain(error, "odd", "cannot be modelled");
            return PBX_ENOTSUP;
        }
    }
    return PBX_OK;
}

static pbx_status
suggest(pbx_instance *instance, pbx_suggestion *suggestion, pbx_error *error)
{
    (void)instance;
    (void)suggestion;
    (void)error;
    return PBX_DONE;
}

static pbx_status
events(pbx_instance *instance, const pbx_event *const *list, size_t n, size_t *done,
       pbx_error *error)
{
    (void)instance;
    (void)list;
    (void)error;
    *done = n;
    return PBX_OK;
}

static pbx_status
run(pbx_instance *instance, pbx_error *error)
{
    (void)instance;
    (void)error;
    return PBX_OK;
}

/* Some option of it in error, by what the command is. */
static pbx_status
check(const pbx_host *host, const pbx_json *options, const char *const *metrics, pbx_error *error)
{
    const pbx_json *command = host->json_member(options, "command");
    const char *word = host->json_string(host->json_item(command, 0), "");
    if (strcmp(word, "bad-file") == 0)
        complain(error, "files.a", "does not like this");
    else if (strcmp(word, "bad-metric") == 0 && metrics[0] != NULL)
        complain(error, "source", metrics[0]);
    else if (strcmp(word, "bad") == 0)
        complain(error, "elsewhere", "does not like this");
    return error->message[0] != '\0' ? PBX_EINVAL : PBX_OK;
}

static pbx_status
start(pbx_instance *instance, const pbx_launch *launch, pbx_error *error)
{
    (void)instance;
    (void)launch;
    (void)error;
    return PBX_OK;
}

static pbx_status
stop(pbx_instance *instance, const char *name, uint32_t how, pbx_error *error)
{
    (void)instance;
    (void)name;
    (void)how;
    (void)error;
    return PBX_OK;
}

#define OBJECT                                                                                     \
    {                                                                                              \
        .create = create, .destroy = destroy                                                       \
    }
#define ALL_OF_A_SPACE                                                                             \
    (PBX_CAP_CATEGORY | PBX_CAP_CONDITIONAL | PBX_CAP_GRID | PBX_CAP_UNBOUNDED | PBX_CAP_QUANTUM)

static const pbx_search wide = {.struct_size = sizeof wide,
                                .caps = ALL_OF_A_SPACE | PBX_CAP_CONSTRAINTS | PBX_CAP_OBJECTIVES,
                                .object = OBJECT,
                                .suggest = suggest};
static const pbx_search narrow = {
    .struct_size = sizeof narrow, .object = OBJECT, .suggest = suggest};
static const pbx_search around = {.struct_size = sizeof around,
                                  .caps = PBX_CAP_TRANSPARENT | ALL_OF_A_SPACE,
                                  .object = OBJECT,
                                  .suggest = suggest};
static const pbx_search picky = {
    .struct_size = sizeof picky,
    .caps = ALL_OF_A_SPACE,
    .object = {.create = create_picky, .destroy = destroy},
    .setup = setup_picky,
    .suggest = suggest,
};
static const pbx_scheduler plain = {
    .struct_size = sizeof plain, .caps = PBX_CAP_OBJECTIVES, .object = OBJECT};
static const pbx_scheduler ranker = {
    .struct_size = sizeof ranker, .caps = PBX_CAP_NEEDS_METRIC, .object = OBJECT};
static const pbx_stopper stopper = {.struct_size = sizeof stopper, .object = OBJECT};
static const pbx_stopper needy = {
    .struct_size = sizeof needy, .caps = PBX_CAP_NEEDS_METRIC, .object = OBJECT};
static const pbx_logger logger = {.struct_size = sizeof logger, .object = OBJECT, .events = events};
static const pbx_trainable trainable = {
    .struct_size = sizeof trainable, .object = OBJECT, .run = run};
static const pbx_trainable checked = {
    .struct_size = sizeof checked, .object = OBJECT, .run = run, .check = check};
static const pbx_trainable saver = {.struct_size = sizeof saver,
                                    .caps = PBX_TRAINABLE_CHECKPOINTS | PBX_TRAINABLE_RESETS,
                                    .object = OBJECT,
                                    .run = run};
static const pbx_trainable program = {
    .struct_size = sizeof program, .caps = PBX_TRAINABLE_PROGRAM, .object = OBJECT, .run = run};
static const pbx_scheduler pauser = {
    .struct_size = sizeof pauser, .caps = PBX_CAP_PAUSES, .object = OBJECT};
static const pbx_executor executor = {
    .struct_size = sizeof executor, .object = OBJECT, .start = start, .stop = stop};

#define OPTION(TYPE, FLAGS, NAME, LOW, HIGH, FALLBACK, CHOICES)                                    \
    {                                                                                              \
        NAME, "An option.", "1.0", TYPE, FLAGS, LOW, HIGH, FALLBACK, CHOICES                       \
    }
#define PLAIN(TYPE, FLAGS, NAME, FALLBACK)                                                         \
    OPTION(TYPE, FLAGS, NAME, -INFINITY, INFINITY, FALLBACK, NULL)

static const char *const hows[] = {"fine", "create", "broken", NULL};
static const char *const modes[] = {"min", "max", NULL};
static const char *const scopes[] = {"trial", "experiment", NULL};

static const pbx_option picky_options[] = {
    OPTION(PBX_OPTION_ENUM, 0, "how", -INFINITY, INFINITY, "\"fine\"", hows),
    PLAIN(PBX_OPTION_INT, 0, "seed", "5"),
};
static const pbx_option ranker_options[] = {
    PLAIN(PBX_OPTION_FIELD, PBX_OPTION_OBJECTIVE, "metric", NULL),
    OPTION(PBX_OPTION_ENUM, PBX_OPTION_OBJECTIVE, "mode", -INFINITY, INFINITY, NULL, modes),
    OPTION(PBX_OPTION_INT, 0, "max_t", 1, INFINITY, "100", NULL),
};
static const pbx_option bounds_options[] = {
    PLAIN(PBX_OPTION_FIELD_MAP, PBX_OPTION_REQUIRED, "limits", NULL),
};
static const pbx_option rule_options[] = {
    PLAIN(PBX_OPTION_EXPRESSION, PBX_OPTION_REQUIRED, "rule", NULL),
    OPTION(PBX_OPTION_ENUM, 0, "scope", -INFINITY, INFINITY, "\"trial\"", scopes),
};
static const char *const stopper_kinds[] = {"stopper", NULL};
static const char *const search_kinds[] = {"search", NULL};
static const pbx_option around_options[] = {
    OPTION(PBX_OPTION_INT, PBX_OPTION_REQUIRED, "max_concurrent", 1, INFINITY, NULL, NULL),
    PLAIN(PBX_OPTION_BOOL, 0, "batch", "false"),
    OPTION(PBX_OPTION_PLUGIN, PBX_OPTION_REQUIRED, "inner", -INFINITY, INFINITY, NULL,
           search_kinds),
};
static const pbx_option first_options[] = {
    PLAIN(PBX_OPTION_JSON, PBX_OPTION_LIST, "points_to_evaluate", "[]"),
    PLAIN(PBX_OPTION_REAL, PBX_OPTION_LIST, "evaluated_rewards", "[]"),
    OPTION(PBX_OPTION_PLUGIN, PBX_OPTION_REQUIRED, "inner", -INFINITY, INFINITY, NULL,
           search_kinds),
};
static const pbx_option pointed_options[] = {
    PLAIN(PBX_OPTION_JSON, PBX_OPTION_LIST, "points_to_evaluate", "[]"),
};
static const pbx_option both_options[] = {
    OPTION(PBX_OPTION_PLUGIN, PBX_OPTION_LIST, "parts", -INFINITY, INFINITY, NULL, stopper_kinds),
    OPTION(PBX_OPTION_PLUGIN, PBX_OPTION_MAP, "named", -INFINITY, INFINITY, NULL, stopper_kinds),
    OPTION(PBX_OPTION_PLUGIN, 0, "other", -INFINITY, INFINITY, "\"narrow\"", search_kinds),
    PLAIN(PBX_OPTION_STRING, PBX_OPTION_SECRET, "password", NULL),
};
static const pbx_option needy_options[] = {
    PLAIN(PBX_OPTION_FIELD, PBX_OPTION_OBJECTIVE, "metric", NULL),
    OPTION(PBX_OPTION_ENUM, PBX_OPTION_OBJECTIVE, "mode", -INFINITY, INFINITY, NULL, modes),
    PLAIN(PBX_OPTION_STRING, PBX_OPTION_SECRET, "key", NULL),
};
static const pbx_option clock_options[] = {
    PLAIN(PBX_OPTION_REAL, PBX_OPTION_REQUIRED, "after", NULL),
};
static const pbx_option shell_options[] = {
    PLAIN(PBX_OPTION_TEMPLATE, PBX_OPTION_REQUIRED | PBX_OPTION_LIST, "command", NULL),
    PLAIN(PBX_OPTION_TEMPLATE, PBX_OPTION_MAP, "files", NULL),
    PLAIN(PBX_OPTION_TEMPLATE, 0, "source", "\"stdout\""),
    PLAIN(PBX_OPTION_STRING, PBX_OPTION_SECRET, "password", NULL),
    PLAIN(PBX_OPTION_PATH, 0, "image", NULL),
};

#define N(TABLE) (sizeof(TABLE) / sizeof((TABLE)[0]))
#define PLUGIN(VARIABLE, KIND, ID, NAME, VTABLE, OPTIONS, N_OPTIONS)                               \
    static const pbx_interface VARIABLE##_interfaces[] = {{ID, &(VTABLE)}, {NULL, NULL}};          \
    static const pbx_plugin VARIABLE = {                                                           \
        .struct_size = sizeof(pbx_plugin),                                                         \
        .option_size = sizeof(pbx_option),                                                         \
        .n_options = N_OPTIONS,                                                                    \
        .kind = KIND,                                                                              \
        .name = NAME,                                                                              \
        .version = "1.0",                                                                          \
        .summary = "For tests.",                                                                   \
        .license = "LGPL-2.1-or-later",                                                            \
        .options = OPTIONS,                                                                        \
        .interfaces = VARIABLE##_interfaces,                                                       \
    };

PLUGIN(search_wide, "search", PBX_SEARCH_ID, "wide", wide, NULL, 0)
PLUGIN(search_narrow, "search", PBX_SEARCH_ID, "narrow", narrow, NULL, 0)
PLUGIN(search_around, "search", PBX_SEARCH_ID, "around", around, around_options, N(around_options))
PLUGIN(search_first, "search", PBX_SEARCH_ID, "first", around, first_options, N(first_options))
PLUGIN(search_pointed, "search", PBX_SEARCH_ID, "pointed", wide, pointed_options,
       N(pointed_options))
PLUGIN(search_picky, "search", PBX_SEARCH_ID, "picky", picky, picky_options, N(picky_options))
PLUGIN(scheduler_plain, "scheduler", PBX_SCHEDULER_ID, "plain", plain, NULL, 0)
PLUGIN(scheduler_ranker, "scheduler", PBX_SCHEDULER_ID, "ranker", ranker, ranker_options,
       N(ranker_options))
PLUGIN(stopper_bounds, "stopper", PBX_STOPPER_ID, "bounds", stopper, bounds_options,
       N(bounds_options))
PLUGIN(stopper_rule, "stopper", PBX_STOPPER_ID, "rule", stopper, rule_options, N(rule_options))
PLUGIN(stopper_clock, "stopper", PBX_STOPPER_ID, "clock", stopper, clock_options, N(clock_options))
PLUGIN(stopper_never, "stopper", PBX_STOPPER_ID, "never", stopper, NULL, 0)
PLUGIN(stopper_both, "stopper", PBX_STOPPER_ID, "both", stopper, both_options, N(both_options))
PLUGIN(stopper_needy, "stopper", PBX_STOPPER_ID, "needy", needy, needy_options, N(needy_options))
PLUGIN(logger_lines, "logger", PBX_LOGGER_ID, "lines", logger, NULL, 0)
PLUGIN(logger_other, "logger", PBX_LOGGER_ID, "other", logger, NULL, 0)
PLUGIN(trainable_shell, "trainable", PBX_TRAINABLE_ID, "shell", checked, shell_options,
       N(shell_options))
PLUGIN(trainable_nothing, "trainable", PBX_TRAINABLE_ID, "nothing", trainable, NULL, 0)
PLUGIN(trainable_saver, "trainable", PBX_TRAINABLE_ID, "saver", saver, NULL, 0)
PLUGIN(trainable_program, "trainable", PBX_TRAINABLE_ID, "program", program, NULL, 0)
PLUGIN(scheduler_pauser, "scheduler", PBX_SCHEDULER_ID, "pauser", pauser, NULL, 0)
PLUGIN(executor_here, "executor", PBX_EXECUTOR_ID, "here", executor, NULL, 0)

static const pbx_plugin *const plugins[] = {
    &search_wide,    &search_narrow,   &search_picky,      &scheduler_plain,  &scheduler_ranker,
    &stopper_bounds, &stopper_rule,    &stopper_clock,     &stopper_never,    &stopper_both,
    &stopper_needy,  &logger_lines,    &logger_other,      &trainable_shell,  &trainable_nothing,
    &executor_here,  &trainable_saver, &trainable_program, &scheduler_pauser, &search_around,
    &search_first,   &search_pointed,
};

const pbx_entry pegbox_plugin_v0 = {
    .magic = PEGBOX_MAGIC,
    .struct_size = sizeof(pbx_entry),
    .abi_major = PEGBOX_ABI_MAJOR,
    .abi_minor = PEGBOX_ABI_MINOR,
    .build_flags = PEGBOX_BUILD_FLAGS,
    .n_plugins = N(plugins),
    .plugins = plugins,
};
