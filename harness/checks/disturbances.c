/* disturbances: collected from the cast and from the brokers' records, sorted once. */
#include "harness/checks/disturbances.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct collecting {
    struct disturbances *to;
    int capacity;
    uint64_t over_ns; /* from here on it is the clearing up */
    bool no_memory;
};

static void collect(struct collecting *c, uint64_t time_ns, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void collect(struct collecting *c, uint64_t time_ns, const char *format, ...)
{
    struct disturbances *to = c->to;
    va_list args;

    if (time_ns >= c->over_ns)
        return;
    if (to->count == c->capacity) {
        int capacity = c->capacity == 0 ? 32 : c->capacity * 2;
        struct disturbance *more =
            realloc(to->events, (size_t)capacity * sizeof *to->events);

        if (more == NULL) {
            c->no_memory = true;
            return;
        }
        to->events = more;
        c->capacity = capacity;
    }
    to->events[to->count].time_ns = time_ns;
    va_start(args, format);
    vsnprintf(to->events[to->count].text, sizeof to->events[to->count].text, format,
              args);
    va_end(args);
    to->count++;
}

/* Nodes are numbered from 1; a number beyond this is no node of ours. */
enum { NODES_MAX = 1024 };

static void learn_name(struct node_names *names, const struct evidence *evidence,
                       int writer, const struct record *r)
{
    json_t *detail = evidence_detail(evidence, writer, r->detail);
    const char *text = json_string_value(json_object_get(detail, "name"));
    char(*more)[64];

    if (text != NULL && r->a < NODES_MAX && (int)r->a >= names->count) {
        more = realloc(names->names, (r->a + 1) * sizeof *more);
        if (more != NULL) {
            memset(more[names->count], 0,
                   (r->a + 1 - (size_t)names->count) * sizeof *more);
            names->names = more;
            names->count = (int)r->a + 1;
        }
    }
    if (text != NULL && r->a < (uint64_t)names->count)
        snprintf(names->names[r->a], sizeof names->names[r->a], "%s", text);
    json_decref(detail);
}

void node_names_read(struct node_names *names, const struct evidence *evidence)
{
    static const unsigned kinds[] = {RECORD_broker_start};
    struct evidence_merge *merge = evidence_merge_create(evidence, kinds, 1);
    const struct record *r;
    int writer;

    *names = (struct node_names){.count = 0};
    while (merge != NULL && (r = evidence_merge_next(merge, &writer)) != NULL)
        learn_name(names, evidence, writer, r);
    evidence_merge_destroy(merge);
}

void node_names_release(struct node_names *names)
{
    free(names->names);
}

const char *node_names_of(const struct node_names *names, uint64_t node, char *spare,
                          size_t size)
{
    if (node < (uint64_t)names->count && names->names[node][0] != '\0')
        return names->names[node];
    snprintf(spare, size, "node %llu", (unsigned long long)node);
    return spare;
}

static void collect_faults(struct collecting *c, const struct cast *cast)
{
    int i;

    for (i = 0; i < cast->fault_count; i++) {
        const struct cast_fault *fault = &cast->faults[i];

        collect(c, fault->begin_ns, "%s%s%s", fault->name,
                fault->on[0] == '\0' ? "" : " on ", fault->on);
        if (fault->end_ns > fault->begin_ns)
            collect(c, fault->end_ns, "heal of %s%s%s", fault->name,
                    fault->on[0] == '\0' ? "" : " on ", fault->on);
    }
}

/* Faults that come and go disturb each time that they do. */
static void collect_rests(struct collecting *c, const struct cast *cast)
{
    int i;

    for (i = 0; i < cast->rest_count; i++) {
        const struct cast_rest *rest = &cast->rests[i];
        const struct cast_fault *fault = &cast->faults[rest->fault];
        const char *on = fault->on[0] == '\0' ? "" : " on ";

        if (rest->begin_ns > fault->begin_ns)
            collect(c, rest->begin_ns, "rest of %s%s%s", fault->name, on, fault->on);
        if (rest->end_ns != 0)
            collect(c, rest->end_ns, "%s%s%s %s", fault->name, on, fault->on,
                    rest->begin_ns > fault->begin_ns ? "again" : "begun");
    }
}

static void collect_brokers(struct collecting *c, const struct evidence *evidence)
{
    static const unsigned kinds[] = {RECORD_broker_signal, RECORD_broker_exit};
    struct evidence_merge *merge = evidence_merge_create(evidence, kinds, 2);
    struct node_names names;
    const struct record *r;
    char spare[64];
    int writer;

    node_names_read(&names, evidence);
    while (merge != NULL && (r = evidence_merge_next(merge, &writer)) != NULL) {
        const char *signal = sigabbrev_np((int)r->b);
        const char *name = node_names_of(&names, r->a, spare, sizeof spare);

        if (record_kind(r) == RECORD_broker_exit)
            collect(c, r->time_ns, "exit of %s", name);
        else
            collect(c, r->time_ns, "SIG%s to %s", signal == NULL ? "?" : signal, name);
    }
    node_names_release(&names);
    evidence_merge_destroy(merge);
}

static int by_time(const void *left, const void *right)
{
    const struct disturbance *a = left;
    const struct disturbance *b = right;

    return a->time_ns < b->time_ns ? -1 : a->time_ns > b->time_ns;
}

uint64_t run_over_ns(const struct evidence *evidence)
{
    static const unsigned kinds[] = {RECORD_run_end};
    struct evidence_merge *merge = evidence_merge_create(evidence, kinds, 1);
    const struct record *r;
    uint64_t over_ns = UINT64_MAX;
    int writer;

    if (merge != NULL && (r = evidence_merge_next(merge, &writer)) != NULL)
        over_ns = r->time_ns;
    evidence_merge_destroy(merge);
    return over_ns;
}

struct disturbances *disturbances_create(const struct evidence *evidence,
                                         const struct cast *cast)
{
    struct collecting c = {.to = calloc(1, sizeof *c.to),
                           .over_ns = run_over_ns(evidence)};

    if (c.to == NULL)
        return NULL;
    collect_faults(&c, cast);
    collect_rests(&c, cast);
    collect_brokers(&c, evidence);
    if (c.no_memory) {
        disturbances_destroy(c.to);
        return NULL;
    }
    if (c.to->count > 0)
        qsort(c.to->events, (size_t)c.to->count, sizeof *c.to->events, by_time);
    return c.to;
}

void disturbances_destroy(struct disturbances *disturbances)
{
    if (disturbances == NULL)
        return;
    free(disturbances->events);
    free(disturbances);
}

const struct disturbance *disturbance_before(const struct disturbances *disturbances,
                                             uint64_t time_ns)
{
    const struct disturbance *found = NULL;
    int i;

    for (i = 0; i < disturbances->count; i++)
        if (disturbances->events[i].time_ns <= time_ns)
            found = &disturbances->events[i];
    return found;
}

const struct disturbance *disturbance_after(const struct disturbances *disturbances,
                                            uint64_t time_ns)
{
    int i;

    for (i = 0; i < disturbances->count; i++)
        if (disturbances->events[i].time_ns > time_ns)
            return &disturbances->events[i];
    return NULL;
}
