/* watchdog: a deadline for every library call.
 *
 * nats.c 3.4.1 can hold a connection's lock for ever (nats-facts.md, D1 to D3): then a
 * publish, a close, even a question for the status never comes back, and no time-out
 * inside the library helps. So each thread that calls it announces the call in a guard;
 * a thread of our own, which never calls the library, watches the guards, and when a
 * call outlives its limit it says so (on_expired) and the process ends.
 *
 * Time in which the whole process did not run (SIGSTOP, a starved machine) does not
 * count: the watchdog counts its own ticks, not the clock. */
#ifndef STORMDRILL_CLIENT_WATCHDOG_H
#define STORMDRILL_CLIENT_WATCHDOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/clock.h"
#include "proxy/base/error.h"

enum { WATCHDOG_GUARDS_MAX = 64, WATCHDOG_TICK_MS = 25, WATCHDOG_EXIT_CODE = 75 };

/* One per calling thread; embedded by it; alive as long as the watchdog knows it. */
struct guard {
    _Atomic uint32_t turn; /* odd while a call is under way; each call has its own */
    _Atomic(const char *) call;
    _Atomic uint64_t limit_ns;
    uint32_t seen_turn; /* the rest is the watchdog's */
    uint64_t awake_ns;
};

/* Announce a call of this name (a literal) and its limit; take it back. */
static inline void guard_enter(struct guard *guard, const char *call, uint64_t limit_ns)
{
    atomic_store_explicit(&guard->call, call, memory_order_relaxed);
    atomic_store_explicit(&guard->limit_ns, limit_ns, memory_order_relaxed);
    atomic_fetch_add_explicit(&guard->turn, 1, memory_order_release);
}

static inline void guard_leave(struct guard *guard)
{
    atomic_fetch_add_explicit(&guard->turn, 1, memory_order_release);
}

/* Called once, on the watchdog's thread; must not return to ordinary life. */
typedef void watchdog_expired_fn(void *arg, const char *call, uint64_t ns);

struct watchdog;

int watchdog_start(struct watchdog **out, const struct clock *clock,
                   watchdog_expired_fn *on_expired, void *arg, struct error *err);
void watchdog_stop(struct watchdog *watchdog); /* ends the thread, frees */

/* Watch `guard` (borrowed) from now on; E_LIMIT when there are too many. Any thread. */
int watchdog_add(struct watchdog *watchdog, struct guard *guard);
void watchdog_remove(struct watchdog *watchdog, struct guard *guard);

/* The heart of it, for tests: `elapsed_ns` passed since the last tick, of which at most
 * two ticks count. true: the call has outlived its limit. */
bool guard_tick(struct guard *guard, uint64_t elapsed_ns);

#endif
