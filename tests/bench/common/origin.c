/* origin: the server at the far end of every proxy.
 *
 * start: listen, thread -> accept all that come -> on_readable, one read each time, so
 * that many connections in bulk share it fairly -> stop: thread over, all closed.
 * A connection is closed when its handler says so or its peer has gone. */
#include "tests/bench/common/origin.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "tests/bench/common/net.h"

enum { EVENTS_MAX = 64, FDS_MAX = 65536 };

bool origin_sink(struct origin *origin, int fd)
{
    ssize_t n = recv(fd, origin->buffer, ORIGIN_READ_BYTES, 0);

    if (n > 0)
        atomic_fetch_add_explicit(&origin->bytes, (uint64_t)n, memory_order_relaxed);
    return n > 0 || (n < 0 && errno == EAGAIN);
}

bool origin_echo(struct origin *origin, int fd)
{
    ssize_t n = recv(fd, origin->buffer, 4096, 0);

    if (n > 0) {
        atomic_fetch_add_explicit(&origin->bytes, (uint64_t)n, memory_order_relaxed);
        return net_write_all(fd, origin->buffer, (size_t)n, 1000);
    }
    return n < 0 && errno == EAGAIN;
}

static void accept_all(struct origin *origin)
{
    struct epoll_event event = {.events = EPOLLIN};
    int on = 1;
    int fd;

    while ((fd = accept4(origin->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) !=
           -1) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        event.data.fd = fd;
        if (fd >= FDS_MAX || epoll_ctl(origin->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
            net_abort(fd);
            continue;
        }
        origin->connections[fd] = true;
        atomic_fetch_add(&origin->open, 1);
        atomic_fetch_add_explicit(&origin->accepted, 1, memory_order_relaxed);
    }
}

static void *serve(void *arg)
{
    struct origin *origin = arg;
    struct epoll_event events[EVENTS_MAX];

    for (bool over = false; !over;) {
        int count = epoll_wait(origin->epoll, events, EVENTS_MAX, -1);

        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;

            if (fd == origin->stopper) {
                over = true;
            } else if (fd == origin->listener) {
                accept_all(origin);
            } else if (!origin->on_readable(origin, fd)) {
                origin->connections[fd] = false;
                close(fd);
                atomic_fetch_sub(&origin->open, 1);
            }
        }
    }
    for (int fd = 0; fd < FDS_MAX; fd++)
        if (origin->connections[fd])
            net_abort(fd);
    return NULL;
}

static bool watch(struct origin *origin, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    return epoll_ctl(origin->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void release(struct origin *origin)
{
    if (origin->listener != -1)
        close(origin->listener);
    if (origin->epoll != -1)
        close(origin->epoll);
    if (origin->stopper != -1)
        close(origin->stopper);
    free(origin->buffer);
    free(origin->connections);
}

int origin_start(struct origin *origin, origin_read_fn *on_readable, void *arg)
{
    *origin = (struct origin){
        .on_readable = on_readable,
        .arg = arg,
        .buffer = malloc(ORIGIN_READ_BYTES),
        .connections = calloc(FDS_MAX, sizeof(bool)),
        .epoll = epoll_create1(EPOLL_CLOEXEC),
        .stopper = eventfd(0, EFD_CLOEXEC),
    };
    origin->listener = net_listen(&origin->port);
    if (origin->buffer != NULL && origin->connections != NULL && origin->epoll != -1 &&
        origin->stopper != -1 && origin->listener != -1 &&
        watch(origin, origin->listener) && watch(origin, origin->stopper) &&
        pthread_create(&origin->thread, NULL, serve, origin) == 0)
        return 0;
    release(origin);
    return -1;
}

void origin_stop(struct origin *origin)
{
    uint64_t one = 1;

    if (write(origin->stopper, &one, sizeof one) == (ssize_t)sizeof one)
        pthread_join(origin->thread, NULL);
    release(origin);
}

bool origin_await_open(struct origin *origin, int count, int limit_ms)
{
    const struct timespec step = {.tv_nsec = NS_PER_MS};

    for (int ms = 0; atomic_load(&origin->open) != count; ms++) {
        if (ms >= limit_ms)
            return false;
        nanosleep(&step, NULL);
    }
    return true;
}
