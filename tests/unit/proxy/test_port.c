/* port: links that are disabled, enabled and moved, beside faults that close the port. */
#include "tests/lib/proxy/world.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void must(struct world *w, enum plane_command_kind kind, const char *text,
                 struct plane_reply *reply)
{
    if (world_command(w, kind, text, reply) != 0)
        fail_msg("command %d: %s", (int)kind, reply->error.text);
}

static void expect_refused(uint16_t port)
{
    assert_int_equal(world_connect_port(port), -1);
    assert_int_equal(errno, ECONNREFUSED);
}

static void expect_passes(struct world *w)
{
    int pair[2];

    world_pair(w, pair);
    world_pass(pair[0], pair[1], "x");
    world_close_pair(pair);
}

static void
test_port__a_disabled_link_refuses_and_its_connections_end_with_fin(void **state)
{
    struct world *w = world_create(1);
    struct plane_reply reply;
    int pair[2];

    (void)state;
    world_pair(w, pair);
    world_pass(pair[0], pair[1], "x");
    must(w, PLANE_LINK_DISABLE, NULL, &reply);
    assert_int_equal(reply.touched, 1);
    world_expect_fin(pair[0]);
    world_expect_fin(pair[1]);
    expect_refused(w->link_port);
    assert_int_equal(world_find(w, PROXY_CLOSE, 0).event.flags,
                     PROXY_BY_PROXY | PROXY_HOW_FIN);
    must(w, PLANE_LINK_DISABLE, NULL, &reply);
    assert_int_equal(reply.touched, 0);
    must(w, PLANE_LINK_ENABLE, NULL, &reply);
    must(w, PLANE_LINK_ENABLE, NULL, &reply);
    assert_int_equal(reply.port, w->link_port);
    expect_passes(w);
    assert_int_equal(world_count(w, PROXY_ACTION), 2);
    assert_string_equal(world_find(w, PROXY_ACTION, 0).detail,
                        "{\"action\":\"disable\",\"params\":{}}");
    assert_int_equal(world_find(w, PROXY_ACTION, 0).event.a, 1);
    assert_string_equal(world_find(w, PROXY_ACTION, 1).detail,
                        "{\"action\":\"enable\",\"params\":{}}");
    world_close_pair(pair);
    world_destroy(w);
}

static void test_port__where_bytes_lie_unread_a_disabled_link_resets(void **state)
{
    struct world *w = world_create(1);
    struct plane_reply reply;
    int pair[2];

    (void)state;
    world_pair(w, pair);
    world_pass(pair[0], pair[1], "x");
    world_fault(w, "stall", "direction=to_server");
    world_send(pair[0], "nobody reads this");
    must(w, PLANE_LINK_DISABLE, NULL, &reply);
    world_expect_reset(pair[0]);
    world_expect_fin(pair[1]);
    assert_int_equal(world_find(w, PROXY_CLOSE, 0).event.flags,
                     PROXY_BY_PROXY | PROXY_HOW_RST);
    world_close_pair(pair);
    world_destroy(w);
}

static void test_port__faults_stay_while_a_link_is_disabled(void **state)
{
    struct world *w = world_create(1);
    struct fault_id stall = world_fault(w, "stall", "direction=to_client");
    struct plane_reply reply;
    int pair[2];

    (void)state;
    must(w, PLANE_LINK_DISABLE, NULL, &reply);
    must(w, PLANE_LINK_ENABLE, NULL, &reply);
    world_pair(w, pair);
    world_send(pair[1], "held");
    world_expect_silence(pair[0]);
    world_heal(w, stall);
    world_expect(pair[0], "held");
    world_close_pair(pair);
    world_destroy(w);
}

static void test_port__is_open_only_when_enabled_and_no_fault_closes_it(void **state)
{
    struct world *w = world_create(1);
    struct plane_reply reply;
    struct fault_id refuse = world_fault(w, "refuse", "port=closed");

    (void)state;
    must(w, PLANE_LINK_DISABLE, NULL, &reply);
    world_heal(w, refuse);
    expect_refused(w->link_port);
    refuse = world_fault(w, "refuse", "port=closed");
    must(w, PLANE_LINK_ENABLE, NULL, &reply);
    expect_refused(w->link_port);
    world_heal(w, refuse);
    expect_passes(w);
    world_destroy(w);
}

static void test_port__a_link_can_be_made_disabled(void **state)
{
    struct world *w = world_create_without_link(1, 0);
    struct link_options options = {.name = "later", .disabled = true};
    struct plane_reply reply;

    (void)state;
    snprintf(options.upstream, sizeof options.upstream, "127.0.0.1:%u", w->upstream_port);
    reply = world_open_link(w, &options);
    assert_int_equal(reply.rc, 0);
    assert_int_equal(reply.port, 0);
    assert_string_equal(reply.address, "127.0.0.1:0");
    w->link = reply.link;
    must(w, PLANE_LINK_ENABLE, NULL, &reply);
    w->link_port = reply.port;
    expect_passes(w);
    /* The port was picked once. */
    must(w, PLANE_LINK_DISABLE, NULL, &reply);
    must(w, PLANE_LINK_ENABLE, NULL, &reply);
    assert_int_equal(reply.port, w->link_port);
    expect_passes(w);
    world_destroy(w);
}

static void test_port__moves_elsewhere_and_ends_its_connections(void **state)
{
    struct world *w = world_create(1);
    struct plane_reply reply;
    uint16_t old_port = w->link_port;
    int pair[2];

    (void)state;
    world_pair(w, pair);
    must(w, PLANE_LINK_LISTEN, "127.0.0.1:0", &reply);
    assert_int_equal(reply.touched, 1);
    assert_int_not_equal(reply.port, old_port);
    world_expect_fin(pair[0]);
    world_expect_fin(pair[1]);
    expect_refused(old_port);
    w->link_port = reply.port;
    expect_passes(w);
    assert_non_null(strstr(world_find(w, PROXY_ACTION, 0).detail, reply.address));
    /* Where it is already: the same socket address, made anew. */
    must(w, PLANE_LINK_LISTEN, reply.address, &reply);
    assert_int_equal(reply.port, w->link_port);
    expect_passes(w);
    world_close_pair(pair);
    world_destroy(w);
}

static void test_port__a_taken_port_leaves_it_disabled_until_it_is_free(void **state)
{
    struct world *w = world_create(1);
    struct plane_reply reply;
    char taken[32];
    uint16_t port;
    int fd = world_listen(&port, 1);

    (void)state;
    snprintf(taken, sizeof taken, "127.0.0.1:%u", port);
    assert_int_equal(world_command(w, PLANE_LINK_LISTEN, taken, &reply), E_BUSY);
    assert_non_null(strstr(reply.error.text, taken));
    assert_true(strlen(reply.error.hint) > 0);
    assert_string_equal(reply.address, taken);
    expect_refused(w->link_port);
    assert_int_equal(world_command(w, PLANE_LINK_ENABLE, NULL, &reply), E_BUSY);
    close(fd);
    must(w, PLANE_LINK_ENABLE, NULL, &reply);
    w->link_port = reply.port;
    assert_int_equal(w->link_port, port);
    expect_passes(w);
    world_destroy(w);
}

static void test_port__a_bad_address_changes_nothing(void **state)
{
    static const char *const bad[] = {"4222", "somewhere:4222", "127.0.0.1:65536"};
    struct world *w = world_create(1);
    struct plane_reply reply;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(world_command(w, PLANE_LINK_LISTEN, bad[i], &reply), E_PARAM);
        assert_non_null(strstr(reply.error.text, bad[i]));
        expect_passes(w);
    }
    assert_int_equal(world_count(w, PROXY_ACTION), 0);
    world_destroy(w);
}

static void test_port__moves_while_disabled_and_opens_there(void **state)
{
    struct world *w = world_create(1);
    struct plane_reply reply;

    (void)state;
    must(w, PLANE_LINK_DISABLE, NULL, &reply);
    must(w, PLANE_LINK_LISTEN, "localhost:0", &reply);
    assert_int_equal(reply.port, 0);
    must(w, PLANE_LINK_ENABLE, NULL, &reply);
    w->link_port = reply.port;
    expect_passes(w);
    world_destroy(w);
}

static int connect_unix(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    close(fd);
    return -1;
}

/* A Unix socket that was shut down never listens again: it is made anew. */
static void test_port__a_unix_socket_closes_and_opens_too(void **state)
{
    struct world *w = world_create(1);
    struct plane_reply reply;
    char address[64];
    const char *path = address + strlen("unix:");

    (void)state;
    snprintf(address, sizeof address, "unix:/tmp/stormdrill-port-%d.sock", (int)getpid());
    must(w, PLANE_LINK_LISTEN, address, &reply);
    for (int i = 0; i < 2; i++) {
        struct fault_id refuse = {0};
        int client = connect_unix(path);
        int server = world_accept(w);

        world_pass(client, server, "x");
        close(client);
        close(server);
        if (i == 0)
            must(w, PLANE_LINK_DISABLE, NULL, &reply);
        else
            refuse = world_fault(w, "refuse", "port=closed");
        assert_int_equal(connect_unix(path), -1);
        if (i == 0)
            must(w, PLANE_LINK_ENABLE, NULL, &reply);
        else
            world_heal(w, refuse);
        close(connect_unix(path));
        close(world_accept(w));
    }
    world_destroy(w);
    assert_int_equal(access(path, F_OK), -1);
}

/* Ids that are gone, and every command in every state: nothing leaks, nothing hangs. */
static void test_port__closes_cleanly_in_every_state(void **state)
{
    static const enum plane_command_kind steps[] = {PLANE_LINK_DISABLE, PLANE_LINK_ENABLE,
                                                    PLANE_LINK_LISTEN};
    int fds = world_open_fds();

    (void)state;
    for (int n = 0; n < 27; n++) {
        struct world *w = world_create(1);
        struct plane_reply reply;
        int pair[2];

        world_pair(w, pair);
        for (int i = 0, rest = n; i < 3; i++, rest /= 3)
            must(w, steps[rest % 3], "127.0.0.1:0", &reply);
        if (n % 2 == 0) {
            must(w, PLANE_LINK_CLOSE, NULL, &reply);
            assert_int_equal(world_command(w, PLANE_LINK_ENABLE, NULL, &reply), E_STALE);
        }
        world_destroy(w);
        world_close_pair(pair);
    }
    assert_int_equal(world_open_fds(), fds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_port__a_disabled_link_refuses_and_its_connections_end_with_fin),
        cmocka_unit_test(test_port__where_bytes_lie_unread_a_disabled_link_resets),
        cmocka_unit_test(test_port__faults_stay_while_a_link_is_disabled),
        cmocka_unit_test(test_port__is_open_only_when_enabled_and_no_fault_closes_it),
        cmocka_unit_test(test_port__a_link_can_be_made_disabled),
        cmocka_unit_test(test_port__moves_elsewhere_and_ends_its_connections),
        cmocka_unit_test(test_port__a_taken_port_leaves_it_disabled_until_it_is_free),
        cmocka_unit_test(test_port__a_bad_address_changes_nothing),
        cmocka_unit_test(test_port__moves_while_disabled_and_opens_there),
        cmocka_unit_test(test_port__a_unix_socket_closes_and_opens_too),
        cmocka_unit_test(test_port__closes_cleanly_in_every_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
