/* stats: what a test needs to tell one law of chance from another.
 *
 * Seeds are fixed, so nothing here is flaky; the bounds are those that a right law keeps
 * for nearly every seed and a wrong one for none. */
#ifndef STORMDRILL_TESTS_PROXY_STATS_H
#define STORMDRILL_TESTS_PROXY_STATS_H

#include <stddef.h>

double stats_mean(const double *values, size_t count);
double stats_deviation(const double *values, size_t count);

/* How alike neighbours are: -1 to 1, 0 for independent ones. */
double stats_autocorrelation(const double *values, size_t count);

/* Kolmogorov and Smirnov: sqrt(count) times the largest distance between the share of
 * values below x and cdf(x). Of the right law it is below 1.63 for 99 seeds in 100; of a
 * wrong one it grows with sqrt(count). Sorts `values`. */
double stats_distance(double *values, size_t count, double (*cdf)(double x));

#endif
