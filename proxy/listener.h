/* listener: the socket on which a link listens (the part of link.c that deals with it).
 *
 * A free port is picked once and bound explicitly: an explicitly bound port stays ours
 * while the listener is shut down, so that closed is shutdown() and open again is
 * listen() on the same socket. */
#ifndef STORMDRILL_PROXY_LISTENER_H
#define STORMDRILL_PROXY_LISTENER_H

#include "proxy/address.h"

/* Bind and listen; gives the descriptor. Port 0 picks a free one. */
int listener_open(int *fd, const struct address *address, struct error *err);

/* Truly closed: the kernel refuses. Waiting connections should be accepted before. */
void listener_shut(int fd);

int listener_reopen(int fd, const char *address, struct error *err);

#endif
