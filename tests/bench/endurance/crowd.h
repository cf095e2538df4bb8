/* crowd: clients of six kinds that come and go, many at a time. */
#ifndef STORMDRILL_BENCH_CROWD_H
#define STORMDRILL_BENCH_CROWD_H

#include <stdint.h>

#include "tests/bench/common/origin.h"

struct crowd_tally {
    uint64_t connections;
    uint64_t answered; /* got what they waited for */
    uint64_t ended;    /* by the other side, before that */
    uint64_t refused;  /* no connection at all */
    uint64_t silent;   /* heard nothing in their time */
};

/* Let `count` connections come and go, through these ports in turn; adds to `tally`. */
void crowd_run(struct crowd_tally *tally, const uint16_t *ports, int port_count,
               uint64_t count);

/* The origin of these clients: sends back what it can and never waits. */
origin_read_fn crowd_echo;

#endif
