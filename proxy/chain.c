/* chain: moves chunks through the faults of a direction, and does for all faults what
 * they would otherwise repeat: order, time, ends, removal, counting, a late beginning.
 *
 * One chunk's way through a stage:
 *   enter -> on_chunk or on_end -> a verb (verbs.c) settles it: held (with the time at
 *   which it is due), dropped, or let through -> leave: due chunks go to the next stage.
 * A verb that is not called is `pass`. The rest of a split chunk enters next.
 * Until a stage has begun (after_bytes) everything passes it untouched. */
#include "proxy/chain.h"

#include <assert.h>
#include <stdlib.h>

#include "proxy/stage.h"

static void enter(struct stage *stage, struct chunk *chunk);

/* On to the next fault, or out. May end the connection: callers read nothing from the
 * chunk afterwards, and the stage lives on until chain_release. */
void stage_forward(struct stage *stage, struct chunk *chunk)
{
    struct chain *chain = stage->chain;

    if (stage->next != NULL)
        enter(stage->next, chunk);
    else
        chain->deliver(chain->arg, chunk);
}

/* Within a movement time stands still, and one reading of the clock serves all chunks and
 * stages of it. Nothing gets early by that: the reading is taken after the bytes were
 * read from the socket, and is never later than the true time. What is found due by it
 * is due; what is told to wait for a time counted from it waits for a time after it.
 * Only what counts from a write (the pause behind a piece) needs a time that is not
 * before that write: who writes within a movement says so (chain_time_passes). */
uint64_t chain_now(struct chain *chain)
{
    if (chain->moving == 0)
        return clock_now(chain->deadlines->clock);
    if (chain->moment_ns == 0)
        chain->moment_ns = clock_now(chain->deadlines->clock);
    return chain->moment_ns;
}

/* The chain's clock is its first member, so the addresses are one. */
static uint64_t chain_clock_now_ns(const struct clock *clock)
{
    return chain_now((struct chain *)clock);
}

void chain_time_passes(struct chain *chain)
{
    chain->moment_ns = 0;
}

void chain_begin_moving(struct chain *chain)
{
    if (chain->moving == 0)
        chain->moment_ns = 0;
    chain->moving++;
}

void chain_end_moving(struct chain *chain)
{
    assert(chain->moving > 0);
    chain->moving--;
    if (chain->moving == 0 && chain->rest != NULL)
        chain->rest(chain->arg);
}

static void on_wake(struct deadline *own)
{
    struct stage *stage = (struct stage *)((char *)own - offsetof(struct stage, wake));

    if (stage->chain->closed || stage->fault.type->on_wake == NULL)
        return;
    chain_begin_moving(stage->chain);
    stage->waking_ns = own->due_ns;
    stage->fault.type->on_wake(&stage->fault);
    stage->waking_ns = 0;
    chain_end_moving(stage->chain);
}

/* Let the fault decide. Whatever it forgot to settle passes. */
static void decide(struct stage *stage, struct chunk *chunk)
{
    const struct fault_type *type = stage->fault.type;

    assert(stage->current == NULL);
    stage->current = chunk;
    if (chunk->end == CHUNK_DATA) {
        if (type->on_chunk != NULL)
            type->on_chunk(&stage->fault, chunk);
    } else if (type->on_end != NULL) {
        type->on_end(&stage->fault, chunk);
    }
    if (stage->current != NULL)
        fault_pass(&stage->fault, stage->current);
}

/* What the direction does for the sake of its stages. */
static void set_wishes(struct chain *chain)
{
    chain->buffer_bytes = 0;
    chain->apart = 0;
    chain->arrivals = 0;
    chain->stopping = 0;
    for (const struct stage *s = chain->first; s != NULL; s = s->next) {
        const struct fault_type *type = s->fault.type;

        if (!s->begun)
            continue;
        if (type->buffer_bytes > chain->buffer_bytes)
            chain->buffer_bytes = type->buffer_bytes;
        chain->apart += type->writes_apart;
        chain->arrivals += type->from_arrival;
        chain->stopping += type->stops_reading;
    }
}

/* Its delays may end to the microsecond, as its parameters say. */
static void set_precision(struct stage *stage)
{
    const struct fault_type *type = stage->fault.type;

    stage->leave.is_precise = type->spins != NULL && type->spins(stage->fault.conf);
}

static void begin(struct stage *stage)
{
    const struct fault_type *type = stage->fault.type;

    stage->begun = true;
    set_precision(stage);
    set_wishes(stage->chain);
    if (type->stops_reading)
        ++*stage->touched;
    if (type->on_begin != NULL)
        type->on_begin(&stage->fault);
}

/* Bytes that come before it begins pass. Gives what is left of the chunk when it has
 * begun in the middle of it, else NULL. An end passes: nothing comes after it. */
static struct chunk *pass_before_begin(struct stage *stage, struct chunk *chunk)
{
    struct chunk *rest = NULL;

    if (chunk->end != CHUNK_DATA || chunk->size < stage->bytes_to_begin) {
        stage->bytes_to_begin -= chunk->size;
        stage_forward(stage, chunk);
        return NULL;
    }
    if (chunk->size > stage->bytes_to_begin) {
        rest = chunk_split(chunk, (uint32_t)stage->bytes_to_begin);
        if (rest == NULL) {
            chunk_destroy(chunk);
            stage->chain->deliver(stage->chain->arg, NULL);
            return NULL;
        }
    }
    stage->bytes_to_begin = 0;
    stage_forward(stage, chunk);
    if (!stage->chain->closed)
        begin(stage);
    return rest;
}

/* A chunk arrives. What the fault splits off is decided about next, before anything that
 * comes later can overtake it. */
static void enter(struct stage *stage, struct chunk *chunk)
{
    if (stage->removed && !stage->chain->closed) {
        if (chunk->end == CHUNK_RST)
            stage_discard(stage);
        stage_hold(stage, chunk, 0);
        return;
    }
    if (!stage->begun && !stage->chain->closed)
        chunk = pass_before_begin(stage, chunk);
    if (chunk == NULL)
        return;
    /* Behind an end of the fault's making only a real RST still means something. */
    if (stage->chain->closed || (stage->ended && chunk->end != CHUNK_RST)) {
        chunk_destroy(chunk);
        return;
    }
    if (chunk->end == CHUNK_RST)
        stage_discard(stage);
    decide(stage, chunk);
    while (stage->rest.head != NULL)
        decide(stage, chunk_queue_pop(&stage->rest));
}

void chain_init(struct chain *chain, struct deadlines *deadlines,
                chain_deliver_fn *deliver, void *arg)
{
    *chain = (struct chain){.clock = {.now_ns = chain_clock_now_ns},
                            .deadlines = deadlines,
                            .deliver = deliver,
                            .arg = arg};
}

void chain_push(struct chain *chain, struct chunk *chunk)
{
    if (chain->closed) {
        chunk_destroy(chunk);
        return;
    }
    chain_begin_moving(chain);
    if (chain->first != NULL)
        enter(chain->first, chunk);
    else
        chain->deliver(chain->arg, chunk);
    chain_end_moving(chain);
}

/* Its direction is gone, and soon its conf and its shared memory may be, while the stage
 * itself lives on until chain_release. Once. */
static void stage_forget(struct stage *stage)
{
    bool begun = stage->begun;

    stage->begun = false;
    if (begun && stage->fault.type->on_gone != NULL)
        stage->fault.type->on_gone(&stage->fault);
}

/* Safe on a stage that was only half made. */
static void stage_destroy(struct stage *stage)
{
    stage_forget(stage);
    deadline_release(stage->chain->deadlines, &stage->leave);
    deadline_release(stage->chain->deadlines, &stage->wake);
    stage_discard(stage);
    chunk_queue_release(&stage->rest);
    free(stage->fault.state);
    free(stage);
}

static struct stage *stage_create(struct chain *chain, const struct stage_options *o)
{
    struct stage *stage = calloc(1, sizeof *stage);

    if (stage == NULL)
        return NULL;
    stage->chain = chain;
    stage->order = o->order;
    stage->touched = o->touched;
    stage->delays = o->delays;
    stage->bytes_to_begin = o->after_bytes;
    stage->fault = (struct fault){.type = o->type,
                                  .conf = o->conf,
                                  .shared = o->shared,
                                  .connection = o->connection,
                                  .opened_ns = o->opened_ns,
                                  .rng = o->rng,
                                  .direction = o->direction,
                                  .clock = &chain->clock};
    chunk_queue_init(&stage->held, 0);
    chunk_queue_init(&stage->rest, 0);
    if (o->type->state_size > 0) {
        stage->fault.state = calloc(1, o->type->state_size);
        if (stage->fault.state == NULL)
            goto fail;
    }
    if (!deadline_init(chain->deadlines, &stage->leave, stage_on_leave) ||
        !deadline_init(chain->deadlines, &stage->wake, on_wake))
        goto fail;
    return stage;

fail:
    stage_destroy(stage);
    return NULL;
}

struct stage *chain_add(struct chain *chain, const struct stage_options *options)
{
    struct stage *stage = stage_create(chain, options);
    struct stage **at = &chain->first;

    if (stage == NULL)
        return NULL;
    /* A fault that comes back on (its probability was raised) takes its old place. */
    while (*at != NULL && (*at)->order < stage->order)
        at = &(*at)->next;
    stage->next = *at;
    *at = stage;
    chain_begin_moving(chain);
    if (stage->bytes_to_begin == 0)
        begin(stage);
    chain_end_moving(chain);
    return stage;
}

uint64_t chain_abandoner(const struct chain *chain)
{
    for (const struct stage *stage = chain->first; stage != NULL; stage = stage->next)
        if (stage->abandoned)
            return stage->order;
    return 0;
}

/* The heal of a fault that closed one side ends the other. */
static void end_abandoned(struct chain *chain, struct stage *stage)
{
    struct chunk *end = chunk_create_end(CHUNK_RST);

    if (end == NULL) {
        chain->deliver(chain->arg, NULL);
        return;
    }
    end->arrived_ns = chain_now(chain);
    stage_forward(stage, end);
}

/* Out of the chain; it holds nothing any more. */
void chain_drop(struct chain *chain, struct stage *stage)
{
    struct stage **at = &chain->first;

    assert(stage->held.head == NULL || chain->closed);
    while (*at != stage)
        at = &(*at)->next;
    *at = stage->next;
    if (stage->abandoned && !chain->closed)
        end_abandoned(chain, stage);
    stage_destroy(stage);
}

/* What it holds may be too much for one turn: then it stays in its place for a while,
 * without its fault, and is dropped when it is empty. */
void chain_remove(struct chain *chain, struct stage *stage)
{
    assert(stage->chain == chain);
    assert(!stage->removed);
    chain_begin_moving(chain);
    if (stage->begun && stage->fault.type->on_remove != NULL)
        stage->fault.type->on_remove(&stage->fault);
    stage_forget(stage);
    stage->removed = true;
    deadline_clear(chain->deadlines, &stage->wake);
    set_wishes(chain);
    stage_flush(stage);
    if (stage->held.head == NULL || chain->closed)
        chain_drop(chain, stage);
    chain_end_moving(chain);
}

void chain_change(struct chain *chain, struct stage *stage)
{
    const struct fault_type *type = stage->fault.type;

    assert(stage->chain == chain);
    if (!stage->begun)
        return;
    chain_begin_moving(chain);
    set_precision(stage);
    /* Letting a stall go here would make a hole in it for no reason of the user's. */
    if (!type->stops_reading && !type->keeps_held)
        stage_flush(stage);
    if (type->on_change != NULL)
        type->on_change(&stage->fault);
    chain_end_moving(chain);
}

void chain_close(struct chain *chain)
{
    chain->closed = true;
    for (struct stage *stage = chain->first; stage != NULL; stage = stage->next)
        stage_forget(stage);
}

void chain_release(struct chain *chain)
{
    chain_close(chain);
    while (chain->first != NULL) {
        struct stage *stage = chain->first;

        chain->first = stage->next;
        stage_destroy(stage);
    }
}
