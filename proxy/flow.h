/* flow: one direction of a connection: from one wire, through the chain, to the other.
 *
 *   from --read--> chain of faults --> queue of `to` --write--> to
 *   from ==========> pipe ============================> to      (in bulk, no fault)
 *
 * It starts by copying; after reads that nearly filled the buffer, a direction without
 * faults borrows a pipe and splices, until it runs dry. When a fault comes, what is in
 * the pipe is read back and passes the new chain first (flow_prepare_fault).
 * Back-pressure: it reads only while it holds less than its bound.
 * Thread: the loop's. */
#ifndef STORMDRILL_PROXY_FLOW_H
#define STORMDRILL_PROXY_FLOW_H

#include "proxy/chain.h"
#include "proxy/engine.h"
#include "proxy/wire.h"

struct connection;

struct flow {
    struct engine *engine;
    struct connection *connection;
    enum direction direction;
    struct wire *from;
    struct wire *to;
    struct chain chain;
    struct pipe *pipe;      /* while splicing */
    uint64_t read_bytes;    /* also the offset of the next byte */
    uint64_t passed_bytes;  /* written to `to` */
    uint64_t *passed_total; /* the link's count of the same */
    uint64_t *read_total;   /* the link's count of what was read */
    uint64_t buffer_bytes;  /* bound; 0: the default */
    uint64_t accounted;     /* our part of engine->memory_bytes */
    uint64_t bound_told_ns;
    uint64_t unstopped_ns; /* when a stall was over: nothing has arrived before */
    unsigned bulk_reads;   /* in a row */
    unsigned small_rounds; /* of splicing, in a row */
    bool started;
    bool flush_wanted; /* `to` was idle, and has got something */
    bool full;
    bool was_stopped; /* a stage has stopped reading since the last read */
    bool cannot_splice;
    bool end_read;   /* FIN or RST came from `from` */
    bool reset_read; /* RST came */
    bool fin_queued;
    bool close_queued; /* it is a CHUNK_CLOSE */
    bool fin_sent;
    bool closed;
};

/* Borrows everything. */
void flow_init(struct flow *flow, struct connection *connection, enum direction direction,
               struct wire *from, struct wire *to);

/* Both wires are open: begin to read. */
void flow_start(struct flow *flow);

void flow_on_readable(struct flow *flow); /* `from` can be read */
void flow_on_writable(struct flow *flow); /* `to` can be written */

/* `from` was reset by its peer: the RST goes through the chain. */
void flow_take_reset(struct flow *flow);

/* Before a fault joins the chain: what is in the pipe comes back into chunks; the
 * caller then adds the fault and calls flow_resume, which pushes them. */
bool flow_prepare_fault(struct flow *flow, struct chunk_queue *out); /* splice.c */
void flow_resume(struct flow *flow, struct chunk_queue *from);

/* `wire` is about to be closed under the living connection: nothing is read from it or
 * written to it any more; what comes for it is thrown away. */
void flow_abandon(struct flow *flow, const struct wire *wire);

/* So many bytes were taken by `to`. */
void flow_count_passed(struct flow *flow, size_t bytes);

/* After anything that may have changed whether we read or write. */
void flow_update(struct flow *flow);

/* Nothing moves any more; memory stays until flow_release. */
void flow_close(struct flow *flow);
void flow_release(struct flow *flow);

/* Bytes held in faults, queue and pipe. */
uint64_t flow_held_bytes(const struct flow *flow); /* bounds.c */

#endif
