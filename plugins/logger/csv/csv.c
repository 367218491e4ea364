/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * logger/csv: progress.csv, the results of a trial as a table (RFC 4180, lines end with
 * LF). Nested fields are named by their path with '/'; the config is left out. A field
 * that appears later gets a column then, and the file is written anew from what it held.
 */
#include "scan.h"

#define FILE_NAME "progress.csv"

/* The columns of a trial's file. They need no saving: its first line has them. */
typedef struct {
    size_t n, capacity;
    char **names;
} Columns;

/* A cell of the row that is being made: where its text is in `cells`. */
typedef struct {
    size_t begin, end;
} Cell;

struct pbx_instance {
    pbx_base base;
    const pbx_files *files;
    pbx_map trials;   /* trial -> Columns, of those that write */
    pbx_memory cells; /* texts of the row's values, quoted as they need */
    pbx_memory path;  /* of the field that is looked at */
    pbx_memory out;   /* what is given to the host */
    pbx_memory held;  /* what the file holds */
    Cell *row;        /* [of the columns] */
    size_t row_size;
    size_t next; /* the column after the one that was filled last: mostly the right one */
};

static void
finish(pbx_instance *self)
{
    pbx_memory_free(&self->cells);
    pbx_memory_free(&self->path);
    pbx_memory_free(&self->out);
    pbx_memory_free(&self->held);
}

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *options, pbx_error *error)
{
    const void *files = NULL;
    pbx_status status = pbx_need(host, PBX_FILES_ID, &files, error);
    (void)options;
    if (status != PBX_OK)
        return status;
    self->files = (const pbx_files *)files;
    self->base.finish = finish;
    pbx_map_init(&self->trials, self, sizeof(Columns));
    return PBX_OK;
}

/* ---- Columns ---- */

static void
forget(pbx_instance *self, uint64_t trial)
{
    Columns *columns = (Columns *)pbx_map_get(&self->trials, trial);
    if (columns == NULL)
        return;
    for (size_t i = 0; i < columns->n; i++)
        pbx_free(self, columns->names[i]);
    pbx_free(self, columns->names);
    pbx_map_remove(&self->trials, trial);
}

static pbx_status
add_column(pbx_instance *self, Columns *columns, const char *name)
{
    if (columns->n == columns->capacity) {
        size_t capacity = columns->capacity > 0 ? columns->capacity * 2 : 32;
        void *names = pbx_realloc(self, columns->names, capacity * sizeof(char *));
        if (names == NULL)
            return PBX_ENOMEM;
        columns->names = (char **)names;
        columns->capacity = capacity;
    }
    columns->names[columns->n] = pbx_strdup(self, name);
    return columns->names[columns->n++] != NULL ? PBX_OK : PBX_ENOMEM;
}

/* The column of a name, or n. */
static size_t
find_column(const pbx_instance *self, const Columns *columns, const char *name)
{
    if (self->next < columns->n && strcmp(columns->names[self->next], name) == 0)
        return self->next;
    for (size_t i = 0; i < columns->n; i++)
        if (strcmp(columns->names[i], name) == 0)
            return i;
    return columns->n;
}

/* ---- CSV ---- */

/* Text as a field: in quotes where it has a comma, a quote or a line end. */
static pbx_status
put_field(pbx_memory *out, const char *text, size_t n)
{
    pbx_status status = PBX_OK;
    int quoted = 0;
    for (size_t i = 0; i < n; i++)
        quoted |= text[i] == ',' || text[i] == '"' || text[i] == '\n' || text[i] == '\r';
    if (!quoted)
        return pbx_memory_add(out, text, n);
    status = pbx_memory_add(out, "\"", 1);
    for (size_t i = 0; i < n && status == PBX_OK; i++)
        status = pbx_memory_add(out, text[i] == '"' ? "\"\"" : text + i, text[i] == '"' ? 2 : 1);
    return status == PBX_OK ? pbx_memory_add(out, "\"", 1) : status;
}

/* Where the record at `from` ends: at its line end outside quotes. */
static size_t
record_end(const pbx_memory *text, size_t from)
{
    int quoted = 0;
    for (; from < text->n; from++) {
        if (text->bytes[from] == '"')
            quoted = !quoted;
        else if (text->bytes[from] == '\n' && !quoted)
            break;
    }
    return from;
}

/* The first record of what the file holds, as columns. */
static pbx_status
read_header(pbx_instance *self, Columns *columns)
{
    const pbx_memory *held = &self->held;
    size_t end = record_end(held, 0);
    int quoted = 0;
    pbx_status status = PBX_OK;
    self->path.n = 0;
    for (size_t i = 0; i <= end && status == PBX_OK; i++) {
        char c = i < end ? held->bytes[i] : ',';
        if (c == ',' && (!quoted || i == end)) {
            status = pbx_memory_add(&self->path, "", 0);
            if (status == PBX_OK)
                status = add_column(self, columns, self->path.bytes);
            self->path.n = 0;
        } else if (c == '"' && quoted && held->bytes[i + 1] == '"') {
            status = pbx_memory_add(&self->path, &c, 1);
            i++;
        } else if (c == '"') {
            quoted = !quoted;
        } else {
            status = pbx_memory_add(&self->path, &c, 1);
        }
    }
    return status;
}

static pbx_status
read_file(pbx_instance *self, uint64_t trial)
{
    pbx_sink sink = pbx_memory_sink(&self->held);
    pbx_status status;
    self->held.n = 0;
    status = self->files->read(self->base.host, trial, FILE_NAME, &sink);
    return status == PBX_ESTATE ? PBX_OK : status;
}

/* The columns of a trial, from its file where it was written before. */
static pbx_status
columns_of(pbx_instance *self, uint64_t trial, Columns **columns)
{
    pbx_status status;
    *columns = (Columns *)pbx_map_get(&self->trials, trial);
    if (*columns != NULL)
        return PBX_OK;
    status = read_file(self, trial);
    if (status < 0)
        return status;
    *columns = (Columns *)pbx_map_put(&self->trials, trial);
    if (*columns == NULL)
        return PBX_ENOMEM;
    return self->held.n > 0 ? read_header(self, *columns) : PBX_OK;
}

/* ---- A result as a row ---- */

static pbx_status
reserve_row(pbx_instance *self, size_t n)
{
    if (n > self->row_size) {
        void *row = pbx_realloc(self, self->row, n * 2 * sizeof(Cell));
        if (row == NULL)
            return PBX_ENOMEM;
        self->row = (Cell *)row;
        self->row_size = n * 2;
    }
    return PBX_OK;
}

/* The text of a value that has no members: strings raw, null empty, all else as JSON. */
static pbx_status
put_value(pbx_instance *self, const char *value, size_t n)
{
    pbx_status status;
    if (value[0] == 'n')
        return PBX_OK;
    if (value[0] != '"' || n < 2)
        return put_field(&self->cells, value, n);
    if (memchr(value, '\\', n) == NULL)
        return put_field(&self->cells, value + 1, n - 2);
    self->out.n = 0;
    status = scan_string(&self->out, value + 1, n - 2);
    return status == PBX_OK ? put_field(&self->cells, self->out.bytes, self->out.n) : status;
}

static pbx_status
put_cell(pbx_instance *self, Columns *columns, const Member *member)
{
    size_t column = find_column(self, columns, self->path.bytes);
    pbx_status status = PBX_OK;
    if (column == columns->n)
        status = add_column(self, columns, self->path.bytes);
    if (status == PBX_OK)
        status = reserve_row(self, columns->n);
    if (status != PBX_OK)
        return status;
    self->next = column + 1;
    self->row[column].begin = self->cells.n;
    status = put_value(self, member->value, member->value_n);
    self->row[column].end = self->cells.n;
    return status;
}

/* Every field of the object at `at`; self->path is where it is. An empty object gives none. */
static pbx_status
put_fields(pbx_instance *self, Columns *columns, const char *at)
{
    size_t base = self->path.n;
    pbx_status status = PBX_OK;
    Member member;
    while (status == PBX_OK && (at = scan_member(at, &member)) != NULL) {
        if (base == 0 && member.key_n == 6 && memcmp(member.key, "config", 6) == 0)
            continue;
        if (base > 0)
            status = pbx_memory_add(&self->path, "/", 1);
        if (status == PBX_OK)
            status = scan_string(&self->path, member.key, member.key_n);
        if (status == PBX_OK)
            status = member.value[0] == '{' ? put_fields(self, columns, member.value)
                                            : put_cell(self, columns, &member);
        self->path.n = base;
        self->path.bytes[base] = '\0';
    }
    return status;
}

/* A record of all columns from `first` on: their names, or the row's cells. */
static pbx_status
put_record(pbx_instance *self, const Columns *columns, size_t first, int names)
{
    pbx_status status = PBX_OK;
    for (size_t i = first; i < columns->n && status == PBX_OK; i++) {
        const char *name = columns->names[i];
        if (i > 0)
            status = pbx_memory_add(&self->out, ",", 1);
        if (status == PBX_OK && names)
            status = put_field(&self->out, name, strlen(name));
        else if (status == PBX_OK && self->row[i].end > self->row[i].begin)
            status = pbx_memory_add(&self->out, self->cells.bytes + self->row[i].begin,
                                    self->row[i].end - self->row[i].begin);
    }
    return status == PBX_OK ? pbx_memory_add(&self->out, "\n", 1) : status;
}

/* What the file held, each record longer by the columns from `first` on. */
static pbx_status
put_widened(pbx_instance *self, const Columns *columns, size_t first)
{
    const pbx_memory *held = &self->held;
    pbx_status status = PBX_OK;
    for (size_t from = 0, end; from < held->n && status == PBX_OK; from = end + 1) {
        end = record_end(held, from);
        status = pbx_memory_add(&self->out, held->bytes + from, end - from);
        if (from == 0 && status == PBX_OK) {
            status = put_record(self, columns, first, 1);
            continue;
        }
        for (size_t i = first; i < columns->n && status == PBX_OK; i++)
            status = pbx_memory_add(&self->out, ",", 1);
        if (status == PBX_OK)
            status = pbx_memory_add(&self->out, "\n", 1);
    }
    return status;
}

static pbx_status
write_row(pbx_instance *self, uint64_t trial, Columns *columns, size_t known)
{
    const pbx_host *host = self->base.host;
    pbx_status status = PBX_OK;
    self->out.n = 0;
    if (known == 0) {
        status = put_record(self, columns, 0, 1);
    } else if (known < columns->n) {
        status = read_file(self, trial);
        if (status == PBX_OK)
            status = put_widened(self, columns, known);
    }
    if (status == PBX_OK)
        status = put_record(self, columns, 0, 0);
    if (status != PBX_OK)
        return status;
    if (known > 0 && known < columns->n)
        return self->files->replace(host, trial, FILE_NAME, self->out.bytes, self->out.n);
    return self->files->append(host, trial, FILE_NAME, self->out.bytes, self->out.n);
}

static pbx_status
log_result(pbx_instance *self, const pbx_result *result)
{
    Columns *columns;
    size_t known;
    pbx_status status = columns_of(self, result->trial, &columns);
    if (status == PBX_OK)
        status = reserve_row(self, columns->n + 1);
    if (status == PBX_OK)
        status = pbx_memory_add(&self->path, "", 0);
    if (status != PBX_OK)
        return status;
    known = columns->n;
    memset(self->row, 0, self->row_size * sizeof(Cell));
    self->cells.n = self->path.n = self->next = 0;
    status = put_fields(self, columns, result->text);
    if (status != PBX_OK || columns->n == 0)
        return status;
    return write_row(self, result->trial, columns, known);
}

static pbx_status
events(pbx_instance *self, const pbx_event *const *list, size_t n, size_t *done, pbx_error *error)
{
    for (*done = 0; *done < n; ++*done) {
        const pbx_event *event = list[*done];
        pbx_status status;
        if (event->type != PBX_EVENT_RESULT || event->result == NULL) {
            if (event->trial != NULL)
                forget(self, event->trial->trial); /* it ended */
            continue;
        }
        status = log_result(self, event->result);
        if (status < 0) {
            forget(self, event->result->trial); /* the file tells what is there */
            return pbx_fail(error, status, FILE_NAME, "cannot be written");
        }
    }
    return PBX_OK;
}

PEGBOX_LOGGER("csv", "1.0", "Writes progress.csv of each trial, a row a result",
              "LGPL-2.1-or-later", PEGBOX_NO_OPTIONS,
              PBX_WANTS(PBX_EVENT_RESULT) | PBX_WANTS(PBX_EVENT_COMPLETE) |
                  PBX_WANTS(PBX_EVENT_ERROR),
              0, init, NULL, .events = events);
