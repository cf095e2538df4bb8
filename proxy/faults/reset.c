/* reset: RST on both sides of each connection, live ones and new ones.
 *
 * `trigger = open` counts `wait` from where connection and fault met; bytes pass until
 * then. `trigger = data` counts from the first byte or end in this direction, and holds
 * it with all that follows: the other side never sees what provoked the RST, as when a
 * process dies before it answers. Healed in time, what was held goes on and nothing is
 * lost. "After 3 s or 64 KiB" is the common parameter `after`. */
#include "proxy/fault.h"

enum { TRIGGER_OPEN, TRIGGER_DATA };

struct reset_conf {
    uint64_t wait_ns;
    int trigger;
};

struct reset_state {
    uint64_t begun_ns;
    uint64_t seen_ns; /* first byte or end */
    bool seen;
};

static const char *const trigger_choices[] = {"open", "data", NULL};

static const struct param params[] = {
    PARAM(reset_conf, wait_ns, DURATION, "wait", "0", "0", "7d",
          "time from the trigger to the RST"),
    PARAM_CHOICE(reset_conf, trigger, "trigger", "open", trigger_choices,
                 "what `wait` counts from: open: connection and fault meet; data: the "
                 "first byte or end, which the other side then never sees"),
    PARAM_END,
};

/* Reset when it is time, else come back then. */
static void reset_in_time(struct fault *f)
{
    const struct reset_conf *conf = f->conf;
    const struct reset_state *state = f->state;
    uint64_t from_ns = state->begun_ns;

    if (conf->trigger == TRIGGER_DATA) {
        if (!state->seen) {
            fault_wake_at(f, FAULT_FOREVER);
            return;
        }
        from_ns = state->seen_ns;
    }
    if (fault_now(f) >= from_ns + conf->wait_ns)
        fault_end(f, CHUNK_RST);
    else
        fault_wake_at(f, from_ns + conf->wait_ns);
}

static void on_begin(struct fault *f)
{
    struct reset_state *state = f->state;

    state->begun_ns = fault_now(f);
    reset_in_time(f);
}

/* A peer's own RST ends the connection already. */
static void on_arrival(struct fault *f, struct chunk *c)
{
    const struct reset_conf *conf = f->conf;
    struct reset_state *state = f->state;
    bool first = !state->seen;

    if (c->end == CHUNK_RST)
        return;
    if (first) {
        state->seen = true;
        state->seen_ns = c->arrived_ns;
    }
    if (conf->trigger != TRIGGER_DATA)
        return;
    fault_hold_until(f, c, FAULT_FOREVER);
    if (first)
        reset_in_time(f);
}

/* What it held under `trigger = data` goes on where a change to `open` leaves time. */
static void on_change(struct fault *f)
{
    const struct reset_conf *conf = f->conf;

    reset_in_time(f);
    if (conf->trigger == TRIGGER_OPEN)
        fault_release(f, SIZE_MAX);
}

const struct fault_type fault_reset = {
    .name = "reset",
    .summary = "RST on both sides, at once, after a time or when data comes",
    .touches = "connections",
    .params = params,
    .conf_size = sizeof(struct reset_conf),
    .state_size = sizeof(struct reset_state),
    .keeps_held = true,
    .on_chunk = on_arrival,
    .on_end = on_arrival,
    .on_begin = on_begin,
    .on_wake = reset_in_time,
    .on_change = on_change,
};
