/* goals: what must be shown, and whether it was.
 *
 * A goal is met when the median is: of the values, or of the ratios within rounds. */
#include "tests/bench/proxy/goals.h"

#include <stddef.h>

/* Toxiproxy 2.12 in relation to what stands in for it, from the one run in which all
 * were measured (docs/performance.md). */
#define TOXI_BULK .stand_in = "haproxy", .stand_in_factor = 0.78 / 2.16
#define TOXI_TRIPS .stand_in = "haproxy", .stand_in_factor = 38.5 / 83.7
#define TOXI_CONNECTS .stand_in = "haproxy", .stand_in_factor = 4.8 / 14.8
#define TOXI_THROUGH .stand_in = "haproxy", .stand_in_factor = 0.33 / 2.16
#define TOXI_DELAY(us, relay_us)                                                         \
    .stand_in = "bare relay", .stand_in_factor = (us) / (double)(relay_us)

#define OURS(section_, measure_)                                                         \
    .section = (section_), .setup = "stormdrill", .measure = (measure_)
#define AT_LEAST(bound_, peer_) .at_least = true, .bound = (bound_), .peer = (peer_)
#define AT_MOST(bound_, peer_) .bound = (bound_), .peer = (peer_)

static const struct goal goals[] = {
    {OURS("bulk", "GB/s"), AT_LEAST(2.2, "haproxy")},
    {OURS("bulk", "GB/s"), AT_LEAST(0.95, "haproxy tuned")},
    {OURS("bulk", "GB/s"), AT_LEAST(6, "toxiproxy"), TOXI_BULK},
    {OURS("bulk", "CPU s/GB"), AT_MOST(0.30, "haproxy")},
    {OURS("pingpong", "64 conns trips/s"), AT_LEAST(0.9, "haproxy")},
    {OURS("pingpong", "64 conns trips/s"), AT_LEAST(1.1, "haproxy tuned")},
    {OURS("pingpong", "64 conns trips/s"), AT_LEAST(1.8, "toxiproxy"), TOXI_TRIPS},
    {OURS("connect", "conns/s"), AT_LEAST(0.95, "haproxy")},
    {OURS("connect", "conns/s"), AT_LEAST(2.5, "toxiproxy"), TOXI_CONNECTS},
    {OURS("idle", "KB/conn"), AT_MOST(0.4, "haproxy")},
    {"copy", "latency 0", "CPU s/GB", AT_MOST(0.65, "haproxy copy")},
    {"copy", "corrupt 0", "CPU s/GB", AT_MOST(0.65, "haproxy copy")},
    {"copy", "limit far", "CPU s/GB", AT_MOST(0.65, "haproxy copy")},
    {"copy", "refuse 0", "CPU s/GB", AT_MOST(0.30, "haproxy")},
    {OURS("delay-1ms", "least us"), AT_LEAST(0, NULL)},
    {OURS("delay-1ms", "p50 us"), AT_MOST(0.4, "toxiproxy"), TOXI_DELAY(365, 103)},
    {OURS("delay-1ms", "p99 us"), AT_MOST(1, "toxiproxy"), TOXI_DELAY(2393, 761)},
    {OURS("delay-10ms", "least us"), AT_LEAST(0, NULL)},
    {OURS("delay-10ms", "p50 us"), AT_MOST(0.6, "toxiproxy"), TOXI_DELAY(162, 81)},
    {OURS("delay-10ms", "p99 us"), AT_MOST(1, "toxiproxy"), TOXI_DELAY(2269, 1392)},
    {"delay-10ms", "precise", "least us", AT_LEAST(0, NULL)},
    {"delay-10ms", "precise", "p50 us", AT_MOST(0.4, "toxiproxy"), TOXI_DELAY(162, 81)},
    {OURS("delay-100ms", "least us"), AT_LEAST(0, NULL)},
    {OURS("delay-100ms", "p99 us"), AT_MOST(1, "toxiproxy"), TOXI_DELAY(2751, 417)},
    {OURS("through", "GB/s"), AT_LEAST(0.5, NULL)},
    {"through", "buffer 512MiB", "GB/s", AT_LEAST(4, "toxiproxy"), TOXI_THROUGH},
    {OURS("rate-1MB", "5 s |error| %"), AT_MOST(0.5, NULL)},
    {OURS("rate-1MB", "100 ms sd %"), AT_MOST(3, NULL)},
    {OURS("rate-100KB", "5 s |error| %"), AT_MOST(1, NULL)},
    {OURS("rate-100KB", "100 ms sd %"), AT_MOST(1, NULL)},
    {OURS("nats", "1 KiB CPU us"), AT_MOST(0.4, "haproxy")},
};

const struct goal *goal_at(int index)
{
    int count = sizeof goals / sizeof goals[0];

    return index < count ? &goals[index] : NULL;
}

struct goal_outcome goal_judge(const struct goal *goal, const struct results *results)
{
    const struct series *ours =
        results_find(results, goal->section, goal->setup, goal->measure);
    const struct series *peer = NULL;
    struct goal_outcome outcome = {.state = GOAL_UNKNOWN};
    double factor = 1;

    if (goal->peer == NULL) {
        outcome.spread = series_spread(ours);
    } else {
        peer = results_find(results, goal->section, goal->peer, goal->measure);
        if (peer == NULL && goal->stand_in != NULL) {
            peer = results_find(results, goal->section, goal->stand_in, goal->measure);
            factor = goal->stand_in_factor;
            outcome.through_stand_in = true;
        }
        outcome.spread = series_ratio(ours, peer, factor);
    }
    if (outcome.spread.count == 0)
        return outcome;
    outcome.state = (goal->at_least ? outcome.spread.median >= goal->bound
                                    : outcome.spread.median <= goal->bound)
                        ? GOAL_MET
                        : GOAL_MISSED;
    /* Not one message may be early, not the median of them. */
    if (goal->peer == NULL && goal->at_least && goal->bound == 0 &&
        outcome.spread.least < 0)
        outcome.state = GOAL_MISSED;
    return outcome;
}
