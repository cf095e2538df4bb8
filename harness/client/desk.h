/* desk: where a client's orders arrive and its answers leave.
 *
 * A thread of its own reads the control socket (status.h has the language) and the
 * signals; it never calls the NATS library, so a client can be spoken to while a library
 * call blocks. Orders wait here until the workload's thread takes them; that somebody
 * wants the load to end, or the process, is known at once (desk_wants_stop, _exit).
 * SIGTERM, SIGINT and the end of the socket count as an order to exit.
 * Thread: desk_take and desk_wait_until by the workload's; the rest by any. */
#ifndef STORMDRILL_CLIENT_DESK_H
#define STORMDRILL_CLIENT_DESK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/clock.h"
#include "proxy/base/error.h"
#include "proxy/base/log.h"

enum errand_kind { ERRAND_STOP, ERRAND_FENCE, ERRAND_EXIT, ERRAND_OTHER };

struct errand {
    struct errand *next;
    enum errand_kind kind;
    bool is_answerable; /* false: a signal, nobody waits */
    int64_t id;
    const char *op; /* in body */
    json_t *body;   /* the whole order; NULL for a signal */
};

struct desk;

/* `fd`: the control socket (borrowed, -1: none). SIGTERM and SIGINT must be blocked in
 * every thread: call desk_block_signals first of all in main(). */
void desk_block_signals(void);
int desk_open(struct desk **out, int fd, const struct clock *clock, struct log *log,
              struct error *err);
void desk_close(
    struct desk *desk); /* ends the thread; open orders are answered E_CLOSED */

/* The next order, or NULL when `until_ns` has come (0: do not wait). Gives. */
struct errand *desk_take(struct desk *desk, uint64_t until_ns);

/* Sleep until `until_ns` or until an order waits. true: an order waits. */
bool desk_wait_until(struct desk *desk, uint64_t until_ns);

/* Cheap enough for a send loop. */
bool desk_has_order(const struct desk *desk);
bool desk_wants_stop(const struct desk *desk); /* a stop or an exit was asked for */
bool desk_wants_exit(const struct desk *desk);

/* Answer and free an errand. rc 0, or a code with words (may be NULL). `more` (borrowed,
 * may be NULL): members that are added to the answer. */
void desk_answer(struct desk *desk, struct errand *errand, int rc, const char *text,
                 const json_t *more);

/* {"event": event, "text": text}; text may be NULL. */
void desk_tell(struct desk *desk, const char *event, const char *text);

/* {"event": "failed", "text": …, "code": …}: the client will never be ready. */
void desk_tell_failed(struct desk *desk, int code, const char *text);

#endif
