/* stopped reader: a client that no longer reads, and an upstream that never answers, hold
 * up no call (Toxiproxy hangs there until it is restarted). */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/control/server.h"

static const struct {
    const char *body, *change;
} toxics[] = {
    {"{\"name\":\"t\",\"type\":\"latency\",\"attributes\":{\"latency\":5000}}",
     "{\"attributes\":{\"latency\":9000}}"},
    {"{\"name\":\"t\",\"type\":\"bandwidth\"}", "{\"attributes\":{\"rate\":1}}"},
    {"{\"name\":\"t\",\"type\":\"slow_close\",\"attributes\":{\"delay\":100}}",
     "{\"attributes\":{\"delay\":1}}"},
    {"{\"name\":\"t\",\"type\":\"slicer\",\"attributes\":{\"average_size\":10}}",
     "{\"attributes\":{\"delay\":100}}"},
    {"{\"name\":\"t\",\"type\":\"noop\"}", "{\"toxicity\":0.5}"},
};

enum { TOXIC_COUNT = sizeof toxics / sizeof toxics[0], ROUNDS = 100 };

/* The upstream sends until every buffer on the way is full. */
static void fill_up(int fd)
{
    static const char piece[65536] = {'x'};
    int flags = fcntl(fd, F_GETFL);

    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    for (int quiet = 0; quiet < 20;) {
        if (send(fd, piece, sizeof piece, MSG_NOSIGNAL) > 0) {
            quiet = 0;
        } else {
            quiet++;
            usleep(5000);
        }
    }
    fcntl(fd, F_SETFL, flags);
}

static void test_stopped_reader__holds_up_no_change_of_faults(void **state)
{
    struct server *s = server_start();
    uint16_t upstream;
    int listener = world_listen(&upstream, 8);
    uint16_t port = server_link(s, "a", upstream);
    int client = world_connect_port(port);
    int server = accept(listener, NULL, NULL);

    (void)state;
    fill_up(server);
    assert_int_equal(send(server, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL), -1);
    for (int i = 0; i < ROUNDS; i++) {
        server_do(s, "POST", "/proxies/a/toxics", toxics[i % TOXIC_COUNT].body, 200);
        server_do(s, "POST", "/proxies/a/toxics/t", toxics[i % TOXIC_COUNT].change, 200);
        server_do(s, "GET", "/proxies", NULL, 200);
        server_do(s, "DELETE", "/proxies/a/toxics/t", NULL, 204);
    }
    server_do(s, "DELETE", "/proxies/a", NULL, 204);
    close(client);
    close(server);
    close(listener);
    server_stop(s);
}

/* A full backlog: the kernel no longer answers, and a dial hangs. */
static void test_stopped_reader__nor_does_an_upstream_that_says_nothing(void **state)
{
    struct server *s = server_start();
    uint16_t upstream;
    int listener = world_listen(&upstream, 0);
    uint16_t port = server_link(s, "a", upstream);
    int clients[8];

    (void)state;
    for (int i = 0; i < 8; i++) {
        clients[i] = world_connect_port(port);
        assert_int_not_equal(clients[i], -1);
    }
    server_do(s, "POST", "/proxies/a/toxics", "{\"type\":\"latency\"}", 200);
    server_do(s, "GET", "/proxies", NULL, 200);
    server_do(s, "POST", "/proxies/a", "{\"enabled\":false}", 200);
    server_do(s, "POST", "/reset", NULL, 204);
    server_do(s, "DELETE", "/proxies/a", NULL, 204);
    for (int i = 0; i < 8; i++)
        close(clients[i]);
    close(listener);
    server_stop(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stopped_reader__holds_up_no_change_of_faults),
        cmocka_unit_test(test_stopped_reader__nor_does_an_upstream_that_says_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
