/* seats: what the link's faults mean to one connection (parts of connection.c that deal
 * with faults; connection_fault_* of connection.h are there too).
 * Thread: the loop's. */
#ifndef STORMDRILL_PROXY_SEATS_H
#define STORMDRILL_PROXY_SEATS_H

#include "proxy/connection.h"

/* May this new connection come in? Asks those faults that have not let it in yet, in
 * the order in which they came, up to the first that does not. WAIT: `ask_ns` says when
 * to ask again. CLOSE_*: it is counted and told; the caller closes. */
enum fault_answer seats_ask_accept(struct connection *c, uint64_t *ask_ns);

/* May the upstream be dialled? LET or WAIT, as above. */
enum fault_answer seats_ask_dial(struct connection *c, uint64_t *ask_ns);

/* The connection closes: its faults hear of it (on_close), nothing else will come. */
void seats_close(struct connection *c);

/* Free the seats; their stages belong to the chains. */
void seats_release(struct connection *c);

#endif
