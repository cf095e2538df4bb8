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
    bool no_memory;
};

static void collect(struct collecting *c, uint64_t time_ns, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void collect(struct collecting *c, uint64_t time_ns, const char *format, ...)
{
    struct disturbances *to = c->to;
    va_list args;

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

void node_name_of(const struct evidence *evidence, uint64_t node, char *name, size_t size)
{
    static const unsigned kinds[] = {RECORD_broker_start};
    struct evidence_merge *merge = evidence_merge_create(evidence, kinds, 1);
    const struct record *r;
    int writer;

    snprintf(name, size, "node %llu", (unsigned long long)node);
    while (merge != NULL && (r = evidence_merge_next(merge, &writer)) != NULL) {
        json_t *detail = evidence_detail(evidence, writer, r->detail);
        const char *text = json_string_value(json_object_get(detail, "name"));

        if (r->a == node && text != NULL)
            snprintf(name, size, "%s", text);
        json_decref(detail);
        if (r->a == node)
            break;
    }
    evidence_merge_destroy(merge);
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

static void collect_brokers(struct collecting *c, const struct evidence *evidence)
{
    static const unsigned kinds[] = {RECORD_broker_signal, RECORD_broker_exit};
    struct evidence_merge *merge = evidence_merge_create(evidence, kinds, 2);
    const struct record *r;
    int writer;

    while (merge != NULL && (r = evidence_merge_next(merge, &writer)) != NULL) {
        const char *signal = sigabbrev_np((int)r->b);
        char name[64];

        node_name_of(evidence, r->a, name, sizeof name);
        if (record_kind(r) == RECORD_broker_exit)
            collect(c, r->time_ns, "exit of %s", name);
        else
            collect(c, r->time_ns, "SIG%s to %s", signal == NULL ? "?" : signal, name);
    }
    evidence_merge_destroy(merge);
}

static int by_time(const void *left, const void *right)
{
    const struct disturbance *a = left;
    const struct disturbance *b = right;

    return a->time_ns < b->time_ns ? -1 : a->time_ns > b->time_ns;
}

struct disturbances *disturbances_create(const struct evidence *evidence,
                                         const struct cast *cast)
{
    struct collecting c = {.to = calloc(1, sizeof *c.to)};

    if (c.to == NULL)
        return NULL;
    collect_faults(&c, cast);
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
