/* reach: when could a client reach a broker at all?
 *
 * A link is open while its node is up and running, it leads somewhere, and no fault
 * keeps everybody out of it (one that rests does not); a lane is open while one of its
 * links is and its own process is not paused. Read from the harness's own records, whose
 * stamps are a little later than the facts: an opening is never too early, so nobody is
 * judged late for it. */
#ifndef STORMDRILL_CHECKS_REACH_H
#define STORMDRILL_CHECKS_REACH_H

#include "harness/checks/lanes.h"

struct reach;

struct opening {
    uint64_t begin_ns, end_ns;
    char since[160]; /* what opened it: "n1 was ready"; "" when it was open all along */
};

int reach_create(struct reach **out, const struct evidence *evidence,
                 const struct cast *cast, struct error *err);
void reach_destroy(struct reach *reach);

/* The openings of a lane within [from_ns, to_ns), in the order of time. Gives an array
 * to free and its count; negative: no memory. */
int reach_openings(const struct reach *reach, const struct connection_lane *lane,
                   uint64_t from_ns, uint64_t to_ns, struct opening **out);

#endif
