/* connection: one client connection from accept to close. See connection.c.
 * Thread: the loop's. */
#ifndef STORMDRILL_PROXY_CONNECTION_H
#define STORMDRILL_PROXY_CONNECTION_H

#include "proxy/dial.h"
#include "proxy/flow.h"
#include "proxy/link.h"
#include "proxy/wire.h"

enum connection_state {
    CONNECTION_ACCEPTED, /* a fault may let it wait here */
    CONNECTION_DIALING,  /* and here: nothing is dialled then */
    CONNECTION_RELAYING,
    CONNECTION_DRAINING, /* one direction has ended */
    CONNECTION_CLOSED,
    CONNECTION_STATE_COUNT,
};

/* What one fault of the link means to one connection: the draw, and its stages. */
struct seat {
    struct seat *next;
    struct connection *owner;
    struct link_fault *fault;
    double u;              /* drawn once, for good */
    bool hit;              /* u is below the probability */
    bool begun;            /* its `after` (a time, counted on this connection) is over */
    bool on;               /* hit, begun, and the fault acts */
    bool is_let;           /* on_accept or on_open has answered LET: on_close is due */
    bool has_waited;       /* it is counted once, however often it is asked */
    unsigned periods;      /* how often it was on: names the random streams */
    struct deadline begin; /* the end of `after` */
    struct fault event;    /* what on_accept, on_dial, on_open and on_close are given */
    struct stage *stages[DIRECTION_COUNT];
    uint64_t begin_bytes[DIRECTION_COUNT]; /* `after`: so many read, then it begins */
};

struct connection {
    struct engine *engine;
    struct link *link;
    struct connection *next;
    struct connection *prev;
    struct connection *next_waiting;
    struct connection *prev_waiting;
    struct deadline ask; /* while it waits: when to ask again, or the dial's time-out */
    bool waiting;
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
    int handles_open;        /* wires, dial */
    unsigned abandon_wanted; /* bits of enum side: go as soon as it is through */
    unsigned ended_by;       /* who sent FIN first: flags of observer.h */
    bool closing;
};

/* Begin with an accepted socket. Takes `fd`. */
void connection_open(struct link *link, int fd, uint16_t client_port);

/* End it; flags of observer.h: who and how. In any state, twice is fine. */
void connection_close(struct connection *c, unsigned flags);

/* A fault has come to the link, changed, or been healed. true when it acts (acted) on
 * this connection. */
bool connection_fault_add(struct connection *c, struct link_fault *fault);
bool connection_fault_change(struct connection *c, struct link_fault *fault,
                             bool after_changed);
bool connection_fault_remove(struct connection *c, struct link_fault *fault);

/* The fault begins, rests or is on again. true when it acts from now on. */
bool connection_fault_turn(struct connection *c, struct link_fault *fault);

/* What admission.c decides: all faults have let it in; the dial may start; it ends
 * without a connection (an errno; by: PROXY_BY_FAULT where a fault let it hang). */
void connection_enter_dialing(struct connection *c);
void connection_dial(struct connection *c);
void connection_dial_failed(struct connection *c, int error, unsigned by);

/* What the flows tell. */
void connection_wire_dead(struct connection *c, struct wire *wire);
void connection_flow_end_read(struct connection *c, const struct flow *flow);
void connection_flow_ended(struct connection *c, const struct flow *flow);
void connection_flow_reset(struct connection *c, const struct flow *flow);
void connection_flow_first_byte(struct connection *c, const struct flow *flow);
void connection_flow_bound(struct connection *c, const struct flow *flow);

/* A CHUNK_CLOSE has come out of a chain and what was before it has been written: the
 * whole connection ends, FIN on both sides, BY_FAULT. */
void connection_flow_closed(struct connection *c, const struct flow *flow);

/* A fault wants the socket towards `gone` closed with RST while the other side hears
 * nothing (fault_abandon). Twice is fine; with both gone the connection ends. The heal
 * needs nothing more from here: chain_remove lets an RST go on, which ends it. */
void connection_flow_abandon(struct connection *c, const struct flow *flow,
                             enum side gone);

#endif
