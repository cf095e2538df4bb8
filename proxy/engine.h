/* engine: what everything on the data plane's thread shares: its loop, its clock, its
 * deadlines, the read buffer, the pipes, the memory account, and the way to the
 * observer. One per plane; no locks, since only the plane's thread touches it. */
#ifndef STORMDRILL_PROXY_ENGINE_H
#define STORMDRILL_PROXY_ENGINE_H

#include <jansson.h>
#include <uv.h>

#include "proxy/base/chunk.h"
#include "proxy/base/rng.h"
#include "proxy/deadlines.h"
#include "proxy/pipes.h"
#include "proxy/plane.h"
#include "proxy/poller.h"
#include "proxy/priority.h"
#include "proxy/stamp.h"

enum {
    READ_BYTES = 64 * 1024,
    /* A direction in bulk is read into all of them at once: each read and write wakes a
     * peer, and eight times fewer cost a third less. */
    READ_BUFFERS = 8,
    /* What a held chunk costs beside its bytes; without it, a million chunks of one
     * byte would count as a megabyte. */
    CHUNK_COST_BYTES = 160,
    /* A chunk this big is worth a whole read buffer: it wastes a third at most. */
    KEEP_BYTES = READ_BYTES / 4 * 3,
    BUFFERS_IDLE_MAX = 64,
};

struct farewell;
struct wire;

struct engine {
    uv_loop_t loop; /* commands and lookups; turned by the poller */
    struct poller poller;
    const struct clock *clock;
    struct deadlines deadlines;
    struct pipe_pool pipes;
    struct rng rng;
    struct log *log;
    struct observer observer;
    struct priority priority;
    uint64_t memory_bytes; /* held in faults and queues of all directions */
    uint64_t memory_bytes_max;
    struct histogram delay_errors; /* of all chains: let go so much later than due */
    struct histogram lag;          /* of the loop, sampled each 20 ms */
    struct stamps stamps;          /* the kernel's receive times, on our clock */
    uint32_t connections;          /* number of the last one */
    struct wire *deaf;             /* wires nobody watches: looked at now and then */
    struct farewell *farewells;    /* closed, but their peers have not got everything */
    unsigned farewell_count;
    struct buffer *read_buffers[READ_BUFFERS]; /* shared; NULL: none at the moment */
    struct buffer_pool buffers; /* that were read buffers, and may be again */
};

int engine_init(struct engine *engine, const struct plane_options *options,
                struct error *err);

/* Until everything on its loop and its poller has closed. */
void engine_run(struct engine *engine);

/* After engine_run. */
void engine_release(struct engine *engine);

/* The read buffer of this index, READ_BYTES; NULL when memory is short. Borrowed. */
uint8_t *engine_read_into(struct engine *engine, int index);

/* A chunk of what was read into a read buffer: big ones keep the buffer (the engine gets
 * another), small ones are copied. NULL when memory is short. */
struct chunk *engine_take_read(struct engine *engine, int index, uint32_t at,
                               uint32_t size);

/* Chunks of the bytes [at, size) of one read into several buffers. false: memory is
 * short, and nothing is in `out`. */
bool engine_take_reads(struct engine *engine, size_t at, size_t size,
                       struct chunk_queue *out);

/* Tell the observer. Takes `detail` (may be NULL). */
void engine_emit(struct engine *engine, const struct proxy_event *event, json_t *detail);

#endif
