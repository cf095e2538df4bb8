/* chunk: reference-counted bytes and queues of them.
 *
 * All well:     a read fills a buffer, chunks view it, the chain splits and queues
 *               them without copying, the last chunk to go frees the buffer.
 * No memory:    NULL or false, and nothing that existed before has changed. */
#include "proxy/base/chunk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct buffer *buffer_create(uint32_t capacity)
{
    struct buffer *buffer = malloc(sizeof *buffer + capacity);

    if (buffer == NULL)
        return NULL;
    buffer->pool = NULL;
    buffer->refs = 1;
    buffer->capacity = capacity;
    return buffer;
}

struct buffer *buffer_ref(struct buffer *buffer)
{
    assert(buffer->refs > 0);
    assert(buffer->refs < UINT32_MAX);
    buffer->refs++;
    return buffer;
}

/* The one that was used last is taken next: its pages are warm. */
static void pool_give(struct buffer_pool *pool, struct buffer *buffer)
{
    if (pool->idle_count == pool->idle_count_max) {
        free(buffer);
        return;
    }
    buffer->next_idle = pool->idle;
    pool->idle = buffer;
    pool->idle_count++;
}

void buffer_unref(struct buffer *buffer)
{
    if (buffer == NULL)
        return;
    assert(buffer->refs > 0);
    buffer->refs--;
    if (buffer->refs > 0)
        return;
    if (buffer->pool != NULL)
        pool_give(buffer->pool, buffer);
    else
        free(buffer);
}

void buffer_pool_init(struct buffer_pool *pool, uint32_t capacity,
                      unsigned idle_count_max)
{
    *pool = (struct buffer_pool){.capacity = capacity, .idle_count_max = idle_count_max};
}

struct buffer *buffer_pool_take(struct buffer_pool *pool)
{
    struct buffer *buffer = pool->idle;

    if (buffer == NULL) {
        buffer = buffer_create(pool->capacity);
        if (buffer == NULL)
            return NULL;
    } else {
        pool->idle = buffer->next_idle;
        pool->idle_count--;
    }
    buffer->pool = pool;
    buffer->refs = 1;
    return buffer;
}

void buffer_pool_release(struct buffer_pool *pool)
{
    while (pool->idle != NULL) {
        struct buffer *buffer = pool->idle;

        pool->idle = buffer->next_idle;
        free(buffer);
    }
    pool->idle_count = 0;
}

struct chunk *chunk_create(const void *bytes, uint32_t size)
{
    struct buffer *buffer = buffer_create(size);
    struct chunk *chunk;

    if (buffer == NULL)
        return NULL;
    if (size > 0)
        memcpy(buffer->bytes, bytes, size);
    chunk = chunk_view(buffer, 0, size);
    buffer_unref(buffer); /* the chunk has its own reference, or nobody has one */
    return chunk;
}

struct chunk *chunk_view(struct buffer *buffer, uint32_t at, uint32_t size)
{
    struct chunk *chunk;

    assert(at <= buffer->capacity);
    assert(size <= buffer->capacity - at);
    chunk = malloc(sizeof *chunk);
    if (chunk == NULL)
        return NULL;
    *chunk = (struct chunk){.buffer = buffer_ref(buffer),
                            .data = buffer->bytes + at,
                            .size = size,
                            .end = CHUNK_DATA};
    return chunk;
}

struct chunk *chunk_create_end(enum chunk_end end)
{
    struct chunk *chunk;

    assert(end != CHUNK_DATA);
    chunk = calloc(1, sizeof *chunk);
    if (chunk != NULL)
        chunk->end = end;
    return chunk;
}

struct chunk *chunk_split(struct chunk *chunk, uint32_t at)
{
    struct chunk *rest;

    assert(chunk->end == CHUNK_DATA);
    assert(at > 0);
    assert(at < chunk->size);
    rest = malloc(sizeof *rest);
    if (rest == NULL)
        return NULL;
    *rest = *chunk;
    rest->next = NULL;
    rest->buffer = buffer_ref(chunk->buffer);
    rest->data = chunk->data + at;
    rest->size = chunk->size - at;
    rest->offset = chunk->offset + at;
    chunk->size = at;
    return rest;
}

bool chunk_own(struct chunk *chunk)
{
    struct buffer *copy;

    if (chunk->buffer == NULL || chunk->buffer->refs == 1)
        return true;
    copy = buffer_create(chunk->size);
    if (copy == NULL)
        return false;
    memcpy(copy->bytes, chunk->data, chunk->size);
    buffer_unref(chunk->buffer);
    chunk->buffer = copy;
    chunk->data = copy->bytes;
    return true;
}

void chunk_destroy(struct chunk *chunk)
{
    if (chunk == NULL)
        return;
    buffer_unref(chunk->buffer);
    free(chunk);
}

void chunk_queue_init(struct chunk_queue *queue, size_t bytes_max)
{
    *queue = (struct chunk_queue){.bytes_max = bytes_max};
}

static void count_in(struct chunk_queue *queue, const struct chunk *chunk)
{
    queue->count++;
    queue->bytes += chunk->size;
}

void chunk_queue_push(struct chunk_queue *queue, struct chunk *chunk)
{
    assert(chunk->next == NULL);
    assert(chunk != queue->last);
    if (queue->last == NULL)
        queue->head = chunk;
    else
        queue->last->next = chunk;
    queue->last = chunk;
    count_in(queue, chunk);
}

void chunk_queue_push_front(struct chunk_queue *queue, struct chunk *chunk)
{
    assert(chunk->next == NULL);
    assert(chunk != queue->last);
    chunk->next = queue->head;
    queue->head = chunk;
    if (queue->last == NULL)
        queue->last = chunk;
    count_in(queue, chunk);
}

struct chunk *chunk_queue_pop(struct chunk_queue *queue)
{
    struct chunk *chunk = queue->head;

    if (chunk == NULL)
        return NULL;
    assert(queue->count > 0);
    assert(queue->bytes >= chunk->size);
    queue->head = chunk->next;
    if (queue->head == NULL)
        queue->last = NULL;
    queue->count--;
    queue->bytes -= chunk->size;
    chunk->next = NULL;
    return chunk;
}

void chunk_queue_move(struct chunk_queue *to, struct chunk_queue *from)
{
    assert(to != from);
    if (from->head == NULL)
        return;
    if (to->last == NULL)
        to->head = from->head;
    else
        to->last->next = from->head;
    to->last = from->last;
    to->bytes += from->bytes;
    to->count += from->count;
    chunk_queue_init(from, from->bytes_max);
}

void chunk_queue_release(struct chunk_queue *queue)
{
    struct chunk *chunk;

    while ((chunk = chunk_queue_pop(queue)) != NULL)
        chunk_destroy(chunk);
    assert(queue->count == 0);
    assert(queue->bytes == 0);
}

bool chunk_queue_is_full(const struct chunk_queue *queue)
{
    return queue->bytes_max > 0 && queue->bytes >= queue->bytes_max;
}
