/* stage: one fault in a chain, as chain.c, leave.c and verbs.c see it; nobody else does.
 *
 * A chunk enters, the fault's callback settles it with a verb (verbs.c), it is held or
 * goes on. Between callbacks `current` is NULL and `rest` is empty.
 * Thread: the loop's. */
#ifndef STORMDRILL_PROXY_STAGE_H
#define STORMDRILL_PROXY_STAGE_H

#include "proxy/chain.h"

/* So many chunks may wait behind a stage before it cuts no more pieces. */
enum { STAGE_PIECES_MAX = 65536 };

struct stage {
    struct fault fault; /* first: what the callbacks are given */
    struct stage *next;
    struct chain *chain;
    uint64_t order;
    uint64_t *touched;
    struct histogram *delays; /* may be NULL */
    uint64_t bytes_to_begin;  /* data that passes before it begins */
    struct chunk_queue held;  /* due_ns 0: let go, it only waits for those before it */
    size_t going;             /* the first of them: let go, they leave batch by batch */
    struct chunk *current;    /* given to the callback and not yet settled */
    struct chunk_queue rest;  /* split off, still to be decided about */
    struct deadline leave;
    struct deadline wake;
    uint64_t waking_ns; /* while on_wake runs: the time it was meant for */
    bool begun;
    bool removed;   /* it only passes on what it holds, then it is dropped */
    bool ended;     /* the fault has ended this direction */
    bool abandoned; /* the fault has closed one side; its heal ends the other */
};

/* The verbs are given the fault; the stage around it is the chain's own business. */
static inline struct stage *stage_of(struct fault *f)
{
    return (struct stage *)f;
}

/* On to the next stage, or out. Takes `chunk`. */
void stage_forward(struct stage *stage, struct chunk *chunk);

/* Hold behind what is held already, until `due_ns`; 0 is at once. Takes `chunk`. */
void stage_hold(struct stage *stage, struct chunk *chunk, uint64_t due_ns);

/* Let go of what is due; set the deadline for the next. */
void stage_leave(struct stage *stage);

/* Let go of everything: some now, the rest in the next turns. */
void stage_flush(struct stage *stage);

/* Throw away what is held. */
void stage_discard(struct stage *stage);

/* Its deadline `leave` is due. */
void stage_on_leave(struct deadline *own);

/* Take a removed stage out of its chain and free it; it holds nothing any more. */
void chain_drop(struct chain *chain, struct stage *stage);

#endif
