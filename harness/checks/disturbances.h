/* disturbances: everything that the run did to the system, in the order of time, in
 * words: faults and their heals, actions, signals to brokers and their exits, but not
 * the clearing up after it. For witnesses:
 * "the last thing before this was …". */
#ifndef STORMDRILL_CHECKS_DISTURBANCES_H
#define STORMDRILL_CHECKS_DISTURBANCES_H

#include "harness/evidence/cast.h"

struct disturbance {
    uint64_t time_ns;
    char text[200]; /* "latency on producer->n1", "SIGKILL to n1" */
};

struct disturbances {
    struct disturbance *events;
    int count;
};

/* NULL without memory. */
struct disturbances *disturbances_create(const struct evidence *evidence,
                                         const struct cast *cast);
void disturbances_destroy(struct disturbances *disturbances);

/* The last one at or before this time, the first one after it; NULL: none. */
const struct disturbance *disturbance_before(const struct disturbances *disturbances,
                                             uint64_t time_ns);
const struct disturbance *disturbance_after(const struct disturbances *disturbances,
                                            uint64_t time_ns);

/* When run() was over; UINT64_MAX where it was not. What follows is the clearing up. */
uint64_t run_over_ns(const struct evidence *evidence);

/* What nodes are called; "node 3" where nobody said. */
struct node_names {
    char (*names)[64];
    int count;
};

void node_names_read(struct node_names *names, const struct evidence *evidence);
void node_names_release(struct node_names *names);
const char *node_names_of(const struct node_names *names, uint64_t node, char *spare,
                          size_t size);

#endif
