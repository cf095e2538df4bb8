/* seats: one draw per connection and fault, and what follows from it.
 *
 * A seat is made when fault and connection meet. Its u in [0, 1) comes from a stream
 * named by link, accept order and fault label, and never changes: the fault hits the
 * connection while u < probability, so that raising the probability only ever adds
 * connections. The seat is on while the fault hits it, its `after` is over here, and the
 * fault acts at all (it has begun, and does not rest). While it is on, a stage stands in
 * the chain of each direction on which the fault acts, and the fault is asked about the
 * connection. The fault's memory of the connection lies in the seat, so it outlives
 * rests.
 */
#include "proxy/seats.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/link_faults.h"
#include "proxy/turns.h"

static void on_begin(struct deadline *own);

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
                                .flags = seat->hit ? PROXY_DRAW_HIT : 0};

    static_assert(sizeof event.b == sizeof seat->u, "the bits of a double travel in b");
    memcpy(&event.b, &seat->u, sizeof event.b);
    engine_emit(c->engine, &event, NULL);
}

static void seat_destroy(struct seat *seat)
{
    deadline_release(&seat->owner->engine->deadlines, &seat->begin);
    link_fault_unseat(seat->fault);
    free(seat);
}

/* The fault's memory of the connection lies behind the seat, aligned for anything. */
static struct seat *seat_allocate(const struct fault_type *type)
{
    const size_t align = _Alignof(max_align_t);
    size_t own = (sizeof(struct seat) + align - 1) / align * align;
    struct seat *seat = calloc(1, own + type->connection_size);

    if (seat != NULL && type->connection_size > 0)
        seat->event.connection = (char *)seat + own;
    return seat;
}

/* The streams are derived by name, never by how much was drawn before: another fault on
 * the link, or another connection, changes nothing here. */
static struct seat *seat_create(struct connection *c, struct link_fault *fault)
{
    struct seat *seat = seat_allocate(fault->type);
    struct seat **at = &c->seats;
    struct rng draw;

    if (seat == NULL)
        return NULL;
    seat->owner = c;
    seat->fault = fault;
    fault->seats++;
    rng_child(&draw, &c->link->rng, "connection=%llu fault=%s",
              (unsigned long long)c->order, fault->label);
    seat->u = rng_unit(&draw);
    seat->event.type = fault->type;
    seat->event.conf = fault->conf;
    seat->event.shared = fault->shared;
    seat->event.opened_ns = c->accepted_ns;
    seat->event.clock = c->engine->clock;
    seat->event.ask_ns = FAULT_FOREVER;
    rng_child(&seat->event.rng, &draw, "connection");
    while (*at != NULL)
        at = &(*at)->next;
    *at = seat;
    return seat;
}

/* `after` */

static bool counts_time(const struct link_fault *fault)
{
    return fault_has_bytes(fault->type) && fault->common.after.kind == PARAM_DURATION;
}

/* From now on `after` counts; without one it is over. false: memory is short. */
static bool count_after(struct connection *c, struct seat *seat)
{
    const struct param_value *after = &seat->fault->common.after;
    uint64_t bytes = after->kind == PARAM_BYTES ? after->bytes : 0;
    struct deadlines *deadlines = &c->engine->deadlines;

    for (enum direction d = TO_SERVER; d < DIRECTION_COUNT; d++)
        seat->begin_bytes[d] = c->flows[d].read_bytes + bytes;
    seat->begun = !counts_time(seat->fault) || after->ns == 0;
    if (seat->begin.on_due == NULL) {
        if (seat->begun)
            return true;
        if (!deadline_init(deadlines, &seat->begin, on_begin))
            return false;
    }
    deadline_set(deadlines, &seat->begin,
                 seat->begun ? UINT64_MAX
                             : turns_later(clock_now(c->engine->clock), after->ns));
    return true;
}

static bool has_begun_in(const struct connection *c, const struct seat *seat,
                         enum direction d)
{
    return seat->begun && c->flows[d].read_bytes >= seat->begin_bytes[d];
}

/* How many more bytes must pass in this direction before the fault begins there. Bytes
 * that passed while it rested have been counted, too. */
static uint64_t bytes_to_begin(const struct connection *c, const struct seat *seat,
                               enum direction d)
{
    uint64_t read_bytes = c->flows[d].read_bytes;

    return seat->begin_bytes[d] > read_bytes ? seat->begin_bytes[d] - read_bytes : 0;
}

/* Stages */

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
                                    .connection = seat->event.connection,
                                    .opened_ns = c->accepted_ns,
                                    .after_bytes = bytes_to_begin(c, seat, d),
                                    .order = fault->id.number,
                                    .touched = &fault->touched,
                                    .delays = &fault->delays};

    /* Each time that it is on draws from a stream of its own; else all would be alike. */
    if (seat->periods <= 1)
        rng_child(&options.rng, &seat->event.rng, "direction=%d", d);
    else
        rng_child(&options.rng, &seat->event.rng, "direction=%d period=%u", d,
                  seat->periods);
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

/* Make the stages what the seat and the direction say. Moving bytes may end the
 * connection. */
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
    seat->is_let |= answer == FAULT_LET;
    if (answer != FAULT_CLOSE_FIN && answer != FAULT_CLOSE_RST)
        return;
    seat->fault->touched++;
    connection_close(c, PROXY_BY_FAULT |
                            (answer == FAULT_CLOSE_FIN ? PROXY_HOW_FIN : PROXY_HOW_RST));
}

/* On or not, from what is known now. `changed`: its parameters are new. */
static bool seat_decide(struct connection *c, struct seat *seat, bool changed)
{
    bool was_on = seat->on;

    seat->on = seat->hit && seat->begun && turns_acts(seat->fault);
    seat->periods += seat->on && !was_on;
    seat_apply(c, seat, changed);
    if (changed || seat->on != was_on)
        end_if_open(c, seat);
    return seat->on;
}

static void on_begin(struct deadline *own)
{
    struct seat *seat = (struct seat *)((char *)own - offsetof(struct seat, begin));

    assert(!seat->owner->closing);
    seat->begun = true;
    seat_decide(seat->owner, seat, false);
}

/* `after` has changed. Where the fault has begun it stays so; where it has not, the count
 * starts again: a stage that waits for its bytes is taken out (it holds nothing), since
 * it knows the old number. false: memory is short. */
static bool count_after_anew(struct connection *c, struct seat *seat)
{
    const struct link_fault *fault = seat->fault;
    bool begun = false;

    for (enum direction d = TO_SERVER; d < DIRECTION_COUNT; d++)
        begun |=
            fault_acts_on(fault->type, &fault->common, d) && has_begun_in(c, seat, d);
    for (enum direction d = TO_SERVER; d < DIRECTION_COUNT && !c->closing; d++)
        if (seat->stages[d] != NULL && !has_begun_in(c, seat, d))
            stage_remove(c, seat, d);
    if (!begun)
        return count_after(c, seat);
    for (enum direction d = TO_SERVER; d < DIRECTION_COUNT; d++)
        if (!has_begun_in(c, seat, d))
            seat->begin_bytes[d] =
                c->flows[d].read_bytes +
                (fault->common.after.kind == PARAM_BYTES ? fault->common.after.bytes : 0);
    return true;
}

/* What happens to the fault */

bool connection_fault_add(struct connection *c, struct link_fault *fault)
{
    struct seat *seat = seat_create(c, fault);

    if (seat == NULL || !count_after(c, seat)) {
        connection_close(c, PROXY_BY_PROXY | PROXY_HOW_RST | PROXY_HOW_ERROR);
        return false;
    }
    seat->hit = seat->u < fault->common.probability;
    emit_draw(c, seat);
    return seat_decide(c, seat, false);
}

bool connection_fault_change(struct connection *c, struct link_fault *fault,
                             bool after_changed)
{
    struct seat *seat = find(c, fault);
    bool hit;

    assert(seat != NULL);
    if (after_changed && !count_after_anew(c, seat))
        connection_close(c, PROXY_BY_PROXY | PROXY_HOW_RST | PROXY_HOW_ERROR);
    if (c->closing)
        return false;
    hit = seat->u < fault->common.probability;
    if (hit != seat->hit) {
        seat->hit = hit;
        emit_draw(c, seat);
    }
    return seat_decide(c, seat, true);
}

bool connection_fault_turn(struct connection *c, struct link_fault *fault)
{
    struct seat *seat = find(c, fault);

    assert(seat != NULL);
    return seat_decide(c, seat, false);
}

bool connection_fault_remove(struct connection *c, struct link_fault *fault)
{
    struct seat **at = &c->seats;
    struct seat *seat = find(c, fault);
    bool was_on;

    assert(seat != NULL);
    was_on = seat->on;
    seat->on = false;
    seat_apply(c, seat, true);
    /* A connection that ended with this keeps its stages, and so the seat, to its end. */
    if (c->closing)
        return was_on;
    while (*at != seat)
        at = &(*at)->next;
    *at = seat->next;
    seat_destroy(seat);
    return was_on;
}

/* What the connection asks */

/* A connection that waits is counted once, however often it is asked. */
static enum fault_answer note_wait(struct seat *seat, uint64_t *ask_ns)
{
    seat->fault->touched += !seat->has_waited;
    seat->has_waited = true;
    *ask_ns = seat->event.ask_ns;
    return FAULT_WAIT;
}

static enum fault_answer note_refusal(struct connection *c, struct seat *seat,
                                      enum fault_answer answer)
{
    struct proxy_event event = {.kind = PROXY_REFUSED,
                                .link = c->link->id.number,
                                .connection = c->number,
                                .a = seat->fault->id.number};

    event.flags = answer == FAULT_CLOSE_FIN ? PROXY_HOW_FIN : PROXY_HOW_RST;
    seat->fault->touched++;
    c->link->stats.refused++;
    engine_emit(c->engine, &event, NULL);
    return answer;
}

/* The first fault that does not let it in decides, in the order in which they came. */
enum fault_answer seats_ask_accept(struct connection *c, uint64_t *ask_ns)
{
    for (struct seat *seat = c->seats; seat != NULL; seat = seat->next) {
        const struct fault_type *type = seat->fault->type;
        enum fault_answer answer;

        if (!seat->on || seat->is_let || type->on_accept == NULL)
            continue;
        seat->event.ask_ns = FAULT_FOREVER;
        answer = type->on_accept(&seat->event);
        seat->is_let = answer == FAULT_LET;
        if (answer == FAULT_WAIT)
            return note_wait(seat, ask_ns);
        if (answer != FAULT_LET)
            return note_refusal(c, seat, answer);
    }
    return FAULT_LET;
}

enum fault_answer seats_ask_dial(struct connection *c, uint64_t *ask_ns)
{
    for (struct seat *seat = c->seats; seat != NULL; seat = seat->next) {
        const struct fault_type *type = seat->fault->type;

        if (!seat->on || type->on_dial == NULL)
            continue;
        seat->event.ask_ns = FAULT_FOREVER;
        if (type->on_dial(&seat->event) == FAULT_WAIT)
            return note_wait(seat, ask_ns);
    }
    return FAULT_LET;
}

/* Also a fault that rests gets back what it gave: it counts while it rests. */
void seats_close(struct connection *c)
{
    for (struct seat *seat = c->seats; seat != NULL; seat = seat->next) {
        if (seat->begin.on_due != NULL)
            deadline_clear(&c->engine->deadlines, &seat->begin);
        if (seat->is_let && seat->fault->type->on_close != NULL)
            seat->fault->type->on_close(&seat->event);
    }
}

void seats_release(struct connection *c)
{
    while (c->seats != NULL) {
        struct seat *seat = c->seats;

        c->seats = seat->next;
        seat_destroy(seat);
    }
}
