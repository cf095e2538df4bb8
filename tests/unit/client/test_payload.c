/* test_payload: our messages are recognised, everybody else's are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "harness/client/payload.h"
#include "proxy/base/rng.h"

static const struct payload sample = {
    .kind = PAYLOAD_DATA,
    .id = {.client = 3, .incarnation = 2, .number = 1234567890123},
    .intended_ns = 99887766,
};

static void test_payload__what_is_written_is_read_at_every_size(void **state)
{
    uint8_t bytes[300];

    (void)state;
    for (size_t size = PAYLOAD_HEADER_BYTES; size < sizeof bytes; size++) {
        struct payload read = {0};

        payload_write(bytes, size, &sample);
        assert_true(payload_read(&read, bytes, size));
        assert_int_equal(read.kind, PAYLOAD_DATA);
        assert_int_equal(read.id.client, 3);
        assert_int_equal(read.id.incarnation, 2);
        assert_int_equal(read.id.number, 1234567890123);
        assert_int_equal(read.intended_ns, 99887766);
    }
}

static void test_payload__a_fence_is_told_from_data(void **state)
{
    struct payload fence = {.kind = PAYLOAD_FENCE, .id = {.client = 9, .number = 4}};
    struct payload read = {0};
    uint8_t bytes[PAYLOAD_HEADER_BYTES];

    (void)state;
    payload_write(bytes, sizeof bytes, &fence);
    assert_true(payload_read(&read, bytes, sizeof bytes));
    assert_int_equal(read.kind, PAYLOAD_FENCE);
    assert_int_equal(read.id.number, 4);
}

static void test_payload__any_flipped_bit_is_noticed(void **state)
{
    uint8_t bytes[101];
    struct payload read;

    (void)state;
    payload_write(bytes, sizeof bytes, &sample);
    for (size_t bit = 0; bit < sizeof bytes * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(payload_read(&read, bytes, sizeof bytes));
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_true(payload_read(&read, bytes, sizeof bytes));
}

static void test_payload__cut_or_longer_messages_are_not_ours(void **state)
{
    uint8_t bytes[200] = {0};
    struct payload read;

    (void)state;
    payload_write(bytes, 100, &sample);
    for (size_t size = 0; size < sizeof bytes; size++)
        assert_int_equal(payload_read(&read, bytes, size), size == 100);
    assert_false(payload_read(&read, NULL, 0));
}

static void test_payload__random_bytes_are_never_ours(void **state)
{
    uint64_t bytes[16];
    struct payload read;
    struct rng rng;

    (void)state;
    rng_init(&rng, 5);
    for (int i = 0; i < 20000; i++) {
        for (size_t j = 0; j < 16; j++)
            bytes[j] = rng_next(&rng);
        assert_false(payload_read(&read, bytes, sizeof bytes));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_payload__what_is_written_is_read_at_every_size),
        cmocka_unit_test(test_payload__a_fence_is_told_from_data),
        cmocka_unit_test(test_payload__any_flipped_bit_is_noticed),
        cmocka_unit_test(test_payload__cut_or_longer_messages_are_not_ours),
        cmocka_unit_test(test_payload__random_bytes_are_never_ours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
