/* chain: moves chunks through the faults of a direction, and does for all faults what
 * they would otherwise repeat: order, time, ends, removal, counting.
 *
 * One chunk's way through a stage:
 *   enter -> on_chunk or on_end -> a verb settles it: held (with the time at which it is
 *   due), dropped, or let through -> leave: due chunks go to the next stage.
 * A verb that is not called is `pass`. The rest of a split chunk enters next. */
#include "proxy/chain.h"

#include <assert.h>
#include <stdlib.h>

struct stage {
    struct fault fault; /* first: what the callbacks are given */
    struct stage *next;
    struct chain *chain;
    uint64_t order;
    uint64_t *touched;
    struct chunk_queue held;
    struct chunk *current;   /* given to the callback and not yet settled */
    struct chunk_queue rest; /* split off, still to be decided about */
    struct deadline leave;
    struct deadline wake;
    bool ended; /* the fault has ended this direction */
};

/* The verbs are given the fault; the stage around it is the chain's own business. */
static struct stage *stage_of(struct fault *f)
{
    return (struct stage *)f;
}

static void enter(struct stage *stage, struct chunk *chunk);

/* On to the next fault, or out. May end the connection: callers read nothing from the
 * chunk afterwards, and the stage lives on until chain_release. */
static void forward(struct stage *stage, struct chunk *chunk)
{
    struct chain *chain = stage->chain;

    if (stage->next != NULL)
        enter(stage->next, chunk);
    else
        chain->deliver(chain->arg, chunk);
}

/* Every chunk that is held is counted: bounds and statistics stand on these sums. */
static struct chunk *take_held(struct stage *stage)
{
    struct chunk *chunk = chunk_queue_pop(&stage->held);

    stage->chain->held_bytes -= chunk->size;
    stage->chain->held_count--;
    return chunk;
}

/* An RST overtakes what was in flight, as it does in a kernel's buffers. */
static void discard_held(struct stage *stage)
{
    while (stage->held.head != NULL)
        chunk_destroy(take_held(stage));
}

/* Let go of what is due; set the deadline for the next. */
static void leave(struct stage *stage)
{
    uint64_t now_ns;

    if (stage->held.head == NULL)
        return;
    now_ns = clock_now(stage->chain->deadlines->clock);
    while (stage->held.head != NULL && stage->held.head->due_ns <= now_ns) {
        struct chunk *chunk = take_held(stage);

        /* It reaches the next fault when it was due, not when we woke: errors of two
         * delays in a row must not add up. */
        if (chunk->due_ns > chunk->arrived_ns)
            chunk->arrived_ns = chunk->due_ns;
        forward(stage, chunk);
    }
    deadline_set(stage->chain->deadlines, &stage->leave,
                 stage->held.head != NULL ? stage->held.head->due_ns : UINT64_MAX);
}

static void on_leave(struct deadline *own)
{
    leave((struct stage *)((char *)own - offsetof(struct stage, leave)));
}

/* Let go of everything. */
static void flush(struct stage *stage)
{
    uint64_t now_ns = clock_now(stage->chain->deadlines->clock);

    deadline_clear(stage->chain->deadlines, &stage->leave);
    while (stage->held.head != NULL) {
        struct chunk *chunk = take_held(stage);

        chunk->arrived_ns = now_ns;
        forward(stage, chunk);
    }
}

/* Behind what is held already, and never before it: a short wait drawn after a long one
 * is lengthened. What is due and has nobody before it goes on at once, without a turn of
 * the loop. */
static void hold(struct stage *stage, struct chunk *chunk, uint64_t due_ns)
{
    struct chain *chain = stage->chain;

    if (stage->held.last != NULL && stage->held.last->due_ns > due_ns)
        due_ns = stage->held.last->due_ns;
    if (stage->held.head == NULL &&
        (due_ns == 0 || due_ns <= clock_now(chain->deadlines->clock))) {
        forward(stage, chunk);
        return;
    }
    chunk->due_ns = due_ns;
    chain->held_bytes += chunk->size;
    chain->held_count++;
    chunk_queue_push(&stage->held, chunk);
    leave(stage);
}

/* A chunk is decided about once; a second verb for it is a bug in the fault. */
static void settle(struct stage *stage, const struct chunk *chunk)
{
    assert(stage->current == chunk);
    stage->current = NULL;
}

void fault_pass(struct fault *f, struct chunk *c)
{
    settle(stage_of(f), c);
    hold(stage_of(f), c, 0);
}

void fault_hold_until(struct fault *f, struct chunk *c, uint64_t due_ns)
{
    settle(stage_of(f), c);
    if (due_ns > fault_now(f))
        ++*stage_of(f)->touched;
    hold(stage_of(f), c, due_ns);
}

void fault_drop(struct fault *f, struct chunk *c)
{
    settle(stage_of(f), c);
    ++*stage_of(f)->touched;
    chunk_destroy(c);
}

bool fault_split(struct fault *f, struct chunk *c, uint32_t at)
{
    struct chunk *rest;

    assert(stage_of(f)->current == c);
    if (at == 0 || at >= c->size)
        return true;
    rest = chunk_split(c, at);
    if (rest == NULL)
        return false;
    ++*stage_of(f)->touched;
    chunk_queue_push_front(&stage_of(f)->rest, rest);
    return true;
}

void fault_replace(struct fault *f, struct chunk *c, struct chunk *with)
{
    struct stage *stage = stage_of(f);

    assert(stage->current == c);
    assert(with->next == NULL);
    ++*stage->touched;
    with->arrived_ns = c->arrived_ns;
    with->offset = c->offset;
    stage->current = with;
    chunk_destroy(c);
}

void fault_end(struct fault *f, enum chunk_end how)
{
    struct stage *stage = stage_of(f);
    struct chunk *end;

    assert(how != CHUNK_DATA);
    if (stage->ended)
        return;
    if (stage->current != NULL)
        fault_pass(f, stage->current);
    chunk_queue_release(&stage->rest);
    ++*stage->touched;
    stage->ended = true;
    if (how == CHUNK_RST)
        discard_held(stage);
    end = chunk_create_end(how);
    if (end == NULL) {
        stage->chain->deliver(stage->chain->arg, NULL);
        return;
    }
    end->arrived_ns = fault_now(f);
    hold(stage, end, 0);
}

void fault_wake_at(struct fault *f, uint64_t due_ns)
{
    deadline_set(stage_of(f)->chain->deadlines, &stage_of(f)->wake, due_ns);
}

static void on_wake(struct deadline *own)
{
    struct stage *stage = (struct stage *)((char *)own - offsetof(struct stage, wake));

    if (!stage->chain->closed && stage->fault.type->on_wake != NULL)
        stage->fault.type->on_wake(&stage->fault);
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

/* A chunk arrives. What the fault splits off is decided about next, before anything that
 * comes later can overtake it. */
static void enter(struct stage *stage, struct chunk *chunk)
{
    /* Behind an end of the fault's making only a real RST still means something. */
    if (stage->chain->closed || (stage->ended && chunk->end != CHUNK_RST)) {
        chunk_destroy(chunk);
        return;
    }
    if (chunk->end == CHUNK_RST)
        discard_held(stage);
    decide(stage, chunk);
    while (stage->rest.head != NULL)
        decide(stage, chunk_queue_pop(&stage->rest));
}

void chain_init(struct chain *chain, struct deadlines *deadlines,
                chain_deliver_fn *deliver, void *arg)
{
    *chain = (struct chain){.deadlines = deadlines, .deliver = deliver, .arg = arg};
}

void chain_push(struct chain *chain, struct chunk *chunk)
{
    if (chain->closed)
        chunk_destroy(chunk);
    else if (chain->first != NULL)
        enter(chain->first, chunk);
    else
        chain->deliver(chain->arg, chunk);
}

/* Safe on a stage that was only half made. */
static void stage_destroy(struct stage *stage)
{
    deadline_release(stage->chain->deadlines, &stage->leave);
    deadline_release(stage->chain->deadlines, &stage->wake);
    discard_held(stage);
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
    stage->fault = (struct fault){.type = o->type,
                                  .conf = o->conf,
                                  .shared = o->shared,
                                  .connection = o->connection,
                                  .opened_ns = o->opened_ns,
                                  .rng = o->rng,
                                  .direction = o->direction,
                                  .clock = chain->deadlines->clock};
    chunk_queue_init(&stage->held, 0);
    chunk_queue_init(&stage->rest, 0);
    if (o->type->state_size > 0) {
        stage->fault.state = calloc(1, o->type->state_size);
        if (stage->fault.state == NULL)
            goto fail;
    }
    if (!deadline_init(chain->deadlines, &stage->leave, on_leave) ||
        !deadline_init(chain->deadlines, &stage->wake, on_wake))
        goto fail;
    return stage;

fail:
    stage_destroy(stage);
    return NULL;
}

/* What the direction does for the sake of its stages. */
static void set_wishes(struct chain *chain)
{
    chain->buffer_bytes = 0;
    chain->arrivals = 0;
    for (const struct stage *s = chain->first; s != NULL; s = s->next) {
        if (s->fault.type->buffer_bytes > chain->buffer_bytes)
            chain->buffer_bytes = s->fault.type->buffer_bytes;
        chain->arrivals += s->fault.type->from_arrival;
    }
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
    chain->stopping += options->type->stops_reading;
    set_wishes(chain);
    if (options->type->stops_reading)
        ++*options->touched;
    if (options->type->on_begin != NULL)
        options->type->on_begin(&stage->fault);
    return stage;
}

void chain_remove(struct chain *chain, struct stage *stage)
{
    struct stage **at = &chain->first;

    assert(stage->chain == chain);
    if (stage->fault.type->on_remove != NULL)
        stage->fault.type->on_remove(&stage->fault);
    /* Out of the chain first: what it lets go must not enter it again. */
    while (*at != stage)
        at = &(*at)->next;
    *at = stage->next;
    chain->stopping -= stage->fault.type->stops_reading;
    set_wishes(chain);
    flush(stage);
    stage_destroy(stage);
}

void chain_change(struct chain *chain, struct stage *stage)
{
    assert(stage->chain == chain);
    /* Letting a stall go here would make a hole in it for no reason of the user's. */
    if (!stage->fault.type->stops_reading)
        flush(stage);
    if (stage->fault.type->on_change != NULL)
        stage->fault.type->on_change(&stage->fault);
}

void chain_release(struct chain *chain)
{
    chain->closed = true;
    while (chain->first != NULL) {
        struct stage *stage = chain->first;

        chain->first = stage->next;
        stage_destroy(stage);
    }
}
