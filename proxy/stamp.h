/* stamp: when the kernel received what we read, on the clock that we count on.
 *
 * The kernel stamps segments with CLOCK_REALTIME; delays count on CLOCK_MONOTONIC. The
 * two differ by an offset that only a step of the wall clock changes. Never early is the
 * rule: every doubt makes an arrival later, at the latest now.
 * Thread: belongs to whoever holds it. */
#ifndef STORMDRILL_PROXY_STAMP_H
#define STORMDRILL_PROXY_STAMP_H

#include <stdint.h>

struct stamps {
    uint64_t offset_ns;  /* wall - monotonic, modulo 2^64; never more than it is */
    uint64_t trusted_ns; /* wall time: stamps before it are of another offset */
};

/* The arrival on the monotonic clock of what bears `stamp_ns` (wall time; 0: none).
 * `wall_ns` must have been read before `now_ns`: what comes between the two readings
 * then makes the arrival later, not earlier. Gives [now_ns - 1 s, now_ns]. */
uint64_t stamp_arrival_ns(struct stamps *stamps, uint64_t stamp_ns, uint64_t wall_ns,
                          uint64_t now_ns);

/* Ask the kernel to stamp what `fd` receives from now on. Where it cannot (a Unix
 * socket) there will be no stamps. */
void stamp_enable(int fd);

struct msghdr;

/* The stamp that came with a recvmsg(2); 0: none. */
uint64_t stamp_of_message(struct msghdr *message);

enum { STAMP_CONTROL_BYTES = 128 }; /* what it needs as msg_control */

#endif
