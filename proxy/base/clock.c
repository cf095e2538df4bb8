/* clock: the only place that asks the system for the time.
 *
 * clock_gettime can fail only for a clock that the kernel does not know; both are part
 * of POSIX, so that is asserted and not handled. */
#include "proxy/base/clock.h"

#include <assert.h>
#include <time.h>

static uint64_t read_ns(clockid_t id)
{
    struct timespec now;
    int rc = clock_gettime(id, &now);

    assert(rc == 0);
    (void)rc;
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static uint64_t real_now_ns(const struct clock *clock)
{
    (void)clock;
    return read_ns(CLOCK_MONOTONIC);
}

static const struct clock real = {.now_ns = real_now_ns};

const struct clock *clock_real(void)
{
    return &real;
}

uint64_t clock_wall_ns(void)
{
    return read_ns(CLOCK_REALTIME);
}

static uint64_t virtual_now_ns(const struct clock *clock)
{
    /* `clock` is the first member, so the addresses are one. */
    return ((const struct virtual_clock *)clock)->ns;
}

void virtual_clock_init(struct virtual_clock *clock, uint64_t start_ns)
{
    clock->clock.now_ns = virtual_now_ns;
    clock->ns = start_ns;
}

void virtual_clock_advance(struct virtual_clock *clock, uint64_t ns)
{
    assert(clock->ns <= UINT64_MAX - ns);
    clock->ns += ns;
}
