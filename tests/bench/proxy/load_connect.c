/* load_connect: new connections, one after the other, some at a time.
 *
 * connect -> one byte there and back -> close with RST, which leaves no TIME_WAIT behind
 * and is passed on by whoever passes it on -> the next. A connection counts when its byte
 * is back. Clients come from several loopback addresses, so that ports last. */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "tests/bench/common/net.h"
#include "tests/bench/proxy/bench.h"

enum { AT_A_TIME = 32, SOURCES = 8, WAIT_MS = 1000, CLOCK_EVERY = 16, SETTLE_MS = 3000 };

struct caller {
    int fd; /* -1: none */
    bool sent;
};

struct calls {
    int epoll;
    uint16_t port;
    unsigned begun;
    uint64_t done;
    uint64_t failed;
    struct caller callers[AT_A_TIME];
};

/* On the loopback the connection mostly stands when connect returns. */
static void say(struct calls *calls, uint32_t index)
{
    struct caller *caller = &calls->callers[index];
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};

    caller->sent = send(caller->fd, "?", 1, MSG_NOSIGNAL) == 1;
    if (!caller->sent)
        event.events = EPOLLOUT;
    if (epoll_ctl(calls->epoll, EPOLL_CTL_ADD, caller->fd, &event) != 0)
        epoll_ctl(calls->epoll, EPOLL_CTL_MOD, caller->fd, &event);
}

static void call(struct calls *calls, uint32_t index)
{
    struct caller *caller = &calls->callers[index];

    caller->fd = net_connect_begin(calls->port, 1 + calls->begun++ % SOURCES);
    if (caller->fd == -1)
        calls->failed++;
    else
        say(calls, index);
}

static void on_event(struct calls *calls, uint32_t index)
{
    struct caller *caller = &calls->callers[index];
    char byte;
    ssize_t n;

    if (!caller->sent) {
        say(calls, index);
        return;
    }
    n = recv(caller->fd, &byte, 1, 0);
    if (n < 0 && errno == EAGAIN)
        return;
    calls->done += n == 1;
    calls->failed += n != 1;
    net_abort(caller->fd);
    call(calls, index);
}

static bool run_calls(struct calls *calls, double seconds)
{
    uint64_t end_ns = clock_now(clock_real()) + (uint64_t)(seconds * NS_PER_S);
    struct epoll_event events[AT_A_TIME];

    for (unsigned turn = 0;; turn++) {
        int count;

        if (turn % CLOCK_EVERY == 0 && clock_now(clock_real()) >= end_ns)
            return true;
        count = epoll_wait(calls->epoll, events, AT_A_TIME, WAIT_MS);
        for (int i = 0; i < count; i++)
            on_event(calls, events[i].data.u32);
        if (count == 0)
            return false; /* no answer for so long */
    }
}

bool take_connect(struct sample *sample)
{
    struct calls calls = {.port = sample->peer->port,
                          .epoll = epoll_create1(EPOLL_CLOEXEC)};
    struct stretch stretch;
    uint64_t before;
    bool good;

    for (uint32_t i = 0; i < AT_A_TIME; i++)
        call(&calls, i);
    good = run_calls(&calls, 0.15);
    before = calls.done;
    stretch_begin(&stretch, sample);
    good = good && run_calls(&calls, 0.6 * sample->bench->seconds);
    stretch_end(&stretch, sample);
    for (int i = 0; i < AT_A_TIME; i++)
        if (calls.callers[i].fd != -1)
            net_abort(calls.callers[i].fd);
    close(calls.epoll);
    origin_await_open(sample->origin, 0, SETTLE_MS);
    if (!good || calls.done == before)
        return false;
    if (calls.failed > 0)
        results_note(&sample->bench->results, "connect: connections through %s failed",
                     sample->peer->setup->name);
    sample_add(sample, "conns/s", (double)(calls.done - before) / stretch.seconds);
    if (sample->peer->pid != 0)
        sample_add(sample, "CPU us",
                   stretch.proxy_cpu_s * 1e6 / (double)(calls.done - before));
    return true;
}
