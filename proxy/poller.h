/* poller: which sockets are ready, one system call for each change of what is asked.
 *
 * An epoll instance of the engine's own; libuv's loop (commands, lookups) is one
 * descriptor in it and is turned when it has something to do. libuv's uv_poll takes a
 * descriptor out and puts it in again at each change, and looks it over at first: half
 * of all system calls of a short connection.
 *
 * What a watch wants is told to the kernel at the end of the turn: what changes twice in
 * a turn costs nothing. Level-triggered. An error or hang-up that nobody asked for is
 * told as everything that is wanted, so that the read or write that follows finds it.
 * Thread: the loop's. Callbacks fire from poller_run only. */
#ifndef STORMDRILL_PROXY_POLLER_H
#define STORMDRILL_PROXY_POLLER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "proxy/base/error.h"

enum poller_event {
    POLLER_READ = 1 << 0,
    POLLER_WRITE = 1 << 1,
    POLLER_HANGUP = 1 << 2, /* the peer has ended its direction, or the socket failed */
};

/* Embedded in its owner, which lives until on_closed. */
struct watch {
    void (*on_ready)(struct watch *watch, unsigned events); /* of poller_event */
    void (*on_closed)(struct watch *watch);                 /* the last one */
    struct watch *next_changed;
    struct watch *next_closing;
    int fd;
    uint8_t wanted;  /* events that it is to be told */
    uint8_t armed;   /* those that the kernel knows; 0: it does not know the watch */
    bool is_changed; /* in poller->changed */
    bool is_closing;
};

struct poller {
    int fd;
    uv_loop_t *loop;
    uint32_t open;         /* watches whose on_closed has not fired yet */
    struct watch *changed; /* the kernel is to be told */
    struct watch *closing; /* on_closed is to fire */
};

/* Borrows `loop`, which nobody else may run. */
int poller_init(struct poller *poller, uv_loop_t *loop, struct error *err);
void poller_release(struct poller *poller);

/* Until neither a watch is open nor a handle of the loop alive. */
void poller_run(struct poller *poller);

/* A watch on `fd`, which wants nothing yet; -1: on nothing, for the sake of on_closed. */
void watch_open(struct poller *poller, struct watch *watch, int fd,
                void (*on_ready)(struct watch *watch, unsigned events));

/* What it is to be told from now on. */
void watch_set(struct poller *poller, struct watch *watch, unsigned wanted);

/* Nothing more is told; the descriptor may be closed when this returns. `on_closed`
 * (may be NULL) fires at the end of this turn, or of the next when no turn is on. */
void watch_close(struct poller *poller, struct watch *watch,
                 void (*on_closed)(struct watch *watch));

static inline bool watch_is_open(const struct watch *watch)
{
    return watch->on_ready != NULL && !watch->is_closing;
}

#endif
