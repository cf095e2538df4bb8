/* turns: when faults begin, rest and come back, on live connections. Times are only ever
 * asserted from below: what must not be early; all else waits for states. */
#include "tests/lib/proxy/world.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void test_turns__a_fault_of_connections_begins_after_its_time(void **state)
{
    struct world *w = world_create(1);
    struct world_event change;
    int pair[2];

    (void)state;
    world_pair(w, pair);
    world_pass(pair[0], pair[1], "x");
    world_fault(w, "refuse", "after=50ms");
    assert_non_null(
        strstr(world_find(w, PROXY_FAULT_BEGIN, 0).detail, "\"resting\":true"));
    /* When it begins it meets those that are open, as if it came then. */
    world_expect_reset(pair[0]);
    world_expect_reset(pair[1]);
    change = world_find(w, PROXY_FAULT_CHANGE, 0);
    assert_non_null(strstr(change.detail, "\"resting\":false"));
    assert_true(change.event.time_ns -
                    world_find(w, PROXY_FAULT_BEGIN, 0).event.time_ns >=
                50 * NS_PER_MS);
    world_close_pair(pair);
    world_destroy(w);
}

static void test_turns__a_fault_begins_behind_its_bytes_on_each_connection(void **state)
{
    struct world *w = world_create(1);
    int pairs[2][2];

    (void)state;
    world_pair(w, pairs[0]);
    world_pass(pairs[0][0], pairs[0][1], "before it came");
    world_fault(w, "latency", "base=60s direction=to_server after=10");
    world_pair(w, pairs[1]);
    for (int i = 0; i < 2; i++) {
        world_send(pairs[i][0], "0123456789held");
        world_expect(pairs[i][1], "0123456789");
        world_expect_silence(pairs[i][1]);
        world_close_pair(pairs[i]);
    }
    world_destroy(w);
}

static void test_turns__a_time_counts_on_each_connection_from_where_they_met(void **state)
{
    struct world *w = world_create(1);
    struct fault_id slow;
    uint64_t sent_ns;
    char byte;
    int pair[2];

    (void)state;
    slow = world_fault(w, "limit", "bytes=0 after=50ms with=rst");
    world_pair(w, pair);
    /* Until it begins everything passes; then the next byte is its end. */
    sent_ns = world_find(w, PROXY_ACCEPT, 0).event.time_ns;
    while (send(pair[0], "x", 1, MSG_NOSIGNAL) == 1 && recv(pair[1], &byte, 1, 0) == 1)
        ;
    world_wait_for(w, PROXY_CLOSE, 1);
    assert_true(world_find(w, PROXY_CLOSE, 0).event.time_ns - sent_ns >= 50 * NS_PER_MS);
    assert_int_equal(world_count(w, PROXY_FAULT_CHANGE), 0);
    world_heal(w, slow);
    world_close_pair(pair);
    world_destroy(w);
}

static void
test_turns__a_change_of_after_counts_anew_and_what_has_begun_stays(void **state)
{
    struct world *w = world_create(1);
    struct fault_id slow;
    int pair[2];

    (void)state;
    world_pair(w, pair);
    slow = world_fault(w, "stall", "direction=to_server after=60s");
    world_pass(pair[0], pair[1], "passes");
    world_change(w, slow, "after=8");
    world_pass(pair[0], pair[1], "1234");
    world_change(w, slow, "after=6");
    world_send(pair[0], "123456held");
    world_expect(pair[1], "123456");
    world_expect_silence(pair[1]);
    world_change(w, slow, "after=60s");
    world_expect_silence(pair[1]);
    world_heal(w, slow);
    world_expect(pair[1], "held");
    world_close_pair(pair);
    world_destroy(w);
}

static void test_turns__a_fault_comes_and_goes_so_many_times(void **state)
{
    struct world *w = world_create(1);
    uint64_t begin_ns;
    int pair[2];

    (void)state;
    world_pair(w, pair);
    world_fault(w, "stall", "on=15ms off=10ms times=3");
    world_wait_for(w, PROXY_FAULT_CHANGE, 5);
    begin_ns = world_find(w, PROXY_FAULT_BEGIN, 0).event.time_ns;
    for (int i = 0; i < 5; i++) {
        struct world_event change = world_find(w, PROXY_FAULT_CHANGE, i);
        uint64_t due_ns = (uint64_t)(i / 2 * 25 + (i % 2 == 0 ? 15 : 25)) * NS_PER_MS;

        assert_non_null(
            strstr(change.detail, i % 2 == 0 ? "\"resting\":true" : "\"resting\":false"));
        /* The first turn is counted from a moment before it was told. */
        assert_true(change.event.time_ns - begin_ns + NS_PER_MS >= due_ns);
    }
    /* It rests for good now. */
    world_pass(pair[0], pair[1], "through");
    world_expect_silence(pair[1]);
    assert_int_equal(world_count(w, PROXY_FAULT_CHANGE), 5);
    assert_int_equal(world_count(w, PROXY_FAULT_HEAL), 0);
    world_close_pair(pair);
    world_destroy(w);
}

static void test_turns__a_rest_lets_go_what_was_held_and_draws_stay(void **state)
{
    struct world *w = world_create(2);
    int pairs[8][2];
    int hits = 0;

    (void)state;
    for (int i = 0; i < 8; i++)
        world_pair(w, pairs[i]);
    world_fault(w, "latency", "base=60s probability=0.5 on=20ms off=20ms times=4");
    for (int i = 0; i < 8; i++) {
        hits += (world_find(w, PROXY_FAULT_DRAW, i).event.flags & PROXY_DRAW_HIT) != 0;
        world_send(pairs[i][0], "held or not");
    }
    assert_in_range(hits, 1, 7);
    for (int i = 0; i < 8; i++)
        world_expect(pairs[i][1], "held or not");
    world_wait_for(w, PROXY_FAULT_CHANGE, 7);
    assert_int_equal(world_count(w, PROXY_FAULT_DRAW), 8);
    for (int i = 0; i < 8; i++) {
        world_close_pair(pairs[i]);
    }
    world_destroy(w);
}

static void test_turns__a_closed_port_opens_while_its_fault_rests(void **state)
{
    struct world *w = world_create(1);
    int pair[2];

    (void)state;
    world_fault(w, "refuse", "port=closed on=60s off=60s");
    assert_int_equal(world_connect_port(w->link_port), -1);
    assert_int_equal(errno, ECONNREFUSED);
    world_change(w, (struct fault_id){1, w->link.generation}, "on=10ms off=60s");
    world_wait_for(w, PROXY_FAULT_CHANGE, 2);
    world_stats(w); /* one turn of the plane later the port has followed */
    world_pair(w, pair);
    world_close_pair(pair);
    world_destroy(w);
}

static void test_turns__those_that_wait_are_let_in_when_the_fault_rests(void **state)
{
    struct world *w = world_create(1);
    int client;
    int server;

    (void)state;
    world_fault(w, "unreachable", "on=50ms off=60s");
    client = world_connect(w);
    world_send(client, "patient");
    server = world_accept(w);
    world_expect(server, "patient");
    close(client);
    close(server);
    world_destroy(w);
}

static void test_turns__a_fault_that_goes_in_any_turn_leaves_nothing(void **state)
{
    struct world *w = world_create(1);
    int pair[2];

    (void)state;
    world_pair(w, pair);
    for (int i = 0; i < 30; i++) {
        struct fault_id fault = world_fault(
            w,
            i % 3 == 0   ? "latency"
            : i % 3 == 1 ? "stall"
                         : "unreachable",
            i % 2 == 0 ? "on=1ms off=1ms" : "on=1ms off=2ms times=2 after=1ms");

        world_wait_for(w, PROXY_FAULT_CHANGE, world_count(w, PROXY_FAULT_CHANGE) + i % 4);
        if (i < 25)
            world_heal(w, fault);
    }
    world_close_pair(pair);
    world_destroy(w);
}

static void test_turns__what_does_not_fit_together_is_named(void **state)
{
    static const char *const bad[][3] = {
        {"refuse", "after=10KiB", "after"},
        {"unreachable", "after=1", "after"},
        {"latency", "on=1s", "off"},
        {"latency", "off=1s", "on"},
        {"stall", "times=3", "times"},
        {"stall", "on=100us off=1s", "on"},
        {"stall", "on=1s off=1s times=-1", "times"},
        {"latency", "after=\"5 parsecs\"", "after"},
    };
    struct world *w = world_create(1);
    struct plane_reply reply;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (world_try_fault(w, bad[i][0], bad[i][1], &reply) != E_PARAM)
            fail_msg("%s %s was taken", bad[i][0], bad[i][1]);
        assert_non_null(strstr(reply.error.text, bad[i][2]));
    }
    assert_int_equal(world_count(w, PROXY_FAULT_BEGIN), 0);
    world_destroy(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turns__a_fault_of_connections_begins_after_its_time),
        cmocka_unit_test(test_turns__a_fault_begins_behind_its_bytes_on_each_connection),
        cmocka_unit_test(
            test_turns__a_time_counts_on_each_connection_from_where_they_met),
        cmocka_unit_test(
            test_turns__a_change_of_after_counts_anew_and_what_has_begun_stays),
        cmocka_unit_test(test_turns__a_fault_comes_and_goes_so_many_times),
        cmocka_unit_test(test_turns__a_rest_lets_go_what_was_held_and_draws_stay),
        cmocka_unit_test(test_turns__a_closed_port_opens_while_its_fault_rests),
        cmocka_unit_test(test_turns__those_that_wait_are_let_in_when_the_fault_rests),
        cmocka_unit_test(test_turns__a_fault_that_goes_in_any_turn_leaves_nothing),
        cmocka_unit_test(test_turns__what_does_not_fit_together_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
