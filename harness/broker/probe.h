/* probe: ask one address one question, without waiting. Private to this folder.
 *
 * Connect, say what is to be said, read until a line or the end, close. Answers are at
 * most 64 KiB. Loop's thread; `done` fires later, exactly once, unless cancelled. */
#ifndef STORMDRILL_BROKER_PROBE_H
#define STORMDRILL_BROKER_PROBE_H

#include <stdint.h>
#include <uv.h>

#include "proxy/base/error.h"

enum probe_until { PROBE_LINE, PROBE_END };

struct probe;

/* `text` is NULL when rc is not 0; borrowed for the call. */
typedef void probe_fn(void *arg, int rc, const char *text);

struct probe_options {
    const char *host; /* a number: "127.0.0.1" */
    int port;
    const char *request; /* NULL: the other side speaks first. Outlives the probe. */
    enum probe_until until;
    uint64_t timeout_ms;
    probe_fn *done;
    void *arg;
};

int probe_start(struct probe **out, uv_loop_t *loop, const struct probe_options *options,
                struct error *err);

/* No callback any more. NULL is fine. After `done` the probe is gone: do not cancel. */
void probe_cancel(struct probe *probe);

#endif
