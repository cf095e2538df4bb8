/* farewell: what was passed on before a close arrives, whatever the peer does. */
#include "tests/lib/proxy/world.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PIECE_BYTES = 64 * 1024, LIMIT_BYTES = 1 << 20, FLOOD_BYTES = 4 << 20 };

/* Sends until nobody takes it any more. */
struct flood {
    int fd;
    atomic_size_t sent;
    atomic_bool failed;
    pthread_t thread;
};

static void *run_flood(void *arg)
{
    static const char piece[PIECE_BYTES];
    struct flood *flood = arg;
    ssize_t n;

    while ((n = send(flood->fd, piece, sizeof piece, MSG_NOSIGNAL)) > 0)
        atomic_fetch_add(&flood->sent, (size_t)n);
    atomic_store(&flood->failed, true);
    return NULL;
}

static void flood_start(struct flood *flood, int fd)
{
    *flood = (struct flood){.fd = fd};
    assert_int_equal(pthread_create(&flood->thread, NULL, run_flood, flood), 0);
}

/* Until it has sent so much more, or may send no more at all. */
static void flood_wait_for_more(struct flood *flood, size_t bytes)
{
    size_t from = atomic_load(&flood->sent);

    while (!atomic_load(&flood->failed) && atomic_load(&flood->sent) - from < bytes)
        usleep(1000);
}

static size_t receive_all(int fd)
{
    char bytes[PIECE_BYTES];
    size_t total = 0;
    ssize_t n;

    while ((n = recv(fd, bytes, sizeof bytes, 0)) > 0)
        total += (size_t)n;
    return total;
}

static void test_farewell__a_peer_that_goes_on_sending_loses_nothing(void **state)
{
    struct world *w = world_create(1);
    struct flood to_client;
    struct flood to_server;
    int pair[2];

    (void)state;
    world_fault(w, "limit", "bytes=1MiB direction=to_client");
    world_pair(w, pair);
    flood_start(&to_server, pair[0]);
    flood_start(&to_client, pair[1]);
    world_wait_for(w, PROXY_CLOSE, 1);
    flood_wait_for_more(&to_server, FLOOD_BYTES);
    assert_int_equal(receive_all(pair[0]), LIMIT_BYTES);
    shutdown(pair[0], SHUT_RDWR);
    shutdown(pair[1], SHUT_RDWR);
    pthread_join(to_server.thread, NULL);
    pthread_join(to_client.thread, NULL);
    world_close_pair(pair);
    world_destroy(w);
}

/* Who takes nothing at all keeps neither the link nor the plane from ending. */
static void test_farewell__a_peer_that_takes_nothing_delays_no_end(void **state)
{
    int fds = world_open_fds();
    struct world *w = world_create(1);
    struct flood to_client;
    int pair[2];

    (void)state;
    world_fault(w, "limit", "bytes=1MiB direction=to_client");
    world_pair(w, pair);
    flood_start(&to_client, pair[1]);
    world_wait_for(w, PROXY_CLOSE, 1);
    pthread_join(to_client.thread, NULL);
    world_destroy(w);
    world_close_pair(pair);
    assert_int_equal(world_open_fds(), fds);
}

static int connect_unix(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(to.sun_path, path, strlen(path) + 1);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

/* close(2) would tell it ECONNRESET. */
static void test_farewell__a_unix_peer_whose_bytes_lie_unread_sees_fin(void **state)
{
    struct world *w = world_create_without_link(1, 0);
    struct link_options options = {.name = "world"};
    struct fault_id close_after;
    char path[64];
    int client;
    int server;

    (void)state;
    snprintf(path, sizeof path, "/tmp/stormdrill-farewell-%d", (int)getpid());
    snprintf(options.listen, sizeof options.listen, "unix:%s", path);
    snprintf(options.upstream, sizeof options.upstream, "127.0.0.1:%u", w->upstream_port);
    w->link = world_open_link(w, &options).link;
    client = connect_unix(path);
    server = world_accept(w);
    world_fault(w, "stall", "");
    close_after = world_fault(w, "close_after", "time=1h direction=to_client");
    world_send(client, "nobody reads this");
    world_change(w, close_after, "time=0");
    world_expect_fin(client);
    world_expect_fin(server);
    close(client);
    close(server);
    world_destroy(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_farewell__a_peer_that_goes_on_sending_loses_nothing),
        cmocka_unit_test(test_farewell__a_peer_that_takes_nothing_delays_no_end),
        cmocka_unit_test(test_farewell__a_unix_peer_whose_bytes_lie_unread_sees_fin),
    };

    return cmocka_run_group_tests_name("farewell", tests, NULL, NULL);
}
