/* dial: whom a dial may meet. How it fails, times out and tries addresses is tested with
 * connections. */
#include "tests/lib/proxy/world.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "proxy/dial.h"

/* The kernel takes the port of the upstream for the dial, once in some ten thousand
 * dials; here it is told to. */
static void test_dial__that_met_itself_is_recognised(void **state)
{
    struct sockaddr_in own = {.sin_family = AF_INET};
    socklen_t size = sizeof own;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&own, sizeof own), 0);
    assert_false(dial_met_itself(fd));
    assert_int_equal(getsockname(fd, (struct sockaddr *)&own, &size), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&own, sizeof own), 0);
    assert_true(dial_met_itself(fd));
    close(fd);
}

static void test_dial__that_met_another_is_not_taken_for_itself(void **state)
{
    struct world *w = world_create(1);
    int pair[2];
    int unix_pair[2];

    (void)state;
    world_pair(w, pair);
    assert_false(dial_met_itself(pair[0]));
    assert_false(dial_met_itself(pair[1]));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, unix_pair), 0);
    assert_false(dial_met_itself(unix_pair[0]));
    world_close_pair(unix_pair);
    world_close_pair(pair);
    world_destroy(w);
}

static int listen_unix(const char *path)
{
    struct sockaddr_un own = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(own.sun_path, path, strlen(path) + 1);
    assert_int_equal(bind(fd, (struct sockaddr *)&own, sizeof own), 0);
    assert_int_equal(listen(fd, 0), 0);
    return fd;
}

/* As long as a TCP upstream would be waited for. */
static void test_dial__waits_for_room_in_the_queue_of_a_unix_socket(void **state)
{
    enum { CLIENTS = 5 };
    struct world *w = world_create(1);
    char upstream[64];
    int clients[CLIENTS];
    int listening;

    (void)state;
    snprintf(upstream, sizeof upstream, "unix:/tmp/stormdrill-dial-%d", (int)getpid());
    listening = listen_unix(upstream + strlen("unix:"));
    world_upstream(w, upstream);
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = world_connect(w);
    world_wait_for(w, PROXY_DIAL, CLIENTS);
    for (int i = 0; i < CLIENTS; i++) {
        int server = accept(listening, NULL, NULL);

        world_send(server, "INFO");
        close(server);
    }
    for (int i = 0; i < CLIENTS; i++) {
        world_expect(clients[i], "INFO");
        close(clients[i]);
    }
    assert_int_equal(world_stats(w).dial_failed, 0);
    world_destroy(w);
    close(listening);
    unlink(upstream + strlen("unix:"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dial__that_met_itself_is_recognised),
        cmocka_unit_test(test_dial__that_met_another_is_not_taken_for_itself),
        cmocka_unit_test(test_dial__waits_for_room_in_the_queue_of_a_unix_socket),
    };

    return cmocka_run_group_tests_name("dial", tests, NULL, NULL);
}
