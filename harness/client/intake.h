/* intake: messages in: what subscriber and consumer do with each that arrives.
 *
 * `concurrency` threads of our own, each with its eye, take messages from one synchronous
 * subscription and run the handler. Thread: intake_* are the workload's; the messages
 * are the intake's own threads'. */
#ifndef STORMDRILL_CLIENT_INTAKE_H
#define STORMDRILL_CLIENT_INTAKE_H

#include <pthread.h>

#include "harness/client/handler.h"
#include "harness/client/seen.h"
#include "harness/client/uplink.h"

enum { INTAKE_WORKERS_MAX = 32 };

struct intake;

struct intake_worker {
    struct intake *intake;
    struct eye eye;
    struct rng rng; /* which messages the handler fails on */
    pthread_t thread;
    bool running;
    _Atomic uint32_t turn;  /* how many messages, or waits for one, are behind it */
    _Atomic bool has_fence; /* what it has in hand is a fence, or it is gone */
};

struct intake {
    struct session *session;
    struct uplink *uplink;
    natsSubscription *sub;
    struct handler_conf handler;
    bool is_jetstream;
    bool acks;        /* acknowledge each message */
    bool deduplicate; /* drop what was processed before */
    uint32_t concurrency;
    struct seen *seen;
    struct seen *done;
    struct intake_worker workers[INTAKE_WORKERS_MAX];
    _Atomic uint32_t active; /* workers that still take messages */
    _Atomic uint32_t busy;   /* workers with a message in hand */
    _Atomic bool ending;
};

/* Fill the fields above `seen` first; `sub` is owned from here on, also on failure. */
int intake_start(struct intake *intake, struct error *err);

/* Unsubscribe, finish what has arrived, end the threads. Bounded by SESSION_SETTLE_MS. */
int intake_stop(struct intake *intake, struct error *err);

/* Frees; stops first without finishing. Before the connection is closed. */
void intake_release(struct intake *intake);

/* Write `subscribed`. `stream` and `consumer` may be NULL. */
void intake_subscribed(struct intake *intake, const char *subject, const char *stream,
                       const char *consumer);

#endif
