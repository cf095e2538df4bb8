/* poller: turn after turn: tell the kernel what is wanted, sleep, tell owners what is
 * ready, then let go of what was closed.
 *
 * A watch that is closed during a turn stays until its end, since an event for it may
 * lie in the same batch; it is not told any more. The kernel's entry goes at once: a
 * child that is just being forked holds the descriptor for a moment longer, and an event
 * must not come for a watch that is gone. */
#include "proxy/poller.h"

#include <assert.h>
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

/* RETRY_MS: the kernel was short of memory for a watch. */
enum { BATCH = 256, RETRY_MS = 10 };

int poller_init(struct poller *poller, uv_loop_t *loop, struct error *err)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};

    *poller = (struct poller){.loop = loop};
    poller->fd = epoll_create1(EPOLL_CLOEXEC);
    if (poller->fd == -1)
        return error_from_errno(err, "create the data plane's poller");
    if (epoll_ctl(poller->fd, EPOLL_CTL_ADD, uv_backend_fd(loop), &event) != 0) {
        int rc = error_from_errno(err, "watch the data plane's event loop");

        close(poller->fd);
        return rc;
    }
    return 0;
}

void poller_release(struct poller *poller)
{
    assert(poller->open == 0);
    close(poller->fd);
}

void watch_open(struct poller *poller, struct watch *watch, int fd,
                void (*on_ready)(struct watch *watch, unsigned events))
{
    *watch = (struct watch){.fd = fd, .on_ready = on_ready};
    poller->open++;
}

void watch_set(struct poller *poller, struct watch *watch, unsigned wanted)
{
    assert(watch_is_open(watch));
    assert(wanted == 0 || watch->fd != -1);
    watch->wanted = (uint8_t)wanted;
    if (watch->wanted == watch->armed || watch->is_changed)
        return;
    watch->is_changed = true;
    watch->next_changed = poller->changed;
    poller->changed = watch;
}

void watch_close(struct poller *poller, struct watch *watch,
                 void (*on_closed)(struct watch *watch))
{
    assert(watch_is_open(watch));
    watch->is_closing = true;
    watch->on_closed = on_closed;
    if (watch->armed != 0)
        epoll_ctl(poller->fd, EPOLL_CTL_DEL, watch->fd, NULL);
    watch->armed = 0;
    watch->wanted = 0;
    watch->next_closing = poller->closing;
    poller->closing = watch;
}

/* Errors and hang-ups come unasked. */
static uint32_t mask_of(unsigned wanted)
{
    return ((wanted & POLLER_READ) ? EPOLLIN : 0u) |
           ((wanted & POLLER_WRITE) ? EPOLLOUT : 0u) |
           ((wanted & POLLER_HANGUP) ? EPOLLRDHUP : 0u);
}

/* false: the kernel has no memory for it now. */
static bool tell_kernel(const struct poller *poller, struct watch *watch)
{
    struct epoll_event event = {.events = mask_of(watch->wanted), .data.ptr = watch};
    int op = EPOLL_CTL_MOD;

    if (watch->wanted == 0)
        op = EPOLL_CTL_DEL;
    else if (watch->armed == 0)
        op = EPOLL_CTL_ADD;
    if (epoll_ctl(poller->fd, op, watch->fd, &event) != 0)
        return false;
    watch->armed = watch->wanted;
    return true;
}

/* false: some have to be told again later. */
static bool apply_changes(struct poller *poller)
{
    struct watch *again = NULL;
    struct watch *watch = poller->changed;

    while (watch != NULL) {
        struct watch *next = watch->next_changed;

        if (watch->wanted == watch->armed || tell_kernel(poller, watch)) {
            watch->is_changed = false;
        } else {
            watch->next_changed = again;
            again = watch;
        }
        watch = next;
    }
    poller->changed = again;
    return again == NULL;
}

/* on_closed may free its watch, and close others. In the order in which they were
 * closed, as far as that shows: all of one turn. */
static void let_go(struct poller *poller)
{
    while (poller->closing != NULL) {
        struct watch *watch = poller->closing;

        poller->closing = watch->next_closing;
        poller->open--;
        /* Wanted something and was closed in the same breath: off that list, too. */
        if (watch->is_changed)
            apply_changes(poller);
        if (watch->on_closed != NULL)
            watch->on_closed(watch);
    }
}

static void tell_owner(struct watch *watch, uint32_t mask)
{
    unsigned events = ((mask & EPOLLIN) ? POLLER_READ : 0u) |
                      ((mask & EPOLLOUT) ? POLLER_WRITE : 0u) |
                      ((mask & EPOLLRDHUP) ? POLLER_HANGUP : 0u);

    if (watch->is_closing)
        return;
    if (mask & (EPOLLERR | EPOLLHUP))
        events |= watch->wanted;
    if (mask & EPOLLERR)
        events |= POLLER_HANGUP;
    if (events != 0)
        watch->on_ready(watch, events);
}

/* How long libuv would sleep; what is alive there but not due is told by its
 * descriptor. With nothing alive it says "not at all", which is not meant for us. */
static int timeout_of(const struct poller *poller, bool told_all)
{
    int timeout = uv_loop_alive(poller->loop) ? uv_backend_timeout(poller->loop) : -1;

    if (poller->closing != NULL)
        return 0;
    if (!told_all && (timeout < 0 || timeout > RETRY_MS))
        return RETRY_MS;
    return timeout;
}

/* One turn. true: libuv has something to do. */
static bool turn(struct poller *poller)
{
    struct epoll_event events[BATCH];
    bool told_all = apply_changes(poller);
    int timeout = timeout_of(poller, told_all);
    int count = epoll_wait(poller->fd, events, BATCH, timeout);
    bool loop_is_ready = timeout >= 0;

    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr == NULL)
            loop_is_ready = true;
        else
            tell_owner(events[i].data.ptr, events[i].events);
    }
    return loop_is_ready;
}

void poller_run(struct poller *poller)
{
    bool loop_is_ready = true; /* its own handles are not yet in its kernel's set */

    for (;;) {
        if (loop_is_ready)
            uv_run(poller->loop, UV_RUN_NOWAIT);
        apply_changes(poller);
        let_go(poller);
        if (poller->open == 0 && !uv_loop_alive(poller->loop))
            return;
        loop_is_ready = turn(poller);
    }
}
