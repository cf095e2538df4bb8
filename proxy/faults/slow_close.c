/* slow_close: the end of the stream comes late; data is untouched.
 *
 * A FIN waits `delay`, so the other side learns late that this one has finished. An RST
 * is not delayed unless asked: it passes at once, and takes a waiting FIN with it. */
#include "proxy/fault.h"

struct slow_close_conf {
    uint64_t delay_ns;
    bool rst;
};

static const struct param params[] = {
    PARAM(slow_close_conf, delay_ns, DURATION, "delay", "1s", "0", "7d",
          "time that a FIN waits"),
    PARAM(slow_close_conf, rst, BOOL, "rst", "false", NULL, NULL, "delay an RST as well"),
    PARAM_END,
};

static void on_end(struct fault *f, struct chunk *c)
{
    const struct slow_close_conf *conf = f->conf;

    if (c->end != CHUNK_RST || conf->rst)
        fault_hold_until(f, c, c->arrived_ns + conf->delay_ns);
}

const struct fault_type fault_slow_close = {
    .name = "slow_close",
    .summary = "delay the end of the stream, not the data",
    .touches = "ends",
    .params = params,
    .conf_size = sizeof(struct slow_close_conf),
    .on_end = on_end,
};
