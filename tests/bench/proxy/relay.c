/* relay: a bare relay with a delay, the yardstick of the sections `delay-*`.
 *
 * What a proxy must at least do to delay: one thread, epoll, a queue of deadlines, a
 * timerfd. How late it is says what this machine's timers and wake-ups are worth now, so
 * a figure of another machine can be carried over. It knows nothing else: one upstream,
 * small messages; whatever does not work ends the connection. */
#include "tests/bench/proxy/relay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "tests/bench/common/net.h"

enum { BACKLOG = 64, READ_BYTES = 64 * 1024 };

struct pair;

struct end {
    struct pair *pair;
    int fd;
};

struct pair {
    struct end client;
    struct end server;
    int pending; /* chunks in the queue */
    bool closed;
};

struct late {
    struct late *next;
    struct pair *pair;
    uint64_t due_ns;
    size_t size;
    char bytes[];
};

struct relay {
    int epoll;
    struct end listener;
    struct end timer;
    uint16_t upstream;
    uint64_t delay_ns;
    struct late *first;
    struct late **last;
    char buffer[READ_BYTES];
};

static void watch(struct relay *relay, struct end *end)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = end};

    epoll_ctl(relay->epoll, EPOLL_CTL_ADD, end->fd, &event);
}

static void close_pair(struct pair *pair)
{
    if (pair->closed)
        return;
    pair->closed = true;
    net_abort(pair->client.fd);
    net_abort(pair->server.fd);
}

static void accept_one(struct relay *relay)
{
    int fd = accept4(relay->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct pair *pair = calloc(1, sizeof *pair);
    int on = 1;

    if (fd == -1 || pair == NULL) {
        free(pair);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    pair->client = (struct end){.pair = pair, .fd = fd};
    pair->server = (struct end){.pair = pair, .fd = net_connect(relay->upstream)};
    if (pair->server.fd == -1) {
        net_abort(fd);
        free(pair);
        return;
    }
    watch(relay, &pair->client);
    watch(relay, &pair->server);
}

static void set_timer(struct relay *relay)
{
    struct itimerspec at = {.it_value = {0}};

    if (relay->first != NULL) {
        at.it_value.tv_sec = (time_t)(relay->first->due_ns / NS_PER_S);
        at.it_value.tv_nsec = (long)(relay->first->due_ns % NS_PER_S);
    }
    timerfd_settime(relay->timer.fd, TFD_TIMER_ABSTIME, &at, NULL);
}

static void hold(struct relay *relay, struct pair *pair, size_t size)
{
    struct late *late = malloc(sizeof *late + size);
    bool was_empty = relay->first == NULL;

    if (late == NULL) {
        close_pair(pair);
        return;
    }
    *late = (struct late){
        .pair = pair, .due_ns = clock_now(clock_real()) + relay->delay_ns, .size = size};
    memcpy(late->bytes, relay->buffer, size);
    pair->pending++;
    *relay->last = late;
    relay->last = &late->next;
    if (was_empty)
        set_timer(relay);
}

static void let_go(struct relay *relay)
{
    uint64_t ticks;

    if (read(relay->timer.fd, &ticks, sizeof ticks) < 0)
        return;
    while (relay->first != NULL && relay->first->due_ns <= clock_now(clock_real())) {
        struct late *late = relay->first;
        struct pair *pair = late->pair;

        relay->first = late->next;
        if (relay->first == NULL)
            relay->last = &relay->first;
        if (!pair->closed && send(pair->server.fd, late->bytes, late->size,
                                  MSG_NOSIGNAL) != (ssize_t)late->size)
            close_pair(pair);
        free(late);
        if (--pair->pending == 0 && pair->closed)
            free(pair);
    }
    set_timer(relay);
}

static void pass(struct relay *relay, struct end *end)
{
    struct pair *pair = end->pair;
    ssize_t n = recv(end->fd, relay->buffer, sizeof relay->buffer, 0);

    if (n <= 0 || (end == &pair->server &&
                   send(pair->client.fd, relay->buffer, (size_t)n, MSG_NOSIGNAL) != n))
        close_pair(pair);
    else if (end == &pair->client)
        hold(relay, pair, (size_t)n);
    if (pair->closed && pair->pending == 0)
        free(pair);
}

/* One event a time: whatever closes a pair may have closed what comes next. */
static void step(struct relay *relay)
{
    struct epoll_event event;
    struct end *end;

    if (epoll_wait(relay->epoll, &event, 1, -1) != 1)
        return;
    end = event.data.ptr;
    if (end == &relay->listener)
        accept_one(relay);
    else if (end == &relay->timer)
        let_go(relay);
    else
        pass(relay, end);
}

static int listen_at(uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd == -1)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    close(fd);
    return -1;
}

int relay_run(uint16_t port, uint16_t upstream, uint64_t delay_us)
{
    struct relay relay = {
        .epoll = epoll_create1(EPOLL_CLOEXEC),
        .listener.fd = listen_at(port),
        .timer.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC),
        .upstream = upstream,
        .delay_ns = delay_us * NS_PER_US,
        .last = &relay.first,
    };

    if (relay.epoll == -1 || relay.listener.fd == -1 || relay.timer.fd == -1)
        return 1;
    watch(&relay, &relay.listener);
    watch(&relay, &relay.timer);
    for (;;)
        step(&relay);
}
