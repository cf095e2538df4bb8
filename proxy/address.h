/* address: "127.0.0.1:4222", "[::1]:4222", "localhost:4222", "unix:/run/x.sock".
 *
 * Literal addresses are ready to use; a name is only looked up when it is dialled. */
#ifndef STORMDRILL_PROXY_ADDRESS_H
#define STORMDRILL_PROXY_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "proxy/plane.h"

enum address_kind { ADDRESS_NOBODY, ADDRESS_LITERAL, ADDRESS_NAME, ADDRESS_UNIX };

struct address {
    enum address_kind kind;
    uint16_t port; /* 0 for a Unix socket */
    socklen_t size;
    struct sockaddr_storage storage;
    char host[ADDRESS_BYTES];
    char text[ADDRESS_BYTES]; /* as it was written */
};

/* Empty text is ADDRESS_NOBODY. `what` ("upstream") names it in the error. */
int address_parse(struct address *out, const char *text, const char *what,
                  struct error *err);

/* Write the numeric form of a socket's own address into `text` (ADDRESS_BYTES). */
void address_of_socket(int fd, char *text, uint16_t *port);

/* The port of the other end, 0 for a Unix socket. */
uint16_t address_peer_port(const struct sockaddr_storage *storage);

#endif
