/* observer: the one way in which the proxy tells the outside what it saw.
 *
 * The harness implements it with an evidence writer, `stormdrill proxy` with its log,
 * tests with an array. Events arrive on the data-plane thread in the order in which
 * they happened; an implementation must return at once and never call back into the
 * plane. `detail` and everything it points to is borrowed for the call. */
#ifndef STORMDRILL_PROXY_OBSERVER_H
#define STORMDRILL_PROXY_OBSERVER_H

#include <jansson.h>
#include <stdint.h>

enum proxy_event_kind {
    PROXY_LINK_OPEN,     /* a = port; detail {name, listen, upstream, mode} */
    PROXY_LINK_UPSTREAM, /* detail {upstream} ("" = nobody) */
    PROXY_LINK_CLOSE,    /* after the HEAL of its faults, the CLOSE of its connections */
    PROXY_ACCEPT,        /* a = client's port, b = accept order on the link from 0 */
    PROXY_DIAL,          /* upstream is being dialled; detail {upstream} */
    PROXY_DIALED,        /* a = errno of the dial (0 = connected), b = ns it took;
                          * BY_FAULT: a fault let it hang until its time was up */
    PROXY_REFUSED,       /* this attempt was turned away by fault a; flags = how */
    PROXY_FIRST_BYTE,    /* first byte from upstream was passed on; a = ns since accept */
    PROXY_HALF_CLOSED,   /* one side sent FIN; flags = who */
    PROXY_CLOSE,         /* a = bytes to server, b = bytes to client; flags = who | how */
    PROXY_FAULT_BEGIN,   /* a = fault number; detail {fault, label, direction, params},
                          * and resting where it has times at which it does not act */
    PROXY_FAULT_CHANGE,  /* a = fault number; detail as above, the new state: changed by
                          * the user, begun late, resting, on again */
    PROXY_FAULT_HEAL,    /* a = fault number, b = chunks and connections it touched;
                          * detail {delays}: a histogram of those it drew, if any */
    PROXY_FAULT_DRAW,    /* per connection: a = fault number, b = u as bits of a double,
                          * flags = PROXY_DRAW_HIT or 0 */
    PROXY_ACTION,        /* instant; a = connections touched; detail {action, params} */
    PROXY_BOUND,         /* a direction reached its bound; a = bytes held, flags = side */
    PROXY_ABANDON,       /* one side was reset, the other heard nothing; a = fault number,
                          * flags = BY_FAULT | the side that is gone */
    PROXY_LAG,           /* once a second: a = worst loop lag in ns, b = samples,
                          * detail {samples, over_5ms, over_250ms} when any was over */
};

/* flags of DIALED, CLOSE, HALF_CLOSED, REFUSED, BOUND, ABANDON */
enum proxy_event_flags {
    PROXY_BY_CLIENT = 1 << 0, /* also: direction to_server in BOUND */
    PROXY_BY_SERVER = 1 << 1, /* also: direction to_client in BOUND */
    PROXY_BY_FAULT = 1 << 2,
    PROXY_BY_PROXY = 1 << 3, /* link closed, dial failed or timed out */
    PROXY_HOW_FIN = 1 << 4,
    PROXY_HOW_RST = 1 << 5,
    PROXY_HOW_TIMEOUT = 1 << 6,
    PROXY_HOW_ERROR = 1 << 7,
    PROXY_DRAW_HIT = 1 << 8,
};

struct proxy_event {
    enum proxy_event_kind kind;
    uint64_t time_ns;
    uint32_t link;       /* link number, from 1, never used again in a plane */
    uint32_t connection; /* connection number in the plane, from 1; 0 = none */
    uint64_t a;
    uint64_t b;
    unsigned flags;
    const json_t *detail; /* borrowed; NULL when there is none */
};

struct observer {
    void (*on_event)(void *arg, const struct proxy_event *event);
    void *arg;
};

#endif
