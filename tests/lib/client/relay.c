/* relay: poll, read, write; a mode decides what is left out. */
#include "tests/lib/client/relay.h"

#include <arpa/inet.h>
#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PAIRS_MAX = 64, POLL_MS = 5 };

struct pair {
    int client, server; /* -1: free; server -1: silent */
    bool mute;          /* INFO is through: everything else is swallowed */
    bool info_only;
};

struct relay {
    pthread_t thread;
    int listener;
    uint16_t port;
    _Atomic uint16_t upstream;
    _Atomic int mode;
    _Atomic bool cutting;
    _Atomic bool ending;
    _Atomic uint32_t accepts;
    struct pair pairs[PAIRS_MAX];
};

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int dial(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert(fd != -1);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

static void reset(int *fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    if (*fd == -1)
        return;
    setsockopt(*fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(*fd);
    *fd = -1;
}

static void end_pair(struct pair *pair)
{
    reset(&pair->client);
    reset(&pair->server);
}

static void accept_one(struct relay *relay)
{
    int fd = accept4(relay->listener, NULL, NULL, SOCK_CLOEXEC);
    enum relay_mode mode = (enum relay_mode)atomic_load(&relay->mode);

    if (fd == -1)
        return;
    atomic_fetch_add(&relay->accepts, 1);
    for (int i = 0; i < PAIRS_MAX; i++) {
        struct pair *pair = &relay->pairs[i];

        if (pair->client != -1)
            continue;
        *pair = (struct pair){
            .client = fd, .server = -1, .info_only = mode == RELAY_INFO_ONLY};
        if (mode == RELAY_SILENT)
            return;
        pair->server = dial(atomic_load(&relay->upstream));
        if (pair->server == -1)
            end_pair(pair);
        return;
    }
    close(fd);
}

static bool send_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t n = send(fd, bytes, size, MSG_NOSIGNAL);

        if (n <= 0)
            return false;
        bytes += n;
        size -= (size_t)n;
    }
    return true;
}

/* false: one side has ended. */
static bool move(struct pair *pair, bool to_client)
{
    char bytes[65536];
    int from = to_client ? pair->server : pair->client;
    int to = to_client ? pair->client : pair->server;
    ssize_t n = recv(from, bytes, sizeof bytes, MSG_DONTWAIT);
    size_t size = (size_t)n;
    const char *newline;

    if (n == 0 || to == -1)
        return n > 0;
    if (n < 0)
        return true;
    if (pair->mute)
        return true;
    if (pair->info_only && !to_client)
        return true;
    if (pair->info_only && (newline = memchr(bytes, '\n', size)) != NULL) {
        size = (size_t)(newline - bytes) + 1;
        pair->mute = true;
    }
    return send_all(to, bytes, size);
}

static void serve_pair(struct relay *relay, struct pair *pair)
{
    bool stalled = atomic_load(&relay->mode) == RELAY_STALL;
    struct pollfd fds[] = {{.fd = stalled ? -1 : pair->client, .events = POLLIN},
                           {.fd = pair->server, .events = POLLIN}};

    poll(fds, 2, 0);
    if ((fds[0].revents != 0 && !move(pair, false)) ||
        (fds[1].revents != 0 && !move(pair, true)))
        end_pair(pair);
}

static void wait_for_any(struct relay *relay)
{
    struct pollfd fds[1 + 2 * PAIRS_MAX] = {{.fd = relay->listener, .events = POLLIN}};
    bool stalled = atomic_load(&relay->mode) == RELAY_STALL;

    for (int i = 0; i < PAIRS_MAX; i++) {
        fds[1 + 2 * i] = (struct pollfd){.fd = stalled ? -1 : relay->pairs[i].client,
                                         .events = POLLIN};
        fds[2 + 2 * i] = (struct pollfd){.fd = relay->pairs[i].server, .events = POLLIN};
    }
    poll(fds, 1 + 2 * PAIRS_MAX, POLL_MS);
    if (fds[0].revents != 0)
        accept_one(relay);
}

static void *run(void *arg)
{
    struct relay *relay = arg;

    while (!atomic_load(&relay->ending)) {
        wait_for_any(relay);
        for (int i = 0; i < PAIRS_MAX; i++) {
            if (relay->pairs[i].client != -1)
                serve_pair(relay, &relay->pairs[i]);
        }
        if (atomic_load(&relay->cutting)) {
            for (int i = 0; i < PAIRS_MAX; i++)
                end_pair(&relay->pairs[i]);
            atomic_store(&relay->cutting, false);
        }
    }
    for (int i = 0; i < PAIRS_MAX; i++)
        end_pair(&relay->pairs[i]);
    return NULL;
}

struct relay *relay_start(uint16_t upstream_port)
{
    struct relay *relay = calloc(1, sizeof *relay);
    struct sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    int rc;

    assert(relay != NULL);
    for (int i = 0; i < PAIRS_MAX; i++)
        relay->pairs[i] = (struct pair){.client = -1, .server = -1};
    relay->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    rc = bind(relay->listener, (struct sockaddr *)&address, sizeof address);
    assert(rc == 0);
    rc = listen(relay->listener, 64);
    assert(rc == 0);
    rc = getsockname(relay->listener, (struct sockaddr *)&address, &size);
    assert(rc == 0);
    relay->port = ntohs(address.sin_port);
    atomic_store(&relay->upstream, upstream_port);
    rc = pthread_create(&relay->thread, NULL, run, relay);
    assert(rc == 0);
    return relay;
}

void relay_stop(struct relay *relay)
{
    atomic_store(&relay->ending, true);
    pthread_join(relay->thread, NULL);
    close(relay->listener);
    free(relay);
}

uint16_t relay_port(const struct relay *relay)
{
    return relay->port;
}

void relay_set_mode(struct relay *relay, enum relay_mode mode)
{
    atomic_store(&relay->mode, mode);
}

void relay_set_upstream(struct relay *relay, uint16_t port)
{
    atomic_store(&relay->upstream, port);
}

void relay_cut(struct relay *relay)
{
    atomic_store(&relay->cutting, true);
    while (atomic_load(&relay->cutting))
        usleep(1000);
}

uint32_t relay_accepts(const struct relay *relay)
{
    return atomic_load(&relay->accepts);
}
