/* attend: the life of a workload's thread while it has nothing to send: take orders, look
 * after the connections, notice when they are closed for good. */
#ifndef STORMDRILL_CLIENT_ATTEND_H
#define STORMDRILL_CLIENT_ATTEND_H

#include "harness/client/uplink.h"

enum { EXIT_CLOSED = 69 }; /* closed for good and told to exit then: EX_UNAVAILABLE */

struct attendance {
    struct session *session;
    struct uplink *uplinks;
    uint32_t uplink_count;
    void *arg;
    /* End the load and drain; called once, at the first stop. May be NULL. */
    int (*on_stop)(void *arg, struct error *err);
    /* Send fence `number`; NULL: this workload sends nothing. */
    int (*on_fence)(void *arg, uint64_t number, struct error *err);
    bool stopped;
    int stop_rc; /* what a second stop is answered */
    struct error stop_error;
};

/* Act on one order (taken). true: it was the order to exit. */
bool attend_to(struct attendance *attendance, struct errand *errand);

/* Until the order to exit. Gives the process's exit code. */
int attend_until_exit(struct attendance *attendance);

/* true: every connection is closed for good and the user wants the client to leave. */
bool attend_is_over(const struct attendance *attendance);

#endif
