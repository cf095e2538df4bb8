/* splice: socket -> pipe -> socket, without the bytes ever coming here.
 *
 * All well:  fill the pipe, empty it, again, until the sender has no more.
 * The receiver is slower:  the pipe keeps the rest, nothing is read meanwhile.
 * Little comes at a time:  back to copying.
 * A fault comes, or the end:  what is in the pipe is read back into chunks first.
 * splice(2) raises SIGPIPE and has no MSG_NOSIGNAL: the plane's thread blocks it. */
#include "proxy/splice.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "proxy/connection.h"

enum { SPLICES_PER_TURN = 4, SMALL_ROUNDS_TO_COPY = 3 };

/* Whatever is still in it is thrown away (the pool closes such a pipe). */
void splice_give_back(struct flow *flow)
{
    if (flow->pipe == NULL)
        return;
    pipe_pool_give(&flow->engine->pipes, flow->pipe);
    flow->pipe = NULL;
    flow->bulk_reads = 0;
    flow->small_rounds = 0;
}

/* Out of the pipe into chunks; the pipe goes back. false: memory ran out. */
bool flow_prepare_fault(struct flow *flow, struct chunk_queue *out)
{
    uint64_t offset;

    chunk_queue_init(out, 0);
    if (flow->pipe == NULL)
        return true;
    offset = flow->read_bytes - flow->pipe->bytes;
    while (flow->pipe->bytes > 0) {
        uint8_t *into = engine_read_into(flow->engine, 0);
        ssize_t n = into != NULL ? read(flow->pipe->read_fd, into, READ_BYTES) : 0;
        struct chunk *chunk =
            n > 0 ? engine_take_read(flow->engine, 0, 0, (uint32_t)n) : NULL;

        if (chunk == NULL) {
            chunk_queue_release(out);
            return false;
        }
        chunk->arrived_ns = clock_now(flow->engine->clock);
        chunk->offset = offset;
        offset += (uint64_t)n;
        flow->pipe->bytes -= (size_t)n;
        chunk_queue_push(out, chunk);
    }
    splice_give_back(flow);
    return true;
}

/* Leave splicing: what is in the pipe goes on as chunks. */
static void leave_splice(struct flow *flow)
{
    struct chunk_queue back;

    if (!flow_prepare_fault(flow, &back)) {
        connection_flow_reset(flow->connection, flow);
        return;
    }
    flow_resume(flow, &back);
}

enum splice_result { SPLICE_MOVED, SPLICE_DRY, SPLICE_OVER };

/* A socket that cannot splice goes back to copying. Any other error is the peer's end,
 * and must be taken here: it has been read out of the socket, where recv() would find
 * an innocent FIN in its place. */
static enum splice_result splice_failed(struct flow *flow, struct wire *wire, int error)
{
    if (error == EAGAIN || error == EINTR)
        return SPLICE_DRY;
    if (error == EINVAL || error == ENOSYS) {
        flow->cannot_splice = true;
        leave_splice(flow);
        return SPLICE_OVER;
    }
    wire_kill(wire, error);
    /* What is in the pipe has nobody to go to, or is overtaken by the RST. */
    splice_give_back(flow);
    connection_wire_dead(flow->connection, wire);
    return SPLICE_OVER;
}

/* Socket to pipe. DRY may also mean that the pipe's slots are full of small segments:
 * emptying it first is right in both cases. */
static enum splice_result splice_in(struct flow *flow, size_t *moved)
{
    struct pipe *pipe = flow->pipe;
    ssize_t n = splice(flow->from->fd, NULL, pipe->write_fd, NULL,
                       pipe->bytes_max - pipe->bytes, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);

    if (n > 0) {
        pipe->bytes += (size_t)n;
        flow->read_bytes += (uint64_t)n;
        *flow->read_total += (uint64_t)n;
        *moved += (size_t)n;
        return SPLICE_MOVED;
    }
    if (n < 0)
        return splice_failed(flow, flow->from, errno);
    /* The end: recv() will see it again, when the pipe has been emptied. */
    leave_splice(flow);
    return SPLICE_OVER;
}

/* Pipe to socket. DRY: the receiver is slower; the loop says when it takes more. */
static enum splice_result splice_out(struct flow *flow)
{
    struct pipe *pipe = flow->pipe;
    ssize_t n;

    if (pipe->bytes == 0)
        return SPLICE_MOVED;
    n = splice(pipe->read_fd, NULL, flow->to->fd, NULL, pipe->bytes,
               SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    if (n > 0) {
        pipe->bytes -= (size_t)n;
        flow_count_passed(flow, (size_t)n);
        return pipe->bytes == 0 ? SPLICE_MOVED : SPLICE_DRY;
    }
    return splice_failed(flow, flow->to, n < 0 ? errno : EPIPE);
}

/* Fill and empty the pipe a few times; go back to copying when little comes at a time,
 * since a splice per small message costs more than a copy. */
void splice_turn(struct flow *flow)
{
    size_t moved = 0;

    for (int i = 0; i < SPLICES_PER_TURN && !flow->closed; i++) {
        enum splice_result in = SPLICE_MOVED;

        if (flow->pipe->bytes == 0)
            in = splice_in(flow, &moved);
        if (in == SPLICE_OVER || splice_out(flow) != SPLICE_MOVED || in == SPLICE_DRY)
            break;
    }
    if (flow->closed || flow->pipe == NULL)
        return;
    flow->small_rounds = moved < BULK_BYTES ? flow->small_rounds + 1 : 0;
    if (flow->pipe->bytes == 0 && flow->small_rounds >= SMALL_ROUNDS_TO_COPY)
        splice_give_back(flow);
}
