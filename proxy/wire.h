/* wire: one connected socket on the loop, with its own read and write.
 *
 * A wire owns its descriptor and the queue of what could not be written yet; it holds
 * no read buffer. What is watched follows from three wishes: reading, writing (set by
 * itself while the queue is not empty), and else to learn of a reset.
 * An idle or paused wire still learns of a reset: a hang-up once, then SO_ERROR; a
 * FIN that arrived before would wake us for ever, so from then on the engine looks at
 * it now and then (wires_check_deaf).
 * Thread: the loop's. Events fire from the loop, and from wire_flush. */
#ifndef STORMDRILL_PROXY_WIRE_H
#define STORMDRILL_PROXY_WIRE_H

#include <sys/types.h>
#include <sys/uio.h>

#include "proxy/base/chunk.h"
#include "proxy/engine.h"

struct wire;

struct wire_events {
    void (*on_readable)(struct wire *wire); /* read until it would block, or enough */
    void (*on_writable)(struct wire *wire); /* only while wire->writing */
    void (*on_reset)(struct wire *wire);    /* the peer has reset it, once */
    void (*on_end_seen)(struct wire *wire); /* a FIN came while nobody reads, once */
    void (*on_closed)(struct wire *wire);   /* the last event; may free it */
};

struct wire {
    struct engine *engine;
    const struct wire_events *events;
    void *owner;
    struct watch watch;
    int fd;        /* -1: not open, or closed */
    bool reading;  /* wish */
    bool writing;  /* wish */
    bool end_seen; /* a hang-up without an error was told: a FIN */
    bool dead;     /* reset by its peer; nothing goes in or out any more */
    bool is_deaf;  /* in engine->deaf */
    bool stamped;  /* the kernel was asked for receive times */
    struct wire *deaf_next;
    struct wire *deaf_prev;
    struct chunk_queue out; /* may end with a FIN */
    int error;              /* errno that killed it */
};

/* Set up; no descriptor yet. Borrows everything. */
void wire_init(struct wire *wire, struct engine *engine, const struct wire_events *events,
               void *owner);

/* Takes `fd` (non-blocking, connected). */
void wire_open(struct wire *wire, int fd);

/* Let the watch follow the wishes. */
void wire_update(struct wire *wire);

/* read(2): bytes, 0 at the end, -EAGAIN, or -errno (then it is dead). */
ssize_t wire_read(struct wire *wire, void *bytes, size_t size);

/* The same into several buffers. With `arrived_ns` also when the kernel received the
 * last of it: never later than now, never earlier than it was, now when the kernel does
 * not tell; that costs a little more. */
ssize_t wire_read_parts(struct wire *wire, struct iovec *parts, int count,
                        uint64_t *arrived_ns);

/* write(2): bytes, -EAGAIN or -errno (then it is dead). The queue must be empty. */
ssize_t wire_write(struct wire *wire, const void *bytes, size_t size);

/* Write from the queue until it would block or is empty, FIN included. Gives the
 * number of data bytes written, or -errno (then it is dead, the queue empty). */
ssize_t wire_flush(struct wire *wire);

/* The wire has died: nothing more is read or written; its descriptor stays ours until
 * wire_close, so that its number is not given to another. */
void wire_kill(struct wire *wire, int error);

/* End it: with RST when `reset` is set, else with FIN. on_closed fires later.
 * In any state after wire_open, once. */
void wire_close(struct wire *wire, bool reset);

/* Look at the wires that nobody watches; on_reset for those that were reset. */
void wires_check_deaf(struct engine *engine);

/* RST on a bare descriptor, and close it. */
void socket_reset(int fd);

#endif
