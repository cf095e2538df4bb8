/* rto_stall: lost segments, as a TCP stream shows them.
 *
 * The direction is seen as segments of 1,448 bytes (what an Ethernet frame carries),
 * counted from its first byte. Each is lost with the chance `loss`. A lost segment waits
 * until it is sent again, `rto` later, and everything behind it waits with it, since TCP
 * hands out nothing out of order; then all arrives at once. Sent again it may be lost
 * again, with the same chance, and then waits twice as long as before, up to `max`.
 *
 * Which segments are lost, and how often, depends on the fault's stream and the
 * segment's number alone: it repeats from run to run, however the bytes are cut. The
 * wait begins when the segment's first byte arrives. That is the loss at the end of a
 * burst; one in the middle of a stream, that the receiver's acknowledgements betray
 * sooner, is a `latency`. An RST is not part of the stream and does not wait. */
#include "proxy/draws.h"
#include "proxy/fault.h"

enum { SEGMENT_BYTES = 1448 };

/* Beyond any doubling, and far from overflow in ns. */
enum { LOSSES_MAX = 1 << 20 };

struct rto_stall_conf {
    double loss;
    uint64_t rto_ns;
    uint64_t max_ns;
};

struct rto_stall_state {
    uint64_t next; /* the first segment that has not been decided about */
};

/* rto: Linux' smallest (TCP_RTO_MIN), which is what a path of a few ms has. max: Linux
 * goes up to 120 s, longer than a test lasts; 5 s is longer than the time-outs of most
 * clients (nats.c dials for 2 s, JetStream waits for 5 s), so they show, and the stream
 * still comes back while somebody looks. */
static const struct param params[] = {
    PARAM(rto_stall_conf, loss, PERCENT, "loss", "1%", "0%", "100%",
          "chance of each segment, each time it is sent, to be lost"),
    PARAM(rto_stall_conf, rto_ns, DURATION, "rto", "200ms", "1ms", "120s",
          "time until a lost segment is sent again; doubles with each loss"),
    PARAM(rto_stall_conf, max_ns, DURATION, "max", "5s", "1ms", "120s",
          "longest time until it is sent again"),
    PARAM_END,
};

static int check(const void *conf, const struct fault_common *common, struct error *err)
{
    const struct rto_stall_conf *rto = conf;
    char first[32];
    char max[32];

    (void)common;
    if (rto->max_ns >= rto->rto_ns)
        return 0;
    error_set(err, E_PARAM, "rto_stall: max (%s) is shorter than rto (%s)",
              param_duration_text(rto->max_ns, max, sizeof max),
              param_duration_text(rto->rto_ns, first, sizeof first));
    error_hint(err, "rto is the first wait, max the longest: raise max, or lower rto");
    return E_PARAM;
}

/* How often it is lost before it arrives: at least n times with the chance loss^n. */
static uint64_t losses_of(const struct fault *f, uint64_t segment)
{
    const struct rto_stall_conf *conf = f->conf;

    return quantile_geometric(draw_unit_at(&f->rng, segment), 1.0 - conf->loss,
                              LOSSES_MAX);
}

/* rto + 2 rto + 4 rto ..., each at most max. */
static uint64_t wait_for(const struct rto_stall_conf *conf, uint64_t losses)
{
    uint64_t next_ns = conf->rto_ns;
    uint64_t wait_ns = 0;

    for (; losses > 0 && next_ns < conf->max_ns; losses--) {
        wait_ns += next_ns;
        next_ns *= 2;
    }
    return wait_ns + losses * conf->max_ns;
}

/* The number of the first lost segment in [from, to), or `to`. */
static uint64_t find_lost(const struct fault *f, uint64_t from, uint64_t to)
{
    while (from < to && losses_of(f, from) == 0)
        from++;
    return from;
}

/* Hold a chunk that begins with a lost segment, or with what is left of it. */
static void hold_lost(struct fault *f, struct chunk *c, uint64_t segment)
{
    uint64_t losses = losses_of(f, segment);

    if (losses == LOSSES_MAX)
        fault_hold_until(f, c, FAULT_FOREVER);
    else
        fault_hold_until(f, c, c->arrived_ns + wait_for(f->conf, losses));
}

/* What is before the first lost segment passes; the rest comes back as a chunk of its
 * own, and is held up to the next lost segment, which has a wait of its own. A segment
 * is decided about at its first byte: what comes of it later only keeps its place. */
static void on_chunk(struct fault *f, struct chunk *c)
{
    struct rto_stall_state *s = f->state;
    uint64_t first = c->offset / SEGMENT_BYTES;
    uint64_t end = (c->offset + c->size - 1) / SEGMENT_BYTES + 1;
    uint64_t lost = find_lost(f, first > s->next ? first : s->next, end);
    uint64_t lost_at = lost * SEGMENT_BYTES;

    if (lost >= end) {
        s->next = end > s->next ? end : s->next;
        return;
    }
    /* Without memory for the cut, what stands before it waits with it. */
    if (lost_at > c->offset && fault_split(f, c, (uint32_t)(lost_at - c->offset))) {
        s->next = lost;
        return;
    }
    s->next = find_lost(f, lost + 1, end);
    if (s->next < end)
        fault_split(f, c, (uint32_t)(s->next * SEGMENT_BYTES - c->offset));
    hold_lost(f, c, lost);
}

const struct fault_type fault_rto_stall = {
    .name = "rto_stall",
    .summary = "lose segments: the stream waits until they are sent again",
    .params = params,
    .conf_size = sizeof(struct rto_stall_conf),
    .state_size = sizeof(struct rto_stall_state),
    .on_chunk = on_chunk,
    .check = check,
};
