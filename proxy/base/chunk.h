/* chunk: a run of bytes of one direction, or the end of it; and queues of them.
 *
 * The bytes lie in a reference-counted buffer, so that splitting a chunk or keeping it
 * for later copies nothing. A chunk with `end != CHUNK_DATA` has no bytes: it is the
 * FIN or RST that follows the bytes, and it travels through faults and delay queues
 * like them, so that it can never overtake what came before it.
 * Thread: buffers and chunks belong to one loop's thread; nothing here is atomic. */
#ifndef STORMDRILL_BASE_CHUNK_H
#define STORMDRILL_BASE_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* CLOSE is a FIN after which the other direction ends too: of a fault's making only. */
enum chunk_end { CHUNK_DATA, CHUNK_FIN, CHUNK_RST, CHUNK_CLOSE };

struct buffer_pool;

struct buffer {
    union {
        struct buffer_pool *pool; /* where it goes with its last reference; NULL: freed */
        struct buffer *next_idle; /* while it is there */
    };
    uint32_t refs;
    uint32_t capacity;
    uint8_t bytes[];
};

struct chunk {
    struct chunk *next;    /* in the queue that holds it, else NULL */
    struct buffer *buffer; /* holds one reference; NULL for an end */
    uint8_t *data;         /* into buffer */
    uint32_t size;
    enum chunk_end end;
    uint64_t arrived_ns; /* when it was read from the socket */
    uint64_t due_ns;     /* when the chain may pass it on; 0 = now */
    uint64_t offset;     /* of its first byte in its direction's stream */
};

/* A new buffer with one reference, or NULL when memory is short. */
struct buffer *buffer_create(uint32_t capacity);
struct buffer *buffer_ref(struct buffer *buffer);
void buffer_unref(struct buffer *buffer);

/* Buffers of one size, kept for the next who needs one: big ones are dear to get. */
struct buffer_pool {
    struct buffer *idle;
    unsigned idle_count;
    unsigned idle_count_max;
    uint32_t capacity;
};

void buffer_pool_init(struct buffer_pool *pool, uint32_t capacity,
                      unsigned idle_count_max);
struct buffer *buffer_pool_take(struct buffer_pool *pool); /* gives; as buffer_create */
void buffer_pool_release(struct buffer_pool *pool);        /* all must have come back */

/* Copy `size` bytes into a new chunk; NULL when memory is short. */
struct chunk *chunk_create(const void *bytes, uint32_t size);

/* A chunk over bytes [at, at+size) of `buffer`. Takes a reference of its own. */
struct chunk *chunk_view(struct buffer *buffer, uint32_t at, uint32_t size);

/* The end of a stream as a chunk. */
struct chunk *chunk_create_end(enum chunk_end end);

/* Keep the first `at` bytes in `chunk`, give the rest as a new chunk with the same
 * times and its own offset. 0 < at < size. NULL when memory is short: nothing changed. */
struct chunk *chunk_split(struct chunk *chunk, uint32_t at);

/* Make the bytes private to this chunk before they are changed. false: no memory. */
bool chunk_own(struct chunk *chunk);

void chunk_destroy(struct chunk *chunk); /* NULL is fine */

/* A first-in first-out queue with a bound. It never refuses: the owner asks
 * chunk_queue_is_full() and stops reading, since bytes that were read must go somewhere.
 */
struct chunk_queue {
    struct chunk *head;
    struct chunk *last;
    size_t bytes;     /* data bytes held */
    size_t count;     /* chunks held, ends included */
    size_t bytes_max; /* water mark; 0 = no bound */
};

void chunk_queue_init(struct chunk_queue *queue, size_t bytes_max);
void chunk_queue_push(struct chunk_queue *queue, struct chunk *chunk);       /* takes */
void chunk_queue_push_front(struct chunk_queue *queue, struct chunk *chunk); /* takes */
struct chunk *chunk_queue_pop(struct chunk_queue *queue); /* gives; NULL when empty */
void chunk_queue_move(struct chunk_queue *to,
                      struct chunk_queue *from);     /* all, in order */
void chunk_queue_release(struct chunk_queue *queue); /* destroys what is held */
bool chunk_queue_is_full(const struct chunk_queue *queue);

#endif
