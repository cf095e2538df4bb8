/* fault_doors: faults that decide who gets in and when, and several faults at once: what
 * survives them, and their order. Real sockets. */
#include "tests/lib/proxy/world.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void test_fault_doors__slow_accept_dials_late(void **state)
{
    struct world *w = world_create(1);
    struct fault_id slow;
    int old[2];
    int pair[2];

    (void)state;
    world_talking_pair(w, old);
    slow = world_fault(w, "slow_accept", "delay=1h");
    world_pass(old[0], old[1], "old ones are not delayed");
    pair[0] = world_connect(w);
    world_send(pair[0], "early");
    world_expect_silence(w->upstream_fd);
    world_heal(w, slow);
    pair[1] = world_accept(w);
    world_expect(pair[1], "early");
    world_close_pair(pair);
    world_fault(w, "slow_accept", "delay=20ms");
    world_fault(w, "slow_accept", "delay=20ms");
    world_talking_pair(w, pair);
    world_close_pair(pair);
    world_close_pair(old);
    world_destroy(w);
}

/* Who gives up at the door is gone, and nobody is dialled for it. */
static void test_fault_doors__a_client_may_give_up_while_it_waits(void **state)
{
    struct world *w = world_create(1);
    struct fault_id slow = world_fault(w, "slow_accept", "delay=1h");
    int fd = world_connect(w);

    (void)state;
    world_wait_for(w, PROXY_ACCEPT, 1);
    world_abort(fd);
    world_wait_for(w, PROXY_CLOSE, 1);
    assert_int_equal(world_find(w, PROXY_CLOSE, 0).event.flags,
                     PROXY_BY_CLIENT | PROXY_HOW_RST);
    world_heal(w, slow);
    assert_int_equal(world_count(w, PROXY_DIAL), 0);
    world_destroy(w);
}

static void test_fault_doors__max_connections_turns_one_more_away(void **state)
{
    struct world *w = world_create(1);
    struct fault_id max;
    int old[2];
    int pair[2];
    int fd;

    (void)state;
    world_talking_pair(w, old);
    max = world_fault(w, "max_connections", "max=2");
    world_talking_pair(w, pair);
    fd = world_connect(w);
    world_expect_reset(fd);
    close(fd);
    world_change(w, max, "over=fin");
    fd = world_connect(w);
    world_expect_fin(fd);
    close(fd);
    assert_int_equal(world_stats(w).refused, 2);
    world_close_pair(old);
    world_wait_for(w, PROXY_CLOSE, 3);
    world_talking_pair(w, old);
    world_close_pair(old);
    world_close_pair(pair);
    world_destroy(w);
}

static void test_fault_doors__max_connections_lets_in_by_order_of_accept(void **state)
{
    struct world *w = world_create(1);
    int old[2];
    int waiting[3];
    int server;
    char text[2] = "a";

    (void)state;
    world_talking_pair(w, old);
    world_fault(w, "max_connections", "max=1 over=wait");
    for (int i = 0; i < 3; i++) {
        waiting[i] = world_connect(w);
        world_wait_for(w, PROXY_ACCEPT, i + 2);
        text[0] = (char)('a' + i);
        world_send(waiting[i], text);
    }
    world_expect_silence(w->upstream_fd);
    world_close_pair(old);
    for (int i = 0; i < 3; i++) {
        server = world_accept(w);
        text[0] = (char)('a' + i);
        world_expect(server, text);
        world_expect_silence(w->upstream_fd);
        close(server);
        close(waiting[i]);
    }
    world_destroy(w);
}

/* A client that gives up at the door holds nobody up; a heal lets all of them in. */
static void test_fault_doors__max_connections_keeps_no_place_for_the_gone(void **state)
{
    struct world *w = world_create(1);
    struct fault_id max;
    int old[2];
    int waiting[4];
    int servers[2];

    (void)state;
    world_talking_pair(w, old);
    max = world_fault(w, "max_connections", "max=1 over=wait");
    for (int i = 0; i < 4; i++) {
        waiting[i] = world_connect(w);
        world_wait_for(w, PROXY_ACCEPT, i + 2);
    }
    world_abort(waiting[0]);
    world_wait_for(w, PROXY_CLOSE, 1);
    world_send(waiting[1], "second");
    world_close_pair(old);
    old[1] = world_accept(w);
    world_expect(old[1], "second");
    world_expect_silence(w->upstream_fd);
    world_heal(w, max);
    servers[0] = world_accept(w);
    servers[1] = world_accept(w);
    world_send(waiting[2], "in");
    world_pass(waiting[3], servers[0], "in");
    world_expect(servers[1], "in");
    for (int i = 1; i < 4; i++)
        close(waiting[i]);
    close(old[1]);
    world_close_pair(servers);
    world_destroy(w);
}

/* What closes while the fault rests is not counted for ever. */
static void test_fault_doors__max_connections_forgets_those_that_close(void **state)
{
    struct world *w = world_create(1);
    struct fault_id max = world_fault(w, "max_connections", "max=1 probability=1");
    int pair[2];

    (void)state;
    world_talking_pair(w, pair);
    world_change(w, max, "probability=0");
    world_close_pair(pair);
    world_wait_for(w, PROXY_CLOSE, 1);
    world_change(w, max, "probability=1");
    world_talking_pair(w, pair);
    world_close_pair(pair);
    world_destroy(w);
}

static void test_fault_doors__unreachable_dials_once_it_is_healed(void **state)
{
    struct world *w = world_create(1);
    struct fault_id gone;
    int old[2];
    int pair[2];

    (void)state;
    world_talking_pair(w, old);
    gone = world_fault(w, "unreachable", "");
    world_pass(old[0], old[1], "through is through");
    pair[0] = world_connect(w);
    world_send(pair[0], "early");
    world_expect_silence(w->upstream_fd);
    world_expect_silence(pair[0]);
    world_heal(w, gone);
    pair[1] = world_accept(w);
    world_expect(pair[1], "early");
    world_close_pair(pair);
    world_close_pair(old);
    world_destroy(w);
}

static void test_fault_doors__unreachable_ends_with_the_dial_time_out(void **state)
{
    struct world *w = world_create_without_link(1, 0);
    struct link_options options = {
        .name = "short", .upstream = "127.0.0.1:1", .dial_timeout_ns = 50 * NS_PER_MS};
    struct plane_reply reply = world_open_link(w, &options);
    int fd;

    (void)state;
    assert_int_equal(reply.rc, 0);
    w->link = reply.link;
    w->link_port = reply.port;
    world_fault(w, "unreachable", "");
    fd = world_connect(w);
    world_expect_reset(fd);
    close(fd);
    assert_int_equal(world_find(w, PROXY_DIALED, 0).event.a, ETIMEDOUT);
    world_wait_for(w, PROXY_CLOSE, 1);
    assert_int_equal(world_find(w, PROXY_CLOSE, 0).event.flags,
                     PROXY_BY_PROXY | PROXY_HOW_RST | PROXY_HOW_TIMEOUT);
    world_destroy(w);
}

/* Ends of a fault's making need no upstream: the client hears of them all the same. */
static void test_fault_doors__an_end_does_not_wait_for_the_dial(void **state)
{
    struct world *w = world_create(1);
    struct fault_id closing;
    int fd;

    (void)state;
    world_fault(w, "unreachable", "");
    closing = world_fault(w, "close_after", "time=0");
    fd = world_connect(w);
    world_expect_fin(fd);
    close(fd);
    world_change(w, closing, "time=20ms");
    fd = world_connect(w);
    world_expect_fin(fd);
    close(fd);
    world_heal(w, closing);
    world_fault(w, "idle_kill", "idle=20ms");
    fd = world_connect(w);
    world_expect_reset(fd);
    close(fd);
    world_destroy(w);
}

/* Each of these leaves a half-close alone until its own time has come. */
static void test_fault_doors__half_close_survives_faults_that_leave_it_alone(void **state)
{
    static const char *const faults[][2] = {
        {"limit", "bytes=1MiB"},        {"reset", "wait=1h"},
        {"close_after", "time=1h"},     {"idle_kill", "idle=1h"},
        {"slow_close", "delay=0"},      {"max_connections", "max=5"},
        {"slow_accept", "delay=0"},     {"unreachable", "after=1h"},
        {"blackhole", "probability=0"}, {"half_open", "after=1h"},
    };

    (void)state;
    for (int first = 0; first < 2; first++) {
        struct world *w = world_create(1);
        int pair[2];
        int last = 1 - first;

        world_talking_pair(w, pair);
        for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
            world_fault(w, faults[i][0], faults[i][1]);
        world_send(pair[first], "bye");
        shutdown(pair[first], SHUT_WR);
        world_expect(pair[last], "bye");
        world_expect_fin(pair[last]);
        world_pass(pair[last], pair[first], "one more thing");
        shutdown(pair[last], SHUT_WR);
        world_expect_fin(pair[first]);
        world_close_pair(pair);
        world_wait_for(w, PROXY_CLOSE, 1);
        assert_int_equal(world_find(w, PROXY_CLOSE, 0).event.flags & PROXY_HOW_FIN,
                         PROXY_HOW_FIN);
        world_destroy(w);
    }
}

static void test_fault_doors__an_end_stays_behind_held_bytes_on_heal(void **state)
{
    struct world *w = world_create(1);
    struct fault_id slow;
    struct fault_id slower;
    int pair[2];

    (void)state;
    world_talking_pair(w, pair);
    world_fault(w, "limit", "bytes=9 direction=to_server");
    slow = world_fault(w, "latency", "base=60s");
    slower = world_fault(w, "slow_close", "delay=1h");
    world_send(pair[0], "held here, and more");
    world_expect_silence(pair[1]);
    world_heal(w, slow);
    world_expect(pair[1], "held here");
    world_expect_silence(pair[1]);
    world_expect_silence(pair[0]);
    world_heal(w, slower);
    world_expect_fin(pair[1]);
    world_expect_fin(pair[0]);
    world_close_pair(pair);
    world_destroy(w);
}

/* Behind a latency the reset does not see the request yet; in front of one it does, and
 * its RST waits like everything else. */
static void test_fault_doors__faults_act_in_the_order_in_which_they_came(void **state)
{
    struct world *w = world_create(1);
    struct fault_id slow;
    struct fault_id reset;
    int pair[2];

    (void)state;
    world_talking_pair(w, pair);
    slow = world_fault(w, "latency", "base=60s direction=to_server");
    reset = world_fault(w, "reset", "trigger=data direction=to_server");
    world_send(pair[0], "request");
    world_expect_silence(pair[1]);
    world_heal(w, reset);
    world_heal(w, slow);
    world_expect(pair[1], "request");

    world_fault(w, "reset", "trigger=data direction=to_server");
    slow = world_fault(w, "latency", "base=60s direction=to_server");
    world_send(pair[0], "request");
    world_expect_silence(pair[1]);
    world_expect_silence(pair[0]);
    world_heal(w, slow);
    world_expect_reset(pair[0]);
    world_expect_reset(pair[1]);
    world_close_pair(pair);
    world_destroy(w);
}

/* Bytes count where they pass: what a blackhole in front swallows, no limit behind sees;
 * and its RST ends what the limit would have kept. */
static void test_fault_doors__a_stack_counts_what_reaches_each(void **state)
{
    struct world *w = world_create(1);
    struct fault_id hole;
    int pair[2];

    (void)state;
    world_talking_pair(w, pair);
    hole = world_fault(w, "blackhole", "direction=to_server after=4B");
    world_fault(w, "limit", "bytes=6 direction=to_server");
    world_send(pair[0], "abcdefgh");
    world_expect(pair[1], "abcd");
    world_expect_silence(pair[1]);
    world_stats(w); /* the loop has come around: the rest is lost */
    world_heal(w, hole);
    world_expect_reset(pair[0]);
    world_expect_reset(pair[1]);
    world_close_pair(pair);
    world_talking_pair(w, pair);
    world_send(pair[0], "abcdefgh");
    world_expect(pair[1], "a");
    world_expect_fin(pair[1]);
    world_close_pair(pair);
    world_destroy(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fault_doors__slow_accept_dials_late),
        cmocka_unit_test(test_fault_doors__a_client_may_give_up_while_it_waits),
        cmocka_unit_test(test_fault_doors__max_connections_turns_one_more_away),
        cmocka_unit_test(test_fault_doors__max_connections_lets_in_by_order_of_accept),
        cmocka_unit_test(test_fault_doors__max_connections_keeps_no_place_for_the_gone),
        cmocka_unit_test(test_fault_doors__max_connections_forgets_those_that_close),
        cmocka_unit_test(test_fault_doors__unreachable_dials_once_it_is_healed),
        cmocka_unit_test(test_fault_doors__unreachable_ends_with_the_dial_time_out),
        cmocka_unit_test(test_fault_doors__an_end_does_not_wait_for_the_dial),
        cmocka_unit_test(
            test_fault_doors__half_close_survives_faults_that_leave_it_alone),
        cmocka_unit_test(test_fault_doors__an_end_stays_behind_held_bytes_on_heal),
        cmocka_unit_test(test_fault_doors__faults_act_in_the_order_in_which_they_came),
        cmocka_unit_test(test_fault_doors__a_stack_counts_what_reaches_each),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
