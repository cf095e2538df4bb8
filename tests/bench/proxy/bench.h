/* bench: what the parts of bench_proxy share.
 *
 * A section compares some setups of peers in one respect. Each round takes one sample of
 * each setup, in shuffled order; a sample adds one value for each measure. Ratios are
 * made within a round, so that what slows the whole machine slows both sides. */
#ifndef STORMDRILL_BENCH_BENCH_H
#define STORMDRILL_BENCH_BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "proxy/base/rng.h"
#include "tests/bench/common/origin.h"
#include "tests/bench/common/results.h"
#include "tests/bench/proxy/peer.h"

enum { ONLY_MAX = 16 };

struct bench {
    struct peer_tools tools;
    struct results results;
    struct rng rng;
    int rounds;     /* 0: as the section says */
    double seconds; /* a sample takes so many times its normal time */
    bool quick;
    const char *only[ONLY_MAX]; /* setups; none: all */
    int only_count;
    int cores;
    FILE *progress;
};

struct sample {
    struct bench *bench;
    const struct section *section;
    struct peer *peer;
    struct origin *origin; /* NULL where the section has its own upstream */
    void *upstream;        /* of such a section */
    char why[128];         /* it could not be measured; empty: who knows */
};

struct section {
    const char *name;
    const char *what;
    const struct peer_setup *setups;
    int setup_count;
    int rounds;
    int rounds_quick;
    bool fresh; /* a new process for each sample */
    origin_read_fn *on_readable;
    /* Instead of an origin: start something else. Gives its port; 0: `why`. */
    uint16_t (*start_upstream)(struct bench *bench, void **upstream, char *why,
                               size_t size);
    void (*stop_upstream)(void *upstream);
    /* Measure once. false: this peer could not be measured this time. */
    bool (*take)(struct sample *sample);
};

/* All sections, NULL behind the last. */
const struct section *section_at(int index);

/* Take all samples of the section. */
void section_run(struct bench *bench, const struct section *section);

/* What it measured: one row for each setup, and what ours is in relation to it. */
void report_section(const struct bench *bench, const struct section *section);

/* The goals of what was measured, met or not, and the notes. Gives how many were
 * missed. */
int report_goals(const struct bench *bench);

/* Everything, for machines. 0, or -1 with errno. */
int report_write_json(const struct bench *bench, const char *path);

/* Say why the sample cannot be taken. Gives false. */
bool sample_fail(struct sample *sample, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* One value of the sample that is being taken. */
void sample_add(struct sample *sample, const char *measure, double value);

/* What a stretch of time cost: begin it, end it, then read. */
struct stretch {
    uint64_t begin_ns;
    double seconds;
    double proxy_cpu_s;
    double own_cpu_s;
    uint64_t bytes; /* that reached the origin */
};
void stretch_begin(struct stretch *stretch, const struct sample *sample);
/* More CPU than there is means that the benchmark is wrong: that is noted. */
void stretch_end(struct stretch *stretch, struct sample *sample);

/* The samplers: one file each. */
bool take_bulk(struct sample *sample);
bool take_bulk_once(struct sample *sample);
bool take_bulk_delayed(struct sample *sample);
bool take_pingpong(struct sample *sample);
bool take_connect(struct sample *sample);
bool take_idle(struct sample *sample);
bool take_delay(struct sample *sample);
bool take_rate(struct sample *sample);
bool take_nats(struct sample *sample);

/* Of delay and rate: the origin that looks at the clock. */
origin_read_fn delay_on_readable;
origin_read_fn rate_on_readable;

/* Of NATS: a nats-server. */
uint16_t nats_start(struct bench *bench, void **upstream, char *why, size_t size);
void nats_stop(void *upstream);

#endif
