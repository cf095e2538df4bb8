/* verbs: what a fault can do with a chunk, with its direction and with its connection.
 *
 * The first verb settles the chunk at hand: it is the chain's from then on, and the
 * callback must not touch it again. fault_release, fault_end and fault_abandon also
 * work without a chunk, from on_begin, on_wake, on_change and on_remove. Any of them may
 * end the connection; the stage lives on until the callback has returned. */
#include "proxy/fault.h"

#include <assert.h>

#include "proxy/stage.h"

/* A chunk is decided about once; a second verb for it is a bug in the fault. */
static void settle(struct stage *stage, const struct chunk *chunk)
{
    assert(stage->current == chunk);
    stage->current = NULL;
}

void fault_pass(struct fault *f, struct chunk *c)
{
    settle(stage_of(f), c);
    stage_hold(stage_of(f), c, 0);
}

void fault_hold_until(struct fault *f, struct chunk *c, uint64_t due_ns)
{
    struct stage *stage = stage_of(f);
    uint64_t now_ns = fault_now(f);

    settle(stage, c);
    if (due_ns > now_ns)
        ++*stage->touched;
    /* What was drawn, also where it has passed while the chunk waited to be read. */
    if (stage->delays != NULL && due_ns != FAULT_FOREVER && due_ns > c->arrived_ns)
        histogram_add(stage->delays, due_ns - c->arrived_ns);
    stage_hold(stage, c, due_ns);
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
        stage_discard(stage);
    end = chunk_create_end(how);
    if (end == NULL) {
        stage->chain->deliver(stage->chain->arg, NULL);
        return;
    }
    end->arrived_ns = fault_now(f);
    stage_hold(stage, end, 0);
}

void fault_wake_at(struct fault *f, uint64_t due_ns)
{
    deadline_set(stage_of(f)->chain->deadlines, &stage_of(f)->wake, due_ns);
}

/* Pieces are memory that a bound of bytes does not see, and time to free them. What lies
 * behind this stage always leaves in the end, so a cut that is refused succeeds later;
 * what is held here or before must not count, since it may wait for this very cut. */
static bool has_room_behind(const struct stage *stage)
{
    const struct chain *chain = stage->chain;
    size_t count = chain->out != NULL ? chain->out->count : 0;

    if (chain->held_count - stage->held.count + count < STAGE_PIECES_MAX)
        return true;
    for (const struct stage *s = stage->next; s != NULL; s = s->next)
        count += s->held.count;
    return count < STAGE_PIECES_MAX;
}

/* Cut a held chunk in two; both stay held. The end of the queue may move. */
static bool split_held(struct stage *stage, struct chunk *chunk, uint32_t at)
{
    struct chunk *rest;

    if (!has_room_behind(stage))
        return false;
    rest = chunk_split(chunk, at);
    if (rest == NULL)
        return false;
    rest->next = chunk->next;
    chunk->next = rest;
    if (stage->held.last == chunk)
        stage->held.last = rest;
    stage->held.count++;
    stage->chain->held_count++;
    return true;
}

/* What has a time of its own stands in front and keeps it; order binds the released ones
 * to wait for it. A movement by itself: it may be called for another connection than the
 * one that woke us, by a fault that they share. */
size_t fault_release(struct fault *f, size_t bytes)
{
    struct stage *stage = stage_of(f);
    struct chunk *chunk = stage->held.head;
    size_t left = bytes;

    assert(stage->current == NULL);
    /* What was let go by a change leaves first. */
    if (stage->going > 0)
        return 0;
    chain_begin_moving(stage->chain);
    while (chunk != NULL && chunk->due_ns != FAULT_FOREVER)
        chunk = chunk->next;
    while (chunk != NULL && (left > 0 || chunk->end != CHUNK_DATA)) {
        if (chunk->size > left && !split_held(stage, chunk, (uint32_t)left))
            break;
        left -= chunk->size;
        chunk->due_ns = 0;
        chunk = chunk->next;
    }
    stage_leave(stage);
    chain_end_moving(stage->chain);
    return bytes - left;
}

size_t fault_held(const struct fault *f)
{
    return ((const struct stage *)f)->held.bytes;
}

void fault_touch(struct fault *f)
{
    ++*stage_of(f)->touched;
}

void fault_abandon(struct fault *f, enum side gone)
{
    struct stage *stage = stage_of(f);

    ++*stage->touched;
    stage->abandoned = true;
    if (stage->chain->abandon != NULL)
        stage->chain->abandon(stage->chain->arg, gone);
}

void fault_ask_at(struct fault *f, uint64_t due_ns)
{
    f->ask_ns = due_ns;
}
