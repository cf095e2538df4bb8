/* dial: connect to an upstream without waiting for anybody.
 *
 * A literal address is connected at once; a name is looked up off the loop, and its
 * addresses are tried one after the other until the time is up. `done` fires exactly
 * once and later, also after dial_cancel, when nothing of the dial is left on the loop.
 * Thread: the loop's. */
#ifndef STORMDRILL_PROXY_DIAL_H
#define STORMDRILL_PROXY_DIAL_H

#include "proxy/address.h"
#include "proxy/engine.h"

/* Gives `fd` (connected, non-blocking) when error is 0; else fd is -1 and `error` an
 * errno: ETIMEDOUT when our time was up, ECANCELED after dial_cancel. */
typedef void dial_done_fn(void *arg, int fd, int error);

struct dial;

/* Borrows `engine` and `arg`, copies `address`. The dial frees itself after `done`.
 * NULL: memory is short, nothing was started. */
struct dial *dial_start(struct engine *engine, const struct address *address,
                        uint64_t timeout_ns, dial_done_fn *done, void *arg);

/* `done` still fires, with ECANCELED. Not after `done`. */
void dial_cancel(struct dial *dial);

/* Is this TCP socket connected to itself? */
bool dial_met_itself(int fd);

#endif
