/* fault_bytes: the faults that act on bytes, over real sockets. What they draw and decide
 * is tested on the virtual clock; here that it reaches the other end: every byte, in
 * order, the end behind them, and nothing early. Nothing here asserts that something was
 * fast. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lib/proxy/transfer.h"
#include "tests/lib/proxy/world.h"

enum { KB = 1000 };

static uint64_t now_ms(void)
{
    return clock_now(clock_real()) / NS_PER_MS;
}

/* Bytes there and back at once, the ends behind them. Gives how long it took. */
static uint64_t move_both_ways(int pair[2], uint64_t bytes)
{
    uint64_t started_ms = now_ms();
    struct transfer there = {0};
    struct transfer back = {0};

    transfer_start(&there, pair[0], pair[1], bytes);
    transfer_start(&back, pair[1], pair[0], bytes);
    transfer_finish(&there);
    transfer_finish(&back);
    return now_ms() - started_ms;
}

static void test_fault_bytes__latency_is_never_early_in_any_distribution(void **state)
{
    const char *const words[] = {
        "base=15ms",
        "base=15ms precise=true",
        "base=15ms jitter=5ms",
        "base=15ms jitter=5ms distribution=exponential correlation=50%",
        "base=15ms jitter=5ms distribution=pareto",
        "distribution=table table=15ms,20ms",
        "from=15ms to=30ms over=100ms",
    };
    struct world *w = world_create(1);
    int pair[2];

    (void)state;
    world_pair(w, pair);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        struct fault_id slow = world_fault(w, "latency", words[i]);

        for (int k = 0; k < 5; k++) {
            uint64_t sent_ns = clock_now(clock_real());

            world_pass(pair[0], pair[1], "PING\r\n");
            world_pass(pair[1], pair[0], "PONG\r\n");
            assert_true(clock_now(clock_real()) - sent_ns >= 30ull * NS_PER_MS);
        }
        world_heal(w, slow);
    }
    world_close_pair(pair);
    world_destroy(w);
}

/* Normal and around may wait for less than base, and never for less than nothing. */
static void test_fault_bytes__latency_brings_bulk_and_its_end(void **state)
{
    const char *const words[] = {"base=2ms jitter=5ms distribution=normal",
                                 "base=5ms jitter=5ms spread=around"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct world *w = world_create(1);
        int pair[2];

        world_pair(w, pair);
        world_fault(w, "latency", words[i]);
        move_both_ways(pair, 3000 * KB);
        world_close_pair(pair);
        world_destroy(w);
    }
}

static void test_fault_bytes__throttle_is_never_faster_than_its_rate(void **state)
{
    struct world *w = world_create(1);
    int pair[2];

    (void)state;
    world_pair(w, pair);
    world_fault(w, "throttle", "rate=1MB/s burst=10KB");
    /* 390,000 bytes at a millisecond per thousand; a step and the clock's rounding off */
    assert_true(move_both_ways(pair, 400 * KB) >= 388);
    world_close_pair(pair);
    world_destroy(w);
}

static void test_fault_bytes__throttle_shares_a_links_rate(void **state)
{
    struct world *w = world_create(1);
    struct transfer transfers[3] = {{0}};
    int pairs[3][2];
    uint64_t started_ms;

    (void)state;
    world_fault(w, "throttle", "rate=1MB/s per=link");
    for (int i = 0; i < 3; i++)
        world_pair(w, pairs[i]);
    started_ms = now_ms();
    for (int i = 0; i < 3; i++)
        transfer_start(&transfers[i], pairs[i][0], pairs[i][1], 100 * KB);
    for (int i = 0; i < 3; i++)
        transfer_finish(&transfers[i]);
    assert_true(now_ms() - started_ms >= 298);
    for (int i = 0; i < 3; i++)
        world_close_pair(pairs[i]);
    world_destroy(w);
}

static void test_fault_bytes__throttle_of_zero_goes_on_when_it_is_changed(void **state)
{
    struct world *w = world_create(1);
    struct fault_id none = world_fault(w, "throttle", "rate=0B/s");
    int pair[2];

    (void)state;
    world_pair(w, pair);
    world_send(pair[0], "PING\r\n");
    shutdown(pair[0], SHUT_WR);
    while (world_stats(w).held_bytes != 6)
        usleep(1000);
    world_change(w, none, "rate=10KB/s");
    world_expect(pair[1], "PING\r\n");
    world_expect_fin(pair[1]);
    world_close_pair(pair);
    world_destroy(w);
}

/* Those who wait for a link's rate end in every way while others wait: by their own end,
 * with the fault, and with the link. */
static void test_fault_bytes__throttle_survives_the_end_of_those_who_wait(void **state)
{
    struct world *w = world_create(1);
    struct fault_id slow = world_fault(w, "throttle", "rate=1KB/s per=link");
    struct transfer left = {0};
    int pairs[4][2];

    (void)state;
    for (int i = 0; i < 4; i++) {
        world_pair(w, pairs[i]);
        world_send(pairs[i][0], "0123456789012345678901234567890123456789");
        world_send(pairs[i][1], "0123456789012345678901234567890123456789");
    }
    world_abort(pairs[0][0]); /* RST on one side, then the other */
    world_expect_reset(pairs[0][1]);
    close(pairs[0][1]);
    world_abort(pairs[1][1]);
    world_change(w, slow, "rate=0B/s");
    world_heal(w, slow);
    slow = world_fault(w, "throttle", "rate=100KB/s per=link direction=to_server");
    world_expect(pairs[2][1], "0123456789012345678901234567890123456789");
    transfer_start(&left, pairs[2][0], pairs[2][1], 50 * KB);
    transfer_finish(&left);
    world_change(w, slow, "rate=0B/s");
    world_send(pairs[3][0], "held to the end");
    close(pairs[1][0]);
    world_close_pair(pairs[2]);
    world_destroy(w); /* closes the link while the last one waits */
    world_close_pair(pairs[3]);
}

static void test_fault_bytes__slice_brings_every_byte_and_takes_its_time(void **state)
{
    struct world *w = world_create(1);
    struct fault_id slice;
    int pair[2];

    (void)state;
    world_pair(w, pair);
    slice = world_fault(w, "slice", "size=100 variation=50 delay=1ms");
    /* 3,000 bytes are 20 pieces at least, with 19 pauses. */
    assert_true(move_both_ways(pair, 3000) >= 18);
    world_close_pair(pair);
    world_pair(w, pair);
    world_change(w, slice, "size=1000 variation=999 delay=0");
    move_both_ways(pair, 1000 * KB);
    world_close_pair(pair);
    world_destroy(w);
}

/* A megabyte in pieces of a byte is a million writes: others do not wait for them all. */
static void test_fault_bytes__slice_lets_others_have_their_turn(void **state)
{
    struct world *w = world_create(1);
    struct transfer bulk = {0};
    struct fault_id slice;
    int pair[2];
    int other[2];

    (void)state;
    world_pair(w, pair);
    world_pair(w, other);
    slice = world_fault(w, "slice", "size=1");
    transfer_start(&bulk, pair[0], pair[1], 1 << 20);
    transfer_wait_for(&bulk, 1);
    for (int i = 0; i < 20; i++)
        world_pass(other[0], other[1], "?");
    assert_true(bulk.received < 1 << 20);
    world_heal(w, slice);
    transfer_finish(&bulk);
    world_close_pair(pair);
    world_close_pair(other);
    world_destroy(w);
}

static void test_fault_bytes__rto_stall_waits_and_loses_nothing(void **state)
{
    struct world *w = world_create(1);
    struct fault_id loss;
    int pair[2];

    (void)state;
    world_pair(w, pair);
    loss = world_fault(w, "rto_stall", "loss=100%");
    world_send(pair[0], "PING\r\n");
    while (world_stats(w).held_bytes != 6)
        usleep(1000);
    world_change(w, loss, "loss=20% rto=30ms max=60ms");
    world_expect(pair[1], "PING\r\n");
    /* 277 segments: the seed loses some of them, so somebody waits. */
    assert_true(move_both_ways(pair, 400 * KB) >= 30);
    world_close_pair(pair);
    world_destroy(w);
}

/* What came through with these writes. */
static uint8_t *corrupted(uint64_t seed, size_t size, size_t write_size)
{
    struct world *w = world_create(seed);
    uint8_t *received = calloc(1, size);
    size_t sent = 0;
    size_t at = 0;
    int pair[2];

    assert_non_null(received);
    world_pair(w, pair);
    world_fault(w, "corrupt", "rate=1% bits=2");
    while (at < size) {
        uint8_t zeros[4096] = {0};
        size_t part = sent + write_size < size ? write_size : size - sent;
        ssize_t n;

        if (part > 0) {
            assert_int_equal(send(pair[0], zeros, part, 0), (ssize_t)part);
            sent += part;
        }
        n = recv(pair[1], received + at, size - at, 0);
        assert_true(n > 0);
        at += (size_t)n;
    }
    world_close_pair(pair);
    world_destroy(w);
    return received;
}

static void test_fault_bytes__corrupt_hits_the_same_bytes_in_every_run(void **state)
{
    const size_t size = 100 * KB;
    uint8_t *bytes = corrupted(5, size, 4096);
    uint8_t *again = corrupted(5, size, 100);
    uint8_t *other = corrupted(6, size, 4096);
    size_t hits = 0;

    (void)state;
    assert_memory_equal(bytes, again, size);
    assert_memory_not_equal(bytes, other, size);
    for (size_t i = 0; i < size; i++) {
        hits += bytes[i] != 0;
        assert_true(bytes[i] == 0 || __builtin_popcount(bytes[i]) == 2);
    }
    assert_in_range(hits, 850, 1150); /* 1,000, deviation 31 */
    free(bytes);
    free(again);
    free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fault_bytes__latency_is_never_early_in_any_distribution),
        cmocka_unit_test(test_fault_bytes__latency_brings_bulk_and_its_end),
        cmocka_unit_test(test_fault_bytes__throttle_is_never_faster_than_its_rate),
        cmocka_unit_test(test_fault_bytes__throttle_shares_a_links_rate),
        cmocka_unit_test(test_fault_bytes__throttle_of_zero_goes_on_when_it_is_changed),
        cmocka_unit_test(test_fault_bytes__throttle_survives_the_end_of_those_who_wait),
        cmocka_unit_test(test_fault_bytes__slice_brings_every_byte_and_takes_its_time),
        cmocka_unit_test(test_fault_bytes__slice_lets_others_have_their_turn),
        cmocka_unit_test(test_fault_bytes__rto_stall_waits_and_loses_nothing),
        cmocka_unit_test(test_fault_bytes__corrupt_hits_the_same_bytes_in_every_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
