/* relay: a bare relay with a delay, the yardstick of the sections `delay-*`. */
#ifndef STORMDRILL_BENCH_RELAY_H
#define STORMDRILL_BENCH_RELAY_H

#include <stdint.h>

/* Relay what comes to 127.0.0.1:`port` to `upstream`, bytes to the server `delay_us`
 * late, until killed. Gives an exit code when it cannot. */
int relay_run(uint16_t port, uint16_t upstream, uint64_t delay_us);

#endif
