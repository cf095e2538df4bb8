/* fault_live: faults that come, change and go on live connections, on real sockets. */
#include "tests/lib/proxy/world.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void test_fault_live__latency_holds_bytes_until_it_is_healed(void **state)
{
    struct world *w = world_create(1);
    struct fault_id slow;
    int pair[2];

    (void)state;
    world_pair(w, pair);
    slow = world_fault(w, "latency", "base=60s direction=to_server");
    world_send(pair[0], "PING\r\n");
    shutdown(pair[0], SHUT_WR);
    world_pass(pair[1], pair[0], "PONG\r\n");
    world_expect_silence(pair[1]);
    assert_int_equal(world_stats(w).held_bytes, 6);
    world_heal(w, slow);
    world_expect(pair[1], "PING\r\n");
    world_expect_fin(pair[1]);
    assert_int_equal(world_stats(w).held_bytes, 0);
    world_close_pair(pair);
    world_destroy(w);
}

static void test_fault_live__a_changed_latency_lets_go_of_what_it_holds(void **state)
{
    struct world *w = world_create(1);
    struct fault_id slow;
    struct world_event change;
    int pair[2];

    (void)state;
    world_pair(w, pair);
    slow = world_fault(w, "latency", "base=60s");
    world_send(pair[0], "one");
    world_expect_silence(pair[1]);
    world_change(w, slow, "base=1ms");
    world_expect(pair[1], "one");
    world_pass(pair[0], pair[1], "two");
    change = world_find(w, PROXY_FAULT_CHANGE, 0);
    assert_non_null(strstr(change.detail, "\"fault\":\"latency\""));
    assert_non_null(strstr(change.detail, "\"label\":\"latency#1\""));
    assert_non_null(strstr(change.detail, "\"base\":\"1ms\""));
    world_close_pair(pair);
    world_destroy(w);
}

static void test_fault_live__a_stalled_direction_goes_on_after_the_heal(void **state)
{
    struct world *w = world_create(1);
    struct fault_id stall;
    int pair[2];

    (void)state;
    world_pair(w, pair);
    stall = world_fault(w, "stall", "direction=to_client");
    world_send(pair[1], "delivery");
    world_pass(pair[0], pair[1], "publish");
    world_expect_silence(pair[0]);
    world_heal(w, stall);
    world_expect(pair[0], "delivery");
    world_close_pair(pair);
    world_destroy(w);
}

static void test_fault_live__a_reset_waits_for_the_heal_of_a_stall(void **state)
{
    struct world *w = world_create(1);
    struct fault_id stall;
    int pair[2];

    (void)state;
    world_pair(w, pair);
    world_pass(pair[0], pair[1], "x");
    stall = world_fault(w, "stall", "");
    world_abort(pair[0]);
    world_expect_silence(pair[1]);
    assert_int_equal(world_count(w, PROXY_CLOSE), 0);
    world_heal(w, stall);
    world_expect_reset(pair[1]);
    close(pair[1]);
    world_wait_for(w, PROXY_CLOSE, 1);
    assert_int_equal(world_find(w, PROXY_CLOSE, 0).event.flags,
                     PROXY_BY_CLIENT | PROXY_HOW_RST);
    world_destroy(w);
}

static void test_fault_live__a_reset_after_a_fin_is_noticed_while_paused(void **state)
{
    struct world *w = world_create(1);
    struct fault_id stall;
    int pair[2];

    (void)state;
    world_pair(w, pair);
    world_pass(pair[0], pair[1], "x");
    stall = world_fault(w, "stall", "direction=to_server");
    shutdown(pair[0], SHUT_WR);
    world_expect_silence(pair[1]);
    /* The client is gone: what the server still sends is answered with RST. */
    close(pair[0]);
    world_send(pair[1], "to nobody");
    world_send(pair[1], "to nobody");
    world_expect_silence(pair[1]);
    world_heal(w, stall);
    world_wait_for(w, PROXY_HALF_CLOSED, 0);
    world_expect_reset(pair[1]);
    close(pair[1]);
    world_destroy(w);
}

static void test_fault_live__refuse_ends_new_and_old_connections(void **state)
{
    struct world *w = world_create(1);
    struct fault_id refuse;
    int pair[2];
    int fd;

    (void)state;
    world_pair(w, pair);
    world_pass(pair[0], pair[1], "x");
    refuse = world_fault(w, "refuse", "");
    world_expect_reset(pair[0]);
    world_expect_reset(pair[1]);
    fd = world_connect(w);
    world_expect_reset(fd);
    close(fd);
    world_wait_for(w, PROXY_REFUSED, 1);
    assert_int_equal(world_find(w, PROXY_REFUSED, 0).event.flags, PROXY_HOW_RST);
    assert_int_equal(world_stats(w).refused, 1);
    world_heal(w, refuse);
    world_close_pair(pair);
    world_pair(w, pair);
    world_pass(pair[0], pair[1], "back");
    world_close_pair(pair);
    world_destroy(w);
}

static void test_fault_live__refuse_with_fin_keeps_old_connections_when_told(void **state)
{
    struct world *w = world_create(1);
    int pair[2];
    int fd;

    (void)state;
    world_pair(w, pair);
    world_fault(w, "refuse", "with=fin keep_old=true");
    fd = world_connect(w);
    world_expect_fin(fd);
    close(fd);
    world_pass(pair[0], pair[1], "still here");
    world_close_pair(pair);
    world_destroy(w);
}

static void test_fault_live__a_fin_stays_a_fin_when_bytes_lie_unread(void **state)
{
    struct world *w = world_create(1);
    int pair[2];

    (void)state;
    world_pair(w, pair);
    world_pass(pair[0], pair[1], "x");
    world_fault(w, "stall", "");
    world_send(pair[0], "nobody reads this");
    world_send(pair[1], "nor this");
    world_fault(w, "refuse", "with=fin");
    world_expect_fin(pair[0]);
    world_expect_fin(pair[1]);
    world_close_pair(pair);
    world_destroy(w);
}

static void test_fault_live__a_closed_port_refuses_and_opens_again(void **state)
{
    struct world *w = world_create(1);
    struct fault_id refuse;
    int pair[2];

    (void)state;
    world_pair(w, pair);
    for (int i = 0; i < 3; i++) {
        refuse = world_fault(w, "refuse", "port=closed keep_old=true");
        assert_int_equal(world_connect_port(w->link_port), -1);
        assert_int_equal(errno, ECONNREFUSED);
        world_pass(pair[0], pair[1], "old");
        world_heal(w, refuse);
        world_close_pair(pair);
        world_pair(w, pair);
    }
    world_close_pair(pair);
    world_destroy(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fault_live__latency_holds_bytes_until_it_is_healed),
        cmocka_unit_test(test_fault_live__a_changed_latency_lets_go_of_what_it_holds),
        cmocka_unit_test(test_fault_live__a_stalled_direction_goes_on_after_the_heal),
        cmocka_unit_test(test_fault_live__a_reset_waits_for_the_heal_of_a_stall),
        cmocka_unit_test(test_fault_live__a_reset_after_a_fin_is_noticed_while_paused),
        cmocka_unit_test(test_fault_live__refuse_ends_new_and_old_connections),
        cmocka_unit_test(
            test_fault_live__refuse_with_fin_keeps_old_connections_when_told),
        cmocka_unit_test(test_fault_live__a_fin_stays_a_fin_when_bytes_lie_unread),
        cmocka_unit_test(test_fault_live__a_closed_port_refuses_and_opens_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
