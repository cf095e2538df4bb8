/* chain: the faults of one direction of one connection, in the order in which they came.
 *
 *   chain_push -> stage (a fault) -> stage -> ... -> deliver
 *
 * Every stage has a queue of what it holds. Chunks leave a stage in the order in which
 * they entered; an end (FIN, RST) travels like a chunk. An RST that enters a stage
 * discards what that stage holds; a FIN stays behind it. Removing or changing a stage
 * lets everything it holds go on at once, in order, through the later stages; much of it
 * in several turns of the loop, so that the loop is not held up.
 * The chain knows neither sockets nor connections: tests drive it on a virtual clock.
 * Thread: the loop's. `deliver` fires from any call here that can move a chunk; it must
 * not free the chain, nor add or remove stages. */
#ifndef STORMDRILL_PROXY_CHAIN_H
#define STORMDRILL_PROXY_CHAIN_H

#include "proxy/base/histogram.h"
#include "proxy/deadlines.h"
#include "proxy/fault.h"

struct stage;

/* Takes the chunk. NULL means that memory ran out: bytes are missing from here on, so
 * the connection must be reset. */
typedef void chain_deliver_fn(void *arg, struct chunk *chunk);

/* fault_abandon. Closes the socket towards `gone`; may end the connection, as above. */
typedef void chain_abandon_fn(void *arg, enum side gone);

/* What was delivered may be written now: the chain has come to rest. Many chunks that
 * leave at one moment are so written at once. */
typedef void chain_rest_fn(void *arg);

struct chain {
    struct clock clock; /* first: what its faults are given; see chain_now */
    struct deadlines *deadlines;
    struct stage *first;
    chain_deliver_fn *deliver;
    chain_abandon_fn *abandon;     /* may be NULL */
    chain_rest_fn *rest;           /* may be NULL */
    unsigned moving;               /* calls that are under way */
    uint64_t moment_ns;            /* of the movement under way; 0: not asked yet */
    const struct chunk_queue *out; /* behind the last stage; may be NULL */
    void *arg;
    struct histogram *delay_errors; /* how late chunks were let go; may be NULL */
    size_t held_bytes;              /* in all stages */
    size_t held_count;              /* chunks in all stages, ends included */
    unsigned stopping;              /* stages that stop reading */
    unsigned apart;                 /* stages that want a write for each chunk */
    unsigned arrivals;              /* stages that want the kernel's receive time */
    uint32_t buffer_bytes; /* the largest that a stage wishes for; 0: none does */
    bool closed;           /* what comes is thrown away */
};

struct stage_options {
    const struct fault_type *type;
    const void *conf;
    void *shared;
    enum direction direction;
    struct rng rng;
    void *connection;         /* as struct fault has it; borrowed */
    uint64_t opened_ns;       /* as struct fault has it */
    uint64_t after_bytes;     /* it begins behind so many bytes of what enters it */
    uint64_t order;           /* place in the chain: ascending */
    uint64_t *touched;        /* counts the chunks on which it acted; borrowed */
    struct histogram *delays; /* counts what it drew; borrowed, may be NULL */
};

void chain_init(struct chain *chain, struct deadlines *deadlines,
                chain_deliver_fn *deliver, void *arg);

/* Nothing moves any more: what comes is thrown away, faults forget the direction. */
void chain_close(struct chain *chain);

/* The same; throw away what is held, free the stages. */
void chain_release(struct chain *chain);

/* NULL: memory is short. */
struct stage *chain_add(struct chain *chain, const struct stage_options *options);

/* Takes `stage`; what it holds goes on at once, and nothing of the fault (conf, shared,
 * connection, touched) is used any more. Behind it goes an RST where the fault
 * had abandoned a side: it ends the connection for the side that was left. */
void chain_remove(struct chain *chain, struct stage *stage);

/* Its conf has changed: what it holds goes on at once (unless it stops reading or
 * `keeps_held`), what comes meets the new conf. A stage that has not begun (after_bytes)
 * begins with the new conf, and behind as many bytes as it was made with. */
void chain_change(struct chain *chain, struct stage *stage);

/* Between them `rest` waits, so that several pushes are one movement, at one moment. They
 * nest. */
void chain_begin_moving(struct chain *chain);
void chain_end_moving(struct chain *chain);

/* The time; within a movement that of its first reading. */
uint64_t chain_now(struct chain *chain);

/* Something was written within a movement: the next who asks gets the time after it. */
void chain_time_passes(struct chain *chain);

/* Takes `chunk`. */
void chain_push(struct chain *chain, struct chunk *chunk);

/* The order of a stage whose fault has abandoned a side; 0: none has. */
uint64_t chain_abandoner(const struct chain *chain);

static inline bool chain_is_empty(const struct chain *chain)
{
    return chain->first == NULL;
}

#endif
