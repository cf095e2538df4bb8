/* close_after: each connection ends so long after it and the fault met.
 *
 * Whether data flows makes no difference, unlike idle_kill and the `idle` of blackhole.
 * The end goes behind the bytes that were sent before it. */
#include "proxy/fault.h"

enum { WITH_CLOSE, WITH_RST };

struct close_after_conf {
    uint64_t time_ns;
    int with;
};

struct close_after_state {
    uint64_t begun_ns;
};

static const char *const with_choices[] = {"close", "rst", NULL};

static const struct param params[] = {
    PARAM(close_after_conf, time_ns, DURATION, "time", "10s", "0", "7d",
          "how long a connection lasts"),
    PARAM_CHOICE(close_after_conf, with, "with", "close", with_choices,
                 "close: FIN on both sides; rst: RST on both sides"),
    PARAM_END,
};

static void end_in_time(struct fault *f)
{
    const struct close_after_conf *conf = f->conf;
    const struct close_after_state *state = f->state;

    if (fault_now(f) - state->begun_ns >= conf->time_ns)
        fault_end(f, conf->with == WITH_RST ? CHUNK_RST : CHUNK_CLOSE);
    else
        fault_wake_at(f, state->begun_ns + conf->time_ns);
}

static void on_begin(struct fault *f)
{
    struct close_after_state *state = f->state;

    state->begun_ns = fault_now(f);
    end_in_time(f);
}

const struct fault_type fault_close_after = {
    .name = "close_after",
    .summary = "end each connection after a time, busy or not",
    .touches = "connections",
    .params = params,
    .conf_size = sizeof(struct close_after_conf),
    .state_size = sizeof(struct close_after_state),
    .on_begin = on_begin,
    .on_wake = end_in_time,
    .on_change = end_in_time,
};
