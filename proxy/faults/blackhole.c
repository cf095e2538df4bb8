/* blackhole: read and throw away; nobody hears anything.
 *
 * The kernel still acknowledges, so write deadlines and TCP_USER_TIMEOUT do not fire:
 * what a firewall that drops a flow behind a healthy first hop looks like. Bytes, FIN
 * and RST vanish alike. TCP cannot lose bytes in the middle, so a connection of which
 * anything was swallowed is never resumed: when the fault ends it is reset. One of
 * which nothing was swallowed goes on untouched.
 * With `idle` the connection is closed after so long without data in this direction. */
#include "proxy/fault.h"

struct blackhole_conf {
    uint64_t idle_ns;
};

struct blackhole_state {
    uint64_t last_ns; /* of the last data, or when it began */
    bool swallowed;
};

static const struct param params[] = {
    PARAM(blackhole_conf, idle_ns, DURATION, "idle", "0", "0", "7d",
          "close the connection after so long without data in this direction; 0: never"),
    PARAM_END,
};

static void arm(struct fault *f)
{
    const struct blackhole_conf *conf = f->conf;
    const struct blackhole_state *state = f->state;

    fault_wake_at(f, conf->idle_ns != 0 ? state->last_ns + conf->idle_ns : FAULT_FOREVER);
}

static void on_begin(struct fault *f)
{
    struct blackhole_state *state = f->state;

    state->last_ns = fault_now(f);
    arm(f);
}

static void on_chunk(struct fault *f, struct chunk *c)
{
    struct blackhole_state *state = f->state;

    state->swallowed = true;
    state->last_ns = c->arrived_ns;
    fault_drop(f, c);
}

/* An end is no data: it does not put `idle` off. */
static void on_end(struct fault *f, struct chunk *c)
{
    struct blackhole_state *state = f->state;

    state->swallowed = true;
    fault_drop(f, c);
}

/* Data since the alarm was set only moved the time: one timer per pause, not per chunk.
 */
static void on_wake(struct fault *f)
{
    const struct blackhole_conf *conf = f->conf;
    const struct blackhole_state *state = f->state;

    if (fault_now(f) - state->last_ns >= conf->idle_ns)
        fault_end(f, CHUNK_CLOSE);
    else
        arm(f);
}

static void on_remove(struct fault *f)
{
    const struct blackhole_state *state = f->state;

    if (state->swallowed)
        fault_end(f, CHUNK_RST);
}

const struct fault_type fault_blackhole = {
    .name = "blackhole",
    .summary = "read and throw away; when it ends, what lost bytes is reset",
    .params = params,
    .conf_size = sizeof(struct blackhole_conf),
    .state_size = sizeof(struct blackhole_state),
    .on_chunk = on_chunk,
    .on_end = on_end,
    .on_begin = on_begin,
    .on_wake = on_wake,
    .on_change = arm,
    .on_remove = on_remove,
};
