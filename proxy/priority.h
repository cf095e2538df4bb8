/* priority: when the data plane's thread goes before everybody else, and when not.
 *
 * Every injected delay and every time in evidence is this thread's: where we may (root,
 * CAP_SYS_NICE) it goes first. But whoever goes first is woken by every single message,
 * and interrupts its sender for it: on a machine whose processors are all busy that
 * halves the round trips that fit through a link (measured: 6.5 us of CPU for each where
 * 3.6 would do), and bulk loses a quarter of its speed. So in a storm of messages in
 * which nothing is delayed it stands back, and senders may send several before we look.
 * Where we may not, it stays as it is; the lag samples say how late that makes us.
 * Thread: the loop's; it is the calling thread's priority that changes. */
#ifndef STORMDRILL_PROXY_PRIORITY_H
#define STORMDRILL_PROXY_PRIORITY_H

#include <stdbool.h>
#include <stdint.h>

enum {
    PRIORITY_STORM_EVENTS = 20, /* of sockets in a tick of 20 ms */
    PRIORITY_STORM_TICKS = 5,   /* in a row, before it stands back */
};

struct priority {
    uint64_t events; /* of sockets, since the start */
    uint64_t due;    /* deadlines that came due, our own tick left out */
    uint64_t seen_events;
    uint64_t seen_due;
    unsigned storm_ticks;
    bool stands_back;
};

/* Go first. */
void priority_begin(struct priority *priority);

/* Look at what has happened since the last tick, and change if need be. */
void priority_tick(struct priority *priority);

#endif
