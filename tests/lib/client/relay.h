/* relay: a small TCP relay with the bad manners that nats.c cannot stand.
 *
 * Not the product's proxy: tests of the client must not need it. One thread; modes may
 * be changed at any time by any thread. */
#ifndef STORMDRILL_TESTS_RELAY_H
#define STORMDRILL_TESTS_RELAY_H

#include <stdint.h>

enum relay_mode {
    RELAY_PASS,
    RELAY_SILENT,    /* new connections: accepted, then not a byte (D9) */
    RELAY_INFO_ONLY, /* new connections: INFO comes through, then nothing more (D1) */
    RELAY_STALL,     /* all connections: nothing is read from the client (D3) */
};

struct relay;

struct relay *relay_start(uint16_t upstream_port);
void relay_stop(struct relay *relay); /* closes all with RST */
uint16_t relay_port(const struct relay *relay);
void relay_set_mode(struct relay *relay, enum relay_mode mode);
void relay_set_upstream(struct relay *relay, uint16_t port);
void relay_cut(struct relay *relay); /* RST on every connection of now */
uint32_t relay_accepts(const struct relay *relay);

#endif
