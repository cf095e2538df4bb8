/* draws: laws as quantiles, and rows of numbers that lean on each other. */
#include "proxy/draws.h"

#include <assert.h>
#include <math.h>

/* The place byte by byte, so that a run repeats on a machine of the other byte order. */
uint64_t draw_at(const struct rng *rng, uint64_t place)
{
    unsigned char bytes[8];

    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(place >> (8 * i));
    return rng_hash(bytes, sizeof bytes, rng->key);
}

double draw_unit_at(const struct rng *rng, uint64_t place)
{
    return (double)(draw_at(rng, place) >> 11) * 0x1.0p-53;
}

/* Box and Muller, the cosine alone: a second number that waits for its turn would be
 * state, and a draw here is far from being hot. */
double draw_normal(struct rng *rng)
{
    double u = 1.0 - rng_unit(rng); /* in (0, 1]: its logarithm exists */
    double angle = 2.0 * M_PI * rng_unit(rng);

    return sqrt(-2.0 * log(u)) * cos(angle);
}

/* Where in the normal law: the share of it that lies below z. Rounding could make it 1.
 */
static double place_of_normal(double z)
{
    double u = 0.5 * erfc(-z / M_SQRT2);

    return u < 1.0 ? u : 1.0 - 0x1.0p-53;
}

double draw_leaning(struct rng *rng, struct leaning *row, double c)
{
    double n = draw_normal(rng);

    assert(c >= 0.0);
    assert(c <= 1.0);
    row->z = row->has_last ? c * row->z + sqrt(1.0 - c * c) * n : n;
    row->has_last = 1;
    return place_of_normal(row->z);
}

double quantile_exponential(double u, double mean)
{
    return -mean * log1p(-u);
}

/* expm1 keeps the small values exact: near u = 0 the power is near 1. */
double quantile_pareto(double u, double mean, double shape)
{
    assert(shape > 1.0);
    return mean * (shape - 1.0) * expm1(-log1p(-u) / shape);
}

uint64_t quantile_geometric(double u, double p, uint64_t limit)
{
    double failures;

    if (p <= 0.0)
        return limit;
    if (p >= 1.0)
        return 0;
    failures = floor(log1p(-u) / log1p(-p));
    return failures < (double)limit ? (uint64_t)failures : limit;
}
