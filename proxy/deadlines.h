/* deadlines: what has to happen when, to the nanosecond.
 *
 * One binary heap and one timerfd per loop. A deadline is embedded in its owner; to set
 * or clear it costs no allocation, since deadline_init reserved its place. Deadlines
 * never fire early, and fire in the order of their times. In tests there is no timerfd:
 * the virtual clock is turned and deadlines_run called.
 * Thread: the loop's. Callbacks fire from deadlines_run only. */
#ifndef STORMDRILL_PROXY_DEADLINES_H
#define STORMDRILL_PROXY_DEADLINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/base/clock.h"
#include "proxy/base/error.h"
#include "proxy/poller.h"

/* How long before a precise deadline the loop stops sleeping. A processor that idles
 * wakes up 55 to 70 us late on the machines measured: less than that would not be exact
 * where little else happens. */
enum { DEADLINES_SPIN_NS = 100 * NS_PER_US };

struct deadline {
    uint64_t due_ns;
    uint64_t turn;                        /* order among equals: first set, first out */
    size_t place;                         /* in the heap, from 1; 0: not set */
    void (*on_due)(struct deadline *own); /* may set and clear any deadline */
    bool is_precise;                      /* the loop spins for the last 100 us of it */
};

struct deadlines {
    struct deadline **heap; /* heap[0] is the place 1 */
    size_t count;
    size_t capacity;
    size_t reserved;
    uint64_t turns;
    uint64_t fired;      /* so far */
    uint64_t command_ns; /* when the command at hand began; 0: none has yet */
    const struct clock *clock;
    bool running;
    bool attached;
    int timer_fd; /* -1: none */
    uint64_t armed_ns;
    struct poller *poller;
    struct watch watch;
};

void deadlines_init(struct deadlines *d, const struct clock *clock); /* borrows clock */

/* Drive it by a timerfd on `poller` (borrowed). */
int deadlines_attach(struct deadlines *d, struct poller *poller, struct error *err);

/* Let go of the poller; the watch closes with its next turn. */
void deadlines_detach(struct deadlines *d);

/* Free. Nothing may be initialised in it any more. */
void deadlines_release(struct deadlines *d);

/* Reserve a place. false: memory is short. */
bool deadline_init(struct deadlines *d, struct deadline *own,
                   void (*on_due)(struct deadline *own));
void deadline_release(struct deadlines *d, struct deadline *own);

/* Set or move. UINT64_MAX clears. */
void deadline_set(struct deadlines *d, struct deadline *own, uint64_t due_ns);
void deadline_clear(struct deadlines *d, struct deadline *own);

/* Fire all that is due. */
void deadlines_run(struct deadlines *d);

/* UINT64_MAX when nothing is set. */
uint64_t deadlines_next_ns(const struct deadlines *d);

#endif
