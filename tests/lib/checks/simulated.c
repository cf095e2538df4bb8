/* simulated: see simulated.h. A client is established, loses its connection, waits and
 * tries as its policy says, is back after `attempts`, lives two seconds, and so on. */
#include "tests/lib/checks/simulated.h"

#include <math.h>
#include <stdio.h>

#include "proxy/observer.h"
#include "tests/lib/evidence/build.h"

struct sim_client {
    struct sim_world *world;
    const struct sim_policy *policy;
    uint16_t link;
    double now_ms;
    double previous_ms; /* wait, for decorrelated */
    int step;           /* of the series, from 0 */
};

static double exponential(struct rng *rng, double mean)
{
    return -mean * log(1 - rng_unit(rng));
}

/* How late a timer is here: mostly well below 2 ms, 2 % anywhere up to 8 ms. */
static double lateness(struct rng *rng)
{
    return rng_unit(rng) < 0.02 ? rng_unit(rng) * 8 : exponential(rng, 0.5);
}

static double growth(const struct sim_policy *policy, int step)
{
    double ms = policy->first_ms;

    if (policy->series == SIM_IMMEDIATE || policy->series == SIM_HOT_LOOP)
        return 0;
    if (policy->series == SIM_EXPONENTIAL)
        ms *= pow(policy->factor, step < 60 ? step : 60);
    if (policy->series == SIM_LINEAR)
        ms *= 1 + step;
    return ms < policy->cap_ms ? ms : policy->cap_ms;
}

static double jittered(struct sim_client *c, double ms)
{
    const struct sim_policy *policy = c->policy;
    double u = rng_unit(&c->world->rng);
    double top;

    switch (policy->jitter) {
    case SIM_EQUAL:
        return ms / 2 + u * ms / 2;
    case SIM_FULL:
        return u * ms;
    case SIM_DECORRELATED:
        top = (c->previous_ms > 0 ? c->previous_ms : policy->first_ms) * policy->factor;
        ms = policy->first_ms + u * (top - policy->first_ms);
        return ms < policy->cap_ms ? ms : policy->cap_ms;
    default:
        return ms * (1 + policy->percent * (2 * u - 1));
    }
}

/* Clients hand whole milliseconds to their timers, and wake up late. */
static void wait(struct sim_client *c)
{
    double ms = growth(c->policy, c->step++);

    if (ms > 0)
        ms = jittered(c, ms);
    c->previous_ms = ms;
    if (ms > 0)
        c->now_ms += floor(ms) + lateness(&c->world->rng);
    else
        c->now_ms += 0.1 + exponential(&c->world->rng, 0.2);
}

static uint64_t ns_of(double ms)
{
    return (uint64_t)BUILD_ORIGIN_NS + (uint64_t)(ms * NS_PER_MS);
}

/* An attempt takes its time; one that succeeds lives for two seconds. */
static void attempt(struct sim_client *c, bool succeeds)
{
    struct evidence *e = c->world->evidence;
    uint32_t connection = ++c->world->connections;

    add_accept(e, c->link, connection, ns_of(c->now_ms), 0);
    c->now_ms += 0.05 + exponential(&c->world->rng, 0.3);
    if (succeeds) {
        add_first_byte(e, c->link, connection, ns_of(c->now_ms));
        c->now_ms += 2000;
    }
    add_close(e, c->link, connection, ns_of(c->now_ms), PROXY_BY_SERVER | PROXY_HOW_RST);
}

static void lose_and_return(struct sim_client *c, int attempts)
{
    int i;

    if (!c->policy->no_reset) {
        c->step = 0;
        c->previous_ms = 0;
    }
    c->now_ms += exponential(&c->world->rng, 1); /* until it notices */
    if (!c->policy->tries_at_once)
        wait(c);
    for (i = 1; i < attempts; i++) {
        attempt(c, false);
        wait(c);
    }
    attempt(c, true);
}

static void live(struct sim_world *world, const struct sim_policy *policy, int number,
                 int outages, int attempts)
{
    struct sim_client c = {.world = world,
                           .policy = policy,
                           .link = (uint16_t)(number + 1),
                           .now_ms = 10 + rng_unit(&world->rng) * 100};
    int i;

    attempt(&c, true);
    for (i = 0; i < outages; i++)
        lose_and_return(&c, attempts);
}

struct evidence *simulate(uint64_t seed, const struct sim_policy *policy, int clients,
                          int outages, int attempts)
{
    struct sim_world world = {.evidence = evidence_create()};
    char name[32];
    int i;

    rng_init(&world.rng, seed);
    for (i = 0; i < clients; i++) {
        snprintf(name, sizeof name, "client-%d", i + 1);
        add_client(world.evidence, (uint32_t)i + 1, name, "process", NULL);
        snprintf(name, sizeof name, "client-%d->n1", i + 1);
        add_link(world.evidence, (uint16_t)(i + 1), name, (uint32_t)i + 1, 1);
    }
    for (i = 0; i < clients; i++)
        live(&world, policy, i, outages, attempts);
    return world.evidence;
}
