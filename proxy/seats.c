/* seats: one draw per connection and fault, and what follows from it.
 *
 * A seat is made when fault and connection meet. Its u in [0, 1) comes from a stream
 * named by link, accept order and fault label, and never changes: the fault is on while
 * u < probability, so that raising the probability only ever adds connections. While it
 * is on, a stage stands in the chain of each direction on which the fault acts. */
#include "proxy/seats.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static struct seat *find(struct connection *c, const struct link_fault *fault)
{
    for (struct seat *seat = c->seats; seat != NULL; seat = seat->next)
        if (seat->fault == fault)
            return seat;
    return NULL;
}

/* Every decision that used chance is in evidence, with the number that decided. */
static void emit_draw(struct connection *c, const struct seat *seat)
{
    struct proxy_event event = {.kind = PROXY_FAULT_DRAW,
                                .link = c->link->id.number,
                                .connection = c->number,
                                .a = seat->fault->id.number,
                                .flags = seat->on ? PROXY_DRAW_HIT : 0};

    static_assert(sizeof event.b == sizeof seat->u, "the bits of a double travel in b");
    memcpy(&event.b, &seat->u, sizeof event.b);
    engine_emit(c->engine, &event, NULL);
}

/* The streams are derived by name, never by how much was drawn before: another fault on
 * the link, or another connection, changes nothing here. */
static struct seat *seat_create(struct connection *c, struct link_fault *fault)
{
    struct seat *seat = calloc(1, sizeof *seat);
    struct seat **at = &c->seats;
    struct rng draw;

    if (seat == NULL)
        return NULL;
    seat->fault = fault;
    rng_child(&draw, &c->link->rng, "connection=%llu fault=%s",
              (unsigned long long)c->order, fault->label);
    seat->u = rng_unit(&draw);
    seat->event = (struct fault){.type = fault->type,
                                 .conf = fault->conf,
                                 .shared = fault->shared,
                                 .clock = c->engine->clock};
    rng_child(&seat->event.rng, &draw, "connection");
    while (*at != NULL)
        at = &(*at)->next;
    *at = seat;
    return seat;
}

/* Put a stage into a direction. What its pipe held passes the new chain first. */
static bool stage_add(struct connection *c, struct seat *seat, enum direction d)
{
    struct flow *flow = &c->flows[d];
    struct link_fault *fault = seat->fault;
    struct chunk_queue piped;
    struct stage_options options = {.type = fault->type,
                                    .conf = fault->conf,
                                    .shared = fault->shared,
                                    .direction = d,
                                    .order = fault->id.number,
                                    .touched = &fault->touched};

    rng_child(&options.rng, &seat->event.rng, "direction=%d", d);
    if (!flow_prepare_fault(flow, &piped))
        return false;
    seat->stages[d] = chain_add(&flow->chain, &options);
    if (seat->stages[d] == NULL) {
        chunk_queue_release(&piped);
        return false;
    }
    flow_resume(flow, &piped);
    return true;
}

/* What the stage held leaves now, into the later faults and the socket. */
static void stage_remove(struct connection *c, struct seat *seat, enum direction d)
{
    struct stage *stage = seat->stages[d];

    seat->stages[d] = NULL;
    chain_remove(&c->flows[d].chain, stage);
    flow_update(&c->flows[d]);
}

/* Make the stages what draw and direction say. Moving bytes may end the connection. */
static void seat_apply(struct connection *c, struct seat *seat, bool changed)
{
    const struct link_fault *fault = seat->fault;

    for (enum direction d = TO_SERVER; d < DIRECTION_COUNT && !c->closing; d++) {
        bool wanted = seat->on && fault_acts_on(fault->type, &fault->common, d);

        if (!wanted && seat->stages[d] != NULL) {
            stage_remove(c, seat, d);
        } else if (wanted && seat->stages[d] == NULL) {
            /* Without memory for its fault it must not run on as if untouched. */
            if (!stage_add(c, seat, d))
                connection_close(c, PROXY_BY_PROXY | PROXY_HOW_RST | PROXY_HOW_ERROR);
        } else if (wanted && changed) {
            chain_change(&c->flows[d].chain, seat->stages[d]);
            flow_update(&c->flows[d]);
        }
    }
}

/* Does it end connections that were open before it came or changed? */
static void end_if_open(struct connection *c, struct seat *seat)
{
    const struct fault_type *type = seat->fault->type;
    enum fault_answer answer;

    if (c->closing || !seat->on || c->state == CONNECTION_ACCEPTED ||
        type->on_open == NULL)
        return;
    answer = type->on_open(&seat->event);
    if (answer == FAULT_LET)
        return;
    seat->fault->touched++;
    connection_close(c, PROXY_BY_FAULT |
                            (answer == FAULT_CLOSE_FIN ? PROXY_HOW_FIN : PROXY_HOW_RST));
}

bool connection_fault_add(struct connection *c, struct link_fault *fault)
{
    struct seat *seat = seat_create(c, fault);
    bool on;

    if (seat == NULL) {
        connection_close(c, PROXY_BY_PROXY | PROXY_HOW_RST | PROXY_HOW_ERROR);
        return false;
    }
    on = seat->u < fault->common.probability;
    seat->on = on;
    emit_draw(c, seat);
    seat_apply(c, seat, false);
    end_if_open(c, seat);
    return on;
}

bool connection_fault_change(struct connection *c, struct link_fault *fault)
{
    struct seat *seat = find(c, fault);
    bool on;

    assert(seat != NULL);
    on = seat->u < fault->common.probability;
    if (on != seat->on) {
        seat->on = on;
        emit_draw(c, seat);
    }
    seat_apply(c, seat, true);
    end_if_open(c, seat);
    return on;
}

bool connection_fault_remove(struct connection *c, struct link_fault *fault)
{
    struct seat **at = &c->seats;
    struct seat *seat = find(c, fault);
    bool was_on;

    assert(seat != NULL);
    was_on = seat->on;
    while (*at != seat)
        at = &(*at)->next;
    *at = seat->next;
    seat->next = NULL;
    seat->on = false;
    seat_apply(c, seat, true);
    free(seat);
    return was_on;
}

/* The first fault that says no decides, in the order in which they came. */
unsigned seats_refuse(struct connection *c)
{
    for (struct seat *seat = c->seats; seat != NULL; seat = seat->next) {
        const struct fault_type *type = seat->fault->type;
        struct proxy_event event = {.kind = PROXY_REFUSED,
                                    .link = c->link->id.number,
                                    .connection = c->number,
                                    .a = seat->fault->id.number};
        enum fault_answer answer;

        if (!seat->on || type->on_accept == NULL)
            continue;
        answer = type->on_accept(&seat->event);
        if (answer == FAULT_LET)
            continue;
        event.flags = answer == FAULT_CLOSE_FIN ? PROXY_HOW_FIN : PROXY_HOW_RST;
        seat->fault->touched++;
        c->link->stats.refused++;
        engine_emit(c->engine, &event, NULL);
        return event.flags;
    }
    return 0;
}

void seats_release(struct connection *c)
{
    while (c->seats != NULL) {
        struct seat *seat = c->seats;

        c->seats = seat->next;
        free(seat);
    }
}
