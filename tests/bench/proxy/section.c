/* section: one respect in which peers are compared.
 *
 * start every peer -> round: each setup once, in an order drawn for this round -> ... ->
 * stop. A peer that is not installed or does not start is left out, and a note says so.
 * A sample that fails is missing from its round; a note says that too. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proxy/base/clock.h"
#include "tests/bench/common/child.h"
#include "tests/bench/proxy/bench.h"

enum { SETUPS_MAX = 16, LOOK_MS = 200, WHY_BYTES = 256 };

static const double CPU_SLACK = 1.05; /* clocks are read one after the other */
static const double DIRECT_SLACK = 1.15;

void sample_add(struct sample *sample, const char *measure, double value)
{
    results_add(&sample->bench->results, sample->section->name, sample->peer->setup->name,
                measure, value);
}

bool sample_fail(struct sample *sample, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    vsnprintf(sample->why, sizeof sample->why, format, list);
    va_end(list);
    return false;
}

static uint64_t bytes_of(const struct sample *sample)
{
    return sample->origin != NULL ? atomic_load(&sample->origin->bytes) : 0;
}

static double proxy_cpu_s(const struct sample *sample)
{
    return sample->peer->pid != 0 ? child_cpu_s(sample->peer->pid) : 0;
}

void stretch_begin(struct stretch *stretch, const struct sample *sample)
{
    *stretch = (struct stretch){
        .proxy_cpu_s = proxy_cpu_s(sample),
        .own_cpu_s = own_cpu_s(),
        .bytes = bytes_of(sample),
        .begin_ns = clock_now(clock_real()),
    };
}

void stretch_end(struct stretch *stretch, struct sample *sample)
{
    const uint64_t end_ns = clock_now(clock_real());
    struct bench *bench = sample->bench;

    stretch->seconds = (double)(end_ns - stretch->begin_ns) / NS_PER_S;
    stretch->bytes = bytes_of(sample) - stretch->bytes;
    stretch->proxy_cpu_s = proxy_cpu_s(sample) - stretch->proxy_cpu_s;
    stretch->own_cpu_s = own_cpu_s() - stretch->own_cpu_s;
    if (stretch->proxy_cpu_s + stretch->own_cpu_s >
        stretch->seconds * bench->cores * CPU_SLACK)
        results_note(&bench->results,
                     "%s: %s and the benchmark used more CPU than there is: a bug here",
                     sample->section->name, sample->peer->setup->name);
}

/* How much of the machine others use while we wait. */
static void look_around(struct bench *bench, const struct section *section)
{
    const struct timespec look = {.tv_nsec = LOOK_MS * NS_PER_MS};
    double busy_s = machine_busy_s();
    double share;

    nanosleep(&look, NULL);
    share = (machine_busy_s() - busy_s) * 1000 / LOOK_MS / bench->cores;
    results_add(&bench->results, section->name, "others", "CPU share", share);
}

static void shuffle(struct rng *rng, int *order, int count)
{
    for (int i = 0; i < count; i++)
        order[i] = i;
    for (int i = count - 1; i > 0; i--) {
        int other = (int)rng_below(rng, (uint64_t)i + 1);
        int kept = order[i];

        order[i] = order[other];
        order[other] = kept;
    }
}

struct stage_set {
    struct peer peers[SETUPS_MAX];
    bool ready[SETUPS_MAX];
};

static bool is_wanted(const struct bench *bench, const struct peer_setup *setup)
{
    for (int i = 0; i < bench->only_count; i++)
        if (strcmp(bench->only[i], setup->name) == 0)
            return true;
    return bench->only_count == 0 && !(bench->quick && setup->not_quick);
}

static bool start_peer(struct sample *sample, struct peer *peer,
                       const struct peer_setup *setup, uint16_t upstream)
{
    struct bench *bench = sample->bench;

    if (!is_wanted(bench, setup))
        return false;
    if (peer_start(peer, setup, &bench->tools, upstream))
        return true;
    if (setup->kind == PEER_TOXIPROXY && bench->tools.toxiproxy == NULL)
        results_note(&bench->results, "no toxiproxy: --toxiproxy PATH says where it is");
    else if (setup->kind != PEER_FLOOR || bench->tools.floor != NULL)
        results_note(&bench->results, "%s: no %s: %s", sample->section->name, setup->name,
                     peer->why);
    return false;
}

static void take_one(struct sample *sample, struct stage_set *set, int index,
                     uint16_t upstream)
{
    const struct section *section = sample->section;
    struct bench *bench = sample->bench;

    sample->peer = &set->peers[index];
    if (section->fresh &&
        !start_peer(sample, sample->peer, &section->setups[index], upstream)) {
        set->ready[index] = false;
        return;
    }
    sample->why[0] = '\0';
    if (!section->take(sample))
        results_note(&bench->results, "%s: round %d through %s failed%s%s", section->name,
                     bench->results.round + 1, section->setups[index].name,
                     sample->why[0] != '\0' ? ": " : "", sample->why);
    if (section->fresh)
        peer_stop(sample->peer);
}

static int rounds_of(const struct bench *bench, const struct section *section)
{
    if (bench->rounds > 0)
        return bench->rounds;
    return bench->quick ? section->rounds_quick : section->rounds;
}

static void take_all(struct sample *sample, uint16_t upstream)
{
    const struct section *section = sample->section;
    struct bench *bench = sample->bench;
    struct stage_set set = {.ready = {false}};
    int order[SETUPS_MAX];
    int rounds = rounds_of(bench, section);

    for (int i = 0; i < section->setup_count; i++)
        set.ready[i] = section->fresh ? is_wanted(bench, &section->setups[i])
                                      : start_peer(sample, &set.peers[i],
                                                   &section->setups[i], upstream);
    for (int round = 0; round < rounds; round++) {
        bench->results.round = round;
        if (bench->progress != NULL)
            fprintf(bench->progress, "\r%-12s round %d of %d ", section->name, round + 1,
                    rounds);
        shuffle(&bench->rng, order, section->setup_count);
        for (int i = 0; i < section->setup_count; i++)
            if (set.ready[order[i]])
                take_one(sample, &set, order[i], upstream);
    }
    if (bench->progress != NULL)
        fprintf(bench->progress, "\r%40s\r", "");
    for (int i = 0; i < section->setup_count; i++)
        peer_stop(&set.peers[i]);
}

/* An origin's arg is a slot in which a sampler leaves what its handler writes to. */
static void run_with_origin(struct sample *sample)
{
    struct origin origin;
    void *slot = NULL;

    if (origin_start(&origin, sample->section->on_readable, &slot) != 0) {
        results_note(&sample->bench->results, "%s: no origin", sample->section->name);
        return;
    }
    sample->origin = &origin;
    take_all(sample, origin.port);
    sample->origin = NULL;
    origin_stop(&origin);
}

/* Nothing that goes through a proxy is faster than what does not, but for what a proxy
 * gathers into larger pieces on the way. */
static void compare_with_direct(struct bench *bench, const struct section *section)
{
    struct results *results = &bench->results;

    for (int i = 0; i < results->count; i++) {
        const struct series *series = &results->series[i];
        const struct series *direct =
            results_find(results, section->name, "direct", series->measure);
        struct spread ratio = series_ratio(series, direct, 1);

        if (strcmp(series->section, section->name) != 0 ||
            strstr(series->measure, "/s") == NULL || ratio.count == 0 ||
            strstr(series->measure, "CPU") != NULL || ratio.median <= DIRECT_SLACK)
            continue;
        results_note(results,
                     "%s, %s: %s is %.2f x what no proxy is: the machine was not quiet, "
                     "or there is a bug here",
                     section->name, series->measure, series->setup, ratio.median);
    }
}

void section_run(struct bench *bench, const struct section *section)
{
    struct sample sample = {.bench = bench, .section = section};
    char why[WHY_BYTES] = "";
    uint16_t upstream;

    bench->results.round = 0;
    look_around(bench, section);
    if (section->start_upstream == NULL) {
        run_with_origin(&sample);
        compare_with_direct(bench, section);
        return;
    }
    upstream = section->start_upstream(bench, &sample.upstream, why, sizeof why);
    if (upstream == 0) {
        results_note(&bench->results, "%s: %s", section->name, why);
        return;
    }
    take_all(&sample, upstream);
    section->stop_upstream(sample.upstream);
    compare_with_direct(bench, section);
}
