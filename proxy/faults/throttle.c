/* throttle: bytes pass at a rate, as through a thin line.
 *
 * What comes faster is held, and soon no longer read, so that the sender feels it. Over
 * any time T at most rate * T + burst + 1 ms of the rate passes. With `per = link` the
 * connections of a link share one rate, in turns that are equally long. The directions
 * do not share: each has the whole rate. At rate 0 nothing passes, also no end of a
 * stream, until it is changed or healed. A change of the rate acts on what is held.
 *
 * Bytes arrive -> held -> the connection joins the meter's queue -> served in turn with
 * what the bucket allows, about once a millisecond -> out of the queue when all has gone.
 * One of those who wait carries the wake of the meter; when it goes, another does. */
#include <assert.h>

#include "proxy/bucket.h"
#include "proxy/fault.h"

enum { PER_CONNECTION, PER_LINK };

/* A turn has the bytes of a segment, or this part of what a step allows. */
enum { TURN_BYTES_MIN = 1448, TURNS_PER_STEP = 8 };

struct throttle_conf {
    double rate_bytes_per_s;
    uint64_t burst_bytes;
    int per;
};

/* A direction of a connection that waits. */
struct waiter {
    struct waiter *next;
    struct waiter *before;
    struct meter *meter; /* whose queue it is in; NULL: in none */
    struct fault *fault;
    uint64_t turn_bytes; /* left of its turn */
};

/* One rate, and who waits for it. All zero is idle. */
struct meter {
    struct bucket bucket;
    struct waiter *first;
    struct waiter *last;
    struct waiter *carrier; /* of the wake */
    uint64_t due_ns;
    uint64_t served_ns;
    bool serving;
};

struct throttle_state {
    struct waiter waiter;
    struct meter meter; /* with per = connection */
};

struct throttle_shared {
    struct meter meters[DIRECTION_COUNT]; /* with per = link */
};

static const char *const per_choices[] = {"connection", "link", NULL};

static const struct param params[] = {
    PARAM(throttle_conf, rate_bytes_per_s, BYTE_RATE, "rate", "!", "0B/s", "1TB/s",
          "bytes that pass in a second; 0B/s: none"),
    PARAM(throttle_conf, burst_bytes, BYTES, "burst", "0", "0", "1GiB",
          "bytes that pass at once after a pause"),
    PARAM_CHOICE(throttle_conf, per, "per", "connection", per_choices,
                 "who has the rate: each connection, or all of the link together; in "
                 "each direction"),
    PARAM_END,
};

/* The meter that counts by the parameters in force. */
static struct meter *meter_of(struct fault *f)
{
    const struct throttle_conf *conf = f->conf;
    struct throttle_state *s = f->state;
    struct throttle_shared *shared = f->shared;
    struct meter *m = conf->per == PER_LINK ? &shared->meters[f->direction] : &s->meter;

    bucket_set(&m->bucket, conf->rate_bytes_per_s, conf->burst_bytes, fault_now(f));
    return m;
}

/* Who waits */

static void start_turn(const struct meter *m, struct waiter *w)
{
    uint64_t step_bytes = (uint64_t)(m->bucket.rate * BUCKET_STEP_NS / NS_PER_S);

    w->turn_bytes = step_bytes / TURNS_PER_STEP;
    if (w->turn_bytes < TURN_BYTES_MIN)
        w->turn_bytes = TURN_BYTES_MIN;
}

static void join(struct meter *m, struct fault *f)
{
    struct waiter *w = &((struct throttle_state *)f->state)->waiter;

    if (w->meter != NULL)
        return;
    *w = (struct waiter){.meter = m, .fault = f, .before = m->last};
    if (m->last != NULL)
        m->last->next = w;
    else
        m->first = w;
    m->last = w;
    start_turn(m, w);
}

static void leave(struct waiter *w)
{
    struct meter *m = w->meter;

    if (m->carrier == w) {
        fault_wake_at(w->fault, FAULT_FOREVER);
        m->carrier = NULL;
    }
    if (w->before != NULL)
        w->before->next = w->next;
    else
        m->first = w->next;
    if (w->next != NULL)
        w->next->before = w->before;
    else
        m->last = w->before;
    w->meter = NULL;
}

/* When and for whom */

/* The first one carries the wake: when it has something to get, and a step after the
 * last time, so that a fast rate does not wake us for every read. */
static void arm(struct meter *m)
{
    struct waiter *first = m->first;

    assert(m->carrier == NULL || m->carrier == first);
    m->carrier = first;
    if (first == NULL)
        return;
    /* Not in the past: nobody was late who did not wait. */
    m->due_ns = bucket_when(&m->bucket, fault_held(first->fault));
    if (m->due_ns < m->served_ns + BUCKET_STEP_NS)
        m->due_ns = m->served_ns + BUCKET_STEP_NS;
    if (m->due_ns < fault_now(first->fault))
        m->due_ns = fault_now(first->fault);
    fault_wake_at(first->fault, m->due_ns);
}

/* Give the first one what it may have now. false: nobody can be served any more. */
static bool serve_first(struct meter *m, uint64_t *allowed)
{
    struct waiter *w = m->first;
    struct fault *f = w->fault;
    uint64_t wanted = fault_held(f);
    uint64_t went;

    if (wanted > 0 && *allowed == 0)
        return false;
    if (wanted > w->turn_bytes)
        wanted = w->turn_bytes;
    if (wanted > *allowed)
        wanted = *allowed;
    went = fault_release(f, wanted); /* of 0: an end that waits alone */
    bucket_spend(&m->bucket, went);
    *allowed -= went;
    w->turn_bytes -= went;
    /* What went may have ended its connection: then it is in no queue any more. */
    if (w->meter != m)
        return true;
    if (went < wanted) /* memory is short: at the next wake */
        return false;
    if (fault_held(f) == 0) {
        leave(w);
    } else if (w->turn_bytes == 0) {
        leave(w);
        join(m, f);
    }
    return true;
}

/* What is let go may end connections and wake others up: they wait for the next time. */
static void serve(struct meter *m, uint64_t now_ns)
{
    uint64_t allowed = bucket_allows(&m->bucket, now_ns);

    if (m->serving)
        return;
    m->serving = true;
    m->served_ns = now_ns;
    while (m->bucket.rate > 0.0 && m->first != NULL && serve_first(m, &allowed))
        ;
    m->serving = false;
    arm(m);
}

/* Callbacks */

static void on_chunk(struct fault *f, struct chunk *c)
{
    struct meter *m = meter_of(f);
    bool was_idle = m->first == NULL;

    fault_hold_until(f, c, FAULT_FOREVER);
    join(m, f);
    if (was_idle)
        serve(m, fault_now(f));
}

/* An end has no bytes that would have to wait, but a line that passes nothing does not
 * pass it either. */
static void on_end(struct fault *f, struct chunk *c)
{
    struct meter *m = meter_of(f);

    if (m->bucket.rate > 0.0)
        return;
    fault_hold_until(f, c, FAULT_FOREVER);
    join(m, f);
}

static void on_wake(struct fault *f)
{
    struct meter *m = ((struct throttle_state *)f->state)->waiter.meter;
    uint64_t now_ns = fault_now(f);

    assert(m != NULL);
    assert(m->carrier->fault == f);
    bucket_note_late(&m->bucket, m->due_ns, now_ns);
    serve(m, now_ns);
}

static void forget(struct fault *f)
{
    struct waiter *w = &((struct throttle_state *)f->state)->waiter;
    struct meter *m = w->meter;

    if (m == NULL)
        return;
    leave(w);
    if (!m->serving)
        arm(m);
}

/* Another rate, or another meter. */
static void on_change(struct fault *f)
{
    struct waiter *w = &((struct throttle_state *)f->state)->waiter;
    bool waits = w->meter != NULL;
    struct meter *m;

    forget(f);
    m = meter_of(f);
    if (!waits)
        return;
    join(m, f);
    arm(m);
}

const struct fault_type fault_throttle = {
    .name = "throttle",
    .summary = "pass bytes at a rate",
    .params = params,
    .conf_size = sizeof(struct throttle_conf),
    .state_size = sizeof(struct throttle_state),
    .shared_size = sizeof(struct throttle_shared),
    .buffer_bytes = 64 << 10,
    .keeps_held = true,
    .on_chunk = on_chunk,
    .on_end = on_end,
    .on_wake = on_wake,
    .on_change = on_change,
    .on_remove = forget,
    .on_gone = forget,
};
