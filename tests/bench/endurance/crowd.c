/* crowd: clients of six kinds that come and go, many at a time.
 *
 * connect -> (say something -> hear it back) -> gone, at the latest after some
 * milliseconds, since many a fault never answers. Most go with RST, so that neither
 * ports nor the kernel's memory of them run out; one kind goes with FIN. */
#include "tests/bench/endurance/crowd.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "tests/bench/common/net.h"

enum {
    AT_A_TIME = 256,
    SOURCES = 16, /* 127.0.0.1 to .16 */
    SMALL_BYTES = 64,
    BULK_BYTES = 192 * 1024,
    PATIENCE_MS = 40,
    WAIT_MS = 2
};

enum kind {
    KIND_SMALL,   /* 64 bytes there and back, RST */
    KIND_ORDERLY, /* the same, FIN */
    KIND_HALF,    /* 64 bytes and FIN, reads to the end */
    KIND_BULK,    /* as much as comes back, RST in the middle */
    KIND_QUIET,   /* says nothing */
    KIND_ABRUPT,  /* RST at once */
    KIND_COUNT
};

struct guest {
    int fd; /* -1: nobody */
    enum kind kind;
    bool spoke;
    size_t sent;
    size_t heard;
    uint64_t until_ns;
};

struct crowd {
    int epoll;
    const uint16_t *ports;
    int port_count;
    uint64_t begun;
    uint64_t count;
    int present;
    struct crowd_tally *tally;
    struct guest guests[AT_A_TIME];
};

bool crowd_echo(struct origin *origin, int fd)
{
    ssize_t n = recv(fd, origin->buffer, 64 * 1024, 0);

    if (n > 0) /* what does not fit is lost: who does not read gets no more */
        (void)!send(fd, origin->buffer, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
    return n > 0 || (n < 0 && errno == EAGAIN);
}

static void leave(struct crowd *crowd, struct guest *guest, uint64_t *how)
{
    ++*how;
    if (guest->kind == KIND_ORDERLY && how == &crowd->tally->answered)
        close(guest->fd);
    else
        net_abort(guest->fd);
    guest->fd = -1;
    crowd->present--;
}

static void arrive(struct crowd *crowd, uint32_t index)
{
    struct guest *guest = &crowd->guests[index];
    struct epoll_event event = {.events = EPOLLOUT, .data.u32 = index};
    uint64_t number = crowd->begun++;
    uint16_t port = crowd->ports[number % (uint64_t)crowd->port_count];

    crowd->tally->connections++;
    *guest = (struct guest){
        .kind = (enum kind)(number / (uint64_t)crowd->port_count % KIND_COUNT),
        .until_ns = clock_now(clock_real()) + PATIENCE_MS * NS_PER_MS,
        .fd = net_connect_begin(port, 1 + (unsigned)(number % SOURCES)),
    };
    if (guest->fd == -1) {
        crowd->tally->refused++;
        return;
    }
    crowd->present++;
    epoll_ctl(crowd->epoll, EPOLL_CTL_ADD, guest->fd, &event);
}

/* Connected, or room for more. */
static void speak(struct crowd *crowd, struct guest *guest, uint32_t index)
{
    static const char words[BULK_BYTES];
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
    size_t all = guest->kind == KIND_BULK ? BULK_BYTES : SMALL_BYTES;
    int failure = 0;
    socklen_t size = sizeof failure;
    ssize_t n = 0;

    if (getsockopt(guest->fd, SOL_SOCKET, SO_ERROR, &failure, &size) != 0 ||
        failure != 0) {
        leave(crowd, guest, guest->spoke ? &crowd->tally->ended : &crowd->tally->refused);
        return;
    }
    guest->spoke = true;
    if (guest->kind == KIND_ABRUPT) {
        leave(crowd, guest, &crowd->tally->answered);
        return;
    }
    if (guest->kind != KIND_QUIET)
        n = send(guest->fd, words, all - guest->sent, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) {
        leave(crowd, guest, &crowd->tally->ended);
        return;
    }
    guest->sent += n > 0 ? (size_t)n : 0;
    if (guest->kind == KIND_HALF)
        shutdown(guest->fd, SHUT_WR);
    if (guest->sent < all && guest->kind == KIND_BULK)
        event.events |= EPOLLOUT;
    epoll_ctl(crowd->epoll, EPOLL_CTL_MOD, guest->fd, &event);
}

static void hear(struct crowd *crowd, struct guest *guest)
{
    static _Thread_local char bytes[64 * 1024];
    ssize_t n = recv(guest->fd, bytes, sizeof bytes, 0);

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        bool whole = n == 0 && guest->kind == KIND_HALF && guest->heard == SMALL_BYTES;

        leave(crowd, guest, whole ? &crowd->tally->answered : &crowd->tally->ended);
        return;
    }
    guest->heard += (size_t)n;
    if ((guest->kind == KIND_SMALL || guest->kind == KIND_ORDERLY) &&
        guest->heard >= SMALL_BYTES)
        leave(crowd, guest, &crowd->tally->answered);
    else if (guest->kind == KIND_BULK && guest->heard >= BULK_BYTES / 2)
        leave(crowd, guest, &crowd->tally->answered);
}

static void on_event(struct crowd *crowd, const struct epoll_event *event)
{
    struct guest *guest = &crowd->guests[event->data.u32];

    if (guest->fd != -1 && (event->events & (EPOLLOUT | EPOLLERR)) != 0)
        speak(crowd, guest, event->data.u32);
    if (guest->fd != -1 && (event->events & (EPOLLIN | EPOLLHUP)) != 0 && guest->spoke)
        hear(crowd, guest);
}

/* Whose time is over goes; a place that is free is taken. */
static void turn_over(struct crowd *crowd)
{
    uint64_t now_ns = clock_now(clock_real());

    for (uint32_t i = 0; i < AT_A_TIME; i++) {
        struct guest *guest = &crowd->guests[i];

        if (guest->fd != -1 && guest->until_ns <= now_ns)
            leave(crowd, guest,
                  guest->heard > 0 ? &crowd->tally->answered : &crowd->tally->silent);
        if (guest->fd == -1 && crowd->begun < crowd->count)
            arrive(crowd, i);
    }
}

void crowd_run(struct crowd_tally *tally, const uint16_t *ports, int port_count,
               uint64_t count)
{
    struct crowd crowd = {
        .epoll = epoll_create1(EPOLL_CLOEXEC),
        .ports = ports,
        .port_count = port_count,
        .count = count,
        .tally = tally,
    };
    struct epoll_event events[AT_A_TIME];

    for (int i = 0; i < AT_A_TIME; i++)
        crowd.guests[i].fd = -1;
    while (crowd.begun < crowd.count || crowd.present > 0) {
        int ready;

        turn_over(&crowd);
        ready = epoll_wait(crowd.epoll, events, AT_A_TIME, WAIT_MS);
        for (int i = 0; i < ready; i++)
            on_event(&crowd, &events[i]);
    }
    close(crowd.epoll);
}
