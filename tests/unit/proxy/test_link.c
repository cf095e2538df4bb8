/* link: what a user of a link sees on real sockets, fault by fault. */
#include "tests/lib/proxy/world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static void test_link__passes_bytes_both_ways(void **state)
{
    struct world *w = world_create(1);
    int pair[2];

    (void)state;
    world_pair(w, pair);
    world_pass(pair[0], pair[1], "CONNECT {}\r\n");
    world_pass(pair[1], pair[0], "INFO {}\r\n");
    assert_int_equal(world_stats(w).open, 1);
    assert_int_equal(world_stats(w).bytes_to_server, 12);
    assert_int_equal(world_stats(w).bytes_to_client, 9);
    close(pair[0]);
    world_expect_fin(pair[1]);
    close(pair[1]);
    world_wait_for(w, PROXY_CLOSE, 1);
    assert_int_equal(world_find(w, PROXY_CLOSE, 0).event.flags,
                     PROXY_BY_CLIENT | PROXY_HOW_FIN);
    assert_int_equal(world_stats(w).open, 0);
    world_destroy(w);
}

static void test_link__honours_a_half_close_in_either_direction(void **state)
{
    struct world *w = world_create(1);

    (void)state;
    for (int side = 0; side < 2; side++) {
        int pair[2];

        world_pair(w, pair);
        world_send(pair[side], "last words");
        shutdown(pair[side], SHUT_WR);
        world_expect(pair[1 - side], "last words");
        world_expect_fin(pair[1 - side]);
        world_pass(pair[1 - side], pair[side], "and an answer");
        close(pair[1 - side]);
        world_expect_fin(pair[side]);
        close(pair[side]);
    }
    world_wait_for(w, PROXY_CLOSE, 2);
    assert_int_equal(world_count(w, PROXY_HALF_CLOSED), 2);
    world_destroy(w);
}

static void test_link__passes_a_reset_on_as_a_reset(void **state)
{
    struct world *w = world_create(1);

    (void)state;
    for (int side = 0; side < 2; side++) {
        int pair[2];

        world_pair(w, pair);
        world_pass(pair[0], pair[1], "x");
        world_abort(pair[side]);
        world_expect_reset(pair[1 - side]);
        close(pair[1 - side]);
        world_wait_for(w, PROXY_CLOSE, side + 1);
    }
    assert_int_equal(world_find(w, PROXY_CLOSE, 0).event.flags,
                     PROXY_BY_CLIENT | PROXY_HOW_RST);
    assert_int_equal(world_find(w, PROXY_CLOSE, 1).event.flags,
                     PROXY_BY_SERVER | PROXY_HOW_RST);
    world_destroy(w);
}

static void test_link__resets_connections_on_both_sides(void **state)
{
    struct world *w = world_create(1);
    int pair[2];

    (void)state;
    world_pair(w, pair);
    world_wait_for(w, PROXY_DIALED, 1);
    assert_int_equal(world_reset(w), 1);
    world_expect_reset(pair[0]);
    world_expect_reset(pair[1]);
    assert_int_equal(world_find(w, PROXY_CLOSE, 0).event.flags,
                     PROXY_BY_FAULT | PROXY_HOW_RST);
    assert_string_equal(world_find(w, PROXY_ACTION, 0).detail,
                        "{\"action\":\"reset\",\"params\":{}}");
    world_close_pair(pair);
    world_destroy(w);
}

static void test_link__without_upstream_sees_the_attempt_and_resets_it(void **state)
{
    struct world *w = world_create(1);
    int fd;

    (void)state;
    world_upstream(w, "");
    fd = world_connect(w);
    world_expect_reset(fd);
    close(fd);
    world_wait_for(w, PROXY_CLOSE, 1);
    assert_int_equal(world_count(w, PROXY_ACCEPT), 1);
    assert_int_equal(world_find(w, PROXY_DIALED, 0).event.a, ECONNREFUSED);
    assert_int_equal(world_find(w, PROXY_CLOSE, 0).event.flags,
                     PROXY_BY_PROXY | PROXY_HOW_RST);
    assert_int_equal(world_stats(w).dial_failed, 1);
    world_destroy(w);
}

static void test_link__tells_a_connections_story_in_order(void **state)
{
    static const enum proxy_event_kind story[] = {
        PROXY_LINK_OPEN, PROXY_FAULT_BEGIN, PROXY_ACCEPT,     PROXY_FAULT_DRAW,
        PROXY_DIAL,      PROXY_DIALED,      PROXY_FIRST_BYTE, PROXY_HALF_CLOSED,
        PROXY_CLOSE,     PROXY_FAULT_HEAL,  PROXY_LINK_CLOSE,
    };
    struct world *w = world_create(1);
    struct plane_command end = {.kind = PLANE_LINK_CLOSE, .link = w->link};
    struct plane_reply reply;
    uint64_t last_ns = 0;
    int told = 0;
    int pair[2];

    (void)state;
    world_fault(w, "latency", "base=1ms");
    world_pair(w, pair);
    world_pass(pair[1], pair[0], "INFO");
    close(pair[0]);
    world_expect_fin(pair[1]);
    close(pair[1]);
    world_wait_for(w, PROXY_CLOSE, 1);
    assert_int_equal(plane_call_wait(w->plane, &end, &reply), 0);
    pthread_mutex_lock(&w->lock);
    for (int i = 0; i < w->event_count; i++) {
        const struct proxy_event *event = &w->events[i].event;

        if (event->kind == PROXY_LAG)
            continue;
        assert_int_equal(event->kind, story[told++]);
        assert_int_equal(event->link, w->link.number);
        assert_true(event->time_ns >= last_ns);
        last_ns = event->time_ns;
    }
    pthread_mutex_unlock(&w->lock);
    assert_int_equal(told, sizeof story / sizeof story[0]);
    assert_int_equal(world_find(w, PROXY_CLOSE, 0).event.b, 4);
    /* INFO one way, a FIN each way. */
    assert_int_equal(world_find(w, PROXY_FAULT_HEAL, 0).event.b, 3);
    world_destroy(w);
}

static void test_link__waits_for_descriptors_instead_of_losing_clients(void **state)
{
    enum { CLIENTS = 5 };
    struct world *w = world_create(1);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(w->link_port)};
    struct rlimit before;
    struct rlimit tight;
    int clients[CLIENTS];

    (void)state;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    getrlimit(RLIMIT_NOFILE, &before);
    tight = before;
    tight.rlim_cur = (rlim_t)dup(clients[0]);
    close((int)tight.rlim_cur);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    for (int i = 0; i < CLIENTS; i++)
        assert_int_equal(connect(clients[i], (struct sockaddr *)&to, sizeof to), 0);
    /* The plane is alive, and has accepted nobody. */
    for (int i = 0; i < 100; i++)
        assert_int_equal(world_stats(w).accepted, 0);
    setrlimit(RLIMIT_NOFILE, &before);
    world_wait_for(w, PROXY_DIALED, CLIENTS);
    assert_int_equal(world_stats(w).accepted, CLIENTS);
    for (int i = 0; i < CLIENTS; i++)
        close(clients[i]);
    world_destroy(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_link__passes_bytes_both_ways),
        cmocka_unit_test(test_link__honours_a_half_close_in_either_direction),
        cmocka_unit_test(test_link__passes_a_reset_on_as_a_reset),
        cmocka_unit_test(test_link__resets_connections_on_both_sides),
        cmocka_unit_test(test_link__tells_a_connections_story_in_order),
        cmocka_unit_test(test_link__waits_for_descriptors_instead_of_losing_clients),
        cmocka_unit_test(test_link__without_upstream_sees_the_attempt_and_resets_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
