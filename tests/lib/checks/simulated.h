/* simulated: clients that reconnect in every right and wrong way, as the proxy would
 * have seen them, with the scheduling noise of a busy small machine. Seeded. */
#ifndef STORMDRILL_TESTS_CHECKS_SIMULATED_H
#define STORMDRILL_TESTS_CHECKS_SIMULATED_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/evidence/evidence.h"
#include "proxy/base/rng.h"

enum sim_series { SIM_EXPONENTIAL, SIM_FIXED, SIM_LINEAR, SIM_IMMEDIATE, SIM_HOT_LOOP };
enum sim_jitter { SIM_PERCENT, SIM_EQUAL, SIM_FULL, SIM_DECORRELATED };

struct sim_policy {
    enum sim_series series;
    double first_ms, factor, cap_ms;
    enum sim_jitter jitter;
    double percent;
    bool no_reset;      /* the counter goes on after a success */
    bool tries_at_once; /* first attempt before the first wait (nats.c waits first) */
};

struct sim_world {
    struct evidence *evidence;
    struct rng rng;
    uint32_t connections; /* numbers given so far */
};

/* `clients` foreign clients of this policy, each with a link of its own; each loses its
 * connection `outages` times and needs `attempts` to be back. */
struct evidence *simulate(uint64_t seed, const struct sim_policy *policy, int clients,
                          int outages, int attempts);

#endif
