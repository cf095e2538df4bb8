/* uplink: one connection of a built-in client to NATS.
 *
 *   uplink_connect (tried again with a back-off of its own until connect_within is over)
 *   -> lost and found by nats.c, as the reconnect policy says; each turn is written down
 *   and counted on the page -> uplink_close
 *
 * nats.c's defects (nats-facts.md D1 to D9) shape it: one natsOptions per connection, a
 * write deadline always, requests that fail on disconnect, reconnects counted by
 * callbacks, and a limit on every call (uplink_limit_ns, for guard_enter). */
#ifndef STORMDRILL_CLIENT_UPLINK_H
#define STORMDRILL_CLIENT_UPLINK_H

#include <nats/nats.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "harness/client/policy.h"
#include "harness/client/session.h"

enum { UPLINK_SERVERS_MAX = 64, UPLINK_URLS_BYTES_MAX = 16384 };

struct uplink {
    struct session *session;
    uint32_t index; /* which of the client's connections, from 0 */
    natsConnection *nc;
    int servers;
    bool is_small;                /* one of many: spare memory and threads */
    struct reconnect_state delay; /* the library's reconnect thread only */
    _Atomic bool is_up;
    _Atomic bool is_closed; /* for good */
    _Atomic bool leaving;   /* we close it: no news */
    _Atomic uint32_t reconnects;
    _Atomic uint64_t lost_ns; /* when it was last lost; 0 = never */
};

/* Connect to the list `urls` (comma-separated; borrowed). On the caller's `eye`:
 * connected and connect_failed. E_CANCELLED when the client was told to stop meanwhile,
 * E_TIMEOUT when connect_within is over, E_ENVIRONMENT when it can never work. */
int uplink_connect(struct uplink *uplink, struct session *session, struct eye *eye,
                   uint32_t index, const char *urls, struct error *err);

/* Close politely; bounded by the watchdog. Safe when it never connected. */
void uplink_close(struct uplink *uplink, struct eye *eye);

/* What a library call on this connection may take at most before it is stuck: while it
 * reconnects it holds its lock for one connect time-out after the other (D9), and a
 * write may take the write deadline. `own_ns`: what the call itself is allowed. */
uint64_t uplink_limit_ns(const struct uplink *uplink, uint64_t own_ns);

/* Touch the connection's lock, so that the watchdog notices when it is held for ever
 * (D1), also in a client that has nothing to send. */
void uplink_probe(struct uplink *uplink, struct eye *eye);

/* PING and PONG within `within_ns`: what was handed over before has reached the broker.
 * Writes `flushed` when it did. */
int uplink_flush(struct uplink *uplink, struct eye *eye, uint64_t within_ns,
                 struct error *err);

/* Flush again and again until it works or `until_ns` has come. */
int uplink_settle(struct uplink *uplink, struct eye *eye, uint64_t until_ns,
                  struct error *err);

/* The library's word for a status; and its words for this thread's last failure, if that
 * was with `status`, else the same. */
const char *uplink_status_text(natsStatus status);
const char *uplink_last_words(natsStatus status);

#endif
