/* clock: where time comes from. Nothing outside base/ asks the system for the time
 * (STYLE C13); whoever needs time is handed a clock, so that tests can turn it.
 * All times are nanoseconds on CLOCK_MONOTONIC unless a name says otherwise. */
#ifndef STORMDRILL_BASE_CLOCK_H
#define STORMDRILL_BASE_CLOCK_H

#include <stdint.h>

enum {
    NS_PER_US = 1000,
    NS_PER_MS = 1000000,
    NS_PER_S = 1000000000,
};

struct clock {
    uint64_t (*now_ns)(const struct clock *clock);
};

/* A clock that stands still until it is told. */
struct virtual_clock {
    struct clock clock;
    uint64_t ns;
};

/* CLOCK_MONOTONIC. Lives for ever; any thread. */
const struct clock *clock_real(void);

/* CLOCK_REALTIME in ns, for headers and file names only; never for intervals. */
uint64_t clock_wall_ns(void);

void virtual_clock_init(struct virtual_clock *clock, uint64_t start_ns);
void virtual_clock_advance(struct virtual_clock *clock, uint64_t ns);

static inline uint64_t clock_now(const struct clock *clock)
{
    return clock->now_ns(clock);
}

#endif
