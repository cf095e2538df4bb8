/* connection: closed in every state it releases everything; dialling stalls nobody. */
#include "tests/lib/proxy/world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A listening socket whose queue is full answers nobody: dialling it hangs. */
struct silent {
    int fd;
    uint16_t port;
    int fillers[16];
};

static void silent_create(struct silent *s)
{
    struct sockaddr_in to = {.sin_family = AF_INET};

    s->fd = world_listen(&s->port, 0);
    to.sin_port = htons(s->port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < 16; i++) {
        s->fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        connect(s->fillers[i], (struct sockaddr *)&to, sizeof to);
    }
}

static void silent_destroy(struct silent *s)
{
    for (int i = 0; i < 16; i++)
        close(s->fillers[i]);
    close(s->fd);
}

static struct plane_reply open_to(struct world *w, const char *name, uint16_t port,
                                  uint64_t dial_timeout_ns)
{
    struct link_options options = {.dial_timeout_ns = dial_timeout_ns};

    snprintf(options.name, sizeof options.name, "%s", name);
    snprintf(options.upstream, sizeof options.upstream, "127.0.0.1:%u", port);
    return world_open_link(w, &options);
}

static void test_connection__a_silent_upstream_times_out_and_delays_nobody(void **state)
{
    struct world *w = world_create(1);
    struct silent silent;
    struct plane_reply reply;
    int hanging[20];
    int pair[2];

    (void)state;
    silent_create(&silent);
    reply = open_to(w, "silent", silent.port, 300ull * NS_PER_MS);
    assert_int_equal(reply.rc, 0);
    for (int i = 0; i < 20; i++)
        hanging[i] = world_connect_port(reply.port);
    world_wait_for(w, PROXY_DIAL, 20);
    assert_int_equal(world_count(w, PROXY_DIALED), 0);
    /* Meanwhile the other link does its work. */
    world_pair(w, pair);
    world_pass(pair[0], pair[1], "PING\r\n");
    for (int i = 0; i < 20; i++) {
        world_expect_reset(hanging[i]);
        close(hanging[i]);
    }
    world_wait_for(w, PROXY_CLOSE, 20);
    assert_int_equal(world_find(w, PROXY_DIALED, 1).event.a, ETIMEDOUT);
    assert_in_range(world_find(w, PROXY_DIALED, 1).event.b, 300ull * NS_PER_MS,
                    20ull * NS_PER_S);
    assert_int_equal(world_find(w, PROXY_CLOSE, 0).event.flags,
                     PROXY_BY_PROXY | PROXY_HOW_RST | PROXY_HOW_TIMEOUT);
    world_close_pair(pair);
    silent_destroy(&silent);
    world_destroy(w);
}

static void test_connection__a_client_that_gives_up_ends_the_dial(void **state)
{
    struct world *w = world_create(1);
    struct silent silent;
    struct plane_reply reply;
    int fd;

    (void)state;
    silent_create(&silent);
    reply = open_to(w, "silent", silent.port, 60ull * NS_PER_S);
    fd = world_connect_port(reply.port);
    world_wait_for(w, PROXY_DIAL, 1);
    world_abort(fd);
    world_wait_for(w, PROXY_CLOSE, 1);
    assert_int_equal(world_find(w, PROXY_CLOSE, 0).event.flags,
                     PROXY_BY_CLIENT | PROXY_HOW_RST);
    silent_destroy(&silent);
    world_destroy(w);
}

static void test_connection__a_dead_upstream_resets_the_client(void **state)
{
    struct world *w = world_create(1);
    uint16_t port;
    int fd = world_listen(&port, 1);
    struct plane_reply reply;

    (void)state;
    close(fd);
    reply = open_to(w, "dead", port, 0);
    fd = world_connect_port(reply.port);
    world_expect_reset(fd);
    close(fd);
    world_wait_for(w, PROXY_CLOSE, 1);
    assert_int_equal(world_find(w, PROXY_DIALED, 0).event.a, ECONNREFUSED);
    world_destroy(w);
}

static void test_connection__a_name_is_looked_up_and_its_addresses_tried(void **state)
{
    struct world *w = world_create_without_link(1, 0);
    struct link_options options = {.name = "name", .listen = "localhost:0"};
    struct plane_reply reply;
    int client;
    int server;

    (void)state;
    /* localhost may be ::1 first, where nobody listens: then 127.0.0.1 is tried. */
    snprintf(options.upstream, sizeof options.upstream, "localhost:%u", w->upstream_port);
    reply = world_open_link(w, &options);
    assert_int_equal(reply.rc, 0);
    client = world_connect_port(reply.port);
    server = world_accept(w);
    world_pass(client, server, "x");
    close(client);
    close(server);
    snprintf(options.upstream, sizeof options.upstream, "no-such-host.invalid:1");
    reply = world_open_link(w, &options);
    client = world_connect_port(reply.port);
    world_expect_reset(client);
    close(client);
    world_destroy(w);
}

enum step { ACCEPTED, DIALING, RELAYING, HELD, STALLED_RESET, DRAINING, STEPS };

/* Bring a connection into a state and leave it there. */
static void bring_into(struct world *w, enum step step, struct silent *silent,
                       int pair[2])
{
    char upstream[ADDRESS_BYTES];

    pair[1] = -1;
    if (step == DIALING) {
        snprintf(upstream, sizeof upstream, "127.0.0.1:%u", silent->port);
        world_upstream(w, upstream);
    }
    if (step == ACCEPTED || step == DIALING) {
        pair[0] = world_connect(w);
        if (step == DIALING)
            world_wait_for(w, PROXY_DIAL, 1);
        return;
    }
    world_pair(w, pair);
    world_pass(pair[0], pair[1], "x");
    if (step == HELD) {
        world_fault(w, "latency", "base=60s");
        world_send(pair[0], "held");
        shutdown(pair[0], SHUT_WR);
        world_wait_for(w, PROXY_HALF_CLOSED, 1);
    } else if (step == STALLED_RESET) {
        world_fault(w, "stall", "");
        world_abort(pair[0]);
        pair[0] = -1;
    } else if (step == DRAINING) {
        shutdown(pair[0], SHUT_WR);
        world_expect_fin(pair[1]);
    }
}

/* By the link's end, by the action, by the plane's end: the sanitizers see the rest. */
static void test_connection__releases_everything_when_closed_in_any_state(void **state)
{
    struct silent silent;
    int fds;

    (void)state;
    silent_create(&silent);
    fds = world_open_fds();
    for (int way = 0; way < 3; way++) {
        for (enum step step = ACCEPTED; step < STEPS; step++) {
            struct world *w = world_create(1);
            struct plane_command command = {.kind = PLANE_LINK_CLOSE, .link = w->link};
            struct plane_reply reply;
            int pair[2];

            bring_into(w, step, &silent, pair);
            if (way == 0)
                assert_int_equal(plane_call_wait(w->plane, &command, &reply), 0);
            else if (way == 1)
                world_reset(w);
            world_destroy(w);
            if (pair[0] != -1)
                close(pair[0]);
            if (pair[1] != -1)
                close(pair[1]);
        }
    }
    assert_int_equal(world_open_fds(), fds);
    silent_destroy(&silent);
}

static void test_connection__two_thousand_leave_nothing_behind(void **state)
{
    struct world *w = world_create(1);
    int fds = 0;

    (void)state;
    for (int i = 0; i < 2000; i++) {
        int pair[2];

        world_pair(w, pair);
        world_pass(pair[1], pair[0], "INFO");
        if (i % 3 == 0)
            world_abort(pair[0]);
        else
            close(pair[0]);
        if (i % 3 == 0)
            world_expect_reset(pair[1]);
        else
            world_expect_fin(pair[1]);
        close(pair[1]);
        if (i == 100) {
            world_wait_for(w, PROXY_CLOSE, 101);
            fds = world_open_fds();
        }
    }
    world_wait_for(w, PROXY_CLOSE, 2000);
    assert_int_equal(world_stats(w).open, 0);
    assert_int_equal(world_stats(w).closed, 2000);
    assert_int_equal(world_open_fds(), fds);
    world_destroy(w);
}

static void test_connection__a_reset_behind_a_fin_is_noticed_by_itself(void **state)
{
    struct world *w = world_create(1);
    int pair[2];

    (void)state;
    world_pair(w, pair);
    world_send(pair[0], "x");
    shutdown(pair[0], SHUT_WR);
    world_expect(pair[1], "x");
    world_expect_fin(pair[1]);
    /* Nobody writes and nobody reads: only a look at the socket can tell. */
    world_abort(pair[0]);
    world_wait_for(w, PROXY_CLOSE, 1);
    assert_int_equal(world_find(w, PROXY_CLOSE, 0).event.flags,
                     PROXY_BY_CLIENT | PROXY_HOW_RST);
    close(pair[1]);
    world_destroy(w);
}

/* Fill everything between a client and a server that does not read. */
static void send_until_it_blocks(struct world *w, int fd)
{
    static const char block[64 * 1024];
    uint64_t passed;

    fcntl(fd, F_SETFL, O_NONBLOCK);
    do {
        passed = world_stats(w).bytes_to_server;
        while (send(fd, block, sizeof block, MSG_NOSIGNAL) > 0)
            ;
    } while (world_stats(w).bytes_to_server != passed);
}

static void test_connection__a_reset_is_noticed_while_reading_is_paused(void **state)
{
    struct world *w = world_create(1);
    int pair[2];

    (void)state;
    for (int i = 0; i < 4; i++) {
        /* Without a fault the direction waits for the server; with one, for its bound. */
        if (i == 2)
            world_fault(w, "latency", "base=1ms direction=to_server");
        world_pair(w, pair);
        send_until_it_blocks(w, pair[0]);
        world_abort(pair[0]);
        world_wait_for(w, PROXY_CLOSE, i + 1);
        assert_int_equal(world_find(w, PROXY_CLOSE, i).event.flags,
                         PROXY_BY_CLIENT | PROXY_HOW_RST);
        close(pair[1]);
    }
    world_destroy(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connection__a_silent_upstream_times_out_and_delays_nobody),
        cmocka_unit_test(test_connection__a_client_that_gives_up_ends_the_dial),
        cmocka_unit_test(test_connection__a_dead_upstream_resets_the_client),
        cmocka_unit_test(test_connection__a_name_is_looked_up_and_its_addresses_tried),
        cmocka_unit_test(test_connection__releases_everything_when_closed_in_any_state),
        cmocka_unit_test(test_connection__two_thousand_leave_nothing_behind),
        cmocka_unit_test(test_connection__a_reset_is_noticed_while_reading_is_paused),
        cmocka_unit_test(test_connection__a_reset_behind_a_fin_is_noticed_by_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
