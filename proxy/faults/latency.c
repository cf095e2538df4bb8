/* latency: hold every chunk for `base`, plus up to `jitter` more.
 *
 * Order is kept: a chunk never overtakes one held before it. The end of the stream
 * waits like the bytes do, so a FIN or RST arrives when its segment would have. */
#include "proxy/fault.h"

struct latency_conf {
    uint64_t base_ns;
    uint64_t jitter_ns;
};

static const struct param params[] = {
    PARAM(latency_conf, base_ns, DURATION, "base", "100ms", "0", "60s",
          "time that each chunk waits"),
    PARAM(latency_conf, jitter_ns, DURATION, "jitter", "0", "0", "60s",
          "random extra wait, from none to this much"),
    PARAM_END,
};

static void on_chunk(struct fault *f, struct chunk *c)
{
    const struct latency_conf *conf = f->conf;
    uint64_t extra_ns = conf->jitter_ns ? rng_below(&f->rng, conf->jitter_ns + 1) : 0;

    fault_hold_until(f, c, c->arrived_ns + conf->base_ns + extra_ns);
}

const struct fault_type fault_latency = {
    .name = "latency",
    .summary = "hold every chunk for a while",
    .params = params,
    .conf_size = sizeof(struct latency_conf),
    .buffer_bytes = 64 << 20,
    .from_arrival = true,
    .on_chunk = on_chunk,
    .on_end = on_chunk,
};
