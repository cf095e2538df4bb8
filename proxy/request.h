/* request: one command on its way to the plane and its answer on the way back.
 *
 * Made by whoever asks, handed to the plane by value of its pointer (nobody else keeps
 * it), filled in by the plane's thread, handed back through `on_answered`, which fires
 * on the plane's thread and takes the request. */
#ifndef STORMDRILL_PROXY_REQUEST_H
#define STORMDRILL_PROXY_REQUEST_H

#include "proxy/plane.h"

struct request {
    struct request *next;
    struct plane_command command;
    struct plane_reply reply; /* rc set before sending: answered as it is */
    void (*on_answered)(struct request *request);
    void *owner; /* of on_answered */
    plane_reply_fn *done;
    void *arg;
};

/* A queue of them; its lock is the owner's. */
struct request_queue {
    struct request *head;
    struct request *last;
};

void request_queue_push(struct request_queue *queue, struct request *request);
struct request *request_queue_pop(struct request_queue *queue);

/* Any thread. Takes the request. */
void plane_send(struct plane *plane, struct request *request);

#endif
