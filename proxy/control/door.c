/* door: poll the listener, accept, hand over.
 *
 * All well:            readable -> accept ... -> taken.
 * Out of descriptors:  whoever waits stays in the backlog, and we look again in a moment,
 *                      since nothing tells when there is one again. */
#include "proxy/control/door.h"

#include <errno.h>
#include <string.h>

enum { ACCEPTS_PER_TURN = 64, PAUSE_MS = 50 };

static void on_ready(uv_poll_t *poll, int status, int events);

static void watch(struct door *door)
{
    if (door->is_open && !uv_is_active((uv_handle_t *)&door->pause))
        uv_poll_start(&door->poll, UV_READABLE, on_ready);
    else
        uv_poll_stop(&door->poll);
}

static void on_pause_over(uv_timer_t *timer)
{
    watch((struct door *)((char *)timer - offsetof(struct door, pause)));
}

/* Said once, not twenty times a second. */
static void pause_accepting(struct door *door, int error)
{
    if (!door->is_short)
        log_warn(door->log, "api", "cannot accept calls for now: %s%s", strerror(error),
                 error == EMFILE ? "; raise the limit with `ulimit -n`" : "");
    door->is_short = true;
    uv_timer_start(&door->pause, on_pause_over, PAUSE_MS, 0);
    watch(door);
}

static bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* true when it is worth trying the next. */
static bool accept_one(struct door *door, int *count)
{
    struct sockaddr_storage peer = {0};
    socklen_t size = sizeof peer;
    int fd =
        accept4(door->fd, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0) {
        door->is_short = false;
        (*count)++;
        return door->take(door->arg, fd, (const struct sockaddr *)&peer, size);
    }
    if (is_shortage(errno))
        pause_accepting(door, errno);
    /* ECONNABORTED: that one has gone; the next may be well. */
    return errno == ECONNABORTED;
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct door *door = (struct door *)((char *)poll - offsetof(struct door, poll));
    int count = 0;

    (void)status;
    (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN && accept_one(door, &count); i++)
        ;
    if (count > 0)
        door->taken(door->arg);
}

void door_init(struct door *door, uv_loop_t *loop)
{
    uv_poll_init(loop, &door->poll, door->fd);
    uv_timer_init(loop, &door->pause);
    door_set_open(door, true);
}

void door_set_open(struct door *door, bool open)
{
    if (door->is_open == open)
        return;
    door->is_open = open;
    watch(door);
}

void door_close(struct door *door, uv_close_cb on_closed)
{
    uv_close((uv_handle_t *)&door->poll, on_closed);
    uv_close((uv_handle_t *)&door->pause, on_closed);
}
