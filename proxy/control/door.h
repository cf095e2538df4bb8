/* door: accepts the API's connections on the loop, and outlives a lack of descriptors.
 *
 * libmicrohttpd could accept by itself, but stops for good when it meets EMFILE while no
 * connection is open, and no later call of it begins again. So it is handed what we have
 * accepted. Thread: the loop's. */
#ifndef STORMDRILL_CONTROL_DOOR_H
#define STORMDRILL_CONTROL_DOOR_H

#include <stdbool.h>
#include <sys/socket.h>
#include <uv.h>

#include "proxy/base/log.h"

enum { DOOR_HANDLES = 2 };

/* Takes `fd`. false: no more in this turn; the rest waits in the backlog. */
typedef bool door_take_fn(void *arg, int fd, const struct sockaddr *peer, socklen_t size);

struct door {
    uv_poll_t poll;
    uv_timer_t pause;
    int fd; /* borrowed: it listens */
    struct log *log;
    door_take_fn *take;
    void (*taken)(void *arg); /* after some have been taken */
    void *arg;
    bool is_open;  /* door_set_open */
    bool is_short; /* of descriptors or memory, and that has been said */
};

/* Fills in and starts the handles; their `data` is the caller's. */
void door_init(struct door *door, uv_loop_t *loop);

/* Closed: whoever comes waits in the backlog. */
void door_set_open(struct door *door, bool open);

/* `on_closed` fires for each of DOOR_HANDLES. */
void door_close(struct door *door, uv_close_cb on_closed);

#endif
