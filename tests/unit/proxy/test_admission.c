/* admission: connections that wait before the door, and dials that hang. */
#include "tests/lib/proxy/world.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void
test_admission__a_waiting_connection_is_dialled_when_the_fault_goes(void **state)
{
    struct world *w = world_create(1);
    struct fault_id slow = world_fault(w, "slow_accept", "delay=60s");
    int client = world_connect(w);
    int server;

    (void)state;
    world_send(client, "early");
    world_wait_for(w, PROXY_ACCEPT, 1);
    world_expect_silence(client);
    assert_int_equal(world_count(w, PROXY_DIAL), 0);
    assert_int_equal(world_stats(w).open, 1);
    world_heal(w, slow);
    server = world_accept(w);
    world_expect(server, "early");
    assert_int_equal(world_find(w, PROXY_FAULT_HEAL, 0).event.b, 1);
    close(client);
    close(server);
    world_destroy(w);
}

static void test_admission__a_wait_ends_by_itself_and_never_early(void **state)
{
    struct world *w = world_create(1);
    uint64_t accepted_ns;
    int pair[2];

    (void)state;
    world_fault(w, "slow_accept", "delay=30ms");
    world_fault(w, "slow_accept", "delay=20ms");
    world_pair(w, pair);
    accepted_ns = world_find(w, PROXY_ACCEPT, 0).event.time_ns;
    /* One after the other, as they stand: they add up. */
    assert_true(world_find(w, PROXY_DIAL, 0).event.time_ns - accepted_ns >=
                50 * NS_PER_MS);
    world_close_pair(pair);
    world_destroy(w);
}

static void test_admission__a_changed_fault_is_asked_again(void **state)
{
    struct world *w = world_create(1);
    struct fault_id slow = world_fault(w, "slow_accept", "delay=60s");
    int client = world_connect(w);

    (void)state;
    world_wait_for(w, PROXY_ACCEPT, 1);
    world_change(w, slow, "delay=0");
    world_wait_for(w, PROXY_DIALED, 1);
    close(client);
    world_destroy(w);
}

static void test_admission__places_go_to_the_oldest_that_waits(void **state)
{
    enum { CLIENTS = 4 };
    struct world *w = world_create(1);
    int clients[CLIENTS];
    int servers[CLIENTS];

    (void)state;
    world_fault(w, "max_connections", "max=1 over=wait");
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = world_connect(w);
        world_wait_for(w, PROXY_ACCEPT, i + 1);
    }
    for (int i = 0; i < CLIENTS; i++) {
        servers[i] = world_accept(w);
        world_pass(clients[i], servers[i], "x");
        assert_int_equal(world_count(w, PROXY_DIAL), i + 1);
        assert_int_equal(world_find(w, PROXY_DIAL, i).event.connection,
                         world_find(w, PROXY_ACCEPT, i).event.connection);
        close(clients[i]);
        close(servers[i]);
    }
    world_wait_for(w, PROXY_CLOSE, CLIENTS);
    assert_int_equal(world_stats(w).open, 0);
    world_destroy(w);
}

static void
test_admission__a_client_that_gives_up_is_noticed_and_takes_no_place(void **state)
{
    struct world *w = world_create(1);
    int first[2];
    int gone;
    int next;
    int server;

    (void)state;
    world_fault(w, "max_connections", "max=1 over=wait");
    world_pair(w, first);
    gone = world_connect(w);
    world_wait_for(w, PROXY_ACCEPT, 2);
    next = world_connect(w);
    world_wait_for(w, PROXY_ACCEPT, 3);
    world_abort(gone);
    world_wait_for(w, PROXY_CLOSE, 1);
    assert_int_equal(world_find(w, PROXY_CLOSE, 0).event.flags,
                     PROXY_BY_CLIENT | PROXY_HOW_RST);
    world_close_pair(first);
    world_send(next, "next");
    server = world_accept(w);
    world_expect(server, "next");
    close(next);
    close(server);
    world_destroy(w);
}

static void test_admission__a_place_comes_back_when_a_later_fault_refuses(void **state)
{
    struct world *w = world_create(1);
    struct fault_id refuse;
    int pair[2];
    int fd;

    (void)state;
    world_fault(w, "max_connections", "max=1 over=rst");
    refuse = world_fault(w, "refuse", "with=fin");
    for (int i = 0; i < 3; i++) {
        fd = world_connect(w);
        world_expect_fin(fd);
        close(fd);
    }
    world_heal(w, refuse);
    world_pair(w, pair);
    fd = world_connect(w);
    world_expect_reset(fd);
    close(fd);
    world_close_pair(pair);
    world_destroy(w);
}

static void test_admission__faults_are_asked_in_the_order_in_which_they_came(void **state)
{
    struct world *w = world_create(1);
    struct fault_id slow = world_fault(w, "slow_accept", "delay=60s");
    int client = world_connect(w);

    (void)state;
    world_wait_for(w, PROXY_ACCEPT, 1);
    /* It is not open yet: the new fault will be asked when the first lets it in. */
    world_fault(w, "refuse", "");
    world_expect_silence(client);
    world_heal(w, slow);
    world_expect_reset(client);
    close(client);
    world_wait_for(w, PROXY_CLOSE, 1);
    assert_int_equal(world_count(w, PROXY_REFUSED), 1);
    assert_int_equal(world_count(w, PROXY_DIAL), 0);
    world_destroy(w);
}

static void test_admission__a_dial_hangs_until_the_fault_is_healed(void **state)
{
    struct world *w = world_create(1);
    struct fault_id gone = world_fault(w, "unreachable", "");
    int client = world_connect(w);
    int server;

    (void)state;
    world_send(client, "CONNECT {}\r\n");
    world_wait_for(w, PROXY_DIAL, 1);
    world_expect_silence(client);
    assert_int_equal(world_count(w, PROXY_DIALED), 0);
    world_heal(w, gone);
    server = world_accept(w);
    world_expect(server, "CONNECT {}\r\n");
    assert_int_equal(world_find(w, PROXY_DIALED, 0).event.a, 0);
    /* The time that the client waited for the dial is all of it. */
    assert_true(world_find(w, PROXY_DIALED, 0).event.b >= 50 * NS_PER_MS);
    close(client);
    close(server);
    world_destroy(w);
}

static void test_admission__a_hanging_dial_ends_with_the_links_time_out(void **state)
{
    struct world *w = world_create(1);
    struct link_options options = {.name = "hasty", .dial_timeout_ns = 50ull * NS_PER_MS};
    struct plane_reply reply;
    int client;

    (void)state;
    snprintf(options.upstream, sizeof options.upstream, "127.0.0.1:%u", w->upstream_port);
    reply = world_open_link(w, &options);
    assert_int_equal(reply.rc, 0);
    w->link = reply.link;
    world_fault(w, "unreachable", "");
    client = world_connect_port(reply.port);
    world_expect_reset(client);
    close(client);
    world_wait_for(w, PROXY_CLOSE, 1);
    assert_int_equal(world_find(w, PROXY_DIALED, 0).event.a, ETIMEDOUT);
    assert_true(world_find(w, PROXY_DIALED, 0).event.flags == PROXY_BY_FAULT);
    assert_true(world_find(w, PROXY_DIALED, 0).event.b >= 50 * NS_PER_MS);
    assert_int_equal(world_find(w, PROXY_CLOSE, 0).event.flags,
                     PROXY_BY_PROXY | PROXY_HOW_RST | PROXY_HOW_TIMEOUT);
    assert_int_equal(world_stats(w).dial_failed, 1);
    assert_int_equal(world_stats(w).closes[CLOSE_BY_PROXY][CLOSE_TIMEOUT], 1);
    world_destroy(w);
}

/* Waiting in either state; ended by the link, the action, the plane, the client. */
static void test_admission__releases_everything_that_waits(void **state)
{
    static const char *const faults[] = {"slow_accept", "unreachable"};
    int fds = world_open_fds();

    (void)state;
    for (int way = 0; way < 8; way++) {
        struct world *w = world_create(1);
        struct plane_reply reply;
        int clients[3];

        world_fault(w, faults[way % 2], way % 2 == 0 ? "delay=60s" : "");
        for (int i = 0; i < 3; i++)
            clients[i] = world_connect(w);
        world_wait_for(w, way % 2 == 0 ? PROXY_ACCEPT : PROXY_DIAL, 3);
        if (way / 2 == 0)
            assert_int_equal(world_command(w, PLANE_LINK_CLOSE, NULL, &reply), 0);
        else if (way / 2 == 1)
            assert_int_equal(world_reset(w), 3);
        else if (way / 2 == 2)
            world_abort(clients[1]);
        world_destroy(w);
        for (int i = 0; i < 3; i++)
            if (way / 2 != 2 || i != 1)
                close(clients[i]);
    }
    assert_int_equal(world_open_fds(), fds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_admission__a_waiting_connection_is_dialled_when_the_fault_goes),
        cmocka_unit_test(test_admission__a_wait_ends_by_itself_and_never_early),
        cmocka_unit_test(test_admission__a_changed_fault_is_asked_again),
        cmocka_unit_test(test_admission__places_go_to_the_oldest_that_waits),
        cmocka_unit_test(
            test_admission__a_client_that_gives_up_is_noticed_and_takes_no_place),
        cmocka_unit_test(test_admission__a_place_comes_back_when_a_later_fault_refuses),
        cmocka_unit_test(
            test_admission__faults_are_asked_in_the_order_in_which_they_came),
        cmocka_unit_test(test_admission__a_dial_hangs_until_the_fault_is_healed),
        cmocka_unit_test(test_admission__a_hanging_dial_ends_with_the_links_time_out),
        cmocka_unit_test(test_admission__releases_everything_that_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
