/* fault_connections: the faults of connections over real sockets: what the two peers
 * see, on connections that were open before and on new ones. */
#include "tests/lib/proxy/world.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Time has passed for the loop, too: it has answered a command after it. */
static void let_time_pass(struct world *w, int silent)
{
    world_expect_silence(silent);
    world_stats(w);
}

/* Bytes may come before the reset: it is they who are dropped by it or not. */
static void expect_reset_in_the_end(int fd)
{
    char byte;
    ssize_t n;

    do
        n = recv(fd, &byte, 1, 0);
    while (n == 1);
    assert_int_equal(n, -1);
    assert_int_equal(errno, ECONNRESET);
}

static void expect_both_reset(int pair[2])
{
    world_expect_reset(pair[0]);
    world_expect_reset(pair[1]);
    world_close_pair(pair);
}

static void expect_both_closed(int pair[2])
{
    world_expect_fin(pair[0]);
    world_expect_fin(pair[1]);
    world_close_pair(pair);
}

static void test_fault_connections__blackhole_resets_only_what_lost_bytes(void **state)
{
    struct world *w = world_create(1);
    struct fault_id hole;
    int lost[2];
    int untouched[2];

    (void)state;
    world_talking_pair(w, lost);
    world_talking_pair(w, untouched);
    hole = world_fault(w, "blackhole", "");
    world_send(lost[0], "nobody hears");
    world_send(lost[1], "nor this");
    world_expect_silence(lost[1]);
    let_time_pass(w, lost[0]);
    world_heal(w, hole);
    expect_both_reset(lost);
    world_pass(untouched[0], untouched[1], "as before");
    world_pass(untouched[1], untouched[0], "both ways");
    world_close_pair(untouched);
    world_destroy(w);
}

static void test_fault_connections__in_a_blackhole_ends_vanish_too(void **state)
{
    struct world *w = world_create(1);
    struct fault_id hole;
    int finished[2];
    int aborted[2];

    (void)state;
    world_talking_pair(w, finished);
    world_talking_pair(w, aborted);
    hole = world_fault(w, "blackhole", "direction=to_server");
    shutdown(finished[0], SHUT_WR);
    world_abort(aborted[0]);
    world_expect_silence(finished[1]);
    let_time_pass(w, aborted[1]);
    world_pass(finished[1], finished[0], "the other way is open");
    world_heal(w, hole);
    expect_both_reset(finished);
    world_expect_reset(aborted[1]);
    close(aborted[1]);
    world_destroy(w);
}

/* Never resumed, however the fault ends for it. */
static void test_fault_connections__a_blackhole_turned_off_by_chance_resets(void **state)
{
    struct world *w = world_create(1);
    struct fault_id hole;
    int pair[2];

    (void)state;
    world_talking_pair(w, pair);
    hole = world_fault(w, "blackhole", "");
    world_send(pair[0], "lost");
    let_time_pass(w, pair[1]);
    world_change(w, hole, "probability=0");
    expect_both_reset(pair);
    world_destroy(w);
}

static void test_fault_connections__a_blackhole_that_rests_resets(void **state)
{
    struct world *w = world_create(1);
    struct pollfd wait = {.events = POLLIN};
    int pair[2];

    (void)state;
    world_talking_pair(w, pair);
    wait.fd = pair[0];
    world_fault(w, "blackhole", "on=20ms off=5ms");
    /* Whatever passes while it rests: sooner or later some is lost. */
    do
        send(pair[0], "x", 1, MSG_NOSIGNAL);
    while (poll(&wait, 1, 5) == 0);
    expect_reset_in_the_end(pair[0]);
    expect_reset_in_the_end(pair[1]);
    world_close_pair(pair);
    world_destroy(w);
}

static void test_fault_connections__a_blackhole_closes_when_idle(void **state)
{
    struct world *w = world_create(1);
    int pair[2];

    (void)state;
    world_talking_pair(w, pair);
    world_fault(w, "blackhole", "idle=20ms direction=to_client");
    expect_both_closed(pair);
    world_destroy(w);
}

/* Bulk: more than any buffer on the way, cut wherever the kernel likes. */
static void test_fault_connections__limit_ends_after_exactly_so_many_bytes(void **state)
{
    enum { LIMIT = 300001, SENT = 400000 };
    static char bytes[SENT];
    struct world *w = world_create(1);
    ssize_t n;
    size_t got = 0;
    int pair[2];

    (void)state;
    memset(bytes, 'x', sizeof bytes);
    world_talking_pair(w, pair);
    world_fault(w, "limit", "bytes=300001 direction=to_server");
    assert_true(send(pair[0], bytes, sizeof bytes, MSG_NOSIGNAL) >= LIMIT);
    while ((n = recv(pair[1], bytes, sizeof bytes, 0)) > 0)
        got += (size_t)n;
    assert_int_equal(n, 0);
    assert_int_equal(got, LIMIT);
    world_expect_fin(pair[0]);
    world_close_pair(pair);
    world_wait_for(w, PROXY_CLOSE, 1);
    assert_int_equal(world_find(w, PROXY_CLOSE, 0).event.flags,
                     PROXY_BY_FAULT | PROXY_HOW_FIN);
    world_destroy(w);
}

static void test_fault_connections__limit_with_fin_leaves_the_other_way_open(void **state)
{
    struct world *w = world_create(1);
    int pair[2];

    (void)state;
    world_talking_pair(w, pair);
    world_fault(w, "limit", "bytes=4 with=fin direction=to_server");
    world_send(pair[0], "abcdef");
    world_expect(pair[1], "abcd");
    world_expect_fin(pair[1]);
    world_pass(pair[1], pair[0], "still open");
    shutdown(pair[1], SHUT_WR);
    world_expect_fin(pair[0]);
    world_close_pair(pair);
    world_destroy(w);
}

static void test_fault_connections__limit_with_rst_is_a_reset(void **state)
{
    struct world *w = world_create(1);
    int pair[2];

    (void)state;
    world_talking_pair(w, pair);
    world_fault(w, "limit", "bytes=0 with=rst direction=to_client");
    world_send(pair[1], "x");
    expect_both_reset(pair);
    world_destroy(w);
}

static void test_fault_connections__reset_hits_old_and_new_connections(void **state)
{
    struct world *w = world_create(1);
    struct fault_id reset;
    int pair[2];
    int fd;

    (void)state;
    world_talking_pair(w, pair);
    reset = world_fault(w, "reset", "");
    expect_both_reset(pair);
    fd = world_connect(w);
    world_expect_reset(fd);
    close(fd);
    world_wait_for(w, PROXY_CLOSE, 2);
    assert_int_equal(world_find(w, PROXY_CLOSE, 0).event.flags,
                     PROXY_BY_FAULT | PROXY_HOW_RST);
    world_heal(w, reset);
    world_talking_pair(w, pair);
    world_close_pair(pair);
    world_destroy(w);
}

static void test_fault_connections__reset_on_data_lets_nothing_of_it_arrive(void **state)
{
    struct world *w = world_create(1);
    struct fault_id reset;
    int pair[2];

    (void)state;
    world_talking_pair(w, pair);
    reset = world_fault(w, "reset", "trigger=data wait=1h direction=to_server");
    world_pass(pair[1], pair[0], "the other way provokes nothing");
    world_send(pair[0], "request");
    world_expect_silence(pair[1]);
    world_change(w, reset, "wait=0");
    expect_both_reset(pair);
    world_pair(w, pair);
    world_pass(pair[1], pair[0], "who says nothing lives");
    world_close_pair(pair);
    world_destroy(w);
}

static void test_fault_connections__reset_after_a_time_or_bytes(void **state)
{
    struct world *w = world_create(1);
    struct fault_id reset;
    int pair[2];
    int fd;

    (void)state;
    world_talking_pair(w, pair);
    reset = world_fault(w, "reset", "after=6B direction=to_server");
    world_pass(pair[0], pair[1], "abc");
    world_pass(pair[0], pair[1], "def");
    expect_both_reset(pair);
    world_heal(w, reset);
    world_talking_pair(w, pair);
    world_fault(w, "reset", "after=50ms");
    expect_both_reset(pair);
    fd = world_connect(w);
    world_expect_reset(fd);
    close(fd);
    world_destroy(w);
}

static void test_fault_connections__close_after_ends_busy_connections(void **state)
{
    struct world *w = world_create(1);
    ssize_t n = 1;
    char byte;
    int pair[2];
    int fd;

    (void)state;
    world_talking_pair(w, pair);
    world_fault(w, "close_after", "time=50ms");
    for (int i = 0; n == 1; i++) {
        struct pollfd wait = {.fd = pair[1], .events = POLLIN};

        send(pair[0], "x", 1, MSG_NOSIGNAL);
        assert_int_equal(poll(&wait, 1, WORLD_PATIENCE_S * 1000), 1);
        n = recv(pair[1], &byte, 1, 0);
    }
    assert_int_equal(n, 0);
    world_close_pair(pair);
    fd = world_connect(w);
    world_expect_fin(fd);
    close(fd);
    world_destroy(w);
}

static void test_fault_connections__half_open_tells_one_side_alone(void **state)
{
    struct world *w = world_create(1);

    (void)state;
    for (int gone = 0; gone < 2; gone++) {
        struct fault_id half;
        int pair[2];
        int left = 1 - gone;

        world_talking_pair(w, pair);
        half = world_fault(w, "half_open", gone == 1 ? "gone=server" : "gone=client");
        world_expect_reset(pair[gone]);
        world_send(pair[left], "is anybody there?");
        world_expect_silence(pair[left]);
        world_heal(w, half);
        world_expect_reset(pair[left]);
        world_close_pair(pair);
    }
    world_destroy(w);
}

static void test_fault_connections__half_open_takes_new_connections_too(void **state)
{
    struct world *w = world_create(1);
    struct fault_id half;
    int pair[2];

    (void)state;
    half = world_fault(w, "half_open", "");
    world_pair(w, pair);
    world_expect_reset(pair[1]);
    world_send(pair[0], "is anybody there?");
    world_expect_silence(pair[0]);
    world_abort(pair[0]);
    close(pair[1]);
    world_wait_for(w, PROXY_CLOSE, 1);
    world_heal(w, half);
    world_talking_pair(w, pair);
    world_close_pair(pair);
    world_destroy(w);
}

static void test_fault_connections__idle_kill_ends_what_says_nothing(void **state)
{
    struct world *w = world_create(1);
    struct fault_id kill;
    int pair[2];
    int fd;

    (void)state;
    world_talking_pair(w, pair);
    kill = world_fault(w, "idle_kill", "idle=30ms");
    expect_both_reset(pair);
    world_heal(w, kill);
    world_talking_pair(w, pair);
    world_fault(w, "idle_kill", "idle=30ms how=close");
    expect_both_closed(pair);
    fd = world_connect(w);
    world_expect_fin(fd);
    close(fd);
    world_destroy(w);
}

static void test_fault_connections__idle_kill_forgets_without_a_word(void **state)
{
    struct world *w = world_create(1);
    struct fault_id kill;
    int lost[2];
    int untouched[2];

    (void)state;
    world_talking_pair(w, lost);
    world_talking_pair(w, untouched);
    kill = world_fault(w, "idle_kill", "idle=1ms how=silent");
    let_time_pass(w, lost[0]);
    world_send(lost[0], "lost");
    shutdown(lost[1], SHUT_WR);
    world_expect_silence(lost[1]);
    let_time_pass(w, lost[0]);
    world_heal(w, kill);
    expect_both_reset(lost);
    world_pass(untouched[0], untouched[1], "as before");
    world_fault(w, "idle_kill", "idle=1ms how=rst_on_data");
    let_time_pass(w, untouched[0]);
    world_send(untouched[0], "late");
    expect_both_reset(untouched);
    world_destroy(w);
}

static void test_fault_connections__slow_close_delays_the_end_alone(void **state)
{
    struct world *w = world_create(1);
    struct fault_id slow;
    int pair[2];
    int aborted[2];

    (void)state;
    world_talking_pair(w, pair);
    world_talking_pair(w, aborted);
    slow = world_fault(w, "slow_close", "delay=1h");
    world_pass(pair[0], pair[1], "data is not delayed");
    shutdown(pair[0], SHUT_WR);
    world_expect_silence(pair[1]);
    world_pass(pair[1], pair[0], "nor is the other way");
    world_abort(aborted[0]);
    world_expect_reset(aborted[1]);
    close(aborted[1]);
    world_heal(w, slow);
    world_expect_fin(pair[1]);
    world_fault(w, "slow_close", "delay=20ms");
    shutdown(pair[1], SHUT_WR);
    world_expect_fin(pair[0]);
    world_close_pair(pair);
    world_destroy(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fault_connections__blackhole_resets_only_what_lost_bytes),
        cmocka_unit_test(test_fault_connections__in_a_blackhole_ends_vanish_too),
        cmocka_unit_test(test_fault_connections__a_blackhole_turned_off_by_chance_resets),
        cmocka_unit_test(test_fault_connections__a_blackhole_that_rests_resets),
        cmocka_unit_test(test_fault_connections__a_blackhole_closes_when_idle),
        cmocka_unit_test(test_fault_connections__limit_ends_after_exactly_so_many_bytes),
        cmocka_unit_test(
            test_fault_connections__limit_with_fin_leaves_the_other_way_open),
        cmocka_unit_test(test_fault_connections__limit_with_rst_is_a_reset),
        cmocka_unit_test(test_fault_connections__reset_hits_old_and_new_connections),
        cmocka_unit_test(test_fault_connections__reset_on_data_lets_nothing_of_it_arrive),
        cmocka_unit_test(test_fault_connections__reset_after_a_time_or_bytes),
        cmocka_unit_test(test_fault_connections__close_after_ends_busy_connections),
        cmocka_unit_test(test_fault_connections__half_open_tells_one_side_alone),
        cmocka_unit_test(test_fault_connections__half_open_takes_new_connections_too),
        cmocka_unit_test(test_fault_connections__idle_kill_ends_what_says_nothing),
        cmocka_unit_test(test_fault_connections__idle_kill_forgets_without_a_word),
        cmocka_unit_test(test_fault_connections__slow_close_delays_the_end_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
