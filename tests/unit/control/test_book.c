/* book: operations in one queue, whoever asks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/control/server.h"

enum { ROUNDS = 40 };

/* A request that changes two things, of one of two clients. */
static void send_change(int fd, bool enabled)
{
    char request[512], body[128];

    snprintf(body, sizeof body,
             "{\"upstream\":\"127.0.0.1:%d\",\"listen\":\"127.0.0.1:0\",\"enabled\":%s}",
             enabled ? 1 : 2, enabled ? "true" : "false");
    snprintf(
        request, sizeof request,
        "PATCH /proxies/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n%s",
        strlen(body), body);
    world_send(fd, request);
}

static void test_book__changes_of_two_clients_do_not_mix(void **state)
{
    struct server *s = server_start();
    int fds[2] = {server_connect(s), server_connect(s)};

    (void)state;
    server_link(s, "a", 9);
    for (int i = 0; i < ROUNDS; i++)
        for (int who = 0; who < 2; who++)
            send_change(fds[who], who == 0);
    for (int i = 0; i < ROUNDS; i++)
        for (int who = 0; who < 2; who++) {
            struct heard heard;

            assert_true(server_receive(fds[who], &heard));
            assert_int_equal(heard.status, 200);
            assert_non_null(
                strstr(heard.body, who == 0 ? "\"127.0.0.1:1\",\"enabled\":true"
                                            : "\"127.0.0.1:2\",\"enabled\":false"));
            heard_release(&heard);
        }
    close(fds[0]);
    close(fds[1]);
    server_stop(s);
}

static void test_book__one_of_two_who_make_the_same_is_told(void **state)
{
    static const char request[] =
        "POST /proxies HTTP/1.1\r\nHost: localhost\r\nContent-Length: 37\r\n\r\n"
        "{\"name\":\"a\",\"upstream\":\"127.0.0.1:9\"}";
    struct server *s = server_start();
    int fds[2] = {server_connect(s), server_connect(s)};
    struct heard heard[2];

    (void)state;
    for (int who = 0; who < 2; who++)
        world_send(fds[who], request);
    for (int who = 0; who < 2; who++)
        assert_true(server_receive(fds[who], &heard[who]));
    assert_int_equal(heard[0].status + heard[1].status, 201 + 409);
    for (int who = 0; who < 2; who++) {
        heard_release(&heard[who]);
        close(fds[who]);
    }
    server_stop(s);
}

static void test_book__a_removed_link_ends_its_connections_with_fin(void **state)
{
    struct server *s = server_start();
    uint16_t upstream;
    int listener = world_listen(&upstream, 8);
    uint16_t port = server_link(s, "a", upstream);
    int client = world_connect_port(port);
    int server = accept(listener, NULL, NULL);

    (void)state;
    server_do(s, "DELETE", "/proxies/a", NULL, 204);
    world_expect_fin(client);
    world_expect_fin(server);
    assert_int_equal(world_connect_port(port), -1);
    close(client);
    close(server);
    close(listener);
    server_stop(s);
}

static void test_book__names_its_faults_by_the_first_free_number(void **state)
{
    struct server *s = server_start();

    (void)state;
    server_link(s, "a", 9);
    for (int i = 0; i < 3; i++)
        server_do(s, "POST", "/v1/links/a/faults", "{\"fault\":\"stall\"}", 201);
    server_do(s, "DELETE", "/v1/links/a/faults/stall-2", NULL, 200);
    server_do(s, "POST", "/v1/links/a/faults", "{\"fault\":\"stall\"}", 201);
    server_do(s, "DELETE", "/v1/links/a/faults/stall-2", NULL, 200);
    server_do(s, "DELETE", "/v1/links/a/faults/stall-4", NULL, 404);
    server_stop(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_book__changes_of_two_clients_do_not_mix),
        cmocka_unit_test(test_book__one_of_two_who_make_the_same_is_told),
        cmocka_unit_test(test_book__a_removed_link_ends_its_connections_with_fin),
        cmocka_unit_test(test_book__names_its_faults_by_the_first_free_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
