/* policy: how long to wait before the next attempt to reconnect.
 *
 * The delay before sweep n of an outage (n from 1; one sweep tries every server once):
 *   fixed         wait + up to jitter
 *   backoff       d = first * factor^(n-1), at most cap, then by jitter:
 *     percentage  d, up to that much more or less
 *     equal       d/2 + up to d/2
 *     full        up to d
 *     decorrelated  between first and factor (3 unless told) times the delay before,
 *                 at most cap
 * Thread: a state belongs to the connection's reconnect thread. */
#ifndef STORMDRILL_CLIENT_POLICY_H
#define STORMDRILL_CLIENT_POLICY_H

#include "harness/client/workload.h"
#include "proxy/base/rng.h"

struct reconnect_state {
    struct rng rng;
    uint64_t previous_ns; /* of this outage; 0 before its first delay */
};

/* The delay before sweep `sweep` (from 1, which begins a new outage). FIXED and BACKOFF
 * only: the others are the library's. */
uint64_t reconnect_delay_ns(const struct reconnect_policy *policy,
                            struct reconnect_state *state, int sweep);

#endif
