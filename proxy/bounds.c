/* bounds: one number for what a direction holds (bytes, and what each chunk costs beside
 * them), compared with its own bound and the process's, each time something moves. */
#include "proxy/bounds.h"

#include "proxy/connection.h"

enum {
    BOUND_BYTES = 1 << 20,
    OUT_BYTES = READ_BYTES,        /* of it, in the queue before a slow reader */
    BOUND_SHORT_BYTES = 32 * 1024, /* when the process is short of memory */
    READ_SHORT_BYTES = 4 * 1024,   /* when it has reached its bound: what passes on */
};

/* What we hold in memory: bytes, and what each chunk costs beside them. A pipe is the
 * kernel's, and its size is bounded by itself. */
static uint64_t cost(const struct flow *flow)
{
    const struct chunk_queue *out = &flow->to->out;

    return flow->chain.held_bytes + out->bytes +
           (flow->chain.held_count + out->count) * CHUNK_COST_BYTES;
}

uint64_t flow_held_bytes(const struct flow *flow)
{
    return flow->chain.held_bytes + flow->to->out.bytes +
           (flow->pipe != NULL ? flow->pipe->bytes : 0);
}

/* The bound is looked up each time: faults come and go, and memory gets short. At the
 * process's bound a direction may still pass bytes on, one read at a time. */
static uint64_t bound_of(const struct flow *flow)
{
    const struct engine *engine = flow->engine;
    uint64_t bound = flow->buffer_bytes;

    if (bound == 0)
        bound = flow->chain.buffer_bytes > 0 ? flow->chain.buffer_bytes : BOUND_BYTES;
    if (engine->memory_bytes >= engine->memory_bytes_max)
        return 1;
    if (engine->memory_bytes >= engine->memory_bytes_max / 4 * 3 &&
        bound > BOUND_SHORT_BYTES)
        return BOUND_SHORT_BYTES;
    return bound;
}

uint64_t bounds_room(const struct flow *flow)
{
    uint64_t bound = bound_of(flow);
    uint64_t held = cost(flow);

    return held < bound ? bound - held : 0;
}

size_t bounds_read_bytes(const struct flow *flow)
{
    const struct engine *engine = flow->engine;
    uint64_t room;

    if (engine->memory_bytes < engine->memory_bytes_max / 4 * 3)
        return READ_BYTES;
    room = bounds_room(flow);
    if (room < READ_SHORT_BYTES)
        return READ_SHORT_BYTES;
    return room < BOUND_SHORT_BYTES ? (size_t)room : BOUND_SHORT_BYTES;
}

/* Our part of the sum over all directions, kept by difference. */
void bounds_account(struct flow *flow)
{
    uint64_t now = flow->closed ? 0 : cost(flow);

    flow->engine->memory_bytes += now - flow->accounted;
    flow->accounted = now;
}

/* At most one a second for a direction: with a slow reader it comes and goes. */
static void tell_bound(struct flow *flow)
{
    uint64_t now_ns = clock_now(flow->engine->clock);

    if (flow->bound_told_ns != 0 && now_ns - flow->bound_told_ns < NS_PER_S)
        return;
    flow->bound_told_ns = now_ns;
    connection_flow_bound(flow->connection, flow);
}

static uint64_t dip_below(uint64_t bound)
{
    return bound / 8 < TURN_BYTES ? bound / 8 : TURN_BYTES;
}

/* Full until it has fallen a little below the bound, so that reading is not switched
 * on and off with every chunk. */
void bounds_update(struct flow *flow)
{
    const struct chunk_queue *out = &flow->to->out;
    uint64_t bound = bound_of(flow);
    uint64_t out_max;
    bool was_full = flow->full;

    /* Without faults nothing is gained by reading ahead of a slow reader. */
    if (chain_is_empty(&flow->chain)) {
        flow->full = out->head != NULL;
        return;
    }
    /* Under a delay the rate is what is held divided by the delay, so a deep dip below
     * the bound would cost throughput, and so would a pause for a reader that is slow
     * for a moment. Else what only waits for a slow reader is bounded more tightly: more
     * would gain nothing, and push out of the processor's cache what is passed on next.
     */
    out_max = OUT_BYTES + flow->chain.held_bytes / 4;
    if (was_full)
        flow->full = cost(flow) > bound - dip_below(bound) || out->bytes > out_max / 2;
    else
        flow->full = cost(flow) >= bound || out->bytes >= out_max;
    if (!was_full && cost(flow) >= bound)
        tell_bound(flow);
}
