/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search/repeat: each point of another search several times, one trial after the other. The other
 * one sees a group of such copies as a single trial, whose number is the group's and whose losses
 * are made of its copies'. It learns nothing of their states and intermediate results.
 */
#include <pegbox/helpers.h>

#define INDEX "__trial_index__"

/* A copy, until its group is done. */
typedef struct {
    uint64_t group;
    uint32_t ended, end; /* end: PBX_END_* */
    double elapsed_s;
    double *values; /* its losses, then its violations; NULL: it does not count */
    size_t n_values;
} repeat_copy;

typedef struct {
    uint64_t begun, ended; /* copies */
} repeat_group;

struct pbx_instance {
    pbx_base base;
    pbx_inner inner;
    uint64_t times;
    int set_index;
    const char *aggregate;
    const pbx_problem *problem;
    int warned;
    pbx_map copies;    /* by trial */
    pbx_map groups;    /* by number */
    uint64_t n_groups; /* so far */
    uint64_t open;     /* the group that has copies to come; PBX_NONE: none */
    uint64_t asked;    /* the last trial that was suggested */
    double *point;     /* [n_dims]: of the open group, with all that the inner search said of it */
    size_t n_dims;
    uint64_t origin;
    char *extra;
    char *text; /* the extra of a copy */
    double *values, *column;
};

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *options, pbx_error *error)
{
    self->times = (uint64_t)pbx_integer(host, options, "times");
    self->set_index = pbx_boolean(host, options, "set_index");
    self->aggregate = pbx_string(host, options, "aggregate");
    self->open = self->asked = PBX_NONE;
    pbx_map_init(&self->copies, self, sizeof(repeat_copy));
    pbx_map_init(&self->groups, self, sizeof(repeat_group));
    return pbx_inner_take(self, "search", &self->inner, error);
}

/* Not to visit a grid nor to count samples, which are copies; and another one counts what is live.
 */
#define CAPS_OF_INNER                                                                              \
    (PBX_CAPS_OF_INNER & ~(uint32_t)(PBX_CAP_GRID | PBX_CAP_OWNS_SAMPLES | PBX_CAP_LIMITS_ITSELF))

static uint32_t
caps(const pbx_instance *self)
{
    return PBX_CAP_TRANSPARENT | PBX_CAP_RENUMBERS | (self->inner.child->caps & CAPS_OF_INNER);
}

static uint64_t
in_groups(const pbx_instance *self, uint64_t trials)
{
    return trials / self->times + (trials % self->times != 0);
}

static pbx_status
setup(pbx_instance *self, const pbx_problem *problem, pbx_error *error)
{
    pbx_problem *inner = pbx_inner_problem(&self->inner);
    const size_t n = problem->n_objectives + problem->n_constraints;
    const uint64_t samples = problem->num_samples > 0 ? (uint64_t)problem->num_samples : 0;
    self->problem = inner;
    self->n_dims = problem->space->n_dims;
    pbx_free(self, self->point);
    pbx_free(self, self->values);
    pbx_free(self, self->column);
    self->point = (double *)pbx_alloc_array(self, self->n_dims + 1, sizeof(double));
    self->values = (double *)pbx_alloc_array(self, n + 1, sizeof(double));
    self->column = (double *)pbx_alloc_array(self, (size_t)self->times, sizeof(double));
    if (!self->point || !self->values || !self->column)
        return pbx_fail_memory(error);
    if (samples % self->times != 0 && !self->warned)
        pbx_log(self->base.host, PBX_LOG_WARNING,
                "num_samples is %llu: the last %llu are no whole group of %llu, and the search is "
                "not told of them",
                (unsigned long long)samples, (unsigned long long)(samples % self->times),
                (unsigned long long)self->times);
    self->warned = 1;
    if (samples > 0)
        inner->num_samples = (int64_t)in_groups(self, samples);
    inner->max_concurrent = in_groups(self, inner->max_concurrent);
    return pbx_inner_setup(&self->inner, inner, error);
}

/* ---- Copies ---- */

/* {"a":1} and the index of a copy; NULL: out of memory. */
static const char *
indexed(pbx_instance *self, uint64_t index)
{
    const char *given = self->extra ? self->extra : "{}";
    const char *end = strrchr(given, '}');
    size_t n = end ? (size_t)(end - given) : 0;
    const size_t room = strlen(given) + sizeof(INDEX) + 32;
    const char *first = given + strspn(given, " \t\r\n{");
    if (!self->set_index)
        return self->extra;
    pbx_free(self, self->text);
    self->text = (char *)pbx_alloc(self, room);
    if (!self->text)
        return NULL;
    while (n > 1 && strchr(" \t\r\n", given[n - 1]))
        n--;
    snprintf(self->text, room, "%.*s%s\"" INDEX "\":%llu}", (int)n, given, *first == '}' ? "" : ",",
             (unsigned long long)index);
    return self->text;
}

/* The index in what `indexed` has made, and where it begins there; NULL: there is none. */
static const char *
find_index(const char *extra, uint64_t *index)
{
    const char *found = NULL;
    for (const char *at = extra; at && (at = strstr(at, "\"" INDEX "\":")) != NULL; at++)
        found = at;
    *index = found ? strtoull(found + sizeof("\"" INDEX "\":") - 1, NULL, 10) : 0;
    return found;
}

/* What the inner search has said of a point; the extra may be that of a copy. */
static pbx_status
keep_point(pbx_instance *self, const pbx_suggestion *suggestion, pbx_error *error)
{
    uint64_t index;
    const char *at = self->set_index ? find_index(suggestion->extra, &index) : NULL;
    pbx_free(self, self->extra);
    self->extra = NULL;
    self->origin = suggestion->origin;
    for (size_t i = 0; i < self->n_dims; i++)
        self->point[i] = suggestion->x[i];
    if (!suggestion->extra)
        return PBX_OK;
    self->extra = pbx_strdup(self, suggestion->extra);
    if (!self->extra)
        return pbx_fail_memory(error);
    if (at && at > suggestion->extra) {
        size_t n = (size_t)(at - suggestion->extra);
        n -= at[-1] == ',';
        self->extra[n] = '}';
        self->extra[n + 1] = '\0';
    }
    return PBX_OK;
}

/* A trial is one more copy of a group. */
static pbx_status
add_copy(pbx_instance *self, uint64_t group, uint64_t trial, pbx_error *error)
{
    repeat_group *known = (repeat_group *)pbx_map_put(&self->groups, group);
    repeat_copy *copy = (repeat_copy *)pbx_map_put(&self->copies, trial);
    if (!known || !copy)
        return pbx_fail_memory(error);
    copy->group = group;
    known->begun++;
    if (group == self->open && known->begun >= self->times)
        self->open = PBX_NONE;
    return PBX_OK;
}

static void
forget_copy(pbx_instance *self, uint64_t trial)
{
    repeat_copy *copy = (repeat_copy *)pbx_map_get(&self->copies, trial);
    if (copy)
        pbx_free(self, copy->values);
    pbx_map_remove(&self->copies, trial);
}

/* ---- Proposed ---- */

static pbx_status
begin_group(pbx_instance *self, pbx_suggestion *suggestion, pbx_error *error)
{
    const pbx_inner *inner = &self->inner;
    pbx_suggestion *given = pbx_inner_suggestion(inner, suggestion);
    pbx_status status;
    given->trial = self->n_groups;
    status = inner->search->suggest(inner->child->instance, given, error);
    if (status != PBX_OK)
        return status;
    self->open = self->n_groups++;
    return keep_point(self, suggestion, error);
}

static pbx_status
suggest(pbx_instance *self, pbx_suggestion *suggestion, pbx_error *error)
{
    const repeat_group *group;
    pbx_status status = PBX_OK;
    uint64_t index;
    if (self->open == PBX_NONE)
        status = begin_group(self, suggestion, error);
    if (status != PBX_OK)
        return status;
    for (size_t i = 0; i < self->n_dims; i++)
        suggestion->x[i] = self->point[i];
    group = (const repeat_group *)pbx_map_get(&self->groups, self->open);
    index = group ? group->begun : 0;
    suggestion->origin = self->origin;
    suggestion->extra = indexed(self, index);
    if (self->set_index && !suggestion->extra)
        return pbx_fail_memory(error);
    self->asked = suggestion->trial;
    return add_copy(self, self->open, suggestion->trial, error);
}

/* A trial that is all of its group. */
static pbx_status
adopt_alone(pbx_instance *self, const pbx_suggestion *suggestion, pbx_error *error)
{
    pbx_suggestion *given = pbx_inner_suggestion(&self->inner, suggestion);
    given->trial = self->n_groups++;
    const pbx_status status = add_copy(self, given->trial, suggestion->trial, error);
    return status == PBX_OK ? pbx_inner_adopt_as(&self->inner, given, error) : status;
}

static pbx_status
adopt_again(pbx_instance *self, const pbx_suggestion *suggestion, pbx_error *error)
{
    uint64_t index = 0;
    pbx_suggestion *given;
    pbx_status status;
    const int is_first = self->set_index && find_index(suggestion->extra, &index) && index == 0;
    if (self->open != PBX_NONE && !is_first)
        return add_copy(self, self->open, suggestion->trial, error);
    self->open = self->n_groups++;
    status = keep_point(self, suggestion, error);
    if (status != PBX_OK)
        return status;
    given = pbx_inner_suggestion(&self->inner, suggestion);
    given->trial = self->open;
    given->extra = self->extra;
    status = add_copy(self, given->trial, suggestion->trial, error);
    return status == PBX_OK ? pbx_inner_adopt_as(&self->inner, given, error) : status;
}

static pbx_status
adopt(pbx_instance *self, const pbx_suggestion *suggestion, pbx_error *error)
{
    const repeat_copy *copy = (const repeat_copy *)pbx_map_get(&self->copies, suggestion->trial);
    const repeat_group *group;
    pbx_suggestion *given;
    if (suggestion->flags & PBX_SUGGESTION_ENQUEUED)
        return adopt_alone(self, suggestion, error);
    if (suggestion->flags & PBX_SUGGESTION_REPLAY)
        return adopt_again(self, suggestion, error);
    /* The first copy has the point that is altered; the others are like it. */
    group = copy ? (const repeat_group *)pbx_map_get(&self->groups, copy->group) : NULL;
    if (!group || group->begun != 1)
        return PBX_OK;
    for (size_t i = 0; i < self->n_dims; i++)
        self->point[i] = suggestion->x[i];
    given = pbx_inner_suggestion(&self->inner, suggestion);
    given->trial = copy->group;
    given->extra = self->extra;
    return pbx_inner_adopt_as(&self->inner, given, error);
}

/* ---- Told ---- */

/* The values of a copy that counts: neither failed, nor without a finite loss. */
static pbx_status
take_values(pbx_instance *self, repeat_copy *copy, const pbx_result *last, pbx_error *error)
{
    const uint32_t n_losses = last ? last->n_losses : 0;
    if (copy->end == PBX_END_FAILED || copy->end == PBX_END_VOID || !last)
        return PBX_OK;
    for (uint32_t i = 0; i < n_losses; i++)
        if (!isfinite(last->losses[i]))
            return PBX_OK;
    copy->n_values = n_losses + last->n_violations;
    copy->values = (double *)pbx_alloc_array(self, copy->n_values + 1, sizeof(double));
    if (!copy->values)
        return pbx_fail_memory(error);
    for (size_t i = 0; i < copy->n_values; i++)
        copy->values[i] = i < n_losses ? last->losses[i] : last->violations[i - n_losses];
    return PBX_OK;
}

static int
compare(const void *a, const void *b)
{
    const double one = *(const double *)a, other = *(const double *)b;
    return (one > other) - (one < other);
}

/* min and max are of the metric as it is reported, whatever the mode. */
static double
made_of(const pbx_instance *self, size_t n, int sign)
{
    double *column = self->column, sum = 0;
    qsort(column, n, sizeof(double), compare);
    for (size_t i = 0; i < n; i++)
        sum += column[i];
    if (strcmp(self->aggregate, "median") == 0)
        return n % 2 != 0 ? column[n / 2] : column[n / 2 - 1] / 2 + column[n / 2] / 2;
    if (strcmp(self->aggregate, "min") == 0)
        return column[sign > 0 ? 0 : n - 1];
    if (strcmp(self->aggregate, "max") == 0)
        return column[sign > 0 ? n - 1 : 0];
    return sum / (double)n;
}

/* Of the copies of a group: how many count, and what they come to, in self->values. */
typedef struct {
    size_t n, n_values;
    int any_completed, all_stopped;
    double elapsed_s;
    uint64_t trial; /* one that counts, if there is one */
} repeat_sum;

static repeat_sum
sum_up(pbx_instance *self, uint64_t group)
{
    repeat_sum sum = {0, 0, 0, 1, 0, PBX_NONE};
    const size_t n_losses = self->problem->n_objectives;
    for (size_t value = 0; value == 0 || value < sum.n_values; value++) {
        size_t n = 0;
        uint64_t trial = PBX_NONE;
        for (size_t i = 0; i < self->copies.n; i++) {
            const repeat_copy *copy = (const repeat_copy *)pbx_map_item(&self->copies, i);
            if (copy->group != group)
                continue;
            sum.trial = pbx_map_key(&self->copies, i);
            if (value == 0) {
                sum.elapsed_s += copy->elapsed_s;
                sum.all_stopped &= copy->end == PBX_END_STOPPED;
            }
            if (!copy->values || n >= self->times)
                continue;
            if (value < copy->n_values)
                self->column[n] = copy->values[value];
            n++;
            trial = pbx_map_key(&self->copies, i);
            sum.n_values = copy->n_values;
            sum.any_completed |= copy->end == PBX_END_COMPLETED;
        }
        sum.n = n;
        if (n > 0)
            sum.trial = trial;
        if (value < sum.n_values)
            self->values[value] = made_of(
                self, n, value < n_losses ? (int)self->problem->objectives[value]->sign : 1);
    }
    return sum;
}

/* All copies of a group have ended: the inner search is told of it. `given` is of the one that
 * ended last; NULL: of none. */
static pbx_status
finish(pbx_instance *self, uint64_t group, pbx_outcome *given, int counts, pbx_error *error)
{
    const pbx_inner *inner = &self->inner;
    const repeat_sum sum = sum_up(self, group);
    pbx_status status;
    if (!given || (sum.n > 0 && !counts))
        given = inner->service->told(inner->host, inner->child, sum.trial, error);
    if (!given)
        return PBX_EFATAL;
    given->trial = group;
    given->elapsed_s = sum.elapsed_s;
    if (sum.n == 0) {
        given->end = sum.all_stopped ? PBX_END_STOPPED : PBX_END_FAILED;
        given->last = NULL;
    } else {
        pbx_result *last = inner->service->result(inner->host, inner->child, given->last);
        if (!last)
            return pbx_fail(error, PBX_EFATAL, NULL, "a result that is not the host's");
        if (sum.any_completed)
            given->end = PBX_END_COMPLETED;
        last->trial = group;
        last->losses = self->values;
        last->violations = self->values + self->problem->n_objectives;
    }
    status = pbx_inner_tell_as(inner, given, error);
    for (size_t i = self->copies.n; i-- > 0;)
        if (((const repeat_copy *)pbx_map_item(&self->copies, i))->group == group)
            forget_copy(self, pbx_map_key(&self->copies, i));
    pbx_map_remove(&self->groups, group);
    return status;
}

static int
is_done(const pbx_instance *self, uint64_t number)
{
    const repeat_group *group = (const repeat_group *)pbx_map_get(&self->groups, number);
    return group && number != self->open && group->ended >= group->begun;
}

/* A point that took an ask, but became no trial. */
static pbx_status
tell_duplicate(pbx_instance *self, const pbx_outcome *outcome, pbx_error *error)
{
    const repeat_copy *copy = (const repeat_copy *)pbx_map_get(&self->copies, self->asked);
    const uint64_t number = copy ? copy->group : PBX_NONE;
    repeat_group *group = (repeat_group *)pbx_map_get(&self->groups, number);
    if (!group)
        return PBX_OK;
    forget_copy(self, self->asked);
    if (group->begun > 1) {
        /* It is like the copies before it, and does not count. */
        group->ended++;
        return is_done(self, number) ? finish(self, number, NULL, 0, error) : PBX_OK;
    }
    pbx_map_remove(&self->groups, number);
    self->open = PBX_NONE;
    self->n_groups = number; /* that of the next one */
    return pbx_inner_tell(&self->inner, outcome, error);
}

/* Of one that has been told of before; its group may be still to come. */
static pbx_status
tell_void(pbx_instance *self, repeat_copy *copy, pbx_error *error)
{
    if (!copy)
        return pbx_fail(error, PBX_ENOTSUP, NULL,
                        "the copies that it was one of have been told already");
    pbx_free(self, copy->values);
    copy->values = NULL;
    return PBX_OK;
}

static pbx_status
tell(pbx_instance *self, const pbx_outcome *outcome, pbx_error *error)
{
    const pbx_inner *inner = &self->inner;
    repeat_copy *copy = (repeat_copy *)pbx_map_get(&self->copies, outcome->trial);
    repeat_group *group = copy ? (repeat_group *)pbx_map_get(&self->groups, copy->group) : NULL;
    pbx_outcome *given;
    pbx_status status;
    if (outcome->end == PBX_END_DUPLICATE)
        return tell_duplicate(self, outcome, error);
    if (outcome->end == PBX_END_VOID && (!group || copy->ended))
        return tell_void(self, copy, error);
    if (!group)
        return pbx_inner_tell(inner, outcome, error);
    given = inner->service->outcome(inner->host, inner->child, outcome);
    if (!given)
        return pbx_fail(error, PBX_EINVAL, NULL, "an outcome that is not the host's");
    copy->ended = 1;
    copy->end = outcome->end;
    copy->elapsed_s = outcome->elapsed_s;
    group->ended++;
    status = take_values(self, copy, given->last, error);
    if (status != PBX_OK || !is_done(self, copy->group))
        return status;
    return finish(self, copy->group, given, copy->values != NULL, error);
}

/* ---- The rest ---- */

static pbx_status
describe(pbx_instance *self, const pbx_sink *sink)
{
    return pbx_sink_printf(sink, "Each point %llu time%s: %zu point%s now",
                           (unsigned long long)self->times, self->times == 1 ? "" : "s",
                           self->groups.n, self->groups.n == 1 ? "" : "s");
}

static void
blob_copy(pbx_blob *blob, void *item)
{
    repeat_copy *copy = (repeat_copy *)item;
    uint32_t counts = copy->values != NULL;
    pbx_blob_u64(blob, &copy->group);
    pbx_blob_u32(blob, &copy->ended);
    pbx_blob_u32(blob, &copy->end);
    pbx_blob_real(blob, &copy->elapsed_s);
    pbx_blob_u32(blob, &counts);
    if (counts)
        pbx_blob_array(blob, &copy->values, &copy->n_values);
}

static void
blob_group(pbx_blob *blob, void *item)
{
    repeat_group *group = (repeat_group *)item;
    pbx_blob_u64(blob, &group->begun);
    pbx_blob_u64(blob, &group->ended);
}

static void
state(pbx_instance *self, pbx_blob *blob)
{
    const size_t n_dims = self->n_dims;
    size_t n = n_dims;
    pbx_blob_map(blob, &self->copies, blob_copy);
    pbx_blob_map(blob, &self->groups, blob_group);
    pbx_blob_u64(blob, &self->n_groups);
    pbx_blob_u64(blob, &self->open);
    pbx_blob_u64(blob, &self->asked);
    pbx_blob_array(blob, &self->point, &n);
    pbx_blob_u64(blob, &self->origin);
    pbx_blob_text(blob, &self->extra);
    if (n != n_dims)
        pbx_blob_fail(blob, PBX_EINVAL);
    /* It may go on with another number of copies. */
    if (self->open != PBX_NONE) {
        const repeat_group *group = (const repeat_group *)pbx_map_get(&self->groups, self->open);
        if (!group || group->begun >= self->times)
            self->open = PBX_NONE;
    }
}

static const char *const kinds[] = {"search", NULL};
static const char *const aggregates[] = {"mean", "median", "min", "max", NULL};
static const pbx_option options[] = {
    PBX_OPT(PBX_OPTION_INT, PBX_OPTION_REQUIRED, "times", "trials that each point has", "1.0", 1,
            1e6, NULL, NULL),
    PBX_OPT_BOOL("set_index",
                 "each copy finds which it is, from 0, in its config, as __trial_index__", "1.0",
                 "true"),
    PBX_OPT_ENUM("aggregate", "what of the copies' metrics the search is told", "1.0", aggregates,
                 "\"mean\""),
    PBX_OPT_PLUGIN(PBX_OPTION_REQUIRED, "search", "the search whose points are repeated", "1.0",
                   kinds, NULL),
};

PEGBOX_SEARCH("repeat", "1.0", "Each point of a search several times, told as one",
              "LGPL-2.1-or-later", options, PBX_CAP_TRANSPARENT | PBX_CAP_RENUMBERS | CAPS_OF_INNER,
              1, init, state, .setup = setup, .suggest = suggest, .adopt = adopt, .tell = tell,
              .object.describe = describe, .object.caps = caps);
