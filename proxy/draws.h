/* draws: numbers from a fault's stream that follow a law.
 *
 * Pure arithmetic on top of proxy/base/rng. Laws of waits are written as quantiles: from
 * u in [0, 1) to the value below which the share u of all values lies. So one u serves
 * every law, and draws that lean on each other (draw_leaning) keep the law exactly.
 * Thread: a stream belongs to one thread. */
#ifndef STORMDRILL_PROXY_DRAWS_H
#define STORMDRILL_PROXY_DRAWS_H

#include <stdint.h>

#include "proxy/base/rng.h"

/* The number that belongs to `place` of a stream: it depends on the stream's name and
 * the place alone, not on what was drawn, so that anybody may look at any place, twice
 * or never. */
uint64_t draw_at(const struct rng *rng, uint64_t place);

/* The same as a number in [0, 1). */
double draw_unit_at(const struct rng *rng, uint64_t place);

/* Normal with mean 0 and standard deviation 1. */
double draw_normal(struct rng *rng);

/* A row of u in [0, 1), each uniform, each leaning on the one before. */
struct leaning {
    double z; /* the last one, as a normal number */
    int has_last;
};

/* The next u. Below it runs z' = c z + sqrt(1 - c^2) n with n normal, which keeps z
 * normal whatever c is; u is its place in that law. (netem mixes the uniform numbers
 * themselves, and so squeezes their law towards the middle.) `c` in [0, 1]; z is kept. */
double draw_leaning(struct rng *rng, struct leaning *row, double c);

/* Quantiles: the value at u, for u in [0, 1). */
double quantile_exponential(double u, double mean);

/* Pareto's law moved to begin at 0 (Lomax): scale * ((1 - u)^(-1 / shape) - 1) with the
 * scale that makes the mean `mean`: mean * (shape - 1). `shape` > 1. */
double quantile_pareto(double u, double mean, double shape);

/* How many failures come before the first success, when each has the chance `p` of
 * success; at most `limit`. */
uint64_t quantile_geometric(double u, double p, uint64_t limit);

#endif
