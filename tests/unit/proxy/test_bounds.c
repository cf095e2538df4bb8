/* bounds: many connections whose readers stall. What the plane holds stays within its
 * bound and one small read for each direction, and whoever steers it is answered. */
#include "proxy/pipes.h"
#include "tests/lib/proxy/world.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PAIRS = 500, FDS_EACH = 4, FDS_SPARE = 100, BOUND = 8 << 20 };

/* One read of a short process (bounds.c) of each direction may come on top, what its
 * chunks cost beside, the one turn in which it became short, and what was in the kernel's
 * pipes when a fault came. */
enum {
    SLACK = PAIRS * 2 * (4 * 1024 + 2 * 160) + (1 << 20),
    PIPED = PIPES_MAX * PIPE_BYTES,
};

static void allow_descriptors(void)
{
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    assert_true(limit.rlim_cur >= PAIRS * FDS_EACH + FDS_SPARE);
}

static uint64_t memory(struct world *w)
{
    struct plane_reply reply;
    uint64_t bytes;

    assert_int_equal(world_command(w, PLANE_METRICS, NULL, &reply), 0);
    bytes = reply.metrics->memory_bytes;
    plane_reply_release(&reply);
    if (bytes > BOUND + SLACK + PIPED)
        fail_msg("%llu bytes are held", (unsigned long long)bytes);
    return bytes;
}

/* Both ends send until nothing more goes in. Gives whether anything went. */
static bool fill(int pairs[][2])
{
    static const char block[16 * 1024];
    bool any = false;

    for (int i = 0; i < PAIRS; i++)
        for (int side = 0; side < 2; side++)
            while (send(pairs[i][side], block, sizeof block, MSG_NOSIGNAL) > 0)
                any = true;
    return any;
}

/* The plane takes what it will, until it takes no more. */
static uint64_t fill_up(struct world *w, int pairs[][2])
{
    uint64_t before;
    uint64_t now = memory(w);

    do {
        before = now;
        for (int i = 0; i < 20; i++)
            now = memory(w);
    } while (fill(pairs) || now != before);
    return now;
}

/* Faults come, change and go while everybody is stuck. */
static void steer(struct world *w)
{
    uint64_t worst_ns = 0;

    for (int i = 0; i < 30; i++) {
        uint64_t asked_ns = clock_now(clock_real());
        struct fault_id fault = world_fault(w, i % 2 == 0 ? "latency" : "stall", "");
        uint64_t took_ns;

        world_change(w, fault, "probability=0.5");
        world_heal(w, fault);
        took_ns = (clock_now(clock_real()) - asked_ns) / 3;
        worst_ns = took_ns > worst_ns ? took_ns : worst_ns;
        memory(w);
    }
    print_message("          with %d stuck connections a call took %.1f ms at most\n",
                  PAIRS, (double)worst_ns / NS_PER_MS);
}

static void test_bounds__stalled_readers_cost_no_more_than_the_bound(void **state)
{
    struct world *w;
    struct fault_id slow;
    static int pairs[PAIRS][2];
    uint64_t held;

    (void)state;
    allow_descriptors();
    w = world_create_bounded(1, BOUND);
    for (int i = 0; i < PAIRS; i++) {
        world_pair(w, pairs[i]);
        for (int side = 0; side < 2; side++)
            fcntl(pairs[i][side], F_SETFL, O_NONBLOCK);
    }
    /* Nobody reads: without a fault nothing is held beyond what a write left over. */
    fill_up(w, pairs);
    steer(w);
    slow = world_fault(w, "latency", "base=60s");
    held = fill_up(w, pairs);
    print_message("          held at most: %.1f MiB, of %d MiB and a read each\n",
                  (double)held / (1 << 20), BOUND >> 20);
    assert_true(world_count(w, PROXY_BOUND) > 0);
    steer(w);
    world_heal(w, slow);
    memory(w);
    steer(w);
    assert_int_equal(world_stats(w).open, PAIRS);
    assert_int_equal(world_reset(w), PAIRS);
    assert_int_equal(memory(w), 0);
    for (int i = 0; i < PAIRS; i++)
        world_close_pair(pairs[i]);
    world_destroy(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds__stalled_readers_cost_no_more_than_the_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
