/* seats: what the link's faults mean to one connection (parts of connection.c that deal
 * with faults; connection_fault_* of connection.h are there too).
 * Thread: the loop's. */
#ifndef STORMDRILL_PROXY_SEATS_H
#define STORMDRILL_PROXY_SEATS_H

#include "proxy/connection.h"

/* Does a fault turn this new connection away? 0, or PROXY_HOW_FIN or PROXY_HOW_RST;
 * it is counted and told. */
unsigned seats_refuse(struct connection *c);

/* Free the seats; their stages belong to the chains. */
void seats_release(struct connection *c);

#endif
