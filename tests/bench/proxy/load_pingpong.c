/* load_pingpong: a small message there and back, on one connection and on many.
 *
 * Each connection sends, waits for the echo, sends again. Counted are round trips in a
 * stretch of time and what the proxy spends on each. */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "tests/bench/common/net.h"
#include "tests/bench/proxy/bench.h"

enum {
    CONNECTIONS_MAX = 64,
    MESSAGE_BYTES = 64,
    WAIT_MS = 2000,
    CLOCK_EVERY = 16,
    SETTLE_MS = 3000
};

struct pingpong {
    int epoll;
    int count;
    int fds[CONNECTIONS_MAX];
    size_t missing[CONNECTIONS_MAX]; /* bytes of the echo that are still to come */
    uint64_t trips;
    bool broken;
};

static void ping(struct pingpong *game, uint32_t index)
{
    static const char message[MESSAGE_BYTES] = "ping";

    game->missing[index] = sizeof message;
    if (send(game->fds[index], message, sizeof message, MSG_NOSIGNAL) !=
        (ssize_t)sizeof message)
        game->broken = true;
}

static void on_pong(struct pingpong *game, uint32_t index)
{
    char message[MESSAGE_BYTES];
    ssize_t n = recv(game->fds[index], message, game->missing[index], 0);

    if (n <= 0) {
        game->broken |= n == 0 || errno != EAGAIN;
        return;
    }
    game->missing[index] -= (size_t)n;
    if (game->missing[index] > 0)
        return;
    game->trips++;
    ping(game, index);
}

static void play(struct pingpong *game, double seconds)
{
    uint64_t end_ns = clock_now(clock_real()) + (uint64_t)(seconds * NS_PER_S);
    struct epoll_event events[CONNECTIONS_MAX];

    for (unsigned turn = 0; !game->broken; turn++) {
        int count;

        if (turn % CLOCK_EVERY == 0 && clock_now(clock_real()) >= end_ns)
            return;
        count = epoll_wait(game->epoll, events, CONNECTIONS_MAX, WAIT_MS);
        for (int i = 0; i < count; i++)
            on_pong(game, events[i].data.u32);
        game->broken |= count == 0; /* an echo got lost */
    }
}

static bool game_open(struct pingpong *game, uint16_t port, int count)
{
    *game = (struct pingpong){.epoll = epoll_create1(EPOLL_CLOEXEC)};
    while (game->count < count) {
        struct epoll_event event = {.events = EPOLLIN};
        int fd = net_connect(port);

        if (fd == -1)
            return false;
        event.data.u32 = (uint32_t)game->count;
        epoll_ctl(game->epoll, EPOLL_CTL_ADD, fd, &event);
        game->fds[game->count++] = fd;
        ping(game, event.data.u32);
    }
    return true;
}

static bool pingpong_measure(struct sample *sample, int connections, const char *speed,
                             const char *cost)
{
    struct stretch stretch;
    struct pingpong game;
    uint64_t before = 0;
    bool good = game_open(&game, sample->peer->port, connections);

    if (good) {
        play(&game, 0.15);
        before = game.trips;
        stretch_begin(&stretch, sample);
        play(&game, 0.5 * sample->bench->seconds);
        stretch_end(&stretch, sample);
    }
    for (int i = 0; i < game.count; i++)
        net_abort(game.fds[i]);
    close(game.epoll);
    origin_await_open(sample->origin, 0, SETTLE_MS);
    if (!good || game.broken)
        return false;
    sample_add(sample, speed, (double)(game.trips - before) / stretch.seconds);
    if (sample->peer->pid != 0)
        sample_add(sample, cost,
                   stretch.proxy_cpu_s * 1e6 / (double)(game.trips - before));
    return true;
}

bool take_pingpong(struct sample *sample)
{
    return pingpong_measure(sample, 1, "1 conn trips/s", "1 conn CPU us") &&
           pingpong_measure(sample, 64, "64 conns trips/s", "64 conns CPU us");
}
