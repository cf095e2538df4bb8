/* slow_accept: time passes between the accept and the dial of the upstream.
 *
 * The kernel has accepted, so the client is connected and may send; nothing answers
 * until the server is reached. Two of them add up. */
#include "proxy/fault.h"

struct slow_accept_conf {
    uint64_t delay_ns;
};

/* Of a connection. */
struct slow_accept_state {
    uint64_t asked_ns; /* first; 0: not yet */
};

static const struct param params[] = {
    PARAM(slow_accept_conf, delay_ns, DURATION, "delay", "1s", "0", "7d",
          "time from accept to dialling the upstream"),
    PARAM_END,
};

/* Asked again at every change of the link: the wait still counts from the first time. */
static enum fault_answer on_accept(struct fault *f)
{
    const struct slow_accept_conf *conf = f->conf;
    struct slow_accept_state *state = f->connection;

    if (state->asked_ns == 0)
        state->asked_ns = fault_now(f);
    if (fault_now(f) - state->asked_ns >= conf->delay_ns)
        return FAULT_LET;
    fault_ask_at(f, state->asked_ns + conf->delay_ns);
    return FAULT_WAIT;
}

const struct fault_type fault_slow_accept = {
    .name = "slow_accept",
    .summary = "wait between accepting a connection and dialling the upstream",
    .params = params,
    .conf_size = sizeof(struct slow_accept_conf),
    .connection_size = sizeof(struct slow_accept_state),
    .on_accept = on_accept,
};
