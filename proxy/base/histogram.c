/* histogram: one shift and one addition for each value. */
#include "proxy/base/histogram.h"

#include <stdio.h>

#include "proxy/base/clock.h"
#include "proxy/base/param.h"

enum { TEXT_BYTES = 32 };

static int bucket_of(uint64_t ns)
{
    uint64_t us = ns / NS_PER_US + (ns % NS_PER_US != 0);
    int bucket = us <= 1 ? 0 : 64 - __builtin_clzll(us - 1);

    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

void histogram_add(struct histogram *h, uint64_t ns)
{
    h->counts[bucket_of(ns)]++;
    h->count++;
    h->sum_ns += ns;
    if (ns > h->max_ns)
        h->max_ns = ns;
}

uint64_t histogram_bound_ns(int bucket)
{
    if (bucket >= HISTOGRAM_BUCKETS - 1)
        return UINT64_MAX;
    return (1ull << bucket) * NS_PER_US;
}

uint64_t histogram_quantile_ns(const struct histogram *h, double fraction)
{
    double wanted = fraction * (double)h->count;
    uint64_t below = 0;

    if (h->count == 0)
        return 0;
    for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
        below += h->counts[i];
        if (h->counts[i] > 0 && (double)below >= wanted)
            return histogram_bound_ns(i);
    }
    return UINT64_MAX;
}

json_t *histogram_write(const struct histogram *h)
{
    json_t *at_most = json_object();
    char text[TEXT_BYTES];

    for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
        const char *name = "more";

        if (h->counts[i] == 0)
            continue;
        if (i < HISTOGRAM_BUCKETS - 1)
            name = param_duration_text(histogram_bound_ns(i), text, sizeof text);
        json_object_set_new(at_most, name, json_integer((json_int_t)h->counts[i]));
    }
    return json_pack("{s:I, s:s, s:o}", "count", (json_int_t)h->count, "max",
                     param_duration_text(h->max_ns, text, sizeof text), "at_most",
                     at_most);
}
