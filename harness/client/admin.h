/* admin: `stormdrill client admin`: asks the broker what only its API knows.
 *
 * A process of its own, connected to the nodes directly, so that no library call can
 * ever block the case. It connects on demand and never lets nats.c reconnect: a lost
 * connection is thrown away and a fresh one made, from the addresses of the last
 * `servers` order. Each order is tried until it works, is refused, or its time is over.
 */
#ifndef STORMDRILL_CLIENT_ADMIN_H
#define STORMDRILL_CLIENT_ADMIN_H

#include "harness/client/session.h"
#include "harness/client/uplink.h"

struct admin_try { /* one try at one order */
    struct session *session;
    struct uplink *uplink;
    jsCtx *js;
    const json_t *body; /* the order */
    json_t *answer;     /* members are added here */
};

/* What an operation gives. ADMIN_AGAIN: it did not work and that can pass. */
enum { ADMIN_AGAIN = 1 };

struct admin_op {
    const char *name;
    uint64_t within_ms; /* how long it is tried */
    /* 0, ADMIN_AGAIN, or a negative code; the last two with words in `err`. */
    int (*run)(struct admin_try *attempt, struct error *err);
};

extern const struct admin_op admin_ops[]; /* ends with a NULL name */

/* Run until told to exit. An exit code. */
int admin_run(struct session *session);

#endif
