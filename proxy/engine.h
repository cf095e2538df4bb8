/* engine: what everything on the data plane's thread shares: its loop, its clock, its
 * deadlines, the read buffer, the pipes, the memory account, and the way to the
 * observer. One per plane; no locks, since only the plane's thread touches it. */
#ifndef STORMDRILL_PROXY_ENGINE_H
#define STORMDRILL_PROXY_ENGINE_H

#include <jansson.h>
#include <uv.h>

#include "proxy/base/rng.h"
#include "proxy/deadlines.h"
#include "proxy/pipes.h"
#include "proxy/plane.h"

enum {
    READ_BYTES = 64 * 1024,
    /* What a held chunk costs beside its bytes; without it, a million chunks of one
     * byte would count as a megabyte. */
    CHUNK_COST_BYTES = 160,
};

struct wire;

struct engine {
    uv_loop_t loop;
    const struct clock *clock;
    struct deadlines deadlines;
    struct pipe_pool pipes;
    struct rng rng;
    struct log *log;
    struct observer observer;
    uint64_t memory_bytes; /* held in faults and queues of all directions */
    uint64_t memory_bytes_max;
    uint32_t connections; /* number of the last one */
    struct wire *deaf;    /* wires nobody watches: looked at now and then */
    uint8_t *read_buffer; /* READ_BYTES, shared: nothing stays in it */
};

int engine_init(struct engine *engine, const struct plane_options *options,
                struct error *err);

/* After the loop has run out of handles. */
void engine_release(struct engine *engine);

/* Tell the observer. Takes `detail` (may be NULL). */
void engine_emit(struct engine *engine, const struct proxy_event *event, json_t *detail);

#endif
