/* connection: one client connection from accept to close. See connection.c.
 * Thread: the loop's. */
#ifndef STORMDRILL_PROXY_CONNECTION_H
#define STORMDRILL_PROXY_CONNECTION_H

#include "proxy/dial.h"
#include "proxy/flow.h"
#include "proxy/link.h"
#include "proxy/wire.h"

enum connection_state {
    CONNECTION_ACCEPTED,
    CONNECTION_DIALING,
    CONNECTION_RELAYING,
    CONNECTION_DRAINING, /* one direction has ended */
    CONNECTION_CLOSED,
    CONNECTION_STATE_COUNT,
};

/* What one fault of the link means to one connection: the draw, and its stages. */
struct seat {
    struct seat *next;
    struct link_fault *fault;
    double u; /* drawn once, for good */
    bool on;
    struct fault event; /* what on_accept and on_open are given */
    struct stage *stages[DIRECTION_COUNT];
};

struct connection {
    struct engine *engine;
    struct link *link;
    struct connection *next;
    struct connection *prev;
    enum connection_state state;
    uint32_t number;
    uint64_t order; /* of accept on the link, from 0 */
    uint64_t accepted_ns;
    uint64_t dialed_ns;
    struct seat *seats;
    struct dial *dial;
    struct wire client;
    struct wire server;
    struct flow flows[DIRECTION_COUNT];
    int handles_open;  /* wires, dial */
    unsigned ended_by; /* who sent FIN first: flags of observer.h */
    bool closing;
};

/* Begin with an accepted socket. Takes `fd`. */
void connection_open(struct link *link, int fd, uint16_t client_port);

/* End it; flags of observer.h: who and how. In any state, twice is fine. */
void connection_close(struct connection *c, unsigned flags);

/* A fault has come to the link, changed, or been healed. true when it acts (acted) on
 * this connection. */
bool connection_fault_add(struct connection *c, struct link_fault *fault);
bool connection_fault_change(struct connection *c, struct link_fault *fault);
bool connection_fault_remove(struct connection *c, struct link_fault *fault);

/* What the flows tell. */
void connection_wire_dead(struct connection *c, struct wire *wire);
void connection_flow_end_read(struct connection *c, const struct flow *flow);
void connection_flow_ended(struct connection *c, const struct flow *flow);
void connection_flow_reset(struct connection *c, const struct flow *flow);
void connection_flow_first_byte(struct connection *c, const struct flow *flow);
void connection_flow_bound(struct connection *c, const struct flow *flow);

#endif
