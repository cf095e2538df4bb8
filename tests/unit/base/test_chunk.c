/* test_chunk: sharing, splitting, making private, queues and their bounds.
 *
 * That nothing leaks and nothing is freed twice is the address sanitizer's half. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/chunk.h"
#include "proxy/base/rng.h"
#include "tests/lib/memory/memory.h"

static struct chunk *chunk_of(const char *text)
{
    struct chunk *chunk = chunk_create(text, (uint32_t)strlen(text));

    assert_non_null(chunk);
    return chunk;
}

static void assert_chunk(const struct chunk *chunk, const char *text)
{
    assert_int_equal(chunk->end, CHUNK_DATA);
    assert_int_equal(chunk->size, strlen(text));
    assert_memory_equal(chunk->data, text, strlen(text));
}

static void test_chunk__create_copies_the_bytes(void **state)
{
    char text[] = "PING\r\n";
    struct chunk *chunk = chunk_of(text);

    (void)state;
    text[0] = 'X';
    assert_chunk(chunk, "PING\r\n");
    assert_int_equal(chunk->buffer->refs, 1);
    assert_null(chunk->next);
    chunk_destroy(chunk);
    chunk_destroy(NULL);
}

static void test_chunk__may_be_empty(void **state)
{
    struct chunk *chunk = chunk_create(NULL, 0);

    (void)state;
    assert_non_null(chunk);
    assert_int_equal(chunk->size, 0);
    chunk_destroy(chunk);
}

static void test_chunk__an_end_has_no_bytes(void **state)
{
    struct chunk *fin = chunk_create_end(CHUNK_FIN);
    struct chunk *rst = chunk_create_end(CHUNK_RST);

    (void)state;
    assert_int_equal(fin->end, CHUNK_FIN);
    assert_int_equal(fin->size, 0);
    assert_null(fin->buffer);
    assert_true(chunk_own(fin));
    assert_int_equal(rst->end, CHUNK_RST);
    chunk_destroy(fin);
    chunk_destroy(rst);
}

static void test_chunk__views_share_one_buffer_until_the_last_goes(void **state)
{
    struct buffer *buffer = buffer_create(10);
    struct chunk *a, *b;

    (void)state;
    memcpy(buffer->bytes, "0123456789", 10);
    a = chunk_view(buffer, 0, 4);
    b = chunk_view(buffer, 4, 6);
    assert_int_equal(buffer->refs, 3);
    buffer_unref(buffer);
    chunk_destroy(a);
    assert_chunk(b, "456789");
    assert_int_equal(b->buffer->refs, 1);
    chunk_destroy(b);
}

static void test_chunk__split_keeps_times_and_counts_the_offset_on(void **state)
{
    struct chunk *chunk = chunk_of("HELLO WORLD");
    struct chunk *rest;

    (void)state;
    chunk->arrived_ns = 11;
    chunk->due_ns = 22;
    chunk->offset = 1000;
    rest = chunk_split(chunk, 5);
    assert_chunk(chunk, "HELLO");
    assert_chunk(rest, " WORLD");
    assert_true(rest->arrived_ns == 11);
    assert_true(rest->due_ns == 22);
    assert_true(rest->offset == 1005);
    assert_true(chunk->offset == 1000);
    assert_ptr_equal(rest->buffer, chunk->buffer);
    assert_null(rest->next);
    chunk_destroy(chunk);
    assert_chunk(rest, " WORLD");
    chunk_destroy(rest);
}

static void test_chunk__own_keeps_others_from_seeing_a_change(void **state)
{
    struct chunk *chunk = chunk_of("HELLO WORLD");
    struct chunk *rest = chunk_split(chunk, 6);
    struct buffer *shared = chunk->buffer;

    (void)state;
    assert_true(chunk_own(chunk));
    assert_ptr_not_equal(chunk->buffer, shared);
    memset(chunk->data, 'x', chunk->size);
    assert_chunk(chunk, "xxxxxx");
    assert_chunk(rest, "WORLD");
    /* Alone on its buffer now: nothing is copied. */
    assert_true(chunk_own(rest));
    assert_ptr_equal(rest->buffer, shared);
    chunk_destroy(chunk);
    chunk_destroy(rest);
}

static void test_chunk__no_memory_changes_nothing(void **state)
{
    struct chunk *chunk = chunk_of("HELLO WORLD");
    struct chunk *rest;

    (void)state;
    memory_fail_at(1);
    assert_null(chunk_split(chunk, 5));
    assert_true(memory_failed());
    assert_chunk(chunk, "HELLO WORLD");
    assert_int_equal(chunk->buffer->refs, 1);

    rest = chunk_split(chunk, 5);
    memory_fail_at(1);
    assert_false(chunk_own(chunk));
    assert_chunk(chunk, "HELLO");
    assert_ptr_equal(rest->buffer, chunk->buffer);

    for (unsigned n = 1; n <= 2; n++) {
        memory_fail_at(n);
        assert_null(chunk_create("abc", 3));
        assert_true(memory_failed());
    }
    memory_fail_at(1);
    assert_null(chunk_create_end(CHUNK_FIN));
    memory_fail_at(1);
    assert_null(buffer_create(16));
    memory_fail_at(0);
    chunk_destroy(chunk);
    chunk_destroy(rest);
}

static void assert_pops(struct chunk_queue *queue, const char *text)
{
    struct chunk *chunk = chunk_queue_pop(queue);

    assert_non_null(chunk);
    assert_chunk(chunk, text);
    assert_null(chunk->next);
    chunk_destroy(chunk);
}

static void test_chunk__a_queue_gives_in_the_order_it_took(void **state)
{
    struct chunk_queue queue;

    (void)state;
    chunk_queue_init(&queue, 0);
    assert_null(chunk_queue_pop(&queue));
    chunk_queue_push(&queue, chunk_of("b"));
    chunk_queue_push(&queue, chunk_of("cc"));
    chunk_queue_push_front(&queue, chunk_of("a"));
    assert_int_equal(queue.count, 3);
    assert_int_equal(queue.bytes, 4);
    assert_pops(&queue, "a");
    assert_pops(&queue, "b");
    assert_pops(&queue, "cc");
    assert_null(chunk_queue_pop(&queue));
    assert_int_equal(queue.bytes, 0);
    /* Empty again, and the first from either side is the last too. */
    chunk_queue_push_front(&queue, chunk_of("x"));
    chunk_queue_push(&queue, chunk_of("y"));
    assert_pops(&queue, "x");
    assert_pops(&queue, "y");
}

static void test_chunk__a_queue_is_full_from_its_mark_on_and_never_refuses(void **state)
{
    struct chunk_queue queue;

    (void)state;
    chunk_queue_init(&queue, 10);
    assert_false(chunk_queue_is_full(&queue));
    chunk_queue_push(&queue, chunk_of("123456789"));
    assert_false(chunk_queue_is_full(&queue));
    chunk_queue_push(&queue, chunk_create_end(CHUNK_FIN)); /* an end has no bytes */
    assert_false(chunk_queue_is_full(&queue));
    chunk_queue_push(&queue, chunk_of("1"));
    assert_true(chunk_queue_is_full(&queue));
    chunk_queue_push(&queue, chunk_of("more"));
    assert_int_equal(queue.bytes, 14);
    assert_int_equal(queue.count, 4);
    chunk_queue_release(&queue);
    assert_false(chunk_queue_is_full(&queue));
    assert_int_equal(queue.bytes_max, 10);
}

static void test_chunk__a_queue_without_bound_is_never_full(void **state)
{
    struct chunk_queue queue;

    (void)state;
    chunk_queue_init(&queue, 0);
    for (int i = 0; i < 100; i++)
        chunk_queue_push(&queue, chunk_of("0123456789"));
    assert_false(chunk_queue_is_full(&queue));
    chunk_queue_release(&queue);
    assert_null(queue.head);
    assert_null(queue.last);
}

static void test_chunk__moving_a_queue_keeps_order_and_bounds(void **state)
{
    struct chunk_queue to, from;

    (void)state;
    chunk_queue_init(&to, 3);
    chunk_queue_init(&from, 100);
    chunk_queue_move(&to, &from); /* nothing to move */
    chunk_queue_push(&from, chunk_of("b"));
    chunk_queue_push(&from, chunk_of("c"));
    chunk_queue_push(&to, chunk_of("a"));
    chunk_queue_move(&to, &from);
    assert_int_equal(from.count, 0);
    assert_int_equal(from.bytes, 0);
    assert_int_equal(from.bytes_max, 100);
    assert_int_equal(to.bytes_max, 3);
    assert_true(chunk_queue_is_full(&to));
    chunk_queue_push(&to, chunk_of("d"));
    chunk_queue_move(&from, &to); /* into an empty one */
    assert_pops(&from, "a");
    assert_pops(&from, "b");
    assert_pops(&from, "c");
    assert_pops(&from, "d");
    assert_null(chunk_queue_pop(&to));
}

/* Whatever happens to the chunks of a stream, its bytes come out as they went in. */
static void test_chunk__random_splits_keep_the_stream(void **state)
{
    enum { SIZE = 1000 };
    struct chunk_queue queue;
    uint8_t stream[SIZE];
    struct rng rng;

    (void)state;
    rng_init(&rng, 20);
    for (int round = 0; round < 50; round++) {
        struct chunk *chunk;
        uint64_t at = 0;

        for (int i = 0; i < SIZE; i++)
            stream[i] = (uint8_t)rng_next(&rng);
        chunk_queue_init(&queue, 0);
        chunk_queue_push(&queue, chunk_create(stream, SIZE));
        while ((chunk = chunk_queue_pop(&queue)) != NULL) {
            if (chunk->size > 1 && rng_below(&rng, 4) != 0) {
                uint32_t cut = 1 + (uint32_t)rng_below(&rng, chunk->size - 1);

                chunk_queue_push_front(&queue, chunk_split(chunk, cut));
                chunk_queue_push_front(&queue, chunk);
                continue;
            }
            if (rng_below(&rng, 2) == 0)
                assert_true(chunk_own(chunk));
            assert_true(chunk->offset == at);
            assert_memory_equal(chunk->data, stream + at, chunk->size);
            at += chunk->size;
            chunk_destroy(chunk);
        }
        assert_true(at == SIZE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chunk__create_copies_the_bytes),
        cmocka_unit_test(test_chunk__may_be_empty),
        cmocka_unit_test(test_chunk__an_end_has_no_bytes),
        cmocka_unit_test(test_chunk__views_share_one_buffer_until_the_last_goes),
        cmocka_unit_test(test_chunk__split_keeps_times_and_counts_the_offset_on),
        cmocka_unit_test(test_chunk__own_keeps_others_from_seeing_a_change),
        cmocka_unit_test(test_chunk__no_memory_changes_nothing),
        cmocka_unit_test(test_chunk__a_queue_gives_in_the_order_it_took),
        cmocka_unit_test(test_chunk__a_queue_is_full_from_its_mark_on_and_never_refuses),
        cmocka_unit_test(test_chunk__a_queue_without_bound_is_never_full),
        cmocka_unit_test(test_chunk__moving_a_queue_keeps_order_and_bounds),
        cmocka_unit_test(test_chunk__random_splits_keep_the_stream),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
