/* leave: what a stage holds, and how it goes on: when it is due, or let go altogether.
 *
 * A heal or a change lets everything go at once. A little goes in the same breath; of
 * much, the rest is marked as going and leaves in the next turns of the loop, a batch at
 * a time: what comes meanwhile queues behind it, so nothing overtakes, and the loop's
 * sockets and commands get their turn in between. */
#include <assert.h>
#include <stdint.h>

#include "proxy/stage.h"

enum {
    /* As much as one write takes. */
    AT_ONCE = 64,
    BATCH = 256, /* chunks, then deadlines_run asks whether others should have a turn */
};

/* Of a command's time that letting go may take. */
static const uint64_t COMMAND_NS_MAX = 2ull * NS_PER_MS;

/* Every chunk that is held is counted: bounds and statistics stand on these sums. */
static struct chunk *take_held(struct stage *stage)
{
    struct chunk *chunk = chunk_queue_pop(&stage->held);

    stage->chain->held_bytes -= chunk->size;
    stage->chain->held_count--;
    if (stage->going > 0)
        stage->going--;
    return chunk;
}

/* An RST overtakes what was in flight, as it does in a kernel's buffers. */
void stage_discard(struct stage *stage)
{
    while (stage->held.head != NULL)
        chunk_destroy(take_held(stage));
}

/* It reaches the next fault when it was due, not when we woke: errors of two delays in a
 * row must not add up. What was released by its fault has no time of its own. */
static void let_go(struct stage *stage, struct chunk *chunk, uint64_t now_ns)
{
    struct histogram *errors = stage->chain->delay_errors;
    uint64_t gone_ns = chunk->due_ns;

    if (gone_ns == 0)
        gone_ns = stage->waking_ns != 0 ? stage->waking_ns : now_ns;
    else if (errors != NULL)
        histogram_add(errors, now_ns - gone_ns);
    if (gone_ns > chunk->arrived_ns)
        chunk->arrived_ns = gone_ns;
    stage_forward(stage, chunk);
}

static bool is_leaving(const struct stage *stage, uint64_t now_ns)
{
    return stage->held.head != NULL &&
           (stage->going > 0 || stage->held.head->due_ns <= now_ns);
}

/* When it must be looked at again; what could leave already leaves in the next turn. */
static uint64_t next_ns(const struct stage *stage, uint64_t now_ns)
{
    if (stage->going > 0 || stage->removed)
        return now_ns;
    return stage->held.head != NULL ? stage->held.head->due_ns : UINT64_MAX;
}

static void leave(struct stage *stage, size_t most)
{
    struct chain *chain = stage->chain;
    uint64_t now_ns = chain_now(chain);

    for (size_t i = 0; i < most && is_leaving(stage, now_ns); i++) {
        bool going = stage->going > 0;
        struct chunk *chunk = take_held(stage);

        if (going) {
            chunk->arrived_ns = now_ns;
            stage_forward(stage, chunk);
        } else {
            let_go(stage, chunk, now_ns);
        }
    }
    deadline_set(chain->deadlines, &stage->leave, next_ns(stage, now_ns));
}

void stage_leave(struct stage *stage)
{
    if (stage->held.head != NULL)
        leave(stage, SIZE_MAX);
}

/* A heal of thousands of connections is answered before all of them have let go: those
 * whose turn comes late in the command do it in the next turns of the loop. */
static size_t at_once(struct chain *chain)
{
    uint64_t began_ns = chain->deadlines->command_ns;

    if (began_ns != 0 && chain_now(chain) > began_ns + COMMAND_NS_MAX)
        return 0;
    return AT_ONCE;
}

void stage_flush(struct stage *stage)
{
    stage->going = stage->held.count;
    if (stage->going > 0)
        leave(stage, at_once(stage->chain));
}

void stage_on_leave(struct deadline *own)
{
    struct stage *stage = (struct stage *)((char *)own - offsetof(struct stage, leave));
    struct chain *chain = stage->chain;

    if (chain->closed)
        return;
    chain_begin_moving(chain);
    leave(stage, BATCH);
    if (stage->removed && stage->held.head == NULL && !chain->closed)
        chain_drop(chain, stage);
    chain_end_moving(chain);
}

/* Never before what was held earlier: a short wait drawn after a long one is lengthened,
 * but not for the sake of what is going. What is due and has nobody before it goes on at
 * once, without a turn of the loop. */
void stage_hold(struct stage *stage, struct chunk *chunk, uint64_t due_ns)
{
    struct chain *chain = stage->chain;
    struct chunk_queue *held = &stage->held;

    if (held->count > stage->going && held->last->due_ns > due_ns)
        due_ns = held->last->due_ns;
    if (held->head == NULL && (due_ns == 0 || due_ns <= chain_now(chain))) {
        stage_forward(stage, chunk);
        return;
    }
    chunk->due_ns = due_ns;
    chain->held_bytes += chunk->size;
    chain->held_count++;
    chunk_queue_push(held, chunk);
    if (stage->removed)
        stage->going++;
    if (stage->going > 0)
        return;
    /* Else the deadline stands already, for the first of the queue. */
    if (held->count == 1 ||
        (held->head->due_ns != FAULT_FOREVER && held->head->due_ns <= chain_now(chain)))
        leave(stage, BATCH);
}
