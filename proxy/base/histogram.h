/* histogram: durations counted by powers of two, in constant memory.
 *
 * Bucket 0 counts what is at most 1 us, bucket i what is at most 2^i us (and more than
 * the one before), the last one the rest (above 17 minutes). For delays, their errors,
 * and the loop's lag: fine enough to see a shape, small enough to keep for every fault.
 * Thread: belongs to whoever holds it; a copy by value is a snapshot. */
#ifndef STORMDRILL_BASE_HISTOGRAM_H
#define STORMDRILL_BASE_HISTOGRAM_H

#include <jansson.h>
#include <stdint.h>

enum { HISTOGRAM_BUCKETS = 32 };

struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t count;
    uint64_t sum_ns;
    uint64_t max_ns;
};

void histogram_add(struct histogram *h, uint64_t ns);

/* The upper bound of a bucket in ns; UINT64_MAX for the last. */
uint64_t histogram_bound_ns(int bucket);

/* The smallest bound below which the share `fraction` of what was counted lies; 0 when
 * nothing was. */
uint64_t histogram_quantile_ns(const struct histogram *h, double fraction);

/* {"count": n, "max": "…", "at_most": {"1us": n, "2us": n, …}}: only buckets that hold
 * something. Gives a new object, or NULL when memory is short. */
json_t *histogram_write(const struct histogram *h);

#endif
