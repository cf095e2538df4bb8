/* latency: hold every chunk for a while.
 *
 * The wait is `base` and a part that is drawn for each chunk, by `distribution`:
 *   uniform      evenly from 0 to jitter, or with spread = around from -jitter to jitter
 *   normal       around base, jitter is the standard deviation
 *   exponential  above base, jitter is the mean
 *   pareto       above base with a heavy tail, jitter is the mean; the smaller `shape`,
 *                the heavier; below 2 there is no variance
 *   table        above base, one of the recorded waits in `table`, each as likely
 * A wait below 0 is 0; no drawn part is longer than a minute. `jitter` may be a
 * percentage of the base. With `correlation` a draw leans on the one before it, and the
 * law stays as it is (draws.h says how; of a table, the last value is drawn again with
 * this chance). Draws are made per read, so they do not repeat from run to run.
 *
 * With `from`, `to` and `over` the base moves evenly from one to the other and stays
 * there; it counts from when the fault first met a connection, or the ramp was changed.
 *
 * Order is kept: a chunk never overtakes one held before it. The end of the stream
 * waits like the bytes do, so a FIN or RST arrives when its segment would have. */
#include "proxy/draws.h"
#include "proxy/fault.h"
#include "proxy/latency_conf.h"

static const double drawn_ns_max = 60.0 * NS_PER_S;

struct latency_state {
    struct leaning leaning;
    size_t last; /* of the table: index + 1 */
};

/* The ramp that runs, and since when. */
struct latency_shared {
    uint64_t from_ns;
    uint64_t to_ns;
    uint64_t over_ns;
    uint64_t began_ns;
};

/* A ramp that was not there before, or not so, begins now. */
static void note_ramp(struct fault *f)
{
    const struct latency_conf *conf = f->conf;
    struct latency_shared *ramp = f->shared;

    if (ramp->from_ns == conf->from.ns && ramp->to_ns == conf->to.ns &&
        ramp->over_ns == conf->over.ns)
        return;
    *ramp = (struct latency_shared){.from_ns = conf->from.ns,
                                    .to_ns = conf->to.ns,
                                    .over_ns = conf->over.ns,
                                    .began_ns = fault_now(f)};
}

static double base_at(struct fault *f, uint64_t at_ns)
{
    const struct latency_shared *ramp = f->shared;
    double done;

    note_ramp(f);
    if (ramp->over_ns == 0)
        return (double)latency_base_ns(f->conf);
    done = at_ns > ramp->began_ns
               ? (double)(at_ns - ramp->began_ns) / (double)ramp->over_ns
               : 0.0;
    if (done >= 1.0)
        return (double)ramp->to_ns;
    return (double)ramp->from_ns + ((double)ramp->to_ns - (double)ramp->from_ns) * done;
}

static double jitter_of(const struct latency_conf *conf, double base_ns)
{
    return conf->jitter.kind == PARAM_PERCENT ? conf->jitter.number * base_ns
                                              : (double)conf->jitter.ns;
}

static double draw_unit(struct fault *f)
{
    const struct latency_conf *conf = f->conf;
    struct latency_state *s = f->state;

    return conf->correlation > 0.0 ? draw_leaning(&f->rng, &s->leaning, conf->correlation)
                                   : rng_unit(&f->rng);
}

/* The normal law needs no way over u: what leans is normal already. */
static double draw_normal_part(struct fault *f)
{
    const struct latency_conf *conf = f->conf;
    struct latency_state *s = f->state;

    if (conf->correlation == 0.0)
        return draw_normal(&f->rng);
    draw_leaning(&f->rng, &s->leaning, conf->correlation);
    return s->leaning.z;
}

static double draw_from_table(struct fault *f)
{
    const struct latency_conf *conf = f->conf;
    struct latency_state *s = f->state;

    if (s->last == 0 || rng_unit(&f->rng) >= conf->correlation)
        s->last = 1 + (size_t)rng_below(&f->rng, latency_table_size(conf->table));
    return (double)latency_table_at(conf->table, s->last - 1);
}

/* The part that is drawn, in ns; may be negative. */
static double draw_part(struct fault *f, double jitter_ns)
{
    const struct latency_conf *conf = f->conf;

    if (conf->distribution == LATENCY_TABLE)
        return draw_from_table(f);
    if (jitter_ns <= 0.0)
        return 0.0;
    switch (conf->distribution) {
    case LATENCY_NORMAL:
        return draw_normal_part(f) * jitter_ns;
    case LATENCY_EXPONENTIAL:
        return quantile_exponential(draw_unit(f), jitter_ns);
    case LATENCY_PARETO:
        return quantile_pareto(draw_unit(f), jitter_ns, latency_shape(conf));
    default:
        break;
    }
    if (conf->spread == LATENCY_AROUND)
        return (2.0 * draw_unit(f) - 1.0) * jitter_ns;
    return draw_unit(f) * jitter_ns;
}

static void on_chunk(struct fault *f, struct chunk *c)
{
    double base_ns = base_at(f, c->arrived_ns);
    double drawn_ns = draw_part(f, jitter_of(f->conf, base_ns));
    double wait_ns = base_ns + (drawn_ns < drawn_ns_max ? drawn_ns : drawn_ns_max);

    fault_hold_until(f, c, c->arrived_ns + (wait_ns > 0.0 ? (uint64_t)wait_ns : 0));
}

/* Other values than those that were drawn by the old rules. */
static void on_change(struct fault *f)
{
    struct latency_state *s = f->state;

    *s = (struct latency_state){.last = 0};
    note_ramp(f);
}

static bool spins(const void *conf)
{
    return ((const struct latency_conf *)conf)->precise;
}

const struct fault_type fault_latency = {
    .name = "latency",
    .summary = "hold every chunk for a while",
    .params = latency_params,
    .conf_size = sizeof(struct latency_conf),
    .state_size = sizeof(struct latency_state),
    .shared_size = sizeof(struct latency_shared),
    .buffer_bytes = 64 << 20,
    .from_arrival = true,
    .on_chunk = on_chunk,
    .on_end = on_chunk,
    .on_begin = note_ramp,
    .on_change = on_change,
    .spins = spins,
    .check = latency_check,
};
