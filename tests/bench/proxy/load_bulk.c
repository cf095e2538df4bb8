/* load_bulk: as many bytes as go through, on one connection and on many.
 *
 * open the connections -> write for a while, uncounted -> count what reaches the origin
 * and what the proxy spends, for a stretch -> close all with RST -> wait until the origin
 * has seen that, so that nothing runs on into the next sample. */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "tests/bench/common/net.h"
#include "tests/bench/proxy/bench.h"

enum { CONNECTIONS_MAX = 64, WRITE_BYTES = 256 * 1024, WAIT_MS = 20, SETTLE_MS = 3000 };

struct bulk {
    int epoll;
    int count;
    int fds[CONNECTIONS_MAX];
    bool broken;
};

static bool bulk_open(struct bulk *bulk, uint16_t port, int count)
{
    *bulk = (struct bulk){.epoll = epoll_create1(EPOLL_CLOEXEC)};
    while (bulk->count < count) {
        struct epoll_event event = {.events = EPOLLOUT};
        int fd = net_connect(port);

        if (fd == -1)
            return false;
        bulk->fds[bulk->count++] = fd;
        event.data.fd = fd;
        epoll_ctl(bulk->epoll, EPOLL_CTL_ADD, fd, &event);
    }
    return true;
}

static void bulk_close(struct bulk *bulk)
{
    for (int i = 0; i < bulk->count; i++)
        net_abort(bulk->fds[i]);
    close(bulk->epoll);
}

static void bulk_pump(struct bulk *bulk, double seconds)
{
    static const char bytes[WRITE_BYTES];
    uint64_t end_ns = clock_now(clock_real()) + (uint64_t)(seconds * NS_PER_S);
    struct epoll_event events[CONNECTIONS_MAX];

    while (!bulk->broken && clock_now(clock_real()) < end_ns) {
        int count = epoll_wait(bulk->epoll, events, CONNECTIONS_MAX, WAIT_MS);

        for (int i = 0; i < count; i++) {
            ssize_t n = send(events[i].data.fd, bytes, sizeof bytes, MSG_NOSIGNAL);

            if (n < 0 && errno != EAGAIN)
                bulk->broken = true;
        }
    }
}

struct bulk_plan {
    int connections;
    double warm_s;
    double seconds;
    const char *speed; /* names of the measures */
    const char *cost;
};

static bool bulk_measure(struct sample *sample, const struct bulk_plan *plan)
{
    struct stretch stretch;
    struct bulk bulk;
    bool good = bulk_open(&bulk, sample->peer->port, plan->connections);

    if (good) {
        bulk_pump(&bulk, plan->warm_s);
        stretch_begin(&stretch, sample);
        bulk_pump(&bulk, plan->seconds * sample->bench->seconds);
        stretch_end(&stretch, sample);
        good = !bulk.broken && stretch.bytes > 0;
    }
    bulk_close(&bulk);
    origin_await_open(sample->origin, 0, SETTLE_MS);
    if (!good)
        return false;
    sample_add(sample, plan->speed, (double)stretch.bytes / 1e9 / stretch.seconds);
    if (sample->peer->pid != 0)
        sample_add(sample, plan->cost,
                   stretch.proxy_cpu_s / ((double)stretch.bytes / 1e9));
    return true;
}

bool take_bulk_once(struct sample *sample)
{
    return bulk_measure(sample, &(struct bulk_plan){.connections = 1,
                                                    .warm_s = 0.2,
                                                    .seconds = 0.6,
                                                    .speed = "GB/s",
                                                    .cost = "CPU s/GB"});
}

bool take_bulk(struct sample *sample)
{
    return take_bulk_once(sample) &&
           bulk_measure(sample, &(struct bulk_plan){.connections = 32,
                                                    .warm_s = 0.2,
                                                    .seconds = 0.6,
                                                    .speed = "32 conns GB/s",
                                                    .cost = "32 conns CPU s/GB"});
}

/* The delay must have filled before anything counts. */
bool take_bulk_delayed(struct sample *sample)
{
    return bulk_measure(sample, &(struct bulk_plan){.connections = 1,
                                                    .warm_s = 0.8,
                                                    .seconds = 1.5,
                                                    .speed = "GB/s",
                                                    .cost = "CPU s/GB"});
}
