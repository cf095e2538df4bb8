/* bulk: hundreds of megabytes through a link, compared byte for byte; directions that
 * are spliced, and the hand-over to faults that come in the middle. */
#include "tests/lib/proxy/transfer.h"
#include "tests/lib/proxy/world.h"

#include <dirent.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void test_bulk__passes_256_megabytes_both_ways_at_once(void **state)
{
    struct world *w = world_create(1);
    struct transfer there;
    struct transfer back;
    int pair[2];

    (void)state;
    world_pair(w, pair);
    transfer_start(&there, pair[0], pair[1], 256ull << 20);
    transfer_start(&back, pair[1], pair[0], 256ull << 20);
    transfer_finish(&there);
    transfer_finish(&back);
    world_wait_for(w, PROXY_CLOSE, 1);
    assert_int_equal(world_stats(w).bytes_to_server, 256ull << 20);
    assert_int_equal(world_stats(w).bytes_to_client, 256ull << 20);
    assert_int_equal(world_stats(w).bytes_from_client, 256ull << 20);
    assert_int_equal(world_stats(w).bytes_from_server, 256ull << 20);
    world_close_pair(pair);
    world_destroy(w);
}

/* Pipes of this process: splicing shows in nothing else from outside. */
static int count_pipes(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int count = 0;

    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        char target[64] = "";

        if (readlinkat(dirfd(dir), entry->d_name, target, sizeof target - 1) > 0)
            count += strncmp(target, "pipe:", 5) == 0;
    }
    closedir(dir);
    return count;
}

static void test_bulk__borrows_a_pipe_only_in_bulk(void **state)
{
    int without = count_pipes();
    struct world *w = world_create(1);
    int before = count_pipes(); /* libuv has one of its own */
    struct fault_id slow;
    struct transfer t;
    int pair[2];

    (void)state;
    world_pair(w, pair);
    for (int i = 0; i < 100; i++)
        world_pass(pair[0], pair[1], "small");
    assert_int_equal(count_pipes(), before);
    transfer_start(&t, pair[0], pair[1], 64 << 20);
    transfer_wait_for(&t, 32 << 20);
    assert_int_equal(count_pipes(), before + 2);
    transfer_finish(&t);
    world_close_pair(pair);

    /* The one in the pool is used again, and none is needed under a fault. */
    world_pair(w, pair);
    slow = world_fault(w, "latency", "base=1ms");
    transfer_start(&t, pair[0], pair[1], 32 << 20);
    transfer_finish(&t);
    world_heal(w, slow);
    world_close_pair(pair);
    assert_int_equal(count_pipes(), before + 2);
    world_destroy(w);
    assert_int_equal(count_pipes(), without);
}

static void test_bulk__hands_over_to_faults_that_come_and_go(void **state)
{
    enum { BYTES = 192 << 20, STEP = 8 << 20 };
    struct world *w = world_create(1);
    struct transfer t;
    int pair[2];

    (void)state;
    world_pair(w, pair);
    transfer_start(&t, pair[0], pair[1], BYTES);
    for (uint64_t at = STEP; at + STEP <= BYTES; at += STEP) {
        struct fault_id slow;
        struct fault_id stall;

        transfer_wait_for(&t, at);
        slow = world_fault(w, "latency", "base=5ms jitter=5ms");
        transfer_wait_for(&t, at + STEP / 4);
        stall = world_fault(w, "stall", "");
        world_change(w, slow, "base=1ms");
        world_heal(w, stall);
        transfer_wait_for(&t, at + STEP / 2);
        world_heal(w, slow);
    }
    transfer_finish(&t);
    world_close_pair(pair);
    world_destroy(w);
}

static void test_bulk__a_reset_in_the_middle_arrives_as_a_reset(void **state)
{
    struct world *w = world_create(1);

    (void)state;
    for (int i = 0; i < 20; i++) {
        struct transfer t;
        int pair[2];
        int from = i % 2;

        world_pair(w, pair);
        transfer_start(&t, pair[from], pair[1 - from], 1ull << 40);
        transfer_wait_for(&t, 16 << 20);
        if (i % 4 < 2) {
            /* The sender's end vanishes: its descriptor stays ours until both threads
             * have seen it. */
            struct linger at_once = {.l_onoff = 1};

            setsockopt(pair[from], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
            assert_int_equal(dup3(w->upstream_fd, pair[from], O_CLOEXEC), pair[from]);
        } else {
            world_reset(w);
        }
        pthread_join(t.receiver, NULL);
        transfer_finish_sender(&t);
        assert_false(t.ended);
        assert_true(t.wrong_at == UINT64_MAX);
        world_wait_for(w, PROXY_CLOSE, i + 1);
        assert_true(world_find(w, PROXY_CLOSE, i).event.flags & PROXY_HOW_RST);
        world_close_pair(pair);
    }
    world_destroy(w);
}

/* Control calls must answer while a peer does not read. `reply` would not come if one
 * of them waited: world_* give up through the test's own time-out only. */
static void test_bulk__a_client_that_stopped_reading_blocks_no_control_call(void **state)
{
    struct world *w = world_create(1);
    struct transfer t;
    struct fault_id slow;
    struct fault_id stall;
    int pair[2];
    uint64_t held;

    (void)state;
    world_pair(w, pair);
    transfer_start_sender(&t, pair[1], pair[0], 512ull << 20);
    slow = world_fault(w, "latency", "base=10ms direction=to_client");
    do
        held = world_stats(w).held_bytes;
    while (held < 64 * 1024);
    assert_in_range(held, 64 * 1024, (64 << 20) + 64 * 1024);
    stall = world_fault(w, "stall", "");
    world_change(w, slow, "base=20ms");
    world_heal(w, slow);
    world_heal(w, stall);
    slow = world_fault(w, "latency", "base=1ms probability=0.5");
    world_heal(w, slow);
    assert_int_equal(world_reset(w), 1);
    world_wait_for(w, PROXY_CLOSE, 1);
    assert_int_equal(world_stats(w).held_bytes, 0);
    transfer_finish_sender(&t);
    world_close_pair(pair);
    world_destroy(w);
}

static void test_bulk__the_buffer_option_bounds_what_a_direction_holds(void **state)
{
    struct world *w = world_create_without_link(1, 0);
    struct link_options options = {.name = "small", .buffer_bytes = 256 * 1024};
    struct plane_reply reply;
    struct transfer t;
    int pair[2];

    (void)state;
    snprintf(options.upstream, sizeof options.upstream, "127.0.0.1:%u", w->upstream_port);
    reply = world_open_link(w, &options);
    w->link = reply.link;
    w->link_port = reply.port;
    world_pair(w, pair);
    world_fault(w, "latency", "base=60s");
    transfer_start_sender(&t, pair[0], pair[1], 64 << 20);
    world_wait_for(w, PROXY_BOUND, 1);
    assert_in_range(world_stats(w).held_bytes, 128 * 1024, (256 + 64) * 1024);
    assert_int_equal(world_find(w, PROXY_BOUND, 0).event.flags, PROXY_BY_CLIENT);
    world_reset(w);
    transfer_finish_sender(&t);
    world_close_pair(pair);
    world_destroy(w);
}

/* Past three quarters of the process's bound each direction holds 32 KiB at most. */
static void test_bulk__the_process_has_a_bound_for_all_directions(void **state)
{
    enum { CONNECTIONS = 8, PROCESS_BYTES = 8 << 20 };
    struct world *w = world_create_bounded(1, PROCESS_BYTES);
    struct transfer transfers[CONNECTIONS];
    int pairs[CONNECTIONS][2];

    (void)state;
    world_fault(w, "latency", "base=60s");
    for (int i = 0; i < CONNECTIONS; i++) {
        world_pair(w, pairs[i]);
        transfer_start_sender(&transfers[i], pairs[i][0], pairs[i][1], 64 << 20);
    }
    world_wait_for(w, PROXY_BOUND, CONNECTIONS);
    assert_in_range(world_stats(w).held_bytes, PROCESS_BYTES / 2,
                    PROCESS_BYTES + CONNECTIONS * 64 * 1024);
    world_reset(w);
    for (int i = 0; i < CONNECTIONS; i++) {
        transfer_finish_sender(&transfers[i]);
        world_close_pair(pairs[i]);
    }
    world_destroy(w);
}

/* What waits for tokens is held like anything else: no more than the bound. */
static void test_bulk__a_throttle_is_not_paid_with_memory(void **state)
{
    struct world *w = world_create(1);
    struct fault_id slow;
    struct transfer t;
    int pair[2];

    (void)state;
    world_pair(w, pair);
    slow = world_fault(w, "throttle", "rate=1MB/s direction=to_server");
    transfer_start(&t, pair[0], pair[1], 16 << 20);
    world_wait_for(w, PROXY_BOUND, 1);
    assert_in_range(world_stats(w).held_bytes, 1, (1 << 20) + 64 * 1024);
    world_heal(w, slow);
    transfer_finish(&t);
    world_close_pair(pair);
    world_destroy(w);
}

static size_t read_to_the_end(int fd)
{
    static char bytes[64 * 1024];
    size_t total = 0;

    for (;;) {
        ssize_t n = recv(fd, bytes, sizeof bytes, 0);

        assert_true(n >= 0);
        if (n == 0)
            return total;
        total += (size_t)n;
    }
}

/* The reader is slow to begin: the close waits behind the bytes that it has not taken. */
static void test_bulk__a_close_stands_behind_its_bytes_and_ends_both_sides(void **state)
{
    enum { BYTES = 24 << 20 };
    struct world *w = world_create(1);
    struct transfer t;
    int pair[2];

    (void)state;
    world_pair(w, pair);
    world_fault(w, "latency", "base=1ms");
    world_fault(w, "limit", "bytes=24MiB with=close direction=to_server");
    transfer_start_sender(&t, pair[0], pair[1], 256 << 20);
    while (world_stats(w).bytes_from_client < 64 * 1024)
        ;
    assert_int_equal(read_to_the_end(pair[1]), BYTES);
    world_wait_for(w, PROXY_CLOSE, 1);
    assert_int_equal(world_find(w, PROXY_CLOSE, 0).event.flags,
                     PROXY_BY_FAULT | PROXY_HOW_FIN);
    assert_int_equal(world_stats(w).bytes_to_server, BYTES);
    transfer_finish_sender(&t);
    world_close_pair(pair);
    world_destroy(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bulk__passes_256_megabytes_both_ways_at_once),
        cmocka_unit_test(test_bulk__borrows_a_pipe_only_in_bulk),
        cmocka_unit_test(test_bulk__hands_over_to_faults_that_come_and_go),
        cmocka_unit_test(test_bulk__a_reset_in_the_middle_arrives_as_a_reset),
        cmocka_unit_test(test_bulk__a_client_that_stopped_reading_blocks_no_control_call),
        cmocka_unit_test(test_bulk__the_buffer_option_bounds_what_a_direction_holds),
        cmocka_unit_test(test_bulk__the_process_has_a_bound_for_all_directions),
        cmocka_unit_test(test_bulk__a_throttle_is_not_paid_with_memory),
        cmocka_unit_test(test_bulk__a_close_stands_behind_its_bytes_and_ends_both_sides),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
