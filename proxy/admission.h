/* admission: how a new connection gets in, or waits before the door.
 * Thread: the loop's. */
#ifndef STORMDRILL_PROXY_ADMISSION_H
#define STORMDRILL_PROXY_ADMISSION_H

#include "proxy/connection.h"

/* All its seats are taken: ask the faults, then dial, refuse, or wait. */
void admission_begin(struct connection *c);

/* It closes, or was let in. Fine when it does not wait. */
void admission_stop_waiting(struct connection *c);

/* The faults of the link are not what they were: ask for all that wait, now. */
void admission_ask_all(struct link *link);

/* A connection of the link has closed: ask for those that wait, from the loop. */
void admission_ask_soon(struct link *link);

#endif
