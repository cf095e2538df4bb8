/* connection: one client connection from accept to close.
 *
 * All well:  accepted -> the faults let it in (admission.c) -> dial upstream -> relay
 *            both ways -> one side sends FIN: drain the other way -> closed.
 * Refused by a fault, dial fails, nobody upstream: end the client at once (RST), as a
 *            dead server would; the attempt has been seen.
 * A side resets:  its RST travels the chain of its direction; when it comes out, both
 *            sides are reset.
 * connection_close(): allowed in every state; the last handle that closes frees it. */
#include "proxy/connection.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/admission.h"
#include "proxy/seats.h"

#define TO(state) (1u << CONNECTION_##state)
static const unsigned allowed[CONNECTION_STATE_COUNT] = {
    [CONNECTION_ACCEPTED] = TO(DIALING) | TO(CLOSED),
    [CONNECTION_DIALING] = TO(RELAYING) | TO(CLOSED),
    [CONNECTION_RELAYING] = TO(DRAINING) | TO(CLOSED),
    [CONNECTION_DRAINING] = TO(CLOSED),
    [CONNECTION_CLOSED] = 0,
};
#undef TO

/* The one place where the state changes; the table is the documentation. */
static void move_state(struct connection *c, enum connection_state to)
{
    assert(allowed[c->state] & (1u << to));
    c->state = to;
}

static void emit(struct connection *c, enum proxy_event_kind kind, uint64_t a, uint64_t b,
                 unsigned flags, json_t *detail)
{
    struct proxy_event event = {.kind = kind,
                                .link = c->link->id.number,
                                .connection = c->number,
                                .a = a,
                                .b = b,
                                .flags = flags};

    engine_emit(c->engine, &event, detail);
}

/* Bytes to the server come from the client, and the other way round. */
static struct wire *wire_from(struct connection *c, enum direction direction)
{
    return direction == TO_SERVER ? &c->client : &c->server;
}

static unsigned by(const struct connection *c, const struct wire *wire)
{
    return wire == &c->client ? PROXY_BY_CLIENT : PROXY_BY_SERVER;
}

/* Wires tell their connection, which asks the flow that is concerned. */

static void on_readable(struct wire *wire)
{
    struct connection *c = wire->owner;

    if (!c->closing)
        flow_on_readable(&c->flows[wire == &c->client ? TO_SERVER : TO_CLIENT]);
}

static void on_writable(struct wire *wire)
{
    struct connection *c = wire->owner;

    if (!c->closing)
        flow_on_writable(&c->flows[wire == &c->client ? TO_CLIENT : TO_SERVER]);
}

static void on_reset(struct wire *wire)
{
    connection_wire_dead(wire->owner, wire);
}

/* The other side was abandoned: for that one there is nobody any more to half-close. */
static bool is_left_alone(struct connection *c, const struct wire *wire)
{
    const struct wire *other = wire == &c->client ? &c->server : &c->client;

    return other->fd == -1 && other->dead;
}

/* Nobody reads it, and perhaps never will: then its FIN is the end. */
static void on_end_seen(struct wire *wire)
{
    struct connection *c = wire->owner;

    if (is_left_alone(c, wire))
        connection_close(c, by(c, wire) | PROXY_HOW_FIN);
}

/* A wire or the dial has closed; with the last one the connection goes, and perhaps the
 * link with it. Touch nothing of it afterwards. */
static void release_handle(struct connection *c)
{
    struct link *link = c->link;

    assert(c->handles_open > 0);
    c->handles_open--;
    if (c->handles_open > 0 || !c->closing)
        return;
    for (int i = 0; i < DIRECTION_COUNT; i++)
        flow_release(&c->flows[i]);
    seats_release(c);
    deadline_release(&c->engine->deadlines, &c->ask);
    free(c);
    link_connection_freed(link);
}

static void on_wire_closed(struct wire *wire)
{
    release_handle(wire->owner);
}

static const struct wire_events wire_events = {
    .on_readable = on_readable,
    .on_writable = on_writable,
    .on_reset = on_reset,
    .on_end_seen = on_end_seen,
    .on_closed = on_wire_closed,
};

/* Opening */

/* Everything is set up but the socket, so that any failure after this may close it. */
static struct connection *create(struct link *link)
{
    struct connection *c = calloc(1, sizeof *c);

    if (c == NULL)
        return NULL;
    c->engine = link->engine;
    c->link = link;
    c->state = CONNECTION_ACCEPTED;
    c->number = ++link->engine->connections;
    c->order = link->stats.accepted++;
    c->accepted_ns = clock_now(link->engine->clock);
    wire_init(&c->client, c->engine, &wire_events, c);
    wire_init(&c->server, c->engine, &wire_events, c);
    for (enum direction d = TO_SERVER; d < DIRECTION_COUNT; d++) {
        flow_init(&c->flows[d], c, d, wire_from(c, d), wire_from(c, TO_CLIENT - d));
        c->flows[d].buffer_bytes = link->buffer_bytes;
    }
    c->flows[TO_SERVER].passed_total = &link->stats.bytes_to_server;
    c->flows[TO_CLIENT].passed_total = &link->stats.bytes_to_client;
    c->flows[TO_SERVER].read_total = &link->stats.bytes_from_client;
    c->flows[TO_CLIENT].read_total = &link->stats.bytes_from_server;
    c->next = link->connections;
    if (c->next != NULL)
        c->next->prev = c;
    link->connections = c;
    link->stats.open++;
    link->alive++;
    return c;
}

/* Small writes must not wait for the peer's acknowledgement: we are no more patient
 * than the two ends. Fails on Unix sockets, which do not wait. */
static void send_at_once(int fd)
{
    int on = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* How an end that came as an errno is told. EPIPE is what an RST behind a FIN reads as.
 */
static unsigned flags_of_errno(int error)
{
    if (error == ECONNRESET || error == EPIPE)
        return PROXY_HOW_RST;
    return error == ETIMEDOUT ? PROXY_HOW_RST | PROXY_HOW_TIMEOUT
                              : PROXY_HOW_RST | PROXY_HOW_ERROR;
}

static uint64_t dial_took_ns(const struct connection *c)
{
    return clock_now(c->engine->clock) - c->dialed_ns;
}

void connection_dial_failed(struct connection *c, int error, unsigned by)
{
    assert(error != 0);
    emit(c, PROXY_DIALED, (uint64_t)error, dial_took_ns(c), by, NULL);
    c->link->stats.dial_failed++;
    connection_close(c, PROXY_BY_PROXY | PROXY_HOW_RST |
                            (flags_of_errno(error) & PROXY_HOW_TIMEOUT));
}

/* Connected, or not: then the client must not wait, and is reset. */
static void on_dialed(void *arg, int fd, int error)
{
    struct connection *c = arg;
    uint64_t took_ns = dial_took_ns(c);

    c->dial = NULL;
    if (c->closing) {
        if (fd != -1)
            close(fd);
        release_handle(c);
        return;
    }
    if (error == 0) {
        send_at_once(fd);
        wire_open(&c->server, fd);
    }
    if (error != 0) {
        connection_dial_failed(c, error, 0);
        release_handle(c);
        return;
    }
    emit(c, PROXY_DIALED, 0, took_ns, 0, NULL);
    /* The dial's handle count becomes the wire's. */
    move_state(c, CONNECTION_RELAYING);
    flow_start(&c->flows[TO_SERVER]);
    if (!c->closing)
        flow_start(&c->flows[TO_CLIENT]);
    for (enum side gone = SIDE_CLIENT; gone <= SIDE_SERVER; gone++)
        if ((c->abandon_wanted & (1u << gone)) != 0)
            connection_flow_abandon(c, &c->flows[TO_SERVER], gone);
}

void connection_enter_dialing(struct connection *c)
{
    move_state(c, CONNECTION_DIALING);
    emit(c, PROXY_DIAL, 0, 0, 0, json_pack("{s:s}", "upstream", c->link->upstream.text));
    c->dialed_ns = clock_now(c->engine->clock);
}

/* The upstream is looked at now, not at accept: it may have changed (a broker that was
 * restarted has a new port). A fault may have let the dial hang: that was its time. */
void connection_dial(struct connection *c)
{
    uint64_t took_ns = dial_took_ns(c);
    uint64_t left_ns =
        c->link->dial_timeout_ns > took_ns ? c->link->dial_timeout_ns - took_ns : 0;

    c->dial = dial_start(c->engine, &c->link->upstream, left_ns, on_dialed, c);
    if (c->dial == NULL) {
        connection_close(c, PROXY_BY_PROXY | PROXY_HOW_RST | PROXY_HOW_ERROR);
        return;
    }
    c->handles_open++;
}

void connection_open(struct link *link, int fd, uint16_t client_port)
{
    struct connection *c = create(link);

    if (c == NULL) {
        socket_reset(fd);
        return;
    }
    send_at_once(fd);
    wire_open(&c->client, fd);
    c->handles_open = 1;
    emit(c, PROXY_ACCEPT, client_port, c->order, 0, NULL);
    for (struct link_fault *f = link->faults; f != NULL && !c->closing; f = f->next)
        connection_fault_add(c, f);
    if (!c->closing)
        admission_begin(c);
}

/* Closing */

/* A proxy that is switched off closes its sockets, and says no more than that: the
 * kernel answers bytes that nobody has read with RST. */
static bool resets(const struct wire *wire, unsigned flags)
{
    int unread = 0;

    if (flags != (PROXY_BY_PROXY | PROXY_HOW_FIN))
        return (flags & PROXY_HOW_RST) != 0;
    return wire->fd != -1 && ioctl(wire->fd, FIONREAD, &unread) == 0 && unread > 0;
}

void connection_close(struct connection *c, unsigned flags)
{
    bool client_reset = resets(&c->client, flags);
    bool server_reset = resets(&c->server, flags);

    if (c->closing)
        return;
    if (client_reset && (flags & PROXY_HOW_FIN))
        flags = PROXY_BY_PROXY | PROXY_HOW_RST;
    c->closing = true;
    move_state(c, CONNECTION_CLOSED);
    admission_stop_waiting(c);
    for (int i = 0; i < DIRECTION_COUNT; i++)
        flow_close(&c->flows[i]);
    emit(c, PROXY_CLOSE, c->flows[TO_SERVER].passed_bytes,
         c->flows[TO_CLIENT].passed_bytes, flags, NULL);
    link_connection_closed(c->link, c, flags);
    seats_close(c);
    if (c->dial != NULL)
        dial_cancel(c->dial);
    if (c->client.fd != -1)
        wire_close(&c->client, client_reset);
    if (c->server.fd != -1)
        wire_close(&c->server, server_reset);
}

/* What the flows tell */

void connection_wire_dead(struct connection *c, struct wire *wire)
{
    if (c->closing)
        return;
    /* Nobody upstream has heard of this client yet: there is nothing to pass on. */
    if (c->state == CONNECTION_ACCEPTED || c->state == CONNECTION_DIALING) {
        connection_close(c, by(c, wire) | flags_of_errno(wire->error));
        return;
    }
    flow_take_reset(&c->flows[wire == &c->client ? TO_SERVER : TO_CLIENT]);
}

/* The first FIN is told; the second is the end, and told as such. */
void connection_flow_end_read(struct connection *c, const struct flow *flow)
{
    if (flow->reset_read || c->ended_by != 0)
        return;
    c->ended_by = by(c, flow->from);
    if (is_left_alone(c, flow->from)) {
        connection_close(c, c->ended_by | PROXY_HOW_FIN);
        return;
    }
    emit(c, PROXY_HALF_CLOSED, 0, 0, c->ended_by, NULL);
}

/* One direction has sent its FIN. Half-close: the other goes on until it has, too. */
void connection_flow_ended(struct connection *c, const struct flow *flow)
{
    const struct flow *other = &c->flows[TO_CLIENT - flow->direction];

    if (c->closing)
        return;
    if (c->ended_by == 0) {
        c->ended_by = PROXY_BY_FAULT;
        emit(c, PROXY_HALF_CLOSED, 0, 0, c->ended_by, NULL);
    }
    if (other->fin_sent)
        connection_close(c, c->ended_by | PROXY_HOW_FIN);
    else if (c->state == CONNECTION_RELAYING)
        move_state(c, CONNECTION_DRAINING);
}

/* An RST has come out of a chain: it ends both sides, whoever sent it. */
void connection_flow_reset(struct connection *c, const struct flow *flow)
{
    unsigned who = flow->reset_read ? by(c, flow->from) : PROXY_BY_FAULT;

    connection_close(
        c, who | (flow->reset_read ? flags_of_errno(flow->from->error) : PROXY_HOW_RST));
}

void connection_flow_first_byte(struct connection *c, const struct flow *flow)
{
    if (flow->direction == TO_CLIENT)
        emit(c, PROXY_FIRST_BYTE, clock_now(c->engine->clock) - c->accepted_ns, 0, 0,
             NULL);
}

void connection_flow_bound(struct connection *c, const struct flow *flow)
{
    emit(c, PROXY_BOUND, flow_held_bytes(flow), 0,
         flow->direction == TO_SERVER ? PROXY_BY_CLIENT : PROXY_BY_SERVER, NULL);
}

void connection_flow_closed(struct connection *c, const struct flow *flow)
{
    (void)flow;
    connection_close(c, PROXY_BY_FAULT | PROXY_HOW_FIN);
}

/* The handle is given back when it has closed; whoever is left keeps the connection. */
void connection_flow_abandon(struct connection *c, const struct flow *flow,
                             enum side gone)
{
    struct wire *wire = gone == SIDE_CLIENT ? &c->client : &c->server;
    const struct wire *left = gone == SIDE_CLIENT ? &c->server : &c->client;
    uint64_t fault = chain_abandoner(&flow->chain);

    if (c->closing || is_left_alone(c, left))
        return;
    /* Nobody upstream yet: later. Until then whoever abandons does not read either. */
    if (c->state < CONNECTION_RELAYING) {
        c->abandon_wanted |= 1u << gone;
        return;
    }
    if (left->fd == -1) {
        connection_close(c, PROXY_BY_FAULT | PROXY_HOW_RST);
        return;
    }
    emit(c, PROXY_ABANDON,
         fault != 0 ? fault : chain_abandoner(&c->flows[TO_CLIENT].chain), 0,
         PROXY_BY_FAULT | PROXY_HOW_RST | by(c, wire), NULL);
    for (int i = 0; i < DIRECTION_COUNT; i++)
        flow_abandon(&c->flows[i], wire);
    if (!c->closing)
        wire_close(wire, true);
}
