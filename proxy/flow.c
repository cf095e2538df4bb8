/* flow: reads, pushes through the chain, writes, and keeps the bounds.
 *
 * Anything that delivers may end the connection (a reset): each step asks `closed`
 * before it goes on. Nothing is freed before flow_release, so that this is safe. */
#include "proxy/flow.h"

#include <assert.h>
#include <errno.h>

#include "proxy/bounds.h"
#include "proxy/connection.h"
#include "proxy/splice.h"

enum {
    READS_PER_TURN = 16, /* then others get their turn */
    BULK_READS_TO_SPLICE = 2,
};

static void on_deliver(void *arg, struct chunk *chunk);
static void on_abandon(void *arg, enum side gone);
static void on_rest(void *arg);

void flow_init(struct flow *flow, struct connection *connection, enum direction direction,
               struct wire *from, struct wire *to)
{
    *flow = (struct flow){.engine = connection->engine,
                          .connection = connection,
                          .direction = direction,
                          .from = from,
                          .to = to};
    chain_init(&flow->chain, &flow->engine->deadlines, on_deliver, flow);
    flow->chain.abandon = on_abandon;
    flow->chain.rest = on_rest;
    flow->chain.out = &to->out;
    flow->chain.delay_errors = &flow->engine->delay_errors;
}

/* Wishes */

/* Not reading is how everything here waits: for room, for the heal of a stall, for the
 * pipe to drain, for the dial. */
static bool wants_to_read(const struct flow *flow)
{
    if (!flow->started || flow->end_read || flow->chain.stopping > 0)
        return false;
    if (flow->pipe != NULL)
        return flow->pipe->bytes == 0;
    return !flow->full;
}

void flow_update(struct flow *flow)
{
    if (flow->closed)
        return;
    bounds_account(flow);
    bounds_update(flow);
    flow->was_stopped |= flow->chain.stopping > 0;
    flow->from->reading = wants_to_read(flow);
    flow->to->writing = flow->started && (flow->to->out.head != NULL ||
                                          (flow->pipe != NULL && flow->pipe->bytes > 0));
    wire_update(flow->from);
    wire_update(flow->to);
}

/* The way out */

/* Only what the socket took counts as passed. */
void flow_count_passed(struct flow *flow, size_t bytes)
{
    bool first = flow->passed_bytes == 0 && bytes > 0;

    flow->passed_bytes += bytes;
    *flow->passed_total += bytes;
    if (first)
        connection_flow_first_byte(flow->connection, flow);
}

/* The end has been sent, or would have been if somebody were there to take it. */
static void finish(struct flow *flow)
{
    if (flow->close_queued) {
        connection_flow_closed(flow->connection, flow);
    } else if (!flow->fin_sent) {
        flow->fin_sent = true;
        connection_flow_ended(flow->connection, flow);
    }
}

/* Write what waits. When the FIN has gone too, this direction is done. */
static void flush_out(struct flow *flow)
{
    ssize_t n = wire_flush(flow->to);

    if (n < 0) {
        connection_wire_dead(flow->connection, flow->to);
        return;
    }
    flow_count_passed(flow, (size_t)n);
    if (flow->fin_queued && flow->to->out.head == NULL)
        finish(flow);
}

/* Try the write first; once it would block, the loop says when to go on. */
static void flush_wanted(struct flow *flow)
{
    bool wanted = flow->flush_wanted && flow->to->fd != -1 && flow->started;

    flow->flush_wanted = false;
    if (!wanted || flow->closed)
        return;
    flush_out(flow);
    chain_time_passes(&flow->chain);
}

/* A FIN or CLOSE has come out of the chain, or something behind one: there only a CLOSE
 * still means something. */
static void take_out_end(struct flow *flow, struct chunk *chunk)
{
    struct wire *to = flow->to;
    bool was_queued = flow->fin_queued;
    bool nobody;

    flow->fin_queued = true;
    flow->close_queued |= chunk->end == CHUNK_CLOSE;
    /* While the upstream is still being dialled a CLOSE need not wait for it. */
    nobody = to->dead || (!flow->started && flow->close_queued && to->out.head == NULL);
    if (was_queued || nobody) {
        chunk_destroy(chunk);
        if (to->out.head == NULL)
            finish(flow);
        return;
    }
    flow->flush_wanted |= to->out.head == NULL;
    chunk_queue_push(&to->out, chunk);
}

/* Something comes out of the chain: end, or bytes for the queue of `to`. */
static void on_deliver(void *arg, struct chunk *chunk)
{
    struct flow *flow = arg;
    struct wire *to = flow->to;

    if (flow->closed) {
        chunk_destroy(chunk);
        return;
    }
    if (chunk == NULL || chunk->end == CHUNK_RST) {
        chunk_destroy(chunk);
        /* What came out before it is gone by now, or should be. */
        flush_wanted(flow);
        if (!flow->closed)
            connection_flow_reset(flow->connection, flow);
        return;
    }
    if (chunk->end != CHUNK_DATA || flow->fin_queued) {
        take_out_end(flow, chunk);
        return;
    }
    if (to->dead) {
        chunk_destroy(chunk);
        return;
    }
    flow->flush_wanted |= to->out.head == NULL;
    chunk_queue_push(&to->out, chunk);
    if (flow->chain.apart > 0)
        flush_wanted(flow);
}

static void on_rest(void *arg)
{
    struct flow *flow = arg;

    flush_wanted(flow);
    flow_update(flow);
}

void flow_on_writable(struct flow *flow)
{
    if (flow->closed)
        return;
    if (flow->pipe != NULL)
        flow_on_readable(flow);
    else
        flush_out(flow);
    flow_update(flow);
}

/* The way in */

/* Push what lies in the read buffers from `at` on. All chunks are made before the first
 * moves: whatever that leads to may read into the same buffers. */
static void push_read(struct flow *flow, size_t at, size_t size, uint64_t arrived_ns)
{
    uint64_t offset = flow->read_bytes - size + at;
    struct chunk_queue read;

    if (arrived_ns == 0)
        arrived_ns = clock_now(flow->engine->clock);
    if (!engine_take_reads(flow->engine, at, size, &read)) {
        connection_flow_reset(flow->connection, flow);
        return;
    }
    for (struct chunk *chunk = read.head; chunk != NULL; chunk = chunk->next) {
        chunk->arrived_ns = arrived_ns;
        chunk->offset = offset;
        offset += chunk->size;
    }
    flow_resume(flow, &read);
}

/* Bytes were read. Without faults, and with nobody queueing, they go straight from the
 * read buffer to the socket; only what it does not take is kept. */
static void take_bytes(struct flow *flow, size_t size, uint64_t arrived_ns)
{
    struct wire *to = flow->to;
    ssize_t written = 0;

    flow->read_bytes += size;
    *flow->read_total += size;
    if (size <= READ_BYTES && chain_is_empty(&flow->chain) && to->out.head == NULL &&
        !to->dead && !flow->fin_queued) {
        written = wire_write(to, flow->engine->read_buffers[0]->bytes, size);
        if (written < 0 && to->dead) {
            connection_wire_dead(flow->connection, to);
            return;
        }
        if (written < 0)
            written = 0;
        flow_count_passed(flow, (size_t)written);
    }
    if ((size_t)written < size)
        push_read(flow, (size_t)written, size, arrived_ns);
}

/* The peer's FIN or RST enters the chain as a chunk, behind its bytes. */
static void take_end(struct flow *flow, enum chunk_end how)
{
    struct chunk *chunk;

    flow->end_read = true;
    flow->reset_read = how == CHUNK_RST;
    connection_flow_end_read(flow->connection, flow);
    chunk = chunk_create_end(how);
    if (chunk == NULL) {
        connection_flow_reset(flow->connection, flow);
        return;
    }
    chunk->arrived_ns = clock_now(flow->engine->clock);
    chunk->offset = flow->read_bytes;
    chain_push(&flow->chain, chunk);
}

void flow_take_reset(struct flow *flow)
{
    if (flow->closed || flow->reset_read)
        return;
    splice_give_back(flow);
    take_end(flow, CHUNK_RST);
    flow_update(flow);
}

void flow_resume(struct flow *flow, struct chunk_queue *from)
{
    chain_begin_moving(&flow->chain);
    while (from->head != NULL)
        chain_push(&flow->chain, chunk_queue_pop(from));
    chain_end_moving(&flow->chain);
    flow_update(flow);
}

/* Only bytes that nobody wants to see, and that nobody waits before. */
static bool may_splice(const struct flow *flow)
{
    return flow->bulk_reads >= BULK_READS_TO_SPLICE && !flow->cannot_splice &&
           chain_is_empty(&flow->chain) && flow->to->out.head == NULL &&
           !flow->to->dead && !flow->fin_queued && !flow->end_read;
}

/* In bulk through faults: all read buffers at once, as far as the bound allows. */
static int count_parts(const struct flow *flow)
{
    uint64_t parts = bounds_room(flow) / READ_BYTES;

    if (flow->bulk_reads == 0 || chain_is_empty(&flow->chain) || parts <= 1)
        return 1;
    return parts < READ_BUFFERS ? (int)parts : READ_BUFFERS;
}

/* Only what counts delays from the arrival pays for knowing it. What waited for the end
 * of a stall has come with it: a cable that was pulled has let nothing through. */
static ssize_t read_some(struct flow *flow, uint64_t *arrived_ns)
{
    struct engine *engine = flow->engine;
    struct iovec parts[READ_BUFFERS];
    int count = count_parts(flow);
    bool stamped = flow->chain.arrivals > 0;
    ssize_t n;

    *arrived_ns = 0;
    if (flow->was_stopped) {
        flow->was_stopped = false;
        flow->unstopped_ns = clock_now(engine->clock);
    }
    for (int i = 0; i < count; i++) {
        parts[i] = (struct iovec){engine_read_into(engine, i), READ_BYTES};
        if (parts[i].iov_base == NULL)
            count = i;
    }
    if (count == 0)
        return -ENOMEM;
    if (count == 1)
        parts[0].iov_len = bounds_read_bytes(flow);
    if (count == 1 && !stamped)
        return wire_read(flow->from, parts[0].iov_base, parts[0].iov_len);
    n = wire_read_parts(flow->from, parts, count, stamped ? arrived_ns : NULL);
    if (stamped && *arrived_ns < flow->unstopped_ns)
        *arrived_ns = flow->unstopped_ns;
    return n;
}

/* Read until it would block, enough was read, or we are full. A read that leaves the
 * buffer half empty was the last for now: one more would only say EAGAIN. */
static void copy_turn(struct flow *flow)
{
    uint64_t until_bytes = flow->read_bytes + TURN_BYTES;

    for (int i = 0; i < READS_PER_TURN && flow->read_bytes < until_bytes; i++) {
        uint64_t arrived_ns;
        ssize_t n = read_some(flow, &arrived_ns);

        if (n == -EAGAIN)
            return;
        if (n == -ENOMEM) {
            connection_flow_reset(flow->connection, flow);
            return;
        }
        if (n < 0) {
            connection_wire_dead(flow->connection, flow->from);
            return;
        }
        if (n == 0) {
            take_end(flow, CHUNK_FIN);
            return;
        }
        take_bytes(flow, (size_t)n, arrived_ns);
        if (flow->closed || flow->end_read)
            return;
        bounds_update(flow);
        flow->bulk_reads = n >= BULK_BYTES ? flow->bulk_reads + 1 : 0;
        if (n < READ_BYTES || !wants_to_read(flow) || may_splice(flow))
            return;
    }
}

void flow_on_readable(struct flow *flow)
{
    if (flow->closed)
        return;
    if (flow->pipe == NULL && may_splice(flow))
        flow->pipe = pipe_pool_take(&flow->engine->pipes);
    if (flow->pipe != NULL)
        splice_turn(flow);
    else
        copy_turn(flow);
    flow_update(flow);
}

static void on_abandon(void *arg, enum side gone)
{
    struct flow *flow = arg;

    if (!flow->closed)
        connection_flow_abandon(flow->connection, flow, gone);
}

/* What was read from it before still reaches the other side; what was meant for it has
 * nobody to go to. */
void flow_abandon(struct flow *flow, const struct wire *wire)
{
    struct chunk_queue piped;

    if (flow->closed)
        return;
    if (flow->to == wire) {
        splice_give_back(flow);
        if (flow->fin_queued)
            finish(flow);
    } else if (flow->pipe != NULL) {
        if (flow_prepare_fault(flow, &piped))
            flow_resume(flow, &piped);
        else
            connection_flow_reset(flow->connection, flow);
    }
}

void flow_start(struct flow *flow)
{
    assert(!flow->started);
    flow->started = true;
    if (flow->to->out.head != NULL)
        flush_out(flow);
    flow_update(flow);
}

void flow_close(struct flow *flow)
{
    flow->closed = true;
    chain_close(&flow->chain);
    bounds_account(flow);
    splice_give_back(flow);
}

void flow_release(struct flow *flow)
{
    assert(flow->closed);
    chain_release(&flow->chain);
    bounds_account(flow);
}
