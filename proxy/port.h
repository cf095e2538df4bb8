/* port: whether and where a link listens (the part of link.c that deals with it).
 *
 * A port is open while the link is enabled and no fault closes it. For TCP closed is
 * shutdown(), and the port stays ours; a Unix socket cannot listen again after that, and
 * is made anew.
 * Thread: the loop's. */
#ifndef STORMDRILL_PROXY_PORT_H
#define STORMDRILL_PROXY_PORT_H

#include "proxy/link.h"

/* Open or close the port as the link and its faults want it now. */
int port_update(struct link *link, struct error *err);

/* Let go of the socket. Who waits in the kernel's queue is accepted before. */
void port_drop(struct link *link);

/* Read what a user writes: "127.0.0.1:0", "localhost:4222", "unix:/path", "". */
int port_parse(struct address *out, const char *text, struct error *err);

/* Be at this address from the next port_update on; the socket must be dropped. */
void port_move(struct link *link, const struct address *address);

/* After it ran out of descriptors. */
void port_accept_again(struct link *link);

#endif
