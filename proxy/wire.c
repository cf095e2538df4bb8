/* wire: reading, writing and watching one socket.
 *
 * An error while reading is wished is left to read(2), so that the bytes before a reset
 * are not lost; else SO_ERROR tells. */
#include "proxy/wire.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "proxy/farewell.h"

enum { WRITE_PARTS_MAX = 64 };

void wire_init(struct wire *wire, struct engine *engine, const struct wire_events *events,
               void *owner)
{
    *wire = (struct wire){.engine = engine, .events = events, .owner = owner, .fd = -1};
    chunk_queue_init(&wire->out, 0);
}

static void on_ready(struct watch *watch, unsigned events);

void wire_open(struct wire *wire, int fd)
{
    assert(wire->fd == -1);
    wire->fd = fd;
    watch_open(&wire->engine->poller, &wire->watch, fd, on_ready);
    wire_update(wire);
}

/* A wire whose FIN has been seen, and that is neither read nor written, cannot be
 * watched: level-triggered, its FIN would wake us for ever. */
static void set_deaf(struct wire *wire, bool is_deaf)
{
    struct engine *engine = wire->engine;

    if (wire->is_deaf == is_deaf)
        return;
    wire->is_deaf = is_deaf;
    if (is_deaf) {
        wire->deaf_prev = NULL;
        wire->deaf_next = engine->deaf;
        if (engine->deaf != NULL)
            engine->deaf->deaf_prev = wire;
        engine->deaf = wire;
        return;
    }
    if (wire->deaf_prev != NULL)
        wire->deaf_prev->deaf_next = wire->deaf_next;
    else
        engine->deaf = wire->deaf_next;
    if (wire->deaf_next != NULL)
        wire->deaf_next->deaf_prev = wire->deaf_prev;
}

/* Reads and clears the socket's pending error. */
static int socket_error(int fd)
{
    int error = 0;
    socklen_t size = sizeof error;

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        return errno;
    return error;
}

void wire_kill(struct wire *wire, int error)
{
    if (wire->dead)
        return;
    wire->dead = true;
    wire->error = error;
    chunk_queue_release(&wire->out);
    wire_update(wire);
}

/* Something has happened to a wire that we do not read: a reset, or only a FIN. */
static void learn_of_reset(struct wire *wire)
{
    int error = socket_error(wire->fd);

    if (error == 0) {
        bool first = !wire->end_seen;

        wire->end_seen = true;
        if (first)
            wire->events->on_end_seen(wire);
        return;
    }
    wire_kill(wire, error);
    wire->events->on_reset(wire);
}

/* Reset first, then make room, then read: reading may need the room. Each step may kill
 * the wire or end its connection. */
static void on_ready(struct watch *watch, unsigned events)
{
    struct wire *wire = (struct wire *)((char *)watch - offsetof(struct wire, watch));

    wire->engine->priority.events++;
    if ((events & POLLER_HANGUP) && !wire->reading && !wire->dead)
        learn_of_reset(wire);
    if ((events & POLLER_WRITE) && wire->writing && !wire->dead)
        wire->events->on_writable(wire);
    if ((events & POLLER_READ) && wire->reading && !wire->dead)
        wire->events->on_readable(wire);
    if (wire->fd != -1)
        wire_update(wire);
}

void wire_update(struct wire *wire)
{
    unsigned wished = 0;

    if (wire->fd == -1)
        return;
    if (!wire->dead) {
        wished |= wire->reading ? POLLER_READ : 0;
        wished |= wire->writing ? POLLER_WRITE : 0;
        wished |= !wire->reading && !wire->end_seen ? POLLER_HANGUP : 0;
    }
    set_deaf(wire, !wire->dead && wished == 0);
    watch_set(&wire->engine->poller, &wire->watch, wished);
}

void wires_check_deaf(struct engine *engine)
{
    struct wire *wire = engine->deaf;

    while (wire != NULL) {
        struct wire *next = wire->deaf_next;

        learn_of_reset(wire);
        /* A reset may have closed others, `next` among them: then start again at the
         * next tick rather than follow a wire that has left the list. */
        if (next != NULL && !next->is_deaf)
            return;
        wire = next;
    }
}

/* EINTR counts as well: the loop will come back. */
static bool would_block(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

/* What a read of nothing, or none at all, means. */
static ssize_t not_read(struct wire *wire, ssize_t n, int error)
{
    /* A FIN that was followed by an RST still reads as the end: only SO_ERROR knows. */
    if (n == 0)
        error = socket_error(wire->fd);
    if (n == 0 && error == 0)
        return 0;
    if (would_block(error))
        return -EAGAIN;
    wire_kill(wire, error);
    return -error;
}

ssize_t wire_read(struct wire *wire, void *bytes, size_t size)
{
    ssize_t n = recv(wire->fd, bytes, size, 0);

    return n > 0 ? n : not_read(wire, n, errno);
}

ssize_t wire_read_parts(struct wire *wire, struct iovec *parts, int count,
                        uint64_t *arrived_ns)
{
    struct engine *engine = wire->engine;
    _Alignas(struct cmsghdr) char control[STAMP_CONTROL_BYTES];
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)count};
    uint64_t wall_ns;
    ssize_t n;

    if (arrived_ns != NULL) {
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        if (!wire->stamped)
            stamp_enable(wire->fd);
        wire->stamped = true;
    }
    n = recvmsg(wire->fd, &message, 0);
    if (n <= 0)
        return not_read(wire, n, errno);
    if (arrived_ns != NULL) {
        wall_ns = clock_wall_ns(); /* before the other clock: see stamp.h */
        *arrived_ns = stamp_arrival_ns(&engine->stamps, stamp_of_message(&message),
                                       wall_ns, clock_now(engine->clock));
    }
    return n;
}

ssize_t wire_write(struct wire *wire, const void *bytes, size_t size)
{
    ssize_t n;
    int error;

    assert(wire->out.head == NULL);
    n = send(wire->fd, bytes, size, MSG_NOSIGNAL);
    error = errno;
    if (n >= 0)
        return n;
    if (would_block(error))
        return -EAGAIN;
    wire_kill(wire, error);
    return -error;
}

/* Gather data chunks from the head of the queue. */
static int gather(const struct chunk_queue *queue, struct iovec *parts)
{
    int count = 0;

    for (const struct chunk *c = queue->head; c != NULL; c = c->next) {
        if (c->end != CHUNK_DATA || count == WRITE_PARTS_MAX)
            break;
        parts[count++] = (struct iovec){.iov_base = c->data, .iov_len = c->size};
    }
    return count;
}

/* Take written bytes off the head of the queue. */
static void consume(struct chunk_queue *queue, size_t bytes)
{
    while (bytes > 0) {
        struct chunk *head = queue->head;

        if (head->size <= bytes) {
            bytes -= head->size;
            chunk_destroy(chunk_queue_pop(queue));
            continue;
        }
        head->data += bytes;
        head->size -= (uint32_t)bytes;
        head->offset += bytes;
        queue->bytes -= bytes;
        return;
    }
}

ssize_t wire_flush(struct wire *wire)
{
    struct iovec parts[WRITE_PARTS_MAX];
    ssize_t total = 0;

    while (wire->out.head != NULL) {
        struct msghdr message = {.msg_iov = parts};
        int count = gather(&wire->out, parts);
        ssize_t n;

        if (count == 0) {
            shutdown(wire->fd, SHUT_WR);
            chunk_destroy(chunk_queue_pop(&wire->out));
            continue;
        }
        message.msg_iovlen = (size_t)count;
        n = sendmsg(wire->fd, &message, MSG_NOSIGNAL);
        if (n < 0 && would_block(errno))
            break;
        if (n < 0) {
            int error = errno;

            wire_kill(wire, error);
            return -error;
        }
        consume(&wire->out, (size_t)n);
        total += n;
    }
    return total;
}

void socket_reset(int fd)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    /* Fails on a Unix socket, which has no RST; close(2) is all there is then. */
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
}

static void on_watch_closed(struct watch *watch)
{
    struct wire *wire = (struct wire *)((char *)watch - offsetof(struct wire, watch));

    wire->events->on_closed(wire); /* may free it: touch nothing after this line */
}

void wire_close(struct wire *wire, bool reset)
{
    int fd = wire->fd;

    assert(fd != -1);
    set_deaf(wire, false);
    wire->fd = -1;
    wire->dead = true;
    chunk_queue_release(&wire->out);
    /* First the watch: afterwards the number may be somebody else's. */
    watch_close(&wire->engine->poller, &wire->watch, on_watch_closed);
    if (reset)
        socket_reset(fd);
    else
        farewell_close(wire->engine, fd);
}
