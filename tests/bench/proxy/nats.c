/* nats: messages through the link, from a publisher and to a subscriber, with a real
 * nats-server between them.
 *
 * A bare publisher writes PUB after PUB, a bare subscriber counts the bytes that come;
 * both sit behind the proxy. The publisher stops when it is too far ahead, so that the
 * server never calls the subscriber slow. The server's own CPU is in nobody's figure. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "tests/bench/common/child.h"
#include "tests/bench/common/net.h"
#include "tests/bench/proxy/bench.h"

enum {
    BATCH_BYTES = 64 * 1024,
    AHEAD_BYTES = 8 * 1024 * 1024,
    READ_BYTES = 256 * 1024,
    WAIT_MS = 10000,
    STUCK_MS = 10000,
    PATH_BYTES = 300
};

struct nats_server {
    pid_t pid;
    uint16_t port;
    char log[PATH_BYTES];
};

uint16_t nats_start(struct bench *bench, void **upstream, char *why, size_t size)
{
    struct nats_server *server = calloc(1, sizeof *server);
    char port[16];
    char *argv[] = {"nats-server", "-a", "127.0.0.1", "-p", port, NULL};

    if (server == NULL)
        return 0;
    snprintf(server->log, sizeof server->log, "%s/nats-server.log", bench->tools.folder);
    server->port = net_free_port();
    snprintf(port, sizeof port, "%u", server->port);
    server->pid = child_start(argv, server->log, NULL);
    if (server->pid != 0 && net_await_listener(server->port, server->pid)) {
        *upstream = server;
        return server->port;
    }
    snprintf(why, size, "nats-server does not start: %s",
             server->pid == 0 ? strerror(errno) : server->log);
    nats_stop(server);
    return 0;
}

void nats_stop(void *upstream)
{
    struct nats_server *server = upstream;

    child_stop(server->pid);
    free(server);
}

/* ---- one exchange ---- */

struct exchange {
    int publisher;
    int subscriber;
    size_t payload;
    size_t message_bytes; /* of "MSG b 1 128\r\n...\r\n" */
    size_t batch_bytes;   /* of the PUBs in `batch` */
    size_t batch_messages;
    char batch[BATCH_BYTES];
    uint64_t published;        /* messages */
    _Atomic uint64_t received; /* bytes */
    _Atomic bool over;
    bool broken;
};

/* INFO comes, CONNECT and PING go, PONG says that all is well. */
static int join(uint16_t port, const char *after)
{
    static const char hello[] = "CONNECT {\"verbose\":false,\"pedantic\":false,"
                                "\"lang\":\"bench\",\"version\":\"0\"}\r\n";
    char text[8192];
    size_t used = 0;
    int fd = net_connect(port);

    if (fd == -1)
        return -1;
    if (net_write_all(fd, hello, strlen(hello), WAIT_MS) &&
        net_write_all(fd, after, strlen(after), WAIT_MS))
        while (used < sizeof text - 1 && net_read_all(fd, text + used, 1, WAIT_MS)) {
            text[++used] = '\0';
            if (used >= 6 && strcmp(text + used - 6, "PONG\r\n") == 0)
                return fd;
        }
    net_abort(fd);
    return -1;
}

static void fill_batch(struct exchange *exchange)
{
    char head[64];
    int head_bytes = snprintf(head, sizeof head, "PUB b %zu\r\n", exchange->payload);
    size_t one = (size_t)head_bytes + exchange->payload + 2;

    while (exchange->batch_bytes + one <= BATCH_BYTES) {
        char *to = exchange->batch + exchange->batch_bytes;

        memcpy(to, head, (size_t)head_bytes);
        memset(to + head_bytes, 'x', exchange->payload);
        memcpy(to + one - 2, "\r\n", 2);
        exchange->batch_bytes += one;
        exchange->batch_messages++;
    }
    exchange->message_bytes =
        (size_t)snprintf(head, sizeof head, "MSG b 1 %zu\r\n", exchange->payload) +
        exchange->payload + 2;
}

static void *subscribe(void *arg)
{
    struct exchange *exchange = arg;
    char *buffer = malloc(READ_BYTES);

    while (buffer != NULL && !atomic_load(&exchange->over)) {
        struct pollfd poller = {.fd = exchange->subscriber, .events = POLLIN};
        ssize_t n;

        if (poll(&poller, 1, 50) != 1)
            continue;
        n = recv(exchange->subscriber, buffer, READ_BYTES, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            break;
        if (n > 0)
            atomic_fetch_add_explicit(&exchange->received, (uint64_t)n,
                                      memory_order_relaxed);
    }
    free(buffer);
    return NULL;
}

/* Too far ahead of the subscriber? Then sleep a little. */
static bool is_ahead(struct exchange *exchange)
{
    const struct timespec nap = {.tv_nsec = 200 * NS_PER_US};
    uint64_t sent = exchange->published * exchange->message_bytes;

    if (sent <
        atomic_load_explicit(&exchange->received, memory_order_relaxed) + AHEAD_BYTES)
        return false;
    nanosleep(&nap, NULL);
    return true;
}

static void publish(struct exchange *exchange, double seconds)
{
    uint64_t end_ns = clock_now(clock_real()) + (uint64_t)(seconds * NS_PER_S);

    while (!exchange->broken && clock_now(clock_real()) < end_ns) {
        if (is_ahead(exchange))
            continue;
        if (net_write_all(exchange->publisher, exchange->batch, exchange->batch_bytes,
                          STUCK_MS))
            exchange->published += exchange->batch_messages;
        else
            exchange->broken = true;
    }
}

static bool exchange_open(struct exchange *exchange, uint16_t port)
{
    exchange->subscriber = join(port, "SUB b 1\r\nPING\r\n");
    exchange->publisher = join(port, "PING\r\n");
    fill_batch(exchange);
    return exchange->subscriber != -1 && exchange->publisher != -1;
}

static void exchange_close(struct exchange *exchange)
{
    if (exchange->subscriber != -1)
        net_abort(exchange->subscriber);
    if (exchange->publisher != -1)
        net_abort(exchange->publisher);
    free(exchange);
}

static bool nats_measure(struct sample *sample, size_t payload, const char *speed,
                         const char *cost)
{
    struct exchange *exchange = calloc(1, sizeof *exchange);
    struct stretch stretch;
    pthread_t thread;
    uint64_t before = 0, after = 0;
    bool good;

    if (exchange == NULL)
        return false;
    exchange->payload = payload;
    good = exchange_open(exchange, sample->peer->port) &&
           pthread_create(&thread, NULL, subscribe, exchange) == 0;
    if (good) {
        publish(exchange, 0.25);
        before = atomic_load(&exchange->received);
        stretch_begin(&stretch, sample);
        publish(exchange, 0.7 * sample->bench->seconds);
        stretch_end(&stretch, sample);
        after = atomic_load(&exchange->received);
        atomic_store(&exchange->over, true);
        pthread_join(thread, NULL);
    }
    if (!good)
        sample_fail(sample, "no connection to the server: %s", strerror(errno));
    else if (exchange->broken)
        sample_fail(sample, "the publisher is stuck or closed: %s", strerror(errno));
    else if (after == before)
        sample_fail(sample, "nothing came (%llu bytes before that)",
                    (unsigned long long)before);
    if (good && !exchange->broken && after > before) {
        double messages = (double)(after - before) / (double)exchange->message_bytes;

        sample_add(sample, speed, messages / stretch.seconds);
        if (sample->peer->pid != 0)
            sample_add(sample, cost, stretch.proxy_cpu_s * 1e6 / messages);
    } else {
        good = false;
    }
    exchange_close(exchange);
    return good;
}

bool take_nats(struct sample *sample)
{
    return nats_measure(sample, 128, "128 B msgs/s", "128 B CPU us") &&
           nats_measure(sample, 1024, "1 KiB msgs/s", "1 KiB CPU us");
}
