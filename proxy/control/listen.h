/* listen: what a user may write for an address to listen on, and what it means. */
#ifndef STORMDRILL_CONTROL_LISTEN_H
#define STORMDRILL_CONTROL_LISTEN_H

#include <stdbool.h>

#include "proxy/address.h"

/* "" and ":4222" mean every interface in Toxiproxy; here loopback, unless `any`.
 * "localhost:1" is 127.0.0.1:1, without asking anybody. Other names stay names
 * (out->kind ADDRESS_NAME). Anything else must be an address: E_PARAM. */
int listen_parse(struct address *out, const char *text, bool any, struct error *err);

/* Can only this machine reach it? */
bool listen_is_loopback(const struct address *address);

/* Open the API's own socket: fd, and its text with the real port (ADDRESS_BYTES). A Unix
 * socket is its owner's alone (mode 0600) from the first moment. */
int listen_open(int *fd, char *text, const struct address *address, struct error *err);

#endif
